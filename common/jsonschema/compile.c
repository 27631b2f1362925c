/* compile: from the text of a schema to nodes. A subschema has one node, made when it is first met; a reference to
 * one that is being made is a pointer to it, so cycles need no care here (they are bounded when values are judged).
 * Keywords with a value of the wrong type are errors: a schema that would silently say nothing protects nobody. */
#include <math.h>
#include <stdlib.h>

#include "common/jsonschema/private.h"

struct compiling {
	struct arena *arena;
	enum jsonschema_draft draft;
	struct ref_index index;
	struct map nodes; /* address of a json_t -> struct node * */
	struct jsonschema *schema;
	unsigned depth;
	struct err *e;
};

static const struct node *compile_node(struct compiling *c, const json_t *schema, const char *where);

static bool bad(struct compiling *c, const char *keyword, const char *expected)
{
	return err_set(c->e, "%s: %s", keyword, expected);
}

static struct slice text_of(const json_t *v)
{
	return slice_of(json_string_value(v), json_string_length(v));
}

/* ---- values of keywords ---------------------------------------------------------------------------------------- */

static bool take_number(struct compiling *c, const json_t *schema, const char *keyword, struct limit *out)
{
	const json_t *v = json_object_get(schema, keyword);
	if (!v)
		return true;
	*out = (struct limit){true, json_number_value(v)};
	return json_is_number(v) || bad(c, keyword, "expected a number");
}

static bool take_count(struct compiling *c, const json_t *schema, const char *keyword, struct limit *out)
{
	if (!take_number(c, schema, keyword, out))
		return false;
	bool fits = !out->set || (out->value >= 0 && out->value == floor(out->value));
	return fits || bad(c, keyword, "expected a whole number that is not negative");
}

static bool take_node(struct compiling *c, const json_t *schema, const char *keyword, const struct node **out)
{
	const json_t *v = json_object_get(schema, keyword);
	if (!v)
		return true;
	*out = compile_node(c, v, keyword);
	return *out != NULL;
}

static bool take_nodes(struct compiling *c, const json_t *schema, const char *keyword, struct node_list *out)
{
	const json_t *v = json_object_get(schema, keyword), *one;
	size_t i;
	if (!v)
		return true;
	if (!json_is_array(v) || json_array_size(v) == 0)
		return bad(c, keyword, "expected an array of schemas");
	out->items = arena_array(c->arena, const struct node *, json_array_size(v));
	json_array_foreach(v, i, one)
	{
		if (!(out->items[out->len++] = compile_node(c, one, keyword)))
			return false;
	}
	return true;
}

static bool take_names(struct compiling *c, const json_t *array, const char *keyword, struct name_list *out)
{
	const json_t *one;
	size_t i;
	if (!json_is_array(array))
		return bad(c, keyword, "expected an array of names");
	out->items = arena_array(c->arena, struct slice, json_array_size(array) + 1);
	json_array_foreach(array, i, one)
	{
		if (!json_is_string(one))
			return bad(c, keyword, "expected an array of names");
		out->items[out->len++] = text_of(one);
	}
	return true;
}

static const struct regex *take_regex(struct compiling *c, struct slice text, const char *keyword)
{
	struct err why;
	const struct regex *r = regex_compile(c->arena, text, REGEX_TEXT, &why);
	if (!r)
		bad(c, keyword, why.message);
	return r;
}

static bool take_named(
        struct compiling *c, const json_t *schema, const char *keyword, bool patterns, struct named_list *out)
{
	const json_t *v = json_object_get(schema, keyword);
	const char *key;
	json_t *one;
	if (!v)
		return true;
	if (!json_is_object(v))
		return bad(c, keyword, "expected an object of schemas");
	out->items = arena_array(c->arena, struct named_node, json_object_size(v) + 1);
	json_object_foreach((json_t *)v, key, one)
	{
		struct named_node *n = &out->items[out->len++];
		n->name = arena_dup(c->arena, slice_cstr(key));
		if (patterns && !(n->pattern = take_regex(c, n->name, keyword)))
			return false;
		if (!(n->node = compile_node(c, one, key)))
			return false;
	}
	return true;
}

/* ---- keywords of every type ------------------------------------------------------------------------------------ */

