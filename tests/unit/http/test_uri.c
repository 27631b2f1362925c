/* uri: the table of in full, port splitting of, queries. */
#include <check.h>

#include "common/http/uri.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena);
}

static void teardown(void)
{
	arena_fini(&arena);
}

static const struct path_case {
	struct slice path, sent; /* as received; normalised and escaped again */
} paths[] = {
        {SLICE("/a/./b"), SLICE("/a/b")},
        {SLICE("/a/b/.."), SLICE("/a/")},
        {SLICE("/a/b/."), SLICE("/a/b/")},
        {SLICE("/a/%2e%2e/b"), SLICE("/b")},
        {SLICE("/a%2e%2e/b"), SLICE("/a../b")},
        {SLICE("//a//b"), SLICE("/a/b")},
        {SLICE("/a//"), SLICE("/a/")},
        {SLICE("/a%2fb"), SLICE("/a%2Fb")},
        {SLICE("/a%3ab"), SLICE("/a%3Ab")},
        {SLICE("/a%7Eb"), SLICE("/a~b")},
        {SLICE("/%61bc"), SLICE("/abc")},
        {SLICE("/caf%c3%a9"), SLICE("/caf%C3%A9")},
        {SLICE("/caf\xc3\xa9"), SLICE("/caf%C3%A9")},
        {SLICE("/a%20b"), SLICE("/a%20b")},
        {SLICE("/a%22b"), SLICE("/a%22b")},
        {SLICE("/a%7Cb"), SLICE("/a%7Cb")},
        {SLICE("/a|b"), SLICE("/a%7Cb")},
        {SLICE("/a%5Bb%5D"), SLICE("/a%5Bb%5D")},
        {SLICE("/a%5bb%5d"), SLICE("/a%5Bb%5D")},
        {SLICE("/a[b]"), SLICE("/a[b]")},
        {SLICE("/a%25b"), SLICE("/a%25b")},
        {SLICE("/a+b"), SLICE("/a+b")},
        {SLICE("/a%2Bb"), SLICE("/a%2Bb")},
        {SLICE("/a;b=1/../c"), SLICE("/c")},
        {SLICE("/a/..;/b"), SLICE("/a/..;/b")},
        {SLICE("/a/.../b"), SLICE("/a/.../b")},
        {SLICE(""), SLICE("")},
        {SLICE("/"), SLICE("/")},
        {SLICE("/."), SLICE("/")},
        {SLICE("/./"), SLICE("/")},
        {SLICE("/a/.."), SLICE("/")},
        {SLICE("/a/../"), SLICE("/")},
        {SLICE("/a/b/../../c"), SLICE("/c")},
        {SLICE("/a//../b"), SLICE("/b")}, /* a run of slashes is one slash before dots are looked at, as in Kong */
        {SLICE("/a/.b/..c/d./e.."), SLICE("/a/.b/..c/d./e..")},
        {SLICE("/a/%2E/b"), SLICE("/a/b")},
        {SLICE("/%0a%7f"), SLICE("/%0A%7F")},
        {SLICE("/%21%2A%27%28%29%3B%40%26%3D%24%2C%3F%23"), SLICE("/%21%2A%27%28%29%3B%40%26%3D%24%2C%3F%23")},
        {SLICE("/!#$&'()*+,:;=?@-_.~"), SLICE("/!#$&'()*+,:;=?@-_.~")},
        {SLICE("/\"<>\\^`{}"), SLICE("/%22%3C%3E%5C%5E%60%7B%7D")},
        {SLICE("/%c0%ae%c0%ae/x"), SLICE("/%C0%AE%C0%AE/x")},
        {SLICE("/%252e%252e/x"), SLICE("/%252e%252e/x")},
};

