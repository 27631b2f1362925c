/* load: the order of steps from what a client sent to a whole, checked record (entities.md 1.4). Each step is a file
 * of its own; this one says what comes after what, and fills in what is made up here: ids, times, random keys. */
#include "common/schema/schema_private.h"

#include <math.h>
#include <stdlib.h>

enum { TTL_MAX_S = 100000000 };
static const int64_t TIME_MAX_S = 253402300799; /* the end of the year 9999 */

/* One load on its way. */
struct load {
	const struct schema *schema, *sub; /* sub: of `config`, or NULL */
	const struct load_options *options;
	json_t *record; /* becomes the rendered form */
	json_t *expiry; /* of kinds that can expire: Unix seconds, or null; kept apart from the fields */
	struct violations *v;
};

static bool is_update(const struct load *l)
{
	return l->options->op == LOAD_UPDATE;
}

static bool is_stored(const struct load *l)
{
	return l->options->op == LOAD_STORED;
}

/* ---- 1. what the client sent, merged over what is there -------------------------------------------------------- */

static bool take_input(struct load *l, const json_t *input)
{
	if (is_stored(l)) {
		l->record = json_deep_copy(input);
		return true;
	}
	const json_t *existing = is_update(l) ? l->options->existing : NULL;
	json_t *expanded = expand_with(l->schema, merge_subschema(l->schema, existing, input), input, l->v);
	if (!expanded)
		return false;
	l->record = existing ? schema_merge(l->schema, existing, expanded) : json_incref(expanded);
	json_decref(expanded);
	return true;
}

/* ---- ttl (entities.md 3) --------------------------------------------------------------------------------------- */

static bool ttl_seconds(const json_t *ttl, int64_t max, int64_t *out)
{
	double n = json_number_value(ttl);
	bool ok = json_is_null(ttl) || (json_is_number(ttl) && n >= 0 && n <= (double)max && n == floor(n));
	*out = ok ? (int64_t)n : 0;
	return ok;
}

/* In a document ttl is that time itself, since a file is loaded more than once. */
static json_t *expiry_in(const struct load *l, int64_t seconds)
{
	if (seconds <= 0)
		return json_null();
	return json_integer(l->options->is_document ? seconds : l->options->now_ms / 1000 + seconds);
}

/* Turns `ttl` of the input into the absolute time that is stored; without it a PATCH keeps the old one. */
static bool take_ttl(struct load *l, const json_t *input)
{
	const json_t *ttl = json_object_get(input, "ttl");
	const json_t *before = is_stored(l) ? input : l->options->existing;
	int64_t seconds = 0;

	if (!l->schema->has_ttl)
		return true;
	int64_t max = l->options->is_document ? TIME_MAX_S : TTL_MAX_S;
	if (ttl && !ttl_seconds(ttl, max, &seconds)) {
		violations_add(l->v, "ttl", "must be an integer between 0 and %lld", (long long)max);
		return false;
	}
	if (ttl || !(is_update(l) || is_stored(l)))
		l->expiry = expiry_in(l, seconds);
	else
		l->expiry = json_incref(json_object_get(before, EXPIRY_KEY));

	json_object_del(l->record, "ttl");
	if (is_stored(l) || !json_object_get(input, EXPIRY_KEY)) /* a client that sends it gets "unknown field" */
		json_object_del(l->record, EXPIRY_KEY);
	return true;
}

/* ---- 2. what is made up ---------------------------------------------------------------------------------------- */

static json_t *time_value(const struct field *f, int64_t now_ms)
{
	return f->type == TYPE_NUMBER ? json_real((double)now_ms / 1000) : json_integer(now_ms / 1000);
}

static json_t *random_value(void)
{
	char text[32 + 1];
	random_alphanumeric(text, sizeof text - 1);
	return json_string(text);
}

static json_t *new_uuid(void)
{
	struct uuid u = uuid_v4();
	char text[UUID_TEXT + 1];
	uuid_format(&u, text);
	return json_string(text);
}

static json_t *auto_value(const struct load *l, const struct field *f)
{
	if (f->flags & TIMESTAMP)
		return time_value(f, l->options->now_ms);
	return f->format == FORMAT_UUID ? new_uuid() : random_value();
}

/* Ids and times that are null count as absent; a random key that was sent as null stays null. */
static bool wants_auto(const struct load *l, const struct field *f)
{
	const json_t *value = json_object_get(l->record, f->name);
	if (!(f->flags & AUTO))
		return false;
	if ((f->flags & UPDATED) && !(l->options->is_document && value))
		return true;
	if (is_update(l))
		return false;
	return !value || (json_is_null(value) && ((f->flags & TIMESTAMP) || f->format == FORMAT_UUID));
}

static void keep(struct load *l, const char *name)
{
	json_t *old = json_object_get(l->options->existing, name);
	if (old)
		json_object_set(l->record, name, old);
}

/* An entity never changes its id, and a PATCH can set the time of creation but not remove it. */
static void keep_identity(struct load *l)
{
	if (!l->options->existing)
		return;
	keep(l, "id");
	if (is_update(l) && json_is_null(json_object_get(l->record, "created_at")))
		keep(l, "created_at");
}

