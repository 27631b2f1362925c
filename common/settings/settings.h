/* settings: what a node is told by file and environment, as one table for all three programs.
 *
 * Precedence, low to high: default, file (`--conf FILE`, kong.conf form: key = value, # comments, \# for a literal
 * #), environment GATEHOUSE_<KEY>, with KONG_<KEY> as an alias below it. Booleans: on/true, off/false. Lists: commas.
 * An unknown key in the file is a warning (DEV-15), a bad value an error that names file, line, key, value and what
 * is expected. Key names are Kong's where the meaning is the same (proxy.md 10). */
#ifndef COMMON_SETTINGS_SETTINGS_H
#define COMMON_SETTINGS_SETTINGS_H

#include "common/schema/schema.h"

enum { NODE_LABELS_MAX = 10 };

struct settings {
	struct slice prefix;                /* run-time files: sockets, pid files, node id, last good version; default
	                                       /usr/local/gatehouse or as KONG_PREFIX says */
	struct slice role;                  /* traditional, control_plane, data_plane */
	struct slice database;              /* postgres, off */
	struct slice log_level, log_format; /* log_format: plain, json */
	struct slice declarative_config, declarative_config_string;
	struct slice declarative_config_env; /* files, all, off: where ${NAME} is replaced */

	struct slice proxy_listen, stream_listen, admin_listen, status_listen;
	struct slice proxy_access_log, proxy_stream_access_log, proxy_error_log, admin_access_log, admin_error_log,
	        status_access_log;      /* path, or off */
	int64_t nginx_worker_processes; /* 0: one per CPU ("auto") */

	struct slice pg_host, pg_user, pg_password, pg_database, pg_schema;
	int64_t pg_port, pg_timeout; /* ms */
	bool pg_ssl, pg_ssl_verify;

	struct slice cluster_listen, cluster_control_plane; /* "0.0.0.0:8005"; "host:port", or "ipc" for a cp on this
	                                                       machine with the same prefix */
	struct slice cluster_cert, cluster_cert_key, cluster_ca_cert;
	struct slice cluster_ca_key;                        /* who has it gives nodes certificates */
	int64_t cluster_cert_days, cluster_cert_renew_days; /* 0: not renewed */
	struct slice cluster_dp_labels;                     /* "region:eu,rack:7"; at most NODE_LABELS_MAX */
	int64_t cluster_data_plane_purge_delay;             /* s */
	bool core_dumps;
	struct slice node_id;                   /* default: made once and kept in prefix/kong.id */
	int64_t publish_guard;                  /* percent */
	int64_t admin_wait;                     /* ms: how long a write waits for the data planes, default 200 */
	int64_t admin_threads;                  /* default 4 */
	int64_t history_versions, history_days; /* what is kept of the past; 0: no bound */
	int64_t upkeep_interval;                /* s: how often expired credentials and old history are removed */

	bool admin_auth;           /* the Admin API asks who is there */
	bool admin_open;           /* without it, admin_listen may still be where others are */
	struct slice admin_tokens; /* admins beside those of the database: "name:role:digest, ..." */
	struct slice admin_gui_url;
	int64_t admin_body_timeout;                      /* s */
	int64_t audit_log_record_ttl;                    /* s; 0: for ever */
	struct slice admin_ssl_cert, admin_ssl_cert_key; /* unset: a pair of our own in prefix/ssl */
	struct slice admin_ssl_client_ca;

	struct slice headers, headers_upstream, server_token,
	        kong_version;                          /* kong_version: what GET / answers, default 3.9.3 */
	int64_t lua_max_req_headers, lua_max_uri_args; /* how many the router looks at, default 100 */
	struct slice vault_env_prefix, vault_file_path;
	struct slice error_default_type, http_strictness, router_flavor, route_match_calculation;
	struct slice trusted_ips, real_ip_header, port_maps;
	bool real_ip_recursive;
	struct slice client_max_body_size;    /* "0", "10m": nginx_http_client_max_body_size */
	struct slice admin_max_body_size;     /* nginx_admin_client_max_body_size, default 10m */
	struct slice admin_max_document_size; /* of POST /config, default 128m */
	struct slice dns_resolver, dns_hostsfile, dns_order;
	double dns_valid_ttl, dns_stale_ttl, dns_not_found_ttl, dns_error_ttl; /* s; valid 0: the records' own */
	int64_t dns_cache_size;
	bool dns_no_sync;
	int64_t upstream_slow_start; /* s; 0: none */
	int64_t upstream_keepalive_pool_size, upstream_keepalive_max_requests, upstream_keepalive_idle_timeout,
	        upstream_http2_ping_interval;                                                /* s */
	int64_t client_header_timeout, client_body_timeout, send_timeout, keepalive_timeout; /* s */
	int64_t keepalive_requests, http2_max_concurrent_streams;
	struct slice client_body_buffer_size, large_client_header_buffers, proxy_buffer_size;
	struct slice proxy_next_upstream;
	int64_t proxy_next_upstream_tries, proxy_next_upstream_timeout; /* 0: no limit; s */
	struct slice upstream_duplicate_framing, charset;
	bool underscores_in_headers, allow_debug_header;
	struct slice error_template_json, error_template_html, error_template_xml, error_template_plain;
	int64_t worker_connections; /* 0: as many as there are file descriptors */
	struct slice upgrade_protocols, websocket_connection_header;
	int64_t websocket_idle_timeout; /* s; 0: as the service says */
	int64_t metrics_max_series;
	struct slice tracing_instrumentations, tracing_sampling_rate;
	bool retry_stale_post;
	struct slice client_half_close;
	int64_t drain_delay;                 /* s */
	struct slice ssl_cert, ssl_cert_key; /* lists; unset: a pair of our own in prefix/ssl */
	struct slice ssl_cipher_suite, ssl_ciphers, ssl_protocols, ssl_dhparam, ssl_session_cache_size;
	bool ssl_prefer_server_ciphers, ssl_session_tickets, ssl_stapling;
	int64_t ssl_session_timeout; /* s */
	bool client_ssl, proxy_ssl_verify;
	struct slice client_ssl_cert, client_ssl_cert_key, proxy_ssl_trusted_certificate, lua_ssl_trusted_certificate;
	int64_t proxy_ssl_verify_depth, lua_ssl_verify_depth;
	struct slice mem_cache_size, plugin_dir, untrusted_lua;
	int64_t shutdown_grace; /* s, default 10 */
};

extern const struct schema settings_schema;

/* Reads file (NULL: Kong's default places if one exists, else none) and environ. Everything is on the arena. Warnings
 * go to the log. Relative paths are kept as they are. */
bool settings_load(struct arena *a, const char *file, struct settings *out, struct err *e);
/* The effective configuration for GET /: secrets as "******". New reference. */
json_t *settings_json(const struct settings *s);
/* "10m", "8k", "0" to bytes. */
bool settings_size(struct slice text, uint64_t *bytes);

#endif
