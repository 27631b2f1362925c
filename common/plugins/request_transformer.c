/* request-transformer: takes out, renames, replaces, adds and appends headers, query arguments and members of bodies
 * of requests, and sets method and path (plugins.md 4.1). Values are templates (common/plugin/template.h); they see
 * the request as it came. Bodies are read whole only when a rule is about them and their type is known; a JSON body
 * that is nested too deeply or has too many values is refused with 413, because it could hide what a rule takes out.
 */
#include "common/core/log.h"
#include "common/http/form_edit.h"
#include "common/http/form_write.h"
#include "common/plugin/json_body.h"
#include "common/plugin/name_value.h"
#include "common/plugin/plugin.h"
#include "common/plugin/template.h"

struct places {
	struct slice_list body, headers, querystring;
	struct slice uri; /* of replace only */
};
struct request_transformer {
	struct slice http_method;
	struct places remove, rename, replace, add, append;
};

/* ---- configuration --------------------------------------------------------------------------------------------- */

/* As Kong cuts a rule: the value is what stands behind the first run of colons. */
static struct slice cut_rule(struct slice *value)
{
	struct slice name = slice_cut(value, ':');
	while (value->len > 0 && value->ptr[0] == ':')
		*value = slice_from(*value, 1);
	return name;
}

static bool check_value(const struct field *f, json_t **value, struct err *e)
{
	struct slice rest = slice_cstr(json_string_value(*value)), name = cut_rule(&rest);
	return (name.len > 0 && rest.len > 0) || err_set(e, "key '%.*s' has no value", SLICE_ARG(name));
}

static bool check_header(const struct field *f, json_t **value, struct err *e)
{
	struct slice rest = slice_cstr(json_string_value(*value)), name = slice_cut(&rest, ':');
	return name_value_is_header_name(name) || err_set(e, "'%.*s' is not a valid header", SLICE_ARG(name));
}

static bool check_header_value(const struct field *f, json_t **value, struct err *e)
{
	return name_value_check(f, value, e) && check_header(f, value, e);
}

#define PAIR "{'match':'^[^:]+:.*$'}"
#define RULES(m, text, ...) \
	FIELD(struct places, m, .flags = REQUIRED, .dflt = "[]", STRINGS(__VA_ARGS__), .doc = text)
#define VALUES_OF(what) RULES(body, "Members or fields of the body, as `" what "`.", .check = check_value)

static const struct field remove_fields[] = {
        RULES(body, "Names of members or fields of the body."),
        RULES(headers, "Names of headers.", .check = check_header),
        RULES(querystring, "Names of query arguments."),
        {0},
};
static const struct field rename_fields[] = {
        VALUES_OF("old:new"),
        RULES(headers, "Headers, as `old:new`.", .check = name_value_check_header_names, .described_as = PAIR),
        RULES(querystring, "Query arguments, as `old:new`.", .check = check_value),
        {0},
};
#define VALUE_FIELDS                                                                                            \
	VALUES_OF("name:value"),                                                                                \
	        RULES(headers, "Headers, as `name:value`.", .check = check_header_value, .described_as = PAIR), \
	        RULES(querystring, "Query arguments, as `name:value`.", .check = check_value)
static const struct field replace_fields[] = {
        VALUE_FIELDS,
        FIELD(struct places, uri, .doc = "The path for the upstream, instead of what route and service make of it."),
        {0},
};
static const struct field value_fields[] = {VALUE_FIELDS, {0}};

#define PART(part)                                   \
	static const struct schema part##_schema = { \
	        .name = #part, .size = sizeof(struct places), .fields = part##_fields}
PART(remove);
PART(rename);
PART(replace);
PART(value);

