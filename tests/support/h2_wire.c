/* h2_wire: see h2_wire.h. */
#include "tests/support/h2_wire.h"

#include <stdio.h>
#include <stdlib.h>

static const char get_fields[] = ":method=GET :scheme=http :path=/hello :authority=a.test";
static const char post_fields[] = ":method=POST :scheme=http :path=/echo :authority=a.test";

/* ---- writing -------------------------------------------------------------------------------------------------- */

static void put_frame(struct text *out, unsigned type, unsigned flags, uint32_t stream, struct slice payload)
{
	unsigned char head[9] = {(unsigned char)(payload.len >> 16), (unsigned char)(payload.len >> 8),
	        (unsigned char)payload.len, (unsigned char)type, (unsigned char)flags, (unsigned char)(stream >> 24),
	        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream};
	text_put(out, slice_of((const char *)head, sizeof head));
	text_put(out, payload);
}

static void put_u32(struct text *out, uint32_t n)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		text_putc(out, (char)(n >> shift));
}

/* HPACK's string, without Huffman (RFC 7541 5.2). */
static void put_string(struct text *out, struct slice s)
{
	if (s.len < 127)
		text_putc(out, (char)s.len);
	else {
		text_putc(out, 127);
		size_t rest = s.len - 127;
		for (; rest >= 128; rest /= 128)
			text_putc(out, (char)(rest % 128 + 128));
		text_putc(out, (char)rest);
	}
	text_put(out, s);
}

/* '+' is a blank, %XX a byte. */
static struct slice decode(char *to, size_t room, struct slice s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len && n < room; i++) {
		char hex[3] = {0};
		to[n] = s.ptr[i] == '+' ? ' ' : s.ptr[i];
		if (s.ptr[i] == '%') {
			memcpy(hex, s.ptr + i + 1, 2);
			to[n] = (char)strtoul(hex, NULL, 16);
			i += 2;
		}
		n++;
	}
	return slice_of(to, n);
}

static void put_fields(struct text *out, struct slice list)
{
	static char name_bytes[1024], value_bytes[16 * 1024];
	while (slice_is_set(list)) {
		struct slice value = slice_cut(&list, ' ');
		if (slice_eq(value, S("$GET")) || slice_eq(value, S("$POST"))) {
			put_fields(out, slice_cstr(value.ptr[1] == 'G' ? get_fields : post_fields));
			continue;
		}
		if (value.len == 0)
			continue;
		struct slice name = slice_of(value.ptr, 1); /* the ':' of a pseudo-header field is no separator */
		value = slice_from(value, 1);
		name.len += slice_cut(&value, '=').len;
		text_putc(out, 0x00);
		put_string(out, decode(name_bytes, sizeof name_bytes, name));
		put_string(out, decode(value_bytes, sizeof value_bytes, value));
	}
}

static void put_settings(struct text *out, struct slice list)
{
	while (slice_is_set(list)) {
		struct slice value = slice_trim(slice_cut(&list, ' '));
		if (value.len == 0)
			continue;
		struct slice id = slice_cut(&value, '=');
		text_putc(out, 0);
		text_putc(out, (char)atoi(id.ptr));
		put_u32(out, (uint32_t)strtoul(value.ptr, NULL, 10));
	}
}

static void put_hex(struct text *out, struct slice hex)
{
	for (size_t i = 0; i + 1 < hex.len; i += 2) {
		char byte[3] = {hex.ptr[i], hex.ptr[i + 1], 0};
		text_putc(out, (char)strtoul(byte, NULL, 16));
	}
}

static void put_any(struct text *out, struct slice rest)
{
	unsigned numbers[3] = {0};
	struct text payload = {0};
	for (int i = 0; i < 3; i++)
		numbers[i] = (unsigned)strtoul(slice_cut(&rest, ' ').ptr, NULL, 10);
	put_hex(&payload, rest);
	put_frame(out, numbers[0], numbers[1], numbers[2], text_slice(&payload));
	text_fini(&payload);
}

