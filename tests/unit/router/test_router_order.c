/* router, against a model: the rules of 1.5, 1.6 and 1.7 written down once more in the plainest way (every route
 * tested, all that match sorted with a comparator), compared with the index over random sets of routes and requests.
 *
 * The model shares nothing with the router: POSIX regular expressions, own splitting of hosts, own arithmetic. */
#include <check.h>
#include <openssl/evp.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "dp/router/router.h"
#include "tests/support/routes.h"

enum { ROUTES_MAX = 160, SPLITS_MAX = ROUTES_MAX * 4, HEADERS_MAX = 6 };

/* ---- random numbers that are the same in every run ---------------------------------------------------------- */

static uint64_t state;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 11) % n;
}

static bool chance(unsigned percent)
{
	return below(100) < percent;
}

/* ---- the request, as the model sees it ---------------------------------------------------------------------- */

struct query {
	const char *method, *host, *path, *sni;
	bool tls;
	int port;
	struct {
		const char *name, *value;
	} headers[HEADERS_MAX];
	int headers_count;
};

struct split { /* one path, or one group of paths, of a route */
	const struct route *route;
	struct slice paths[8];
	size_t n;
	struct uuid id;
};

static struct arena arena;
static enum router_flavor flavor;
static enum router_calculation calculation;

static const char *text_of(struct slice s)
{
	return arena_cstr(&arena, s);
}

static const char *lower(const char *s)
{
	char *copy = arena_cstr(&arena, slice_cstr(s));

	for (char *c = copy; *c; c++)
		*c = (char)ascii_lower((unsigned char)*c);
	return copy;
}

static bool posix_match(const char *pattern, const char *subject, int flags)
{
	regex_t re;

	ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB | flags), 0);
	bool matches = regexec(&re, subject, 0, NULL, 0) == 0;
	regfree(&re);
	return matches;
}

