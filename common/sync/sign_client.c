/* sign_client: see sign_client.h. */
#include "common/sync/sign_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/core/clock.h"
#include "common/core/release.h"
#include "common/crypto/x509_csr.h"
#include "common/sync/link_private.h"
#include "common/sync/link_sign.h"

enum { DIAL_MS = 5000, ANSWER_S = 20, LENGTH = 4 };

void sign_given_fini(struct sign_given *g)
{
	text_fini(&g->certificate);
	text_fini(&g->ca);
}

bool sign_address(struct slice text, struct arena *a, const char **host, int *port)
{
	struct slice name = text, rest = text;
	int64_t n;
	while (slice_find(rest, ':') >= 0) {
		rest = slice_from(rest, (size_t)slice_find(rest, ':') + 1);
		name = slice_of(text.ptr, (size_t)(rest.ptr - text.ptr) - 1);
	}
	if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']')
		name = slice_of(name.ptr + 1, name.len - 2);
	if (rest.len == text.len || name.len == 0 || !slice_to_int(rest, &n) || n < 1 || n > 65535)
		return false;
	*host = arena_cstr(a, name);
	*port = (int)n;
	return true;
}

/* ---- the connection -------------------------------------------------------------------------------------------- */

/* 0, or an errno. */
static int wait_connected(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int problem = 0;
	socklen_t len = sizeof problem;
	if (poll(&p, 1, DIAL_MS) != 1)
		return ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &len);
	return problem;
}

/* -1 with errno. */
static int dial_one(const struct addrinfo *to)
{
	struct timeval limit = {.tv_sec = ANSWER_S};
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), problem = 0;
	if (fd < 0)
		return -1;
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0)
		problem = errno == EINPROGRESS ? wait_connected(fd) : errno;
	if (problem) {
		close(fd);
		errno = problem;
		return -1;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	return fd;
}

static int dial(const struct sign_ask *ask, struct err *e)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *all = NULL;
	char port[16];
	int fd = -1;

	snprintf(port, sizeof port, "%d", ask->port);
	int problem = getaddrinfo(ask->host, port, &hints, &all);
	if (problem) {
		err_set(e, "cannot resolve '%s': %s", ask->host, gai_strerror(problem));
		return -1;
	}
	for (const struct addrinfo *to = all; to && fd < 0; to = to->ai_next)
		fd = dial_one(to);
	if (fd < 0)
		err_set(e, "cannot connect to %s:%d: %s", ask->host, ask->port, strerror(errno));
	freeaddrinfo(all);
	return fd;
}

static SSL_CTX *new_context(const struct sign_ask *ask, struct err *e)
{
	if (!ask->token)
		return link_client_tls(ask->certs, e);
	/* whom it speaks to is checked by the token's fingerprint, before anything is said */
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
		abort();
	return ctx;
}

static bool shake_hands(SSL *tls, const struct sign_ask *ask, struct sign_given *out, struct err *e)
{
	char why[160];
	if (SSL_connect(tls) != 1) {
		long verdict = SSL_get_verify_result(tls);
		return err_set(e, "no TLS connection to %s:%d: %s", ask->host, ask->port,
		        verdict == X509_V_OK ? x509_error(why, sizeof why) : X509_verify_cert_error_string(verdict));
	}
	return !ask->token || x509_find_ca(SSL_get_peer_cert_chain(tls), ask->token->ca, &out->ca, e);
}

/* ---- the exchange ---------------------------------------------------------------------------------------------- */

static bool send_request(SSL *tls, const struct sign_ask *ask, struct err *e)
{
	Gatehouse__Sync__SignRequest r = GATEHOUSE__SYNC__SIGN_REQUEST__INIT;
	char hostname[256] = "";
	struct text csr = {0}, wire = {0};

	gethostname(hostname, sizeof hostname - 1);
	text_put(&csr, slice_is_set(ask->csr) ? ask->csr : S(""));
	r.release = (char *)GATEHOUSE_RELEASE;
	r.hostname = hostname;
	r.csr = (char *)text_cstr(&csr);
	r.role = ask->as_control_plane ? (char *)"control_plane" : r.role;
	r.hosts = (char **)ask->hosts;
	while (ask->hosts && ask->hosts[r.n_hosts])
		r.n_hosts++;
	if (ask->token) {
		r.token_id = (ProtobufCBinaryData){sizeof ask->token->id, (uint8_t *)&ask->token->id};
		r.token_secret = (ProtobufCBinaryData){JOIN_SECRET, (uint8_t *)ask->token->secret};
	}
	size_t len = gatehouse__sync__sign_request__get_packed_size(&r);
	uint32_t length = htonl((uint32_t)len);
	text_put(&wire, slice_of((const char *)&length, sizeof length));
	wire.len += gatehouse__sync__sign_request__pack(&r, (uint8_t *)text_reserve(&wire, len));
	bool ok = SSL_write(tls, wire.ptr, (int)wire.len) == (int)wire.len;
	OPENSSL_cleanse(wire.ptr, wire.len);
	text_fini(&wire);
	text_fini(&csr);
	return ok || err_set(e, "%s:%d closed the connection", ask->host, ask->port);
}

