/* gatectl settings: every setting of this release as a Markdown table, from the table that the programs read
 * themselves. scripts/settings-reference keeps it in deploy/SETTINGS.md. */
#include <stdio.h>

#include "cp/cli/command.h"

/* A '|' would end the cell. */
static void print_cell(const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			putchar('\\');
		putchar(*text);
	}
}

static void print_default(const struct field *f)
{
	json_t *value = field_default(f);
	if (json_is_boolean(value))
		printf("`%s`", json_is_true(value) ? "on" : "off");
	else if (json_is_integer(value))
		printf("`%lld`", (long long)json_integer_value(value));
	else if (json_is_string(value))
		printf("`%s`", json_string_value(value));
	json_decref(value);
}

static void print_allowed(const struct field *f)
{
	if (f->type == TYPE_BOOLEAN)
		fputs("`on`, `off`", stdout);
	for (const char *const *one = f->one_of; one && *one; one++)
		printf("%s`%s`", one == f->one_of ? "" : ", ", *one);
	if (f->has_between)
		printf("%.0f to %.0f", f->min, f->max);
	if (f->format == FORMAT_UUID)
		fputs("a UUID", stdout);
}

static enum exit_code run_settings(struct cli *c)
{
	(void)c;
	puts("| setting | default | allowed | meaning |\n|---|---|---|---|");
	for_each_field(f, &settings_schema)
	{
		printf("| `%s` | ", f->name);
		print_default(f);
		fputs(" | ", stdout);
		print_allowed(f);
		fputs(" | ", stdout);
		print_cell(f->doc ? f->doc : "");
		puts(" |");
	}
	return EXIT_OK;
}

const struct command settings_command = {
        .name = "settings",
        .usage = "",
        .summary = "list every setting with its default and allowed values",
        .examples = "  gatectl settings\n  gatectl settings | grep pg_\n",
        .run = run_settings,
};
