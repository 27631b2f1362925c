/* renewal: this node's certificate is renewed by itself before it ends (cluster_cert_renew_days), over the cluster
 * port of one of cluster_control_plane. Of data planes, and of control planes that have no cluster_ca_key.
 *
 * On a thread of its own, because asking blocks. Where certificate and key are one file (gatectl cluster join), both
 * are new; else the key stays and the certificate alone is replaced: what is on disk is always a pair. */
#ifndef COMMON_SYNC_RENEWAL_H
#define COMMON_SYNC_RENEWAL_H

#include "common/settings/settings.h"

struct renewal;
/* on_renewed(arg) is called on the thread when the file is another. s must live until renewal_stop(). */
struct renewal *renewal_start(const struct settings *s, void (*on_renewed)(void *arg), void *arg, struct err *e);
/* What is under way ends first, at most 25 s later. NULL is fine. */
void renewal_stop(struct renewal *r);

#endif
