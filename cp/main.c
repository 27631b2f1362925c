/* gatehouse-cp: the control plane: PostgreSQL (or a document, database = off) behind it, the Admin API on top, data
 * planes around it.
 *
 * The main thread runs the loop: signals and the Admin API's sockets. Whatever keeps it from starting is one line on
 * stderr that says what, where and what to do, and exit code 1. */
#include <getopt.h>
#include <malloc.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/dumps.h"
#include "common/core/file.h"
#include "common/core/file_limit.h"
#include "common/core/log.h"
#include "common/core/release.h"
#include "common/net/handover.h"
#include "common/plugin/objects.h"
#include "common/plugin/shared_counts.h"
#include "common/plugin/template.h"
#include "common/settings/log_setup.h"
#include "common/entity/route.h"
#include "cp/admin/admin_server.h"
#include "cp/admin/status_listener.h"
#include "cp/publish/peers.h"
#include "cp/publish/publish.h"
#include "cp/publish/upkeep.h"
#include "cp/store/memory.h"
#include "cp/store/migrate.h"

enum { DRAIN_CHECK_MS = 20 };

struct program {
	struct arena arena;
	struct settings settings;
	char pid_file[PATH_MAX];
	struct loop *loop;
	struct publish *publish;
	struct upkeep *upkeep;
	struct peers *peers;
	struct admin_server *admin;
	struct status_listener *status; /* NULL: role traditional, whose data plane has it */
	struct event *signals[5];
	struct loop_timer *drain_timer;
	uint64_t drain_until_ms; /* 0: not draining */
	const char *conf;        /* --conf; NULL */
	bool is_reloading;       /* after the end comes a new beginning */
	struct text why;         /* what is wrong with the document, in several lines */
};

/* ---- the command line ------------------------------------------------------------------------------------------ */

static void print_help(FILE *out)
{
	fputs("gatehouse-cp: the control plane of Gatehouse\n\n"
	      "usage: gatehouse-cp [--conf FILE] [--version] [--help]\n\n"
	      "  --conf FILE, -c FILE   settings (key = value); without it the usual places are looked at\n"
	      "  --version              print the release and exit\n"
	      "  --help                 print this and exit\n\n"
	      "Every setting can also be given as an environment variable: GATEHOUSE_PG_HOST=db.example gatehouse-cp\n"
	      "Signals: TERM and INT finish what is under way within shutdown_grace and stop, QUIT without that limit; USR1\n"
	      "reopens the log files, and so does HUP, which under gatectl start reads the settings anew.\n",
	        out);
}

/* -1: go on; else the exit code. */
static int read_options(int argc, char **argv, const char **conf)
{
	static const struct option options[] = {{"conf", required_argument, NULL, 'c'},
	        {"version", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "c:vh", options, NULL)) >= 0) {
		switch (option) {
		case 'c': *conf = optarg; break;
		case 'v': puts("gatehouse-cp " GATEHOUSE_RELEASE); return 0;
		case 'h': print_help(stdout); return 0;
		default: fputs("gatehouse-cp: --help shows what it understands\n", stderr); return 64;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "gatehouse-cp: unexpected argument \"%s\"; --help shows what it understands\n", argv[optind]);
	return 64;
}

/* ---- starting -------------------------------------------------------------------------------------------------- */

static bool check_role(const struct settings *s, struct err *e)
{
	if (slice_eq(s->role, S("data_plane")))
		return err_set(e,
		        "role is \"data_plane\", which is gatehouse-dp's; gatehouse-cp takes traditional or control_plane");
	return true;
}

static bool check_database(const struct settings *s, struct err *e)
{
	enum migrate_state state;
	struct store *st = store_open(s, e);
	if (!st && publish_has_kept(s)) {
		log_error(
		        "starting without the database, with what was published last; writes are refused until it is back",
		        LOG_STR("error", e->message));
		return true;
	}
	bool ok = st && migrate_status(st, &state, e);

	store_close(st);
	if (!ok)
		return false;
	switch (state) {
	case MIGRATE_CURRENT: return true;
	case MIGRATE_EMPTY:
		return err_set(e, "the database \"%.*s\" is empty; run: gatectl migrations bootstrap",
		        SLICE_ARG(s->pg_database));
	case MIGRATE_PENDING:
		return err_set(e, "the database \"%.*s\" is of an older release; run: gatectl migrations up",
		        SLICE_ARG(s->pg_database));
	case MIGRATE_NEWER:
		return err_set(e,
		        "the database \"%.*s\" is of a newer release than " GATEHOUSE_RELEASE
		        "; install that release here too",
		        SLICE_ARG(s->pg_database));
	}
	return false;
}

