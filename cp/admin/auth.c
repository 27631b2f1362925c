/* auth: see auth.h. Called by dispatch on an admin thread, before a handler. */
#include "cp/admin/auth.h"

#include <stdlib.h>

#include "common/core/clock.h"
#include "common/core/log.h"
#include "common/crypto/token.h"
#include "common/schema/decode.h"
#include "cp/admin/errors.h"
#include "cp/admin/headers.h"
#include "cp/admin/login_limit.h"

/* An admin of the setting admin_tokens. */
struct known {
	struct slice name, digest;
	enum admin_role role;
};

struct admin_auth {
	bool on;
	struct known *known;
	size_t known_count;
	struct login_limit *limit;
	struct arena arena;
};

/* ---- the setting ----------------------------------------------------------------------------------------------- */

static bool parse_known(struct slice item, struct known *out, struct err *e)
{
	struct slice rest = slice_trim(item);

	out->name = slice_cut(&rest, ':');
	struct slice role = slice_is_set(rest) ? slice_cut(&rest, ':') : rest;
	out->role = admin_role_of(role);
	out->digest = rest;
	if (out->name.len > 0 && out->role && is_token_digest(rest))
		return true;
	/* not quoted: somebody may have put a token there */
	return err_set(e,
	        "admin_tokens: expected name:role:digest with role read, write or admin, and digest as gatectl "
	        "admin create prints it with database = off");
}

static bool parse_all_known(struct admin_auth *auth, struct slice list, struct err *e)
{
	size_t count = 1;

	for (size_t i = 0; i < list.len; i++)
		count += list.ptr[i] == ',';
	auth->known = arena_array(&auth->arena, struct known, count);
	for (struct slice rest = list; slice_is_set(rest);) {
		struct slice item = slice_trim(slice_cut(&rest, ','));
		if (item.len > 0 && !parse_known(item, &auth->known[auth->known_count++], e))
			return false;
	}
	return true;
}

struct admin_auth *admin_auth_new(const struct settings *s, struct err *e)
{
	struct admin_auth *auth = calloc(1, sizeof *auth);

	if (!auth)
		abort();
	arena_init(&auth->arena);
	auth->on = s->admin_auth;
	auth->limit = login_limit_new();
	if (parse_all_known(auth, s->admin_tokens, e))
		return auth;
	admin_auth_free(auth);
	return NULL;
}

void admin_auth_free(struct admin_auth *auth)
{
	if (!auth)
		return;
	login_limit_free(auth->limit);
	arena_fini(&auth->arena);
	free(auth);
}

/* ---- logging in ------------------------------------------------------------------------------------------------ */

static bool enter(struct admin_call *c, struct slice name, enum admin_role role, const char *login)
{
	c->author = name;
	c->role = role;
	c->login = login;
	return true;
}

/* All lines are looked at, whichever matches: the time tells nothing. */
static bool is_known(struct admin_call *c, const struct admin_auth *auth)
{
	const struct known *found = NULL;

	for (size_t i = 0; i < auth->known_count; i++)
		if (token_is(c->request->token, auth->known[i].digest))
			found = &auth->known[i];
	return found && enter(c, found->name, found->role, "token");
}

/* NULL: no such admin (status 0), or the store failed. */
static const struct admin *load_admin(struct admin_call *c, const struct store_key *key)
{
	struct fault f = {0};
	struct err e;
	json_t *row = store_get(c->store, &admin_schema, key, NULL, &f);

	if (!row) {
		if (f.code)
			admin_fault(c, &f, NULL);
		return NULL;
	}
	struct admin *admin = arena_new(c->arena, struct admin);
	bool ok = schema_decode(&admin_schema, row, c->arena, admin, &e);
	json_decref(row);
	return ok ? admin : NULL;
}

static bool is_stored(struct admin_call *c)
{
	struct uuid id;

	if (!c->store || !token_id(c->request->token, &id))
		return false;
	const struct admin *admin = load_admin(c, &(struct store_key){.id = &id});
	bool right = token_is(c->request->token, admin ? admin->token_digest : (struct slice){0});
	if (!right || !admin->enabled)
		return false;
	c->author_id = admin->id;
	return enter(c, admin->name, admin_role_of(admin->role), "token");
}

