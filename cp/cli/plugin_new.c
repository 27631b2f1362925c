/* gatectl plugin new: the skeleton of a plugin: its file, its test and its line in the list; or, with --shared, a
 * file and a Makefile for a plugin outside the tree. What it writes compiles, passes its test and does something
 * small. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/core/file.h"
#include "common/core/text.h"
#include "cp/cli/command.h"

/* @NAME@ is "my-plugin", @SYMBOL@ "my_plugin". */
static const char plugin_text[] =
        "/* @NAME@: says hello in a header of every answer. (Say here what it does, and why somebody wants it.) */\n"
        "#include \"common/plugin/plugin.h\"\n"
        "\n"
        "struct @SYMBOL@ {\n"
        "\tstruct slice header_name, greeting;\n"
        "};\n"
        "\n"
        "static const struct field fields[] = {\n"
        "        FIELD(struct @SYMBOL@, header_name, .flags = REQUIRED, .dflt = \"'X-Hello'\", .format = FORMAT_HEADER_NAME,\n"
        "                .doc = \"The header that is set.\"),\n"
        "        FIELD(struct @SYMBOL@, greeting, .flags = REQUIRED, .dflt = \"'hello'\", .doc = \"What it says.\"),\n"
        "        {0},\n"
        "};\n"
        "\n"
        "static const struct schema config = {\n"
        "        .name = \"@NAME@\",\n"
        "        .size = sizeof(struct @SYMBOL@),\n"
        "        .fields = fields,\n"
        "};\n"
        "\n"
        "static enum verdict on_response_head(struct call *c)\n"
        "{\n"
        "\tconst struct @SYMBOL@ *conf = c->conf;\n"
        "\n"
        "\tcall_respond_header(c, conf->header_name, conf->greeting);\n"
        "\treturn GO;\n"
        "}\n"
        "\n"
        "const struct plugin @SYMBOL@_plugin = {\n"
        "        .name = \"@NAME@\",\n"
        "        .priority = 500,\n"
        "        .scopes = SCOPE_ALL,\n"
        "        .protocols = PROTOCOLS_HTTP,\n"
        "        .config = &config,\n"
        "        .response_head = on_response_head,\n"
        "        .doc = \"Says hello in a header of every answer.\",\n"
        "        .example = \"{'greeting':'ahoy'}\",\n"
        "};\n";

static const char test_text[] =
        "/* @NAME@ on the rig: no sockets, no other processes. */\n"
        "#include <check.h>\n"
        "\n"
        "#include \"tests/support/loading.h\"\n"
        "#include \"tests/support/plugin_rig.h\"\n"
        "\n"
        "static struct rig rig;\n"
        "\n"
        "static void setup(void)\n"
        "{\n"
        "\trig_init(&rig);\n"
        "}\n"
        "\n"
        "static void teardown(void)\n"
        "{\n"
        "\trig_fini(&rig);\n"
        "}\n"
        "\n"
        "START_TEST(every_answer_has_the_header)\n"
        "{\n"
        "\trig_plugin(&rig, \"{'name':'@NAME@','config':{'greeting':'ahoy'}}\");\n"
        "\tck_assert_int_eq(rig_get(&rig, \"GET /\", \"\"), GO);\n"
        "\trig_upstream_answers(&rig, 200, \"\", \"\");\n"
        "\tck_assert_str_eq(rig_down(&rig, \"X-Hello\"), \"ahoy\");\n"
        "}\n"
        "END_TEST\n"
        "\n"
        "START_TEST(a_header_needs_a_name)\n"
        "{\n"
        "\tck_assert_ptr_nonnull(rig_refusal(&rig, \"plugins\", \"{'name':'@NAME@','config':{'header_name':'a b'}}\"));\n"
        "}\n"
        "END_TEST\n"
        "\n"
        "int main(void)\n"
        "{\n"
        "\tSuite *s = suite_create(\"@SYMBOL@\");\n"
        "\tTCase *t = tcase_create(\"all\");\n"
        "\ttcase_add_checked_fixture(t, setup, teardown);\n"
        "\ttcase_add_test(t, every_answer_has_the_header);\n"
        "\ttcase_add_test(t, a_header_needs_a_name);\n"
        "\tsuite_add_tcase(s, t);\n"
        "\treturn run_suite(s);\n"
        "}\n";

static const char in_tree_next[] =
        "now: make build/release/tests/unit/plugins/test_@SYMBOL@ && build/release/tests/unit/plugins/test_@SYMBOL@\n"
        "then read common/plugins/README.md\n";

static const char outside_next[] =
        "now: make GATEHOUSE=/path/to/the/source/tree, and put @NAME@.so into the folder that plugin_dir names\n"
        "then read common/plugins/README.md of that tree\n";

