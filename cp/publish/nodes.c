/* nodes: see nodes.h. */
#include "cp/publish/nodes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/core/clock.h"
#include "common/core/map.h"
#include "common/core/text.h"
#include "common/core/thread.h"
#include "common/core/utf8.h"
#include "common/crypto/digest.h"
#include "cp/publish/node_about.h"
#include "cp/publish/target_health.h"

enum { NAME_MAX_LEN = 255, ERROR_MAX_LEN = 4096 };

struct node {
	struct uuid id;
	char *hostname, *release, *error, *held_back;
	char config_hash[MD5_HEX + 1];
	uint64_t version, error_version;
	uint64_t seen_ms, ahead_since_ms; /* monotonic */
	uint64_t in_step_ms;              /* when it last had what was current then; before that, when it came */
	struct node_about about;
	int64_t seen_wall_s, first_wall_s;
	bool has_config, leaving, in_step;
	bool is_remote;  /* polls another control plane ... */
	json_t *targets; /* ... which says how it sees its targets; NULL */
};

/* One per process: Admin threads wait here without a handle. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct map by_id;
	uint64_t current;    /* version; what nodes_report() was told last */
	unsigned generation; /* counts nodes_clear() */
	unsigned change;     /* see nodes_change() */
} table = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void enter(void)
{
	pthread_mutex_lock(&table.lock);
}

static void leave(void)
{
	pthread_mutex_unlock(&table.lock);
}

/* Steps over all nodes: start with *at = 0; NULL at the end. */
static struct node *next_node(size_t *at)
{
	struct slice key;
	void *value;
	return map_next(&table.by_id, at, &key, &value) ? value : NULL;
}

static void node_free(struct node *n)
{
	free(n->hostname);
	free(n->release);
	free(n->error);
	free(n->held_back);
	json_decref(n->targets);
	node_about_fini(&n->about);
	free(n);
}

static bool is_connected(const struct node *n, uint64_t now)
{
	/* of others' data planes we hear when something changes, else every few seconds */
	uint64_t limit_ms = n->is_remote ? NODES_REMOTE_MS : NODES_CONNECTED_MS;
	return !n->leaving && now - n->seen_ms <= limit_ms;
}

/* What a node says about itself ends up in JSON and logs: bounded, and valid UTF-8. */
static void set_text(char **to, struct slice s, size_t limit)
{
	if (s.len > limit)
		s.len = limit;
	ptrdiff_t bad = utf8_invalid_at(s);
	if (bad >= 0)
		s.len = (size_t)bad;
	free(*to);
	*to = slice_strdup(s.ptr ? s : S(""));
}

static void set_hash(struct node *n, struct slice epoch)
{
	char text[128];
	int len = snprintf(text, sizeof text, "%.64s/%llu", epoch.ptr, (unsigned long long)n->version);
	if (!n->has_config)
		memset(n->config_hash, '0', MD5_HEX);
	else
		digest_md5_hex(slice_of(text, (size_t)len), n->config_hash);
}

/* Room for one more: the one that has been silent longest goes. */
static void drop_oldest(void)
{
	struct node *oldest = NULL, *n;
	for (size_t at = 0; (n = next_node(&at));) {
		if (!oldest || n->seen_ms < oldest->seen_ms)
			oldest = n;
	}
	map_remove(&table.by_id, uuid_slice(&oldest->id));
	node_free(oldest);
}

static struct node *find_or_add(const struct uuid *id)
{
	struct node *n = map_get(&table.by_id, uuid_slice(id));
	if (n)
		return n;
	if (table.by_id.count >= NODES_MAX)
		drop_oldest();
	n = calloc(1, sizeof *n);
	if (!n)
		abort();
	n->id = *id;
	n->first_wall_s = clock_wall_s();
	n->in_step_ms = clock_mono_ms();
	map_set(&table.by_id, uuid_slice(id), n);
	return n;
}

static void take_report(struct node *n, const struct node_report *r)
{
	if (n->version != r->version || n->has_config != r->has_config || n->error_version != r->error_version ||
	        n->leaving != r->leaving || !n->hostname)
		table.change++;
	set_text(&n->hostname, r->hostname, NAME_MAX_LEN);
	set_text(&n->release, r->release, NAME_MAX_LEN);
	set_text(&n->error, r->error, ERROR_MAX_LEN);
	set_text(&n->held_back, r->held_back, ERROR_MAX_LEN);
	n->has_config = r->has_config;
	n->version = r->version;
	n->error_version = r->error_version;
	n->leaving = r->leaving;
}

