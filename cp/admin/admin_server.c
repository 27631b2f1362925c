/* admin_server: see admin_server.h.
 *
 * What a client may cost: a body is read only when its sender shows a login (or none is asked for), all bodies
 * together may take BODIES_MIN, or four of the largest, or the largest document, and each must come faster than
 * BODY_BYTES_PER_MS once admin_body_timeout is over. Only what is complete takes a place in the queue, so a slow
 * client holds up nobody.
 *
 * A job belongs to the loop's thread, except between workers_submit() and job_finished(), when an admin thread has it
 * and the loop's thread touches nothing of it but `stream`. A client that leaves takes the stream away; the job is
 * finished (a write must not be cut in two) and its answer is dropped. */
#include "cp/admin/admin_server.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/http/error_body.h"
#include "common/serve/access_log.h"
#include "common/serve/level_guard.h"
#include "common/settings/node_id.h"
#include "cp/admin/admin_tls.h"
#include "cp/admin/auth.h"
#include "cp/admin/headers.h"
#include "cp/admin/job.h"
#include "cp/admin/log_level.h"
#include "cp/admin/wait.h"
#include "cp/admin/workers.h"

enum { MAX_LISTENERS = 16, MAX_QUEUED = 1024, WAIT_LOOK_MS = 5, BODY_LOOK_MS = 500 };
enum { BODIES_MIN = 256 * 1024 * 1024, BODY_BYTES_PER_MS = 32 };

struct admin_server {
	struct server server;
	struct admin_env env;
	struct workers *workers;
	SSL_CTX *tls; /* of the listeners with ssl; NULL: there is none */
	struct listener *listeners[MAX_LISTENERS];
	size_t listener_count;
	struct job *jobs; /* all that exist */
	unsigned job_count;
	unsigned queued;                 /* jobs that are with the admin threads */
	uint64_t body_bytes, bodies_max; /* of all jobs' bodies, and their limit */
	uint64_t max_document;           /* of POST /config; 0: no limit */
	struct loop_timer *body_timer;   /* looks at bodies that come slowly */
	struct loop_timer *wait_timer;   /* while a job waits for all data planes */
	struct arena arena;              /* of the listeners' specs */
	struct access_log access_log;
	struct access_writer access_writer;
};

/* What hangs on a stream. */
struct exchange_state {
	struct job *job; /* NULL: answered, or never begun */
};

static struct admin_server *server_of(struct stream *s)
{
	return s->server->context;
}

/* ---- jobs ------------------------------------------------------------------------------------------------------ */

static struct job *new_job(struct stream *s)
{
	struct admin_server *a = server_of(s);
	struct job *j = job_new(&a->env, s);

	j->stream = s;
	j->server = a;
	j->next_job = a->jobs;
	if (a->jobs)
		a->jobs->link = &j->next_job;
	j->link = &a->jobs;
	a->jobs = j;
	a->job_count++;
	((struct exchange_state *)s->data)->job = j;
	return j;
}

static void end_job(struct job *j)
{
	j->server->job_count--;
	j->server->body_bytes -= j->body_size;
	*j->link = j->next_job;
	if (j->next_job)
		j->next_job->link = j->link;
	job_free(j);
}

static void respond(struct stream *s, const struct admin_request *request, const struct admin_response *response,
        struct slice body, uint64_t started_ns)
{
	struct head h;

	head_init(&h, &s->arena);
	admin_headers(&h, &s->arena, server_of(s)->env.settings, request, response, body.len, started_ns);
	stream_respond(s, &h, body, true);
}

static void answer_job(struct job *j)
{
	struct stream *s = j->stream;

	if (s) {
		((struct exchange_state *)s->data)->job = NULL;
		respond(s, &j->request, &j->response, j->body_out, j->started_ns);
	}
	end_job(j);
}

/* True: it has waited long enough, one way or the other. */
static bool is_wait_over(struct job *j)
{
	bool is_over = admin_wait_is_over(&j->response);

	if (!is_over && j->stream && clock_mono_ms() < j->wait_until_ms)
		return false;
	if (j->response.applied < j->response.connected) {
		admin_wait_give_up(&j->response);
		job_make_body(j);
	}
	return true;
}

