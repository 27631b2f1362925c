/* request-validator: plugins-beyond.md 2, and examples 1 and 2 of its section 16. Schemas are written with ~ for \".
 */
#include <check.h>

#include "common/core/log.h"
#include "tests/support/loading.h"
#include "tests/support/plugin_rig.h"

static struct rig rig;

static void setup(void)
{
	rig_init(&rig);
}

static void teardown(void)
{
	rig_fini(&rig);
}

/* ~ stands for a quote within the text of a schema. */
static const char *row_of(const char *conf)
{
	static char row[4096];
	size_t n = (size_t)snprintf(row, sizeof row, "{'name':'request-validator','config':{");
	for (; *conf; conf++) {
		if (*conf == '~')
			row[n++] = '\\';
		row[n++] = *conf == '~' ? '"' : *conf;
	}
	snprintf(row + n, sizeof row - n, "}}");
	return row;
}

#define NAMED      "'version':'draft4','body_schema':'{~required~:[~name~],~properties~:{~name~:{~type~:~string~}}}'"
#define WRONG_BODY "{\"message\":\"request body doesn't conform to schema\"}"
#define WRONG_TYPE "{\"message\":\"specified Content-Type is not allowed\"}"
#define TOO_LARGE  "{\"message\":\"request body is larger than max_body_size\"}"

static const struct {
	const char *conf, *type, *body;
	int status;
	const char *answer;
} bodies[] = {
        /* example 1 */
        {NAMED, "application/json", "{\"name\":\"x\"}", 200, NULL},
        {NAMED, "application/json", "{\"name\":1}", 400, WRONG_BODY},
        {NAMED, "text/plain", "x", 400, WRONG_TYPE},
        {NAMED, NULL, "", 400, WRONG_TYPE},
        /* content types */
        {NAMED, "Application/JSON", "{\"name\":1}", 400, WRONG_BODY},
        {NAMED, "application/json; charset=utf-8", "{\"name\":\"x\"}", 400, WRONG_TYPE},
        {NAMED ",'content_type_parameter_validation':false", "application/json; charset=utf-8", "{\"name\":\"x\"}",
                200, NULL},
        {NAMED ",'content_type_parameter_validation':false", "application/json; charset=utf-8", "{}", 400,
                WRONG_BODY},
        {NAMED ",'allowed_content_types':['application/json; charset=UTF-8']", "application/json;charset=utf-8",
                "{\"name\":\"x\"}", 200, NULL},
        {NAMED ",'allowed_content_types':['text/*','application/vnd.a+json']", "text/x", "not JSON", 200, NULL},
        {NAMED ",'allowed_content_types':['text/*','application/vnd.a+json']", "application/vnd.a+json", "{}", 400,
                WRONG_BODY},
        {NAMED, "rubbish", "{\"name\":\"x\"}", 400, WRONG_TYPE},
        /* bodies that cannot be read for sure */
        {NAMED, "application/json", "", 400, WRONG_BODY},
        {NAMED, "application/json", "{\"name\":", 400, WRONG_BODY},
        {NAMED, "application/json", "{\"name\":\"x\",\"name\":\"y\"}", 400, WRONG_BODY},
        {NAMED, "application/json", "{\"name\":\"x\"} trailing", 400, WRONG_BODY},
        {NAMED, "application/json", "{\"name\":\"x\",\"n\":99999999999999999999999}", 200, NULL},
        {NAMED ",'max_body_size':11", "application/json", "{\"name\":\"x\"}", 413, TOO_LARGE},
        {NAMED ",'max_body_size':12", "application/json", "{\"name\":\"x\"}", 200, NULL},
        /* verbose */
        {NAMED ",'verbose_response':true", "application/json", "{\"name\":1}", 400,
                "{\"message\":\"request body doesn't conform to schema\",\"data\":{\"name\":\"expected a string\"}}"},
        {NAMED ",'verbose_response':true", "application/json", "{}", 400,
                "{\"message\":\"request body doesn't conform to schema\",\"data\":{\"name\":\"required field missing\"}}"},
        {NAMED ",'verbose_response':true", "application/json", "nope", 400,
                "{\"message\":\"request body doesn't conform to schema\",\"data\":{\"@root\":\"not JSON\"}}"},
        {NAMED ",'verbose_response':true", "text/x", "nope", 400, WRONG_TYPE},
        /* versions */
        {"'body_schema':'[{~age~:{~type~:~integer~,~required~:true}}]','verbose_response':true", "application/json",
                "{\"age\":\"x\"}", 400,
                "{\"message\":\"request body doesn't conform to schema\",\"data\":{\"age\":\"expected an integer\"}}"},
        {"'body_schema':'[{~age~:{~type~:~integer~,~required~:true}}]'", "application/json", "{\"age\":7}", 200,
                NULL},
        {"'version':'draft4','body_schema':'{~const~:1}'", "application/json", "2", 200, NULL},
        {"'version':'draft6','body_schema':'{~const~:1}'", "application/json", "2", 400, WRONG_BODY},
        {"'version':'draft7','body_schema':'{~if~:{~minimum~:1},~then~:false}'", "application/json", "2", 400,
                WRONG_BODY},
        {"'version':'2020-12','body_schema':'{~unevaluatedProperties~:false}'", "application/json", "{\"a\":1}", 400,
                WRONG_BODY},
};

