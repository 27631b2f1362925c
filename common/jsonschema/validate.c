/* validate: judges a value by a compiled schema. Keywords of one subschema are looked at in turn; when failures are
 * collected all of them are, so that several can be told, else the first that fails ends it.
 *
 * What subschemas have evaluated (members, items) is only kept when some subschema asks for what is left over:
 * unevaluatedProperties, unevaluatedItems. Every look costs a step; who runs out of steps or depth has failed, also
 * inside of `not` and `anyOf`. */
#include <math.h>
#include <stdlib.h>

#include "common/core/text.h"
#include "common/core/utf8.h"
#include "common/jsonschema/private.h"

enum { EVALUATION_DEPTH = 256 };

/* Where in the value; on the stack of those who are on the way there. */
struct place {
	const struct place *up; /* NULL: the value itself */
	struct slice name;      /* of a member; unset: an item */
	size_t index;
};

struct run {
	const struct jsonschema *schema;
	struct jsonschema_failures *failures; /* NULL: nobody asks */
	unsigned steps, depth, nesting;
	const char *aborted; /* why it cannot be judged; NULL */
	struct arena *arena; /* of marks */
};

/* What has been evaluated of one object or array. */
struct marks {
	bool all;
	struct map names; /* of an object */
	bool *items;      /* of an array */
	size_t items_room;
};

struct job {
	struct run *run;
	const struct node *node;
	const json_t *value;
	const struct place *at;
	struct marks *marks; /* NULL: not kept */
};

static bool judge(struct run *r, const struct node *n, const json_t *v, const struct place *at, struct marks *marks);

/* ---- failures -------------------------------------------------------------------------------------------------- */

static void put_place(struct text *out, const struct place *at)
{
	if (at->up)
		put_place(out, at->up);
	if (!at->up)
		return;
	if (!slice_is_set(at->name)) {
		text_printf(out, "[%zu]", at->index);
		return;
	}
	if (out->len)
		text_putc(out, '.');
	text_put(out, at->name);
}

static struct slice place_text(struct arena *a, const struct place *at)
{
	struct text out = {0};
	put_place(&out, at);
	if (out.len == 0)
		text_puts(&out, "@root");
	struct slice text = arena_dup(a, text_slice(&out));
	text_fini(&out);
	return text;
}

