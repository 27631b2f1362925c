/* registry: see registry.h. */
#include "common/plugin/registry.h"

#define PLUGIN(symbol) extern const struct plugin symbol##_plugin;
#include "common/plugin/plugins.def"
#undef PLUGIN

static const struct plugin *const plugins[] = {
#define PLUGIN(symbol) &symbol##_plugin,
#include "common/plugin/plugins.def"
#undef PLUGIN
};

enum { BUILT_IN = sizeof plugins / sizeof plugins[0] };

static const struct plugin *added[REGISTRY_ADDED_MAX];
static size_t added_count;

bool registry_add(const struct plugin *p)
{
	if (added_count == REGISTRY_ADDED_MAX)
		return false;
	added[added_count++] = p;
	return true;
}

size_t registry_count(void)
{
	return BUILT_IN + added_count;
}

const struct plugin *registry_at(size_t i)
{
	if (i >= registry_count())
		return NULL;
	return i < BUILT_IN ? plugins[i] : added[i - BUILT_IN];
}

const struct plugin *registry_find(struct slice name)
{
	for (size_t i = 0; i < registry_count(); i++)
		if (slice_eq(slice_cstr(registry_at(i)->name), name))
			return registry_at(i);
	return NULL;
}
