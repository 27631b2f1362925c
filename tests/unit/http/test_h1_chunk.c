/* h1_chunk: rows 56-61 of the list of framing cases; every case whole, byte by byte and cut at every offset. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/http/h1_chunk.h"
#include "tests/support/guarded.h"

struct decoded {
	enum h1_chunk_result result;
	size_t used, len;
	char data[65536];
};

/* Gives p[0..n) to the decoder in one piece. */
static void feed(struct h1_chunk *c, const char *p, size_t n, struct decoded *d)
{
	struct slice in = slice_of(p, n), data;
	size_t used;

	do {
		d->result = h1_chunk_next(c, in, &used, &data);
		ck_assert_uint_le(used, in.len);
		d->used += used;
		if (d->result == H1_CHUNK_DATA) {
			ck_assert(data.len > 0 && data.ptr >= in.ptr && data.ptr + data.len <= in.ptr + used);
			memcpy(d->data + d->len, data.ptr, data.len);
			d->len += data.len;
		}
		in = slice_from(in, used);
	} while (d->result == H1_CHUNK_DATA);
}

static void same(const struct decoded *a, const struct decoded *b)
{
	ck_assert_int_eq(a->result, b->result);
	ck_assert_uint_eq(a->len, b->len);
	ck_assert_mem_eq(a->data, b->data, a->len);
	if (a->result == H1_CHUNK_END)
		ck_assert_uint_eq(a->used, b->used);
}

static struct decoded whole, part;

static const struct decoded *decode(struct slice bytes)
{
	struct h1_chunk c;
	struct guarded g;

	guarded_init(&g, bytes.len);
	const char *p = guarded_put(&g, bytes.ptr, bytes.len);
	h1_chunk_init(&c);
	whole = (struct decoded){0};
	feed(&c, p, bytes.len, &whole);

	h1_chunk_init(&c);
	part = (struct decoded){0};
	for (size_t i = 0; i < bytes.len && (i == 0 || part.result == H1_CHUNK_MORE); i++)
		feed(&c, p + i, 1, &part);
	same(&part, &whole);

	for (size_t cut = 0; cut < bytes.len; cut++) {
		h1_chunk_init(&c);
		part = (struct decoded){0};
		feed(&c, p, cut, &part);
		if (part.result == H1_CHUNK_MORE)
			feed(&c, p + cut, bytes.len - cut, &part);
		same(&part, &whole);
	}
	guarded_fini(&g);
	return &whole;
}

