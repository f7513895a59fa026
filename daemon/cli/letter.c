/* hadir letter, hadir roster: letters of heads filed from JSON, shift lists from CSV; confirmed, revoked, listed; and what of
 * them the circulars do not allow. The rules are the database's (sql/api/letters.sql); here they are asked and told. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define LETTER_FILE_MAX (16u << 20)
#define LETTER_DEPTH 8
#define ROSTER_ORDERS_MAX 64

static const struct listing_column columns[] = {
    {.name = "letter", .number = true}, {.name = "status", .word = true}, {.name = "kind", .word = true}, {.name = "number"}, {.name = "dated"}, {.name = "unit"},
    {.name = "first_day"}, {.name = "last_day"}, {.name = "people", .number = true}, {.name = "title"}};

static void print_text(const json_value *object, const char *name)
{
    struct text t;
    if (json_get_string(json_member(object, name), &t))
        printf("%.*s", (int)t.len, t.s);
}

/* One line a breach, then the names of whom it counts. */
static void print_breaches(const json_value *breaches)
{
    for (size_t i = 0; i < json_count(breaches); i++) {
        const json_value *b = json_at(breaches, i), *people = json_member(b, "people");
        fputs("- ", stdout);
        print_text(b, "text");
        for (size_t j = 0; j < json_count(people); j++) {
            fputs(j == 0 ? ": " : ", ", stdout);
            print_text(json_at(people, j), "name");
        }
        putchar('\n');
    }
}

static int print_filed(const json_value *answer)
{
    int64_t id = 0;
    const json_value *breaches = json_member(answer, "breaches");
    (void)json_get_int(json_member(answer, "letter"), &id);
    printf(cli_say("surat %" PRId64 " tercatat; berlaku setelah disahkan\n", "letter %" PRId64 " filed; in force when confirmed\n"),
           id);
    if (json_count(breaches) > 0)
        puts(cli_say("Bila disahkan, surat ini melampaui surat edaran:", "Confirmed, it would go beyond a circular:"));
    print_breaches(breaches);
    return CLI_DONE;
}

static int print_decided(const json_value *answer)
{
    struct text step = {"", 0};
    int64_t id = 0;
    const json_value *breaches = json_member(answer, "breaches");
    (void)json_get_int(json_member(answer, "letter"), &id);
    (void)json_get_string(json_member(answer, "step"), &step);
    bool confirmed = step.len == strlen("confirmed") && memcmp(step.s, "confirmed", step.len) == 0;
    printf(confirmed ? cli_say("surat %" PRId64 " disahkan\n", "letter %" PRId64 " confirmed\n")
                     : cli_say("surat %" PRId64 " dicabut\n", "letter %" PRId64 " revoked\n"), id);
    print_breaches(breaches);
    return CLI_DONE;
}

static int print_found(const json_value *answer)
{
    const json_value *breaches = json_member(answer, "breaches");
    if (json_count(breaches) == 0)
        puts(cli_say("tidak ada yang melampaui surat edaran", "nothing goes beyond a circular"));
    print_breaches(breaches);
    return CLI_DONE;
}

/* Asks, and shows the answer; a refusal's breaches, too. Takes the body. */
static int ask(const char *sql, struct buf *body, int (*show)(const json_value *))
{
    bool refused;
    struct session *s = cli_connect("hadir_admin");
    struct json_doc *doc = cli_call(s, sql, body, &refused);
    session_close(s);
    buf_fini(body);
    int code = CLI_FAILED;
    if (doc != NULL && refused)
        print_breaches(json_member(json_member(json_root(doc), "error"), "breaches"));
    else if (doc != NULL)
        code = show(json_root(doc));
    json_doc_free(doc);
    return code;
}

static void member(struct json_writer *w, const char *name, const char *value)
{
    if (value != NULL) {
        json_key(w, name);
        json_string(w, value);
    }
}

/* A body of texts, and of a letter's id unless it is 0. */
static void write_body(struct buf *body, int64_t id, size_t n, const char *const (*members)[2])
{
    struct json_writer w;
    buf_init(body, 65536);
    json_begin(&w, body);
    json_object(&w);
    if (id != 0) {
        json_key(&w, "letter");
        json_int(&w, id);
    }
    for (size_t i = 0; i < n; i++)
        member(&w, members[i][0], members[i][1]);
    json_object_end(&w);
}

/* ---- hadir letter ---- */

static int letter_file(const char *path)
{
    struct buf text;
    struct json_error e;
    buf_init(&text, LETTER_FILE_MAX);
    if (!cli_read_file(path, &text)) {
        buf_fini(&text);
        return CLI_FAILED;
    }
    struct json_doc *doc = json_parse(text.data, text.len, LETTER_DEPTH, &e);
    if (doc == NULL) {
        cli_error(cli_say("%s: bukan JSON (bita %zu): %s", "%s: no JSON (byte %zu): %s"), path, e.offset, e.reason);
        buf_fini(&text);
        return CLI_FAILED;
    }
    json_doc_free(doc);
    return ask("select api.letter_file($1::jsonb, $2::timestamptz)", &text, print_filed);
}

