/* meter: series, their limit, and a reader beside the writer. Threads: one writes, one reads (pitfalls.md A6-9). */
#include <check.h>
#include <pthread.h>
#include <stdio.h>

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

int main(void)
{
	Suite *s = suite_create("meter");
	TCase *c = tcase_create("meter");
	tcase_add_test(c, counters_add_gauges_set_histograms_observe);
	tcase_add_test(c, what_is_beyond_the_limit_is_added_up_per_metric);
	tcase_add_test(c, labels_too_long_to_be_looked_up_overflow_too);
	tcase_add_test(c, a_reader_sees_figures_that_only_grow);
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	SRunner *runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
