/* request-validator: lets requests pass whose content type, parameters and body are as schemas say, and answers
 * others with 400 (plugins-beyond.md 2). Schemas are compiled once per configuration, at the latest when it is
 * written: one that does not compile is refused there. A body that cannot be read for sure (another encoding, a name
 * twice, too deep, too much) does not conform; one beyond `max_body_size`, also once it is unpacked, is answered with
 * 413. */
#include "common/http/form.h"
#include "common/http/inflate.h"
#include "common/http/media_type.h"
#include "common/jsonschema/kong_schema.h"
#include "common/jsonschema/parameter.h"
#include "common/plugin/json_body.h"
#include "common/plugin/plugin.h"

struct parameter_record {
	struct slice name, in, style, schema;
	bool required;
	struct opt_bool explode;
};
struct request_validator {
	struct slice version, body_schema;
	struct slice_list allowed_content_types;
	bool content_type_parameter_validation, verbose_response;
	struct record_list parameter_schema;
	struct opt_int max_body_size;
};

/* ---- configuration --------------------------------------------------------------------------------------------- */

static bool check_type(const struct field *f, json_t **value, struct err *e)
{
	struct media_type m;
	struct slice text = slice_of(json_string_value(*value), json_string_length(*value));
	return media_type_parse(text, &m) || err_set(e, "invalid value: %.*s", SLICE_ARG(text));
}

static const struct field parameter_fields[] = {
        FIELD(struct parameter_record, name, .flags = REQUIRED, .doc = "Name of the parameter."),
        FIELD(struct parameter_record, in, .flags = REQUIRED, .one_of = ONE_OF("query", "header", "path"),
                .doc = "Where it stands. Those of the path are the named groups of the route's regex."),
        FIELD(struct parameter_record, required, .flags = REQUIRED, .doc = "It must be there."),
        FIELD(struct parameter_record, style,
                .one_of = ONE_OF(
                        "label", "form", "matrix", "simple", "spaceDelimited", "pipeDelimited", "deepObject"),
                .doc = "How arrays and objects are written: of a query form, spaceDelimited, pipeDelimited or "
                       "deepObject, of a header simple, of the path simple, label or matrix."),
        FIELD(struct parameter_record, explode, .doc = "Each item or member is written by itself."),
        FIELD(struct parameter_record, schema,
                .doc = "JSON Schema of the value, as JSON text; it must say a `type`."),
        {0},
};
static const struct entity_check parameter_checks[] = {MUTUALLY_REQUIRED("style", "explode", "schema"), {0}};
static const struct schema parameter_schema = {
        .name = "parameter_schema",
        .size = sizeof(struct parameter_record),
        .fields = parameter_fields,
        .checks = parameter_checks,
};

static const struct field fields[] = {
        FIELD(struct request_validator, version, .flags = REQUIRED, .dflt = "'kong'",
                .one_of = ONE_OF("kong", "draft4", "draft6", "draft7", "2020-12"),
                .doc = "The language of `body_schema`: that of Kong's own schemas, or a draft of JSON Schema. Schemas of "
                       "parameters are JSON Schema in any case, draft 4 with version kong."),
        FIELD(struct request_validator, body_schema, .doc = "The schema of bodies, as JSON text."),
        FIELD(struct request_validator, allowed_content_types, .flags = AS_SET, .dflt = "['application/json']",
                STRINGS(.flags = REQUIRED, .check = check_type),
                .doc = "Content types that requests may have when there is a `body_schema`. Bodies of application/json "
                       "and those whose subtype ends with +json are validated; others pass."),
        FIELD(struct request_validator, content_type_parameter_validation, .flags = REQUIRED, .dflt = "true",
                .doc = "Parameters of the content type, such as charset, must be the same too."),
        FIELD(struct request_validator, parameter_schema, RECORDS(parameter_schema),
                .doc = "Parameters and their schemas."),
        FIELD(struct request_validator, verbose_response, .flags = REQUIRED, .dflt = "false",
                .doc = "Tell clients where a request does not conform, and why."),
        FIELD(struct request_validator, max_body_size, .flags = ADDITION, BETWEEN(1, 10485760),
                .doc = "Gatehouse's own: longer bodies, or such that are longer when they are unpacked, are answered with "
                       "413, in bytes; unset: 1 MiB."),
        {0},
};

static const struct entity_check checks[] = {AT_LEAST_ONE_OF("body_schema", "parameter_schema"), {0}};

