/* registry: the plugins of plugins.def. */
#ifndef COMMON_PLUGIN_REGISTRY_H
#define COMMON_PLUGIN_REGISTRY_H

#include "common/plugin/plugin.h"

size_t registry_count(void);
const struct plugin *registry_at(size_t i);
const struct plugin *registry_find(struct slice name); /* NULL: no such plugin */

#endif
