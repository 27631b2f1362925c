/* revoked: see revoked.h. */
#include "cp/publish/revoked.h"

#include <pthread.h>

#include "common/core/file.h"
#include "common/core/log.h"
#include "common/core/map.h"
#include "common/core/text.h"
#include "common/core/uuid.h"

enum { FILE_MAX = 16 * 1024 * 1024 };

static struct {
	pthread_mutex_t lock;
	struct map ids; /* the text; values are not used */
	size_t kept;    /* of them, in the copy */
	void (*fn)(void *arg);
	void *arg;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool revoked_has(const char *id)
{
	pthread_mutex_lock(&known.lock);
	bool has = known.ids.count > 0 && map_get(&known.ids, slice_cstr(id)) != NULL;
	pthread_mutex_unlock(&known.lock);
	return has;
}

/* With the lock held; true: it is new. */
static bool add(const char *id)
{
	struct uuid parsed;
	char text[UUID_TEXT + 1];

	if (!uuid_parse(slice_cstr(id), &parsed))
		return false;
	uuid_format(&parsed, text);
	if (map_get(&known.ids, slice_cstr(text)))
		return false;
	map_set(&known.ids, slice_cstr(text), &known);
	return true;
}

static void tell(void)
{
	pthread_mutex_lock(&known.lock);
	if (known.fn)
		known.fn(known.arg);
	pthread_mutex_unlock(&known.lock);
}

void revoked_add(const char *id)
{
	pthread_mutex_lock(&known.lock);
	bool is_new = add(id);
	pthread_mutex_unlock(&known.lock);
	if (is_new)
		tell();
}

/* With the lock held. */
static void keep_copy(const json_t *rows, const char *path)
{
	struct text out = {0};
	struct err e;
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row)
	        text_printf(&out, "%s\n", json_string_value(json_object_get(row, "id")));
	if (file_replace(path, text_slice(&out), 0600, &e))
		known.kept = json_array_size(rows);
	else
		log_warn("revoked nodes are not kept on disk", LOG_STR("error", e.message));
	text_fini(&out);
}

void revoked_learn(const json_t *rows, const char *path)
{
	bool any = false;
	json_t *row;
	size_t i;

	pthread_mutex_lock(&known.lock);
	json_array_foreach((json_t *)rows, i, row)
	{
		const char *id = json_string_value(json_object_get(row, "id"));
		if (id && add(id))
			any = true;
	}
	if (path && json_array_size(rows) != known.kept)
		keep_copy(rows, path);
	pthread_mutex_unlock(&known.lock);
	if (any)
		tell();
}

void revoked_load(const char *path)
{
	struct arena a;
	struct slice bytes;
	struct err e;

	arena_init(&a);
	pthread_mutex_lock(&known.lock);
	if (file_read(&a, path, FILE_MAX, &bytes, &e))
		while (slice_is_set(bytes))
			known.kept += add(arena_cstr(&a, slice_cut(&bytes, '\n')));
	pthread_mutex_unlock(&known.lock);
	arena_fini(&a);
}

void revoked_tell(void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&known.lock);
	known.fn = fn;
	known.arg = arg;
	pthread_mutex_unlock(&known.lock);
}

void revoked_clear(void)
{
	pthread_mutex_lock(&known.lock);
	map_fini(&known.ids);
	known.ids = (struct map){0};
	known.kept = 0;
	pthread_mutex_unlock(&known.lock);
}
