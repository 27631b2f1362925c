/* list: pages of rows, and the offsets that lead from one to the next (admin-api.md 5). */
#ifndef CP_ADMIN_LIST_H
#define CP_ADMIN_LIST_H

#include "cp/admin/call.h"

/* Handler for c->target, a collection. */
void admin_list(struct admin_call *c);

/* ---- for lists of their own kind ------------------------------------------------------------------------------- */

enum { ADMIN_PAGE_DEFAULT = 100, ADMIN_PAGE_MAX = 1000 };

/* The query's `size`; capped: too large is the maximum instead of an error. False: the answer is ready. */
bool admin_list_size(struct admin_call *c, bool capped, int64_t *out);
/* The query's `offset`; unset when there is none. False: the answer (code 7) is ready. */
bool admin_list_offset(struct admin_call *c, struct slice *id);
/* The `tags` filter. False: the answer (code 11) is ready. */
bool admin_list_tags(struct admin_call *c, struct page *page);

/* Answers with a page; takes data. offset: of the next page; unset: this was the last. extra: what else `next`
 * repeats. */
void admin_list_answer(struct admin_call *c, json_t *data, struct slice offset, struct slice extra);

/* Adds a value as `next` repeats it. */
void admin_list_escape(struct text *out, struct slice s);

/* The id of the last of some rows; unset when there are none. */
struct slice admin_list_last_id(const json_t *rows);

/* Unpadded base64 of ["<last id>"]. */
struct slice admin_offset_encode(struct arena *a, struct slice id);
/* False with *why: "bad base64 encoding" or "bad json encoding". */
bool admin_offset_decode(struct arena *a, struct slice offset, struct slice *id, const char **why);

/* Calls fn for every row of a kind, in pages. False: the answer is ready (the store failed). */
typedef bool (*admin_row_fn)(const json_t *row, void *arg); /* false stops */
bool admin_each_row(struct admin_call *c, const struct schema *kind, const struct store_scope *scope,
        struct page page, admin_row_fn fn, void *arg);

#endif