START_TEST(a_path_is_normalised_and_escaped_as_r_1_3_says)
{
	const struct path_case *c = &paths[_i];
	struct slice normal, sent, again;

	ck_assert(uri_normalise(&arena, c->path, &normal));
	sent = uri_escape(&arena, normal);
	ck_assert_msg(slice_eq(sent, c->sent), "%.*s became %.*s", SLICE_ARG(c->path), SLICE_ARG(sent));
	ck_assert(uri_is_normal(normal));
	ck_assert_int_eq(uri_is_normal(c->path), slice_eq(normal, c->path));
	ck_assert(uri_normalise(&arena, sent, &again));
	ck_assert(slice_eq(again, normal));
}
END_TEST

static const struct slice bad_paths[] = {
        SLICE("/%zz"),
        SLICE("/%4"),
        SLICE("/%"),
        SLICE("/a%2"),
        SLICE("/%g0"),
        SLICE("/%00"),
        SLICE("/a\0b"),
        SLICE("/.."),
        SLICE("/../a"),
        SLICE("/a/../../b"),
        SLICE("/%2e%2e/a"),
        SLICE("//.."),
        SLICE("/./../a"),
        SLICE(".."),
};

START_TEST(malformed_triplets_nul_and_climbing_above_the_root_are_refused)
{
	struct slice normal;
	ck_assert_msg(!uri_normalise(&arena, bad_paths[_i], &normal), "%.*s", SLICE_ARG(bad_paths[_i]));
	ck_assert(!uri_is_normal(bad_paths[_i]));
}
END_TEST

START_TEST(a_normal_path_is_not_copied)
{
	struct slice path = S("/api/v1/users%2F1"), normal;
	ck_assert(uri_normalise(&arena, path, &normal));
	ck_assert_ptr_eq(normal.ptr, path.ptr);
	ck_assert_ptr_eq(uri_escape(&arena, path).ptr, path.ptr);
}
END_TEST

static const struct split_case {
	struct slice target, authority, path, query;
} splits[] = {
        {SLICE("/a?b"), {NULL, 0}, SLICE("/a"), SLICE("b")},
        {SLICE("/a"), {NULL, 0}, SLICE("/a"), {NULL, 0}},
        {SLICE("/?"), {NULL, 0}, SLICE("/"), SLICE("")},
        {SLICE("/a?b?c"), {NULL, 0}, SLICE("/a"), SLICE("b?c")},
        {SLICE("http://h:1/a?b"), SLICE("h:1"), SLICE("/a"), SLICE("b")},
        {SLICE("HTTPS://h"), SLICE("h"), SLICE("/"), {NULL, 0}},
        {SLICE("http://h?b"), SLICE("h"), SLICE("/"), SLICE("b")},
        {SLICE("//h/a"), {NULL, 0}, SLICE("//h/a"), {NULL, 0}},
};

START_TEST(targets_are_split_into_their_parts)
{
	const struct split_case *c = &splits[_i];
	struct uri u;
	ck_assert(uri_split(c->target, &u));
	ck_assert(slice_eq(u.authority, c->authority) && slice_is_set(u.authority) == slice_is_set(c->authority));
	ck_assert(slice_eq(u.path, c->path));
	ck_assert(slice_eq(u.query, c->query) && slice_is_set(u.query) == slice_is_set(c->query));
}
END_TEST

START_TEST(other_forms_of_targets_are_refused)
{
	static const struct slice bad[] = {SLICE(""), SLICE("*"), SLICE("a"), SLICE("a:443"), SLICE("http:/"),
	        SLICE("http://"), SLICE("http:///a"), SLICE("ftp://a/"), SLICE("?a")};
	struct uri u;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!uri_split(bad[i], &u), "%.*s", SLICE_ARG(bad[i]));
}
END_TEST

START_TEST(decoding_leaves_malformed_triplets_alone)
{
	ck_assert(slice_eq(uri_decode(&arena, S("a%20b+c%2"), false), S("a b+c%2")));
	ck_assert(slice_eq(uri_decode(&arena, S("a%20b+c%zz%"), true), S("a b c%zz%")));
	ck_assert(slice_eq(uri_decode(&arena, S("%00%ff"), true), slice_of("\0\xff", 2)));
	struct slice same = S("plain");
	ck_assert_ptr_eq(uri_decode(&arena, same, true).ptr, same.ptr);
	ck_assert(!slice_is_set(uri_decode(&arena, (struct slice){NULL, 0}, true)));
}
END_TEST

