/* pmap: see pmap.h.
 *
 * A node holds up to 32 slots, chosen by 5 bits of the hash: a value, or a child for the next 5 bits. Values stand
 * first in `slots`, then children, each in the order of their bits. When the hash is used up, a node is a plain list
 * of values whose hashes are equal.
 *
 * Invariants: a node that only one map can reach has refs 1 all the way from the root, and only such a node is
 * changed in place; below the root no node holds just one value and no child (the value is moved up instead), so
 * equal contents have equal shape. Sharing shows in refs: own() copies a shared node, which makes its children shared
 * in turn. */
#include "common/core/pmap.h"

#include <stdlib.h>

enum { BITS = 5, LAST_SHIFT = 60, INDEX_MASK = 31 };

struct pmap_node {
	unsigned refs;
	uint32_t value_bits, child_bits; /* which of the 32 places hold what; both 0 in a list of equal hashes */
	uint32_t values, children;       /* how many */
	void *slots[];
};

void pmap_init(struct pmap *m, const struct pmap_ops *ops, const void *context)
{
	*m = (struct pmap){.ops = ops, .context = context};
}

static struct slice key_of(const struct pmap *m, const void *value)
{
	return m->ops->key(value, m->context);
}

static uint32_t bit_at(uint64_t hash, unsigned shift)
{
	return UINT32_C(1) << (hash >> shift & INDEX_MASK);
}

static uint32_t rank_of(uint32_t bits, uint32_t bit)
{
	return (uint32_t)__builtin_popcount(bits & (bit - 1));
}

static void **value_slot(struct pmap_node *n, uint32_t bit)
{
	return &n->slots[rank_of(n->value_bits, bit)];
}

static struct pmap_node *child_at(const struct pmap_node *n, uint32_t i)
{
	return n->slots[n->values + i];
}

static void **child_slot(struct pmap_node *n, uint32_t bit)
{
	return &n->slots[n->values + rank_of(n->child_bits, bit)];
}

/* ---- nodes ----------------------------------------------------------------------------------------------------- */

static struct pmap_node *resize(struct pmap_node *n, size_t slots)
{
	n = realloc(n, sizeof *n + slots * sizeof n->slots[0]);
	if (!n)
		abort();
	return n;
}

static struct pmap_node *node_new(void)
{
	struct pmap_node *n = resize(NULL, 0);
	*n = (struct pmap_node){.refs = 1};
	return n;
}

static void node_unref(const struct pmap_ops *ops, struct pmap_node *n)
{
	if (--n->refs > 0)
		return;
	for (uint32_t i = 0; i < n->values; i++)
		ops->unref(n->slots[i]);
	for (uint32_t i = 0; i < n->children; i++)
		node_unref(ops, child_at(n, i));
	free(n);
}

/* Takes the caller's reference to n and gives one to a node with the same contents that may be changed. */
static struct pmap_node *own(const struct pmap_ops *ops, struct pmap_node *n)
{
	if (n->refs == 1)
		return n;
	size_t slots = n->values + n->children;
	struct pmap_node *copy = resize(NULL, slots);
	memcpy(copy, n, sizeof *n + slots * sizeof n->slots[0]);
	copy->refs = 1;
	for (uint32_t i = 0; i < copy->values; i++)
		copy->slots[i] = ops->ref(copy->slots[i]);
	for (uint32_t i = 0; i < copy->children; i++)
		child_at(copy, i)->refs++;
	n->refs--;
	return copy;
}

static struct pmap_node *insert_slot(struct pmap_node *n, uint32_t at, void *pointer)
{
	uint32_t slots = n->values + n->children;
	n = resize(n, slots + 1);
	memmove(&n->slots[at + 1], &n->slots[at], (slots - at) * sizeof n->slots[0]);
	n->slots[at] = pointer;
	return n;
}

static void remove_slot(struct pmap_node *n, uint32_t at)
{
	uint32_t slots = n->values + n->children;
	memmove(&n->slots[at], &n->slots[at + 1], (slots - at - 1) * sizeof n->slots[0]);
}

