/* registry: the plugins of plugins.def, and behind them those that were loaded from outside (objects.h). */
#ifndef COMMON_PLUGIN_REGISTRY_H
#define COMMON_PLUGIN_REGISTRY_H

#include "common/plugin/plugin.h"

size_t registry_count(void);
const struct plugin *registry_at(size_t i);
const struct plugin *registry_find(struct slice name); /* NULL: no such plugin */

/* For objects.h, before anybody looks and before there are threads. False: REGISTRY_ADDED_MAX are there already. */
enum { REGISTRY_ADDED_MAX = 64 };
bool registry_add(const struct plugin *p);

#endif