static unsigned type_bit(const json_t *name)
{
	static const struct {
		const char *name;
		unsigned bit;
	} all[] = {{"null", TYPE_BIT_NULL}, {"boolean", TYPE_BIT_BOOLEAN}, {"integer", TYPE_BIT_INTEGER},
	        {"number", TYPE_BIT_NUMBER}, {"string", TYPE_BIT_STRING}, {"array", TYPE_BIT_ARRAY},
	        {"object", TYPE_BIT_OBJECT}};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (json_is_string(name) && strcmp(all[i].name, json_string_value(name)) == 0)
			return all[i].bit;
	return 0;
}

static bool take_type(struct compiling *c, const json_t *schema, struct node *n)
{
	const json_t *v = json_object_get(schema, "type"), *one;
	size_t i;
	if (!v)
		return true;
	if (!json_is_array(v))
		n->types = type_bit(v);
	json_array_foreach(v, i, one)
	{
		unsigned bit = type_bit(one);
		if (!bit)
			return bad(c, "type", "expected null, boolean, integer, number, string, array or object");
		n->types |= bit;
	}
	return n->types || bad(c, "type", "expected null, boolean, integer, number, string, array or object");
}

static bool take_general(struct compiling *c, const json_t *schema, struct node *n)
{
	n->enumeration = json_object_get(schema, "enum");
	if (n->enumeration && !json_is_array(n->enumeration))
		return bad(c, "enum", "expected an array");
	if (c->draft >= JSONSCHEMA_DRAFT6)
		n->constant = json_object_get(schema, "const");
	if (!take_type(c, schema, n) || !take_nodes(c, schema, "allOf", &n->all_of) ||
	        !take_nodes(c, schema, "anyOf", &n->any_of) || !take_nodes(c, schema, "oneOf", &n->one_of) ||
	        !take_node(c, schema, "not", &n->negated))
		return false;
	if (c->draft < JSONSCHEMA_DRAFT7)
		return true;
	return take_node(c, schema, "if", &n->condition) && take_node(c, schema, "then", &n->consequence) &&
	       take_node(c, schema, "else", &n->alternative);
}

/* In draft 4 a limit is exclusive when a boolean beside it says so. */
static bool take_draft4_limit(
        struct compiling *c, const json_t *schema, const char *keyword, struct limit *plain, struct limit *exclusive)
{
	const json_t *v = json_object_get(schema, keyword);
	if (!v)
		return true;
	if (!json_is_boolean(v))
		return bad(c, keyword, "expected a boolean");
	if (json_is_true(v) && plain->set) {
		*exclusive = *plain;
		plain->set = false;
	}
	return true;
}

static bool take_numbers(struct compiling *c, const json_t *schema, struct node *n)
{
	if (!take_number(c, schema, "minimum", &n->minimum) || !take_number(c, schema, "maximum", &n->maximum) ||
	        !take_number(c, schema, "multipleOf", &n->multiple_of))
		return false;
	if (n->multiple_of.set && n->multiple_of.value <= 0)
		return bad(c, "multipleOf", "expected a number greater than 0");
	if (c->draft == JSONSCHEMA_DRAFT4)
		return take_draft4_limit(c, schema, "exclusiveMinimum", &n->minimum, &n->above) &&
		       take_draft4_limit(c, schema, "exclusiveMaximum", &n->maximum, &n->below);
	return take_number(c, schema, "exclusiveMinimum", &n->above) &&
	       take_number(c, schema, "exclusiveMaximum", &n->below);
}

static bool take_strings(struct compiling *c, const json_t *schema, struct node *n)
{
	const json_t *pattern = json_object_get(schema, "pattern"), *format = json_object_get(schema, "format");

	if (pattern && !json_is_string(pattern))
		return bad(c, "pattern", "expected a string");
	if (pattern && !(n->pattern = take_regex(c, text_of(pattern), "pattern")))
		return false;
	if (format && !json_is_string(format))
		return bad(c, "format", "expected a string");
	n->format = format ? jsonschema_format(text_of(format)) : FORMAT_ID_NONE;
	return take_count(c, schema, "minLength", &n->min_length) &&
	       take_count(c, schema, "maxLength", &n->max_length);
}

/* ---- arrays and objects ---------------------------------------------------------------------------------------- */