static const struct field fields[] = {
        FIELD(struct request_transformer, http_method, .format = FORMAT_HTTP_METHOD,
                .doc = "The method for the upstream. With GET, HEAD or TRACE the fields of a form body also go into "
                       "the query."),
        FIELD(struct request_transformer, remove, .flags = REQUIRED, .record = &remove_schema, .doc = "What goes."),
        FIELD(struct request_transformer, rename, .flags = REQUIRED, .record = &rename_schema,
                .doc = "What gets another name, when it is there."),
        FIELD(struct request_transformer, replace, .flags = REQUIRED, .record = &replace_schema,
                .doc = "What gets another value, when it is there. Values of all rules may hold expressions: "
                       "`$(headers.x_user or 'nobody')`."),
        FIELD(struct request_transformer, add, .flags = REQUIRED, .record = &value_schema,
                .doc = "What is added when it is not there."),
        FIELD(struct request_transformer, append, .flags = REQUIRED, .record = &value_schema,
                .doc = "What is added to what is there."),
        {0},
};

static const struct schema config = {
        .name = "request-transformer",
        .size = sizeof(struct request_transformer),
        .fields = fields,
};

/* ---- compiling ------------------------------------------------------------------------------------------------- */

enum operation { REMOVE, RENAME, REPLACE, ADD, APPEND, OPERATIONS };
enum place { HEADERS, BODY, QUERY, PLACES };

struct rule {
	struct slice name;
	const struct template *value; /* NULL: none was given */
};
struct rules {
	struct rule *items;
	size_t len;
};
struct compiled {
	struct rules rules[OPERATIONS][PLACES];
	const struct template *uri; /* NULL: unchanged */
	bool has[PLACES], has_expressions;
};

static const struct template *compile_value(struct compiled *all, struct arena *a, struct slice text)
{
	const struct template *t = template_compile(a, text);
	all->has_expressions |= !template_is_literal(t);
	return t;
}

static void compile_rules(
        struct compiled *all, struct arena *a, enum operation op, enum place at, const struct slice_list *list)
{
	struct rules *rules = &all->rules[op][at];
	rules->items = arena_array(a, struct rule, list->len);
	rules->len = list->len;
	for (size_t i = 0; i < list->len; i++) {
		struct slice value = list->items[i], name = cut_rule(&value);
		bool needs = op != REMOVE && value.len > 0;
		rules->items[i] = (struct rule){name, needs ? compile_value(all, a, value) : NULL};
		all->has[at] = true;
	}
}

static bool compile(const void *config_record, struct arena *a, const void **compiled, struct err *e)
{
	const struct request_transformer *conf = config_record;
	const struct places *places[] = {&conf->remove, &conf->rename, &conf->replace, &conf->add, &conf->append};
	struct compiled *all = arena_new(a, struct compiled);

	for (int op = 0; op < OPERATIONS; op++) {
		compile_rules(all, a, op, HEADERS, &places[op]->headers);
		compile_rules(all, a, op, BODY, &places[op]->body);
		compile_rules(all, a, op, QUERY, &places[op]->querystring);
	}
	if (slice_is_set(conf->replace.uri))
		all->uri = compile_value(all, a, conf->replace.uri);
	*compiled = all;
	return true;
}

/* ---- what the rules come to for this request ------------------------------------------------------------------- */

struct edit {
	struct slice name, value; /* value unset: nothing was given, nothing happens */
};
struct edits {
	struct edit *items;
	size_t len;
};
struct plan {
	struct edits edits[OPERATIONS][PLACES];
	struct slice uri;
};

static bool render(const struct template *t, const struct template_env *env, struct slice *out, struct call *c)
{
	const char *why;
	if (!t || template_render(t, env, out, &why))
		return true;
	log_warn("a template failed", LOG_STR("plugin", c->plugin->name), LOG_STR("why", why),
	        LOG_SLICE("request", c->x->request_id));
	return false;
}

static bool render_rules(const struct rules *rules, const struct template_env *env, struct edits *out, struct call *c)
{
	out->items = arena_array(c->x->arena, struct edit, rules->len);
	out->len = rules->len;
	for (size_t i = 0; i < rules->len; i++) {
		out->items[i].name = rules->items[i].name;
		if (!render(rules->items[i].value, env, &out->items[i].value, c))
			return false;
	}
	return true;
}

/* NULL: an expression failed. */
static struct plan *plan_of(struct call *c)
{
	const struct compiled *all = c->compiled;
	struct plan *plan = arena_new(c->x->arena, struct plan);
	struct template_env env;