static bool all_digits(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* ---- 1.5 ---------------------------------------------------------------------------------------------------- */

/* Name and name:port of a Host, as `traditional` splits it. */
static void split_host(const char *host, int default_port, const char **name, const char **with_port)
{
	const char *colon = strchr(host, ':'), *close = strchr(host, ']');
	bool bracket = host[0] == '[' && close && (close[1] == '\0' || close[1] == ':');

	*name = *with_port = host;
	if (bracket)
		colon = close[1] ? close + 1 : NULL;
	if (host[0] == '\0' || (host[0] == '[' && !bracket))
		return;
	if (colon && colon[1] && !all_digits(colon + 1))
		return;
	size_t len = colon ? (size_t)(colon - host) : strlen(host);
	const char *bare = text_of(slice_of(host, len));
	*name = bracket ? text_of(slice_of(host + 1, (size_t)(close - host) - 1)) : bare;
	if (!colon || !colon[1])
		*with_port = text_of(arena_printf(&arena, "%s:%d", bare, default_port));
}

/* "*.a.test" -> "^.+\.a\.test(:[0-9]+)?$" */
static const char *wildcard_regex(const char *value)
{
	struct text t = {0};

	text_putc(&t, '^');
	for (const char *c = value; *c; c++) {
		if (*c == '*')
			text_puts(&t, ".+");
		else
			text_printf(&t, *c == '.' ? "\\." : "%c", *c);
	}
	if (!strchr(value, ':'))
		text_puts(&t, "(:[0-9]+)?");
	text_putc(&t, '$');
	const char *re = text_of(text_slice(&t));
	text_fini(&t);
	return re;
}

static bool host_matches_traditional(const char *value, const struct query *q)
{
	const char *host = lower(q->host), *name, *with_port;

	split_host(host, q->tls ? 443 : 80, &name, &with_port);
	if (strchr(value, '*'))
		return posix_match(wildcard_regex(value), with_port, 0);
	return strcmp(value, host) == 0 || strcmp(value, name) == 0;
}

/* "a:80" -> "a" and 80; -1 without a port. */
static const char *cut_port(const char *host, int *port)
{
	const char *colon = strchr(host, ':');

	*port = -1;
	if (!colon || !all_digits(colon + 1))
		return host;
	*port = atoi(colon + 1);
	return text_of(slice_of(host, (size_t)(colon - host)));
}

static bool host_matches_compatible(const char *value, const struct query *q)
{
	int port, wanted;
	const char *name = cut_port(lower(q->host), &port);
	const char *pattern = cut_port(value, &wanted);
	size_t len = strlen(pattern), n = strlen(name);

	if (port < 0)
		port = q->port;
	if (wanted >= 0 && wanted != port)
		return false;
	if (pattern[0] == '*')
		return n >= len - 1 && strcmp(name + n - (len - 1), pattern + 1) == 0;
	if (pattern[len - 1] == '*')
		return strncmp(name, pattern, len - 1) == 0;
	return strcmp(name, pattern) == 0;
}

static bool host_matches(const struct route *r, const struct query *q)
{
	for (size_t i = 0; i < r->hosts.len; i++) {
		const char *value = lower(text_of(r->hosts.items[i]));
		if (flavor == ROUTER_TRADITIONAL ? host_matches_traditional(value, q)
		                                 : host_matches_compatible(value, q))
			return true;
	}
	return r->hosts.len == 0;
}

static bool path_matches(struct slice path, const struct query *q)
{
	const char *text = text_of(path);

	if (text[0] != '~')
		return strncmp(q->path, text, strlen(text)) == 0;
	const char *form = flavor == ROUTER_TRADITIONAL ? "^(%s)" : "^%s";
	char pattern[128];
	snprintf(pattern, sizeof pattern, form, text + 1);
	return posix_match(pattern, q->path, 0);
}

static bool paths_match(const struct split *s, const struct query *q)
{
	for (size_t i = 0; i < s->n; i++)
		if (path_matches(s->paths[i], q))
			return true;
	return s->n == 0;
}

static bool names_equal(const char *route, const char *request)
{
	for (; *route && *request; route++, request++) {
		char a = (char)ascii_lower((unsigned char)*route), b = (char)ascii_lower((unsigned char)*request);
		if (flavor != ROUTER_TRADITIONAL)
			a = a == '_' ? '-' : a, b = b == '_' ? '-' : b;
		if (a != b)
			return false;
	}
	return *route == *request;
}

static bool value_equals(const struct slice_list *values, size_t i, const char *value)
{
	const char *wanted = text_of(values->items[i]);

	if (strncmp(wanted, "~*", 2) != 0 || (flavor == ROUTER_TRADITIONAL && values->len > 1))
		return strcmp(lower(wanted), lower(value)) == 0;
	if (flavor == ROUTER_TRADITIONAL)
		return posix_match(wanted + 2, lower(value), 0);
	return posix_match(wanted + 2, value, REG_ICASE);
}

static bool header_matches(const struct list_pair *h, const struct query *q)
{
	for (int f = 0; f < q->headers_count; f++)
		for (size_t i = 0; i < h->values.len; i++)
			if (names_equal(text_of(h->key), q->headers[f].name) &&
			        value_equals(&h->values, i, q->headers[f].value))
				return true;
	return false;
}

static bool headers_match(const struct route *r, const struct query *q)
{
	for (size_t i = 0; i < r->headers.len; i++)
		if (!header_matches(&r->headers.items[i], q))
			return false;
	return true;
}

static bool method_matches(const struct route *r, const struct query *q)
{
	for (size_t i = 0; i < r->methods.len; i++)
		if (strcmp(text_of(r->methods.items[i]), q->method) == 0)
			return true;
	return r->methods.len == 0;
}

static bool sni_matches(const struct route *r, const struct query *q)
{
	for (size_t i = 0; i < r->snis.len; i++) {
		const char *sni = text_of(r->snis.items[i]);
		size_t len = strlen(sni), n = strlen(q->sni);
		if (!q->tls || strcmp(sni, q->sni) == 0)
			return true;
		if (flavor == ROUTER_TRADITIONAL)
			continue;
		if (sni[0] == '*' && n >= len - 1 && strcmp(q->sni + n - (len - 1), sni + 1) == 0)
			return true;
		if (sni[len - 1] == '*' && strncmp(q->sni, sni, len - 1) == 0)
			return true;
	}
	return r->snis.len == 0;
}

static bool split_matches(const struct split *s, const struct query *q)
{
	return host_matches(s->route, q) && paths_match(s, q) && headers_match(s->route, q) &&
	       method_matches(s->route, q) && sni_matches(s->route, q);
}

/* ---- 1.6 ---------------------------------------------------------------------------------------------------- */

static bool is_regex(const struct split *s)
{
	return s->n && s->paths[0].ptr[0] == '~';
}

static int category(const struct route *r)
{
	return (r->hosts.len ? 64 : 0) + (r->headers.len ? 32 : 0) + (r->paths.len ? 16 : 0) +
	       (r->methods.len ? 8 : 0) + (r->snis.len ? 4 : 0);
}

static int weight(int category_bits)
{
	int n = 0;

	for (; category_bits; category_bits /= 2)
		n += category_bits % 2;
	return n;
}

static bool any_host_has(const struct route *r, const char *first, const char *second)
{
	for (size_t i = 0; i < r->hosts.len; i++)
		if (strstr(text_of(r->hosts.items[i]), first) && strstr(text_of(r->hosts.items[i]), second))
			return true;
	return false;
}

static int submatch(const struct split *s)
{
	const struct route *r = s->route;

	return (any_host_has(r, "*", ":") ? 4 : 0) + (r->hosts.len && !any_host_has(r, "*", "") ? 2 : 0) +
	       (is_regex(s) ? 1 : 0);
}

static bool has_literally(const struct route *r, const char *host)
{
	for (size_t i = 0; i < r->hosts.len; i++)
		if (!strchr(text_of(r->hosts.items[i]), '*') &&
		        strcmp(lower(text_of(r->hosts.items[i])), lower(host)) == 0)
			return true;
	return false;
}

#define DESCENDING(x, y)                  \
	do {                              \
		if ((x) != (y))           \
			return (x) > (y); \
	} while (0)

static bool before_traditional(const struct split *a, const struct split *b, const struct query *q)
{
	const struct route *x = a->route, *y = b->route;

	DESCENDING(weight(category(x)), weight(category(y)));
	DESCENDING(category(x), category(y));
	DESCENDING(has_literally(x, q->host), has_literally(y, q->host));
	DESCENDING(submatch(a), submatch(b));
	DESCENDING(x->headers.len, y->headers.len);
	if (is_regex(a) && is_regex(b))
		DESCENDING(x->regex_priority, y->regex_priority);
	DESCENDING(is_regex(a) || !a->n ? 0 : a->paths[0].len, is_regex(b) || !b->n ? 0 : b->paths[0].len);
	DESCENDING(y->created_at, x->created_at);
	return memcmp(x->id.bytes, y->id.bytes, 16) < 0;
}

/* Step 4 (a): the category to start at; 0: the first. */
static int entry_category(const struct split *splits, size_t n, const struct query *q)
{
	int hit = 0;

	for (size_t i = 0; i < n; i++) {
		const struct route *r = splits[i].route;
		if (r->hosts.len && host_matches(r, q))
			hit |= 64;
		if (splits[i].n && paths_match(&splits[i], q))
			hit |= 16;
		if (r->methods.len && method_matches(r, q))
			hit |= 8;
		if (q->tls && r->snis.len && sni_matches(r, q))
			hit |= 4;
		for (size_t h = 0; h < r->headers.len; h++)
			for (int f = 0; f < q->headers_count; f++)
				if (names_equal(text_of(r->headers.items[h].key), q->headers[f].name))
					hit |= 32;
	}
	for (size_t i = 0; i < n; i++)
		if (category(splits[i].route) == hit)
			return hit;
	return 0;
}

static bool is_before_category(const struct route *r, int entry)
{
	int mine = category(r);

	return weight(mine) > weight(entry) || (weight(mine) == weight(entry) && mine > entry);
}

/* ---- 1.7 ---------------------------------------------------------------------------------------------------- */

static int64_t wrap32(int64_t v)
{
	v &= 0xffffffff;
	return v >= INT64_C(0x80000000) ? v - INT64_C(0x100000000) : v;
}

static uint64_t widened(int64_t v)
{
	return v < 0 ? UINT64_C(1) << 63 : (uint64_t)v;
}

static uint64_t priority(const struct split *s)
{
	const struct route *r = s->route;
	int64_t kinds = weight(category(r)), headers = r->headers.len < 255 ? (int64_t)r->headers.len : 255;
	bool plain = r->hosts.len && !any_host_has(r, "*", "");
	int64_t length = is_regex(s) || !s->n ? 0 : (int64_t)(s->paths[0].len % 524288);
	int64_t regex = is_regex(s) ? r->regex_priority : 0;
	uint64_t flags = (plain ? UINT64_C(1) << 60 : 0) + (is_regex(s) ? UINT64_C(1) << 51 : 0);

	if (calculation == ROUTER_STRICT) {
		uint64_t offset = is_regex(s) ? (uint64_t)(regex + INT64_C(0x80000000)) : 0;
		return ((uint64_t)kinds << 61) + flags + ((uint64_t)headers << 52) + (offset << 19) +
		       (uint64_t)length;
	}
	int64_t a = wrap32(kinds * 0x20000000), b = wrap32(headers * 0x100000), c = wrap32(regex * 0x80000);
	if (!flags)
		return widened(wrap32(a | b | c | length));
	return flags | widened(a) | widened(b) | widened(c) | (uint64_t)length;
}

static bool before_compatible(const struct split *a, const struct split *b)
{
	uint64_t x = priority(a), y = priority(b);

	DESCENDING(x, y);
	return memcmp(a->id.bytes, b->id.bytes, 16) > 0;
}

/* ---- splitting ---------------------------------------------------------------------------------------------- */

static struct uuid name_based(const struct uuid *route, int number)
{
	struct uuid space, id;
	unsigned char input[16 + 64], digest[EVP_MAX_MD_SIZE];
	char text[UUID_TEXT + 1];

	uuid_parse(S("7f145bf9-0dce-4f91-98eb-debbce4b9f6b"), &space);
	memcpy(input, space.bytes, 16);
	uuid_format(route, text);
	int len = snprintf((char *)input + 16, 64, "%s#%d", text, number);
	EVP_Digest(input, 16 + (size_t)len, digest, NULL, EVP_sha1(), NULL);
	memcpy(id.bytes, digest, 16);
	id.bytes[6] = (id.bytes[6] & 0x0f) | 0x50;
	id.bytes[8] = (id.bytes[8] & 0x3f) | 0x80;
	return id;
}

static size_t group_size(struct slice path)
{
	return path.ptr[0] == '~' ? 0 : path.len;
}

static size_t split_route(const struct route *r, struct split *out)
{
	size_t n = 0;

	if (r->paths.len == 0)
		out[n++] = (struct split){.route = r, .id = r->id};
	for (size_t i = 0; i < r->paths.len; i++) {
		struct split *s = NULL;
		for (size_t k = 0; k < n && flavor != ROUTER_TRADITIONAL; k++)
			if (group_size(out[k].paths[0]) == group_size(r->paths.items[i]))
				s = &out[k];
		if (!s) {
			s = &out[n++];
			*s = (struct split){.route = r, .id = r->id};
		}
		s->paths[s->n++] = r->paths.items[i];
	}
	for (size_t k = 0; n > 1 && flavor != ROUTER_TRADITIONAL && k < n; k++)
		out[k].id = name_based(&r->id, (int)k + 1);
	return n;
}

static const struct route *model(const struct split *splits, size_t n, const struct query *q)
{
	const struct split *best = NULL;
	int entry = flavor == ROUTER_TRADITIONAL ? entry_category(splits, n, q) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct split *s = &splits[i];
		if ((entry && is_before_category(s->route, entry)) || !split_matches(s, q))
			continue;
		if (!best ||
		        (flavor == ROUTER_TRADITIONAL ? before_traditional(s, best, q) : before_compatible(s, best)))
			best = s;
	}
	return best ? best->route : NULL;
}

