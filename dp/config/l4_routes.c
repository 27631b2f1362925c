/* l4_routes: which stream route a session belongs to (proxy.md 7.3, R-1.7); see snapshot.h. */
#include <string.h>

#include "dp/config/snapshot.h"

enum { NAME_MAX_LEN = 255 };

/* The routes that may be meant, in their order: two ascending lists of places, or all of them. */
struct walk {
	const struct l4_table *table;
	const struct l4_name *name, *names_end;
	uint32_t open, at;
	bool all;
};

static uint32_t lower_bound(const struct l4_table *t, struct slice name)
{
	uint32_t from = 0, to = t->names_count;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		if (slice_cmp(t->names[middle].name, name) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void find_names(struct walk *w, struct slice sni)
{
	char text[NAME_MAX_LEN];
	const struct l4_table *t = w->table;

	if (sni.len == 0 || sni.len > sizeof text)
		return;
	for (size_t i = 0; i < sni.len; i++)
		text[i] = (char)ascii_lower((unsigned char)sni.ptr[i]);
	struct slice name = slice_of(text, sni.len);
	w->name = t->names + lower_bound(t, name);
	for (w->names_end = w->name; w->names_end < t->names + t->names_count && slice_eq(w->names_end->name, name);)
		w->names_end++;
}

/* NULL: that was the last. */
static const struct l4_route *next_route(struct walk *w)
{
	const struct l4_table *t = w->table;

	if (w->all)
		return w->at < t->count ? t->routes[w->at++] : NULL;
	bool named = w->name < w->names_end, open = w->open < t->open_count;
	if (named && (!open || w->name->at < t->open[w->open]))
		return t->routes[w->name++->at];
	return open ? t->routes[t->open[w->open++]] : NULL;
}

static bool fits(const struct l4_route *r, struct l4_session *asked, unsigned protocols, bool exact_snis)
{
	for (unsigned p = L4_TCP; p <= L4_TLS_PASSTHROUGH; p++) {
		asked->protocol = p;
		if (!(protocols & 1u << p))
			continue;
		if (r->expr ? l4_expr_matches(r->expr, asked) : l4_matches(r->route, asked, exact_snis))
			return true;
	}
	return false;
}

const struct l4_route *snapshot_l4(
        const struct snapshot *s, const struct l4_session *session, unsigned protocols, enum l4_protocol *as)
{
	struct walk w = {.table = s->l4, .all = !(protocols & (1 << L4_TLS | 1 << L4_TLS_PASSTHROUGH))};
	struct l4_session asked = *session;
	const struct l4_route *r;

	if (!s->l4)
		return NULL;
	find_names(&w, session->sni);
	while ((r = next_route(&w)) && !fits(r, &asked, protocols, s->l4->exact_snis))
		;
	*as = asked.protocol;
	return r;
}
