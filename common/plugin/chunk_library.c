/* chunk_library: what chunks may call and look at, under the names that Kong has for it. All of it reads; nothing
 * here changes a request or waits. Sessions of streams have no request: what would be read of it is nil. */
#include <math.h>

#include "common/core/clock.h"
#include "common/core/text.h"
#include "common/plugin/template_private.h"

typedef struct value (*library_fn)(struct evaluation *e, const struct value *args, unsigned count);

static struct exchange *exchange_of(const struct template_env *env)
{
	return env->call->x;
}

/* ---- arguments ------------------------------------------------------------------------------------------------- */

static struct slice name_at(const struct value *args, unsigned count)
{
	return count > 0 && args[0].type == VALUE_STRING ? args[0].text : slice_of(NULL, 0);
}

/* Of several values the first, as Kong's get_header() and get_query_arg() have it. */
static struct value first_of(struct value v)
{
	return v.type == VALUE_LIST ? value_of_text(v.list.items[0]) : v;
}

static struct value looked_up(struct evaluation *e, enum value_table table, const struct value *args, unsigned count)
{
	struct slice name = name_at(args, count);
	return slice_is_set(name) ? first_of(table_value(e->env, table, name))
	                          : eval_broken(e, "a name was expected");
}

static struct value whole_table(enum value_table table)
{
	return (struct value){.type = VALUE_TABLE, .table = table};
}

/* ---- kong.request ---------------------------------------------------------------------------------------------- */

static struct slice method(const struct template_env *env)
{
	return call_method(env->call);
}

static struct slice host(const struct template_env *env)
{
	struct slice whole = head_get(&env->headers, HEADER_HOST), name;
	int port;
	return authority_split(whole, &name, &port) ? name : whole;
}

static bool split_target(const struct template_env *env, struct uri *out)
{
	struct slice target = env->headers.target;
	return slice_is_set(target) && uri_split(target, out);
}

static struct slice raw_path(const struct template_env *env)
{
	struct uri uri;
	return split_target(env, &uri) ? uri.path : slice_of(NULL, 0);
}

static struct slice raw_query(const struct template_env *env)
{
	struct uri uri;
	if (!split_target(env, &uri))
		return slice_of(NULL, 0);
	return slice_is_set(uri.query) ? uri.query : S("");
}

static struct slice path_with_query(const struct template_env *env)
{
	struct slice path = raw_path(env), query = raw_query(env);
	return query.len ? ARENA_JOIN(env_arena(env), path, S("?"), query) : path;
}

static struct value request_method(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_text(method(e->env));
}

static struct value request_scheme(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_text(exchange_of(e->env)->scheme);
}

static struct value request_host(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_text(host(e->env));
}

static struct value request_port(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_number(exchange_of(e->env)->port);
}

static struct value request_path(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_text(exchange_of(e->env)->path);
}

static struct value request_raw_path(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_text(raw_path(e->env));
}

static struct value request_path_with_query(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_text(path_with_query(e->env));
}

static struct value request_raw_query(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_text(raw_query(e->env));
}

static struct value request_header(struct evaluation *e, const struct value *args, unsigned count)
{
	return looked_up(e, TABLE_HEADERS, args, count);
}

static struct value request_headers(struct evaluation *e, const struct value *args, unsigned count)
{
	return whole_table(TABLE_HEADERS);
}

static struct value request_query_arg(struct evaluation *e, const struct value *args, unsigned count)
{
	return looked_up(e, TABLE_QUERY, args, count);
}

static struct value request_query(struct evaluation *e, const struct value *args, unsigned count)
{
	return whole_table(TABLE_QUERY);
}

static struct value request_id(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_text(exchange_of(e->env)->request_id);
}

static struct value request_start_time(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_number((double)exchange_of(e->env)->started_ms);
}

/* ---- who asked, and where it went ------------------------------------------------------------------------------ */

static struct value entity(struct evaluation *e, const struct schema *kind, const struct uuid *id)
{
	struct slice text = e->env->call->host->entity_json(e->env->call, kind, id);
	return value_of_json(env_arena(e->env), json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL), text.len);
}

static struct value client_ip(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_text(exchange_of(e->env)->client_ip);
}

static struct value client_consumer(struct evaluation *e, const struct value *args, unsigned count)
{
	const struct consumer *c = exchange_of(e->env)->consumer;
	return c ? entity(e, &consumer_schema, &c->id) : (struct value){0};
}

