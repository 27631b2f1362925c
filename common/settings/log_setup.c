/* log_setup: see log_setup.h. */
#include "common/settings/log_setup.h"

#include <stdio.h>

#include "common/core/file.h"
#include "common/core/log.h"

bool log_path(const struct settings *s, struct slice path, char full[PATH_MAX], struct err *e)
{
	int n = path.ptr[0] == '/' ? snprintf(full, PATH_MAX, "%.*s", SLICE_ARG(path))
	                           : snprintf(full, PATH_MAX, "%.*s/%.*s", SLICE_ARG(s->prefix), SLICE_ARG(path));
	if (n < 0 || n >= PATH_MAX)
		return err_set(e, "name of the log file is too long: '%.100s...'", full);
	if (slice_starts(path, S("/dev/")))
		return true;
	char *slash = strrchr(full, '/');
	*slash = '\0';
	bool ok = slash == full || file_make_dirs(full, 0755, e);
	*slash = '/';
	return ok;
}

bool log_setup(const struct settings *s, struct slice path, struct err *e)
{
	enum log_level level;
	if (log_level_parse(s->log_level, &level))
		log_set_level(level);
	log_use_json(slice_eq(s->log_format, S("json")));
	if (path.len == 0 || slice_eq(path, S("off")) || slice_starts(path, S("/dev/")))
		return true;
	char full[PATH_MAX];
	return log_path(s, path, full, e) && log_open(full, e);
}
