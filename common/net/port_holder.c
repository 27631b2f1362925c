/* port_holder: see port_holder.h. /proc/net/tcp tells the inode of the listening socket, /proc/PID/fd who has it
 * open. */
#include "common/net/port_holder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTENING = 0x0a };

/* 0: none. */
static unsigned long inode_in(const char *table, int port)
{
	char line[512];
	unsigned long found = 0;
	FILE *f = fopen(table, "re");
	if (!f)
		return 0;
	while (!found && fgets(line, sizeof line, f)) {
		unsigned local_port, state;
		unsigned long inode;
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f:] %x %*s %*s %*s %*s %*s %lu", &local_port,
		            &state, &inode) == 3 &&
		        local_port == (unsigned)port && state == LISTENING)
			found = inode;
	}
	fclose(f);
	return found;
}

static bool has_open(const char *pid, const char *wanted)
{
	char path[300], link[64];
	bool found = false;
	snprintf(path, sizeof path, "/proc/%.32s/fd", pid);
	DIR *d = opendir(path);
	if (!d)
		return false;
	for (struct dirent *entry; !found && (entry = readdir(d)) != NULL;) {
		ssize_t n = readlinkat(dirfd(d), entry->d_name, link, sizeof link - 1);
		if (n > 0) {
			link[n] = '\0';
			found = strcmp(link, wanted) == 0;
		}
	}
	closedir(d);
	return found;
}

static void describe(const char *pid, char *out, size_t size)
{
	char path[64], name[64] = "process";
	snprintf(path, sizeof path, "/proc/%.32s/comm", pid);
	FILE *f = fopen(path, "re");
	if (f) {
		if (fgets(name, sizeof name, f))
			name[strcspn(name, "\n")] = '\0';
		fclose(f);
	}
	snprintf(out, size, "%s (pid %.32s)", name, pid);
}

bool port_holder(int port, char *out, size_t size)
{
	char wanted[64];
	bool found = false;
	unsigned long inode = inode_in("/proc/net/tcp", port);
	if (!inode)
		inode = inode_in("/proc/net/tcp6", port);
	DIR *d = inode ? opendir("/proc") : NULL;
	if (!d)
		return false;
	snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
	for (struct dirent *entry; !found && (entry = readdir(d)) != NULL;)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has_open(entry->d_name, wanted)) {
			describe(entry->d_name, out, size);
			found = true;
		}
	closedir(d);
	return found;
}