uint64_t nodes_report(const struct node_report *r, struct slice epoch, uint64_t current)
{
	enter();
	struct node *n = find_or_add(&r->id);
	take_report(n, r);
	n->is_remote = false;
	n->seen_ms = clock_mono_ms();
	n->seen_wall_s = clock_wall_s();
	set_hash(n, epoch);
	table.current = current;
	if (r->poll)
		node_about_take(&n->about, r->poll, n->seen_ms);
	if (r->has_config && r->version >= current) {
		n->in_step = true;
		n->in_step_ms = n->seen_ms;
	}
	if (!r->has_config || r->version <= current)
		n->ahead_since_ms = 0;
	else if (n->ahead_since_ms == 0)
		n->ahead_since_ms = n->seen_ms;
	uint64_t ahead_since_ms = n->ahead_since_ms;
	pthread_cond_broadcast(&table.changed);
	leave();
	return ahead_since_ms;
}

/* A node counts as lost for this version when it says that it cannot apply it. */
static bool has_refused(const struct node *n, uint64_t version)
{
	return n->error_version >= version;
}

struct tally {
	unsigned applied, connected, awaited;
};

static struct tally count(uint64_t version)
{
	struct tally t = {0};
	uint64_t now = clock_mono_ms();
	const struct node *n;
	for (size_t at = 0; (n = next_node(&at));) {
		if (!is_connected(n, now) || n->is_remote)
			continue;
		t.connected++;
		if (n->version >= version)
			t.applied++;
		else if (n->in_step && !has_refused(n, version))
			t.awaited++;
	}
	return t;
}

static void put_out_of_step(uint64_t version)
{
	struct node *n;
	for (size_t at = 0; (n = next_node(&at));)
		if (n->version < version)
			n->in_step = false;
}

static int by_id(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;
	return memcmp((*x)->id.bytes, (*y)->id.bytes, sizeof(*x)->id.bytes);
}

/* Every node; caller frees. */
static struct node **all_by_id(size_t *count)
{
	struct node **all = calloc(table.by_id.count + 1, sizeof *all);
	size_t n = 0;

	if (!all)
		abort();
	for (size_t at = 0; (all[n] = next_node(&at));)
		n++;
	qsort(all, n, sizeof *all, by_id);
	*count = n;
	return all;
}

/* ---- progress of one version over all ------------------------------------------------------------------------- */

static bool is_expected(const struct node *n, uint64_t now)
{
	return !n->leaving && now - n->seen_ms <= NODES_FORGOTTEN_MS;
}

static bool has_version(const struct node *n, uint64_t version)
{
	return n->has_config && n->version >= version;
}

struct nodes_progress nodes_progress(uint64_t version)
{
	struct nodes_progress p = {.is_over = true};
	const struct node *n;

	enter();
	uint64_t now = clock_mono_ms();
	for (size_t at = 0; (n = next_node(&at));) {
		if (!is_expected(n, now))
			continue;
		p.expected++;
		p.applied += has_version(n, version);
		p.is_over = p.is_over && (has_version(n, version) || has_refused(n, version));
	}
	leave();
	return p;
}

/* What tells nodes apart for people: the host, and where several are on one, the beginning of the id. */
static void name_of(const struct node *n, char *out, size_t size)
{
	char id[UUID_TEXT + 1] = "";
	const struct node *other;
	unsigned here = 0;

	for (size_t at = 0; (other = next_node(&at));)
		here += strcmp(other->hostname, n->hostname) == 0;
	if (here > 1 || n->hostname[0] == '\0')
		uuid_format(&n->id, id);
	snprintf(out, size, "%s%s%.8s", n->hostname, n->hostname[0] && id[0] ? "/" : "", id);
}

static void put_reason(struct text *out, const struct node *n, uint64_t version, bool reachable)
{
	char at[8];
	time_t seen = (time_t)n->seen_wall_s;
	struct tm parts;

	if (!reachable) {
		localtime_r(&seen, &parts);
		strftime(at, sizeof at, "%H:%M", &parts);
		text_printf(out, "unreachable since %s", at);
	} else if (has_refused(n, version)) {
		text_puts(out, "refused it");
	} else if (!n->has_config) {
		text_puts(out, "has no configuration yet");
	} else {
		text_printf(out, "%llu behind", (unsigned long long)(version - n->version));
	}
}

