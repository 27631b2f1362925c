/* link_guard: the gate before the control plane's nanomsg sockets (house rules: PUB hears a greeting only; REP only
 * whole Polls that carry the certificate's node id). */
#include <check.h>
#include <stdlib.h>

#include "common/core/text.h"
#include "common/sync/link_private.h"
#include "proto/sync.pb-c.h"

#define GREET_SUB "\0SP\0\0\x21\0\0"
#define GREET_REQ "\0SP\0\0\x30\0\0"

static const char node[] = "11111111-2222-4333-8444-555555555555";

static struct guard guard;
static struct text passed;

static bool emit(void *arg, const struct iovec *parts, int n)
{
	for (int i = 0; i < n; i++)
		text_put(&passed, slice_of(parts[i].iov_base, parts[i].iov_len));
	return true;
}

static void begin(enum link_socket socket)
{
	guard_fini(&guard);
	guard = (struct guard){.socket = socket};
	strcpy(guard.peer, node);
	text_clear(&passed);
}

static const char *feed(struct slice s)
{
	return guard_feed(&guard, s, emit, NULL);
}

static void teardown(void)
{
	guard_fini(&guard);
	text_fini(&passed);
}

/* A REQ frame around body. */
static void put_frame(struct text *t, struct slice body)
{
	size_t len = body.len + 4;
	unsigned char head[13] = {1, 0, 0, 0, 0, (unsigned char)(len >> 24), (unsigned char)(len >> 16),
	        (unsigned char)(len >> 8), (unsigned char)len, 0x80, 1, 2, 3};
	text_put(t, slice_of((char *)head, sizeof head));
	text_put(t, body);
}

static void put_poll(struct text *t, const char *node_id, const char *peer, const char *error)
{
	Gatehouse__Sync__Poll p = GATEHOUSE__SYNC__POLL__INIT;
	p.node_id = (char *)node_id;
	p.peer = (char *)peer;
	p.error = (char *)error;
	size_t len = gatehouse__sync__poll__get_packed_size(&p);
	uint8_t *bytes = malloc(len + 1);
	gatehouse__sync__poll__pack(&p, bytes);
	put_frame(t, slice_of((char *)bytes, len));
	free(bytes);
}

/* The Poll in the frame at `at` of what passed; moves at behind it. */
static Gatehouse__Sync__Poll *passed_poll(size_t *at)
{
	const unsigned char *f = (const unsigned char *)passed.ptr + *at;
	ck_assert_uint_ge(passed.len, *at + 13);
	ck_assert_int_eq(f[0], 1);
	size_t len = (size_t)f[5] << 24 | (size_t)f[6] << 16 | (size_t)f[7] << 8 | f[8];
	ck_assert_uint_ge(passed.len, *at + 9 + len);
	*at += 9 + len;
	return gatehouse__sync__poll__unpack(NULL, len - 4, f + 13);
}

START_TEST(greetings_pass_towards_their_own_socket_only)
{
	begin(LINK_PUB);
	ck_assert_ptr_null(feed(S(GREET_SUB)));
	ck_assert_uint_eq(passed.len, 8);
	begin(LINK_PUB);
	ck_assert_ptr_nonnull(feed(S(GREET_REQ)));
	ck_assert_uint_eq(passed.len, 0);
	begin(LINK_REP);
	ck_assert_ptr_nonnull(feed(S(GREET_SUB)));
	begin(LINK_REP);
	ck_assert_ptr_nonnull(feed(S("G")));
	ck_assert_uint_eq(passed.len, 0);
}
END_TEST

START_TEST(nothing_follows_the_greeting_towards_pub)
{
	begin(LINK_PUB);
	ck_assert_ptr_null(feed(S(GREET_SUB)));
	ck_assert_ptr_nonnull(feed(S("\1")));
	begin(LINK_PUB);
	ck_assert_ptr_nonnull(feed(S(GREET_SUB "\1\0\0\0\0\0\0\0\1x")));
	ck_assert_uint_eq(passed.len, 8);
}
END_TEST

START_TEST(a_poll_passes_with_the_certificates_id_however_it_is_cut)
{
	struct text in = {0};
	text_put(&in, S(GREET_REQ));
	put_poll(&in, node, "", "");
	put_poll(&in, node, "", "two");
	for (size_t step = 1; step <= in.len; step++) {
		begin(LINK_REP);
		for (size_t at = 0; at < in.len; at += step)
			ck_assert_ptr_null(feed(slice_of(in.ptr + at, at + step < in.len ? step : in.len - at)));
		size_t at = 8;
		for (int i = 0; i < 2; i++) {
			Gatehouse__Sync__Poll *p = passed_poll(&at);
			ck_assert_ptr_nonnull(p);
			ck_assert_str_eq(p->peer, node);
			ck_assert_str_eq(p->error, i == 1 ? "two" : "");
			gatehouse__sync__poll__free_unpacked(p, NULL);
		}
		ck_assert_uint_eq(at, passed.len);
		ck_assert(!guard_is_mid_message(&guard));
	}
	text_fini(&in);
}
END_TEST