/* ---- random routes and requests ----------------------------------------------------------------------------- */

#define PICK(...) \
	((const char *const[]){__VA_ARGS__})[below(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))]

static const char *some_host_value(void)
{
	return PICK("a.h.test", "*.h.test", "a.h.*", "other.test", "a.h.test:8000", "*.h.test:8000", "*.test",
	        "A.H.Test", "*.h.test:80", "x.test:443", "h.test", "::11", "[::31]:321", "*.b.h.test", "h.*", "*",
	        "a.h.test:80");
}

static const char *some_path(void)
{
	return PICK("/", "/v", "/v1", "/v1/x", "~/v", "~/v1", "~/v[0-9]", "~/.*", "/zzz", "~/v1/x$", "~/a|/v1",
	        "/v1/x/y", "/V1", "~/v1?/", "~/(v|w)1", "/v2", "/v1/");
}

static void put_list(struct text *t, const char *name, const char *(*some)(void), unsigned most)
{
	text_printf(t, " %s=%s", name, some());
	for (unsigned i = below(most); i > 0; i--)
		text_printf(t, ",%s", some());
}

static const char *some_method(void)
{
	return PICK("GET", "POST", "PUT");
}

static const char *some_sni(void)
{
	return PICK("a.h.test", "b.test", "*.test", "a.*");
}

