/* refs: finds what references mean. All subschemas are walked once: those with an $id (draft 4: id) or an anchor get
 * an address, and each knows which of them it belongs to. A reference is resolved against the address of its owner
 * (RFC 3986 5.2, as far as schemas need it); its fragment is a JSON pointer or an anchor. */
#include <stdio.h>
#include <stdlib.h>

#include "common/http/uri.h"
#include "common/jsonschema/private.h"

/* ---- addresses ------------------------------------------------------------------------------------------------- */

static bool has_scheme(struct slice uri)
{
	for (size_t i = 0; i < uri.len; i++) {
		unsigned char low = ascii_lower((unsigned char)uri.ptr[i]);
		bool letter = low >= 'a' && low <= 'z';
		if (uri.ptr[i] == ':')
			return i > 0;
		if (!letter && (i == 0 || !memchr("+-.0123456789", uri.ptr[i], 13)))
			return false;
	}
	return false;
}

/* Up to where the path of "scheme://authority/path" begins. */
static size_t path_start(struct slice uri)
{
	const char *authority = memmem(uri.ptr, uri.len, "://", 3);
	size_t at = authority ? (size_t)(authority - uri.ptr) + 3 : 0;
	while (at < uri.len && uri.ptr[at] != '/')
		at++;
	return at;
}

static struct slice resolve(struct arena *a, struct slice base, struct slice ref)
{
	if (ref.len == 0)
		return base;
	if (has_scheme(ref) || base.len == 0)
		return ref;
	if (ref.ptr[0] == '/')
		return ARENA_JOIN(a, slice_of(base.ptr, path_start(base)), ref);
	size_t end = base.len;
	while (end > 0 && base.ptr[end - 1] != '/')
		end--;
	return ARENA_JOIN(a, slice_of(base.ptr, end), ref);
}

static struct slice text_at(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);
	return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v)) : slice_of(NULL, 0);
}

static struct slice address_of(const json_t *const *value)
{
	return slice_of((const char *)value, sizeof *value);
}

/* ---- the walk -------------------------------------------------------------------------------------------------- */

static bool walk(struct ref_index *x, const json_t *schema, struct resource *owner, unsigned depth, struct err *e);

static void add_anchor(struct ref_index *x, const struct resource *owner, struct slice name, const json_t *schema)
{
	if (slice_is_set(name))
		map_set(&x->targets, ARENA_JOIN(x->arena, owner->uri, S("#"), name), (void *)schema);
}

/* A schema with an address begins a resource; "#name" is an anchor until draft 7. */
static struct resource *take_id(struct ref_index *x, const json_t *schema, struct resource *owner)
{
	struct slice id = text_at(schema, x->draft == JSONSCHEMA_DRAFT4 ? "id" : "$id"), fragment = id;
	bool beside_ref = x->draft != JSONSCHEMA_2020_12 && json_object_get(schema, "$ref");

	if (!slice_is_set(id) || (beside_ref && schema != owner->root))
		return owner;
	struct slice uri = slice_cut(&fragment, '#');
	if (uri.len > 0) {
		struct resource *own = arena_new(x->arena, struct resource);
		*own = (struct resource){schema, resolve(x->arena, owner->uri, uri)};
		map_set(&x->targets, own->uri, (void *)schema);
		owner = own;
	}
	if (slice_is_set(fragment) && fragment.len > 0)
		add_anchor(x, owner, fragment, schema);
	return owner;
}

static bool walk_all(struct ref_index *x, const json_t *holder, struct resource *owner, unsigned depth, struct err *e)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)holder, key, value)
	{
		if (!walk(x, value, owner, depth, e))
			return false;
	}
	json_array_foreach(holder, i, value)
	{
		if (!walk(x, value, owner, depth, e))
			return false;
	}
	return true;
}

static bool is_among(const char *key, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, key) == 0)
			return true;
	return false;
}

