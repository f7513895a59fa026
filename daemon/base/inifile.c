/* The reader of INI text, for the configuration and for circulars.
 *
 * inih splits the lines; the source that feeds it counts them, strips leading blanks (so no line continues another),
 * tells section heads, and takes out what inih would silently cut, pass over or report without its line. */
#include "inifile.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 4096
#define SECTION_MAX 49 /* inih's own bound on names */

struct reading {
    const struct inifile_events *events;
    void *arg;
    const char *at; /* what inih has not taken yet */
    unsigned line;  /* that it took last */
};

static int on_pair(void *arg, const char *section, const char *name, const char *value)
{
    struct reading *r = arg;
    (void)section; /* its head was told when it was read */
    r->events->on_pair(r->arg, r->line, name, value);
    return 1;
}

/* A head that inih takes as we do. */
static bool head_ok(struct reading *r, const char *s, size_t len)
{
    char name[SECTION_MAX + 1];
    const char *end = memchr(s, ']', len);
    if (end == NULL) {
        r->events->on_problem(r->arg, r->line, "the head of a section lacks its ]");
        return false;
    }
    const char *first = s + 1, *last = end;
    while (first < last && (*first == ' ' || *first == '\t'))
        first++;
    while (last > first && (last[-1] == ' ' || last[-1] == '\t'))
        last--;
    if ((size_t)(last - first) > SECTION_MAX) {
        r->events->on_problem(r->arg, r->line, "the name of a section is longer than 49 bytes");
        return false;
    }
    memcpy(name, first, (size_t)(last - first));
    name[last - first] = '\0';
    r->events->on_section(r->arg, r->line, name);
    return true;
}

/* Whether inih shall see the line; what is wrong with it is told. */
static bool line_ok(struct reading *r, const char *s, size_t len)
{
    if (len == 0 || s[0] == ';' || s[0] == '#')
        return true;
    if (s[0] == '[')
        return head_ok(r, s, len);
    if (memchr(s, '=', len) != NULL || memchr(s, ':', len) != NULL)
        return true;
    r->events->on_problem(r->arg, r->line, "not of the form key = value");
    return false;
}

/* inih's source of lines. */
static char *next_line(char *dst, int cap, void *arg)
{
    struct reading *r = arg;
    if (r->at[0] == '\0')
        return NULL;
    r->line++;
    size_t whole = strcspn(r->at, "\n"), skip = strspn(r->at, " \t\r");
    const char *s = r->at + (skip < whole ? skip : whole);
    size_t len = whole - (size_t)(s - r->at);
    r->at += whole + (r->at[whole] == '\n');
    if (cap < 3 || len > (size_t)cap - 3) {
        char reason[60];
        snprintf(reason, sizeof reason, "line longer than %d bytes", LINE_MAX_BYTES - 3);
        r->events->on_problem(r->arg, r->line, reason);
        len = 0;
    }
    if (!line_ok(r, s, len))
        len = 0;
    memcpy(dst, s, len);
    dst[len] = '\n';
    dst[len + 1] = '\0';
    return dst;
}

bool inifile_read(const char *text, const struct inifile_events *events, void *arg)
{
    struct reading r = {.events = events, .arg = arg, .at = text};
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        r.at += 3; /* the mark that some editors put before UTF-8 */
    ini_use_stack = false;
    ini_max_line = ini_initial_alloc = LINE_MAX_BYTES;
    return ini_parse_stream(next_line, &r, on_pair, &r) >= 0;
}
