/* nodes: which nodes belong to the cluster: tokens by which they join, and those that are let in no more. */
#ifndef CP_ADMIN_NODES_H
#define CP_ADMIN_NODES_H

#include "cp/admin/call.h"

void admin_join_tokens(struct admin_call *c);
void admin_join_token(struct admin_call *c);
void admin_node_revoke(struct admin_call *c);
void admin_nodes_revoked(struct admin_call *c);

#endif
