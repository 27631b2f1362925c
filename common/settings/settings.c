/* settings: the table, and reading it from file and environment. See settings.h. */
#include "common/settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/core/file.h"
#include "common/core/log.h"
#include "common/core/release.h"
#include "common/schema/decode.h"
#include "common/schema/load.h"

enum { FILE_MAX_BYTES = 1024 * 1024 };

static const struct field fields[] = {
	FIELD(struct settings, prefix, .dflt = "'/usr/local/gatehouse'", .doc = "Folder of run-time files."),
	FIELD(struct settings, role, .dflt = "'traditional'", .one_of = ONE_OF("traditional", "control_plane", "data_plane"),
		.doc = "Which planes run on this machine."),
	FIELD(struct settings, database, .dflt = "'postgres'", .one_of = ONE_OF("postgres", "off"), .doc = "Where entities are kept."),
	FIELD(struct settings, log_level, .dflt = "'notice'",
		.one_of = ONE_OF("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"), .doc = "What is logged."),
	FIELD(struct settings, log_format, .dflt = "'plain'", .one_of = ONE_OF("plain", "json"), .doc = "How it is logged."),
	FIELD(struct settings, declarative_config, .doc = "A file with the whole configuration, for database = off."),
	FIELD(struct settings, proxy_listen, .dflt = "'0.0.0.0:8000 reuseport backlog=16384'", .doc = "Where the proxy listens."),
	FIELD(struct settings, admin_listen, .dflt = "'127.0.0.1:8001 reuseport backlog=16384'",
		.doc = "Where the Admin API listens."),
	FIELD(struct settings, status_listen, .dflt = "'127.0.0.1:8100'", .doc = "Where the status API listens."),
	FIELD(struct settings, proxy_access_log, .dflt = "'logs/access.log'", .doc = "File of the proxy's access log, or off."),
	FIELD(struct settings, proxy_error_log, .dflt = "'logs/error.log'", .doc = "File of the data plane's log, or off."),
	FIELD(struct settings, admin_access_log, .dflt = "'logs/admin_access.log'", .doc = "File of the Admin API's access log, or off."),
	FIELD(struct settings, admin_error_log, .dflt = "'logs/error.log'", .doc = "File of the control plane's log, or off."),
	FIELD(struct settings, nginx_worker_processes, .dflt = "0", BETWEEN(0, 256), .doc = "Worker threads; auto: one per CPU."),
	FIELD(struct settings, pg_host, .dflt = "'127.0.0.1'", .doc = "PostgreSQL's host."),
	FIELD(struct settings, pg_port, .dflt = "5432", BETWEEN(1, 65535), .doc = "PostgreSQL's port."),
	FIELD(struct settings, pg_timeout, .dflt = "5000", BETWEEN(1, 2147483646), .doc = "Milliseconds a statement may take."),
	FIELD(struct settings, pg_user, .dflt = "'kong'", .doc = "PostgreSQL's user."),
	FIELD(struct settings, pg_password, .flags = SECRET, .doc = "Its password."),
	FIELD(struct settings, pg_database, .dflt = "'kong'", .doc = "The database."),
	FIELD(struct settings, pg_schema, .doc = "The schema in it; unset: the user's own."),
	FIELD(struct settings, pg_ssl, .dflt = "false", .doc = "Whether to use TLS."),
	FIELD(struct settings, pg_ssl_verify, .dflt = "false", .doc = "Whether to verify PostgreSQL's certificate."),
	FIELD(struct settings, cluster_listen, .dflt = "'off'", .doc = "Where data planes on other machines link up."),
	FIELD(struct settings, cluster_control_plane, .dflt = "'ipc'",
		.doc = "The control plane, host:port; ipc: on this machine with the same prefix."),
	FIELD(struct settings, cluster_cert, .doc = "This node's certificate, a PEM file."),
	FIELD(struct settings, cluster_cert_key, .doc = "Its key, a PEM file."),
	FIELD(struct settings, cluster_ca_cert, .doc = "The cluster's CA certificate, a PEM file."),
	FIELD(struct settings, node_id, .format = FORMAT_UUID, .doc = "This node's id; unset: made once and kept in the prefix."),
	FIELD(struct settings, admin_wait, .dflt = "200", BETWEEN(0, 60000),
		.doc = "Milliseconds a write waits for the data planes to apply it."),
	FIELD(struct settings, admin_threads, .dflt = "4", BETWEEN(1, 64), .doc = "Admin API requests at the same time."),
	FIELD(struct settings, headers, .dflt = "'server_tokens, latency_tokens, X-Kong-Request-Id'",
		.doc = "Which headers the gateway adds to responses."),
	FIELD(struct settings, headers_upstream, .dflt = "'X-Kong-Request-Id'", .doc = "Which headers it adds to requests."),
	FIELD(struct settings, server_token, .dflt = "'gatehouse/" GATEHOUSE_RELEASE "'", .doc = "How it calls itself in Server and Via."),
	FIELD(struct settings, kong_version, .dflt = "'3.9.3'", .doc = "The Kong version it is compatible with."),
	FIELD(struct settings, error_default_type, .dflt = "'text/plain'",
		.one_of = ONE_OF("text/plain", "text/html", "application/json", "application/xml"),
		.doc = "Media type of error bodies when the request names none."),
	FIELD(struct settings, http_strictness, .dflt = "'strict'", .one_of = ONE_OF("strict", "compat"),
		.doc = "Whether requests that Kong lets pass though they break RFC 9112 are refused."),
	FIELD(struct settings, router_flavor, .dflt = "'traditional_compatible'",
		.one_of = ONE_OF("traditional_compatible", "traditional", "expressions"), .doc = "How routes are matched and ordered."),
	FIELD(struct settings, route_match_calculation, .dflt = "'original'", .one_of = ONE_OF("original", "strict"),
		.doc = "The order of routes as released Kong computes it, or as it is documented."),
	FIELD(struct settings, trusted_ips, .doc = "Addresses whose X-Forwarded-* headers are believed."),
	FIELD(struct settings, real_ip_header, .dflt = "'X-Real-IP'", .doc = "The header with the client's address."),
	FIELD(struct settings, real_ip_recursive, .dflt = "false", .doc = "Whether trusted addresses in it are skipped."),
	FIELD(struct settings, client_max_body_size, .dflt = "'0'", .doc = "Largest request body; 0: no limit."),
	FIELD(struct settings, admin_max_body_size, .dflt = "'10m'", .doc = "Largest body of an Admin API request."),
	FIELD(struct settings, dns_resolver, .doc = "Name servers, ip[:port], comma separated; unset: those of the machine."),
	FIELD(struct settings, dns_hostsfile, .dflt = "'/etc/hosts'", .doc = "Names known without asking."),
	FIELD(struct settings, upstream_keepalive_pool_size, .dflt = "512", BETWEEN(0, 1000000),
		.doc = "Idle connections kept per upstream address and worker; 0: none."),
	FIELD(struct settings, upstream_keepalive_max_requests, .dflt = "10000", BETWEEN(0, 2147483647),
		.doc = "Requests per upstream connection; 0: no limit."),
	FIELD(struct settings, upstream_keepalive_idle_timeout, .dflt = "60", BETWEEN(0, 1000000),
		.doc = "Seconds an idle upstream connection is kept; 0: for ever."),
	FIELD(struct settings, client_header_timeout, .dflt = "60", BETWEEN(1, 86400), .doc = "Seconds for a request's head."),
	FIELD(struct settings, client_body_timeout, .dflt = "60", BETWEEN(1, 86400), .doc = "Seconds between two reads of a body."),
	FIELD(struct settings, send_timeout, .dflt = "60", BETWEEN(1, 86400), .doc = "Seconds between two writes to a client."),
	FIELD(struct settings, keepalive_timeout, .dflt = "75", BETWEEN(0, 86400), .doc = "Seconds an idle client connection is kept."),
	FIELD(struct settings, keepalive_requests, .dflt = "10000", BETWEEN(1, 2147483647), .doc = "Requests per client connection."),
	FIELD(struct settings, shutdown_grace, .dflt = "10", BETWEEN(0, 86400), .doc = "Seconds running requests have when stopping."),
	{0},
};