static struct pmap_node *insert_value(struct pmap_node *n, uint32_t bit, void *value)
{
	n = insert_slot(n, rank_of(n->value_bits, bit), value);
	n->value_bits |= bit;
	n->values++;
	return n;
}

static struct pmap_node *insert_child(struct pmap_node *n, uint32_t bit, struct pmap_node *child)
{
	n = insert_slot(n, n->values + rank_of(n->child_bits, bit), child);
	n->child_bits |= bit;
	n->children++;
	return n;
}

static void remove_value(struct pmap_node *n, uint32_t bit)
{
	remove_slot(n, rank_of(n->value_bits, bit));
	n->value_bits &= ~bit;
	n->values--;
}

static void remove_child(struct pmap_node *n, uint32_t bit)
{
	remove_slot(n, n->values + rank_of(n->child_bits, bit));
	n->child_bits &= ~bit;
	n->children--;
}

/* ---- looking up ------------------------------------------------------------------------------------------------ */

/* Index in a list of equal hashes, or n->values. */
static uint32_t list_find(const struct pmap *m, const struct pmap_node *n, struct slice key)
{
	uint32_t i = 0;
	while (i < n->values && !slice_eq(key_of(m, n->slots[i]), key))
		i++;
	return i;
}

void *pmap_get(const struct pmap *m, struct slice key)
{
	if (!m->root)
		return NULL;
	struct pmap_node *n = m->root;
	uint64_t hash = slice_hash(key);

	for (unsigned shift = 0; shift <= LAST_SHIFT; shift += BITS) {
		uint32_t bit = bit_at(hash, shift);
		if (n->value_bits & bit) {
			void *value = *value_slot(n, bit);
			return slice_eq(key_of(m, value), key) ? value : NULL;
		}
		if (!(n->child_bits & bit))
			return NULL;
		n = *child_slot(n, bit);
	}
	uint32_t i = list_find(m, n, key);
	return i < n->values ? n->slots[i] : NULL;
}

/* ---- putting --------------------------------------------------------------------------------------------------- */

static void replace(struct pmap *m, void **slot, void *value)
{
	void *was = *slot;
	*slot = m->ops->ref(value);
	m->ops->unref(was);
}

static struct pmap_node *list_put(struct pmap *m, struct pmap_node *n, void *value)
{
	uint32_t i = list_find(m, n, key_of(m, value));
	if (i < n->values) {
		replace(m, &n->slots[i], value);
		return n;
	}
	n = insert_slot(n, n->values, m->ops->ref(value));
	n->values++;
	m->count++;
	return n;
}

/* A node for shift that holds one value, whose reference it takes. */
static struct pmap_node *node_of(void *value, uint64_t hash, unsigned shift)
{
	struct pmap_node *n = node_new();
	if (shift <= LAST_SHIFT)
		return insert_value(n, bit_at(hash, shift), value);
	n = insert_slot(n, 0, value);
	n->values = 1;
	return n;
}

/* Takes n, gives the node that stands in its place. */
static struct pmap_node *put(struct pmap *m, struct pmap_node *n, uint64_t hash, unsigned shift, void *value)
{
	n = own(m->ops, n);
	if (shift > LAST_SHIFT)
		return list_put(m, n, value);

	uint32_t bit = bit_at(hash, shift);
	if (n->child_bits & bit) {
		void **slot = child_slot(n, bit);
		*slot = put(m, *slot, hash, shift + BITS, value);
		return n;
	}
	if (!(n->value_bits & bit)) {
		m->count++;
		return insert_value(n, bit, m->ops->ref(value));
	}
	void **slot = value_slot(n, bit), *there = *slot;
	struct slice key = key_of(m, there);
	if (slice_eq(key, key_of(m, value))) {
		replace(m, slot, value);
		return n;
	}
	remove_value(n, bit);
	struct pmap_node *pair = node_of(there, slice_hash(key), shift + BITS);
	return insert_child(n, bit, put(m, pair, hash, shift + BITS, value));
}

void pmap_put(struct pmap *m, void *value)
{
	if (!m->root)
		m->root = node_new();
	m->root = put(m, m->root, slice_hash(key_of(m, value)), 0, value);
}

/* ---- removing -------------------------------------------------------------------------------------------------- */

