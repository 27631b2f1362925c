/* gatectl doctor: is what this machine's planes need there? Steps in the order in which one thing needs another: DNS,
 * TCP, TLS, clock, schema, store, Redis, disk. It ends at the first that fails, with what is wrong and what to do
 * about it: what comes after could only be wrong for the same reason. Nothing is changed, and nothing needs to run
 * (users.md 2.10). */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/file.h"
#include "common/crypto/x509.h"
#include "common/sync/sign_client.h"
#include "cp/admin/dependencies.h"
#include "cp/cli/command.h"
#include "cp/cli/output.h"
#include "cp/store/memory.h"
#include "cp/store/migrate.h"

enum { CONNECT_MS = 3000, CLOCK_MAX_MS = 5000, DISK_MIN_MB = 100, CERT_MIN_DAYS = 7, PLACES_MAX = 32 };

/* Where something is that is needed. */
struct place {
	const char *setting; /* that says so */
	struct slice text;   /* as it stands there */
	const char *host;    /* NULL: a path, to a socket of this machine */
	int port;
	const struct addrinfo *addresses; /* once DNS has been asked */
};

struct doctor {
	struct cli *cli;
	struct settings settings;
	bool is_control, is_data, has_database,
	        has_link; /* what runs here; has_link: the control plane is elsewhere */
	struct place places[PLACES_MAX];
	size_t count;
	struct store *store;
	int64_t ahead_ms; /* the control plane's clock, where TLS has asked for it */
	struct text found;
};

struct finding {
	struct err why;
	char fix[512];
};

static bool wrong(struct finding *f, const char *fix, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(struct finding *f, const char *fix, ...)
{
	va_list ap;
	va_start(ap, fix);
	vsnprintf(f->fix, sizeof f->fix, fix, ap);
	va_end(ap);
	return false;
}

static void say(struct doctor *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct doctor *d, const char *format, ...)
{
	va_list ap;
	if (d->found.len > 0)
		text_puts(&d->found, ", ");
	va_start(ap, format);
	text_vprintf(&d->found, format, ap);
	va_end(ap);
}

/* ---- what is needed -------------------------------------------------------------------------------------------- */

/* "a, b:1, [::1]:2"; a port that is not said is `port`. */
static void add_places(struct doctor *d, const char *setting, struct slice list, int port)
{
	while (slice_is_set(list) && d->count < PLACES_MAX) {
		struct slice one = slice_trim(slice_cut(&list, ','));
		struct place *p = &d->places[d->count];
		*p = (struct place){.setting = setting, .text = one, .port = port};
		if (one.len == 0)
			continue;
		if (one.ptr[0] != '/' && !sign_address(one, d->cli->arena, &p->host, &p->port))
			p->host = arena_cstr(d->cli->arena, one);
		d->count++;
	}
}

static void look_around(struct doctor *d)
{
	const struct settings *s = &d->settings;

	d->is_data = !slice_eq(s->role, S("control_plane"));
	d->is_control = !slice_eq(s->role, S("data_plane"));
	d->has_database = d->is_control && !is_without_database(s);
	d->has_link = d->is_data && !slice_eq(s->cluster_control_plane, S("ipc"));
	if (d->has_database)
		add_places(d, "pg_host", s->pg_host, (int)s->pg_port);
	if (d->has_link)
		add_places(d, "cluster_control_plane", s->cluster_control_plane, 8005);
}

/* ---- the steps ------------------------------------------------------------------------------------------------- */

static bool step_dns(struct doctor *d, struct finding *f)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};

	for (size_t i = 0; i < d->count; i++) {
		struct place *p = &d->places[i];
		struct addrinfo *found = NULL;
		char port[16];
		snprintf(port, sizeof port, "%d", p->port);
		int problem = p->host ? getaddrinfo(p->host, port, &hints, &found) : 0;
		if (problem) {
			err_set(&f->why, "'%s' (%s) has no address: %s", p->host, p->setting, gai_strerror(problem));
			return wrong(f, "correct the setting %s, or what /etc/resolv.conf and /etc/hosts say of '%s'",
			        p->setting, p->host);
		}
		p->addresses = found;
		if (p->host)
			say(d, "%s", p->host);
	}
	return true;
}

