/* The HTTP/2 codec beyond single frames: many streams, windows and back-pressure, limits, floods, the ways to end
 * (RFC 9113; pitfalls.md B6 126; proxy.md 7.4). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/h2_wire.h"

#define OPEN(id) "H" #id " :method=POST :scheme=http :path=/later :authority=a;"
#define BIG(id)  "H" #id "e :method=GET :scheme=http :path=/big :authority=a;"

static struct rig *r;
static struct h2_wire w;

static void set_up(void)
{
	r = rig_new();
	h2_wire_open(&w, r);
}

static void tear_down(void)
{
	h2_wire_close(&w);
	rig_free(r);
}

static void expect(const char *words)
{
	ck_assert_str_eq(h2_wire_heard(&w), words);
}

static void hello(void)
{
	h2_wire_hello(&w);
	expect("");
}

static void say_many(const char *frame, int times)
{
	struct text bytes = {0};
	for (int i = 0; i < times; i++)
		h2_wire_write(&bytes, frame);
	rig_send(r, bytes.ptr, bytes.len);
	text_fini(&bytes);
}

/* "H<id>e ..." for each id from 1 on. */
static void open_many(const char *rest, int streams)
{
	struct text script = {0};
	for (int i = 0; i < streams; i++)
		text_printf(&script, "H%d%s;", 2 * i + 1, rest);
	h2_wire_say(&w, script.ptr);
	text_fini(&script);
}

/* ---- which version -------------------------------------------------------------------------------------------- */

