/* access_line: see access_line.h. Runs once per request, so the plain form is put together without printf. */
#include "common/serve/access_line.h"

#include "common/core/base64.h"
#include "common/http/date.h"

/* ---- pieces ---------------------------------------------------------------------------------------------------- */

static char *put(char *p, struct slice s)
{
	memcpy(p, s.ptr, s.len);
	return p + s.len;
}

#define PUT(p, literal) put(p, S(literal))

static char *put_number(char *p, uint64_t n)
{
	char digits[20];
	size_t i = sizeof digits;
	do
		digits[--i] = (char)('0' + n % 10);
	while (n /= 10);
	return put(p, slice_of(digits + i, sizeof digits - i));
}

/* As nginx writes it: '"', '\' and what is not printable ASCII becomes \xXX. Four times the length is room enough. */
static char *put_escaped(char *p, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c >= 0x20 && c <= 0x7e && c != '"' && c != '\\') {
			*p++ = (char)c;
			continue;
		}
		*p++ = '\\';
		*p++ = 'x';
		*p++ = "0123456789ABCDEF"[c >> 4];
		*p++ = "0123456789ABCDEF"[c & 15];
	}
	return p;
}

static char *put_value(char *p, struct slice s)
{
	return s.len ? put_escaped(p, s) : PUT(p, "-");
}

/* The time of a second is asked for many times. "02/Jan/2026:15:04:05 +0000" */
struct slice access_time(int64_t now_s)
{
	static __thread int64_t formatted = -1;
	static __thread char text[27];
	char date[HTTP_DATE_LEN + 1]; /* "Fri, 02 Jan 2026 15:04:05 GMT" */

	if (now_s != formatted) {
		http_date(now_s, date);
		char *p = put(text, slice_of(date + 5, 2));
		p = put(PUT(p, "/"), slice_of(date + 8, 3));
		p = put(PUT(p, "/"), slice_of(date + 12, 4));
		p = put(PUT(p, ":"), slice_of(date + 17, 8));
		PUT(p, " +0000");
		formatted = now_s;
	}
	return slice_of(text, 26);
}

static struct slice version_text(const struct head *h)
{
	return h->version == HTTP_2 ? S("HTTP/2.0") : h->version == HTTP_1_0 ? S("HTTP/1.0") : S("HTTP/1.1");
}

/* The name in Basic credentials; never the password. */
static struct slice user_of(const struct head *h)
{
	struct slice value = head_get(h, HEADER_AUTHORIZATION), pair, prefix = S("Basic ");
	if (value.len <= prefix.len || !slice_ieq(slice_of(value.ptr, prefix.len), prefix))
		return (struct slice){0};
	if (!base64_decode(h->arena, slice_trim(slice_from(value, prefix.len)), BASE64_STANDARD, &pair))
		return (struct slice){0};
	ptrdiff_t colon = slice_find(pair, ':');
	return colon < 0 ? (struct slice){0} : slice_of(pair.ptr, (size_t)colon);
}

/* ---- the forms ------------------------------------------------------------------------------------------------- */

static char *put_request(char *p, const struct head *h)
{
	if (h->method.len == 0)
		return p;
	p = put_escaped(p, h->method);
	p = put_escaped(PUT(p, " "), h->target);
	return put(PUT(p, " "), version_text(h));
}

static void put_plain(struct text *out, const struct access_entry *e)
{
	const struct head *h = e->request;
	struct slice referer = head_get(h, HEADER_REFERER), agent = head_get(h, HEADER_USER_AGENT), user = user_of(h);
	size_t most = 256 + e->client_ip.len +
	              4 * (user.len + h->method.len + h->target.len + referer.len + agent.len + e->request_id.len);
	char *begin = text_reserve(out, most), *p = put_value(begin, e->client_ip);

	p = put_value(PUT(p, " - "), user);
	p = put(PUT(p, " ["), access_time(e->now_s));
	p = put_request(PUT(p, "] \""), h);
	p = put_number(PUT(p, "\" "), (uint64_t)e->status);
	p = put_number(PUT(p, " "), e->body_bytes);
	p = put_value(PUT(p, " \""), referer);
	p = put_value(PUT(p, "\" \""), agent);
	p = PUT(p, "\"");
	if (slice_is_set(e->request_id)) {
		p = put_escaped(PUT(p, " kong_request_id: \""), e->request_id);
		p = PUT(p, "\"");
	}
	*p++ = '\n';
	*p = '\0';
	out->len += (size_t)(p - begin);
}

static void put_member(struct text *out, const char *name, struct slice value)
{
	if (!slice_is_set(value))
		return;
	text_printf(out, ",\"%s\":", name);
	text_put_json(out, value);
}

static void put_as_json(struct text *out, const struct access_entry *e)
{
	const struct head *h = e->request;
	text_puts(out, "{\"time\":");
	text_put_json(out, access_time(e->now_s));
	text_printf(out, ",\"status\":%d,\"body_bytes_sent\":%llu,\"duration_ms\":%llu", e->status,
	        (unsigned long long)e->body_bytes, (unsigned long long)e->duration_ms);
	put_member(out, "remote_addr", e->client_ip);
	put_member(out, "remote_user", user_of(h));
	put_member(out, "method", h->method);
	put_member(out, "uri", h->target);
	put_member(out, "protocol", h->method.len ? version_text(h) : (struct slice){0});
	put_member(out, "host", head_get(h, HEADER_HOST));
	put_member(out, "referer", head_get(h, HEADER_REFERER));
	put_member(out, "user_agent", head_get(h, HEADER_USER_AGENT));
	put_member(out, "route", e->route);
	put_member(out, "service", e->service);
	put_member(out, "upstream", e->upstream);
	put_member(out, "request_id", e->request_id);
	text_puts(out, "}\n");
}

void access_line(struct text *out, enum access_format format, const struct access_entry *e)
{
	if (format == ACCESS_JSON)
		put_as_json(out, e);
	else
		put_plain(out, e);
}
