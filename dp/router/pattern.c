/* pattern: see pattern.h. PCRE2 with JIT for both dialects; the compatible one reads UTF-8 as Rust's regex does, but
 * goes on where the subject is not well-formed (DEV-27). */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "dp/router/pattern.h"

#include <ctype.h>
#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/core/map.h"
#include "common/core/text.h"
#include "common/expr/rust_regex.h"

enum { MATCH_STEPS = 10000, MATCH_HEAP_KIB = 1024 };

struct pattern {
	pcre2_code *code;
	enum pattern_kind kind;
	unsigned refs;
	uint32_t groups, names, name_size;
	PCRE2_SPTR name_table;
	struct text key, literal;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map patterns;               /* key -> struct pattern, those in use */
static pcre2_match_context *match_limits; /* made with the first pattern, then only read */

/* ---- the literal start -------------------------------------------------------------------------------------- */

/* Does '|' stand outside all groups? Then no start is common. True as well for what this reader does not follow. */
static bool has_top_alternation(struct slice re)
{
	int depth = 0;
	bool in_class = false;

	for (size_t i = 0; i < re.len; i++) {
		char c = re.ptr[i];
		if (c == '\\') {
			if (i + 1 < re.len && re.ptr[i + 1] == 'Q')
				return true;
			i++;
		} else if (in_class) {
			in_class = c != ']';
		} else if (c == '[') {
			in_class = true;
			if (i + 1 < re.len && re.ptr[i + 1] == '^')
				i++;
			if (i + 1 < re.len && re.ptr[i + 1] == ']')
				i++;
		} else if (c == '(') {
			if (i + 2 < re.len && re.ptr[i + 1] == '?' && (re.ptr[i + 2] == '#' || re.ptr[i + 2] == 'x'))
				return true;
			depth++;
		} else if (c == ')') {
			depth--;
		} else if (c == '|' && depth <= 0) {
			return true;
		}
	}
	return false;
}

static bool is_meta(char c)
{
	return strchr(".[](){}*+?|$^\\", c) != NULL; /* NUL as well */
}

/* The bytes that the pattern's text demands at the start, up to the first that is not plain. */
static void find_literal(struct slice re, struct text *out)
{
	if (has_top_alternation(re))
		return;
	for (size_t i = 0; i < re.len; i++) {
		char c = re.ptr[i];
		if (c == '\\' && i + 1 < re.len && ispunct((unsigned char)re.ptr[i + 1]))
			c = re.ptr[++i];
		else if (is_meta(c))
			return;
		if ((unsigned char)c >= 0x80) /* a quantifier may stand behind the rest of the character */
			return;
		char next = i + 1 < re.len ? re.ptr[i + 1] : '.';
		if (next == '*' || next == '?' || next == '{') /* the byte may be missing */
			return;
		text_putc(out, c);
	}
}

/* ---- making ------------------------------------------------------------------------------------------------- */

static uint32_t compile_options(enum pattern_kind kind)
{
	switch (kind) {
	case PATTERN_PATH_TRADITIONAL: return PCRE2_ANCHORED;
	case PATTERN_PATH_COMPATIBLE:
	case PATTERN_EXPRESSION: return rust_regex_options();
	case PATTERN_HEADER_TRADITIONAL: return 0;
	case PATTERN_HEADER_COMPATIBLE: return rust_regex_options() | PCRE2_CASELESS;
	}
	return 0;
}

static pcre2_code *compile(enum pattern_kind kind, struct slice text, struct err *e)
{
	struct text source = {0};
	int code = 0;
	PCRE2_SIZE at = 0;
	PCRE2_UCHAR why[200] = "";

	if (kind == PATTERN_PATH_COMPATIBLE)
		text_putc(&source, '^');
	text_put(&source, text);
	pcre2_code *re = pcre2_compile(
	        (PCRE2_SPTR)text_cstr(&source), source.len, compile_options(kind), &code, &at, NULL);
	text_fini(&source);
	if (!re) {
		pcre2_get_error_message(code, why, sizeof why);
		at -= kind == PATTERN_PATH_COMPATIBLE && at > 0; /* the '^' is not the user's */
		err_set(e, "invalid regex '%.*s': %s at offset %zu", SLICE_ARG(text), (char *)why, (size_t)at);
		return NULL;
	}
	pcre2_jit_compile(re, PCRE2_JIT_COMPLETE); /* without it the interpreter runs */
	return re;
}

static void make_match_limits(void)
{
	if (match_limits)
		return;
	match_limits = pcre2_match_context_create(NULL);
	if (!match_limits)
		abort();
	pcre2_set_match_limit(match_limits, MATCH_STEPS);
	pcre2_set_heap_limit(match_limits, MATCH_HEAP_KIB);
}

static struct pattern *pattern_new(enum pattern_kind kind, struct slice text, struct err *e)
{
	pcre2_code *code = compile(kind, text, e);
	if (!code)
		return NULL;
	struct pattern *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->code = code;
	p->kind = kind;
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &p->groups);
	pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &p->names);
	pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &p->name_size);
	pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &p->name_table);
	if (kind == PATTERN_PATH_TRADITIONAL || kind == PATTERN_PATH_COMPATIBLE)
		find_literal(text, &p->literal);
	make_match_limits();
	return p;
}

