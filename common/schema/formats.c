/* formats: names, tags and headers, and the table of all formats. See formats.h. */
#include "common/schema/formats_private.h"

#include "common/core/utf8.h"

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_char(char c)
{
	return is_alnum(c) || c == '.' || c == '-' || c == '_' || c == '~';
}

static bool format_uuid(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	return is_uuid(v) || err_set(e, "expected a valid UUID");
}

static bool format_name(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	for (size_t i = 0; i < v.len; i++)
		if (!is_name_char(v.ptr[i]))
			return err_set(e, "invalid value '%.*s': it must only contain alphanumeric and '., -, _, ~' characters",
				SLICE_ARG(v));
	return true;
}

static bool format_utf8_name(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	ptrdiff_t at = utf8_invalid_at(v);
	if (at >= 0)
		return err_set(e, "invalid utf-8 character sequence detected at position %td", at + 1);
	for (size_t i = 0; i < v.len; i++)
		if (!((unsigned char)v.ptr[i] & 0x80) && !is_name_char(v.ptr[i]))
			return err_set(e,
				"invalid value '%.*s': the only accepted ascii characters are alphanumerics or ., -, _, and ~",
				SLICE_ARG(v));
	return true;
}

static bool format_header_name(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	for (size_t i = 0; i < v.len; i++)
		if (!is_alnum(v.ptr[i]) && v.ptr[i] != '_' && v.ptr[i] != '-')
			return err_set(e, "bad header name '%.*s', allowed characters are A-Z, a-z, 0-9, '_', and '-'",
				SLICE_ARG(v));
	return true;
}

static bool format_cookie_name(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	static const char forbidden[] = " \t()<>@,;:\\\"/?={}[]";
	for (size_t i = 0; i < v.len; i++) {
		unsigned char c = (unsigned char)v.ptr[i];
		if (c < 32 || c == 127 || strchr(forbidden, c))
			return err_set(e, "contains one or more invalid characters. ASCII control characters (0-31;127), space, tab "
					  "and the characters ()<>@,;:\\\"/?={}[] are not allowed.");
	}
	return true;
}

static bool format_http_method(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	for (size_t i = 0; i < v.len; i++)
		if (v.ptr[i] < 'A' || v.ptr[i] > 'Z')
			return err_set(e, "invalid value: %.*s", SLICE_ARG(v));
	return true;
}

static bool format_tag(struct slice v, struct arena *a, struct slice *r, struct err *e)
{
	bool ok = utf8_invalid_at(v) < 0;
	for (size_t i = 0; ok && i < v.len; i++) {
		unsigned char c = (unsigned char)v.ptr[i];
		ok = c >= 0x80 || (c >= 0x20 && c < 0x7f && c != ',' && c != '/');
	}
	return ok || err_set(e, "invalid tag '%.*s': expected printable ascii (except `,` and `/`) or valid utf-8 sequences",
			     SLICE_ARG(v));
}

static const format_fn formats[FORMAT_COUNT] = {
	[FORMAT_UUID] = format_uuid,
	[FORMAT_NAME] = format_name,
	[FORMAT_UTF8_NAME] = format_utf8_name,
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
	[FORMAT_HEADER_NAME] = format_header_name,
	[FORMAT_COOKIE_NAME] = format_cookie_name,
	[FORMAT_HTTP_METHOD] = format_http_method,
	[FORMAT_TAG] = format_tag,
	[FORMAT_REGEX] = format_regex,
	[FORMAT_UPSTREAM_NAME] = format_upstream_name,
	[FORMAT_TARGET] = format_target,
};

bool format_check(enum format format, struct slice value, struct arena *a, struct slice *replacement, struct err *e)
{
	*replacement = (struct slice){NULL, 0};
	return !formats[format] || formats[format](value, a, replacement, e);
}
