/* line_log: see line_log.h. */
#include "common/core/line_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"

enum { COLLECT_MS = 10, COMPLAIN_MS = 10000 };

struct line_ring {
	struct line_log *log;
	/* the producer's */
	uint64_t head __attribute__((aligned(64))); /* bytes put so far; published after them */
	uint64_t tail_seen;                         /* of the tail, so that it is looked at rarely */
	uint64_t lost;
	/* the log's thread's */
	uint64_t tail __attribute__((aligned(64))); /* bytes written so far */
	char bytes[LINE_RING_SIZE] __attribute__((aligned(64)));
};

struct line_log {
	char *path;
	int fd;
	pthread_t thread;
	pthread_mutex_t lock; /* of adding rings */
	struct line_ring *rings[LINE_LOG_RINGS];
	uint32_t count;
	int asleep, stop, reopen; /* atomic */
	sem_t wake;
	uint64_t unwritten; /* lines that the file did not take */
	uint64_t complained_of;
	uint64_t complained_ms; /* monotonic; 0: never */
};

/* ---- producers ------------------------------------------------------------------------------------------------- */

static void wake(struct line_log *l)
{
	if (__atomic_load_n(&l->asleep, __ATOMIC_RELAXED) && __atomic_exchange_n(&l->asleep, 0, __ATOMIC_ACQ_REL))
		sem_post(&l->wake);
}

static bool has_room(struct line_ring *r, size_t n)
{
	if (r->head + n - r->tail_seen <= LINE_RING_SIZE)
		return true;
	r->tail_seen = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	return r->head + n - r->tail_seen <= LINE_RING_SIZE;
}

void line_ring_put(struct line_ring *r, struct slice line)
{
	if (!has_room(r, line.len)) {
		__atomic_store_n(&r->lost, r->lost + 1, __ATOMIC_RELAXED);
		return;
	}
	size_t at = r->head % LINE_RING_SIZE, first = LINE_RING_SIZE - at;
	if (first > line.len)
		first = line.len;
	memcpy(r->bytes + at, line.ptr, first);
	memcpy(r->bytes, line.ptr + first, line.len - first);
	/* in one order with `asleep`: either the thread sees the line, or we see that it sleeps */
	__atomic_store_n(&r->head, r->head + line.len, __ATOMIC_SEQ_CST);
	wake(r->log);
}

struct line_ring *line_log_ring(struct line_log *l)
{
	struct line_ring *r = NULL;
	pthread_mutex_lock(&l->lock);
	if (l->count < LINE_LOG_RINGS) {
		r = aligned_alloc(64, sizeof *r);
		if (!r)
			abort();
		memset(r, 0, offsetof(struct line_ring, bytes)); /* the rest is touched as it is used */
		r->log = l;
		l->rings[l->count] = r;
		__atomic_store_n(&l->count, l->count + 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&l->lock);
	return r;
}

void line_log_reopen(struct line_log *l)
{
	__atomic_store_n(&l->reopen, 1, __ATOMIC_SEQ_CST);
	wake(l);
}

uint64_t line_log_lost(const struct line_log *l)
{
	uint64_t n = __atomic_load_n(&l->unwritten, __ATOMIC_RELAXED);
	uint32_t count = __atomic_load_n(&l->count, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < count; i++)
		n += __atomic_load_n(&l->rings[i]->lost, __ATOMIC_RELAXED);
	return n;
}

/* ---- the thread ------------------------------------------------------------------------------------------------ */

static size_t lines_in(const char *p, size_t n)
{
	size_t lines = 0;
	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

/* All of it, or what is left counts as lost: a full disk does not stop the gateway. */
static void write_out(struct line_log *l, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(l->fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			__atomic_fetch_add(&l->unwritten, lines_in(p, n), __ATOMIC_RELAXED);
			return;
		}
		p += done;
		n -= (size_t)done;
	}
}

static bool drain(struct line_log *l, struct line_ring *r)
{
	uint64_t head = __atomic_load_n(&r->head, __ATOMIC_SEQ_CST);
	if (head == r->tail)
		return false;
	while (r->tail < head) {
		size_t at = r->tail % LINE_RING_SIZE, n = (size_t)(head - r->tail);
		if (n > LINE_RING_SIZE - at)
			n = LINE_RING_SIZE - at;
		write_out(l, r->bytes + at, n);
		__atomic_store_n(&r->tail, r->tail + n, __ATOMIC_RELEASE);
	}
	return true;
}

static bool drain_all(struct line_log *l)
{
	bool any = false;
	uint32_t count = __atomic_load_n(&l->count, __ATOMIC_ACQUIRE);
	for (uint32_t i = 0; i < count; i++)
		any |= drain(l, l->rings[i]);
	return any;
}

static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

static void reopen(struct line_log *l)
{
	if (!__atomic_exchange_n(&l->reopen, 0, __ATOMIC_ACQ_REL))
		return;
	int fd = open_file(l->path);
	if (fd < 0) {
		log_error("cannot reopen log file", LOG_STR("path", l->path), LOG_STR("error", strerror(errno)));
		return;
	}
	close(l->fd);
	l->fd = fd;
}

static void complain(struct line_log *l)
{
	uint64_t lost = line_log_lost(l);
	uint64_t now_ms = clock_mono_ms();
	if (lost == l->complained_of || (l->complained_ms && now_ms - l->complained_ms < COMPLAIN_MS))
		return;
	log_warn("lines of a log were lost", LOG_STR("path", l->path), LOG_INT("lines", lost - l->complained_of));
	l->complained_of = lost;
	l->complained_ms = now_ms;
}

static void *run(void *arg)
{
	static const struct timespec collect = {0, COLLECT_MS * 1000000};
	struct line_log *l = arg;

	pthread_setname_np(pthread_self(), "line-log");
	for (;;) {
		bool stop = __atomic_load_n(&l->stop, __ATOMIC_SEQ_CST);
		reopen(l);
		bool any = drain_all(l);
		complain(l);
		if (stop)
			return NULL;
		if (any) {
			nanosleep(&collect, NULL);
			continue;
		}
		__atomic_store_n(&l->asleep, 1, __ATOMIC_SEQ_CST);
		if (drain_all(l) || __atomic_load_n(&l->stop, __ATOMIC_SEQ_CST) ||
		        __atomic_load_n(&l->reopen, __ATOMIC_SEQ_CST)) {
			wake(l); /* takes back what was just said, so that the count of wake-ups stays right */
		}
		while (sem_wait(&l->wake) != 0)
			;
	}
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

struct line_log *line_log_open(const char *path, struct err *e)
{
	int fd = open_file(path);
	if (fd < 0) {
		err_set(e, "cannot open log file '%s': %s", path, strerror(errno));
		return NULL;
	}
	struct line_log *l = calloc(1, sizeof *l);
	if (!l)
		abort();
	l->path = slice_strdup(slice_cstr(path));
	l->fd = fd;
	pthread_mutex_init(&l->lock, NULL);
	sem_init(&l->wake, 0, 0);
	if (pthread_create(&l->thread, NULL, run, l) != 0)
		abort(); /* as when memory is short */
	return l;
}

void line_log_close(struct line_log *l)
{
	if (!l)
		return;
	__atomic_store_n(&l->stop, 1, __ATOMIC_SEQ_CST);
	wake(l);
	pthread_join(l->thread, NULL);
	close(l->fd);
	for (uint32_t i = 0; i < l->count; i++)
		free(l->rings[i]);
	sem_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	free(l->path);
	free(l);
}
