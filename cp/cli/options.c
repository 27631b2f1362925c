/* options: what commands share: options taken out of the arguments, settings, messages. See command.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/entity/route.h"
#include "common/plugin/objects.h"
#include "common/plugin/template.h"
#include "cp/cli/command.h"
#include "cp/store/migrate.h"

enum { DAY_MS = 86400000 };

enum exit_code cli_fail(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fputs("gatectl: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	return EXIT_FAILED;
}

enum exit_code cli_error(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fputs("Error: ", stderr);
	vfprintf(stderr, format, ap);
	fputs("\n\n  Run with --v (verbose) or --vv (debug) for more details\n", stderr);
	va_end(ap);
	return EXIT_FAILED;
}

static void take_out(struct cli *c, int at, int n)
{
	for (int i = at; i + n < c->argc; i++)
		c->argv[i] = c->argv[i + n];
	c->argc -= n;
}

const char *cli_option(struct cli *c, const char *name)
{
	size_t len = strlen(name);
	for (int i = 0; i < c->argc; i++) {
		const char *arg = c->argv[i], *value;
		if (strncmp(arg, name, len) != 0)
			continue;
		if (arg[len] == '=') {
			value = arg + len + 1;
			take_out(c, i, 1);
			return value;
		}
		if (arg[len] == '\0' && i + 1 < c->argc) {
			value = c->argv[i + 1];
			take_out(c, i, 2);
			return value;
		}
	}
	return NULL;
}

bool cli_flag(struct cli *c, const char *name)
{
	for (int i = 0; i < c->argc; i++)
		if (strcmp(c->argv[i], name) == 0) {
			take_out(c, i, 1);
			return true;
		}
	return false;
}

bool cli_no_more(const struct cli *c)
{
	if (c->argc == 0)
		return true;
	cli_fail("'%s' is not expected here; --help shows what is", c->argv[0]);
	return false;
}

static double milliseconds_of(const char *unit)
{
	static const struct {
		const char *unit;
		double ms;
	} all[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (strcmp(all[i].unit, unit) == 0)
			return all[i].ms;
	return 0;
}

static bool read_duration(const char *text, int64_t max_ms, int64_t *ms)
{
	char *unit;
	double n = strtod(text, &unit) * milliseconds_of(unit);

	if (unit == text || !(n >= 1 && n <= (double)max_ms))
		return false;
	*ms = (int64_t)n;
	return true;
}

bool cli_duration(const char *name, const char *text, int64_t *ms)
{
	if (read_duration(text, DAY_MS, ms))
		return true;
	cli_fail("%s is '%s', expected a time such as 10s, 500ms or 2m", name, text);
	return false;
}

bool cli_lifetime(const char *name, const char *text, int64_t *s)
{
	int64_t ms;

	if (read_duration(text, 366 * (int64_t)DAY_MS, &ms)) {
		*s = (ms + 999) / 1000;
		return true;
	}
	cli_fail("%s is '%s', expected a time such as 10m, 1h or 90d, at most 366d", name, text);
	return false;
}

bool cli_count(const char *name, const char *text, int64_t *n)
{
	if (slice_to_int(slice_cstr(text), n) && *n >= 1)
		return true;
	cli_fail("%s is '%s', expected a whole number from 1", name, text);
	return false;
}

struct store *cli_store(const struct settings *s)
{
	enum migrate_state state;
	struct err e;
	struct store *st = store_open(s, &e);

	if (!st || !migrate_status(st, &state, &e))
		cli_fail("%s", e.message);
	else if (state != MIGRATE_CURRENT)
		cli_fail("the database is not at this release: run 'gatectl migrations bootstrap' or 'up'");
	else
		return st;
	store_close(st);
	return NULL;
}

bool cli_version(const char *text, uint64_t *version)
{
	struct slice digits = slice_cstr(*text == 'v' ? text + 1 : text);
	int64_t n;

	if (slice_to_int(digits, &n) && n >= 0) {
		*version = (uint64_t)n;
		return true;
	}
	cli_fail("'%s' is not a version, expected one such as v41", text);
	return false;
}

bool cli_settings(struct cli *c, struct settings *out)
{
	struct settings *read = arena_new(c->arena, struct settings);
	struct err e;

	if (c->settings) {
		*out = *c->settings;
		return true;
	}
	if (c->prefix)
		setenv("GATEHOUSE_PREFIX", c->prefix, 1);
	if (!settings_load(c->arena, c->conf, read, &e) || !objects_load(read->plugin_dir, &e)) {
		cli_fail("%s", e.message);
		return false;
	}
	route_use_flavor(read->router_flavor);
	template_allow_lua(!slice_eq(read->untrusted_lua, S("off")));
	c->settings = read;
	*out = *read;
	return true;
}
