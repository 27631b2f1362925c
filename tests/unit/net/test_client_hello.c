/* client_hello: the server name, whole or in pieces, and what is none (proxy.md 7.3). */
#include <check.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/client_hello.h"

static char hello[8192], name[CLIENT_HELLO_NAME_MAX];
static size_t hello_len, len;

/* What OpenSSL says first. */
static void make_hello(const char *server_name, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *tls = SSL_new(ctx);
	BIO *out = BIO_new(BIO_s_mem());

	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_set_max_proto_version(tls, version);
	if (server_name)
		SSL_set_tlsext_host_name(tls, server_name);
	SSL_set_bio(tls, BIO_new(BIO_s_mem()), out);
	SSL_set_connect_state(tls);
	SSL_do_handshake(tls);
	hello_len = (size_t)BIO_read(out, hello, sizeof hello);
	SSL_free(tls);
	SSL_CTX_free(ctx);
}

static enum hello_result parse(size_t n)
{
	char *exact = malloc(n ? n : 1); /* so that ASan sees a step beyond */
	memcpy(exact, hello, n);
	enum hello_result r = client_hello_parse(exact, n, name, &len);
	free(exact);
	return r;
}

static void expect_name(const char *expected)
{
	ck_assert_int_eq(parse(hello_len), HELLO_DONE);
	ck_assert_uint_eq(len, strlen(expected));
	ck_assert_int_eq(memcmp(name, expected, len), 0);
}

START_TEST(the_name_of_a_real_client)
{
	make_hello("www.example.test", TLS1_3_VERSION);
	expect_name("www.example.test");
	make_hello("www.example.test", TLS1_2_VERSION);
	expect_name("www.example.test");
	make_hello(NULL, TLS1_3_VERSION);
	expect_name("");
}
END_TEST

START_TEST(every_beginning_waits_for_the_rest)
{
	make_hello("a.test", TLS1_3_VERSION);
	for (size_t n = 0; n < hello_len; n++)
		ck_assert_msg(parse(n) == HELLO_MORE, "%zu bytes", n);
	memcpy(hello + hello_len, "more", 4);
	hello_len += 4;
	expect_name("a.test");
}
END_TEST

/* The same message in records of `size` bytes. */
static void cut_into_records(size_t size)
{
	static char cut[sizeof hello * 8];
	size_t message = hello_len - 5, n = 0;

	for (size_t at = 0; at < message; at += size) {
		size_t here = message - at < size ? message - at : size;
		memcpy(cut + n, "\x16\x03\x01", 3);
		cut[n + 3] = (char)(here >> 8);
		cut[n + 4] = (char)here;
		memcpy(cut + n + 5, hello + 5 + at, here);
		n += 5 + here;
	}
	ck_assert_uint_le(n, sizeof hello);
	memcpy(hello, cut, n);
	hello_len = n;
}

START_TEST(records_may_be_of_any_size)
{
	static const size_t sizes[] = {1, 3, 4, 5, 100, 511};

	make_hello("a.test", TLS1_3_VERSION);
	cut_into_records(sizes[_i]);
	expect_name("a.test");
	for (size_t n = 0; n < hello_len; n++)
		ck_assert_int_eq(parse(n), HELLO_MORE);
}
END_TEST

static void put(const char *bytes, size_t n)
{
	memcpy(hello, bytes, n);
	hello_len = n;
}
#define PUT(bytes) put(bytes, sizeof(bytes) - 1)

START_TEST(what_is_no_tls_is_seen_at_its_first_bytes)
{
	PUT("G");
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
	PUT("\x16\x02");
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
	PUT("\x16\x03\x01\x00\x00"); /* an empty record */
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
	PUT("\x16\x03\x01\x40\x01"); /* larger than records are */
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
	PUT("\x16\x03\x01\x00\x04\x02\x00\x00\x10"); /* another message */
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
	PUT("\x16\x03\x01\x00\x04\x01\x01\x00\x00"); /* longer than we read */
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
}
END_TEST

/* Every length in it made larger or smaller: an answer or a refusal, never a step beyond (ASan). */
START_TEST(lies_about_lengths_are_survived)
{
	make_hello("a.test", TLS1_2_VERSION);
	size_t n = hello_len;
	for (size_t at = 5; at < n; at++)
		for (int by = -1; by <= 1; by += 2) {
			char was = hello[at];
			hello[at] = (char)(was + by);
			parse(n);
			hello[at] = was;
		}
	expect_name("a.test");
}
END_TEST

/* version, random, session, ciphers, compression */
#define BODY                               \
	"\x03\x03"                         \
	"01234567890123456789012345678901" \
	"\x00"                             \
	"\x00\x02\x13\x01"                 \
	"\x01\x00"

static void put_extensions(const char *bytes, size_t n)
{
	size_t body = sizeof BODY - 1, all = body + 2 + n;
	char *p = hello;

	memcpy(p, "\x16\x03\x01", 3);
	p[3] = (char)((all + 4) >> 8), p[4] = (char)(all + 4);
	p[5] = 1, p[6] = 0, p[7] = (char)(all >> 8), p[8] = (char)all;
	memcpy(p + 9, BODY, body);
	p[9 + body] = (char)(n >> 8), p[10 + body] = (char)n;
	memcpy(p + 11 + body, bytes, n);
	hello_len = 11 + body + n;
}
#define EXTENSIONS(bytes) put_extensions(bytes, sizeof(bytes) - 1)

START_TEST(a_name_must_be_one)
{
	EXTENSIONS("\x00\x00\x00\x08\x00\x06\x00\x00\x03"
	           "a.b");
	expect_name("a.b");
	EXTENSIONS("\x00\x10\x00\x00\x00\x00\x00\x08\x00\x06\x00\x00\x03"
	           "a.b"); /* behind another */
	expect_name("a.b");
	EXTENSIONS("\x00\x00\x00\x0a\x00\x08\x07\x00\x02xx\x00\x00\x00"); /* an empty one */
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
	EXTENSIONS("\x00\x00\x00\x08\x00\x06\x00\x00\x03"
	           "a\0b");
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
	EXTENSIONS("\x00\x00\x00\x08\x00\x06\x00\x00\x03"
	           "a.b"
	           "\x00\x00\x00\x08\x00\x06\x00\x00\x03"
	           "a.c"); /* twice */
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
	EXTENSIONS("\x00\x00\x00\x0e\x00\x0c\x00\x00\x03"
	           "a.b"
	           "\x00\x00\x03"
	           "a.c"); /* two in one */
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
	EXTENSIONS("\x00\x00\x00\x09\x00\x06\x00\x00\x03"
	           "a.bX"); /* something behind the list */
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
	EXTENSIONS("\x00\x00\x00\x08\x00\x09\x00\x00\x06"
	           "a.b"); /* longer than the extension */
	ck_assert_int_eq(parse(hello_len), HELLO_BAD);
	ck_assert_uint_eq(len, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_hello");
	TCase *c = tcase_create("client_hello");

	tcase_add_test(c, the_name_of_a_real_client);
	tcase_add_test(c, every_beginning_waits_for_the_rest);
	tcase_add_loop_test(c, records_may_be_of_any_size, 0, 6);
	tcase_add_test(c, what_is_no_tls_is_seen_at_its_first_bytes);
	tcase_add_test(c, lies_about_lengths_are_survived);
	tcase_add_test(c, a_name_must_be_one);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
