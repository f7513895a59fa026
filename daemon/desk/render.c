/* Rows to JSON and CSV.
 *
 * Place in the flow: desk.c has the database's rows and streams what is made here. Rows come one per person, day and
 * session, persons together; a person without sessions has one row whose session is null, and says there why.
 * SQL decides every word in an answer; nothing here knows a state, a session or a place by name: states are counted as
 * they come. No threads. */
#include "render.h"

#include <string.h>

#include "csv.h"
#include "json.h"
#include "store.h"

enum column {
    NIP, NAME, UNIT_CODE, UNIT_NAME, CATEGORY, EXPECTED_PLACE, SESSION_CODE, SESSION_LABEL, STATE, REASON, CHECKIN_ID,
    DECIDED_AT, LATE_MINUTES, EARLY_MINUTES, PLACE, FENCE, RELATION, FLAGS, DOUBTS, DAY, ACCEPT_FROM, DUE, ACCEPT_UNTIL
};

#define STATES_MAX 32

static void member(struct json_writer *w, const char *name, const char *value)
{
    json_key(w, name);
    json_string(w, value);
}

/* A number as SQL writes it is a number as JSON has it. */
static void number(struct json_writer *w, const char *name, const char *value)
{
    json_key(w, name);
    if (value == NULL)
        json_null(w);
    else
        json_raw(w, value, strlen(value));
}

