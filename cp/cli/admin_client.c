/* admin_client: see admin_client.h. */
#include "cp/cli/admin_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/core/file.h"
#include "common/core/release.h"
#include "common/http/h1_chunk.h"
#include "common/http/h1_parse.h"
#include "common/http/h1_write.h"
#include "common/net/listener.h"
#include "common/net/tls.h"

enum { SILENCE_S = 300, BODY_MAX = 1 << 30, READ_SIZE = 65536, TOKEN_FILE_MAX = 4096 };

struct admin_client {
	struct arena arena;
	char *url, *host, *port, *authority;
	const char *token, *author;
	SSL_CTX *context; /* https only */
	SSL *tls;
	int fd; /* -1: not connected */
};

/* ---- where and who --------------------------------------------------------------------------------------------- */

static const char *option(struct cli *c, const char *name, const char *variable)
{
	const char *value = cli_option(c, name);

	return value ? value : getenv(variable);
}

static bool split_url(struct admin_client *a, const char *url, bool *tls)
{
	struct slice rest = slice_cstr(url), s = S("https://"), p = S("http://");

	*tls = slice_starts(rest, s);
	if (*tls || slice_starts(rest, p))
		rest = slice_from(rest, *tls ? s.len : p.len);
	while (slice_ends(rest, S("/")))
		rest.len--;
	if (rest.len == 0 || slice_find(rest, '/') >= 0)
		return false;
	a->authority = arena_cstr(&a->arena, rest);
	a->url = arena_cstr(&a->arena, arena_printf(&a->arena, "%s%s", *tls ? s.ptr : p.ptr, a->authority));

	ptrdiff_t colon = -1;
	for (size_t i = rest.len; i > 0 && rest.ptr[i - 1] != ']' && colon < 0; i--)
		if (rest.ptr[i - 1] == ':')
			colon = (ptrdiff_t)i - 1;
	struct slice host = colon < 0 ? rest : slice_of(rest.ptr, (size_t)colon);
	if (slice_starts(host, S("[")) && slice_ends(host, S("]")))
		host = slice_of(host.ptr + 1, host.len - 2);
	a->host = arena_cstr(&a->arena, host);
	a->port = arena_cstr(
	        &a->arena, colon < 0 ? (*tls ? S("8444") : S("8001")) : slice_from(rest, (size_t)colon + 1));
	return host.len > 0 && a->port[0];
}

/* Whoever listens everywhere is reached on loopback. */
const char *admin_client_spec_url(struct arena *a, const struct listen_spec *spec)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&spec->address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&spec->address;
	const char *scheme = spec->ssl ? "https" : "http";

	if (spec->address.ss_family == AF_INET && v4->sin_addr.s_addr == htonl(INADDR_ANY))
		return arena_cstr(a, arena_printf(a, "%s://127.0.0.1:%d", scheme, spec->port));
	if (spec->address.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr))
		return arena_cstr(a, arena_printf(a, "%s://[::1]:%d", scheme, spec->port));
	return arena_cstr(a, arena_printf(a, "%s://%.*s", scheme, SLICE_ARG(spec->text)));
}

