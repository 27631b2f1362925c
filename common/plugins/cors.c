/* cors: tells browsers which pages of other origins may use an answer, and answers their preflights (Fetch standard;
 * plugins.md 2.3).
 *
 * Origins are compared in a normal form without the scheme's own port: browsers send it that way, configurations do
 * not always. An answer with whom it is for also says so to caches (Vary). */
#include <math.h>

#include "common/plugin/plugin.h"
#include "common/plugin/regex.h"

struct cors {
	struct slice_list origins, headers, exposed_headers, methods;
	struct opt_num max_age;
	bool credentials, private_network, preflight_continue;
};

#define ALL_METHODS "GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT"

static bool is_origin(const struct field *f, json_t **value, struct err *e)
{
	struct slice text = slice_of(json_string_value(*value), json_string_length(*value));
	struct err why;
	struct arena a;

	arena_init(&a);
	bool ok = slice_eq(text, S("*")) || regex_compile(&a, text, REGEX_WHOLE, &why);
	arena_fini(&a);
	return ok || err_set(e, "'%.*s' is not a valid regex", SLICE_ARG(text));
}

static const struct field fields[] = {
        FIELD(struct cors, origins, STRINGS(.check = is_origin),
                .doc = "Origins that may read answers, as they are or as regular expressions. Unset or `*`: any."),
        FIELD(struct cors, headers, STRINGS(),
                .doc = "Request headers that pages may use. Unset: those that a preflight asks for."),
        FIELD(struct cors, exposed_headers, STRINGS(), .doc = "Response headers that pages may read."),
        FIELD(struct cors, methods,
                .dflt = "['GET','HEAD','PUT','PATCH','POST','DELETE','OPTIONS','TRACE','CONNECT']",
                STRINGS(.one_of = ONE_OF(ALL_METHODS)), .doc = "Methods that pages may use."),
        FIELD(struct cors, max_age, .doc = "How long, in seconds, a browser may remember a preflight's answer."),
        FIELD(struct cors, credentials, .flags = REQUIRED, .dflt = "false",
                .doc = "Pages may send cookies and logins along."),
        FIELD(struct cors, private_network, .flags = REQUIRED, .dflt = "false",
                .doc = "Public pages may reach this service in a private network."),
        FIELD(struct cors, preflight_continue, .flags = REQUIRED, .dflt = "false",
                .doc = "Leave preflights to the upstream service."),
        {0},
};

static const struct schema config = {
        .name = "cors",
        .size = sizeof(struct cors),
        .fields = fields,
};

/* ---- origins --------------------------------------------------------------------------------------------------- */

struct origin {
	struct slice text; /* "https://a.test:8443" */
	struct slice host; /* "a.test"; what is no origin is its own host */
};

/* Where the port of an authority begins, or its end. Not within [...]. */
static size_t port_at(struct slice authority)
{
	for (size_t i = authority.len; i-- > 0 && authority.ptr[i] != ']';)
		if (authority.ptr[i] == ':')
			return i;
	return authority.len;
}

static struct origin normalise(struct slice text)
{
	const char *sep = text.len ? memmem(text.ptr, text.len, "://", 3) : NULL;
	if (!sep)
		return (struct origin){text, text};

	struct slice scheme = slice_of(text.ptr, (size_t)(sep - text.ptr)), rest = slice_from(text, scheme.len + 3);
	struct slice authority = slice_cut(&rest, '/');
	struct slice host = slice_of(authority.ptr, port_at(authority)), port = slice_from(authority, host.len);
	bool is_own = (slice_eq(scheme, S("http")) && slice_eq(port, S(":80"))) ||
	              (slice_eq(scheme, S("https")) && slice_eq(port, S(":443"))) || slice_eq(port, S(":"));
	struct slice shown = is_own ? host : authority;
	return (struct origin){slice_of(text.ptr, (size_t)(shown.ptr + shown.len - text.ptr)), host};
}

/* ---- the configured ones --------------------------------------------------------------------------------------- */

