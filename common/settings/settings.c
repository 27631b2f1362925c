/* settings: the table of all that a node is told. Reading it from file and environment is settings_read.c. */
#include "common/settings/settings.h"

#include <ctype.h>

#include "common/core/number.h"
#include "common/core/release.h"

static bool check_size(const struct field *f, json_t **value, struct err *e)
{
	uint64_t ignored;
	return settings_size(slice_cstr(json_string_value(*value)), &ignored) ||
	       err_set(e, "expected a size such as 0, 512k or 10m");
}

static bool check_share(const struct field *f, json_t **value, struct err *e)
{
	double share;
	return (number_parse(slice_cstr(json_string_value(*value)), &share) && share >= 0 && share <= 1) ||
	       err_set(e, "expected a number from 0 to 1");
}

static bool check_instrumentations(const struct field *f, json_t **value, struct err *e)
{
	static const struct slice words[] = {SLICE("off"), SLICE("all"), SLICE("request"), SLICE("db_query"),
	        SLICE("dns_query"), SLICE("router"), SLICE("http_client"), SLICE("balancer"), SLICE("plugin_rewrite"),
	        SLICE("plugin_access"), SLICE("plugin_header_filter")};
	struct slice rest = slice_cstr(json_string_value(*value));
	while (slice_is_set(rest)) {
		struct slice word = slice_trim(slice_cut(&rest, ','));
		size_t i = 0, n = sizeof words / sizeof *words;
		while (i < n && !slice_eq(words[i], word))
			i++;
		if (i == n)
			return err_set(
			        e, "'%.*s' is not known, expected such as all, or router, balancer", SLICE_ARG(word));
	}
	return true;
}

static bool is_label_part(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!isalnum((unsigned char)s.ptr[i]) && !(i > 0 && i + 1 < s.len && strchr("-_.", s.ptr[i])))
			return false;
	return s.len >= 1 && s.len <= 63;
}

/* As Kong's: letters, digits, and - _ . in between. */
static bool check_labels(const struct field *f, json_t **value, struct err *e)
{
	struct slice rest = slice_cstr(json_string_value(*value));
	int count = 0;

	while (slice_is_set(rest)) {
		struct slice one = slice_trim(slice_cut(&rest, ',')), label = one;
		struct slice key = slice_cut(&label, ':');
		if (!is_label_part(key) || !slice_is_set(label) || !is_label_part(label))
			return err_set(e, "'%.*s' is no label, expected such as region:eu", SLICE_ARG(one));
		if (++count > NODE_LABELS_MAX)
			return err_set(e, "more than %d labels", NODE_LABELS_MAX);
	}
	return true;
}

#define LOG_LEVELS  ONE_OF("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")
#define MEDIA_TYPES ONE_OF("text/plain", "text/html", "application/json", "application/xml")
#define FLAVORS     ONE_OF("traditional_compatible", "traditional", "expressions")
#define SECONDS     BETWEEN(1, 86400)
#define SWITCH      .dflt = "false", .flags = REQUIRED

