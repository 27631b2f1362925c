/* order: see order.h. */
#include "dp/router/order.h"

#include <endian.h>
#include <openssl/sha.h>
#include <stdio.h>

unsigned order_kinds(const struct route *r)
{
	return (r->hosts.len ? KIND_HOST : 0) | (r->headers.len ? KIND_HEADER : 0) | (r->paths.len ? KIND_PATH : 0) |
	       (r->methods.len ? KIND_METHOD : 0) | (r->snis.len ? KIND_SNI : 0);
}

unsigned order_category(unsigned kinds)
{
	return (unsigned)__builtin_popcount(kinds) << 7 | kinds;
}

static bool is_wildcard(struct slice host)
{
	return slice_find(host, '*') >= 0;
}

static bool has_plain_hosts_only(const struct route *r)
{
	for (size_t i = 0; i < r->hosts.len; i++)
		if (is_wildcard(r->hosts.items[i]))
			return false;
	return r->hosts.len > 0;
}

static bool has_wildcard_with_port(const struct route *r)
{
	for (size_t i = 0; i < r->hosts.len; i++)
		if (is_wildcard(r->hosts.items[i]) && slice_find(r->hosts.items[i], ':') >= 0)
			return true;
	return false;
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
	return value < limit ? value : limit;
}

/* Negative priorities sort below 0. */
static uint32_t biased_priority(int64_t regex_priority)
{
	if (regex_priority < INT32_MIN)
		return 0;
	if (regex_priority > INT32_MAX)
		return UINT32_MAX;
	return (uint32_t)(regex_priority - INT32_MIN);
}

static void set_id(struct order_key *k, const struct uuid *id, uint64_t flip)
{
	uint64_t half[2];

	memcpy(half, id->bytes, sizeof half);
	k->id_high = be64toh(half[0]) ^ flip;
	k->id_low = be64toh(half[1]) ^ flip;
}

/* category, submatch number, headers, regex_priority, path length, age, id ascending. */
struct order_key order_traditional(const struct order_subject *s)
{
	const uint64_t latest = (UINT64_C(1) << 40) - 1;
	const struct route *r = s->route;
	uint64_t created = r->created_at > 0 ? at_most((uint64_t)r->created_at, latest) : 0;
	uint64_t submatch = (has_wildcard_with_port(r) ? 4 : 0) + (has_plain_hosts_only(r) ? 2 : 0) + s->is_regex;
	struct order_key k;

	k.high = (uint64_t)order_category(s->kinds) << 54 | submatch << 51 | at_most(r->headers.len, 0xffff) << 35 |
	         (s->is_regex ? (uint64_t)biased_priority(r->regex_priority) << 3 : 0);
	k.low = at_most(s->path_length, 0xffffff) << 40 | (latest - created);
	set_id(&k, &s->id, UINT64_MAX);
	return k;
}

/* A 32-bit field of the released calculation, widened as has it: negative becomes 2^63. */
static uint64_t widen(uint32_t v)
{
	return (int32_t)v < 0 ? UINT64_C(1) << 63 : v;
}

static uint64_t original_number(uint64_t flags, uint32_t kinds, uint32_t headers, uint32_t priority, uint32_t length)
{
	uint32_t a = kinds << 29, b = headers << 20, c = priority << 19;

	if (flags == 0)
		return widen(a | b | c | length);
	return flags | widen(a) | widen(b) | widen(c) | length;
}

/* one number, then the greatest id. */
struct order_key order_compatible(const struct order_subject *s, enum router_calculation calculation)
{
	const struct route *r = s->route;
	uint64_t flags = (uint64_t)has_plain_hosts_only(r) << 60 | (uint64_t)s->is_regex << 51;
	uint32_t kinds = (uint32_t)__builtin_popcount(s->kinds), headers = (uint32_t)at_most(r->headers.len, 255);
	uint32_t length = (uint32_t)(s->path_length & 0x7ffff);
	struct order_key k = {0};

	if (calculation == ROUTER_STRICT)
		k.high = flags | (uint64_t)kinds << 61 | (uint64_t)headers << 52 |
		         (s->is_regex ? (uint64_t)biased_priority(r->regex_priority) << 19 : 0) | length;
	else
		k.high = original_number(
		        flags, kinds, headers, s->is_regex ? (uint32_t)r->regex_priority : 0, length);
	set_id(&k, &s->id, 0);
	return k;
}

struct order_key order_expression(const struct route *r)
{
	struct order_key k = {.high = UINT64_C(0xff) << 56 | (uint64_t)r->priority};

	set_id(&k, &r->id, 0);
	return k;
}

struct uuid order_derived_id(const struct uuid *route, unsigned n)
{
	static const unsigned char name_space[16] = {
	        0x7f, 0x14, 0x5b, 0xf9, 0x0d, 0xce, 0x4f, 0x91, 0x98, 0xeb, 0xde, 0xbb, 0xce, 0x4b, 0x9f, 0x6b};
	char text[UUID_TEXT + 1], input[sizeof name_space + UUID_TEXT + 16];
	unsigned char digest[SHA_DIGEST_LENGTH];
	struct uuid id;

	uuid_format(route, text);
	memcpy(input, name_space, sizeof name_space);
	int len = snprintf(input + sizeof name_space, sizeof input - sizeof name_space, "%s#%u", text, n);
	SHA1((const unsigned char *)input, sizeof name_space + (size_t)len, digest);
	memcpy(id.bytes, digest, sizeof id.bytes);
	id.bytes[6] = (unsigned char)((id.bytes[6] & 0x0f) | 0x50);
	id.bytes[8] = (unsigned char)((id.bytes[8] & 0x3f) | 0x80);
	return id;
}
