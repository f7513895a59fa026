/* hadir target: where else what is published goes, and how far it is; hadir deliver: now. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "deliver.h"

#define BODY_MAX 65536

static const struct listing_column targets[] = {
    {.name = "government"}, {.name = "name"}, {.name = "url"}, {.name = "what"}, {.name = "to", .title = "recipients"}, {.name = "format"}, {.name = "added_at"},
    {.name = "waiting", .number = true}, {.name = "failed", .number = true}, {.name = "given_up", .number = true},
    {.name = "delivered", .number = true}};
static const struct listing_column deliveries[] = {
    {.name = "government"}, {.name = "target"}, {.name = "period"}, {.name = "version", .number = true}, {.name = "state", .word = true},
    {.name = "tries", .number = true}, {.name = "tried_at"}, {.name = "next_at"}, {.name = "error"}};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

struct member {
    const char *name, *value; /* NULL: left out */
};

/* Asks sql with these members, and "all" if it is set. NULL after a message. Caller frees. */
static struct json_doc *ask(const char *sql, const struct member *members, size_t count, bool all)
{
    bool refused = false;
    struct buf body;
    struct json_writer w;
    buf_init(&body, BODY_MAX);
    json_begin(&w, &body);
    json_object(&w);
    for (size_t i = 0; i < count; i++)
        if (members[i].value != NULL) {
            json_key(&w, members[i].name);
            json_string(&w, members[i].value);
        }
    if (all) {
        json_key(&w, "all");
        json_bool(&w, true);
    }
    json_object_end(&w);
    struct session *s = cli_connect("hadir_admin");
    struct json_doc *doc = cli_call(s, sql, &body, &refused);
    session_close(s);
    buf_fini(&body);
    if (refused) {
        json_doc_free(doc);
        doc = NULL;
    }
    return doc;
}

static int list(const char *sql, const struct member *members, size_t count, bool all, const char *name, bool csv)
{
    struct json_doc *doc = ask(sql, members, count, all);
    bool done = doc != NULL && (name[0] == 't' ? cli_listing(json_member(json_root(doc), name), targets, COUNT(targets), csv)
                                               : cli_listing(json_member(json_root(doc), name), deliveries, COUNT(deliveries), csv));
    json_doc_free(doc);
    return done ? CLI_DONE : CLI_FAILED;
}

/* id, en: what is said of how many deliveries it makes, "%lld". */
static int change(const char *sql, const struct member *members, size_t count, const char *words)
{
    int64_t n = 0;
    struct json_doc *doc = ask(sql, members, count, false);
    bool done = doc != NULL;
    if (done && json_get_int(json_member(json_root(doc), "deliveries"), &n))
        printf("%s: %lld\n", words, (long long)n);
    json_doc_free(doc);
    return done ? CLI_DONE : CLI_FAILED;
}

int cmd_target(int argc, char **argv)
{
    const char *what = NULL, *format = NULL, *from = NULL, *to = NULL, *since = NULL;
    bool csv = false, all = false;
    const struct cli_option options[] = {{"--what", &what, NULL}, {"--format", &format, NULL}, {"--from", &from, NULL}, {"--to", &to, NULL},
                                         {"--since", &since, NULL}, {"--csv", NULL, &csv}, {"--all", NULL, &all}};
    if (!cli_options(&argc, argv, options, COUNT(options), 1, 4))
        return CLI_USAGE;
    const struct member members[] = {{"government", argc > 2 ? argv[2] : NULL}, {"name", argc > 3 ? argv[3] : NULL},
                                     {"url", argc > 4 ? argv[4] : NULL}, {"what", what}, {"format", format}, {"from", from}, {"to", to},
                                     {"since", since}};
    bool adds = what != NULL || format != NULL || from != NULL || to != NULL || since != NULL;
    if (strcmp(argv[1], "add") == 0 && argc == 5 && !csv && !all)
        return change("select api.target_add($1::jsonb, $2::timestamptz)", members, COUNT(members),
                      cli_say("menunggu dikirim", "to be delivered"));
    if (strcmp(argv[1], "remove") == 0 && argc == 4 && !adds && !csv && !all)
        return change("select api.target_remove($1::jsonb, $2::timestamptz)", members, 2, "");
    if (strcmp(argv[1], "list") == 0 && argc <= 3 && !adds && !all)
        return list("select api.targets($1::jsonb, $2::timestamptz)", members, 1, false, "targets", csv);
    if (strcmp(argv[1], "status") == 0 && argc <= 4 && !adds)
        return list("select api.deliveries($1::jsonb, $2::timestamptz)", members, 2, all, "deliveries", csv);
    return CLI_USAGE;
}

int cmd_deliver(int argc, char **argv)
{
    bool again = false;
    const struct cli_option options[] = {{"--again", NULL, &again}};
    if (!cli_options(&argc, argv, options, 1, 0, 3) || (again ? argc < 3 : argc > 1))
        return CLI_USAGE;
    const struct member members[] = {{"government", again ? argv[1] : NULL}, {"name", again ? argv[2] : NULL},
                                     {"period", argc > 3 ? argv[3] : NULL}};
    if (again && change("select api.delivery_again($1::jsonb, $2::timestamptz)", members, COUNT(members),
                        cli_say("dikirim lagi", "delivered again")) != CLI_DONE)
        return CLI_FAILED;
    return deliver_due() ? CLI_DONE : CLI_FAILED;
}
