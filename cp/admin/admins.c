/* admins: see admins.h. The digest of a token is a field that clients can neither see nor send. */
#include "cp/admin/admins.h"

#include "common/crypto/token.h"
#include "cp/admin/crud.h"
#include "cp/admin/errors.h"
#include "cp/admin/list.h"
#include "cp/admin/rules.h"

const struct admin_rules admin_admin_rules = {.kind = "admins", .put_is_patch = true};

static void aim(struct admin_call *c, enum admin_shape shape)
{
	c->target = (struct admin_target){.shape = shape, .kind = &admin_schema, .key = c->params[0]};
}

static bool refuse_digest(struct admin_call *c)
{
	struct violations v = {0};

	if (!json_object_get(c->input, "token_digest"))
		return false;
	violations_add(&v, "token_digest", "unknown field");
	admin_violations(c, &v);
	return true;
}

static struct uuid id_for_new(struct admin_call *c)
{
	const char *given = json_string_value(json_object_get(c->input, "id"));
	char text[UUID_TEXT + 1];
	struct uuid id;

	if (given && uuid_parse(slice_cstr(given), &id))
		return id;
	id = uuid_v4();
	uuid_format(&id, text);
	if (!json_object_get(c->input, "id")) /* a wrong one is the schema's business */
		json_object_set_new(c->input, "id", json_string(text));
	return id;
}

static void show_token(struct admin_call *c, int status, const char *token)
{
	if (c->response->status == status)
		json_object_set_new(c->response->json, "token", json_string(token));
}

/* Who logs in by certificate needs no token. */
static void create(struct admin_call *c)
{
	char token[TOKEN_TEXT + 1], digest[TOKEN_DIGEST + 1];
	bool wants_token = !json_is_string(json_object_get(c->input, "mtls_subject"));
	struct uuid id = id_for_new(c);

	if (wants_token) {
		token_new(&id, token, digest);
		json_object_set_new(c->input, "token_digest", json_string(digest));
	}
	admin_create(c);
	if (wants_token)
		show_token(c, 201, token);
}

void admin_admins(struct admin_call *c)
{
	aim(c, SHAPE_COLLECTION);
	if (c->request->method == ADMIN_GET)
		admin_list(c);
	else if (!refuse_digest(c))
		create(c);
}

void admin_admins_item(struct admin_call *c)
{
	aim(c, SHAPE_ITEM);
	if (c->request->method == ADMIN_GET)
		admin_get(c);
	else if (c->request->method == ADMIN_DELETE)
		admin_delete(c);
	else if (!refuse_digest(c))
		admin_patch(c);
}

static void set_digest(struct admin_call *c, json_t *digest)
{
	json_decref(c->input);
	c->input = json_pack("{s:o}", "token_digest", digest);
	c->input_is_form = false;
	admin_patch(c);
}

static void renew_token(struct admin_call *c)
{
	char token[TOKEN_TEXT + 1], digest[TOKEN_DIGEST + 1];
	json_t *row = admin_find_or_404(c, &admin_schema, c->target.key, NULL);

	if (!row)
		return;
	struct uuid id = admin_row_id(row);
	json_decref(row);
	token_new(&id, token, digest);
	set_digest(c, json_string(digest));
	show_token(c, 200, token);
}

void admin_admins_token(struct admin_call *c)
{
	aim(c, SHAPE_ITEM);
	if (c->request->method == ADMIN_POST)
		renew_token(c);
	else
		set_digest(c, json_null());
}
