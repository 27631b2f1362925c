/* form: from the names of form and query arguments to a tree of strings (admin-api.md 2.3); see infer.h.
 *
 * While the tree is built, lists are objects whose keys are positions, remembered in `lists`; so "a[9999]=x" costs no
 * more than it says. At the end those without holes become arrays. The others stay objects, and the schema will say
 * "expected an array". */
#include "common/schema/infer.h"

#include <stdio.h>

#include "common/core/map.h"
#include "common/core/utf8.h"

enum { STEPS_MAX = 32, INDEX_MAX = 10000 };

/* One step down: a key, a position in a list, or (position 0) the end of a list. */
struct step {
	bool is_position;
	struct slice key;
	int64_t position;
};

struct path {
	struct step steps[STEPS_MAX];
	size_t n;
};

struct builder {
	json_t *root;
	struct map lists; /* addresses of the objects that are lists */
};

/* ---- names ----------------------------------------------------------------------------------------------------- */

static bool add_step(struct path *p, struct step s, struct err *e)
{
	if (p->n == STEPS_MAX)
		return err_set(e, "an argument is nested too deeply, expected at most %d levels", STEPS_MAX);
	p->steps[p->n++] = s;
	return true;
}

static bool add_key(struct path *p, struct slice key, struct err *e)
{
	return add_step(p, (struct step){.key = key}, e);
}

/* What stands between brackets. */
static bool add_bracket(struct path *p, struct slice inner, struct err *e)
{
	int64_t position = 0;
	if (inner.len && !slice_to_int(inner, &position))
		return add_key(p, inner, e);
	if (position > INDEX_MAX)
		return err_set(e, "index %lld is too large, expected at most %d", (long long)position, INDEX_MAX);
	if (inner.len && position < 1)
		return add_key(p, inner, e);
	return add_step(p, (struct step){.is_position = true, .position = position}, e);
}

/* Is all of s well-formed "[...][...]"? Words between brackets only when they are allowed. */
static bool is_brackets(struct slice s, bool words)
{
	while (s.len) {
		ptrdiff_t end = slice_find(s, ']');
		if (s.ptr[0] != '[' || end < 0)
			return false;
		struct slice inner = slice_of(s.ptr + 1, (size_t)end - 1);
		int64_t ignored;
		if (slice_find(inner, '[') >= 0 || (!words && inner.len && !slice_to_int(inner, &ignored)))
			return false;
		s = slice_from(s, (size_t)end + 1);
	}
	return true;
}

/* "name[1][x]" between two dots. What is not of this form is a key as it is. */
static bool add_part(struct path *p, struct slice part, bool words, struct err *e)
{
	ptrdiff_t open = slice_find(part, '[');
	struct slice rest = slice_from(part, open < 0 ? part.len : (size_t)open);

	if (open == 0 || !is_brackets(rest, words))
		return add_key(p, part, e);
	if (!add_key(p, slice_of(part.ptr, part.len - rest.len), e))
		return false;
	while (rest.len) {
		size_t end = (size_t)slice_find(rest, ']');
		if (!add_bracket(p, slice_of(rest.ptr + 1, end - 1), e))
			return false;
		rest = slice_from(rest, end + 1);
	}
	return true;
}

/* Cuts off the part before the first dot that is not between brackets. */
static struct slice cut_part(struct slice *rest)
{
	bool inside = false;
	for (size_t i = 0; i < rest->len; i++) {
		inside = rest->ptr[i] == '[' || (inside && rest->ptr[i] != ']');
		if (rest->ptr[i] == '.' && !inside) {
			struct slice part = slice_of(rest->ptr, i);
			*rest = slice_from(*rest, i + 1);
			return part;
		}
	}
	struct slice part = *rest;
	*rest = (struct slice){NULL, 0};
	return part;
}

static bool split_name(struct slice name, bool words, struct path *p, struct err *e)
{
	p->n = 0;
	if (utf8_invalid_at(name) >= 0 || slice_find(name, '\0') >= 0)
		return err_set(e, "the name of an argument is not valid utf-8");
	if (!name.len || slice_starts(name, S(".")) || slice_ends(name, S(".")))
		return add_key(p, name, e);
	for (struct slice rest = name; slice_is_set(rest);)
		if (!add_part(p, cut_part(&rest), words, e))
			return false;
	return true;
}

/* ---- the tree -------------------------------------------------------------------------------------------------- */

static struct slice address_of(json_t *const *object)
{
	return slice_of((const char *)object, sizeof *object);
}

