/* dns_message: see dns_message.h. c-ares' own parsers leave out what we need (the TTL of SRV records). */
#include "dp/client/dns_message.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { HEADER = 12, POINTERS_MAX = 32, CLASS_IN = 1, TTL_NONE = 0x7fffffff };

struct reader {
	const unsigned char *bytes;
	size_t len, at;
	bool failed;
};

static unsigned get16(struct reader *r)
{
	if (r->failed || r->len - r->at < 2) {
		r->failed = true;
		return 0;
	}
	unsigned n = (unsigned)r->bytes[r->at] << 8 | r->bytes[r->at + 1];
	r->at += 2;
	return n;
}

static uint32_t get32(struct reader *r)
{
	uint32_t high = get16(r);
	return high << 16 | get16(r);
}

/* One label of a name that is text; dots and controls inside of it are somebody's trick. */
static bool put_label(char *out, size_t *len, const unsigned char *label, size_t n)
{
	if (*len + n + 1 > DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (label[i] <= ' ' || label[i] == '.' || label[i] >= 0x7f)
			return false;
		out[(*len)++] = (char)label[i];
	}
	out[(*len)++] = '.';
	return true;
}

/* The name at `at`, without a final dot; *end: behind it. Pointers go backwards only, so this ends (RFC 1035 4.1.4).
 */
static bool read_name(const struct reader *r, size_t at, char *out, size_t *end)
{
	size_t len = 0, limit = r->len;
	bool jumped = false;

	for (int steps = 0; steps < POINTERS_MAX * 4; steps++) {
		if (at >= limit)
			return false;
		unsigned n = r->bytes[at];
		if (n == 0) {
			*end = jumped ? *end : at + 1;
			out[len ? len - 1 : 0] = '\0';
			return true;
		}
		if (n >= 0xc0) {
			if (at + 1 >= r->len)
				return false;
			size_t to = (n & 0x3f) << 8 | r->bytes[at + 1];
			*end = jumped ? *end : at + 2;
			jumped = true;
			if (to >= at)
				return false;
			at = to;
			continue;
		}
		if (n > 63 || at + 1 + n > r->len || !put_label(out, &len, r->bytes + at + 1, n))
			return false;
		at += 1 + n;
	}
	return false;
}

static void skip_name(struct reader *r)
{
	while (!r->failed) {
		unsigned n = r->at < r->len ? r->bytes[r->at] : 64;
		if (n >= 0xc0 && r->len - r->at >= 2) {
			r->at += 2;
			return;
		}
		if (n > 63 || r->len - r->at < n + 1) {
			r->failed = true;
			return;
		}
		r->at += n + 1;
		if (n == 0)
			return;
	}
}

static bool read_address(const struct reader *r, size_t len, enum dns_type type, struct dns_record *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address.address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address.address;

	if (type == DNS_TYPE_A && len == 4) {
		v4->sin_family = AF_INET;
		memcpy(&v4->sin_addr, r->bytes + r->at, 4);
		out->address.len = sizeof *v4;
		return true;
	}
	if (type == DNS_TYPE_AAAA && len == 16) {
		v6->sin6_family = AF_INET6;
		memcpy(&v6->sin6_addr, r->bytes + r->at, 16);
		out->address.len = sizeof *v6;
		return true;
	}
	return false;
}

static bool read_target(const struct reader *r, size_t at, struct dns_record *out)
{
	char name[DNS_NAME_MAX + 1];
	size_t end;

	if (!read_name(r, at, name, &end) || name[0] == '\0') /* "." in SRV: the service is not there */
		return false;
	out->name = slice_strdup(slice_cstr(name));
	return true;
}

static bool read_data(const struct reader *r, size_t len, enum dns_type type, struct dns_record *out)
{
	struct reader fields = *r;

	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA)
		return read_address(r, len, type, out);
	if (type == DNS_TYPE_CNAME)
		return read_target(r, r->at, out);
	if (len < 7)
		return false;
	out->priority = (int)get16(&fields);
	out->weight = (int)get16(&fields);
	out->port = (int)get16(&fields);
	return read_target(&fields, fields.at, out);
}

static void read_record(struct reader *r, enum dns_type wanted, struct dns_message *out)
{
	skip_name(r);
	unsigned type = get16(r), class = get16(r);
	uint32_t ttl_s = get32(r);
	size_t len = get16(r);

	if (r->failed || r->len - r->at < len) {
		r->failed = true;
		return;
	}
	bool counts = class == CLASS_IN && (type == (unsigned)wanted || type == DNS_TYPE_CNAME);
	if (counts && ttl_s < out->ttl_s)
		out->ttl_s = ttl_s;
	if (counts && type == (unsigned)wanted && out->count < DNS_RECORDS_MAX &&
	        read_data(r, len, wanted, &out->records[out->count]))
		out->count++;
	r->at += len;
}

bool dns_message_read(const unsigned char *bytes, size_t len, enum dns_type wanted, struct dns_message *out)
{
	struct reader r = {.bytes = bytes, .len = len, .at = 4};

	*out = (struct dns_message){.ttl_s = TTL_NONE};
	if (len < HEADER)
		return false;
	unsigned questions = get16(&r), answers = get16(&r);
	r.at = HEADER;
	out->records = calloc(answers < DNS_RECORDS_MAX ? answers + 1 : DNS_RECORDS_MAX, sizeof *out->records);
	if (!out->records)
		abort();
	for (unsigned i = 0; i < questions && !r.failed; i++) {
		skip_name(&r);
		get32(&r);
	}
	for (unsigned i = 0; i < answers && !r.failed; i++)
		read_record(&r, wanted, out);
	if (!r.failed)
		return true;
	dns_records_free(out->records, out->count);
	*out = (struct dns_message){0};
	return false;
}

void dns_records_free(struct dns_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((char *)records[i].name);
	free(records);
}
