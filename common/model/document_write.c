/* document_write: the export format of declarative-config.md 7.3: flat, complete, with ids and hashes as they are. */
#include <stdlib.h>

#include "common/model/document_private.h"

bool document_has_kind(const struct schema *kind)
{
	static const char *const momentary[] = {
	        "sessions", "oauth2_authorization_codes", "ratelimiting_metrics", "clustering_data_planes", NULL};

	for (const char *const *name = momentary; *name; name++)
		if (strcmp(*name, kind->name) == 0)
			return false;
	return true;
}

struct document_writer {
	struct text kinds[KINDS_MAX]; /* each a list in YAML */
};

struct document_writer *document_writer_new(void)
{
	struct document_writer *w = calloc(1, sizeof *w);
	if (!w)
		abort();
	return w;
}

/* References as plain ids, and the time of expiry under its public name. */
static void flatten(const struct schema *kind, json_t *row)
{
	for_each_field(f, kind)
	{
		const json_t *id = json_object_get(json_object_get(row, f->name), "id");
		if (f->type == TYPE_FOREIGN && id)
			json_object_set(row, f->name, (json_t *)id);
	}
	if (!kind->has_ttl)
		return;
	json_object_set(row, "ttl", json_object_get(row, "expires_at"));
	json_object_del(row, "expires_at");
}

bool document_writer_add(struct document_writer *w, const struct schema *kind, struct slice json, struct err *e)
{
	struct text *out = &w->kinds[kinds_index(kind)];
	json_t *row = json_loadb(json.ptr, json.len, 0, NULL);

	if (!document_has_kind(kind)) {
		json_decref(row);
		return true;
	}
	if (!json_is_object(row)) {
		json_decref(row);
		return err_set(e, "a stored row of '%s' is no JSON object", kind->name);
	}
	flatten(kind, row);
	json_t *list = json_pack("[o]", row);
	yaml_write(out, list, 0);
	json_decref(list);
	return true;
}

void document_writer_finish(struct document_writer *w, struct text *out)
{
	text_puts(out, "_format_version: '3.0'\n_transform: false\n");
	for (size_t k = 0; k < kinds_count(); k++) {
		if (w->kinds[k].len > 0) {
			text_printf(out, "%s:\n", kinds_at(k)->name);
			text_put(out, text_slice(&w->kinds[k]));
		}
		text_fini(&w->kinds[k]);
	}
	free(w);
}