const struct schema settings_schema = {.name = "settings", .size = sizeof(struct settings), .fields = fields,
	.doc = "What a node is told by file and environment."};

/* Kong's other names of the same things. */
static const struct {
	const char *name, *means;
} aliases[] = {
	{"nginx_http_client_max_body_size", "client_max_body_size"},
	{"nginx_proxy_client_max_body_size", "client_max_body_size"},
	{"nginx_admin_client_max_body_size", "admin_max_body_size"},
	{"nginx_http_client_header_timeout", "client_header_timeout"},
	{"nginx_http_client_body_timeout", "client_body_timeout"},
	{"nginx_http_send_timeout", "send_timeout"},
	{"nginx_http_keepalive_timeout", "keepalive_timeout"},
	{"nginx_http_keepalive_requests", "keepalive_requests"},
	{"nginx_proxy_real_ip_header", "real_ip_header"},
	{"nginx_proxy_real_ip_recursive", "real_ip_recursive"},
};

/* Keys of Kong that have no meaning here: taken without a word. */
static const char *const ignored[] = {"nginx_daemon", "nginx_user", "anonymous_reports", "lua_package_path", "lua_package_cpath",
	"mem_cache_size", "lmdb_map_size", "worker_state_update_frequency", "worker_consistency", "db_update_frequency",
	"db_update_propagation", "db_cache_ttl", "admin_gui_listen", "stream_listen", "plugins", "vaults", "log_file"};

