/* memory: generations of the configuration, and where they come from. See memory.h; reading is memory_read.c. */
#include "cp/store/memory.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/file.h"
#include "common/core/log.h"
#include "cp/store/generation.h"
#include "cp/store/memory_private.h"

enum { BELLS_MAX = 16 };

static struct {
	pthread_mutex_t lock;
	struct generation *current;
	char epoch[UUID_TEXT + 1];
	char hash[MD5_HEX + 1];
	int bells[BELLS_MAX];
	size_t bell_count;
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- generations ----------------------------------------------------------------------------------------------- */

struct generation *generation_hold(struct generation **before)
{
	pthread_mutex_lock(&memory.lock);
	struct generation *g = generation_ref(memory.current);
	if (before)
		*before = generation_hold_before(g);
	pthread_mutex_unlock(&memory.lock);
	return g;
}

static void ring_bells(void)
{
	for (size_t i = 0; i < memory.bell_count; i++)
		eventfd_write(memory.bells[i], 1);
}

/* Takes d (NULL: an empty configuration). The document goes before its records are seen by others, which alone decide
 * then when they end. */
static uint64_t publish(struct document *d)
{
	struct generation *g = generation_new(d ? document_catalog(d, 0) : catalog_new());
	char hash[MD5_HEX + 1] = "00000000000000000000000000000000";

	if (d)
		document_hash(d, hash);
	document_free(d);
	pthread_mutex_lock(&memory.lock);
	uint64_t version = memory.current ? generation_version(memory.current) + 1 : 1;
	generation_follow(g, memory.current, version);
	memory.current = g;
	memcpy(memory.hash, hash, sizeof hash);
	ring_bells();
	pthread_mutex_unlock(&memory.lock);
	return version;
}

void memory_hash(char out[MD5_HEX + 1])
{
	pthread_mutex_lock(&memory.lock);
	memcpy(out, memory.hash, sizeof memory.hash);
	pthread_mutex_unlock(&memory.lock);
}

void memory_position(struct text *epoch, uint64_t *version)
{
	pthread_mutex_lock(&memory.lock);
	text_clear(epoch);
	text_puts(epoch, memory.epoch);
	*version = generation_version(memory.current);
	pthread_mutex_unlock(&memory.lock);
}

/* ---- bells ----------------------------------------------------------------------------------------------------- */

int memory_listen(int bell, struct err *e)
{
	memory_unlisten(bell);
	bell = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_lock(&memory.lock);
	bool room = bell >= 0 && memory.bell_count < BELLS_MAX;
	if (room)
		memory.bells[memory.bell_count++] = bell;
	pthread_mutex_unlock(&memory.lock);
	if (room)
		return bell;
	err_set(e, "cannot listen for changes: %s", bell < 0 ? strerror(errno) : "too many listeners");
	if (bell >= 0)
		close(bell);
	return -1;
}

void memory_unlisten(int bell)
{
	if (bell < 0)
		return;
	pthread_mutex_lock(&memory.lock);
	for (size_t i = 0; i < memory.bell_count; i++)
		if (memory.bells[i] == bell)
			memory.bells[i--] = memory.bells[--memory.bell_count];
	pthread_mutex_unlock(&memory.lock);
	close(bell);
}

/* ---- where documents come from --------------------------------------------------------------------------------- */

static void kept_path(const struct settings *s, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%.*s/config.document.yaml", SLICE_ARG(s->prefix));
}

static bool has_source(const struct document_source *from)
{
	return from->path || slice_is_set(from->text);
}

static bool load(const struct document_source *from, struct text *why)
{
	struct arena a;

	arena_init(&a);
	struct document *d = document_source_load(&a, from, why);
	if (d)
		publish(d);
	arena_fini(&a);
	return d != NULL;
}

bool memory_start(const struct settings *s, struct text *why)
{
	struct uuid epoch = uuid_v4();
	struct stat there;
	struct arena a;
	char kept[PATH_MAX];

	uuid_format(&epoch, memory.epoch);
	arena_init(&a);
	struct document_source from = document_source_of(&a, s);
	kept_path(s, kept);
	if (!has_source(&from) && stat(kept, &there) == 0) {
		from.path = kept;
		from.expand = slice_eq(s->declarative_config_env, S("all"));
	}
	bool ok = true;
	if (has_source(&from))
		ok = load(&from, why);
	else
		publish(NULL);
	arena_fini(&a);
	return ok;
}

bool memory_reload(const struct settings *s, struct text *why)
{
	struct arena a;

	arena_init(&a);
	struct document_source from = document_source_of(&a, s);
	bool ok = !has_source(&from) || load(&from, why);
	arena_fini(&a);
	return ok;
}

void memory_replace(const struct settings *s, struct document *d, struct slice bytes, uint64_t *version)
{
	struct err e;
	char kept[PATH_MAX];

	*version = publish(d);
	kept_path(s, kept);
	if (!file_replace(kept, bytes, 0600, &e)) /* it is in force all the same */
		log_error("the configuration is not kept for the next start", LOG_STR("error", e.message));
}

void memory_stop(void)
{
	generation_unref(memory.current);
	memory.current = NULL;
}