/* The first name that an admin has: the subject before the alternative names. */
static bool has_certificate(struct admin_call *c)
{
	const struct field *f = schema_field(&admin_schema, S("mtls_subject"));
	const struct admin *admin = NULL;

	for (size_t i = 0; c->store && !admin && !c->response->status && i < c->request->peer_name_count; i++)
		admin = load_admin(c, &(struct store_key){.field = f, .value = c->request->peer_names[i]});
	if (!admin || !admin->enabled)
		return false;
	c->author_id = admin->id;
	return enter(c, admin->name, admin_role_of(admin->role), "certificate");
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static bool refuse_for_now(struct admin_call *c, uint64_t wait_ms)
{
	unsigned seconds = (unsigned)((wait_ms + 999) / 1000);

	admin_fail(c, 429, "too many failed logins from this address; try again in %u s", seconds);
	c->response->retry_after_s = seconds;
	return false;
}

static bool ask_for_token(struct admin_call *c, const char *why)
{
	admin_fail(c, 401,
	        "%s: send the token of an admin as 'Authorization: Bearer TOKEN' or 'Kong-Admin-Token: TOKEN'; gatectl "
	        "admin create makes one",
	        why);
	c->response->wants_login = true;
	return false;
}

static bool refuse_login(struct admin_call *c, struct admin_auth *auth)
{
	if (c->response->status) /* the store failed: nothing is said about the token */
		return false;
	c->login_failed = true;
	login_limit_failed(auth->limit, c->request->client_ip, clock_mono_ms());
	log_notice("admin login failed", LOG_SLICE("client", c->request->client_ip));
	return ask_for_token(c, "unknown token or certificate, or its admin is disabled");
}

/* A token counts before a certificate: a wrong one is not made good by it. */
static bool log_in(struct admin_call *c, const struct admin_auth *auth)
{
	if (slice_is_set(c->request->token))
		return is_known(c, auth) || is_stored(c);
	return has_certificate(c);
}

/* A browser shows its certificate for any page that asks it to, so only pages that are known may. */
static bool check_page(struct admin_call *c)
{
	const struct admin_request *r = c->request;

	if (slice_is_set(r->token) || !slice_is_set(r->origin) || r->method == ADMIN_GET)
		return true;
	if (admin_is_gui(c->env->settings, r->origin))
		return true;
	admin_fail(c, 403, "pages of '%.*s' may not use a certificate here; admin_gui_url lists those that may",
	        SLICE_ARG(r->origin));
	return false;
}

static bool shows_login(const struct admin_request *r)
{
	return slice_is_set(r->token) || r->peer_name_count > 0;
}

bool admin_auth_admits(struct admin_auth *auth, const struct admin_request *r)
{
	return !auth || !auth->on ||
	       (shows_login(r) && login_limit_wait_ms(auth->limit, r->client_ip, clock_mono_ms()) == 0);
}

bool admin_authenticate(struct admin_call *c)
{
	struct admin_auth *auth = c->env->auth;

	if (!auth || !auth->on)
		return enter(c, (struct slice){0}, ADMIN_ROLE_ADMIN, NULL);
	uint64_t wait_ms = login_limit_wait_ms(auth->limit, c->request->client_ip, clock_mono_ms());
	if (wait_ms > 0)
		return refuse_for_now(c, wait_ms);
	if (!shows_login(c->request))
		return ask_for_token(c, "this Admin API is protected");
	if (c->request->body_unread) /* it had to wait a moment ago */
		return refuse_for_now(c, 1);
	if (!log_in(c, auth))
		return refuse_login(c, auth);
	login_limit_passed(auth->limit, c->request->client_ip);
	return check_page(c);
}

bool admin_authorise(struct admin_call *c, enum admin_role needed)
{
	if (c->role >= needed)
		return true;
	admin_fail(c, 403, "this needs role %s, and the role of '%.*s' is %s", admin_role_name(needed),
	        SLICE_ARG(c->author), admin_role_name(c->role));
	return false;
}
