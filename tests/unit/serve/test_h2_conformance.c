/* RFC 9113, section by section: what a client sends, what it gets. After a stream error the connection still serves;
 * after a connection error it is closed. pitfalls.md B6 is in here row by row. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/h2_wire.h"

#define OK "1:200 1=hello/"

static const struct example {
	const char *section, *script, *answer;
} examples[] = {
        /* 3.4: the first frame is SETTINGS */
        {"3.4", "", ""},
        /* 4.1: unknown types are passed over, so are unknown flags and the reserved bit */
        {"4.1", "X 42 0 0 0102; X 42 255 1; H1e $GET", OK},
        {"4.1", "X 6 254 0 0000000000000000; H1e $GET", "pong " OK},
        {"4.1", "X 6 0 2147483648 0000000000000000", "pong"},
        /* 4.2: sizes that the type does not have */
        {"4.2", "X 6 0 0 00000000000000", "goaway:FRAME_SIZE_ERROR:0"},
        {"4.2", "X 4 0 0 0001", "goaway:FRAME_SIZE_ERROR:0"},
        {"4.2", "X 4 1 0 000100000000", "goaway:FRAME_SIZE_ERROR:0"},
        {"4.2", "X 8 0 0 000001", "goaway:FRAME_SIZE_ERROR:0"},
        {"4.2", "X 2 0 1 00000000", "goaway:FRAME_SIZE_ERROR:0"},
        {"4.2", "X 7 0 0 00000000", "goaway:FRAME_SIZE_ERROR:0"},
        /* 4.3: HPACK */
        {"4.3", "X 1 5 1 ff80ffffffffffffffff", "goaway:COMPRESSION_ERROR:1"},
        {"4.3", "X 1 5 1 80", "goaway:COMPRESSION_ERROR:1"},
        {"4.3", "X 1 5 1 3fe1ff03", "goaway:COMPRESSION_ERROR:1"}, /* a table larger than allowed */
        /* 5.1: states of streams */
        {"5.1 idle", "D1 x", "goaway:PROTOCOL_ERROR:0"},
        {"5.1 idle", "R1 8", "goaway:PROTOCOL_ERROR:0"},
        {"5.1 idle", "W1 100", "goaway:PROTOCOL_ERROR:0"},
        {"5.1 half-closed", "H1e :path=/later :method=GET :scheme=http :authority=a; D1 x", "goaway:STREAM_CLOSED:1"},
        {"5.1 half-closed", "H1e :path=/later :method=GET :scheme=http :authority=a; H1e x-more=1",
                "goaway:STREAM_CLOSED:1"},
        {"5.1 closed", "H1e $GET | W1 100; R1 8; H3e $GET", OK " 3:200 3=hello/"},
        {"5.1 closed", "H1e $GET; W1 100; R1 8; H3e $GET", "3:200 3=hello/"},
        /* 5.1.1: numbers of streams */
        {"5.1.1", "H2e $GET", "goaway:PROTOCOL_ERROR:0"},
        {"5.1.1", "H0e $GET", "goaway:PROTOCOL_ERROR:0"},
        /* a lower one than before may be one that we have reset: nghttp2 decodes and drops it */
        {"5.1.1", "H5e $GET; H3e $GET", "5:200 5=hello/"},
        /* 5.5: extension frames inside a header block */
        {"5.5", "H1ec $GET; X 42 0 1; C1", "goaway:PROTOCOL_ERROR:1"},
        /* 6.1 */
        {"6.1", "D0 x", "goaway:PROTOCOL_ERROR:0"},
        {"6.1 padding", "H1 $POST; X 0 9 1 0268690000", "1:200 1=hi/"},
        {"6.1 padding", "H1 $POST; X 0 9 1 026869790000", "1:200 1=hiy/"},
        {"6.1 padding", "H1 $POST; X 0 9 1 09686979", "goaway:PROTOCOL_ERROR:1"},
        /* 6.2, 6.10 */
        {"6.2", "X 1 13 1 09", "goaway:PROTOCOL_ERROR:0"},
        {"6.10", "H1ec :method=GET :scheme=http; C1c :path=/hello; C1 :authority=a", OK},
        {"6.10", "H1ec $GET; P", "goaway:PROTOCOL_ERROR:1"},
        {"6.10", "H1ec $GET; C3", "goaway:PROTOCOL_ERROR:1"},
        {"6.10", "H1ec $GET; H3e $GET", "goaway:PROTOCOL_ERROR:1"},
        {"6.10", "C1 $GET", "goaway:PROTOCOL_ERROR:0"},
        {"6.10", "H1e $GET | C1 x=y", OK " goaway:PROTOCOL_ERROR:1"},
        /* 6.3: PRIORITY is legal, and means nothing any more */
        {"6.3", "X 2 0 1 0000000010; H1e $GET", OK},
        {"6.3", "X 2 0 0 0000000010", "goaway:PROTOCOL_ERROR:0"},
        /* 6.4 */
        {"6.4", "R0 8", "goaway:PROTOCOL_ERROR:0"},
        {"6.4", "H1 $POST; X 3 0 1 000000", "goaway:FRAME_SIZE_ERROR:1"},
        /* 6.5 */
        {"6.5", "X 4 0 1", "goaway:PROTOCOL_ERROR:0"},
        {"6.5.2", "S 2=2", "goaway:PROTOCOL_ERROR:0"},
        {"6.5.2", "S 4=2147483648", "goaway:FLOW_CONTROL_ERROR:0"},
        {"6.5.2", "S 5=16383", "goaway:PROTOCOL_ERROR:0"},
        {"6.5.2", "S 5=16777216", "goaway:PROTOCOL_ERROR:0"},
        {"6.5.2", "S 99=1; H1e $GET", OK},
        /* 6.6: clients do not push */
        {"6.6", "X 5 4 1 0000000282", "goaway:PROTOCOL_ERROR:0"},
        /* 6.7 */
        {"6.7", "P", "pong"},
        {"6.7", "X 6 0 1 0000000000000000", "goaway:PROTOCOL_ERROR:0"},
        /* 6.8 */
        {"6.8", "X 7 0 1 0000000000000000", "goaway:PROTOCOL_ERROR:0"},
        /* 6.9 */
        {"6.9", "W0 0", "goaway:PROTOCOL_ERROR:0"},
        {"6.9", "H1 $POST; W1 0; H3e $GET", "goaway:PROTOCOL_ERROR:1"},
        {"6.9.1", "W0 2147483647", "goaway:FLOW_CONTROL_ERROR:0"},
        {"6.9.1", "H1 $POST; W1 2147483647; H3e $GET", "1!FLOW_CONTROL_ERROR 3:200 3=hello/"},
        {"6.9.2", "S 4=0; H1e $GET | W1 2 | S 4=3", "1:200 1=he 1=llo/"},
        {"6.9.2", "S 4=0; H1e $GET; S 4=5", "1:200 1=hello/"},
        /* 8.1: messages */
        {"8.1", "H1 $POST; D1 ab; D1e c", "1:200 1=abc/"},
        {"8.1 trailers", "H1 $POST; D1 ab; H1e x-sum=1", "1:200 1=ab/"},
        {"8.1 trailers", "H1 $POST; D1 ab; H1 x-sum=1; H3e $GET", "1!PROTOCOL_ERROR 3:200 3=hello/"},
        {"8.1 trailers", "H1 $POST; D1 ab; H1e :path=/; H3e $GET", "1!PROTOCOL_ERROR 3:200 3=hello/"},
        {"8.1 trailers", "H1 $POST; D1 ab; H1e content-length=2", "1!PROTOCOL_ERROR"},
        /* 8.1.1 (B6 119) */
        {"8.1.1", "H1 $POST content-length=3; D1e abc", "1:200 1=abc/"},
        {"8.1.1", "H1 $POST content-length=4; D1e abc", "1!PROTOCOL_ERROR"},
        {"8.1.1", "H1 $POST content-length=2; D1e abc", "1!PROTOCOL_ERROR"},
        {"8.1.1", "H1 $POST content-length=2; D1 abc", "1!PROTOCOL_ERROR"},
        {"8.1.1", "H1e $POST content-length=2", "1!PROTOCOL_ERROR"},
        {"8.1.1", "H1e $GET content-length=0", OK},
        {"8.1.1", "H1 $POST content-length=3; D1 abc; H1e x-sum=1", "1:200 1=abc/"},
        {"8.1.1", "H1 $POST content-length=3 content-length=3; D1e abc", "1!PROTOCOL_ERROR"},
        {"8.1.1", "H1 $POST content-length=+3; D1e abc", "1!PROTOCOL_ERROR"},
        {"8.1.1", "H1 $POST content-length=-3; D1e abc", "1!PROTOCOL_ERROR"},
        {"8.1.1", "H1 $POST content-length=99999999999999999999; D1e abc", "1!PROTOCOL_ERROR"},
        /* 8.2 (B6 117) */
        {"8.2", "H1e $GET X-Big=1", "1!PROTOCOL_ERROR"},
        {"8.2", "H1e $GET Host=a.test", "1!PROTOCOL_ERROR"},
        /* 8.2.1 (B6 116) */
        {"8.2.1", "H1e $GET x%0d%0a=1", "1!PROTOCOL_ERROR"},
        {"8.2.1", "H1e $GET x%00=1", "1!PROTOCOL_ERROR"},
        {"8.2.1", "H1e $GET x%3ay=1", "1!PROTOCOL_ERROR"},
        {"8.2.1", "H1e $GET x%20y=1", "1!PROTOCOL_ERROR"},
        {"8.2.1", "H1e $GET x%80=1", "1!PROTOCOL_ERROR"},
        {"8.2.1", "H1e $GET x=a%0d%0aevil:+1", "1!PROTOCOL_ERROR"},
        {"8.2.1", "H1e $GET x=a%0ab", "1!PROTOCOL_ERROR"},
        {"8.2.1", "H1e $GET x=a%00b", "1!PROTOCOL_ERROR"},
        {"8.2.1", "H1e $GET x=a%07b", "1!PROTOCOL_ERROR"},
        {"8.2.1", "H1e $GET x=+a", "1!PROTOCOL_ERROR"},
        {"8.2.1", "H1e $GET x=a%09", "1!PROTOCOL_ERROR"},
        {"8.2.1", "H1e $GET x=a%09b+c%80 y=", OK},
        /* 8.2.2 (B6 118) */
        {"8.2.2", "H1e $GET connection=close", "1!PROTOCOL_ERROR"},
        {"8.2.2", "H1e $GET connection=x; H3e $GET", "1!PROTOCOL_ERROR 3:200 3=hello/"},
        {"8.2.2", "H1e $GET keep-alive=5", "1!PROTOCOL_ERROR"},
        {"8.2.2", "H1e $GET proxy-connection=close", "1!PROTOCOL_ERROR"},
        {"8.2.2", "H1 $POST transfer-encoding=chunked; D1e 0", "1!PROTOCOL_ERROR"},
        {"8.2.2", "H1e $GET upgrade=websocket", "1!PROTOCOL_ERROR"},
        {"8.2.2", "H1e $GET te=gzip", "1!PROTOCOL_ERROR"},
        {"8.2.2", "H1e $GET te=trailers", OK},
        /* 8.3 (B6 122) */
        {"8.3", "H1e x=1 $GET", "1!PROTOCOL_ERROR"},
        {"8.3", "H1e $GET :unknown=1", "1!PROTOCOL_ERROR"},
        {"8.3", "H1e $GET :status=200", "1!PROTOCOL_ERROR"},
        {"8.3", "H1e $GET :path=/other", "1!PROTOCOL_ERROR"},
        {"8.3", "H1e $GET :method=GET", "1!PROTOCOL_ERROR"},
        {"8.3", "H1e : $GET", "1!PROTOCOL_ERROR"},
        /* 8.3.1 (B6 120, 121, 123, 124) */
        {"8.3.1", "H1e :method=GET :scheme=http :authority=a", "1!PROTOCOL_ERROR"},
        {"8.3.1", "H1e :method=GET :path=/hello :authority=a", "1!PROTOCOL_ERROR"},
        {"8.3.1", "H1e :scheme=http :path=/hello :authority=a", "1!PROTOCOL_ERROR"},
        {"8.3.1", "H1e :method=G+T :scheme=http :path=/hello :authority=a", "1!PROTOCOL_ERROR"},
        {"8.3.1", "H1e :method=GET%0d :scheme=http :path=/hello :authority=a", "1!PROTOCOL_ERROR"},
        {"8.3.1", "H1e :method= :scheme=http :path=/hello :authority=a", "1!PROTOCOL_ERROR"},
        {"8.3.1", "H1e :method=get :scheme=http :path=/hello :authority=a", "1:400 1=refused/"},
        {"8.3.1", "H1e :method=GET :scheme=http :path= :authority=a", "1:400 1=refused/"},
        {"8.3.1", "H1e :method=GET :scheme=http :path=hello :authority=a", "1:400 1=refused/"},
        {"8.3.1", "H1e :method=GET :scheme=http :path=http://a/ :authority=a", "1:400 1=refused/"},
        {"8.3.1", "H1e :method=OPTIONS :scheme=http :path=* :authority=a", "1:400 1=refused/"},
        {"8.3.1", "H1e :method=GET :scheme=http :path=/a+b :authority=a", "1:400 1=refused/"},
        {"8.3.1", "H1e :method=GET :scheme=http :path=/a#b :authority=a", "1:400 1=refused/"},
        {"8.3.1", "H1e :method=GET :scheme=http :path=/hello", "1:400 1=refused/"},
        {"8.3.1", "H1e :method=GET :scheme=http :path=/hello :authority=", "1:400 1=refused/"},
        {"8.3.1", "H1e :method=GET :scheme=http :path=/hello :authority=u@a", "1:400 1=refused/"},
        {"8.3.1", "H1e :method=GET :scheme=http :path=/hello :authority=a/b", "1:400 1=refused/"},
        {"8.3.1", "H1e :method=GET :scheme=http :path=/hello host=a", OK},
        {"8.3.1", "H1e :method=GET :scheme=http :path=/hello host=a host=a", "1!PROTOCOL_ERROR"},
        {"8.3.1", "H1e $GET host=A.Test", OK},
        {"8.3.1", "H1e $GET host=b.test", "1:400 1=refused/"},
        {"8.3.1", "H1e $GET host=b.test; H3e $GET", "1:400 1=refused/ 3:200 3=hello/"},
        {"8.3.1", "H1e :method=GET :scheme=gopher :path=/hello :authority=a", OK},
        {"8.3.1", "H1e :method=TRACE :scheme=http :path=/ :authority=a", "1:405 1=refused/"},
        /* 8.5 (B6 129) */
        {"8.5", "H1 :method=CONNECT :authority=a:443", "1:405 1=refused/ 1!NO_ERROR"},
        {"8.5", "H1 :method=CONNECT", "1!PROTOCOL_ERROR"},
        {"8.5", "H1 :method=CONNECT :authority=a :path=/", "1!PROTOCOL_ERROR"},
        {"8.5", "H1 :method=CONNECT :protocol=websocket :scheme=http :path=/ :authority=a", "1!PROTOCOL_ERROR"},
};