/* Until draft 7 an array of `items` is what is prefixItems since, and additionalItems what is items. */
static bool take_items(struct compiling *c, const json_t *schema, struct node *n)
{
	const json_t *items = json_object_get(schema, "items");

	if (c->draft == JSONSCHEMA_2020_12)
		return take_nodes(c, schema, "prefixItems", &n->prefix_items) &&
		       take_node(c, schema, "items", &n->items);
	if (!json_is_array(items))
		return take_node(c, schema, "items", &n->items);
	return (json_array_size(items) == 0 || take_nodes(c, schema, "items", &n->prefix_items)) &&
	       take_node(c, schema, "additionalItems", &n->items);
}

static bool take_arrays(struct compiling *c, const json_t *schema, struct node *n)
{
	const json_t *unique = json_object_get(schema, "uniqueItems");

	if (unique && !json_is_boolean(unique))
		return bad(c, "uniqueItems", "expected a boolean");
	n->unique_items = json_is_true(unique);
	if (!take_items(c, schema, n) || !take_count(c, schema, "minItems", &n->min_items) ||
	        !take_count(c, schema, "maxItems", &n->max_items))
		return false;
	if (c->draft >= JSONSCHEMA_DRAFT6 && !take_node(c, schema, "contains", &n->contains))
		return false;
	return c->draft < JSONSCHEMA_2020_12 ||
	       (take_count(c, schema, "minContains", &n->min_contains) &&
	               take_count(c, schema, "maxContains", &n->max_contains) &&
	               take_node(c, schema, "unevaluatedItems", &n->unevaluated_items));
}

static bool take_dependency(
        struct compiling *c, const char *name, const json_t *v, const char *keyword, struct node *n)
{
	struct dependency *d = &n->dependencies[n->dependencies_len++];
	d->name = arena_dup(c->arena, slice_cstr(name));
	if (json_is_array(v))
		return take_names(c, v, keyword, &d->required);
	d->node = compile_node(c, v, keyword);
	return d->node != NULL;
}

static bool take_dependencies(struct compiling *c, const json_t *schema, struct node *n)
{
	static const char *const all[] = {"dependencies", "dependentRequired", "dependentSchemas"};
	size_t room = 0;
	const char *key;
	json_t *one;

	for (size_t i = 0; i < 3; i++)
		room += json_object_size(json_object_get(schema, all[i]));
	n->dependencies = arena_array(c->arena, struct dependency, room + 1);
	for (size_t i = 0; i < 3; i++) {
		json_t *v = json_object_get(schema, all[i]);
		if (!v || (i == 0) != (c->draft < JSONSCHEMA_2020_12))
			continue;
		if (!json_is_object(v))
			return bad(c, all[i], "expected an object");
		json_object_foreach(v, key, one)
		{
			if (!take_dependency(c, key, one, all[i], n))
				return false;
		}
	}
	return true;
}

/* In draft 4 a `required` that is not an array, as older drafts have it beside a property, says nothing. */
static bool take_objects(struct compiling *c, const json_t *schema, struct node *n)
{
	const json_t *required = json_object_get(schema, "required");

	if (required && !take_names(c, required, "required", &n->required))
		return false;
	if (!take_named(c, schema, "properties", false, &n->properties) ||
	        !take_named(c, schema, "patternProperties", true, &n->patterns) ||
	        !take_node(c, schema, "additionalProperties", &n->additional) ||
	        !take_count(c, schema, "minProperties", &n->min_properties) ||
	        !take_count(c, schema, "maxProperties", &n->max_properties) || !take_dependencies(c, schema, n))
		return false;
	if (c->draft >= JSONSCHEMA_DRAFT6 && !take_node(c, schema, "propertyNames", &n->property_names))
		return false;
	return c->draft < JSONSCHEMA_2020_12 ||
	       take_node(c, schema, "unevaluatedProperties", &n->unevaluated_properties);
}

/* ---- nodes ----------------------------------------------------------------------------------------------------- */

/* Until draft 7 nothing that stands beside a $ref counts. */
static bool take_ref(struct compiling *c, const json_t *schema, struct node *n, bool *alone)
{
	const json_t *ref = json_object_get(schema, "$ref");
	if (!ref && c->draft == JSONSCHEMA_2020_12)
		ref = json_object_get(schema, "$dynamicRef");
	*alone = ref && c->draft != JSONSCHEMA_2020_12;
	if (!ref)
		return true;
	if (!json_is_string(ref))
		return bad(c, "$ref", "expected a string");
	const json_t *target = ref_index_find(&c->index, schema, text_of(ref), c->e);
	n->ref = target ? compile_node(c, target, "$ref") : NULL;
	return n->ref != NULL;
}

