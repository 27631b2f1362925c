/* client_hello: the server name in the first bytes of a TLS connection (RFC 8446 4.1.2, RFC 6066 3), without speaking
 * TLS: for streams that are routed by it and passed on as they are (proxy.md 7.3). Pure; who has the bytes is
 * dp/stream. */
#ifndef COMMON_NET_CLIENT_HELLO_H
#define COMMON_NET_CLIENT_HELLO_H

#include "common/core/slice.h"

enum {
	CLIENT_HELLO_MAX = 16 * 1024,                    /* of the message; clients send 250 to 2,000 bytes */
	CLIENT_HELLO_BYTES_MAX = CLIENT_HELLO_MAX + 512, /* with the heads of its records */
	CLIENT_HELLO_NAME_MAX = 255,
};

enum hello_result {
	HELLO_DONE,
	HELLO_MORE, /* what is there may become one */
	HELLO_BAD,  /* no TLS, larger than CLIENT_HELLO_MAX, or broken */
};

/* The message may be cut into any number of records. name: where the server name is put; *len 0: there is none. */
enum hello_result client_hello_parse(const char *buf, size_t n, char name[CLIENT_HELLO_NAME_MAX], size_t *len);

/* The same from what OpenSSL says the extension server_name holds. False: broken. */
bool client_hello_name(const unsigned char *extension, size_t n, char name[CLIENT_HELLO_NAME_MAX], size_t *len);

#endif