struct allowed {
	bool is_any;               /* "*" */
	const struct regex *regex; /* NULL: literal */
	bool of_host;              /* the regex is about the host */
	struct slice text;         /* literal, normalised */
};

struct compiled {
	bool any;           /* without looking */
	struct slice fixed; /* the only entry, sent whoever asks; unset: none */
	struct allowed *items;
	size_t len;
	struct slice methods, headers, exposed_headers, max_age; /* as they are sent; unset: not */
};

static bool is_literal(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i], lower = ascii_lower(c);
		if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && !strchr(".:/-", c))
			return false;
	}
	return s.len > 0;
}

static bool compile_origin(struct slice entry, struct arena *a, struct allowed *out, struct err *e)
{
	*out = (struct allowed){.is_any = slice_eq(entry, S("*")), .of_host = slice_find(entry, ':') < 0};
	if (is_literal(entry))
		out->text = normalise(entry).text;
	else if (!out->is_any)
		return (out->regex = regex_compile(a, entry, REGEX_WHOLE, e)) != NULL;
	return true;
}

static bool compile_origins(const struct cors *cors, struct arena *a, struct compiled *c, struct err *e)
{
	const struct slice_list *origins = &cors->origins;

	c->any = origins->len == 0 || (origins->len == 1 && slice_eq(origins->items[0], S("*")));
	c->items = arena_array(a, struct allowed, origins->len);
	c->len = origins->len;
	for (size_t i = 0; i < c->len; i++)
		if (!compile_origin(origins->items[i], a, &c->items[i], e))
			return false;
	if (c->len == 1 && is_literal(origins->items[0]))
		c->fixed = origins->items[0];
	return true;
}

/* Unset when there are none. */
static struct slice joined(struct arena *a, const struct slice_list *list)
{
	struct slice all = {NULL, 0};
	for (size_t i = 0; i < list->len; i++)
		all = i ? ARENA_JOIN(a, all, S(","), list->items[i]) : list->items[i];
	return all;
}

static struct slice number_text(struct arena *a, const struct opt_num *n)
{
	if (!n->set)
		return slice_of(NULL, 0);
	return arena_printf(a, n->value == floor(n->value) && fabs(n->value) < 1e15 ? "%.0f" : "%.14g", n->value);
}

static bool compile(const void *conf, struct arena *a, const void **compiled, struct err *e)
{
	static const struct slice all[] = {SLICE("GET"), SLICE("HEAD"), SLICE("PUT"), SLICE("PATCH"), SLICE("POST"),
	        SLICE("DELETE"), SLICE("OPTIONS"), SLICE("TRACE"), SLICE("CONNECT")};
	const struct slice_list every = {all, sizeof all / sizeof all[0]};
	const struct cors *cors = conf;
	struct compiled *c = arena_new(a, struct compiled);

	*compiled = c;
	c->methods = joined(a, cors->methods.items ? &cors->methods : &every);
	c->headers = joined(a, &cors->headers);
	c->exposed_headers = joined(a, &cors->exposed_headers);
	c->max_age = number_text(a, &cors->max_age);
	return compile_origins(cors, a, c, e);
}

/* ---- what every answer gets ------------------------------------------------------------------------------------ */

static bool matches(const struct allowed *allowed, const struct origin *origin)
{
	if (allowed->is_any)
		return true;
	if (allowed->regex)
		return regex_matches(allowed->regex, allowed->of_host ? origin->host : origin->text);
	return slice_eq(allowed->text, origin->text);
}

/* NULL: none does. */
static const struct allowed *find_allowed(const struct compiled *c, const struct origin *origin)
{
	for (size_t i = 0; i < c->len; i++)
		if (matches(&c->items[i], origin))
			return &c->items[i];
	return NULL;
}

static void set(struct call *c, struct slice name, struct slice value)
{
	if (slice_is_set(value))
		call_respond_header(c, name, value);
}

static void vary_by_origin(struct call *c)
{
	if (!c->x->response || !head_has_token(c->x->response, HEADER_VARY, S("Origin")))
		call_add_respond_header(c, S("Vary"), S("Origin"));
}

