/* subscriber: follows the control planes: by what they publish, and by Polls that make up for everything that got
 * lost. proto/README.md explains the protocol; a line (line.h) is the conversation with one control plane.
 *
 * All control planes of a database say the same, so whichever is quicker is followed, and the loss of one costs
 * nothing. All of them hear how this node is; what is missing is asked of one at a time, the source. Counters that
 * nodes share are told to the first one that answers, so that all nodes tell the same one.
 *
 * A Poll goes out every second (with jitter), at once after a version was applied, and at once when something newer
 * is known of that does not lead on from what is here. A version that was refused is asked for again after a pause
 * that grows. Belongs to the main loop's thread; each TLS link has its own. */
#ifndef DP_CONFIG_SUBSCRIBER_H
#define DP_CONFIG_SUBSCRIBER_H

#include "common/settings/settings.h"
#include "dp/config/counter_outbox.h"
#include "dp/config/health_outbox.h"
#include "dp/config/order_inbox.h"
#include "dp/config/replica.h"
#include "proto/sync.pb-c.h"

struct loop;
struct subscriber;

enum { SUBSCRIBER_LINES_MAX = 8 };

/* Loads the disk cache into the replica if that has nothing yet (so its callback may come before this returns), then
 * connects to settings.cluster_control_plane: "host:port" over TLS, several of them with commas in between, or "ipc"
 * for the control plane with the same prefix on this machine. Over TLS the node id is the one in the certificate. A
 * control plane that is away is no error. */
struct subscriber *subscriber_start(
        struct loop *main_loop, const struct settings *s, struct replica *r, struct err *e);
/* Who carries out what the control plane wants done; ends with {0}. Without it nobody does. */
void subscriber_carry_out(struct subscriber *s, const struct order_handler *handlers, void *arg);
/* Who knows how targets are. */
void subscriber_report_health(struct subscriber *s, health_fn fn, void *arg);
/* Who counts what nodes share; must outlive the subscriber. */
void subscriber_share_counters(struct subscriber *s, const struct counter_source *source);
/* What else Polls say of the node: fn fills in labels and load; what it points to must live until the next call. */
typedef void (*about_fn)(void *arg, Gatehouse__Sync__Poll *p);
void subscriber_tell_about(struct subscriber *s, about_fn fn, void *arg);
/* Something has changed there: it is told soon, at most ten times a second. */
void subscriber_health_changed(struct subscriber *s);
/* The node's certificate on disk is another: connects anew with it. */
void subscriber_use_certs(struct subscriber *s, const struct settings *settings);
/* Says good-bye (waits for that at most 200 ms), flushes the disk cache. NULL is fine. */
void subscriber_stop(struct subscriber *s);

struct subscriber_status {
	struct slice epoch; /* of the replica; valid until it changes */
	uint64_t version;   /* 0: none */
	bool has_config;
	bool is_in_step;          /* the last answers named this version as the current one */
	uint64_t last_contact_ms; /* monotonic, of the last answer; 0: none yet */
	uint64_t down_since_ms;   /* monotonic; 0: a control plane answers */
	unsigned lines, lines_up; /* control planes that it follows; that answer */
	const char *error; /* why a newer version could not be applied, or what a control plane says; "": all well */
	char node_id[37];
};
void subscriber_status(const struct subscriber *s, struct subscriber_status *out);

#endif
