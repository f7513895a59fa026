/* hadir calendar, hadir hours: what decrees say of days, and which working hours hold for a unit. */
#include "cli.h"

static const struct listing_column day_columns[] = {{.name = "day"},   {.name = "kind"},       {.name = "name"},    {.name = "basis"},
                                                    {.name = "dated"}, {.name = "government"}, {.name = "in_force"}};
static const struct listing_column period_columns[] = {{.name = "kind"},  {.name = "name"},  {.name = "from"},       {.name = "to"},
                                                       {.name = "basis"}, {.name = "dated"}, {.name = "government"}, {.name = "in_force"}};
/* Those of hadir import hours: what is printed can be loaded. */
static const struct listing_column hour_columns[] = {
    {.name = "government"},  {.name = "unit"},   {.name = "nip"},          {.name = "valid_from"},    {.name = "valid_to"},
    {.name = "weekdays"},    {.name = "session"}, {.name = "label"},       {.name = "counts_as"},     {.name = "accept_from"},
    {.name = "on_time_from"}, {.name = "due"},   {.name = "on_time_until"}, {.name = "accept_until"}, {.name = "basis"},
    {.name = "on_holidays"}, {.name = "season"}, {.name = "shift"},        {.name = "break_minutes", .number = true}};

static void member(struct json_writer *w, const char *name, const char *value)
{
    if (value != NULL) {
        json_key(w, name);
        json_string(w, value);
    }
}

/* Asks with an object of up to four members; prints the list. */
static int list(const char *sql, const char *const members[][2], size_t count, const char *name,
                const struct listing_column *columns, size_t column_count, bool csv)
{
    bool refused;
    struct buf body;
    struct json_writer w;
    buf_init(&body, 65536);
    json_begin(&w, &body);
    json_object(&w);
    for (size_t i = 0; i < count; i++)
        member(&w, members[i][0], members[i][1]);
    json_object_end(&w);
    struct session *s = cli_connect("hadir_admin");
    struct json_doc *doc = cli_call(s, sql, &body, &refused);
    session_close(s);
    bool done = doc != NULL && !refused && cli_listing(json_member(json_root(doc), name), columns, column_count, csv);
    json_doc_free(doc);
    buf_fini(&body);
    return done ? CLI_DONE : CLI_FAILED;
}

int cmd_calendar(int argc, char **argv)
{
    const char *from = NULL, *to = NULL, *unit = NULL, *government = NULL;
    bool csv = false, periods = false;
    const struct cli_option options[] = {{"--from", &from, NULL},          {"--to", &to, NULL},      {"--unit", &unit, NULL},
                                         {"--government", &government, NULL}, {"--periods", NULL, &periods}, {"--csv", NULL, &csv}};
    if (!cli_options(&argc, argv, options, sizeof options / sizeof options[0], 0, 0) || from == NULL || to == NULL)
        return CLI_USAGE;
    const char *const members[][2] = {{"from", from}, {"to", to}, {"unit", unit}, {"government", government}};
    return periods ? list("select api.calendar($1::jsonb, $2::timestamptz)", members, 4, "periods", period_columns,
                          sizeof period_columns / sizeof period_columns[0], csv)
                   : list("select api.calendar($1::jsonb, $2::timestamptz)", members, 4, "days", day_columns,
                          sizeof day_columns / sizeof day_columns[0], csv);
}

int cmd_hours(int argc, char **argv)
{
    const char *unit = NULL, *day = NULL;
    bool csv = false;
    const struct cli_option options[] = {{"--unit", &unit, NULL}, {"--day", &day, NULL}, {"--csv", NULL, &csv}};
    if (!cli_options(&argc, argv, options, 3, 0, 0) || unit == NULL)
        return CLI_USAGE;
    const char *const members[][2] = {{"unit", unit}, {"day", day}};
    return list("select api.hours($1::jsonb, $2::timestamptz)", members, 2, "hours", hour_columns,
                sizeof hour_columns / sizeof hour_columns[0], csv);
}
