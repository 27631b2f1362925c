/* meter: series, their limit, and a reader beside the writer. Threads: one writes, one reads (pitfalls.md A6-9). */
#include <check.h>
#include <pthread.h>
#include <stdio.h>

#include "common/entity/consumer.h"
#include "common/entity/route.h"
#include "common/entity/service.h"
#include "dp/host/meter.h"

static const struct metric requests = {.name = "requests", .kind = METRIC_COUNTER, .help = "Requests"};
static const struct metric open_now = {.name = "open", .kind = METRIC_GAUGE, .help = "Open"};
static const uint32_t bounds[] = {1, 5, 10};
static const struct metric latency = {
        .name = "latency", .kind = METRIC_HISTOGRAM, .help = "Latency", .bounds = bounds, .bounds_count = 3};

static bool find(const struct meter *m, const struct metric *of, const char *labels, struct meter_series *out)
{
	for (uint32_t at = 0; meter_next(m, &at, out);)
		if (out->metric == of && slice_eq(out->labels, slice_cstr(labels)))
			return true;
	return false;
}

START_TEST(counters_add_gauges_set_histograms_observe)
{
	struct meter *m = meter_new(100);
	struct meter_series s;

	meter_count(m, &requests, S("code=\"200\""), 1);
	meter_count(m, &requests, S("code=\"200\""), 2);
	meter_count(m, &requests, S("code=\"500\""), 1);
	meter_count(m, &open_now, S(""), 7);
	meter_count(m, &open_now, S(""), 3);
	const uint64_t seen[] = {0, 1, 2, 5, 10, 11, 1000000};
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
		meter_count(m, &latency, S(""), seen[i]);

	ck_assert(find(m, &requests, "code=\"200\"", &s) && meter_read(s.cells) == 3);
	ck_assert(find(m, &requests, "code=\"500\"", &s) && meter_read(s.cells) == 1);
	ck_assert(find(m, &open_now, "", &s) && meter_read(s.cells) == 3);
	ck_assert(find(m, &latency, "", &s));
	ck_assert_uint_eq(s.cell_count, 4);
	ck_assert(s.cells[0] == 2 && s.cells[1] == 2 && s.cells[2] == 1 && s.cells[3] == 2);
	ck_assert_uint_eq(meter_read(s.sum), 1000029);
	meter_free(m);
}
END_TEST

START_TEST(what_is_beyond_the_limit_is_added_up_per_metric)
{
	struct meter *m = meter_new(3);
	struct meter_series s;
	char labels[32];

	for (int i = 0; i < 10; i++) {
		snprintf(labels, sizeof labels, "n=\"%d\"", i);
		meter_count(m, &requests, slice_cstr(labels), 1);
		meter_count(m, &requests, slice_cstr(labels), 1);
	}
	meter_count(m, &open_now, S(""), 5);
	ck_assert(find(m, &requests, "n=\"2\"", &s) && meter_read(s.cells) == 2);
	ck_assert(!find(m, &requests, "n=\"3\"", &s));
	ck_assert(find(m, &requests, "overflow=\"true\"", &s) && meter_read(s.cells) == 14);
	ck_assert(find(m, &open_now, "overflow=\"true\"", &s) && meter_read(s.cells) == 5);
	ck_assert_uint_eq(meter_overflowed(m), 15);
	meter_free(m);
}
END_TEST

START_TEST(labels_too_long_to_be_looked_up_overflow_too)
{
	static char labels[8192];
	struct meter *m = meter_new(3);
	struct meter_series s;
	memset(labels, 'x', sizeof labels);
	meter_count(m, &requests, slice_of(labels, sizeof labels), 1);
	ck_assert(find(m, &requests, "overflow=\"true\"", &s) && meter_read(s.cells) == 1);
	meter_free(m);
}
END_TEST

/* ---- series about entities ---- */

static struct route route = {.name = SLICE("r")};
static struct service service = {.name = SLICE("s")};
static struct consumer consumer = {.username = SLICE("c")};
static unsigned written;

