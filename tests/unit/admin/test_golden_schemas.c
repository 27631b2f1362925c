/* What /schemas says of every entity, vault and plugin, line by line as in tests/golden/schemas: types, defaults,
 * constraints and order (entities.md 4 and 5, plugins.md; admin-api.md 8.6). Clients fill in defaults from it: a
 * wrong one is an eternal difference. Descriptions are not compared; everybody may improve them.
 *
 * GOLDEN_UPDATE=1 build/release/tests/unit/admin/test_golden_schemas writes the files anew; read the difference
 * before it is committed. */
#include <dirent.h>
#include <unistd.h>

#include "common/plugin/registry.h"
#include "tests/unit/admin/fixture.h"

#define FOLDER "tests/golden/schemas"

static void drop_descriptions(json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(json_object_get(value, "description"))) /* else it is a field of that name */
		json_object_del(value, "description");
	json_object_foreach(value, key, member) drop_descriptions(member);
	json_array_foreach(value, i, member) drop_descriptions(member);
}

static void put_lines(struct text *out, const char *head, const json_t *list)
{
	const json_t *item;
	size_t i;

	text_printf(out, "%s\n", head);
	json_array_foreach(list, i, item)
	{
		char *line = json_dumps(item, JSON_COMPACT);
		text_printf(out, "%s\n", line);
		free(line);
	}
}

static char *read_golden(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "r");
	size_t room = 1 << 20;
	char *text = arena_alloc(a, room);

	if (!f)
		return NULL;
	text[fread(text, 1, room - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void write_golden(const char *path, const struct text *t)
{
	FILE *f = fopen(path, "w");

	ck_assert_msg(f != NULL, "cannot write %s", path);
	fwrite(t->ptr, 1, t->len, f);
	fclose(f);
}

/* Where two lines part, with a little of what stands before. */
static void fail_at(const char *name, const char *wanted, size_t w, const char *got, size_t g)
{
	size_t at = 0, from;

	while (at < w && at < g && wanted[at] == got[at])
		at++;
	from = at < 60 ? 0 : at - 60;
	ck_abort_msg("%s: expected ...%.*s\nnot ...%.*s", name, w - from < 160 ? (int)(w - from) : 160, wanted + from,
	        g - from < 160 ? (int)(g - from) : 160, got + from);
}

/* Two texts up to the first line that differs. */
static void same_lines(const char *name, const char *wanted, const char *got)
{
	while (*wanted || *got) {
		size_t w = strcspn(wanted, "\n"), g = strcspn(got, "\n");
		if (w != g || memcmp(wanted, got, w) != 0)
			fail_at(name, wanted, w, got, g);
		wanted += w + (wanted[w] == '\n');
		got += g + (got[g] == '\n');
	}
}

/* The config of a plugin, a field on each line too. */
static void put_config(struct text *out, json_t *fields)
{
	static const char *const lists[] = {"fields", "shorthand_fields"};
	json_t *field, *config = NULL;
	size_t i;

	json_array_foreach(fields, i, field)
	{
		if (json_object_get(json_object_get(field, "config"), "fields"))
			config = json_object_get(field, "config");
	}
	for (i = 0; config && i < 2; i++) {
		json_t *list = json_object_get(config, lists[i]);
		put_lines(out, lists[i], list);
		if (list)
			json_object_set_new(config, lists[i], json_string("below"));
	}
}

/* path below /schemas, which is also the file's name. */
static void check(const char *name)
{
	struct api api;
	struct text got = {0};
	char path[256];

	api_init(&api);
	snprintf(path, sizeof path, "/schemas/%s", name);
	ck_assert_msg(ask(&api, "GET", path, NULL) == 200, "no %s", path);
	drop_descriptions(api.json);
	struct text config = {0};
	put_config(&config, json_object_get(api.json, "fields"));
	put_lines(&got, "fields", json_object_get(api.json, "fields"));
	text_put(&got, text_slice(&config));
	text_fini(&config);
	put_lines(&got, "entity_checks", json_object_get(api.json, "entity_checks"));
	snprintf(path, sizeof path, FOLDER "/%s.txt", name);
	if (getenv("GOLDEN_UPDATE"))
		write_golden(path, &got);
	char *wanted = read_golden(&api.arena, path);
	ck_assert_msg(wanted != NULL, "%s is missing: see the head of this file", path);
	same_lines(name, wanted, text_cstr(&got));
	text_fini(&got);
	api_fini(&api);
}

START_TEST(every_kind_is_described_as_agreed)
{
	check(kinds_at((size_t)_i)->name);
}
END_TEST

static const char *const described[] = {"filter_chains", "workspaces", "tags", "parameters", "clustering_data_planes",
        "ratelimiting_metrics", "vaults/env", "vaults/file"};

START_TEST(what_has_no_rows_is_described_as_agreed)
{
	check(described[_i]);
}
END_TEST

/* A plugin without a file is new; GOLDEN_UPDATE makes the file. */
START_TEST(every_plugin_is_described_as_agreed)
{
	char name[128], path[256];

	snprintf(name, sizeof name, "plugins/%s", registry_at((size_t)_i)->name);
	snprintf(path, sizeof path, FOLDER "/%s.txt", name);
	if (getenv("GOLDEN_UPDATE") || access(path, F_OK) == 0)
		check(name);
}
END_TEST

/* Each file is of something that there is: a plugin cannot lose its name unnoticed. */
START_TEST(every_file_is_of_a_plugin)
{
	DIR *folder = opendir(FOLDER "/plugins");
	size_t n = 0;

	ck_assert_ptr_nonnull(folder);
	for (struct dirent *d; (d = readdir(folder));) {
		struct slice name = slice_cstr(d->d_name);
		if (!slice_ends(name, S(".txt")))
			continue;
		name.len -= 4;
		ck_assert_msg(registry_find(name) != NULL, "no plugin for %s", d->d_name);
		n++;
	}
	closedir(folder);
	ck_assert_uint_ge(n, 5);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("golden schemas");
	TCase *c = tcase_create("all");

	tcase_add_loop_test(c, every_kind_is_described_as_agreed, 0, (int)kinds_count());
	tcase_add_loop_test(c, what_has_no_rows_is_described_as_agreed, 0, sizeof described / sizeof *described);
	tcase_add_test(c, every_file_is_of_a_plugin);
	tcase_add_loop_test(c, every_plugin_is_described_as_agreed, 0, (int)registry_count());
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
