/* gatectl check, prepare: are the settings and the declarative file well, and the folders there? As Kong's commands
 * of these names (proxy.md 10.4): nothing is started, nothing that runs is asked. */
#include <stdio.h>

#include "common/net/listener.h"
#include "cp/cli/machine.h"
#include "cp/cli/output.h"

/* ---- check ----------------------------------------------------------------------------------------------------- */

static bool check_listener(struct cli *c, const char *name, struct slice text)
{
	struct listen_spec *specs;
	size_t n;
	struct err e;

	if (listen_parse(c->arena, text, &specs, &n, &e))
		return true;
	cli_fail("%s: %s", name, e.message);
	return false;
}

static enum exit_code run_check(struct cli *c)
{
	struct settings s;

	if (c->argc == 1 && !c->conf) { /* kong check FILE */
		c->conf = c->argv[0];
		c->argc = 0;
	}
	if (!cli_no_more(c))
		return EXIT_USAGE;
	if (!cli_settings(c, &s) || !check_listener(c, "admin_listen", s.admin_listen) ||
	        !check_listener(c, "proxy_listen", s.proxy_listen) ||
	        !check_listener(c, "stream_listen", s.stream_listen) ||
	        !check_listener(c, "status_listen", s.status_listen) || !machine_check_document(c, &s, ""))
		return EXIT_FAILED;
	json_t *out = json_pack("{s:b, s:s?}", "valid", 1, "conf", c->conf);
	if (c->json)
		output_json(out);
	else
		printf("configuration at %s is valid\n", c->conf ? c->conf : "the usual places");
	json_decref(out);
	return EXIT_OK;
}

const struct command check_command = {
        .name = "check",
        .usage = "[FILE] [--conf FILE] [-o json]",
        .summary = "say whether settings and declarative file are well, without starting anything",
        .examples = "  gatectl check /etc/gatehouse/gatehouse.conf\n  gatectl check --conf gatehouse.conf -o json\n",
        .run = run_check,
};

/* ---- prepare --------------------------------------------------------------------------------------------------- */

static enum exit_code run_prepare(struct cli *c)
{
	struct settings s;
	struct err e;

	if (!cli_no_more(c))
		return EXIT_USAGE;
	if (!cli_settings(c, &s))
		return EXIT_FAILED;
	if (!machine_prepare(&s, &e))
		return cli_fail("%s", e.message);
	json_t *out = json_pack("{s:s%}", "prefix", s.prefix.ptr, s.prefix.len);
	if (c->json)
		output_json(out);
	else
		printf("prefix %.*s is prepared\n", SLICE_ARG(s.prefix));
	json_decref(out);
	return EXIT_OK;
}

const struct command prepare_command = {
        .name = "prepare",
        .usage = "[--conf FILE] [--prefix DIR] [-o json]",
        .summary = "check the settings and make the folders that the processes need, without starting them",
        .examples = "  gatectl prepare --prefix /var/lib/gatehouse\n"
                    "  gatectl prepare --conf gatehouse.conf && exec gatehouse-dp --conf gatehouse.conf\n",
        .run = run_prepare,
};