/* Always false. The first failure of a place is told. */
static bool fail(struct run *r, const struct place *at, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
static bool fail(struct run *r, const struct place *at, const char *format, ...)
{
	struct jsonschema_failures *f = r->failures;
	struct text why = {0};
	va_list args;

	if (!f || f->len == JSONSCHEMA_FAILURES)
		return false;
	struct slice path = place_text(f->arena, at);
	for (size_t i = 0; i < f->len; i++)
		if (slice_eq(f->items[i].path, path))
			return false;
	va_start(args, format);
	text_vprintf(&why, format, args);
	va_end(args);
	f->items[f->len++] = (struct jsonschema_failure){path, arena_dup(f->arena, text_slice(&why))};
	text_fini(&why);
	return false;
}

static bool abort_run(struct run *r, const char *why)
{
	if (!r->aborted)
		r->aborted = why;
	return false;
}

static bool step(struct run *r)
{
	return r->steps++ < JSONSCHEMA_STEPS || abort_run(r, "the value takes too long to be judged");
}

/* Does a subschema fit? Its failures are nobody's. */
static bool fits(struct run *r, const struct node *n, const json_t *v, const struct place *at, struct marks *marks)
{
	struct jsonschema_failures *f = r->failures;
	r->failures = NULL;
	bool ok = judge(r, n, v, at, marks);
	r->failures = f;
	return ok;
}

/* ---- marks ----------------------------------------------------------------------------------------------------- */

static char yes; /* any address */

static void mark_name(struct marks *m, struct slice name)
{
	if (m)
		map_set(&m->names, name, &yes);
}

static void mark_item(struct marks *m, size_t i)
{
	if (m && i < m->items_room)
		m->items[i] = true;
}

static struct marks *marks_new(struct run *r, const json_t *v)
{
	if (!r->schema->has_unevaluated)
		return NULL;
	struct marks *m = arena_new(r->arena, struct marks);
	m->items_room = json_array_size(v);
	m->items = arena_array(r->arena, bool, m->items_room + 1);
	return m;
}

/* Takes what m has over into `to` and ends m. */
static void marks_merge(struct marks *to, struct marks *m)
{
	struct slice name;
	void *value;

	if (!m)
		return;
	for (size_t at = 0; to && map_next(&m->names, &at, &name, &value);)
		map_set(&to->names, name, &yes);
	for (size_t i = 0; to && i < m->items_room; i++)
		if (m->items[i])
			mark_item(to, i);
	if (to)
		to->all |= m->all;
	map_fini(&m->names);
}

/* A subschema that may fail: what it has evaluated counts only when it fits. */
static bool fits_marking(const struct job *j, const struct node *n)
{
	struct marks *own = j->marks ? marks_new(j->run, j->value) : NULL;
	bool ok = fits(j->run, n, j->value, j->at, own);
	marks_merge(ok ? j->marks : NULL, own);
	return ok;
}

/* ---- every type ------------------------------------------------------------------------------------------------ */

static unsigned type_of(const struct run *r, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_NULL: return TYPE_BIT_NULL;
	case JSON_TRUE:
	case JSON_FALSE: return TYPE_BIT_BOOLEAN;
	case JSON_STRING: return TYPE_BIT_STRING;
	case JSON_ARRAY: return TYPE_BIT_ARRAY;
	case JSON_OBJECT: return TYPE_BIT_OBJECT;
	case JSON_INTEGER: return TYPE_BIT_INTEGER | TYPE_BIT_NUMBER;
	case JSON_REAL: break;
	}
	double d = json_real_value(v);
	bool whole = r->schema->draft >= JSONSCHEMA_DRAFT6 && d == floor(d);
	return TYPE_BIT_NUMBER | (whole ? TYPE_BIT_INTEGER : 0);
}

static const char *type_names(unsigned types)
{
	switch (types) {
	case TYPE_BIT_NULL: return "null";
	case TYPE_BIT_BOOLEAN: return "a boolean";
	case TYPE_BIT_INTEGER: return "an integer";
	case TYPE_BIT_NUMBER: return "a number";
	case TYPE_BIT_STRING: return "a string";
	case TYPE_BIT_ARRAY: return "an array";
	case TYPE_BIT_OBJECT: return "an object";
	default: return "a value of another type";
	}
}

static bool is_in(const json_t *list, const json_t *v)
{
	const json_t *one;
	size_t i;
	json_array_foreach(list, i, one)
	{
		if (jsonschema_equal(one, v))
			return true;
	}
	return false;
}

static bool judge_general(const struct job *j)
{
	const struct node *n = j->node;
	if (n->types && !(n->types & type_of(j->run, j->value)))
		return fail(j->run, j->at, "expected %s", type_names(n->types));
	if (n->constant && !jsonschema_equal(n->constant, j->value))
		return fail(j->run, j->at, "expected another value");
	if (n->enumeration && !is_in(n->enumeration, j->value))
		return fail(j->run, j->at, "expected one of the listed values");
	return true;
}

static bool judge_any(const struct job *j)
{
	bool any = j->node->any_of.len == 0;
	for (size_t i = 0; i < j->node->any_of.len && !j->run->aborted; i++)
		if ((!any || j->marks) && fits_marking(j, j->node->any_of.items[i])) /* marks want all that fit */
			any = true;
	return any || fail(j->run, j->at, "fits none of the allowed schemas");
}

static bool judge_one(const struct job *j)
{
	size_t fitting = 0;
	for (size_t i = 0; i < j->node->one_of.len && fitting < 2 && !j->run->aborted; i++)
		fitting += fits_marking(j, j->node->one_of.items[i]);
	if (j->node->one_of.len == 0 || fitting == 1)
		return true;
	return fail(j->run, j->at,
	        fitting ? "fits more than one of the allowed schemas" : "fits none of the allowed schemas");
}

