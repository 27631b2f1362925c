/* objects: see objects.h. */
#include "common/plugin/objects.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/log.h"
#include "common/plugin/registry.h"

enum { PATH_SIZE = 4096 };

static bool check_size(const char *path, const char *what, uint32_t theirs, size_t ours, struct err *e)
{
	return theirs == ours ||
	       err_set(e,
	               "%s was built with another struct %s (%u bytes, here %zu): build it with this release's headers",
	               path, what, theirs, ours);
}

static bool check_fit(const char *path, const struct plugin_object *o, struct err *e)
{
	if (o->magic != PLUGIN_MAGIC)
		return err_set(e, "%s is no plugin of Gatehouse: gatehouse_plugin has another form", path);
	if (o->abi != PLUGIN_ABI)
		return err_set(e,
		        "%s was built for plugin ABI %u, this release has %u: build it with this release's headers",
		        path, o->abi, PLUGIN_ABI);
	return check_size(path, "plugin", o->plugin_size, sizeof(struct plugin), e) &&
	       check_size(path, "call", o->call_size, sizeof(struct call), e) &&
	       check_size(path, "exchange", o->exchange_size, sizeof(struct exchange), e) &&
	       check_size(path, "host", o->host_size, sizeof(struct host), e) &&
	       check_size(path, "field", o->field_size, sizeof(struct field), e) &&
	       check_size(path, "schema", o->schema_size, sizeof(struct schema), e);
}

static bool check_plugin(const char *path, const struct plugin *p, struct err *e)
{
	if (!p || !p->name || !*p->name || !p->config || !p->config->name)
		return err_set(e, "%s: its plugin has no name or no config schema", path);
	if (strcmp(p->name, p->config->name) != 0)
		return err_set(e, "%s: the plugin is called '%s' and its config schema '%s', expected the same", path,
		        p->name, p->config->name);
	if (registry_find(slice_cstr(p->name)))
		return err_set(e, "%s: there is a plugin '%s' already", path, p->name);
	return true;
}

static bool load(const char *path, struct err *e)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return err_set(e, "%s cannot be loaded: %s", path, dlerror());
	const struct plugin_object *o = dlsym(handle, "gatehouse_plugin");
	if (!o)
		return err_set(e, "%s is no plugin of Gatehouse: it does not say PLUGIN_OBJECT(...)", path);
	if (!check_fit(path, o, e) || !check_plugin(path, o->plugin, e))
		return false;
	if (!registry_add(o->plugin))
		return err_set(e, "%s: there are more than %d plugins from outside", path, REGISTRY_ADDED_MAX);
	log_notice("plugin loaded", LOG_STR("plugin", o->plugin->name), LOG_STR("from", path));
	return true;
}

static int is_object(const struct dirent *entry)
{
	return slice_ends(slice_cstr(entry->d_name), S(".so"));
}

bool objects_load(struct slice dir, struct err *e)
{
	char folder[PATH_SIZE], path[2 * PATH_SIZE];
	struct dirent **entries;
	bool ok = true;

	if (dir.len == 0)
		return true;
	snprintf(folder, sizeof folder, "%.*s", SLICE_ARG(dir));
	int n = scandir(folder, &entries, is_object, alphasort);
	if (n < 0)
		return err_set(e, "plugin_dir '%s': %s", folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		ok = ok && load(path, e);
		free(entries[i]);
	}
	free(entries);
	return ok;
}