static void put_word(struct text *out, struct slice frame)
{
	struct text payload = {0};
	struct slice rest = frame, word = slice_cut(&rest, ' ');
	uint32_t stream = word.len > 1 ? (uint32_t)strtoul(word.ptr + 1, NULL, 10) : 0;
	bool ends = memchr(word.ptr, 'e', word.len), goes_on = memchr(word.ptr, 'c', word.len);
	unsigned type = 0, flags = ends ? NGHTTP2_FLAG_END_STREAM : 0;

	switch (word.ptr[0]) {
	case 'X': put_any(out, rest); return;
	case 'H':
	case 'C':
		type = word.ptr[0] == 'H' ? NGHTTP2_HEADERS : NGHTTP2_CONTINUATION;
		flags |= goes_on ? 0 : NGHTTP2_FLAG_END_HEADERS;
		put_fields(&payload, rest);
		break;
	case 'D':
		type = NGHTTP2_DATA;
		text_put(&payload, slice_is_set(rest) ? rest : S(""));
		break;
	case 'R':
	case 'W':
		type = word.ptr[0] == 'R' ? NGHTTP2_RST_STREAM : NGHTTP2_WINDOW_UPDATE;
		put_u32(&payload, (uint32_t)strtoul(rest.ptr, NULL, 10));
		break;
	case 'P':
		type = NGHTTP2_PING;
		text_puts(&payload, "12345678");
		break;
	case 'A':
	case 'S':
		type = NGHTTP2_SETTINGS;
		flags = word.ptr[0] == 'A' ? NGHTTP2_FLAG_ACK : 0;
		put_settings(&payload, rest);
		break;
	default: abort();
	}
	put_frame(out, type, flags, stream, text_slice(&payload));
	text_fini(&payload);
}

void h2_wire_write(struct text *out, const char *script)
{
	for (struct slice rest = slice_cstr(script); slice_is_set(rest);) {
		struct slice frame = slice_cut(&rest, ';');
		while (frame.len && frame.ptr[0] == ' ')
			frame = slice_from(frame, 1);
		if (frame.len)
			put_word(out, frame);
	}
}

void h2_wire_say(struct h2_wire *w, const char *script)
{
	for (struct slice rest = slice_cstr(script); slice_is_set(rest);) {
		struct text bytes = {0};
		char *part = slice_strdup(slice_trim(slice_cut(&rest, '|')));
		h2_wire_write(&bytes, part);
		rig_send(w->rig, bytes.ptr, bytes.len);
		text_fini(&bytes);
		free(part);
	}
}

void h2_wire_hello(struct h2_wire *w)
{
	rig_say(w->rig, NGHTTP2_CLIENT_MAGIC);
	h2_wire_say(w, "S");
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static void put_block(struct h2_wire *w, uint32_t stream, struct slice block, bool ends)
{
	nghttp2_nv field;
	int flags = 0;
	const char *status = "trailers";
	char digits[4] = "";

	text_clear(&w->fields);
	while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
		flags = 0;
		ssize_t n = nghttp2_hd_inflate_hd2(
		        w->inflater, &field, &flags, (const uint8_t *)block.ptr, block.len, 1);
		if (n < 0)
			abort();
		block = slice_from(block, (size_t)n);
		if (!(flags & NGHTTP2_HD_INFLATE_EMIT))
			continue;
		text_printf(
		        &w->fields, "%.*s: %.*s\n", (int)field.namelen, field.name, (int)field.valuelen, field.value);
		if (field.namelen == 7 && memcmp(field.name, ":status", 7) == 0) {
			memcpy(digits, field.value, 3);
			status = digits;
		}
	}
	nghttp2_hd_inflate_end_headers(w->inflater);
	text_printf(&w->words, " %u:%s%s", stream, status, ends ? "/" : "");
}