static const struct schema config = {
        .name = "request-validator",
        .size = sizeof(struct request_validator),
        .fields = fields,
        .checks = checks,
};

/* ---- compiling ------------------------------------------------------------------------------------------------- */

enum { BODY_MAX = 1 << 20 };

enum where { IN_QUERY, IN_HEADER, IN_PATH };

struct checked {
	struct parameter parameter; /* schema NULL: it only has to be there */
	enum where in;
	bool required;
};
struct compiled {
	const struct jsonschema *json;
	const struct kong_schema *kong; /* the one, the other, or none */
	struct media_type *types;
	size_t types_len;
	struct checked *parameters;
	size_t parameters_len;
	bool needs_query;
};

static enum jsonschema_draft draft_of(const struct request_validator *conf)
{
	return slice_eq(conf->version, S("draft6"))    ? JSONSCHEMA_DRAFT6
	       : slice_eq(conf->version, S("draft7"))  ? JSONSCHEMA_DRAFT7
	       : slice_eq(conf->version, S("2020-12")) ? JSONSCHEMA_2020_12
	                                               : JSONSCHEMA_DRAFT4;
}

static bool compile_body(struct compiled *all, const struct request_validator *conf, struct arena *a, struct err *e)
{
	if (!slice_is_set(conf->body_schema))
		return true;
	if (slice_eq(conf->version, S("kong")))
		all->kong = kong_schema_compile(a, conf->body_schema, e);
	else
		all->json = jsonschema_compile(a, conf->body_schema, draft_of(conf), e);
	return all->kong || all->json || err_prefix(e, "body_schema");
}

/* Of the place where the parameter stands. */
static bool take_style(const struct parameter_record *r, struct checked *p, struct err *e)
{
	static const struct {
		struct slice name;
		enum parameter_style style;
		unsigned places;
	} styles[] = {
	        {SLICE("form"), STYLE_FORM, 1 << IN_QUERY},
	        {SLICE("spaceDelimited"), STYLE_SPACE_DELIMITED, 1 << IN_QUERY},
	        {SLICE("pipeDelimited"), STYLE_PIPE_DELIMITED, 1 << IN_QUERY},
	        {SLICE("deepObject"), STYLE_DEEP_OBJECT, 1 << IN_QUERY},
	        {SLICE("simple"), STYLE_SIMPLE, 1 << IN_HEADER | 1 << IN_PATH},
	        {SLICE("label"), STYLE_LABEL, 1 << IN_PATH},
	        {SLICE("matrix"), STYLE_MATRIX, 1 << IN_PATH},
	};
	for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
		if (slice_eq(styles[i].name, r->style) && styles[i].places >> p->in & 1) {
			p->parameter.style = styles[i].style;
			return true;
		}
	return err_set(e, "style '%.*s' is not one of a %.*s", SLICE_ARG(r->style), SLICE_ARG(r->in));
}

static bool compile_parameter(const struct parameter_record *r, enum jsonschema_draft draft, struct checked *p,
        struct arena *a, struct err *e)
{
	p->parameter.name = r->name;
	p->parameter.explode = r->explode.set && r->explode.value;
	p->required = r->required;
	p->in = slice_eq(r->in, S("query")) ? IN_QUERY : slice_eq(r->in, S("header")) ? IN_HEADER : IN_PATH;
	if (!slice_is_set(r->schema))
		return true;
	if (!take_style(r, p, e))
		return false;
	p->parameter.schema = jsonschema_compile(a, r->schema, draft, e);
	if (!p->parameter.schema)
		return err_prefix(e, "schema");
	return jsonschema_types(p->parameter.schema) || err_set(e, "schema: expected a 'type' at its top level");
}

static bool compile_parameters(
        struct compiled *all, const struct request_validator *conf, struct arena *a, struct err *e)
{
	all->parameters = arena_array(a, struct checked, conf->parameter_schema.len);
	for (size_t i = 0; i < conf->parameter_schema.len; i++) {
		const struct parameter_record *r = LIST_AT(conf->parameter_schema, struct parameter_record, i);
		struct checked *p = &all->parameters[all->parameters_len++];
		if (!compile_parameter(r, draft_of(conf), p, a, e)) {
			err_prefix(e, "%s", arena_cstr(a, r->name));
			return err_prefix(e, "parameter_schema");
		}
		all->needs_query |= p->in == IN_QUERY;
	}
	return true;
}

