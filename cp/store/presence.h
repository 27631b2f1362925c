/* presence: which control planes share the database. Each writes a row about itself now and then; who has not for an
 * hour is forgotten. */
#ifndef CP_STORE_PRESENCE_H
#define CP_STORE_PRESENCE_H

#include "cp/store/store.h"

struct presence {
	const char *id, *hostname, *release;
	uint64_t version;    /* that it publishes */
	const json_t *nodes; /* what it knows of its data planes */
};
bool store_be_present(struct store *st, const struct presence *me, struct fault *fault);
/* Takes the row away: it stops on purpose. */
bool store_be_absent(struct store *st, const char *id, struct fault *fault);
/* The others: an array of {"id","hostname","release","version","nodes","age_ms"}, by id; a new reference, NULL:
 * failed. age_ms: since it was last written, by the database's clock. */
json_t *store_others_present(struct store *st, const char *id, struct fault *fault);

#endif
