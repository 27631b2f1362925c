/* expr_match: evaluates expressions. Called by rule_matches() for rules that have one, and for stream routes.
 *
 * Fields that a request does not have make a predicate false, whatever its operator. Headers and arguments may have
 * several values: all of them must satisfy a predicate, or with any() one. */
#include "dp/router/expr_match.h"

#include "common/http/uri.h"

struct evaluation {
	const struct pattern *const *patterns;
	struct search *search;
	struct slice prefix; /* of the last predicate on http.path that said yes */
	const struct pattern *pattern;
};

/* ---- strings ------------------------------------------------------------------------------------------------ */

static struct slice lower_case(struct arena *a, struct slice s)
{
	char *copy = arena_alloc(a, s.len);

	for (size_t i = 0; i < s.len; i++)
		copy[i] = (char)ascii_lower((unsigned char)s.ptr[i]);
	return slice_of(copy, s.len);
}

static bool is_within(struct slice whole, struct slice part)
{
	return part.len == 0 || (whole.len && memmem(whole.ptr, whole.len, part.ptr, part.len) != NULL);
}

static bool compare_strings(enum expr_op op, struct slice left, struct slice right)
{
	switch (op) {
	case EXPR_EQ: return slice_eq(left, right);
	case EXPR_NE: return !slice_eq(left, right);
	case EXPR_PREFIX: return slice_starts(left, right);
	case EXPR_SUFFIX: return slice_ends(left, right);
	case EXPR_CONTAINS: return is_within(left, right);
	default: return false;
	}
}

static void note_path(struct evaluation *x, const struct expr_predicate *p, struct slice hit)
{
	if (p->field != EXPR_PATH || p->op == EXPR_NE || p->op == EXPR_CONTAINS)
		return;
	x->prefix = p->op == EXPR_REGEX ? hit : slice_of(x->search->request->path.ptr, p->value.text.len);
	if (p->op == EXPR_REGEX)
		x->pattern = x->patterns[p->regex];
}

static bool test_string(struct evaluation *x, const struct expr_predicate *p, struct slice value)
{
	struct arena *a = x->search->scratch.arena;
	struct slice right = p->value.text, hit = {0};
	bool yes;

	if (p->lower || p->field == EXPR_HOST) /* hosts are compared without case (D-1) */
		value = lower_case(a, value);
	if (p->field == EXPR_HOST)
		right = lower_case(a, right);
	if (p->op == EXPR_REGEX)
		yes = pattern_match(x->patterns[p->regex], value, &x->search->scratch, &hit);
	else
		yes = compare_strings(p->op, value, right);
	if (yes)
		note_path(x, p, hit);
	return yes;
}

/* ---- fields of many values ---------------------------------------------------------------------------------- */

/* The verdict over several values, as they come. */
struct tally {
	bool any, some, all;
};

static void tally_value(struct tally *t, bool yes)
{
	t->some |= yes;
	t->all = t->any ? t->all && yes : yes;
	t->any = true;
}

static bool tally_says(const struct tally *t, const struct expr_predicate *p)
{
	return t->any && (p->any ? t->some : t->all);
}

/* "x-a" is http.headers.x_a. */
static bool is_named(struct slice header, struct slice name)
{
	if (header.len != name.len)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char h = ascii_lower((unsigned char)header.ptr[i]),
		              n = ascii_lower((unsigned char)name.ptr[i]);
		if ((h == '-' ? '_' : h) != (n == '-' ? '_' : n))
			return false;
	}
	return true;
}

static bool test_headers(struct evaluation *x, const struct expr_predicate *p)
{
	const struct search *s = x->search;
	struct tally t = {0};

	for (uint32_t i = 0; i < s->headers_count; i++) {
		const struct header *h = &s->request->head->headers[i];
		if (h->id != HEADER_HOST && is_named(h->name, p->name))
			tally_value(&t, test_string(x, p, h->value));
	}
	return tally_says(&t, p);
}

static bool test_queries(struct evaluation *x, const struct expr_predicate *p)
{
	struct search *s = x->search;
	struct slice rest = s->request->query;
	struct tally t = {0};

	for (uint32_t n = 0; slice_is_set(rest) && n < s->max_args;) {
		struct slice value = slice_cut(&rest, '&');
		if (value.len == 0)
			continue;
		n++;
		struct slice name = uri_decode(s->scratch.arena, slice_cut(&value, '='), true);
		if (slice_eq(name, p->name))
			tally_value(
			        &t, test_string(x, p,
			                    slice_is_set(value) ? uri_decode(s->scratch.arena, value, true) : S("")));
	}
	return tally_says(&t, p);
}

