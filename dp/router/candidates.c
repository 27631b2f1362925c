/* candidates: see candidates.h.
 *
 * With many rules each is filed under the values of one of its tests: of the test whose values are shared with the
 * fewest rules that are there already. That is decided when the rule comes and not looked at again; as every rule
 * takes the emptiest of its lists, no list grows long unless there is nothing that tells its rules apart. The table
 * knows hashes only; that a value is really equal is for rule_matches() to say. */
#include "dp/router/candidates.h"

#include <stdlib.h>

#include "common/core/pmap.h"

enum { FEW = 16 };

struct keyed {
	unsigned refs;
	uint32_t count;           /* rules */
	struct pmap lists;        /* struct rule_list by the hash of a value */
	struct rule_list *by_sni; /* those filed under an SNI: on plaintext any SNI matches */
	bool has_methods;
	uint64_t name_lengths; /* bit (length mod 64) of the header names in use, now or before */
};

/* ---- hashes of values --------------------------------------------------------------------------------------- */

static uint64_t hash_bytes(uint64_t h, struct slice s, bool fold)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = ascii_lower((unsigned char)s.ptr[i]);
		h = (h ^ (fold && c == '_' ? '-' : c)) * UINT64_C(0x100000001b3);
	}
	return h ^ h >> 29;
}

static uint64_t hash_method(struct slice method)
{
	return hash_bytes(0x6d65u, method, false);
}

static uint64_t hash_sni(struct slice sni)
{
	return hash_bytes(0x736eu, sni, false);
}

static uint64_t hash_header(struct slice name, struct slice value, bool compatible)
{
	return hash_bytes(hash_bytes(0x6865u, name, compatible) * 31, value, false);
}

/* ---- searching ---------------------------------------------------------------------------------------------- */

static struct slice key_slice(const uint64_t *hash)
{
	return slice_of((const char *)hash, sizeof *hash);
}

static void search_key(const struct keyed *k, uint64_t hash, struct search *s, bool literal)
{
	rule_list_search(pmap_get(&k->lists, key_slice(&hash)), 0, s, literal);
}

static void search_keyed(const struct keyed *k, struct search *s, bool literal)
{
	const struct router_request *q = s->request;

	if (k->has_methods)
		search_key(k, hash_method(q->method), s, literal);
	if (k->by_sni && s->tls)
		search_key(k, hash_sni(q->sni), s, literal);
	else
		rule_list_search(k->by_sni, 0, s, literal);
	for (uint32_t i = 0; k->name_lengths && i < s->headers_count; i++) {
		const struct header *h = &q->head->headers[i];
		if (k->name_lengths >> (h->name.len & 63) & 1)
			search_key(k, hash_header(h->name, h->value, s->compatible), s, literal);
	}
}

void candidates_search(const struct candidates *c, struct search *s, bool literal)
{
	if (c->first && !rule_list_try(c->first, s, literal))
		rule_list_search(c->plain, 1, s, literal);
	if (c->keyed)
		search_keyed(c->keyed, s, literal);
}

/* ---- the ways in which a rule can be filed: by methods, by SNIs, by its n-th header --------------------------- */

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

static uint64_t way_hash(const struct rule *r, uint32_t way, uint32_t i, bool compatible)
{
	const struct rule_tests *t = r->tests;

	if (way == BY_METHOD)
		return hash_method(t->methods[i]);
	if (way == BY_SNI)
		return hash_sni(t->snis[i].text);
	return hash_header(t->headers[way - BY_HEADER].name, t->headers[way - BY_HEADER].values[i], compatible);
}

/* The longest of the lists that a rule would stand in. */
static uint32_t way_load(const struct keyed *k, const struct rule *r, uint32_t way, bool compatible)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < way_size(r, way); i++) {
		uint64_t hash = way_hash(r, way, i, compatible);
		const struct rule_list *l = pmap_get(&k->lists, key_slice(&hash));
		most = l && l->count > most ? l->count : most;
	}
	return most;
}

/* The emptiest way; among equals the last, since header values tell apart better than SNIs, and these better than
 * methods. -1: none. */
static int best_way(const struct keyed *k, const struct rule *r, bool compatible)
{
	uint32_t fewest = UINT32_MAX;
	int best = -1;

	for (uint32_t way = 0; way < ways(r); way++) {
		if (!way_size(r, way))
			continue;
		uint32_t load = way_load(k, r, way, compatible);
		if (load <= fewest) {
			fewest = load;
			best = (int)way;
		}
	}
	return best;
}

/* ---- changing ----------------------------------------------------------------------------------------------- */

static struct slice list_key(const void *value, const void *context)
{
	return key_slice(&((const struct rule_list *)value)->key);
}

static void *list_hold(void *value)
{
	return rule_list_ref(value);
}

static void list_drop(void *value)
{
	rule_list_unref(value);
}

static const struct pmap_ops list_ops = {list_key, list_hold, list_drop};

