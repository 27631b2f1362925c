/* gatectl admin: who may use the Admin API. Works on the database itself, so it makes the first admin, and lets in
 * again who has locked himself out. With database = off it makes lines for the setting admin_tokens. A token is on
 * stdout, alone, once; words about it are on stderr. */
#include <stdio.h>
#include <stdlib.h>

#include "common/core/clock.h"
#include "common/crypto/token.h"
#include "common/entity/admin.h"
#include "common/schema/load.h"
#include "cp/cli/command.h"
#include "cp/cli/output.h"
#include "cp/store/migrate.h"

struct session {
	const char *name, *role, *certificate; /* options; NULL: not given */
	bool as_json;
	struct settings settings;
	struct store *store;
};

static enum exit_code fault_fail(struct fault *f)
{
	cli_fail("%s", f->message ? f->message : "the database failed");
	fault_fini(f);
	return EXIT_FAILED;
}

static bool open_store(struct session *s)
{
	s->store = cli_store(&s->settings);
	return s->store != NULL;
}

/* The one moment in which the token is seen. */
static void show_token(const struct session *s, const json_t *admin, const char *token)
{
	const char *name = json_string_value(json_object_get(admin, "name"));

	if (s->as_json) {
		json_t *shown = schema_render(&admin_schema, admin, true);
		json_object_set_new(shown, "token", json_string(token));
		output_json(shown);
		json_decref(shown);
		return;
	}
	fprintf(stderr,
	        "the token of admin '%s' follows; it is shown only now. Use: curl -H 'Authorization: Bearer TOKEN'\n",
	        name);
	puts(token);
}

/* ---- create ---------------------------------------------------------------------------------------------------- */

/* A complete record of what the options say; NULL with a message. */
static json_t *new_record(struct session *s, const struct uuid *id, const char *digest)
{
	struct load_options options = {.op = LOAD_CREATE, .now_ms = clock_wall_ms()};
	struct violations v = {0};
	struct text why = {0};
	char text[UUID_TEXT + 1];
	json_t *record = NULL;

	uuid_format(id, text);
	json_t *input = json_pack("{s:s, s:s?, s:s?, s:s?, s:s}", "id", text, "name", s->name, "role",
	        s->role ? s->role : "read", "mtls_subject", s->certificate, "token_digest", digest);
	if (!input) {
		cli_fail("names must be UTF-8");
		return NULL;
	}
	if (!schema_load(&admin_schema, input, &options, &record, &v)) {
		violations_message(v.fields, "wrong", "things are wrong", &why);
		cli_fail("%s; admin create takes --name NAME --role read|write|admin", text_cstr(&why));
	}
	json_decref(input);
	violations_fini(&v);
	text_fini(&why);
	return record;
}

/* Without a database the digest goes into the settings. */
static void print_setting(const json_t *record, const char *digest)
{
	fprintf(stderr, "add to the settings: admin_tokens = %s:%s:%s\n",
	        json_string_value(json_object_get(record, "name")),
	        json_string_value(json_object_get(record, "role")), digest);
}

static enum exit_code store_new(struct session *s, const json_t *record)
{
	uint64_t version;
	struct fault f = {0};

	if (!open_store(s))
		return EXIT_FAILED;
	return store_insert(s->store, &admin_schema, record, &version, &f) ? EXIT_OK : fault_fail(&f);
}

static enum exit_code create(struct session *s)
{
	struct uuid id = uuid_v4();
	char token[TOKEN_TEXT + 1], digest[TOKEN_DIGEST + 1];
	enum exit_code code = EXIT_OK;

	token_new(&id, token, digest);
	json_t *record = new_record(s, &id, digest);
	if (!record)
		return EXIT_FAILED;
	if (slice_eq(s->settings.database, S("off")))
		print_setting(record, digest);
	else
		code = store_new(s, record);
	if (code == EXIT_OK)
		show_token(s, record, token);
	json_decref(record);
	return code;
}

/* ---- the others ------------------------------------------------------------------------------------------------ */

static json_t *find(struct session *s)
{
	struct fault f = {0};

	if (!s->name) {
		cli_fail("whose? --name NAME");
		return NULL;
	}
	if (!open_store(s))
		return NULL;
	struct store_key key = {.field = schema_endpoint_key(&admin_schema), .value = slice_cstr(s->name)};
	json_t *row = store_get(s->store, &admin_schema, &key, NULL, &f);
	if (!row && f.code)
		fault_fail(&f);
	else if (!row)
		cli_fail("there is no admin '%s'", s->name);
	return row;
}