static struct value client_credential(struct evaluation *e, const struct value *args, unsigned count)
{
	const struct exchange *x = exchange_of(e->env);
	if (!x->has_credential)
		return (struct value){0};
	struct slice id = call_uuid_text(e->env->call, &x->credential_id);
	json_t *json = json_pack("{s:s%}", "id", id.ptr, (int)id.len);
	return value_of_json(env_arena(e->env), json, id.len * 2);
}

static struct value router_route(struct evaluation *e, const struct value *args, unsigned count)
{
	const struct route *r = exchange_of(e->env)->route;
	return r ? entity(e, &route_schema, &r->id) : (struct value){0};
}

static struct value router_service(struct evaluation *e, const struct value *args, unsigned count)
{
	const struct service *s = exchange_of(e->env)->service;
	return s ? entity(e, &service_schema, &s->id) : (struct value){0};
}

static struct value node_id(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_text(call_node_id(e->env->call));
}

/* ---- the answer ------------------------------------------------------------------------------------------------ */

static struct value response_status(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_number(exchange_of(e->env)->status);
}

static struct value response_header(struct evaluation *e, const struct value *args, unsigned count)
{
	return looked_up(e, TABLE_RESPONSE, args, count);
}

static struct value response_headers(struct evaluation *e, const struct value *args, unsigned count)
{
	return whole_table(TABLE_RESPONSE);
}

/* Kong tells plugins' answers ("exit") from its own errors ("error"), too: an E-form answer may be either. */
static struct value response_source(struct evaluation *e, const struct value *args, unsigned count)
{
	const struct exchange *x = exchange_of(e->env);
	return value_of_text(x->from_upstream ? S("service") : x->reply.status ? S("exit") : S("error"));
}

static int upstream_status(const struct exchange *x)
{
	return x->tries_count ? x->tries[x->tries_count - 1].status : 0;
}

static struct value service_status(struct evaluation *e, const struct value *args, unsigned count)
{
	int status = upstream_status(exchange_of(e->env));
	return status ? value_of_number(status) : (struct value){0};
}

static struct value service_header(struct evaluation *e, const struct value *args, unsigned count)
{
	bool answered = exchange_of(e->env)->from_upstream;
	return answered ? looked_up(e, TABLE_RESPONSE, args, count) : (struct value){0};
}

/* ---- time, numbers, lists -------------------------------------------------------------------------------------- */

static struct value now_s(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_number((double)(clock_wall_ms() / 1000));
}

static struct value now(struct evaluation *e, const struct value *args, unsigned count)
{
	return value_of_number((double)clock_wall_ms() / 1000);
}

static struct value one_number(struct evaluation *e, const struct value *args, unsigned count, double (*fn)(double))
{
	double n;
	return count && value_number_of(&args[0], &n) ? value_of_number(fn(n))
	                                              : eval_broken(e, "a number was expected");
}

static struct value math_floor(struct evaluation *e, const struct value *args, unsigned count)
{
	return one_number(e, args, count, floor);
}

static struct value math_ceil(struct evaluation *e, const struct value *args, unsigned count)
{
	return one_number(e, args, count, ceil);
}

static struct value math_abs(struct evaluation *e, const struct value *args, unsigned count)
{
	return one_number(e, args, count, fabs);
}

static struct value furthest(struct evaluation *e, const struct value *args, unsigned count, int direction)
{
	double most = 0, n;

	if (!count)
		return eval_broken(e, "a number was expected");
	for (unsigned i = 0; i < count; i++) {
		if (!value_number_of(&args[i], &n))
			return eval_broken(e, "a number was expected");
		if (i == 0 || (n - most) * direction > 0)
			most = n;
	}
	return value_of_number(most);
}

static struct value math_max(struct evaluation *e, const struct value *args, unsigned count)
{
	return furthest(e, args, count, 1);
}

static struct value math_min(struct evaluation *e, const struct value *args, unsigned count)
{
	return furthest(e, args, count, -1);
}

static size_t length_of(const struct value *list)
{
	return list->type == VALUE_LIST ? list->list.len : list->type == VALUE_JSON ? json_array_size(list->json) : 0;
}

static struct value element(const struct value *list, size_t i)
{
	return list->type == VALUE_LIST ? value_of_text(list->list.items[i])
	                                : value_of_json(NULL, json_array_get(list->json, i), 0);
}

