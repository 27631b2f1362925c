/* entity_texts: see entity_texts.h. */
#include "dp/host/entity_texts.h"

#include <stdlib.h>

#include "common/core/map.h"
#include "common/schema/load.h"

struct entry {
	const struct record *record; /* only compared: it may be gone */
	uint64_t version;
	const struct catalog *seen_in; /* it is that of this catalog, and of this version of it */
	uint64_t seen_version;
	char *text;
	size_t len;
};

struct entity_texts {
	struct map entries; /* id bytes -> struct entry */
};

struct entity_texts *entity_texts_new(void)
{
	struct entity_texts *t = calloc(1, sizeof *t);
	if (!t)
		abort();
	return t;
}

static void clear(struct entity_texts *t)
{
	struct slice key;
	void *value;
	for (size_t at = 0; map_next(&t->entries, &at, &key, &value);) {
		free(((struct entry *)value)->text);
		free(value);
	}
	map_fini(&t->entries);
	t->entries = (struct map){0};
}

void entity_texts_free(struct entity_texts *t)
{
	if (!t)
		return;
	clear(t);
	free(t);
}

static void render(struct entry *e, const struct record *r)
{
	json_t *stored = record_json(r), *shown = schema_render(r->kind, stored, false), *value;
	const char *name;
	void *next;

	json_object_foreach_safe(shown, next, name, value) if (json_is_null(value)) json_object_del(shown, name);
	free(e->text);
	e->text = json_dumps(shown, JSON_COMPACT);
	if (!e->text)
		abort();
	e->len = strlen(e->text);
	e->record = r;
	e->version = r->version;
	json_decref(shown);
	json_decref(stored);
}

static struct entry *add(struct entity_texts *t, const struct uuid *id)
{
	if (t->entries.count >= ENTITY_TEXTS_MAX)
		clear(t);
	struct entry *e = calloc(1, sizeof *e);
	if (!e)
		abort();
	map_set(&t->entries, uuid_slice(id), e);
	return e;
}

struct slice entity_texts_get(struct entity_texts *t, const struct catalog *catalog, uint64_t version,
        const struct schema *kind, const struct uuid *id)
{
	struct entry *e = map_get(&t->entries, uuid_slice(id));
	if (e && e->seen_in == catalog && e->seen_version == version)
		return slice_of(e->text, e->len);
	const struct record *r = catalog_get(catalog, kind, id);
	if (!r)
		return S("");
	if (!e)
		e = add(t, id);
	if (e->record != r || e->version != r->version)
		render(e, r);
	e->seen_in = catalog;
	e->seen_version = version;
	return slice_of(e->text, e->len);
}