#define ALLOW_ORIGIN      S("Access-Control-Allow-Origin")
#define ALLOW_CREDENTIALS S("Access-Control-Allow-Credentials")

/* Any origin may read it: with credentials it must be named all the same. */
static void allow_any(struct call *c, struct slice origin)
{
	const struct cors *conf = c->conf;

	if (!conf->credentials || !slice_is_set(origin)) {
		call_respond_header(c, ALLOW_ORIGIN, S("*"));
		return;
	}
	vary_by_origin(c);
	call_respond_header(c, ALLOW_ORIGIN, origin);
	call_respond_header(c, ALLOW_CREDENTIALS, S("true"));
}

static void allow_listed(struct call *c, struct slice value)
{
	const struct cors *conf = c->conf;

	vary_by_origin(c);
	if (slice_is_set(value))
		call_respond_header(c, ALLOW_ORIGIN, value);
	else
		call_remove_respond_header(c, ALLOW_ORIGIN);
	if (conf->credentials) /* also when no origin matched: Kong does so */
		call_respond_header(c, ALLOW_CREDENTIALS, S("true"));
}

static void set_origin(struct call *c)
{
	const struct compiled *lists = c->compiled;
	struct slice sent = call_header(c, S("Origin"), NULL);

	if (lists->any) {
		allow_any(c, sent);
		return;
	}
	struct origin origin = normalise(sent);
	const struct allowed *found = slice_is_set(sent) && !slice_is_set(lists->fixed) ? find_allowed(lists, &origin)
	                                                                                : NULL;
	if (found && found->is_any)
		allow_any(c, sent);
	else
		allow_listed(c, slice_is_set(lists->fixed) ? lists->fixed : found ? origin.text : slice_of(NULL, 0));
}

/* ---- phases ---------------------------------------------------------------------------------------------------- */

/* Of one request: its answer is not ours to add to any more. */
struct state {
	bool is_done;
};

static bool is_preflight(struct call *c)
{
	return slice_eq(c->x->request->method, S("OPTIONS")) && slice_is_set(call_header(c, S("Origin"), NULL)) &&
	       slice_is_set(call_header(c, S("Access-Control-Request-Method"), NULL));
}

static enum verdict answer_preflight(struct call *c)
{
	const struct compiled *lists = c->compiled;
	const struct cors *conf = c->conf;
	struct slice asked = call_header(c, S("Access-Control-Request-Headers"), NULL);
	struct slice private = call_header(c, S("Access-Control-Request-Private-Network"), NULL);

	set_origin(c);
	set(c, S("Access-Control-Allow-Headers"), slice_is_set(lists->headers) ? lists->headers : asked);
	set(c, S("Access-Control-Allow-Methods"), lists->methods);
	set(c, S("Access-Control-Max-Age"), lists->max_age);
	if (conf->private_network && slice_eq(private, S("true")))
		set(c, S("Access-Control-Allow-Private-Network"), S("true"));
	return call_exit(c, 200, S(""), slice_of(NULL, 0));
}

static enum verdict on_access(struct call *c)
{
	const struct cors *conf = c->conf;
	struct state *state = c->state;

	state->is_done = is_preflight(c);
	return state->is_done && !conf->preflight_continue ? answer_preflight(c) : GO;
}

static enum verdict on_response_head(struct call *c)
{
	const struct compiled *lists = c->compiled;
	const struct state *state = c->state;

	if (state->is_done)
		return GO;
	set_origin(c);
	set(c, S("Access-Control-Expose-Headers"), lists->exposed_headers);
	return GO;
}

const struct plugin cors_plugin = {
        .name = "cors",
        .priority = 2000,
        .scopes = SCOPE_ROUTE | SCOPE_SERVICE,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .compile = compile,
        .state_size = sizeof(struct state),
        .access = on_access,
        .response_head = on_response_head,
        .doc = "Tells browsers which pages of other origins may use an answer.",
        .example =
                "{'origins':['https://app.example.com'],'methods':['GET','POST'],'credentials':true,'max_age':3600}",
};