static bool write_pid_file(struct program *p, struct err *e)
{
	char folder[PATH_MAX], text[24];

	snprintf(folder, sizeof folder, "%.*s/pids", SLICE_ARG(p->settings.prefix));
	if (snprintf(p->pid_file, sizeof p->pid_file, "%s/gatehouse-cp.pid", folder) >= (int)sizeof p->pid_file)
		return err_set(e, "the prefix \"%.*s\" is too long", SLICE_ARG(p->settings.prefix));
	snprintf(text, sizeof text, "%d\n", (int)getpid());
	return file_make_dirs(folder, 0755, e) && file_replace(p->pid_file, slice_cstr(text), 0644, e);
}

/* ---- signals --------------------------------------------------------------------------------------------------- */

static void check_drained(void *arg)
{
	struct program *p = arg;

	if (is_admin_server_idle(p->admin) || clock_mono_ms() >= p->drain_until_ms)
		loop_stop(p->loop);
}

/* politely: without a limit (proxy.md 10.4). */
static void begin_drain(struct program *p, bool politely)
{
	p->drain_until_ms = politely ? UINT64_MAX : clock_mono_ms() + (uint64_t)p->settings.shutdown_grace * 1000 + 1;
	status_listener_drain(p->status);
	admin_server_drain(p->admin);
	p->drain_timer = loop_timer_new(p->loop, DRAIN_CHECK_MS, true, check_drained, p);
}

static void on_stop(evutil_socket_t signal, short what, void *arg)
{
	struct program *p = arg;

	if (p->drain_until_ms) { /* asked twice: at once */
		loop_stop(p->loop);
		return;
	}
	log_notice("stopping", LOG_INT("signal", signal));
	begin_drain(p, signal == SIGQUIT);
}

/* What would keep a new process from starting is found out while the old one still answers. */
static bool can_reload(const struct program *p)
{
	struct arena a;
	struct settings s;
	struct err e;

	arena_init(&a);
	bool ok = settings_load(&a, p->conf, &s, &e) && check_role(&s, &e) &&
	          (is_without_database(&s) || check_database(&s, &e));
	if (!ok)
		log_error("nothing is reloaded", LOG_STR("error", e.message));
	arena_fini(&a);
	return ok;
}

/* Log files have been moved away. */
static void on_reopen(evutil_socket_t signal, short what, void *arg)
{
	struct program *p = arg;
	log_reopen();
	if (p->admin)
		admin_server_reopen_logs(p->admin);
	status_listener_reopen_logs(p->status);
	log_notice("log files reopened");
}

/* A document that is a file is read again, here and now. */
static bool reload_document(struct program *p)
{
	text_clear(&p->why);
	if (memory_reload(&p->settings, &p->why)) {
		log_notice("configuration read again");
		return true;
	}
	log_error("configuration refused, the one before stays", LOG_STR("error", text_cstr(&p->why)));
	return false;
}

/* A new process with the settings of now; who connects meanwhile waits in the queue. */
static void reload(struct program *p)
{
	log_notice("reloading");
	p->is_reloading = true;
	handover_keep();
	begin_drain(p, false);
}

static void on_hangup(evutil_socket_t signal, short what, void *arg)
{
	struct program *p = arg;
	bool in_memory = is_without_database(&p->settings);
	struct err e;

	on_reopen(signal, what, arg);
	if ((in_memory && !reload_document(p)) || !handover_is_supervised() || p->drain_until_ms || !can_reload(p))
		return;
	if (!in_memory || p->settings.declarative_config.len > 0)
		reload(p);
	else if (!write_pid_file(
	                 p, &e)) /* what was posted must not be lost; who waits for the reload sees the file */
		log_error(e.message);
}

