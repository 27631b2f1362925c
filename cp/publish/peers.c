/* peers: see peers.h. */
#include "cp/publish/peers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/release.h"
#include "cp/publish/nodes.h"
#include "cp/store/presence.h"

enum { WRITE_AT_LEAST_MS = 5000 };

struct peers {
	char id[UUID_TEXT + 1], hostname[256];
	uint64_t written_ms, version;
	unsigned change; /* of the table of nodes, when it was written */
};

/* What was read last; for any thread. */
static struct {
	pthread_mutex_t lock;
	json_t *others; /* NULL: nothing yet */
	uint64_t read_ms;
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct peers *peers_new(const char *id)
{
	struct peers *p = calloc(1, sizeof *p);

	if (!p)
		abort();
	snprintf(p->id, sizeof p->id, "%s", id);
	gethostname(p->hostname, sizeof p->hostname - 1);
	return p;
}

static void keep(json_t *others)
{
	pthread_mutex_lock(&known.lock);
	json_decref(known.others);
	known.others = others;
	known.read_ms = clock_mono_ms();
	pthread_mutex_unlock(&known.lock);
}

void peers_free(struct peers *p)
{
	keep(NULL);
	free(p);
}

static bool write_presence(struct peers *p, struct store *st, uint64_t version, struct fault *f)
{
	unsigned change = nodes_change();
	uint64_t now = clock_mono_ms();

	if (p->written_ms && change == p->change && version == p->version && now - p->written_ms < WRITE_AT_LEAST_MS)
		return true;
	json_t *nodes = nodes_export();
	bool ok = store_be_present(st,
	        &(struct presence){.id = p->id,
	                .hostname = p->hostname,
	                .release = GATEHOUSE_RELEASE,
	                .version = version,
	                .nodes = nodes},
	        f);
	json_decref(nodes);
	if (ok) {
		p->written_ms = now;
		p->change = change;
		p->version = version;
	}
	return ok;
}

static void take(json_t *others)
{
	json_t *other;
	size_t i;

	json_array_foreach(others, i, other) nodes_import(
	        json_object_get(other, "nodes"), (uint64_t)json_integer_value(json_object_get(other, "age_ms")));
	keep(others);
}

bool peers_round(struct peers *p, struct store *st, uint64_t version, struct fault *f)
{
	if (!write_presence(p, st, version, f))
		return false;
	json_t *others = store_others_present(st, p->id, f);
	if (others)
		take(others);
	return others != NULL;
}

void peers_leave(struct peers *p, struct store *st)
{
	struct fault f = {0};

	store_be_absent(st, p->id, &f); /* when that fails, it is seen to be lost soon */
	fault_fini(&f);
}

static void describe(const json_t *other, uint64_t since_ms, json_t *array, json_t *problems)
{
	uint64_t age_ms = (uint64_t)json_integer_value(json_object_get(other, "age_ms")) + since_ms;
	bool is_lost = age_ms > PEERS_LOST_MS;
	const char *hostname = json_string_value(json_object_get(other, "hostname"));

	json_array_append_new(
	        array, json_pack("{s:O, s:s, s:s, s:O, s:O, s:b, s:I}", "id", json_object_get(other, "id"), "name",
	                       hostname, "hostname", hostname, "release", json_object_get(other, "release"),
	                       "config_version", json_object_get(other, "version"), "reachable", !is_lost,
	                       "last_seen", (json_int_t)(clock_wall_s() - (int64_t)(age_ms / 1000))));
	if (is_lost)
		json_array_append_new(problems, json_sprintf("control plane %s: not heard of for %llu s", hostname,
		                                        (unsigned long long)(age_ms / 1000)));
}

void peers_overview(json_t *array, json_t *problems)
{
	json_t *other;
	size_t i;

	pthread_mutex_lock(&known.lock);
	json_array_foreach(known.others, i, other) describe(other, clock_mono_ms() - known.read_ms, array, problems);
	pthread_mutex_unlock(&known.lock);
}
