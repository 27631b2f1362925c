/* document_source: the document that a program starts with: a file or a text of the settings, whole or refused with
 * everything that is wrong with it. Used by both planes and gatectl. */
#ifndef COMMON_MODEL_DOCUMENT_SOURCE_H
#define COMMON_MODEL_DOCUMENT_SOURCE_H

#include "common/model/document.h"
#include "common/settings/settings.h"

struct document_source {
	const char *path;  /* a file, or ... */
	struct slice text; /* ... declarative_config_string; unset with path NULL: there is no document */
	bool expand;       /* ${NAME} (declarative_config_env) */
};

/* What the settings name; strings are on the arena. */
struct document_source document_source_of(struct arena *a, const struct settings *s);
/* NULL with *why, of several lines: "error parsing declarative config file kong.yml:" and each fault by entity, field
 * and line. The arena holds the text and must live as long as the document. */
struct document *document_source_load(struct arena *a, const struct document_source *from, struct text *why);

/* Appends what is wrong with a document that has faults, or (d NULL) with one that cannot be read. */
void document_source_explain(const struct document *d, const struct err *e, struct text *why);

#endif