START_TEST(an_example)
{
	const struct example *x = &examples[_i];
	struct rig *r = rig_new();
	struct h2_wire w;

	h2_wire_open(&w, r);
	h2_wire_hello(&w);
	h2_wire_say(&w, x->script);
	const char *heard = h2_wire_heard(&w);
	ck_assert_msg(strcmp(heard, x->answer) == 0, "%s: %s\nexpected: %s\ngot:      %s", x->section, x->script,
	        x->answer, heard);
	/* a connection error ends it, nothing else does */
	ck_assert_int_eq(r->eof, strstr(x->answer, "goaway") != NULL);
	h2_wire_close(&w);
	rig_free(r);
}
END_TEST

/* The same bytes, one at a time. */
START_TEST(an_example_byte_by_byte)
{
	const struct example *x = &examples[_i];
	if (strchr(x->script, '|') || strstr(x->script, "R1 8;"))
		return; /* is about what comes together */
	struct rig *r = rig_new();
	struct h2_wire w;
	struct text bytes = {0};

	h2_wire_open(&w, r);
	h2_wire_hello(&w);
	h2_wire_write(&bytes, x->script);
	for (size_t i = 0; i < bytes.len; i++)
		rig_send(r, bytes.ptr + i, 1);
	const char *heard = h2_wire_heard(&w);
	ck_assert_msg(strcmp(heard, x->answer) == 0, "%s: %s\nexpected: %s\ngot:      %s", x->section, x->script,
	        x->answer, heard);
	text_fini(&bytes);
	h2_wire_close(&w);
	rig_free(r);
}
END_TEST

static Suite *suite(void)
{
	enum { EXAMPLES = sizeof examples / sizeof examples[0] };
	Suite *s = suite_create("h2_conformance");
	TCase *c = tcase_create("examples");
	tcase_add_loop_test(c, an_example, 0, EXAMPLES);
	tcase_add_loop_test(c, an_example_byte_by_byte, 0, EXAMPLES);
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
