/* proxy_protocol: the preamble by which a balancer in front of us says for whom it connects (HAProxy's PROXY
 * protocol, versions 1 and 2). Contract: proxy.md 10.2, pitfalls.md B4 83. */
#ifndef COMMON_NET_PROXY_PROTOCOL_H
#define COMMON_NET_PROXY_PROTOCOL_H

#include "common/core/ip.h"

/* What a preamble says. */
struct proxied {
	bool has_address; /* false: the balancer speaks for itself (LOCAL, UNKNOWN), or of something that is not TCP
	                   */
	struct ip source, destination;
	int source_port, destination_port;
};

/* Version 1 is one line of at most 107 bytes. Version 2 may carry up to 64 KiB of extensions; more than this nobody
 * sends, and it would have to be waited for. */
enum { PROXY_PREAMBLE_MAX = 4096 };

enum proxy_result { PROXY_DONE, PROXY_MORE, PROXY_BAD };

/* From the first bytes of a connection. PROXY_DONE: *used of them are the preamble. PROXY_MORE: what is there may
 * become one. */
enum proxy_result proxy_parse(const char *buf, size_t len, struct proxied *out, size_t *used);

/* A preamble on its way. Zeroed: nothing of it is there. */
struct proxy_reader {
	size_t len;
	char bytes[PROXY_PREAMBLE_MAX];
};
/* Looks at what the non-blocking socket holds and takes what belongs to the preamble from it, byte for byte: what
 * follows, a TLS handshake perhaps, is left for whoever takes the connection over. PROXY_BAD also at the end of
 * file. */
enum proxy_result proxy_read(struct proxy_reader *r, int fd, struct proxied *out);

#endif
