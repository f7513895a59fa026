/* hadir recap, discipline: what attendance leads to, computed and never imposed, as lists. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"

#define COLUMNS_MAX 128
#define CODE_MAX 16

struct question {
    const char *unit, *nip, *month, *year;
    bool closed;
};

static void text_member(struct json_writer *w, const char *name, const char *value)
{
    if (value != NULL) {
        json_key(w, name);
        json_string(w, value);
    }
}

static void write_question(struct buf *body, const struct question *q)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    text_member(&w, "unit", q->unit);
    text_member(&w, "nip", q->nip);
    text_member(&w, "month", q->month);
    text_member(&w, "year", q->year);
    text_member(&w, "closed", q->closed ? "ya" : NULL);
    json_object_end(&w);
}

/* NULL after a message. Caller frees. */
static struct json_doc *ask(const char *sql, const struct question *q)
{
    struct buf body;
    bool refused;
    buf_init(&body, 65536);
    write_question(&body, q);
    struct session *s = cli_connect("hadir_admin");
    struct json_doc *doc = cli_call(s, sql, &body, &refused);
    session_close(s);
    buf_fini(&body);
    if (refused) {
        json_doc_free(doc);
        return NULL;
    }
    return doc;
}

/* ---- recap of a unit: fixed columns, then one for each code ---- */

struct columns {
    struct listing_column list[COLUMNS_MAX];
    char names[COLUMNS_MAX][CODE_MAX];
    size_t count;
};

static void add_fixed(struct columns *c, bool number, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count && c->count < COLUMNS_MAX; i++)
        c->list[c->count++] = (struct listing_column){.name = names[i], .number = number};
}

/* One column per code of the answer's list; their names are kept here. */
static void add_codes(struct columns *c, const json_value *codes, const char *inside)
{
    for (size_t i = 0; i < json_count(codes) && c->count < COLUMNS_MAX; i++) {
        struct text code;
        if (!json_get_string(json_at(codes, i), &code))
            continue;
        char *name = c->names[c->count];
        snprintf(name, CODE_MAX, "%.*s", (int)code.len, code.s);
        c->list[c->count++] = (struct listing_column){.name = name, .inside = inside, .number = true};
    }
}

static int recap_unit(const struct question *q, bool csv)
{
    static const char *const who[] = {"nip", "name", "unit", "category", "grade"};
    static const char *const days[] = {"working_days", "present_days", "wfo_days", "wfh_days", "wfa_days", "dl_days"};
    static const char *const sums[] = {"missing_sessions", "late_minutes", "early_minutes"};
    static const struct listing_column percents[] = {
        {.name = "in", .inside = "percents", .title = "in_percent", .number = true},
        {.name = "out", .inside = "percents", .title = "out_percent", .number = true},
        {.name = "presence", .inside = "percents", .title = "presence_percent", .number = true},
        {.name = "absent", .inside = "percents", .title = "absent_percent", .number = true},
        {.name = "excuse", .inside = "percents", .title = "excuse_percent", .number = true}};
    static const char *const ends[] = {"deduction", "evidence_missing", "doubts"};
    struct columns *c = calloc(1, sizeof *c);
    struct json_doc *doc = c != NULL ? ask("select api.recap($1::jsonb, $2::timestamptz)", q) : NULL;
    bool done = doc != NULL;
    if (done) {
        const json_value *answer = json_root(doc);
        add_fixed(c, false, who, sizeof who / sizeof who[0]);
        add_fixed(c, true, days, sizeof days / sizeof days[0]);
        add_codes(c, json_member(answer, "codes"), "counts");
        add_codes(c, json_member(answer, "excuse_codes"), "excuses");
        add_fixed(c, true, sums, sizeof sums / sizeof sums[0]);
        for (size_t i = 0; i < sizeof percents / sizeof percents[0] && c->count < COLUMNS_MAX; i++)
            c->list[c->count++] = percents[i];
        add_fixed(c, true, ends, sizeof ends / sizeof ends[0]);
        done = cli_listing(json_member(answer, "people"), c->list, c->count, csv);
    }
    json_doc_free(doc);
    free(c);
    return done ? CLI_DONE : CLI_FAILED;
}

/* ---- lists with fixed columns ---- */

static int list(const char *sql, const struct question *q, const char *member, const struct listing_column *columns,
                size_t count, bool csv)
{
    struct json_doc *doc = ask(sql, q);
    bool done = doc != NULL && cli_listing(json_member(json_root(doc), member), columns, count, csv);
    json_doc_free(doc);
    return done ? CLI_DONE : CLI_FAILED;
}

static int recap_person(const struct question *q, bool csv)
{
    static const struct listing_column columns[] = {
        {.name = "day"},     {.name = "unit"},          {.name = "present"},        {.name = "absent"},
        {.name = "places"},  {.name = "late_minutes", .number = true},  {.name = "early_minutes", .number = true},
        {.name = "percent", .number = true}, {.name = "counted"}, {.name = "evidence_missing"},
        {.name = "outside_window", .number = true},
        {.name = "doubts", .number = true}, {.name = "work_minutes", .number = true}};
    return list("select api.recap_days($1::jsonb, $2::timestamptz)", q, "days", columns, sizeof columns / sizeof columns[0], csv);
}

int cmd_recap(int argc, char **argv)
{
    struct question q = {NULL, NULL, NULL, NULL, false};
    bool csv = false;
    const struct cli_option options[] = {
        {"--unit", &q.unit, NULL}, {"--month", &q.month, NULL}, {"--closed", NULL, &q.closed}, {"--csv", NULL, &csv}};
    if (!cli_options(&argc, argv, options, sizeof options / sizeof options[0], 0, 1) || q.month == NULL)
        return CLI_USAGE;
    q.nip = argc == 2 ? argv[1] : NULL;
    if ((q.unit == NULL) == (q.nip == NULL))
        return CLI_USAGE;
    return q.unit != NULL ? recap_unit(&q, csv) : recap_person(&q, csv);
}

int cmd_discipline(int argc, char **argv)
{
    static const struct listing_column people[] = {
        {.name = "nip"}, {.name = "name"}, {.name = "unit"}, {.name = "days", .number = true},
        {.name = "absent_days", .number = true}, {.name = "minute_days", .number = true}, {.name = "minutes", .number = true},
        {.name = "longest_run", .number = true}, {.name = "sanction", .inside = "step"},
        {.name = "sanction", .inside = "consecutive_step", .title = "consecutive_sanction"}, {.name = "absent_dates"}};
    struct question q = {NULL, NULL, NULL, NULL, false};
    bool csv = false;
    const struct cli_option options[] = {
        {"--unit", &q.unit, NULL}, {"--year", &q.year, NULL}, {"--closed", NULL, &q.closed}, {"--csv", NULL, &csv}};
    if (!cli_options(&argc, argv, options, sizeof options / sizeof options[0], 0, 0) || q.unit == NULL)
        return CLI_USAGE;
    return list("select api.discipline($1::jsonb, $2::timestamptz)", &q, "people", people, sizeof people / sizeof people[0], csv);
}