static const char *canonical(const char *name)
{
	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
		if (strcmp(aliases[i].name, name) == 0)
			return aliases[i].means;
	return name;
}

static bool is_ignored(const char *name)
{
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		if (strcmp(ignored[i], name) == 0)
			return true;
	return false;
}

/* ---- one value -------------------------------------------------------------------------------------------------- */

/* As users write it: "on", "auto", "75s" become what the table wants. */
static json_t *value_of(const struct field *f, struct slice text)
{
	if (text.len == 0)
		return json_null();
	if (f->type == TYPE_BOOLEAN)
		return json_boolean(slice_eq(text, S("on")) || slice_eq(text, S("true")));
	if (f->type == TYPE_INTEGER) {
		int64_t n;
		struct slice digits = text;
		if (slice_eq(text, S("auto")))
			return json_integer(0);
		if (digits.ptr[digits.len - 1] == 's')
			digits.len--;
		if (slice_to_int(digits, &n))
			return json_integer(n);
	}
	return json_stringn(text.ptr, text.len);
}

/* Checks at once, so that the message can say where the value came from. */
static bool set_value(json_t *input, const char *name, struct slice text, const char *where, struct err *e)
{
	const struct field *f = schema_field(&settings_schema, slice_cstr(canonical(name)));
	if (!f) {
		if (!is_ignored(name))
			log_warn("unknown setting", LOG_STR("where", where), LOG_STR("name", name));
		return true;
	}
	json_t *one = json_pack("{s:o}", f->name, value_of(f, text)), *out;
	const struct load_options as_new = {.op = LOAD_CREATE};
	struct violations v = {0};
	bool ok = schema_load(&settings_schema, one, &as_new, &out, &v);
	if (ok) {
		json_object_set(input, f->name, json_object_get(one, f->name));
		json_decref(out);
	} else {
		const json_t *why = json_object_get(v.fields, f->name);
		bool secret = f->flags & SECRET;
		err_set(e, "%s: %s is '%.*s': %s", where, name, secret ? 3 : (int)text.len, secret ? "***" : text.ptr,
			json_string_value(why) ? json_string_value(why) : "not a valid value");
	}
	violations_fini(&v);
	json_decref(one);
	return ok;
}

/* ---- file --------------------------------------------------------------------------------------------------------- */

/* Without the comment; "\#" is a '#'. */
static struct slice strip_comment(struct arena *a, struct slice line)
{
	char *out = arena_alloc(a, line.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '#')
			break;
		if (line.ptr[i] == '\\' && i + 1 < line.len && line.ptr[i + 1] == '#')
			i++;
		out[n++] = line.ptr[i];
	}
	return slice_trim(slice_of(out, n));
}

static bool read_line(struct arena *a, struct slice line, const char *file, int number, json_t *input, struct err *e)
{
	struct slice text = strip_comment(a, line);
	if (text.len == 0)
		return true;
	struct slice where = arena_printf(a, "%s:%d", file, number);
	ptrdiff_t equals = slice_find(text, '=');
	if (equals < 0)
		return err_set(e, "%s: '%.*s' is not of the form key = value", where.ptr, SLICE_ARG(text));
	struct slice key = slice_trim(slice_of(text.ptr, (size_t)equals));
	return set_value(input, arena_cstr(a, key), slice_trim(slice_from(text, (size_t)equals + 1)), where.ptr, e);
}

