/* Bodies of the Admin API on their way to a record: JSON or form, types inferred, checked by the tables of entities.
 * The first byte chooses the entity, the second the encoding. What is accepted must survive being stored and read. */
#include <jansson.h>
#include <stdlib.h>

#include "common/entity/admin.h"
#include "common/entity/certificate.h"
#include "common/entity/consumer.h"
#include "common/entity/route.h"
#include "common/entity/service.h"
#include "common/entity/target.h"
#include "common/entity/upstream.h"
#include "common/http/form.h"
#include "common/schema/decode.h"
#include "common/schema/infer.h"
#include "common/schema/load.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static const struct schema *const schemas[] = {&service_schema, &route_schema, &consumer_schema, &upstream_schema,
        &target_schema, &certificate_schema, &ca_certificate_schema, &sni_schema, &admin_schema};
enum { SCHEMAS = sizeof schemas / sizeof schemas[0] };

static json_t *read_form(struct arena *a, const struct schema *s, const struct form *form)
{
	struct form_arg *args = arena_array(a, struct form_arg, form->count + 1);
	struct err e;

	for (size_t i = 0; i < form->count; i++)
		args[i] = (struct form_arg){.name = form->fields[i].name, .value = form->fields[i].value};
	json_t *tree = form_tree(args, form->count, true, &e);
	if (tree)
		form_infer(s, NULL, tree);
	return tree;
}

static json_t *read_body(struct arena *a, const struct schema *s, unsigned encoding, struct slice body)
{
	struct form form = {0};
	struct err e;

	switch (encoding % 3) {
	case 0: return json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
	case 1: return form_parse_urlencoded(a, body, &form, &e) ? read_form(a, s, &form) : NULL;
	default:
		return form_parse_multipart(a, S("multipart/form-data; boundary=x"), body, &form, &e)
		               ? read_form(a, s, &form)
		               : NULL;
	}
}

/* As the database, the wire and the data plane have it. */
static void check_record(struct arena *a, const struct schema *s, const json_t *record)
{
	struct load_options stored = {.op = LOAD_STORED};
	struct violations v = {0};
	struct err e;
	json_t *again = NULL;
	char *text = json_dumps(record, JSON_COMPACT);
	REQUIRE(text);
	json_t *read = json_loads(text, 0, NULL);

	REQUIRE(read);
	REQUIRE(schema_load(s, read, &stored, &again, &v));
	REQUIRE(schema_decode(s, again, a, arena_zalloc(a, s->size), &e));
	json_t *shown = schema_render(s, record, false);
	REQUIRE(json_is_object(shown));
	json_decref(shown);
	json_decref(again);
	json_decref(read);
	free(text);
}

static void check_refusal(struct violations *v)
{
	struct text message = {0};

	REQUIRE(has_violations(v));
	violations_message(v->fields, "schema violation", "schema violations", &message);
	REQUIRE(message.len > 0);
	text_fini(&message);
	violations_fini(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct violations v = {0};
	struct load_options options = {.op = LOAD_CREATE, .now_ms = 1764327769123};
	json_t *record = NULL;

	if (size < 2)
		return 0;
	arena_init(&a);
	const struct schema *s = schemas[data[0] % SCHEMAS];
	json_t *input = read_body(&a, s, data[1], arena_dup(&a, slice_of((const char *)data + 2, size - 2)));
	if (json_is_object(input)) {
		if (schema_load(s, input, &options, &record, &v))
			check_record(&a, s, record);
		else
			check_refusal(&v);
	}
	json_decref(record);
	json_decref(input);
	arena_fini(&a);
	return 0;
}
