/* formats: the reusable types of entities.md section 2, with their exact messages. */
#include <check.h>

#include "common/schema/formats.h"
#include "common/schema/url.h"
#include "tests/support/loading.h"

/* entities 2: name | utf8_name | host | host_opt_port | wildcard_host | sni | ip / ip_or_cidr | path */
/* entities 2: router_path | url | header_name | cookie_name | http_method | tag | hosts */
static const struct {
	enum format format;
	const char *value;
	const char *expected; /* "": good as it is; "=x": becomes x; else the message */
} examples[] = {
        {FORMAT_UUID, "11111111-2222-4333-8444-555555555555", "=11111111-2222-4333-8444-555555555555"},
        {FORMAT_UUID, "ABCDEFAB-0000-0000-0000-000000000000", "=abcdefab-0000-0000-0000-000000000000"},
        {FORMAT_UUID, "111111112222433384445555555555555555", "expected a valid UUID"},

        {FORMAT_NAME, "a.b-c_d~1", ""},
        {FORMAT_NAME, "a b", "invalid value 'a b': it must only contain alphanumeric and '., -, _, ~' characters"},
        {FORMAT_NAME,
                "gr\xc3\xb6\xc3\x9f"
                "e",
                "invalid value 'gr\xc3\xb6\xc3\x9f"
                "e': it must only contain alphanumeric and '., -, _, ~' characters"},
        {FORMAT_UTF8_NAME,
                "gr\xc3\xb6\xc3\x9f"
                "e",
                ""},
        {FORMAT_UTF8_NAME, "a/b",
                "invalid value 'a/b': the only accepted ascii characters are alphanumerics or ., -, _, and ~"},
        {FORMAT_UTF8_NAME, "ab\xff", "invalid utf-8 character sequence detected at position 3"},

        {FORMAT_HOST, "example.com", ""},
        {FORMAT_HOST, "example.com.", ""},
        {FORMAT_HOST, "under_score-1", ""},
        {FORMAT_HOST, "10.0.0.1", ""},
        {FORMAT_HOST, "::1", ""},
        {FORMAT_HOST, "[::1]", ""},
        {FORMAT_HOST, "2001:db8::1", ""},
        {FORMAT_HOST, "h:80", "must not have a port"},
        {FORMAT_HOST, "h:99999", "must not have a port"},
        {FORMAT_HOST, "[::1]:80", "must not have a port"},
        {FORMAT_HOST, "h:", "invalid value: h:"},
        {FORMAT_HOST, "h:x", "invalid value: h:x"},
        {FORMAT_HOST, "h/x", "invalid value: h/x"},
        {FORMAT_HOST, "a..b", "invalid value: a..b"},
        {FORMAT_HOST, ".a", "invalid value: .a"},
        {FORMAT_HOST, "a-.b", "invalid value: a-.b"},
        {FORMAT_HOST, "a-", "invalid value: a-"},
        {FORMAT_HOST, "300.1.1.1", "invalid value: 300.1.1.1"},
        {FORMAT_HOST, "1.2.3", "invalid value: 1.2.3"},
        {FORMAT_HOST, "010.0.0.1", "invalid value: 010.0.0.1"},
        {FORMAT_HOST, ":::", "invalid value: :::"},
        {FORMAT_HOST, "[::1", "invalid value: [::1"},
        {FORMAT_HOST, "[::1]x", "invalid value: [::1]x"},
        {FORMAT_HOST, "a b", "invalid value: a b"},
        {FORMAT_HOST_OPT_PORT, "h:8080", ""},
        {FORMAT_HOST_OPT_PORT, "[::1]:8080", ""},
        {FORMAT_HOST_OPT_PORT, "h:65536", "invalid value: h:65536"},

        {FORMAT_WILDCARD_HOST, "*.example.com", ""},
        {FORMAT_WILDCARD_HOST, "example.*", ""},
        {FORMAT_WILDCARD_HOST, "*", ""},
        {FORMAT_WILDCARD_HOST, "a.*.b", "wildcard must be leftmost or rightmost character"},
        {FORMAT_WILDCARD_HOST, "*.a.*", "only one wildcard must be specified"},
        {FORMAT_WILDCARD_HOST, "1.2.3.4", "must not be an IP"},
        {FORMAT_WILDCARD_HOST, "a.test:1", "must not have a port"},
        {FORMAT_WILDCARD_HOST, "*.a b", "invalid value: *.a b"},
        {FORMAT_SNI, "a.test", ""},
        {FORMAT_SNI, "1.2.3.4:80", "must not be an IP"},
        {FORMAT_SNI, "::1", "must not be an IP"},
        {FORMAT_SNI, "a.test:1", "must not have a port"},
        {FORMAT_SNI, "*.a", "invalid value: *.a"},
        {FORMAT_ROUTE_HOST, "a.test:81", ""},
        {FORMAT_ROUTE_HOST, "*.b.test", ""},
        {FORMAT_ROUTE_HOST, "*.b.test:80", ""},
        {FORMAT_ROUTE_HOST, "b.*", ""},
        {FORMAT_ROUTE_HOST, "*.a.*", "invalid wildcard: must have at most one wildcard"},
        {FORMAT_ROUTE_HOST, "a.*.b", "invalid wildcard: must be placed at leftmost or rightmost label"},
        {FORMAT_ROUTE_HOST, "*", "invalid wildcard: must be placed at leftmost or rightmost label"},
        {FORMAT_ROUTE_HOST, "a*.b", "invalid wildcard: must be placed at leftmost or rightmost label"},
        {FORMAT_ROUTE_HOST, "example.*:80", "invalid wildcard: must be placed at leftmost or rightmost label"},
        {FORMAT_ROUTE_HOST, "a.com,b.com", "invalid value: a.com,b.com"},

        {FORMAT_IP, "10.0.0.1", ""},
        {FORMAT_IP, "10.0.0.0/8", "not an ip address: 10.0.0.0/8"},
        {FORMAT_IP, "x", "not an ip address: x"},
        {FORMAT_IP_OR_CIDR, "10.0.0.0/8", ""},
        {FORMAT_IP_OR_CIDR, "::1", ""},
        {FORMAT_IP_OR_CIDR, "fe80::/10", ""},
        {FORMAT_IP_OR_CIDR, "10.0.0.0/33", "invalid ip or cidr range: '10.0.0.0/33'"},
        {FORMAT_IP_OR_CIDR, "::/129", "invalid ip or cidr range: '::/129'"},
        {FORMAT_IP_OR_CIDR, "10.0.0.0/", "invalid ip or cidr range: '10.0.0.0/'"},
        {FORMAT_IP_OR_CIDR, "10.0.0.0/-1", "invalid ip or cidr range: '10.0.0.0/-1'"},

        {FORMAT_UPSTREAM_NAME, "my.upstream", ""},
        {FORMAT_UPSTREAM_NAME, "a b", "Invalid name ('a b'); must be a valid hostname"},
        {FORMAT_UPSTREAM_NAME, "10.0.0.1", "Invalid name ('10.0.0.1'); no ip addresses allowed"},
        {FORMAT_UPSTREAM_NAME, "a.test:80", "Invalid name ('a.test:80'); no port allowed"},
        {FORMAT_TARGET, "10.0.0.1", "=10.0.0.1:8000"},
        {FORMAT_TARGET, "a.test:1", "=a.test:1"},
        {FORMAT_TARGET, "::1", "=[0000:0000:0000:0000:0000:0000:0000:0001]:8000"},
        {FORMAT_TARGET, "[FE80::a]:80", "=[fe80:0000:0000:0000:0000:0000:0000:000a]:80"},
        {FORMAT_TARGET, "a b", "Invalid target; not a valid hostname or ip address"},
        {FORMAT_TARGET, "a:99999", "Invalid target; not a valid hostname or ip address"},

        {FORMAT_PATH, "/a/b.c-d_e~f;g=1@h:i!$&'()*+,%20", ""},
        {FORMAT_PATH, "a//b", "should start with: /"},
        {FORMAT_PATH, "/a//b", "must not have empty segments"},
        {FORMAT_PATH, "/a b", "invalid path: '/a b' (characters outside of the reserved list of RFC 3986 found)"},
        {FORMAT_PATH, "/a?b", "invalid path: '/a?b' (characters outside of the reserved list of RFC 3986 found)"},
        {FORMAT_PATH, "/a%zz", "invalid url-encoded value: '%zz'"},
        {FORMAT_PATH, "/a%2", "invalid url-encoded value: '%2'"},
        {FORMAT_PATH, "/a%", "invalid url-encoded value: '%'"},

        {FORMAT_ROUTER_PATH, "/", ""},
        {FORMAT_ROUTER_PATH, "/a/", ""},
        {FORMAT_ROUTER_PATH, "/a b", ""},
        {FORMAT_ROUTER_PATH, "/a%2Fb", ""},
        {FORMAT_ROUTER_PATH, "/a/..;/b", ""},
        {FORMAT_ROUTER_PATH, "/a/.../b", ""},
        {FORMAT_ROUTER_PATH, "a", "should start with: / (fixed path) or ~/ (regex path)"},
        {FORMAT_ROUTER_PATH, "~a", "should start with: / (fixed path) or ~/ (regex path)"},
        {FORMAT_ROUTER_PATH, "/a//b", "must not have empty segments"},
        {FORMAT_ROUTER_PATH, "/a/../b", "non-normalized path, consider use '/b' instead"},
        {FORMAT_ROUTER_PATH, "/a/b/..", "non-normalized path, consider use '/a/' instead"},
        {FORMAT_ROUTER_PATH, "/a/.", "non-normalized path, consider use '/a/' instead"},
        {FORMAT_ROUTER_PATH, "/..", "non-normalized path, consider use '/' instead"},
        {FORMAT_ROUTER_PATH, "/../../a", "non-normalized path, consider use '/a' instead"},
        {FORMAT_ROUTER_PATH, "/%61", "non-normalized path, consider use '/a' instead"},
        {FORMAT_ROUTER_PATH, "/a%2fb", "non-normalized path, consider use '/a%2Fb' instead"},
        {FORMAT_ROUTER_PATH, "/a%20b", "non-normalized path, consider use '/a b' instead"},
        {FORMAT_ROUTER_PATH, "/a%zz", "invalid url-encoded value: '%zz'"},
        {FORMAT_ROUTER_PATH, "/a%00", "invalid url-encoded value: '%00'"},
        {FORMAT_ROUTER_PATH, "~/a/[0-9]+$", ""},
        {FORMAT_ROUTER_PATH, "~/a(b",
                "invalid regex: '/a(b' (PCRE returned: missing closing parenthesis at offset 4)"},

        {FORMAT_URL, "http://h/x", ""},
        {FORMAT_URL, "h/x", "missing host in url"},
        {FORMAT_URL, "//h/x", "missing scheme in url"},
        {FORMAT_URL, "http://h /x",
                "could not parse url. blanks and control characters are not allowed in 'http://h /x'"},

        {FORMAT_HEADER_NAME, "X-Foo_1", ""},
        {FORMAT_HEADER_NAME, "a b", "bad header name 'a b', allowed characters are A-Z, a-z, 0-9, '_', and '-'"},
        {FORMAT_COOKIE_NAME, "sid.1", ""},
        {FORMAT_COOKIE_NAME, "a=b",
                "contains one or more invalid characters. ASCII control characters (0-31;127), space, tab and the "
                "characters ()<>@,;:\\\"/?={}[] are not allowed."},
        {FORMAT_HTTP_METHOD, "PATCH", ""},
        {FORMAT_HTTP_METHOD, "get", "invalid value: get"},
        {FORMAT_TAG, "with space \xc3\xb6", ""},
        {FORMAT_TAG, "a,b",
                "invalid tag 'a,b': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"},
        {FORMAT_TAG, "a/b",
                "invalid tag 'a/b': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"},
        {FORMAT_TAG, "a\tb",
                "invalid tag 'a\tb': expected printable ascii (except `,` and `/`) or valid utf-8 sequences"},
        {FORMAT_REGEX, "a{2,3}", ""},
        {FORMAT_REGEX, "(", "not a valid regex: ("},
        {FORMAT_NONE, "anything", ""},
};

