/* hadir absence, correction, outage, work-report: what people request, and what the console decides about it.
 *
 * A table: each verb is one function of the database; its options are the members of the body, `--first-day` for first_day. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define MEMBERS_MAX 8

/* word: the member that the word after the verb gives, a NIP or, with `by_id`, a number; NULL: none. step: for decisions.
 * members: those that options give, NULL at the end; "sessions" is a list of words. list: the member of the answer that is
 * a list, with its columns. */
struct verb {
    const char *command, *name, *sql;
    const char *word;
    bool by_id;
    const char *step;
    const char *members[MEMBERS_MAX + 1];
    const char *list;
    const struct listing_column *columns;
    size_t column_count;
};

#define COLUMNS(c) c, sizeof c / sizeof c[0]
static const struct listing_column absence_columns[] = {
    {.name = "absence", .number = true}, {.name = "nip"}, {.name = "name"}, {.name = "unit"}, {.name = "code"},
    {.name = "first_day"}, {.name = "last_day"}, {.name = "sessions"}, {.name = "number"}, {.name = "document"},
    {.name = "status", .word = true}};
static const struct listing_column correction_columns[] = {
    {.name = "correction", .number = true}, {.name = "nip"}, {.name = "name"}, {.name = "unit"}, {.name = "day"},
    {.name = "session"}, {.name = "kind", .word = true}, {.name = "claimed_at"}, {.name = "place"}, {.name = "note"},
    {.name = "status", .word = true}};
static const struct listing_column outage_columns[] = {
    {.name = "outage", .number = true}, {.name = "unit"}, {.name = "from"}, {.name = "to"},
    {.name = "status", .word = true}, {.name = "note"}};
static const struct listing_column report_columns[] = {
    {.name = "work_report", .number = true}, {.name = "nip"}, {.name = "name"}, {.name = "unit"}, {.name = "day"},
    {.name = "kind", .word = true}, {.name = "sent_at"}, {.name = "document"}, {.name = "text"}};

#define ABSENCE_DECIDE "select api.absence_decide($1::jsonb, $2::timestamptz)"
#define CORRECTION_DECIDE "select api.correction_decide($1::jsonb, $2::timestamptz)"
#define OUTAGE_DECIDE "select api.outage_decide($1::jsonb, $2::timestamptz)"
static const struct verb verbs[] = {
    {"absence", "list", "select api.absences($1::jsonb, $2::timestamptz)", NULL, false, NULL,
     {"unit", "nip", "from", "to", "status"}, "absences", COLUMNS(absence_columns)},
    {"absence", "request", "select api.absence_request($1::jsonb, $2::timestamptz)", "nip", false, NULL,
     {"code", "first_day", "last_day", "sessions", "number", "document", "note"}, NULL, NULL, 0},
    {"absence", "approve", ABSENCE_DECIDE, "absence", true, "approved", {"reason"}, NULL, NULL, 0},
    {"absence", "reject", ABSENCE_DECIDE, "absence", true, "rejected", {"reason"}, NULL, NULL, 0},
    {"absence", "revoke", ABSENCE_DECIDE, "absence", true, "revoked", {"reason"}, NULL, NULL, 0},
    {"correction", "list", "select api.corrections($1::jsonb, $2::timestamptz)", NULL, false, NULL,
     {"unit", "nip", "from", "to", "status"}, "corrections", COLUMNS(correction_columns)},
    {"correction", "request", "select api.correction_request($1::jsonb, $2::timestamptz)", "nip", false, NULL,
     {"day", "session", "kind", "claimed_at", "place", "document", "note"}, NULL, NULL, 0},
    {"correction", "approve", CORRECTION_DECIDE, "correction", true, "approved", {"reason"}, NULL, NULL, 0},
    {"correction", "confirm", CORRECTION_DECIDE, "correction", true, "confirmed", {"reason"}, NULL, NULL, 0},
    {"correction", "reject", CORRECTION_DECIDE, "correction", true, "rejected", {"reason"}, NULL, NULL, 0},
    {"correction", "revoke", CORRECTION_DECIDE, "correction", true, "revoked", {"reason"}, NULL, NULL, 0},
    {"outage", "list", "select api.outages($1::jsonb, $2::timestamptz)", NULL, false, NULL,
     {"unit", "nip", "from", "to", "status"}, "outages", COLUMNS(outage_columns)},
    {"outage", "declare", "select api.outage_declare($1::jsonb, $2::timestamptz)", NULL, false, NULL,
     {"unit", "from", "to", "note"}, NULL, NULL, 0},
    {"outage", "approve", OUTAGE_DECIDE, "outage", true, "approved", {"reason"}, NULL, NULL, 0},
    {"outage", "reject", OUTAGE_DECIDE, "outage", true, "rejected", {"reason"}, NULL, NULL, 0},
    {"outage", "revoke", OUTAGE_DECIDE, "outage", true, "revoked", {"reason"}, NULL, NULL, 0},
    {"work-report", "list", "select api.work_reports($1::jsonb, $2::timestamptz)", NULL, false, NULL,
     {"unit", "nip", "from", "to", "kind"}, "work_reports", COLUMNS(report_columns)},
    {"work-report", "send", "select api.work_report_send($1::jsonb, $2::timestamptz)", "nip", false, NULL,
     {"day", "kind", "text", "document"}, NULL, NULL, 0},
};