static uint32_t u32_at(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static const char *error_name(uint32_t code)
{
	static const char *const names[] = {"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR",
	        "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL",
	        "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY",
	        "HTTP_1_1_REQUIRED"};
	return code < sizeof names / sizeof *names ? names[code] : "?";
}

static void put_data(struct h2_wire *w, uint32_t stream, struct slice payload, bool ends)
{
	enum { SHOWN = 40 };
	if (payload.len <= SHOWN)
		text_printf(&w->words, " %u=%.*s%s", stream, SLICE_ARG(payload), ends ? "/" : "");
	else
		text_printf(&w->words, " %u=[%zu]%s", stream, payload.len, ends ? "/" : "");
}

static void take_frame(struct h2_wire *w, unsigned type, unsigned flags, uint32_t stream, struct slice payload)
{
	bool ends = flags & NGHTTP2_FLAG_END_STREAM, is_ack = flags & NGHTTP2_FLAG_ACK;

	switch (type) {
	case NGHTTP2_DATA: put_data(w, stream, payload, ends); break;
	case NGHTTP2_HEADERS: put_block(w, stream, payload, ends); break;
	case NGHTTP2_RST_STREAM: text_printf(&w->words, " %u!%s", stream, error_name(u32_at(payload.ptr))); break;
	case NGHTTP2_SETTINGS:
		if (!w->quiet)
			text_puts(&w->words, is_ack ? " ack" : " settings");
		break;
	case NGHTTP2_PING: text_puts(&w->words, is_ack ? " pong" : " ping"); break;
	case NGHTTP2_GOAWAY:
		text_printf(&w->words, " goaway:%s:%u", error_name(u32_at(payload.ptr + 4)), u32_at(payload.ptr));
		break;
	case NGHTTP2_WINDOW_UPDATE:
		if (!w->quiet)
			text_printf(&w->words, " %u^%u", stream, u32_at(payload.ptr));
		break;
	default: text_printf(&w->words, " frame-%u", type); break;
	}
}

const char *h2_wire_heard(struct h2_wire *w)
{
	static struct text out;
	struct text *in = &w->rig->received;
	size_t at = 0;

	if (w->is_first && in->len >= 5 && memcmp(in->ptr, "HTTP/", 5) == 0)
		return rig_heard(w->rig); /* the connection is one of HTTP/1 */
	while (in->len - at >= 9) {
		const unsigned char *p = (const unsigned char *)in->ptr + at;
		size_t len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
		if (in->len - at < 9 + len)
			break;
		w->is_first = false;
		take_frame(w, p[3], p[4], u32_at(in->ptr + at + 5), slice_of(in->ptr + at + 9, len));
		at += 9 + len;
	}
	if (at) {
		memmove(in->ptr, in->ptr + at, in->len - at);
		in->len -= at;
	}
	text_clear(&out);
	text_puts(&out, w->words.len ? w->words.ptr + 1 : "");
	text_clear(&w->words);
	return text_cstr(&out);
}

const char *h2_wire_field(struct h2_wire *w, const char *name)
{
	static char value[256];
	for (struct slice rest = text_slice(&w->fields); slice_is_set(rest);) {
		struct slice line = slice_cut(&rest, '\n');
		size_t n = strlen(name);
		if (line.len < n + 2 || memcmp(line.ptr, name, n) != 0 || memcmp(line.ptr + n, ": ", 2) != 0)
			continue;
		snprintf(value, sizeof value, "%.*s", SLICE_ARG(slice_from(line, n + 2)));
		return value;
	}
	return NULL;
}

void h2_wire_open(struct h2_wire *w, struct rig *r)
{
	*w = (struct h2_wire){.rig = r, .is_first = true, .quiet = true};
	if (nghttp2_hd_inflate_new(&w->inflater) != 0)
		abort();
	r->listener.serves_http2 = true;
	rig_connect(r);
}

void h2_wire_close(struct h2_wire *w)
{
	nghttp2_hd_inflate_del(w->inflater);
	text_fini(&w->words);
	text_fini(&w->fields);
}
