/* dns_question: one question to the name servers. When the first is silent for 300 ms, the one behind it is asked as
 * well and the first good answer counts; whoever was faster stands first from then on, so that a dead server costs a
 * few requests 300 ms and the others nothing (pitfalls.md A4-6). Private to dns.c. */
#ifndef DP_CLIENT_DNS_QUESTION_H
#define DP_CLIENT_DNS_QUESTION_H

#include "dp/client/dns.h"
#include "dp/client/dns_channel.h"

enum { DNS_SECOND_MS = 300 };

struct dns_servers {
	struct loop *loop;
	struct dns_channel channels[2]; /* the same servers, in the second from the second one on */
	bool has_second;
	unsigned first; /* of the two */
};

bool dns_servers_open(struct dns_servers *s, struct loop *l, struct slice resolvers, struct err *e);
/* Questions that are under way are told so (ARES_EDESTRUCTION). Also after an open that has failed. */
void dns_servers_close(struct dns_servers *s);

/* What ares_search() tells; status is one of c-ares. bytes: valid during the call. */
typedef void (*dns_reply_fn)(void *arg, int status, unsigned char *bytes, int len);
/* fn runs once, perhaps from inside. */
void dns_ask_servers(struct dns_servers *s, const char *name, enum dns_type type, dns_reply_fn fn, void *arg);

#endif
