/* notify: see notify.h. */
#include "cp/cli/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool notify(const char *state, struct err *e)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;

	if (len == 0)
		return true;
	if (len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
		return err_set(e, "NOTIFY_SOCKET is '%s', expected a path or @NAME", path);
	memcpy(to.sun_path, path, len);
	if (path[0] == '@') /* an abstract name begins with a zero, and its length ends it */
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	bool ok = fd >= 0 && sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size) >= 0;
	int problem = errno;
	if (fd >= 0)
		close(fd);
	return ok || err_set(e, "cannot tell the service manager at '%s': %s", path, strerror(problem));
}
