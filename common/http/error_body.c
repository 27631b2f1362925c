/* error_body: see error_body.h. The layouts are part of the contract down to the last newline: clients compare them.
 */
#include "common/http/error_body.h"

#include "common/core/text.h"
#include "common/http/h1_scan.h"

/* --- which format ---------------------------------------------------------------------------------------- */

/* qvalue of RFC 9110 12.4.2 in thousandths, or -1. */
static int read_quality(struct slice s)
{
	int q = 0, scale = 1000;

	if (s.len == 0 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1') || (s.len > 1 && s.ptr[1] != '.'))
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (i == 1)
			continue;
		if (!h1_is(s.ptr[i], H1_DIGIT))
			return -1;
		q += (s.ptr[i] - '0') * scale;
		scale /= 10;
	}
	return q <= 1000 ? q : -1;
}

/* Parameters behind a media range: the weight, -1 when they are malformed. */
static int weight_of(struct slice parameters)
{
	int q = 1000;

	while (slice_is_set(parameters)) {
		struct slice value = slice_cut(&parameters, ';');
		struct slice name = slice_trim(slice_cut(&value, '='));
		if (!h1_is_token(name))
			return -1;
		if (slice_ieq(name, S("q")) && (q = read_quality(slice_trim(value))) < 0)
			return -1;
	}
	return q;
}

static bool is_media_range(struct slice s)
{
	struct slice subtype = s;
	struct slice type = slice_cut(&subtype, '/');
	return h1_is_token(type) && h1_is_token(subtype);
}

/* A range that we can not serve leaves *kind as it is. */
static void choose(enum error_kind *kind, struct slice range)
{
	static const struct {
		struct slice range;
		enum error_kind kind;
	} known[] = {
	        {SLICE("application/json"), ERROR_JSON},
	        {SLICE("text/html"), ERROR_HTML},
	        {SLICE("application/xml"), ERROR_XML},
	        {SLICE("text/plain"), ERROR_PLAIN},
	        {SLICE("application/*"), ERROR_JSON},
	        {SLICE("text/*"), ERROR_PLAIN},
	        {SLICE("*/*"), ERROR_JSON},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (slice_ieq(range, known[i].range))
			*kind = known[i].kind;
}

enum error_kind error_body_negotiate(struct slice accept, enum error_kind fallback)
{
	enum error_kind kind = ERROR_JSON;
	int best = 0;

	if (!slice_is_set(accept))
		return fallback;
	while (slice_is_set(accept)) {
		struct slice parameters = slice_cut(&accept, ',');
		struct slice range = slice_trim(slice_cut(&parameters, ';'));
		int q = is_media_range(range) ? weight_of(parameters) : -1;
		if (q <= best)
			continue;
		best = q;
		choose(&kind, range);
	}
	return kind;
}

struct slice error_body_type(enum error_kind kind)
{
	switch (kind) {
	case ERROR_HTML: return S("text/html; charset=utf-8");
	case ERROR_XML: return S("application/xml; charset=utf-8");
	case ERROR_PLAIN: return S("text/plain; charset=utf-8");
	default: return S("application/json; charset=utf-8");
	}
}

/* --- the bytes ------------------------------------------------------------------------------------------- */

/* For HTML and XML alike; what XML 1.0 cannot hold becomes U+FFFD. */
static void put_markup(struct text *t, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		switch (c) {
		case '&': text_puts(t, "&amp;"); break;
		case '<': text_puts(t, "&lt;"); break;
		case '>': text_puts(t, "&gt;"); break;
		case '"': text_puts(t, "&quot;"); break;
		case '\'': text_puts(t, "&#39;"); break;
		default:
			if (c >= ' ' || c == '\t' || c == '\n' || c == '\r')
				text_putc(t, (char)c);
			else
				text_puts(t, "\xef\xbf\xbd");
		}
	}
}

static void put_json(struct text *t, struct slice message, struct slice id)
{
	text_puts(t, "{\n  \"message\":");
	text_put_json(t, message);
	if (slice_is_set(id)) {
		text_puts(t, ",\n  \"request_id\":");
		text_put_json(t, id);
	}
	text_puts(t, "\n}");
}

static void put_plain(struct text *t, struct slice message, struct slice id)
{
	text_put(t, message);
	text_putc(t, '\n');
	if (slice_is_set(id))
		text_printf(t, "request_id: %.*s\n", SLICE_ARG(id));
}

static void put_html(struct text *t, struct slice message, struct slice id)
{
	const char *title = slice_is_set(id) ? "Error" : "Kong Error";

	text_printf(t,
	        "<!doctype html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    <title>%s</title>\n  </head>\n"
	        "  <body>\n    <h1>%s</h1>\n    <p>",
	        title, title);
	put_markup(t, message);
	text_puts(t, ".</p>\n");
	if (slice_is_set(id)) {
		text_puts(t, "    <p>request_id: ");
		put_markup(t, id);
		text_puts(t, "</p>\n");
	}
	text_puts(t, "  </body>\n</html>\n");
}

