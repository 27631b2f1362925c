/* line: the conversation of a data plane with one control plane: a SUB socket for what is published, a REQ socket for
 * Polls, and the way there (uplink). When to poll, what to do about silence, orders and their results, and the news
 * of targets are here; what versions mean is the subscriber's, which has one line to each control plane.
 *
 * Belongs to the main loop's thread. */
#ifndef DP_CONFIG_LINE_H
#define DP_CONFIG_LINE_H

#include <limits.h>

#include "common/core/uuid.h"
#include "common/settings/settings.h"
#include "dp/config/health_outbox.h"
#include "dp/config/order_inbox.h"

struct event;
struct loop;
struct loop_timer;
struct line;

enum { LINE_POLL_MS = 1000, LINE_SILENT_POLLS = 3 };

/* Where nanomsg connects to, and the TLS link behind it when the control plane is elsewhere. */
struct uplink {
	char pub_path[PATH_MAX], rep_path[PATH_MAX];
	char node_id[UUID_TEXT + 1];
	struct side_loop *thread; /* of the link; NULL: control plane on this machine */
	bool is_shared;           /* the thread belongs to somebody else */
	struct link_client *link;
};

/* address: "host:port" or "ipc"; index tells the links of one data plane apart. u is zeroed before; u->thread may be
 * set, to a thread that outlives u: then the link runs there and not on one of its own. */
bool uplink_open(struct uplink *u, const struct settings *s, struct slice address, unsigned index, struct err *e);
void uplink_close(struct uplink *u);
/* The certificate on disk is another: connects anew with it. */
void uplink_use_certs(struct uplink *u, const struct settings *s);

/* The subscriber's part. Those that take an envelope return true when a Poll should follow on this line at once. */
struct line_ops {
	void (*fill)(struct line *l, Gatehouse__Sync__Poll *p, void *arg);
	bool (*take_answer)(struct line *l, const Gatehouse__Sync__Envelope *e, void *arg);
	bool (*take_published)(struct line *l, const Gatehouse__Sync__Envelope *e, void *arg);
	void (*on_drained)(void *arg);                 /* all that waited has been taken */
	void (*on_silence)(struct line *l, void *arg); /* its sockets are opened anew */
};

struct channel { /* one of the two sockets; -1: closed */
	int socket;
	struct event *event;
};

struct line {
	struct loop *loop;
	const struct line_ops *ops;
	void *arg;
	struct uplink uplink;
	struct channel sub, req;
	struct loop_timer *next_poll;

	bool is_awaiting;      /* a Poll is under way ... */
	bool wants_poll;       /* ... and another one is to follow when it is answered */
	unsigned silent;       /* poll intervals that it has not been answered for */
	uint32_t reopen_ms;    /* present pause between two reopenings; 0: none was needed */
	uint64_t reopen_at_ms; /* not before */
	uint64_t started_ms, sent_ms, last_contact_ms;

	struct order_inbox orders;
	struct health_outbox health;
	char *complaint; /* of the control plane: why it does not answer; "" */

	/* the subscriber's: what the last answer said of the control plane's version, and what our last Poll said of
	 * ours */
	uint64_t version, told_version;
	bool is_same_epoch;
};

/* Connects; a control plane that is away is no error. Zeroed before; orders, health, and uplink.thread if it is to be
 * somebody else's: set up by the caller. */
bool line_open(struct line *l, struct loop *loop, const struct settings *s, struct slice address, unsigned index,
        struct err *e);
void line_close(struct line *l);
/* At once, or as soon as the Poll that is under way has been answered. */
void line_poll(struct line *l);
/* Good-bye in two steps, so that several lines say it at the same time: the second waits, at most timeout_ms. */
void line_say_goodbye(struct line *l, int timeout_ms);
void line_await_goodbye(struct line *l, int timeout_ms);

/* It has answered, and does not let us wait for two intervals now. */
bool line_is_well(const struct line *l);
/* Monotonic; 0: the control plane answers. */
uint64_t line_down_since(const struct line *l);

uint32_t line_jittered(uint32_t ms);

#endif