static bool compile(const void *config_record, struct arena *a, const void **compiled, struct err *e)
{
	const struct request_validator *conf = config_record;
	struct compiled *all = arena_new(a, struct compiled);

	all->types = arena_array(a, struct media_type, conf->allowed_content_types.len);
	for (size_t i = 0; i < conf->allowed_content_types.len; i++)
		all->types_len += media_type_parse(conf->allowed_content_types.items[i], &all->types[all->types_len]);
	*compiled = all;
	return compile_body(all, conf, a, e) && compile_parameters(all, conf, a, e);
}

/* ---- refusing -------------------------------------------------------------------------------------------------- */

static enum verdict refuse(struct call *c, const char *message, const struct jsonschema_failures *failures)
{
	const struct request_validator *conf = c->conf;
	json_t *body = json_pack("{s:s}", "message", message);

	if (conf->verbose_response && failures && failures->len) {
		json_t *data = json_object();
		for (size_t i = 0; i < failures->len; i++) {
			struct slice path = failures->items[i].path, why = failures->items[i].why;
			json_t *text = json_stringn(why.ptr, why.len);
			json_object_setn_new(data, path.ptr, path.len, text ? text : json_string("does not conform"));
		}
		json_object_set_new(body, "data", data);
	}
	return call_exit_json(c, 400, body);
}

static enum verdict refuse_saying(struct call *c, const char *message, struct slice path, const char *why)
{
	struct jsonschema_failures f = {.items = {{path, slice_cstr(why)}}, .len = 1};
	return refuse(c, message, &f);
}

#define BODY_MESSAGE  "request body doesn't conform to schema"
#define PARAM_MESSAGE "request param doesn't conform to schema"

static size_t max_size(const struct request_validator *conf)
{
	return conf->max_body_size.set ? (size_t)conf->max_body_size.value : BODY_MAX;
}

static enum verdict too_large(struct call *c)
{
	return call_exit_json(c, 413, json_pack("{s:s}", "message", "request body is larger than max_body_size"));
}

/* ---- the body -------------------------------------------------------------------------------------------------- */

static bool is_json(const struct media_type *m)
{
	struct slice suffix = S("+json"), subtype = m->subtype;
	if (slice_ieq(m->type, S("application")) && slice_ieq(subtype, S("json")))
		return true;
	return subtype.len > suffix.len && slice_ieq(slice_from(subtype, subtype.len - suffix.len), suffix);
}

static bool is_allowed(const struct request_validator *conf, const struct compiled *all, const struct media_type *m)
{
	for (size_t i = 0; i < all->types_len; i++)
		if (media_type_is(m, &all->types[i]) && (!conf->content_type_parameter_validation ||
		                                                media_type_same_parameters(m, &all->types[i], true)))
			return true;
	return false;
}

static enum verdict judge_body(struct call *c, json_t *body)
{
	const struct compiled *all = c->compiled;
	const struct request_validator *conf = c->conf;
	struct jsonschema_failures f = {.arena = c->x->arena}, *wanted = conf->verbose_response ? &f : NULL;
	bool ok = all->kong ? kong_schema_validate(all->kong, body, wanted)
	                    : jsonschema_validate(all->json, body, wanted);

	json_decref(body);
	return ok ? GO : refuse(c, BODY_MESSAGE, wanted);
}

static enum verdict on_body(struct call *c)
{
	const struct request_validator *conf = c->conf;
	struct slice plain, encoding = call_header(c, S("Content-Encoding"), NULL);
	size_t encodings;
	json_t *body;

	call_header(c, S("Content-Encoding"), &encodings);
	switch (http_inflate(c->x->arena, encoding, call_body(c), max_size(conf), &plain)) {
	case INFLATE_TOO_LARGE: return too_large(c);
	case INFLATE_UNKNOWN: return refuse_saying(c, BODY_MESSAGE, S("@root"), "unknown Content-Encoding");
	case INFLATE_MALFORMED: return refuse_saying(c, BODY_MESSAGE, S("@root"), "cannot be unpacked");
	case INFLATED: break;
	}
	if (encodings > 1)
		return refuse_saying(c, BODY_MESSAGE, S("@root"), "unknown Content-Encoding");
	switch (json_body_parse_strictly(plain, &body)) {
	case JSON_BODY_TOO_DEEP: return refuse_saying(c, BODY_MESSAGE, S("@root"), "nested too deeply");
	case JSON_BODY_TOO_MANY: return refuse_saying(c, BODY_MESSAGE, S("@root"), "too many values");
	case JSON_BODY_MALFORMED: return refuse_saying(c, BODY_MESSAGE, S("@root"), "not JSON");
	case JSON_BODY_OK: break;
	}
	return judge_body(c, body);
}

