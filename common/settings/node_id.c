/* node_id: see node_id.h. Both planes of one machine share the file and may start at the same moment, so it appears
 * by link(2), complete or not at all: the first one wins and the other reads it. */
#include "common/settings/node_id.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "common/core/file.h"

static bool read_id(const char *path, char out[UUID_TEXT + 1])
{
	struct arena a;
	struct slice text;
	struct uuid id;
	struct err ignored;

	arena_init(&a);
	bool ok = file_read(&a, path, 4096, &text, &ignored) && uuid_parse(slice_trim(text), &id);
	if (ok)
		uuid_format(&id, out);
	arena_fini(&a);
	return ok;
}

static bool make_id(const struct settings *s, const char *path, char out[UUID_TEXT + 1], struct err *e)
{
	char folder[PATH_MAX], fresh[PATH_MAX];
	struct uuid id = uuid_v4();

	snprintf(folder, sizeof folder, "%.*s", SLICE_ARG(s->prefix));
	if (snprintf(fresh, sizeof fresh, "%s.%d", path, (int)getpid()) >= (int)sizeof fresh)
		return err_set(e, "prefix is too long: '%.200s...'", folder);
	uuid_format(&id, out);
	if (!file_make_dirs(folder, 0755, e) || !file_replace(fresh, slice_cstr(out), 0644, e))
		return err_prefix(e, "node id");
	bool ok = link(fresh, path) == 0;
	int why = errno;
	unlink(fresh);
	if (ok || (why == EEXIST && read_id(path, out)))
		return true;
	if (why == EEXIST)
		return err_set(e, "'%s' holds no node id, expected a UUID", path);
	return err_set(e, "cannot keep the node id in '%s': %s", path, strerror(why));
}

bool node_id_load(const struct settings *s, char out[UUID_TEXT + 1], struct err *e)
{
	char path[PATH_MAX];
	struct uuid id;

	if (s->node_id.len > 0) {
		if (!uuid_parse(s->node_id, &id))
			return err_set(e, "node_id is '%.*s', expected a UUID", SLICE_ARG(s->node_id));
		uuid_format(&id, out);
		return true;
	}
	if (snprintf(path, sizeof path, "%.*s/kong.id", SLICE_ARG(s->prefix)) >= (int)sizeof path)
		return err_set(e, "prefix is too long: '%.200s...'", path);
	return read_id(path, out) || make_id(s, path, out, e);
}
