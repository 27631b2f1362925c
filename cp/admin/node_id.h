/* node_id: who this node is: as the settings say, else made once and kept in <prefix>/kong.id. */
#ifndef CP_ADMIN_NODE_ID_H
#define CP_ADMIN_NODE_ID_H

#include "common/settings/settings.h"

bool node_id_get(const struct settings *s, char out[UUID_TEXT + 1], struct err *e);

#endif
