/* What clients send as an entity: the first byte says which kind and whether the rest is JSON or a form. What is
 * accepted must be accepted again as it was stored, unchanged, and must decode. */
#include <stdlib.h>

#include "common/entity/certificate.h"
#include "common/entity/consumer.h"
#include "common/entity/key.h"
#include "common/entity/oauth2.h"
#include "common/entity/route.h"
#include "common/entity/service.h"
#include "common/entity/target.h"
#include "common/entity/upstream.h"
#include "common/entity/vault.h"
#include "common/http/form.h"
#include "common/schema/decode.h"
#include "common/schema/infer.h"
#include "common/schema/load.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static const struct schema *const kinds[] = {&service_schema, &route_schema, &upstream_schema, &target_schema,
        &consumer_schema, &certificate_schema, &sni_schema, &ca_certificate_schema, &vault_schema, &key_schema,
        &oauth2_credential_schema, &oauth2_token_schema};
enum { KINDS = sizeof kinds / sizeof *kinds };

static json_t *from_form(const struct schema *kind, struct slice body)
{
	struct form form = {0};
	struct arena a;
	struct err e;
	json_t *tree = NULL;

	arena_init(&a);
	if (form_parse_urlencoded(&a, body, &form, &e)) {
		struct form_arg *args = arena_array(&a, struct form_arg, form.count + 1);
		for (size_t i = 0; i < form.count; i++)
			args[i] = (struct form_arg){.name = form.fields[i].name, .value = form.fields[i].value};
		tree = form_tree(args, form.count, true, &e);
	}
	if (tree)
		form_infer(kind, schema_subschema(kind, tree), tree);
	arena_fini(&a);
	return tree;
}

static void check_accepted(const struct schema *kind, const json_t *record)
{
	struct load_options stored = {.op = LOAD_STORED};
	struct violations v = {0};
	struct arena a;
	struct err e;
	json_t *again = NULL;

	REQUIRE(schema_load(kind, record, &stored, &again, &v));
	REQUIRE(json_equal(again, record));
	arena_init(&a);
	REQUIRE(schema_decode_new(kind, record, &a, &e) != NULL);
	arena_fini(&a);
	json_decref(schema_render(kind, record, false));
	json_decref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct load_options create = {.op = LOAD_CREATE, .now_ms = 1700000000000};
	struct violations v = {0};
	struct text message = {0};
	json_t *record = NULL;

	if (size == 0)
		return 0;
	const struct schema *kind = kinds[data[0] % KINDS];
	struct slice body = slice_of((const char *)data + 1, size - 1);
	json_t *input = data[0] & 0x80 ? from_form(kind, body) : json_loadb(body.ptr, body.len, 0, NULL);
	if (input && schema_load(kind, input, &create, &record, &v))
		check_accepted(kind, record);
	else if (has_violations(&v))
		violations_message(v.fields, "schema violation", "schema violations", &message);
	violations_fini(&v);
	text_fini(&message);
	json_decref(record);
	json_decref(input);
	return 0;
}