static void write_labels(struct call *c, const struct metric_subject *s, struct text *out)
{
	char room[UUID_TEXT + 1];
	written++;
	metric_label(out, "route", metric_route(s->route, room));
	metric_label(out, "consumer", metric_consumer(s->consumer));
}

static struct meter *meter_about(void)
{
	struct meter *m = meter_new(100);
	struct metric_subject about = {&route, &service, &consumer, 7}, other = {&route, &service, NULL, 8};
	route.id.bytes[0] = 1;
	service.id.bytes[0] = 2;
	consumer.id.bytes[0] = 3;
	written = 0;
	for (int i = 0; i < 3; i++) {
		meter_count_about(m, &requests, &about, write_labels, NULL, 2);
		meter_count_about(m, &requests, &other, write_labels, NULL, 1);
	}
	meter_count(m, &requests, S("plain=\"1\""), 1);
	return m;
}

START_TEST(labels_are_written_once_for_each_subject)
{
	struct meter *m = meter_about();
	struct meter_series s;
	ck_assert_uint_eq(written, 2);
	ck_assert(find(m, &requests, "route=\"r\",consumer=\"c\"", &s) && meter_read(s.cells) == 6);
	ck_assert(find(m, &requests, "route=\"r\",consumer=\"\"", &s) && meter_read(s.cells) == 3);
	meter_free(m);
}
END_TEST

struct known {
	const struct route *route;
	const struct consumer *consumer;
};

static bool is_current(const struct meter_subject *s, void *arg)
{
	const struct known *k = arg;
	static const struct uuid nil;
	const struct consumer *c = uuid_eq(&s->consumer, &nil) ? NULL : k->consumer;
	return s->names == metric_names(k->route, &service, c);
}

static unsigned count_series(const struct meter *m)
{
	struct meter_series s;
	unsigned n = 0;
	for (uint32_t at = 0; meter_next(m, &at, &s);)
		n++;
	return n;
}

START_TEST(what_has_gone_is_swept_and_makes_room)
{
	struct meter *m = meter_about();
	struct route renamed = {.id = route.id, .name = S("r2")};
	struct metric_subject about = {&renamed, &service, NULL, 7};
	struct meter_series s;
	uint32_t at = 0;

	ck_assert(meter_sweep(m, &at, 100, is_current, &(struct known){&route, &consumer}));
	ck_assert_uint_eq(count_series(m), 3);
	at = 0; /* the consumer has gone */
	ck_assert(meter_sweep(m, &at, 100, is_current, &(struct known){&route, NULL}));
	ck_assert_uint_eq(count_series(m), 2);
	at = 0; /* the route has another name; one step at a time */
	ck_assert(!meter_sweep(m, &at, 1, is_current, &(struct known){&renamed, NULL}));
	ck_assert(meter_sweep(m, &at, 1, is_current, &(struct known){&renamed, NULL}));
	ck_assert_uint_eq(count_series(m), 1); /* what is about nothing stays */
	ck_assert(find(m, &requests, "plain=\"1\"", &s));
	meter_count_about(m, &requests, &about, write_labels, NULL, 1);
	ck_assert(find(m, &requests, "route=\"r2\",consumer=\"\"", &s) && meter_read(s.cells) == 1);
	meter_free(m);
}
END_TEST

START_TEST(nothing_is_swept_while_somebody_reads)
{
	struct meter *m = meter_about();
	uint32_t at = 0;
	meter_begin(m);
	ck_assert(!meter_sweep(m, &at, 100, is_current, &(struct known){NULL, NULL}));
	ck_assert_uint_eq(count_series(m), 3);
	meter_end(m);
	ck_assert(meter_sweep(m, &at, 100, is_current, &(struct known){NULL, NULL}));
	ck_assert_uint_eq(count_series(m), 1);
	meter_free(m);
}
END_TEST

