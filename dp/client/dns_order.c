/* dns_order: see dns_order.h. Called by dns.c at its start. */
#include "dp/client/dns_order.h"

static bool read_type(struct dns_order *o, struct slice word, struct err *e)
{
	static const struct {
		struct slice word;
		enum dns_type type;
	} words[] = {{SLICE("SRV"), DNS_TYPE_SRV}, {SLICE("A"), DNS_TYPE_A}, {SLICE("AAAA"), DNS_TYPE_AAAA},
	        {SLICE("CNAME"), DNS_TYPE_CNAME}};

	if (slice_ieq(word, S("LAST"))) {
		o->last_first |= o->count == 0;
		return true;
	}
	for (size_t i = 0; i < sizeof words / sizeof *words && o->count < DNS_ORDER_MAX; i++) {
		if (!slice_ieq(word, words[i].word))
			continue;
		o->types[o->count++] = words[i].type;
		return true;
	}
	return err_set(e, "dns_order has '%.*s', expected a list of LAST, SRV, A, AAAA and CNAME", SLICE_ARG(word));
}

bool dns_order_read(struct dns_order *o, struct slice words, struct err *e)
{
	*o = (struct dns_order){0};
	if (words.len == 0)
		words = S("A");
	while (slice_is_set(words)) {
		struct slice word = slice_trim(slice_cut(&words, ','));
		if (word.len > 0 && !read_type(o, word, e))
			return false;
	}
	return true;
}