START_TEST(bodies_are_validated)
{
	rig_plugin(&rig, row_of(bodies[_i].conf));
	rig_request(&rig, "POST /", "");
	if (bodies[_i].type)
		rig_body(&rig, bodies[_i].type, bodies[_i].body);
	ck_assert_int_eq(rig_run(&rig), bodies[_i].answer ? STOP : GO);
	ck_assert_int_eq(rig_status(&rig), bodies[_i].status);
	if (!bodies[_i].answer)
		return;
	rig_upstream_answers(&rig, 0, "", "");
	ck_assert_str_eq(rig_client_body(&rig), bodies[_i].answer);
	ck_assert_str_eq(rig_down(&rig, "Content-Type"), "application/json; charset=utf-8");
}
END_TEST

#define ONE(name, in, required, style, explode, schema)                                                     \
	"'verbose_response':true,'parameter_schema':[{'name':'" name "','in':'" in "','required':" required \
	",'style':'" style "','explode':" explode ",'schema':'" schema "'}]"
#define INTEGERS_OF(in, style, explode) \
	ONE("p", in, "true", style, explode, "{~type~:~array~,~items~:{~type~:~integer~}}")
#define COLOUR(in, style, explode)           \
	ONE("p", in, "true", style, explode, \
	        "{~type~:~object~,~properties~:{~R~:{~type~:~integer~},~G~:{~type~:~integer~}},~required~:[~R~,~G~]}")
#define NUMBER_IN(in, style) ONE("p", in, "true", style, "false", "{~type~:~number~}")