START_TEST(both_versions_are_served_on_a_listener_with_the_flag)
{
	h2_wire_hello(&w);
	h2_wire_say(&w, "H1e $GET");
	expect("1:200 1=hello/");
	ck_assert_str_eq(rig_events(r), "request:/hello done");
	rig_connect(r);
	rig_say(r, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_str_eq(rig_heard(r), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello");
}
END_TEST

START_TEST(the_preface_may_arrive_byte_by_byte_and_so_may_what_is_none)
{
	for (const char *p = NGHTTP2_CLIENT_MAGIC; *p; p++)
		rig_send(r, p, 1);
	h2_wire_say(&w, "S; H1e $GET");
	expect("1:200 1=hello/");
	rig_connect(r);
	for (const char *p = "PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n"; *p; p++)
		rig_send(r, p, 1);
	ck_assert(strncmp(rig_heard(r), "HTTP/1.1 505 ", 13) == 0);
}
END_TEST

START_TEST(without_the_flag_the_preface_is_a_bad_request)
{
	r->listener.serves_http2 = false;
	rig_connect(r);
	rig_say(r, NGHTTP2_CLIENT_MAGIC);
	ck_assert(strncmp(rig_heard(r), "HTTP/1.1 505 ", 13) == 0);
}
END_TEST

START_TEST(settings_say_what_is_allowed)
{
	w.quiet = false;
	h2_wire_hello(&w);
	expect("settings 0^983041 ack");
}
END_TEST

START_TEST(the_preface_may_come_behind_a_proxy_preamble)
{
	r->listener.proxy_protocol = true;
	rig_connect(r);
	rig_say(r, "PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\n" NGHTTP2_CLIENT_MAGIC);
	h2_wire_say(&w, "S; H1e :method=GET :scheme=http :path=/later :authority=a");
	ck_assert_ptr_nonnull(r->later->conn->proxied);
	rig_answer(r, "hello");
	rig_turn(r);
	expect("1:200 1=hello/");
}
END_TEST

START_TEST(a_first_frame_that_is_no_settings_ends_the_connection)
{
	rig_say(r, NGHTTP2_CLIENT_MAGIC);
	h2_wire_say(&w, "P");
	expect("goaway:PROTOCOL_ERROR:0");
	ck_assert(r->eof);
}
END_TEST

/* ---- streams -------------------------------------------------------------------------------------------------- */

START_TEST(answers_come_in_the_order_they_are_made)
{
	hello();
	h2_wire_say(&w, OPEN(1) "H3e $GET");
	expect("3:200 3=hello/");
	rig_answer(r, "late");
	rig_turn(r);
	expect("1:200 1=late/ 1!NO_ERROR");
	ck_assert_str_eq(rig_events(r), "request:/later request:/hello done done");
	ck_assert_uint_eq(r->server.stats.requests, 2);
	ck_assert_uint_eq(r->server.stats.waiting, 1);
}
END_TEST

START_TEST(head_has_a_length_and_no_body)
{
	hello();
	h2_wire_say(&w, "H1e :method=HEAD :scheme=http :path=/hello :authority=a");
	expect("1:200/");
	ck_assert_str_eq(h2_wire_field(&w, "content-length"), "5");
	ck_assert_uint_eq(strlen(h2_wire_field(&w, "date")), 29);
}
END_TEST

START_TEST(trailers_come_and_go)
{
	hello();
	h2_wire_say(&w,
	        "H1 :method=POST :scheme=http :path=/trailers :authority=a te=trailers | D1 abc; H1e x-sum=3 x-more=");
	expect("1:200 1=abc 1:trailers/");
	ck_assert_str_eq(h2_wire_field(&w, "x-sum"), "3");
	ck_assert_str_eq(h2_wire_field(&w, "x-more"), "");
	h2_wire_say(&w, "H3e :method=GET :scheme=http :path=/trailers :authority=a");
	expect("3:200 3=/");
}
END_TEST

START_TEST(the_100_comes_when_the_body_is_wanted)
{
	hello();
	h2_wire_say(&w, "H1 $POST expect=100-continue");
	expect("1:100");
	h2_wire_say(&w, "D1e ab");
	expect("1:200 1=ab/");
	h2_wire_say(&w, "H3 $POST expect=100-continue; D3e ab"); /* it did not wait */
	expect("3:200 3=ab/");
}
END_TEST

START_TEST(streams_beyond_the_limit_are_refused)
{
	r->server.max_streams = 2;
	rig_connect(r);
	hello();
	h2_wire_say(&w, OPEN(1) OPEN(3) "H5e $GET"); /* it has not read our SETTINGS */
	expect("5!REFUSED_STREAM");
	h2_wire_say(&w, "R1 8 | H7e $GET");
	expect("7:200 7=hello/");
	ck_assert_str_eq(rig_events(r), "request:/later request:/later abort:gone request:/hello done");
	h2_wire_say(&w, "A;" OPEN(9) "H11e $GET"); /* it has */
	expect("goaway:PROTOCOL_ERROR:9");
}
END_TEST

START_TEST(a_reset_is_an_abort_and_frees_the_stream)
{
	hello();
	h2_wire_say(&w, OPEN(1) "D1 abc | R1 8 | H3e $GET");
	expect("3:200 3=hello/");
	ck_assert_str_eq(rig_events(r), "request:/later abort:gone request:/hello done");
}
END_TEST

START_TEST(an_answer_that_is_cut_is_a_reset)
{
	hello();
	h2_wire_say(&w, "H1e :method=GET :scheme=http :path=/open :authority=a");
	expect("1:200");
	stream_abort(r->later);
	r->later = NULL;
	rig_turn(r);
	expect("1!INTERNAL_ERROR");
	h2_wire_say(&w, "H3e $GET");
	expect("3:200 3=hello/");
}
END_TEST

static void begin_and_cut(void)
{
	struct head h;
	head_init(&h, &r->later->arena);
	h.status = 200;
	h.content_length = 50;
	stream_respond(r->later, &h, S("hello"), false);
	stream_abort(r->later);
	r->later = NULL;
	rig_turn(r);
}

/* Example 126. */
START_TEST(what_begins_gets_ahead_of_its_reset)
{
	hello();
	for (int i = 1; i < 21; i += 2) {
		char script[80];
		snprintf(script, sizeof script, "H%de :method=GET :scheme=http :path=/later :authority=a", i);
		h2_wire_say(&w, script);
		begin_and_cut();
	}
	char all[1024];
	snprintf(all, sizeof all, "%s", h2_wire_heard(&w));
	ck_assert_ptr_nonnull(strstr(all, "1:200 1=hello 3:200 3=hello"));
	ck_assert_ptr_null(strstr(all, " 1!"));
	ck_assert_ptr_nonnull(strstr(all, "19!INTERNAL_ERROR")); /* of so many the last ones are not waited for */
	rig_wait(r, 60);
	expect("1!INTERNAL_ERROR 3!INTERNAL_ERROR 5!INTERNAL_ERROR 7!INTERNAL_ERROR 9!INTERNAL_ERROR "
	       "11!INTERNAL_ERROR 13!INTERNAL_ERROR 15!INTERNAL_ERROR");
	h2_wire_say(&w, "H21e $GET");
	expect("21:200 21=hello/");
}
END_TEST

static void respond_short(const char *body)
{
	struct head h;
	head_init(&h, &r->later->arena);
	h.status = 200;
	h.content_length = 5;
	stream_respond(r->later, &h, slice_cstr(body), true);
	rig_turn(r);
}

START_TEST(an_answer_shorter_than_announced_is_a_reset)
{
	hello();
	h2_wire_say(&w, "H1e :method=GET :scheme=http :path=/later :authority=a");
	respond_short("abc");
	expect("1:200 1=abc 1!INTERNAL_ERROR");
	h2_wire_say(&w, "H3e :method=GET :scheme=http :path=/later :authority=a");
	respond_short("abcdefg");
	expect("3:200 3=abcde/");
	ck_assert_str_eq(rig_events(r), "request:/later done request:/later done");
}
END_TEST

START_TEST(a_client_that_leaves_aborts_all_its_streams)
{
	hello();
	h2_wire_say(&w, OPEN(1) OPEN(3));
	shutdown(r->client, SHUT_WR);
	rig_turn(r);
	ck_assert_str_eq(rig_events(r), "request:/later request:/later abort:gone abort:gone");
	ck_assert_uint_eq(r->server.stats.active, 0);
}
END_TEST

/* ---- windows -------------------------------------------------------------------------------------------------- */

START_TEST(a_body_nobody_reads_stays_within_the_window)
{
	w.quiet = false;
	h2_wire_hello(&w);
	h2_wire_heard(&w);
	h2_wire_say(&w, OPEN(1));
	struct text piece = {0};
	for (int i = 0; i < 16000; i++)
		text_putc(&piece, 'x');
	char script[16100];
	snprintf(script, sizeof script, "D1 %s", piece.ptr);
	for (int i = 0; i < 4; i++)
		h2_wire_say(&w, script);
	expect(""); /* the window is all but used up, and stays so */
	stream_read_body(r->later, true);
	rig_turn(r);
	expect("1^64000");
	stream_read_body(r->later, false);
	for (int i = 0; i < 5; i++)
		h2_wire_say(&w, script);
	expect("1!FLOW_CONTROL_ERROR");
	h2_wire_say(&w, "H3e $GET");
	expect("3:200 3=hello/");
	text_fini(&piece);
}
END_TEST

/* Sends `times` pieces of 16,000 bytes on a stream and returns by how much windows were opened for it. */
static long upload(int stream, int times)
{
	char script[16100], mark[16];
	long granted = 0;
	int head = snprintf(script, sizeof script, "D%d ", stream);

	memset(script + head, 'x', 16000);
	script[head + 16000] = '\0';
	snprintf(mark, sizeof mark, "%d^", stream);
	for (int i = 0; i < times; i++) {
		h2_wire_say(&w, script);
		for (const char *p = h2_wire_heard(&w); (p = strstr(p, mark)) != NULL; p++)
			granted += strtol(p + strlen(mark), NULL, 10);
	}
	return granted;
}

START_TEST(an_upload_whose_handler_keeps_up_gets_a_larger_window)
{
	w.quiet = false;
	r->keep_reading = true;
	h2_wire_hello(&w);
	h2_wire_say(&w, OPEN(1));
	long window = 65535 + upload(1, 100) - 100 * 16000;
	ck_assert_int_gt(window, 400000);
	ck_assert_int_le(window, 8 * 65535);
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
	stream_read_body(r->later, false);
	ck_assert_int_eq(upload(1, (int)(window / 16000)), 0);
	ck_assert_uint_le(r->loop->buffers.lent, 8);
	stream_read_body(r->later, true);
	rig_turn(r);
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
	stream_read_body(r->later, false);
	h2_wire_heard(&w);
	for (int i = 0; i < 2; i++)
		upload(1, (int)(window / 16000));
	ck_assert_uint_eq(r->loop->buffers.lent, 0); /* beyond the window: it is reset */
	ck_assert_ptr_null(strstr(rig_events(r), "done"));
}
END_TEST

START_TEST(all_windows_together_grow_by_a_bounded_amount)
{
	long grown = 0;

	w.quiet = false;
	r->keep_reading = true;
	h2_wire_hello(&w);
	for (int i = 0; i < 6; i++) {
		char script[80];
		snprintf(script, sizeof script, "H%d :method=POST :scheme=http :path=/later :authority=a", 2 * i + 1);
		h2_wire_say(&w, script);
		grown += upload(2 * i + 1, 60) - 60 * 16000;
	}
	ck_assert_int_gt(grown, 500000); /* up to half of each window is granted again only later */
	ck_assert_int_le(grown, 1024 * 1024);
	for (int i = 0; i < 6; i++) { /* what has ended leaves its share to others */
		char script[20];
		snprintf(script, sizeof script, "R%d 8", 2 * i + 1);
		h2_wire_say(&w, script);
	}
	h2_wire_say(&w, "H21 :method=POST :scheme=http :path=/later :authority=a");
	ck_assert_int_gt(upload(21, 60) - 60 * 16000, 150000);
}
END_TEST

START_TEST(an_answer_waits_for_the_window_and_its_handler_with_it)
{
	hello();
	h2_wire_say(&w, "S 4=0;" BIG(1));
	expect("1:200");
	ck_assert_uint_le(r->queued_most, STREAM_HIGH_WATER + 16 * 1024);
	h2_wire_say(&w, "W0 2000000; W1 2000000");
	size_t total = 0;
	for (const char *p = h2_wire_heard(&w); (p = strchr(p, '[')) != NULL; p++)
		total += strtoul(p + 1, NULL, 10);
	ck_assert_uint_eq(total, 1024 * 1024);
	ck_assert_str_eq(rig_events(r), "request:/big done");
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
}
END_TEST

START_TEST(all_streams_together_hold_a_bounded_amount)
{
	hello();
	h2_wire_say(&w, "S 4=0");
	open_many("e :method=GET :scheme=http :path=/big :authority=a", 100);
	ck_assert_uint_le((size_t)r->loop->buffers.lent * IOBUF_SIZE, 100 * (STREAM_HIGH_WATER + IOBUF_SIZE));
	size_t full = 0;
	for (int i = 0; i < 100; i++)
		full += r->queued_most;
	ck_assert_uint_gt(full, 0);
	close(r->client);
	r->client = -1;
	rig_turn_deaf(r);
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
}
END_TEST

START_TEST(a_client_that_does_not_read_is_not_read)
{
	hello();
	h2_wire_say(&w, "W0 1000000000; S 4=1000000000");
	struct text bytes = {0};
	for (int i = 0; i < 100; i++) {
		char frame[100];
		snprintf(frame, sizeof frame, "H%de :method=GET :scheme=http :path=/big :authority=a", 2 * i + 1);
		h2_wire_write(&bytes, frame);
	}
	send(r->client, bytes.ptr, bytes.len, MSG_NOSIGNAL);
	rig_turn_deaf(r);
	size_t held = r->loop->buffers.lent;
	for (int i = 0; i < 20; i++) {
		struct text pings = {0};
		for (int k = 0; k < 100; k++)
			h2_wire_write(&pings, "P");
		send(r->client, pings.ptr, pings.len, MSG_NOSIGNAL);
		rig_turn_deaf(r);
		text_fini(&pings);
	}
	ck_assert_uint_le(r->loop->buffers.lent, held + 1);
	ck_assert_uint_le(held * IOBUF_SIZE, 1024 * 1024 + 100 * 3 * IOBUF_SIZE);
	text_fini(&bytes);
}
END_TEST

START_TEST(a_stream_that_echoes_is_held_back_by_its_reader)
{
	hello();
	h2_wire_say(&w, "S 4=100; H1 :method=POST :scheme=http :path=/stream :authority=a");
	expect("1:200");
	char script[8100] = "D1 ";
	memset(script + 3, 'y', 8000);
	for (int i = 0; i < 40; i++)
		h2_wire_say(&w, script);
	ck_assert_uint_le(r->queued_most, STREAM_HIGH_WATER + IOBUF_SIZE);
	h2_wire_say(&w, "W0 1000000; W1 1000000 | D1e z");
	const char *heard = h2_wire_heard(&w);
	ck_assert_msg(heard[strlen(heard) - 1] == '/' || strstr(heard, "FLOW_CONTROL"), "%s", heard);
}
END_TEST

/* ---- limits --------------------------------------------------------------------------------------------------- */

START_TEST(heads_above_the_limits_are_refused_and_the_connection_stays)
{
	r->server.limits = (struct h1_limits){.line = 200, .block = 1000, .fields = 20};
	hello();
	char script[1000] = "H1e $GET x=";
	memset(script + strlen(script), 'x', 200);
	h2_wire_say(&w, script);
	expect("1:494 1=refused/");
	strcpy(script, "H3e :method=GET :scheme=http :authority=a :path=/");
	memset(script + strlen(script), 'x', 200);
	h2_wire_say(&w, script);
	expect("3:414 3=refused/");
	strcpy(script, "H5e $GET");
	for (int i = 0; i < 17; i++)
		strcat(script, " x=1");
	h2_wire_say(&w, script);
	expect("5:494 5=refused/");
	h2_wire_say(&w, "H7e $GET");
	expect("7:200 7=hello/");
}
END_TEST

START_TEST(a_list_far_above_the_limit_ends_the_connection)
{
	r->server.limits = (struct h1_limits){.line = 200, .block = 1000, .fields = 20};
	hello();
	struct text script = {0};
	text_puts(&script, "H1e $GET");
	for (int i = 0; i < 90; i++)
		text_puts(&script, " x=1");
	h2_wire_say(&w, script.ptr);
	expect("goaway:ENHANCE_YOUR_CALM:1");
	ck_assert(r->eof);
	ck_assert_str_eq(rig_events(r), "");
	text_fini(&script);
}
END_TEST

START_TEST(bodies_above_the_limit_are_refused)
{
	r->server.max_body = 4;
	hello();
	h2_wire_say(&w, "H1 $POST content-length=5; D1e hello");
	expect("1:413 1=refused/");
	h2_wire_say(&w, "H3 $POST | D3 hello");
	expect("3:413 3=refused/ 3!NO_ERROR");
	h2_wire_say(&w, "H5 :method=POST :scheme=http :path=/stream :authority=a | D5 abc | D5 de");
	expect("5:200 5=abc 5!CANCEL");
	ck_assert_str_eq(rig_events(r), "bad:413 done request:/echo bad:413 done request:/stream abort:bad-body");
}
END_TEST

START_TEST(slow_clients_are_given_up)
{
	r->server.header_timeout_ms = r->server.body_timeout_ms = r->server.send_timeout_ms = 30;
	rig_connect(r);
	hello();
	h2_wire_say(&w, "H1 $POST; D1 a");
	rig_wait(r, 60);
	expect("1:408 1=refused/ 1!NO_ERROR");
	h2_wire_say(&w, "S 4=0; H3e $GET");
	expect("3:200");
	rig_wait(r, 60);
	expect("3!CANCEL");
	h2_wire_say(&w, "H5ec $GET");
	rig_wait(r, 60);
	expect("");
	ck_assert(r->eof);
	ck_assert_str_eq(rig_events(r), "request:/echo bad:408 done request:/hello abort:gone");
}
END_TEST

START_TEST(idle_connections_are_told_goodbye)
{
	r->server.keepalive_timeout_ms = 30;
	hello();
	h2_wire_say(&w, "H1e $GET");
	expect("1:200 1=hello/");
	rig_wait(r, 60);
	expect("goaway:NO_ERROR:1");
	ck_assert(r->eof);
}
END_TEST

START_TEST(without_keepalive_a_connection_ends_with_its_streams)
{
	r->server.keepalive_timeout_ms = 0;
	hello();
	h2_wire_say(&w, "H1e $GET; H3e $GET");
	expect("1:200 1=hello/ 3:200 3=hello/ goaway:NO_ERROR:3");
	ck_assert(r->eof);
}
END_TEST

/* ---- GOAWAY --------------------------------------------------------------------------------------------------- */

#define PONG "X 6 1 0 676f6f646279652e"

START_TEST(draining_takes_two_steps)
{
	hello();
	h2_wire_say(&w, OPEN(1));
	server_drain(&r->server);
	rig_turn(r);
	expect("goaway:NO_ERROR:2147483647 ping");
	h2_wire_say(&w, "H3e $GET"); /* was on its way */
	expect("3:200 3=hello/");
	h2_wire_say(&w, PONG);
	expect("goaway:NO_ERROR:3");
	h2_wire_say(&w, "H5e $GET"); /* came too late: the client knows, and asks elsewhere */
	expect("");
	rig_answer(r, "late");
	rig_turn(r);
	expect("1:200 1=late/ 1!NO_ERROR");
	ck_assert(r->eof);
}
END_TEST

START_TEST(draining_does_not_wait_for_the_answer_to_a_ping)
{
	hello();
	server_drain(&r->server);
	rig_turn(r);
	expect("goaway:NO_ERROR:2147483647 ping");
	rig_wait(r, 1100);
	expect("goaway:NO_ERROR:0");
	ck_assert(r->eof);
}
END_TEST

START_TEST(the_last_of_max_requests_says_goodbye)
{
	r->server.max_requests = 2;
	hello();
	h2_wire_say(&w, "H1e $GET | H3e $GET | " PONG);
	expect("1:200 1=hello/ goaway:NO_ERROR:2147483647 ping 3:200 3=hello/ goaway:NO_ERROR:3");
	ck_assert(r->eof);
}
END_TEST

START_TEST(closing_aborts_what_is_open)
{
	hello();
	h2_wire_say(&w, OPEN(1) OPEN(3));
	server_close(&r->server);
	ck_assert_str_eq(rig_events(r), "request:/later request:/later abort:shutdown abort:shutdown");
}
END_TEST

/* ---- floods (10.5) -------------------------------------------------------------------------------------------- */

static const struct flood {
	const char *first, *frame;
	int times;
} floods[] = {
        {"", "P", 1200},
        {"", "S", 1200},
        {"", "X 2 0 1 0000000010", 1200},
        {"", "X 42 0 0", 1200},
        {"", "W0 1", 1200},
        {"H1 $POST", "D1", 1200},
        {"H1 $POST", "W1 1", 1200},
        {"S 4=0;" BIG(1), "S 4=0", 1200},
        {"H1ec $GET", "C1c", 20},
};

START_TEST(a_flood_ends_in_enhance_your_calm)
{
	const struct flood *x = &floods[_i];
	hello();
	h2_wire_say(&w, x->first);
	say_many(x->frame, x->times);
	const char *heard = h2_wire_heard(&w);
	ck_assert_msg(strstr(heard, "goaway:ENHANCE_YOUR_CALM"), "%s: %s", x->frame, heard);
	ck_assert(r->eof);
	ck_assert_uint_eq(r->loop->buffers.lent, 0);
}
END_TEST

START_TEST(frames_that_come_with_requests_are_no_flood)
{
	hello();
	struct text script = {0};
	for (int i = 0; i < 3000; i++) {
		text_clear(&script);
		text_printf(&script, "H%de $GET; W0 5; P", 2 * i + 1);
		h2_wire_say(&w, script.ptr);
	}
	ck_assert_ptr_null(strstr(h2_wire_heard(&w), "goaway"));
	text_fini(&script);
}
END_TEST

START_TEST(rapid_reset_ends_in_enhance_your_calm)
{
	hello();
	struct text bytes = {0};
	for (int i = 0; i < 150; i++) {
		char frames[100];
		snprintf(frames, sizeof frames, "H%de $GET; R%d 8", 2 * i + 1, 2 * i + 1);
		h2_wire_write(&bytes, frames);
	}
	rig_send(r, bytes.ptr, bytes.len);
	expect("goaway:ENHANCE_YOUR_CALM:201");
	ck_assert(r->eof);
	ck_assert_uint_le(r->server.stats.requests, 1); /* the others were not worth a handler */
	text_fini(&bytes);
}
END_TEST

/* The client does not reset; it has us do it. */
START_TEST(provoked_resets_count_as_well)
{
	hello();
	for (int i = 0; i < 102; i++) {
		char frames[100];
		snprintf(frames, sizeof frames, "H%de $GET connection=x", 2 * i + 1);
		h2_wire_say(&w, frames);
	}
	ck_assert_ptr_nonnull(strstr(h2_wire_heard(&w), "goaway:ENHANCE_YOUR_CALM"));
	ck_assert(r->eof);
}
END_TEST

START_TEST(no_memory_is_taken_per_request)
{
	hello();
	char frame[200];
	for (int i = 0; i < 3000; i++) {
		snprintf(frame, sizeof frame, "H%d $POST; D%de some-bytes", 2 * i + 1, 2 * i + 1);
		h2_wire_say(&w, frame);
		h2_wire_heard(&w);
		ck_assert_uint_eq(r->loop->buffers.lent, 0);
		ck_assert_uint_le(r->server.spares, 1);
	}
}
END_TEST

static Suite *suite(void)
{
	const TTest *const tests[] = {both_versions_are_served_on_a_listener_with_the_flag,
	        the_preface_may_arrive_byte_by_byte_and_so_may_what_is_none,
	        without_the_flag_the_preface_is_a_bad_request, settings_say_what_is_allowed,
	        the_preface_may_come_behind_a_proxy_preamble, without_keepalive_a_connection_ends_with_its_streams,
	        a_first_frame_that_is_no_settings_ends_the_connection, answers_come_in_the_order_they_are_made,
	        head_has_a_length_and_no_body, trailers_come_and_go, the_100_comes_when_the_body_is_wanted,
	        streams_beyond_the_limit_are_refused, a_reset_is_an_abort_and_frees_the_stream,
	        an_answer_that_is_cut_is_a_reset, what_begins_gets_ahead_of_its_reset,
	        an_answer_shorter_than_announced_is_a_reset, a_client_that_leaves_aborts_all_its_streams,
	        a_body_nobody_reads_stays_within_the_window, an_upload_whose_handler_keeps_up_gets_a_larger_window,
	        all_windows_together_grow_by_a_bounded_amount, an_answer_waits_for_the_window_and_its_handler_with_it,
	        all_streams_together_hold_a_bounded_amount, a_client_that_does_not_read_is_not_read,
	        a_stream_that_echoes_is_held_back_by_its_reader,
	        heads_above_the_limits_are_refused_and_the_connection_stays,
	        a_list_far_above_the_limit_ends_the_connection, bodies_above_the_limit_are_refused,
	        slow_clients_are_given_up, idle_connections_are_told_goodbye, draining_takes_two_steps,
	        draining_does_not_wait_for_the_answer_to_a_ping, the_last_of_max_requests_says_goodbye,
	        closing_aborts_what_is_open, frames_that_come_with_requests_are_no_flood,
	        rapid_reset_ends_in_enhance_your_calm, provoked_resets_count_as_well, no_memory_is_taken_per_request};
	Suite *s = suite_create("h2_server");
	TCase *c = tcase_create("streams");
	tcase_add_checked_fixture(c, set_up, tear_down);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tcase_add_test(c, tests[i]);
	tcase_add_loop_test(c, a_flood_ends_in_enhance_your_calm, 0, sizeof floods / sizeof floods[0]);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
