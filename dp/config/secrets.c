/* secrets: see secrets.h. Every reference that was ever asked for is remembered with its value; that is the list of
 * what is looked up again. */
#include "dp/config/secrets.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "common/core/map.h"
#include "common/entity/vault.h"
#include "common/model/kinds.h"
#include "common/schema/decode.h"
#include "dp/config/vault_read.h"

/* What a reference stands for. */
struct secret {
	char *value;
	size_t len;
	bool is_found, is_told; /* told: the log says that it is missing */
	struct err why;
};

struct secrets {
	const struct settings *settings;
	struct arena arena; /* of sources */
	struct vault_source *sources;
	size_t count;
	uint64_t vaults_hash; /* of the vault entities that sources were made from */
	struct map values;    /* reference -> struct secret */
};

/* ---- vaults ---------------------------------------------------------------------------------------------------- */

static void add_source(struct secrets *s, struct vault_source v)
{
	s->sources[s->count++] = v;
}

static void add_built_in(struct secrets *s)
{
	add_source(
	        s, (struct vault_source){
	                   .prefix = S("env"), .type = VAULT_ENV, .variable_prefix = s->settings->vault_env_prefix});
	add_source(s, (struct vault_source){.prefix = S("file"),
	                      .type = VAULT_FILE,
	                      .path = s->settings->vault_file_path,
	                      .root = s->settings->vault_file_path});
}

static bool add_vault(struct record *r, void *arg)
{
	struct secrets *s = arg;
	const struct vault *v = r->entity;
	struct vault_source source = {.prefix = arena_dup(&s->arena, v->prefix), .type = VAULT_ENV};

	if (slice_eq(v->name, S("file"))) {
		const struct file_vault *config = r->config;
		source.type = VAULT_FILE;
		source.path = arena_dup(&s->arena, config->path);
		source.root = s->settings->vault_file_path;
	} else {
		const struct env_vault *config = r->config;
		source.variable_prefix = arena_dup(&s->arena, config->prefix);
	}
	add_source(s, source);
	return true;
}

static void use_vaults(struct secrets *s, const struct catalog *c)
{
	arena_reset(&s->arena);
	s->count = 0;
	s->sources = arena_array(&s->arena, struct vault_source, 2 + (c ? catalog_count(c, &vault_schema) : 0));
	add_built_in(s);
	if (c)
		catalog_each(c, &vault_schema, add_vault, s);
}

static bool add_hash(struct record *r, void *arg)
{
	struct arena a;

	arena_init(&a);
	*(uint64_t *)arg += slice_hash(record_stored_text(r, &a)); /* a sum: records come in no particular order */
	arena_fini(&a);
	return true;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static const struct vault_source *source_of(const struct secrets *s, struct slice reference)
{
	struct slice name = vault_of(reference);

	for (size_t i = 0; i < s->count; i++)
		if (slice_eq(s->sources[i].prefix, name))
			return &s->sources[i];
	return NULL;
}

static bool look_up(
        const struct secrets *s, struct slice reference, struct arena *a, struct slice *out, struct err *e)
{
	const struct vault_source *v = source_of(s, reference);
	return v ? vault_read(v, reference, a, out, e) : err_set(e, "there is no such vault");
}

/* True when the value is another one now. What is not there any more keeps its last value. */
static bool take_value(const struct secrets *s, struct slice reference, struct secret *secret)
{
	struct slice now;
	struct arena a;
	bool changed = false;

	arena_init(&a);
	if (look_up(s, reference, &a, &now, &secret->why)) {
		changed = !secret->is_found || !slice_eq(now, slice_of(secret->value, secret->len));
		secret->is_found = true;
		secret->is_told = false;
		if (changed) {
			free(secret->value);
			secret->value = slice_strdup(now);
			secret->len = now.len;
		}
	}
	arena_fini(&a);
	return changed;
}

static struct slice resolve(struct slice reference, struct arena *a, void *arg)
{
	struct secrets *s = arg;
	struct secret *secret = map_get(&s->values, reference);

	if (!secret) {
		secret = calloc(1, sizeof *secret);
		if (!secret)
			abort();
		map_set(&s->values, reference, secret);
		take_value(s, reference, secret);
	}
	return arena_dup(a, slice_of(secret->len ? secret->value : "", secret->len));
}

static void forget_values(struct secrets *s)
{
	struct slice reference;
	void *value;

	for (size_t at = 0; map_next(&s->values, &at, &reference, &value);) {
		free(((struct secret *)value)->value);
		free(value);
	}
	map_fini(&s->values);
	s->values = (struct map){0};
}

static void tell_missing(struct secrets *s)
{
	struct slice reference;
	void *value;

	for (size_t at = 0; map_next(&s->values, &at, &reference, &value);) {
		struct secret *secret = value;
		if (secret->is_found || secret->is_told)
			continue;
		secret->is_told = true;
		log_error("a vault reference stands for nothing", LOG_SLICE("reference", reference),
		        LOG_STR("error", secret->why.message));
	}
}

/* ---- records --------------------------------------------------------------------------------------------------- */

struct referring {
	struct record **items;
	size_t len, cap;
};

static bool keep_referring(struct record *r, void *arg)
{
	struct referring *list = arg;

	if (!r->has_references)
		return true;
	if (list->len == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 64;
		list->items = realloc(list->items, list->cap * sizeof(struct record *));
		if (!list->items)
			abort();
	}
	list->items[list->len++] = record_ref(r);
	return true;
}

static void decode_again(struct catalog *c, struct record *r)
{
	struct err e;
	struct text held_back = {0}; /* has been told when it came */
	struct record *again = record_parse_newer(r->kind, r->json, r->version, &held_back, &e);

	text_fini(&held_back);
	if (!again) { /* it was decoded before */
		log_error("a record cannot be decoded with its secrets", LOG_STR("error", e.message));
		return;
	}
	catalog_put(c, again);
	record_unref(again);
}

void secrets_decode_again(struct secrets *s, struct catalog *c)
{
	struct referring list = {0};

	for (size_t i = 0; i < kinds_count(); i++)
		catalog_each(c, kinds_at(i), keep_referring, &list);
	for (size_t i = 0; i < list.len; i++) {
		decode_again(c, list.items[i]);
		record_unref(list.items[i]);
	}
	free(list.items);
	tell_missing(s);
}

/* ---- the module ------------------------------------------------------------------------------------------------ */

struct secrets *secrets_new(const struct settings *settings)
{
	struct secrets *s = calloc(1, sizeof *s);

	if (!s)
		abort();
	s->settings = settings;
	arena_init(&s->arena);
	use_vaults(s, NULL);
	decode_use_secrets(resolve, s);
	return s;
}

void secrets_free(struct secrets *s)
{
	if (!s)
		return;
	decode_use_secrets(NULL, NULL);
	forget_values(s);
	arena_fini(&s->arena);
	free(s);
}

void secrets_settle(struct secrets *s, struct catalog *c)
{
	uint64_t hash = 0;

	catalog_each(c, &vault_schema, add_hash, &hash);
	if (hash == s->vaults_hash) {
		tell_missing(s);
		return;
	}
	s->vaults_hash = hash;
	use_vaults(s, c);
	forget_values(s);
	secrets_decode_again(s, c);
}

bool secrets_have_changed(struct secrets *s)
{
	struct slice reference;
	void *value;
	bool changed = false;

	for (size_t at = 0; map_next(&s->values, &at, &reference, &value);)
		changed |= take_value(s, reference, value);
	return changed;
}
