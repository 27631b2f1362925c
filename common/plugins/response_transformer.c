/* response-transformer: takes out, renames, replaces, adds and appends headers of answers and members of JSON bodies
 * (plugins.md 4.2). Bodies are read whole only when they are JSON and a rule is about them; others stream. */
#include <math.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/plugin/json_body.h"
#include "common/plugin/name_value.h"
#include "common/plugin/plugin.h"

struct names {
	struct slice_list json, headers;
};
struct values {
	struct slice_list json, json_types, headers;
};
struct response_transformer {
	struct names remove, rename;
	struct values replace, add, append;
};

/* ---- configuration --------------------------------------------------------------------------------------------- */

#define PAIR_PATTERN           .described_as = "{'match':'^[^:]+:.*$'}"
#define PAIR                   .check = name_value_check, PAIR_PATTERN
#define RULES(T, m, text, ...) FIELD(T, m, .flags = REQUIRED, .dflt = "[]", STRINGS(__VA_ARGS__), .doc = text)
#define TYPES                                                             \
	FIELD(struct values, json_types, .flags = REQUIRED, .dflt = "[]", \
	        STRINGS(.one_of = ONE_OF("boolean", "number", "string")), \
	        .doc = "Types of the values, by position.")

static const struct field remove_fields[] = {
        RULES(struct names, json, "Names of members to take out of a JSON body."),
        RULES(struct names, headers, "Names of headers to take out."),
        {0},
};
static const struct field rename_fields[] = {
        RULES(struct names, json, "Members to rename, as `old:new`.", PAIR),
        RULES(struct names, headers, "Headers to rename, as `old:new`.", .check = name_value_check_header_names,
                PAIR_PATTERN),
        {0},
};
static const struct field value_fields[] = {
        RULES(struct values, json, "Members, as `name:value`.", PAIR),
        TYPES,
        RULES(struct values, headers, "Headers, as `name:value`.", PAIR),
        {0},
};

#define PART(part, T, table) \
	static const struct schema part##_schema = {.name = #part, .size = sizeof(struct T), .fields = table}
PART(remove, names, remove_fields);
PART(rename, names, rename_fields);
PART(values, values, value_fields);

static const struct field fields[] = {
        FIELD(struct response_transformer, remove, .flags = REQUIRED, .record = &remove_schema, .doc = "What goes."),
        FIELD(struct response_transformer, rename, .flags = REQUIRED, .record = &rename_schema,
                .doc = "What gets another name."),
        FIELD(struct response_transformer, replace, .flags = REQUIRED, .record = &values_schema,
                .doc = "What gets another value, when it is there."),
        FIELD(struct response_transformer, add, .flags = REQUIRED, .record = &values_schema,
                .doc = "What is added when it is not there."),
        FIELD(struct response_transformer, append, .flags = REQUIRED, .record = &values_schema,
                .doc = "What is added to what is there."),
        {0},
};

static const struct schema config = {
        .name = "response-transformer",
        .size = sizeof(struct response_transformer),
        .fields = fields,
};

/* ---- headers --------------------------------------------------------------------------------------------------- */

/* Comparisons use the answer as it was before this plugin. */
static void transform_headers(struct call *c, const struct response_transformer *conf)
{
	struct head before = *c->x->response;
	struct slice value;

	before.headers = arena_array(c->x->arena, struct header, before.count + 1);
	if (before.count)
		memcpy(before.headers, c->x->response->headers, before.count * sizeof *before.headers);
	for (size_t i = 0; i < conf->remove.headers.len; i++)
		call_remove_respond_header(c, name_value_at(&conf->remove.headers, i, &value));
	for (size_t i = 0; i < conf->rename.headers.len; i++) {
		struct slice name = name_value_at(&conf->rename.headers, i, &value);
		const struct header *old = head_find_name(&before, name);
		if (!old)
			continue;
		call_respond_header(c, value, old->value);
		call_remove_respond_header(c, name);
	}
	for (size_t i = 0; i < conf->replace.headers.len; i++) {
		struct slice name = name_value_at(&conf->replace.headers, i, &value);
		if (head_find_name(&before, name))
			call_respond_header(c, name, value);
	}
	for (size_t i = 0; i < conf->add.headers.len; i++) {
		struct slice name = name_value_at(&conf->add.headers, i, &value);
		if (!head_find_name(&before, name))
			call_respond_header(c, name, value);
	}
	for (size_t i = 0; i < conf->append.headers.len; i++) {
		struct slice name = name_value_at(&conf->append.headers, i, &value);
		call_add_respond_header(c, name, value);
	}
}

/* One of the comma-separated items is application/json, whatever its parameters. */
static bool is_json(struct slice type)
{
	while (slice_is_set(type)) {
		struct slice item = slice_cut(&type, ','), essence = slice_cut(&item, ';');
		if (slice_ieq(slice_trim(essence), S("application/json")))
			return true;
	}
	return false;
}

