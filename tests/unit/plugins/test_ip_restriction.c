/* ip-restriction: plugins.md 2.4; the numbers are those of its appendix B. */
#include "tests/unit/plugins/auth_fixture.h"

static void use(const char *config)
{
	use_plugin("ip-restriction", config);
}

static void from(const char *address)
{
	rig_request(&rig, "GET /a", "X-Forwarded-For: 10.1.1.1");
	rig.x.client_ip = slice_cstr(address);
	rig_run(&rig);
}

static void passes(const char *address)
{
	from(address);
	ck_assert_msg(rig_status(&rig) == 200, "%s: %d", address, rig_status(&rig));
}

static void is_kept_out(const char *address)
{
	char message[100];
	from(address);
	snprintf(message, sizeof message, "IP address not allowed: %s", address);
	is_answered(403, message);
}

START_TEST(ex77_a_denied_range_is_kept_out)
{
	use("'deny':['127.0.0.0/8','192.0.2.7']");
	is_kept_out("127.0.0.1");
	is_kept_out("127.255.255.255");
	is_kept_out("192.0.2.7");
	passes("128.0.0.0");
	passes("192.0.2.8");
	passes("::1");
}
END_TEST

START_TEST(ex77_only_what_is_allowed_passes)
{
	use("'allow':['10.0.0.0/8','2001:db8::/33']");
	is_kept_out("127.0.0.1");
	passes("10.1.2.3");
	passes("2001:db8:7fff::1");
	is_kept_out("2001:db8:8000::1");
	is_kept_out("::1");
}
END_TEST

START_TEST(ex77_deny_wins)
{
	use("'allow':['127.0.0.1','10.0.0.0/8'],'deny':['127.0.0.1','10.9.0.0/16']");
	is_kept_out("127.0.0.1");
	is_kept_out("10.9.1.1");
	passes("10.8.1.1");
}
END_TEST

START_TEST(ex77_status_and_message_can_be_chosen)
{
	use("'deny':['127.0.0.1'],'status':451,'message':'no'");
	from("127.0.0.1");
	is_answered(451, "no");
}
END_TEST

START_TEST(the_families_do_not_mix)
{
	use("'allow':['0.0.0.0/0']");
	passes("192.0.2.1");
	is_kept_out("2001:db8::1");
}
END_TEST

START_TEST(all_of_ipv6_has_no_ipv4_in_it_but_in_its_own_form)
{
	use("'deny':['192.0.2.0/24']");
	is_kept_out("::ffff:192.0.2.1"); /* the same machine in another spelling */
	passes("64:ff9b::192.0.2.1");
}
END_TEST

START_TEST(who_comes_over_a_unix_socket_has_no_address)
{
	use("'deny':['10.0.0.0/8']");
	from("unix:");
	is_answered(403, "Cannot identify the client IP address, unix domain sockets are not supported.");
	from("");
	is_answered(403, "Cannot identify the client IP address, unix domain sockets are not supported.");
}
END_TEST

START_TEST(the_schema_says_what_kong_says)
{
	config_reads("ip-restriction", "'allow':['::1']",
	        "\"config\":{\"allow\":[\"::1\"],\"deny\":null,\"status\":null,\"message\":null}");
	config_reads("ip-restriction", "'allow':['::1']",
	        "\"protocols\":[\"http\",\"https\",\"tcp\",\"tls\",\"grpc\",\"grpcs\"]");
	config_refused("ip-restriction", "",
	        "at least one of these fields must be non-empty: 'config.allow', 'config.deny'");
	config_refused("ip-restriction", "'deny':[]", "at least one of these fields must be non-empty");
	static const char *const wrong[] = {
	        "10.0.0.0/33", "10.0.0", "::/129", "a.test", "10.0.0.1/", "10.0.0.1/x", " 10.0.0.1"};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char config[100], text[100];
		snprintf(config, sizeof config, "'deny':['%s']", wrong[i]);
		snprintf(text, sizeof text, "invalid ip or cidr range: '%s'", wrong[i]);
		config_refused("ip-restriction", config, text);
	}
	ck_assert_ptr_null(rig_refusal(&rig, "plugins",
	        "{'name':'ip-restriction','config':{'deny':['::1']},'protocols':['udp'],'consumer':{'id':'" TERN
	        "'}}"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ip_restriction");
	TCase *t = tcase_create("ip_restriction");

	tcase_add_checked_fixture(t, setup_consumers, teardown);
	tcase_add_test(t, ex77_a_denied_range_is_kept_out);
	tcase_add_test(t, ex77_only_what_is_allowed_passes);
	tcase_add_test(t, ex77_deny_wins);
	tcase_add_test(t, ex77_status_and_message_can_be_chosen);
	tcase_add_test(t, the_families_do_not_mix);
	tcase_add_test(t, all_of_ipv6_has_no_ipv4_in_it_but_in_its_own_form);
	tcase_add_test(t, who_comes_over_a_unix_socket_has_no_address);
	tcase_add_test(t, the_schema_says_what_kong_says);
	suite_add_tcase(s, t);
	return run_tests(s);
}
