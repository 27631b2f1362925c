/* dns_question: see dns_question.h. */
#include "dp/client/dns_question.h"

#include <stdlib.h>

enum { CLASS_IN = 1 };

struct dns_question {
	struct dns_servers *servers;
	char *name;
	enum dns_type type;
	dns_reply_fn fn; /* NULL: it has been answered */
	void *arg;
	struct timeout second;
	unsigned first;     /* the channel that was asked first */
	unsigned under_way; /* of the two */
	bool held;          /* on the stack: it may not go */
};

struct reply { /* what c-ares is given: whose, and of which channel */
	struct dns_question *question;
	unsigned channel;
};

static void drop(struct dns_question *q)
{
	if (q->under_way > 0 || q->held)
		return;
	timeout_clear(&q->second);
	free(q->name);
	free(q);
}

/* Does it say something about the name? Other words are about servers, of which c-ares has asked all by then. */
static bool is_about_name(int status)
{
	return status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

static void on_reply(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
	struct reply *r = arg;
	struct dns_question *q = r->question;
	dns_reply_fn fn = q->fn;

	q->under_way--;
	if (fn && is_about_name(status))
		q->servers->first = r->channel;
	if (fn && (is_about_name(status) || status == ARES_EDESTRUCTION || q->under_way == 0)) {
		q->fn = NULL;
		timeout_clear(&q->second);
		fn(q->arg, status, bytes, len);
	}
	free(r);
	drop(q);
}

/* c-ares may answer from inside. */
static void ask(struct dns_question *q, unsigned channel)
{
	struct reply *r = malloc(sizeof *r);
	if (!r)
		abort();
	*r = (struct reply){q, channel};
	q->under_way++;
	q->held = true;
	ares_search(q->servers->channels[channel].ares, q->name, CLASS_IN, (int)q->type, on_reply, r);
	q->held = false;
}

static void on_silence(void *arg)
{
	struct dns_question *q = arg;
	ask(q, !q->first);
	drop(q);
}

void dns_ask_servers(struct dns_servers *s, const char *name, enum dns_type type, dns_reply_fn fn, void *arg)
{
	struct dns_question *q = calloc(1, sizeof *q);
	if (!q)
		abort();
	*q = (struct dns_question){.servers = s, .type = type, .fn = fn, .arg = arg, .first = s->first};
	q->name = slice_strdup(slice_cstr(name));
	ask(q, q->first);
	if (q->fn && s->has_second)
		timeout_set(&s->loop->timeouts, &q->second, DNS_SECOND_MS, on_silence, q);
	drop(q);
}

bool dns_servers_open(struct dns_servers *s, struct loop *l, struct slice resolvers, struct err *e)
{
	*s = (struct dns_servers){.loop = l};
	if (!dns_channel_open(&s->channels[0], l, resolvers, e))
		return false;
	if (!dns_channel_open(&s->channels[1], l, resolvers, e))
		return false;
	s->has_second = dns_channel_rotate(&s->channels[1]);
	return true;
}

void dns_servers_close(struct dns_servers *s)
{
	s->has_second = false; /* nobody is asked any more */
	dns_channel_close(&s->channels[0]);
	dns_channel_close(&s->channels[1]);
}
