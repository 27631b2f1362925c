/* memory_private: what the calls of store.h do when there is no database. Each has the name and contract of its
 * counterpart there; `st` is a handle whose is_memory is set. */
#ifndef CP_STORE_MEMORY_PRIVATE_H
#define CP_STORE_MEMORY_PRIVATE_H

#include "cp/store/memory.h"
#include "cp/store/store.h"

/* The bell of one handle: an eventfd, or -1. */
int memory_listen(int bell, struct err *e);
void memory_unlisten(int bell);

json_t *memory_get(const struct schema *kind, const struct store_key *key, const struct store_scope *scope);
json_t *memory_list(const struct schema *kind, const struct store_scope *scope, const struct page *page, bool *more);
json_t *memory_find_id(const struct schema *kind, const struct field *key, struct slice value);
void memory_position(struct text *epoch, uint64_t *version);
bool memory_snapshot(uint64_t *version, store_row_fn fn, void *arg, struct err *e);
bool memory_changes(uint64_t after, store_change_fn fn, void *arg, struct err *e);

#endif
