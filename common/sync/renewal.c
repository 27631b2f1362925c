/* renewal: see renewal.h. */
#include "common/sync/renewal.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/file.h"
#include "common/core/log.h"
#include "common/core/thread.h"
#include "common/crypto/x509_csr.h"
#include "common/sync/sign_client.h"

enum {
	LOOK_MS = 60 * 60 * 1000, /* the clock may have been set */
	RETRY_MIN_MS = 5 * 1000,
	RETRY_MAX_MS = 60 * 60 * 1000
};

struct renewal {
	const struct settings *settings;
	void (*on_renewed)(void *arg);
	void *arg;
	char ca[PATH_MAX], cert[PATH_MAX], key[PATH_MAX];
	uint32_t retry_ms; /* 0: nothing has failed */
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t wake;
	bool stopping;
};

/* What is sent and written; everything of it is on the arena or in texts. */
struct attempt {
	struct arena arena;
	struct text key, csr;
	struct sign_given given;
	bool is_new_key;
};

static void end_attempt(struct attempt *t)
{
	if (t->key.ptr)
		OPENSSL_cleanse(t->key.ptr, t->key.len);
	text_fini(&t->key);
	text_fini(&t->csr);
	sign_given_fini(&t->given);
	arena_fini(&t->arena);
}

static bool take_key(const struct renewal *r, struct attempt *t, struct err *e)
{
	struct slice bytes;

	t->is_new_key = strcmp(r->cert, r->key) == 0;
	if (t->is_new_key)
		return x509_new_key(&t->key, e);
	if (!file_read(&t->arena, r->key, X509_PEM_MAX, &bytes, e))
		return false;
	text_put(&t->key, bytes);
	OPENSSL_cleanse((char *)bytes.ptr, bytes.len);
	return true;
}

static bool can_replace(const struct renewal *r, struct err *e)
{
	const char *slash = strrchr(r->cert, '/');
	char folder[PATH_MAX];

	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - r->cert) : 1, slash ? r->cert : ".");
	if (access(folder[0] ? folder : "/", W_OK) == 0)
		return true;
	return err_set(e, "'%s' cannot be replaced by this process: %s", r->cert, strerror(errno));
}

static bool ask(const struct renewal *r, struct attempt *t, struct err *e)
{
	const struct link_certs certs = {r->ca, r->cert, r->key};
	const struct sign_ask question = {.certs = &certs, .csr = text_slice(&t->csr)};

	return sign_ask_any(&question, r->settings->cluster_control_plane, &t->given, e) == SIGN_GIVEN;
}

static bool keep(const struct renewal *r, struct attempt *t, struct err *e)
{
	struct text file = {0};

	if (!x509_is_for_key(text_slice(&t->given.certificate), text_slice(&t->key), e))
		return false;
	text_put(&file, text_slice(&t->given.certificate));
	if (t->is_new_key)
		text_put(&file, text_slice(&t->key));
	bool ok = file_replace(r->cert, text_slice(&file), t->is_new_key ? 0600 : 0644, e);
	OPENSSL_cleanse(file.ptr, file.len);
	text_fini(&file);
	return ok;
}

static bool renew(const struct renewal *r, struct err *e)
{
	struct attempt t = {.is_new_key = false};

	arena_init(&t.arena);
	bool ok = can_replace(r, e) && take_key(r, &t, e) && x509_ask(text_slice(&t.key), &t.csr, e) &&
	          ask(r, &t, e) && keep(r, &t, e);
	end_attempt(&t);
	return ok;
}

static void back_off(struct renewal *r)
{
	r->retry_ms = r->retry_ms == 0 ? RETRY_MIN_MS : r->retry_ms * 2;
	if (r->retry_ms > RETRY_MAX_MS)
		r->retry_ms = RETRY_MAX_MS;
}

/* How long there is nothing to do. */
static uint64_t look(struct renewal *r)
{
	struct x509_info info;
	struct err e = {""};
	int64_t now = clock_wall_s();

	if (!x509_read(r->cert, &info, &e))
		return LOOK_MS; /* the link has said so */
	int64_t due_s = x509_renewal_s(&info, r->settings->cluster_cert_renew_days);
	if (now < due_s)
		return (uint64_t)(due_s - now) * 1000;
	if (renew(r, &e)) {
		r->retry_ms = 0;
		log_notice("this node's certificate was renewed", LOG_STR("file", r->cert));
		r->on_renewed(r->arg);
		return 0;
	}
	back_off(r);
	log_warn("this node's certificate is not renewed yet", LOG_STR("reason", e.message),
	        LOG_INT("days_left", (info.not_after_s - now) / 86400), LOG_INT("next_try_s", r->retry_ms / 1000));
	uint32_t random;
	random_bytes(&random, sizeof random);
	return r->retry_ms / 2 + random % r->retry_ms;
}

/* ---- the thread ------------------------------------------------------------------------------------------------ */

/* False: stop. */
static bool sleep_for(struct renewal *r, uint64_t ms)
{
	uint64_t until_ms = clock_mono_ms() + (ms < LOOK_MS ? ms : LOOK_MS);
	bool in_time = true;

	pthread_mutex_lock(&r->lock);
	while (!r->stopping && in_time)
		in_time = thread_wait(&r->wake, &r->lock, until_ms);
	bool stopping = r->stopping;
	pthread_mutex_unlock(&r->lock);
	return !stopping;
}

static void *run(void *arg)
{
	struct renewal *r = arg;

	while (sleep_for(r, look(r)))
		;
	return NULL;
}

static void init(struct renewal *r)
{
	const struct settings *s = r->settings;

	snprintf(r->ca, sizeof r->ca, "%.*s", SLICE_ARG(s->cluster_ca_cert));
	snprintf(r->cert, sizeof r->cert, "%.*s", SLICE_ARG(s->cluster_cert));
	snprintf(r->key, sizeof r->key, "%.*s", SLICE_ARG(s->cluster_cert_key));
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
}

static void free_all(struct renewal *r)
{
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

struct renewal *renewal_start(const struct settings *s, void (*on_renewed)(void *arg), void *arg, struct err *e)
{
	struct renewal *r = calloc(1, sizeof *r);

	if (!r)
		abort();
	*r = (struct renewal){.settings = s, .on_renewed = on_renewed, .arg = arg};
	init(r);
	int problem = thread_start(&r->thread, run, r);
	if (problem == 0)
		return r;
	err_set(e, "cannot start the renewal of certificates: %s", strerror(problem));
	free_all(r);
	return NULL;
}

void renewal_stop(struct renewal *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	free_all(r);
}