static const struct {
	const char *conf, *query, *header, *path;
	const char *data; /* of the answer; NULL: it passes */
} parameters[] = {
        /* example 2 */
        {NUMBER_IN("path", "simple"), "", "", "123", NULL},
        {NUMBER_IN("path", "simple"), "", "", "abc", "{\"p\":\"expected a number\"}"},
        {NUMBER_IN("path", "simple"), "", "", "1e2", NULL},
        {NUMBER_IN("path", "simple"), "", "", " 1", "{\"p\":\"expected a number\"}"},
        /* there or not */
        {NUMBER_IN("query", "form"), "?q=1", "", "", "{\"p\":\"required parameter value not found\"}"},
        {ONE("p", "query", "false", "form", "false", "{~type~:~number~}"), "?q=1", "", "", NULL},
        {"'parameter_schema':[{'name':'p','in':'query','required':true}],'verbose_response':true", "?p", "", "",
                NULL},
        {"'parameter_schema':[{'name':'p','in':'header','required':true}],'verbose_response':true", "?p", "", "",
                "{\"p\":\"required parameter value not found\"}"},
        {"'parameter_schema':[{'name':'p','in':'query','required':false}]", "", "", "", NULL},
        /* query */
        {NUMBER_IN("query", "form"), "?p=1.5", "", "", NULL},
        {NUMBER_IN("query", "form"), "?p=1&p=2", "", "", "{\"p\":\"expected a number\"}"},
        {NUMBER_IN("query", "form"), "?p=x", "", "", "{\"p\":\"expected a number\"}"},
        {NUMBER_IN("query", "form"), "?p", "", "", "{\"p\":\"expected a number\"}"},
        {ONE("p", "query", "true", "form", "false", "{~type~:~boolean~}"), "?p=true", "", "", NULL},
        {ONE("p", "query", "true", "form", "false", "{~type~:~boolean~}"), "?p=True", "", "",
                "{\"p\":\"expected a boolean\"}"},
        {ONE("p", "query", "true", "form", "false", "{~type~:~string~,~maxLength~:3}"), "?p=%C3%A9%C3%A9%C3%A9", "",
                "", NULL},
        {ONE("p", "query", "true", "form", "false", "{~type~:~string~,~pattern~:~^[0-9]+$~}"), "?p=12", "", "", NULL},
        {INTEGERS_OF("query", "form", "true"), "?p=1&p=2", "", "", NULL},
        {INTEGERS_OF("query", "form", "true"), "?p=1&p=x", "", "", "{\"p[1]\":\"expected an integer\"}"},
        {INTEGERS_OF("query", "form", "true"), "?p=1,2", "", "", "{\"p[0]\":\"expected an integer\"}"},
        {INTEGERS_OF("query", "form", "false"), "?p=1,2", "", "", NULL},
        {INTEGERS_OF("query", "spaceDelimited", "false"), "?p=1%202", "", "", NULL},
        {INTEGERS_OF("query", "pipeDelimited", "false"), "?p=1%7C2", "", "", NULL},
        {INTEGERS_OF("query", "pipeDelimited", "false"), "?p=1,2", "", "", "{\"p[0]\":\"expected an integer\"}"},
        {COLOUR("query", "form", "false"), "?p=R,1,G,2", "", "", NULL},
        {COLOUR("query", "form", "false"), "?p=R,1,G,x", "", "", "{\"p.G\":\"expected an integer\"}"},
        {COLOUR("query", "form", "true"), "?R=1&G=2&x=3", "", "", NULL},
        {COLOUR("query", "form", "true"), "?R=1&R=2&G=2", "", "", "{\"p.R\":\"expected an integer\"}"},
        {COLOUR("query", "deepObject", "true"), "?p%5BR%5D=1&p[G]=2", "", "", NULL},
        {COLOUR("query", "deepObject", "true"), "?p[R]=1", "", "", "{\"p.G\":\"required field missing\"}"},
        /* header */
        {NUMBER_IN("header", "simple"), "", "P: 7", "", NULL},
        {NUMBER_IN("header", "simple"), "", "P: x", "", "{\"p\":\"expected a number\"}"},
        {NUMBER_IN("header", "simple"), "", "P: 7\np: 8", "", "{\"p\":\"expected a number\"}"},
        {INTEGERS_OF("header", "simple", "false"), "", "P: 1, 2\np: 3", "", NULL},
        {COLOUR("header", "simple", "false"), "", "P: R,1,G,2", "", NULL},
        {COLOUR("header", "simple", "true"), "", "P: R=1, G=2", "", NULL},
        /* path */
        {INTEGERS_OF("path", "simple", "false"), "", "", "1,2", NULL},
        {INTEGERS_OF("path", "label", "false"), "", "", ".1,2", NULL},
        {INTEGERS_OF("path", "label", "true"), "", "", ".1.2", NULL},
        {INTEGERS_OF("path", "label", "true"), "", "", "1.2", "{\"p\":\"expected an array\"}"},
        {NUMBER_IN("path", "label"), "", "", ".5", NULL},
        {NUMBER_IN("path", "matrix"), "", "", ";p=5", NULL},
        {NUMBER_IN("path", "matrix"), "", "", ";q=5", "{\"p\":\"expected a number\"}"},
        {INTEGERS_OF("path", "matrix", "false"), "", "", ";p=1,2", NULL},
        {INTEGERS_OF("path", "matrix", "true"), "", "", ";p=1;p=2", NULL},
        {INTEGERS_OF("path", "matrix", "true"), "", "", ";p=1;q=2", "{\"p[1]\":\"expected an integer\"}"},
        {COLOUR("path", "matrix", "true"), "", "", ";R=1;G=2", NULL},
        {COLOUR("path", "matrix", "false"), "", "", ";p=R,1,G,2", NULL},
        {COLOUR("path", "label", "true"), "", "", ".R=1.G=2", NULL},
};

