/* metric: see metric.h. */
#include "common/plugin/metric.h"

void metric_label(struct text *labels, const char *name, struct slice value)
{
	if (labels->len)
		text_putc(labels, ',');
	text_puts(labels, name);
	text_puts(labels, "=\"");
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		if (c == '\n')
			text_puts(labels, "\\n");
		else if (c == '"' || c == '\\')
			text_printf(labels, "\\%c", c);
		else
			text_putc(labels, c);
	}
	text_putc(labels, '"');
}
