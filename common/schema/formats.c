/* formats: the dispatcher and the formats of plain text. Hosts are in formats_host.c, paths and URLs in
 * formats_path.c. */
#include "common/schema/formats_private.h"

#include "common/core/utf8.h"
#include "common/core/uuid.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

bool format_is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool format_is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* ---- names and words ------------------------------------------------------------------------------------------- */

static bool check_uuid(struct slice s, struct check *c)
{
	struct uuid u;
	if (!uuid_parse(s, &u))
		return err_set(c->e, "expected a valid UUID");
	char *text = arena_alloc(c->arena, UUID_TEXT + 1);
	uuid_format(&u, text);
	*c->replacement = slice_cstr(text);
	return true;
}

static bool check_name(struct slice s, struct check *c)
{
	for (size_t i = 0; i < s.len; i++)
		if (!format_is_alnum(s.ptr[i]) && !format_is_one_of(s.ptr[i], ".-_~"))
			return err_set(c->e,
			        "invalid value '%.*s': it must only contain alphanumeric and '., -, _, ~' characters",
			        SLICE_ARG(s));
	return true;
}

static bool check_utf8(struct slice s, struct err *e)
{
	ptrdiff_t bad = utf8_invalid_at(s);
	return bad < 0 || err_set(e, "invalid utf-8 character sequence detected at position %td", bad + 1);
}

static bool check_utf8_name(struct slice s, struct check *c)
{
	if (!check_utf8(s, c->e))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < 0x80 && !format_is_alnum(s.ptr[i]) &&
		        !format_is_one_of(s.ptr[i], ".-_~"))
			return err_set(c->e,
			        "invalid value '%.*s': the only accepted ascii characters are alphanumerics or ., -, _, and ~",
			        SLICE_ARG(s));
	return true;
}

static bool check_tag(struct slice s, struct check *c)
{
	bool good = utf8_invalid_at(s) < 0;
	for (size_t i = 0; good && i < s.len; i++) {
		unsigned char b = (unsigned char)s.ptr[i];
		good = b >= 0x80 || (b >= 0x20 && b < 0x7f && b != ',' && b != '/');
	}
	return good ||
	       err_set(c->e,
	               "invalid tag '%.*s': expected printable ascii (except `,` and `/`) or valid utf-8 sequences",
	               SLICE_ARG(s));
}

static bool check_header_name(struct slice s, struct check *c)
{
	for (size_t i = 0; i < s.len; i++)
		if (!format_is_alnum(s.ptr[i]) && !format_is_one_of(s.ptr[i], "_-"))
			return err_set(c->e,
			        "bad header name '%.*s', allowed characters are A-Z, a-z, 0-9, '_', and '-'",
			        SLICE_ARG(s));
	return true;
}

static bool check_cookie_name(struct slice s, struct check *c)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char b = (unsigned char)s.ptr[i];
		if (b <= 0x20 || b == 0x7f || format_is_one_of(s.ptr[i], "()<>@,;:\\\"/?={}[]"))
			return err_set(c->e,
			        "contains one or more invalid characters. ASCII control characters (0-31;127), "
			        "space, tab and the characters ()<>@,;:\\\"/?={}[] are not allowed.");
	}
	return true;
}

static bool check_http_method(struct slice s, struct check *c)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 'A' || s.ptr[i] > 'Z')
			return err_set(c->e, "invalid value: %.*s", SLICE_ARG(s));
	return true;
}

/* ---- regular expressions --------------------------------------------------------------------------------------- */

bool format_regex_compiles(struct slice s, struct err *e)
{
	int number;
	PCRE2_SIZE at;
	PCRE2_UCHAR why[256];

	pcre2_code *code = pcre2_compile((PCRE2_SPTR)s.ptr, s.len, 0, &number, &at, NULL);
	if (code) {
		pcre2_code_free(code);
		return true;
	}
	pcre2_get_error_message(number, why, sizeof why);
	return err_set(e, "%s at offset %zu", (const char *)why, at);
}

static bool check_regex(struct slice s, struct check *c)
{
	return format_regex_compiles(s, c->e) || err_set(c->e, "not a valid regex: %.*s", SLICE_ARG(s));
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

bool format_check(enum format format, struct slice value, struct arena *a, struct slice *replacement, struct err *e)
{
	static bool (*const checks[FORMAT_COUNT])(struct slice, struct check *) = {
	        [FORMAT_UUID] = check_uuid,
	        [FORMAT_NAME] = check_name,
	        [FORMAT_UTF8_NAME] = check_utf8_name,
	        [FORMAT_HOST] = format_host,
	        [FORMAT_HOST_OPT_PORT] = format_host_opt_port,
	        [FORMAT_WILDCARD_HOST] = format_wildcard_host,
	        [FORMAT_ROUTE_HOST] = format_route_host,
	        [FORMAT_SNI] = format_sni,
	        [FORMAT_IP] = format_ip,
	        [FORMAT_IP_OR_CIDR] = format_ip_or_cidr,
	        [FORMAT_PATH] = format_path,
	        [FORMAT_ROUTER_PATH] = format_router_path,
	        [FORMAT_URL] = format_url,
	        [FORMAT_HEADER_NAME] = check_header_name,
	        [FORMAT_COOKIE_NAME] = check_cookie_name,
	        [FORMAT_HTTP_METHOD] = check_http_method,
	        [FORMAT_TAG] = check_tag,
	        [FORMAT_REGEX] = check_regex,
	        [FORMAT_UPSTREAM_NAME] = format_upstream_name,
	        [FORMAT_TARGET] = format_target,
	};
	struct check c = {a, replacement, e};
	return !checks[format] || checks[format](value, &c);
}
