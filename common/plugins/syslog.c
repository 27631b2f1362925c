/* syslog: the record of each request to the machine's own syslog, as severe as the answer was (plugins.md 6). Entries
 * are whole datagrams for /dev/log; what it does not take at once is lost, and counted. */
#include <time.h>
#include <unistd.h>

#include "common/plugin/log_conf.h"

struct syslog {
	struct slice log_level, successful_severity, client_errors_severity, server_errors_severity;
	struct slice_map custom_fields_by_lua;
	struct slice facility;
};

#define SEVERITIES ONE_OF("debug", "info", "notice", "warning", "err", "crit", "alert", "emerg")
#define SEVERITY(member, text) \
	FIELD(struct syslog, member, .flags = REQUIRED, .dflt = "'info'", .one_of = SEVERITIES, .doc = text)

static const struct field fields[] = {
        SEVERITY(log_level, "Only what is at least as severe is logged."),
        SEVERITY(successful_severity, "Severity of answers with a status below 400."),
        SEVERITY(client_errors_severity, "Severity of answers with a status from 400 to 499."),
        SEVERITY(server_errors_severity, "Severity of answers with a status of 500 and above."),
        CUSTOM_FIELDS_BY_LUA(struct syslog),
        FIELD(struct syslog, facility, .flags = REQUIRED, .dflt = "'user'",
                .one_of = ONE_OF("auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog",
                        "user", "uucp", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
                        "local7"),
                .doc = "What syslog is to take the entries for."),
        {0},
};

static const struct schema config = {
        .name = "syslog",
        .size = sizeof(struct syslog),
        .fields = fields,
        .checks = log_conf_checks,
};

/* ---- numbers of RFC 5424 6.2.1 --------------------------------------------------------------------------------- */

/* Where a word stands in a list that a NULL ends. */
static int place_of(struct slice word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (slice_eq(word, slice_cstr(words[i])))
			return i;
	return 0; /* the schema has let in no others */
}

static int severity_number(struct slice word)
{
	static const char *const words[] = {
	        "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", NULL};
	return place_of(word, words);
}

static int facility_number(struct slice word)
{
	static const char *const words[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp",
	        "cron", "authpriv", "ftp", "12", "13", "14", "15", "local0", "local1", "local2", "local3", "local4",
	        "local5", "local6", "local7", NULL};
	return place_of(word, words);
}

/* What becomes of answers below 400, of client's errors, of server's errors. */
struct ready {
	struct sink sink;
	const struct log_fields *fields;
	struct grade {
		int priority;
		bool is_logged;
	} grades[3];
};

static struct grade grade_of(const struct syslog *s, struct slice severity)
{
	int number = severity_number(severity);
	return (struct grade){facility_number(s->facility) * 8 + number, number <= severity_number(s->log_level)};
}

static bool compile(const void *conf, struct arena *a, const void **compiled, struct err *e)
{
	const struct syslog *s = conf;
	struct ready *r = arena_new(a, struct ready);

	*r = (struct ready){
	        .sink = {.kind = SINK_SYSLOG, .plugin = "syslog", .name = S("syslog"), .queue = {.retry_ms = -1}},
	        .grades = {grade_of(s, s->successful_severity), grade_of(s, s->client_errors_severity),
	                grade_of(s, s->server_errors_severity)}};
	sink_ready(&r->sink);
	*compiled = r;
	return log_conf_fields(a, &s->custom_fields_by_lua, &r->fields, e);
}

/* As the C library writes it: "<14>Mar  3 10:00:17 kong[42]: {...}", in local time. */
static struct slice datagram(struct call *c, int priority)
{
	time_t now = c->x->started_ms / 1000;
	struct tm tm;
	char when[24];

	localtime_r(&now, &tm);
	strftime(when, sizeof when, "%h %e %T", &tm);
	struct slice head = arena_printf(c->x->arena, "<%d>%s kong[%d]: ", priority, when, (int)getpid());
	return ARENA_JOIN(c->x->arena, head, call_log_record(c));
}

static enum verdict on_log(struct call *c)
{
	const struct ready *r = c->compiled;
	const struct grade *g = &r->grades[c->x->status >= 500 ? 2 : c->x->status >= 400 ? 1 : 0];
	if (g->is_logged) {
		log_conf_add_fields(c, r->fields);
		call_sink(c, &r->sink, datagram(c, g->priority));
	}
	return GO;
}

const struct plugin syslog_plugin = {
        .name = "syslog",
        .priority = 4,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_ANY,
        .config = &config,
        .compile = compile,
        .log = on_log,
        .doc = "Sends the record of each request to the machine's syslog.",
        .example = "{'facility':'local0','server_errors_severity':'err'}",
};
