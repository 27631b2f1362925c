/* dns: names to addresses for one thread, through c-ares, cached by time to live (proxy.md 5.10).
 *
 * A name of the hosts file is answered from there. Others are asked for as one type of record after the other, in the
 * order that settings say, the type that was found last first; search rules, attempts and time-outs are those of
 * /etc/resolv.conf. Of SRV records the one whose turn it is by weight, and then its host's addresses. Answers that
 * are cached are given at once. Expired answers are served while one query renews them (proxy.md 5.10); concurrent
 * queries for one name are merged. IP literals never come here. */
#ifndef DP_CLIENT_DNS_H
#define DP_CLIENT_DNS_H

#include <sys/socket.h>

#include "common/core/slice.h"
#include "common/net/loop.h"

struct dns;
struct dns_query;

struct dns_address {
	struct sockaddr_storage address; /* port filled in */
	socklen_t len;
};
struct dns_answer {
	const struct dns_address *addresses; /* at least one */
	size_t count;
	uint32_t turn; /* counts the answers given for this name: round robin over addresses */
};

enum dns_status { DNS_FOUND, DNS_NO_SUCH_NAME, DNS_FAILED };

/* status other than DNS_FOUND: answer is NULL and text is the resolver's words. */
typedef void (*dns_fn)(void *arg, enum dns_status status, const struct dns_answer *answer, const char *text);

/* What a name stands for, for those who balance over all of it. */
enum dns_type { DNS_TYPE_A = 1, DNS_TYPE_CNAME = 5, DNS_TYPE_AAAA = 28, DNS_TYPE_SRV = 33 };
struct dns_record {
	struct dns_address address; /* A, AAAA: port 0 */
	const char *name;           /* SRV: the host; else NULL */
	int port, priority, weight; /* SRV */
};
struct dns_set { /* of one type; of SRV only the lowest priority value */
	enum dns_type type;
	const struct dns_record *records; /* at least one */
	size_t count;
	uint32_t ttl_ms; /* from now */
	bool is_stale;   /* the time is up, and nothing newer is to be had */
};
enum dns_want {
	DNS_FRESH = 1, /* what has expired is asked for again before fn is told */
	DNS_HOST = 2,  /* addresses only, no SRV */
};

enum { DNS_ORDER_MAX = 8 };
struct dns_options {
	struct slice resolvers;  /* "ip[:port],..."; unset: /etc/resolv.conf */
	struct slice hosts_file; /* unset: none */
	struct slice order;      /* "LAST,SRV,A,CNAME"; unset: "A" */
	uint32_t valid_ttl_ms;   /* in place of the records' own; 0: theirs */
	uint32_t stale_ttl_ms;   /* how long an expired answer may be used */
	uint32_t not_found_ms;   /* empty answers and NXDOMAIN are remembered */
	uint32_t error_ms;       /* other errors */
	size_t cache_size;       /* names; 0: 10000 */
	bool no_merge;           /* every asker has a query of its own */
};
struct settings;
/* What settings say; the strings are theirs. */
struct dns_options dns_options_of(const struct settings *s);

/* NULL with e: resolvers or order cannot be understood. A hosts file that is not there is empty. */
struct dns *dns_new(struct loop *l, const struct dns_options *options, struct err *e);
void dns_free(struct dns *d); /* pending queries are cancelled without a call */
/* fn runs once: from inside when the answer is cached (NULL is returned then), else later. */
struct dns_query *dns_lookup(struct dns *d, struct slice host, int port, dns_fn fn, void *arg);
/* All records. text, when it is given, is static. */
typedef void (*dns_set_fn)(void *arg, enum dns_status status, const struct dns_set *set, const char *text);
struct dns_query *dns_ask(struct dns *d, struct slice host, unsigned want, dns_set_fn fn, void *arg);
void dns_cancel(struct dns_query *q); /* fn will not run */

#endif
