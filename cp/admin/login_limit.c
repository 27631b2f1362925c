/* login_limit: see login_limit.h. Used by auth.c. Rows of WAYS slots; a hash names row and address at once. */
#include "cp/admin/login_limit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

enum { ROWS = 1024, WAYS = 4 };

struct slot {
	uint64_t address; /* hash */
	uint64_t last_ms, until_ms;
	unsigned failures; /* 0: free */
};

struct login_limit {
	pthread_mutex_t lock;
	struct slot slots[ROWS][WAYS];
};

struct login_limit *login_limit_new(void)
{
	struct login_limit *l = calloc(1, sizeof *l);

	if (!l)
		abort();
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void login_limit_free(struct login_limit *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static uint64_t hash_of(struct slice address)
{
	struct in6_addr v6;
	char text[INET6_ADDRSTRLEN] = "";

	if (address.len < sizeof text)
		memcpy(text, address.ptr, address.len);
	if (inet_pton(AF_INET6, text, &v6) == 1)
		return slice_hash(slice_of((const char *)&v6, 8));
	return slice_hash(address);
}

static struct slot *find(struct login_limit *l, uint64_t address)
{
	struct slot *row = l->slots[address % ROWS];

	for (int i = 0; i < WAYS; i++)
		if (row[i].failures > 0 && row[i].address == address)
			return &row[i];
	return NULL;
}

/* A slot for an address that has none: a free one, or the one that failed longest ago. */
static struct slot *take(struct login_limit *l, uint64_t address)
{
	struct slot *row = l->slots[address % ROWS], *best = row;

	for (int i = 0; i < WAYS && best->failures > 0; i++)
		if (row[i].failures == 0 || row[i].last_ms < best->last_ms)
			best = &row[i];
	*best = (struct slot){.address = address};
	return best;
}

uint64_t login_limit_wait_ms(struct login_limit *l, struct slice address, uint64_t now_ms)
{
	pthread_mutex_lock(&l->lock);
	const struct slot *s = find(l, hash_of(address));
	uint64_t wait = s && s->until_ms > now_ms ? s->until_ms - now_ms : 0;
	pthread_mutex_unlock(&l->lock);
	return wait;
}

static uint64_t wait_after(unsigned failures)
{
	if (failures <= LOGIN_LIMIT_FREE)
		return 0;
	unsigned doublings = failures - LOGIN_LIMIT_FREE - 1;
	uint64_t wait = doublings < 16 ? 1000u << doublings : LOGIN_LIMIT_WAIT_MS;
	return wait < LOGIN_LIMIT_WAIT_MS ? wait : LOGIN_LIMIT_WAIT_MS;
}

void login_limit_failed(struct login_limit *l, struct slice address, uint64_t now_ms)
{
	uint64_t hash = hash_of(address);

	pthread_mutex_lock(&l->lock);
	struct slot *s = find(l, hash);
	if (!s)
		s = take(l, hash);
	else if (now_ms - s->last_ms > LOGIN_LIMIT_FORGET_MS)
		s->failures = 0;
	s->failures++;
	s->last_ms = now_ms;
	s->until_ms = now_ms + wait_after(s->failures);
	pthread_mutex_unlock(&l->lock);
}

void login_limit_passed(struct login_limit *l, struct slice address)
{
	pthread_mutex_lock(&l->lock);
	struct slot *s = find(l, hash_of(address));
	if (s)
		*s = (struct slot){0};
	pthread_mutex_unlock(&l->lock);
}