static int connect_to(const struct addrinfo *to)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), problem = 0;
	socklen_t len = sizeof problem;

	if (fd < 0)
		return errno;
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0)
		problem = errno;
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	if (problem == EINPROGRESS) {
		problem = ETIMEDOUT;
		if (poll(&p, 1, CONNECT_MS) == 1)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len);
	}
	close(fd);
	return problem;
}

static int reach(const struct place *p)
{
	char path[PATH_MAX];
	int problem = ENOENT;

	if (!p->host) {
		snprintf(path, sizeof path, "%.*s/.s.PGSQL.%d", SLICE_ARG(p->text), p->port);
		return access(path, F_OK) == 0 ? 0 : errno;
	}
	for (const struct addrinfo *to = p->addresses; to && problem; to = to->ai_next)
		problem = connect_to(to);
	return problem;
}

static bool cannot_reach(struct finding *f, const struct place *p, int problem)
{
	bool is_pg = strcmp(p->setting, "pg_host") == 0;
	err_set(&f->why, "%s:%d (%s) does not answer: %s", p->host ? p->host : "the socket of port", p->port,
	        p->setting, strerror(problem));
	return is_pg ? wrong(f,
	                       "start PostgreSQL there, let it listen on that address (listen_addresses), or correct pg_host and "
	                       "pg_port; a firewall may be in between")
	             : wrong(f, "start the control plane there with cluster_listen on that port, or correct "
	                        "cluster_control_plane; a firewall may be in between");
}

/* Of several that stand for each other, one is enough. */
static bool step_tcp(struct doctor *d, struct finding *f)
{
	for (size_t i = 0; i < d->count;) {
		const char *setting = d->places[i].setting;
		const struct place *silent = NULL;
		int problem = 0, reached = 0;
		for (; i < d->count && strcmp(d->places[i].setting, setting) == 0; i++) {
			const struct place *p = &d->places[i];
			int no = reach(p);
			if (no) {
				silent = p;
				problem = no;
			} else
				reached++;
			say(d, "%.*s %s", SLICE_ARG(p->text), no ? strerror(no) : "answers");
		}
		if (!reached)
			return cannot_reach(f, silent, problem);
	}
	return true;
}

static const char *path_of(struct doctor *d, struct slice path)
{
	return arena_cstr(d->cli->arena, path);
}

/* Files first: they are the same whoever is asked. */
static bool check_pair(struct doctor *d, struct finding *f)
{
	const struct settings *s = &d->settings;
	struct link_certs certs = {
	        path_of(d, s->cluster_ca_cert), path_of(d, s->cluster_cert), path_of(d, s->cluster_cert_key)};
	struct x509_info info;

	if (s->cluster_cert.len == 0 || s->cluster_cert_key.len == 0 || s->cluster_ca_cert.len == 0) {
		err_set(&f->why, "cluster_cert, cluster_cert_key or cluster_ca_cert is not set");
		return wrong(f, d->has_link
		                        ? "run gatectl cluster token on the control plane, and what it prints here"
		                        : "make them: gatectl cluster cert --dir FOLDER --host NAME cp1");
	}
	if (!link_check_certs(&certs, &f->why))
		return wrong(f,
		        "correct the file, or make this node's certificate anew (deploy/README.md, Several machines)");
	if (!x509_read(certs.cert, &info, &f->why))
		return wrong(f, "make this node's certificate anew");
	int64_t left_s = info.not_after_s - clock_wall_s();
	if (left_s <= 0 || clock_wall_s() < info.not_before_s) {
		err_set(&f->why, "certificate '%s' %s", certs.cert,
		        left_s <= 0 ? "has ended" : "does not begin before the clock of this machine says so");
		return wrong(f,
		        left_s > 0 ? "set the clock: timedatectl set-ntp true"
		        : d->has_link
		                ? "gatectl cluster token on the control plane, then here what it prints, with --again"
		                : "make another: remove it and run gatectl cluster cert");
	}
	say(d, "%s for %" PRId64 " more days", certs.cert, left_s / 86400);
	return true;
}

