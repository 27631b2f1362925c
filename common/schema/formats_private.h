/* The named formats, spread over formats*.c; formats.c dispatches. */
#ifndef COMMON_SCHEMA_FORMATS_PRIVATE_H
#define COMMON_SCHEMA_FORMATS_PRIVATE_H

#include "common/schema/formats.h"

struct check {
	struct arena *arena;
	struct slice *replacement; /* the normal form, when it differs */
	struct err *e;
};

bool format_is_alnum(char c);
bool format_is_one_of(char c, const char *set); /* never true for NUL */
/* Does it compile? The reason in e. */
bool format_regex_compiles(struct slice s, struct err *e);

/* formats_host.c */
bool format_host(struct slice s, struct check *c);
bool format_host_opt_port(struct slice s, struct check *c);
bool format_wildcard_host(struct slice s, struct check *c);
bool format_route_host(struct slice s, struct check *c);
bool format_sni(struct slice s, struct check *c);
bool format_ip(struct slice s, struct check *c);
bool format_ip_or_cidr(struct slice s, struct check *c);
bool format_upstream_name(struct slice s, struct check *c);
bool format_target(struct slice s, struct check *c);

/* formats_path.c */
bool format_path(struct slice s, struct check *c);
bool format_router_path(struct slice s, struct check *c);
bool format_url(struct slice s, struct check *c);

#endif
