/* links: see links.h. A key goes with its last link: parties come and go with what clients ask for. */
#include "dp/upstream/links.h"

#include <stdlib.h>

enum { NAME_MAX_LEN = sizeof(struct sockaddr_storage) + sizeof(uint64_t) };

struct links_key {
	struct links *all;
	char name[NAME_MAX_LEN];
	size_t name_len;
	struct h2_link **links; /* newest last */
	uint32_t count, cap;
};

static struct slice name_of(char out[NAME_MAX_LEN], const struct sockaddr *to, socklen_t len, uint64_t party)
{
	memcpy(out, to, len);
	memcpy(out + len, &party, sizeof party);
	return slice_of(out, len + sizeof party);
}

void links_init(struct links *l, struct loop *loop)
{
	*l = (struct links){.loop = loop};
}

void links_fini(struct links *l)
{
	struct slice name;
	void *value;
	for (size_t at = 0; map_next(&l->keys, &at, &name, &value); at = 0)
		h2_link_close(((struct links_key *)value)->links[0]); /* and the key with the last */
	map_fini(&l->keys);
}

struct h2_link *links_find(struct links *l, const struct sockaddr *to, socklen_t len, uint64_t party)
{
	char text[NAME_MAX_LEN];
	struct links_key *k = map_get(&l->keys, name_of(text, to, len, party));

	for (uint32_t i = k ? k->count : 0; i-- > 0;)
		if (h2_link_has_room(k->links[i]))
			return k->links[i];
	return NULL;
}

static struct links_key *key_of(struct links *l, struct slice name)
{
	struct links_key *k = map_get(&l->keys, name);
	if (k)
		return k;
	k = calloc(1, sizeof *k);
	if (!k)
		abort();
	k->all = l;
	memcpy(k->name, name.ptr, name.len);
	k->name_len = name.len;
	map_set(&l->keys, name, k);
	return k;
}

static void drop_if_empty(struct links_key *k)
{
	if (k->count > 0)
		return;
	map_remove(&k->all->keys, slice_of(k->name, k->name_len));
	free(k->links);
	free(k);
}

static void on_gone(struct h2_link *link, void *arg)
{
	struct links_key *k = arg;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < k->count; i++)
		if (k->links[i] != link)
			k->links[kept++] = k->links[i];
	k->count = kept;
	drop_if_empty(k);
}

static void add(struct links_key *k, struct h2_link *link)
{
	if (k->count == k->cap) {
		k->cap = k->cap ? k->cap * 2 : 4;
		k->links = realloc(k->links, k->cap * sizeof(struct h2_link *));
		if (!k->links)
			abort();
	}
	k->links[k->count++] = link;
}

struct h2_link *links_open(struct links *l, const struct sockaddr *to, socklen_t len, uint64_t party, SSL *tls,
        const struct h2_link_limits *limits)
{
	char text[NAME_MAX_LEN];
	struct links_key *k = key_of(l, name_of(text, to, len, party));
	struct h2_link *link = h2_link_open(l->loop, to, len, tls, limits, on_gone, k);

	if (link)
		add(k, link);
	else
		drop_if_empty(k);
	return link;
}

size_t links_count(const struct links *l)
{
	size_t n = 0;
	struct slice name;
	void *value;
	for (size_t at = 0; map_next(&l->keys, &at, &name, &value);)
		n += ((struct links_key *)value)->count;
	return n;
}
