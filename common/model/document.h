/* document: a whole configuration as one YAML or JSON text (declarative-config.md).
 *
 * Reading is: parse, expand ${NAME}, migrate old formats, collect what is nested, give ids, resolve references, load
 * every entity by its schema, check uniqueness. All faults are found in one go. A document without faults is a list
 * of complete records, each after those it refers to; a document with faults can only say what they are.
 *
 * `base` tells what is there already, for a store whose rows keep their ids: an entity that the document does not
 * name by id is then the existing one of the same unique key, or else of the same content. */
#ifndef COMMON_MODEL_DOCUMENT_H
#define COMMON_MODEL_DOCUMENT_H

#include "common/core/text.h"
#include "common/crypto/digest.h"
#include "common/model/catalog.h"
#include "common/model/kinds.h"

enum {
	DOCUMENT_SIZE_MAX = 256 * 1024 * 1024, /* bytes of a file */
	DOCUMENT_ITEMS_MAX = 1000000,          /* entities */
};

enum document_format {
	DOCUMENT_TEXT, /* JSON, and when it is none, YAML */
	DOCUMENT_YAML,
	DOCUMENT_JSON,
};

struct document_base;

struct document_options {
	const char *name; /* of the file, for messages; NULL: none */
	enum document_format format;
	bool expand;                /* ${NAME} from the environment */
	int64_t now_ms;             /* wall clock for times that are not given */
	struct document_base *base; /* NULL: none. Rows that the document names are claimed in it */
};

struct document;

/* False with e: neither .yml, .yaml nor .json. */
bool document_format_of(const char *path, enum document_format *out, struct err *e);

/* NULL with e: the text cannot be parsed, or is no object, or a ${NAME} has no value. text must live as long as the
 * document. */
struct document *document_read(struct slice text, const struct document_options *options, struct err *e);
/* The same for a document that is JSON already. Takes root. */
struct document *document_of_json(json_t *root, const struct document_options *options, struct err *e);
/* Reads a file, its format by its name. */
struct document *document_read_file(
        struct arena *a, const char *path, const struct document_options *options, struct err *e);
void document_free(struct document *d); /* NULL is fine */

/* ---- a document without faults --------------------------------------------------------------------------------- */

struct document_item {
	const struct schema *kind;
	struct record *record;   /* complete */
	struct slice raw;        /* JSON before passwords are hashed: what POST /config answers */
	const struct slice *was; /* the JSON of the existing row that it is; NULL: new, or no base */
	bool is_same;            /* as the existing row, which may lack fields that this release adds */
};

bool document_has_faults(const struct document *d);
size_t document_count(const struct document *d);
/* As written, with its variables replaced; borrowed. */
const json_t *document_root(const struct document *d);
const struct document_item *document_at(const struct document *d, size_t i); /* in order of kinds */
/* A catalog of the records, which then belong to it and to whoever owns the document: one thread. NULL with faults.
 */
struct catalog *document_catalog(const struct document *d, uint64_t version);
/* The configuration's hash as /status shows it: of the text, or 32 zeros when there are no entities. */
void document_hash(const struct document *d, char out[MD5_HEX + 1]);

/* ---- faults ---------------------------------------------------------------------------------------------------- */

/* The tree of section 5.1; a new reference. */
json_t *document_fault_tree(const struct document *d);
/* The flattened list of section 5.3; *rest: what belongs to no entity. New references. */
json_t *document_fault_list(const struct document *d, json_t **rest);
/* The indented text of section 5.4, with names and line numbers. */
void document_fault_text(const struct document *d, struct text *out);
/* "declarative config is invalid: {...}" */
void document_fault_message(const json_t *tree, struct text *out);

/* ---- what is there already ------------------------------------------------------------------------------------- */

struct document_base *document_base_new(void);
void document_base_free(struct document_base *b);
/* One row; json is copied. False with e: no JSON object with an id. */
bool document_base_add(struct document_base *b, const struct schema *kind, struct slice json, struct err *e);
/* Calls fn for every row that no document has claimed, in order of kinds. False: fn said so. */
typedef bool (*document_row_fn)(const struct schema *kind, const struct uuid *id, struct slice json, void *arg);
bool document_base_each_left(const struct document_base *b, document_row_fn fn, void *arg);

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* Is this kind part of exports and so of what a whole document replaces? Not what is only of the moment: sessions,
 * authorization codes. */
bool document_has_kind(const struct schema *kind);

struct document_writer;
/* Export format of section 7.3: add rows in any order, then take the text. */
struct document_writer *document_writer_new(void);
bool document_writer_add(struct document_writer *w, const struct schema *kind, struct slice json, struct err *e);
/* Frees the writer. */
void document_writer_finish(struct document_writer *w, struct text *out);

#endif