/* Looks at those that wait. */
static void look_at_waiting(void *arg)
{
	struct admin_server *a = arg;
	bool any = false;

	for (struct job *j = a->jobs, *next; j; j = next) {
		next = j->next_job;
		if (!j->is_waiting)
			continue;
		if (is_wait_over(j))
			answer_job(j);
		else
			any = true;
	}
	if (any)
		return;
	loop_timer_free(a->wait_timer);
	a->wait_timer = NULL;
}

static void job_finished(void *arg)
{
	struct job *j = arg;
	struct admin_server *a = j->server;

	a->queued--;
	if (j->wait_until_ms == 0 || is_wait_over(j)) {
		answer_job(j);
		return;
	}
	j->is_waiting = true;
	if (!a->wait_timer)
		a->wait_timer = loop_timer_new(a->env.loop, WAIT_LOOK_MS, true, look_at_waiting, a);
}

/* On an admin thread. */
static void run_job(struct work *w, struct store *st)
{
	struct job *j = (struct job *)w;

	job_run(j, st);
	loop_post(j->server->env.loop, job_finished, j);
}

static void submit(struct job *j)
{
	j->is_submitted = true;
	j->server->queued++;
	j->work.run = run_job;
	workers_submit(j->server->workers, &j->work);
}

/* ---- streams --------------------------------------------------------------------------------------------------- */

static void answer_plainly(struct stream *s, int status, struct slice message)
{
	struct admin_request request = {0};
	struct admin_response response = {
	        .status = status, .json = json_pack("{s:s%}", "message", message.ptr, message.len)};
	char *text = json_dumps(response.json, JSON_COMPACT);

	respond(s, &request, &response, slice_cstr(text), s->started_ns);
	json_decref(response.json);
	free(text);
}

static void on_request(struct stream *s)
{
	struct admin_server *a = server_of(s);

	if (a->queued >= MAX_QUEUED) {
		answer_plainly(s, 503, S("too many requests at a time"));
		return;
	}
	struct job *j = new_job(s);
	bool has_body = h1_request_body(&s->request) != H1_BODY_NONE;
	j->request.body_unread = has_body && !admin_auth_admits(a->env.auth, &j->request);
	if (has_body && !j->request.body_unread)
		stream_read_body(s, true);
	else
		submit(j);
}

/* The stream is over for us: an unfinished job goes on without it. */
static void let_go(struct stream *s)
{
	struct exchange_state *x = s->data;
	struct job *j = x->job;

	x->job = NULL;
	if (!j)
		return;
	j->stream = NULL;
	if (!j->is_submitted)
		end_job(j);
}

/* Of a body that is on its way: no more of it is taken. */
static void give_up(struct stream *s, int status, struct slice message)
{
	log_info("admin request given up", LOG_INT("status", status), LOG_SLICE("reason", message));
	let_go(s);
	stream_close_after(s);
	answer_plainly(s, status, message);
}

static void on_body(struct stream *s, struct slice piece, bool last)
{
	struct admin_server *a = server_of(s);
	struct job *j = ((struct exchange_state *)s->data)->job;

	if (!j || j->is_submitted)
		return;
	if (a->body_bytes + piece.len > a->bodies_max) {
		give_up(s, 503, S("too many large bodies at a time"));
		return;
	}
	a->body_bytes += piece.len;
	j->body_size += piece.len;
	text_put(&j->body_in, piece);
	if (last)
		submit(j);
}

/* A body has its timeout, and longer as long as it comes fast enough. */
static bool is_too_slow(const struct admin_server *a, const struct job *j)
{
	uint64_t allowed_ms = (uint64_t)a->env.settings->admin_body_timeout * 1000 + j->body_size / BODY_BYTES_PER_MS;
	return (clock_mono_ns() - j->started_ns) / 1000000 > allowed_ms;
}

