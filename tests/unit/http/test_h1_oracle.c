/* h1_parse against another parser, libhttp-parser: thousands of requests made of good and bad parts, then mutated.
 * Where both accept, they must agree on every word; where one refuses, the reason must be on the list of intended
 * differences. */
#include <check.h>
#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/http/h1_parse.h"

enum { MOST = 1024, MOST_FIELDS = 64 };

/* --- the other parser ------------------------------------------------------------------------------------ */

struct oracle {
	bool complete, in_value;
	struct slice url, names[MOST_FIELDS], values[MOST_FIELDS];
	size_t fields;
};

static void extend(struct slice *s, const char *at, size_t n)
{
	*s = s->ptr ? slice_of(s->ptr, (size_t)(at + n - s->ptr)) : slice_of(at, n);
}

static int on_url(http_parser *p, const char *at, size_t n)
{
	extend(&((struct oracle *)p->data)->url, at, n);
	return 0;
}

static int on_field(http_parser *p, const char *at, size_t n)
{
	struct oracle *o = p->data;
	if (o->fields == 0 || o->in_value)
		o->fields++;
	o->in_value = false;
	ck_assert_uint_lt(o->fields, MOST_FIELDS);
	extend(&o->names[o->fields - 1], at, n);
	return 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct oracle *o = p->data;
	o->in_value = true;
	extend(&o->values[o->fields - 1], at, n);
	return 0;
}

static int on_headers_complete(http_parser *p)
{
	((struct oracle *)p->data)->complete = true;
	http_parser_pause(p, 1);
	return 0;
}

/* True when the head is accepted; otherwise *error says why not, HPE_OK being "more bytes wanted". */
static bool ask_oracle(struct slice bytes, http_parser *p, struct oracle *o, enum http_errno *error)
{
	http_parser_settings settings;

	http_parser_settings_init(&settings);
	settings.on_url = on_url;
	settings.on_header_field = on_field;
	settings.on_header_value = on_value;
	settings.on_headers_complete = on_headers_complete;
	*o = (struct oracle){0};
	http_parser_init(p, HTTP_REQUEST);
	p->data = o;
	http_parser_execute(p, &settings, bytes.ptr, bytes.len);
	*error = o->complete ? HPE_OK : HTTP_PARSER_ERRNO(p);
	return o->complete;
}

/* --- intended differences -------------------------------------------------------------------------------- */

/* Refused here, taken there: our reason, and why the other one does not mind. */
static const char *const stricter[][2] = {
        {"bare LF as line end (RFC 9112 2.2)", "it takes LF for CRLF (row 23)"},
        {"bare CR (RFC 9112 2.2)", "it takes CR and anything for a line end (row 24)"},
        {"control character (RFC 9110 5.5)", "it forwards control characters in values (row 34)"},
        {"NUL (RFC 9110 5.5)", "it skips NUL in some places (rows 11, 33)"},
        {"request line is not method SP target SP version (RFC 9112 3)",
                "it takes several spaces, and HTTP/0.9 (rows 2, 9)"},
        {"malformed HTTP version (RFC 9112 2.3)",
                "it takes HTTP/0.9, and looks at single characters only (rows 9, 10)"},
        {"unknown minor HTTP version (RFC 9112 2.3)", "it takes any minor version (row 7)"},
        {"HTTP version not supported in a request line", "it takes any major version (row 8)"},
        {"fragment in the target (RFC 9112 3.2)", "it takes a fragment (row 13)"},
        {"target is neither origin-form nor absolute-form (RFC 9112 3.2)",
                "it takes '*' and any scheme (rows 18, 19)"},
        {"white space before the first header line (RFC 9112 2.2)", "it takes it for a part of the name (row 26)"},
        {"white space before colon in header line (RFC 9112 5.1)", "it allows spaces in names (row 25)"},
        {"folded header line (RFC 9112 5.2)", "it unfolds (row 27)"},
        {"no Host (RFC 9112 3.2)", "it does not look at Host (row 36)"},
        {"repeated Host (RFC 9112 3.2)", "as above (rows 37, 38)"},
        {"malformed Host (RFC 9112 3.2)", "as above (rows 39, 40)"},
        {"malformed authority in the target (RFC 9112 3.2.2)", "as above (row 17)"},
        {"Host differs from the authority of the target (RFC 9112 3.2.2)", "as above (row 17)"},
        {"Content-Length is not a number (RFC 9110 8.6)", "it takes up to 2^64 - 1, we to 2^63 - 1 (row 51)"},
        {"Transfer-Encoding is not exactly chunked (RFC 9112 6.1)",
                "it leaves other codings to its user (rows 52, 53)"},
        {"malformed Transfer-Encoding (RFC 9112 6.1)", "as above (row 53)"},
        {"repeated Transfer-Encoding (RFC 9112 6.1)", "as above (row 54)"},
        {"Transfer-Encoding on HTTP/1.0 (RFC 9112 6.1)", "it does not look at the version (row 47)"},
        {"Connection names a framing field or Host (RFC 9110 7.6.1)", "a rule for proxies (row 70)"},
        {"upgrade request with a body (DEV-22)", "a rule of ours (row 75)"},
        {"TRACE is not served", "a rule of ours (row 21)"},
        {"CONNECT is not served", "a rule of ours (row 20)"},
};

