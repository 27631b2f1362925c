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

size_t registry_count(void)
{
	return sizeof plugins / sizeof plugins[0];
}

const struct plugin *registry_at(size_t i)
{
	return i < registry_count() ? plugins[i] : NULL;
}

const struct plugin *registry_find(struct slice name)
{
	for (size_t i = 0; i < registry_count(); i++)
		if (slice_eq(slice_cstr(plugins[i]->name), name))
			return plugins[i];
	return NULL;
}
