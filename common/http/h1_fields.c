/* h1_fields: field lines, "name: value" (RFC 9112 5). One scan over the name, one over the value, one look-up. */
#include "common/http/h1_private.h"

const char *h1_scan_text(struct h1_reader *r, const char *p)
{
	p = h1_scan_value(p, r->stop);
	while (r->response && p < r->stop && *p != '\r' && *p != '\n' && *p != '\0') {
		r->controls = true;
		p = h1_scan_value(p + 1, r->stop);
	}
	return p;
}

/* A line that begins like no field: says what is wrong with it. p: the first byte that is not of a name. */
static enum h1_result bad_name(struct h1_reader *r, const char *p)
{
	if (p == r->stop)
		return h1_short(r, 494);
	if (p == r->at && (*p == ' ' || *p == '\t'))
		return h1_bad(r, 400,
		        r->head->count ? "folded header line (RFC 9112 5.2)"
		                       : "white space before the first header line (RFC 9112 2.2)");
	if (p == r->at && *p == ':')
		return h1_bad(r, 400, "empty header name (RFC 9112 5.1)");
	if (*p == ' ' || *p == '\t')
		return h1_bad(r, 400, "white space before colon in header line (RFC 9112 5.1)");
	if (*p == '\r' || *p == '\n')
		return h1_bad(r, 400, "header line without colon (RFC 9112 5)");
	return h1_bad(r, 400, "invalid character in header name (RFC 9110 5.1)");
}

/* More than one of them is counted, the first is kept. */
static inline void note(struct slice *first, uint16_t *count, struct slice value)
{
	if ((*count)++ == 0)
		*first = value;
}

/* A repetition of Content-Length or Transfer-Encoding is an error, unless an upstream's equal one is to be tolerated.
 */
static void note_framing(struct h1_reader *r, struct slice *first, uint16_t *count, struct slice value)
{
	if (*count && r->response && r->limits->tolerate_equal && slice_eq(*first, value))
		return;
	note(first, count, value);
}

static void note_field(struct h1_reader *r, enum header_id id, struct slice value)
{
	switch (id) {
	case HEADER_HOST: note(&r->host, &r->hosts, value); break;
	case HEADER_CONTENT_LENGTH: note_framing(r, &r->length, &r->lengths, value); break;
	case HEADER_TRANSFER_ENCODING: note_framing(r, &r->coding, &r->codings, value); break;
	case HEADER_CONNECTION: r->connection = true; break;
	case HEADER_UPGRADE: r->upgrade = true; break;
	case HEADER_EXPECT: r->expect = true; break;
	default: break;
	}
}

/* The fields that note_field looks at. */
static const uint8_t noted[HEADER_COUNT] = {
        [HEADER_HOST] = 1,
        [HEADER_CONTENT_LENGTH] = 1,
        [HEADER_TRANSFER_ENCODING] = 1,
        [HEADER_CONNECTION] = 1,
        [HEADER_UPGRADE] = 1,
        [HEADER_EXPECT] = 1,
};

static inline void add_field(struct h1_reader *r, struct slice name, struct slice value)
{
	struct head *h = r->head;
	enum header_id id = header_id_of(name);

	if (__builtin_expect(h->count == h->cap, 0))
		head_grow(h);
	h->headers[h->count++] = (struct header){.name = name, .value = value, .id = (uint16_t)id};
	if (noted[id])
		note_field(r, id, value);
}

static inline struct slice trim_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return slice_of(p, (size_t)(end - p));
}

enum h1_result h1_read_fields(struct h1_reader *r)
{
	for (;;) {
		enum h1_result result;
		const char *next;

		h1_begin_line(r);
		if (r->at < r->stop && (*r->at == '\r' || *r->at == '\n')) {
			next = h1_line_end(r, r->at, 494, &result);
			if (!next)
				return result;
			r->at = next;
			return H1_DONE;
		}

		const char *colon = h1_scan_token(r->at, r->stop);
		if (__builtin_expect(colon == r->stop || *colon != ':' || colon == r->at, 0))
			return bad_name(r, colon);
		const char *end = h1_scan_text(r, colon + 1);
		next = h1_line_end(r, end, 494, &result);
		if (!next)
			return result;
		if (r->head->count >= r->limits->fields)
			return h1_bad(r, 494, "too many header fields");
		add_field(r, slice_of(r->at, (size_t)(colon - r->at)), trim_blanks(colon + 1, end));
		r->at = next;
	}
}
