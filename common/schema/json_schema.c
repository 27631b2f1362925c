/* json_schema: see json_schema.h. Called by the Admin API's OpenAPI document. */
#include "common/schema/json_schema.h"

#include "common/schema/schema_private.h"

/* ---- formats --------------------------------------------------------------------------------------------------- */

/* What a format is called, the part of its rule that a pattern can say (NULL: none), and a value that it accepts. */
static const struct format_words {
	const char *name, *standard, *pattern, *example;
} formats[FORMAT_COUNT] = {
        [FORMAT_UUID] = {"uuid", "uuid",
                "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
                "5fd1c2d2-60a2-4a4c-9d4e-0e1c7b1f7a55"},
        [FORMAT_NAME] = {"name", NULL, "^[A-Za-z0-9.\\-_~]+$", "orders"},
        [FORMAT_UTF8_NAME] = {"utf8-name", NULL, NULL, "orders"},
        [FORMAT_HOST] = {"host", NULL, NULL, "orders.example.com"},
        [FORMAT_HOST_OPT_PORT] = {"host-with-optional-port", NULL, NULL, "orders.example.com:8080"},
        [FORMAT_WILDCARD_HOST] = {"wildcard-host", NULL, NULL, "*.example.com"},
        [FORMAT_ROUTE_HOST] = {"route-host", NULL, NULL, "*.example.com"},
        [FORMAT_SNI] = {"sni", NULL, NULL, "api.example.com"},
        [FORMAT_IP] = {"ip", NULL, NULL, "192.0.2.1"},
        [FORMAT_IP_OR_CIDR] = {"ip-or-cidr", NULL, NULL, "192.0.2.0/24"},
        [FORMAT_PATH] = {"path", NULL, "^/", "/v1"},
        [FORMAT_ROUTER_PATH] = {"router-path", NULL, "^(/|~/)", "/orders"},
        [FORMAT_URL] = {"url", "uri", NULL, "http://orders.example.com:8080/v1"},
        [FORMAT_HEADER_NAME] = {"header-name", NULL, "^[A-Za-z0-9_-]+$", "X-Team"},
        [FORMAT_COOKIE_NAME] = {"cookie-name", NULL, NULL, "session"},
        [FORMAT_HTTP_METHOD] = {"http-method", NULL, "^[A-Z]+$", "GET"},
        [FORMAT_TAG] = {"tag", NULL, "^[^,/]+$", "team-a"},
        [FORMAT_REGEX] = {"regex", "regex", NULL, "^/v[0-9]+"},
        [FORMAT_UPSTREAM_NAME] = {"upstream-name", NULL, NULL, "orders.upstream"},
        [FORMAT_TARGET] = {"target", NULL, NULL, "192.0.2.7:8080"},
};

static void set_text(json_t *out, const char *key, const char *text)
{
	if (text)
		json_object_set_new(out, key, json_string(text));
}

static void set_true(json_t *out, const char *key, bool on)
{
	if (on)
		json_object_set_new(out, key, json_true());
}

static json_t *number(double value)
{
	json_t *out = json_real(value);
	value_make_whole(&out);
	return out;
}

/* ---- rules ----------------------------------------------------------------------------------------------------- */

static const char *type_name(const struct field *f)
{
	switch (f->type) {
	case TYPE_STRING: return "string";
	case TYPE_INTEGER: return "integer";
	case TYPE_NUMBER: return "number";
	case TYPE_BOOLEAN: return "boolean";
	case TYPE_ARRAY:
	case TYPE_SET: return "array";
	case TYPE_MAP:
	case TYPE_RECORD:
	case TYPE_FOREIGN: return "object";
	default: return NULL;
	}
}

/* Ids and times count as absent when null, so clients never see them so. */
static bool is_nullable(const struct field *f)
{
	bool made_up = (f->flags & AUTO) && (f->format == FORMAT_UUID || (f->flags & TIMESTAMP));
	return !(f->flags & REQUIRED) && !made_up;
}

static void put_type(const struct field *f, json_t *out)
{
	const char *name = type_name(f);

	if (name && is_nullable(f))
		json_object_set_new(out, "type", json_pack("[s,s]", name, "null"));
	else if (name)
		json_object_set_new(out, "type", json_string(name));
}

/* Words of a numeric field are numbers; null is a choice of its own where it may stand. */
static json_t *choices(const struct field *f, const char *const *words, bool or_null)
{
	json_t *out = json_array();

	for (; *words; words++)
		json_array_append_new(out, f->type == TYPE_STRING ? json_string(*words) : schema_literal(*words));
	if (or_null)
		json_array_append_new(out, json_null());
	return out;
}

