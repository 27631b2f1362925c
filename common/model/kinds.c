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
/* From a schema's address to its index + 1, open addressing; 0 is free. Plugins look entities up for every request.
 */
enum { PLACES = 4 * KINDS_MAX };
static uint8_t places[PLACES];
_Static_assert(KINDS_MAX < 256, "an index and one is a byte");
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

static size_t place_of(const struct schema *s)
{
	return ((uintptr_t)s * UINT64_C(0x9e3779b97f4a7c15) >> 32) % PLACES;
}

static void list(const struct schema *s)
{
	size_t at = place_of(s);
	if (count == KINDS_MAX)
		abort(); /* KINDS_MAX wants to be larger */
	while (places[at])
		at = (at + 1) % PLACES;
	kinds[count++] = s;
	places[at] = (uint8_t)count;
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
	kinds_count();
	for (size_t at = place_of(kind); places[at]; at = (at + 1) % PLACES)
		if (kinds[places[at] - 1] == kind)
			return places[at] - 1u;
	abort(); /* not an entity */
}

const struct schema *kinds_private_at(size_t i)
{
	return i < sizeof private_kinds / sizeof private_kinds[0] ? private_kinds[i] : NULL;
}
