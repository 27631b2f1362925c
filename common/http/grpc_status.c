/* grpc_status: see grpc_status.h. */
#include "common/http/grpc_status.h"

enum {
	GRPC_OK = 0,
	GRPC_CANCELED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_UNAUTHENTICATED = 16,
};

int grpc_status_of(int http_status)
{
	switch (http_status) {
	case 401: return GRPC_UNAUTHENTICATED;
	case 403: return GRPC_PERMISSION_DENIED;
	case 404: return GRPC_NOT_FOUND;
	case 409: return GRPC_ALREADY_EXISTS;
	case 429: return GRPC_RESOURCE_EXHAUSTED;
	case 499: return GRPC_CANCELED;
	case 501: return GRPC_UNIMPLEMENTED;
	case 503: return GRPC_UNAVAILABLE;
	case 504: return GRPC_DEADLINE_EXCEEDED;
	default: break;
	}
	switch (http_status / 100) {
	case 2: return GRPC_OK;
	case 4: return GRPC_INVALID_ARGUMENT;
	case 5: return GRPC_INTERNAL;
	default: return GRPC_UNKNOWN;
	}
}

struct slice grpc_status_name(int grpc_status)
{
	static const struct slice names[] = {
	        SLICE("OK"),
	        SLICE("Canceled"),
	        SLICE("Unknown"),
	        SLICE("InvalidArgument"),
	        SLICE("DeadlineExceeded"),
	        SLICE("NotFound"),
	        SLICE("AlreadyExists"),
	        SLICE("PermissionDenied"),
	        SLICE("ResourceExhausted"),
	        SLICE("FailedPrecondition"),
	        SLICE("Aborted"),
	        SLICE("OutOfRange"),
	        SLICE("Unimplemented"),
	        SLICE("Internal"),
	        SLICE("Unavailable"),
	        SLICE("DataLoss"),
	        SLICE("Unauthenticated"),
	};
	if (grpc_status < 0 || grpc_status >= (int)(sizeof names / sizeof *names))
		return names[GRPC_UNKNOWN];
	return names[grpc_status];
}
