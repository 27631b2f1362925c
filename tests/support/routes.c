/* routes: see routes.h. */
#include "tests/support/routes.h"

#include <stdio.h>
#include <stdlib.h>

enum { VALUES_MAX = 64, HEADERS_MAX = 16 };

struct uuid numbered_uuid(unsigned n)
{
	char text[UUID_TEXT + 1];
	struct uuid id;

	snprintf(text, sizeof text, "%08u-0000-4000-8000-000000000000", n);
	if (!uuid_parse(slice_cstr(text), &id))
		abort();
	return id;
}

static struct slice_list list_of(struct arena *a, struct slice text)
{
	struct slice *items = arena_array(a, struct slice, VALUES_MAX);
	struct slice_list list = {items, 0};

	while (slice_is_set(text) && list.len < VALUES_MAX)
		items[list.len++] = slice_cut(&text, ',');
	return list;
}

static void add_header(struct arena *a, struct route *r, struct slice name, struct slice values)
{
	struct list_pair *pairs = (struct list_pair *)r->headers.items;

	if (!pairs)
		r->headers.items = pairs = arena_array(a, struct list_pair, HEADERS_MAX);
	if (r->headers.len < HEADERS_MAX)
		pairs[r->headers.len++] = (struct list_pair){name, list_of(a, values)};
}

static int64_t number_of(struct slice s)
{
	int64_t n;

	if (!slice_to_int(s, &n))
		abort();
	return n;
}

static void set_field(struct arena *a, struct route *r, struct slice key, struct slice value)
{
	if (slice_starts(key, S("header.")))
		add_header(a, r, slice_from(key, 7), value);
	else if (slice_eq(key, S("hosts")))
		r->hosts = list_of(a, value);
	else if (slice_eq(key, S("paths")))
		r->paths = list_of(a, value);
	else if (slice_eq(key, S("methods")))
		r->methods = list_of(a, value);
	else if (slice_eq(key, S("snis")))
		r->snis = list_of(a, value);
	else if (slice_eq(key, S("protocols")))
		r->protocols = list_of(a, value);
	else if (slice_eq(key, S("created")))
		r->created_at = number_of(value);
	else if (slice_eq(key, S("priority")))
		r->regex_priority = number_of(value);
	else if (slice_eq(key, S("handling")))
		r->path_handling = value;
	else if (slice_eq(key, S("id")))
		r->id = numbered_uuid((unsigned)number_of(value));
	else if (slice_eq(key, S("strip")))
		r->strip_path = !slice_eq(value, S("no"));
	else
		abort();
}

struct route *route_of(struct arena *a, const char *text, unsigned number)
{
	struct slice rest = arena_dup(a, slice_cstr(text));
	struct route *r = arena_new(a, struct route);

	*r = (struct route){.id = numbered_uuid(number),
	        .created_at = 1000 + number,
	        .updated_at = 1000 + number,
	        .path_handling = S("v0"),
	        .protocols = list_of(a, S("http,https")),
	        .https_redirect_status_code = 426,
	        .strip_path = true};
	while (slice_is_set(rest)) {
		struct slice field = slice_cut(&rest, ' ');
		struct slice key = slice_cut(&field, '=');
		if (key.len)
			set_field(a, r, key, field);
	}
	return r;
}
