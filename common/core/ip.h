/* ip: addresses and ranges of addresses, for whoever has to say whether one lies in the other: trusted_ips, routes by
 * source, ip-restriction.
 *
 * Invariant: IPv4 is kept as ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so an address that comes through a socket for both
 * families is the same one, and 0.0.0.0/0 is all of IPv4 and nothing else. */
#ifndef COMMON_CORE_IP_H
#define COMMON_CORE_IP_H

#include <netinet/in.h>

#include "common/core/err.h"
#include "common/core/slice.h"

struct ip {
	unsigned char bytes[16];
};

struct ip_range {
	struct ip base; /* bits beyond the prefix are zero */
	unsigned bits;  /* 0..128 */
};

enum { IP_TEXT_MAX = INET6_ADDRSTRLEN };

/* "192.0.2.1", "2001:db8::1"; nothing around it. */
bool ip_parse(struct slice text, struct ip *out);
/* The same with an optional port: "192.0.2.1:80", "[2001:db8::1]:80", "[::1]". *port is 0 when there is none. */
bool ip_parse_port(struct slice text, struct ip *out, int *port);
/* False for families other than AF_INET and AF_INET6. */
bool ip_of_sockaddr(const struct sockaddr *sa, struct ip *out);
/* Writes the usual text without a final NUL; out has IP_TEXT_MAX bytes. Returns the length. */
size_t ip_text(const struct ip *a, char *out);
bool ip_is_v4(const struct ip *a);

/* An address, or one with "/bits". Bits beyond the prefix are dropped. */
bool ip_range_parse(struct slice text, struct ip_range *out);
bool ip_range_has(const struct ip_range *r, const struct ip *a);
bool ip_in_any(const struct ip_range *ranges, size_t n, const struct ip *a);

#endif
