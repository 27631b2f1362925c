/* notify: tells a service manager that waits for it (systemd's Type=notify) that everything runs. The protocol is one
 * datagram to the socket that NOTIFY_SOCKET names; without that variable nobody waits and nothing is done. */
#ifndef CP_CLI_NOTIFY_H
#define CP_CLI_NOTIFY_H

#include "common/core/err.h"

/* state: "READY=1", "STOPPING=1". False when NOTIFY_SOCKET is set and its owner cannot be told. */
bool notify(const char *state, struct err *e);

#endif
