/* document: the order of steps from a text to complete records. See document.h; each step is a file document_*.c.
 *
 * Kinds are worked on one after the other, each after those it refers to, so that whatever an entity refers to has
 * its final id by then. */
#include "common/model/document.h"

#include <stdlib.h>

#include "common/core/file.h"
#include "common/model/document_private.h"
#include "common/plugin/entity.h"
#include "common/schema/violations.h"

/* ---- reading --------------------------------------------------------------------------------------------------- */

bool document_format_of(const char *path, enum document_format *out, struct err *e)
{
	const char *dot = strrchr(path, '.');
	const char *type = dot && !strchr(dot, '/') ? dot + 1 : "";

	if (strcmp(type, "json") == 0)
		*out = DOCUMENT_JSON;
	else if (strcmp(type, "yml") == 0 || strcmp(type, "yaml") == 0)
		*out = DOCUMENT_YAML;
	else
		return err_set(e, "unknown file type: %s. (Accepted types: json, yaml)", type);
	return true;
}

static bool is_too_deep(const json_t *value, int depth)
{
	size_t i;
	const char *key;
	json_t *member;

	if (depth > YAML_DEPTH_MAX)
		return true;
	json_array_foreach(value, i, member) if (is_too_deep(member, depth + 1)) return true;
	json_object_foreach((json_t *)value, key, member) if (is_too_deep(member, depth + 1)) return true;
	return false;
}

static json_t *read_json(struct slice text, struct err *e)
{
	json_error_t why;
	json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);

	if (!root)
		err_set(e, "line %d, column %d: %s", why.line, why.column, why.text);
	return root;
}

static bool parse(struct document *d, struct err *e)
{
	enum document_format format = d->options.format;
	struct err ignored;

	if (format != DOCUMENT_YAML)
		d->root = read_json(d->text, format == DOCUMENT_JSON ? e : &ignored);
	if (d->root || format == DOCUMENT_JSON)
		return d->root != NULL;
	d->is_yaml = yaml_read(d->text, &d->yaml, e);
	d->root = json_incref(d->yaml.root);
	return d->is_yaml;
}

/* ---- one entity ------------------------------------------------------------------------------------------------ */

static void set_id(struct item *i, const struct uuid *id)
{
	i->id = *id;
	uuid_format(id, i->id_text);
}

static void give_id(struct item *i)
{
	const json_t *given = json_object_get(i->input, "id");
	struct uuid id;

	i->has_id = given && !json_is_null(given);
	if (!i->input || !uuid_parse(slice_of(json_string_value(given), json_string_length(given)), &id))
		if (!i->input || !document_derive_id(i, &id))
			id = uuid_v4();
	set_id(i, &id);
}

static void add_faults(struct item *i, struct violations *v)
{
	if (!has_violations(v))
		return;
	if (i->faults)
		json_object_update_missing(i->faults, v->fields);
	else
		i->faults = json_incref(v->fields);
	violations_fini(v);
}

/* What is left out and made up elsewhere is what the existing row has. */
static void take_auto_fields(const struct item *i, json_t *record)
{
	json_t *was = json_loadb(i->out.was->ptr, i->out.was->len, 0, NULL);

	for_each_field(f, i->out.kind)
	{
		json_t *value = json_object_get(was, f->name);
		const json_t *given = json_object_get(i->input, f->name);
		if ((f->flags & AUTO) && value && (!given || json_is_null(given)))
			json_object_set(record, f->name, value);
	}
	json_decref(was);
}

static void find_existing(struct document *d, struct item *i, json_t *record)
{
	const struct base_row *row = i->has_id ? document_base_claim_id(d->options.base, i->out.kind, &i->id)
	                                       : document_base_claim(d->options.base, i->out.kind, record, i->input);

	if (!row && !i->has_id)
		row = document_base_claim_id(d->options.base, i->out.kind, &i->id);
	if (!row)
		return;
	set_id(i, base_row_id(row));
	json_object_set_new(record, "id", json_string(i->id_text));
	i->out.was = base_row_json(row);
	take_auto_fields(i, record);
}

