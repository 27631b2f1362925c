/* staples: see staples.h. */
#include "dp/host/staples.h"

#include <stdlib.h>

#include "common/core/log.h"
#include "dp/host/fetch.h"

enum { TIMEOUT_MS = 10000, ANSWER_MAX = 64 * 1024 };

/* One question under way. */
struct asking {
	struct asking *prev, *next;
	struct staples *all;
	struct staple *staple;
	struct arena arena;
	struct head headers;
	struct fetch fetch;
	struct fetching *fetching;
};

struct staples {
	struct host_worker *worker;
	struct asking *asking;
};

struct staples *staples_new(struct host_worker *w)
{
	struct staples *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->worker = w;
	return s;
}

static void end(struct asking *a)
{
	*(a->prev ? &a->prev->next : &a->all->asking) = a->next;
	if (a->next)
		a->next->prev = a->prev;
	arena_fini(&a->arena);
	free(a);
}

static void on_answer(void *arg)
{
	struct asking *a = arg;
	const struct fetch *f = &a->fetch;
	struct slice url = arena_dup(&a->arena, staple_url(a->staple)); /* the staple may go */
	bool is_answered = !f->error && f->status == 200;
	struct err e;

	if (!staple_fetched(a->staple, is_answered ? f->answer : S(""), &e))
		log_warn("a certificate is shown without its authority's word", LOG_SLICE("responder", url),
		        LOG_STR("why", f->error ? f->error : e.message), LOG_INT("status", f->status));
	end(a);
}

void staples_fetch(struct staples *s, struct staple *staple)
{
	struct asking *a = calloc(1, sizeof *a);
	if (!a)
		abort();
	a->all = s;
	a->staple = staple;
	a->next = s->asking;
	if (a->next)
		a->next->prev = a;
	s->asking = a;
	arena_init(&a->arena);
	head_init(&a->headers, &a->arena);
	head_add(&a->headers, S("Content-Type"), S("application/ocsp-request"));
	a->fetch = (struct fetch){.method = S("POST"),
	        .url = staple_url(staple),
	        .headers = &a->headers,
	        .body = staple_question(staple),
	        .timeout_ms = TIMEOUT_MS,
	        .answer_max = ANSWER_MAX,
	        .tls_verify = true};
	struct fetching *g = fetch_start(s->worker, &a->arena, &a->fetch, on_answer, a);
	if (g) /* else it is over, and `a` gone */
		a->fetching = g;
}

void staples_free(struct staples *s)
{
	while (s->asking) {
		struct err ignored;
		fetch_cancel(s->asking->fetching);
		staple_fetched(s->asking->staple, S(""), &ignored);
		end(s->asking);
	}
	free(s);
}
