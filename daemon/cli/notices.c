/* hadir notices: what the nightly run found for whoever decides: steps of discipline, breaches of circulars that arose later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const struct listing_column columns[] = {
    {.name = "notice", .number = true}, {.name = "kind", .word = true}, {.name = "unit"}, {.name = "nip"}, {.name = "found_at"},
    {.name = "told_at"}, {.name = "told_to"}, {.name = "text"}};

/* The answer of sql to {"unit": unit}, or to {"notice": id} when unit is NULL; NULL after a message. Caller frees. */
static struct json_doc *ask(const char *sql, const char *unit, int64_t id)
{
    struct buf body;
    struct json_writer w;
    bool refused = false;
    buf_init(&body, 65536);
    json_begin(&w, &body);
    json_object(&w);
    json_key(&w, unit != NULL ? "unit" : "notice");
    if (unit != NULL)
        json_string(&w, unit);
    else
        json_int(&w, id);
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

static int seen(const char *word)
{
    char *end;
    long long id = strtoll(word, &end, 10);
    if (id <= 0 || *end != '\0')
        return CLI_USAGE;
    struct json_doc *doc = ask("select api.notice_seen($1::jsonb, $2::timestamptz)", NULL, id);
    if (doc != NULL)
        printf(cli_say("pemberitahuan %lld: sudah dibaca\n", "notice %lld: seen\n"), id);
    json_doc_free(doc);
    return doc != NULL ? CLI_DONE : CLI_FAILED;
}

int cmd_notices(int argc, char **argv)
{
    const char *unit = NULL;
    bool csv = false;
    const struct cli_option options[] = {{"--unit", &unit, NULL}, {"--csv", NULL, &csv}};
    if (!cli_options(&argc, argv, options, 2, 0, 2))
        return CLI_USAGE;
    if (argc == 3 && strcmp(argv[1], "seen") == 0 && unit == NULL && !csv)
        return seen(argv[2]);
    if (argc != 1 || unit == NULL)
        return CLI_USAGE;
    struct json_doc *doc = ask("select api.notices($1::jsonb, $2::timestamptz)", unit, 0);
    bool done = doc != NULL && cli_listing(json_member(json_root(doc), "notices"), columns, sizeof columns / sizeof columns[0], csv);
    if (done)
        cli_tell_more(json_root(doc));
    json_doc_free(doc);
    return done ? CLI_DONE : CLI_FAILED;
}
