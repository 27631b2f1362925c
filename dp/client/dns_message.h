/* dns_message: what an answer of a name server says (RFC 1035 4, RFC 2782). c-ares has seen to it that it answers our
 * question; nothing else of it is believed. Pure data, no I/O. */
#ifndef DP_CLIENT_DNS_MESSAGE_H
#define DP_CLIENT_DNS_MESSAGE_H

#include "common/core/err.h"
#include "dp/client/dns.h"

enum { DNS_RECORDS_MAX = 256, DNS_NAME_MAX = 255 };

/* The records of one type in the answer section, in their order; at most DNS_RECORDS_MAX. Of CNAME: the name that is
 * meant. False: not a message. */
struct dns_message {
	struct dns_record *records; /* from malloc(), and so are their names */
	size_t count;
	uint32_t ttl_s; /* the least, of aliases on the way too */
};
bool dns_message_read(const unsigned char *bytes, size_t len, enum dns_type wanted, struct dns_message *out);
void dns_records_free(struct dns_record *records, size_t count);

#endif
