/* bot-detection: keeps programs that say in User-Agent that they are robots out, and those of lists of one's own
 * (plugins.md 2.5). It stops who is honest about it; it is no defence against the others. */
#include "common/plugin/plugin.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/plugin/regex.h"

struct bot_detection {
	struct slice_list allow, deny;
};

static const struct field fields[] = {
        FIELD(struct bot_detection, allow, .dflt = "[]", STRINGS(.format = FORMAT_REGEX),
                .doc = "Regular expressions: a `User-Agent` that one of them matches passes."),
        FIELD(struct bot_detection, deny, .dflt = "[]", STRINGS(.format = FORMAT_REGEX),
                .doc = "Regular expressions: a `User-Agent` that one of them matches is refused."),
        {0},
};

static const struct schema config = {
        .name = "bot-detection",
        .size = sizeof(struct bot_detection),
        .fields = fields,
};

/* ---- who is known ---------------------------------------------------------------------------------------------- */

/* Alternatives of one expression. In groups: who looks whether a site is up, who fetches previews, clients of object
 * stores, HTTP libraries (with a version: as words they occur elsewhere), crawlers by name, crawlers by their way of
 * naming themselves. CUBOT makes telephones. */
static const char known[] =
        "Pingdom|PTST/\\d|GTmetrix|StatusCake|UptimeRobot|Site24x7|NewRelicPinger|HttpMonitor|TLSProber|Datadog/Synthetics"
        "|facebookexternalhit|facebookcatalog|Facebot|Twitterbot|developers\\.google\\.com/\\+/web/snippet|Google-Structured-Data"
        "|WhatsApp/|Slackbot|Slack-ImgProxy|LinkedInBot|Discordbot|TelegramBot|SkypeUriPreview|Pinterestbot|Pinterest/\\d"
        "|redditbot|Viber/|vkShare|Embedly|Iframely|Quora Link Preview|BingPreview"
        "|aws-cli/|aws-sdk-|\\bBoto3?/|JetS3t/|s3fs/"
        "|Apache-HttpClient[/ ]\\d|Go-http-client/|Google-HTTP-Java-Client/|Python-urllib/|okhttp/|axios/|reqwest/"
        "|aiohttp/|aihttp/|scalaj-http/|unirest-[a-z]+/|WinHTTP|MSIECrawler"
        "|Googlebot|AdsBot-Google|Mediapartners-Google|APIs-Google|Feedfetcher-Google|FeedFetcher-Google|Google-Read-Aloud"
        "|DuplexWeb-Google|Google-InspectionTool|GoogleOther|Google-Site-Verification|Google Favicon|bingbot|msnbot|adidxbot"
        "|Baiduspider|Yandex[A-Z][A-Za-z]+|Slurp|DuckDuckBot|DuckDuckGo-Favicons-Bot|Sogou [a-z]+ spider|Sogou web|360Spider"
        "|HaosouSpider|Bytespider|PetalBot|YisouSpider|YodaoBot|Yeti/|NaverBot|Daum/|Daumoa|SeznamBot|Qwantify|MojeekBot"
        "|coccocbot|Mail\\.RU_Bot|Applebot|Amazonbot|MJ12bot|AhrefsBot|AhrefsSiteAudit|SemrushBot|SiteAuditBot|DotBot|rogerbot"
        "|BLEXBot|DataForSeoBot|serpstatbot|SEOkicks|SISTRIX|linkdexbot|spbot|XoviBot|MegaIndex|BacklinkCrawler|CognitiveSEO"
        "|Screaming Frog SEO Spider|Sitebulb|OnCrawl|Barkrowler|ZoominfoBot|trendictionbot|Exabot|Exalead|GrapeshotCrawler"
        "|grapeshot|proximic|Cliqzbot|CCBot|ia_archiver|archive\\.org_bot|special_archiver|heritrix|Nutch|Scrapy|StormCrawler"
        "|HTTrack|wpbot|Wotbox|Gigabot|gigablast|Teoma|Ask Jeeves|AOLBot|Lycos_Spider|FAST-WebCrawler|FAST Enterprise Crawler"
        "|Gaisbot|ichiro|mogimogi|NetResearchServer|NG-Search|NimbleCrawler|Openbot|OmniExplorer_Bot|Pompos|psbot|SafeDNSBot"
        "|ScoutJet|Scrubby|Sosospider|Steeler/|Szukacz|TurnitinBot|VoilaBot|WebAlta|WebIndexer|Wepbot|yacybot|ZyBorg|Zao/"
        "|findlinks|Sensis Web Crawler|Speedy Spider|TinEye|Twiceler|Updownerbot|UnwindFetchor|URLAppendBot|Vagabondo|Moreoverbot"
        "|NewsGator|Feedly|FeedBurner|Bloglines|Superfeedr|Netvibes|Tiny Tiny RSS|W3C_Validator|W3C-checklink|LinkChecker"
        "|Xenu Link Sleuth|GPTBot|ChatGPT-User|OAI-SearchBot|ClaudeBot|Claude-Web|anthropic-ai|PerplexityBot|cohere-ai|Diffbot"
        "|Timpibot|ImagesiftBot|omgili|Meta-ExternalAgent|YouBot|BUbiNG|netEstate NE Crawler|Linguee Bot|CrystalSemanticsBot"
        "|[A-Za-z0-9_.-]*(?:[Bb]ot|(?<!CU)BOT|[Ss]pider|SPIDER|[Cc]rawl(?:er)?|CRAWLER|[Aa]rchiver|[Ii]ndexer|[Ss]craper"
        "|[Ff]etcher|[Vv]alidator)(?:[-_][A-Za-z0-9]+)?[/ ]v?\\d";