/* Only where schemas stand: what other keywords hold is data, whatever it looks like. */
static bool walk_members(
        struct ref_index *x, const json_t *schema, struct resource *owner, unsigned depth, struct err *e)
{
	static const char *const maps[] = {
	        "properties", "patternProperties", "definitions", "$defs", "dependencies", "dependentSchemas", NULL};
	static const char *const schemas[] = {"items", "prefixItems", "additionalItems", "contains",
	        "additionalProperties", "propertyNames", "not", "if", "then", "else", "allOf", "anyOf", "oneOf",
	        "unevaluatedItems", "unevaluatedProperties", NULL};
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)schema, key, value)
	{
		bool ok = true;
		if (is_among(key, maps) || (is_among(key, schemas) && json_is_array(value)))
			ok = walk_all(x, value, owner, depth, e);
		else if (is_among(key, schemas))
			ok = walk(x, value, owner, depth, e);
		if (!ok)
			return false;
	}
	return true;
}

static bool walk(struct ref_index *x, const json_t *schema, struct resource *owner, unsigned depth, struct err *e)
{
	if (!json_is_object(schema))
		return true;
	if (depth > JSONSCHEMA_DEPTH)
		return err_set(e, "the schema is nested deeper than %d levels", JSONSCHEMA_DEPTH);
	if (++x->count > JSONSCHEMA_NODES)
		return err_set(e, "the schema has more than %d subschemas", JSONSCHEMA_NODES);
	owner = take_id(x, schema, owner);
	map_set(&x->owners, address_of(&schema), owner);
	if (x->draft == JSONSCHEMA_2020_12) {
		add_anchor(x, owner, text_at(schema, "$anchor"), schema);
		add_anchor(x, owner, text_at(schema, "$dynamicAnchor"), schema);
	}
	return walk_members(x, schema, owner, depth + 1, e);
}

bool ref_index_make(struct ref_index *x, const json_t *root, struct err *e)
{
	struct resource *own = arena_new(x->arena, struct resource);
	*own = (struct resource){root, S("")};
	map_set(&x->targets, S(""), (void *)root);
	return walk(x, root, own, 0, e);
}

void ref_index_fini(struct ref_index *x)
{
	map_fini(&x->targets);
	map_fini(&x->owners);
}

/* ---- looking up ------------------------------------------------------------------------------------------------ */

/* One step of a JSON pointer (RFC 6901), its ~0 and ~1 in plain. */
static struct slice plain(struct arena *a, struct slice token)
{
	char *out = arena_alloc(a, token.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < token.len; i++) {
		bool escaped = token.ptr[i] == '~' && i + 1 < token.len &&
		               (token.ptr[i + 1] == '0' || token.ptr[i + 1] == '1');
		out[n++] = !escaped ? token.ptr[i] : token.ptr[i + 1] == '0' ? '~' : '/';
		i += escaped;
	}
	return slice_of(out, n);
}

static const json_t *follow(struct arena *a, const json_t *at, struct slice pointer)
{
	slice_cut(&pointer, '/'); /* what stands before the first one: nothing */
	while (slice_is_set(pointer) && at) {
		struct slice token = plain(a, slice_cut(&pointer, '/'));
		int64_t i;
		if (json_is_array(at))
			at = slice_to_int(token, &i) && i >= 0 ? json_array_get(at, (size_t)i) : NULL;
		else
			at = json_object_getn(at, token.ptr, token.len);
	}
	return at;
}

const json_t *ref_index_find(const struct ref_index *x, const json_t *from, struct slice ref, struct err *e)
{
	const struct resource *owner = map_get(&x->owners, address_of(&from));
	struct slice fragment = ref, uri = slice_cut(&fragment, '#');
	struct slice absolute = resolve(x->arena, owner ? owner->uri : S(""), uri);
	const json_t *root = uri.len == 0 && owner ? owner->root : map_get(&x->targets, absolute);

	if (!root) {
		err_set(e, "$ref '%.*s' leads out of the schema: only what is in it can be referred to",
		        SLICE_ARG(ref));
		return NULL;
	}
	if (!slice_is_set(fragment) || fragment.len == 0)
		return root;
	fragment = uri_decode(x->arena, fragment, false);
	const json_t *found = fragment.ptr[0] == '/'
	                              ? follow(x->arena, root, fragment)
	                              : map_get(&x->targets, ARENA_JOIN(x->arena, absolute, S("#"), fragment));
	if (!found)
		err_set(e, "$ref '%.*s' leads to nothing", SLICE_ARG(ref));
	return found;
}