static struct value table_concat(struct evaluation *e, const struct value *args, unsigned count)
{
	struct slice between = count > 1 && args[1].type == VALUE_STRING ? args[1].text : S("");
	struct text out = {0};

	for (size_t i = 0; count && i < length_of(&args[0]); i++) {
		struct value v = element(&args[0], i);
		if (v.type != VALUE_STRING && v.type != VALUE_NUMBER)
			eval_broken(e, "attempt to concatenate what is neither string nor number");
		if (out.len + between.len > TEMPLATE_TEXT_MAX)
			eval_broken(e, "a text is too long");
		if (e->why)
			break;
		text_put(&out, i ? between : S(""));
		text_put(&out, value_text(env_arena(e->env), &v));
	}
	struct slice text = arena_dup(env_arena(e->env), text_slice(&out));
	text_fini(&out);
	return value_of_text(text);
}

/* ---- ngx.var --------------------------------------------------------------------------------------------------- */

static struct slice number_text(const struct template_env *env, int64_t n)
{
	return arena_decimal(env_arena(env), n);
}

static struct slice remote_addr(const struct template_env *env)
{
	return exchange_of(env)->client_ip;
}

static struct slice scheme(const struct template_env *env)
{
	return exchange_of(env)->scheme;
}

static struct slice path(const struct template_env *env)
{
	return exchange_of(env)->path;
}

static struct slice server_addr(const struct template_env *env)
{
	return exchange_of(env)->server_ip;
}

static struct slice server_port(const struct template_env *env)
{
	return number_text(env, exchange_of(env)->port);
}

static struct slice id(const struct template_env *env)
{
	return exchange_of(env)->request_id;
}

static struct slice status(const struct template_env *env)
{
	return number_text(env, exchange_of(env)->status);
}

static struct slice bytes_sent(const struct template_env *env)
{
	return number_text(env, (int64_t)exchange_of(env)->response_size);
}

static struct slice bytes_received(const struct template_env *env)
{
	return number_text(env, (int64_t)exchange_of(env)->request_size);
}

static struct slice status_above(const struct template_env *env)
{
	int n = upstream_status(exchange_of(env));
	return n ? number_text(env, n) : slice_of(NULL, 0);
}

static struct slice tls_version(const struct template_env *env)
{
	return exchange_of(env)->tls.version;
}

static struct slice tls_cipher(const struct template_env *env)
{
	return exchange_of(env)->tls.cipher;
}

static struct slice server_name(const struct template_env *env)
{
	return exchange_of(env)->server_name;
}