static bool catch_signals(struct program *p, struct err *e)
{
	static const int stops[] = {SIGTERM, SIGINT, SIGQUIT};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < 3; i++)
		p->signals[i] = evsignal_new(p->loop->base, stops[i], on_stop, p);
	p->signals[3] = evsignal_new(p->loop->base, SIGHUP, on_hangup, p);
	p->signals[4] = evsignal_new(p->loop->base, SIGUSR1, on_reopen, p);
	for (size_t i = 0; i < 5; i++)
		if (!p->signals[i] || evsignal_add(p->signals[i], NULL) != 0)
			return err_set(e, "cannot catch signals");
	return true;
}

/* ---- running --------------------------------------------------------------------------------------------------- */

static bool open_configuration(struct program *p, struct err *e)
{
	return is_without_database(&p->settings) ? memory_start(&p->settings, &p->why)
	                                         : check_database(&p->settings, e);
}

static uint64_t published_version(void *arg)
{
	struct publish_status status;

	publish_status(arg, &status);
	return status.version;
}

/* What a database is for besides entities. */
static bool start_beside(struct program *p, struct err *e)
{
	p->upkeep = upkeep_start(&p->settings, e);
	if (p->upkeep)
		p->peers = peers_start(&p->settings, published_version, p->publish, e);
	return p->peers != NULL;
}

static bool start(struct program *p, const char *conf, struct err *e)
{
	const struct settings *s = &p->settings;

	if (!settings_load(&p->arena, conf, &p->settings, e) || !objects_load(s->plugin_dir, e) ||
	        !check_role(s, e) || !log_setup(&p->settings, p->settings.admin_error_log, e))
		return false;
	route_use_flavor(s->router_flavor);
	template_allow_lua(!slice_eq(s->untrusted_lua, S("off")));
	shared_counts_offer(!is_without_database(s));
	if (!open_configuration(p, e))
		return false;
	file_limit_raise();
	if (!s->core_dumps)
		dumps_forbid();
	p->loop = loop_new(e);
	if (!p->loop || !catch_signals(p, e))
		return false;
	p->publish = publish_start(p->loop, s, e);
	if (!p->publish || (!is_without_database(s) && !start_beside(p, e)))
		return false;
	p->admin = admin_server_start(p->loop, s, e);
	if (!p->admin)
		return false;
	if (slice_eq(s->role, S("control_plane")) &&
	        !(p->status = status_listener_start(p->loop, s, p->publish, p->admin, e)))
		return false;
	if (!write_pid_file(p, e))
		return false;
	handover_complete(p->loop);
	return true;
}

static void stop(struct program *p)
{
	loop_timer_free(p->drain_timer);
	status_listener_free(p->status);
	admin_server_free(p->admin);
	peers_stop(p->peers);
	upkeep_stop(p->upkeep);
	publish_stop(p->publish);
	memory_stop();
	text_fini(&p->why);
	for (size_t i = 0; i < 5; i++)
		if (p->signals[i])
			event_free(p->signals[i]);
	if (p->loop)
		loop_free(p->loop);
	if (p->pid_file[0])
		unlink(p->pid_file);
	arena_fini(&p->arena);
}

int main(int argc, char **argv)
{
	static struct program p;
	const char *conf = NULL;
	struct err e;
	int code = read_options(argc, argv, &conf);

	if (code >= 0)
		return code;
	arena_init(&p.arena);
	p.conf = conf;
	/* each admin thread's own arena would keep what one large document has left behind; one for the loop and one
	 * for all of them costs nothing that shows here */
	mallopt(M_ARENA_MAX, 2);
	log_init("gatehouse-cp");
	bool ok = start(&p, conf, &e);
	if (ok) {
		log_notice("started", LOG_STR("release", GATEHOUSE_RELEASE));
		loop_run(p.loop);
		log_notice("stopped");
	} else {
		fprintf(stderr, "gatehouse-cp: %s\n", p.why.len > 0 ? text_cstr(&p.why) : e.message);
	}
	stop(&p);
	if (ok && p.is_reloading) {
		handover_exec(argv, &e);
		fprintf(stderr, "gatehouse-cp: %s\n", e.message);
		return 1;
	}
	return ok ? 0 : 1;
}
