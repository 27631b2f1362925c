/* candidates: see candidates.h.
 *
 * With many rules each is filed under the values of one of its tests: the test whose values are shared with the
 * fewest others. The table knows hashes only; that a value is really equal is for rule_matches() to say. */
#include "dp/router/candidates.h"

#include <stdlib.h>

enum { FEW = 16 };

struct keyed_slot {
	uint32_t hash, start, count; /* count 0: free */
};

struct keyed {
	struct keyed_slot *slots;
	uint32_t mask;
	struct rule **rules;  /* the slots' lists, each in order */
	struct rule **by_sni; /* those filed under an SNI: on plaintext any SNI matches */
	uint32_t by_sni_count;
	bool has_methods;
	uint64_t name_lengths; /* bit (length mod 64) of the header names in use */
};

/* ---- searching ---------------------------------------------------------------------------------------------- */

static bool comes_before_best(const struct rule *r, bool literal, const struct search *s)
{
	if (!s->best)
		return true;
	if (literal != s->best_literal && r->category == s->best->category)
		return literal;
	return order_before(&r->key, &s->best->key);
}

static void search_list(struct rule *const *rules, uint32_t n, struct search *s, bool literal)
{
	struct slice prefix;
	const struct pattern *pattern;

	for (uint32_t i = 0; i < n; i++) {
		const struct rule *r = rules[i];
		if (!comes_before_best(r, literal, s))
			return;
		if (r->category > s->ceiling || !rule_matches(r, s, &prefix, &pattern))
			continue;
		s->best = r;
		s->best_literal = literal;
		s->best_prefix = prefix;
		s->best_pattern = pattern;
		return;
	}
}

static uint32_t hash_bytes(uint32_t h, struct slice s, bool fold)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = ascii_lower((unsigned char)s.ptr[i]);
		h = (h ^ (fold && c == '_' ? '-' : c)) * 16777619u;
	}
	return h ^ h >> 15;
}

static uint32_t hash_method(struct slice method)
{
	return hash_bytes(0x6d65u, method, false);
}

static uint32_t hash_sni(struct slice sni)
{
	return hash_bytes(0x736eu, sni, false);
}

static uint32_t hash_header(struct slice name, struct slice value, bool compatible)
{
	return hash_bytes(hash_bytes(0x6865u, name, compatible) * 31, value, false);
}

static void search_key(const struct keyed *k, uint32_t hash, struct search *s, bool literal)
{
	for (uint32_t at = hash & k->mask; k->slots[at].count; at = (at + 1) & k->mask) {
		if (k->slots[at].hash == hash) {
			search_list(k->rules + k->slots[at].start, k->slots[at].count, s, literal);
			return;
		}
	}
}

static void search_keyed(const struct keyed *k, struct search *s, bool literal)
{
	const struct router_request *q = s->request;

	if (k->has_methods)
		search_key(k, hash_method(q->method), s, literal);
	if (k->by_sni_count && s->tls)
		search_key(k, hash_sni(q->sni), s, literal);
	else
		search_list(k->by_sni, k->by_sni_count, s, literal);
	for (uint32_t i = 0; k->name_lengths && i < s->headers_count; i++) {
		const struct header *h = &q->head->headers[i];
		if (k->name_lengths >> (h->name.len & 63) & 1)
			search_key(k, hash_header(h->name, h->value, s->compatible), s, literal);
	}
}

void candidates_search(const struct candidates *c, struct search *s, bool literal)
{
	search_list(c->rules, c->count, s, literal);
	if (c->keyed)
		search_keyed(c->keyed, s, literal);
}

/* ---- building ----------------------------------------------------------------------------------------------- */

/* The ways in which a rule can be filed: by methods, by SNIs, by its n-th header. */
enum { BY_METHOD, BY_SNI, BY_HEADER };

static uint32_t ways(const struct rule *r)
{
	return BY_HEADER + r->tests->headers_count;
}

/* How many values a rule would be filed under; 0: this way is not open. */
static uint32_t way_size(const struct rule *r, uint32_t way)
{
	const struct rule_tests *t = r->tests;

	if (way == BY_METHOD)
		return t->methods_count;
	if (way >= BY_HEADER)
		return t->headers[way - BY_HEADER].patterns_count ? 0 : t->headers[way - BY_HEADER].values_count;
	for (uint32_t i = 0; i < t->snis_count; i++)
		if (t->snis[i].how != SNI_EXACT)
			return 0;
	return t->snis_count;
}

static uint32_t way_hash(const struct rule *r, uint32_t way, uint32_t i, bool compatible)
{
	const struct rule_tests *t = r->tests;

	if (way == BY_METHOD)
		return hash_method(t->methods[i]);
	if (way == BY_SNI)
		return hash_sni(t->snis[i].text);
	return hash_header(t->headers[way - BY_HEADER].name, t->headers[way - BY_HEADER].values[i], compatible);
}

