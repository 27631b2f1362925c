/* catalog: all records of one version, findable by id and by every unique and reference field.
 *
 * Copies are cheap (shared structure, see pmap.h): a candidate version is a copy with changes applied, and is either
 * kept whole or dropped whole. Belongs to the configuration thread; a catalog that no longer changes may be read by
 * any. */
#ifndef COMMON_MODEL_CATALOG_H
#define COMMON_MODEL_CATALOG_H

#include "common/model/record.h"

struct catalog;

struct catalog *catalog_new(void);
struct catalog *catalog_copy(const struct catalog *c);
void catalog_free(struct catalog *c);

uint64_t catalog_version(const struct catalog *c);
void catalog_set_version(struct catalog *c, uint64_t version);

/* Adds or replaces by kind and id (one reference more). Uniqueness is the store's business: of two records with equal
 * unique values the later put wins the lookup. */
void catalog_put(struct catalog *c, struct record *r);
bool catalog_remove(struct catalog *c, const struct schema *kind, const struct uuid *id); /* false: was not there */

/* NULL when absent. The record lives as long as the catalog; take a reference to keep it longer. */
struct record *catalog_get(const struct catalog *c, const struct schema *kind, const struct uuid *id);
/* By a UNIQUE field; value as record_lookup_key() gives it. */
struct record *catalog_find(
        const struct catalog *c, const struct schema *kind, const struct field *f, struct slice value);

typedef bool (*catalog_fn)(struct record *r, void *arg); /* false stops */
/* All records of a kind, in no particular order. */
bool catalog_each(const struct catalog *c, const struct schema *kind, catalog_fn fn, void *arg);
/* All records of a kind whose reference field f points to id. */
bool catalog_each_ref(const struct catalog *c, const struct schema *kind, const struct field *f,
        const struct uuid *id, catalog_fn fn, void *arg);
/* Every record of a kind that is not the same in both; NULL stands for absent. Costs what differs when one catalog is
 * a changed copy of the other. */
typedef bool (*catalog_diff_fn)(struct record *was, struct record *is, void *arg); /* false stops */
bool catalog_diff(const struct catalog *was, const struct catalog *is, const struct schema *kind, catalog_diff_fn fn,
        void *arg);
size_t catalog_count(const struct catalog *c, const struct schema *kind);
size_t catalog_total(const struct catalog *c);

#endif
