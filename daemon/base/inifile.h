/* INI text, line by line: sections, keys and where they stand. Form only; what a section or a key means is the
 * caller's business. Comments begin with ; or # at the start of a line, or with a ; after a blank; there are no
 * continuation lines. Not thread-safe (inih's settings are global). */
#ifndef HADIR_INIFILE_H
#define HADIR_INIFILE_H

#include <stdbool.h>

struct inifile_events {
    /* A section's head, blanks around its name removed. */
    void (*on_section)(void *arg, unsigned line, const char *name);
    /* A key of the section seen last; value may be "". Before any section too. Strings are borrowed until return. */
    void (*on_pair)(void *arg, unsigned line, const char *key, const char *value);
    /* A line that is none of these; it is passed over. reason: English, borrowed until return. */
    void (*on_problem)(void *arg, unsigned line, const char *reason);
};

/* Reads NUL-terminated text to its end, whatever its problems. false when memory is short. */
bool inifile_read(const char *text, const struct inifile_events *events, void *arg);

#endif
