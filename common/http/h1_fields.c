/* h1_fields: field lines, "name: value" (RFC 9112 5). One scan over the name, one over the value, one look-up. */
#include "common/http/h1_private.h"

#include "common/http/header_id.h"

const char *h1_skip_controls(struct h1_reader *r, const char *p, const char *stop)
{
	while (p < stop && *p != '\r' && *p != '\n' && *p != '\0') {
		r->controls = true;
		p = h1_scan_value(r->start, p + 1, stop);
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
	enum header_id id = header_look_up(name.ptr, name.len);

	head_put(h, id, name, value);
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

/* at and stop are kept in registers and given back to the reader when the line is not an ordinary one. */
enum h1_result h1_read_fields(struct h1_reader *r)
{
	const char *at = r->at;

	header_table_prepare();
	for (;;) {
		enum h1_result result;
		const char *stop = h1_line_stop(r, at);

		if (__builtin_expect(at == stop || *at == '\r' || *at == '\n', 0)) {
			h1_begin_line(r, at);
			if (at == stop)
				return h1_short(r, 494);
			at = h1_line_end(r, at, 494, &result);
			r->at = at;
			return at ? H1_DONE : result;
		}
		const char *colon = h1_scan_token(r->start, at, stop);
		if (__builtin_expect(colon == stop || *colon != ':' || colon == at, 0)) {
			h1_begin_line(r, at);
			return bad_name(r, colon);
		}
		const char *end = h1_scan_text(r, colon + 1, stop), *next = end + 2;
		if (__builtin_expect(stop - end < 2 || end[0] != '\r' || end[1] != '\n', 0)) {
			h1_begin_line(r, at);
			if (!(next = h1_line_end(r, end, 494, &result)))
				return result;
		}
		if (r->head->count >= r->limits->fields)
			return h1_bad(r, 494, "too many header fields");
		add_field(r, slice_of(at, (size_t)(colon - at)), trim_blanks(colon + 1, end));
		at = next;
	}
}
