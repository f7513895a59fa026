/* Logging: formats one line in memory and hands it to stderr with a single write, so lines of several processes
 * never mix.
 *
 * Whatever the values hold, a call gives exactly one line: control bytes that slipped through become '?'. Lines
 * beyond LINE_MAX_BYTES are cut with "…". Callable from any thread once role and level are set; not from signal
 * handlers. It does not rotate, filter by subsystem or talk to syslog: the journal collects stderr. */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "utf8.h"
#include "wall.h"

#define LINE_MAX_BYTES 2048
#define CUT "…"
#define EXIT_BROKEN 70 /* EX_SOFTWARE: the supervisor sees it in the exit status */

static const char *role_name = "hadir";
static enum log_level least = LOG_LEVEL_INFO;

void log_set_role(const char *role)
{
    role_name = role;
}

void log_set_level(enum log_level min)
{
    least = min;
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_DEBUG:
        return "debug";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_WARN:
        return "warn";
    case LOG_LEVEL_ERROR:
        break;
    }
    return "error";
}

/* A log that cannot be written is no reason to stop taking check-ins: errors are dropped. */
static void write_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

__attribute__((format(printf, 2, 0))) static void emit(enum log_level level, const char *fmt, va_list ap)
{
    int saved = errno;
    char line[LINE_MAX_BYTES + sizeof CUT + 1], when[40];
    wall_format_rfc3339(when, sizeof when, wall_now_us(), 0);
    int n = snprintf(line, LINE_MAX_BYTES, "%s %s %s[%ld] ", when, level_name(level), role_name, (long)getpid());
    size_t head = n < 0 ? 0 : n < LINE_MAX_BYTES ? (size_t)n : LINE_MAX_BYTES - 1;
    errno = saved; /* for %m */
    n = vsnprintf(line + head, LINE_MAX_BYTES - head, fmt, ap);
    size_t len = head + (n < 0 ? 0 : (size_t)n);
    if (len >= LINE_MAX_BYTES) {
        len = utf8_cut(line, LINE_MAX_BYTES - 1, LINE_MAX_BYTES - 5);
        memcpy(line + len, CUT, sizeof CUT - 1);
        len += sizeof CUT - 1;
    }
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[len++] = '\n';
    write_all(line, len);
    errno = saved;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    if (level < least)
        return;
    va_list ap;
    va_start(ap, fmt);
    emit(level, fmt, ap);
    va_end(ap);
}

void fatal(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    emit(LOG_LEVEL_ERROR, fmt, ap);
    va_end(ap);
    /* No exit handlers: in a forked role they are the supervisor's, and an invariant is already broken. */
    _exit(EXIT_BROKEN);
}

/* Writes the escaped form of the text's next character (or bad byte) into piece; returns the bytes consumed. */
static size_t escape_next(const char *text, size_t len, char piece[24])
{
    uint32_t c = 0;
    size_t n = utf8_next(text, len, &c);
    if (n == 0 || (n == 1 && utf8_acts(c))) {
        snprintf(piece, 24, "\\x%02x", (unsigned char)text[0]);
        return 1;
    }
    if (utf8_acts(c)) {
        snprintf(piece, 24, "\\u{%x}", (unsigned)c);
        return n;
    }
    size_t at = 0;
    if (c == '"' || c == '\\')
        piece[at++] = '\\';
    memcpy(piece + at, text, n);
    piece[at + n] = '\0';
    return n;
}

const char *log_quote(char *dst, size_t cap, const char *text, size_t len)
{
    const size_t tail = sizeof CUT - 1 + 2; /* room kept for …, closing quote, NUL */
    if (cap < tail + 1) {
        if (cap > 0)
            dst[0] = '\0';
        return cap > 0 ? dst : "";
    }
    size_t out = 0, uncut = 1; /* uncut: the last place from which the … still fits */
    dst[out++] = '"';
    for (size_t at = 0; text != NULL && at < len;) {
        char piece[24];
        size_t used = escape_next(text + at, len - at, piece), n = strlen(piece);
        if (out + n > cap - 2) {
            out = uncut;
            memcpy(dst + out, CUT, sizeof CUT - 1);
            out += sizeof CUT - 1;
            break;
        }
        memcpy(dst + out, piece, n);
        out += n;
        at += used;
        if (out <= cap - tail)
            uncut = out;
    }
    dst[out++] = '"';
    dst[out] = '\0';
    return dst;
}
