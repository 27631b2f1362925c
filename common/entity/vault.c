/* vault: see vault.h. One more vault: a config schema and a line in `installed`. */
#include "common/entity/vault.h"

/* ---- what is installed ----------------------------------------------------------------------------------------- */

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool check_variable(const struct field *f, json_t **value, struct err *e)
{
	const char *text = json_string_value(*value);
	bool ok = !strchr(DIGITS, text[0]) && strspn(text, LOWER UPPER DIGITS "_-") == strlen(text);
	return ok || err_set(e, "invalid value: %s", text);
}

static const struct field env_fields[] = {
        FIELD(struct env_vault, prefix, .check = check_variable, .described_as = "{'match':'^[%a_-][%a%d_-]*$'}",
                .doc = "What the names of the environment variables begin with."),
        {0},
};

static const struct schema env_config = {.name = "env", .size = sizeof(struct env_vault), .fields = env_fields};

static const struct field file_fields[] = {
        FIELD(struct file_vault, path, .flags = REQUIRED, .starts_with = "/",
                .doc = "On the data planes: a directory with one file per secret, or a JSON file with one member per "
                       "secret."),
        {0},
};

static const struct schema file_config = {.name = "file", .size = sizeof(struct file_vault), .fields = file_fields};

static const struct schema *const installed[] = {&env_config, &file_config};

const struct schema *vault_config(struct slice name)
{
	for (size_t i = 0; i < sizeof installed / sizeof *installed; i++)
		if (slice_eq(slice_cstr(installed[i]->name), name))
			return installed[i];
	return NULL;
}

/* ---- the entity ------------------------------------------------------------------------------------------------ */

/* In a reference the prefix stands where the name of a vault may stand too. */
static bool check_prefix(const struct field *f, json_t **value, struct err *e)
{
	const char *text = json_string_value(*value);
	size_t n = strlen(text);

	if (n < 2 || !strchr(LOWER, text[0]) || text[n - 1] == '-' || strspn(text, LOWER DIGITS "-") != n)
		return err_set(e, "invalid value: %s", text);
	return !vault_config(slice_cstr(text)) || err_set(e, "must not be one of: %s", text);
}

static const struct field fields[] = {
        ID_FIELD(struct vault),
        FIELD(struct vault, prefix, .flags = REQUIRED | UNIQUE | ENDPOINT_KEY, .not_one_of = NOT_ONE_OF("env"),
                .check = check_prefix, .described_as = "{'match':'^[a-z][a-z%d-]-[a-z%d]+$','unique_across_ws':true}",
                .doc = "What references begin with: {vault://prefix/name}."),
        FIELD(struct vault, name, .flags = REQUIRED, .doc = "Which vault: env or file."),
        FIELD(struct vault, description, .doc = "What the vault is for."),
        {.name = "config", .type = TYPE_RECORD, .doc = "The vault's own settings."},
        CREATED_AT_FIELD(struct vault),
        UPDATED_AT_FIELD(struct vault),
        TAGS_FIELD(struct vault),
        {0},
};

static const struct schema *choose_config(const json_t *input, const char **field, struct err *e)
{
	const json_t *name = json_object_get(input, "name");
	const struct schema *config = vault_config(slice_of(json_string_value(name), json_string_length(name)));

	if (config)
		return config;
	*field = "name";
	if (!name || json_is_null(name))
		err_set(e, "required field missing");
	else if (!json_is_string(name))
		err_set(e, "expected a string");
	else
		err_set(e, "vault '%s' is not installed", json_string_value(name));
	return NULL;
}

const struct schema vault_schema = {
        .name = "vaults",
        .path = "vaults",
        .size = sizeof(struct vault),
        .fields = fields,
        .subschema = choose_config,
        .doc = "Where the secrets are found that fields refer to.",
};
