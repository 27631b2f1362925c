/* file: see file.h. */
#include "common/core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/log.h"

static bool read_fd(struct arena *a, int fd, const char *path, size_t limit, struct slice *out, struct err *e)
{
	size_t cap = 64 * 1024, len = 0;
	char *buf = arena_alloc(a, cap + 1);
	for (;;) {
		ssize_t n = read(fd, buf + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, "cannot read '%s': %s", path, strerror(errno));
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > limit)
			return err_set(e, "'%s' is larger than %zu bytes", path, limit);
		if (len == cap) {
			char *grown = arena_alloc(a, cap * 2 + 1);
			memcpy(grown, buf, len);
			buf = grown;
			cap *= 2;
		}
	}
	buf[len] = '\0';
	*out = slice_of(buf, len);
	return true;
}

bool file_read(struct arena *a, const char *path, size_t limit, struct slice *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, "cannot open '%s': %s", path, strerror(errno));
	bool ok = read_fd(a, fd, path, limit, out, e);
	close(fd);
	return ok;
}

static bool write_all(int fd, struct slice s)
{
	while (s.len) {
		ssize_t n = write(fd, s.ptr, s.len);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			s = slice_from(s, (size_t)n);
	}
	return true;
}

void file_sync_folder(const char *path)
{
	char copy[PATH_MAX];
	snprintf(copy, sizeof copy, "%s", path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

bool file_replace(const char *path, struct slice bytes, mode_t mode, struct err *e)
{
	char tmp[PATH_MAX];
	if ((size_t)snprintf(tmp, sizeof tmp, "%s.tmp", path) >= sizeof tmp)
		return err_set(e, "file name too long: '%.200s...'", path);
	unlink(tmp); /* left by a crash, perhaps with another mode */
	int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return err_set(e, "cannot create '%s': %s", tmp, strerror(errno));
	bool ok = write_all(fd, bytes) && fsync(fd) == 0;
	int why = errno;
	if (close(fd) < 0 && ok)
		ok = false, why = errno;
	if (ok && rename(tmp, path) < 0)
		ok = false, why = errno;
	if (!ok) {
		unlink(tmp);
		return err_set(e, "cannot write '%s': %s", path, strerror(why));
	}
	file_sync_folder(path);
	return true;
}

static bool is_folder(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return false;
	errno = EEXIST; /* what mkdir() said */
	return S_ISDIR(st.st_mode);
}

bool file_make_dirs(const char *path, mode_t mode, struct err *e)
{
	char copy[PATH_MAX];
	if (path[0] == '\0')
		return err_set(e, "expected the name of a folder, not ''");
	if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy)
		return err_set(e, "folder name too long: '%.200s...'", path);
	for (char *p = copy + 1;; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char was = *p;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && (errno != EEXIST || !is_folder(copy)))
			return err_set(e, "cannot create folder '%s': %s", copy, strerror(errno));
		*p = was;
		if (was == '\0')
			return true;
	}
}

bool file_is_private(const char *path, struct err *e)
{
	struct stat st;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return true;
	mode_t wide = st.st_mode & (st.st_uid == 0 && geteuid() != 0 ? 037 : 077);
	if (!wide)
		return true;
	return err_set(e, "key file '%s' has mode %04o, so that others can read it; run: chmod %s '%s'", path,
	        (unsigned)(st.st_mode & 07777), st.st_uid == 0 && geteuid() != 0 ? "0640" : "0600", path);
}

void file_warn_shared(const char *path, const char *setting)
{
	struct err e;

	if (!file_is_private(path, &e))
		log_warn("others can read a private key", LOG_STR("setting", setting), LOG_STR("reason", e.message));
}
