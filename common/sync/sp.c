/* sp: see sp.h. */
#include "common/sync/sp.h"

#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "common/core/uuid.h"
#include "common/sync/link.h"

enum {
	/* A message above this size makes nanomsg drop the connection and try again for ever: ours stay far below. */
	SP_MESSAGE_MAX = 2 * LINK_FRAME_MAX,
	SP_BUFFER = 4 * 1024 * 1024,
	SP_RECONNECT_MIN_MS = 50,
	SP_RECONNECT_MAX_MS = 1000,
	/* REQ's own repetition; the subscriber polls anew long before. */
	SP_RESEND_MS = 60 * 1000
};

static bool set_option(int s, int level, int name, int value, struct err *e)
{
	return nn_setsockopt(s, level, name, &value, sizeof value) == 0 ||
	       err_set(e, "cannot set option %d of a nanomsg socket: %s", name, nn_strerror(nn_errno()));
}

static bool set_sizes(int s, struct err *e)
{
	return set_option(s, NN_SOL_SOCKET, NN_RCVMAXSIZE, SP_MESSAGE_MAX, e) &&
	       set_option(s, NN_SOL_SOCKET, NN_RCVBUF, SP_BUFFER, e) &&
	       set_option(s, NN_SOL_SOCKET, NN_SNDBUF, SP_BUFFER, e);
}

/* Data planes that lose the same control plane should not come back in step. */
static int jittered(int ms)
{
	return ms / 2 + (int)random_below((uint32_t)ms + 1);
}

static bool set_protocol(int s, int protocol, struct err *e)
{
	if (protocol == NN_SUB && nn_setsockopt(s, NN_SUB, NN_SUB_SUBSCRIBE, "", 0) < 0)
		return err_set(e, "cannot subscribe: %s", nn_strerror(nn_errno()));
	if (protocol == NN_REQ && !set_option(s, NN_REQ, NN_REQ_RESEND_IVL, SP_RESEND_MS, e))
		return false;
	return set_option(s, NN_SOL_SOCKET, NN_RECONNECT_IVL, jittered(SP_RECONNECT_MIN_MS), e) &&
	       set_option(s, NN_SOL_SOCKET, NN_RECONNECT_IVL_MAX, jittered(SP_RECONNECT_MAX_MS), e);
}

static bool make_url(const char *path, char *out, size_t size, struct err *e)
{
	struct sockaddr_un limit;
	if (strlen(path) >= sizeof limit.sun_path)
		return err_set(e, "socket path '%s' has %zu bytes, expected fewer than %zu: choose a shorter prefix",
		        path, strlen(path), sizeof limit.sun_path);
	snprintf(out, size, "ipc://%s", path);
	return true;
}

static int open_at(int protocol, const char *path, int (*attach)(int, const char *), const char *verb, struct err *e)
{
	char url[256];
	if (!make_url(path, url, sizeof url, e))
		return -1;
	int s = nn_socket(AF_SP, protocol);
	if (s < 0) {
		err_set(e, "cannot open a nanomsg socket: %s", nn_strerror(nn_errno()));
		return -1;
	}
	if (set_sizes(s, e) && set_protocol(s, protocol, e)) {
		if (attach(s, url) >= 0)
			return s;
		err_set(e, "cannot %s '%s': %s", verb, url, nn_strerror(nn_errno()));
	}
	nn_close(s);
	return -1;
}

int sp_bind(int protocol, const char *path, struct err *e)
{
	return open_at(protocol, path, nn_bind, "bind to", e);
}

int sp_connect(int protocol, const char *path, struct err *e)
{
	return open_at(protocol, path, nn_connect, "connect to", e);
}

int sp_readable_fd(int socket)
{
	int fd = -1;
	size_t len = sizeof fd;
	return nn_getsockopt(socket, NN_SOL_SOCKET, NN_RCVFD, &fd, &len) < 0 ? -1 : fd;
}
