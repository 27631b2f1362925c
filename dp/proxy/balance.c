/* balance: what a request asks the balancer (which address, for what hash), and tells it (what became of the try, and
 * that it is over). Requests to plain hosts pass through here and do nothing. */
#include "dp/proxy/request.h"

#include <stdlib.h>

#include "common/core/uuid.h"

enum { ARGS_MAX = 100 };

/* ---- what is hashed (proxy.md 5.5); unset: the request does not have it ---------------------------------------- */

static struct slice hash_consumer(struct request *r)
{
	if (r->x.consumer)
		return arena_uuid(r->x.arena, &r->x.consumer->id);
	return r->x.has_credential ? arena_uuid(r->x.arena, &r->x.credential_id) : (struct slice){0};
}

static struct slice hash_header(struct request *r, struct slice name)
{
	const struct head *in = r->x.request;
	struct slice all = {0};
	for (uint32_t i = 0; i < in->count; i++) {
		const struct header *h = &in->headers[i];
		if (!slice_ieq(h->name, name))
			continue;
		all = slice_is_set(all) ? ARENA_JOIN(r->x.arena, all, S(", "), h->value) : h->value;
	}
	return all;
}

/* Who has none gets one with the answer; a retry finds it again. */
static struct slice hash_cookie(struct request *r, const struct upstream *u, struct slice name)
{
	struct slice value = head_cookie(r->x.request, name);
	if (slice_is_set(value))
		return value;
	if (!slice_is_set(r->hash_cookie)) {
		struct uuid id = uuid_v4();
		r->hash_cookie_name = name;
		r->hash_cookie = ARENA_JOIN(r->x.arena, name, S("="), arena_uuid(r->x.arena, &id), S("; Path="),
		        u->hash_on_cookie_path, S("; SameSite=Lax; HttpOnly"));
	}
	return slice_of(r->hash_cookie.ptr + name.len + 1, UUID_TEXT);
}

static int by_bytes(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static struct slice hash_query_arg(struct request *r, struct slice wanted)
{
	struct slice values[ARGS_MAX], name, value, rest = r->x.query, all = {0};
	size_t n = 0;
	while (n < ARGS_MAX && query_next(&rest, &name, &value)) {
		if (!slice_eq(uri_decode(r->x.arena, name, true), wanted))
			continue;
		values[n++] = slice_is_set(value) ? uri_decode(r->x.arena, value, true) : S("true");
	}
	qsort(values, n, sizeof *values, by_bytes);
	for (size_t i = 0; i < n; i++)
		all = i ? ARENA_JOIN(r->x.arena, all, S(","), values[i]) : values[i];
	return all;
}

static struct slice hash_capture(const struct request *r, struct slice name)
{
	for (size_t i = 0; i < r->x.captures_count; i++)
		if (slice_eq(r->x.captures[i].key, name))
			return r->x.captures[i].value;
	return (struct slice){0};
}

static struct slice hash_value(struct request *r, const struct upstream *u, const struct hash_input *in)
{
	switch (in->kind) {
	case HASH_NONE: break;
	case HASH_CONSUMER: return hash_consumer(r);
	case HASH_IP: return r->x.client_ip;
	case HASH_HEADER: return hash_header(r, in->name);
	case HASH_COOKIE: return hash_cookie(r, u, in->name);
	case HASH_PATH: return uri_decode(r->x.arena, r->x.path, false);
	case HASH_QUERY_ARG: return hash_query_arg(r, in->name);
	case HASH_URI_CAPTURE: return hash_capture(r, in->name);
	}
	return (struct slice){0};
}

static uint32_t hash_of(struct request *r, const struct upstream_def *u)
{
	struct slice value = hash_value(r, u->upstream, &u->hash_on);
	if (!slice_is_set(value))
		value = hash_value(r, u->upstream, &u->hash_fallback);
	return balancer_hash(slice_is_set(value) ? value : S(""));
}

void balance_add_cookie(struct request *r, struct head *out)
{
	if (!slice_is_set(r->hash_cookie))
		return;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < out->count; i++) { /* an upstream's of the same name gives way */
		const struct header *h = &out->headers[i];
		struct slice value = h->value, name = slice_cut(&value, '=');
		if (h->id != HEADER_SET_COOKIE || !slice_eq(slice_trim(name), r->hash_cookie_name))
			out->headers[kept++] = *h;
	}
	out->count = kept;
	head_add_id(out, HEADER_SET_COOKIE, r->hash_cookie);
}

/* ---- choosing -------------------------------------------------------------------------------------------------- */

static void pick_again(void *arg)
{
	request_wake(arg);
}

enum balancer_answer balance_pick(struct request *r, const struct destination *to, const struct upstream_def *u)
{
	r->query.tls = to->tls;
	if (r->pick.peer) /* of the try before */
		pick_failed(&r->pick, &r->query, r->x.arena);
	if (u && u->balance == BALANCE_HASH)
		r->query.hash = hash_of(r, u);
	enum balancer_answer answer = pick_next(to, u, &r->query, &r->pick);
	if (answer == BALANCER_PENDING)
		return pick_wait(&r->pick_wait, r->proxy->loop, pick_again, r) ? BALANCER_PENDING : BALANCER_NONE;
	pick_keep(&r->pick, r->x.arena);
	return answer;
}

/* ---- telling (proxy.md 6.3) ------------------------------------------------------------------------------------ */

/* What is no HTTP counts as a status 502, not as a failed connection (3.2). */
void balance_failed(struct request *r, enum client_failure why)
{
	if (!r->pick.peer)
		return;
	if (why == CLIENT_INVALID)
		peer_report_status(r->pick.peer, 502);
	else
		peer_report_failure(r->pick.peer, why == CLIENT_TIMEOUT);
}

void balance_answered(struct request *r, int status)
{
	if (!r->pick.peer)
		return;
	if (status == 504)
		peer_report_failure(r->pick.peer, true);
	else
		peer_report_status(r->pick.peer, status);
}

void balance_end(struct request *r)
{
	if (!r->pick.peer)
		return;
	if (r->x.from_upstream)
		peer_measured(r->pick.peer, clock_mono_ns() - r->picked_ns);
	peer_release(r->pick.peer);
	r->pick.peer = NULL;
}
