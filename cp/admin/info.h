/* info: what the node says about itself (admin-api.md 8). */
#ifndef CP_ADMIN_INFO_H
#define CP_ADMIN_INFO_H

#include "cp/admin/call.h"

void admin_info(struct admin_call *c);          /* / */
void admin_status(struct admin_call *c);        /* /status */
void admin_metrics(struct admin_call *c);       /* /metrics */
void admin_status_dns(struct admin_call *c);    /* /status/dns */
void admin_timers(struct admin_call *c);        /* /timers */
void admin_robots(struct admin_call *c);        /* /robots.txt */
void admin_endpoints(struct admin_call *c);     /* /endpoints */
void admin_filter_chains(struct admin_call *c); /* /filter-chains and below */
void admin_cache_delete(struct admin_call *c);  /* /cache */
void admin_cache_item(struct admin_call *c);
/* proxy_cache.c */
void admin_proxy_cache(struct admin_call *c);
void admin_proxy_cache_item(struct admin_call *c);
void admin_proxy_cache_of_plugin(struct admin_call *c); /* /cache/:key */
void admin_explain(struct admin_call *c);               /* /explain */
void admin_clustering_nodes(struct admin_call *c);      /* /clustering/data-planes */
void admin_clustering_status(struct admin_call *c);     /* /clustering/status */
void admin_clustering_overview(struct admin_call *c);   /* /clustering/overview */

#endif
