/* configuration: see configuration.h. Clients find out from it which kind of node they talk to and where it listens.
 */
#include "cp/admin/configuration.h"

#include "common/core/release.h"
#include "common/plugin/registry.h"

static void split_list(json_t *out, const char *key)
{
	const json_t *text = json_object_get(out, key);
	json_t *items = json_array();
	struct slice rest = slice_cstr(json_string_value(text));

	while (slice_is_set(rest)) {
		struct slice item = slice_trim(slice_cut(&rest, ','));
		if (item.len > 0)
			json_array_append_new(items, json_stringn(item.ptr, item.len));
	}
	json_object_set_new(out, key, items);
}

static json_t *listener_json(const struct listen_spec *l)
{
	struct slice ip = l->text;

	while (ip.len > 0 && ip.ptr[ip.len - 1] != ':')
		ip.len--;
	ip.len -= ip.len > 0;
	return json_pack("{s:s%, s:i, s:b, s:b, s:b, s:b, s:b, s:b, s:s%}", "ip", ip.ptr, ip.len, "port", l->port,
	        "ssl", (int)l->ssl, "http2", (int)l->http2, "proxy_protocol", (int)l->proxy_protocol, "deferred",
	        (int)l->deferred, "reuseport", (int)l->reuseport, "bind", 0, "listener", l->text.ptr, l->text.len);
}

/* Never fails: what cannot be parsed would not have started. */
static json_t *listeners_json(struct arena *a, struct slice property)
{
	json_t *out = json_array();
	struct listen_spec *specs;
	struct err e;
	size_t n;

	if (!listen_parse(a, property, &specs, &n, &e))
		return out;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, listener_json(&specs[i]));
	return out;
}

static json_t *loaded_plugins(void)
{
	json_t *out = json_object();

	for (size_t i = 0; i < registry_count(); i++)
		json_object_set_new(out, registry_at(i)->name, json_true());
	return out;
}

json_t *admin_configuration(struct arena *a, const struct settings *s, uint64_t version)
{
	json_t *out = settings_json(s);

	split_list(out, "admin_listen");
	split_list(out, "proxy_listen");
	split_list(out, "status_listen");
	json_object_set_new(out, "admin_listeners", listeners_json(a, s->admin_listen));
	json_object_set_new(out, "proxy_listeners", listeners_json(a, s->proxy_listen));
	json_object_set_new(out, "admin_gui_listeners", json_array());
	json_object_set_new(out, "stream_listeners", listeners_json(a, s->stream_listen));
	json_object_set_new(out, "plugins", json_pack("[s]", "bundled"));
	json_object_set_new(out, "loaded_plugins", loaded_plugins());
	json_object_set_new(out, "gatehouse",
	        json_pack("{s:s, s:I}", "release", GATEHOUSE_RELEASE, "config_version", (json_int_t)version));
	return out;
}
