/* presence: which control planes share the database. Each writes a row about itself now and then; who has not for an
 * hour is forgotten. */
#ifndef CP_STORE_PRESENCE_H
#define CP_STORE_PRESENCE_H

#include "cp/store/store.h"

struct presence {
	const char *id, *hostname, *release;
	uint64_t version;       /* that it publishes */
	const json_t *nodes;    /* what it knows of its data planes */
	const json_t *counters; /* what they have counted together; NULL: nothing new */
};
bool store_be_present(struct store *st, const struct presence *me, struct fault *fault);
/* Takes the row away: it stops on purpose. */
bool store_be_absent(struct store *st, const char *id, struct fault *fault);
/* The others: an array of {"id","hostname","release","version","nodes","counters","age_ms"}, by id; a new reference,
 * NULL: failed. age_ms: since it was last written, by the database's clock. */
json_t *store_others_present(struct store *st, const char *id, struct fault *fault);

/* ---- what control planes ask each other (cp/publish/calls.h) ----
 *
 * A question is a row that the others answer with a row each; both are gone a minute later. Every write rings the
 * bell of store_listen_to_peers(). */

struct peer_call {
	int64_t id;                 /* random */
	const char *what, *payload; /* payload: JSON */
};
bool store_ask_peers(struct store *st, const char *me, const struct peer_call *call, struct fault *fault);
/* What others have asked within the last seconds, answered or not: [{"id","what","payload"}]. New reference. */
json_t *store_asked_by_peers(struct store *st, const char *me, struct fault *fault);
/* answer: JSON. */
bool store_answer_peer(struct store *st, const char *me, int64_t id, const char *answer, struct fault *fault);
/* Takes away what has been answered to our own questions: [{"id","control_plane","answer"}]. New reference. */
json_t *store_answered_by_peers(struct store *st, const char *me, struct fault *fault);
bool store_forget_calls(struct store *st, struct fault *fault);
/* As store_listen(), for these. */
int store_listen_to_peers(struct store *st, struct err *e);

#endif