static void keyed_unref(struct keyed *k)
{
	if (!k || --k->refs > 0)
		return;
	pmap_fini(&k->lists);
	rule_list_unref(k->by_sni);
	free(k);
}

static struct keyed *new_keyed(void)
{
	struct keyed *k = calloc(1, sizeof *k);

	if (!k)
		abort();
	k->refs = 1;
	pmap_init(&k->lists, &list_ops, NULL);
	return k;
}

static struct keyed *own(struct keyed **at)
{
	struct keyed *was = *at;

	if (was->refs == 1)
		return was;
	struct keyed *copy = new_keyed();
	*copy = *was;
	copy->refs = 1;
	copy->lists = pmap_copy(&was->lists);
	rule_list_ref(copy->by_sni);
	was->refs--;
	return *at = copy;
}

/* The list under a hash, taken out of the table so that it is changed in place when nobody else holds it. */
static struct rule_list *take_list(struct keyed *k, uint64_t hash)
{
	struct rule_list *l = rule_list_ref(pmap_get(&k->lists, key_slice(&hash)));

	if (l)
		pmap_remove(&k->lists, key_slice(&hash));
	return l;
}

static void give_list(struct keyed *k, struct rule_list *l, uint64_t hash)
{
	if (!l)
		return;
	l->key = hash;
	pmap_put(&k->lists, l);
	rule_list_unref(l);
}

static void file_rule(struct keyed *k, const struct rule *r, uint32_t way, bool compatible)
{
	k->count++;
	k->has_methods |= way == BY_METHOD;
	if (way == BY_SNI)
		rule_list_add(&k->by_sni, r);
	if (way >= BY_HEADER)
		k->name_lengths |= UINT64_C(1) << (r->tests->headers[way - BY_HEADER].name.len & 63);
	for (uint32_t i = 0; i < way_size(r, way); i++) {
		uint64_t hash = way_hash(r, way, i, compatible);
		struct rule_list *l = take_list(k, hash);
		rule_list_add(&l, r);
		give_list(k, l, hash);
	}
}

/* From wherever it was filed. */
static void unfile_rule(struct keyed *k, const struct rule *r, bool compatible)
{
	k->count--;
	rule_list_remove(&k->by_sni, r);
	for (uint32_t way = 0; way < ways(r); way++) {
		for (uint32_t i = 0; i < way_size(r, way); i++) {
			uint64_t hash = way_hash(r, way, i, compatible);
			struct rule_list *l = take_list(k, hash);
			rule_list_remove(&l, r);
			give_list(k, l, hash);
		}
	}
}

/* A route may lead here more than once: by a host or a path that it names twice, by regexes that begin alike. */
static bool is_filed(const struct keyed *k, const struct rule *r, bool compatible)
{
	for (uint32_t way = 0; way < ways(r); way++) {
		if (!way_size(r, way))
			continue;
		uint64_t hash = way_hash(r, way, 0, compatible);
		if (rule_list_has(pmap_get(&k->lists, key_slice(&hash)), r))
			return true;
	}
	return false;
}

static void add_keyed(struct candidates *c, const struct rule *r, bool compatible)
{
	int way = best_way(c->keyed, r, compatible);

	if (way < 0)
		rule_list_add(&c->plain, r);
	else if (!is_filed(c->keyed, r, compatible))
		file_rule(own(&c->keyed), r, (uint32_t)way, compatible);
}

/* There were few, now there are many. */
static void start_filing(struct candidates *c, bool compatible)
{
	struct rule_list *few = c->plain;

	c->plain = NULL;
	c->keyed = new_keyed();
	for (uint32_t i = 0; i < few->count; i++)
		add_keyed(c, few->rules[i], compatible);
	rule_list_unref(few);
}

static void note_first(struct candidates *c)
{
	c->first = c->plain ? c->plain->rules[0] : NULL;
}

void candidates_add(struct candidates *c, const struct rule *r, bool compatible)
{
	if (!c->keyed && c->plain && c->plain->count >= FEW)
		start_filing(c, compatible);
	if (c->keyed)
		add_keyed(c, r, compatible);
	else
		rule_list_add(&c->plain, r);
	note_first(c);
}

void candidates_remove(struct candidates *c, const struct rule *r, bool compatible)
{
	if (!rule_list_remove(&c->plain, r) && c->keyed && is_filed(c->keyed, r, compatible))
		unfile_rule(own(&c->keyed), r, compatible);
	note_first(c);
	if (!c->keyed || c->keyed->count || (c->plain && c->plain->count >= FEW))
		return;
	keyed_unref(c->keyed); /* few need no table */
	c->keyed = NULL;
}

struct candidates candidates_copy(const struct candidates *c)
{
	rule_list_ref(c->plain);
	if (c->keyed)
		c->keyed->refs++;
	return *c;
}

void candidates_fini(struct candidates *c)
{
	rule_list_unref(c->plain);
	keyed_unref(c->keyed);
	*c = (struct candidates){0};
}
