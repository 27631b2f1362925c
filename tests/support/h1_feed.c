/* h1_feed: see h1_feed.h. Every prefix lies before an unreadable page. */
#include "tests/support/h1_feed.h"

#include <check.h>

#include "tests/support/guarded.h"

static struct h1_fed parse(
        const char *p, size_t n, const struct h1_limits *limits, struct slice method, struct head *h)
{
	struct h1_fed f = {0};
	if (slice_is_set(method))
		f.result = h1_parse_response(p, n, limits, method, h, &f.used, &f.error);
	else
		f.result = h1_parse_request(p, n, limits, h, &f.used, &f.error);
	return f;
}

static void same(struct slice bytes, size_t cut, struct h1_fed got, struct h1_fed want)
{
	ck_assert_msg(got.result == want.result && got.error.status == want.error.status &&
	                      (want.result != H1_DONE || got.used == want.used),
	        "cut at %zu: result %d status %d (%s), whole: result %d status %d (%s)\n%.*s", cut, got.result,
	        got.error.status, got.error.why ? got.error.why : "", want.result, want.error.status,
	        want.error.why ? want.error.why : "", SLICE_ARG(bytes));
}

struct h1_fed h1_feed(struct slice bytes, const struct h1_limits *limits, struct slice method, struct head *h)
{
	struct h1_fed whole, part;
	struct guarded g;
	struct arena arena;
	struct head growing;
	size_t undecided = 0; /* the longest prefix that was answered with H1_MORE */
	size_t asked = 0;     /* the longest prefix that a caller of h1_parse_ready() would have parsed */
	bool decided = false;

	arena_init(&arena);
	head_init(&growing, &arena);
	guarded_init(&g, bytes.len);
	whole = parse(bytes.ptr, bytes.len, limits, method, h);

	for (size_t n = 1; n <= bytes.len; n++) {
		const char *p = guarded_put(&g, bytes.ptr, n);
		bool ready = h1_parse_ready(p, asked, n, limits);
		part = parse(p, n, limits, method, &growing);
		if (part.result == H1_MORE) {
			undecided = n;
		} else {
			same(bytes, n, part, whole);
			ck_assert_msg(part.result == H1_BAD || ready || decided, "not ready at %zu: %.*s", n,
			        SLICE_ARG(bytes));
			decided = true;
		}
		if (ready)
			asked = n;
	}
	/* What is wrong may be seen early; at the latest when the line is over or a limit is passed. */
	if (whole.result == H1_BAD &&
	        (bytes.ptr[bytes.len - 1] == '\n' || whole.error.status == 414 || whole.error.status == 494))
		ck_assert_msg(asked > undecided, "never ready: %.*s", SLICE_ARG(bytes));

	for (size_t cut = 1; cut < bytes.len; cut++) {
		head_init(&growing, &arena);
		part = parse(guarded_put(&g, bytes.ptr, cut), cut, limits, method, &growing);
		if (part.result == H1_MORE)
			part = parse(bytes.ptr, bytes.len, limits, method, &growing);
		same(bytes, cut, part, whole);
	}
	guarded_fini(&g);
	arena_fini(&arena);
	return whole;
}