static const char *some_header_value(void)
{
	return PICK("1", "2", "3", "X", "~*^1", "~*x", "~*^[0-9]$");
}

static struct route *try_route(unsigned number, bool is_crowded)
{
	struct text t = {0};

	text_printf(&t, "id=%u created=%u", below(90000000) + 1, chance(70) ? 1000 + number : 1000);
	if (chance(is_crowded ? 30 : 45))
		put_list(&t, "hosts", some_host_value, 3);
	if (chance(60))
		put_list(&t, "paths", some_path, 4);
	if (chance(35))
		put_list(&t, "methods", some_method, 2);
	for (unsigned i = below(100); i < 45; i += 20)
		put_list(&t, PICK("header.a", "header.b", "header.c", "header.x-y", "header.x_y"), some_header_value,
		        3);
	if (chance(20))
		put_list(&t, "snis", some_sni, 2);
	if (chance(40))
		text_printf(&t, " priority=%s",
		        PICK("1", "2", "5", "100", "1023", "1024", "2048", "4095", "4096", "5000", "8192", "-1",
		                "-7"));
	if (is_crowded && chance(40)) /* many that differ by one value only */
		text_printf(&t, " header.tenant=t%u", number);
	struct route *r = route_of(&arena, text_cstr(&t), number);
	text_fini(&t);
	return category(r) ? r : NULL;
}

