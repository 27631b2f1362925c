/* kinds: see kinds.h. The list is put together once, when somebody first asks. */
#include "common/model/kinds.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/entity/admin.h"
#include "common/entity/certificate.h"
#include "common/entity/consumer.h"
#include "common/entity/consumer_group.h"
#include "common/entity/key.h"
#include "common/entity/mtls_auth.h"
#include "common/entity/oauth2.h"
#include "common/entity/route.h"
#include "common/entity/service.h"
#include "common/entity/target.h"
#include "common/entity/upstream.h"
#include "common/entity/vault.h"
#include "common/plugin/entity.h"
#include "common/plugin/registry.h"

static const struct schema *const core[] = {
#define KIND(schema) &schema,
#include "common/model/kinds.def"
#undef KIND
};
enum { CORE = sizeof core / sizeof core[0] };

static const struct schema *const private_kinds[] = {&admin_schema};

static const struct schema *kinds[KINDS_MAX];
static size_t count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool is_listed(const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return true;
	return false;
}

/* Are the kinds that s refers to listed already? Its own kind counts as listed. */
static bool is_ready(const struct schema *s)
{
	for_each_field(f, s) if (f->ref && strcmp(f->ref, s->name) != 0 && !is_listed(f->ref)) return false;
	return true;
}

static void list(const struct schema *s)
{
	if (count == KINDS_MAX)
		abort(); /* KINDS_MAX wants to be larger */
	kinds[count++] = s;
}

/* Lists what plugins bring and is ready; returns how many kinds must wait. */
static size_t list_plugin_kinds(void)
{
	size_t waiting = 0;
	for (size_t i = 0; i < registry_count(); i++) {
		const struct schema *const *own = registry_at(i)->entities;
		for (; own && *own; own++) {
			if (is_listed((*own)->name))
				continue;
			if (is_ready(*own))
				list(*own);
			else
				waiting++;
		}
	}
	return waiting;
}

static void list_all(void)
{
	for (size_t i = 0; i < CORE; i++)
		list(core[i]);
	for (size_t waiting = list_plugin_kinds(), before; waiting > 0;) {
		before = waiting;
		waiting = list_plugin_kinds();
		if (waiting == before)
			abort(); /* a plugin's kind refers to one that does not exist, or two to each other */
	}
}

size_t kinds_count(void)
{
	pthread_once(&once, list_all);
	return count;
}

const struct schema *kinds_at(size_t i)
{
	return i < kinds_count() ? kinds[i] : NULL;
}

const struct schema *kinds_by_name(struct slice name)
{
	for (size_t i = 0; i < kinds_count(); i++)
		if (slice_eq(slice_cstr(kinds[i]->name), name))
			return kinds[i];
	return NULL;
}

const struct schema *kinds_by_path(struct slice path)
{
	for (size_t i = 0; i < kinds_count(); i++)
		if (kinds[i]->path && slice_eq(slice_cstr(kinds[i]->path), path))
			return kinds[i];
	return NULL;
}

size_t kinds_index(const struct schema *kind)
{
	size_t n = kinds_count();
	for (size_t i = 0; i < n; i++)
		if (kinds[i] == kind)
			return i;
	abort(); /* not an entity */
}

const struct schema *kinds_private_at(size_t i)
{
	return i < sizeof private_kinds / sizeof private_kinds[0] ? private_kinds[i] : NULL;
}
