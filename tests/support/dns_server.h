/* dns_server: a small name server in a test's own loop. It answers every name alike, by type of record. */
#ifndef TESTS_SUPPORT_DNS_SERVER_H
#define TESTS_SUPPORT_DNS_SERVER_H

#include "common/net/loop.h"

enum { RCODE_OK = 0, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, SILENT = 99 };

struct dns_server {
	int fd, port;
	struct event *event;
	char address[32]; /* "127.0.0.1:port": for dns_resolver */

	int rcode, ttl;
	int a, aaaa; /* how many: 10.0.0.1, 10.0.0.2, ...; fd00::1, ... */
	struct dns_server_srv {
		int priority, weight, port;
		const char *host;
	} srv[8];
	int srv_count;
	const char *cname;     /* for queries of that type, and in front of addresses */
	const char *srv_owner; /* only this name has services; NULL: every name */
	int nxdomain_type;     /* this type's answer is NXDOMAIN, whatever rcode says; 0: none */
	int servfail_type;

	int queries, queries_of[64]; /* by type */
	char last_name[256];
};

void dns_server_open(struct dns_server *s, struct loop *l); /* answers one A record with 60 s */
void dns_server_close(struct dns_server *s);

#endif
