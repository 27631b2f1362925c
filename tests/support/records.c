/* records: see records.h. */
#include "tests/support/records.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/model/kinds.h"
#include "common/schema/load.h"

static json_t *load(const struct schema *kind, const char *json)
{
	struct load_options options = {.op = LOAD_CREATE, .now_ms = INT64_C(1772532000000)};
	struct violations v = {0};
	json_t *input = schema_literal(json), *rendered;
	if (!schema_load(kind, input, &options, &rendered, &v)) {
		struct text message = {0};
		violations_message(v.fields, "schema violation", "schema violations", &message);
		ck_abort_msg("%s in %s", text_cstr(&message), json);
	}
	json_decref(input);
	return rendered;
}

struct record *record_of(const char *kind_name, const char *json, ...)
{
	const struct schema *kind = kinds_by_name(slice_cstr(kind_name));
	struct text text = {0};
	struct err e;
	va_list ap;
	va_start(ap, json);
	text_vprintf(&text, json, ap);
	va_end(ap);
	ck_assert_msg(kind != NULL, "no kind '%s'", kind_name);
	json_t *rendered = load(kind, text_cstr(&text));
	struct record *r = record_new(kind, rendered, 1, &e);
	ck_assert_msg(r != NULL, "%s", e.message);
	json_decref(rendered);
	text_fini(&text);
	return r;
}

struct record *record_blank(void)
{
	struct arena a;
	arena_init_small(&a, sizeof(struct record));
	struct record *r = arena_new(&a, struct record);
	*r = (struct record){.refs = 1, .arena = a};
	return r;
}

const char *test_id(unsigned number)
{
	static char texts[8][UUID_TEXT + 1];
	static unsigned next;
	char *text = texts[next++ % 8];
	snprintf(text, UUID_TEXT + 1, "00000000-0000-4000-8000-%012u", number);
	return text;
}

struct uuid test_uuid(unsigned number)
{
	struct uuid id;
	uuid_parse(slice_cstr(test_id(number)), &id);
	return id;
}
