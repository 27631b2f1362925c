/* nodes: which data planes there are, what they run, and who waits for them. One table per process; any thread.
 *
 * A node is connected while its last Poll is at most NODES_CONNECTED_MS old and did not say that it leaves. It is in
 * step once it has had the current version, until it misses a nodes_wait(); then it is not waited for until it has
 * caught up. */
#ifndef CP_PUBLISH_NODES_H
#define CP_PUBLISH_NODES_H

#include <jansson.h>

#include "common/core/uuid.h"
#include "proto/sync.pb-c.h"

enum { NODES_CONNECTED_MS = 3000, NODES_REMOTE_MS = 12000, NODES_MAX = 8192 };

struct node_report {
	struct uuid id;
	struct slice hostname, release, error;
	struct slice held_back; /* what its release does not know of the configuration; empty: nothing */
	bool has_config;        /* it runs a version of the current epoch ... */
	uint64_t version;       /* ... this one; else 0 */
	uint64_t error_version; /* which could not be applied; 0: none */
	bool leaving;
	const Gatehouse__Sync__Poll *poll; /* for what else is known of it; NULL: nothing */
};

/* From a Poll. epoch, current: what the control plane publishes now. Returns since when (monotonic ms) the node has
 * been at a version beyond `current`; 0: it is not. */
uint64_t nodes_report(const struct node_report *r, struct slice epoch, uint64_t current);

/* As applied_wait(), without the nudge. */
void nodes_wait(uint64_t version, int timeout_ms, unsigned *applied, unsigned *connected);

/* How far a version has come among all data planes that should have it: those that have not said goodbye and were
 * there within the last NODES_FORGOTTEN_MS, whether they can be reached now or not. */
enum { NODES_FORGOTTEN_MS = 60 * 60 * 1000 };
struct nodes_progress {
	unsigned applied, expected;
	bool is_over; /* all have it, or what is missing has refused it: waiting changes nothing */
};
struct nodes_progress nodes_progress(uint64_t version);
/* The same for people: {"message":"37/40 data planes at v42 (eu-3: 2 behind, us-1: unreachable since 12:03)",
 * "version":42,"applied":37,"data_planes":40,"laggards":[{"id":..,"name":"eu-3","version":40,"behind":2,
 * "reachable":true,"error":null}]}; a new reference. A name is the host's, with the beginning of the id when several
 * nodes are on one. */
json_t *nodes_progress_json(uint64_t version);

/* Appends an object per data plane that should have `version`, for operators: {"id","name","hostname","release",
 * "config_version","behind","reachable","last_seen","error"}; and to problems, in words, what is wrong with each. */
void nodes_overview(uint64_t version, json_t *array, json_t *problems);

/* ---- data planes of other control planes on this database (peers.c) ----
 *
 * They count for progress and lists, not for nodes_wait(): what is known of them is a second old. A node that polls
 * here is ours, whatever others say, unless they have heard of it later. */

/* Ours, for others:
 * [{"id","hostname","release","error","error_version","has_config","version","leaving","silent_ms"}]. New reference.
 */
json_t *nodes_export(void);
/* What another exported age_ms ago. */
void nodes_import(const json_t *nodes, uint64_t age_ms);
/* What was kept of an earlier export (cp/store/enrol.h). */
void nodes_restore(const json_t *nodes);
/* Changes whenever an export would say something new. */
unsigned nodes_change(void);

/* A connected node that is in step has not had this version yet (and has not refused it). */
bool nodes_is_anyone_behind(uint64_t version);

unsigned nodes_connected(void);
/* The ids of those that poll this control plane, at most max; how many there are. */
size_t nodes_connected_ids(struct uuid *ids, size_t max);

/* Which node is meant: by id, by the beginning of one (8 digits at least), or by the name that nodes_overview()
 * shows. Returns how many it could be; *id is set when that is 1. */
unsigned nodes_find(struct slice name, struct uuid *id);

/* Forgets those that have not been heard of for so long; none that is connected, however the clock was moved. */
void nodes_purge(int64_t silent_s);

/* Appends one object per node, by id: entities.md 4.17 and our own fields; among them lag_s, for how long it has been
 * without the version that is current, and those of node_about.h. */
void nodes_list(json_t *array);

/* Forgets all. Whoever waits returns. */
void nodes_clear(void);

#endif