/* Temporary: how many rules could be filed under a hash. Laid out as the final table, with counts only. */
struct filing {
	struct keyed_slot *counts;
	uint32_t mask;
	bool compatible;
	struct filed {
		uint32_t hash, rank;
	} * filed;
	size_t filed_count;
};

static struct keyed_slot *slot_of(struct keyed_slot *slots, uint32_t mask, uint32_t hash)
{
	uint32_t at = hash & mask;

	while (slots[at].count && slots[at].hash != hash)
		at = (at + 1) & mask;
	slots[at].hash = hash;
	return &slots[at];
}

static uint32_t table_mask(size_t entries)
{
	uint32_t size = 16;

	while (size < entries * 2)
		size *= 2;
	return size - 1;
}

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);
	if (!p)
		abort();
	return p;
}

/* The way under whose commonest value the fewest rules are; -1: none. */
static int best_way(const struct filing *f, const struct rule *r)
{
	uint32_t fewest = UINT32_MAX;
	int best = -1;

	for (uint32_t way = 0; way < ways(r); way++) {
		uint32_t most = 0, size = way_size(r, way);
		for (uint32_t i = 0; i < size; i++) {
			uint32_t n = slot_of(f->counts, f->mask, way_hash(r, way, i, f->compatible))->count;
			most = n > most ? n : most;
		}
		if (size && most < fewest) {
			fewest = most;
			best = (int)way;
		}
	}
	return best;
}

static void filing_init(struct filing *f, struct rule **rules, size_t n, bool compatible)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		for (uint32_t way = 0; way < ways(rules[i]); way++)
			total += way_size(rules[i], way);
	*f = (struct filing){.mask = table_mask(total), .compatible = compatible};
	f->counts = zeroed((size_t)f->mask + 1, sizeof *f->counts);
	f->filed = zeroed(total, sizeof *f->filed);
	for (size_t i = 0; i < n; i++)
		for (uint32_t way = 0; way < ways(rules[i]); way++)
			for (uint32_t v = 0; v < way_size(rules[i], way); v++)
				slot_of(f->counts, f->mask, way_hash(rules[i], way, v, compatible))->count++;
}

static void file_rule(struct filing *f, struct keyed *k, struct rule *r, uint32_t rank, uint32_t way)
{
	k->has_methods |= way == BY_METHOD;
	if (way == BY_SNI)
		k->by_sni[k->by_sni_count++] = r;
	if (way >= BY_HEADER)
		k->name_lengths |= UINT64_C(1) << (r->tests->headers[way - BY_HEADER].name.len & 63);
	for (uint32_t i = 0; i < way_size(r, way); i++)
		f->filed[f->filed_count++] = (struct filed){way_hash(r, way, i, f->compatible), rank};
}

static int compare_filed(const void *pa, const void *pb)
{
	const struct filed *a = pa, *b = pb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->rank < b->rank ? -1 : a->rank > b->rank;
}

static void fill_slots(struct keyed *k, struct arena *a, const struct filing *f, struct rule **rules)
{
	k->mask = table_mask(f->filed_count);
	k->slots = arena_array(a, struct keyed_slot, (size_t)k->mask + 1);
	k->rules = arena_alloc(a, sizeof *k->rules * f->filed_count);
	for (size_t i = 0; i < f->filed_count; i++) {
		struct keyed_slot *slot = slot_of(k->slots, k->mask, f->filed[i].hash);
		if (slot->count++ == 0)
			slot->start = (uint32_t)i;
		k->rules[i] = rules[f->filed[i].rank];
	}
}

void candidates_init(struct candidates *c, struct arena *a, struct rule **rules, size_t n, bool compatible)
{
	struct filing f;

	*c = (struct candidates){.rules = rules, .count = (uint32_t)n};
	if (n <= FEW)
		return;
	struct keyed *k = arena_new(a, struct keyed);
	k->by_sni = arena_alloc(a, sizeof *k->by_sni * n);
	filing_init(&f, rules, n, compatible);
	struct rule **rest = arena_alloc(a, sizeof *rest * n);
	c->count = 0;
	for (size_t i = 0; i < n; i++) {
		int way = best_way(&f, rules[i]);
		if (way < 0)
			rest[c->count++] = rules[i];
		else
			file_rule(&f, k, rules[i], (uint32_t)i, (uint32_t)way);
	}
	c->rules = rest;
	if (f.filed_count) {
		qsort(f.filed, f.filed_count, sizeof *f.filed, compare_filed);
		fill_slots(k, a, &f, rules);
		c->keyed = k;
	}
	free(f.counts);
	free(f.filed);
}
