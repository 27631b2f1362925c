/* plugin_rig: see plugin_rig.h. */
#include "tests/support/plugin_rig.h"

#include <check.h>
#include <stdlib.h>

#include "common/entity/consumer_group.h"
#include "common/http/error_body.h"
#include "common/model/kinds.h"
#include "common/plugin/entity.h"
#include "common/plugin/registry.h"
#include "common/core/text.h"
#include "common/schema/load.h"

enum { REQUEST_AT_MS = 17 * 1000 };

/* ---- the host -------------------------------------------------------------------------------------------------- */

static struct rig *rig_of(struct call *c)
{
	return c->owner;
}

static const void *find(struct call *c, const struct schema *kind, const char *field, struct slice value)
{
	struct rig *r = rig_of(c);
	const struct field *f = schema_field(kind, slice_cstr(field));
	ck_assert_msg(f != NULL, "%s has no field '%s'", kind->name, field);
	const struct record *found = catalog_find(r->catalog, kind, f, value);
	return found && !record_is_expired(found, r->now_ms) ? found->entity : NULL;
}

struct each {
	entity_fn fn;
	void *arg;
};

static bool give_entity(struct record *r, void *arg)
{
	const struct each *e = arg;
	return e->fn(r->entity, e->arg);
}

static void each(
        struct call *c, const struct schema *kind, const char *ref, const struct uuid *id, entity_fn fn, void *arg)
{
	const struct field *f = schema_field(kind, slice_cstr(ref));
	struct each e = {fn, arg};
	ck_assert_msg(f != NULL, "%s has no field '%s'", kind->name, ref);
	catalog_each_ref(rig_of(c)->catalog, kind, f, id, give_entity, &e);
}

static int64_t *counter_at(struct rig *r, struct slice key)
{
	int64_t *n = map_get(&r->counters, key);
	if (!n) {
		n = arena_new(&r->config_arena, int64_t);
		map_set(&r->counters, key, n);
	}
	return n;
}

static void count_now(struct rig *r, struct count *count)
{
	bool counts = true;
	count->failed = r->counters_fail && count->redis;
	if (count->failed)
		return;
	for (size_t i = 0; i < count->n; i++) {
		struct counter *k = &count->counters[i];
		k->used = *counter_at(r, k->key);
		counts &= count->count_denied || k->used + (k->add ? k->add : 1) <= k->limit;
	}
	for (size_t i = 0; counts && !count->peek && i < count->n; i++)
		*counter_at(r, count->counters[i].key) += count->counters[i].add ? count->counters[i].add : 1;
}

static enum verdict count(struct call *c, struct count *counting, phase_fn done)
{
	struct rig *r = rig_of(c);
	r->counted++;
	r->counted_denied = counting->count_denied;
	r->counted_in = counting->redis;
	if (r->counters_wait) {
		ck_assert_msg(!r->pending, "one effect at a time");
		r->pending = counting;
		r->pending_done = done;
		return WAIT;
	}
	count_now(r, counting);
	return done(c);
}

static enum verdict read_body(struct call *c, phase_fn done)
{
	c->x->body = rig_of(c)->body;
	return done(c);
}

static struct slice entity_json(struct call *c, const struct schema *kind, const struct uuid *id)
{
	const struct record *found = catalog_get(rig_of(c)->catalog, kind, id);
	return found ? found->json : S("");
}

static enum verdict after(struct call *c, uint32_t ms, phase_fn done)
{
	struct rig *r = rig_of(c);
	r->sleeps++;
	r->now_ms += ms;
	return done(c);
}

static void add_headers_to(struct rig *r, struct head *to, const char *headers);

static enum verdict fetch(struct call *c, struct fetch *f, phase_fn done)
{
	struct rig *r = rig_of(c);
	r->fetches++;
	r->fetched = *f;
	f->error = r->fetch_error;
	f->status = r->fetch_status;
	f->response = arena_new(&r->request_arena, struct head);
	head_init(f->response, &r->request_arena);
	add_headers_to(r, f->response, r->fetch_headers ? r->fetch_headers : "");
	f->answer = slice_cstr(r->fetch_answer ? r->fetch_answer : "");
	return done(c);
}