static void put_xml(struct text *t, struct slice message, struct slice id)
{
	text_puts(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n  <message>");
	put_markup(t, message);
	text_puts(t, "</message>\n");
	if (slice_is_set(id)) {
		text_puts(t, "  <requestid>");
		put_markup(t, id);
		text_puts(t, "</requestid>\n");
	}
	text_puts(t, "</error>\n");
}

struct slice error_body(struct arena *a, enum error_kind kind, struct slice message, struct slice request_id)
{
	struct text t = {0};

	switch (kind) {
	case ERROR_HTML: put_html(&t, message, request_id); break;
	case ERROR_XML: put_xml(&t, message, request_id); break;
	case ERROR_PLAIN: put_plain(&t, message, request_id); break;
	default: put_json(&t, message, request_id); break;
	}
	struct slice out = arena_dup(a, text_slice(&t));
	text_fini(&t);
	return out;
}

/* ---- templates ------------------------------------------------------------------------------------------------- */

static void put_for(struct text *t, enum error_kind kind, struct slice s)
{
	struct text quoted = {0};
	switch (kind) {
	case ERROR_JSON:
		text_put_json(&quoted, s);
		text_put(t, slice_of(quoted.ptr + 1, quoted.len - 2)); /* the quotes are the template's */
		break;
	case ERROR_HTML:
	case ERROR_XML: put_markup(t, s); break;
	default: text_put(t, s); break;
	}
	text_fini(&quoted);
}

struct slice error_body_from(
        struct arena *a, struct slice template, enum error_kind kind, struct slice message, struct slice request_id)
{
	struct text t = {0};
	int place = 0;

	for (size_t i = 0; i < template.len; i++) {
		if (template.ptr[i] != '%' || i + 1 == template.len)
			text_putc(&t, template.ptr[i]);
		else if (template.ptr[++i] == 's')
			put_for(&t, kind, place++ == 0 ? message : slice_is_set(request_id) ? request_id : S(""));
		else
			text_putc(&t, template.ptr[i]);
	}
	struct slice out = arena_dup(a, text_slice(&t));
	text_fini(&t);
	return out;
}

bool error_template_check(struct slice template, struct slice path, struct err *e)
{
	int places = 0;
	for (size_t i = 0; i + 1 < template.len; i++) {
		if (template.ptr[i] != '%')
			continue;
		char c = template.ptr[++i];
		if (c != 's' && c != '%')
			return err_set(
			        e, "%.*s: '%%%c' is no place for anything, expected %%s or %%%%", SLICE_ARG(path), c);
		places += c == 's';
	}
	return places <= 2 ||
	       err_set(e, "%.*s has %d places marked %%s, expected at most two: message and request id",
	               SLICE_ARG(path), places);
}

struct slice http_default_message(struct arena *a, int status)
{
	switch (status) {
	case 400: return S("Bad request");
	case 401: return S("Unauthorized");
	case 402: return S("Payment required");
	case 403: return S("Forbidden");
	case 404: return S("Not found");
	case 405: return S("Method not allowed");
	case 406: return S("Not acceptable");
	case 407: return S("Proxy authentication required");
	case 408: return S("Request timeout");
	case 409: return S("Conflict");
	case 410: return S("Gone");
	case 411: return S("Length required");
	case 412: return S("Precondition failed");
	case 413: return S("Payload too large");
	case 414: return S("URI too long");
	case 415: return S("Unsupported media type");
	case 416: return S("Range not satisfiable");
	case 417: return S("Expectation failed");
	case 418: return S("I'm a teapot");
	case 421: return S("Misdirected request");
	case 422: return S("Unprocessable entity");
	case 423: return S("Locked");
	case 424: return S("Failed dependency");
	case 425: return S("Too early");
	case 426: return S("Upgrade required");
	case 428: return S("Precondition required");
	case 429: return S("Too many requests");
	case 431: return S("Request header fields too large");
	case 451: return S("Unavailable for legal reasons");
	case 494: return S("Request header or cookie too large");
	case 500: return S("An unexpected error occurred");
	case 501: return S("Not implemented");
	case 502: return S("An invalid response was received from the upstream server");
	case 503: return S("The upstream server is currently unavailable");
	case 504: return S("The upstream server is timing out");
	case 505: return S("HTTP version not supported");
	case 506: return S("Variant also negotiates");
	case 507: return S("Insufficient storage");
	case 508: return S("Loop detected");
	case 510: return S("Not extended");
	case 511: return S("Network authentication required");
	default: return arena_printf(a, "The upstream server responded with %d", status);
	}
}
