/* vault_read: the text behind one vault reference, looked up now: in the environment or in files of this node
 * (declarative-config.md 8, plugins-beyond.md 14).
 *
 *	{vault://env/my-secret}        the variable MY_SECRET
 *	{vault://env/pg/password}      the member `password` of the JSON text in PG
 *	{vault://env/pg?prefix=X_#2}   X_PG_PREVIOUS
 *	{vault://file/orders/key}      the member `key` of the JSON in the file `orders` of the vault's directory
 *
 * Files are read below one directory only, which the node's settings name: whoever may write configuration does not
 *by that get to read the node's disk. */
#ifndef DP_CONFIG_VAULT_READ_H
#define DP_CONFIG_VAULT_READ_H

#include "common/core/arena.h"
#include "common/core/err.h"

enum { VAULT_SECRET_MAX = 64 * 1024 }; /* bytes of one secret, or of a JSON file of them */

enum vault_type { VAULT_ENV, VAULT_FILE };

/* A vault that references can name. */
struct vault_source {
	struct slice prefix; /* what stands after {vault:// */
	enum vault_type type;
	struct slice variable_prefix; /* env */
	struct slice path;            /* file: a directory or a JSON file, below root */
	struct slice root;            /* file: the directory that nothing is read outside of */
};

/* The vault that a reference names; unset: the text is no reference. */
struct slice vault_of(struct slice reference);
/* The secret, on the arena. False with e, which names the reference's parts but never a value. */
bool vault_read(
        const struct vault_source *v, struct slice reference, struct arena *a, struct slice *out, struct err *e);

#endif