static enum verdict ask_redis(struct call *c, struct redis_ask *ask, phase_fn done)
{
	struct rig *r = rig_of(c);
	for (unsigned i = 0; i < ask->count; i++)
		text_printf(&r->asked, "%s%.*s", i ? " " : "", SLICE_ARG(ask->args[i]));
	text_putc(&r->asked, '\n');
	ask->failed = r->redis_fails;
	ask->text = slice_cstr(r->redis_text);
	ask->number = r->redis_number;
	return done(c);
}

static void post_to_redis(struct call *c, const struct redis_ask *ask)
{
	struct rig *r = rig_of(c);
	for (unsigned i = 0; i < ask->count; i++)
		text_printf(&r->asked, "%s%.*s", i ? " " : "", SLICE_ARG(ask->args[i]));
	text_putc(&r->asked, '\n');
}

static void put_in_sink(struct call *c, const struct sink *s, struct slice entry)
{
	struct rig *r = rig_of(c);
	ck_assert_msg(s->fingerprint != 0, "sink_ready() was not called");
	r->sunk_in = s;
	text_put(&r->sunk, entry);
}

static bool cache_get(struct call *c, struct slice key, struct slice *value)
{
	const struct slice *found = map_get(&rig_of(c)->cached, key);
	if (found)
		*value = *found;
	return found != NULL;
}

static bool cache_put(struct call *c, struct slice key, struct slice value, uint32_t ttl_ms)
{
	struct rig *r = rig_of(c);
	struct slice *kept = arena_new(&r->config_arena, struct slice);
	*kept = arena_dup(&r->config_arena, value);
	map_set(&r->cached, key, kept);
	return true;
}

static bool cache_delete(struct call *c, struct slice key)
{
	return map_remove(&rig_of(c)->cached, key) != NULL;
}

static void meter(struct call *c, const struct metric *of, struct slice labels, uint64_t value)
{
	text_printf(&rig_of(c)->metered, "%s{%.*s} %llu\n", of->name, SLICE_ARG(labels), (unsigned long long)value);
}

static void meter_about(struct call *c, const struct metric *of, const struct metric_subject *about,
        metric_labels_fn write, uint64_t value)
{
	struct text labels = {0};
	write(c, about, &labels);
	meter(c, of, text_slice(&labels), value);
	text_fini(&labels);
}

static struct text *record_text(struct call *c)
{
	return &rig_of(c)->record;
}

static uint64_t next_number(struct call *c)
{
	return ++rig_of(c)->number;
}

static struct slice worker_uuid(struct call *c)
{
	return S("11111111-2222-4333-8444-555555555555");
}

static struct slice server_ip(struct call *c)
{
	return S("127.0.0.1");
}

struct group_names {
	struct rig *rig;
	struct slice *items;
	size_t len;
};