/* ---- segments ----------------------------------------------------------------------------------------------- */

/* Behind the first slash, and without the one at the end. */
static struct slice segments_of(struct slice path)
{
	struct slice rest = slice_from(path, 1);

	if (rest.len && rest.ptr[rest.len - 1] == '/')
		rest.len--;
	return rest;
}

static int64_t count_segments(struct slice path)
{
	struct slice rest = segments_of(path);
	int64_t n = rest.len > 0;

	for (size_t i = 0; i < rest.len; i++)
		n += rest.ptr[i] == '/';
	return n;
}

static bool find_segments(struct slice path, uint32_t first, uint32_t last, struct slice *out)
{
	struct slice all = segments_of(path), rest = all;

	if (count_segments(path) <= (int64_t)last)
		return false;
	for (uint32_t i = 0; i < first; i++)
		slice_cut(&rest, '/');
	const char *from = rest.ptr;
	struct slice end = {0};
	for (uint32_t i = first; i <= last; i++)
		end = slice_cut(&rest, '/');
	*out = slice_of(from, (size_t)(end.ptr + end.len - from));
	return true;
}

/* ---- numbers and addresses ---------------------------------------------------------------------------------- */

static bool test_number(const struct expr_predicate *p, int64_t left)
{
	int64_t right = p->value.number;

	switch (p->op) {
	case EXPR_EQ: return left == right;
	case EXPR_NE: return left != right;
	case EXPR_GE: return left >= right;
	case EXPR_GT: return left > right;
	case EXPR_LE: return left <= right;
	case EXPR_LT: return left < right;
	default: return false;
	}
}

static bool test_address(const struct expr_predicate *p, const struct ip *address)
{
	if (!address)
		return false;
	bool within = ip_range_has(&p->value.network, address);
	return p->op == EXPR_NE || p->op == EXPR_NOT_IN ? !within : within;
}

/* ---- the tree ----------------------------------------------------------------------------------------------- */

static bool test_sni(struct evaluation *x, const struct expr_predicate *p)
{
	struct slice sni = x->search->request->sni;

	return slice_is_set(sni) && sni.len && test_string(x, p, sni);
}

static bool test_predicate(struct evaluation *x, const struct expr_predicate *p)
{
	const struct router_request *q = x->search->request;
	struct slice part;

	switch (p->field) {
	case EXPR_NET_PROTOCOL: return test_string(x, p, q->scheme);
	case EXPR_TLS_SNI: return test_sni(x, p);
	case EXPR_METHOD: return test_string(x, p, q->method);
	case EXPR_HOST: return slice_is_set(q->host) && test_string(x, p, host_without_port(q->host, NULL));
	case EXPR_PATH: return test_string(x, p, q->path);
	case EXPR_SEGMENTS: return find_segments(q->path, p->first, p->last, &part) && test_string(x, p, part);
	case EXPR_SEGMENTS_LEN: return test_number(p, count_segments(q->path));
	case EXPR_HEADER: return test_headers(x, p);
	case EXPR_QUERY: return test_queries(x, p);
	case EXPR_SRC_IP: return test_address(p, q->source);
	case EXPR_SRC_PORT: return q->source && test_number(p, q->source_port);
	case EXPR_DST_IP: return test_address(p, q->destination);
	case EXPR_DST_PORT: break;
	}
	int port = q->listener_port;
	host_without_port(q->host, &port);
	return test_number(p, port);
}

static bool test_node(struct evaluation *x, const struct expr_node *n)
{
	switch (n->kind) {
	case EXPR_AND: return test_node(x, n->left) && test_node(x, n->right);
	case EXPR_OR: return test_node(x, n->left) || test_node(x, n->right);
	case EXPR_NOT: return !test_node(x, n->left);
	case EXPR_PREDICATE: break;
	}
	return test_predicate(x, &n->predicate);
}

bool expr_matches(const struct expr *tree, const struct pattern *const *patterns, struct search *s,
        struct slice *prefix, const struct pattern **pattern)
{
	struct evaluation x = {.patterns = patterns, .search = s};

	if (!test_node(&x, tree->root))
		return false;
	*prefix = x.prefix;
	*pattern = x.pattern;
	return true;
}

bool expr_rule_matches(
        const struct rule_expr *rule, struct search *s, struct slice *prefix, const struct pattern **pattern)
{
	return (s->tls ? rule->https : rule->http) &&
	       expr_matches(rule->tree, (const struct pattern *const *)rule->patterns, s, prefix, pattern);
}