static void put_choices(const struct field *f, json_t *out)
{
	if (f->one_of)
		json_object_set_new(out, "enum", choices(f, f->one_of, is_nullable(f)));
	if (f->not_one_of)
		json_object_set_new(out, "not", json_pack("{s:o}", "enum", choices(f, f->not_one_of, false)));
	if (f->eq)
		json_object_set_new(out, "const", schema_literal(f->eq));
}

static void put_limits(const struct field *f, json_t *out)
{
	if (f->has_gt)
		json_object_set_new(out, "exclusiveMinimum", number(f->gt));
	if (f->has_between) {
		json_object_set_new(out, "minimum", number(f->min));
		json_object_set_new(out, "maximum", number(f->max));
	}
	if (f->flags & TIMESTAMP)
		json_object_set_new(out, "exclusiveMinimum", json_integer(0));
}

/* "minLength", "maxItems": of a text, a list or a map. */
static void put_length(const struct field *f, json_t *out, const char *bound, int64_t length)
{
	struct text key = {0};

	text_printf(&key, "%s%s", bound,
	        f->type == TYPE_STRING ? "Length"
	        : f->type == TYPE_MAP  ? "Properties"
	                               : "Items");
	json_object_set_new(out, text_cstr(&key), json_integer(length));
	text_fini(&key);
}

static void put_lengths(const struct field *f, json_t *out)
{
	bool text = f->type == TYPE_STRING;
	int64_t min = f->has_len_eq    ? f->len_eq
	              : f->has_len_min ? f->len_min
	                               : text && !(f->flags & EMPTY_OK) && !f->one_of;

	if (min > 0)
		put_length(f, out, "min", min);
	if (f->has_len_max || f->has_len_eq)
		put_length(f, out, "max", f->has_len_eq ? f->len_eq : f->len_max);
}

/* A field that may be a vault reference is held to its pattern only when it is none. */
static void put_pattern(const struct field *f, json_t *out, const char *pattern)
{
	if (f->flags & REFERENCEABLE)
		json_object_set_new(out, "anyOf",
		        json_pack("[{s:s},{s:s}]", "pattern", pattern, "pattern", "^\\{vault://.*\\}$"));
	else
		json_object_set_new(out, "pattern", json_string(pattern));
}

/* A text as a pattern that matches what begins with it. */
static void put_start(const struct field *f, json_t *out)
{
	struct text t = {0};

	text_putc(&t, '^');
	for (const char *at = f->starts_with; *at; at++) {
		if (strchr("\\^$.|?*+()[]{}", *at))
			text_putc(&t, '\\');
		text_putc(&t, *at);
	}
	put_pattern(f, out, text_cstr(&t));
	text_fini(&t);
}

static void put_format(const struct field *f, json_t *out)
{
	const struct format_words *words = &formats[f->format];

	if (f->format != FORMAT_NONE) {
		set_text(out, "x-format", words->name);
		set_text(out, "format", f->flags & REFERENCEABLE ? NULL : words->standard);
		if (words->pattern)
			put_pattern(f, out, words->pattern);
		if (!f->dflt && words->example)
			json_object_set_new(out, "examples", json_pack("[s]", words->example));
	}
	if (f->starts_with)
		put_start(f, out);
}

/* ---- parts ----------------------------------------------------------------------------------------------------- */

static void put_reference(const struct field *f, json_t *out)
{
	if (f->type != TYPE_FOREIGN)
		return;
	json_object_set_new(out, "properties", json_pack("{s:{s:s,s:s}}", "id", "type", "string", "format", "uuid"));
	set_text(out, "x-reference", f->ref);
	set_text(out, "x-on-delete", f->on_delete == ON_DELETE_RESTRICT ? "restrict" : "cascade");
}

static void put_parts(const struct field *f, json_t *out)
{
	if (f->elements)
		json_object_set_new(out, "items", field_json_schema(f->elements));
	set_true(out, "uniqueItems", field_is_set(f));
	if (f->values)
		json_object_set_new(out, "additionalProperties", field_json_schema(f->values));
	if (f->keys)
		json_object_set_new(out, "propertyNames", field_json_schema(f->keys));
	if (f->type == TYPE_RECORD && f->record) {
		json_t *record = schema_json_schema(f->record);
		json_object_del(record, "type");
		json_object_update(out, record);
		json_decref(record);
	}
	put_reference(f, out);
}

