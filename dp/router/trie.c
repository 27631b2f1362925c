/* trie: see trie.h. A node is one block of memory: its rules, the first byte of each child's label, its own label,
 * then the children, so that whether a request goes on, and where, is mostly on one line. It is written once and
 * replaced when its shape changes. */
#include "dp/router/trie.h"

#include <stddef.h>
#include <stdlib.h>

struct trie_node {
	unsigned refs;
	uint32_t label_len;
	uint32_t children_count;
	struct candidates own;
	unsigned char
	        bytes[]; /* children_count branches, ascending; then the label; then, aligned, as many children */
};

static unsigned char *branches_of(const struct trie_node *n)
{
	return (unsigned char *)n->bytes;
}

static struct slice label_of(const struct trie_node *n)
{
	return slice_of((const char *)n->bytes + n->children_count, n->label_len);
}

static size_t children_at(size_t label_len, uint32_t children_count)
{
	size_t align = _Alignof(struct trie_node *),
	       end = offsetof(struct trie_node, bytes) + children_count + label_len;

	return (end + align - 1) / align * align;
}

static struct trie_node **children_of(const struct trie_node *n)
{
	return (struct trie_node **)((char *)n + children_at(n->label_len, n->children_count));
}

/* ---- nodes -------------------------------------------------------------------------------------------------- */

/* With room for children and branches, which the caller sets; label is copied. */
static struct trie_node *new_node(struct slice label, uint32_t children)
{
	size_t at = children_at(label.len, children), len = at + children * sizeof(struct trie_node *);
	struct trie_node *n = malloc(len < sizeof *n ? sizeof *n : len);

	if (!n)
		abort();
	*n = (struct trie_node){.refs = 1, .label_len = (uint32_t)label.len, .children_count = children};
	if (label.len)
		memcpy((char *)branches_of(n) + children, label.ptr, label.len);
	return n;
}

struct trie_node *trie_ref(struct trie_node *n)
{
	if (n)
		n->refs++;
	return n;
}

void trie_unref(struct trie_node *n)
{
	if (!n || --n->refs > 0)
		return;
	for (uint32_t i = 0; i < n->children_count; i++)
		trie_unref(children_of(n)[i]);
	candidates_fini(&n->own);
	free(n);
}

/* What n holds goes over to `to`: moved when n is ours alone, else held once more. Takes n. */
static void hand_over(struct trie_node *n, struct trie_node *to)
{
	if (n->refs == 1) {
		to->own = n->own;
		free(n);
		return;
	}
	to->own = candidates_copy(&n->own);
	for (uint32_t i = 0; i < n->children_count; i++)
		trie_ref(children_of(n)[i]);
	n->refs--;
}

static void copy_children(
        struct trie_node *to, uint32_t to_at, const struct trie_node *from, uint32_t from_at, uint32_t count)
{
	memcpy(children_of(to) + to_at, children_of(from) + from_at, count * sizeof(struct trie_node *));
	memcpy(branches_of(to) + to_at, branches_of(from) + from_at, count);
}

/* Takes n, gives one of the same content with this label. */
static struct trie_node *relabelled(struct trie_node *n, struct slice label)
{
	struct trie_node *to = new_node(label, n->children_count);

	copy_children(to, 0, n, 0, n->children_count);
	hand_over(n, to);
	return to;
}

/* Takes n, gives one of the same content that may be changed. */
static struct trie_node *own(struct trie_node *n)
{
	return n->refs == 1 ? n : relabelled(n, label_of(n));
}

/* Takes n and child. */
static struct trie_node *with_child(struct trie_node *n, struct trie_node *child)
{
	struct trie_node *to = new_node(label_of(n), n->children_count + 1);
	unsigned char branch = (unsigned char)label_of(child).ptr[0];
	uint32_t at = 0;

	while (at < n->children_count && branches_of(n)[at] < branch)
		at++;
	copy_children(to, 0, n, 0, at);
	children_of(to)[at] = child;
	branches_of(to)[at] = branch;
	copy_children(to, at + 1, n, at, n->children_count - at);
	hand_over(n, to);
	return to;
}

/* Takes n, which is the caller's own, and whose child at `at` is gone. */
static struct trie_node *without_child(struct trie_node *n, uint32_t at)
{
	struct trie_node *to = new_node(label_of(n), n->children_count - 1);

	copy_children(to, 0, n, 0, at);
	copy_children(to, at, n, at + 1, n->children_count - at - 1);
	hand_over(n, to);
	return to;
}

/* The child for the next byte, or NULL. */
static struct trie_node *const *child_for(const struct trie_node *n, char next)
{
	const unsigned char *branches = branches_of(n);
	const unsigned char *at = n->children_count ? memchr(branches, (unsigned char)next, n->children_count) : NULL;

	return at ? children_of(n) + (at - branches) : NULL;
}

/* ---- changing ----------------------------------------------------------------------------------------------- */

struct change {
	const struct rule *rule;
	bool compatible;
};

