/* What the files of formats share. */
#ifndef COMMON_SCHEMA_FORMATS_PRIVATE_H
#define COMMON_SCHEMA_FORMATS_PRIVATE_H

#include "common/schema/formats.h"

typedef bool (*format_fn)(struct slice v, struct arena *a, struct slice *replacement, struct err *e);

/* formats_host.c */
enum host_kind { HOST_BAD, HOST_NAME, HOST_IPV4, HOST_IPV6 };
/* Splits "name[:port]" as entities.md section 2 says; port -1 when none, -2 when it is not a port. */
enum host_kind host_parse(struct slice v, struct slice *host, int *port);
bool format_host(struct slice v, struct arena *a, struct slice *r, struct err *e);
bool format_host_opt_port(struct slice v, struct arena *a, struct slice *r, struct err *e);
bool format_wildcard_host(struct slice v, struct arena *a, struct slice *r, struct err *e);
bool format_route_host(struct slice v, struct arena *a, struct slice *r, struct err *e);
bool format_sni(struct slice v, struct arena *a, struct slice *r, struct err *e);
bool format_ip(struct slice v, struct arena *a, struct slice *r, struct err *e);
bool format_ip_or_cidr(struct slice v, struct arena *a, struct slice *r, struct err *e);
bool format_upstream_name(struct slice v, struct arena *a, struct slice *r, struct err *e);
bool format_target(struct slice v, struct arena *a, struct slice *r, struct err *e);

/* formats_path.c */
bool format_path(struct slice v, struct arena *a, struct slice *r, struct err *e);
bool format_router_path(struct slice v, struct arena *a, struct slice *r, struct err *e);
bool format_url(struct slice v, struct arena *a, struct slice *r, struct err *e);
bool format_regex(struct slice v, struct arena *a, struct slice *r, struct err *e);

#endif
