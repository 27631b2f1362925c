/* gatectl settings: every setting of this release as a Markdown table, from the table that the programs read
 * themselves. scripts/settings-reference keeps it in deploy/SETTINGS.md. */
#include <stdio.h>

#include "cp/cli/command.h"
#include "cp/cli/markdown.h"
#include "cp/cli/output.h"

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
	markdown_allowed(f);
}

static void print_json(void)
{
	json_t *out = json_array();

	for_each_field(f, &settings_schema)
	{
		json_t *allowed = json_array();
		for (const char *const *one = f->one_of; one && *one; one++)
			json_array_append_new(allowed, json_string(*one));
		json_array_append_new(out,
		        json_pack("{s:s, s:s, s:o, s:o, s:s?}", "name", f->name, "type", field_type_name(f->type),
		                "default", field_default(f), "allowed", allowed, "doc", f->doc));
	}
	output_json(out);
	json_decref(out);
}

static enum exit_code run_settings(struct cli *c)
{
	if (c->json) {
		print_json();
		return EXIT_OK;
	}
	puts("| setting | default | allowed | meaning |\n|---|---|---|---|");
	for_each_field(f, &settings_schema)
	{
		printf("| `%s` | ", f->name);
		print_default(f);
		fputs(" | ", stdout);
		print_allowed(f);
		fputs(" | ", stdout);
		markdown_cell(f->doc ? f->doc : "");
		puts(" |");
	}
	return EXIT_OK;
}

const struct command settings_command = {
        .name = "settings",
        .usage = "[-o json]",
        .summary = "list every setting with its default and allowed values",
        .examples = "  gatectl settings\n  gatectl settings | grep pg_\n",
        .run = run_settings,
};