static struct uuid id_of(const json_t *row)
{
	struct uuid id = {0};

	uuid_parse(slice_cstr(json_string_value(json_object_get(row, "id"))), &id);
	return id;
}

static enum exit_code renew(struct session *s)
{
	char token[TOKEN_TEXT + 1], digest[TOKEN_DIGEST + 1];
	uint64_t version;
	struct fault f = {0};
	json_t *row = find(s);

	if (!row)
		return EXIT_FAILED;
	struct uuid id = id_of(row);
	token_new(&id, token, digest);
	json_object_set_new(row, "token_digest", json_string(digest));
	bool ok = store_update(s->store, &admin_schema, row, &version, &f);
	if (ok)
		show_token(s, row, token);
	json_decref(row);
	return ok ? EXIT_OK : fault_fail(&f);
}

static enum exit_code delete (struct session *s) {
	uint64_t version; struct fault f = {0}; json_t *row = find(s);

	if (!row) return EXIT_FAILED;
	struct uuid id = id_of(row);
	json_decref(row);
	return store_delete(s->store, &admin_schema, &id, &version, &f) ? EXIT_OK : fault_fail(&f);
}

static void print_table(const json_t *shown)
{
	static const char *const headings[] = {"NAME", "ROLE", "LOGIN", "ENABLED", NULL};
	struct table *t = table_new(headings);
	json_t *row;
	size_t i;

	json_array_foreach(shown, i, row)
	{
		const char *subject = json_string_value(json_object_get(row, "mtls_subject"));
		table_add(t, json_string_value(json_object_get(row, "name")));
		table_add(t, json_string_value(json_object_get(row, "role")));
		table_add(t, subject ? subject : "token");
		table_add(t, json_is_true(json_object_get(row, "enabled")) ? "yes" : "no");
	}
	table_print(t);
}

static void print_rows(const struct session *s, json_t *rows)
{
	json_t *shown = json_array(), *row;
	size_t i;

	json_array_foreach(rows, i, row) json_array_append_new(shown, schema_render(&admin_schema, row, true));
	if (s->as_json)
		output_json(shown);
	else
		print_table(shown);
	json_decref(shown);
}

static enum exit_code list(struct session *s)
{
	struct fault f = {0};
	struct page page = {.size = 1000};
	bool more = false;

	if (!open_store(s))
		return EXIT_FAILED;
	json_t *rows = store_list(s->store, &admin_schema, NULL, &page, &more, &f);
	if (!rows)
		return fault_fail(&f);
	print_rows(s, rows);
	json_decref(rows);
	if (more)
		fprintf(stderr, "there are more than %d\n", (int)page.size);
	return EXIT_OK;
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static enum exit_code run_action(struct session *s, struct slice what)
{
	if (slice_eq(what, S("create")))
		return create(s);
	if (slice_eq(s->settings.database, S("off")))
		return cli_fail("with database = off admins are in the setting admin_tokens");
	if (slice_eq(what, S("list")))
		return list(s);
	if (slice_eq(what, S("token")))
		return renew(s);
	if (slice_eq(what, S("delete")))
		return delete (s);
	cli_fail("admin takes one of: create, list, token, delete");
	return EXIT_USAGE;
}

static enum exit_code run_admin(struct cli *c)
{
	struct session s = {.name = cli_option(c, "--name"),
	        .role = cli_option(c, "--role"),
	        .certificate = cli_option(c, "--certificate"),
	        .as_json = c->json};

	if (c->argc != 1) {
		cli_fail(
		        "admin takes one of create, list, token, delete, and options; gatectl admin --help shows them");
		return EXIT_USAGE;
	}
	if (!cli_settings(c, &s.settings))
		return EXIT_FAILED;
	enum exit_code code = run_action(&s, slice_cstr(c->argv[0]));
	store_close(s.store);
	return code;
}

const struct command admin_command = {
        .name = "admin",
        .usage = "create|list|token|delete [--name NAME] [--role read|write|admin] [--certificate SUBJECT] [-o json]",
        .summary = "make and remove those who may use the Admin API; create and token print a token, once",
        .examples = "  gatectl admin create --name ops --role admin\n"
                    "  gatectl admin token --name ci --conf /etc/gatehouse/gatehouse.conf\n",
        .run = run_admin,
};