static const char make_text[] =
        "# make GATEHOUSE=/path/to/the/source/tree; then put @NAME@.so into the folder that plugin_dir names, on both planes.\n"
        "CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wno-unused-parameter -fPIC -I$(GATEHOUSE) \\\n"
        "          $(shell pkg-config --cflags jansson openssl)\n"
        "\n"
        "@NAME@.so: @SYMBOL@.c\n"
        "\t$(CC) $(CFLAGS) -shared -fvisibility=hidden -o $@ $<\n";

/* ---- names ----------------------------------------------------------------------------------------------------- */

static bool is_name(const char *s)
{
	if (*s < 'a' || *s > 'z')
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '-'))
			return false;
	return true;
}

static void put_symbol(struct text *out, const char *name)
{
	for (; *name; name++)
		text_putc(out, *name == '-' ? '_' : *name);
}

static void fill(struct text *out, const char *template, const char *name)
{
	static const char at_name[] = "@NAME@", at_symbol[] = "@SYMBOL@";
	while (*template) {
		if (strncmp(template, at_name, sizeof at_name - 1) == 0) {
			text_puts(out, name);
			template += sizeof at_name - 1;
		} else if (strncmp(template, at_symbol, sizeof at_symbol - 1) == 0) {
			put_symbol(out, name);
			template += sizeof at_symbol - 1;
		} else {
			text_putc(out, *template ++);
		}
	}
}

static void print_filled(const char *template, const char *name)
{
	struct text out = {0};
	fill(&out, template, name);
	fputs(text_cstr(&out), stdout);
	text_fini(&out);
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

/* folder/prefix + symbol + suffix; what is there already is left alone. */
static bool write_new(const char *path, const char *template, const char *tail, const char *name, struct err *e)
{
	struct text content = {0};
	struct stat st;

	if (stat(path, &st) == 0)
		return err_set(e, "%s is there already", path);
	fill(&content, template, name);
	fill(&content, tail, name);
	bool ok = file_replace(path, text_slice(&content), 0644, e);
	text_fini(&content);
	if (ok)
		printf("  %s\n", path);
	return ok;
}

static bool add_line(const char *path, const char *name, struct err *e)
{
	struct text line = {0};
	FILE *f = fopen(path, "a");

	if (!f)
		return err_set(e, "%s: %s", path, strerror(errno));
	fill(&line, "PLUGIN(@SYMBOL@)\n", name);
	bool ok = fputs(text_cstr(&line), f) >= 0;
	ok = fclose(f) == 0 && ok;
	text_fini(&line);
	if (ok)
		printf("  %s\n", path);
	return ok || err_set(e, "%s: %s", path, strerror(errno));
}

static const char *path_of(struct cli *c, const char *before, const char *name, const char *after)
{
	struct text path = {0};
	text_puts(&path, before);
	put_symbol(&path, name);
	text_puts(&path, after);
	const char *copy = arena_cstr(c->arena, text_slice(&path));
	text_fini(&path);
	return copy;
}

static bool write_in_tree(struct cli *c, const char *name, struct err *e)
{
	struct stat st;
	if (stat("common/plugin/plugins.def", &st) != 0)
		return err_set(e,
		        "this is not the top of the source tree (no common/plugin/plugins.def); go there, or use "
		        "--shared DIR for a plugin outside of it");
	return write_new(path_of(c, "common/plugins/", name, ".c"), plugin_text, "", name, e) &&
	       write_new(path_of(c, "tests/unit/plugins/test_", name, ".c"), test_text, "", name, e) &&
	       add_line("common/plugin/plugins.def", name, e);
}

static bool write_outside(struct cli *c, const char *dir, const char *name, struct err *e)
{
	const char *folder = arena_cstr(c->arena, arena_printf(c->arena, "%s/", dir));
	if (!file_make_dirs(dir, 0755, e))
		return false;
	return write_new(
	               path_of(c, folder, name, ".c"), plugin_text, "\nPLUGIN_OBJECT(@SYMBOL@_plugin);\n", name, e) &&
	       write_new(arena_cstr(c->arena, arena_printf(c->arena, "%sMakefile", folder)), make_text, "", name, e);
}

static enum exit_code run_new(struct cli *c)
{
	const char *shared = cli_option(c, "--shared");
	struct err e;

	if (c->argc != 1 || !is_name(c->argv[0])) {
		cli_fail("plugin new takes a name of lower-case letters, digits and '-', such as my-plugin");
		return EXIT_USAGE;
	}
	bool ok = shared ? write_outside(c, shared, c->argv[0], &e) : write_in_tree(c, c->argv[0], &e);
	if (!ok)
		return cli_fail("%s", e.message);
	print_filled(shared ? outside_next : in_tree_next, c->argv[0]);
	return EXIT_OK;
}

const struct command plugin_new_command = {
        .name = "plugin new",
        .usage = "NAME [--shared DIR]",
        .summary = "Writes the skeleton of a plugin: its file, its test, its line in the list.",
        .examples = "  gatectl plugin new my-plugin\n"
                    "  gatectl plugin new my-plugin --shared ~/my-plugin\n",
        .run = run_new,
};
