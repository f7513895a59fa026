/* hadir government: makes a government, sets its numbers and choices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define SET_MAX 32
#define SET_BODY_MAX 65536

static int add(const char *code, const char *name, const char *zone, const char *whatsapp)
{
    struct session *s = cli_connect("hadir_admin");
    const char *const params[] = {code, name, zone, whatsapp};
    char *id = cli_value(s, "select api.government_add($1, $2, $3, $4)", 4, params);
    if (id != NULL)
        printf("%s: %s\n", code, id);
    int result = id != NULL ? CLI_DONE : CLI_FAILED;
    free(id);
    session_close(s);
    return result;
}

/* {"government": code, key: value …}; a word without '=' is a setting without a value, which the database refuses. */
static void set_body(struct buf *out, const char *code, int n, char **words)
{
    struct json_writer w;
    char key[64];
    json_begin(&w, out);
    json_object(&w);
    for (int i = 0; i < n; i++) {
        size_t len = strcspn(words[i], "=");
        snprintf(key, sizeof key, "%.*s", (int)len, words[i]);
        json_key(&w, key);
        json_string(&w, words[i][len] == '=' ? words[i] + len + 1 : NULL);
    }
    json_key(&w, "government"); /* last: of equal names the last counts */
    json_string(&w, code);
    json_object_end(&w);
}

static bool print_setting(const char *name, const json_value *v, void *arg)
{
    struct buf text;
    (void)arg;
    if (strcmp(name, "status") == 0)
        return true;
    buf_init(&text, SET_BODY_MAX);
    struct text s;
    if (json_get_string(v, &s))
        printf("%s=%.*s\n", name, (int)s.len, s.s);
    else if (json_dump(v, &text) && json_kind_of(v) != JSON_KIND_NULL)
        printf("%s=%s\n", name, buf_str(&text));
    else
        printf("%s=\n", name);
    buf_fini(&text);
    return true;
}

static int set(const char *code, int n, char **words)
{
    struct buf body;
    bool refused;
    buf_init(&body, SET_BODY_MAX);
    set_body(&body, code, n, words);
    struct session *s = cli_connect("hadir_admin");
    struct json_doc *answer = cli_call(s, "select api.government_set($1::jsonb, $2::timestamptz)", &body, &refused);
    bool done = answer != NULL && !refused;
    if (done)
        (void)json_each(json_root(answer), print_setting, NULL);
    json_doc_free(answer);
    session_close(s);
    buf_fini(&body);
    return done ? CLI_DONE : CLI_FAILED;
}

int cmd_government(int argc, char **argv)
{
    const char *zone = NULL, *whatsapp = NULL;
    const struct cli_option options[] = {{"--zone", &zone, NULL}, {"--whatsapp", &whatsapp, NULL}};
    if (!cli_options(&argc, argv, options, 2, 2, SET_MAX))
        return CLI_USAGE;
    if (strcmp(argv[1], "add") == 0 && argc == 4 && zone != NULL)
        return add(argv[2], argv[3], zone, whatsapp);
    if (strcmp(argv[1], "set") == 0 && zone == NULL && whatsapp == NULL)
        return set(argv[2], argc - 3, argv + 3);
    return CLI_USAGE;
}