START_TEST(a_forged_peer_loses)
{
	struct text in = {0};
	text_put(&in, S(GREET_REQ));
	put_poll(&in, node, "99999999-2222-4333-8444-555555555555", "");
	begin(LINK_REP);
	ck_assert_ptr_null(feed(text_slice(&in)));
	size_t at = 8;
	Gatehouse__Sync__Poll *p = passed_poll(&at);
	ck_assert_str_eq(p->peer, node);
	gatehouse__sync__poll__free_unpacked(p, NULL);
	text_fini(&in);
}
END_TEST

/* Field 6 announced longer than the message: with our field behind it, it would become whole and swallow the id. */
START_TEST(a_cut_field_that_would_swallow_the_id_is_refused)
{
	struct text in = {0};
	text_put(&in, S(GREET_REQ));
	put_frame(&in, S("\x32\x26"));
	begin(LINK_REP);
	ck_assert_ptr_nonnull(feed(text_slice(&in)));
	ck_assert_uint_eq(passed.len, 8);
	text_fini(&in);
}
END_TEST

START_TEST(frames_that_are_no_poll_are_refused)
{
	const struct slice bad[] = {
	        S(GREET_REQ "\2"),                                 /* not a message */
	        S(GREET_REQ "\1\0\0\0\0\0\1\0\1"),                 /* 65537 bytes */
	        S(GREET_REQ "\1\xff\xff\xff\xff\xff\xff\xff\xff"), /* 2^64 - 1 */
	        S(GREET_REQ "\1\0\0\0\0\0\0\0\3"),                 /* shorter than a request id */
	        S(GREET_REQ "\1\0\0\0\0\0\0\0\0"), S(GREET_REQ "\1\0\0\0\0\0\0\0\4\x7f\1\1\1"), /* no request id */
	        S(GREET_REQ "\1\0\0\0\0\0\0\0\6\x80\1\1\1\xff\xff"),                            /* no protobuf */
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		begin(LINK_REP);
		ck_assert_msg(feed(bad[i]) != NULL, "case %zu passed", i);
		ck_assert_uint_eq(passed.len, 8);
	}
}
END_TEST

START_TEST(the_largest_allowed_frame_passes)
{
	struct text in = {0};
	char *error = malloc(LINK_POLL_MAX);
	memset(error, 'e', LINK_POLL_MAX);
	error[LINK_POLL_MAX - 4 - 4] =
	        '\0'; /* with tag and length of the field, and the request id: exactly the limit */
	text_put(&in, S(GREET_REQ));
	put_poll(&in, "", "", error);
	ck_assert_uint_eq(in.len, 8 + 9 + LINK_POLL_MAX);
	begin(LINK_REP);
	ck_assert_ptr_null(feed(text_slice(&in)));
	free(error);
	text_fini(&in);
}
END_TEST

START_TEST(a_begun_message_is_noticed)
{
	begin(LINK_REP);
	ck_assert_ptr_null(feed(S(GREET_REQ)));
	ck_assert(!guard_is_mid_message(&guard));
	ck_assert_ptr_null(feed(S("\1\0")));
	ck_assert(guard_is_mid_message(&guard));
	ck_assert_ptr_null(feed(S("\0\0\0\0\0\0\4")));
	ck_assert(guard_is_mid_message(&guard));
	ck_assert_ptr_null(feed(S("\x80\0\0\0")));
	ck_assert(!guard_is_mid_message(&guard));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("link_guard");
	TCase *t = tcase_create("guard");
	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, greetings_pass_towards_their_own_socket_only);
	tcase_add_test(t, nothing_follows_the_greeting_towards_pub);
	tcase_add_test(t, a_poll_passes_with_the_certificates_id_however_it_is_cut);
	tcase_add_test(t, a_forged_peer_loses);
	tcase_add_test(t, a_cut_field_that_would_swallow_the_id_is_refused);
	tcase_add_test(t, frames_that_are_no_poll_are_refused);
	tcase_add_test(t, the_largest_allowed_frame_passes);
	tcase_add_test(t, a_begun_message_is_noticed);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
