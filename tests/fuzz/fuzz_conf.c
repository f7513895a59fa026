/* hadird.conf and every other INI file (circulars as hadir policy reads them): each line is told once, and what passes is
 * within what the table says. */
#include "fuzz.h"

#include "conf.h"
#include "inifile.h"

static struct {
    unsigned line, count;
} seen;

static void told(unsigned line)
{
    MUST(line > seen.line);
    seen.line = line;
    seen.count++;
}

static void on_section(void *arg, unsigned line, const char *name)
{
    (void)arg;
    MUST(name != NULL && strchr(name, '\n') == NULL);
    told(line);
}

static void on_pair(void *arg, unsigned line, const char *key, const char *value)
{
    (void)arg;
    MUST(key != NULL && value != NULL && strchr(key, '\n') == NULL && strchr(value, '\n') == NULL);
    told(line);
}

static void on_problem(void *arg, unsigned line, const char *reason)
{
    (void)arg;
    MUST(reason != NULL && reason[0] != '\0');
    told(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct inifile_events events = {on_section, on_pair, on_problem};
    char path[40], *text = malloc(size + 1), *error = NULL;
    unsigned lines = 1;
    MUST(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    seen.line = seen.count = 0;
    (void)inifile_read(text, &events, NULL);
    MUST(seen.line <= lines);
    free(text);

    int fd = fuzz_file(data, size);
    struct conf *c = conf_load(fuzz_path(path, fd), &error);
    MUST((c == NULL) == (error != NULL) && (error == NULL || error[0] != '\0'));
    if (c != NULL) {
        MUST(c->listen != NULL && c->spool_dir != NULL && c->connections_max > 0 && c->head_timeout_ms > 0);
        MUST(strcmp(c->language, "id") == 0 || strcmp(c->language, "en") == 0);
    }
    conf_free(c);
    free(error);
    close(fd);
    return 0;
}
