/* log_setup: points the log to where the settings say. Both daemons call it once, before they have threads. */
#ifndef COMMON_SETTINGS_LOG_SETUP_H
#define COMMON_SETTINGS_LOG_SETUP_H

#include <limits.h>

#include "common/settings/settings.h"

/* Level, format and file. path: admin_error_log or proxy_error_log; relative to the prefix; unset, "off" and devices
 * mean stderr. Folders are made. */
bool log_setup(const struct settings *s, struct slice path, struct err *e);

/* Where the file of a log is: relative to the prefix; its folder is made. */
bool log_path(const struct settings *s, struct slice path, char full[PATH_MAX], struct err *e);

#endif
