/* workers: see workers.h. Used by admin_server.c. A store that has lost its database connects again by itself. */
#include "cp/admin/workers.h"

#include <pthread.h>
#include <stdlib.h>

#include <sys/prctl.h>

struct worker {
	struct workers *pool;
	struct store *store;
	pthread_t thread;
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct work *first, **last;
	bool stopping;
	unsigned count; /* threads that run */
	struct worker items[];
};

static struct work *next_work(struct workers *p)
{
	struct work *w;

	pthread_mutex_lock(&p->lock);
	while (!p->first && !p->stopping)
		pthread_cond_wait(&p->wake, &p->lock);
	w = p->stopping ? NULL : p->first;
	if (w && !(p->first = w->next))
		p->last = &p->first;
	pthread_mutex_unlock(&p->lock);
	return w;
}

static void *run(void *arg)
{
	struct worker *me = arg;
	struct work *w;

	prctl(PR_SET_NAME, "admin");
	store_ping(me->store); /* the first request finds it connected, if the database is there */
	while ((w = next_work(me->pool)))
		w->run(w, me->store);
	return NULL;
}

static bool start_one(struct workers *p, const struct settings *s, struct err *e)
{
	struct worker *w = &p->items[p->count];

	w->pool = p;
	w->store = store_unconnected(s);
	int error = pthread_create(&w->thread, NULL, run, w);
	if (error == 0) {
		p->count++;
		return true;
	}
	store_close(w->store);
	return err_set(e, "cannot start an admin thread: %s", strerror(error));
}

struct workers *workers_start(const struct settings *s, unsigned threads, struct err *e)
{
	struct workers *p = calloc(1, sizeof *p + threads * sizeof p->items[0]);

	if (!p)
		abort();
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->last = &p->first;
	while (p->count < threads) {
		if (!start_one(p, s, e)) {
			workers_stop(p);
			return NULL;
		}
	}
	return p;
}

void workers_submit(struct workers *p, struct work *w)
{
	w->next = NULL;
	pthread_mutex_lock(&p->lock);
	*p->last = w;
	p->last = &w->next;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

void workers_stop(struct workers *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->count; i++) {
		pthread_join(p->items[i].thread, NULL);
		store_close(p->items[i].store);
	}
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->wake);
	free(p);
}
