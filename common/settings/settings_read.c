/* settings_read: settings_load(). File, then KONG_*, then GATEHOUSE_* are read into one JSON object, each over the
 * one before; the table fills in and checks the rest. Every value is checked where it is read, so that a message can
 * name the line or the variable. */
#include <stdlib.h>
#include <unistd.h>

#include "common/core/file.h"
#include "common/core/log.h"
#include "common/schema/decode.h"
#include "common/schema/load.h"
#include "common/settings/settings.h"

enum { FILE_LIMIT = 1024 * 1024 };

struct reader {
	struct arena *arena;
	json_t *input;
	struct err *e;
	bool warns; /* about unknown keys: in a file, not in the environment, which others use too */
};

/* ---- names ----------------------------------------------------------------------------------------------------- */

static const struct alias {
	const char *name, *key;
	bool quiet;
} aliases[] = {
#define DIRECTIVE(n, k) {"nginx_http_" n, k, false}, {"nginx_proxy_" n, k, false},
#define ALIAS(n, k)     {n, k, false},
#define QUIET(n)        {n, NULL, true},
#include "common/settings/directives.def"
#undef DIRECTIVE
#undef ALIAS
#undef QUIET
};

static const struct alias *find_alias(struct slice name)
{
	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
		if (slice_eq(slice_cstr(aliases[i].name), name))
			return &aliases[i];
	return NULL;
}

/* The row of our table that a key of kong.conf means; NULL when it means nothing here. */
static const struct field *find_field(const struct reader *r, struct slice name, struct slice text, const char *where)
{
	const struct alias *alias = find_alias(name);
	const struct field *f = schema_field(&settings_schema, alias && alias->key ? slice_cstr(alias->key) : name);

	if (f)
		return f;
	if (alias && !alias->quiet && !slice_eq(text, S("off")))
		log_warn("setting has no effect yet", LOG_STR("where", where), LOG_SLICE("key", name));
	else if (!alias && r->warns)
		log_warn("unknown setting", LOG_STR("where", where), LOG_SLICE("key", name));
	return NULL;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static bool is_in_seconds(const struct field *f)
{
	static const char *const names[] = {"client_header_timeout", "client_body_timeout", "send_timeout",
	        "keepalive_timeout", "upstream_keepalive_idle_timeout", "upstream_http2_ping_interval",
	        "shutdown_grace", "drain_delay", "websocket_idle_timeout", "proxy_next_upstream_timeout",
	        "ssl_session_timeout"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], f->name) == 0)
			return true;
	return false;
}

static json_t *text_json(struct slice text)
{
	return json_stringn(text.ptr, text.len);
}

static int64_t unit_of(char letter)
{
	switch (letter) {
	case 'm': return 60;
	case 'h': return 3600;
	case 'd': return 86400;
	default: return 1;
	}
}

/* nginx writes "75s" and "2m"; without a unit it is seconds. */
static json_t *seconds_json(struct slice text)
{
	int64_t n, unit = 1;
	struct slice digits = text;

	if (text.len > 1 && strchr("smhd", text.ptr[text.len - 1])) {
		digits.len--;
		unit = unit_of(text.ptr[digits.len]);
	}
	return slice_to_int(digits, &n) && n <= INT64_MAX / 86400 ? json_integer(n * unit) : text_json(text);
}

static json_t *integer_json(const struct field *f, struct slice text)
{
	int64_t n;
	if (strcmp(f->name, "nginx_worker_processes") == 0 && slice_eq(text, S("auto")))
		return json_integer(0);
	if (is_in_seconds(f))
		return seconds_json(text);
	return slice_to_int(text, &n) ? json_integer(n) : text_json(text);
}

static json_t *boolean_json(struct slice text)
{
	if (slice_ieq(text, S("on")) || slice_ieq(text, S("true")))
		return json_true();
	if (slice_ieq(text, S("off")) || slice_ieq(text, S("false")))
		return json_false();
	return text_json(text);
}

/* What cannot be read as the field's type stays text, and the field's check says what it expected. NULL: not UTF-8.
 */
static json_t *value_json(const struct field *f, struct slice text)
{
	switch (f->type) {
	case TYPE_INTEGER: return integer_json(f, text);
	case TYPE_BOOLEAN: return boolean_json(text);
	default: return text_json(text);
	}
}

static bool refuse(const struct reader *r, const struct field *f, struct slice name, struct slice text,
        const char *where, const char *why)
{
	if (f->type == TYPE_BOOLEAN)
		why = "expected on or off";
	if (f->flags & SECRET)
		text = S("***");
	return err_set(r->e, "%s: %.*s is '%.*s': %s", where, SLICE_ARG(name), SLICE_ARG(text), why);
}

/* Is this value one that the field can have? */
static bool check_value(const struct reader *r, const struct field *f, struct slice name, struct slice text,
        json_t *value, const char *where)
{
	const struct load_options alone = {.op = LOAD_CREATE};
	struct violations v = {0};
	json_t *one = json_pack("{s:O}", f->name, value), *complete;
	bool ok = schema_load(&settings_schema, one, &alone, &complete, &v);

	if (!ok) {
		const char *why = json_string_value(json_object_get(v.fields, f->name));
		refuse(r, f, name, text, where, why ? why : "not a valid value");
	}
	violations_fini(&v);
	json_decref(complete);
	json_decref(one);
	return ok;
}