static int letter_decide(const char *word, const char *step, const char *reason)
{
    struct buf body;
    char *end;
    long long id = strtoll(word, &end, 10);
    if (id <= 0 || *end != '\0') {
        cli_error(cli_say("'%s' bukan nomor catatan surat", "'%s' is no letter's id"), word);
        return CLI_USAGE;
    }
    const char *const members[][2] = {{"step", step}, {"reason", reason}};
    write_body(&body, id, 2, members);
    return ask("select api.letter_decide($1::jsonb, $2::timestamptz)", &body, print_decided);
}

static bool list_csv;

static int print_list(const json_value *answer)
{
    bool ok = cli_listing(json_member(answer, "letters"), columns, sizeof columns / sizeof columns[0], list_csv);
    cli_tell_more(answer);
    return ok ? CLI_DONE : CLI_FAILED;
}

int cmd_letter(int argc, char **argv)
{
    const char *unit = NULL, *from = NULL, *to = NULL, *reason = NULL;
    const struct cli_option options[] = {{"--unit", &unit, NULL}, {"--from", &from, NULL}, {"--to", &to, NULL},
                                         {"--reason", &reason, NULL}, {"--csv", NULL, &list_csv}};
    struct buf body;
    if (!cli_options(&argc, argv, options, sizeof options / sizeof options[0], 1, 2))
        return CLI_USAGE;
    (void)cli_conf(); /* first: it says in what language everything is told */
    const char *const asked[][2] = {{"unit", unit}, {"from", from}, {"to", to}};
    if (argc == 3 && strcmp(argv[1], "file") == 0)
        return letter_file(argv[2]);
    if (argc == 3 && strcmp(argv[1], "confirm") == 0)
        return letter_decide(argv[2], "confirmed", reason);
    if (argc == 3 && strcmp(argv[1], "revoke") == 0 && reason != NULL)
        return letter_decide(argv[2], "revoked", reason);
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        write_body(&body, 0, 3, asked);
        return ask("select api.letters($1::jsonb, $2::timestamptz)", &body, print_list);
    }
    if (argc == 2 && strcmp(argv[1], "breaches") == 0 && unit != NULL && from != NULL && to != NULL) {
        write_body(&body, 0, 3, asked);
        return ask("select api.breaches($1::jsonb, $2::timestamptz)", &body, print_found);
    }
    return CLI_USAGE;
}

/* ---- hadir roster ---- */

/* Which of a roster's rows stand in which order: people of one shift and place share one. */
struct roster {
    const json_value *rows;      /* as cli_csv_rows gives them */
    size_t count, orders;
    size_t first[ROSTER_ORDERS_MAX]; /* a row of that order */
    size_t *order, *place;       /* by row: its order, its place among that order's people */
    size_t people[ROSTER_ORDERS_MAX];
};

static bool same_member(const json_value *a, const json_value *b, const char *name)
{
    struct text s = {"", 0}, t = {"", 0};
    (void)json_get_string(json_member(a, name), &s);
    (void)json_get_string(json_member(b, name), &t);
    return s.len == t.len && (s.len == 0 || memcmp(s.s, t.s, s.len) == 0);
}

static bool roster_init(struct roster *r, const json_value *rows)
{
    *r = (struct roster){.rows = rows, .count = json_count(rows)};
    r->order = calloc(r->count + 1, sizeof *r->order);
    r->place = calloc(r->count + 1, sizeof *r->place);
    if (r->order == NULL || r->place == NULL)
        return false;
    for (size_t i = 0; i < r->count; i++) {
        size_t o = 0;
        while (o < r->orders && !(same_member(json_at(rows, i), json_at(rows, r->first[o]), "shift") &&
                                  same_member(json_at(rows, i), json_at(rows, r->first[o]), "place")))
            o++;
        if (o == ROSTER_ORDERS_MAX) {
            cli_error(cli_say("lebih dari %d pasangan regu dan tempat", "more than %d pairs of shift and place"), ROSTER_ORDERS_MAX);
            return false;
        }
        if (o == r->orders)
            r->first[r->orders++] = i;
        r->order[i] = o;
        r->place[i] = r->people[o]++;
    }
    return true;
}

static void roster_fini(struct roster *r)
{
    free(r->order);
    free(r->place);
}

/* A member of a row, if it is there. */
static void copy_member(struct json_writer *w, const json_value *row, const char *name)
{
    struct text t;
    if (json_get_string(json_member(row, name), &t)) {
        json_key(w, name);
        json_string_n(w, t.s, t.len);
    }
}

