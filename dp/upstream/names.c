/* names: the addresses behind the names of an upstream's targets (proxy.md 5.3). Looked up again when the records
 * expire, half a second later; after a failure in 30 s. What is unchanged changes nothing. On the balance thread.
 *
 * Names in SRV records are looked up as well; the address is the record, with as many endpoints as its name has. */
#include <stdlib.h>

#include "common/core/log.h"
#include "common/core/text.h"
#include "dp/upstream/balancer_private.h"

enum { RETRY_MS = 30 * 1000, RENEWAL_MS = 500, RENEWAL_MIN_MS = 1000, RENEWAL_MAX_MS = 24 * 3600 * 1000 };

struct srv_host { /* of one record */
	struct answer *owner;
	struct dns_query *query;
	struct endpoint endpoints[16];
	size_t count;
};

/* What the name was found to stand for. */
struct answer {
	struct target_name *name;
	enum dns_status status;
	const char *error;  /* of the resolver; static */
	struct dns_set set; /* a copy; count 0: none */
	struct srv_host *hosts;
	size_t asked; /* hosts, still */
	uint32_t renewal_ms;
	char *signature; /* equal ones say the same */
};

struct target_name {
	struct balancer *balancer;
	struct slice host; /* NUL behind it */
	struct dns_query *query;
	struct loop_timer *timer;
	bool is_wanted;
	struct answer *shown, *coming; /* NULL: none yet; none is being put together */
};

static void ask(void *arg);

/* ---- answers --------------------------------------------------------------------------------------------------- */

static void answer_free(struct answer *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->set.count; i++) {
		if (a->hosts && a->hosts[i].query)
			dns_cancel(a->hosts[i].query);
		free((char *)a->set.records[i].name);
	}
	free(a->hosts);
	free((struct dns_record *)a->set.records);
	free(a->signature);
	free(a);
}