static bool judge_condition(const struct job *j)
{
	const struct node *n = j->node;
	if (!n->condition)
		return true;
	const struct node *next = fits_marking(j, n->condition) ? n->consequence : n->alternative;
	return !next || judge(j->run, next, j->value, j->at, j->marks);
}

static bool judge_combined(const struct job *j)
{
	const struct node *n = j->node;
	bool ok = !n->ref || judge(j->run, n->ref, j->value, j->at, j->marks);

	for (size_t i = 0; i < n->all_of.len && (ok || j->run->failures); i++)
		ok = judge(j->run, n->all_of.items[i], j->value, j->at, j->marks) && ok;
	ok = ok && judge_any(j) && judge_one(j);
	if (ok && n->negated && fits(j->run, n->negated, j->value, j->at, NULL))
		ok = fail(j->run, j->at, "fits a schema that it must not fit");
	return ok && judge_condition(j);
}

/* ---- numbers and strings --------------------------------------------------------------------------------------- */

/* Within what doubles can tell: 0.0075 is 75 times 0.0001. */
static bool is_multiple(double v, double of)
{
	double times = v / of;
	return isfinite(times) ? fabs(times - round(times)) <= 1e-9 * fmax(1, fabs(times)) && fabs(times) < 9e15
	                       : fmod(v, of) == 0;
}

static bool judge_number(const struct job *j)
{
	const struct node *n = j->node;
	double v = json_number_value(j->value);

	if (n->minimum.set && v < n->minimum.value)
		return fail(j->run, j->at, "expected at least %.15g", n->minimum.value);
	if (n->maximum.set && v > n->maximum.value)
		return fail(j->run, j->at, "expected at most %.15g", n->maximum.value);
	if (n->above.set && v <= n->above.value)
		return fail(j->run, j->at, "expected more than %.15g", n->above.value);
	if (n->below.set && v >= n->below.value)
		return fail(j->run, j->at, "expected less than %.15g", n->below.value);
	if (n->multiple_of.set && !is_multiple(v, n->multiple_of.value))
		return fail(j->run, j->at, "expected a multiple of %.15g", n->multiple_of.value);
	return true;
}

static bool is_within(
        const struct job *j, const char *what, size_t n, const struct limit *min, const struct limit *max)
{
	if (min->set && (double)n < min->value)
		return fail(j->run, j->at, "expected at least %.15g %s", min->value, what);
	if (max->set && (double)n > max->value)
		return fail(j->run, j->at, "expected at most %.15g %s", max->value, what);
	return true;
}

static size_t count_characters(struct slice s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}

static bool judge_string(const struct job *j)
{
	const struct node *n = j->node;
	struct slice s = slice_of(json_string_value(j->value), json_string_length(j->value));

	if ((n->min_length.set || n->max_length.set) &&
	        !is_within(j, "characters", count_characters(s), &n->min_length, &n->max_length))
		return false;
	enum regex_outcome found = n->pattern ? regex_try(n->pattern, s) : REGEX_YES;
	if (found == REGEX_TOO_SLOW)
		return abort_run(j->run, "a pattern takes too long");
	if (found == REGEX_NO)
		return fail(j->run, j->at, "does not match the pattern");
	if (!jsonschema_format_fits(n->format, s))
		return fail(j->run, j->at, "expected %s: %s", "the format", jsonschema_format_name(n->format));
	return true;
}

/* ---- arrays ---------------------------------------------------------------------------------------------------- */

static bool judge_item(const struct job *j, const struct node *n, size_t i)
{
	struct place at = {.up = j->at, .index = i};
	mark_item(j->marks, i);
	return judge(j->run, n, json_array_get(j->value, i), &at, NULL);
}

