/* upkeep: what the database needs now and then, on a thread of its own: credentials whose ttl is over are removed, as
 * ordinary versions that reach everybody, and history and the record of admin requests go beyond
 * their retention (history_versions, history_days, audit_log_record_ttl).
 *
 * Every control plane does it every upkeep_interval seconds; on one database they take turns. A database that is away
 * is tried again. */
#ifndef CP_PUBLISH_UPKEEP_H
#define CP_PUBLISH_UPKEEP_H

#include "common/settings/settings.h"

struct upkeep;

/* s must live until upkeep_stop(). The first round comes at once. */
struct upkeep *upkeep_start(const struct settings *s, struct err *e);
void upkeep_stop(struct upkeep *u); /* NULL is fine */

#endif
