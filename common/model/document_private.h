/* document_private: how the files document*.c share a document while it is made. */
#ifndef COMMON_MODEL_DOCUMENT_PRIVATE_H
#define COMMON_MODEL_DOCUMENT_PRIVATE_H

#include "common/core/map.h"
#include "common/model/document.h"
#include "common/model/yaml.h"
#include "common/schema/load.h"

/* One entity of the document. */
struct item {
	struct document_item out; /* first: document_at() casts */
	struct item *parent;      /* that it is nested in; NULL: at the top */
	const struct field *via;  /* the reference that nesting implies */
	size_t index;             /* in its list */
	json_t *input;            /* as written, without nested lists and comments; NULL: is no object */
	bool has_id;              /* the document says it */
	struct uuid id;
	char id_text[UUID_TEXT + 1];

	json_t *faults;     /* by field, as violations; NULL: none */
	const char *whole;  /* what is wrong with the entity as such; NULL: nothing */
	const char *late;   /* a unique field that is taken (reported by name, section 5.1); NULL */
	json_t *references; /* references that lead nowhere: text by field; NULL: none */
};

struct item_list {
	struct item **items;
	size_t len, cap;
	struct map by_key, by_id; /* to items: the first of each */
};

struct document {
	struct arena arena;
	struct document_options options;
	struct slice text; /* unset: was JSON already */
	json_t *root;
	struct yaml yaml; /* of YAML text: lines */
	bool is_yaml;
	int version;    /* 11, 21, 30 */
	bool transform; /* _transform: passwords are still to be hashed */
	json_t *top;    /* faults of no entity: object */
	struct item_list lists[KINDS_MAX];
	size_t count;
	struct item **ordered; /* all, in order of kinds */
	bool has_faults;
	char hash[MD5_HEX + 1];
};

/* ---- document_expand.c ---- */

/* Replaces ${NAME} in all strings (section 10), and makes d->hash that of the text with them replaced. */
bool document_expand(struct document *d, struct err *e);

/* ---- document_walk.c: what is where ---- */

/* Collects the entities, at the top and nested; faults of what is none go to d->top and the items. False: there are
 * too many. */
bool document_walk(struct document *d, struct err *e);
/* The list key of an item's container: its kind's name. The element in a tree shaped like the document, or NULL. */
const json_t *document_locate(const json_t *root, const struct item *i);

/* ---- document_paths.c ---- */

/* Version migration (section 1): paths of a route of format 1.1 and 2.1, as 3.0 writes them. input: own. */
void document_migrate_route(json_t *input);

/* ---- document_ids.c ---- */

/* Section 3; false: none can be derived. */
bool document_derive_id(const struct item *i, struct uuid *out);

/* ---- document_refs.c ---- */

/* Registers the item's keys for references; says on the item when they are taken. */
void document_index(struct document *d, struct item *i);
/* Replaces the references in `input` (the item's own copy) by ids. */
void document_resolve(struct document *d, struct item *i, json_t *input);

/* ---- document_unique.c ---- */

void document_check_unique(struct document *d);

/* ---- document_base.c ---- */

struct base_row; /* one row of a base */
/* The existing row that this record is, claimed; NULL: none. */
struct base_row *document_base_claim_id(struct document_base *b, const struct schema *kind, const struct uuid *id);
struct base_row *document_base_claim(
        struct document_base *b, const struct schema *kind, const json_t *record, const json_t *input);
const struct slice *base_row_json(const struct base_row *r);
const struct uuid *base_row_id(const struct base_row *r);

/* ---- document_lines.c ---- */

struct document_lines { /* zeroed before use */
	bool is_ready;
	struct yaml own; /* of JSON text, read once more for its lines */
	const struct yaml *yaml;
};
/* Lines of an item, and of a field of it by dotted path; 0: not known. */
unsigned document_line(struct document_lines *l, const struct document *d, const struct item *i, const char *path);
unsigned document_top_line(struct document_lines *l, const struct document *d, const char *key);
void document_lines_fini(struct document_lines *l);

#endif
