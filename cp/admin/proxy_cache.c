/* proxy_cache: the answers that data planes keep (plugins.md 3.6). They are in the data planes, and in Redis; each is
 * told what to do, and says what came of it (cp/publish/orders.h). A data plane that is away for less than 10 minutes
 * deletes when it is back. What is kept in Redis can be deleted here, and not be looked at. */
#include "common/plugin/entity.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/info.h"
#include "cp/publish/orders.h"

enum { ANSWER_MS = 2000, KEY_MAX = 128 };

/* What all data planes that can be reached say; a new reference. */
static json_t *order(const char *what, struct slice key)
{
	json_t *payload = json_pack("{s:s}", "do", what);
	if (slice_is_set(key))
		json_object_set_new(payload, "key", json_stringn(key.ptr, key.len));
	json_t *results = orders_give("proxy-cache", payload, ANSWER_MS, NULL);
	json_decref(payload);
	return results ? results : json_array();
}

static void get(struct admin_call *c, struct slice key)
{
	json_t *results = order("get", key), *one;
	size_t i;

	json_array_foreach(results, i, one)
	{
		if (!json_is_object(one))
			continue;
		c->response->status = 200;
		c->response->json = json_incref(one);
		break;
	}
	json_decref(results);
	if (!c->response->json)
		admin_not_found(c);
}

static void delete_one(struct admin_call *c, struct slice key)
{
	json_t *results = order("delete", key), *one;
	json_int_t deleted = 0;
	size_t i;

	json_array_foreach(results, i, one) deleted += json_integer_value(one);
	json_decref(results);
	if (deleted > 0)
		c->response->status = 204;
	else
		admin_not_found(c);
}

static void item(struct admin_call *c, struct slice key)
{
	if (key.len == 0 || key.len > KEY_MAX || memchr(key.ptr, '\0', key.len))
		admin_not_found(c);
	else if (c->request->method == ADMIN_DELETE)
		delete_one(c, key);
	else
		get(c, key);
}

void admin_proxy_cache(struct admin_call *c)
{
	json_decref(order("purge", slice_of(NULL, 0)));
	c->response->status = 204;
}

void admin_proxy_cache_item(struct admin_call *c)
{
	item(c, c->params[0]);
}

/* Keys are those of routes and consumers, so that a plugin's are everybody's; but it must be there. */
void admin_proxy_cache_of_plugin(struct admin_call *c)
{
	json_t *row = admin_find_or_404(c, &plugin_schema, c->params[0], NULL);
	const char *name = json_string_value(json_object_get(row, "name"));
	bool is_cache = name && strcmp(name, "proxy-cache") == 0;

	json_decref(row);
	if (!row)
		return;
	if (is_cache)
		item(c, c->params[1]);
	else
		admin_not_found(c);
}