/* Taken here, refused there. */
static const struct {
	enum http_errno error;
	const char *because;
} laxer[] = {
        {HPE_INVALID_METHOD, "it knows a fixed set of methods; any upper-case token is one (row 6)"},
        {HPE_INVALID_CONTENT_LENGTH, "TAB behind the digits; it is OWS, no part of the value (RFC 9110 5.6.3)"},
        {HPE_UNEXPECTED_CONTENT_LENGTH, "a longer name than Transfer-Encoding counts there as Transfer-Encoding"},
};

static void refused_here(struct slice bytes, const struct h1_error *e)
{
	for (size_t i = 0; i < sizeof stricter / sizeof *stricter; i++)
		if (strcmp(stricter[i][0], e->why) == 0)
			return;
	ck_abort_msg("only we refuse this: %s\n%.*s", e->why, SLICE_ARG(bytes));
}

static void refused_there(struct slice bytes, const struct head *h, enum http_errno error)
{
	ck_assert_msg(!h->chunked || h->content_length < 0, "both framings: %.*s", SLICE_ARG(bytes));
	for (size_t i = 0; i < sizeof laxer / sizeof *laxer; i++)
		if (laxer[i].error == error)
			return;
	ck_abort_msg("only we take this: %s\n%.*s", http_errno_name(error), SLICE_ARG(bytes));
}

/* --- comparison ------------------------------------------------------------------------------------------ */

/* Where the other one misreads the meaning of fields; the words themselves are compared all the same. */
static bool is_misread(const struct header *f, struct slice raw)
{
	if (f->id == HEADER_PROXY_CONNECTION) /* never was standard; counts there as Connection */
		return true;
	if (f->name.len > 17 &&
	        slice_ieq(slice_of(f->name.ptr, 17), S("Transfer-Encoding"))) /* counts there as that */
		return true;
	if (f->id != HEADER_CONNECTION && f->id != HEADER_TRANSFER_ENCODING)
		return false;
	if (!slice_eq(f->value, raw) || slice_find(raw, '\t') >= 0) /* TAB is not OWS there (RFC 9110 5.6.3) */
		return true;
	if (f->id == HEADER_TRANSFER_ENCODING)
		return false;
	for (struct slice rest = f->value; slice_is_set(rest);) { /* "clos, keep-alive" and ",close" lead it astray */
		struct slice option = slice_trim(slice_cut(&rest, ','));
		if (!slice_ieq(option, S("close")) && !slice_ieq(option, S("keep-alive")) &&
		        !slice_ieq(option, S("x")))
			return true;
	}
	return false;
}

static bool has_misread(const struct head *h, const struct oracle *o)
{
	for (uint32_t i = 0; i < h->count; i++)
		if (is_misread(&h->headers[i], i < o->fields ? o->values[i] : h->headers[i].value))
			return true;
	return false;
}

static void same_keep_alive(struct slice bytes, const struct head *h, const http_parser *p)
{
	bool want = http_should_keep_alive(p) != 0;
	if (p->flags & F_CONNECTION_CLOSE) /* close wins here always (row 72), there only in HTTP/1.1 */
		want = false;
	ck_assert_msg(h->keep_alive == want, "keep-alive: %.*s", SLICE_ARG(bytes));
}

static void same_meaning(struct slice bytes, const struct head *h, const http_parser *p, const struct oracle *o)
{
	ck_assert_msg(slice_eq(h->method, slice_cstr(http_method_str(p->method))), "method: %.*s", SLICE_ARG(bytes));
	ck_assert_msg(slice_eq(h->target, o->url), "target: %.*s", SLICE_ARG(bytes));
	ck_assert_msg(h->version == (p->http_minor ? HTTP_1_1 : HTTP_1_0), "version: %.*s", SLICE_ARG(bytes));
	ck_assert_msg(h->count >= o->fields, "fields: %.*s", SLICE_ARG(bytes));
	for (size_t i = 0; i < o->fields; i++) {
		ck_assert_msg(slice_eq(h->headers[i].name, o->names[i]), "name %zu: %.*s", i, SLICE_ARG(bytes));
		ck_assert_msg(slice_eq(h->headers[i].value, slice_trim(o->values[i])), "value %zu: %.*s", i,
		        SLICE_ARG(bytes));
	}
	bool has_length = (p->flags & F_CONTENTLENGTH) != 0;
	ck_assert_msg((h->content_length >= 0) == has_length, "has length: %.*s", SLICE_ARG(bytes));
	if (has_length)
		ck_assert_msg((uint64_t)h->content_length == p->content_length, "length: %.*s", SLICE_ARG(bytes));
	if (has_misread(h, o))
		return;
	ck_assert_msg(h->chunked == ((p->flags & F_CHUNKED) != 0), "chunked: %.*s", SLICE_ARG(bytes));
	same_keep_alive(bytes, h, p);
}

