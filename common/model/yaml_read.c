/* yaml_read: libyaml's events to JSON values. See yaml.h.
 *
 * A stack of open collections; each keeps the lines of its members until it is closed. An alias copies what its
 * anchor named, after its size has been added to what aliases may add, so that a small text cannot become large. */
#include <stdlib.h>

#include <yaml.h>

#include "common/core/map.h"
#include "common/model/yaml.h"

/* ---- where things stand ---------------------------------------------------------------------------------------- */

struct yaml_place {
	const json_t *container; /* NULL: free */
	size_t first;            /* of lines: its own, then one per member */
};

static size_t place_slot(const struct yaml *y, const json_t *container)
{
	size_t i = (size_t)(((uintptr_t)container >> 4) * 0x9e3779b97f4a7c15u) & (y->places_cap - 1);

	while (y->places[i].container && y->places[i].container != container)
		i = (i + 1) & (y->places_cap - 1);
	return i;
}

static void grow_places(struct yaml *y)
{
	struct yaml old = *y;

	y->places_cap = old.places_cap ? old.places_cap * 2 : 256;
	y->places = calloc(y->places_cap, sizeof *y->places);
	if (!y->places)
		abort();
	for (size_t i = 0; i < old.places_cap; i++)
		if (old.places[i].container)
			y->places[place_slot(y, old.places[i].container)] = old.places[i];
	free(old.places);
}

static void note_place(struct yaml *y, const json_t *container, const unsigned *lines, size_t n)
{
	if (2 * (y->places_count + 1) > y->places_cap)
		grow_places(y);
	if (y->lines_len + n > y->lines_cap) {
		y->lines_cap = 2 * (y->lines_len + n);
		y->lines = realloc(y->lines, y->lines_cap * sizeof *y->lines);
		if (!y->lines)
			abort();
	}
	y->places[place_slot(y, container)] = (struct yaml_place){container, y->lines_len};
	y->places_count++;
	memcpy(y->lines + y->lines_len, lines, n * sizeof *lines);
	y->lines_len += n;
}

static const struct yaml_place *find_place(const struct yaml *y, const json_t *container)
{
	const struct yaml_place *p = y->places_cap ? &y->places[place_slot(y, container)] : NULL;
	return p && p->container ? p : NULL;
}

unsigned yaml_line(const struct yaml *y, const json_t *container)
{
	const struct yaml_place *p = find_place(y, container);
	return p ? y->lines[p->first] : 0;
}

unsigned yaml_line_at(const struct yaml *y, const json_t *container, size_t i)
{
	const struct yaml_place *p = find_place(y, container);
	size_t n = json_is_array(container) ? json_array_size(container) : json_object_size(container);
	return p && i < n ? y->lines[p->first + 1 + i] : 0;
}

bool yaml_is_plain_variable(const struct yaml *y, const json_t *string)
{
	for (size_t i = 0; i < y->plain_count; i++)
		if (y->plain[i] == string)
			return true;
	return false;
}

static void note_plain(struct yaml *y, const json_t *string)
{
	if ((y->plain_count & (y->plain_count - 1)) == 0) {
		y->plain = realloc(y->plain, (y->plain_count ? 2 * y->plain_count : 1) * sizeof *y->plain);
		if (!y->plain)
			abort();
	}
	y->plain[y->plain_count++] = string;
}

void yaml_fini(struct yaml *y)
{
	json_decref(y->root);
	free(y->places);
	free(y->lines);
	free(y->plain);
	*y = (struct yaml){0};
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

struct level {
	json_t *container;
	json_t *key;    /* of an object: the key whose value comes next */
	json_t *merged; /* what << brought; explicit keys win */
	unsigned *lines;
	size_t len, cap;
	bool is_merge;  /* the value that comes next is merged */
	yaml_mark_t at; /* where it begins */
	char *anchor;
};

struct reader {
	yaml_parser_t parser;
	struct yaml *out;
	struct level levels[YAML_DEPTH_MAX];
	int depth;
	struct map anchors; /* name -> json_t, one reference each */
	size_t nodes, aliased;
	struct err *e;
};

static bool fail_at(struct reader *r, const yaml_mark_t *at, const char *why)
{
	return err_set(r->e, "line %zu, column %zu: %s", at->line + 1, at->column + 1, why);
}

static void add_line(struct level *l, unsigned line)
{
	if (l->len == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->lines = realloc(l->lines, l->cap * sizeof *l->lines);
		if (!l->lines)
			abort();
	}
	l->lines[l->len++] = line;
}

static void set_anchor(struct reader *r, const char *name, json_t *value)
{
	if (name)
		json_decref(map_set(&r->anchors, slice_cstr(name), json_incref(value)));
}

/* Values in a tree; stops counting beyond limit. */
static size_t count_nodes(const json_t *value, size_t limit)
{
	size_t n = 1, i;
	const char *key;
	json_t *member;

	if (json_is_array(value)) {
		json_array_foreach(value, i, member) n += n > limit ? 0 : count_nodes(member, limit);
	} else if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, member) n += n > limit ? 0 : count_nodes(member, limit);
	}
	return n;
}

