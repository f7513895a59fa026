/* Logging: one line each on stderr, `event=… key=value …`, with time, role and process. The journal adds the rest.
 * Values of peers go through log_quote. Never log coordinates, tokens, phone numbers, bodies, query strings. */
#ifndef HADIR_LOG_H
#define HADIR_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_DEBUG = 0, LOG_LEVEL_INFO = 1, LOG_LEVEL_WARN = 2, LOG_LEVEL_ERROR = 3 };

void log_set_role(const char *role); /* e.g. "door0"; borrows for ever */
void log_set_level(enum log_level min);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
/* Quotes and escapes peer text (control bytes, quotes, non-UTF-8) into dst; returns dst. Cuts with "…". */
const char *log_quote(char *dst, size_t cap, const char *text, size_t len);
/* For start-up errors and broken invariants only; never reachable from bytes a peer can send. */
_Noreturn void fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
