/* warnings_routes: which routes never get a request, because one other route takes all that they match and stands
 * before them (proxy.md 1.7: regex_priority, then created_at, then the id).
 *
 * Only pairs with the same kinds of conditions are compared: between others the order depends on the request. Each
 * route is held against those that share its rarest value, at most LOOKED_AT of them, so that the cost stays in
 * proportion to the number of routes whatever they look like. */
#include <stdlib.h>

#include "common/core/map.h"
#include "common/entity/route.h"
#include "common/model/warnings_private.h"

enum { LOOKED_AT = 200 };

/* Routes with one value in common. */
struct sharers {
	const struct record **items;
	size_t len, cap;
};

struct values { /* "path:/a" -> struct sharers */
	struct map of;
	struct text key;
};

/* ---- does one take all that another matches? ------------------------------------------------------------------- */

static bool has_value(const struct slice_list *list, struct slice value)
{
	for (size_t i = 0; i < list->len; i++)
		if (slice_eq(list->items[i], value))
			return true;
	return false;
}

/* Either none has any, or all of b's are a's too. */
static bool covers_list(const struct slice_list *a, const struct slice_list *b)
{
	if ((a->len == 0) != (b->len == 0))
		return false;
	for (size_t i = 0; i < b->len; i++)
		if (!has_value(a, b->items[i]))
			return false;
	return true;
}

/* Headers are all asked for, their values are alternatives. */
static bool covers_headers(const struct list_map *a, const struct list_map *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < b->len; i++) {
		bool found = false;
		for (size_t k = 0; k < a->len && !found; k++)
			found = slice_ieq(a->items[k].key, b->items[i].key) &&
			        covers_list(&a->items[k].values, &b->items[i].values);
		if (!found)
			return false;
	}
	return true;
}

static bool covers_addresses(const struct record_list *a, const struct record_list *b)
{
	if ((a->len == 0) != (b->len == 0))
		return false;
	for (size_t i = 0; i < b->len; i++) {
		const struct cidr_port *wanted = LIST_AT(*b, struct cidr_port, i);
		bool found = false;
		for (size_t k = 0; k < a->len && !found; k++) {
			const struct cidr_port *one = LIST_AT(*a, struct cidr_port, k);
			found = slice_eq(one->ip, wanted->ip) && one->port.set == wanted->port.set &&
			        one->port.value == wanted->port.value;
		}
		if (!found)
			return false;
	}
	return true;
}

static bool covers(const struct route *a, const struct route *b)
{
	if (!covers_list(&a->protocols, &b->protocols))
		return false;
	if (slice_is_set(a->expression) || slice_is_set(b->expression))
		return slice_is_set(a->expression) && slice_is_set(b->expression) &&
		       slice_eq(a->expression, b->expression);
	return covers_list(&a->methods, &b->methods) && covers_list(&a->hosts, &b->hosts) &&
	       covers_list(&a->paths, &b->paths) && covers_list(&a->snis, &b->snis) &&
	       covers_headers(&a->headers, &b->headers) && covers_addresses(&a->sources, &b->sources) &&
	       covers_addresses(&a->destinations, &b->destinations);
}

/* ---- which comes first? ---------------------------------------------------------------------------------------- */

/* Its priority where that decides. */
static int64_t priority(const struct route *r)
{
	if (slice_is_set(r->expression))
		return r->priority;
	for (size_t i = 0; i < r->paths.len; i++)
		if (slice_starts(r->paths.items[i], S("~")))
			return r->regex_priority;
	return 0;
}

static bool is_before(const struct route *a, const struct route *b)
{
	if (priority(a) != priority(b))
		return priority(a) > priority(b);
	if (a->created_at != b->created_at)
		return a->created_at < b->created_at;
	return memcmp(a->id.bytes, b->id.bytes, sizeof a->id.bytes) < 0;
}

/* ---- candidates ------------------------------------------------------------------------------------------------ */

typedef void (*value_fn)(struct slice key, void *arg);

static void each_of_list(struct text *key, const char *what, const struct slice_list *list, value_fn fn, void *arg)
{
	for (size_t i = 0; i < list->len; i++) {
		text_clear(key);
		text_printf(key, "%s:%.*s", what, SLICE_ARG(list->items[i]));
		fn(text_slice(key), arg);
	}
}

/* Whoever covers the route has all of these values. */
static void each_value(struct text *key, const struct route *r, value_fn fn, void *arg)
{
	struct slice_list expression = {&r->expression, slice_is_set(r->expression)};

	each_of_list(key, "host", &r->hosts, fn, arg);
	each_of_list(key, "path", &r->paths, fn, arg);
	each_of_list(key, "sni", &r->snis, fn, arg);
	each_of_list(key, "expression", &expression, fn, arg);
	each_of_list(key, "method", &r->methods, fn, arg);
	each_of_list(key, "protocol", &r->protocols, fn, arg);
}

struct adding {
	struct values *values;
	const struct record *record;
};

static void add_value(struct slice key, void *arg)
{
	struct adding *a = arg;
	struct sharers *s = map_get(&a->values->of, key);

	if (!s) {
		s = calloc(1, sizeof *s);
		if (!s)
			abort();
		map_set(&a->values->of, key, s);
	}
	if (s->len == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 4;
		s->items = realloc(s->items, s->cap * sizeof *s->items);
		if (!s->items)
			abort();
	}
	s->items[s->len++] = a->record;
}

struct choosing {
	const struct values *values;
	const struct sharers *rarest;
};

static void choose_value(struct slice key, void *arg)
{
	struct choosing *c = arg;
	const struct sharers *s = map_get(&c->values->of, key);

	if (s && (!c->rarest || s->len < c->rarest->len))
		c->rarest = s;
}

static void values_fini(struct values *v)
{
	struct slice key;
	void *value;

	for (size_t at = 0; map_next(&v->of, &at, &key, &value);) {
		free(((struct sharers *)value)->items);
		free(value);
	}
	map_fini(&v->of);
	text_fini(&v->key);
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

static const struct record *find_shadow(struct values *values, const struct record *r)
{
	struct choosing c = {values, NULL};

	each_value(&values->key, r->entity, choose_value, &c);
	for (size_t i = 0; c.rarest && i < c.rarest->len && i < LOOKED_AT; i++) {
		const struct record *other = c.rarest->items[i];
		if (other != r && covers(other->entity, r->entity) && is_before(other->entity, r->entity))
			return other;
	}
	return NULL;
}

static void tell(const struct record *r, const struct record *shadow, warning_fn fn, void *arg)
{
	const struct route *by = shadow->entity;
	struct text t = {0};
	char id[UUID_TEXT + 1];

	uuid_format(&by->id, id);
	struct slice name = slice_is_set(by->name) ? by->name : slice_cstr(id);
	text_printf(&t, "it never gets a request: route '%.*s' takes all that it matches, and comes first",
	        SLICE_ARG(name));
	fn(r, text_cstr(&t), arg);
	text_fini(&t);
}

void warnings_of_routes(const struct document *d, warning_fn fn, void *arg)
{
	struct values values = {0};

	for (size_t i = 0; i < document_count(d); i++) {
		struct adding a = {&values, document_at(d, i)->record};
		if (a.record->kind == &route_schema)
			each_value(&values.key, a.record->entity, add_value, &a);
	}
	for (size_t i = 0; i < document_count(d); i++) {
		const struct record *r = document_at(d, i)->record;
		const struct record *shadow = r->kind == &route_schema ? find_shadow(&values, r) : NULL;
		if (shadow)
			tell(r, shadow, fn, arg);
	}
	values_fini(&values);
}
