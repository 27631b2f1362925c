/* tls_memory: the buffers of OpenSSL's records. An SSL without bytes holds none (SSL_MODE_RELEASE_BUFFERS), so that
 * an idle connection is small and every read and write takes one and gives it back: 17 KiB, too large for malloc's
 * fast ways, and the holes that they leave are filled by what stays, so that the heap of many handshakes is twice
 * what lives in it. Here each thread keeps a few for the next who asks. */
#ifndef COMMON_NET_TLS_MEMORY_H
#define COMMON_NET_TLS_MEMORY_H

#include <stdbool.h>

/* Before anything else of OpenSSL, at the beginning of main(). False: too late, OpenSSL goes on with malloc. */
bool tls_memory_init(void);

#endif