/* Would the control plane let us in? The first that answers is enough. */
static bool ask_control_plane(struct doctor *d, struct finding *f)
{
	const struct settings *s = &d->settings;
	struct link_certs certs = {
	        path_of(d, s->cluster_ca_cert), path_of(d, s->cluster_cert), path_of(d, s->cluster_cert_key)};
	enum sign_result result = SIGN_FAILED;

	for (size_t i = 0; i < d->count && result != SIGN_GIVEN; i++) {
		const struct place *p = &d->places[i];
		struct sign_given given = {.node_id = ""};
		if (strcmp(p->setting, "cluster_control_plane") != 0)
			continue;
		const struct sign_ask ask = {.host = p->host, .port = p->port, .certs = &certs};
		result = sign_ask(&ask, &given, &f->why);
		d->ahead_ms = given.ahead_ms;
		if (result == SIGN_GIVEN)
			say(d, "%s (release %s) takes it", p->host, given.release);
		sign_given_fini(&given);
	}
	if (result == SIGN_GIVEN)
		return true;
	return wrong(f,
	        "see whether the node is in GET /clustering/revoked, and whether cluster_ca_cert is the control plane's; "
	        "else join again: gatectl cluster token there, then here what it prints, with --again");
}

static bool step_tls(struct doctor *d, struct finding *f)
{
	bool listens = d->is_control && d->settings.cluster_listen.len > 0 &&
	               !slice_eq(d->settings.cluster_listen, S("off"));

	if (!listens && !d->has_link)
		return true;
	return check_pair(d, f) && (!d->has_link || ask_control_plane(d, f));
}

static bool open_store(struct doctor *d, struct finding *f)
{
	if (d->store || (d->store = store_open(&d->settings, &f->why)) != NULL)
		return true;
	return wrong(
	        f, "correct pg_user, pg_password, pg_database and pg_ssl, or what pg_hba.conf of PostgreSQL allows");
}

static bool step_clock(struct doctor *d, struct finding *f)
{
	int64_t there_ms = clock_wall_ms() + d->ahead_ms;

	if (d->has_database && (!open_store(d, f) || !store_clock(d->store, &there_ms, &f->why)))
		return f->fix[0] ? false : wrong(f, "see the database's log");
	int64_t ahead_ms = d->has_database ? there_ms - clock_wall_ms() : d->ahead_ms;
	const char *other = d->has_database ? "the database" : "the control plane";
	if (ahead_ms > CLOCK_MAX_MS || ahead_ms < -CLOCK_MAX_MS) {
		err_set(&f->why, "this machine's clock and that of %s are %.1f s apart", other,
		        (double)ahead_ms / 1000);
		return wrong(f, "keep both by NTP: timedatectl set-ntp true");
	}
	if (d->has_database || d->has_link)
		say(d, "%.1f s from %s", (double)ahead_ms / 1000, other);
	return true;
}

static bool step_schema(struct doctor *d, struct finding *f)
{
	static const struct {
		const char *why, *fix;
	} states[] = {
	        [MIGRATE_EMPTY] = {"the database is empty", "run: gatectl migrations bootstrap"},
	        [MIGRATE_PENDING] = {"the database is of an older release", "run: gatectl migrations up"},
	        [MIGRATE_NEWER] = {"the database is of a newer release", "install that release here too"},
	};
	enum migrate_state state;

	if (!d->has_database)
		return true;
	if (!open_store(d, f))
		return false;
	if (!migrate_status(d->store, &state, &f->why))
		return wrong(f, "let the user of the database read its tables");
	if (state == MIGRATE_CURRENT)
		return true;
	err_set(&f->why, "%s", states[state].why);
	return wrong(f, "%s", states[state].fix);
}

/* A write that is taken back: the row that all writers lock. */
static bool step_store(struct doctor *d, struct finding *f)
{
	struct text epoch = {0};
	struct fault fault = {0};
	uint64_t version = 0;

	if (!d->has_database)
		return true;
	bool ok = store_position(d->store, &epoch, &version, &f->why);
	text_fini(&epoch);
	if (ok && !(ok = store_begin(d->store, &fault)))
		err_set(&f->why, "%s", fault.message ? fault.message : "it takes no writes");
	else if (ok)
		store_rollback(d->store);
	fault_fini(&fault);
	if (!ok)
		return wrong(f, "is it a standby, or full? name the primary in pg_host, and see the database's log");
	say(d, "v%" PRIu64 ", takes writes", version);
	return true;
}

