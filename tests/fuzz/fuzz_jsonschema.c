/* Schemas and values, both hostile: the first byte is the draft (or Kong's own language), the rest up to a NUL the
 * schema, then the value. The outcome is the same whether failures are collected or not. */
#include <stdlib.h>

#include "common/jsonschema/jsonschema.h"
#include "common/jsonschema/kong_schema.h"
#include "common/plugin/json_body.h"

static void check(bool quick, bool thorough, const struct jsonschema_failures *f)
{
	if (quick != thorough || thorough != (f->len == 0))
		abort();
}

static void judge(struct arena *a, unsigned char which, struct slice schema, const json_t *value)
{
	struct err e;
	struct jsonschema_failures f = {.arena = a};

	if (which % 5 == 4) {
		const struct kong_schema *s = kong_schema_compile(a, schema, &e);
		if (s)
			check(kong_schema_validate(s, value, NULL), kong_schema_validate(s, value, &f), &f);
		return;
	}
	const struct jsonschema *s = jsonschema_compile(a, schema, (enum jsonschema_draft)(which % 5), &e);
	if (s)
		check(jsonschema_validate(s, value, NULL), jsonschema_validate(s, value, &f), &f);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct slice value = slice_of((const char *)data, size);
	struct arena a;
	json_t *json;

	if (size < 3)
		return 0;
	value = slice_from(value, 1);
	struct slice schema = slice_cut(&value, '\0');
	if (!slice_is_set(value) || json_body_parse_strictly(value, &json) != JSON_BODY_OK)
		return 0;
	arena_init(&a);
	judge(&a, data[0], schema, json);
	arena_fini(&a);
	json_decref(json);
	return 0;
}
