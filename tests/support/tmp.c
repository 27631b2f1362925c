/* tmp: see tmp.h. */
#include "tests/support/tmp.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[64];

const char *tmp_make(void)
{
	strcpy(folder, "/tmp/gh-test-XXXXXX");
	if (!mkdtemp(folder)) {
		perror("mkdtemp");
		abort();
	}
	return folder;
}

const char *tmp_path(const char *name)
{
	static char paths[10][256];
	static unsigned next;
	char *out = paths[next++ % 10];
	snprintf(out, sizeof paths[0], "%s/%s", folder, name);
	return out;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

void tmp_remove(void)
{
	if (folder[0])
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	folder[0] = '\0';
}
