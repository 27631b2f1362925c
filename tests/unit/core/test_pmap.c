/* pmap, compared with a plain table over random changes and copies. The hash is weakened on purpose in turn, so that
 * long common prefixes and lists of equal hashes occur, which a good hash would never show. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/core/slice.h"

static uint64_t hash_mask;

static uint64_t weak_hash(struct slice s)
{
	return slice_hash(s) & hash_mask;
}
#define slice_hash weak_hash
#include "common/core/pmap.c"
#undef slice_hash

static const uint64_t masks[] = {
        UINT64_MAX, 0,            /* every hash is equal */
        0x7,                      /* a few lists */
        UINT64_C(0xF) << 60,      /* told apart by the last bits only */
        UINT64_C(0x1F) << 30 | 1, /* two levels far apart */
};

struct item {
	unsigned refs;
	size_t key_len;
	char key[16];
};

static long items_alive;

static struct slice item_key(const void *value, const void *context)
{
	const struct item *it = value;
	return slice_of(it->key, it->key_len);
}

static void *item_ref(void *value)
{
	((struct item *)value)->refs++;
	return value;
}

static void item_unref(void *value)
{
	struct item *it = value;
	ck_assert_uint_gt(it->refs, 0);
	if (--it->refs > 0)
		return;
	items_alive--;
	free(it);
}

static const struct pmap_ops item_ops = {item_key, item_ref, item_unref};

static struct item *item_new(unsigned number)
{
	struct item *it = calloc(1, sizeof *it);
	it->refs = 1;
	it->key_len = number == 0 ? 0 : (size_t)snprintf(it->key, sizeof it->key, "key %u", number);
	items_alive++;
	return it;
}

/* ---- the property ---------------------------------------------------------------------------------------------- */

enum { KEYS = 300, MAPS = 6, STEPS = 20000 };

struct pair { /* a map and what it should hold */
	struct pmap map;
	struct item *model[KEYS];
};

static struct slice key_number(unsigned number, char room[16])
{
	if (number == 0)
		return S("");
	return slice_of(room, (size_t)snprintf(room, 16, "key %u", number));
}

static bool count_value(void *value, void *arg)
{
	++*(size_t *)arg;
	return true;
}

static void compare(const struct pair *p)
{
	size_t expected = 0, seen = 0;
	char room[16];
	for (unsigned i = 0; i < KEYS; i++) {
		ck_assert_ptr_eq(pmap_get(&p->map, key_number(i, room)), p->model[i]);
		expected += p->model[i] != NULL;
	}
	ck_assert(pmap_each(&p->map, count_value, &seen));
	ck_assert_uint_eq(seen, expected);
	ck_assert_uint_eq(p->map.count, expected);
}

static void put_random(struct pair *p)
{
	unsigned number = (unsigned)(random() % KEYS);
	struct item *it = item_new(number);
	pmap_put(&p->map, it);
	p->model[number] = it;
	item_unref(it);
}

static void remove_random(struct pair *p)
{
	char room[16];
	unsigned number = (unsigned)(random() % KEYS);
	ck_assert_int_eq(pmap_remove(&p->map, key_number(number, room)), p->model[number] != NULL);
	p->model[number] = NULL;
}

static void copy_random(struct pair *pairs, struct pair *to)
{
	struct pair *from = &pairs[random() % MAPS];
	if (from == to)
		return;
	pmap_fini(&to->map);
	*to = *from;
	to->map = pmap_copy(&from->map);
}

/* Phases in which puts and then removes prevail, so that maps grow full and empty. */
static void step(struct pair *pairs, int i)
{
	struct pair *p = &pairs[random() % MAPS];
	int dice = (int)(random() % 100), puts = i / 2500 % 2 ? 25 : 65;
	if (dice < 3)
		copy_random(pairs, p);
	else if (dice < 3 + puts)
		put_random(p);
	else
		remove_random(p);
	if (i % 50 == 0)
		for (int k = 0; k < MAPS; k++)
			compare(&pairs[k]);
}

START_TEST(a_map_and_all_its_copies_hold_what_a_plain_table_holds)
{
	static struct pair pairs[MAPS];
	hash_mask = masks[_i];
	srandom((unsigned)_i + 1);
	for (int i = 0; i < MAPS; i++)
		pmap_init(&pairs[i].map, &item_ops, NULL);
	for (int i = 0; i < STEPS; i++)
		step(pairs, i);
	for (int i = 0; i < MAPS; i++)
		pmap_fini(&pairs[i].map);
	ck_assert_int_eq(items_alive, 0);
}
END_TEST

/* ---- shape ----------------------------------------------------------------------------------------------------- */

static bool same_shape(const struct pmap_node *a, const struct pmap_node *b)
{
	if (a->value_bits != b->value_bits || a->child_bits != b->child_bits || a->values != b->values)
		return false;
	for (uint32_t i = 0; i < a->children; i++)
		if (!same_shape(child_at(a, i), child_at(b, i)))
			return false;
	return true;
}

START_TEST(what_was_put_and_removed_again_leaves_no_trace_in_the_shape)
{
	struct pmap a, b;
	char room[16];
	hash_mask = masks[_i];
	pmap_init(&a, &item_ops, NULL);
	pmap_init(&b, &item_ops, NULL);
	for (unsigned i = 0; i < KEYS; i++) {
		struct item *it = item_new(i);
		pmap_put(&a, it);
		if (i % 3 == 0)
			pmap_put(&b, it);
		item_unref(it);
	}
	for (unsigned i = 0; i < KEYS; i++)
		if (i % 3 != 0)
			ck_assert(pmap_remove(&a, key_number(i, room)));
	ck_assert(same_shape(a.root, b.root));
	pmap_fini(&a);
	pmap_fini(&b);
	ck_assert_int_eq(items_alive, 0);
}
END_TEST

