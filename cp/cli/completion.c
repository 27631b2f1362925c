/* gatectl completion: a script for bash that completes commands and their options, made from the commands themselves.
 */
#include <stdio.h>

#include "cp/cli/command.h"

static const struct command *const commands[] = {
#define COMMAND(symbol) &symbol##_command,
#include "cp/cli/commands.def"
#undef COMMAND
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* The options named in a usage: words that begin with '-', without brackets. */
static void print_options(const char *usage)
{
	for (const char *at = usage; *at; at++) {
		if (*at != '-' || (at != usage && at[-1] != '[' && at[-1] != ' ' && at[-1] != '|'))
			continue;
		size_t n = strcspn(at, " ]|");
		printf("%.*s ", (int)n, at);
		at += n - 1;
	}
}

static void print_first_words(void)
{
	for (int i = 0; i < COMMANDS; i++)
		printf("%.*s ", (int)strcspn(commands[i]->name, " "), commands[i]->name);
}

/* One case per command, the two-word ones first so that they are seen before their first word. */
static void print_cases(bool two_words)
{
	for (int i = 0; i < COMMANDS; i++) {
		if ((strchr(commands[i]->name, ' ') != NULL) != two_words)
			continue;
		printf("\t\"%s%s) options=\"", commands[i]->name, two_words ? " \"*" : " \"*");
		print_options(commands[i]->usage);
		puts("--help\" ;;");
	}
}

static enum exit_code run_completion(struct cli *c)
{
	if (c->argc > 1 || (c->argc == 1 && strcmp(c->argv[0], "bash") != 0)) {
		cli_fail("completion is for bash");
		return EXIT_USAGE;
	}
	puts("# bash completion of gatectl; put it into /usr/share/bash-completion/completions/gatectl\n"
	     "_gatectl() {\n"
	     "\tlocal word=${COMP_WORDS[COMP_CWORD]} options=\"\"\n"
	     "\tcase \"${COMP_WORDS[*]:1:COMP_CWORD} \" in");
	print_cases(true);
	print_cases(false);
	fputs("\tesac\n"
	      "\tif [ \"$COMP_CWORD\" = 1 ]; then options=\"",
	        stdout);
	print_first_words();
	puts("--help --version\"; fi\n"
	     "\tcase \"${COMP_WORDS[COMP_CWORD-1]}\" in\n"
	     "\t--conf|-c|--admin-cert|--admin-key|--admin-ca|-f) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
	     "\t--prefix|-p|--dir) COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n"
	     "\t-o|--output) COMPREPLY=($(compgen -W \"json text\" -- \"$word\")); return ;;\n"
	     "\tesac\n"
	     "\tCOMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
	     "}\n"
	     "complete -F _gatectl gatectl");
	return EXIT_OK;
}

const struct command completion_command = {
        .name = "completion",
        .usage = "[bash]",
        .summary = "print a script that completes commands and options in bash",
        .examples = "  source <(gatectl completion)\n"
                    "  gatectl completion > /usr/share/bash-completion/completions/gatectl\n",
        .run = run_completion,
};
