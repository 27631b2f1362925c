/* record: one immutable entity of one version: its kind, id, version, JSON text and C struct. Reference-counted.
 *
 * The count is a plain integer: records belong to the thread that owns configuration; other threads only read records
 * kept alive by a snapshot. */
#ifndef COMMON_MODEL_RECORD_H
#define COMMON_MODEL_RECORD_H

#include "common/core/text.h"
#include "common/schema/schema.h"

struct record {
	const struct schema *kind;
	struct uuid id;
	uint64_t version;   /* of the configuration that brought it; 0 when unknown */
	struct slice json;  /* compact rendered form, secrets included; unset: see record_stored_text() */
	const void *entity; /* the C struct of kind->name: (const struct service *)r->entity */
	const void *config; /* plugins: the decoded config of the plugin's own schema; else NULL */
	const struct schema *config_schema; /* of config; NULL when there is none */
	double expires_at;   /* Unix seconds, of kinds with a ttl (key `expires_at` of the JSON); 0: never */
	bool has_references; /* the JSON holds {vault://...}, so that decoding it again may give other values */
	unsigned refs;
	struct arena arena; /* holds the record too, and all of the above */
};

/* Is its ttl over? Expired records stay in the catalog until the control plane removes them; who hands them out asks.
 */
static inline bool record_is_expired(const struct record *r, int64_t now_ms)
{
	return r->expires_at > 0 && r->expires_at * 1000 <= (double)now_ms;
}

/* From a rendered object (schema_load's output). NULL with e set when it does not decode. Starts with one reference.
 */
struct record *record_new(const struct schema *kind, const json_t *rendered, uint64_t version, struct err *e);
/* From the JSON text of the wire or of disk: parsed, loaded with LOAD_STORED (so that a record of an older release
 * gets the defaults of newer fields), decoded. */
struct record *record_parse(const struct schema *kind, struct slice json, uint64_t version, struct err *e);
/* The same for what may come from a newer release: fields that this one does not know are not decoded and named in
 * *held_back ("routes.color, plugins.config.tint"; each once). They stay in the record's JSON, so nothing is lost to
 * whoever gets that next. What is known and wrong is an error as ever. */
struct record *record_parse_newer(
        const struct schema *kind, struct slice json, uint64_t version, struct text *held_back, struct err *e);
/* Adds a name to such a list unless it is there, or the list has grown to RECORD_HELD_BACK_MAX bytes. */
enum { RECORD_HELD_BACK_MAX = 1000 };
void record_hold_back(struct text *held_back, struct slice name);
struct record *record_ref(struct record *r);
void record_unref(struct record *r);

/* From now on a record keeps no text that its struct gives again to the byte, which is most records' and more than
 * half of their memory. For data planes, which seldom want one; a process decides once, before it makes records. */
void record_forget_texts(bool on);
/* The compact rendered form, secrets included: the record's own, or written anew on a. Any thread. */
struct slice record_stored_text(const struct record *r, struct arena *a);
/* The JSON again; new reference. */
json_t *record_json(const struct record *r);

/* The value of a unique or reference field as lookup bytes: strings as they are, references and uuids as 16 bytes.
 * Unset when null. Points into the record. */
struct slice record_lookup_key(const struct record *r, const struct field *f);

#endif
