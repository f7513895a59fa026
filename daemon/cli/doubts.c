/* hadir doubts: looks for check-ins whose position may be made up, and lists them. Evidence for a person who decides. */
#include "cli.h"

static const struct listing_column columns[] = {{.name = "received_at"}, {.name = "nip"},     {.name = "name"},
                                                {.name = "unit"},        {.name = "channel"}, {.name = "text"}};

int cmd_doubts(int argc, char **argv)
{
    const char *unit = NULL, *day = NULL;
    bool csv = false, refused;
    const struct cli_option options[] = {{"--unit", &unit, NULL}, {"--day", &day, NULL}, {"--csv", NULL, &csv}};
    struct buf body;
    struct json_writer w;
    if (!cli_options(&argc, argv, options, 3, 0, 0) || unit == NULL)
        return CLI_USAGE;
    buf_init(&body, 65536);
    json_begin(&w, &body);
    json_object(&w);
    json_key(&w, "unit");
    json_string(&w, unit);
    json_key(&w, "from");
    json_string(&w, day);
    json_object_end(&w);
    struct session *s = cli_connect("hadir_admin");
    struct json_doc *doc = cli_call(s, "select api.doubts_look($1::jsonb, $2::timestamptz)", &body, &refused);
    session_close(s);
    bool done = doc != NULL && !refused;
    if (done)
        done = cli_listing(json_member(json_root(doc), "doubts"), columns, sizeof columns / sizeof columns[0], csv);
    json_doc_free(doc);
    buf_fini(&body);
    return done ? CLI_DONE : CLI_FAILED;
}