static bool hash_secrets(struct document *d, struct item *i, json_t **record)
{
	struct err e;

	if (!i->out.kind->transform || !d->transform)
		return true;
	char *raw = json_dumps(*record, JSON_COMPACT);
	i->out.raw = arena_dup(&d->arena, slice_cstr(raw));
	free(raw);
	json_t *copy = json_deep_copy(*record);
	json_decref(*record);
	*record = copy;
	json_t *was = i->out.was ? json_loadb(i->out.was->ptr, i->out.was->len, 0, NULL) : NULL;
	bool ok = i->out.kind->transform(copy, i->input, was, &e);
	json_decref(was);
	if (ok)
		return true;
	struct violations v = {0};
	violations_add_entity(&v, "%s", e.message);
	add_faults(i, &v);
	return false;
}

/* Is it as it was? What an earlier release has written may lack what this one adds. */
static bool is_unchanged(const struct item *i)
{
	struct err ignored;

	if (slice_eq(i->out.record->json, *i->out.was))
		return true;
	struct record *was = record_parse(i->out.kind, *i->out.was, 0, &ignored);
	bool same = was && slice_eq(was->json, i->out.record->json);
	if (was)
		record_unref(was);
	return same;
}

static void make_record(struct item *i, const json_t *record)
{
	struct err e;
	struct violations v = {0};

	i->out.record = record_new(i->out.kind, record, 0, &e);
	if (i->out.record)
		return;
	violations_add_entity(&v, "%s", e.message);
	add_faults(i, &v);
}

static void touch(struct document *d, struct item *i, json_t *record)
{
	for_each_field(f, i->out.kind)
	{
		const json_t *given = json_object_get(i->input, f->name);
		if (!(f->flags & UPDATED) || (given && !json_is_null(given)))
			continue;
		json_object_set_new(record, f->name,
		        f->type == TYPE_NUMBER ? json_real((double)d->options.now_ms / 1000)
		                               : json_integer(d->options.now_ms / 1000));
		record_unref(i->out.record);
		make_record(i, record);
	}
}

/* From a checked record to the one that counts. Takes record. */
static void finish(struct document *d, struct item *i, json_t *record)
{
	if (d->options.base)
		find_existing(d, i, record);
	if (hash_secrets(d, i, &record))
		make_record(i, record);
	i->out.is_same = i->out.record && i->out.was && is_unchanged(i);
	if (i->out.record && i->out.was && !i->out.is_same)
		touch(d, i, record);
	if (i->out.record && !slice_is_set(i->out.raw))
		i->out.raw = i->out.record->json;
	json_decref(record);
}