	if (all->has_expressions)
		template_env_init(&env, c);
	for (int op = 0; op < OPERATIONS; op++)
		for (int at = 0; at < PLACES; at++)
			if (all->rules[op][at].len &&
			        !render_rules(&all->rules[op][at], &env, &plan->edits[op][at], c))
				return NULL;
	return render(all->uri, &env, &plan->uri, c) ? plan : NULL;
}

#define for_each_edit(it, plan, op, at)                                                                       \
	for (const struct edit *it = (plan)->edits[op][at].items, *it##_end = it + (plan)->edits[op][at].len; \
	        it < it##_end; it++)

/* ---- headers --------------------------------------------------------------------------------------------------- */

static bool is_host(struct slice name)
{
	return header_id_of(name) == HEADER_HOST;
}

static bool has_header(struct call *c, struct slice name)
{
	return slice_is_set(call_header(c, name, NULL));
}

/* Only the spelling changes. */
static void respell(struct call *c, struct slice name)
{
	enum header_id id = header_id_of(name);
	for (struct header *h = NULL; (h = head_next(c->x->request, h, id, name));)
		h->name = name;
}

static void rename_header(struct call *c, struct slice from, struct slice to)
{
	size_t n;
	call_header(c, from, &n);
	if (n == 0 || is_host(from) || is_host(to))
		return;
	if (slice_ieq(from, to)) {
		respell(c, to);
		return;
	}
	struct slice *values = arena_array(c->x->arena, struct slice, n), *at = values;
	for (struct header *h = NULL; (h = head_next(c->x->request, h, header_id_of(from), from));)
		*at++ = h->value;
	call_remove_header(c, from);
	call_remove_header(c, to);
	for (size_t i = 0; i < n; i++)
		call_add_header(c, to, values[i]);
}

static void edit_headers(struct call *c, const struct plan *plan)
{
	for_each_edit(e, plan, REMOVE, HEADERS) if (!is_host(e->name)) call_remove_header(c, e->name);
	for_each_edit(e, plan, RENAME, HEADERS) rename_header(c, e->name, e->value);
	for_each_edit(
	        e, plan, REPLACE, HEADERS) if (slice_is_set(e->value) && (is_host(e->name) || has_header(c, e->name)))
	        call_set_header(c, e->name, e->value);
	for_each_edit(e, plan, ADD, HEADERS) if (slice_is_set(e->value) && !has_header(c, e->name))
	        call_add_header(c, e->name, e->value);
	for_each_edit(e, plan, APPEND, HEADERS) if (slice_is_set(e->value)) call_add_header(c, e->name, e->value);
}

/* ---- forms and queries ----------------------------------------------------------------------------------------- */

/* True: something has changed. */
static bool edit_form(struct arena *a, struct form *form, const struct plan *plan, enum place at, bool can_append)
{
	bool changed = false;
	for_each_edit(e, plan, REMOVE, at) changed |= form_remove(form, e->name);
	for_each_edit(e, plan, RENAME, at) changed |= form_rename(form, e->name, e->value);
	for_each_edit(e, plan, REPLACE, at) changed |= form_replace(form, e->name, e->value);
	for_each_edit(e, plan, ADD, at) if (!form_has(form, e->name))
	{
		form_append(a, form, e->name, e->value);
		changed = true;
	}
	if (!can_append)
		return changed;
	for_each_edit(e, plan, APPEND, at) form_append(a, form, e->name, e->value);
	return changed || plan->edits[APPEND][at].len > 0;
}

static enum verdict too_many(struct call *c)
{
	return call_reject(c, 400, S("Too many arguments"));
}

static void set_query(struct call *c, const struct form *query)
{
	call_set_query(c, query->count ? form_text(c->x->arena, query) : slice_of(NULL, 0));
}

static enum verdict edit_query(struct call *c, const struct plan *plan)
{
	const struct compiled *all = c->compiled;
	struct form query;
	struct err e;

	if (!all->has[QUERY])
		return GO;
	if (!form_parse_urlencoded(c->x->arena, c->x->query, &query, &e))
		return too_many(c);
	if (edit_form(c->x->arena, &query, plan, QUERY, true))
		set_query(c, &query);
	return GO;
}

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

enum body_type { BODY_OTHER, BODY_JSON, BODY_MULTIPART, BODY_URLENCODED };

static bool contains(struct slice text, struct slice word)
{
	for (; text.len >= word.len; text = slice_from(text, 1))
		if (slice_ieq(slice_of(text.ptr, word.len), word))
			return true;
	return false;
}

static enum body_type body_type(struct call *c)
{
	struct slice type = call_header(c, S("Content-Type"), NULL);
	return contains(type, S("application/json"))                    ? BODY_JSON
	       : contains(type, S("multipart/form-data"))               ? BODY_MULTIPART
	       : contains(type, S("application/x-www-form-urlencoded")) ? BODY_URLENCODED
	                                                                : BODY_OTHER;
}

static enum verdict edit_urlencoded(struct call *c, const struct plan *plan)
{
	struct form form;
	struct err e;

	if (!form_parse_urlencoded(c->x->arena, c->x->body, &form, &e))
		return too_many(c);
	if (edit_form(c->x->arena, &form, plan, BODY, true))
		call_set_body(c, form_text(c->x->arena, &form));
	return GO;
}

/* What cannot be read goes on as it is. */
static enum verdict edit_multipart(struct call *c, const struct plan *plan)
{
	struct form form = {0};
	struct text out = {0};
	struct slice type = call_header(c, S("Content-Type"), NULL);
	struct err e = {""};

	if (c->x->body.len && !form_parse_multipart(c->x->arena, type, c->x->body, &form, &e))
		return strcmp(e.message, "Too many arguments") == 0 ? too_many(c) : GO;
	if (!edit_form(c->x->arena, &form, plan, BODY, false))
		return GO;
	form_write_multipart(c->x->arena, &form, &out, &type);
	call_set_header(c, S("Content-Type"), type);
	call_set_body(c, arena_dup(c->x->arena, text_slice(&out)));
	text_fini(&out);
	return GO;
}

static json_t *member(const json_t *object, struct slice name)
{
	return json_object_getn(object, name.ptr, name.len);
}

/* false counts as absent, null does not [quirk]. */
static bool has_member(const json_t *object, struct slice name)
{
	const json_t *v = member(object, name);
	return v && !json_is_false(v);
}

static bool put(json_t *object, const struct edit *e)
{
	return json_object_setn_new(object, e->name.ptr, e->name.len, json_stringn(e->value.ptr, e->value.len)) == 0;
}

static bool rename_member(json_t *object, const struct edit *e)
{
	json_t *value = member(object, e->name);
	if (!value || slice_eq(e->name, e->value))
		return false;
	json_object_setn(object, e->value.ptr, e->value.len, value);
	json_object_deln(object, e->name.ptr, e->name.len);
	return true;
}

/* A string becomes a list of both, a list grows, an object stays, and what else there may be makes place [quirk]. */
static bool append_member(json_t *object, const struct edit *e)
{
	json_t *there = member(object, e->name), *value = json_stringn(e->value.ptr, e->value.len);
	if (!value || json_is_object(there)) {
		json_decref(value);
		return false;
	}
	if (json_is_array(there))
		return json_array_append_new(there, value) == 0;
	json_t *list = json_array();
	if (json_is_string(there))
		json_array_append(list, there);
	json_array_append_new(list, value);
	return json_object_setn_new(object, e->name.ptr, e->name.len, list) == 0;
}

static bool edit_object(json_t *object, const struct plan *plan)
{
	bool changed = false;
	for_each_edit(e, plan, REMOVE, BODY) changed |= json_object_deln(object, e->name.ptr, e->name.len) == 0;
	for_each_edit(e, plan, RENAME, BODY) changed |= rename_member(object, e);
	for_each_edit(e, plan, REPLACE, BODY) if (has_member(object, e->name)) changed |= put(object, e);
	for_each_edit(e, plan, ADD, BODY) if (!has_member(object, e->name)) changed |= put(object, e);
	for_each_edit(e, plan, APPEND, BODY) changed |= append_member(object, e);
	return changed;
}

static enum verdict edit_json(struct call *c, const struct plan *plan)
{
	json_t *body = NULL;
	enum json_body what = c->x->body.len ? json_body_parse(c->x->body, &body) : JSON_BODY_OK;

	if (what == JSON_BODY_TOO_DEEP)
		return call_reject(c, 413, S("JSON body is nested too deeply"));
	if (what == JSON_BODY_TOO_MANY)
		return call_reject(c, 413, S("JSON body has too many values"));
	if (what == JSON_BODY_MALFORMED)
		return GO;
	if (!body)
		body = json_object();
	if (json_is_object(body) && edit_object(body, plan))
		call_set_body_json(c, body);
	json_decref(body);
	return GO;
}

static enum verdict edit_body(struct call *c, const struct plan *plan)
{
	const struct compiled *all = c->compiled;
	if (!all->has[BODY])
		return GO;
	switch (body_type(c)) {
	case BODY_JSON: return edit_json(c, plan);
	case BODY_MULTIPART: return edit_multipart(c, plan);
	case BODY_URLENCODED: return edit_urlencoded(c, plan);
	case BODY_OTHER: break;
	}
	return GO;
}

/* ---- access ---------------------------------------------------------------------------------------------------- */

/* A method for which nobody looks at a body. */
static bool moves_form_to_query(const struct request_transformer *conf)
{
	return slice_eq(conf->http_method, S("GET")) || slice_eq(conf->http_method, S("HEAD")) ||
	       slice_eq(conf->http_method, S("TRACE"));
}

static enum verdict copy_form_to_query(struct call *c)
{
	struct form form, query;
	struct err e;

	if (!form_parse_urlencoded(c->x->arena, c->x->body, &form, &e) ||
	        !form_parse_urlencoded(c->x->arena, c->x->query, &query, &e))
		return too_many(c);
	for (size_t i = 0; i < form.count; i++)
		form_append(c->x->arena, &query, form.fields[i].name, form.fields[i].value);
	if (form.count)
		set_query(c, &query);
	return GO;
}

static enum verdict on_body(struct call *c)
{
	const struct plan *plan = c->data;
	enum verdict v = GO;

	if (moves_form_to_query(c->conf) && body_type(c) == BODY_URLENCODED)
		v = copy_form_to_query(c);
	if (v == GO)
		v = edit_body(c, plan);
	return v == GO ? edit_query(c, plan) : v;
}

static bool needs_body(struct call *c)
{
	const struct compiled *all = c->compiled;
	enum body_type type = body_type(c);
	return type != BODY_OTHER && (all->has[BODY] || (moves_form_to_query(c->conf) && type == BODY_URLENCODED));
}

static bool set_path(struct call *c, struct slice uri)
{
	struct slice path;
	if (!slice_is_set(uri))
		return true;
	if (uri.len == 0 || uri.ptr[0] != '/' || !uri_normalise(c->x->arena, uri, &path))
		return false;
	call_set_path(c, path);
	return true;
}

static enum verdict on_access(struct call *c)
{
	const struct request_transformer *conf = c->conf;
	const struct plan *plan = c->data = plan_of(c);

	if (!plan)
		return call_fault(c, "an expression cannot be computed");
	if (!set_path(c, plan->uri))
		return call_fault(c, "replace.uri is no path");
	if (slice_is_set(conf->http_method))
		call_set_method(c, conf->http_method);
	edit_headers(c, plan);
	return needs_body(c) ? call_read_body(c, on_body) : on_body(c);
}

const struct plugin request_transformer_plugin = {
        .name = "request-transformer",
        .priority = 801,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_ANY,
        .config = &config,
        .compile = compile,
        .access = on_access,
        .doc = "Changes headers, query, body, method and path of requests.",
        .example = "{'add':{'headers':['X-From:gateway']},'remove':{'querystring':['debug']}}",
};
