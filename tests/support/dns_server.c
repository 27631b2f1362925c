/* dns_server: see dns_server.h. */
#include "tests/support/dns_server.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28, TYPE_SRV = 33, MESSAGE_MAX = 2048 };

struct message {
	unsigned char bytes[MESSAGE_MAX];
	size_t len;
	int answers;
};

static void put16(struct message *m, unsigned n)
{
	m->bytes[m->len++] = (unsigned char)(n >> 8);
	m->bytes[m->len++] = (unsigned char)n;
}

static size_t put_name(unsigned char *out, const char *name)
{
	size_t at = 0;
	while (*name) {
		size_t n = strcspn(name, ".");
		out[at++] = (unsigned char)n;
		memcpy(out + at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	out[at++] = 0;
	return at;
}

/* The owner is the question's name: a pointer. */
static void put_record(struct message *m, int type, int ttl, const void *data, size_t len)
{
	put16(m, 0xc00c);
	put16(m, (unsigned)type);
	put16(m, 1);
	put16(m, 0);
	put16(m, (unsigned)ttl);
	put16(m, (unsigned)len);
	memcpy(m->bytes + m->len, data, len);
	m->len += len;
	m->answers++;
}

static void put_cname(const struct dns_server *s, struct message *m)
{
	unsigned char data[256];
	put_record(m, TYPE_CNAME, s->ttl, data, put_name(data, s->cname));
}

static void put_service(const struct dns_server *s, struct message *m, int i)
{
	struct message data = {.len = 0};
	put16(&data, (unsigned)s->srv[i].priority);
	put16(&data, (unsigned)s->srv[i].weight);
	put16(&data, (unsigned)s->srv[i].port);
	data.len += put_name(data.bytes + data.len, s->srv[i].host);
	put_record(m, TYPE_SRV, s->ttl, data.bytes, data.len);
}

static void put_answers(const struct dns_server *s, struct message *m, int type)
{
	unsigned char v6[16] = {0xfd};
	if (type == TYPE_CNAME && s->cname)
		put_cname(s, m);
	for (int i = 0; type == TYPE_A && i < s->a; i++)
		put_record(m, TYPE_A, s->ttl, (unsigned char[]){10, 0, 0, (unsigned char)(i + 1)}, 4);
	for (int i = 0; type == TYPE_AAAA && i < s->aaaa; i++) {
		v6[15] = (unsigned char)(i + 1);
		put_record(m, TYPE_AAAA, s->ttl, v6, 16);
	}
	bool is_owner = !s->srv_owner || strcasecmp(s->srv_owner, s->last_name) == 0;
	for (int i = 0; type == TYPE_SRV && is_owner && i < s->srv_count; i++)
		put_service(s, m, i);
}

/* Cuts the message behind the question; its type. */
static int read_question(struct dns_server *s, struct message *m)
{
	size_t at = 12, out = 0;
	while (at < m->len && m->bytes[at]) {
		memcpy(s->last_name + out, m->bytes + at + 1, m->bytes[at]);
		out += m->bytes[at];
		s->last_name[out++] = '.';
		at += m->bytes[at] + 1u;
	}
	s->last_name[out ? out - 1 : 0] = '\0';
	m->len = at + 5;
	return m->bytes[at + 1] << 8 | m->bytes[at + 2];
}

static void on_query(evutil_socket_t fd, short what, void *arg)
{
	struct dns_server *s = arg;
	struct message m = {.len = 0};
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	ssize_t n = recvfrom(fd, m.bytes, 512, 0, (struct sockaddr *)&from, &from_len);
	if (n < 17)
		return;
	m.len = (size_t)n;
	int type = read_question(s, &m), rcode = s->rcode;
	s->queries++;
	s->queries_of[type & 63]++;
	if (rcode == SILENT)
		return;
	if (type == s->nxdomain_type)
		rcode = RCODE_NXDOMAIN;
	if (type == s->servfail_type)
		rcode = RCODE_SERVFAIL;
	if (rcode == RCODE_OK)
		put_answers(s, &m, type);
	struct message head = {.len = 2};
	put16(&head, 0x8180u | (unsigned)rcode);
	put16(&head, 1);
	put16(&head, (unsigned)m.answers);
	put16(&head, 0);
	put16(&head, 0);
	memcpy(m.bytes + 2, head.bytes + 2, 10);
	sendto(fd, m.bytes, m.len, 0, (struct sockaddr *)&from, from_len);
}

void dns_server_open(struct dns_server *s, struct loop *l)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	*s = (struct dns_server){.a = 1, .ttl = 60};
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
	getsockname(s->fd, (struct sockaddr *)&a, &len);
	s->port = ntohs(a.sin_port);
	snprintf(s->address, sizeof s->address, "127.0.0.1:%d", s->port);
	s->event = event_new(l->base, s->fd, EV_READ | EV_PERSIST, on_query, s);
	event_add(s->event, NULL);
}

void dns_server_close(struct dns_server *s)
{
	event_free(s->event);
	close(s->fd);
}
