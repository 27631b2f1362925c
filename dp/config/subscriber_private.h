/* subscriber_private: how a subscriber reaches the control plane's two sockets. */
#ifndef DP_CONFIG_SUBSCRIBER_PRIVATE_H
#define DP_CONFIG_SUBSCRIBER_PRIVATE_H

#include <limits.h>

#include "common/core/uuid.h"
#include "dp/config/subscriber.h"

/* Where nanomsg connects to, and the TLS link behind it when the control plane is elsewhere. */
struct uplink {
	char pub_path[PATH_MAX], rep_path[PATH_MAX];
	char node_id[UUID_TEXT + 1];
	struct side_loop *thread; /* NULL: control plane on this machine */
	struct link_client *link;
};

bool uplink_open(struct uplink *u, const struct settings *s, struct err *e);
void uplink_close(struct uplink *u);
/* The node's certificate is another: connects anew with it, on the link's own thread. */
void uplink_use_certs(struct uplink *u, const struct settings *s);

#endif
