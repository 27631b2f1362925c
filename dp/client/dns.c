/* dns: see dns.h. c-ares does the protocol (search rules, retries, TCP); the order of types, the cache, its ageing
 * and the merging of queries are ours. */
#include "dp/client/dns.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>

#include "common/core/text.h"
#include "common/settings/settings.h"
#include "dp/client/dns_message.h"
#include "dp/client/dns_order.h"
#include "dp/client/dns_question.h"
#include "dp/client/hosts_file.h"

enum {
	TTL_MIN_MS = 1000, /* pitfalls.md A3-9a */
	TTL_MAX_S = 86400,
	CACHE_MAX = 10000,
	ALIASES_MAX = 8,
};

struct dns_query { /* one asker */
	struct dns_query *next;
	dns_fn fn; /* both NULL: cancelled */
	dns_set_fn set_fn;
	void *arg;
	int port;
	bool wants_fresh;
	bool on_heap; /* it waits */
};

struct name { /* one cached name, for one kind of wish */
	struct dns *dns;
	struct slice host; /* as asked for, lower case; NUL behind it */
	bool is_host;      /* DNS_HOST */
	enum dns_status status;
	const char *text; /* static */
	enum dns_type type;
	struct dns_record *records;
	size_t count;
	uint32_t turn;
	uint64_t fresh_until_ms, stale_until_ms; /* 0: never answered */
	bool is_stale;                           /* the last query has failed, and what was there is kept */
	enum dns_type last;                      /* that was found; 0: none yet */
	unsigned asking;                         /* queries under way */
	unsigned held;                           /* on the stack: it may not go */
	struct dns_query *waiting;
};

struct dns {
	struct dns_servers servers;
	struct dns_options o;
	struct dns_order order;
	struct hosts_file hosts;
	struct map names; /* a letter for the wish, and the host */
	bool closing;
};

static void *new_zeroed(size_t size)
{
	void *p = calloc(1, size);
	if (!p)
		abort();
	return p;
}

/* ---- telling --------------------------------------------------------------------------------------------------- */

static struct dns_query *serve(struct name *n, struct dns_query *q);
static struct name *name_of(struct dns *d, struct slice host, bool is_host);

static void set_port(struct dns_address *a, int port)
{
	if (a->address.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->address)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)&a->address)->sin_port = htons((uint16_t)port);
}

static void tell_addresses(struct name *n, const struct dns_query *q)
{
	struct dns_address one = n->records[n->turn % n->count].address;
	struct dns_answer answer = {.addresses = &one, .count = 1};

	set_port(&one, q->port);
	n->turn++;
	q->fn(q->arg, DNS_FOUND, &answer, NULL);
}

static int weight_of(const struct dns_record *r)
{
	return r->weight ? r->weight : 1;
}

/* By weight, the first one first. */
static const struct dns_record *next_service(struct name *n)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n->count; i++)
		total += (uint64_t)weight_of(&n->records[i]);
	uint64_t position = n->turn++ % total;
	for (size_t i = 0; i < n->count; i++) {
		if (position < (uint64_t)weight_of(&n->records[i]))
			return &n->records[i];
		position -= (uint64_t)weight_of(&n->records[i]);
	}
	return &n->records[0];
}

static void tell_set(struct name *n, const struct dns_query *q)
{
	uint64_t now = clock_mono_ms();
	bool is_old = now >= n->fresh_until_ms;
	uint64_t left_ms = is_old ? 0 : n->fresh_until_ms - now;
	struct dns_set set = {.type = n->type,
	        .records = n->records,
	        .count = n->count,
	        .ttl_ms = left_ms < TTL_MAX_S * 1000u ? (uint32_t)left_ms : TTL_MAX_S * 1000u,
	        .is_stale = is_old || n->is_stale};

	q->set_fn(q->arg, DNS_FOUND, &set, NULL);
}

static struct dns_query *tell_found(struct name *n, struct dns_query *q)
{
	if (q->set_fn) {
		tell_set(n, q);
		return NULL;
	}
	if (n->type != DNS_TYPE_SRV) {
		tell_addresses(n, q);
		return NULL;
	}
	const struct dns_record *r = next_service(n);
	q->port = r->port ? r->port : q->port;
	return serve(name_of(n->dns, slice_cstr(r->name), true), q);
}

/* What is known of the name goes to the asker. A query that has to wait for the host of a service is returned. */
static struct dns_query *tell(struct name *n, struct dns_query *q)
{
	struct dns_query *waits = NULL;