static const struct regex *robots; /* of the process */
static struct arena robots_arena;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void compile_robots(void)
{
	struct err e;
	arena_init(&robots_arena);
	robots = regex_compile(&robots_arena, slice_cstr(known), REGEX_ANYWHERE, &e);
	if (!robots)
		abort(); /* our own mistake */
}

/* ---- lists of one's own ---------------------------------------------------------------------------------------- */

struct patterns {
	const struct regex **items;
	size_t len;
};

struct compiled {
	struct patterns allow, deny;
};

static bool compile_list(const struct slice_list *texts, struct arena *a, struct patterns *out, struct err *e)
{
	*out = (struct patterns){arena_array(a, const struct regex *, texts->len), texts->len};
	for (size_t i = 0; i < texts->len; i++)
		if (!(out->items[i] = regex_compile(a, texts->items[i], REGEX_ANYWHERE, e)))
			return false;
	return true;
}

static bool compile(const void *conf, struct arena *a, const void **compiled, struct err *e)
{
	const struct bot_detection *detection = conf;
	struct compiled *c = arena_new(a, struct compiled);

	pthread_once(&once, compile_robots);
	*compiled = c;
	return compile_list(&detection->allow, a, &c->allow, e) && compile_list(&detection->deny, a, &c->deny, e);
}

static bool any_matches(const struct patterns *patterns, struct slice agent)
{
	for (size_t i = 0; i < patterns->len; i++)
		if (regex_matches(patterns->items[i], agent))
			return true;
	return false;
}

static enum verdict on_access(struct call *c)
{
	const struct compiled *lists = c->compiled;
	size_t count;
	struct slice agent = slice_trim(call_header(c, S("User-Agent"), &count));

	if (count > 1)
		return call_reject(c, 400, S("Only one User-Agent header allowed"));
	if (count == 0 || any_matches(&lists->allow, agent))
		return GO;
	if (any_matches(&lists->deny, agent) || regex_matches(robots, agent))
		return call_reject(c, 403, S("Forbidden"));
	return GO;
}

const struct plugin bot_detection_plugin = {
        .name = "bot-detection",
        .priority = 2500,
        .scopes = SCOPE_ROUTE | SCOPE_SERVICE,
        .protocols = PROTOCOLS_HTTP,
        .config = &config,
        .compile = compile,
        .access = on_access,
        .doc = "Keeps programs that say that they are robots out, and those of lists of your own.",
        .example = "{'deny':['badbot']}",
};
