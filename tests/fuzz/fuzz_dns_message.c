/* Answers of name servers: nothing is read beyond the message, and what is found is bounded and well-formed. */
#include <stdlib.h>

#include "dp/client/dns_message.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void look_at(const struct dns_message *m, enum dns_type type)
{
	REQUIRE(m->count <= DNS_RECORDS_MAX);
	for (size_t i = 0; i < m->count; i++) {
		const struct dns_record *r = &m->records[i];
		if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA)
			REQUIRE(r->address.len > 0 && !r->name);
		else
			REQUIRE(r->name && r->name[0] && strlen(r->name) <= DNS_NAME_MAX);
		REQUIRE(r->port >= 0 && r->port <= 65535 && r->weight >= 0 && r->priority >= 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_TYPE_A, DNS_TYPE_CNAME, DNS_TYPE_AAAA, DNS_TYPE_SRV};
	unsigned char *exact = malloc(size ? size : 1);

	memcpy(exact, data, size);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct dns_message m;
		if (dns_message_read(exact, size, types[i], &m)) {
			look_at(&m, types[i]);
			dns_records_free(m.records, m.count);
		}
	}
	free(exact);
	return 0;
}
