/* gatectl: the operator's command. Finds the command named by the first words, takes out the options that all share,
 * and runs it. */
#include <stdio.h>

#include "common/core/log.h"
#include "common/core/nearest.h"
#include "common/plugin/shared_counts.h"
#include "common/core/release.h"
#include "cp/cli/command.h"

static const struct command *const commands[] = {
#define COMMAND(symbol) &symbol##_command,
#include "cp/cli/commands.def"
#undef COMMAND
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* How many words of argv the command's name takes; 0: it is another one. */
static int words_matched(const struct command *cmd, int argc, char **argv)
{
	struct slice rest = slice_cstr(cmd->name);
	int n = 0;
	while (slice_is_set(rest)) {
		struct slice word = slice_cut(&rest, ' ');
		if (n >= argc || !slice_eq(word, slice_cstr(argv[n])))
			return 0;
		n++;
	}
	return n;
}

static void print_usage(FILE *to)
{
	fprintf(to, "usage: gatectl COMMAND [--conf FILE] [--prefix DIR] [-o json] [--v|--vv] ...\n\n");
	for (int i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-14s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(to, "\ngatectl COMMAND --help shows arguments and examples.\n"
	            "Exit codes: 0 ok, 1 failed, 2 differences found, 3 timed out, 4 not allowed, 64 wrong usage.\n");
}

static void print_help(const struct command *cmd)
{
	printf("usage: gatectl %s %s\n%s\n\nexamples:\n%s", cmd->name, cmd->usage, cmd->summary, cmd->examples);
}

static bool take_output(struct cli *c)
{
	const char *format = cli_option(c, "--output");

	if (!format)
		format = cli_option(c, "-o");
	c->json = format && strcmp(format, "json") == 0;
	if (!format || c->json || strcmp(format, "text") == 0)
		return true;
	cli_fail("-o is '%s', expected json or text", format);
	return false;
}

static enum exit_code run(const struct command *cmd, struct cli *c)
{
	if (cli_flag(c, "--help") || cli_flag(c, "-h")) {
		print_help(cmd);
		return EXIT_OK;
	}
	if (!take_output(c))
		return EXIT_USAGE;
	c->foreground = cli_flag(c, "--foreground");
	if (cli_flag(c, "--v"))
		log_set_level(LOG_INFO);
	if (cli_flag(c, "--vv"))
		log_set_level(LOG_DEBUG);
	c->conf = cli_option(c, "--conf");
	if (!c->conf)
		c->conf = cli_option(c, "-c");
	c->prefix = cli_option(c, "--prefix");
	if (!c->prefix)
		c->prefix = cli_option(c, "-p");
	return cmd->run(c);
}

static enum exit_code no_command(const char *word)
{
	struct nearest n;

	nearest_begin(&n, slice_cstr(word));
	for (int i = 0; i < COMMANDS; i++)
		nearest_offer(&n, commands[i]->name);
	if (n.best)
		cli_fail("there is no command '%s'; did you mean '%s'?", word, n.best);
	else
		cli_fail("there is no command '%s'; see gatectl --help", word);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct arena arena;
	enum exit_code status = EXIT_USAGE;

	log_init("gatectl");
	log_set_level(LOG_WARN);
	shared_counts_offer(true); /* a file may be for a node with a database */
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? EXIT_USAGE : EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0)
		argv[1] = (char *)"version";
	arena_init(&arena);
	for (int i = 0; i < COMMANDS; i++) {
		int words = words_matched(commands[i], argc - 1, argv + 1);
		if (!words)
			continue;
		struct cli c = {
		        .arena = &arena, .program = argv[0], .argc = argc - 1 - words, .argv = argv + 1 + words};
		status = run(commands[i], &c);
		arena_fini(&arena);
		return status;
	}
	arena_fini(&arena);
	return no_command(argv[1]);
}