static struct route *some_route(unsigned number, bool is_crowded)
{
	struct route *r = NULL;

	while (!r)
		r = try_route(number, is_crowded);
	return r;
}

static struct query some_query(unsigned routes)
{
	struct query q = {.method = PICK("GET", "POST", "PATCH"),
	        .host = PICK("a.h.test", "a.h.test:8000", "A.h.test", "b.h.test", "b.h.test:80", "x.b.h.test",
	                "h.test", "other.test:1", "a.h.", "::11", "[::11]:9", "[::31]:321", "[::31]",
	                "h.test:", "a.h.test:", "a:b.h.test:80", ".h.test", "h.test:x", "x.test", "x.test:443", "",
	                "a.h.test:443", ".test", "h."),
	        .path = PICK("/v1/x", "/v1/x/y", "/v1", "/", "/a", "/v", "/w1/q", "/V1/x", "/b/v1", "/v2/zz"),
	        .sni = PICK("a.h.test", "b.test", "c.test", "a.org", ""),
	        .tls = chance(40)};

	q.port = q.tls ? 8443 : 8000;
	while (chance(65) && q.headers_count < HEADERS_MAX) {
		int i = q.headers_count++;
		q.headers[i].name = PICK("a", "B", "c", "X-Y", "x_y", "other");
		q.headers[i].value = PICK("1", "2", "3", "x", "X", "4");
	}
	if (chance(50) && q.headers_count < HEADERS_MAX) {
		q.headers[q.headers_count].name = "Tenant";
		q.headers[q.headers_count++].value = text_of(arena_printf(&arena, "T%u", below(routes) + 1));
	}
	return q;
}