/* An empty value unsets; what cannot be unset gets its default. */
static void unset(const struct reader *r, const struct field *f)
{
	if (f->flags & REQUIRED)
		json_object_del(r->input, f->name);
	else
		json_object_set_new(r->input, f->name, json_null());
}

static bool set_value(const struct reader *r, struct slice name, struct slice text, const char *where)
{
	const struct field *f = find_field(r, name, text, where);
	if (!f)
		return true;
	if (text.len == 0) {
		unset(r, f);
		return true;
	}
	json_t *value = value_json(f, text);
	if (!value)
		return refuse(r, f, name, S("..."), where, "expected valid utf-8");
	bool ok = check_value(r, f, name, text, value, where);
	if (ok)
		json_object_set(r->input, f->name, value);
	json_decref(value);
	return ok;
}

/* ---- file ------------------------------------------------------------------------------------------------------ */

/* Without comment and blanks; "\#" is a '#'. */
static struct slice clean_line(struct arena *a, struct slice line)
{
	char *out = arena_alloc(a, line.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < line.len && line.ptr[i] != '#'; i++) {
		if (line.ptr[i] == '\\' && i + 1 < line.len && line.ptr[i + 1] == '#')
			i++;
		out[n++] = line.ptr[i];
	}
	return slice_trim(slice_of(out, n));
}

static bool read_line(const struct reader *r, struct slice line, const char *where)
{
	struct slice text = clean_line(r->arena, line);
	if (text.len == 0)
		return true;
	if (slice_find(text, '=') < 0)
		return err_set(r->e, "%s: '%.*s' is not of the form key = value", where, SLICE_ARG(text));
	struct slice name = slice_trim(slice_cut(&text, '='));
	return set_value(r, name, slice_trim(text), where);
}

static bool read_file(struct reader *r, const char *file)
{
	struct slice rest;
	if (!file_read(r->arena, file, FILE_LIMIT, &rest, r->e))
		return false;
	r->warns = true;
	for (int number = 1; slice_is_set(rest); number++) {
		struct slice line = slice_cut(&rest, '\n');
		if (!read_line(r, line, arena_printf(r->arena, "%s:%d", file, number).ptr))
			return false;
	}
	return true;
}

static const char *default_file(void)
{
	static const char *const places[] = {
	        "/etc/gatehouse/gatehouse.conf", "/etc/kong/kong.conf", "/etc/kong.conf"};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}

/* ---- environment ----------------------------------------------------------------------------------------------- */

static bool read_variable(const struct reader *r, struct slice variable, struct slice prefix)
{
	struct slice name = slice_cut(&variable, '=');
	if (!slice_starts(name, prefix) || !slice_is_set(variable))
		return true;

	char *key = arena_cstr(r->arena, slice_from(name, prefix.len));
	for (char *p = key; *p; p++)
		*p = (char)ascii_lower((unsigned char)*p);
	return set_value(r, slice_cstr(key), slice_trim(variable), arena_cstr(r->arena, name));
}

static bool read_environment(struct reader *r, struct slice prefix)
{
	r->warns = false;
	for (char **v = environ; v && *v; v++)
		if (!read_variable(r, slice_cstr(*v), prefix))
			return false;
	return true;
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

/* The default is for data planes: one on the same machine has it, and a control plane would be in its way. */
static void settle_status_listen(const struct reader *r)
{
	const char *role = json_string_value(json_object_get(r->input, "role"));

	if (role && strcmp(role, "control_plane") == 0 && !json_object_get(r->input, "status_listen"))
		json_object_set_new(r->input, "status_listen", json_string("off"));
}

/* Fills in the defaults. Each value has been checked, so nothing is left to go wrong but a mistake in the table. */
static bool finish(const struct reader *r, struct settings *out)
{
	const struct load_options options = {.op = LOAD_CREATE};
	struct violations v = {0};
	json_t *complete;

	settle_status_listen(r);
	bool ok = schema_load(&settings_schema, r->input, &options, &complete, &v);

	if (!ok) {
		struct text why = {0};
		violations_message(v.fields, "wrong setting", "wrong settings", &why);
		err_set(r->e, "%s", text_cstr(&why));
		text_fini(&why);
	}
	ok = ok && schema_decode(&settings_schema, complete, r->arena, out, r->e);
	violations_fini(&v);
	json_decref(complete);
	return ok;
}

bool settings_load(struct arena *a, const char *file, struct settings *out, struct err *e)
{
	struct reader r = {.arena = a, .input = json_object(), .e = e};
	const char *from = file ? file : default_file();

	bool ok = (!from || read_file(&r, from)) && read_environment(&r, S("KONG_")) &&
	          read_environment(&r, S("GATEHOUSE_")) && finish(&r, out);
	json_decref(r.input);
	return ok;
}
