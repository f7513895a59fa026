/* hadir month, hadir differences, hadir reopen: what of a month is closed, closing it, and what would be otherwise now. */
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct listing_column day_columns[] = {
    {.name = "day"}, {.name = "state", .word = true}, {.name = "version", .number = true}};
static const struct listing_column difference_columns[] = {
    {.name = "nip"}, {.name = "name"}, {.name = "session"},
    {.name = "state", .inside = "before", .title = "state_before", .word = true},
    {.name = "late_minutes", .inside = "before", .title = "late_before", .number = true},
    {.name = "state", .inside = "after", .title = "state_after", .word = true},
    {.name = "late_minutes", .inside = "after", .title = "late_after", .number = true},
    {.name = "causes", .word = true}};

struct member {
    const char *name, *value;
};

/* Asks with an object of those members that have a value. NULL after a message. */
static struct json_doc *ask(const char *sql, const struct member *members, size_t count)
{
    struct buf body;
    struct json_writer w;
    bool refused = false;
    buf_init(&body, 65536);
    json_begin(&w, &body);
    json_object(&w);
    for (size_t i = 0; i < count; i++)
        if (members[i].value != NULL) {
            json_key(&w, members[i].name);
            json_string(&w, members[i].value);
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

/* What BKPSDM asked for and the night has yet to do, or did not do. */
static void tell_asked(const json_value *root)
{
    const json_value *steps = json_member(root, "steps"), *last = json_count(steps) > 0 ? json_at(steps, json_count(steps) - 1) : NULL;
    struct text step, at = {"", 0}, reason = {"", 0};
    if (!json_get_string(json_member(last, "step"), &step))
        return;
    (void)json_get_string(json_member(last, "at"), &at);
    (void)json_get_string(json_member(last, "reason"), &reason);
    if (step.len == 5 && memcmp(step.s, "asked", 5) == 0)
        printf(cli_say("penutupan diminta %.*s %.*s\n", "closing was asked for %.*s %.*s\n"), (int)at.len, at.s, (int)reason.len, reason.s);
    else if (step.len == 7 && memcmp(step.s, "refused", 7) == 0)
        printf(cli_say("penutupan ditolak %.*s: %.*s\n", "closing was refused %.*s: %.*s\n"), (int)at.len, at.s, (int)reason.len, reason.s);
}

static int list_days(const json_value *root, bool csv)
{
    struct text at, reason = {"", 0};
    int64_t version;
    (void)json_get_string(json_member(root, "reason"), &reason);
    if (!csv && json_get_int(json_member(root, "version"), &version) && json_get_string(json_member(root, "closed_at"), &at))
        printf(cli_say("ditutup, versi %lld, %.*s %.*s\n", "closed, version %lld, %.*s %.*s\n"), (long long)version, (int)at.len,
               at.s, (int)reason.len, reason.s);
    else if (!csv)
        puts(cli_say("belum ditutup", "not closed"));
    if (!csv)
        tell_asked(root);
    bool ok = cli_listing(json_member(root, "days"), day_columns, sizeof day_columns / sizeof day_columns[0], csv);
    return ok ? CLI_DONE : CLI_FAILED;
}

int cmd_month(int argc, char **argv)
{
    const char *government = NULL, *unit = NULL, *reason = NULL, *as = NULL;
    bool csv = false;
    const struct cli_option options[] = {
        {"--government", &government, NULL}, {"--unit", &unit, NULL}, {"--reason", &reason, NULL}, {"--as", &as, NULL}, {"--csv", NULL, &csv}};
    if (!cli_options(&argc, argv, options, 5, 2, 2) || (government == NULL && unit == NULL))
        return CLI_USAGE;
    bool closes = strcmp(argv[1], "close") == 0;
    if (closes ? csv || unit != NULL : strcmp(argv[1], "state") != 0 || reason != NULL || as != NULL)
        return CLI_USAGE;
    const struct member members[] = {{"government", government}, {"unit", unit}, {"month", argv[2]}, {"reason", reason}, {"as", as}};
    struct json_doc *doc = ask(closes ? "select api.month_close($1::jsonb, $2::timestamptz)"
                                      : "select api.month_state($1::jsonb, $2::timestamptz)", members, 5);
    int64_t version = 0;
    int code = doc == NULL ? CLI_FAILED : closes ? CLI_DONE : list_days(json_root(doc), csv);
    if (doc != NULL && closes && json_get_int(json_member(json_root(doc), "version"), &version))
        printf(cli_say("bulan %s ditutup, versi %lld\n", "month %s is closed, version %lld\n"), argv[2], (long long)version);
    json_doc_free(doc);
    return code;
}

int cmd_differences(int argc, char **argv)
{
    const char *government = NULL, *unit = NULL;
    bool csv = false;
    const struct cli_option options[] = {{"--government", &government, NULL}, {"--unit", &unit, NULL}, {"--csv", NULL, &csv}};
    if (!cli_options(&argc, argv, options, 3, 1, 1) || (government == NULL && unit == NULL))
        return CLI_USAGE;
    const struct member members[] = {{"government", government}, {"unit", unit}, {"day", argv[1]}};
    struct json_doc *doc = ask("select api.day_differences($1::jsonb, $2::timestamptz)", members, 3);
    bool ok = doc != NULL && cli_listing(json_member(json_root(doc), "differences"), difference_columns,
                                         sizeof difference_columns / sizeof difference_columns[0], csv);
    json_doc_free(doc);
    return ok ? CLI_DONE : CLI_FAILED;
}

int cmd_reopen(int argc, char **argv)
{
    const char *government = NULL, *from = NULL, *to = NULL, *reason = NULL;
    const struct cli_option options[] = {
        {"--government", &government, NULL}, {"--from", &from, NULL}, {"--to", &to, NULL}, {"--reason", &reason, NULL}};
    if (!cli_options(&argc, argv, options, 4, 0, 0) || government == NULL || from == NULL || reason == NULL)
        return CLI_USAGE;
    const struct member members[] = {{"government", government}, {"from", from}, {"to", to != NULL ? to : from}, {"reason", reason}};
    struct json_doc *doc = ask("select api.plan_reopen($1::jsonb, $2::timestamptz)", members, 4);
    if (doc != NULL)
        puts(cli_say("rencana hari-hari itu disusun ulang; lihat: hadir differences", "the plan of these days is compiled anew; see: hadir differences"));
    json_doc_free(doc);
    return doc != NULL ? CLI_DONE : CLI_FAILED;
}