/* ---- parameters ------------------------------------------------------------------------------------------------ */

/* All fields of a header are one list. */
static struct slice header_text(struct call *c, struct slice name)
{
	struct slice all = {NULL, 0};
	for (const struct header *h = NULL; (h = head_next(c->x->request, h, header_id_of(name), name));)
		all = slice_is_set(all) ? ARENA_JOIN(c->x->arena, all, S(","), h->value) : h->value;
	return all;
}

static bool is_in_query(const struct checked *p, const struct form *query)
{
	for (size_t i = 0; i < query->count; i++)
		if (slice_eq(query->fields[i].name, p->parameter.name))
			return true;
	return false;
}

/* *there: it is. *value: what it says, when there is a schema to judge it by. */
static void find(struct call *c, const struct checked *p, const struct form *query, bool *there, json_t **value)
{
	*value = NULL;
	if (p->in == IN_QUERY) {
		*value = p->parameter.schema ? parameter_of_query(&p->parameter, query) : NULL;
		*there = *value || is_in_query(p, query);
		return;
	}
	struct slice text = p->in == IN_HEADER ? header_text(c, p->parameter.name)
	                                       : call_capture(c, p->parameter.name);
	*there = slice_is_set(text);
	if (*there && p->parameter.schema)
		*value = parameter_of_text(&p->parameter, text);
}

static enum verdict judge_parameter(struct call *c, const struct checked *p, const struct form *query)
{
	struct jsonschema_failures f = {.arena = c->x->arena};
	bool there;
	json_t *value;

	find(c, p, query, &there, &value);
	if (!there)
		return p->required ? refuse_saying(c, PARAM_MESSAGE, p->parameter.name,
		                             "required parameter value not found")
		                   : GO;
	bool ok = !value || jsonschema_validate(p->parameter.schema, value, &f);
	json_decref(value);
	if (ok)
		return GO;
	for (size_t i = 0; i < f.len; i++) /* told by the parameter's name */
		f.items[i].path = slice_eq(f.items[i].path, S("@root"))
		                          ? p->parameter.name
		                          : ARENA_JOIN(c->x->arena, p->parameter.name,
		                                    f.items[i].path.ptr[0] == '[' ? S("") : S("."), f.items[i].path);
	return refuse(c, PARAM_MESSAGE, &f);
}

static enum verdict judge_parameters(struct call *c, const struct compiled *all)
{
	struct form query = {0};
	struct err e;

	if (all->needs_query && !form_parse_urlencoded(c->x->arena, c->x->query, &query, &e))
		return refuse_saying(c, PARAM_MESSAGE, S("@root"), "too many arguments");
	for (size_t i = 0; i < all->parameters_len; i++) {
		enum verdict v = judge_parameter(c, &all->parameters[i], &query);
		if (v != GO)
			return v;
	}
	return GO;
}

/* ---- access ---------------------------------------------------------------------------------------------------- */

static enum verdict on_access(struct call *c)
{
	const struct request_validator *conf = c->conf;
	const struct compiled *all = c->compiled;
	bool has_schema = all->json || all->kong;
	struct media_type type = {0};
	size_t n;

	struct slice text = call_header(c, S("Content-Type"), &n);
	if (has_schema && (n != 1 || !media_type_parse(text, &type) || !is_allowed(conf, all, &type)))
		return refuse(c, "specified Content-Type is not allowed", NULL);
	enum verdict v = judge_parameters(c, all);
	if (v != GO || !has_schema || !is_json(&type))
		return v;
	if (c->x->request->content_length > (int64_t)max_size(conf))
		return too_large(c);
	return call_read_body(c, on_body);
}

const struct plugin request_validator_plugin = {
        .name = "request-validator",
        .priority = 999,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .compile = compile,
        .access = on_access,
        .example = "{'body_schema':'[{\\\"name\\\":{\\\"type\\\":\\\"string\\\",\\\"required\\\":true}}]'}",
        .doc = "Lets requests pass whose parameters and bodies conform to schemas.",
};
