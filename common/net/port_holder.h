/* port_holder: which process listens on a port, from /proc, for the message when it is in use. Private to common/net.
 */
#ifndef COMMON_NET_PORT_HOLDER_H
#define COMMON_NET_PORT_HOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* "nginx (pid 1234)". False when nobody listens there or we may not see who. */
bool port_holder(int port, char *out, size_t size);

#endif
