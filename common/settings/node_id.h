/* node_id: who this node is. As the setting node_id says, else made once and kept in <prefix>/kong.id, where Kong
 * keeps it too.
 *
 * A data plane that reaches its control plane over TLS does not ask here: there its certificate says who it is. */
#ifndef COMMON_SETTINGS_NODE_ID_H
#define COMMON_SETTINGS_NODE_ID_H

#include "common/settings/settings.h"

/* Lower case, NUL-terminated. Programs with the same prefix get the same id, also when they start at the same moment.
 */
bool node_id_load(const struct settings *s, char out[UUID_TEXT + 1], struct err *e);

#endif