static const struct field fields[] = {
        /* the node */
        FIELD(struct settings, prefix, .dflt = "'/usr/local/gatehouse'", .flags = REQUIRED,
                .doc = "Folder of run-time files: sockets, logs, the node's id, the last good configuration."),
        FIELD(struct settings, role, .dflt = "'traditional'", .flags = REQUIRED,
                .one_of = ONE_OF("traditional", "control_plane", "data_plane"),
                .doc = "Which planes run on this machine."),
        FIELD(struct settings, database, .dflt = "'postgres'", .flags = REQUIRED, .one_of = ONE_OF("postgres", "off"),
                .doc = "Where the control plane keeps entities."),
        FIELD(struct settings, log_level, .dflt = "'notice'", .flags = REQUIRED, .one_of = LOG_LEVELS,
                .doc = "What is logged."),
        FIELD(struct settings, log_format, .dflt = "'plain'", .flags = REQUIRED, .one_of = ONE_OF("plain", "json"),
                .doc = "How it is logged."),
        FIELD(struct settings, declarative_config, .doc = "File with the whole configuration, for database = off."),
        FIELD(struct settings, declarative_config_string, .flags = SECRET,
                .doc = "The whole configuration itself, when there is no file."),
        FIELD(struct settings, declarative_config_env, .dflt = "'files'", .flags = REQUIRED,
                .one_of = ONE_OF("files", "all", "off"),
                .doc = "Where ${NAME} stands for a variable of the environment: in files and the string above, in all "
                       "documents (also those that POST /config brings), or nowhere."),
        FIELD(struct settings, node_id, .format = FORMAT_UUID,
                .doc = "This node's id; unset: made once and kept in the prefix."),
        FIELD(struct settings, core_dumps, SWITCH,
                .doc = "Whether a process that crashes may leave its memory on disk, with keys and passwords in it."),
        FIELD(struct settings, drain_delay, .dflt = "0", .flags = REQUIRED, BETWEEN(0, 3600),
                .doc = "Seconds that a stopping node goes on taking connections while it reports that it drains."),
        FIELD(struct settings, shutdown_grace, .dflt = "10", .flags = REQUIRED, BETWEEN(0, 86400),
                .doc = "Seconds that running requests have when the node stops."),

        /* where it listens */
        FIELD(struct settings, proxy_listen, .flags = REQUIRED,
                .dflt = "'0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384'",
                .doc = "Where the proxy listens: ip:port and flags, comma separated, or off."),
        FIELD(struct settings, stream_listen, .dflt = "'off'", .flags = REQUIRED,
                .doc = "Where streams are accepted (routes of tcp, tls, tls_passthrough and udp): ip:port and flags (ssl, udp, proxy_protocol, ...), comma separated, or off."),
        FIELD(struct settings, admin_listen, .flags = REQUIRED,
                .dflt = "'127.0.0.1:8001 reuseport backlog=16384, 127.0.0.1:8444 http2 ssl reuseport backlog=16384'",
                .doc = "Where the Admin API listens."),
        FIELD(struct settings, status_listen, .dflt = "'127.0.0.1:8100'", .flags = REQUIRED,
                .doc = "Where the status API listens. A control plane has one when this is set."),
        FIELD(struct settings, nginx_worker_processes, .dflt = "0", .flags = REQUIRED, BETWEEN(0, 256),
                .doc = "Worker threads of a data plane; auto: one per CPU."),
        FIELD(struct settings, proxy_access_log, .dflt = "'logs/access.log'",
                .doc = "File of the proxy's access log and perhaps its format (json, kong_log_format), or off."),
        FIELD(struct settings, proxy_stream_access_log, .dflt = "'logs/access.log basic'",
                .doc = "File of the streams' access log and perhaps its format (basic, json), or off."),
        FIELD(struct settings, proxy_error_log, .dflt = "'logs/error.log'",
                .doc = "File of the data plane's log, or off."),
        FIELD(struct settings, admin_access_log, .dflt = "'logs/admin_access.log'",
                .doc = "File of the Admin API's access log and perhaps its format, or off."),
        FIELD(struct settings, status_access_log, .dflt = "'off'",
                .doc = "File of the status API's access log and perhaps its format, or off."),
        FIELD(struct settings, admin_error_log, .dflt = "'logs/error.log'",
                .doc = "File of the control plane's log, or off."),

        /* PostgreSQL */
        FIELD(struct settings, pg_host, .dflt = "'127.0.0.1'",
                .doc = "PostgreSQL's host, or the folder of its socket; several with commas in between, each with or without a port: the one that takes writes is used."),
        FIELD(struct settings, pg_port, .dflt = "5432", .flags = REQUIRED, BETWEEN(1, 65535),
                .doc = "PostgreSQL's port."),
        FIELD(struct settings, pg_timeout, .dflt = "5000", .flags = REQUIRED, BETWEEN(1, 2147483646),
                .doc = "Milliseconds that a statement may take; as much again for each thousand changes of a document."),
        FIELD(struct settings, pg_user, .dflt = "'kong'", .doc = "User of the database."),
        FIELD(struct settings, pg_password, .flags = SECRET, .doc = "The user's password."),
        FIELD(struct settings, pg_database, .dflt = "'kong'", .doc = "Name of the database."),
        FIELD(struct settings, pg_schema, .doc = "Schema in the database; unset: the user's own."),
        FIELD(struct settings, pg_ssl, SWITCH, .doc = "Whether the connection uses TLS."),
        FIELD(struct settings, pg_ssl_verify, SWITCH, .doc = "Whether PostgreSQL's certificate is verified."),

        /* control plane and data planes */
        FIELD(struct settings, cluster_listen, .dflt = "'off'", .flags = REQUIRED,
                .doc = "Where the control plane awaits data planes on other machines."),
        FIELD(struct settings, cluster_control_plane, .dflt = "'ipc'", .flags = REQUIRED,
                .doc = "Where a data plane finds the control planes: host:port, several with commas in between (at most 8), so that the loss of one costs nothing; ipc: on this machine with the same prefix. On a control plane without cluster_ca_key: the others, through which it renews its certificate."),
        FIELD(struct settings, cluster_cert, .doc = "This node's certificate, a PEM file."),
        FIELD(struct settings, cluster_cert_key, .flags = SECRET, .doc = "Its key, a PEM file."),
        FIELD(struct settings, cluster_ca_cert, .doc = "Certificate of the authority that signs nodes, a PEM file."),
        FIELD(struct settings, cluster_ca_key, .flags = SECRET,
                .doc = "The authority's key, a PEM file: with it a control plane lets nodes join (gatectl cluster token) and "
                       "renews their certificates."),
        FIELD(struct settings, cluster_cert_days, .dflt = "90", .flags = REQUIRED, BETWEEN(1, 3650),
                .doc = "Days that a certificate lasts which this control plane gives a node."),
        FIELD(struct settings, cluster_cert_renew_days, .dflt = "30", .flags = REQUIRED, BETWEEN(0, 3650),
                .doc = "Days before its end at which a node renews its certificate by itself, at most a third of its "
                       "life; 0: never."),
        FIELD(struct settings, cluster_dp_labels, .check = check_labels,
                .doc = "What a data plane is known by beside its name, comma separated key:value, at most ten."),
        FIELD(struct settings, cluster_data_plane_purge_delay, .dflt = "1209600", .flags = REQUIRED,
                BETWEEN(60, 315360000),
                .doc = "Seconds after which a control plane forgets a data plane that it hears nothing of."),
        FIELD(struct settings, publish_guard, .dflt = "50", .flags = REQUIRED, BETWEEN(0, 100),
                .doc = "Percent of the routes, where there are at least 100, that one version may take away; one that takes more is held back from the data planes until POST /versions/N/publish, or until the routes are back. 0: no guard; there is none without a database."),
        FIELD(struct settings, admin_wait, .dflt = "200", .flags = REQUIRED, BETWEEN(0, 60000),
                .doc = "Milliseconds that a write waits for the data planes to apply it."),
        FIELD(struct settings, admin_threads, .dflt = "4", .flags = REQUIRED, BETWEEN(1, 64),
                .doc = "Admin API requests that are worked on at the same time."),
        FIELD(struct settings, history_versions, .dflt = "10000", .flags = REQUIRED, BETWEEN(0, 1e9),
                .doc = "How many versions of the configuration are kept to read, compare and return to; 0: no limit."),
        FIELD(struct settings, history_days, .dflt = "90", .flags = REQUIRED, BETWEEN(0, 36500),
                .doc = "Versions older than this are not kept, except the latest ten; 0: no limit."),
        FIELD(struct settings, upkeep_interval, .dflt = "60", .flags = REQUIRED, BETWEEN(1, 86400),
                .doc = "Seconds between two rounds in which expired credentials and old versions are removed."),
        FIELD(struct settings, admin_max_body_size, .dflt = "'10m'", .flags = REQUIRED, .check = check_size,
                .doc = "Largest body of an Admin API request other than POST /config; 0: no limit."),
        FIELD(struct settings, admin_max_document_size, .dflt = "'128m'", .flags = REQUIRED, .check = check_size,
                .doc = "Largest body of POST /config, which is what gatectl apply sends; 0: no limit. Where admin_max_body_size allows more, that counts."),
        FIELD(struct settings, admin_auth, SWITCH,
                .doc = "Whether the Admin API asks for an admin's token or certificate. Addresses in admin_listen that "
                       "other machines can reach need it."),
        FIELD(struct settings, admin_open, SWITCH,
                .doc = "Whether the Admin API may be where other machines reach it although admin_auth is off: whoever "
                       "does may change everything. For a network of its own, as in a lesson."),
        FIELD(struct settings, admin_tokens, .flags = SECRET,
                .doc = "Admins who are known without a database, comma separated name:role:digest as gatectl admin "
                       "create prints them with database = off."),
        FIELD(struct settings, admin_gui_url,
                .doc = "Addresses of browser applications that may use the Admin API (CORS), comma separated; unset: "
                       "any may while admin_auth is off."),
        FIELD(struct settings, admin_body_timeout, .dflt = "60", .flags = REQUIRED, SECONDS,
                .doc = "Seconds that the body of an Admin API request may take, and longer only at 32 kB a second or "
                       "more."),
        FIELD(struct settings, audit_log_record_ttl, .dflt = "2592000", .flags = REQUIRED, BETWEEN(0, 1e10),
                .doc = "Seconds that the record of an Admin API write is kept; 0: for ever."),
        FIELD(struct settings, admin_ssl_cert,
                .doc = "Certificate (with its chain) of admin_listen's addresses with ssl, a PEM file; unset: a "
                       "self-signed one is made in <prefix>/ssl."),
        FIELD(struct settings, admin_ssl_cert_key, .flags = SECRET, .doc = "Its key, a PEM file."),
        FIELD(struct settings, admin_ssl_client_ca,
                .doc = "Certificates of the authorities whose client certificates log admins in, a PEM file."),

        /* what clients and upstreams see */
        FIELD(struct settings, headers, .dflt = "'server_tokens, latency_tokens, X-Kong-Request-Id'",
                .doc = "Headers that are added to responses; off: none."),
        FIELD(struct settings, headers_upstream, .dflt = "'X-Kong-Request-Id'",
                .doc = "Headers that are added to requests."),
        FIELD(struct settings, server_token, .dflt = "'gatehouse/" GATEHOUSE_RELEASE "'",
                .doc = "How the gateway calls itself in Server and Via."),
        FIELD(struct settings, vault_env_prefix,
                .doc = "What the environment variables begin with that {vault://env/name} stands for, on a data plane."),
        FIELD(struct settings, vault_file_path, .dflt = "'/etc/gatehouse/secrets'", .flags = REQUIRED,
                .doc = "The directory on a data plane that {vault://file/name} reads from; vaults of type file may read below it only."),
        FIELD(struct settings, kong_version, .dflt = "'3.9.3'", .doc = "The version of Kong that GET / answers."),
        FIELD(struct settings, error_default_type, .dflt = "'text/plain'", .flags = REQUIRED, .one_of = MEDIA_TYPES,
                .doc = "Media type of error bodies when a request names none."),
        FIELD(struct settings, http_strictness, .dflt = "'strict'", .flags = REQUIRED,
                .one_of = ONE_OF("strict", "compat"),
                .doc = "compat lets pass what breaks RFC 9112 but Kong accepts."),
        FIELD(struct settings, router_flavor, .dflt = "'traditional_compatible'", .flags = REQUIRED,
                .one_of = FLAVORS, .doc = "How routes are matched and ordered."),
        FIELD(struct settings, route_match_calculation, .dflt = "'original'", .flags = REQUIRED,
                .one_of = ONE_OF("original", "strict"),
                .doc = "Order of routes as Kong computes it, or as it documents it."),
        FIELD(struct settings, lua_max_req_headers, .dflt = "100", BETWEEN(1, 1000),
                .doc = "How many header fields of a request routes look at."),
        FIELD(struct settings, lua_max_uri_args, .dflt = "100", BETWEEN(1, 1000),
                .doc = "How many arguments of a query expressions look at."),
        FIELD(struct settings, trusted_ips, .doc = "Addresses and ranges whose X-Forwarded-* headers are believed."),
        FIELD(struct settings, real_ip_header, .dflt = "'X-Real-IP'", .doc = "Header with the client's address."),
        FIELD(struct settings, real_ip_recursive, SWITCH,
                .doc = "Whether trusted addresses in that header are skipped."),
        FIELD(struct settings, port_maps,
                .doc = "Ports that clients see in place of ours, 80:8000, comma separated."),
        FIELD(struct settings, client_max_body_size, .dflt = "'0'", .flags = REQUIRED, .check = check_size,
                .doc = "Largest body of a request; 0: no limit."),

        /* connections */
        FIELD(struct settings, dns_resolver,
                .doc = "Name servers, ip[:port], comma separated; unset: those of the machine."),
        FIELD(struct settings, dns_hostsfile, .dflt = "'/etc/hosts'",
                .doc = "File of names that need no name server; it is read at the start."),
        FIELD(struct settings, dns_order, .dflt = "'LAST,SRV,A,CNAME'", .flags = REQUIRED,
                .doc = "Types of records that a name is asked for, one after the other: SRV, A, AAAA, CNAME; LAST: the one that was found last."),
        FIELD(struct settings, dns_valid_ttl, .dflt = "0", .flags = REQUIRED, BETWEEN(0, 1000000),
                .doc = "Seconds that answers are valid, in place of what they say themselves; 0: what they say."),
        FIELD(struct settings, dns_stale_ttl, .dflt = "3600", .flags = REQUIRED, BETWEEN(0, 1000000),
                .doc = "Seconds that an answer may be used after it has expired, while a new one is asked for."),
        FIELD(struct settings, dns_not_found_ttl, .dflt = "30", .flags = REQUIRED, BETWEEN(0, 1000000),
                .doc = "Seconds that it is remembered that a name is not there."),
        FIELD(struct settings, dns_error_ttl, .dflt = "1", .flags = REQUIRED, BETWEEN(0, 1000000),
                .doc = "Seconds that another failure to resolve a name is remembered."),
        FIELD(struct settings, dns_cache_size, .dflt = "10000", .flags = REQUIRED, BETWEEN(10, 10000000),
                .doc = "Names that each worker remembers."),
        FIELD(struct settings, dns_no_sync, SWITCH,
                .doc = "Whether everybody who waits for a name has a query of their own."),
        FIELD(struct settings, upstream_slow_start, .dflt = "0", .flags = REQUIRED, BETWEEN(0, 3600),
                .doc = "Seconds in which a target that has come, or become healthy again, grows from a tenth to its full share of requests; not with consistent-hashing. 0: at once."),
        FIELD(struct settings, upstream_keepalive_pool_size, .dflt = "512", .flags = REQUIRED, BETWEEN(0, 1000000),
                .doc = "Idle connections kept for each upstream address and worker; 0: none."),
        FIELD(struct settings, upstream_keepalive_max_requests, .dflt = "10000", .flags = REQUIRED,
                BETWEEN(0, 2147483647), .doc = "Requests over one upstream connection; 0: no limit."),
        FIELD(struct settings, upstream_keepalive_idle_timeout, .dflt = "60", .flags = REQUIRED, BETWEEN(0, 1000000),
                .doc = "Seconds that an idle upstream connection is kept; keep it below what the upstreams themselves allow. 0: for ever."),
        FIELD(struct settings, upstream_http2_ping_interval, .dflt = "0", .flags = REQUIRED, BETWEEN(0, 86400),
                .doc = "Seconds after which a gRPC upstream that says nothing while calls are open is sent a PING, and after as many again given up; 0: never."),
        FIELD(struct settings, client_header_timeout, .dflt = "60", .flags = REQUIRED, SECONDS,
                .doc = "Seconds for the head of a request."),
        FIELD(struct settings, client_body_timeout, .dflt = "60", .flags = REQUIRED, SECONDS,
                .doc = "Seconds between two reads of a body."),
        FIELD(struct settings, send_timeout, .dflt = "60", .flags = REQUIRED, SECONDS,
                .doc = "Seconds between two writes to a client."),
        FIELD(struct settings, keepalive_timeout, .dflt = "75", .flags = REQUIRED, BETWEEN(0, 86400),
                .doc = "Seconds that an idle client connection is kept; 0: none is."),
        FIELD(struct settings, keepalive_requests, .dflt = "10000", .flags = REQUIRED, BETWEEN(1, 2147483647),
                .doc = "Requests over one client connection."),
        FIELD(struct settings, http2_max_concurrent_streams, .dflt = "100", .flags = REQUIRED, BETWEEN(1, 65535),
                .doc = "Requests at a time over one HTTP/2 connection of a client."),
        FIELD(struct settings, client_body_buffer_size, .dflt = "'64k'", .flags = REQUIRED, .check = check_size,
                .doc = "Bodies up to this are held until the upstream has the whole request, so that a failed try can be repeated."),
        FIELD(struct settings, large_client_header_buffers, .dflt = "'4 8k'", .flags = REQUIRED,
                .doc = "Largest head of a request: a number of lines and the longest one."),
        FIELD(struct settings, proxy_buffer_size, .dflt = "'32k'", .flags = REQUIRED, .check = check_size,
                .doc = "Largest head of an upstream's response."),
        FIELD(struct settings, proxy_next_upstream, .dflt = "'error timeout'", .flags = REQUIRED,
                .doc = "When a request is tried again: error, timeout, invalid_header, http_503 and the like, non_idempotent, off."),
        FIELD(struct settings, proxy_next_upstream_tries, .dflt = "0", .flags = REQUIRED, BETWEEN(0, 32768),
                .doc = "Most tries for a request; 0: as the service's retries say."),
        FIELD(struct settings, proxy_next_upstream_timeout, .dflt = "0", .flags = REQUIRED, BETWEEN(0, 86400),
                .doc = "Seconds after which a request is not tried again; 0: no limit."),
        FIELD(struct settings, retry_stale_post, SWITCH,
                .doc = "Whether a POST is sent again when the kept connection that it went over turns out to be dead."),
        FIELD(struct settings, client_half_close, .dflt = "'abort'", .flags = REQUIRED,
                .one_of = ONE_OF("abort", "answer"),
                .doc = "What becomes of a request whose client has closed its direction before the answer."),
        FIELD(struct settings, upstream_duplicate_framing, .dflt = "'reject'", .flags = REQUIRED,
                .one_of = ONE_OF("reject", "tolerate_equal"),
                .doc = "What becomes of a response that says its length twice."),
        FIELD(struct settings, charset, .dflt = "'UTF-8'",
                .doc = "Charset that is added to text of an upstream that names none; off: none."),
        FIELD(struct settings, underscores_in_headers, .dflt = "true", .flags = REQUIRED,
                .doc = "Whether fields with an underscore in their name reach the upstream."),
        FIELD(struct settings, allow_debug_header, SWITCH,
                .doc = "Whether Kong-Debug in a request is answered with the names of route and service."),
        FIELD(struct settings, error_template_json, .doc = "File with the form of JSON error bodies."),
        FIELD(struct settings, error_template_html, .doc = "File with the form of HTML error bodies."),
        FIELD(struct settings, error_template_xml, .doc = "File with the form of XML error bodies."),
        FIELD(struct settings, error_template_plain, .doc = "File with the form of plain error bodies."),
        FIELD(struct settings, worker_connections, .dflt = "0", .flags = REQUIRED, BETWEEN(0, 1000000),
                .doc = "Client connections of a worker, beyond which none is accepted; 0: no limit of our own."),
        FIELD(struct settings, upgrade_protocols,
                .doc = "Values of Upgrade that are passed on besides websocket, comma separated."),
        FIELD(struct settings, websocket_connection_header, .dflt = "'compat'", .flags = REQUIRED,
                .one_of = ONE_OF("compat", "upgrade"),
                .doc = "Connection of upgrades on their way upstream: compat is Kong's 'keep-alive, Upgrade'."),
        FIELD(struct settings, websocket_idle_timeout, .dflt = "0", .flags = REQUIRED, BETWEEN(0, 86400),
                .doc = "Seconds without a byte either way before a WebSocket is closed; 0: the service's timeouts."),

        /* TLS towards clients */
        FIELD(struct settings, ssl_cert,
                .doc = "What proxy_listen's addresses with ssl show when no certificate entity fits: path, PEM, or base64 of PEM; several of different types, comma separated. Unset: self-signed ones are made in <prefix>/ssl."),
        FIELD(struct settings, ssl_cert_key, .flags = SECRET, .doc = "Their keys, in the same order and forms."),
        FIELD(struct settings, ssl_cipher_suite, .dflt = "'intermediate'", .flags = REQUIRED,
                .one_of = ONE_OF("modern", "intermediate", "old", "fips", "custom"),
                .doc = "Versions and ciphers of TLS towards clients: modern is TLS 1.3 only; custom: as the next four say."),
        FIELD(struct settings, ssl_protocols, .dflt = "'TLSv1.2 TLSv1.3'",
                .doc = "With ssl_cipher_suite = custom: the versions of TLS."),
        FIELD(struct settings, ssl_ciphers,
                .doc = "With ssl_cipher_suite = custom: the ciphers of TLS 1.2 and below, in OpenSSL's form."),
        FIELD(struct settings, ssl_prefer_server_ciphers, .dflt = "true", .flags = REQUIRED,
                .doc = "With ssl_cipher_suite = custom: whether our order of ciphers counts, not the client's."),
        FIELD(struct settings, ssl_dhparam,
                .doc = "With ssl_cipher_suite = custom: the group of Diffie-Hellman, a name such as ffdhe2048 or PEM as above."),
        FIELD(struct settings, ssl_session_tickets, .dflt = "true", .flags = REQUIRED,
                .doc = "Whether clients get tickets to resume TLS sessions with."),
        FIELD(struct settings, ssl_stapling, .dflt = "true", .flags = REQUIRED,
                .doc = "Whether certificates that name a responder (OCSP), and come with their issuer, are shown with its answer. It is fetched when the first client asks for it."),
        FIELD(struct settings, ssl_session_timeout, .dflt = "86400", .flags = REQUIRED, BETWEEN(2, 604800),
                .doc = "Seconds for which a TLS session can be resumed. Keys of tickets change twice in that time."),
        FIELD(struct settings, ssl_session_cache_size, .dflt = "'10m'", .flags = REQUIRED, .check = check_size,
                .doc = "Memory for TLS sessions that are resumed without tickets, about 4000 in a megabyte; 0: none."),

        /* TLS towards upstreams, and where plugins send requests */
        FIELD(struct settings, client_ssl, SWITCH,
                .doc = "Whether client_ssl_cert is shown to upstreams that ask, when neither service nor upstream has a client certificate."),
        FIELD(struct settings, client_ssl_cert, .doc = "That certificate: path, PEM, or base64 of PEM."),
        FIELD(struct settings, client_ssl_cert_key, .flags = SECRET, .doc = "Its key, in the same forms."),
        FIELD(struct settings, proxy_ssl_verify, SWITCH,
                .doc = "Whether upstreams are verified whose services do not say (tls_verify null)."),
        FIELD(struct settings, proxy_ssl_verify_depth, .dflt = "1", .flags = REQUIRED, BETWEEN(0, 100),
                .doc = "How many certificates may stand between an upstream's own and a trusted one, when the service does not say."),
        FIELD(struct settings, proxy_ssl_trusted_certificate,
                .doc = "Authorities for services without ca_certificates: system, paths, PEM or base64 of PEM, comma separated. Unset: none, verification fails."),
        FIELD(struct settings, lua_ssl_trusted_certificate, .dflt = "'system'",
                .doc = "Authorities for where plugins send requests, in the same form."),
        FIELD(struct settings, lua_ssl_verify_depth, .dflt = "1", .flags = REQUIRED, BETWEEN(0, 100),
                .doc = "How many certificates may stand between theirs and a trusted one."),
        FIELD(struct settings, untrusted_lua, .dflt = "'sandbox'", .flags = REQUIRED,
                .one_of = ONE_OF("off", "sandbox", "on"),
                .doc = "Whether the Lua in configurations of plugins counts: with off, custom_fields_by_lua is refused and "
                       "$(expressions) of templates fail. sandbox and on are the same: a bounded part of Lua that only reads."),
        FIELD(struct settings, plugin_dir,
                .doc = "Folder of plugins built outside the tree, as shared objects; the same on both planes."),
        FIELD(struct settings, mem_cache_size, .dflt = "'128m'", .flags = REQUIRED, .check = check_size,
                .doc = "Size of the memory cache of a data plane, shared by its workers: answers that plugins keep."),
        FIELD(struct settings, metrics_max_series, .dflt = "100000", .flags = REQUIRED, BETWEEN(0, 1000000),
                .doc = "Series that plugins may count in, for each worker; the rest is added up as one."),
        FIELD(struct settings, tracing_instrumentations, .dflt = "'off'", .flags = REQUIRED,
                .check = check_instrumentations,
                .doc = "What requests are traced by, for plugins that send traces: off, all, or of request, router, "
                       "balancer, dns_query, plugin_rewrite, plugin_access, plugin_header_filter (db_query and "
                       "http_client are accepted), comma separated. With off, traces are only handed on."),
        FIELD(struct settings, tracing_sampling_rate, .dflt = "'0.01'", .flags = REQUIRED, .check = check_share,
                .doc = "The share of requests that is traced, from 0 to 1, where a plugin does not say otherwise."),
        {0},
};

