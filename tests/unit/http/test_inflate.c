/* inflate: RFC 9110 8.4.1, within bounds. */
#include <check.h>
#include <stdlib.h>
#include <zlib.h>

#include "common/http/inflate.h"
#include "tests/support/loading.h"

static struct arena a;

static void setup(void)
{
	arena_init(&a);
}

static void teardown(void)
{
	arena_fini(&a);
}

enum { GZIP = 15 + 16, ZLIB = 15, BARE = -15 };

static struct slice packed(struct slice plain, int window)
{
	z_stream z = {.next_in = (Bytef *)plain.ptr, .avail_in = (uInt)plain.len};
	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
	size_t room = deflateBound(&z, plain.len);
	char *out = arena_alloc(&a, room);
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)room;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return slice_of(out, room - z.avail_out);
}

START_TEST(encodings_are_undone)
{
	static const struct {
		const char *name;
		int window;
	} rows[] = {{"gzip", GZIP}, {" X-GZip ", GZIP}, {"deflate", ZLIB}, {"deflate", BARE}};
	struct slice out;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ck_assert_int_eq(http_inflate(&a, slice_cstr(rows[i].name), packed(S("hello hello"), rows[i].window),
		                         11, &out),
		        INFLATED);
		ck_assert(slice_eq(out, S("hello hello")));
	}
	ck_assert_int_eq(http_inflate(&a, S("identity"), S("x"), 1, &out), INFLATED);
	ck_assert_int_eq(http_inflate(&a, slice_of(NULL, 0), S("xy"), 1, &out), INFLATE_TOO_LARGE);
	ck_assert_int_eq(http_inflate(&a, S("br"), S("x"), 10, &out), INFLATE_UNKNOWN);
	ck_assert_int_eq(http_inflate(&a, S("gzip, gzip"), S("x"), 10, &out), INFLATE_UNKNOWN);
}
END_TEST

START_TEST(what_ends_early_or_goes_on_is_malformed)
{
	struct slice out, whole = packed(S("hello hello hello"), GZIP);
	for (size_t n = 0; n < whole.len; n++)
		ck_assert_int_eq(http_inflate(&a, S("gzip"), slice_of(whole.ptr, n), 100, &out), INFLATE_MALFORMED);
	ck_assert_int_eq(http_inflate(&a, S("gzip"), ARENA_JOIN(&a, whole, S("x")), 100, &out), INFLATE_MALFORMED);
	ck_assert_int_eq(http_inflate(&a, S("gzip"), S("no gzip at all"), 100, &out), INFLATE_MALFORMED);
}
END_TEST

START_TEST(a_bomb_is_found_out_while_it_grows)
{
	char *zeros = calloc(1, 100 << 20);
	struct slice out, bomb = packed(slice_of(zeros, 100 << 20), GZIP);
	free(zeros);
	ck_assert_uint_lt(bomb.len, 200 << 10);
	size_t before = a.used;
	ck_assert_int_eq(http_inflate(&a, S("gzip"), bomb, 1 << 20, &out), INFLATE_TOO_LARGE);
	ck_assert_uint_eq(a.used, before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("inflate");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, encodings_are_undone);
	tcase_add_test(t, what_ends_early_or_goes_on_is_malformed);
	tcase_add_test(t, a_bomb_is_found_out_while_it_grows);
	suite_add_tcase(s, t);
	return run_suite(s);
}