static json_t *laggard_json(const struct node *n, uint64_t version, bool reachable, struct text *message)
{
	char id[UUID_TEXT + 1], name[NAME_MAX_LEN + 16];
	bool refused = has_refused(n, version) && n->error[0];

	uuid_format(&n->id, id);
	name_of(n, name, sizeof name);
	text_printf(message, "%s%s: ", message->len > 0 ? ", " : "", name);
	put_reason(message, n, version, reachable);
	return json_pack("{s:s, s:s, s:I, s:I, s:b, s:s?}", "id", id, "name", name, "version", (json_int_t)n->version,
	        "behind", (json_int_t)(version - n->version), "reachable", (int)reachable, "error",
	        refused ? n->error : NULL);
}

json_t *nodes_progress_json(uint64_t version)
{
	struct nodes_progress p = nodes_progress(version);
	json_t *laggards = json_array();
	struct text reasons = {0};
	size_t count;

	enter();
	uint64_t now = clock_mono_ms();
	struct node **all = all_by_id(&count);
	for (size_t i = 0; i < count; i++)
		if (is_expected(all[i], now) && !has_version(all[i], version))
			json_array_append_new(
			        laggards, laggard_json(all[i], version, is_connected(all[i], now), &reasons));
	leave();
	free(all);
	const char *open = reasons.len > 0 ? " (" : "", *close = reasons.len > 0 ? ")" : "";
	json_t *message = json_sprintf("%u/%u data planes at v%llu%s%s%s", p.applied, p.expected,
	        (unsigned long long)version, open, text_cstr(&reasons), close);
	text_fini(&reasons);
	return json_pack("{s:o, s:I, s:i, s:i, s:o}", "message", message, "version", (json_int_t)version, "applied",
	        (int)p.applied, "data_planes", (int)p.expected, "laggards", laggards);
}

static uint64_t lag_ms(const struct node *n, uint64_t version, uint64_t now)
{
	return has_version(n, version) || now < n->in_step_ms ? 0 : now - n->in_step_ms;
}

/* What all rows have. */
static json_t *with_about(json_t *row, const struct node *n, uint64_t version)
{
	json_t *about = node_about_json(&n->about);
	int64_t left_s = n->about.cert_expires_s - clock_wall_s();

	json_object_update(row, about);
	if (n->is_remote && n->targets)
		json_object_set(row, "targets", n->targets);
	json_decref(about);
	json_object_set_new(
	        row, "certificate_days", n->about.cert_expires_s ? json_integer(left_s / 86400) : json_null());
	json_object_set_new(row, "lag_s", json_integer((json_int_t)(lag_ms(n, version, clock_mono_ms()) / 1000)));
	return row;
}

static json_t *overview_of(const struct node *n, uint64_t version, bool reachable)
{
	char id[UUID_TEXT + 1], name[NAME_MAX_LEN + 16];
	uint64_t behind = has_version(n, version) ? 0 : version - n->version;

	uuid_format(&n->id, id);
	name_of(n, name, sizeof name);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:I, s:s?}", "id", id, "name", name, "hostname",
	        n->hostname, "release", n->release, "config_version", (json_int_t)n->version, "behind",
	        (json_int_t)behind, "reachable", (int)reachable, "last_seen", (json_int_t)n->seen_wall_s, "error",
	        n->error[0] ? n->error : NULL);
}

enum { CERT_SOON_S = 7 * 86400 };

/* By then it should have been renewed. */
static void note_certificate(json_t *problems, const struct node *n)
{
	char name[NAME_MAX_LEN + 16];
	int64_t left_s = n->about.cert_expires_s - clock_wall_s();

	if (n->about.cert_expires_s == 0 || left_s > CERT_SOON_S)
		return;
	name_of(n, name, sizeof name);
	json_array_append_new(
	        problems, json_sprintf("data plane %s: its certificate ends in %d days and was not renewed", name,
	                          (int)(left_s / 86400)));
}