const struct pattern *pattern_get(enum pattern_kind kind, struct slice text, struct err *e)
{
	struct text key = {0};
	text_putc(&key, (char)('0' + kind));
	text_put(&key, text);

	pthread_mutex_lock(&lock);
	struct pattern *p = map_get(&patterns, text_slice(&key));
	if (!p && (p = pattern_new(kind, text, e))) {
		p->key = key;
		key = (struct text){0};
		map_set(&patterns, text_slice(&p->key), p);
	}
	if (p)
		p->refs++;
	pthread_mutex_unlock(&lock);
	text_fini(&key);
	return p;
}

void pattern_put(const struct pattern *shared)
{
	struct pattern *p = (struct pattern *)shared; /* readers see it const; its count is ours */

	pthread_mutex_lock(&lock);
	bool last = --p->refs == 0;
	if (last) {
		map_remove(&patterns, text_slice(&p->key));
		if (patterns.count == 0)
			map_fini(&patterns), patterns = (struct map){0};
	}
	pthread_mutex_unlock(&lock);
	if (!last)
		return;
	pcre2_code_free(p->code);
	text_fini(&p->key);
	text_fini(&p->literal);
	free(p);
}

struct slice pattern_literal(const struct pattern *p)
{
	return text_slice(&p->literal);
}

/* ---- matching ----------------------------------------------------------------------------------------------- */

static void *scratch_alloc(size_t size, void *arena)
{
	return arena_alloc(arena, size);
}

static void scratch_free(void *memory, void *arena)
{
}

static pcre2_match_data *scratch_data(struct pattern_scratch *s, uint32_t pairs)
{
	if (s->data && s->pairs >= pairs)
		return s->data;
	pcre2_general_context *memory = pcre2_general_context_create(scratch_alloc, scratch_free, s->arena);
	s->pairs = pairs < 8 ? 8 : pairs;
	s->data = pcre2_match_data_create(s->pairs, memory);
	return s->data;
}

bool pattern_match(const struct pattern *p, struct slice subject, struct pattern_scratch *s, struct slice *hit)
{
	pcre2_match_data *data = scratch_data(s, p->groups + 1);
	PCRE2_SPTR bytes = (PCRE2_SPTR)(subject.ptr ? subject.ptr : "");

	int found = pcre2_match(p->code, bytes, subject.len, 0, 0, data, match_limits);
	if (found == PCRE2_ERROR_JIT_STACKLIMIT)
		found = pcre2_match(p->code, bytes, subject.len, 0, PCRE2_NO_JIT, data, match_limits);
	s->last = found > 0 ? p : NULL;
	if (found <= 0)
		return false;
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
	if (at[1] < at[0]) /* \K in a look-ahead */
		return false;
	*hit = slice_of((const char *)bytes + at[0], at[1] - at[0]);
	return true;
}

static bool group(
        const struct pattern *p, struct slice subject, struct pattern_scratch *s, uint32_t i, struct slice *out)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->data);

	if (i > p->groups || at[2 * i] == PCRE2_UNSET || at[2 * i + 1] < at[2 * i])
		return false;
	*out = slice_of(subject.ptr + at[2 * i], at[2 * i + 1] - at[2 * i]);
	return true;
}

size_t pattern_captures(
        const struct pattern *p, struct slice subject, struct pattern_scratch *s, const struct slice_pair **out)
{
	struct slice hit, value;
	size_t n = 0;

	if (p->kind == PATTERN_PATH_TRADITIONAL && p->groups == 0)
		return 0;
	if (s->last != p && !pattern_match(p, subject, s, &hit))
		return 0;
	struct slice_pair *all = arena_alloc(s->arena, sizeof *all * (p->groups + p->names + 1));
	for (uint32_t i = 0; i <= p->groups; i++)
		if (group(p, subject, s, i, &value))
			all[n++] = (struct slice_pair){arena_printf(s->arena, "%u", i), value};
	if (p->kind == PATTERN_PATH_TRADITIONAL) {
		if (n < 2)
			return 0;
		all[0].value = subject;
	}
	for (uint32_t i = 0; i < p->names; i++) {
		PCRE2_SPTR entry = p->name_table + i * p->name_size;
		if (group(p, subject, s, (uint32_t)(entry[0] << 8 | entry[1]), &value))
			all[n++] = (struct slice_pair){slice_cstr((const char *)entry + 2), value};
	}
	*out = all;
	return n;
}