static bool read_file(struct arena *a, const char *file, json_t *input, struct err *e)
{
	struct slice rest;
	int number = 0;
	if (!file_read(a, file, FILE_MAX_BYTES, &rest, e))
		return false;
	while (slice_is_set(rest))
		if (!read_line(a, slice_cut(&rest, '\n'), file, ++number, input, e))
			return false;
	return true;
}

/* ---- environment -------------------------------------------------------------------------------------------------- */

extern char **environ;

static bool read_variable(struct arena *a, const char *variable, const char *prefix, json_t *input, struct err *e)
{
	struct slice rest = slice_cstr(variable), start = slice_cstr(prefix);
	if (!slice_starts(rest, start) || slice_find(rest, '=') < 0)
		return true;
	struct slice name = slice_cut(&rest, '=');
	char *key = arena_cstr(a, slice_from(name, start.len));
	for (char *p = key; *p; p++)
		*p = (char)ascii_lower((unsigned char)*p);
	if (!schema_field(&settings_schema, slice_cstr(canonical(key))))
		return true; /* KONG_* and GATEHOUSE_* may mean something to others */
	return set_value(input, key, slice_is_set(rest) ? rest : S(""), arena_cstr(a, name), e);
}

static bool read_environment(struct arena *a, const char *prefix, json_t *input, struct err *e)
{
	for (char **v = environ; *v; v++)
		if (!read_variable(a, *v, prefix, input, e))
			return false;
	return true;
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

static const char *default_file(void)
{
	static const char *const places[] = {"/etc/gatehouse/gatehouse.conf", "/etc/kong/kong.conf", "/etc/kong.conf"};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}

static bool finish(struct arena *a, const json_t *input, struct settings *out, struct err *e)
{
	const struct load_options as_new = {.op = LOAD_CREATE};
	struct violations v = {0};
	json_t *complete;
	if (!schema_load(&settings_schema, input, &as_new, &complete, &v)) {
		struct text why = {0};
		violations_message(v.fields, "wrong setting", "wrong settings", &why);
		err_set(e, "%s", text_cstr(&why));
		text_fini(&why);
		violations_fini(&v);
		return false;
	}
	bool ok = schema_decode(&settings_schema, complete, a, out, e);
	json_decref(complete);
	return ok;
}

bool settings_load(struct arena *a, const char *file, struct settings *out, struct err *e)
{
	json_t *input = json_object();
	const char *from = file ? file : default_file();
	bool ok = (!from || read_file(a, from, input, e)) && read_environment(a, "KONG_", input, e) &&
		  read_environment(a, "GATEHOUSE_", input, e) && finish(a, input, out, e);
	json_decref(input);
	return ok;
}

static json_t *member_json(const struct field *f, const struct settings *s)
{
	const void *m = field_member(f, s);
	const struct slice *text = m;
	switch (f->member) {
	case MEMBER_INT: return json_integer(*(const int64_t *)m);
	case MEMBER_BOOL: return json_boolean(*(const bool *)m);
	default:
		if (!slice_is_set(*text))
			return json_null();
		return f->flags & SECRET ? json_string("******") : json_stringn(text->ptr, text->len);
	}
}

json_t *settings_json(const struct settings *s)
{
	json_t *out = json_object();
	for_each_field(f, &settings_schema) json_object_set_new(out, f->name, member_json(f, s));
	return out;
}

bool settings_size(struct slice text, uint64_t *bytes)
{
	static const char units[] = "kmg";
	int64_t n;
	int shift = 0;
	if (text.len == 0)
		return false;
	const char *unit = strchr(units, ascii_lower((unsigned char)text.ptr[text.len - 1]));
	if (unit && *unit) {
		shift = 10 * (int)(unit - units + 1);
		text.len--;
	}
	if (!slice_to_int(text, &n) || n < 0 || n > INT64_MAX >> shift)
		return false;
	*bytes = (uint64_t)n << shift;
	return true;
}
