/* hadir head: who leads a unit, acts for its head, or has his decisions delegated, from when to when. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static void member(struct json_writer *w, const char *name, const char *value)
{
    if (value != NULL) {
        json_key(w, name);
        json_string(w, value);
    }
}

static struct text text_of(const json_value *object, const char *name)
{
    struct text value = {"", 0};
    (void)json_get_string(json_member(object, name), &value);
    return value;
}

static void print_head(const json_value *h)
{
    static const char *const names[] = {"unit", "kind", "from", "to", "nip", "name"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct text value = text_of(h, names[i]);
        printf("%s%.*s", i > 0 ? "\t" : "", value.len > 0 ? (int)value.len : 1, value.len > 0 ? value.s : "-");
    }
    putchar('\n');
}

static int ask(const char *sql, struct buf *body, const char *list)
{
    bool refused;
    struct session *s = cli_connect("hadir_admin");
    struct json_doc *doc = cli_call(s, sql, body, &refused);
    session_close(s);
    bool done = doc != NULL && !refused;
    const json_value *heads = done ? json_member(json_root(doc), list) : NULL;
    for (size_t i = 0; i < json_count(heads); i++) {
        if (strcmp(list, "ended") == 0)
            fputs(cli_say("berakhir\t", "ended\t"), stdout);
        print_head(json_at(heads, i));
    }
    json_doc_free(doc);
    return done ? CLI_DONE : CLI_FAILED;
}

int cmd_head(int argc, char **argv)
{
    const char *unit = NULL, *kind = NULL, *from = NULL, *to = NULL, *day = NULL;
    const struct cli_option options[] = {
        {"--unit", &unit, NULL}, {"--kind", &kind, NULL}, {"--from", &from, NULL}, {"--to", &to, NULL}, {"--day", &day, NULL}};
    struct buf body;
    struct json_writer w;
    if (!cli_options(&argc, argv, options, sizeof options / sizeof options[0], 1, 1))
        return CLI_USAGE;
    bool list = strcmp(argv[1], "list") == 0;
    if (list ? kind != NULL || from != NULL || to != NULL : unit == NULL || kind == NULL || from == NULL || day != NULL)
        return CLI_USAGE;
    buf_init(&body, 65536);
    json_begin(&w, &body);
    json_object(&w);
    member(&w, "nip", list ? NULL : argv[1]);
    member(&w, "unit", unit);
    member(&w, "kind", kind);
    member(&w, "from", from);
    member(&w, "to", to);
    member(&w, "day", day);
    json_object_end(&w);
    int code = list ? ask("select api.heads($1::jsonb, $2::timestamptz)", &body, "heads")
                    : ask("select api.head_set($1::jsonb, $2::timestamptz)", &body, "ended");
    buf_fini(&body);
    return code;
}
