/* log: see log.h. */
#include "common/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/core/text.h"

static const char *const level_names[] = {"debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"};
enum { LEVELS = sizeof level_names / sizeof level_names[0] };

static struct {
	const char *program;
	char *path; /* NULL: stderr */
	int fd;
	bool json;
	int level; /* atomic */
	pthread_mutex_t lock;
} sink = {.program = "gatehouse", .fd = STDERR_FILENO, .level = LOG_NOTICE, .lock = PTHREAD_MUTEX_INITIALIZER};

void log_init(const char *program)
{
	sink.program = program;
}

static int open_append(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

bool log_open(const char *path, struct err *e)
{
	if (!path)
		return true;
	int fd = open_append(path);
	if (fd < 0)
		return err_set(e, "cannot open log file '%s': %s", path, strerror(errno));
	pthread_mutex_lock(&sink.lock);
	if (sink.path)
		close(sink.fd);
	free(sink.path);
	sink.path = slice_strdup(slice_cstr(path));
	sink.fd = fd;
	pthread_mutex_unlock(&sink.lock);
	return true;
}

void log_reopen(void)
{
	if (!sink.path)
		return;
	int fd = open_append(sink.path);
	if (fd < 0) {
		log_error("cannot reopen log file", LOG_STR("path", sink.path), LOG_STR("error", strerror(errno)));
		return;
	}
	pthread_mutex_lock(&sink.lock);
	dup2(fd, sink.fd); /* replaces the file behind the descriptor that other threads write to */
	pthread_mutex_unlock(&sink.lock);
	close(fd);
}

void log_use_json(bool on)
{
	sink.json = on;
}

bool log_level_parse(struct slice name, enum log_level *out)
{
	for (int i = 0; i < LEVELS; i++)
		if (slice_eq(name, slice_cstr(level_names[i]))) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

void log_set_level(enum log_level level)
{
	__atomic_store_n(&sink.level, (int)level, __ATOMIC_RELAXED);
}

enum log_level log_get_level(void)
{
	return (enum log_level)__atomic_load_n(&sink.level, __ATOMIC_RELAXED);
}

static void put_time(struct text *line)
{
	struct timespec now;
	struct tm tm;
	char day[32];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
	text_printf(line, "%s.%03ldZ", day, now.tv_nsec / 1000000);
}

static bool is_plain(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return s.len > 0;
}

static void put_plain(struct text *line, enum log_level level, const char *message, const struct log_field *f)
{
	put_time(line);
	text_printf(line, " %s %s %s", level_names[level], sink.program, message);
	for (; f->as != LOG_END; f++) {
		text_printf(line, " %s=", f->key);
		if (f->as == LOG_AS_INT)
			text_printf(line, "%lld", (long long)f->number);
		else if (is_plain(f->text))
			text_put(line, f->text);
		else
			text_put_json(line, f->text);
	}
}

static void put_as_json(struct text *line, enum log_level level, const char *message, const struct log_field *f)
{
	text_puts(line, "{\"time\":\"");
	put_time(line);
	text_printf(line, "\",\"level\":\"%s\",\"program\":\"%s\",\"message\":", level_names[level], sink.program);
	text_put_json(line, slice_cstr(message));
	for (; f->as != LOG_END; f++) {
		text_printf(line, ",\"%s\":", f->key);
		if (f->as == LOG_AS_INT)
			text_printf(line, "%lld", (long long)f->number);
		else
			text_put_json(line, f->text);
	}
	text_putc(line, '}');
}

void log_event(enum log_level level, const char *message, const struct log_field *fields)
{
	struct text line = {0};
	if (sink.json)
		put_as_json(&line, level, message, fields);
	else
		put_plain(&line, level, message, fields);
	text_putc(&line, '\n');

	pthread_mutex_lock(&sink.lock);
	ssize_t n = write(sink.fd, line.ptr, line.len);
	pthread_mutex_unlock(&sink.lock);
	(void)n; /* there is nowhere left to report it */
	text_fini(&line);
}
