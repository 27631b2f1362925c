/* publish: everything that brings versions from the database to the data planes, on threads of its own: the feed
 * reads, the publishing thread packs, publishes and answers Polls, and the cluster thread relays TLS connections.
 * Nothing a peer does on the cluster port can hold up the second, and nothing the Admin API does can hold up any of
 * them. */
#ifndef CP_PUBLISH_PUBLISH_H
#define CP_PUBLISH_PUBLISH_H

#include <jansson.h>

#include "common/net/loop.h"
#include "common/settings/settings.h"

struct publish;

/* Opens <prefix>/sync/{pub,rep}.ipc (in a folder of mode 0700), the cluster port when settings.cluster_listen is not
 * "off", and begins to read. A database that is away is no error: it is tried again. The loop is not used, nor held
 * up; settings must live until publish_stop(). One per process. */
struct publish *publish_start(struct loop *l, const struct settings *s, struct err *e);
void publish_stop(struct publish *p); /* NULL is fine */
/* What was published last is kept in <prefix>/published, sealed (common/sync/disk_cache.h), and is published again
 * until the database has been read: is there such a thing? */
bool publish_has_kept(const struct settings *s);

/* Look for a new version now; any thread, also when nothing is being published. applied_wait() does it, too. */
void publish_nudge(void);

/* Appends one object per data plane to the array (entities.md 4.17, and: config_version, connected, in_step,
 * last_error, error_version), by id. Any thread. */
void publish_nodes(json_t *array);

/* A version that is held back (guard.h) is meant: here and by the other control planes it goes to the data planes.
 * False: nobody holds it. Any thread. */
bool publish_confirm(uint64_t version);
#define PUBLISH_CONFIRM_CALL "publish"
json_t *publish_confirm_call(const json_t *version, void *arg); /* another one's (calls.h) */

struct publish_status {
	char epoch[64];           /* "" before the first read */
	uint64_t version;         /* that is published */
	uint64_t read_ms_ago;     /* since the database last answered; UINT64_MAX: it has not yet */
	unsigned nodes_connected; /* data planes */
};
void publish_status(const struct publish *p, struct publish_status *out); /* any thread */

#endif