static bool step_redis(struct doctor *d, struct finding *f)
{
	if (!d->has_database)
		return true;
	struct admin_env env = {.settings = &d->settings};
	struct admin_call call = {.arena = d->cli->arena, .env = &env, .store = d->store};
	json_t *problems = json_array(), *servers = admin_redis_servers(&call, problems), *one;
	size_t i;

	json_array_foreach(servers, i, one) say(d, "%s", json_string_value(json_object_get(one, "address")));
	bool ok = json_array_size(problems) == 0;
	if (!ok)
		err_set(&f->why, "%s", json_string_value(json_array_get(problems, 0)));
	json_decref(servers);
	json_decref(problems);
	return ok ||
	       wrong(f,
	               "start Redis there, or correct config.redis of the plugins that name it: gatectl get plugins");
}

static bool step_disk(struct doctor *d, struct finding *f)
{
	const char *prefix = path_of(d, d->settings.prefix);
	struct statvfs fs;

	if (access(prefix, W_OK) < 0) {
		err_set(&f->why, "the prefix '%s': %s", prefix, strerror(errno));
		return wrong(
		        f, "make the folder, for the user that runs the planes: gatectl prepare --prefix %s", prefix);
	}
	if (statvfs(prefix, &fs) < 0) {
		err_set(&f->why, "'%s': %s", prefix, strerror(errno));
		return wrong(f, "see whether the disk is mounted");
	}
	uint64_t free_mb = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
	if (free_mb < DISK_MIN_MB || (fs.f_files > 0 && fs.f_favail == 0)) {
		err_set(&f->why, "'%s' has %" PRIu64 " MB and %" PRIu64 " files left, expected at least %d MB",
		        prefix, free_mb, (uint64_t)fs.f_favail, DISK_MIN_MB);
		return wrong(f, "make room, or move the prefix; without it the last configuration cannot be kept");
	}
	say(d, "%" PRIu64 " MB free in %s", free_mb, prefix);
	return true;
}

static const struct {
	const char *name;
	bool (*run)(struct doctor *d, struct finding *f);
} steps[] = {
        {"DNS", step_dns},
        {"TCP", step_tcp},
        {"TLS", step_tls},
        {"clock", step_clock},
        {"schema", step_schema},
        {"store", step_store},
        {"Redis", step_redis},
        {"disk", step_disk},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

/* ---- the command ----------------------------------------------------------------------------------------------- */

static void show_step(const struct doctor *d, const char *name, bool ok, const struct finding *f, json_t *list)
{
	const char *found = ok ? text_cstr(&d->found) : f->why.message;

	json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "step", name, "ok", (int)ok, "found", found));
	if (d->cli->json)
		return;
	printf("%-7s %-6s %s\n", name, ok ? "ok" : "FAILED", ok && !*found ? "nothing needs it here" : found);
	if (!ok)
		printf("\nto do: %s\n", f->fix);
	fflush(stdout);
}

static void free_all(struct doctor *d)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->places[i].addresses)
			freeaddrinfo((struct addrinfo *)d->places[i].addresses);
	store_close(d->store);
	text_fini(&d->found);
}

static bool examine(struct doctor *d, json_t *out)
{
	json_t *list = json_array();
	bool ok = true;

	for (size_t i = 0; ok && i < STEPS; i++) {
		struct finding f = {.why = {""}};
		text_clear(&d->found);
		ok = steps[i].run(d, &f);
		show_step(d, steps[i].name, ok, &f, list);
		if (!ok)
			json_object_update_new(out, json_pack("{s:s, s:s}", "failed", steps[i].name, "fix", f.fix));
	}
	json_object_set_new(out, "ok", json_boolean(ok));
	json_object_set_new(out, "steps", list);
	return ok;
}

static enum exit_code run_doctor(struct cli *c)
{
	struct doctor d = {.cli = c};

	if (!cli_no_more(c))
		return EXIT_USAGE;
	if (!cli_settings(c, &d.settings))
		return EXIT_FAILED;
	look_around(&d);
	json_t *out = json_object();
	bool ok = examine(&d, out);
	if (c->json)
		output_json(out);
	json_decref(out);
	free_all(&d);
	return ok ? EXIT_OK : EXIT_FAILED;
}

const struct command doctor_command = {
        .name = "doctor",
        .usage = "[--conf FILE] [--prefix DIR] [-o json]",
        .summary =
                "check what this machine's planes need, in order, up to the first that is wrong and what to do about it",
        .examples = "  gatectl doctor\n"
                    "  gatectl doctor --conf /etc/gatehouse/gatehouse.conf -o json\n",
        .run = run_doctor,
};