static bool fill(struct compiling *c, const json_t *schema, struct node *n)
{
	bool alone;
	if (!take_ref(c, schema, n, &alone))
		return false;
	if (alone)
		return true;
	bool ok = take_general(c, schema, n) && take_numbers(c, schema, n) && take_strings(c, schema, n) &&
	          take_arrays(c, schema, n) && take_objects(c, schema, n);
	c->schema->has_unevaluated |= n->unevaluated_items || n->unevaluated_properties;
	return ok;
}

/* Puts where it was in front of what is wrong, from the inside out. */
static void locate(struct compiling *c, const char *where)
{
	char inner[sizeof c->e->message];
	bool located = strncmp(c->e->message, "at /", 4) == 0;
	snprintf(inner, sizeof inner, "%s", c->e->message + (located ? 3 : 0));
	err_set(c->e, located ? "at /%s%s" : "at /%s: %s", where, inner);
}

static const struct node *compile_node(struct compiling *c, const json_t *schema, const char *where)
{
	struct slice address = slice_of((const char *)&schema, sizeof schema);
	struct node *n = map_get(&c->nodes, address);

	if (n)
		return n;
	n = arena_new(c->arena, struct node);
	if (json_is_boolean(schema) && (c->draft >= JSONSCHEMA_DRAFT6 || strncmp(where, "additional", 10) == 0)) {
		n->never = json_is_false(schema); /* literals are shared: no address */
		return n;
	}
	bool ok = json_is_object(schema) || err_set(c->e, "expected a schema");
	if (ok && ++c->depth > 4 * JSONSCHEMA_DEPTH)
		ok = err_set(c->e, "references lead deeper than %d levels", 4 * JSONSCHEMA_DEPTH);
	map_set(&c->nodes, address, n);
	ok = ok && fill(c, schema, n);
	c->depth -= json_is_object(schema);
	if (!ok && *where)
		locate(c, where);
	return ok ? n : NULL;
}

/* ---- beginning ------------------------------------------------------------------------------------------------- */

static void free_json(void *json)
{
	json_decref(json);
}

static bool compile_root(struct compiling *c, const json_t *root)
{
	if (!ref_index_make(&c->index, root, c->e))
		return false;
	c->schema->root = compile_node(c, root, "");
	return c->schema->root != NULL;
}

const struct jsonschema *jsonschema_compile(
        struct arena *a, struct slice text, enum jsonschema_draft draft, struct err *e)
{
	json_error_t why;
	json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!root) {
		err_set(e, "not JSON: %s at line %d", why.text, why.line);
		return NULL;
	}
	arena_defer(a, free_json, root); /* nodes point into it */
	struct jsonschema *s = arena_new(a, struct jsonschema);
	s->draft = draft;
	struct compiling c = {.arena = a, .draft = draft, .index = {.arena = a, .draft = draft}, .schema = s, .e = e};
	bool ok = compile_root(&c, root);
	ref_index_fini(&c.index);
	map_fini(&c.nodes);
	return ok ? s : NULL;
}

/* ---- types, for whoever makes values --------------------------------------------------------------------------- */

static const struct node *behind_refs(const struct node *n)
{
	for (int i = 0; n && n->ref && !n->types && i < JSONSCHEMA_DEPTH; i++)
		n = n->ref;
	return n;
}

static unsigned types_of(const struct node *n)
{
	n = behind_refs(n);
	return n ? n->types : 0;
}

unsigned jsonschema_types(const struct jsonschema *s)
{
	return types_of(s->root);
}

unsigned jsonschema_item_types(const struct jsonschema *s)
{
	return types_of(behind_refs(s->root)->items);
}

unsigned jsonschema_property_types(const struct jsonschema *s, struct slice name)
{
	const struct node *n = behind_refs(s->root);
	for (size_t i = 0; i < n->properties.len; i++)
		if (slice_eq(n->properties.items[i].name, name))
			return types_of(n->properties.items[i].node);
	return types_of(n->additional);
}