static void load(struct document *d, struct item *i)
{
	struct load_options options = {.op = LOAD_CREATE, .now_ms = d->options.now_ms, .is_document = true};
	struct violations v = {0};
	json_t *record = NULL, *input = i->input ? json_copy(i->input) : NULL;

	if (!input)
		return;
	document_resolve(d, i, input);
	if (!i->has_id)
		json_object_set_new(input, "id", json_string(i->id_text));
	if (d->version > 0 && d->version < 30 && strcmp(i->out.kind->name, "routes") == 0)
		document_migrate_route(input);
	if (schema_load(i->out.kind, input, &options, &record, &v) && i->out.kind == &plugin_schema)
		plugin_check_config(record, &v);
	add_faults(i, &v);
	json_decref(input);
	if (record && !i->faults && !i->whole)
		finish(d, i, record);
	else
		json_decref(record);
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

/* Entities that say their id come first: what they are is certain. */
static void load_kind(struct document *d, struct item_list *list)
{
	for (size_t n = 0; n < list->len; n++) {
		give_id(list->items[n]);
		document_index(d, list->items[n]);
	}
	for (int said = 1; said >= 0; said--)
		for (size_t n = 0; n < list->len; n++)
			if (list->items[n]->has_id == said)
				load(d, list->items[n]);
}

static void put_in_order(struct document *d)
{
	size_t n = 0;

	d->ordered = arena_array(&d->arena, struct item *, d->count + 1);
	d->has_faults = json_object_size(d->top) > 0;
	for (size_t k = 0; k < kinds_count(); k++)
		for (size_t m = 0; m < d->lists[k].len; m++) {
			struct item *i = d->lists[k].items[m];
			d->has_faults = d->has_faults || i->whole || i->faults || i->late || i->references;
			d->ordered[n++] = i;
		}
}

static bool work(struct document *d, struct err *e)
{
	if (!json_is_object(d->root))
		return err_set(e, "expected an object");
	if (is_too_deep(d->root, 0))
		return err_set(e, "nested more than %d levels deep", YAML_DEPTH_MAX);
	if (!document_expand(d, e) || !document_walk(d, e))
		return false;
	for (size_t k = 0; k < kinds_count(); k++)
		load_kind(d, &d->lists[k]);
	document_check_unique(d);
	put_in_order(d);
	return true;
}

static struct document *document_new(const struct document_options *options)
{
	struct document *d = calloc(1, sizeof *d);

	if (!d)
		abort();
	arena_init(&d->arena);
	d->options = *options;
	return d;
}

static struct document *finished(struct document *d, bool ok)
{
	if (ok)
		return d;
	document_free(d);
	return NULL;
}

struct document *document_read(struct slice text, const struct document_options *options, struct err *e)
{
	struct document *d = document_new(options);

	d->text = slice_is_set(text) ? text : S("");
	digest_md5_hex(d->text, d->hash);
	return finished(d, parse(d, e) && work(d, e));
}

struct document *document_of_json(json_t *root, const struct document_options *options, struct err *e)
{
	struct document *d = document_new(options);

	d->root = root;
	char *dump = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	digest_md5_hex(slice_cstr(dump), d->hash);
	free(dump);
	return finished(d, work(d, e));
}

struct document *document_read_file(
        struct arena *a, const char *path, const struct document_options *options, struct err *e)
{
	struct document_options named = *options;
	struct slice text;

	if (!document_format_of(path, &named.format, e) || !file_read(a, path, DOCUMENT_SIZE_MAX, &text, e))
		return NULL;
	named.name = path;
	return document_read(text, &named, e);
}

static void item_fini(struct item *i)
{
	json_decref(i->input);
	json_decref(i->faults);
	json_decref(i->references);
	if (i->out.record)
		record_unref(i->out.record);
}

void document_free(struct document *d)
{
	if (!d)
		return;
	for (size_t k = 0; k < KINDS_MAX; k++) {
		for (size_t n = 0; n < d->lists[k].len; n++)
			item_fini(d->lists[k].items[n]);
		map_fini(&d->lists[k].by_key);
		map_fini(&d->lists[k].by_id);
		free(d->lists[k].items);
	}
	json_decref(d->root);
	json_decref(d->top);
	yaml_fini(&d->yaml);
	arena_fini(&d->arena);
	free(d);
}

/* ---- looking at it --------------------------------------------------------------------------------------------- */

bool document_has_faults(const struct document *d)
{
	return d->has_faults;
}

const json_t *document_root(const struct document *d)
{
	return d->root;
}

size_t document_count(const struct document *d)
{
	return d->count;
}

const struct document_item *document_at(const struct document *d, size_t i)
{
	return &d->ordered[i]->out;
}

struct catalog *document_catalog(const struct document *d, uint64_t version)
{
	if (d->has_faults)
		return NULL;
	struct catalog *c = catalog_new();
	for (size_t i = 0; i < d->count; i++) {
		d->ordered[i]->out.record->version = version;
		catalog_put(c, d->ordered[i]->out.record);
	}
	catalog_set_version(c, version);
	return c;
}

void document_hash(const struct document *d, char out[MD5_HEX + 1])
{
	if (d->count == 0)
		memset(out, '0', MD5_HEX);
	else
		memcpy(out, d->hash, MD5_HEX);
	out[MD5_HEX] = '\0';
}