static struct slice seconds(const struct template_env *env)
{
	int64_t ms = call_latencies(env->call).request;
	return arena_printf(env_arena(env), "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
}

static const struct {
	struct slice name;
	struct slice (*get)(const struct template_env *env);
} variables[] = {
        {SLICE("remote_addr"), remote_addr},
        {SLICE("request_method"), method},
        {SLICE("scheme"), scheme},
        {SLICE("host"), host},
        {SLICE("request_uri"), path_with_query},
        {SLICE("uri"), path},
        {SLICE("args"), raw_query},
        {SLICE("query_string"), raw_query},
        {SLICE("server_addr"), server_addr},
        {SLICE("server_port"), server_port},
        {SLICE("request_id"), id},
        {SLICE("status"), status},
        {SLICE("bytes_sent"), bytes_sent},
        {SLICE("request_length"), bytes_received},
        {SLICE("request_time"), seconds},
        {SLICE("upstream_status"), status_above},
        {SLICE("ssl_protocol"), tls_version},
        {SLICE("ssl_cipher"), tls_cipher},
        {SLICE("ssl_server_name"), server_name},
};

/* http_user_agent, sent_http_content_type, arg_page. */
static const struct {
	struct slice prefix;
	enum value_table table;
} families[] = {
        {SLICE("http_"), TABLE_HEADERS},
        {SLICE("sent_http_"), TABLE_RESPONSE},
        {SLICE("arg_"), TABLE_QUERY},
};

struct value library_variable(const struct template_env *env, struct slice name)
{
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
		if (slice_eq(variables[i].name, name))
			return value_of_text(variables[i].get(env));
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
		if (slice_starts(name, families[i].prefix))
			return first_of(
			        table_value(env, families[i].table, slice_from(name, families[i].prefix.len)));
	return (struct value){0};
}

/* ---- the list -------------------------------------------------------------------------------------------------- */

static const struct {
	struct slice name;
	library_fn fn;
} functions[] = {
        {SLICE("kong.client.get_ip"), client_ip},
        {SLICE("kong.client.get_forwarded_ip"), client_ip},
        {SLICE("kong.client.get_consumer"), client_consumer},
        {SLICE("kong.client.get_credential"), client_credential},
        {SLICE("kong.node.get_id"), node_id},
        {SLICE("kong.request.get_header"), request_header},
        {SLICE("kong.request.get_headers"), request_headers},
        {SLICE("kong.request.get_host"), request_host},
        {SLICE("kong.request.get_id"), request_id},
        {SLICE("kong.request.get_method"), request_method},
        {SLICE("kong.request.get_path"), request_path},
        {SLICE("kong.request.get_path_with_query"), request_path_with_query},
        {SLICE("kong.request.get_port"), request_port},
        {SLICE("kong.request.get_query"), request_query},
        {SLICE("kong.request.get_query_arg"), request_query_arg},
        {SLICE("kong.request.get_raw_path"), request_raw_path},
        {SLICE("kong.request.get_raw_query"), request_raw_query},
        {SLICE("kong.request.get_scheme"), request_scheme},
        {SLICE("kong.request.get_start_time"), request_start_time},
        {SLICE("kong.response.get_header"), response_header},
        {SLICE("kong.response.get_headers"), response_headers},
        {SLICE("kong.response.get_source"), response_source},
        {SLICE("kong.response.get_status"), response_status},
        {SLICE("kong.router.get_route"), router_route},
        {SLICE("kong.router.get_service"), router_service},
        {SLICE("kong.service.response.get_header"), service_header},
        {SLICE("kong.service.response.get_status"), service_status},
        {SLICE("math.abs"), math_abs},
        {SLICE("math.ceil"), math_ceil},
        {SLICE("math.floor"), math_floor},
        {SLICE("math.max"), math_max},
        {SLICE("math.min"), math_min},
        {SLICE("ngx.now"), now},
        {SLICE("ngx.req.get_headers"), request_headers},
        {SLICE("ngx.req.get_method"), request_method},
        {SLICE("ngx.req.get_uri_args"), request_query},
        {SLICE("ngx.resp.get_headers"), response_headers},
        {SLICE("ngx.time"), now_s},
        {SLICE("os.time"), now_s},
        {SLICE("table.concat"), table_concat},
};

static const struct {
	struct slice name;
	enum value_table table;
} tables[] = {
        {SLICE("kong.ctx.shared"), TABLE_SHARED},
        {SLICE("ngx.var"), TABLE_NGX_VAR},
};

enum place { ELSEWHERE, ABOVE, HERE };

/* Is `whole` what "path.name" says, or does it stand below that? */
static enum place place_of(struct slice whole, struct slice path, struct slice name)
{
	if (path.len) {
		if (!slice_starts(whole, path) || whole.len <= path.len || whole.ptr[path.len] != '.')
			return ELSEWHERE;
		whole = slice_from(whole, path.len + 1);
	}
	if (slice_eq(whole, name))
		return HERE;
	return slice_starts(whole, name) && whole.ptr[name.len] == '.' ? ABOVE : ELSEWHERE;
}

static struct value library(struct slice whole, struct slice path, struct slice name)
{
	size_t len = path.len ? path.len + 1 + name.len : name.len;
	return (struct value){.type = VALUE_TABLE, .table = TABLE_LIBRARY, .text = slice_of(whole.ptr, len)};
}

bool library_find(struct slice path, struct slice name, struct value *out)
{
	enum place at = ELSEWHERE;

	for (unsigned i = 0; at == ELSEWHERE && i < sizeof functions / sizeof functions[0]; i++) {
		at = place_of(functions[i].name, path, name);
		*out = at == HERE ? (struct value){.type = VALUE_FUNCTION, .function = FUNCTION_LIBRARY + i}
		                  : library(functions[i].name, path, name);
	}
	for (unsigned i = 0; at == ELSEWHERE && i < sizeof tables / sizeof tables[0]; i++) {
		at = place_of(tables[i].name, path, name);
		*out = at == HERE ? whole_table(tables[i].table) : library(tables[i].name, path, name);
	}
	return at != ELSEWHERE;
}

struct value library_call(struct evaluation *e, unsigned n, const struct value *args, unsigned count)
{
	return functions[n].fn(e, args, count);
}
