/* endpoints: GET /endpoints: the paths that are answered (admin-api.md 8.5). */
#include "cp/admin/info.h"
#include "cp/admin/paths.h"

void admin_endpoints(struct admin_call *c)
{
	size_t n;
	const struct admin_path *paths = admin_paths(c->arena, &n);
	json_t *data = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(data, json_stringn(paths[i].pattern.ptr, paths[i].pattern.len));
	c->response->status = 200;
	c->response->json = json_pack("{s:o}", "data", data);
}