static struct pmap_node *drop(struct pmap *m, struct pmap_node *n, uint64_t hash, unsigned shift, struct slice key);

static struct pmap_node *drop_below(
        struct pmap *m, struct pmap_node *n, uint64_t hash, unsigned shift, struct slice key)
{
	uint32_t bit = bit_at(hash, shift);
	void **slot = child_slot(n, bit);
	struct pmap_node *child = drop(m, *slot, hash, shift + BITS, key);
	*slot = child;
	if (child->values > 1 || child->children > 0)
		return n;
	void *last = child->slots[0];
	free(child);
	remove_child(n, bit);
	return insert_value(n, bit, last);
}

/* The key is there. Takes n, gives the node that stands in its place. */
static struct pmap_node *drop(struct pmap *m, struct pmap_node *n, uint64_t hash, unsigned shift, struct slice key)
{
	n = own(m->ops, n);
	void *gone;
	if (shift > LAST_SHIFT) {
		uint32_t i = list_find(m, n, key);
		gone = n->slots[i];
		remove_slot(n, i);
		n->values--;
	} else {
		uint32_t bit = bit_at(hash, shift);
		if (n->child_bits & bit)
			return drop_below(m, n, hash, shift, key);
		gone = *value_slot(n, bit);
		remove_value(n, bit);
	}
	m->ops->unref(gone); /* last: key may be part of it */
	return n;
}

bool pmap_remove(struct pmap *m, struct slice key)
{
	if (!pmap_get(m, key))
		return false; /* and no shared node was copied for nothing */
	m->root = drop(m, m->root, slice_hash(key), 0, key);
	m->count--;
	if (m->count == 0) {
		free(m->root);
		m->root = NULL;
	}
	return true;
}

/* ---- whole maps ------------------------------------------------------------------------------------------------ */

void pmap_fini(struct pmap *m)
{
	if (m->root)
		node_unref(m->ops, m->root);
	m->root = NULL;
	m->count = 0;
}

struct pmap pmap_copy(const struct pmap *m)
{
	if (m->root)
		m->root->refs++;
	return *m;
}

static bool each(const struct pmap_node *n, pmap_fn fn, void *arg)
{
	for (uint32_t i = 0; i < n->values; i++)
		if (!fn(n->slots[i], arg))
			return false;
	for (uint32_t i = 0; i < n->children; i++)
		if (!each(child_at(n, i), fn, arg))
			return false;
	return true;
}

bool pmap_each(const struct pmap *m, pmap_fn fn, void *arg)
{
	return !m->root || each(m->root, fn, arg);
}

/* ---- differences ----------------------------------------------------------------------------------------------- */

struct diff {
	const struct pmap *other;
	bool backwards; /* going through the newer map: only what the older one lacks is left to say */
	pmap_diff_fn fn;
	void *arg;
};

static bool diff_value(const struct diff *d, void *value)
{
	void *counterpart = pmap_get(d->other, key_of(d->other, value));
	if (d->backwards)
		return counterpart || d->fn(NULL, value, d->arg);
	return counterpart == value || d->fn(value, counterpart, d->arg);
}

/* b: the other map's node in the place of a, NULL when there is none. */
static bool diff_node(const struct diff *d, const struct pmap_node *a, const struct pmap_node *b)
{
	if (a == b)
		return true;
	for (uint32_t i = 0; i < a->values; i++)
		if (!diff_value(d, a->slots[i]))
			return false;
	uint32_t i = 0;
	for (uint32_t bits = a->child_bits; bits; bits &= bits - 1, i++) {
		uint32_t bit = bits & -bits;
		const struct pmap_node *there = b && b->child_bits & bit ? child_at(b, rank_of(b->child_bits, bit))
		                                                         : NULL;
		if (!diff_node(d, child_at(a, i), there))
			return false;
	}
	return true;
}

bool pmap_diff(const struct pmap *was, const struct pmap *is, pmap_diff_fn fn, void *arg)
{
	struct diff forth = {is, false, fn, arg}, back = {was, true, fn, arg};

	return (!was->root || diff_node(&forth, was->root, is->root)) &&
	       (!is->root || diff_node(&back, is->root, was->root));
}
