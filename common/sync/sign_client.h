/* sign_client: asks a control plane for a certificate, over its cluster port. Blocks; for gatectl, and for a thread
 * that does nothing else.
 *
 * A node that joins shows a token, in which stands which CA to expect: it speaks to nobody else. A node that renews
 * shows its certificate instead. Whoever shows a certificate and sends no csr only learns whether it would be let in,
 * and what time it is there. */
#ifndef COMMON_SYNC_SIGN_CLIENT_H
#define COMMON_SYNC_SIGN_CLIENT_H

#include "common/core/text.h"
#include "common/sync/join_token.h"
#include "common/sync/link.h"

struct sign_ask {
	const char *host;
	int port;
	const struct join_token *token; /* joins; NULL: certs are shown */
	const struct link_certs *certs;
	struct slice csr; /* PEM; unset: only asks how things are */
	/* of a node that joins as a control plane: its names, NULL at the end, or NULL: all that the token has */
	bool as_control_plane;
	const char *const *hosts;
};

struct sign_given {
	char node_id[UUID_TEXT + 1];
	struct text certificate, ca; /* PEM; ca only for a node that joins */
	int64_t ahead_ms;            /* by how much the control plane's clock is ahead of ours */
	char release[64];
};
void sign_given_fini(struct sign_given *g);

enum sign_result {
	SIGN_GIVEN,
	SIGN_REFUSED, /* the control plane says no, and why: asking again changes nothing */
	SIGN_FAILED   /* it could not be asked, or is not the one that is expected */
};
enum sign_result sign_ask(const struct sign_ask *ask, struct sign_given *out, struct err *e);
/* Asks the control planes of "cp1:8005, cp2:8005" in turn until one gives: not each has the authority's key. Host and
 * port of ask are not looked at. The reason is that of the last one that refused, else of the last one that failed.
 */
enum sign_result sign_ask_any(
        const struct sign_ask *ask, struct slice addresses, struct sign_given *out, struct err *e);

/* "cp.example:8005", "192.0.2.1:8005", "[2001:db8::1]:8005"; the host goes onto the arena. False: of another form. */
bool sign_address(struct slice text, struct arena *a, const char **host, int *port);

#endif
