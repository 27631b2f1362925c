/* entry: see entry.h. Knows every method, header name and path that any rule has, each apart from the others. */
#include "dp/router/entry.h"

#include <stdlib.h>

#include "common/core/map.h"
#include "dp/router/trie.h"

struct entry {
	struct arena arena;
	bool has_category[KIND_HOST * 2]; /* by kinds */
	struct map methods, header_names; /* names in lower case */
	const struct trie_node *paths;
};

static struct slice lower_case(struct slice s, char *out, size_t room)
{
	size_t n = s.len < room ? s.len : room;

	for (size_t i = 0; i < n; i++)
		out[i] = (char)ascii_lower((unsigned char)s.ptr[i]);
	return slice_of(out, n);
}

static void note_values(struct entry *x, const struct route *r)
{
	char name[256];

	x->has_category[order_kinds(r)] = true;
	for (size_t i = 0; i < r->methods.len; i++)
		map_set(&x->methods, r->methods.items[i], x);
	for (size_t i = 0; i < r->headers.len; i++)
		map_set(&x->header_names, lower_case(r->headers.items[i].key, name, sizeof name), x);
}

/* The rules that have a path, without their other tests. */
static const struct trie_node *index_paths(struct arena *a, struct rule *const *rules, size_t n)
{
	static const struct rule_tests none;
	struct rule *copies = arena_alloc(a, sizeof *copies * n);
	struct rule **list = arena_alloc(a, sizeof *list * n);
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!rules[i]->prefixes_count && !rules[i]->patterns_count)
			continue;
		copies[count] = *rules[i];
		copies[count].tests = &none;
		list[count] = &copies[count];
		count++;
	}
	return trie_build(a, list, count, false);
}

struct entry *entry_new(struct rule *const *rules, size_t n)
{
	bool has_snis = false;

	for (size_t i = 0; i < n; i++)
		has_snis |= rules[i]->tests->snis_count > 0;
	if (!has_snis)
		return NULL;
	struct entry *x = calloc(1, sizeof *x);
	if (!x)
		abort();
	for (size_t i = 0; i < n; i++)
		note_values(x, rules[i]->route);
	x->paths = index_paths(&x->arena, rules, n);
	return x;
}

void entry_free(struct entry *x)
{
	if (!x)
		return;
	map_fini(&x->methods);
	map_fini(&x->header_names);
	arena_fini(&x->arena);
	free(x);
}

static bool hits_header(const struct entry *x, const struct search *s)
{
	char name[256];

	for (uint32_t i = 0; i < s->headers_count; i++)
		if (map_get(&x->header_names, lower_case(s->request->head->headers[i].name, name, sizeof name)))
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
	                 (map_get(&x->methods, s->request->method) ? KIND_METHOD : 0);

	return x->has_category[kinds] ? order_category(kinds) : 0;
}