static bool judge_contained(const struct job *j)
{
	const struct node *n = j->node;
	size_t found = 0, size = json_array_size(j->value);
	double least = n->min_contains.set ? n->min_contains.value : 1;

	if (!n->contains)
		return true;
	for (size_t i = 0; i < size && !j->run->aborted; i++) {
		struct place at = {.up = j->at, .index = i};
		if (!fits(j->run, n->contains, json_array_get(j->value, i), &at, NULL))
			continue;
		found++;
		mark_item(j->marks, i);
	}
	if ((double)found < least)
		return fail(j->run, j->at, "contains too few of the items that it must contain");
	if (n->max_contains.set && (double)found > n->max_contains.value)
		return fail(j->run, j->at, "contains too many of the items that it may contain");
	return true;
}

static bool judge_array(const struct job *j)
{
	const struct node *n = j->node;
	size_t size = json_array_size(j->value), prefix = n->prefix_items.len;
	bool ok = is_within(j, "items", size, &n->min_items, &n->max_items);

	if (ok && n->unique_items && !jsonschema_is_unique(j->value))
		ok = fail(j->run, j->at, "expected items that are all different");
	for (size_t i = 0; i < size && (ok || j->run->failures) && !j->run->aborted; i++) {
		const struct node *item = i < prefix ? n->prefix_items.items[i] : n->items;
		if (item)
			ok = judge_item(j, item, i) && ok;
	}
	return ok && judge_contained(j);
}

static bool judge_unevaluated_items(const struct job *j)
{
	const struct node *n = j->node->unevaluated_items;
	bool ok = true;

	if (!n || !json_is_array(j->value) || j->marks->all)
		return true;
	for (size_t i = 0; ok && i < j->marks->items_room; i++)
		if (!j->marks->items[i])
			ok = judge_item(j, n, i);
	return ok;
}

/* ---- objects --------------------------------------------------------------------------------------------------- */

static bool has(const json_t *object, struct slice name)
{
	return json_object_getn(object, name.ptr, name.len) != NULL;
}

static bool judge_required(const struct job *j, const struct name_list *names)
{
	bool ok = true;
	for (size_t i = 0; i < names->len && (ok || j->run->failures); i++) {
		struct place at = {.up = j->at, .name = names->items[i]};
		if (!step(j->run))
			return false;
		if (!has(j->value, names->items[i]))
			ok = fail(j->run, &at, "required field missing");
	}
	return ok;
}

static bool judge_dependencies(const struct job *j)
{
	for (size_t i = 0; i < j->node->dependencies_len; i++) {
		const struct dependency *d = &j->node->dependencies[i];
		if (!has(j->value, d->name))
			continue;
		if (!judge_required(j, &d->required) ||
		        (d->node && !judge(j->run, d->node, j->value, j->at, j->marks)))
			return false;
	}
	return true;
}

static bool judge_name(const struct job *j, struct slice name, const struct place *at)
{
	if (!j->node->property_names)
		return true;
	json_t *text = json_stringn(name.ptr, name.len);
	bool ok = text && fits(j->run, j->node->property_names, text, at, NULL);
	json_decref(text);
	return ok || fail(j->run, at, "a field of this name is not allowed");
}

static bool judge_member(const struct job *j, struct slice name, const json_t *v)
{
	const struct node *n = j->node;
	struct place at = {.up = j->at, .name = name};
	bool known = false, ok = step(j->run) && judge_name(j, name, &at);

	for (size_t i = 0; i < n->properties.len && step(j->run); i++) {
		const struct named_node *p = &n->properties.items[i];
		if (!slice_eq(p->name, name))
			continue;
		known = true;
		ok = judge(j->run, p->node, v, &at, NULL) && ok;
	}
	for (size_t i = 0; i < n->patterns.len && step(j->run); i++) {
		enum regex_outcome found = regex_try(n->patterns.items[i].pattern, name);
		if (found == REGEX_TOO_SLOW)
			return abort_run(j->run, "a pattern takes too long");
		if (found == REGEX_NO)
			continue;
		known = true;
		ok = judge(j->run, n->patterns.items[i].node, v, &at, NULL) && ok;
	}
	if (!known && n->additional && n->additional->never)
		ok = fail(j->run, &at, "unknown field");
	else if (!known && n->additional)
		ok = judge(j->run, n->additional, v, &at, NULL) && ok;
	if (known || n->additional)
		mark_name(j->marks, name);
	return ok && !j->run->aborted;
}

