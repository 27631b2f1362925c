/* trie: the rules of one host by path. Each rule stands at the node of its plain prefix, of the bytes that its regex
 * demands first, or at the root; a request meets the nodes along its own path and no others.
 *
 * A radix trie that versions share: a change copies the nodes from the root to the place it concerns, unless nobody
 * else holds them. Invariants: a node without rules has two children or more, except that a trie of no rules is NULL;
 * labels are the node's own bytes, so that it outlives the routes that brought it. */
#ifndef DP_ROUTER_TRIE_H
#define DP_ROUTER_TRIE_H

#include "dp/router/candidates.h"

struct trie_node;

/* Files r under each of its paths; *root is the caller's own from then on. NULL: an empty trie. */
void trie_add(struct trie_node **root, const struct rule *r, bool compatible);
void trie_remove(struct trie_node **root, const struct rule *r, bool compatible);

struct trie_node *trie_ref(struct trie_node *n); /* NULL is fine, for both */
void trie_unref(struct trie_node *n);

void trie_search(const struct trie_node *root, struct search *s, bool literal);

#endif
