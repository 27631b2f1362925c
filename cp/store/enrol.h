/* enrol: tokens by which new nodes join, the certificates that nodes were given, and which nodes are let in no more.
 *
 * No part of the configuration: no versions, no history. With database = off every call fails: code 12.
 * Callers: cp/publish/enrolment (for nodes), cp/admin/nodes (for people). */
#ifndef CP_STORE_ENROL_H
#define CP_STORE_ENROL_H

#include "common/sync/join_token.h"
#include "cp/store/store.h"

/* A token's id and the digest of its secret, as they are kept. */
struct enrol_token {
	const char *id, *digest;
};

/* What a token is good for. Many nodes of one token are data planes; a control plane has one of its own. */
enum { ENROL_HOSTS_MAX = 8, ENROL_TTL_MAX_S = 366 * 86400, ENROL_USES_MAX = 1000000 };
struct enrol_terms {
	bool as_control_plane;
	struct slice hosts; /* with commas: the names that the control plane's certificate may have */
	int64_t uses, ttl_s;
};
/* Of terms that somebody has typed: numbers within limits, hosts where they belong and nowhere else, DNS names or
 * addresses. */
bool enrol_check(const struct enrol_terms *terms, struct err *e);

/* *expires_s: Unix seconds, by the database's clock. Also forgets tokens that ended more than 30 days ago. */
bool store_token_add(struct store *st, const struct enrol_token *t, const struct enrol_terms *terms,
        struct slice created_by, int64_t *expires_s, struct fault *fault);
/* A new token, kept under these terms: its id and its text, which is nowhere else. */
struct enrol_made {
	char id[UUID_TEXT + 1], text[JOIN_TOKEN_TEXT + 1];
	int64_t expires_s;
};
bool store_token_make(struct store *st, const unsigned char ca[SHA256_SIZE], const struct enrol_terms *terms,
        struct slice created_by, struct enrol_made *out, struct fault *fault);
/* [{"id","created_at","created_by","expires_at","role","hosts","uses","used","used_at","used_by"}], newest first,
 * without digests; the last two are of the last node. */
json_t *store_tokens(struct store *st, struct fault *fault);
/* *was_there: false when there is none of this id. */
bool store_token_remove(struct store *st, const char *id, bool *was_there, struct fault *fault);

/* What a node was given. */
struct enrol_node {
	const char *id, *hostname, *serial;
	int64_t expires_s;
	bool is_control_plane;
};
/* What the token is good for now; hosts until the next call. False with fault->code 0 and the reason in why: it is
 * not known, has ended, or was used up. Who has not shown its secret learns nothing. */
bool store_token_read(
        struct store *st, const struct enrol_token *t, struct enrol_terms *out, struct err *why, struct fault *fault);
/* Spends the token, once, on that node, and keeps what it is given: both or nothing; of more who come at once than it
 * has uses left the others get nothing. Reasons as above. */
bool store_token_spend(struct store *st, const struct enrol_token *t, const struct enrol_node *node, struct err *why,
        struct fault *fault);
/* Keeps the next certificate of a node. False with fault->code 0: it is revoked. */
bool store_node_signed(struct store *st, const struct enrol_node *node, struct fault *fault);

/* What is known of nodes (nodes_export()), so that it outlives control planes; later news wins. */
bool store_nodes_keep(struct store *st, const json_t *nodes, struct fault *fault);
/* The same objects, with "silent_ms" as of now. NULL: failed. */
json_t *store_nodes_seen(struct store *st, struct fault *fault);
/* Forgets those of which nothing was heard for so long; revoked ones stay. */
bool store_nodes_purge(struct store *st, int64_t silent_s, struct fault *fault);

/* From now on the node is let in no more, with none of its certificates, for ever. Again: the first time counts. */
bool store_node_revoke(struct store *st, const char *id, struct slice by, struct slice why, struct fault *fault);
/* [{"id","hostname","revoked_at","revoked_by","message"}], by id. */
json_t *store_revoked(struct store *st, struct fault *fault);

#endif