static const struct verb *find_verb(const char *command, const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].command, command) == 0 && strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static void add_words(struct json_writer *w, const char *words)
{
    static const char gaps[] = " ,";
    json_array(w);
    for (const char *at = words + strspn(words, gaps); *at != '\0'; at += strspn(at, gaps)) {
        size_t n = strcspn(at, gaps);
        json_string_n(w, at, n);
        at += n;
    }
    json_array_end(w);
}

/* false: the word is no number where one is needed. */
static bool make_body(const struct verb *v, const char *word, const char *const *values, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    if (v->word != NULL)
        json_key(&w, v->word);
    if (v->word != NULL && v->by_id) {
        char *end;
        long long id = strtoll(word, &end, 10);
        if (*end != '\0' || id <= 0)
            return false;
        json_int(&w, id);
    } else if (v->word != NULL) {
        json_string(&w, word);
    }
    if (v->step != NULL) {
        json_key(&w, "step");
        json_string(&w, v->step);
    }
    for (size_t i = 0; v->members[i] != NULL; i++) {
        if (values[i] == NULL)
            continue;
        json_key(&w, v->members[i]);
        if (strcmp(v->members[i], "sessions") == 0)
            add_words(&w, values[i]);
        else
            json_string(&w, values[i]);
    }
    json_object_end(&w);
    return true;
}

/* "ketidakhadiran 7: disetujui". */
static void print_done(const json_value *answer)
{
    static const struct {
        const char *member, *indonesian, *english;
    } things[] = {{"absence", "ketidakhadiran", "absence"}, {"correction", "koreksi", "correction"},
                  {"outage", "gangguan", "outage"}, {"work_report", "laporan", "report"}};
    struct text state;
    char word[32];
    int64_t id;
    for (size_t i = 0; i < sizeof things / sizeof things[0]; i++)
        if (json_get_int(json_member(answer, things[i].member), &id))
            printf("%s %lld", cli_say(things[i].indonesian, things[i].english), (long long)id);
    if (json_get_string(json_member(answer, "state"), &state)) {
        snprintf(word, sizeof word, "%.*s", (int)state.len, state.s);
        printf(": %s", cli_word(word));
    }
    putchar('\n');
}

static int ask(const struct verb *v, struct buf *body, bool csv)
{
    bool refused, told = true;
    struct session *s = cli_connect("hadir_admin");
    struct json_doc *doc = cli_call(s, v->sql, body, &refused);
    session_close(s);
    bool done = doc != NULL && !refused;
    if (done && v->list != NULL) {
        told = cli_listing(json_member(json_root(doc), v->list), v->columns, v->column_count, csv);
        cli_tell_more(json_root(doc));
    } else if (done) {
        print_done(json_root(doc));
    }
    json_doc_free(doc);
    return done && told ? CLI_DONE : CLI_FAILED;
}

int cmd_request(int argc, char **argv)
{
    const char *values[MEMBERS_MAX] = {NULL};
    char names[MEMBERS_MAX][32];
    struct cli_option options[MEMBERS_MAX + 1];
    size_t count = 0;
    bool csv = false;
    const struct verb *v = argc > 1 ? find_verb(argv[0], argv[1]) : NULL;
    if (v == NULL)
        return CLI_USAGE;
    for (; v->members[count] != NULL; count++) {
        snprintf(names[count], sizeof names[count], "--%s", v->members[count]);
        for (char *c = names[count]; *c != '\0'; c++)
            if (*c == '_')
                *c = '-';
        options[count] = (struct cli_option){names[count], &values[count], NULL};
    }
    if (v->list != NULL)
        options[count] = (struct cli_option){"--csv", NULL, &csv};
    int words = v->word != NULL ? 2 : 1;
    if (!cli_options(&argc, argv, options, count + (v->list != NULL), words, words))
        return CLI_USAGE;
    struct buf body;
    buf_init(&body, 1u << 20);
    int code = make_body(v, v->word != NULL ? argv[2] : NULL, values, &body) ? ask(v, &body, csv) : CLI_USAGE;
    buf_fini(&body);
    return code;
}