static void note_problem(json_t *problems, const struct node *n, uint64_t version, bool reachable)
{
	char name[NAME_MAX_LEN + 16];
	struct text reason = {0};

	if (reachable && has_version(n, version))
		return;
	name_of(n, name, sizeof name);
	put_reason(&reason, n, version, reachable);
	json_array_append_new(problems,
	        json_sprintf("data plane %s: %s%s%s", name, text_cstr(&reason), n->error[0] ? ": " : "", n->error));
	text_fini(&reason);
}

void nodes_overview(uint64_t version, json_t *array, json_t *problems)
{
	size_t count;

	enter();
	uint64_t now = clock_mono_ms();
	struct node **all = all_by_id(&count);
	for (size_t i = 0; i < count; i++) {
		bool reachable = is_connected(all[i], now);
		if (!is_expected(all[i], now))
			continue;
		json_array_append_new(array, with_about(overview_of(all[i], version, reachable), all[i], version));
		note_problem(problems, all[i], version, reachable);
		note_certificate(problems, all[i]);
	}
	leave();
	free(all);
}

/* ---- data planes of other control planes ----------------------------------------------------------------------- */

json_t *nodes_export(void)
{
	json_t *out = json_array();
	size_t count;

	enter();
	uint64_t now = clock_mono_ms();
	struct node **all = all_by_id(&count);
	for (size_t i = 0; i < count; i++) {
		const struct node *n = all[i];
		char id[UUID_TEXT + 1];
		if (n->is_remote || now - n->seen_ms > NODES_FORGOTTEN_MS)
			continue;
		uuid_format(&n->id, id);
		json_array_append_new(
		        out, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:I, s:b, s:I, s:o, s:I, s:o}", "id", id,
		                     "hostname", n->hostname, "release", n->release, "error", n->error, "held_back",
		                     n->held_back, "error_version", (json_int_t)n->error_version, "has_config",
		                     (int)n->has_config, "version", (json_int_t)n->version, "leaving",
		                     (int)n->leaving, "silent_ms", (json_int_t)(now - n->seen_ms), "targets",
		                     target_health_summary(&n->id), "lag_ms",
		                     (json_int_t)lag_ms(n, table.current, now), "about", node_about_json(&n->about)));
	}
	leave();
	free(all);
	return out;
}

static struct slice text_at(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return slice_cstr(s ? s : "");
}

static uint64_t number_at(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));
	return n > 0 ? (uint64_t)n : 0;
}

static void import_one(const json_t *json, uint64_t age_ms, bool is_remote)
{
	struct node_report r = {.hostname = text_at(json, "hostname"),
	        .release = text_at(json, "release"),
	        .error = text_at(json, "error"),
	        .held_back = text_at(json, "held_back"),
	        .has_config = json_is_true(json_object_get(json, "has_config")),
	        .version = number_at(json, "version"),
	        .error_version = number_at(json, "error_version"),
	        .leaving = json_is_true(json_object_get(json, "leaving"))};
	uint64_t now = clock_mono_ms(), silent_ms = number_at(json, "silent_ms") + age_ms;

	if (!uuid_parse(text_at(json, "id"), &r.id) || !now)
		return;
	int64_t seen_wall_s = clock_wall_s() - (int64_t)(silent_ms / 1000);
	if (silent_ms >= now) /* since before this machine was started */
		silent_ms = now - 1;
	struct node *n = find_or_add(&r.id);
	if (n->hostname && n->seen_ms > now - silent_ms)
		return;
	unsigned change = table.change;
	take_report(n, &r);
	table.change = change; /* no news of ours */
	n->is_remote = is_remote;
	json_decref(n->targets);
	n->targets = json_deep_copy(json_object_get(json, "targets"));
	node_about_learn(&n->about, json_object_get(json, "about"));
	n->in_step = false;
	n->seen_ms = now - silent_ms;
	n->in_step_ms = number_at(json, "lag_ms") < n->seen_ms ? n->seen_ms - number_at(json, "lag_ms") : 0;
	n->seen_wall_s = seen_wall_s;
	set_hash(n, S(""));
}

void nodes_import(const json_t *nodes, uint64_t age_ms)
{
	json_t *one;
	size_t i;

	enter();
	json_array_foreach((json_t *)nodes, i, one) import_one(one, age_ms, true);
	leave();
}

void nodes_restore(const json_t *nodes)
{
	json_t *one;
	size_t i;

	enter();
	json_array_foreach((json_t *)nodes, i, one) import_one(one, 0, false);
	leave();
}