static json_t *copy_aliased(struct reader *r, const json_t *value, const yaml_mark_t *at)
{
	r->aliased += count_nodes(value, YAML_ALIASED_MAX);
	if (r->aliased > YAML_ALIASED_MAX) {
		fail_at(r, at, "aliases make the document too large");
		return NULL;
	}
	return json_deep_copy(value);
}

/* Takes value: a mapping, or a list of mappings of which earlier ones win. */
static bool merge(struct reader *r, struct level *l, json_t *value, const yaml_mark_t *at)
{
	bool ok = true;

	if (json_is_array(value)) {
		for (size_t i = 0; ok && i < json_array_size(value); i++)
			ok = merge(r, l, json_incref(json_array_get(value, i)), at);
	} else if (json_is_object(value)) {
		if (!l->merged)
			l->merged = json_object();
		json_object_update_missing(l->merged, value);
	} else {
		ok = fail_at(r, at, "<< wants a mapping or a list of mappings");
	}
	json_decref(value);
	return ok;
}

static bool take_key(struct reader *r, struct level *l, json_t *key, bool is_plain, const yaml_mark_t *at)
{
	if (!json_is_string(key)) {
		json_decref(key);
		return fail_at(r, at, "a key is a string");
	}
	l->is_merge = is_plain && strcmp(json_string_value(key), "<<") == 0;
	if (!l->is_merge && json_object_get(l->container, json_string_value(key))) {
		err_set(r->e, "line %zu, column %zu: the key '%.100s' is there twice", at->line + 1, at->column + 1,
		        json_string_value(key));
		json_decref(key);
		return false;
	}
	if (!l->is_merge)
		add_line(l, (unsigned)at->line + 1);
	l->key = key;
	return true;
}

/* Takes value, which is complete or is going to be filled. */
static bool put_value(struct reader *r, json_t *value, bool is_plain, const yaml_mark_t *at)
{
	struct level *l = r->depth > 0 ? &r->levels[r->depth - 1] : NULL;

	if (!l) {
		r->out->root = value;
		return true;
	}
	if (json_is_array(l->container)) {
		add_line(l, (unsigned)at->line + 1);
		return json_array_append_new(l->container, value) == 0;
	}
	if (!l->key)
		return take_key(r, l, value, is_plain, at);
	json_t *key = l->key;
	l->key = NULL;
	bool ok = true;
	if (l->is_merge)
		ok = merge(r, l, value, at);
	else
		json_object_setn_new(l->container, json_string_value(key), json_string_length(key), value);
	json_decref(key);
	return ok;
}

static bool is_tag(const char *tag, const char *name)
{
	return tag && strncmp(tag, "tag:yaml.org,2002:", 18) == 0 && strcmp(tag + 18, name) == 0;
}

/* Is the whole of it one ${...}? */
static bool is_variable(struct slice s)
{
	return s.len > 3 && slice_starts(s, S("${")) && slice_find(s, '}') == (ptrdiff_t)s.len - 1;
}

/* In the place of a key everything is a string: on: and 8080: are names. */
static json_t *scalar_value(struct reader *r, const yaml_event_t *event, bool is_key, bool *is_plain)
{
	const char *tag = (const char *)event->data.scalar.tag;
	struct slice text = slice_of((const char *)event->data.scalar.value, event->data.scalar.length);

	*is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !tag;
	if (memchr(text.ptr, '\0', text.len)) {
		fail_at(r, &event->start_mark, "a NUL character");
		return NULL;
	}
	bool typed = is_tag(tag, "int") || is_tag(tag, "float") || is_tag(tag, "bool") || is_tag(tag, "null");
	if (tag && !typed && strcmp(tag, "!") != 0 && !is_tag(tag, "str")) {
		fail_at(r, &event->start_mark, "an unknown tag");
		return NULL;
	}
	json_t *value = !is_key && (*is_plain || typed) ? yaml_scalar(text) : json_stringn(text.ptr, text.len);
	if (!value)
		fail_at(r, &event->start_mark, "text that is not UTF-8");
	else if (*is_plain && !is_key && is_variable(text))
		note_plain(r->out, value);
	return value;
}

