/* entry: see entry.h. Things in use are counted, since many routes have the same method or path: only the first and
 * the last of them matter. */
#include "dp/router/entry.h"

#include <stdlib.h>

enum { NAME_MAX_LEN = 256 };
enum { KINDS = 'K', METHOD = 'M', HEADER = 'H', PATH = 'P' }; /* first byte of a key */

struct use {
	unsigned refs;
	uint32_t count;
	uint32_t key_len;
	struct rule_set *path; /* of a PATH: stands in the trie */
	char key[];
};

static struct slice use_key(const void *value, const void *context)
{
	const struct use *u = value;

	return slice_of(u->key, u->key_len);
}

static void *use_hold(void *value)
{
	struct use *u = value;

	u->refs++;
	return u;
}

static void use_drop(void *value)
{
	struct use *u = value;

	if (--u->refs > 0)
		return;
	if (u->path)
		rule_set_unref(u->path);
	free(u);
}

static const struct pmap_ops use_ops = {use_key, use_hold, use_drop};

void entry_init(struct entry *x)
{
	*x = (struct entry){0};
	pmap_init(&x->uses, &use_ops, NULL);
}

struct entry entry_copy(const struct entry *x)
{
	return (struct entry){pmap_copy(&x->uses), trie_ref(x->paths)};
}

void entry_fini(struct entry *x)
{
	pmap_fini(&x->uses);
	trie_unref(x->paths);
	x->paths = NULL;
}

/* ---- counting ----------------------------------------------------------------------------------------------- */

/* A rule of this path alone. */
struct lone_path {
	struct route route;
	struct slice path;
	char text[];
};

static struct rule_set *rule_of_path(struct slice path)
{
	struct lone_path *p = calloc(1, sizeof *p + path.len);
	struct err e;

	if (!p)
		abort();
	memcpy(p->text, path.ptr, path.len);
	p->path = slice_of(p->text, path.len);
	p->route.paths = (struct slice_list){&p->path, 1};
	struct rule_set *set = rule_make(
	        &(struct router_entry){&p->route, p}, &(struct router_options){ROUTER_TRADITIONAL, .drop = free}, &e);
	if (!set)
		abort(); /* the route that brought the path has compiled it */
	return set;
}

static struct use *new_use(struct slice key, uint32_t count, struct rule_set *path)
{
	struct use *u = malloc(sizeof *u + key.len);

	if (!u)
		abort();
	*u = (struct use){.refs = 1, .count = count, .key_len = (uint32_t)key.len, .path = path};
	memcpy(u->key, key.ptr, key.len);
	return u;
}

static void put_use(struct entry *x, struct use *u)
{
	pmap_put(&x->uses, u);
	use_drop(u);
}

static void begin_use(struct entry *x, struct slice key)
{
	struct rule_set *path = key.ptr[0] == PATH ? rule_of_path(slice_from(key, 1)) : NULL;

	if (path)
		trie_add(&x->paths, &path->rules[0], false);
	put_use(x, new_use(key, 1, path));
}

static void end_use(struct entry *x, struct slice key, struct use *u)
{
	if (u->path)
		trie_remove(&x->paths, &u->path->rules[0], false);
	pmap_remove(&x->uses, key);
}

static void count(struct entry *x, char kind, struct slice text, int by)
{
	char small[NAME_MAX_LEN];
	char *bytes = text.len < sizeof small ? small : malloc(text.len + 1);

	if (!bytes)
		abort();
	bytes[0] = kind;
	for (size_t i = 0; i < text.len; i++)
		bytes[i + 1] = kind == HEADER ? (char)ascii_lower((unsigned char)text.ptr[i]) : text.ptr[i];
	struct slice key = slice_of(bytes, text.len + 1);
	struct use *u = pmap_get(&x->uses, key);
	if (!u)
		begin_use(x, key);
	else if (u->count == 1 && by < 0)
		end_use(x, key, u);
	else
		put_use(x, new_use(key, u->count + (uint32_t)by, u->path ? rule_set_ref(u->path) : NULL));
	if (bytes != small)
		free(bytes);
}

static void count_set(struct entry *x, const struct rule_set *set, int by)
{
	const struct route *r = set->route;
	char kinds = (char)order_kinds(r);

	count(x, KINDS, slice_of(&kinds, 1), by);
	for (size_t i = 0; i < r->methods.len; i++)
		count(x, METHOD, r->methods.items[i], by);
	for (size_t i = 0; i < r->headers.len; i++)
		count(x, HEADER, r->headers.items[i].key, by);
	for (size_t i = 0; i < r->paths.len; i++)
		count(x, PATH, r->paths.items[i], by);
}

void entry_add(struct entry *x, const struct rule_set *set)
{
	count_set(x, set, 1);
}

void entry_remove(struct entry *x, const struct rule_set *set)
{
	count_set(x, set, -1);
}

/* ---- asking ------------------------------------------------------------------------------------------------- */

/* Header names longer than any that a client may send are not looked for. */
static bool is_used(const struct entry *x, char kind, struct slice text)
{
	char key[NAME_MAX_LEN];

	if (text.len >= sizeof key)
		return false;
	key[0] = kind;
	for (size_t i = 0; i < text.len; i++)
		key[i + 1] = kind == HEADER ? (char)ascii_lower((unsigned char)text.ptr[i]) : text.ptr[i];
	return pmap_get(&x->uses, slice_of(key, text.len + 1)) != NULL;
}

static bool hits_header(const struct entry *x, const struct search *s)
{
	for (uint32_t i = 0; i < s->headers_count; i++)
		if (is_used(x, HEADER, s->request->head->headers[i].name))
			return true;
	return false;
}

static bool hits_path(const struct entry *x, const struct search *s)
{
	struct search any = {.request = s->request, .ceiling = UINT16_MAX, .scratch = {.arena = s->scratch.arena}};

	trie_search(x->paths, &any, false);
	return any.best != NULL;
}

unsigned entry_category(const struct entry *x, const struct search *s, bool host_hit)
{
	unsigned kinds = (host_hit ? KIND_HOST : 0) | (hits_header(x, s) ? KIND_HEADER : 0) |
	                 (hits_path(x, s) ? KIND_PATH : 0) |
	                 (is_used(x, METHOD, s->request->method) ? KIND_METHOD : 0);
	char key = (char)kinds;

	return is_used(x, KINDS, slice_of(&key, 1)) ? order_category(kinds) : 0;
}