static bool is_list(const struct builder *b, json_t *object)
{
	return map_get(&b->lists, address_of(&object)) != NULL;
}

static json_t *new_list(struct builder *b)
{
	json_t *list = json_object();
	map_set(&b->lists, address_of(&list), list);
	return list;
}

static struct slice position_key(char room[24], size_t position)
{
	return slice_of(room, (size_t)snprintf(room, 24, "%zu", position));
}

/* The key under which a step finds its place in object; for the end of a list the first that is free. */
static struct slice key_in(json_t *object, const struct step *s, char room[24])
{
	if (!s->is_position)
		return s->key;
	if (s->position)
		return position_key(room, (size_t)s->position);
	size_t end = json_object_size(object) + 1;
	struct slice key = position_key(room, end);
	while (json_object_getn(object, key.ptr, key.len))
		key = position_key(room, ++end);
	return key;
}

static void set(json_t *object, struct slice key, json_t *value)
{
	json_object_setn_new_nocheck(object, key.ptr, key.len, value);
}

/* A single value turns into a list of one, so that more can follow. */
static json_t *make_list(struct builder *b, json_t *object, struct slice key, json_t *single)
{
	json_t *list = new_list(b);
	if (single)
		set(list, S("1"), json_incref(single));
	set(object, key, list);
	return list;
}

/* The container below object at a step, made when nothing is there. NULL: something of another shape is
 * ("a=1&a.b=2"). */
static json_t *descend(struct builder *b, json_t *object, const struct step *s, const struct step *next)
{
	char room[24];
	struct slice key = key_in(object, s, room);
	json_t *child = json_object_getn(object, key.ptr, key.len);

	if (!json_is_object(child) && next->is_position)
		return make_list(b, object, key, child);
	if (!child) {
		child = json_object();
		set(object, key, child);
	}
	return json_is_object(child) && is_list(b, child) == next->is_position ? child : NULL;
}

/* A name that occurs twice becomes a list. */
static void put_leaf(struct builder *b, json_t *object, const struct step *s, json_t *leaf)
{
	static const struct step end = {.is_position = true};
	char room[24];
	struct slice key = key_in(object, s, room);
	json_t *child = json_object_getn(object, key.ptr, key.len);

	if (!child) {
		set(object, key, json_incref(leaf));
		return;
	}
	if (!json_is_object(child))
		child = make_list(b, object, key, child);
	if (is_list(b, child))
		set(child, key_in(child, &end, room), json_incref(leaf));
}

static void put(struct builder *b, const struct path *p, json_t *leaf)
{
	json_t *at = b->root;
	for (size_t i = 0; at && i + 1 < p->n; i++)
		at = descend(b, at, &p->steps[i], &p->steps[i + 1]);
	if (at)
		put_leaf(b, at, &p->steps[p->n - 1], leaf);
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

/* An array of what list holds, or NULL when it has holes. */
static json_t *array_of(json_t *list)
{
	char room[24];
	json_t *array = json_array();
	for (size_t i = 1; i <= json_object_size(list); i++) {
		struct slice key = position_key(room, i);
		json_t *element = json_object_getn(list, key.ptr, key.len);
		if (!element) {
			json_decref(array);
			return NULL;
		}
		json_array_append(array, element);
	}
	return array;
}

/* The final form of a subtree; new reference. */
static json_t *finished(const struct builder *b, json_t *at)
{
	if (!json_is_object(at))
		return json_incref(at);
	for (void *it = json_object_iter(at); it; it = json_object_iter_next(at, it))
		json_object_iter_set_new(at, it, finished(b, json_object_iter_value(it)));
	json_t *array = is_list(b, at) ? array_of(at) : NULL;
	return array ? array : json_incref(at);
}

static json_t *leaf_of(struct slice value)
{
	if (!slice_is_set(value))
		return json_true();
	return json_stringn_nocheck(value.ptr, value.len); /* whether it is UTF-8 is a question of the field */
}

json_t *form_tree(const struct form_arg *args, size_t n, bool brackets, struct err *e)
{
	struct builder b = {.root = json_object()};
	struct path path;
	bool ok = true;

	for (size_t i = 0; ok && i < n; i++) {
		ok = split_name(args[i].name, brackets, &path, e);
		if (ok) {
			json_t *leaf = leaf_of(args[i].value);
			put(&b, &path, leaf);
			json_decref(leaf);
		}
	}
	json_t *tree = ok ? finished(&b, b.root) : NULL;
	json_decref(b.root);
	map_fini(&b.lists);
	return tree;
}