static void write_order(struct json_writer *w, const struct roster *r, size_t order)
{
    struct text day;
    json_object(w);
    copy_member(w, json_at(r->rows, r->first[order]), "shift");
    copy_member(w, json_at(r->rows, r->first[order]), "place");
    json_key(w, "people");
    json_array(w);
    for (size_t i = 0; i < r->count; i++) {
        const json_value *row = json_at(r->rows, i);
        if (r->order[i] != order)
            continue;
        json_object(w);
        copy_member(w, row, "nip");
        json_key(w, "days");
        json_array(w);
        if (json_get_string(json_member(row, "day"), &day))
            json_string_n(w, day.s, day.len);
        json_array_end(w);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

/* Problems under the line they come from, where it is known. Members of `error` that are no rows' are the options'. */
static void tell_problems(const struct roster *r, const char *file, const json_value *error)
{
    const json_value *problems = json_member(error, "problems");
    for (size_t i = 0; i < json_count(problems); i++) {
        struct text field = {"", 0}, reason = {"", 0};
        char path[64];
        size_t order = 0, place = 0;
        int end = 0;
        int64_t line = 0;
        (void)json_get_string(json_member(json_at(problems, i), "field"), &field);
        (void)json_get_string(json_member(json_at(problems, i), "reason"), &reason);
        snprintf(path, sizeof path, "%.*s", (int)field.len, field.s);
        int found = sscanf(path, "orders[%zu].people[%zu]%n", &order, &place, &end);
        if (found < 2)
            found = sscanf(path, "orders[%zu]%n", &order, &end);
        for (size_t j = 0; found >= 1 && line == 0 && j < r->count; j++)
            if (r->order[j] == order && (found < 2 || r->place[j] == place))
                (void)json_get_int(json_member(json_at(r->rows, j), "line"), &line);
        if (line > 0)
            fprintf(stderr, "%s:%" PRId64 ": %s%s%.*s\n", file, line, path[end] == '.' ? path + end + 1 : path + end,
                    path[end] != '\0' ? ": " : "", (int)reason.len, reason.s);
        else
            cli_error("%s: %.*s", path, (int)reason.len, reason.s);
    }
}

static int roster_send(const struct roster *r, const char *file, struct buf *body)
{
    bool refused;
    struct session *s = cli_connect("hadir_admin");
    struct json_doc *doc = cli_ask(s, "select api.letter_file($1::jsonb, $2::timestamptz)", body, &refused);
    session_close(s);
    int code = CLI_FAILED;
    if (doc != NULL && refused)
        tell_problems(r, file, json_member(json_root(doc), "error"));
    else if (doc != NULL)
        code = print_filed(json_root(doc));
    json_doc_free(doc);
    return code;
}

static int roster_file(const char *file, const json_value *rows, size_t n, const char *const (*members)[2])
{
    struct roster r;
    struct buf body;
    struct json_writer w;
    int code = CLI_FAILED;
    buf_init(&body, LETTER_FILE_MAX);
    if (roster_init(&r, rows)) {
        json_begin(&w, &body);
        json_object(&w);
        member(&w, "kind", "roster");
        for (size_t i = 0; i < n; i++)
            member(&w, members[i][0], members[i][1]);
        json_key(&w, "orders");
        json_array(&w);
        for (size_t o = 0; o < r.orders; o++)
            write_order(&w, &r, o);
        json_array_end(&w);
        json_object_end(&w);
        code = roster_send(&r, file, &body);
    }
    roster_fini(&r);
    buf_fini(&body);
    return code;
}

int cmd_roster(int argc, char **argv)
{
    const char *unit = NULL, *number = NULL, *dated = NULL, *title = NULL, *document = NULL;
    const struct cli_option options[] = {{"--unit", &unit, NULL}, {"--number", &number, NULL}, {"--dated", &dated, NULL},
                                         {"--title", &title, NULL}, {"--document", &document, NULL}};
    struct buf json;
    struct json_error e;
    size_t count = 0, problems = 0;
    int code = CLI_FAILED;
    if (!cli_options(&argc, argv, options, sizeof options / sizeof options[0], 1, 1) || unit == NULL || number == NULL || dated == NULL)
        return CLI_USAGE;
    (void)cli_conf();
    buf_init(&json, LETTER_FILE_MAX);
    if (cli_csv_rows(argv[1], "nip day shift place", 2, &json, &count, &problems) && problems == 0) {
        struct json_doc *doc = json_parse(json.data, json.len, LETTER_DEPTH, &e);
        const char *const members[][2] = {{"unit", unit}, {"number", number}, {"dated", dated}, {"title", title}, {"document", document}};
        if (doc != NULL)
            code = roster_file(argv[1], json_root(doc), sizeof members / sizeof members[0], members);
        json_doc_free(doc);
    }
    buf_fini(&json);
    return code;
}
