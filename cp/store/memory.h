/* memory: the configuration of a control plane without a database (database = off): one document, kept whole.
 *
 * store_open() gives handles of it like those of PostgreSQL: reads, lists, position, snapshot and changes are the
 * same calls; writes are refused with code 12. What others see is one generation: a catalog that never changes,
 * replaced by the next document as a whole. Generations share no records, so whoever reads one last, on any thread,
 * frees it. There is no history: versions.h finds none. One per process. Contract: declarative-config.md 6. */
#ifndef CP_STORE_MEMORY_H
#define CP_STORE_MEMORY_H

#include "common/model/document_source.h"

/* Reads what the settings name, else what POST /config brought before the last stop, else begins empty. False with
 * *why, of several lines. Before the first store_open(). */
bool memory_start(const struct settings *s, struct text *why);
/* The settings' document once more, as a new version. False with *why: the configuration stays. */
bool memory_reload(const struct settings *s, struct text *why);
/* A document from elsewhere (without faults; taken) becomes the configuration; bytes: its text, kept in the prefix
 * for the next start. Any thread. *version: the new one. */
void memory_replace(const struct settings *s, struct document *d, struct slice bytes, uint64_t *version);
/* Of the configuration; 32 zeros while it is empty. Any thread. */
void memory_hash(char out[MD5_HEX + 1]);
/* After all handles are closed. */
void memory_stop(void);

/* Is the configuration in memory? */
static inline bool is_without_database(const struct settings *s)
{
	return slice_eq(s->database, S("off"));
}

#endif
