/* admin_client: gatectl's HTTP client of the Admin API. Blocking; each request has a connection of its own.
 *
 * Where the Admin API is: --admin URL, else GATEHOUSE_ADMIN_URL, else the first address of admin_listen on this
 * machine. Who asks: --token TOKEN or GATEHOUSE_ADMIN_TOKEN, or the first line of --token-file FILE or
 * GATEHOUSE_ADMIN_TOKEN_FILE (sent as "Authorization: Bearer"), and for https
 * --admin-cert and --admin-key (PEM files); --admin-ca names the CA that the server's certificate must come from.
 * Each has a variable: GATEHOUSE_ADMIN_CA and so on. A token is in no message.
 *
 * Writes are signed with GATEHOUSE_AUTHOR or the name of the user who runs the command; a server that asks for tokens
 * knows better and takes the token's. */
#ifndef CP_CLI_ADMIN_CLIENT_H
#define CP_CLI_ADMIN_CLIENT_H

#include <jansson.h>

#include "common/core/text.h"
#include "cp/cli/command.h"

struct admin_client;

/* Takes the options out of c's arguments and reads settings when it needs them; does not connect yet. NULL: a message
 * is on stderr. Freed with the client's close. */
struct admin_client *admin_client_open(struct cli *c);
/* "http://127.0.0.1:8001": where a listener of this machine is reached. */
struct listen_spec;
const char *admin_client_spec_url(struct arena *a, const struct listen_spec *spec);
/* As admin_client_open(), for another listener of ours than the Admin API: no token is sent there. */
struct admin_client *admin_client_open_at(struct cli *c, const char *url);
void admin_client_close(struct admin_client *a); /* NULL is fine */
/* "http://127.0.0.1:8001", for messages. */
const char *admin_client_url(const struct admin_client *a);

struct admin_body {        /* what is sent */
	struct slice type; /* unset: no body */
	struct slice bytes;
};

struct admin_answer {
	int status;
	json_t *json;     /* the body when it is JSON, else NULL */
	struct text body; /* as received */
	uint64_t version; /* X-Gatehouse-Config-Version; 0: not there */
	struct text hint; /* X-Gatehouse-Hint, of a refusal */
};
void admin_answer_fini(struct admin_answer *a);

/* One request. method: "GET"; target: "/services?size=1000", with everything escaped; body may be NULL. out: zeroed
 * or of an earlier call. False: no answer came, e says which address and why. Any status is an answer. */
bool admin_client_call(struct admin_client *a, const char *method, const char *target, const struct admin_body *body,
        struct admin_answer *out, struct err *e);
/* As admin_client_call, and says on stderr what is wrong unless the status is 2xx or 304. EXIT_OK; EXIT_NOT_ALLOWED
 * for 401 and 403; EXIT_FAILED. */
enum exit_code admin_client_ask(struct admin_client *a, const char *method, const char *target,
        const struct admin_body *body, struct admin_answer *out);

/* Appends s with everything but letters, digits and -._~ escaped: a part of a target. */
void admin_client_escape(struct text *out, struct slice s);

#endif
