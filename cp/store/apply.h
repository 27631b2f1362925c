/* apply: a whole document becomes the configuration, as one transaction and one version, or nothing of it does.
 *
 * What is there is read and compared entity by entity: what is the same is not touched, what the document does not
 * have is removed. When somebody else writes meanwhile, it is done once more with the other writers kept out. */
#ifndef CP_STORE_APPLY_H
#define CP_STORE_APPLY_H

#include "common/model/document.h"
#include "cp/store/store.h"

enum apply_op { APPLY_CREATE, APPLY_UPDATE, APPLY_DELETE };

/* from: unset when created; to: unset when deleted; stored forms. */
typedef void (*apply_change_fn)(enum apply_op op, const struct schema *kind, const struct uuid *id, struct slice from,
        struct slice to, void *arg);

struct apply_request {
	/* Reads the document against what is there; called once or twice. NULL: it cannot be read, why is the
	 * caller's to know. */
	struct document *(*read)(struct document_base *base, void *arg);
	void *arg;
	bool dry_run;   /* says what would change, and writes nothing */
	bool keep_rest; /* what the document does not have stays (db_import) */
};

struct apply_result {
	struct document *document; /* as read last; NULL: unreadable. The caller's to free, before the base */
	struct document_base *base;
	uint64_t version; /* the new one; 0: nothing has changed */
	unsigned counts[3], unchanged;
};

/* True: done, or the document is unreadable or has faults (then nothing has changed). False: the store failed. The
 * result is to be ended in either case. */
bool store_apply(struct store *st, const struct apply_request *r, struct apply_result *out, struct fault *fault);
/* Every change that was or would be made, in order of kinds, removals last. */
void apply_each_change(const struct apply_result *r, bool keep_rest, apply_change_fn fn, void *arg);
void apply_result_fini(struct apply_result *r);

#endif
