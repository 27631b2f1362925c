/* bot-detection: plugins.md 2.5; the numbers are those of its appendix B. */
#include "tests/unit/plugins/auth_fixture.h"

static void use(const char *config)
{
	use_plugin("bot-detection", config);
}

static int status_of(const char *agent)
{
	char header[400];
	snprintf(header, sizeof header, "User-Agent: %s", agent);
	rig_get(&rig, "GET /a", header);
	return rig_status(&rig);
}

START_TEST(ex78_robots_are_kept_out)
{
	static const char *const robots[] = {"Googlebot/2.1 (+http://x)",
	        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
	        "AdsBot-Google (+http://www.google.com/adsbot.html)", "AdsBot-Google-Mobile-Apps",
	        "Mediapartners-Google", "msnbot/2.0b", "Mozilla/5.0 BingPreview/1.0b",
	        "Baiduspider+(+http://www.baidu.com/search/spider.htm)", "Baiduspider-image", "YandexImages/3.0",
	        "Mozilla/5.0 (compatible; YandexBot/3.0)", "Mozilla/5.0 (compatible; Yahoo! Slurp)", "MJ12bot/v1.4.8",
	        "SemrushBot/7~bl", "ia_archiver (+http://www.alexa.com)", "archive.org_bot", "heritrix/3.3.0",
	        "Apache-Nutch-1.4/Nutch-1.4", "Scrapy/1.8.0 (+http://scrapy.org)", "YodaoBot/1.0",
	        "Pingdom.com_bot_version_1.4", "Mozilla/5.0 PTST/190", "facebookexternalhit/1.1", "Twitterbot/1.0",
	        "Google (+https://developers.google.com/+/web/snippet/)", "WhatsApp/2.19.81 A",
	        "Slackbot-LinkExpanding 1.0", "Slack-ImgProxy 0.66", "LinkedInBot/1.0", "aws-cli/2.0",
	        "aws-sdk-java/1.11", "Boto/2.48.0", "Boto3/1.9", "JetS3t/0.9", "s3fs/1.8",
	        "Apache-HttpClient/4.5 (Java/1.8)", "Go-http-client/1.1", "Google-HTTP-Java-Client/1.22",
	        "Python-urllib/3.9", "okhttp/3.12.1", "axios/0.19.2", "reqwest/0.9", "aihttp/1.0", "scalaj-http/1.0",
	        "unirest-java/1.3", "WinHTTP", "TLSProber/0.1", "HttpMonitor/1",
	        "Mozilla/4.0 (compatible; MSIECrawler)", "MyBot/1.0", "some-spider/v2", "ACME-crawler/0.9",
	        "Webcrawl/3", "page_indexer/1.1", "PictureScraper/2", "site-archiver/7", "  Googlebot/2.1  "};
	use("");
	for (size_t i = 0; i < sizeof robots / sizeof robots[0]; i++)
		ck_assert_msg(status_of(robots[i]) == 403, "%s", robots[i]);
	is_answered(403, "Forbidden");
}
END_TEST

START_TEST(ex78_others_pass)
{
	static const char *const others[] = {"curl/8.4", "curl/7.68.0", "Wget/1.20.3 (linux-gnu)",
	        "python-requests/2.31.0", "", "x",
	        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
	        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:121.0) Gecko/20100101 Firefox/121.0",
	        "Mozilla/5.0 (Linux; Android 7.0; CUBOT_NOTE_S Build/NRD90M) AppleWebKit/537.36 Chrome/64 Mobile Safari/537.36",
	        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 Version/17.1 Mobile/15E148 Safari/604.1",
	        "PostmanRuntime/7.36.0", "insomnia/8.4.5", "HTTPie/3.2.2", "Robotics-Console", "both/1", "googlebot",
	        "GOOGLEBOT"};
	use("");
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		ck_assert_msg(status_of(others[i]) == 200, "%s", others[i]);
	rig_get(&rig, "GET /a", "");
	ck_assert_int_eq(rig_status(&rig), 200);
}
END_TEST

START_TEST(ex78_two_user_agents_are_one_too_many)
{
	use("");
	rig_get(&rig, "GET /a", "User-Agent: a\nuser-agent: a");
	is_answered(400, "Only one User-Agent header allowed");
}
END_TEST

START_TEST(ex78_what_is_allowed_passes_whatever_it_is)
{
	use("'allow':['nothing','Googlebot'],'deny':['bot']");
	ck_assert_int_eq(status_of("Googlebot/2.1 (+http://x)"), 200);
	ck_assert_int_eq(status_of("bingbot/2.0"), 403);
}
END_TEST

START_TEST(ex78_what_is_denied_is_kept_out)
{
	use("'deny':['^curl','(?i)WGET']");
	ck_assert_int_eq(status_of("curl/8.4"), 403);
	ck_assert_int_eq(status_of("Wget/1.20.3"), 403);
	ck_assert_int_eq(status_of("Curl/8.4"), 200);
	ck_assert_int_eq(status_of("libcurl/8.4"), 200);
	ck_assert_int_eq(status_of("  curl/8.4"), 403);
}
END_TEST

START_TEST(the_schema_says_what_kong_says)
{
	config_reads("bot-detection", "", "\"config\":{\"allow\":[],\"deny\":[]}");
	config_refused("bot-detection", "'allow':['a(']", "not a valid regex: a(");
	ck_assert_ptr_nonnull(rig_refusal(&rig, "plugins", "{'name':'bot-detection','consumer':{'id':'" TERN "'}}"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bot_detection");
	TCase *t = tcase_create("bot_detection");

	tcase_add_checked_fixture(t, setup_consumers, teardown);
	tcase_add_test(t, ex78_robots_are_kept_out);
	tcase_add_test(t, ex78_others_pass);
	tcase_add_test(t, ex78_two_user_agents_are_one_too_many);
	tcase_add_test(t, ex78_what_is_allowed_passes_whatever_it_is);
	tcase_add_test(t, ex78_what_is_denied_is_kept_out);
	tcase_add_test(t, the_schema_says_what_kong_says);
	suite_add_tcase(s, t);
	return run_tests(s);
}