static const struct body {
	const char *what;
	struct slice bytes;
	enum h1_chunk_result result;
	const char *data;
} bodies[] = {
        {"plain", SLICE("5\r\nhello\r\n0\r\n\r\n"), H1_CHUNK_END, "hello"},
        {"two chunks", SLICE("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), H1_CHUNK_END, "hello!"},
        {"nothing", SLICE("0\r\n\r\n"), H1_CHUNK_END, ""},
        {"hex digits of both cases", SLICE("a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n"), H1_CHUNK_END,
                "01234567890123456789a"},
        {"not over", SLICE("5\r\nhel"), H1_CHUNK_MORE, "hel"},
        {"last line missing", SLICE("1\r\na\r\n0\r\n"), H1_CHUNK_MORE, "a"},
        {"56: not hex", SLICE("g\r\n"), H1_CHUNK_BAD, ""},
        {"56: 0x3", SLICE("0x3\r\nabc\r\n"), H1_CHUNK_BAD, ""},
        {"56: negative", SLICE("-3\r\nabc\r\n"), H1_CHUNK_BAD, ""},
        {"56: plus", SLICE("+3\r\nabc\r\n"), H1_CHUNK_BAD, ""},
        {"56: leading space", SLICE(" 3\r\nabc\r\n"), H1_CHUNK_BAD, ""},
        {"56: 17 digits", SLICE("00000000000000003\r\nabc\r\n"), H1_CHUNK_BAD, ""},
        {"56: 16 digits that overflow", SLICE("8000000000000000\r\nabc\r\n"), H1_CHUNK_BAD, ""},
        {"56: no digits", SLICE("\r\nabc\r\n"), H1_CHUNK_BAD, ""},
        {"56: no digits, extension", SLICE(";a\r\nabc\r\n"), H1_CHUNK_BAD, ""},
        {"56: space behind the size", SLICE("3 \r\nabc\r\n"), H1_CHUNK_BAD, ""},
        {"56: two sizes", SLICE("3 4\r\nabc\r\n"), H1_CHUNK_BAD, ""},
        {"57: no CRLF behind the data", SLICE("3\r\nabcd\r\n"), H1_CHUNK_BAD, "abc"},
        {"57: next size at once", SLICE("3\r\nabc0\r\n\r\n"), H1_CHUNK_BAD, "abc"},
        {"57: CR without LF", SLICE("3\r\nabc\rx"), H1_CHUNK_BAD, "abc"},
        {"58: bare LF behind the size", SLICE("3\nabc\r\n0\r\n\r\n"), H1_CHUNK_BAD, ""},
        {"58: bare LF behind the data", SLICE("3\r\nabc\n0\r\n\r\n"), H1_CHUNK_BAD, "abc"},
        {"58: bare LF as the last line", SLICE("0\r\n\n"), H1_CHUNK_BAD, ""},
        {"58: bare LF behind a trailer", SLICE("0\r\na: b\n\r\n"), H1_CHUNK_BAD, ""},
        {"59: extension", SLICE("3;a=b;c=\"d;e\"\r\nabc\r\n0;x\r\n\r\n"), H1_CHUNK_END, "abc"},
        {"59: blanks before an extension", SLICE("3 \t;a\r\nabc\r\n0\r\n\r\n"), H1_CHUNK_END, "abc"},
        {"59: bare LF in an extension", SLICE("3;a\nabc\r\n0\r\n\r\n"), H1_CHUNK_BAD, ""},
        {"59: bare CR in an extension", SLICE("3;a\rb\r\nabc\r\n0\r\n\r\n"), H1_CHUNK_BAD, ""},
        {"59: NUL in an extension", SLICE("3;a\0\r\nabc\r\n0\r\n\r\n"), H1_CHUNK_BAD, ""},
        {"60: 00000", SLICE("1\r\na\r\n00000\r\n\r\n"), H1_CHUNK_END, "a"},
        {"60: leading zeros", SLICE("0000000000000003\r\nabc\r\n0\r\n\r\n"), H1_CHUNK_END, "abc"},
        {"61: trailers", SLICE("0\r\nA: b\r\nContent-Length: 5\r\n\r\n"), H1_CHUNK_END, ""},
        {"61: trailer without colon", SLICE("0\r\nfoo\r\n\r\n"), H1_CHUNK_BAD, ""},
        {"61: trailer with a blank before the colon", SLICE("0\r\nA : b\r\n\r\n"), H1_CHUNK_BAD, ""},
        {"61: folded trailer", SLICE("0\r\nA: b\r\n c\r\n\r\n"), H1_CHUNK_BAD, ""},
        {"61: trailer with an empty name", SLICE("0\r\n: b\r\n\r\n"), H1_CHUNK_BAD, ""},
        {"61: control character in a trailer", SLICE("0\r\nA: \x01\r\n\r\n"), H1_CHUNK_BAD, ""},
};

START_TEST(chunked_bodies_are_judged_as_b3_says)
{
	const struct body *b = &bodies[_i];
	const struct decoded *d = decode(b->bytes);
	ck_assert_msg(d->result == b->result, "%s: result %d", b->what, d->result);
	ck_assert_msg(d->len == strlen(b->data) && memcmp(d->data, b->data, d->len) == 0, "%s: data", b->what);
	if (d->result == H1_CHUNK_END)
		ck_assert_uint_eq(d->used, b->bytes.len);
}
END_TEST

START_TEST(what_follows_the_body_is_not_used)
{
	const struct decoded *d = decode(S("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n"));
	ck_assert_int_eq(d->result, H1_CHUNK_END);
	ck_assert_uint_eq(d->used, 11);
}
END_TEST

START_TEST(a_decoder_that_ended_or_failed_stays_so)
{
	struct h1_chunk c;
	struct slice data;
	size_t used;
	h1_chunk_init(&c);
	ck_assert_int_eq(h1_chunk_next(&c, S("0\r\n\r\n"), &used, &data), H1_CHUNK_END);
	ck_assert_int_eq(h1_chunk_next(&c, S("abc"), &used, &data), H1_CHUNK_END);
	ck_assert_uint_eq(used, 0);
	h1_chunk_init(&c);
	ck_assert_int_eq(h1_chunk_next(&c, S("x"), &used, &data), H1_CHUNK_BAD);
	ck_assert_int_eq(h1_chunk_next(&c, S("0\r\n\r\n"), &used, &data), H1_CHUNK_BAD);
}
END_TEST

/* A body of n times `unit` between `before` and `after`: what the decoder says, in one piece. */
static enum h1_chunk_result repeat(const char *before, const char *unit, size_t n, const char *after)
{
	struct h1_chunk c;
	char *bytes = malloc(strlen(before) + n * strlen(unit) + strlen(after) + 1);
	char *p = stpcpy(bytes, before);

	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, unit);
	p = stpcpy(p, after);
	h1_chunk_init(&c);
	whole = (struct decoded){0};
	feed(&c, bytes, (size_t)(p - bytes), &whole);
	free(bytes);
	return whole.result;
}

START_TEST(size_lines_trailer_lines_and_both_in_total_have_limits)
{
	ck_assert_int_eq(repeat("1;", "x", 252, "\r\na\r\n0\r\n\r\n"), H1_CHUNK_END); /* 256 with CRLF */
	ck_assert_int_eq(repeat("1;", "x", 253, "\r\na\r\n0\r\n\r\n"), H1_CHUNK_BAD);
	ck_assert_int_eq(
	        repeat("", "1;0123456789abcde\r\na\r\n", 1092, "0\r\n\r\n"), H1_CHUNK_END); /* 15 each, 16 KiB */
	ck_assert_int_eq(repeat("", "1;0123456789abcde\r\na\r\n", 1093, "0\r\n\r\n"), H1_CHUNK_BAD);
	ck_assert_int_eq(repeat("0\r\na:", "x", 8188, "\r\n\r\n"), H1_CHUNK_END);
	ck_assert_int_eq(repeat("0\r\na:", "x", 8189, "\r\n\r\n"), H1_CHUNK_BAD);
	ck_assert_int_eq(repeat("0\r\n", "a:b\r\n", 1000, "\r\n"), H1_CHUNK_END);
	ck_assert_int_eq(repeat("0\r\n", "a:b\r\n", 1001, "\r\n"), H1_CHUNK_BAD);
	ck_assert_int_eq(
	        repeat("0\r\n", "abcdefghijklmnopqrstuvwxyz:b012345678901234\r\n", 700, "\r\n"), H1_CHUNK_END);
	ck_assert_int_eq(
	        repeat("0\r\n", "abcdefghijklmnopqrstuvwxyz:b012345678901234\r\n", 750, "\r\n"), H1_CHUNK_BAD);
}
END_TEST

START_TEST(what_chunk_head_writes_is_the_size_in_hex)
{
	static const uint64_t sizes[] = {0, 1, 9, 10, 15, 16, 255, 256, 4095, 4096, 65536, INT64_MAX, UINT64_MAX};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char out[18], want[40];
		size_t n = h1_chunk_head(out, sizes[i]);
		int len = snprintf(want, sizeof want, "%llx\r\n", (unsigned long long)sizes[i]);
		ck_assert_uint_eq(n, (size_t)len);
		ck_assert_mem_eq(out, want, n);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("h1_chunk");
	TCase *t = tcase_create("h1_chunk");

	tcase_add_loop_test(t, chunked_bodies_are_judged_as_b3_says, 0, sizeof bodies / sizeof *bodies);
	tcase_add_test(t, what_follows_the_body_is_not_used);
	tcase_add_test(t, a_decoder_that_ended_or_failed_stays_so);
	tcase_add_test(t, size_lines_trailer_lines_and_both_in_total_have_limits);
	tcase_add_test(t, what_chunk_head_writes_is_the_size_in_hex);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