static size_t common_length(struct slice a, struct slice b)
{
	size_t most = a.len < b.len ? a.len : b.len, n = 0;

	while (n < most && a.ptr[n] == b.ptr[n])
		n++;
	return n;
}

/* Takes n, gives a node of the label's first `at` bytes above one of the others. */
static struct trie_node *split(struct trie_node *n, size_t at)
{
	struct slice label = label_of(n);
	struct trie_node *above = new_node(slice_of(label.ptr, at), 1);

	branches_of(above)[0] = (unsigned char)label.ptr[at];
	children_of(above)[0] = relabelled(n, slice_from(label, at));
	return above;
}

/* Takes n (NULL: none), gives what stands in its place. */
static struct trie_node *add(struct trie_node *n, struct slice path, const struct change *c)
{
	if (!n) {
		n = new_node(path, 0);
		candidates_add(&n->own, c->rule, c->compatible);
		return n;
	}
	size_t same = common_length(label_of(n), path);
	n = same < n->label_len ? split(n, same) : own(n);
	path = slice_from(path, same);
	if (path.len == 0) {
		candidates_add(&n->own, c->rule, c->compatible);
		return n;
	}
	struct trie_node *const *at = child_for(n, path.ptr[0]);
	if (!at)
		return with_child(n, add(NULL, path, c));
	children_of(n)[at - children_of(n)] = add(*at, path, c);
	return n;
}

/* Takes n, which has no rules and one child: both become one node. */
static struct trie_node *joined(struct trie_node *n)
{
	struct trie_node *child = children_of(n)[0];
	struct slice upper = label_of(n), lower = label_of(child);
	char *both = malloc(upper.len + lower.len);

	if (!both)
		abort();
	memcpy(both, upper.ptr, upper.len);
	memcpy(both + upper.len, lower.ptr, lower.len);
	struct trie_node *one = relabelled(child, slice_of(both, upper.len + lower.len));
	free(both);
	free(n);
	return one;
}

/* Keeps the invariant after something has gone from n, which is the caller's own. */
static struct trie_node *tidy(struct trie_node *n)
{
	if (!candidates_is_empty(&n->own) || n->children_count > 1)
		return n;
	if (n->children_count == 1)
		return joined(n);
	free(n);
	return NULL;
}

/* Takes n, gives what stands in its place. A path that is not there leaves all as it was. */
static struct trie_node *drop(struct trie_node *n, struct slice path, const struct change *c)
{
	if (!n || !slice_starts(path, label_of(n)))
		return n;
	path = slice_from(path, n->label_len);
	if (path.len == 0) {
		n = own(n);
		candidates_remove(&n->own, c->rule, c->compatible);
		return tidy(n);
	}
	if (!child_for(n, path.ptr[0]))
		return n;
	n = own(n);
	uint32_t i = (uint32_t)(child_for(n, path.ptr[0]) - children_of(n));
	struct trie_node *left = drop(children_of(n)[i], path, c);
	children_of(n)[i] = left;
	return tidy(left ? n : without_child(n, i));
}

typedef struct trie_node *(*change_fn)(struct trie_node *n, struct slice path, const struct change *c);

static void each_path(struct trie_node **root, const struct change *c, change_fn fn)
{
	const struct rule *r = c->rule;

	for (uint32_t i = 0; i < r->prefixes_count; i++)
		*root = fn(*root, r->prefixes[i], c);
	for (uint32_t i = 0; i < r->patterns_count; i++)
		*root = fn(*root, pattern_literal(r->patterns[i]), c);
	if (!r->prefixes_count && !r->patterns_count)
		*root = fn(*root, S(""), c);
}

void trie_add(struct trie_node **root, const struct rule *r, bool compatible)
{
	each_path(root, &(struct change){r, compatible}, add);
}

void trie_remove(struct trie_node **root, const struct rule *r, bool compatible)
{
	each_path(root, &(struct change){r, compatible}, drop);
}

/* ---- searching ---------------------------------------------------------------------------------------------- */

enum { DEEP = 32 };

struct met { /* a node with rules, and how many bytes of the path lead there */
	const struct trie_node *node;
	size_t path;
};

static void search_upwards(const struct met *met, unsigned count, struct search *s, bool literal)
{
	while (count-- > 0) {
		s->path_met = met[count].path;
		candidates_search(&met[count].node->own, s, literal);
	}
}

/* The deepest node first: its rules mostly come before those above it, which are then not tested at all. */
void trie_search(const struct trie_node *n, struct search *s, bool literal)
{
	struct slice rest = s->request->path;
	struct met met[DEEP];
	unsigned count = 0;

	while (n && slice_starts(rest, label_of(n))) {
		rest = slice_from(rest, n->label_len);
		if (count == DEEP) {
			search_upwards(met, count, s, literal);
			count = 0;
		}
		if (!candidates_is_empty(&n->own))
			met[count++] = (struct met){n, s->request->path.len - rest.len};
		struct trie_node *const *at = rest.len ? child_for(n, rest.ptr[0]) : NULL;
		n = at ? *at : NULL;
	}
	search_upwards(met, count, s, literal);
}