	n->held++;
	if ((q->fn || q->set_fn) && n->status == DNS_FOUND)
		waits = tell_found(n, q);
	else if (q->set_fn)
		q->set_fn(q->arg, n->status, NULL, n->text);
	else if (q->fn)
		q->fn(q->arg, n->status, NULL, n->text);
	n->held--;
	return waits;
}

static void tell_waiting(struct name *n)
{
	n->held++;
	while (n->waiting) {
		struct dns_query *q = n->waiting;
		n->waiting = q->next;
		if (!tell(n, q))
			free(q);
	}
	n->held--;
}

/* ---- what is found --------------------------------------------------------------------------------------------- */

static uint64_t lifetime_ms(const struct dns *d, uint32_t ttl_s)
{
	uint64_t ms = (uint64_t)(ttl_s < TTL_MAX_S ? ttl_s : TTL_MAX_S) * 1000;

	if (d->o.valid_ttl_ms)
		return d->o.valid_ttl_ms;
	return ms < TTL_MIN_MS ? TTL_MIN_MS : ms;
}

/* Of services only those of the lowest priority value count. */
static void keep_lowest(struct dns_message *m)
{
	int lowest = m->records[0].priority;
	size_t kept = 0;

	for (size_t i = 1; i < m->count; i++)
		lowest = m->records[i].priority < lowest ? m->records[i].priority : lowest;
	for (size_t i = 0; i < m->count; i++) {
		if (m->records[i].priority == lowest)
			m->records[kept++] = m->records[i];
		else
			free((char *)m->records[i].name);
	}
	m->count = kept;
}

static void keep_records(struct name *n, enum dns_type type, struct dns_message *m)
{
	if (type == DNS_TYPE_SRV)
		keep_lowest(m);
	dns_records_free(n->records, n->count);
	n->records = m->records;
	n->count = m->count;
	n->type = n->last = type;
	n->status = DNS_FOUND;
	n->is_stale = false;
	n->fresh_until_ms = clock_mono_ms() + lifetime_ms(n->dns, m->ttl_s);
	n->stale_until_ms = n->fresh_until_ms + n->dns->o.stale_ttl_ms;
}

/* A failure does not replace a good answer that is not too old, unless it says that the name is gone. */
static void keep_failure(struct name *n, int status, const char *text)
{
	uint64_t now = clock_mono_ms();
	bool no_name = status == ARES_ENOTFOUND || status == ARES_ENODATA;
	uint64_t until_ms = now + (no_name ? n->dns->o.not_found_ms : n->dns->o.error_ms);

	if (status != ARES_ENOTFOUND && n->count && now < n->stale_until_ms) {
		n->is_stale = true;
		n->fresh_until_ms = until_ms < n->stale_until_ms ? until_ms : n->stale_until_ms;
		return;
	}
	dns_records_free(n->records, n->count);
	n->records = NULL;
	n->count = 0;
	n->status = no_name ? DNS_NO_SUCH_NAME : DNS_FAILED;
	n->text = text;
	n->is_stale = false;
	n->fresh_until_ms = n->stale_until_ms = until_ms;
}

/* ---- asking: one type after the other -------------------------------------------------------------------------- */

struct asking {
	struct name *name;
	char *host; /* the name, or what it is an alias of */
	enum dns_type types[DNS_ORDER_MAX + 1];
	size_t count, at;
	int aliases;
};

static void ask_next(struct asking *a);

static void finish(struct asking *a)
{
	struct name *n = a->name;

	free(a->host);
	free(a);
	n->asking--;
	tell_waiting(n);
}

static void fail(struct asking *a, int status, const char *text)
{
	keep_failure(a->name, status, text);
	finish(a);
}

/* The next type; when there is none, this is the answer. */
static void pass_on(struct asking *a, int status)
{
	if (++a->at < a->count)
		ask_next(a);
	else
		fail(a, status, ares_strerror(status));
}

/* From the beginning with the name that is meant. */
static void follow_alias(struct asking *a, const char *to)
{
	if (++a->aliases > ALIASES_MAX || strcasecmp(to, a->host) == 0) {
		fail(a, ARES_EBADRESP, "recursion detected");
		return;
	}
	free(a->host);
	a->host = slice_strdup(slice_cstr(to));
	a->at = 0;
	ask_next(a);
}

/* A service that is its own host is none (5.10). */
static bool names_itself(const struct asking *a, enum dns_type type, const struct dns_message *m)
{
	size_t len = strlen(a->host);

	if (type != DNS_TYPE_SRV)
		return false;
	len -= len > 0 && a->host[len - 1] == '.';
	for (size_t i = 0; i < m->count; i++)
		if (slice_ieq(slice_cstr(m->records[i].name), slice_of(a->host, len)))
			return true;
	return false;
}