static void fill_auto(struct load *l)
{
	if (is_stored(l))
		return;
	keep_identity(l);
	for_each_field(f, l->schema)
	{
		if (wants_auto(l, f))
			json_object_set_new(l->record, f->name, auto_value(l, f));
	}
}

/* ---- 3. the sub-schema ----------------------------------------------------------------------------------------- */

/* When it cannot be chosen, that is the only error. */
static bool choose_subschema(struct load *l)
{
	struct err e = {""};
	const char *at = NULL;

	if (!l->schema->subschema)
		return true;
	l->sub = l->schema->subschema(l->record, &at, &e);
	if (!l->sub && at)
		violations_add(l->v, at, "%s", e.message);
	return l->sub || !at;
}

/* ---- 4. fields and cross-field checks -------------------------------------------------------------------------- */

static void check_immutable(struct load *l)
{
	if (!is_update(l))
		return;
	for_each_field(f, l->schema)
	{
		json_t *was = json_object_get(l->options->existing, f->name);
		if ((f->flags & IMMUTABLE) && was && !json_equal(was, json_object_get(l->record, f->name)))
			violations_add(l->v, f->name, "immutable field cannot be updated");
	}
}

/* In a reference that cannot be used, its other attributes may be what is wrong (entities.md 1.6). */
static void look_into_references(struct load *l)
{
	for_each_field(f, l->schema)
	{
		const json_t *given = json_object_get(l->record, f->name);
		if (f->type != TYPE_FOREIGN || !l->options->target || !json_is_object(given) ||
		        !json_object_get(l->v->fields, f->name))
			continue;
		const struct schema *target = l->options->target(slice_cstr(f->ref));
		json_t *errors = target ? types_check_given(target, given) : NULL;
		if (errors)
			json_object_set_new(l->v->fields, f->name, errors);
	}
}

/* What a client sends for a field that does not exist in this process. What is stored may have it. */
static void refuse_nonexistent(struct load *l, const json_t *input)
{
	for_each_field(f, l->schema)
	{
		if (!field_exists(f) && json_object_get(input, f->name))
			violations_replace(l->v, f->name, "unknown field");
	}
}

static bool check(struct load *l, const json_t *input)
{
	const json_t *config = json_object_get(l->record, "config");

	l->v->fields = types_check_record(l->schema, l->sub, l->record);
	if (is_stored(l)) /* rules between fields were kept when it was written; time (an expired CA) must not undo
	                     that */
		return !has_violations(l->v);
	look_into_references(l);
	check_immutable(l);
	refuse_nonexistent(l, input);
	checks_run(l->schema, l->record, l->record, "", is_update(l), l->v);
	if (l->sub && json_is_object(config))
		checks_run(l->sub, config, l->record, "config.", is_update(l), l->v);
	return !has_violations(l->v);
}

/* ---- 5. the last touch ----------------------------------------------------------------------------------------- */

static bool transform(struct load *l, const json_t *input)
{
	struct err e;
	if (is_stored(l) || l->options->is_document || !l->schema->transform ||
	        l->schema->transform(l->record, input, l->options->existing, &e))
		return true;
	violations_add_entity(l->v, "%s", e.message);
	return false;
}

static json_t *value_in_order(const struct field *f, json_t *value)
{
	if (f->type == TYPE_RECORD && f->record && json_is_object(value))
		return load_in_order(f->record, NULL, value);
	return json_incref(value);
}

json_t *load_in_order(const struct schema *s, const struct schema *sub, const json_t *record)
{
	json_t *ordered = json_object();
	for_each_field(f, s)
	{
		struct field room;
		json_t *value = json_object_get(record, f->name);
		if (!(f->flags & WRITE_ONLY) && (value || field_exists(f)))
			json_object_set_new(ordered, f->name, value_in_order(field_with_sub(f, sub, &room), value));
	}
	return ordered;
}

static void put_in_order(struct load *l)
{
	json_t *ordered = load_in_order(l->schema, l->sub, l->record);
	json_decref(l->record);
	l->record = ordered;
}

bool schema_load(const struct schema *s, const json_t *input, const struct load_options *options, json_t **out,
        struct violations *v)
{
	struct load l = {.schema = s, .options = options, .v = v};
	bool ok = false;

	*out = NULL;
	if (!json_is_object(input)) {
		violations_add_entity(v, "expected a record");
		return false;
	}
	if (!take_input(&l, input) || !take_ttl(&l, input))
		goto out;
	fill_auto(&l);
	if (!choose_subschema(&l))
		goto out;
	defaults_fill(s, l.sub, l.record);
	if (is_stored(&l))
		put_in_order(&l); /* drops what only a newer release knows */
	if (!check(&l, input) || !transform(&l, input))
		goto out;
	put_in_order(&l);
	if (s->has_ttl)
		json_object_set(l.record, EXPIRY_KEY, l.expiry ? l.expiry : json_null());
	*out = json_incref(l.record);
	ok = true;
out:
	json_decref(l.record);
	json_decref(l.expiry);
	return ok;
}
