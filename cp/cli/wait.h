/* wait: until a version is live on all data planes (users.md 2.3). In cluster_status.c. */
#ifndef CP_CLI_WAIT_H
#define CP_CLI_WAIT_H

#include "cp/cli/admin_client.h"

/* EXIT_OK: it is; EXIT_TIMED_OUT, with the laggards on stderr. Progress goes to stderr unless -o json. */
enum exit_code wait_until_live(struct admin_client *a, const struct cli *c, uint64_t version, int64_t timeout_ms);

#endif