static void look_at_bodies(void *arg)
{
	struct admin_server *a = arg;

	for (struct job *j = a->jobs, *next; j; j = next) {
		next = j->next_job;
		if (j->stream && !j->is_submitted && is_too_slow(a, j))
			give_up(j->stream, 408, S("the body of the request comes too slowly"));
	}
}

static void on_bad_request(struct stream *s, const struct h1_error *why)
{
	log_info("admin request refused", LOG_INT("status", why->status), LOG_STR("reason", why->why));
	let_go(s);
	answer_plainly(s, why->status, http_default_message(&s->arena, why->status));
}

static void on_drained(struct stream *s)
{
}

/* What stands for an item in a path can be a secret key: logs show the shape. */
static void write_access_log(struct stream *s)
{
	struct admin_server *a = server_of(s);
	struct slice target = s->request.target;
	if (access_writer_is_on(&a->access_writer))
		access_write_stream(
		        &a->access_writer, s, target.len ? admin_target_shape(&s->arena, target) : target);
}

static void on_done(struct stream *s)
{
	write_access_log(s);
	let_go(s);
}

static void on_abort(struct stream *s, enum stream_abort why)
{
	write_access_log(s);
	let_go(s);
}

static uint64_t max_body(const struct stream *s)
{
	const struct admin_server *a = s->server->context;
	return admin_request_is_document(&s->request) ? a->max_document : a->server.max_body;
}

static const struct stream_ops ops = {
        .max_body = max_body,
        .on_request = on_request,
        .on_bad_request = on_bad_request,
        .on_body = on_body,
        .on_drained = on_drained,
        .on_done = on_done,
        .on_abort = on_abort,
};

/* ---- starting and stopping ------------------------------------------------------------------------------------- */

static void on_accept(struct listener *l, int fd, void *arg)
{
	struct admin_server *a = arg;
	server_accept(&a->server, listener_spec(l), fd, listener_spec(l)->ssl ? tls_accept(a->tls) : NULL);
}

/* Whoever reaches an open Admin API owns the gateway. */
static bool check_protected(const struct admin_server *a, const struct listen_spec *spec, struct err *e)
{
	if (a->env.settings->admin_auth || is_loopback((const struct sockaddr *)&spec->address))
		return true;
	if (a->env.settings->admin_open) {
		log_warn("whoever reaches the Admin API may change everything (admin_open)",
		        LOG_SLICE("address", spec->text));
		return true;
	}
	return err_set(e,
	        "admin_listen: other machines can reach \"%.*s\", and admin_auth is off, so anybody could change the "
	        "configuration; run: gatectl admin create --name NAME --role admin, then set admin_auth = on; or listen on "
	        "127.0.0.1",
	        SLICE_ARG(spec->text));
}

static bool listen_one(struct admin_server *a, const struct listen_spec *spec, struct err *e)
{
	if (a->listener_count == MAX_LISTENERS)
		return err_set(e, "admin_listen has more than %d addresses", MAX_LISTENERS);
	if (spec->ssl && !a->tls && !(a->tls = admin_tls_new(a->env.settings, spec->serves_http2, e)))
		return false;
	if (!is_loopback((const struct sockaddr *)&spec->address) && !spec->ssl)
		log_warn("the Admin API's tokens cross the network in the clear; admin_listen with ssl hides them",
		        LOG_SLICE("address", spec->text));
	/* two control planes on one port would take turns without anybody noticing */
	struct listener *l = listener_is_free(spec, e) ? listener_open(a->env.loop, spec, on_accept, a, e) : NULL;
	if (!l)
		return err_prefix(e, "admin_listen");
	a->listeners[a->listener_count++] = l;
	log_notice("the Admin API listens", LOG_SLICE("address", spec->text));
	return true;
}

static bool listen_all(struct admin_server *a, const struct settings *s, struct err *e)
{
	struct listen_spec *specs;
	size_t n;

	if (!listen_parse(&a->arena, s->admin_listen, &specs, &n, e))
		return err_prefix(e, "admin_listen");
	for (size_t i = 0; i < n; i++)
		if (!check_protected(a, &specs[i], e))
			return false;
	for (size_t i = 0; i < n; i++)
		if (!listen_one(a, &specs[i], e))
			return false;
	return true;
}

