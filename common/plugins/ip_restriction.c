/* ip-restriction: lets requests through, or keeps them out, by the address that they come from (plugins.md 2.4).
 *
 * IPv4 inside IPv6 (::ffff:192.0.2.1) is the IPv4 address here: a list that denies 192.0.2.1 means it in both
 * spellings. */
#include "common/core/ip.h"
#include "common/plugin/plugin.h"

struct ip_restriction {
	struct slice_list allow, deny;
	struct opt_num status;
	struct slice message;
};

static const struct field fields[] = {
        FIELD(struct ip_restriction, allow, STRINGS(.format = FORMAT_IP_OR_CIDR),
                .doc = "Addresses and ranges (`10.0.0.0/8`) that are let through; all others are kept out."),
        FIELD(struct ip_restriction, deny, STRINGS(.format = FORMAT_IP_OR_CIDR),
                .doc = "Addresses and ranges that are kept out, whatever `allow` says."),
        FIELD(struct ip_restriction, status, .flags = OPTIONAL, .doc = "Status of a refusal; 403 when unset."),
        FIELD(struct ip_restriction, message, .flags = OPTIONAL,
                .doc = "Message of a refusal; unset: one that names the address."),
        {0},
};

static const struct entity_check checks[] = {
        AT_LEAST_ONE_OF("allow", "deny"),
        {0},
};

static const struct schema config = {
        .name = "ip-restriction",
        .size = sizeof(struct ip_restriction),
        .fields = fields,
        .checks = checks,
};

struct ranges {
	struct ip_range *items;
	size_t len;
};

struct compiled {
	struct ranges allow, deny;
};

static bool parse_ranges(const struct slice_list *texts, struct arena *a, struct ranges *out, struct err *e)
{
	*out = (struct ranges){arena_array(a, struct ip_range, texts->len), texts->len};
	for (size_t i = 0; i < texts->len; i++)
		if (!ip_range_parse(texts->items[i], &out->items[i]))
			return err_set(e, "invalid ip or cidr range: '%.*s'", SLICE_ARG(texts->items[i]));
	return true;
}

static bool compile(const void *conf, struct arena *a, const void **compiled, struct err *e)
{
	const struct ip_restriction *restriction = conf;
	struct compiled *c = arena_new(a, struct compiled);

	*compiled = c;
	return parse_ranges(&restriction->allow, a, &c->allow, e) && parse_ranges(&restriction->deny, a, &c->deny, e);
}

static enum verdict refuse(struct call *c)
{
	const struct ip_restriction *conf = c->conf;
	int status = conf->status.set ? (int)conf->status.value : 403;
	struct slice message = conf->message;

	if (!slice_is_set(message))
		message = ARENA_JOIN(c->x->arena, S("IP address not allowed: "), c->x->client_ip);
	return call_reject(c, status, message);
}

static enum verdict check_address(struct call *c)
{
	const struct compiled *lists = c->compiled;
	struct ip client;

	if (!ip_parse(c->x->client_ip, &client))
		return call_reject(
		        c, 403, S("Cannot identify the client IP address, unix domain sockets are not supported."));
	if (ip_in_any(lists->deny.items, lists->deny.len, &client))
		return refuse(c);
	if (lists->allow.len > 0 && !ip_in_any(lists->allow.items, lists->allow.len, &client))
		return refuse(c);
	return GO;
}

const struct plugin ip_restriction_plugin = {
        .name = "ip-restriction",
        .priority = 990,
        .scopes = SCOPE_ALL,
        .protocols = PROTOCOLS_ANY,
        .default_protocols = "['http','https','tcp','tls','grpc','grpcs']",
        .config = &config,
        .compile = compile,
        .preread = check_address,
        .access = check_address,
        .doc = "Lets requests through, or keeps them out, by the address that they come from.",
        .example = "{'allow':['192.0.2.0/24','2001:db8::/32']}",
};
