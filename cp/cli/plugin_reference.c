/* gatectl plugin reference: every plugin of this release as Markdown: what it does, its fields, an example; from the
 * tables that judge configurations. scripts/plugin-reference keeps it in deploy/PLUGINS.md. */
#include <stdio.h>
#include <stdlib.h>

#include "common/plugin/registry.h"
#include "cp/cli/command.h"
#include "cp/cli/markdown.h"

/* ---- fields ---------------------------------------------------------------------------------------------------- */

static const char *plural(enum field_type t)
{
	switch (t) {
	case TYPE_STRING: return "strings";
	case TYPE_INTEGER: return "integers";
	case TYPE_NUMBER: return "numbers";
	case TYPE_RECORD: return "records";
	case TYPE_BOOLEAN: return "booleans";
	default: return "lists";
	}
}

static void print_type(const struct field *f)
{
	const struct field *of = f->type == TYPE_MAP ? f->values : f->elements;
	const char *name = f->flags & AS_SET ? "set" : field_type_name(f->type);
	if (of && of->type != TYPE_END)
		printf("%s %s %s", name, f->type == TYPE_MAP ? "to" : "of", plural(of->type));
	else
		fputs(name, stdout);
}

static void print_default(const struct field *f)
{
	json_t *value = field_default(f);
	char *text = json_is_null(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
	if (text)
		printf("`%s`", text);
	else if (f->flags & REQUIRED && f->type != TYPE_RECORD)
		fputs("required", stdout);
	free(text);
	json_decref(value);
}

static void print_meaning(const struct field *f)
{
	markdown_cell(f->doc ? f->doc : "");
	if (f->flags & REFERENCEABLE)
		fputs(" May be a `{vault://...}` reference.", stdout);
}

static void print_fields(const struct schema *s, const char *prefix);

static void print_field(const struct field *f, const char *prefix)
{
	const struct schema *within = f->record ? f->record : f->values ? f->values->record : NULL;
	char path[256];

	snprintf(path, sizeof path, "%s%s", prefix, f->name);
	printf("| `%s` | ", path);
	print_type(f);
	fputs(" | ", stdout);
	print_default(f);
	fputs(" | ", stdout);
	markdown_allowed(f->elements && !f->one_of ? f->elements : f);
	fputs(" | ", stdout);
	print_meaning(f);
	puts(" |");
	if (!within)
		within = f->elements ? f->elements->record : NULL;
	if (within) {
		snprintf(path, sizeof path, f->type == TYPE_RECORD ? "%s%s." : "%s%s.*.", prefix, f->name);
		print_fields(within, path);
	}
}

static void print_fields(const struct schema *s, const char *prefix)
{
	for_each_field(f, s) print_field(f, prefix);
}

/* ---- a plugin -------------------------------------------------------------------------------------------------- */

static void print_places(const struct plugin *p)
{
	static const struct {
		unsigned scope;
		const char *name;
	} places[] = {{SCOPE_ROUTE, "routes"}, {SCOPE_SERVICE, "services"}, {SCOPE_CONSUMER, "consumers"},
	        {SCOPE_CONSUMER_GROUP, "consumer groups"}};
	printf("Priority %d. Attached to ", p->priority);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (p->scopes & places[i].scope)
			printf("%s, ", places[i].name);
	printf("%s. Protocols: %s.\n\n", p->scopes ? "or global" : "nothing: global only",
	        p->protocols == PROTOCOLS_HTTP ? "http, https, grpc, grpcs" : "all");
}

static void print_entities(const struct plugin *p)
{
	for (const struct schema *const *e = p->entities; e && *e; e++) {
		printf("\nEntities of its own, `%s`", (*e)->path ? (*e)->path : (*e)->name);
		printf("%s%s\n\n", (*e)->doc ? ": " : "", (*e)->doc ? (*e)->doc : "");
		puts("| field | type | default | allowed | meaning |\n|---|---|---|---|---|");
		print_fields(*e, "");
	}
}

static void print_example(const struct plugin *p)
{
	if (!p->example)
		return;
	json_t *row = json_pack("{s:s, s:o}", "name", p->name, "config", schema_literal(p->example));
	char *text = json_dumps(row, JSON_COMPACT);
	printf("\n```\ncurl -X POST http://127.0.0.1:8001/plugins -H 'Content-Type: application/json' -d '%s'\n```\n",
	        text);
	free(text);
	json_decref(row);
}

static void print_plugin(const struct plugin *p)
{
	printf("\n## %s\n\n%s ", p->name, p->doc ? p->doc : "");
	print_places(p);
	puts("| field of `config` | type | default | allowed | meaning |\n|---|---|---|---|---|");
	print_fields(p->config, "");
	print_example(p);
	print_entities(p);
}

static enum exit_code run_plugin_reference(struct cli *c)
{
	if (!cli_no_more(c))
		return EXIT_USAGE;
	puts("| plugin | what |\n|---|---|");
	for (size_t i = 0; i < registry_count(); i++)
		printf("| [%s](#%s) | %s |\n", registry_at(i)->name, registry_at(i)->name,
		        registry_at(i)->doc ? registry_at(i)->doc : "");
	for (size_t i = 0; i < registry_count(); i++)
		print_plugin(registry_at(i));
	return EXIT_OK;
}

const struct command plugin_reference_command = {
        .name = "plugin reference",
        .usage = "",
        .summary = "describe every plugin with its fields and an example, as Markdown",
        .examples = "  gatectl plugin reference\n  gatectl plugin reference | less\n",
        .run = run_plugin_reference,
};
