/* grpc_status: how a status of HTTP is told to a gRPC client (proxy.md 3.5). */
#ifndef COMMON_HTTP_GRPC_STATUS_H
#define COMMON_HTTP_GRPC_STATUS_H

#include "common/core/slice.h"

int grpc_status_of(int http_status); /* 0..16 */
/* "NotFound"; "Unknown" for numbers that are none. */
struct slice grpc_status_name(int grpc_status);

#endif