START_TEST(parameters_are_validated)
{
	struct slice_pair capture = {S("p"), slice_cstr(parameters[_i].path)};
	char line[256], answer[512];

	rig_plugin(&rig, row_of(parameters[_i].conf));
	snprintf(line, sizeof line, "GET /%s", parameters[_i].query);
	rig_request(&rig, line, parameters[_i].header);
	rig.x.captures = &capture;
	rig.x.captures_count = *parameters[_i].path ? 1 : 0;
	enum verdict v = rig_run(&rig);
	if (v == STOP)
		rig_upstream_answers(&rig, 0, "", "");
	ck_assert_msg(v == (parameters[_i].data ? STOP : GO), "%s", v == STOP ? rig_client_body(&rig) : "it passed");
	if (!parameters[_i].data)
		return;
	snprintf(answer, sizeof answer, "{\"message\":\"request param doesn't conform to schema\",\"data\":%s}",
	        parameters[_i].data);
	ck_assert_str_eq(rig_client_body(&rig), answer);
}
END_TEST

START_TEST(parameters_come_before_the_body_and_after_the_type)
{
	rig_plugin(&rig, row_of(NAMED ",'parameter_schema':[{'name':'p','in':'query','required':true}]"));
	rig_request(&rig, "POST /", "");
	rig_body(&rig, "application/json", "{}");
	rig_run(&rig);
	rig_upstream_answers(&rig, 0, "", "");
	ck_assert_str_eq(rig_client_body(&rig), "{\"message\":\"request param doesn't conform to schema\"}");
	rig_request(&rig, "POST /", "");
	rig_body(&rig, "text/x", "{}");
	rig_run(&rig);
	rig_upstream_answers(&rig, 0, "", "");
	ck_assert_str_eq(rig_client_body(&rig), WRONG_TYPE);
}
END_TEST

static const struct {
	const char *conf, *told;
} bad_rows[] = {
        {"'verbose_response':true",
                "at least one of these fields must be non-empty: 'config.body_schema', 'config.parameter_schema'"},
        {"'version':'draft5','body_schema':'{}'", "expected one of: kong, draft4, draft6, draft7, 2020-12"},
        {"'body_schema':'{}'", "body_schema: fields: expected an array"},
        {"'version':'draft4','body_schema':'{'", "body_schema: not JSON"},
        {"'version':'draft4','body_schema':'{~properties~:{~a~:{~type~:~strin~}}}'",
                "body_schema: at /a: type: expected"},
        {"'version':'draft4','body_schema':'{~$ref~:~http://x.test/~}'", "leads out of the schema"},
        {"'body_schema':'[]','allowed_content_types':['x']", "invalid value: x"},
        {"'parameter_schema':[{'name':'p','in':'cookie','required':true}]", "expected one of: query, header, path"},
        {"'parameter_schema':[{'name':'p','in':'query'}]", "required field missing"},
        {"'parameter_schema':[{'name':'p','in':'query','required':true,'style':'form'}]",
                "all or none of these fields must be set: 'style', 'explode', 'schema'"},
        {ONE("p", "query", "true", "label", "false", "{~type~:~string~}"),
                "parameter_schema: p: style 'label' is not one of a query"},
        {ONE("p", "query", "true", "form", "false", "{}"),
                "parameter_schema: p: schema: expected a 'type' at its top level"},
        {ONE("p", "query", "true", "form", "false", "{~type~:1}"), "parameter_schema: p: schema: type: expected"},
        {"'body_schema':'[]','max_body_size':0", "value should be between 1 and 10485760"},
};

START_TEST(configurations_are_checked)
{
	const char *why = rig_refusal(&rig, "plugins", row_of(bad_rows[_i].conf));
	ck_assert_msg(why && strstr(why, bad_rows[_i].told), "%s: %s", bad_rows[_i].conf, why);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("request_validator");
	TCase *t = tcase_create("all");
	log_set_level(LOG_CRIT);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, bodies_are_validated, 0, sizeof bodies / sizeof bodies[0]);
	tcase_add_loop_test(t, parameters_are_validated, 0, sizeof parameters / sizeof parameters[0]);
	tcase_add_test(t, parameters_come_before_the_body_and_after_the_type);
	tcase_add_loop_test(t, configurations_are_checked, 0, sizeof bad_rows / sizeof bad_rows[0]);
	suite_add_tcase(s, t);
	return run_suite(s);
}