/* ---- the comparison ----------------------------------------------------------------------------------------- */

static const struct route *index_answer(const struct router *router, const struct query *q)
{
	struct header headers[HEADERS_MAX];
	struct head head = {.headers = headers, .count = (uint32_t)q->headers_count};
	struct router_request request = {.method = slice_cstr(q->method),
	        .host = slice_cstr(q->host),
	        .path = slice_cstr(q->path),
	        .scheme = slice_cstr(q->tls ? "https" : "http"),
	        .sni = slice_cstr(q->sni),
	        .listener_port = q->port,
	        .head = &head,
	        .arena = &arena};
	struct router_match match;

	for (int i = 0; i < q->headers_count; i++)
		headers[i] = (struct header){
		        slice_cstr(q->headers[i].name), slice_cstr(q->headers[i].value), HEADER_OTHER};
	return router_match(router, &request, &match) ? match.route : NULL;
}

static unsigned compare_one_set(unsigned routes, unsigned queries)
{
	static struct split splits[SPLITS_MAX];
	struct router_entry entries[ROUTES_MAX];
	struct router_options options = {.flavor = flavor, .calculation = calculation};
	struct text problems = {0};
	size_t n = 0;
	unsigned matched = 0;

	for (unsigned i = 0; i < routes; i++) {
		struct route *r = some_route(i + 1, routes > 20);
		entries[i] = (struct router_entry){r, r};
		n += split_route(r, splits + n);
	}
	struct router *router = router_build(entries, routes, &options, &problems);
	ck_assert_str_eq(text_cstr(&problems), "");
	for (unsigned i = 0; i < queries; i++) {
		uint64_t seed = state;
		struct query q = some_query(routes);
		const struct route *want = model(splits, n, &q), *got = index_answer(router, &q);
		matched += want != NULL;
		ck_assert_msg(got == want, "flavour %d/%d: %s %s host %s tls %d: %d instead of %d (seed %llu)",
		        flavor, calculation, q.method, q.path, q.host, q.tls, got ? (int)got->updated_at - 1000 : 0,
		        want ? (int)want->updated_at - 1000 : 0, (unsigned long long)seed);
	}
	router_free(router);
	text_fini(&problems);
	return matched;
}

static void compare(uint64_t seed, unsigned sets, unsigned most_routes, unsigned queries)
{
	unsigned matched = 0;

	state = seed * 0x9e3779b97f4a7c15;
	for (unsigned i = 0; i < sets; i++) {
		arena_init(&arena);
		matched += compare_one_set(1 + below(most_routes), queries);
		arena_fini(&arena);
	}
	ck_assert_uint_gt(matched, sets * queries / 4); /* they are not all misses */
}

static void compare_flavor(enum router_flavor f, enum router_calculation c)
{
	const char *seed = getenv("ROUTER_SEED");
	uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;

	flavor = f;
	calculation = c;
	compare(first, 300, 6, 20);
	compare(first + 1, 12, ROUTES_MAX, 60);
}

START_TEST(traditional_is_the_sorted_scan_of_1_6)
{
	compare_flavor(ROUTER_TRADITIONAL, ROUTER_ORIGINAL);
}
END_TEST

START_TEST(compatible_original_is_the_number_of_1_7)
{
	compare_flavor(ROUTER_TRADITIONAL_COMPATIBLE, ROUTER_ORIGINAL);
}
END_TEST

START_TEST(compatible_strict_is_the_number_of_1_7)
{
	compare_flavor(ROUTER_TRADITIONAL_COMPATIBLE, ROUTER_STRICT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("router order");
	TCase *c = tcase_create("index and model agree");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, traditional_is_the_sorted_scan_of_1_6);
	tcase_add_test(c, compatible_original_is_the_number_of_1_7);
	tcase_add_test(c, compatible_strict_is_the_number_of_1_7);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
