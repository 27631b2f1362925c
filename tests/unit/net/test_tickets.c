/* tickets: sessions survive two rotations of the keys and no more, whichever context sealed them. */
#include <check.h>
#include <stdlib.h>

#include "common/net/tickets.h"
#include "common/net/tls.h"
#include "tests/support/pem_samples.h"
#include "tests/support/tls_pair.h"

static struct tickets *tickets;
static SSL_CTX *servers[2], *clients; /* two servers: two workers, or listeners */
static struct err e;

static SSL_CTX *new_server(struct tickets *t)
{
	struct pair pair;
	SSL_CTX *ctx = tls_context_new(true);

	ck_assert(pair_read(&pair, slice_cstr(pem_sample(PEM_EC)->cert), slice_cstr(pem_sample(PEM_EC)->key), &e));
	ck_assert(tls_add_pair(ctx, &pair, &e));
	pair_fini(&pair);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1);
	tickets_use(t, ctx);
	return ctx;
}

static void setup(void)
{
	tickets = tickets_new();
	servers[0] = new_server(tickets);
	servers[1] = new_server(tickets);
	clients = tls_context_new(false);
}

static void teardown(void)
{
	SSL_CTX_free(servers[0]);
	SSL_CTX_free(servers[1]);
	SSL_CTX_free(clients);
	tickets_free(tickets);
}

/* Shakes hands, with what is in *session (NULL: nothing), and puts the newest session there. Was it resumed? */
static bool resumes(SSL_CTX *server, SSL_SESSION **session)
{
	struct tls_pair p;
	SSL *client = SSL_new(clients);

	if (*session)
		SSL_set_session(client, *session);
	tls_pair_init(&p, client, SSL_new(server));
	ck_assert(tls_pair_shake(&p));
	bool reused = SSL_session_reused(p.client);
	SSL_SESSION_free(*session);
	*session = tls_pair_session(&p);
	tls_pair_fini(&p);
	return reused;
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

START_TEST(a_ticket_of_one_context_is_good_for_another)
{
	SSL_SESSION *session = NULL;

	SSL_CTX_set_max_proto_version(clients, versions[_i]);
	ck_assert(!resumes(servers[0], &session));
	for (int turn = 0; turn < 4; turn++) /* each brings the next */
		ck_assert(resumes(servers[turn % 2], &session));
	SSL_SESSION_free(session);
}
END_TEST

static size_t ticket_of(const SSL_SESSION *session, unsigned char out[4096])
{
	const unsigned char *ticket;
	size_t n;

	SSL_SESSION_get0_ticket(session, &ticket, &n);
	ck_assert(n > 0 && n < 4096);
	memcpy(out, ticket, n);
	return n;
}

START_TEST(clients_of_tls_1_3_get_a_new_ticket_with_every_handshake)
{
	unsigned char before[4096], after[4096];
	SSL_SESSION *session = NULL;

	resumes(servers[0], &session);
	for (int turn = 0; turn < 3; turn++) {
		size_t n = ticket_of(session, before);
		ck_assert(resumes(servers[0], &session));
		ck_assert(ticket_of(session, after) != n || memcmp(before, after, n) != 0);
	}
	SSL_SESSION_free(session);
}
END_TEST

START_TEST(a_ticket_outlives_two_rotations_and_not_three)
{
	SSL_SESSION *session = NULL, *old = NULL;

	SSL_CTX_set_max_proto_version(clients, versions[_i]);
	ck_assert(!resumes(servers[0], &session));
	tickets_rotate(tickets);
	tickets_rotate(tickets);
	old = SSL_SESSION_dup(session);
	ck_assert(resumes(servers[0], &session));
	tickets_rotate(tickets);
	ck_assert(resumes(servers[0], &session)); /* it had been replaced by one of the newer key */
	ck_assert(!resumes(servers[0], &old));
	SSL_SESSION_free(session);
	SSL_SESSION_free(old);
}
END_TEST

START_TEST(a_stranger_s_ticket_is_not_taken)
{
	struct tickets *other = tickets_new();
	SSL_CTX *stranger = new_server(other);
	SSL_SESSION *session = NULL;

	SSL_CTX_set_max_proto_version(clients, versions[_i]);
	ck_assert(!resumes(stranger, &session));
	ck_assert(!resumes(servers[0], &session));
	SSL_SESSION_free(session);
	SSL_CTX_free(stranger);
	tickets_free(other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tickets");
	TCase *c = tcase_create("tickets");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, a_ticket_of_one_context_is_good_for_another, 0, 2);
	tcase_add_test(c, clients_of_tls_1_3_get_a_new_ticket_with_every_handshake);
	tcase_add_loop_test(c, a_ticket_outlives_two_rotations_and_not_three, 0, 2);
	tcase_add_loop_test(c, a_stranger_s_ticket_is_not_taken, 0, 2);
	suite_add_tcase(suite, c);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
