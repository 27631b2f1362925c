/* dns: see dns.h. c-ares does the protocol (hosts file, search rules, retries); the cache, its ageing and the merging
 * of queries are ours. */
#include "dp/client/dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/map.h"
#include "common/core/text.h"

enum {
	TTL_MIN_S = 1,
	TTL_MAX_S = 86400,
	TTL_STALE_S = 3600, /* dns_stale_ttl */
	TTL_NO_NAME_S = 30, /* dns_not_found_ttl */
	TTL_ERROR_S = 1,    /* dns_error_ttl */
	CACHE_MAX = 10000,  /* dns_cache_size */
	ADDRESSES_MAX = 64,
	SOCKETS_MAX = ARES_GETSOCK_MAXNUM,
};

struct dns_query { /* one waiting asker */
	struct dns_query *next;
	struct name *name;
	dns_fn fn; /* both NULL: cancelled */
	dns_set_fn set_fn;
	void *arg;
	int port;
};

struct name { /* one cached name */
	struct dns *dns;
	char *host;
	enum dns_status status;
	const char *text;
	struct dns_address *addresses;
	size_t count;
	uint32_t turn;
	uint64_t fresh_until_ms, stale_until_ms; /* 0: never answered */
	bool asking;
	struct dns_query *waiting;
};

struct dns {
	struct loop *loop;
	ares_channel channel;
	struct map names;
	struct map sockets; /* fd -> struct event */
	struct loop_timer *tick;
	bool closing;
};

/* ---- c-ares' sockets on our loop --------------------------------------------------------------------------------
 */

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct dns *d = arg;
	ares_process_fd(d->channel, what & EV_READ ? fd : ARES_SOCKET_BAD, what & EV_WRITE ? fd : ARES_SOCKET_BAD);
}

static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = arg;
	struct slice key = slice_of((const char *)&fd, sizeof fd);
	struct event *old = map_remove(&d->sockets, key);
	if (old)
		event_free(old);
	if (!readable && !writable)
		return;
	short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0) | EV_PERSIST);
	struct event *ev = event_new(d->loop->base, fd, what, on_socket, d);
	if (!ev)
		abort();
	event_add(ev, NULL);
	map_set(&d->sockets, key, ev);
}

/* c-ares notices its own time-outs only when asked. */
static void on_tick(void *arg)
{
	struct dns *d = arg;
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* ---- answers ----------------------------------------------------------------------------------------------------
 */

static void set_port(struct dns_address *a, int port)
{
	if (a->address.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->address)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)&a->address)->sin_port = htons((uint16_t)port);
}

static void tell(struct name *n, dns_fn fn, void *arg, int port)
{
	if (n->status != DNS_FOUND) {
		fn(arg, n->status, NULL, n->text);
		return;
	}
	for (size_t i = 0; i < n->count; i++)
		set_port(&n->addresses[i], port);
	struct dns_answer answer = {n->addresses, n->count, n->turn++};
	fn(arg, DNS_FOUND, &answer, NULL);
}

static void tell_set(struct name *n, dns_set_fn fn, void *arg)
{
	uint64_t now = clock_mono_ms();
	bool is_stale = now >= n->fresh_until_ms;

	if (n->status != DNS_FOUND) {
		fn(arg, n->status, NULL, n->text);
		return;
	}
	struct dns_record *records = calloc(n->count, sizeof *records);
	if (!records)
		abort();
	for (size_t i = 0; i < n->count; i++)
		records[i].address = n->addresses[i];
	struct dns_set set = {.type = DNS_TYPE_A,
	        .records = records,
	        .count = n->count,
	        .ttl_ms = is_stale ? 0 : (uint32_t)(n->fresh_until_ms - now),
	        .is_stale = is_stale};
	fn(arg, DNS_FOUND, &set, NULL);
	free(records);
}

static void tell_waiting(struct name *n)
{
	while (n->waiting) {
		struct dns_query *q = n->waiting;
		n->waiting = q->next;
		if (q->fn)
			tell(n, q->fn, q->arg, q->port);
		else if (q->set_fn)
			tell_set(n, q->set_fn, q->arg);
		free(q);
	}
}

static void keep_addresses(struct name *n, const struct ares_addrinfo *info)
{
	size_t count = 0;
	int ttl = TTL_MAX_S;

	free(n->addresses);
	n->addresses = calloc(ADDRESSES_MAX, sizeof *n->addresses);
	if (!n->addresses)
		abort();
	for (const struct ares_addrinfo_node *node = info->nodes; node && count < ADDRESSES_MAX;
	        node = node->ai_next) {
		memcpy(&n->addresses[count].address, node->ai_addr, node->ai_addrlen);
		n->addresses[count++].len = node->ai_addrlen;
		if (node->ai_ttl < ttl)
			ttl = node->ai_ttl;
	}
	n->count = count;
	n->status = DNS_FOUND;
	uint64_t now = clock_mono_ms();
	n->fresh_until_ms = now + (uint64_t)(ttl < TTL_MIN_S ? TTL_MIN_S : ttl) * 1000;
	n->stale_until_ms = n->fresh_until_ms + TTL_STALE_S * 1000;
}

/* A failure does not replace a good answer that is not too old, unless it says that the name is gone (proxy.md 5.10).
 */