static bool looks_at_members(const struct node *n)
{
	return n->properties.len || n->patterns.len || n->additional || n->property_names;
}

static bool judge_object(const struct job *j)
{
	const struct node *n = j->node;
	bool ok = is_within(j, "fields", json_object_size(j->value), &n->min_properties, &n->max_properties) &&
	          judge_required(j, &n->required);
	const char *key;
	size_t len;
	json_t *v;

	if (looks_at_members(n))
		json_object_keylen_foreach((json_t *)j->value, key, len, v)
		{
			if ((!ok && !j->run->failures) || j->run->aborted)
				return false;
			ok = judge_member(j, slice_of(key, len), v) && ok;
		}
	return ok && judge_dependencies(j);
}

static bool judge_unevaluated_properties(const struct job *j)
{
	const struct node *n = j->node->unevaluated_properties;
	const char *key;
	size_t len;
	json_t *v;

	if (!n || !json_is_object(j->value) || j->marks->all)
		return true;
	json_object_keylen_foreach((json_t *)j->value, key, len, v)
	{
		struct slice name = slice_of(key, len);
		struct place at = {.up = j->at, .name = name};
		if (map_get(&j->marks->names, name))
			continue;
		if (!judge(j->run, n, v, &at, NULL))
			return fail(j->run, &at, "unknown field");
		mark_name(j->marks, name);
	}
	return true;
}

/* ---- one subschema --------------------------------------------------------------------------------------------- */

static bool judge_keywords(const struct job *j)
{
	bool ok = judge_general(j);
	if (ok && json_is_number(j->value))
		ok = judge_number(j);
	else if (ok && json_is_string(j->value))
		ok = judge_string(j);
	else if (ok && json_is_array(j->value))
		ok = judge_array(j);
	else if (ok && json_is_object(j->value))
		ok = judge_object(j);
	return ok && judge_combined(j) && judge_unevaluated_items(j) && judge_unevaluated_properties(j);
}

/* Who asks for what is left over sees only what it and its own subschemas have evaluated. */
static bool judge_node(
        struct run *r, const struct node *n, const json_t *v, const struct place *at, struct marks *marks)
{
	bool own = n->unevaluated_items || n->unevaluated_properties;
	struct job j = {r, n, v, at, own ? marks_new(r, v) : marks};
	bool ok = judge_keywords(&j);
	if (own)
		marks_merge(ok ? marks : NULL, j.marks);
	return ok && !r->aborted;
}

static bool judge(struct run *r, const struct node *n, const json_t *v, const struct place *at, struct marks *marks)
{
	if (n->never)
		return fail(r, at, "nothing is allowed here");
	if (r->aborted || !step(r))
		return false;
	if (++r->depth > EVALUATION_DEPTH)
		abort_run(r, "the value leads too deep into the schema");
	bool ok = !r->aborted && judge_node(r, n, v, at, marks);
	r->depth--;
	return ok;
}

/* ---- beginning ------------------------------------------------------------------------------------------------- */

static bool is_too_deep(const json_t *v, unsigned depth)
{
	const char *key;
	json_t *member;
	size_t i;

	if (depth > JSONSCHEMA_DEPTH)
		return true;
	json_object_foreach((json_t *)v, key, member)
	{
		if (is_too_deep(member, depth + 1))
			return true;
	}
	json_array_foreach(v, i, member)
	{
		if (is_too_deep(member, depth + 1))
			return true;
	}
	return false;
}

bool jsonschema_validate(const struct jsonschema *s, const json_t *value, struct jsonschema_failures *failures)
{
	struct arena a;
	struct place root = {0};
	struct run r = {.schema = s, .failures = failures, .arena = &a};

	arena_init(&a);
	if (is_too_deep(value, 0))
		abort_run(&r, "nested too deeply");
	bool ok = judge(&r, s->root, value, &root, NULL);
	r.failures = failures;
	if (r.aborted && failures) {
		failures->len = 0;
		fail(&r, &root, "%s", r.aborted);
	}
	arena_fini(&a);
	return ok;
}