static void compare(struct slice bytes)
{
	struct arena arena;
	struct head h;
	struct h1_error e = {0};
	struct oracle o;
	enum http_errno error;
	http_parser p;
	size_t used;

	arena_init(&arena);
	head_init(&h, &arena);
	enum h1_result r = h1_parse_request(bytes.ptr, bytes.len, &h1_default_limits, &h, &used, &e);
	bool accepted = ask_oracle(bytes, &p, &o, &error);
	if (r == H1_DONE && accepted)
		same_meaning(bytes, &h, &p, &o);
	else if (r == H1_BAD && accepted)
		refused_here(bytes, &e);
	else if (r == H1_DONE)
		refused_there(bytes, &h, error);
	else
		ck_assert_msg(r == H1_BAD || !accepted, "undecided here: %.*s", SLICE_ARG(bytes));
	arena_fini(&arena);
}

/* --- the corpus ------------------------------------------------------------------------------------------ */

static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "M-SEARCH", "PURGE",
        "FOO", "get", "CONNECT", "TRACE"};
static const char *const targets[] = {"/", "/a?b=c", "/%20", "/a|b", "/caf\xc3\xa9", "http://a/x", "http://b/",
        "http://a", "*", "a:443", "/a#b", "/..;/"};
static const char *const versions[] = {
        "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "http/1.1"};
static const char *const lines[] = {
        "Accept: */*",
        "User-Agent: x y",
        "X-Empty:",
        "X-Blank: \t ",
        "A:b",
        "Long-Header-Name-That-Goes-On: value; q=1, other",
        "Content-Length: 0",
        "Content-Length: 12",
        "content-length:007",
        "Content-Length: 1x",
        "Content-Length: -1",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: chunked",
        "transfer-encoding:CHUNKED",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Connection: close",
        "Connection: keep-alive",
        "Connection: Keep-Alive, X",
        "Connection: close, keep-alive",
        "Connection: Content-Length",
        "Connection: upgrade",
        "Upgrade: websocket",
        "Upgrade: h2c",
        "Expect: 100-continue",
        "Host: a",
        "Host: b",
        "Host:",
        "Bad Name: x",
        "Bad : x",
        ": x",
        "nocolon",
        " folded",
        "X: \x01",
        "X: \xff\xfe",
        "X: a\rb",
        "Keep-Alive: 5",
        "Proxy-Connection: close",
        "Te: trailers",
};
static const char *const ends[] = {"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n"};

#define PICK(seed, table) (table)[(size_t)rand_r(seed) % (sizeof(table) / sizeof *(table))]

static size_t compose(unsigned *seed, char *out)
{
	bool tame = rand_r(seed) % 2; /* only the fields are random */
	int n = snprintf(out, MOST, "%s %s %s%s", tame ? "POST" : PICK(seed, methods),
	        tame ? "/x" : PICK(seed, targets), tame ? "HTTP/1.1" : PICK(seed, versions),
	        tame ? "\r\n" : PICK(seed, ends));
	if (rand_r(seed) % 8)
		n += snprintf(out + n, MOST - (size_t)n, "Host: a\r\n");
	for (int i = rand_r(seed) % 5; i > 0; i--)
		n += snprintf(out + n, MOST - (size_t)n, "%s%s", PICK(seed, lines), tame ? "\r\n" : PICK(seed, ends));
	n += snprintf(out + n, MOST - (size_t)n, "\r\n");
	return (size_t)n;
}

static size_t mutate(unsigned *seed, char *s, size_t n)
{
	static const char interesting[] = "\r\n\t :;,/?#%\0\x7f\x80GHx019";
	size_t at = (size_t)rand_r(seed) % n;
	char c = interesting[(size_t)rand_r(seed) % (sizeof interesting - 1)];

	switch (rand_r(seed) % 4) {
	case 0: s[at] = c; return n;
	case 1: s[at] = (char)rand_r(seed); return n;
	case 2: memmove(s + at, s + at + 1, n - at - 1); return n - 1;
	default:
		memmove(s + at + 1, s + at, n - at);
		s[at] = c;
		return n + 1;
	}
}

START_TEST(composed_requests_mean_the_same_to_both_parsers)
{
	char s[MOST];
	unsigned seed = 1;
	for (int i = 0; i < 60000; i++)
		compare(slice_of(s, compose(&seed, s)));
}
END_TEST

START_TEST(mutated_requests_mean_the_same_to_both_parsers)
{
	char s[MOST + 16];
	unsigned seed = 2;
	for (int i = 0; i < 120000; i++) {
		size_t n = compose(&seed, s);
		for (int times = 1 + rand_r(&seed) % 3; times > 0; times--)
			n = mutate(&seed, s, n);
		memcpy(s + n, "\r\n\r\n", 4); /* so that both come to an end */
		compare(slice_of(s, n + 4));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("h1_oracle");
	TCase *t = tcase_create("h1_oracle");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, composed_requests_mean_the_same_to_both_parsers);
	tcase_add_test(t, mutated_requests_mean_the_same_to_both_parsers);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
