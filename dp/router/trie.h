/* trie: the rules of one host by path. Each rule stands at the node of its plain prefix, of the bytes that its regex
 * demands first, or at the root; a request meets the nodes along its own path and no others. */
#ifndef DP_ROUTER_TRIE_H
#define DP_ROUTER_TRIE_H

#include "dp/router/candidates.h"

struct trie_node {
	const char *label; /* the bytes between the parent and here */
	uint32_t label_len;
	uint32_t children_count;
	const unsigned char *branches; /* first byte of each child's label, ascending */
	struct trie_node *children;
	struct candidates own;
};

/* rules in their order. */
struct trie_node *trie_build(struct arena *a, struct rule **rules, size_t n, bool compatible);
void trie_search(const struct trie_node *root, struct search *s, bool literal);

#endif
