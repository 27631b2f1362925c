/* client_hello: see client_hello.h. A cursor that never runs past its end reads everything: what is not there makes
 * it fail, and a cursor that has failed stays so. */
#include "common/net/client_hello.h"

#include <string.h>

enum { RECORD_HEAD = 5, RECORD_MAX = 16 * 1024, HANDSHAKE = 22, CLIENT_HELLO = 1, MESSAGE_HEAD = 4 };
enum { RANDOM = 32, SESSION_ID_MAX = 32, SERVER_NAME = 0, HOST_NAME = 0 };

struct cursor {
	const unsigned char *at;
	size_t left;
	bool failed;
};

static uint32_t number(struct cursor *c, int bytes)
{
	uint32_t n = 0;

	if (c->left < (size_t)bytes) {
		c->failed = true;
		c->left = 0;
		return 0;
	}
	for (int i = 0; i < bytes; i++)
		n = n << 8 | c->at[i];
	c->at += bytes;
	c->left -= (size_t)bytes;
	return n;
}

/* The next n bytes as a cursor of their own. */
static struct cursor part(struct cursor *c, size_t n)
{
	struct cursor p = {c->at, n, false};

	if (c->failed || n > c->left) {
		c->failed = true;
		c->left = 0;
		return (struct cursor){.failed = true};
	}
	c->at += n;
	c->left -= n;
	return p;
}

/* ---- records --------------------------------------------------------------------------------------------------- */

/* Puts the message of the first records together. HELLO_DONE: *len bytes of it are in `out`. */
static enum hello_result join_records(const char *buf, size_t n, unsigned char *out, size_t *len)
{
	struct cursor all = {(const unsigned char *)buf, n, false};
	size_t want = MESSAGE_HEAD;

	*len = 0;
	while (*len < want) {
		if (all.left > 0 && *all.at != HANDSHAKE)
			return HELLO_BAD;
		if (all.left > 1 && all.at[1] != 3)
			return HELLO_BAD;
		if (all.left < RECORD_HEAD)
			return HELLO_MORE;
		number(&all, 3);
		size_t size = number(&all, 2), here = size < all.left ? size : all.left;
		if (size == 0 || size > RECORD_MAX)
			return HELLO_BAD;
		if (here > CLIENT_HELLO_MAX - *len)
			here = CLIENT_HELLO_MAX - *len;
		memcpy(out + *len, all.at, here);
		*len += here;
		if (*len >= MESSAGE_HEAD) {
			if (out[0] != CLIENT_HELLO)
				return HELLO_BAD;
			want = MESSAGE_HEAD + ((size_t)out[1] << 16 | (size_t)out[2] << 8 | out[3]);
			if (want > CLIENT_HELLO_MAX)
				return HELLO_BAD;
		}
		if (*len < want && here < size)
			return HELLO_MORE;
		part(&all, here);
	}
	*len = want;
	return HELLO_DONE;
}

/* ---- the message ----------------------------------------------------------------------------------------------- */

/* RFC 6066 3: a list with at most one name of each type, of which there is one. */
static bool read_names(struct cursor ext, char *name, size_t *len)
{
	struct cursor list = part(&ext, number(&ext, 2));

	if (list.failed || ext.left > 0)
		return false;
	while (list.left > 0) {
		uint32_t type = number(&list, 1);
		struct cursor one = part(&list, number(&list, 2));
		if (one.failed || (type == HOST_NAME && (*len > 0 || one.left == 0)))
			return false;
		if (type != HOST_NAME)
			continue;
		if (one.left > CLIENT_HELLO_NAME_MAX || memchr(one.at, 0, one.left))
			return false;
		memcpy(name, one.at, one.left);
		*len = one.left;
	}
	return true;
}

static bool read_extensions(struct cursor list, char *name, size_t *len)
{
	bool seen = false;

	while (list.left > 0) {
		uint32_t type = number(&list, 2);
		struct cursor ext = part(&list, number(&list, 2));
		if (ext.failed)
			return false;
		if (type != SERVER_NAME)
			continue;
		if (seen || !read_names(ext, name, len))
			return false;
		seen = true;
	}
	return !list.failed;
}

static bool read_message(struct cursor m, char *name, size_t *len)
{
	number(&m, 2); /* legacy_version */
	part(&m, RANDOM);
	size_t session = number(&m, 1);
	part(&m, session);
	size_t ciphers = number(&m, 2);
	part(&m, ciphers);
	size_t compression = number(&m, 1);
	part(&m, compression);
	if (m.failed || session > SESSION_ID_MAX || ciphers < 2 || ciphers % 2 || compression == 0)
		return false;
	if (m.left == 0) /* old clients have no extensions */
		return true;
	struct cursor extensions = part(&m, number(&m, 2));
	return !extensions.failed && m.left == 0 && read_extensions(extensions, name, len);
}

enum hello_result client_hello_parse(const char *buf, size_t n, char name[CLIENT_HELLO_NAME_MAX], size_t *len)
{
	static __thread unsigned char message[CLIENT_HELLO_MAX];
	size_t size;

	*len = 0;
	enum hello_result r = join_records(buf, n, message, &size);
	if (r != HELLO_DONE)
		return r;
	if (read_message((struct cursor){message + MESSAGE_HEAD, size - MESSAGE_HEAD, false}, name, len))
		return HELLO_DONE;
	*len = 0;
	return HELLO_BAD;
}

bool client_hello_name(const unsigned char *extension, size_t n, char name[CLIENT_HELLO_NAME_MAX], size_t *len)
{
	*len = 0;
	return read_names((struct cursor){extension, n, false}, name, len);
}