START_TEST(a_swept_series_leaves_its_place_to_others)
{
	struct meter *m = meter_new(1);
	struct metric_subject about = {&route, &service, &consumer, 7};
	struct meter_series s;
	uint32_t at = 0;
	meter_count_about(m, &requests, &about, write_labels, NULL, 1);
	about.detail = 8;
	meter_count_about(m, &requests, &about, write_labels, NULL, 1);
	ck_assert(find(m, &requests, "overflow=\"true\"", &s) && meter_read(s.cells) == 1);
	ck_assert_uint_eq(meter_overflowed(m), 1);
	ck_assert(meter_sweep(m, &at, 100, is_current, &(struct known){NULL, NULL}));
	meter_count_about(m, &requests, &about, write_labels, NULL, 5);
	ck_assert(find(m, &requests, "route=\"r\",consumer=\"c\"", &s) && meter_read(s.cells) == 5);
	ck_assert_uint_eq(meter_overflowed(m), 1);
	meter_free(m);
}
END_TEST

enum { SERIES = 5000, ROUNDS = 20 };
static int writing = 1;

static void *write_all(void *arg)
{
	char labels[32];
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < SERIES; i++) {
			snprintf(labels, sizeof labels, "n=\"%d\"", i);
			meter_count(arg, &requests, slice_cstr(labels), 1);
		}
	__atomic_store_n(&writing, 0, __ATOMIC_RELEASE);
	return NULL;
}

/* Of each series a reader never sees less than before, and in the end all. */
START_TEST(a_reader_sees_figures_that_only_grow)
{
	struct meter *m = meter_new(SERIES);
	struct meter_series s;
	static uint64_t last[SERIES];
	pthread_t writer;

	ck_assert_int_eq(pthread_create(&writer, NULL, write_all, m), 0);
	for (bool done = false; !done;) {
		done = !__atomic_load_n(&writing, __ATOMIC_ACQUIRE);
		for (uint32_t at = 0; meter_next(m, &at, &s);) {
			uint64_t now = meter_read(s.cells);
			if (now < last[at - 1])
				ck_abort_msg("series %u went from %lu to %lu", at - 1, last[at - 1], now);
			last[at - 1] = now;
		}
	}
	pthread_join(writer, NULL);
	for (int i = 0; i < SERIES; i++)
		if (last[i] != ROUNDS)
			ck_abort_msg("series %d: %lu", i, last[i]);
	meter_free(m);
}
END_TEST

static int sweeping = 1;

static void *count_and_sweep(void *arg)
{
	struct metric_subject about = {&route, &service, NULL, 0};
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t at = 0;
		about.detail = i;
		meter_count_about(arg, &requests, &about, write_labels, NULL, 1);
		if (i % 10 == 9)
			meter_sweep(arg, &at, 100, is_current, &(struct known){i % 20 == 9 ? &route : NULL, NULL});
	}
	__atomic_store_n(&sweeping, 0, __ATOMIC_RELEASE);
	return NULL;
}

START_TEST(what_is_being_read_does_not_go)
{
	struct meter *m = meter_new(100);
	struct meter_series s;
	pthread_t writer;
	uint64_t seen = 0;

	ck_assert_int_eq(pthread_create(&writer, NULL, count_and_sweep, m), 0);
	while (__atomic_load_n(&sweeping, __ATOMIC_ACQUIRE)) {
		meter_begin(m);
		for (uint32_t at = 0; meter_next(m, &at, &s);) {
			ck_assert(slice_starts(s.labels, S("route=\"r\"")) || slice_starts(s.labels, S("overflow")));
			seen += meter_read(s.cells);
		}
		meter_end(m);
	}
	pthread_join(writer, NULL);
	ck_assert_uint_gt(seen, 0);
	meter_free(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("meter");
	TCase *c = tcase_create("meter");
	tcase_add_test(c, counters_add_gauges_set_histograms_observe);
	tcase_add_test(c, what_is_beyond_the_limit_is_added_up_per_metric);
	tcase_add_test(c, labels_too_long_to_be_looked_up_overflow_too);
	tcase_add_test(c, labels_are_written_once_for_each_subject);
	tcase_add_test(c, what_has_gone_is_swept_and_makes_room);
	tcase_add_test(c, nothing_is_swept_while_somebody_reads);
	tcase_add_test(c, what_is_being_read_does_not_go);
	tcase_add_test(c, a_swept_series_leaves_its_place_to_others);
	tcase_add_test(c, a_reader_sees_figures_that_only_grow);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