START_TEST(a_value_is_good_or_refused_with_kongs_text)
{
	struct slice normal = {0};
	struct arena a;
	struct err e = {""};

	arena_init(&a);
	bool good = format_check(examples[_i].format, slice_cstr(examples[_i].value), &a, &normal, &e);
	const char *expected = examples[_i].expected;
	if (*expected == '=')
		ck_assert_msg(good && slice_eq(normal, slice_cstr(expected + 1)), "%s: %s %.*s", examples[_i].value,
		        e.message, SLICE_ARG(normal));
	else if (*expected)
		ck_assert_str_eq(e.message, expected);
	else
		ck_assert_msg(good && !slice_is_set(normal), "%s: %s", examples[_i].value, e.message);
	arena_fini(&a);
}
END_TEST

/* The normal form of a normal form is itself. */
START_TEST(normal_forms_are_stable)
{
	struct slice normal = {0}, again = {0};
	struct arena a;
	struct err e = {""};

	arena_init(&a);
	if (*examples[_i].expected == '=') {
		ck_assert(format_check(examples[_i].format, slice_cstr(examples[_i].expected + 1), &a, &normal, &e));
		again = slice_is_set(normal) ? normal : slice_cstr(examples[_i].expected + 1);
		ck_assert(slice_eq(again, slice_cstr(examples[_i].expected + 1)));
	}
	arena_fini(&a);
}
END_TEST

