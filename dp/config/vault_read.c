/* vault_read: see vault_read.h. */
#include "dp/config/vault_read.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/core/file.h"
#include "common/core/text.h"

static const struct slice scheme = SLICE("{vault://");

/* {vault://<vault>/<resource>[/<key>][?options][#version]} */
struct reference {
	struct slice vault, resource, key, options, version;
};

static bool take_apart(struct slice text, struct reference *out)
{
	*out = (struct reference){0};
	if (!slice_starts(text, scheme) || !slice_ends(text, S("}")))
		return false;
	struct slice rest = slice_of(text.ptr + scheme.len, text.len - scheme.len - 1);
	struct slice path = slice_cut(&rest, '#');
	out->version = rest;
	struct slice names = slice_cut(&path, '?');
	out->options = path;
	out->vault = slice_cut(&names, '/');
	out->resource = names;
	for (size_t i = names.len; i-- > 0;) {
		if (names.ptr[i] != '/')
			continue;
		out->resource = slice_of(names.ptr, i);
		out->key = slice_of(names.ptr + i + 1, names.len - i - 1);
		break;
	}
	return out->vault.len > 0 && out->resource.len > 0;
}

struct slice vault_of(struct slice text)
{
	struct reference r;
	return take_apart(text, &r) ? r.vault : (struct slice){0};
}

static struct slice option(const struct reference *r, struct slice name, struct slice otherwise)
{
	for (struct slice rest = r->options; slice_is_set(rest);) {
		struct slice value = slice_cut(&rest, '&'), key = slice_cut(&value, '=');
		if (slice_eq(key, name) && slice_is_set(value))
			return value;
	}
	return otherwise;
}

/* ---- what was found, or a part of it --------------------------------------------------------------------------- */

static bool take_member(struct slice json, struct slice key, struct arena *a, struct slice *out, struct err *e)
{
	json_t *object = json_loadb(json.len ? json.ptr : "", json.len, 0, NULL);
	const json_t *value = json_object_get(object, arena_cstr(a, key));
	bool ok = json_is_string(value);

	if (!json_is_object(object))
		err_set(e, "there is no JSON object to take '%.*s' from", SLICE_ARG(key));
	else if (!ok)
		err_set(e, "there is no string '%.*s' in it", SLICE_ARG(key));
	else
		*out = arena_dup(a, slice_of(json_string_value(value), json_string_length(value)));
	json_decref(object);
	return ok;
}

static bool take_key(const struct reference *r, struct slice found, struct arena *a, struct slice *out, struct err *e)
{
	if (slice_is_set(r->key))
		return take_member(found, r->key, a, out, e);
	*out = found;
	return true;
}

/* ---- env ------------------------------------------------------------------------------------------------------- */

static const char *variable_name(const struct vault_source *v, const struct reference *r, struct arena *a)
{
	struct slice prefix = option(r, S("prefix"), v->variable_prefix);
	const char *suffix = slice_eq(r->version, S("2")) ? "_PREVIOUS" : "";
	char *name = arena_cstr(a, arena_printf(a, "%.*s%.*s%s", SLICE_ARG(prefix), SLICE_ARG(r->resource), suffix));

	for (char *at = name; *at; at++) {
		if (*at == '-')
			*at = '_';
		else if (*at >= 'a' && *at <= 'z')
			*at = (char)(*at - 'a' + 'A');
	}
	return name;
}

static bool read_variable(
        const struct vault_source *v, const struct reference *r, struct arena *a, struct slice *out, struct err *e)
{
	const char *name = variable_name(v, r, a), *value = getenv(name);

	if (!value || strlen(value) > VAULT_SECRET_MAX)
		return err_set(e, "the environment variable %s %s", name, value ? "is too long" : "is not set");
	*out = arena_dup(a, slice_cstr(value));
	return true;
}

/* ---- file ------------------------------------------------------------------------------------------------------ */

/* Links are followed first, so that none of them leads outside. */
static bool is_below(const char *root, const char *path, char real[PATH_MAX])
{
	char real_root[PATH_MAX];
	size_t n;

	if (!realpath(root, real_root) || !realpath(path, real))
		return false;
	n = strlen(real_root);
	return strncmp(real, real_root, n) == 0 && (real[n] == '/' || real[n] == '\0');
}

static bool read_below(
        const struct vault_source *v, struct slice path, struct arena *a, struct slice *out, struct err *e)
{
	char real[PATH_MAX];

	if (!is_below(arena_cstr(a, v->root), arena_cstr(a, path), real))
		return err_set(e, "there is no file '%.*s', or it is not below vault_file_path, %.*s",
		        SLICE_ARG(path), SLICE_ARG(v->root));
	if (!file_read(a, real, VAULT_SECRET_MAX, out, e))
		return false;
	if (slice_ends(*out, S("\n")))
		out->len--;
	return true;
}

static bool is_directory(struct arena *a, struct slice path)
{
	struct stat st;
	return stat(arena_cstr(a, path), &st) == 0 && S_ISDIR(st.st_mode);
}

/* A file of the directory, or a member of the one JSON file. */
static bool read_file(
        const struct vault_source *v, const struct reference *r, struct arena *a, struct slice *out, struct err *e)
{
	struct slice all;

	if (is_directory(a, v->path))
		return read_below(
		        v, arena_printf(a, "%.*s/%.*s", SLICE_ARG(v->path), SLICE_ARG(r->resource)), a, out, e);
	return read_below(v, v->path, a, &all, e) && take_member(all, r->resource, a, out, e);
}

bool vault_read(const struct vault_source *v, struct slice text, struct arena *a, struct slice *out, struct err *e)
{
	struct reference r;
	struct slice found;

	if (!take_apart(text, &r))
		return err_set(e, "expected {vault://vault/name}");
	bool ok = v->type == VAULT_ENV ? read_variable(v, &r, a, &found, e) : read_file(v, &r, a, &found, e);
	return ok && take_key(&r, found, a, out, e);
}