static void take(struct asking *a, struct dns_message *m)
{
	enum dns_type type = a->types[a->at];

	if (m->count == 0 || names_itself(a, type, m)) {
		dns_records_free(m->records, m->count);
		pass_on(a, ARES_ENODATA);
	} else if (type == DNS_TYPE_CNAME) {
		char *to = slice_strdup(slice_cstr(m->records[0].name));
		dns_records_free(m->records, m->count);
		follow_alias(a, to);
		free(to);
	} else {
		keep_records(a->name, type, m);
		finish(a);
	}
}

static void on_reply(void *arg, int status, unsigned char *bytes, int len)
{
	struct asking *a = arg;
	struct dns_message m;

	if (a->name->dns->closing) {
		free(a->host);
		free(a);
	} else if (status == ARES_ENOTFOUND || status == ARES_ENODATA) {
		pass_on(a, status);
	} else if (status != ARES_SUCCESS) {
		fail(a, status, ares_strerror(status)); /* no falling through to another type */
	} else if (!dns_message_read(bytes, (size_t)len, a->types[a->at], &m)) {
		fail(a, ARES_EBADRESP, ares_strerror(ARES_EBADRESP));
	} else {
		take(a, &m);
	}
}

static void ask_next(struct asking *a)
{
	dns_ask_servers(&a->name->dns->servers, a->host, a->types[a->at], on_reply, a);
}

static void add_type(struct asking *a, enum dns_type type)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->types[i] == type)
			return;
	if (type != DNS_TYPE_SRV || !a->name->is_host)
		a->types[a->count++] = type;
}

static void ask(struct name *n)
{
	const struct dns *d = n->dns;
	struct asking *a = new_zeroed(sizeof *a);

	a->name = n;
	a->host = slice_strdup(n->host);
	if (d->order.last_first && n->last)
		add_type(a, n->last);
	for (size_t i = 0; i < d->order.count; i++)
		add_type(a, d->order.types[i]);
	if (a->count == 0)
		add_type(a, DNS_TYPE_A);
	n->asking++;
	ask_next(a);
}

/* ---- the hosts file -------------------------------------------------------------------------------------------- */

static void set_host_address(struct dns_record *r, const struct ip *ip)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&r->address.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&r->address.address;

	if (ip_is_v4(ip)) {
		v4->sin_family = AF_INET;
		memcpy(&v4->sin_addr, ip->bytes + 12, 4);
		r->address.len = sizeof *v4;
		return;
	}
	v6->sin6_family = AF_INET6;
	memcpy(&v6->sin6_addr, ip->bytes, 16);
	r->address.len = sizeof *v6;
}

/* Of the two types of addresses the one that stands first in the order. Entries never expire. */
static bool take_from_hosts(struct name *n)
{
	const struct dns *d = n->dns;
	size_t len = n->host.len - (n->host.len > 0 && n->host.ptr[n->host.len - 1] == '.');
	const struct hosts_entry *e = hosts_file_find(&d->hosts, slice_of(n->host.ptr, len));

	for (size_t i = 0; e && i < d->order.count; i++) {
		bool v4 = d->order.types[i] == DNS_TYPE_A && e->has_v4,
		     v6 = d->order.types[i] == DNS_TYPE_AAAA && e->has_v6;
		if (!v4 && !v6)
			continue;
		n->records = new_zeroed(sizeof *n->records);
		n->count = 1;
		n->type = d->order.types[i];
		set_host_address(n->records, v4 ? &e->v4 : &e->v6);
		n->fresh_until_ms = n->stale_until_ms = UINT64_MAX;
		return true;
	}
	return false;
}

/* ---- the cache ------------------------------------------------------------------------------------------------- */

static void name_free(struct name *n)
{
	while (n->waiting) {
		struct dns_query *q = n->waiting;
		n->waiting = q->next;
		free(q);
	}
	dns_records_free(n->records, n->count);
	free((char *)n->host.ptr);
	free(n);
}

static struct slice key_of(char *out, struct slice host, bool is_host)
{
	size_t len = host.len < DNS_NAME_MAX + 1 ? host.len : DNS_NAME_MAX + 1;

	out[0] = is_host ? 'h' : 'n';
	for (size_t i = 0; i < len; i++)
		out[i + 1] = (char)ascii_lower((unsigned char)host.ptr[i]);
	return slice_of(out, len + 1);
}