static bool add_group(struct record *membership, void *arg)
{
	struct group_names *names = arg;
	const struct group_membership *m = membership->entity;
	const struct record *group = catalog_get(names->rig->catalog, &consumer_group_schema, &m->consumer_group.id);
	ck_assert_ptr_nonnull(group);
	names->items[names->len++] = ((const struct consumer_group *)group->entity)->name;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static struct slice_list consumer_groups(struct call *c, const struct uuid *consumer)
{
	struct rig *r = rig_of(c);
	size_t all = catalog_count(r->catalog, &consumer_group_schema);
	struct group_names names = {r, arena_array(&r->request_arena, struct slice, all + 1), 0};
	catalog_each_ref(r->catalog, &group_membership_schema,
	        schema_reference_to(&group_membership_schema, "consumers"), consumer, add_group, &names);
	qsort(names.items, names.len, sizeof *names.items, compare_names);
	return (struct slice_list){names.items, names.len};
}

static const struct host host = {.find = find,
        .each = each,
        .count = count,
        .read_body = read_body,
        .consumer_groups = consumer_groups,
        .entity_json = entity_json,
        .after = after,
        .fetch = fetch,
        .redis = ask_redis,
        .redis_post = post_to_redis,
        .sink = put_in_sink,
        .cache_get = cache_get,
        .cache_put = cache_put,
        .cache_delete = cache_delete,
        .meter = meter,
        .meter_about = meter_about,
        .record_text = record_text,
        .next_number = next_number,
        .worker_uuid = worker_uuid,
        .node_id = worker_uuid,
        .server_ip = server_ip};

/* ---- configuration --------------------------------------------------------------------------------------------- */

void rig_init(struct rig *r)
{
	*r = (struct rig){.now_ms = INT64_C(1772532000000) + REQUEST_AT_MS,
	        .catalog = catalog_new(),
	        .fetch_status = 200,
	        .tracing = {0, 0.01}};
	arena_init(&r->request_arena);
	arena_init(&r->config_arena);
}

void rig_fini(struct rig *r)
{
	arena_fini(&r->request_arena);
	map_fini(&r->counters);
	map_fini(&r->cached);
	text_fini(&r->sunk);
	text_fini(&r->record);
	text_fini(&r->asked);
	text_fini(&r->metered);
	catalog_free(r->catalog);
	arena_fini(&r->config_arena);
}

static const struct schema *kind_named(const char *name)
{
	const struct schema *kind = kinds_by_name(slice_cstr(name));
	ck_assert_msg(kind != NULL, "no kind '%s'", name);
	return kind;
}

static json_t *load(struct rig *r, const struct schema *kind, const char *json, struct violations *v)
{
	struct load_options options = {.op = LOAD_CREATE, .now_ms = r->now_ms};
	json_t *input = schema_literal(json), *rendered;
	schema_load(kind, input, &options, &rendered, v);
	json_decref(input);
	return rendered;
}

static const char *told(struct rig *r, struct violations *v)
{
	struct text message = {0};
	violations_message(v->fields, "schema violation", "schema violations", &message);
	const char *copy = arena_cstr(&r->config_arena, text_slice(&message));
	text_fini(&message);
	violations_fini(v);
	return copy;
}

/* Lives as long as the catalog. */
static struct record *put(struct rig *r, const struct schema *kind, const char *json)
{
	struct violations v = {0};
	struct err e;
	json_t *rendered = load(r, kind, json, &v);
	if (!rendered)
		ck_abort_msg("%s", told(r, &v));
	struct record *record = record_new(kind, rendered, 1, &e);
	json_decref(rendered);
	ck_assert_msg(record != NULL, "%s", e.message);
	catalog_put(r->catalog, record);
	record_unref(record);
	return record;
}

const void *rig_entity(struct rig *r, const char *kind, const char *json)
{
	return put(r, kind_named(kind), json)->entity;
}

const char *rig_refusal(struct rig *r, const char *kind, const char *json)
{
	struct violations v = {0};
	json_t *rendered = load(r, kind_named(kind), json, &v);
	if (rendered && kind_named(kind) == &plugin_schema)
		plugin_check_config(rendered, &v);
	json_decref(rendered);
	return rendered && !has_violations(&v) ? NULL : told(r, &v);
}

const char *rig_rendered(struct rig *r, const char *kind, const char *json)
{
	struct violations v = {0};
	json_t *record = load(r, kind_named(kind), json, &v);
	if (!record)
		ck_abort_msg("%s", told(r, &v));
	json_t *shown = schema_render(kind_named(kind), record, true);
	char *text = json_dumps(shown, JSON_COMPACT);
	const char *copy = arena_cstr(&r->config_arena, slice_cstr(text));
	free(text);
	json_decref(shown);
	json_decref(record);
	return copy;
}

static const struct uuid *id_of(const struct ref *ref)
{
	return ref->set ? &ref->id : NULL;
}

static int by_priority(const void *a, const void *b)
{
	const struct plugin *p = ((const struct rig_instance *)a)->plugin,
	                    *q = ((const struct rig_instance *)b)->plugin;
	return p->priority != q->priority ? q->priority - p->priority : strcmp(q->name, p->name);
}

void rig_plugin(struct rig *r, const char *json)
{
	const struct record *record = put(r, &plugin_schema, json);
	const struct plugin_entity *row = record->entity;
	const struct plugin *plugin = registry_find(row->name);
	struct err e;

	ck_assert_uint_lt(r->instances_count, RIG_PLUGINS);
	struct call call = {.plugin = plugin, .conf = record->config, .host = &host, .x = &r->x, .owner = r};
	call.id = &record->id;
	call.route_id = id_of(&row->route);
	call.service_id = id_of(&row->service);
	call.consumer_id = id_of(&row->consumer);
	if (plugin->compile)
		ck_assert_msg(plugin->compile(call.conf, &r->config_arena, &call.compiled, &e), "%s", e.message);
	r->instances[r->instances_count++] = (struct rig_instance){plugin, call};
	qsort(r->instances, r->instances_count, sizeof r->instances[0], by_priority);
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

static void add_headers_to(struct rig *r, struct head *to, const char *headers)
{
	for (struct slice rest = arena_dup(&r->request_arena, slice_cstr(headers)); rest.len;) {
		struct slice value = slice_cut(&rest, '\n'), name = slice_cut(&value, ':');
		head_add(to, name, slice_trim(value));
	}
}

void rig_request(struct rig *r, const char *line, const char *headers)
{
	arena_reset(&r->request_arena);
	struct arena *a = &r->request_arena;
	struct slice target = arena_dup(a, slice_cstr(line)), method = slice_cut(&target, ' '), query = target;
	struct slice path = slice_cut(&query, '?');

	head_init(&r->request, a);
	r->request.method = method;
	r->request.target = target;
	r->request.version = HTTP_1_1;
	add_headers_to(r, &r->request, headers);
	r->body = slice_of(NULL, 0);
	r->x = (struct exchange){
	        .arena = a,
	        .request = &r->request,
	        .path = path,
	        .query = query,
	        .scheme = S("http"),
	        .client_ip = S("127.0.0.1"),
	        .request_id = S("0123456789abcdef0123456789abcdef"),
	        .started_ms = r->now_ms,
	        .tracing = &r->tracing,
	        .spans = r->tracing.what ? arena_new(a, struct spans) : NULL,
	};
	head_init(&r->x.added, a);
	head_init(&r->x.appended, a);
	r->pending = NULL;
	r->answered = false;
}

void rig_body(struct rig *r, const char *type, const char *body)
{
	head_set(&r->request, S("Content-Type"), arena_dup(&r->request_arena, slice_cstr(type)));
	r->body = arena_dup(&r->request_arena, slice_cstr(body));
}

/* The body of an answer made here. */
static struct slice own_body(struct rig *r)
{
	const struct reply *reply = &r->x.reply;
	if (!slice_is_set(reply->message))
		return slice_is_set(reply->body) ? reply->body : S("");
	struct slice accept = head_get(&r->request, HEADER_ACCEPT);
	enum error_kind kind = error_body_negotiate(accept, reply->plain ? ERROR_PLAIN : ERROR_JSON);
	return error_body(&r->request_arena, kind, reply->message, r->x.request_id);
}

/* Only what asks for the body gets it. */
static bool is_body_wanted(const struct rig *r)
{
	for (size_t i = 0; i < r->instances_count; i++) {
		const struct rig_instance *in = &r->instances[i];
		if (in->plugin->wants && (in->plugin->wants(in->call.conf) & WHOLE_REQUEST_BODY))
			return true;
	}
	return false;
}

/* ---- phases ---------------------------------------------------------------------------------------------------- */

static unsigned wants_of(const struct rig_instance *in)
{
	return in->plugin->wants ? in->plugin->wants(in->call.conf) : 0;
}

static void reset_call(struct rig *r, struct rig_instance *in)
{
	struct call *c = &in->call;
	c->state = arena_zalloc(&r->request_arena, in->plugin->state_size);
	c->scratch = NULL;
	c->request_use = in->plugin->request_body ? USE_CHANGE : USE_NOTHING;
	c->response_use = !in->plugin->response_body           ? USE_NOTHING
	                  : wants_of(in) & WHOLE_RESPONSE_BODY ? USE_WHOLE
	                                                       : USE_CHANGE;
}

static enum verdict check(struct rig *r, enum verdict verdict)
{
	ck_assert_int_eq(verdict == WAIT, r->pending != NULL);
	if (verdict == STOP)
		ck_assert_int_ne(r->x.reply.status, 0);
	return verdict;
}

static enum verdict go_on_access(struct rig *r, enum verdict verdict)
{
	while (verdict == GO && r->at < r->instances_count) {
		struct rig_instance *in = &r->instances[r->at++];
		if (in->plugin->access)
			verdict = in->plugin->access(&in->call);
	}
	return check(r, verdict);
}

static void run_rewrite(struct rig *r)
{
	for (size_t i = 0; i < r->instances_count; i++)
		if (r->instances[i].plugin->rewrite)
			ck_assert_int_eq(r->instances[i].plugin->rewrite(&r->instances[i].call), GO);
}

enum verdict rig_run(struct rig *r)
{
	if (is_body_wanted(r))
		r->x.body = r->body;
	for (size_t i = 0; i < r->instances_count; i++)
		reset_call(r, &r->instances[i]);
	run_rewrite(r);
	r->at = 0;
	return go_on_access(r, GO);
}

static void make_answer(struct rig *r, int status, const char *headers, const char *body)
{
	struct arena *a = &r->request_arena;
	bool is_ours = r->x.reply.status != 0;
	head_init(&r->response, a);
	r->response.status = is_ours ? r->x.reply.status : status;
	r->x.from_upstream = !is_ours;
	if (!is_ours)
		add_headers_to(r, &r->response, headers);
	else if (slice_is_set(r->x.reply.type))
		head_add(&r->response, S("Content-Type"), r->x.reply.type);
	for (uint32_t i = 0; i < r->x.added.count; i++)
		head_set(&r->response, r->x.added.headers[i].name, r->x.added.headers[i].value);
	for (uint32_t i = 0; i < r->x.appended.count; i++)
		head_copy(&r->response, &r->x.appended.headers[i]);
	r->answer = is_ours ? own_body(r) : arena_dup(a, slice_cstr(body));
	r->x.response = &r->response;
}

/* What comes out takes the place of *bytes. */
static enum verdict give_pieces(struct rig *r, struct call *c, phase_fn phase, bool whole, struct slice *bytes)
{
	struct text out = {0};
	struct slice rest = *bytes;
	enum verdict verdict = GO;
	size_t size = r->piece_size && !whole ? r->piece_size : rest.len;
	do {
		size_t n = size < rest.len ? size : rest.len;
		if (c->scratch)
			text_clear(c->scratch);
		c->piece = slice_of(rest.ptr, n);
		rest = slice_from(rest, n);
		c->piece_last = rest.len == 0;
		verdict = phase(c);
		text_put(&out, c->piece);
	} while (rest.len && verdict == GO);
	*bytes = arena_dup(&r->request_arena, text_slice(&out));
	text_fini(&out);
	return verdict;
}

enum verdict rig_send_body(struct rig *r, const char *body)
{
	struct slice bytes = arena_dup(&r->request_arena, slice_cstr(body));
	enum verdict verdict = GO;

	for (size_t i = 0; i < r->instances_count && verdict == GO; i++) {
		struct call *c = &r->instances[i].call;
		if (c->request_use != USE_NOTHING)
			verdict = give_pieces(r, c, c->plugin->request_body, false, &bytes);
	}
	r->body = bytes;
	return check(r, verdict);
}

/* A STOP of these phases puts the plugin's own answer in place, and those behind go on with that. */
static enum verdict take(struct rig *r, enum verdict verdict)
{
	if (verdict == STOP)
		make_answer(r, 0, "", "");
	return check(r, verdict) == WAIT ? WAIT : GO;
}

static enum verdict go_on_head(struct rig *r, enum verdict verdict)
{
	while (take(r, verdict) == GO && r->at < r->instances_count) {
		struct rig_instance *in = &r->instances[r->at++];
		verdict = in->plugin->response_head ? in->plugin->response_head(&in->call) : GO;
	}
	return verdict == WAIT ? WAIT : GO;
}

static enum verdict go_on_body(struct rig *r)
{
	for (size_t i = 0; i < r->instances_count; i++) {
		struct call *c = &r->instances[i].call;
		if (c->response_use == USE_NOTHING)
			continue;
		enum verdict v = give_pieces(
		        r, c, c->plugin->response_body, c->response_use == USE_WHOLE, &r->answer);
		ck_assert_msg(v != WAIT, "the rig does not wait in response_body");
		take(r, v);
	}
	return GO;
}

static enum verdict go_on_answer(struct rig *r, enum verdict verdict)
{
	return go_on_head(r, verdict) == WAIT ? WAIT : go_on_body(r);
}

enum verdict rig_upstream_answers(struct rig *r, int status, const char *headers, const char *body)
{
	make_answer(r, status, headers, body);
	r->answered = true;
	r->at = 0;
	return go_on_answer(r, GO);
}

enum verdict rig_complete(struct rig *r)
{
	struct count *pending = r->pending;
	ck_assert_ptr_nonnull(pending);
	r->pending = NULL;
	count_now(r, pending);
	enum verdict verdict = r->pending_done(&r->instances[r->at - 1].call);
	return r->answered ? go_on_answer(r, verdict) : go_on_access(r, verdict);
}

void rig_log(struct rig *r)
{
	struct exchange *x = &r->x;
	if (!x->status)
		x->status = rig_status(r);
	for (size_t i = 0; i < r->instances_count; i++)
		if (r->instances[i].plugin->log)
			r->instances[i].plugin->log(&r->instances[i].call);
}

enum verdict rig_get(struct rig *r, const char *line, const char *headers)
{
	rig_request(r, line, headers);
	return rig_run(r);
}

/* ---- what came of it ------------------------------------------------------------------------------------------- */

static const char *text_or_null(struct rig *r, struct slice s)
{
	return slice_is_set(s) ? arena_cstr(&r->request_arena, s) : NULL;
}

int rig_status(struct rig *r)
{
	if (r->answered)
		return r->response.status;
	return r->x.reply.status ? r->x.reply.status : 200;
}

const char *rig_message(struct rig *r)
{
	return arena_cstr(&r->request_arena, r->x.reply.message);
}

const char *rig_client_body(struct rig *r)
{
	return arena_cstr(&r->request_arena, r->answered ? r->answer : own_body(r));
}

static const char *header(struct rig *r, const struct head *h, const char *name)
{
	const struct header *first = head_find_name(h, slice_cstr(name));
	return first ? text_or_null(r, first->value) : NULL;
}

const char *rig_down(struct rig *r, const char *name)
{
	return header(r, r->answered ? &r->response : &r->x.added, name);
}

const char *rig_up(struct rig *r, const char *name)
{
	if (strcasecmp(name, "Host") == 0 && slice_is_set(r->x.upstream.host))
		return text_or_null(r, r->x.upstream.host);
	return header(r, &r->request, name);
}

const char *rig_query(struct rig *r)
{
	return text_or_null(r, r->x.query);
}

const char *rig_up_body(struct rig *r)
{
	return text_or_null(r, r->x.body_replaced ? r->x.body : r->body);
}

int64_t rig_counter(struct rig *r, const char *key)
{
	const int64_t *n = map_get(&r->counters, slice_cstr(key));
	return n ? *n : 0;
}
