/* upstream: a named set of targets and how to choose among them (entities.md 4.6, proxy.md 5). */
#ifndef COMMON_ENTITY_UPSTREAM_H
#define COMMON_ENTITY_UPSTREAM_H

#include "common/schema/schema.h"

struct active_healthy {
	double interval; /* s */
	struct int_list http_statuses;
	int64_t successes;
};
struct active_unhealthy {
	double interval;
	struct int_list http_statuses;
	int64_t tcp_failures, timeouts, http_failures;
};
struct active_checks {
	struct slice type, http_path, https_sni;
	double timeout; /* s */
	int64_t concurrency;
	bool https_verify_certificate;
	struct list_map headers;
	struct active_healthy healthy;
	struct active_unhealthy unhealthy;
};
struct passive_healthy {
	struct int_list http_statuses;
	int64_t successes;
};
struct passive_unhealthy {
	struct int_list http_statuses;
	int64_t tcp_failures, timeouts, http_failures;
};
struct passive_checks {
	struct slice type;
	struct passive_healthy healthy;
	struct passive_unhealthy unhealthy;
};
struct healthchecks {
	double threshold; /* percent */
	struct active_checks active;
	struct passive_checks passive;
};

struct upstream {
	struct uuid id;
	int64_t created_at, updated_at;
	struct slice name, algorithm;
	struct slice hash_on, hash_fallback;
	struct slice hash_on_header, hash_fallback_header;
	struct slice hash_on_cookie, hash_on_cookie_path;
	struct slice hash_on_query_arg, hash_fallback_query_arg;
	struct slice hash_on_uri_capture, hash_fallback_uri_capture;
	int64_t slots;
	struct healthchecks healthchecks;
	struct slice_list tags;
	struct slice host_header;
	struct ref client_certificate;
	bool use_srv_name;
};

extern const struct schema upstream_schema;

/* Is anything counted at all (proxy.md 6.1)? Otherwise every target is HEALTHCHECKS_OFF. */
bool healthchecks_are_used(const struct healthchecks *h);

#endif