static const char *url_of_settings(struct cli *c)
{
	struct settings s;
	struct listen_spec *specs;
	size_t n;
	struct err e;

	if (!cli_settings(c, &s))
		return NULL;
	if (!listen_parse(c->arena, s.admin_listen, &specs, &n, &e)) {
		cli_fail("admin_listen: %s", e.message);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (!specs[i].ssl)
			return admin_client_spec_url(c->arena, &specs[i]);
	if (n > 0)
		return admin_client_spec_url(c->arena, &specs[0]);
	cli_fail("admin_listen is off; say where the Admin API is with --admin URL");
	return NULL;
}

static bool set_up_tls(struct admin_client *a, struct cli *c)
{
	struct tls_client_conf conf = {.ca = option(c, "--admin-ca", "GATEHOUSE_ADMIN_CA"),
	        .cert = option(c, "--admin-cert", "GATEHOUSE_ADMIN_CERT"),
	        .key = option(c, "--admin-key", "GATEHOUSE_ADMIN_KEY")};
	struct err e;

	if (!conf.cert != !conf.key) {
		cli_fail("--admin-cert and --admin-key go together");
		return false;
	}
	a->context = tls_client_new(&conf, &e);
	if (!a->context)
		cli_fail("%s", e.message);
	return a->context != NULL;
}

/* Only what may stand in a header. NULL: nobody we could name. */
static const char *author_name(struct admin_client *a)
{
	const char *name = getenv("GATEHOUSE_AUTHOR");
	const struct passwd *user = name ? NULL : getpwuid(geteuid());

	if (user)
		name = user->pw_name;
	for (const char *at = name; at && *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return NULL;
	return name && *name ? arena_cstr(&a->arena, slice_cstr(name)) : NULL;
}

/* *token stays NULL when there is none; false with a message. */
static bool find_token(struct cli *c, const char **token)
{
	const char *file = option(c, "--token-file", "GATEHOUSE_ADMIN_TOKEN_FILE");
	struct slice bytes;
	struct err e;

	*token = option(c, "--token", "GATEHOUSE_ADMIN_TOKEN");
	if (*token || !file)
		return true;
	if (!file_read(c->arena, file, TOKEN_FILE_MAX, &bytes, &e)) {
		cli_fail("--token-file: %s", e.message);
		return false;
	}
	*token = arena_cstr(c->arena, slice_trim(slice_cut(&bytes, '\n')));
	return true;
}

static struct admin_client *open_with(struct cli *c, const char *url, const char *token)
{
	struct admin_client *a = calloc(1, sizeof *a);
	bool tls = false;

	if (!a)
		abort();
	signal(SIGPIPE, SIG_IGN);
	a->fd = -1;
	arena_init(&a->arena);
	a->author = author_name(a);
	a->token = token;
	if (url && !split_url(a, url, &tls))
		cli_fail("the address \"%s\" is not of the form http://host:port", url);
	else if (url && (!tls || set_up_tls(a, c)))
		return a;
	admin_client_close(a);
	return NULL;
}

struct admin_client *admin_client_open(struct cli *c)
{
	const char *url = option(c, "--admin", "GATEHOUSE_ADMIN_URL"), *token;

	if (!find_token(c, &token))
		return NULL;
	return open_with(c, url ? url : url_of_settings(c), token);
}

struct admin_client *admin_client_open_at(struct cli *c, const char *url)
{
	return open_with(c, url, NULL);
}

const char *admin_client_url(const struct admin_client *a)
{
	return a->url;
}

/* ---- the connection -------------------------------------------------------------------------------------------- */

static void disconnect(struct admin_client *a)
{
	SSL_free(a->tls);
	a->tls = NULL;
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

void admin_client_close(struct admin_client *a)
{
	if (!a)
		return;
	disconnect(a);
	SSL_CTX_free(a->context);
	arena_fini(&a->arena);
	free(a);
}

static int connect_one(const struct addrinfo *to)
{
	struct timeval silence = {.tv_sec = SILENCE_S};
	int on = 1, fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return fd;
	int problem = errno;
	close(fd);
	errno = problem;
	return -1;
}

static bool connect_tcp(struct admin_client *a, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	int problem = getaddrinfo(a->host, a->port, &hints, &found);

	if (problem)
		return err_set(e, "cannot find the Admin API at %s: %s", a->url, gai_strerror(problem));
	for (const struct addrinfo *i = found; i && a->fd < 0; i = i->ai_next)
		a->fd = connect_one(i);
	freeaddrinfo(found);
	if (a->fd < 0)
		return err_set(e, "cannot reach the Admin API at %s: %s; is it running? --admin URL names another",
		        a->url, strerror(errno));
	return true;
}

static bool connect_tls(struct admin_client *a, struct err *e)
{
	if (!a->context)
		return true;
	a->tls = tls_connect(a->context, a->host);
	SSL_set_fd(a->tls, a->fd);
	if (SSL_connect(a->tls) == 1)
		return true;
	long verified = SSL_get_verify_result(a->tls);
	disconnect(a);
	return err_set(e, "no TLS connection to the Admin API at %s: %s", a->url,
	        verified == X509_V_OK ? "the handshake failed" : X509_verify_cert_error_string(verified));
}

static bool send_all(struct admin_client *a, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t piece = len < 1 << 20 ? len : 1 << 20;
		ssize_t n = a->tls ? SSL_write(a->tls, bytes, (int)piece) : send(a->fd, bytes, piece, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* 0: the end; -1: failed. */
static ssize_t receive(struct admin_client *a, struct text *into)
{
	char *to = text_reserve(into, READ_SIZE);
	ssize_t n = a->tls ? SSL_read(a->tls, to, READ_SIZE) : recv(a->fd, to, READ_SIZE, 0);

	if (n > 0) {
		into->len += (size_t)n;
		into->ptr[into->len] = '\0';
	}
	return n < 0 ? -1 : n;
}

/* ---- one exchange ---------------------------------------------------------------------------------------------- */

static void make_head(struct admin_client *a, struct arena *arena, const char *method, const char *target,
        const struct admin_body *body, struct text *out)
{
	struct head h;

	head_init(&h, arena);
	h.method = slice_cstr(method);
	h.target = slice_cstr(target);
	h.content_length = body ? (int64_t)body->bytes.len : -1;
	head_add_id(&h, HEADER_HOST, slice_cstr(a->authority));
	head_add_id(&h, HEADER_USER_AGENT, S("gatectl/" GATEHOUSE_RELEASE));
	if (a->token)
		head_add_id(&h, HEADER_AUTHORIZATION, arena_printf(arena, "Bearer %s", a->token));
	if (a->author && strcmp(method, "GET") != 0)
		head_add(&h, S("X-Gatehouse-Author"), slice_cstr(a->author));
	if (body)
		head_add_id(&h, HEADER_CONTENT_TYPE, body->type);
	char *to = text_reserve(out, h1_write_bound(&h));
	out->len += h1_write_request(to, &h, S("close"));
}

static bool read_head(struct admin_client *a, struct slice method, struct head *h, struct text *in, struct err *e)
{
	struct h1_error why;
	size_t used;

	for (;;) {
		enum h1_result r = h1_parse_response(in->ptr, in->len, &h1_default_limits, method, h, &used, &why);
		if (r == H1_BAD)
			return err_set(e, "what answers at %s is not an Admin API: %s", a->url, why.why);
		if (r == H1_DONE && h->status >= 200) {
			/* the head's slices stay where they are: the body goes elsewhere */
			h->target = slice_of(in->ptr + used, in->len - used);
			return true;
		}
		if (r == H1_DONE) { /* an interim answer */
			memmove(in->ptr, in->ptr + used, in->len - used);
			in->len -= used;
			continue;
		}
		ssize_t n = receive(a, in);
		if (n < 0)
			return err_set(e, "the Admin API at %s did not answer: %s", a->url, strerror(errno));
		if (n == 0)
			return err_set(e, "the Admin API at %s closed the connection without an answer", a->url);
	}
}

static bool too_large(const struct text *body, struct err *e)
{
	return body->len > BODY_MAX && !err_set(e, "the answer is larger than %d bytes", BODY_MAX);
}

static bool read_chunked(struct admin_client *a, struct slice in, struct text *body, struct err *e)
{
	struct text more = {0};
	struct h1_chunk c;
	struct slice data;
	size_t used;

	h1_chunk_init(&c);
	for (;;) {
		switch (h1_chunk_next(&c, in, &used, &data)) {
		case H1_CHUNK_DATA:
			text_put(body, data);
			in = slice_from(in, used);
			continue;
		case H1_CHUNK_END: text_fini(&more); return true;
		case H1_CHUNK_BAD: text_fini(&more); return err_set(e, "the answer's chunks are malformed");
		case H1_CHUNK_MORE: break;
		}
		text_clear(&more);
		if (too_large(body, e) || receive(a, &more) <= 0) {
			text_fini(&more);
			return err_set(e, "the answer ended too early");
		}
		in = text_slice(&more);
	}
}

static bool read_body(
        struct admin_client *a, const struct head *h, struct slice method, struct text *body, struct err *e)
{
	enum h1_body kind = h1_response_body(h, method);
	struct slice first = h->target;

	if (kind == H1_BODY_NONE)
		return true;
	if (kind == H1_BODY_CHUNKED)
		return read_chunked(a, first, body, e);
	text_put(body, first);
	while (kind == H1_BODY_UNTIL_CLOSE || (int64_t)body->len < h->content_length) {
		ssize_t n = receive(a, body);
		if (n == 0 && kind == H1_BODY_UNTIL_CLOSE)
			return true;
		if (n <= 0)
			return err_set(e, "the answer ended after %zu bytes", body->len);
		if (too_large(body, e))
			return false;
	}
	return true;
}

static void take_answer(const struct head *h, struct admin_answer *out)
{
	struct header *version = head_find_name(h, S("X-Gatehouse-Config-Version"));
	struct header *hint = head_find_name(h, S("X-Gatehouse-Hint"));
	int64_t n = 0;

	out->status = h->status;
	if (version && slice_to_int(version->value, &n) && n > 0)
		out->version = (uint64_t)n;
	if (hint)
		text_put(&out->hint, hint->value);
	if (out->body.len > 0)
		out->json = json_loadb(out->body.ptr, out->body.len, JSON_DECODE_ANY, NULL);
}

static bool exchange(struct admin_client *a, const char *method, const char *target, const struct admin_body *body,
        struct admin_answer *out, struct err *e)
{
	struct arena arena;
	struct text in = {0}, head = {0};
	struct head h;

	arena_init(&arena);
	head_init(&h, &arena);
	make_head(a, &arena, method, target, body, &head);
	/* who refuses a body may answer before it has read all of it: then sending fails, and the answer says why */
	if (send_all(a, head.ptr, head.len) && body)
		send_all(a, body->bytes.ptr, body->bytes.len);
	bool ok = read_head(a, slice_cstr(method), &h, &in, e) && read_body(a, &h, slice_cstr(method), &out->body, e);
	if (ok)
		take_answer(&h, out);
	text_fini(&in);
	text_fini(&head);
	arena_fini(&arena);
	return ok;
}

void admin_answer_fini(struct admin_answer *a)
{
	json_decref(a->json);
	text_fini(&a->body);
	text_fini(&a->hint);
	*a = (struct admin_answer){0};
}

bool admin_client_call(struct admin_client *a, const char *method, const char *target, const struct admin_body *body,
        struct admin_answer *out, struct err *e)
{
	admin_answer_fini(out);
	bool ok = connect_tcp(a, e) && connect_tls(a, e) && exchange(a, method, target, body, out, e);
	disconnect(a);
	return ok;
}

/* ---- answers for people ---------------------------------------------------------------------------------------- */

enum exit_code admin_client_ask(struct admin_client *a, const char *method, const char *target,
        const struct admin_body *body, struct admin_answer *out)
{
	struct err e;

	if (!admin_client_call(a, method, target, body, out, &e))
		return cli_fail("%s", e.message);
	if ((out->status >= 200 && out->status < 300) || out->status == 304)
		return EXIT_OK;
	const char *message = json_string_value(json_object_get(out->json, "message"));
	if (out->status == 401 || out->status == 403) {
		cli_fail(
		        "the Admin API at %s does not allow this: %s; --token TOKEN or GATEHOUSE_ADMIN_TOKEN says who asks",
		        a->url, message ? message : "no reason given");
		return EXIT_NOT_ALLOWED;
	}
	if (!message)
		return cli_fail("%s %s was answered with status %d", method, target, out->status);
	return out->hint.len > 0 ? cli_fail("%s\n  %s", message, text_cstr(&out->hint)) : cli_fail("%s", message);
}

void admin_client_escape(struct text *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char ch = (unsigned char)s.ptr[i], lower = ascii_lower(ch);
		if ((lower >= 'a' && lower <= 'z') || (ch >= '0' && ch <= '9') || (ch && strchr("-._~", ch)))
			text_putc(out, (char)ch);
		else
			text_printf(out, "%%%02X", ch);
	}
}