START_TEST(queries_are_stepped_over_pair_by_pair)
{
	struct slice rest = S("a=1&b&&c=2=3&=d&e="), name, value;
	static const struct {
		struct slice name, value;
	} want[] = {{SLICE("a"), SLICE("1")}, {SLICE("b"), {NULL, 0}}, {SLICE("c"), SLICE("2=3")},
	        {SLICE(""), SLICE("d")}, {SLICE("e"), SLICE("")}};
	size_t n = 0;
	while (query_next(&rest, &name, &value)) {
		ck_assert_uint_lt(n, sizeof want / sizeof *want);
		ck_assert(slice_eq(name, want[n].name));
		ck_assert(slice_eq(value, want[n].value) && slice_is_set(value) == slice_is_set(want[n].value));
		n++;
	}
	ck_assert_uint_eq(n, sizeof want / sizeof *want);
	rest = S("");
	ck_assert(!query_next(&rest, &name, &value));
}
END_TEST

static const struct authority_case {
	struct slice authority;
	bool ok;
	struct slice host;
	int port;
} authorities[] = {
        {SLICE("h"), true, SLICE("h"), -1},
        {SLICE("h:80"), true, SLICE("h"), 80},
        {SLICE("h:"), true, SLICE("h"), -1},
        {SLICE("h:x"), true, SLICE("h:x"), -1},
        {SLICE("a:b:1"), true, SLICE("a:b:1"), -1},
        {SLICE("::1"), true, SLICE("::1"), -1},
        {SLICE("[::1]"), true, SLICE("[::1]"), -1},
        {SLICE("[::1]:8000"), true, SLICE("[::1]"), 8000},
        {SLICE("[::1]:"), true, SLICE("[::1]"), -1},
        {SLICE("h:65535"), true, SLICE("h"), 65535},
        {SLICE("h:65536"), false, {NULL, 0}, 0},
        {SLICE("h:99999999999999999999"), false, {NULL, 0}, 0},
        {SLICE("[::1"), false, {NULL, 0}, 0},
        {SLICE("[::1]x"), false, {NULL, 0}, 0},
        {SLICE("[::1]:x"), false, {NULL, 0}, 0},
        {SLICE(":80"), false, {NULL, 0}, 0},
        {SLICE(""), false, {NULL, 0}, 0},
};

START_TEST(ports_are_split_off_as_r_1_5_says)
{
	const struct authority_case *c = &authorities[_i];
	struct slice host;
	int port;
	ck_assert_int_eq(authority_split(c->authority, &host, &port), c->ok);
	if (!c->ok)
		return;
	ck_assert(slice_eq(host, c->host));
	ck_assert_int_eq(port, c->port);
}
END_TEST

#define ADD_LOOP(t, test, table) tcase_add_loop_test(t, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
	Suite *s = suite_create("uri");
	TCase *t = tcase_create("uri");

	tcase_add_checked_fixture(t, setup, teardown);
	ADD_LOOP(t, a_path_is_normalised_and_escaped_as_r_1_3_says, paths);
	ADD_LOOP(t, malformed_triplets_nul_and_climbing_above_the_root_are_refused, bad_paths);
	tcase_add_test(t, a_normal_path_is_not_copied);
	ADD_LOOP(t, targets_are_split_into_their_parts, splits);
	tcase_add_test(t, other_forms_of_targets_are_refused);
	tcase_add_test(t, decoding_leaves_malformed_triplets_alone);
	tcase_add_test(t, queries_are_stepped_over_pair_by_pair);
	ADD_LOOP(t, ports_are_split_off_as_r_1_5_says, authorities);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