/* Drops what nobody asks for and is past use; if that is not enough, whatever nobody waits for. */
static void make_room(struct dns *d)
{
	uint64_t now = clock_mono_ms();

	for (int round = 0; round < 2 && d->names.count > d->o.cache_size / 2; round++) {
		struct slice key;
		void *value;
		for (size_t at = 0; map_next(&d->names, &at, &key, &value) && d->names.count > d->o.cache_size / 2;) {
			struct name *n = value;
			if (n->asking || n->waiting || n->held || (round == 0 && now < n->stale_until_ms))
				continue;
			map_remove(&d->names, key);
			name_free(n);
			at = 0;
		}
	}
}

static struct name *name_of(struct dns *d, struct slice host, bool is_host)
{
	char bytes[DNS_NAME_MAX + 2];
	struct slice key = key_of(bytes, host, is_host);
	struct name *n = map_get(&d->names, key);

	if (n)
		return n;
	if (d->names.count >= d->o.cache_size)
		make_room(d);
	n = new_zeroed(sizeof *n);
	n->dns = d;
	n->host = slice_of(slice_strdup(slice_from(key, 1)), key.len - 1);
	n->is_host = is_host;
	map_set(&d->names, key, n);
	take_from_hosts(n);
	return n;
}

/* ---- asked ----------------------------------------------------------------------------------------------------- */

static struct dns_query *wait(struct name *n, struct dns_query *q)
{
	if (!q->on_heap) {
		struct dns_query *copy = new_zeroed(sizeof *copy);
		*copy = *q;
		copy->on_heap = true;
		q = copy;
	}
	q->next = n->waiting;
	n->waiting = q;
	return q;
}

static bool is_usable(const struct name *n, bool wants_fresh, uint64_t now)
{
	return now < n->fresh_until_ms || (!wants_fresh && n->count && now < n->stale_until_ms);
}

/* Tells what is known (NULL), or has the query wait. c-ares may answer from inside, when no server can be reached. */
static struct dns_query *serve(struct name *n, struct dns_query *q)
{
	uint64_t now = clock_mono_ms();

	if (is_usable(n, q->wants_fresh, now)) {
		if (now >= n->fresh_until_ms && !n->asking)
			ask(n);
		return tell(n, q);
	}
	if (n->asking && !n->dns->o.no_merge)
		return wait(n, q);
	ask(n);
	return n->asking ? wait(n, q) : tell(n, q);
}

struct dns_query *dns_lookup(struct dns *d, struct slice host, int port, dns_fn fn, void *arg)
{
	struct dns_query q = {.fn = fn, .arg = arg, .port = port};

	return serve(name_of(d, host, false), &q);
}

struct dns_query *dns_ask(struct dns *d, struct slice host, unsigned want, dns_set_fn fn, void *arg)
{
	struct dns_query q = {.set_fn = fn, .arg = arg, .wants_fresh = (want & DNS_FRESH) != 0};

	return serve(name_of(d, host, (want & DNS_HOST) != 0), &q);
}

void dns_cancel(struct dns_query *q)
{
	q->fn = NULL;
	q->set_fn = NULL;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static uint32_t ms_of(double seconds)
{
	return seconds <= 0 ? 0 : seconds > 2000000 ? 2000000000u : (uint32_t)(seconds * 1000);
}

struct dns_options dns_options_of(const struct settings *s)
{
	return (struct dns_options){.resolvers = s->dns_resolver,
	        .hosts_file = s->dns_hostsfile,
	        .order = s->dns_order,
	        .valid_ttl_ms = ms_of(s->dns_valid_ttl),
	        .stale_ttl_ms = ms_of(s->dns_stale_ttl),
	        .not_found_ms = ms_of(s->dns_not_found_ttl),
	        .error_ms = ms_of(s->dns_error_ttl),
	        .cache_size = (size_t)s->dns_cache_size,
	        .no_merge = s->dns_no_sync};
}

struct dns *dns_new(struct loop *l, const struct dns_options *options, struct err *e)
{
	struct dns *d = new_zeroed(sizeof *d);

	d->o = *options;
	d->o.cache_size = d->o.cache_size ? d->o.cache_size : CACHE_MAX;
	if (!dns_servers_open(&d->servers, l, d->o.resolvers, e) || !dns_order_read(&d->order, d->o.order, e)) {
		dns_free(d);
		return NULL;
	}
	char *hosts_file = d->o.hosts_file.len ? slice_strdup(d->o.hosts_file) : NULL;
	hosts_file_read(&d->hosts, hosts_file);
	free(hosts_file);
	return d;
}

void dns_free(struct dns *d)
{
	struct slice key;
	void *value;

	d->closing = true;
	dns_servers_close(&d->servers);
	for (size_t at = 0; map_next(&d->names, &at, &key, &value);)
		name_free(value);
	map_fini(&d->names);
	hosts_file_fini(&d->hosts);
	free(d);
}
