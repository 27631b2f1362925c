/* pool: see pool.h. */
#include "dp/upstream/pool.h"

#include <stdlib.h>

struct pool_key {
	struct pool *pool;
	struct sockaddr_storage address;
	socklen_t len;
	uint64_t party;
	struct conn **idle; /* stack: newest last */
	uint32_t count, cap;
};

void pool_init(struct pool *p, struct loop *l, const struct pool_limits *limits)
{
	*p = (struct pool){.loop = l, .limits = *limits};
}

void pool_fini(struct pool *p)
{
	struct slice name;
	void *value;
	for (size_t at = 0; map_next(&p->keys, &at, &name, &value);) {
		struct pool_key *k = value;
		for (uint32_t i = 0; i < k->count; i++)
			conn_close(k->idle[i]);
		free(k->idle);
		free(k);
	}
	map_fini(&p->keys);
}

static bool is_key(const struct pool_key *k, const struct sockaddr *to, socklen_t len, uint64_t party)
{
	return k && k->party == party && k->len == len && memcmp(&k->address, to, len) == 0;
}

enum { NAME_MAX_LEN = sizeof(struct sockaddr_storage) + sizeof(uint64_t) };

static struct slice name_of(char out[NAME_MAX_LEN], const struct sockaddr *to, socklen_t len, uint64_t party)
{
	memcpy(out, to, len);
	memcpy(out + len, &party, sizeof party);
	return slice_of(out, len + sizeof party);
}

static struct pool_key *key_of(struct pool *p, const struct sockaddr *to, socklen_t len, uint64_t party, bool make)
{
	char text[NAME_MAX_LEN];
	if (is_key(p->last, to, len, party))
		return p->last;
	struct slice name = name_of(text, to, len, party);
	struct pool_key *k = map_get(&p->keys, name);
	if (!k && make) {
		k = calloc(1, sizeof *k);
		if (!k)
			abort();
		k->pool = p;
		memcpy(&k->address, to, len);
		k->len = len;
		k->party = party;
		map_set(&p->keys, name, k);
	}
	if (k)
		p->last = k;
	return k;
}

/* Parties come and go with what clients ask for, so a key of theirs goes with its last connection. */
static void drop_if_empty(struct pool_key *k)
{
	char text[NAME_MAX_LEN];
	if (k->count > 0 || k->party == 0)
		return;
	map_remove(&k->pool->keys, name_of(text, (const struct sockaddr *)&k->address, k->len, k->party));
	if (k->pool->last == k)
		k->pool->last = NULL;
	free(k->idle);
	free(k);
}

/* An idle connection must say nothing: whatever happens on it ends it. */
static void on_any(struct conn *c)
{
	struct pool_key *k = c->owner;
	for (uint32_t i = 0; i < k->count; i++)
		if (k->idle[i] == c) {
			memmove(&k->idle[i], &k->idle[i + 1], (k->count - i - 1) * sizeof *k->idle);
			k->count--;
			break;
		}
	conn_close(c);
	drop_if_empty(k);
}

static const struct conn_ops idle_ops = {
        .on_readable = on_any,
        .on_drained = on_any,
        .on_closed = on_any,
        .on_timeout = on_any,
};

struct conn *pool_take(struct pool *p, const struct sockaddr *to, socklen_t len, uint64_t party)
{
	struct pool_key *k = key_of(p, to, len, party, false);
	struct conn *found = NULL;
	while (k && k->count && !found) {
		struct conn *c = k->idle[--k->count];
		if (!c->can_read && !c->peer_closed)
			found = c;
		else
			conn_close(c);
	}
	if (found)
		conn_set_timeout(found, 0);
	if (k)
		drop_if_empty(k);
	return found;
}

void pool_give(struct pool *p, struct conn *c, const struct sockaddr *to, socklen_t len, uint64_t party)
{
	struct pool_key *k = p->limits.size ? key_of(p, to, len, party, true) : NULL;
	bool worn = p->limits.max_requests && c->requests >= p->limits.max_requests;
	if (!k || worn || k->count >= p->limits.size || c->can_read || c->peer_closed) {
		conn_close(c);
		if (k)
			drop_if_empty(k);
		return;
	}
	if (k->count == k->cap) {
		k->cap = k->cap ? k->cap * 2 : 8;
		k->idle = realloc(k->idle, k->cap * sizeof(struct conn *));
		if (!k->idle)
			abort();
	}
	k->idle[k->count++] = c;
	conn_adopt(c, &idle_ops, k);
	conn_set_timeout(c, p->limits.idle_timeout_ms);
}

size_t pool_idle(const struct pool *p)
{
	size_t n = 0;
	struct slice name;
	void *value;
	for (size_t at = 0; map_next(&p->keys, &at, &name, &value);)
		n += ((struct pool_key *)value)->count;
	return n;
}