static uint64_t larger_limit(uint64_t a, uint64_t b)
{
	return a == 0 || b == 0 ? 0 : a > b ? a : b;
}

static bool read_limits(struct admin_server *a, const struct settings *s, struct err *e)
{
	uint64_t body, document;

	if (!settings_size(s->admin_max_body_size, &body))
		return err_set(e, "admin_max_body_size is \"%.*s\", expected a size such as 10m",
		        SLICE_ARG(s->admin_max_body_size));
	if (!settings_size(s->admin_max_document_size, &document))
		return err_set(e, "admin_max_document_size is \"%.*s\", expected a size such as 128m",
		        SLICE_ARG(s->admin_max_document_size));
	a->server.max_body = body;
	a->max_document = larger_limit(body, document);
	a->bodies_max = larger_limit(larger_limit(body * 4, a->max_document), BODIES_MIN);
	if (a->bodies_max == 0)
		a->bodies_max = UINT64_MAX;
	return true;
}

static bool start(struct admin_server *a, const struct settings *s, struct err *e)
{
	if (!read_limits(a, s, e) || !node_id_load(s, a->env.node_id, e) || !(a->env.auth = admin_auth_new(s, e)))
		return false;
	unsigned threads = s->admin_threads > 0 ? (unsigned)s->admin_threads : 1;
	if (!access_log_open(&a->access_log, s, "admin_access_log", s->admin_access_log, e))
		return false;
	access_writer_init(&a->access_writer, &a->access_log);
	a->server.body_timeout_ms = (uint32_t)s->admin_body_timeout * 1000;
	a->body_timer = loop_timer_new(a->env.loop, BODY_LOOK_MS, true, look_at_bodies, a);
	a->workers = workers_start(s, threads, e);
	return a->workers && listen_all(a, s, e);
}

struct admin_server *admin_server_start(struct loop *l, const struct settings *s, struct err *e)
{
	struct admin_server *a = calloc(1, sizeof *a);

	if (!a)
		abort();
	arena_init(&a->arena);
	server_init(&a->server, l, &ops, a);
	a->server.stream_size = sizeof(struct exchange_state);
	a->env = (struct admin_env){.settings = s, .loop = l, .log_level = level_guard_new(l)};
	gethostname(a->env.hostname, sizeof a->env.hostname - 1);
	if (start(a, s, e)) {
		admin_log_level_serve(&a->env);
		return a;
	}
	admin_server_free(a);
	return NULL;
}

static void close_listeners(struct admin_server *a)
{
	while (a->listener_count > 0)
		listener_close(a->listeners[--a->listener_count]);
}

void admin_server_reopen_logs(struct admin_server *a)
{
	access_log_reopen(&a->access_log);
}

void admin_server_drain(struct admin_server *a)
{
	close_listeners(a);
	server_drain(&a->server);
}

struct server_stats admin_server_stats(const struct admin_server *a)
{
	return a->server.stats;
}

struct slice admin_server_node_id(const struct admin_server *a)
{
	return slice_cstr(a->env.node_id);
}

bool is_admin_server_idle(const struct admin_server *a)
{
	return a->job_count == 0 && !a->server.conns;
}

void admin_server_free(struct admin_server *a)
{
	if (!a)
		return;
	close_listeners(a);
	server_close(&a->server);
	workers_stop(a->workers);
	loop_timer_free(a->wait_timer);
	loop_timer_free(a->body_timer);
	while (a->jobs)
		end_job(a->jobs);
	admin_log_level_serve(NULL);
	level_guard_free(a->env.log_level);
	access_writer_fini(&a->access_writer);
	access_log_close(&a->access_log);
	admin_auth_free(a->env.auth);
	SSL_CTX_free(a->tls);
	arena_fini(&a->arena);
	free(a);
}