const struct schema settings_schema = {
        .name = "settings",
        .size = sizeof(struct settings),
        .fields = fields,
        .doc = "What a node is told by file and environment.",
};

/* ---- showing --------------------------------------------------------------------------------------------------- */

static json_t *string_json(const struct field *f, struct slice text)
{
	if (!slice_is_set(text))
		return json_null();
	return f->flags & SECRET ? json_string("******") : json_stringn(text.ptr, text.len);
}

static json_t *value_json(const struct field *f, const struct settings *s)
{
	const void *member = field_member(f, s);
	switch (f->member) {
	case MEMBER_SLICE: return string_json(f, *(const struct slice *)member);
	case MEMBER_INT: return json_integer(*(const int64_t *)member);
	case MEMBER_BOOL: return json_boolean(*(const bool *)member);
	default: return json_null(); /* the struct has no others */
	}
}

json_t *settings_json(const struct settings *s)
{
	json_t *out = json_object();
	for_each_field(f, &settings_schema) json_object_set_new(out, f->name, value_json(f, s));
	if (s->nginx_worker_processes == 0)
		json_object_set_new(out, "nginx_worker_processes", json_string("auto"));
	return out;
}

/* ---- sizes ----------------------------------------------------------------------------------------------------- */

static int unit_shift(char unit)
{
	switch (ascii_lower((unsigned char)unit)) {
	case 'k': return 10;
	case 'm': return 20;
	case 'g': return 30;
	default: return 0;
	}
}

bool settings_size(struct slice text, uint64_t *bytes)
{
	int64_t n;
	int shift = text.len ? unit_shift(text.ptr[text.len - 1]) : 0;
	if (shift)
		text.len--;
	if (!slice_to_int(text, &n) || n < 0 || n > INT64_MAX >> shift)
		return false;
	*bytes = (uint64_t)n << shift;
	return true;
}