static const struct {
	const char *text, *scheme, *host, *port, *path;
} urls[] = {
        {"https://a.test:8443/x/y", "https", "a.test", "8443", "/x/y"},
        {"http://a.test", "http", "a.test", NULL, NULL},
        {"http://a.test?q=1", "http", "a.test", NULL, NULL},
        {"http://user:pw@a.test/x?q#f", "http", "a.test", NULL, "/x"},
        {"http://[::1]:80/", "http", "[::1]", "80", "/"},
        {"http://[::1]", "http", "[::1]", NULL, NULL},
        {"//a.test/x", NULL, "a.test", NULL, "/x"},
        {"invalid url", NULL, NULL, NULL, "invalid url"},
        {"http:///x", "http", NULL, NULL, "/x"},
        {"", NULL, NULL, NULL, NULL},
};

static bool same(struct slice found, const char *wanted)
{
	return slice_is_set(found) == (wanted != NULL) && slice_eq(found, slice_cstr(wanted));
}

START_TEST(a_url_is_taken_apart)
{
	struct url u = url_split(slice_cstr(urls[_i].text));
	ck_assert(same(u.scheme, urls[_i].scheme));
	ck_assert(same(u.host, urls[_i].host));
	ck_assert(same(u.port, urls[_i].port));
	ck_assert_msg(same(u.path, urls[_i].path), "%s: %.*s", urls[_i].text, SLICE_ARG(u.path));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("formats");
	TCase *t = tcase_create("formats");
	tcase_add_loop_test(t, a_value_is_good_or_refused_with_kongs_text, 0, sizeof examples / sizeof examples[0]);
	tcase_add_loop_test(t, normal_forms_are_stable, 0, sizeof examples / sizeof examples[0]);
	tcase_add_loop_test(t, a_url_is_taken_apart, 0, sizeof urls / sizeof urls[0]);
	suite_add_tcase(s, t);
	return run_suite(s);
}
