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

static const struct listing_column columns[] = {{.name = "unit"}, {.name = "kind", .word = true}, {.name = "from"},
                                                {.name = "to"},   {.name = "nip"},  {.name = "name"}};

/* list: the member of the answer that is printed; under a title only if it is not empty. */
static int ask(const char *sql, struct buf *body, const char *list, const char *title, bool csv)
{
    bool refused;
    struct session *s = cli_connect("hadir_admin");
    struct json_doc *doc = cli_call(s, sql, body, &refused);
    session_close(s);
    bool done = doc != NULL && !refused;
    const json_value *heads = done ? json_member(json_root(doc), list) : NULL;
    if (done && (json_count(heads) > 0 || title[0] == '\0')) {
        fputs(title, stdout);
        done = cli_listing(heads, columns, sizeof columns / sizeof columns[0], csv);
    }
    json_doc_free(doc);
    return done ? CLI_DONE : CLI_FAILED;
}

int cmd_head(int argc, char **argv)
{
    const char *unit = NULL, *kind = NULL, *from = NULL, *to = NULL, *day = NULL;
    bool csv = false;
    const struct cli_option options[] = {{"--unit", &unit, NULL}, {"--kind", &kind, NULL}, {"--from", &from, NULL},
                                         {"--to", &to, NULL},     {"--day", &day, NULL},   {"--csv", NULL, &csv}};
    struct buf body;
    struct json_writer w;
    if (!cli_options(&argc, argv, options, sizeof options / sizeof options[0], 1, 1))
        return CLI_USAGE;
    bool list = strcmp(argv[1], "list") == 0;
    if (list ? kind != NULL || from != NULL || to != NULL : unit == NULL || kind == NULL || from == NULL || day != NULL || csv)
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
    int code = list ? ask("select api.heads($1::jsonb, $2::timestamptz)", &body, "heads", "", csv)
                    : ask("select api.head_set($1::jsonb, $2::timestamptz)", &body, "ended",
                          cli_say("Berakhir karena itu:\n", "Ended by it:\n"), false);
    buf_fini(&body);
    return code;
}