static void put_flags(const struct field *f, json_t *out)
{
	set_text(out, "description", f->doc);
	set_true(out, "readOnly", f->flags & UPDATED);
	set_true(out, "x-when-set", f->flags & ADDITION);
	set_true(out, "x-unique", f->flags & UNIQUE);
	set_true(out, "x-secret", f->flags & SECRET);
	set_true(out, "x-referenceable", f->flags & REFERENCEABLE);
	set_true(out, "x-immutable", f->flags & IMMUTABLE);
	set_true(out, "x-made-up", f->flags & AUTO);
}

/* Elements, keys and values stand for themselves: none may be null. */
static json_t *without_null(const struct field *f)
{
	struct field required = *f;

	required.flags |= REQUIRED;
	return field_json_schema(&required);
}

json_t *field_json_schema(const struct field *f)
{
	json_t *out = json_object();

	if (!f->name && !(f->flags & REQUIRED)) {
		json_decref(out);
		return without_null(f);
	}
	put_type(f, out);
	put_choices(f, out);
	put_limits(f, out);
	put_lengths(f, out);
	put_format(f, out);
	put_parts(f, out);
	if (f->dflt)
		json_object_set_new(out, "default", field_default(f));
	put_flags(f, out);
	return out;
}

/* ---- records --------------------------------------------------------------------------------------------------- */

/* Accepted and turned into other fields; a deprecated name is shown too. */
static void put_shorthand(const struct schema *s, const struct shorthand *sh, json_t *properties)
{
	struct field f = {.name = sh->name, .type = sh->type, .doc = sh->doc};
	const struct field *target = sh->replaced_by ? schema_field_at(s, sh->replaced_by) : NULL;

	if (target) {
		f = *target;
		f.name = sh->name;
		f.dflt = NULL;
		f.flags &= ~(uint32_t)REQUIRED;
	}
	json_t *out = field_json_schema(&f);
	set_true(out, sh->replaced_by ? "deprecated" : "writeOnly", true);
	if (sh->replaced_by)
		set_text(out, "x-replaced-by", sh->replaced_by);
	json_object_set_new(properties, sh->name, out);
}

static void put_ttl(json_t *properties)
{
	json_object_set_new(properties, "ttl",
	        json_pack("{s:[s,s],s:i,s:i,s:s}", "type", "integer", "null", "minimum", 0, "maximum", 100000000,
	                "description", "Seconds that it still has to live; 0 or null: no end."));
}

json_t *schema_json_schema(const struct schema *s)
{
	json_t *properties = json_object();

	for_each_field(f, s)
	{
		if (!(f->flags & HIDDEN) && field_exists(f))
			json_object_set_new(properties, f->name, field_json_schema(f));
	}
	for (const struct shorthand *sh = s->shorthands; sh && sh->name; sh++)
		put_shorthand(s, sh, properties);
	if (s->has_ttl)
		put_ttl(properties);
	json_t *out = json_pack(
	        "{s:s,s:o,s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
	set_text(out, "description", s->doc);
	return out;
}

static bool is_needed(const struct field *f)
{
	return field_exists(f) && (f->flags & REQUIRED) && !(f->flags & (AUTO | HIDDEN)) && !f->dflt &&
	       !field_is_implied(f);
}

json_t *schema_needs(const struct schema *s)
{
	json_t *names = json_array();

	for_each_field(f, s)
	{
		if (is_needed(f))
			json_array_append_new(names, json_string(f->name));
	}
	return names;
}

/* ---- examples -------------------------------------------------------------------------------------------------- */

static json_t *example_value(const struct field *f)
{
	json_t *inner;

	if (f->one_of)
		return f->type == TYPE_STRING ? json_string(f->one_of[0]) : schema_literal(f->one_of[0]);
	switch (f->type) {
	case TYPE_STRING: return json_string(formats[f->format].example ? formats[f->format].example : "example");
	case TYPE_INTEGER:
	case TYPE_NUMBER: return number(f->has_between ? f->min : f->has_gt ? f->gt + 1 : 1);
	case TYPE_BOOLEAN: return json_true();
	case TYPE_ARRAY:
	case TYPE_SET: inner = f->elements ? example_value(f->elements) : json_null(); return json_pack("[o]", inner);
	case TYPE_RECORD: return f->record ? schema_example(f->record) : json_object();
	case TYPE_FOREIGN: return json_pack("{s:s}", "id", formats[FORMAT_UUID].example);
	default: return json_object();
	}
}

json_t *schema_example(const struct schema *s)
{
	json_t *out = json_object();

	for_each_field(f, s)
	{
		if (is_needed(f))
			json_object_set_new(out, f->name, example_value(f));
	}
	return out;
}