START_TEST(nodes_that_nobody_shares_are_changed_in_place)
{
	struct pmap m;
	hash_mask = UINT64_MAX;
	pmap_init(&m, &item_ops, NULL);
	struct item *it = item_new(1);
	for (int i = 0; i < 3; i++)
		pmap_put(&m, it);
	ck_assert_uint_eq(it->refs, 2); /* ours and one node's */
	struct pmap copy = pmap_copy(&m);
	ck_assert_uint_eq(it->refs, 2); /* the node is shared, not copied */
	struct item *other = item_new(2);
	pmap_put(&copy, other);
	ck_assert_uint_eq(it->refs, 3);
	ck_assert_ptr_null(pmap_get(&m, item_key(other, NULL)));
	pmap_fini(&copy);
	ck_assert_uint_eq(it->refs, 2);
	pmap_fini(&m);
	item_unref(it);
	item_unref(other);
	ck_assert_int_eq(items_alive, 0);
}
END_TEST

START_TEST(removing_by_the_key_of_the_value_that_goes_is_safe)
{
	struct pmap m;
	hash_mask = masks[_i];
	pmap_init(&m, &item_ops, NULL);
	for (unsigned i = 0; i < 20; i++) {
		struct item *it = item_new(i);
		pmap_put(&m, it);
		item_unref(it);
	}
	for (unsigned i = 0; i < 20; i++) {
		char room[16];
		struct item *it = pmap_get(&m, key_number(i, room));
		ck_assert(pmap_remove(&m, item_key(it, NULL)));
	}
	ck_assert_ptr_null(m.root);
	ck_assert_int_eq(items_alive, 0);
}
END_TEST

static bool stop_at_once(void *was, void *is, void *arg)
{
	return false;
}

/* What pmap_diff() said: one letter per key. */
struct said {
	char letters[256];
	unsigned calls;
};

static bool note_difference(void *was, void *is, void *arg)
{
	struct said *s = arg;
	struct item *it = was ? was : is;
	s->calls++;
	s->letters[strtoul(it->key + strcspn(it->key, "0123456789"), NULL, 10)] = was && is ? 'c' : was ? '-' : '+';
	return true;
}

START_TEST(a_diff_says_what_came_went_and_changed)
{
	struct pmap was, is;
	struct said said = {{0}, 0};
	hash_mask = masks[_i];
	pmap_init(&was, &item_ops, NULL);
	for (unsigned i = 0; i < 100; i++) {
		struct item *it = item_new(i);
		pmap_put(&was, it);
		item_unref(it);
	}
	is = pmap_copy(&was);
	ck_assert(pmap_diff(&was, &is, note_difference, &said));
	ck_assert_uint_eq(said.calls, 0);
	for (unsigned i = 0; i < 150; i += 7) { /* those below 100 are replaced, the others are new */
		struct item *it = item_new(i);
		pmap_put(&is, it);
		item_unref(it);
	}
	for (unsigned i = 1; i < 100; i += 7) {
		char room[16];
		pmap_remove(&is, key_number(i, room));
	}
	ck_assert(pmap_diff(&was, &is, note_difference, &said));
	unsigned expected = 0;
	for (unsigned i = 0; i < 150; i++) {
		char letter = i % 7 == 0 ? (i < 100 ? 'c' : '+') : i % 7 == 1 && i < 100 ? '-' : 0;
		expected += letter != 0;
		ck_assert_int_eq(said.letters[i], letter);
	}
	ck_assert_uint_eq(said.calls, expected);
	pmap_fini(&was);
	ck_assert(!pmap_diff(&was, &is, stop_at_once, NULL));
	pmap_fini(&is);
	ck_assert_int_eq(items_alive, 0);
}
END_TEST

START_TEST(an_empty_map_answers)
{
	struct pmap m;
	size_t n = 0;
	pmap_init(&m, &item_ops, NULL);
	ck_assert_ptr_null(pmap_get(&m, S("a")));
	ck_assert(!pmap_remove(&m, S("a")));
	ck_assert(pmap_each(&m, count_value, &n));
	struct pmap copy = pmap_copy(&m);
	pmap_fini(&m);
	pmap_fini(&copy);
	pmap_fini(&copy); /* may be repeated */
	ck_assert_uint_eq(n, 0);
}
END_TEST

static bool stop_at_three(void *value, void *arg)
{
	return ++*(size_t *)arg < 3;
}

START_TEST(each_stops_when_told_to)
{
	struct pmap m;
	size_t n = 0;
	hash_mask = UINT64_MAX;
	pmap_init(&m, &item_ops, NULL);
	for (unsigned i = 0; i < 100; i++) {
		struct item *it = item_new(i);
		pmap_put(&m, it);
		item_unref(it);
	}
	ck_assert(!pmap_each(&m, stop_at_three, &n));
	ck_assert_uint_eq(n, 3);
	pmap_fini(&m);
}
END_TEST

int main(void)
{
	enum { MASKS = sizeof masks / sizeof masks[0] };
	Suite *s = suite_create("pmap");
	TCase *t = tcase_create("pmap");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_map_and_all_its_copies_hold_what_a_plain_table_holds, 0, MASKS);
	tcase_add_loop_test(t, what_was_put_and_removed_again_leaves_no_trace_in_the_shape, 0, MASKS);
	tcase_add_test(t, nodes_that_nobody_shares_are_changed_in_place);
	tcase_add_loop_test(t, removing_by_the_key_of_the_value_that_goes_is_safe, 0, MASKS);
	tcase_add_loop_test(t, a_diff_says_what_came_went_and_changed, 0, MASKS);
	tcase_add_test(t, an_empty_map_answers);
	tcase_add_test(t, each_stops_when_told_to);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
