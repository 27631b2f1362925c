/* hosts_file: names that need no name server, as in /etc/hosts: of each name the first IPv4 and the first IPv6
 * address (proxy.md 5.10). Read once. */
#ifndef DP_CLIENT_HOSTS_FILE_H
#define DP_CLIENT_HOSTS_FILE_H

#include "common/core/ip.h"
#include "common/core/map.h"

enum { HOSTS_FILE_MAX = 16 * 1024 * 1024 };

struct hosts_entry {
	bool has_v4, has_v6;
	struct ip v4, v6;
};

/* Zeroed: no names. */
struct hosts_file {
	struct map names; /* lower case -> struct hosts_entry */
};

/* path NULL, or a file that is not there: only localhost is known. What is no address is passed over. */
void hosts_file_read(struct hosts_file *h, const char *path);
void hosts_file_parse(struct hosts_file *h, struct slice text);
void hosts_file_fini(struct hosts_file *h);
/* name: lower case, without a final dot. NULL: not there. */
const struct hosts_entry *hosts_file_find(const struct hosts_file *h, struct slice name);

#endif
