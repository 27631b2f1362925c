/* dns_order: which types of record are asked for, one after the other (dns_order, proxy.md 5.10). */
#ifndef DP_CLIENT_DNS_ORDER_H
#define DP_CLIENT_DNS_ORDER_H

#include "common/core/err.h"
#include "dp/client/dns.h"

struct dns_order {
	enum dns_type types[DNS_ORDER_MAX];
	size_t count;
	bool last_first; /* LAST leads: what was found the last time comes before all */
};

/* "LAST,SRV,A,CNAME", in any case, blanks allowed; unset or empty: A. What is beyond DNS_ORDER_MAX is an error, as is
 * an unknown word. */
bool dns_order_read(struct dns_order *o, struct slice words, struct err *e);

#endif
