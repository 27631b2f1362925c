/* command: what a gatectl command is. One file per command (or family) and one line in commands.def. */
#ifndef CP_CLI_COMMAND_H
#define CP_CLI_COMMAND_H

#include "common/settings/settings.h"

struct store;

/* Exit codes (users.md section 3). */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_DIFFERENT = 2,
	EXIT_TIMED_OUT = 3,
	EXIT_NOT_ALLOWED = 4,
	EXIT_USAGE = 64
};

/* What every command gets: its arguments after the command's words, options taken out. */
struct cli {
	struct arena *arena;
	const char *program;             /* argv[0]: the other binaries stand beside it */
	const char *conf;                /* --conf FILE or -c FILE; NULL: none given */
	const char *prefix;              /* --prefix DIR or -p DIR; NULL */
	bool foreground;                 /* --foreground */
	bool json;                       /* -o json: the result is one JSON value on stdout */
	const struct settings *settings; /* NULL until cli_settings() */
	int argc;
	char **argv; /* the rest */
};

struct command {
	const char *name;     /* "start", "cluster cert" */
	const char *usage;    /* arguments: "[--conf FILE] [--foreground]" */
	const char *summary;  /* one line */
	const char *examples; /* two real ones, a line each */
	enum exit_code (*run)(struct cli *c);
};

/* The value of "--name VALUE" or "--name=VALUE" among c->argv, taken out; NULL when it is not there. */
const char *cli_option(struct cli *c, const char *name);
/* Whether c->argv has "--name"; taken out. */
bool cli_flag(struct cli *c, const char *name);
/* Loads settings, and with them the plugins from outside, what the router flavor says of routes, and whether Lua
 * counts; says what is wrong on stderr and returns false when they are. Once: what is called again gets the same. */
bool cli_settings(struct cli *c, struct settings *out);
/* True when no argument is left; else says which one was not expected: EXIT_USAGE. */
bool cli_no_more(const struct cli *c);
/* "5s", "500ms", "2m", "1h", or a number of seconds, to milliseconds, a day at most; false with a message. name: of
 * the option. */
bool cli_duration(const char *name, const char *text, int64_t *ms);
/* The same for what outlives the command, also in days ("90d"): 366 of them at most, in seconds. */
bool cli_lifetime(const char *name, const char *text, int64_t *s);
/* A whole number from 1; false with a message. */
bool cli_count(const char *name, const char *text, int64_t *n);
/* The database of these settings, at this release; NULL with a message. The caller closes it. */
struct store *cli_store(const struct settings *s);
/* "41" or "v41"; false with a message. */
bool cli_version(const char *text, uint64_t *version);
/* One line on stderr, "gatectl: ..."; returns EXIT_FAILED. */
enum exit_code cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same in the words of Kong's `config` (declarative-config.md 7): "Error: ...", and how to see more. */
enum exit_code cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define COMMAND(symbol) extern const struct command symbol##_command;
#include "cp/cli/commands.def"
#undef COMMAND

#endif
