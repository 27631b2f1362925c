/* map, compared with a plain table over random changes. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/map.h"

enum { KEYS = 400 };

static int values[KEYS * 2];

static struct slice key_number(size_t i, char room[16])
{
	return slice_of(room, (size_t)snprintf(room, 16, "%zu", i));
}

static void compare(const struct map *m, int *model[KEYS])
{
	char room[16];
	size_t at = 0, seen = 0, expected = 0;
	struct slice key;
	void *value;
	for (size_t i = 0; i < KEYS; i++) {
		ck_assert_ptr_eq(map_get(m, key_number(i, room)), model[i]);
		expected += model[i] != NULL;
	}
	while (map_next(m, &at, &key, &value)) {
		int64_t number;
		ck_assert(slice_to_int(key, &number));
		ck_assert_ptr_eq(value, model[number]);
		seen++;
	}
	ck_assert_uint_eq(seen, expected);
	ck_assert_uint_eq(m->count, expected);
}

START_TEST(it_holds_what_a_plain_table_holds)
{
	struct map m = {0};
	int *model[KEYS] = {0};
	char room[16];
	srandom(1);
	for (int i = 0; i < 40000; i++) {
		size_t k = (size_t)random() % KEYS;
		int *value = &values[random() % (KEYS * 2)];
		if (random() % 100 < (i / 5000 % 2 ? 30 : 70)) {
			ck_assert_ptr_eq(map_set(&m, key_number(k, room), value), model[k]);
			model[k] = value;
		} else {
			ck_assert_ptr_eq(map_remove(&m, key_number(k, room)), model[k]);
			model[k] = NULL;
		}
		if (i % 200 == 0)
			compare(&m, model);
	}
	map_fini(&m);
}
END_TEST

START_TEST(an_empty_map_answers)
{
	struct map m = {0};
	size_t at = 0;
	struct slice key;
	void *value;
	ck_assert_ptr_null(map_get(&m, S("a")));
	ck_assert_ptr_null(map_remove(&m, S("a")));
	ck_assert(!map_next(&m, &at, &key, &value));
	map_fini(&m);
}
END_TEST

START_TEST(keys_are_bytes_and_copied)
{
	struct map m = {0};
	char key[] = "a";
	map_set(&m, slice_of(key, 1), &values[1]);
	map_set(&m, S("a\0"), &values[2]);
	map_set(&m, S(""), &values[3]);
	key[0] = 'b';
	ck_assert_ptr_eq(map_get(&m, S("a")), &values[1]);
	ck_assert_ptr_eq(map_get(&m, S("a\0")), &values[2]);
	ck_assert_ptr_eq(map_get(&m, slice_of(NULL, 0)), &values[3]);
	map_fini(&m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("map");
	TCase *t = tcase_create("map");

	tcase_add_test(t, it_holds_what_a_plain_table_holds);
	tcase_add_test(t, an_empty_map_answers);
	tcase_add_test(t, keys_are_bytes_and_copied);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
