/* apply: a document goes to a server. For the commands apply and config. */
#ifndef CP_CLI_APPLY_H
#define CP_CLI_APPLY_H

#include "common/model/document_source.h"
#include "cp/cli/admin_client.h"

/* Reads a file ("-": standard input) and checks it here, where lines are known. NULL: every fault is on stderr. The
 * arena holds the text. */
struct document *apply_read(struct cli *c, const char *path);

struct apply_options {
	const char *path;
	const char *message; /* NULL: none */
	bool dry_run;
	bool is_diff; /* a dry run whose exit code tells: EXIT_DIFFERENT */
	int64_t wait_ms;
};
enum exit_code apply_run(struct cli *c, struct admin_client *a, const struct apply_options *o);

#endif
