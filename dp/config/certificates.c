/* certificates: what a handshake finds in a snapshot: its certificate, and the plugins that have a word in
 * it; see snapshot.h. */
#include <string.h>

#include "dp/config/compile.h"

enum { NAME_MAX_LEN = 255 };

static const struct certificate_part *find(const struct snapshot *s, struct slice name)
{
	const struct sni_part *sni = pmap_get(&s->snis, name);

	return sni ? snapshot_certificate(s, &sni->certificate) : NULL;
}

/* "a.b.test" asks for "*.b.test": one label stands for the first, and two must be left. */
static const struct certificate_part *find_left_wildcard(const struct snapshot *s, struct slice name)
{
	char pattern[NAME_MAX_LEN + 2] = "*";
	ptrdiff_t dot = slice_find(name, '.');

	if (dot < 0 || slice_find(slice_from(name, (size_t)dot + 1), '.') < 0)
		return NULL;
	struct slice rest = slice_from(name, (size_t)dot);
	memcpy(pattern + 1, rest.ptr, rest.len);
	return find(s, slice_of(pattern, rest.len + 1));
}

/* "a.b.test" asks for "a.b.*". */
static const struct certificate_part *find_right_wildcard(const struct snapshot *s, struct slice name)
{
	char pattern[NAME_MAX_LEN + 2];
	size_t dot = name.len;

	while (dot > 0 && name.ptr[dot - 1] != '.')
		dot--;
	if (dot == 0)
		return NULL;
	memcpy(pattern, name.ptr, dot);
	pattern[dot] = '*';
	return find(s, slice_of(pattern, dot + 1));
}

/* Lower case, without the dot at its end. False: no host name, so that the node's own certificate is right. */
static bool tidy(struct slice name, char out[NAME_MAX_LEN])
{
	bool is_number = true; /* the last label: then it is an IPv4 address, or no name either */
	char before = '.';

	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = ascii_lower((unsigned char)name.ptr[i]);
		bool is_digit = c >= '0' && c <= '9';
		if (!is_digit && !(c >= 'a' && c <= 'z') && c != '-' && c != '_' && c != '.')
			return false;
		if (c == '.' && before == '.')
			return false;
		is_number = c == '.' ? true : is_number && is_digit;
		before = (char)c;
		out[i] = (char)c;
	}
	return name.len > 0 && !is_number;
}

const struct certificate_part *snapshot_certificate_for(const struct snapshot *s, struct slice server_name)
{
	char text[NAME_MAX_LEN];

	if (s->snis.count == 0)
		return NULL;
	if (server_name.len > 1 && slice_ends(server_name, S(".")))
		server_name.len--;
	if (server_name.len > NAME_MAX_LEN || !tidy(server_name, text))
		return NULL;
	struct slice name = slice_of(text, server_name.len);
	const struct certificate_part *found = find(s, name);
	if (!found)
		found = find_left_wildcard(s, name);
	if (!found)
		found = find_right_wildcard(s, name);
	return found ? found : find(s, S("*"));
}

const struct certificate_part *snapshot_certificate(const struct snapshot *s, const struct uuid *id)
{
	return pmap_get(&s->certificates, uuid_slice(id));
}

const struct ca_part *snapshot_authority(const struct snapshot *s, const struct uuid *id)
{
	return pmap_get(&s->authorities, uuid_slice(id));
}

/* ---- plugins in handshakes ------------------------------------------------------------------------------------ */

struct handshake {
	const struct snapshot *s;
	struct slice name;
	bool exact;
	handshake_fn fn;
	void *arg;
};

static bool is_other(struct record *route, void *arg)
{
	const struct handshake *h = arg;

	return !l4_has_sni(route->entity, h->name, h->exact);
}

/* Could a request of this handshake meet the instance? */
static bool concerns(const struct plugin_instance *i, struct handshake *h)
{
	const struct catalog *c = h->s->catalog;

	if (i->route_id) {
		struct record *route = catalog_get(c, &route_schema, i->route_id);
		return route && !is_other(route, h);
	}
	return !i->service_id ||
	       !catalog_each_ref(c, &route_schema, compile_route_service(), i->service_id, is_other, h);
}

static bool look_at_instance(void *instance, void *arg)
{
	struct handshake *h = arg;

	return !concerns(instance, h) || h->fn(instance, h->arg);
}

bool snapshot_each_handshake(
        const struct snapshot *s, struct slice server_name, bool exact_snis, handshake_fn fn, void *arg)
{
	struct handshake h = {s, server_name, exact_snis, fn, arg};

	return s->handshake_rows.count == 0 || pmap_each(&s->handshake_rows, look_at_instance, &h);
}
