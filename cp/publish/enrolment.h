/* enrolment: gives nodes their certificates, and knows which of them are let in no more.
 *
 * A thread of its own with a connection of its own to the database, because signing waits for that: it works on
 * requests that come over the cluster port (common/sync/link_sign.h), looks once a second for nodes that were revoked
 * through other control planes, and renews this control plane's own certificate when it has the authority's key. What
 * is known of nodes it keeps in the database, so that one that is silent is shown by a control plane that has just
 * started. */
#ifndef CP_PUBLISH_ENROLMENT_H
#define CP_PUBLISH_ENROLMENT_H

#include "common/settings/settings.h"
#include "common/sync/link.h"

enum { ENROLMENT_EVERY_MS = 1000 };

struct enrolment;
/* The list of revoked nodes is there when this returns: from the database, or, while that is away, from the copy in
 * <prefix>/sync. on_renewed(arg) is called on the thread when cluster_cert is another. s must live until
 * enrolment_free(). */
struct enrolment *enrolment_start(const struct settings *s, void (*on_renewed)(void *arg), void *arg, struct err *e);
/* What was asked is answered before; what is asked later is refused. Two steps, because the links may ask until they
 * are closed. NULL is fine for both. */
void enrolment_stop(struct enrolment *n);
void enrolment_free(struct enrolment *n);

/* For the link: its functions may be called until enrolment_free(). */
struct link_gate enrolment_gate(struct enrolment *n);

#endif