static int by_content(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_bytes(struct text *t, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		text_printf(t, "%02x", ((const unsigned char *)bytes)[i]);
}

static char *line_of(const struct answer *a, size_t i)
{
	const struct dns_record *r = &a->set.records[i];
	struct text t = {0};

	text_printf(&t, "%d %s %d %d ", (int)a->set.type, r->name ? r->name : "", r->port, r->weight);
	put_bytes(&t, &r->address.address, r->address.len);
	for (size_t k = 0; a->hosts && k < a->hosts[i].count; k++) {
		text_putc(&t, ' ');
		put_bytes(&t, &a->hosts[i].endpoints[k].address, a->hosts[i].endpoints[k].len);
	}
	return t.ptr;
}

/* Of all records, in an order of its own: servers rotate theirs. */
static char *signature_of(const struct answer *a)
{
	char **lines = calloc(a->set.count + 1, sizeof *lines);
	struct text t = {0};

	if (!lines)
		abort();
	for (size_t i = 0; i < a->set.count; i++)
		lines[i] = line_of(a, i);
	qsort(lines, a->set.count, sizeof *lines, by_content);
	text_printf(&t, "%d\n", (int)a->status);
	for (size_t i = 0; i < a->set.count; i++) {
		text_puts(&t, lines[i]);
		text_putc(&t, '\n');
		free(lines[i]);
	}
	free(lines);
	return t.ptr;
}

/* All that was asked for is there: show it, if it is news, and come back later. */
static void settle(struct answer *a)
{
	struct target_name *n = a->name;
	struct balancer *b = n->balancer;

	a->signature = signature_of(a);
	bool is_news = !n->shown || strcmp(a->signature, n->shown->signature) != 0;
	if (!n->shown)
		atomic_fetch_sub(&b->owner->unresolved, 1);
	answer_free(n->shown);
	n->shown = a;
	n->coming = NULL;
	loop_timer_free(n->timer);
	n->timer = loop_timer_new(b->owner->o.loop, a->renewal_ms, false, ask, n);
	if (is_news)
		balancer_refresh(b, true);
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

static void renew_within(struct answer *a, uint32_t ttl_ms)
{
	uint32_t ms = ttl_ms > RENEWAL_MAX_MS ? RENEWAL_MAX_MS : ttl_ms + RENEWAL_MS;

	ms = ms < RENEWAL_MIN_MS ? RENEWAL_MIN_MS : ms;
	if (ms < a->renewal_ms)
		a->renewal_ms = ms;
}

static void on_host(void *arg, enum dns_status status, const struct dns_set *set, const char *text)
{
	struct srv_host *h = arg;
	struct answer *a = h->owner;
	const size_t max = sizeof h->endpoints / sizeof *h->endpoints;

	h->query = NULL;
	for (size_t i = 0; status == DNS_FOUND && i < set->count && h->count < max; i++) {
		const struct dns_address *from = &set->records[i].address;
		if (from->len == 0 || from->len > sizeof h->endpoints[0].address)
			continue;
		memcpy(&h->endpoints[h->count].address, &from->address, from->len);
		h->endpoints[h->count++].len = from->len;
	}
	renew_within(a, status == DNS_FOUND && !set->is_stale ? set->ttl_ms : RETRY_MS);
	if (--a->asked == 0)
		settle(a);
}

static void ask_hosts(struct answer *a)
{
	a->hosts = calloc(a->set.count, sizeof *a->hosts);
	if (!a->hosts)
		abort();
	a->asked = a->set.count + 1; /* one for this loop: answers may come from inside */
	for (size_t i = 0; i < a->set.count; i++) {
		struct srv_host *h = &a->hosts[i];
		h->owner = a;
		h->query = dns_ask(a->name->balancer->owner->o.dns, slice_cstr(a->set.records[i].name),
		        DNS_FRESH | DNS_HOST, on_host, h);
	}
	if (--a->asked == 0)
		settle(a);
}

static void copy_set(struct answer *a, const struct dns_set *set)
{
	struct dns_record *copy = calloc(set->count, sizeof *copy);

	if (!copy)
		abort();
	a->set = (struct dns_set){.type = set->type, .records = copy, .count = set->count};
	for (size_t i = 0; i < set->count; i++) {
		copy[i] = set->records[i];
		copy[i].name = copy[i].name ? slice_strdup(slice_cstr(copy[i].name)) : NULL;
	}
}

static struct answer *answer_new(struct target_name *n, enum dns_status status, const char *text)
{
	struct answer *a = calloc(1, sizeof *a);

	if (!a)
		abort();
	*a = (struct answer){.name = n, .status = status, .error = text, .renewal_ms = RENEWAL_MAX_MS};
	n->coming = a;
	return a;
}

static void on_set(void *arg, enum dns_status status, const struct dns_set *set, const char *text)
{
	struct target_name *n = arg;
	struct answer *a = answer_new(n, status, text);

	n->query = NULL;
	if (status != DNS_FOUND) {
		log_warn("the name of a target cannot be resolved", LOG_SLICE("upstream", n->balancer->name),
		        LOG_SLICE("host", n->host), LOG_STR("error", text));
		a->renewal_ms = RETRY_MS;
		settle(a);
		return;
	}
	copy_set(a, set);
	renew_within(a, set->is_stale ? RETRY_MS : set->ttl_ms);
	if (set->type == DNS_TYPE_SRV)
		ask_hosts(a);
	else
		settle(a);
}

static void ask(void *arg)
{
	struct target_name *n = arg;

	loop_timer_free(n->timer);
	n->timer = NULL;
	n->query = dns_ask(n->balancer->owner->o.dns, n->host, DNS_FRESH, on_set, n);
}

/* ---- which names there are ------------------------------------------------------------------------------------- */

static void name_free(struct target_name *n)
{
	if (n->query)
		dns_cancel(n->query);
	if (!n->shown)
		atomic_fetch_sub(&n->balancer->owner->unresolved, 1);
	answer_free(n->shown);
	answer_free(n->coming);
	loop_timer_free(n->timer);
	free((char *)n->host.ptr);
	free(n);
}

static struct target_name *name_new(struct balancer *b, struct slice host)
{
	struct target_name *n = calloc(1, sizeof *n);

	if (!n)
		abort();
	n->balancer = b;
	n->host = slice_of(slice_strdup(host), host.len);
	atomic_fetch_add(&b->owner->unresolved, 1);
	map_set(&b->names, n->host, n);
	return n;
}

static void drop_unwanted(struct balancer *b)
{
	struct slice key;
	void *value;

	for (size_t at = 0; map_next(&b->names, &at, &key, &value);) {
		struct target_name *n = value;
		if (n->is_wanted)
			continue;
		map_remove(&b->names, n->host);
		name_free(n);
		at = 0;
	}
}

/* Asking comes last: answers may come from inside, and build views. */
static void ask_new(struct balancer *b)
{
	const struct upstream_def *def = b->hold->def;

	for (size_t i = 0; i < def->targets_count; i++) {
		struct target_name *n = map_get(&b->names, def->targets[i].host);
		if (n && !n->shown && !n->query && !n->coming)
			ask(n);
	}
}

void names_sync(struct balancer *b)
{
	const struct upstream_def *def = b->hold->def;
	struct slice key;
	void *value;

	for (size_t at = 0; map_next(&b->names, &at, &key, &value);)
		((struct target_name *)value)->is_wanted = false;
	for (size_t i = 0; b->owner->o.dns && i < def->targets_count; i++) {
		const struct target_def *t = &def->targets[i];
		if (t->is_address)
			continue;
		struct target_name *n = map_get(&b->names, t->host);
		if (!n)
			n = name_new(b, t->host);
		n->is_wanted = true;
	}
	drop_unwanted(b);
	ask_new(b);
}

void names_end(struct balancer *b)
{
	struct slice key;
	void *value;

	for (size_t at = 0; map_next(&b->names, &at, &key, &value);)
		name_free(value);
	map_fini(&b->names);
	b->names = (struct map){0};
}

static const struct answer *answer_of(struct balancer *b, const struct target_def *t)
{
	const struct target_name *n = map_get(&b->names, t->host);

	return n ? n->shown : NULL;
}

const struct dns_set *names_find(struct balancer *b, const struct target_def *t, bool *is_pending)
{
	const struct answer *a = answer_of(b, t);

	*is_pending = !a && map_get(&b->names, t->host);
	return a && a->status == DNS_FOUND ? &a->set : NULL;
}

const char *names_error(struct balancer *b, const struct target_def *t)
{
	const struct answer *a = answer_of(b, t);

	return a && a->status != DNS_FOUND ? a->error : NULL;
}

size_t names_endpoints(
        struct balancer *b, const struct target_def *t, size_t record, struct endpoint *out, size_t max)
{
	const struct answer *a = answer_of(b, t);
	size_t count = a && a->hosts ? a->hosts[record].count : 0;

	count = count > max ? max : count;
	if (count)
		memcpy(out, a->hosts[record].endpoints, sizeof *out * count);
	return count;
}