static bool read_exactly(SSL *tls, char *to, size_t n)
{
	for (size_t have = 0; have < n;) {
		int got = SSL_read(tls, to + have, (int)(n - have));
		if (got <= 0)
			return false;
		have += (size_t)got;
	}
	return true;
}

/* NULL: none came. The caller frees it with gatehouse__sync__sign_answer__free_unpacked(). */
static Gatehouse__Sync__SignAnswer *read_answer(SSL *tls)
{
	uint32_t len;
	char *bytes = NULL;
	Gatehouse__Sync__SignAnswer *answer = NULL;

	if (!read_exactly(tls, (char *)&len, sizeof len) || (len = ntohl(len)) > LINK_SIGN_MAX)
		return NULL;
	bytes = malloc(len + 1);
	if (!bytes)
		abort();
	if (read_exactly(tls, bytes, len))
		answer = gatehouse__sync__sign_answer__unpack(NULL, len, (const uint8_t *)bytes);
	free(bytes);
	return answer;
}

static enum sign_result take_answer(const Gatehouse__Sync__SignAnswer *a, struct sign_given *out, struct err *e)
{
	snprintf(out->release, sizeof out->release, "%s", a->release);
	snprintf(out->node_id, sizeof out->node_id, "%s", a->node_id);
	out->ahead_ms = a->time_ms;
	text_puts(&out->certificate, a->certificate);
	if (!a->error[0])
		return SIGN_GIVEN;
	err_set(e, "%s", a->error);
	return SIGN_REFUSED;
}

static enum sign_result exchange(SSL *tls, const struct sign_ask *ask, struct sign_given *out, struct err *e)
{
	int64_t began_ms = clock_wall_ms();
	if (!shake_hands(tls, ask, out, e) || !send_request(tls, ask, e))
		return SIGN_FAILED;
	Gatehouse__Sync__SignAnswer *answer = read_answer(tls);
	if (!answer) {
		/* under TLS 1.3 a refused certificate shows only now */
		err_set(e, "%s:%d closed the connection without an answer%s", ask->host, ask->port,
		        ask->token ? "" : "; is this node's certificate revoked, or has it ended?");
		return SIGN_FAILED;
	}
	enum sign_result result = take_answer(answer, out, e);
	if (out->ahead_ms)
		out->ahead_ms -= (began_ms + clock_wall_ms()) / 2;
	gatehouse__sync__sign_answer__free_unpacked(answer, NULL);
	return result;
}

enum sign_result sign_ask(const struct sign_ask *ask, struct sign_given *out, struct err *e)
{
	enum sign_result result = SIGN_FAILED;
	SSL_CTX *ctx = new_context(ask, e);
	int fd = ctx ? dial(ask, e) : -1;

	if (fd >= 0) {
		SSL *tls = SSL_new(ctx);
		if (!tls || !link_set_alpn(tls, LINK_SIGN) || SSL_set_fd(tls, fd) != 1)
			abort();
		SSL_set_tlsext_host_name(tls, ask->host);
		result = exchange(tls, ask, out, e);
		SSL_free(tls);
		close(fd);
	}
	SSL_CTX_free(ctx);
	return result;
}

enum sign_result sign_ask_any(
        const struct sign_ask *ask, struct slice addresses, struct sign_given *out, struct err *e)
{
	struct sign_ask one = *ask;
	struct err last = {"no control plane is named"};
	enum sign_result result = SIGN_FAILED;
	struct arena a;

	arena_init(&a);
	for (struct slice rest = addresses; slice_is_set(rest) && result != SIGN_GIVEN;) {
		struct slice address = slice_trim(slice_cut(&rest, ','));
		struct err why = {""};
		if (!sign_address(address, &a, &one.host, &one.port))
			continue;
		enum sign_result now = sign_ask(&one, out, &why);
		if (now == SIGN_GIVEN || now == SIGN_REFUSED || result == SIGN_FAILED) {
			result = now;
			last = why;
		}
		if (now != SIGN_GIVEN) /* the next one begins anew */
			sign_given_fini(out);
	}
	if (result != SIGN_GIVEN)
		*e = last;
	arena_fini(&a);
	return result;
}
