/* options: what commands share: options taken out of the arguments, settings, messages. See command.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cp/cli/command.h"

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

bool cli_settings(struct cli *c, struct settings *out)
{
	struct err e;
	if (c->prefix)
		setenv("GATEHOUSE_PREFIX", c->prefix, 1);
	if (settings_load(c->arena, c->conf, out, &e))
		return true;
	cli_fail("%s", e.message);
	return false;
}
