/* trie: see trie.h. A radix trie, built from the sorted list of prefixes: a node is a run of the list, its children
 * are the runs that share one byte more. */
#include "dp/router/trie.h"

#include <endian.h>
#include <stdlib.h>

struct posting {
	struct slice prefix;
	uint64_t start; /* of prefix, behind what all have in common: decides most comparisons */
	uint32_t rank;
};

struct builder {
	struct arena *arena;
	struct posting *postings;
	struct rule **rules;
	bool compatible;
};

/* ---- the list ----------------------------------------------------------------------------------------------- */

static size_t count_postings(struct rule **rules, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += rules[i]->prefixes_count + rules[i]->patterns_count + 1;
	return total;
}

static size_t list_postings(struct posting *out, struct rule **rules, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const struct rule *r = rules[i];
		for (uint32_t p = 0; p < r->prefixes_count; p++)
			out[count++] = (struct posting){r->prefixes[p], 0, (uint32_t)i};
		for (uint32_t p = 0; p < r->patterns_count; p++)
			out[count++] = (struct posting){pattern_literal(r->patterns[p]), 0, (uint32_t)i};
		if (!r->prefixes_count && !r->patterns_count)
			out[count++] = (struct posting){S(""), 0, (uint32_t)i};
	}
	return count;
}

static size_t common_length(struct slice a, struct slice b)
{
	size_t most = a.len < b.len ? a.len : b.len, n = 0;

	while (n < most && a.ptr[n] == b.ptr[n])
		n++;
	return n;
}

static void set_starts(struct posting *p, size_t n)
{
	size_t common = p[0].prefix.len;

	for (size_t i = 1; i < n; i++)
		common = common_length(slice_of(p[0].prefix.ptr, common), p[i].prefix);
	for (size_t i = 0; i < n; i++) {
		struct slice rest = slice_from(p[i].prefix, common);
		if (rest.len)
			memcpy(&p[i].start, rest.ptr, rest.len < 8 ? rest.len : 8);
		p[i].start = be64toh(p[i].start);
	}
}

static int compare_postings(const void *pa, const void *pb)
{
	const struct posting *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	int c = slice_cmp(a->prefix, b->prefix);
	return c ? c : a->rank < b->rank ? -1 : a->rank > b->rank;
}

/* ---- nodes -------------------------------------------------------------------------------------------------- */

/* The rules of the postings [from, to), all of one prefix, each once. */
static void set_own(const struct builder *b, struct trie_node *node, size_t from, size_t to)
{
	if (from == to)
		return;
	struct rule **own = arena_alloc(b->arena, sizeof *own * (to - from));
	size_t n = 0;
	for (size_t i = from; i < to; i++)
		if (i == from || b->postings[i].rank != b->postings[i - 1].rank)
			own[n++] = b->rules[b->postings[i].rank];
	candidates_init(&node->own, b->arena, own, n, b->compatible);
}

static unsigned char byte_at(const struct builder *b, size_t i, size_t depth)
{
	return (unsigned char)b->postings[i].prefix.ptr[depth];
}

/* End of the run from `from` whose prefixes have the same byte at depth. */
static size_t run_end(const struct builder *b, size_t from, size_t to, size_t depth)
{
	size_t end = from + 1;

	while (end < to && byte_at(b, end, depth) == byte_at(b, from, depth))
		end++;
	return end;
}

/* Node for the postings [from, to), not empty, which have their first `depth` bytes in common with their parent. */
static void build_node(const struct builder *b, struct trie_node *node, size_t from, size_t to, size_t depth)
{
	struct slice first = b->postings[from].prefix;
	size_t here = common_length(first, b->postings[to - 1].prefix), rest = from;

	node->label = first.ptr + depth;
	node->label_len = (uint32_t)(here - depth);
	while (rest < to && b->postings[rest].prefix.len == here)
		rest++;
	set_own(b, node, from, rest);
	for (size_t at = rest; at < to; at = run_end(b, at, to, here))
		node->children_count++;
	unsigned char *branches = arena_alloc(b->arena, node->children_count);
	node->branches = branches;
	node->children = arena_array(b->arena, struct trie_node, node->children_count);
	for (size_t i = 0; rest < to; i++) {
		size_t end = run_end(b, rest, to, here);
		branches[i] = byte_at(b, rest, here);
		build_node(b, &node->children[i], rest, end, here);
		rest = end;
	}
}

struct trie_node *trie_build(struct arena *a, struct rule **rules, size_t n, bool compatible)
{
	struct trie_node *root = arena_new(a, struct trie_node);
	struct posting *postings = malloc(sizeof *postings * (count_postings(rules, n) + 1));

	if (!postings)
		abort();
	size_t count = list_postings(postings, rules, n);
	if (count) {
		struct builder b = {a, postings, rules, compatible};
		set_starts(postings, count);
		qsort(postings, count, sizeof *postings, compare_postings);
		build_node(&b, root, 0, count, 0);
	}
	free(postings);
	return root;
}

void trie_search(const struct trie_node *node, struct search *s, bool literal)
{
	struct slice rest = s->request->path;

	for (;;) {
		if (!slice_starts(rest, slice_of(node->label, node->label_len)))
			return;
		rest = slice_from(rest, node->label_len);
		candidates_search(&node->own, s, literal);
		if (rest.len == 0)
			return;
		const unsigned char *at = node->children_count ? memchr(node->branches, (unsigned char)rest.ptr[0],
		                                                         node->children_count)
		                                               : NULL;
		if (!at)
			return;
		node = &node->children[at - node->branches];
	}
}
