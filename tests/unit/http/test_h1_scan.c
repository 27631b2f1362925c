/* h1_scan: every variant against the scalar one, and the class table against the grammar. */
#include <check.h>
#include <ctype.h>
#include <stdlib.h>

#include "common/http/h1_scan.h"
#include "tests/support/guarded.h"

typedef const char *(*scan_fn)(const char *begin, const char *p, const char *end);

static const struct variant {
	const char *name;
	scan_fn scan;
	uint8_t class;
	bool needs_avx2;
} variants[] = {
        {"value", h1_scan_value, H1_VALUE, false},
        {"target", h1_scan_target, H1_TARGET, false},
        {"token", h1_scan_token, H1_TOKEN, false},
#ifdef H1_SCAN_SSE2
        {"value, sse2", h1_scan_value_sse2, H1_VALUE, false},
        {"target, sse2", h1_scan_target_sse2, H1_TARGET, false},
        {"token, sse2", h1_scan_token_sse2, H1_TOKEN, false},
        {"value, avx2", h1_scan_value_avx2, H1_VALUE, true},
        {"target, avx2", h1_scan_target_avx2, H1_TARGET, true},
#endif
};
enum { VARIANTS = sizeof variants / sizeof *variants, LONGEST = 200 };

static bool is_runnable(const struct variant *v)
{
#ifdef H1_SCAN_SSE2
	return !v->needs_avx2 || __builtin_cpu_supports("avx2");
#else
	return true;
#endif
}

static void same_as_scalar(const struct variant *v, const char *p, size_t n)
{
	ptrdiff_t want = h1_scan_bytes(p, p + n, v->class) - p;
	ptrdiff_t got = v->scan(p, p, p + n) - p;
	ck_assert_msg(got == want, "%s over %zu bytes stops at %td, not %td", v->name, n, got, want);
	size_t skip = n / 2; /* the first half is readable, but not looked at */
	want = h1_scan_bytes(p + skip, p + n, v->class) - p;
	got = v->scan(p, p + skip, p + n) - p;
	ck_assert_msg(got == want, "%s over %zu bytes from %zu stops at %td, not %td", v->name, n, skip, got, want);
}

START_TEST(every_byte_stops_or_not_as_the_scalar_scan_says_at_every_offset)
{
	const struct variant *v = &variants[_i];
	struct guarded g;
	char bytes[70];

	if (!is_runnable(v))
		return;
	guarded_init(&g, sizeof bytes);
	for (int c = 0; c < 256; c++)
		for (size_t at = 0; at < sizeof bytes; at++) {
			memset(bytes, 'a', sizeof bytes);
			bytes[at] = (char)c;
			same_as_scalar(v, guarded_put(&g, bytes, sizeof bytes), sizeof bytes);
		}
	guarded_fini(&g);
}
END_TEST

START_TEST(runs_of_every_length_end_at_the_end_and_nothing_behind_is_read)
{
	const struct variant *v = &variants[_i];
	struct guarded g;
	char bytes[LONGEST];

	if (!is_runnable(v))
		return;
	guarded_init(&g, sizeof bytes);
	memset(bytes, 'a', sizeof bytes);
	for (size_t n = 0; n <= LONGEST; n++) {
		const char *p = guarded_put(&g, bytes, n);
		ck_assert(v->scan(p, p, p + n) == p + n);
	}
	guarded_fini(&g);
}
END_TEST

START_TEST(a_copy_is_the_same_bytes_and_tells_of_control_characters_at_any_place)
{
	struct guarded from, to;
	char bytes[70], out[70];

	guarded_init(&from, sizeof bytes);
	guarded_init(&to, sizeof out);
	memset(out, '#', sizeof out);
	for (size_t n = 0; n <= sizeof bytes; n++)
		for (size_t at = 0; at <= n; at++) { /* n: nowhere */
			memset(bytes, 'a', sizeof bytes);
			for (size_t i = 0; i < n; i++)
				bytes[i] = (char)('!' + i);
			if (at < n)
				bytes[at] = at % 2 ? '\n' : 0x7f;
			const char *p = guarded_put(&from, bytes, n);
			char *copy = (char *)guarded_put(&to, out, n);
			ck_assert_msg(h1_copy_value(copy, p, n) == (at == n), "%zu bytes, control at %zu", n, at);
			ck_assert(n == 0 || memcmp(copy, bytes, n) == 0);
		}
	ck_assert(h1_copy_value(out, "\t\x80\xff", 3));
	guarded_fini(&from);
	guarded_fini(&to);
}
END_TEST

START_TEST(random_bytes_give_what_the_scalar_scan_gives)
{
	const struct variant *v = &variants[_i];
	struct guarded g;
	char bytes[LONGEST];
	unsigned seed = 7;

	if (!is_runnable(v))
		return;
	guarded_init(&g, sizeof bytes);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)rand_r(&seed) % LONGEST;
		for (size_t i = 0; i < n; i++) /* mostly harmless, or the scans would never get far */
			bytes[i] = (char)(rand_r(&seed) % 64 ? 'a' + rand_r(&seed) % 26 : rand_r(&seed));
		same_as_scalar(v, guarded_put(&g, bytes, n), n);
	}
	guarded_fini(&g);
}
END_TEST

static uint8_t class_by_grammar(int c)
{
	bool ascii = c < 128, alnum = ascii && isalnum(c), control = c < 0x20 || c == 0x7f;
	bool token = alnum || (ascii && c && strchr("!#$%&'*+-.^_`|~", c)); /* RFC 9110 5.6.2 */
	uint8_t class = 0;

	class |= token ? H1_TOKEN : 0;
	class |= token && !(ascii && islower(c)) ? H1_METHOD : 0;
	class |= !control || c == '\t' ? H1_VALUE : 0;
	class |= !control && c != ' ' && c != '#' ? H1_TARGET : 0;
	class |= alnum || (ascii && c && strchr("-._~!$&'()*+,;=", c)) ? H1_REGNAME : 0; /* RFC 3986 3.2.2 */
	class |= ascii && isxdigit(c) ? H1_HEX : 0;
	class |= ascii && isdigit(c) ? H1_DIGIT : 0;
	return class;
}

START_TEST(the_class_table_is_what_the_grammar_says)
{
	for (int c = 0; c < 256; c++)
		ck_assert_msg(h1_class[c] == class_by_grammar(c), "byte 0x%02x", c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("h1_scan");
	TCase *t = tcase_create("h1_scan");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_byte_stops_or_not_as_the_scalar_scan_says_at_every_offset, 0, VARIANTS);
	tcase_add_loop_test(t, runs_of_every_length_end_at_the_end_and_nothing_behind_is_read, 0, VARIANTS);
	tcase_add_loop_test(t, random_bytes_give_what_the_scalar_scan_gives, 0, VARIANTS);
	tcase_add_test(t, a_copy_is_the_same_bytes_and_tells_of_control_characters_at_any_place);
	tcase_add_test(t, the_class_table_is_what_the_grammar_says);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