static bool has_json_rules(const struct response_transformer *conf)
{
	return conf->remove.json.len || conf->rename.json.len || conf->replace.json.len || conf->add.json.len ||
	       conf->append.json.len;
}

static enum verdict on_response_head(struct call *c)
{
	const struct response_transformer *conf = c->conf;
	bool body = has_json_rules(conf) && is_json(call_response_header(c, S("Content-Type"), NULL));

	transform_headers(c, conf);
	call_use_response_body(c, body ? USE_WHOLE : USE_NOTHING);
	return GO;
}

/* ---- the body -------------------------------------------------------------------------------------------------- */

/* NULL: the value is not of its type. */
static json_t *typed(struct call *c, const struct values *rules, size_t i, struct slice text)
{
	struct slice type = i < rules->json_types.len ? rules->json_types.items[i] : S("string");
	const char *chars = arena_cstr(c->x->arena, text);
	char *end;

	if (slice_eq(type, S("boolean")))
		return json_boolean(slice_eq(text, S("true")));
	if (!slice_eq(type, S("number")))
		return json_stringn(text.ptr, text.len);
	double number = strtod(chars, &end);
	if (text.len == 0 || *end || !isfinite(number))
		return NULL;
	return number == floor(number) && fabs(number) < 9e15 ? json_integer((json_int_t)number) : json_real(number);
}

/* false counts as absent [quirk]. */
static bool is_there(const json_t *object, struct slice name)
{
	const json_t *v = json_object_getn(object, name.ptr, name.len);
	return v && !json_is_false(v) && !json_is_null(v);
}

static void put(json_t *object, struct slice name, json_t *value)
{
	if (value)
		json_object_setn_new(object, name.ptr, name.len, value);
}

static void take_out(json_t *object, const struct response_transformer *conf)
{
	struct slice value;
	for (size_t i = 0; i < conf->remove.json.len; i++)
		json_object_deln(object, conf->remove.json.items[i].ptr, conf->remove.json.items[i].len);
	for (size_t i = 0; i < conf->rename.json.len; i++) {
		struct slice name = name_value_at(&conf->rename.json, i, &value);
		json_t *old = json_object_getn(object, name.ptr, name.len);
		if (!old)
			continue;
		json_object_setn(object, value.ptr, value.len, old);
		json_object_deln(object, name.ptr, name.len);
	}
}

/* An array takes one more; anything else becomes an array of both. */
static void append(json_t *object, struct slice name, json_t *value)
{
	json_t *there = json_object_getn(object, name.ptr, name.len);
	if (!value)
		return;
	if (json_is_array(there)) {
		json_array_append_new(there, value);
		return;
	}
	json_t *list = json_array();
	if (there)
		json_array_append(list, there);
	json_array_append_new(list, value);
	put(object, name, list);
}

static void transform(struct call *c, json_t *object, const struct response_transformer *conf)
{
	struct slice value;
	take_out(object, conf);
	for (size_t i = 0; i < conf->replace.json.len; i++) {
		struct slice name = name_value_at(&conf->replace.json, i, &value);
		if (is_there(object, name))
			put(object, name, typed(c, &conf->replace, i, value));
	}
	for (size_t i = 0; i < conf->add.json.len; i++) {
		struct slice name = name_value_at(&conf->add.json, i, &value);
		if (!is_there(object, name))
			put(object, name, typed(c, &conf->add, i, value));
	}
	for (size_t i = 0; i < conf->append.json.len; i++) {
		struct slice name = name_value_at(&conf->append.json, i, &value);
		append(object, name, typed(c, &conf->append, i, value));
	}
}

static int put_bytes(const char *bytes, size_t n, void *out)
{
	text_put(out, slice_of(bytes, n));
	return 0;
}

static enum verdict on_response_body(struct call *c)
{
	json_t *body;

	if (json_body_parse(c->piece, &body) != JSON_BODY_OK) {
		log_warn("answer is not JSON, or too much of it, and stays as it is",
		        LOG_STR("plugin", c->plugin->name), LOG_SLICE("request", c->x->request_id));
		return GO;
	}
	if (json_is_object(body)) {
		struct text *out = call_scratch(c);
		transform(c, body, c->conf);
		json_dump_callback(body, put_bytes, out, JSON_COMPACT);
		call_replace_piece(c, text_slice(out));
	}
	json_decref(body);
	return GO;
}

const struct plugin response_transformer_plugin = {
        .name = "response-transformer",
        .priority = 800,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .response_head = on_response_head,
        .response_body = on_response_body,
        .doc = "Changes headers and JSON bodies of answers.",
        .example = "{'remove':{'headers':['Server']},'add':{'json':['via:gateway']}}",
};
