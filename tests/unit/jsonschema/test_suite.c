/* jsonschema by cases: files in the layout of the public JSON Schema test suite, written anew, in suite/FOLDER:
 * arrays of {description, schema, tests: [{description, data, valid}]}. Folders say for which drafts; `all` is for
 * every one. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/jsonschema/jsonschema.h"
#include "tests/support/loading.h"

#define SUITE "tests/unit/jsonschema/suite"

static const char *const draft_names[] = {"draft 4", "draft 6", "draft 7", "2020-12"};

static const struct {
	const char *folder;
	enum jsonschema_draft first, last;
	unsigned at_least; /* cases: files cannot get lost unnoticed */
} folders[] = {
        {"all", JSONSCHEMA_DRAFT4, JSONSCHEMA_2020_12, 300},
        {"draft4", JSONSCHEMA_DRAFT4, JSONSCHEMA_DRAFT4, 15},
        {"from6", JSONSCHEMA_DRAFT6, JSONSCHEMA_2020_12, 40},
        {"from7", JSONSCHEMA_DRAFT7, JSONSCHEMA_2020_12, 20},
        {"until7", JSONSCHEMA_DRAFT4, JSONSCHEMA_DRAFT7, 15},
        {"2020-12", JSONSCHEMA_2020_12, JSONSCHEMA_2020_12, 70},
};

static void run_group(const json_t *group, enum jsonschema_draft draft, const char *file, unsigned *count)
{
	char *text = json_dumps(json_object_get(group, "schema"), JSON_ENCODE_ANY);
	const char *about = json_string_value(json_object_get(group, "description"));
	const json_t *tests = json_object_get(group, "tests"), *one;
	struct arena a;
	struct err e = {""};
	size_t i;

	arena_init(&a);
	const struct jsonschema *s = jsonschema_compile(&a, slice_cstr(text), draft, &e);
	ck_assert_msg(s != NULL, "%s, %s, '%s': %s", file, draft_names[draft], about, e.message);
	json_array_foreach(tests, i, one)
	{
		bool wanted = json_is_true(json_object_get(one, "valid"));
		const char *what = json_string_value(json_object_get(one, "description"));
		struct jsonschema_failures f = {.arena = &a};
		const json_t *data = json_object_get(one, "data");
		ck_assert_msg(jsonschema_validate(s, data, NULL) == wanted, "%s, %s, '%s', '%s': expected %s", file,
		        draft_names[draft], about, what, wanted ? "valid" : "invalid");
		ck_assert_msg(jsonschema_validate(s, data, &f) == wanted && (f.len > 0) == !wanted,
		        "%s, %s, '%s', '%s': with failures collected", file, draft_names[draft], about, what);
		++*count;
	}
	free(text);
	arena_fini(&a);
}

static void run_file(const char *path, enum jsonschema_draft draft, unsigned *count)
{
	json_error_t why;
	json_t *groups = json_load_file(path, 0, &why), *group;
	size_t i;

	ck_assert_msg(groups != NULL, "%s: %s", path, why.text);
	json_array_foreach(groups, i, group) run_group(group, draft, path, count);
	json_decref(groups);
}

static void run_folder(const char *folder, enum jsonschema_draft draft, unsigned *count)
{
	char path[512];
	snprintf(path, sizeof path, SUITE "/%s", folder);
	DIR *d = opendir(path);
	ck_assert_msg(d != NULL, "no %s", path);
	for (struct dirent *file; (file = readdir(d));) {
		if (!slice_ends(slice_cstr(file->d_name), S(".json")))
			continue;
		snprintf(path, sizeof path, SUITE "/%s/%s", folder, file->d_name);
		run_file(path, draft, count);
	}
	closedir(d);
}

START_TEST(cases_of_a_folder)
{
	for (int draft = (int)folders[_i].first; draft <= (int)folders[_i].last; draft++) {
		unsigned count = 0;
		run_folder(folders[_i].folder, (enum jsonschema_draft)draft, &count);
		ck_assert_uint_ge(count, folders[_i].at_least);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jsonschema suite");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, cases_of_a_folder, 0, sizeof folders / sizeof folders[0]);
	suite_add_tcase(s, t);
	return run_suite(s);
}