/* "a,b" as ["a","b"] */
static void words(struct json_writer *w, const char *name, const char *joined)
{
    json_key(w, name);
    json_array(w);
    while (joined != NULL && joined[0] != '\0') {
        size_t len = strcspn(joined, ",");
        json_string_n(w, joined, len);
        joined += len + (joined[len] == ',' ? 1 : 0);
    }
    json_array_end(w);
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void session(struct json_writer *w, const struct rows *r, size_t i)
{
    json_object(w);
    member(w, "session", rows_get(r, i, SESSION_CODE));
    member(w, "label", rows_get(r, i, SESSION_LABEL));
    if (rows_columns(r) > ACCEPT_UNTIL) { /* one's own today: when to come */
        member(w, "accept_from", rows_get(r, i, ACCEPT_FROM));
        member(w, "due", rows_get(r, i, DUE));
        member(w, "accept_until", rows_get(r, i, ACCEPT_UNTIL));
    }
    member(w, "state", rows_get(r, i, STATE));
    if (rows_get(r, i, REASON) != NULL)
        member(w, "reason", rows_get(r, i, REASON));
    member(w, "checkin", rows_get(r, i, CHECKIN_ID));
    member(w, "decided_at", rows_get(r, i, DECIDED_AT));
    number(w, "late_minutes", rows_get(r, i, LATE_MINUTES));
    number(w, "early_minutes", rows_get(r, i, EARLY_MINUTES));
    member(w, "place", rows_get(r, i, PLACE));
    member(w, "fence", rows_get(r, i, FENCE));
    member(w, "relation", rows_get(r, i, RELATION));
    words(w, "flags", rows_get(r, i, FLAGS));
    words(w, "doubts", rows_get(r, i, DOUBTS));
    json_object_end(w);
}

static void person_members(struct json_writer *w, const struct rows *r, size_t i)
{
    member(w, "nip", rows_get(r, i, NIP));
    member(w, "name", rows_get(r, i, NAME));
    member(w, "unit", rows_get(r, i, UNIT_CODE));
    member(w, "unit_name", rows_get(r, i, UNIT_NAME));
    member(w, "category", rows_get(r, i, CATEGORY));
}

/* Writes the sessions of rows [first, end) as members of an open object. A row without a session that has a check-in
 * is one that fell outside every window: it is shown like a session without a name. */
static void day_members(struct json_writer *w, const struct rows *r, size_t first, size_t end)
{
    member(w, "expected_place", rows_get(r, first, EXPECTED_PLACE));
    if (rows_get(r, first, SESSION_CODE) == NULL) {
        member(w, "state", rows_get(r, first, STATE));
        member(w, "reason", rows_get(r, first, REASON));
    }
    json_key(w, "sessions");
    json_array(w);
    for (size_t i = first; i < end; i++)
        if (rows_get(r, i, SESSION_CODE) != NULL || rows_get(r, i, CHECKIN_ID) != NULL)
            session(w, r, i);
    json_array_end(w);
}

static size_t end_of_person(const struct rows *r, size_t first)
{
    size_t end = first + 1;
    while (end < rows_count(r) && same(rows_get(r, end, NIP), rows_get(r, first, NIP)) &&
           same(rows_get(r, end, UNIT_CODE), rows_get(r, first, UNIT_CODE)))
        end++;
    return end;
}

static void counts(struct json_writer *w, const struct rows *r)
{
    const char *states[STATES_MAX];
    int64_t numbers[STATES_MAX];
    size_t known = 0;
    for (size_t i = 0; i < rows_count(r); i++) {
        const char *state = rows_get(r, i, STATE);
        size_t at = 0;
        while (at < known && !same(states[at], state))
            at++;
        if (state == NULL || at == STATES_MAX)
            continue;
        if (at == known) {
            states[known] = state;
            numbers[known++] = 0;
        }
        numbers[at]++;
    }
    json_key(w, "counts");
    json_object(w);
    for (size_t i = 0; i < known; i++) {
        json_key(w, states[i]);
        json_int(w, numbers[i]);
    }
    json_object_end(w);
}

void render_presence_json(const struct render_head *head, const struct rows *rows, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_key(&w, "unit");
    json_object(&w);
    member(&w, "code", head->unit_code);
    member(&w, "name", head->unit_name);
    json_object_end(&w);
    member(&w, "date", head->day);
    member(&w, "zone", head->zone);
    member(&w, "recorded_to", head->recorded_to);
    json_key(&w, "complete");
    json_bool(&w, !head->behind);
    counts(&w, rows);
    json_key(&w, "people");
    json_array(&w);
    for (size_t i = 0; i < rows_count(rows);) {
        size_t end = end_of_person(rows, i);
        json_object(&w);
        person_members(&w, rows, i);
        day_members(&w, rows, i, end);
        json_object_end(&w);
        i = end;
    }
    json_array_end(&w);
    json_object_end(&w);
    buf_putc(out, '\n');
}

void render_me_json(const struct rows *rows, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    person_members(&w, rows, 0);
    member(&w, "date", rows_get(rows, 0, DAY));
    day_members(&w, rows, 0, rows_count(rows));
    json_object_end(&w);
    buf_putc(out, '\n');
}

void render_attendance_json(const char *month, const struct rows *rows, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    /* A move in the month gives several units: the last one is today's. */
    person_members(&w, rows, rows_count(rows) - 1);
    member(&w, "month", month);
    counts(&w, rows);
    json_key(&w, "days");
    json_array(&w);
    for (size_t i = 0; i < rows_count(rows);) {
        size_t end = i + 1;
        while (end < rows_count(rows) && same(rows_get(rows, end, DAY), rows_get(rows, i, DAY)))
            end++;
        json_object(&w);
        member(&w, "date", rows_get(rows, i, DAY));
        day_members(&w, rows, i, end);
        json_object_end(&w);
        i = end;
    }
    json_array_end(&w);
    json_object_end(&w);
    buf_putc(out, '\n');
}

void render_checkin_json(const struct rows *rows, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    for (size_t col = 0; col < rows_columns(rows); col++) {
        const char *name = rows_column_name(rows, col), *value = rows_get(rows, 0, col);
        if (strcmp(name, "flags") == 0)
            words(&w, name, value);
        else if (strcmp(name, "late_minutes") == 0 || strcmp(name, "early_minutes") == 0)
            number(&w, name, value);
        else
            member(&w, name, value);
    }
    json_object_end(&w);
    buf_putc(out, '\n');
}

/* ---- CSV ---- */

static void csv_head(struct csv *w, bool own)
{
    static const char *const names[] = {"day", "unit_code", "unit_name", "nip", "name", "category", "expected_place",
                                        "session", "label", "state", "reason", "decided_at", "late_minutes",
                                        "early_minutes", "place", "fence", "relation", "flags", "doubts", "checkin_id"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        csv_text(w, names[i]);
    if (!own)
        csv_text(w, "recorded_to");
    csv_end_row(w);
}

static void csv_row(struct csv *w, const struct rows *r, size_t i, const char *day)
{
    static const enum column texts[] = {UNIT_CODE, UNIT_NAME, NIP, NAME, CATEGORY, EXPECTED_PLACE, SESSION_CODE,
                                        SESSION_LABEL, STATE, REASON, DECIDED_AT};
    static const enum column more[] = {PLACE, FENCE, RELATION, FLAGS, DOUBTS, CHECKIN_ID};
    csv_text(w, day);
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
        csv_text(w, rows_get(r, i, texts[k]));
    csv_number(w, rows_get(r, i, LATE_MINUTES));
    csv_number(w, rows_get(r, i, EARLY_MINUTES));
    for (size_t k = 0; k < sizeof more / sizeof more[0]; k++)
        csv_text(w, rows_get(r, i, more[k]));
}

void render_presence_csv(const struct render_head *head, const struct rows *rows, struct buf *out)
{
    struct csv w;
    csv_begin(&w, out);
    csv_head(&w, false);
    for (size_t i = 0; i < rows_count(rows); i++) {
        csv_row(&w, rows, i, head->day);
        csv_text(&w, head->recorded_to);
        csv_end_row(&w);
    }
}

void render_own_csv(const struct rows *rows, struct buf *out)
{
    struct csv w;
    csv_begin(&w, out);
    csv_head(&w, true);
    for (size_t i = 0; i < rows_count(rows); i++) {
        csv_row(&w, rows, i, rows_get(rows, i, DAY));
        csv_end_row(&w);
    }
}