unsigned nodes_change(void)
{
	enter();
	unsigned change = table.change;
	leave();
	return change;
}

/* ---- waiting -------------------------------------------------------------------------------------------------- */

void nodes_wait(uint64_t version, int timeout_ms, unsigned *applied, unsigned *connected)
{
	uint64_t until_ms = clock_mono_ms() + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0);
	bool in_time = true;
	struct tally t;

	enter();
	unsigned generation = table.generation;
	while ((t = count(version)).awaited > 0 && in_time && generation == table.generation)
		in_time = thread_wait(&table.changed, &table.lock, until_ms);
	if (t.awaited > 0 || t.applied < t.connected)
		put_out_of_step(version);
	leave();
	*applied = t.applied;
	*connected = t.connected;
}

bool nodes_is_anyone_behind(uint64_t version)
{
	enter();
	bool behind = count(version).awaited > 0;
	leave();
	return behind;
}

unsigned nodes_connected(void)
{
	enter();
	unsigned n = count(0).connected;
	leave();
	return n;
}

size_t nodes_connected_ids(struct uuid *ids, size_t max)
{
	struct node *n;
	size_t count_of = 0;
	enter();
	uint64_t now = clock_mono_ms();
	for (size_t at = 0; (n = next_node(&at));)
		if (is_connected(n, now) && !n->is_remote && count_of < max)
			ids[count_of++] = n->id;
	leave();
	return count_of;
}

static bool is_called(const struct node *n, struct slice name)
{
	char id[UUID_TEXT + 1], shown[NAME_MAX_LEN + 16];

	uuid_format(&n->id, id);
	name_of(n, shown, sizeof shown);
	return slice_eq(name, slice_cstr(shown)) || slice_eq(name, slice_cstr(n->hostname)) ||
	       (name.len >= 8 && slice_starts(slice_cstr(id), name));
}

unsigned nodes_find(struct slice name, struct uuid *id)
{
	unsigned found = 0;
	struct node *n;

	if (uuid_parse(name, id))
		return 1; /* also of a node that was never here */
	enter();
	for (size_t at = 0; (n = next_node(&at));)
		if (is_called(n, name)) {
			*id = n->id;
			found++;
		}
	leave();
	return found;
}

static json_t *describe(const struct node *n, uint64_t now)
{
	char id[UUID_TEXT + 1];
	bool is_well = n->error[0] == '\0';
	uuid_format(&n->id, id);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:{}, s:I, s:s?, s:I, s:b, s:b, s:s?, s:O?}", "id", id,
	        "hostname", n->hostname, "version", n->release, "last_seen", (json_int_t)n->seen_wall_s, "updated_at",
	        (json_int_t)n->seen_wall_s, "config_hash", n->config_hash, "sync_status",
	        is_well && n->has_config ? "normal" : "unknown", "labels", "config_version", (json_int_t)n->version,
	        "last_error", is_well ? NULL : n->error, "error_version", (json_int_t)n->error_version, "connected",
	        is_connected(n, now), "in_step", n->in_step, "held_back", n->held_back[0] ? n->held_back : NULL,
	        "targets", n->is_remote ? n->targets : NULL);
}

void nodes_list(json_t *array)
{
	size_t n;
	enter();
	uint64_t now = clock_mono_ms();
	struct node **all = all_by_id(&n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, with_about(describe(all[i], now), all[i], table.current));
	leave();
	free(all);
}

void nodes_purge(int64_t silent_s)
{
	size_t count;

	enter();
	int64_t now_s = clock_wall_s();
	uint64_t now = clock_mono_ms();
	struct node **all = all_by_id(&count);
	for (size_t i = 0; i < count; i++)
		if (now_s - all[i]->seen_wall_s > silent_s && !is_connected(all[i], now)) {
			map_remove(&table.by_id, uuid_slice(&all[i]->id));
			node_free(all[i]);
		}
	leave();
	free(all);
}

void nodes_clear(void)
{
	enter();
	struct node *n;
	for (size_t at = 0; (n = next_node(&at));)
		node_free(n);
	map_fini(&table.by_id);
	table.by_id = (struct map){0};
	table.generation++;
	pthread_cond_broadcast(&table.changed);
	leave();
}