static bool on_scalar(struct reader *r, const yaml_event_t *event)
{
	const struct level *l = r->depth > 0 ? &r->levels[r->depth - 1] : NULL;
	bool is_key = l && json_is_object(l->container) && !l->key, is_plain;
	json_t *value = scalar_value(r, event, is_key, &is_plain);

	if (!value)
		return false;
	set_anchor(r, (const char *)event->data.scalar.anchor, value);
	return put_value(r, value, is_plain, &event->start_mark);
}

static bool on_alias(struct reader *r, const yaml_event_t *event)
{
	const json_t *value = map_get(&r->anchors, slice_cstr((const char *)event->data.alias.anchor));

	if (!value)
		return fail_at(r, &event->start_mark, "an alias of something that is not there, or is still open");
	json_t *copy = copy_aliased(r, value, &event->start_mark);
	return copy && put_value(r, copy, false, &event->start_mark);
}

static bool on_start(struct reader *r, const yaml_event_t *event, json_t *container, const yaml_char_t *anchor)
{
	const struct level *l = r->depth > 0 ? &r->levels[r->depth - 1] : NULL;

	if (r->depth == YAML_DEPTH_MAX || (l && json_is_object(l->container) && !l->key)) {
		json_decref(container);
		return fail_at(r, &event->start_mark,
		        r->depth == YAML_DEPTH_MAX ? "nested too deeply" : "a key is a string");
	}
	struct level *next = &r->levels[r->depth++];
	*next = (struct level){.container = container,
	        .at = event->start_mark,
	        .anchor = anchor ? strdup((const char *)anchor) : NULL};
	add_line(next, (unsigned)event->start_mark.line + 1);
	return true;
}

static void level_fini(struct level *l)
{
	json_decref(l->key);
	json_decref(l->merged);
	free(l->lines);
	free(l->anchor);
}

/* What was merged comes last, without a line of its own: it stands elsewhere. */
static void add_merged(struct level *l)
{
	const char *key;
	json_t *value;

	json_object_foreach(l->merged, key, value)
	{
		if (json_object_get(l->container, key))
			continue;
		json_object_set(l->container, key, value);
		add_line(l, l->lines[0]);
	}
}

static bool on_end(struct reader *r)
{
	struct level *l = &r->levels[r->depth - 1];
	json_t *container = l->container;
	yaml_mark_t at = l->at;

	add_merged(l);
	note_place(r->out, container, l->lines, l->len);
	set_anchor(r, l->anchor, container);
	level_fini(l);
	r->depth--;
	return put_value(r, container, false, &at);
}

static bool on_event(struct reader *r, const yaml_event_t *event)
{
	if (++r->nodes > 2 * (size_t)YAML_NODES_MAX)
		return fail_at(r, &event->start_mark, "too large a document");
	switch (event->type) {
	case YAML_SCALAR_EVENT: return on_scalar(r, event);
	case YAML_ALIAS_EVENT: return on_alias(r, event);
	case YAML_MAPPING_START_EVENT: return on_start(r, event, json_object(), event->data.mapping_start.anchor);
	case YAML_SEQUENCE_START_EVENT: return on_start(r, event, json_array(), event->data.sequence_start.anchor);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT: return on_end(r);
	case YAML_DOCUMENT_START_EVENT:
		return !r->out->root || fail_at(r, &event->start_mark, "expected one document, not several");
	default: return true;
	}
}

static bool read_events(struct reader *r)
{
	yaml_event_t event;
	bool more = true, ok = true;

	while (ok && more) {
		if (!yaml_parser_parse(&r->parser, &event))
			return fail_at(
			        r, &r->parser.problem_mark, r->parser.problem ? r->parser.problem : "not readable");
		more = event.type != YAML_STREAM_END_EVENT;
		ok = on_event(r, &event);
		yaml_event_delete(&event);
	}
	return ok;
}

static void drop_anchors(struct reader *r)
{
	struct slice name;
	void *value;

	for (size_t at = 0; map_next(&r->anchors, &at, &name, &value);)
		json_decref(value);
	map_fini(&r->anchors);
}

bool yaml_read(struct slice text, struct yaml *out, struct err *e)
{
	struct reader r = {.out = out, .e = e};

	*out = (struct yaml){0};
	if (!yaml_parser_initialize(&r.parser))
		abort();
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.ptr ? text.ptr : ""), text.len);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	bool ok = read_events(&r);
	while (r.depth > 0) {
		json_decref(r.levels[--r.depth].container);
		level_fini(&r.levels[r.depth]);
	}
	drop_anchors(&r);
	yaml_parser_delete(&r.parser);
	if (ok && !out->root)
		out->root = json_null();
	if (!ok)
		yaml_fini(out);
	return ok;
}