static void keep_failure(struct name *n, int status)
{
	uint64_t now = clock_mono_ms();
	bool no_name = status == ARES_ENOTFOUND || status == ARES_ENODATA;
	uint64_t ttl_ms = (no_name ? TTL_NO_NAME_S : TTL_ERROR_S) * 1000;

	if (status != ARES_ENOTFOUND && n->count && now < n->stale_until_ms) {
		n->fresh_until_ms = now + ttl_ms;
		return;
	}
	n->count = 0;
	n->status = no_name ? DNS_NO_SUCH_NAME : DNS_FAILED;
	n->text = ares_strerror(status);
	n->fresh_until_ms = n->stale_until_ms = now + ttl_ms;
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct name *n = arg;
	(void)timeouts;
	n->asking = false;
	if (n->dns->closing) {
		if (info)
			ares_freeaddrinfo(info);
		return;
	}
	if (status == ARES_SUCCESS && info && info->nodes)
		keep_addresses(n, info);
	else
		keep_failure(n, status == ARES_SUCCESS ? ARES_ENODATA : status);
	if (info)
		ares_freeaddrinfo(info);
	tell_waiting(n);
}

static void ask(struct name *n)
{
	/* A records only, in the order of the answer: proxy.md 5.10, dns_order */
	struct ares_addrinfo_hints hints = {
	        .ai_flags = ARES_AI_NOSORT, .ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	n->asking = true;
	ares_getaddrinfo(n->dns->channel, n->host, NULL, &hints, on_answer, n);
}

/* ---- the cache --------------------------------------------------------------------------------------------------
 */

static void name_free(struct name *n)
{
	while (n->waiting) {
		struct dns_query *q = n->waiting;
		n->waiting = q->next;
		free(q);
	}
	free(n->addresses);
	free(n->host);
	free(n);
}

/* Drops what nobody asks for and is past use. */
static void make_room(struct dns *d)
{
	uint64_t now = clock_mono_ms();
	struct slice key;
	void *value;
	for (size_t at = 0; map_next(&d->names, &at, &key, &value);) {
		struct name *n = value;
		if (n->asking || n->waiting || now < n->fresh_until_ms)
			continue;
		map_remove(&d->names, key);
		name_free(n);
		at = 0;
		if (d->names.count < CACHE_MAX / 2)
			return;
	}
}

static struct name *name_of(struct dns *d, struct slice host)
{
	struct name *n = map_get(&d->names, host);
	if (n)
		return n;
	if (d->names.count >= CACHE_MAX)
		make_room(d);
	n = calloc(1, sizeof *n);
	if (!n)
		abort();
	n->dns = d;
	n->host = slice_strdup(host);
	map_set(&d->names, host, n);
	return n;
}

struct dns_query *dns_lookup(struct dns *d, struct slice host, int port, dns_fn fn, void *arg)
{
	struct name *n = name_of(d, host);
	uint64_t now = clock_mono_ms();

	bool usable = now < n->fresh_until_ms || (n->count && now < n->stale_until_ms);
	if (usable) {
		if (now >= n->fresh_until_ms && !n->asking)
			ask(n);
		tell(n, fn, arg, port);
		return NULL;
	}
	struct dns_query *q = calloc(1, sizeof *q);
	if (!q)
		abort();
	*q = (struct dns_query){.next = n->waiting, .name = n, .fn = fn, .arg = arg, .port = port};
	n->waiting = q;
	if (n->asking)
		return q;
	ask(n); /* names of the hosts file are answered from inside */
	return n->asking ? q : NULL;
}

struct dns_query *dns_ask(struct dns *d, struct slice host, unsigned want, dns_set_fn fn, void *arg)
{
	struct name *n = name_of(d, host);

	if (clock_mono_ms() < n->fresh_until_ms) {
		tell_set(n, fn, arg);
		return NULL;
	}
	struct dns_query *q = calloc(1, sizeof *q);
	if (!q)
		abort();
	*q = (struct dns_query){.next = n->waiting, .name = n, .set_fn = fn, .arg = arg};
	n->waiting = q;
	if (n->asking)
		return q;
	ask(n);
	return n->asking ? q : NULL;
}

void dns_cancel(struct dns_query *q)
{
	q->fn = NULL;
	q->set_fn = NULL;
}

/* ---- life -------------------------------------------------------------------------------------------------------
 */

static bool set_servers(struct dns *d, struct slice resolvers, struct err *e)
{
	if (resolvers.len == 0)
		return true;
	char *list = slice_strdup(resolvers);
	int status = ares_set_servers_ports_csv(d->channel, list);
	free(list);
	return status == ARES_SUCCESS || err_set(e, "dns_resolver '%.*s': %s, expected ip[:port],...",
	                                         SLICE_ARG(resolvers), ares_strerror(status));
}

static bool open_channel(struct dns *d, const struct dns_options *o, struct err *e)
{
	struct ares_options options = {.timeout = 2000,
	        .tries = 2,
	        .sock_state_cb = on_socket_state,
	        .sock_state_cb_data = d,
	        .lookups = "fb"};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS;

	int status = ares_init_options(&d->channel, &options, mask);
	if (status != ARES_SUCCESS)
		return err_set(e, "cannot start the resolver: %s", ares_strerror(status));
	return set_servers(d, o->resolvers, e);
}

struct dns *dns_new(struct loop *l, const struct dns_options *options, struct err *e)
{
	struct dns *d = calloc(1, sizeof *d);
	if (!d)
		abort();
	d->loop = l;
	if (!open_channel(d, options, e)) {
		if (d->channel)
			ares_destroy(d->channel);
		free(d);
		return NULL;
	}
	d->tick = loop_timer_new(l, 500, true, on_tick, d);
	return d;
}

void dns_free(struct dns *d)
{
	struct slice key;
	void *value;
	d->closing = true;
	ares_destroy(d->channel);
	for (size_t at = 0; map_next(&d->names, &at, &key, &value);)
		name_free(value);
	map_fini(&d->names);
	for (size_t at = 0; map_next(&d->sockets, &at, &key, &value);)
		event_free(value);
	map_fini(&d->sockets);
	loop_timer_free(d->tick);
	free(d);
}
