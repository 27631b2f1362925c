/* h1_chunk: see h1_chunk.h. One byte at a time but for the data, which is handed on in pieces as it came. Any state
 * may be interrupted by the end of the input; a decoder that has said H1_CHUNK_BAD says so for ever. */
#include "common/http/h1_chunk.h"

#include "common/http/h1_scan.h"

enum {
	MAX_DIGITS = 16,
	MAX_SIZE_LINE = 256, /* of one size line, with its extensions */
	MAX_EXTENSIONS = 16 * 1024,
	MAX_TRAILER_LINE = 8192,
	MAX_TRAILERS = 32768,
	MAX_TRAILER_FIELDS = 1000,
};

enum state {
	SIZE,       /* hex digits */
	SIZE_BLANK, /* blanks that only an extension may follow */
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER, /* the first byte of a trailer line, or of the last line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
	END,
	BAD,
};

void h1_chunk_init(struct h1_chunk *c)
{
	*c = (struct h1_chunk){.state = SIZE};
}

static enum state on_size(struct h1_chunk *c, char byte)
{
	if (h1_is(byte, H1_HEX)) {
		int digit = h1_is(byte, H1_DIGIT) ? byte - '0' : ascii_lower((unsigned char)byte) - 'a' + 10;
		if (c->digits++ == MAX_DIGITS || c->left >> 59) /* beyond 2^63 - 1: nobody means that */
			return BAD;
		c->left = c->left << 4 | (uint64_t)digit;
		return SIZE;
	}
	if (c->digits == 0)
		return BAD;
	switch (byte) {
	case '\r': return SIZE_LF;
	case ';': return EXTENSION;
	case ' ':
	case '\t': return SIZE_BLANK;
	default: return BAD;
	}
}

static enum state on_size_blank(char byte)
{
	if (byte == ';')
		return EXTENSION;
	return byte == ' ' || byte == '\t' ? SIZE_BLANK : BAD;
}

static enum state on_extension(struct h1_chunk *c, char byte)
{
	if (byte == '\r')
		return SIZE_LF;
	if (!h1_is(byte, H1_VALUE) || ++c->extension_bytes > MAX_EXTENSIONS)
		return BAD;
	return EXTENSION;
}

static enum state on_size_lf(struct h1_chunk *c, char byte)
{
	if (byte != '\n')
		return BAD;
	c->digits = 0;
	c->line_bytes = 0;
	return c->left ? DATA : TRAILER;
}

static enum state on_trailer_start(struct h1_chunk *c, char byte)
{
	c->line_bytes = 0;
	if (byte == '\r')
		return LAST_LF;
	if (!h1_is(byte, H1_TOKEN) || ++c->trailer_fields > MAX_TRAILER_FIELDS)
		return BAD;
	return TRAILER_NAME;
}

static enum state on_trailer_name(char byte)
{
	if (byte == ':')
		return TRAILER_VALUE;
	return h1_is(byte, H1_TOKEN) ? TRAILER_NAME : BAD;
}

static enum state on_trailer_value(char byte)
{
	if (byte == '\r')
		return TRAILER_LF;
	return h1_is(byte, H1_VALUE) ? TRAILER_VALUE : BAD;
}

static enum state next_state(struct h1_chunk *c, char byte)
{
	switch ((enum state)c->state) {
	case SIZE: return on_size(c, byte);
	case SIZE_BLANK: return on_size_blank(byte);
	case EXTENSION: return on_extension(c, byte);
	case SIZE_LF: return on_size_lf(c, byte);
	case DATA_CR: return byte == '\r' ? DATA_LF : BAD;
	case DATA_LF: return byte == '\n' ? SIZE : BAD;
	case TRAILER: return on_trailer_start(c, byte);
	case TRAILER_NAME: return on_trailer_name(byte);
	case TRAILER_VALUE: return on_trailer_value(byte);
	case TRAILER_LF: return byte == '\n' ? TRAILER : BAD;
	case LAST_LF: return byte == '\n' ? END : BAD;
	case DATA:
	case END:
	case BAD: break;
	}
	return BAD;
}

static bool is_within_limits(struct h1_chunk *c)
{
	if (c->state <= SIZE_LF)
		return ++c->line_bytes <= MAX_SIZE_LINE;
	if (c->state >= TRAILER && c->state <= LAST_LF)
		return ++c->line_bytes <= MAX_TRAILER_LINE && ++c->trailer_bytes <= MAX_TRAILERS;
	return true;
}

static struct slice take_data(struct h1_chunk *c, struct slice in, size_t at)
{
	size_t n = in.len - at;
	if (n > c->left)
		n = (size_t)c->left;
	c->left -= n;
	if (c->left == 0)
		c->state = DATA_CR;
	return slice_of(in.ptr + at, n);
}

enum h1_chunk_result h1_chunk_next(struct h1_chunk *c, struct slice in, size_t *used, struct slice *data)
{
	size_t i = 0;

	while (i < in.len && c->state != END && c->state != BAD) {
		if (c->state == DATA) {
			*data = take_data(c, in, i);
			*used = i + data->len;
			return H1_CHUNK_DATA;
		}
		c->state = is_within_limits(c) ? (uint8_t)next_state(c, in.ptr[i]) : BAD;
		i++;
	}
	*used = i;
	if (c->state == END)
		return H1_CHUNK_END;
	return c->state == BAD ? H1_CHUNK_BAD : H1_CHUNK_MORE;
}

size_t h1_chunk_head(char *out, uint64_t n)
{
	size_t digits = n ? (size_t)(67 - __builtin_clzll(n)) / 4 : 1;

	for (size_t i = digits; i-- > 0; n >>= 4)
		out[i] = "0123456789abcdef"[n & 15];
	out[digits] = '\r';
	out[digits + 1] = '\n';
	return digits + 2;
}
