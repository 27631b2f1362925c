/* regex: see regex.h. PCRE2 with JIT; where that is not to be had its interpreter runs, with the same limits. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "common/plugin/regex.h"

#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

enum { MATCH_STEPS = 20000, MATCH_HEAP_KIB = 1024 };

struct regex {
	pcre2_code *code;
};

static pcre2_match_context *limits; /* made once, then only read */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_limits(void)
{
	limits = pcre2_match_context_create(NULL);
	if (!limits)
		abort();
	pcre2_set_match_limit(limits, MATCH_STEPS);
	pcre2_set_heap_limit(limits, MATCH_HEAP_KIB);
}

static void free_code(void *code)
{
	pcre2_code_free(code);
}

const struct regex *regex_compile(struct arena *a, struct slice text, enum regex_place place, struct err *e)
{
	static const uint32_t by_place[] = {[REGEX_WHOLE] = PCRE2_ANCHORED | PCRE2_ENDANCHORED,
	        [REGEX_TEXT] = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF};
	const uint32_t options = by_place[place];
	PCRE2_UCHAR why[200] = "";
	PCRE2_SIZE at;
	int number;

	pthread_once(&once, make_limits);
	pcre2_code *code = pcre2_compile(
	        (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, options, &number, &at, NULL);
	if (!code) {
		pcre2_get_error_message(number, why, sizeof why);
		err_set(e, "invalid regex '%.*s': %s at offset %zu", SLICE_ARG(text), (char *)why, (size_t)at);
		return NULL;
	}
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	struct regex *r = arena_new(a, struct regex);
	r->code = code;
	arena_defer(a, free_code, code);
	return r;
}

enum regex_outcome regex_try(const struct regex *r, struct slice subject)
{
	PCRE2_SPTR bytes = (PCRE2_SPTR)(subject.ptr ? subject.ptr : "");
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);

	if (!data)
		abort();
	int found = pcre2_match(r->code, bytes, subject.len, 0, 0, data, limits);
	if (found == PCRE2_ERROR_JIT_STACKLIMIT)
		found = pcre2_match(r->code, bytes, subject.len, 0, PCRE2_NO_JIT, data, limits);
	pcre2_match_data_free(data);
	if (found < 0)
		return found == PCRE2_ERROR_NOMATCH ? REGEX_NO : REGEX_TOO_SLOW;
	return REGEX_YES; /* 0: it matched, and has more groups than there was room for */
}

bool regex_matches(const struct regex *r, struct slice subject)
{
	return regex_try(r, subject) == REGEX_YES;
}
