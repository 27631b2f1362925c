/* markdown: see markdown.h. */
#include "cp/cli/markdown.h"

#include <stdio.h>

void markdown_cell(const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			putchar('\\');
		putchar(*text);
	}
}

static const char *form_of(enum format format)
{
	static const char *const forms[FORMAT_COUNT] = {
	        [FORMAT_UUID] = "a UUID",
	        [FORMAT_HOST] = "a host",
	        [FORMAT_IP] = "an address",
	        [FORMAT_IP_OR_CIDR] = "an address or range",
	        [FORMAT_PATH] = "a path",
	        [FORMAT_URL] = "a URL",
	        [FORMAT_HEADER_NAME] = "a header's name",
	        [FORMAT_COOKIE_NAME] = "a cookie's name",
	        [FORMAT_HTTP_METHOD] = "a method",
	        [FORMAT_REGEX] = "a regex",
	        [FORMAT_SNI] = "a server name",
	};
	return forms[format];
}

void markdown_allowed(const struct field *f)
{
	for (const char *const *one = f->one_of; one && *one; one++)
		printf("%s`%s`", one == f->one_of ? "" : ", ", *one);
	if (f->has_between)
		printf("%.15g to %.15g", f->min, f->max);
	if (f->has_gt)
		printf("above %.15g", f->gt);
	if (form_of(f->format))
		fputs(form_of(f->format), stdout);
}
