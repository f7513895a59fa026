/* The functions that letters, absences, corrections, outages, reports, breaches and consequences go through.
 *
 * Place in the flow: inquiry.c runs a request's statement and streams what is rendered here. Every function has the
 * shape api.NAME(body jsonb, now timestamptz) returns jsonb and answers {"status": 200 or 201, …}, or
 * {"error": {"status": 4xx, "code": …, "problems": […], …}} when nothing was written. SQL takes that apart; its JSON is
 * passed on as it is. This table is the only list of their names. No threads. */
#include "statement.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "http1.h"
#include "json.h"
#include "message.h"
#include "store.h"

enum column { IS_ERROR, STATUS, CODE, DETAIL, REST };

#define CALL(function)                                                                                               \
    "select r ? 'error', coalesce(r #>> '{error,status}', r ->> 'status'), r #>> '{error,code}',"                   \
    " r #>> '{error,detail}', case when r ? 'error' then (r -> 'error') - '{type,title,status,code,detail}'::text[]" \
    " else r - 'status' end from api." function "($1::jsonb, $2::timestamptz) r"

static const struct statement table[REQUEST_COUNT] = {
    [REQUEST_LETTER_FILE] = {CALL("letter_file"), true},
    [REQUEST_LETTER_DECIDE] = {CALL("letter_decide"), true},
    [REQUEST_LETTERS] = {CALL("letters"), false},
    [REQUEST_LETTER_BREACHES] = {CALL("letter_breaches"), false},
    [REQUEST_ABSENCE_REQUEST] = {CALL("absence_request"), true},
    [REQUEST_ABSENCE_DECIDE] = {CALL("absence_decide"), true},
    [REQUEST_ABSENCES] = {CALL("absences"), false},
    [REQUEST_CORRECTION_REQUEST] = {CALL("correction_request"), true},
    [REQUEST_CORRECTION_DECIDE] = {CALL("correction_decide"), true},
    [REQUEST_CORRECTIONS] = {CALL("corrections"), false},
    [REQUEST_OUTAGE_REQUEST] = {CALL("outage_request"), true},
    [REQUEST_OUTAGE_DECIDE] = {CALL("outage_decide"), true},
    [REQUEST_OUTAGES] = {CALL("outages"), false},
    [REQUEST_WORK_REPORT_SEND] = {CALL("work_report_send"), true},
    [REQUEST_WORK_REPORTS] = {CALL("work_reports"), false},
    [REQUEST_BREACHES] = {CALL("breaches"), false},
    [REQUEST_RECAP_DAYS] = {CALL("recap_days"), false},
    [REQUEST_DOUBTS] = {CALL("doubts"), false},
    [REQUEST_NOTICES] = {CALL("notices"), false},
    [REQUEST_NOTICE_SEEN] = {CALL("notice_seen"), true},
    [REQUEST_HEADS] = {CALL("heads"), false},
    [REQUEST_HEAD_SET] = {CALL("head_set"), true},
    [REQUEST_POLICIES] = {CALL("policies"), false},
    [REQUEST_POLICY_APPLY] = {CALL("policy_apply"), true},
    [REQUEST_POLICY_CHECK] = {CALL("policy_check"), true}, /* stores it, to see, and undoes that */
    [REQUEST_POLICY_REMOVE] = {CALL("policy_remove"), true},
    [REQUEST_CALENDAR] = {CALL("calendar"), false},
    [REQUEST_HOURS] = {CALL("hours"), false},
    [REQUEST_MONTH_STATE] = {CALL("month_state"), false},
    [REQUEST_MONTH_ASK] = {CALL("month_ask"), true},
    [REQUEST_DIFFERENCES] = {CALL("day_differences"), false},
    [REQUEST_REOPEN] = {CALL("plan_reopen"), true},
};

const struct statement *statement_of(uint8_t request)
{
    return request < REQUEST_COUNT && table[request].sql != NULL ? &table[request] : NULL;
}

/* What a code says to people; a function's own detail goes before it. */
static const char *sentence(const char *code, bool english)
{
    static const struct {
        const char *code, *indonesian, *english;
    } sentences[] = {
        {"breaches", "Surat ini melanggar ketentuan pada surat edaran. Pengesahan tetap dapat dilakukan dengan alasan.",
         "This letter breaches what a circular orders. It can be confirmed nevertheless, with a reason."},
        {"closed", "Masa untuk ini sudah ditutup.", "The time for this has been closed."},
        {"invalid", "Isi permintaan tidak dapat diterima; lihat problems.",
         "The content cannot be accepted; see problems."},
        {"not_closed", "Belum ditutup.", "Not closed yet."},
        {"not_found", "Tidak ditemukan.", "Not found."},
        {"not_yours", "Anda tidak berwenang memutuskan hal ini.", "This is not yours to decide."},
        {"nothing_to_report", "Tidak ada yang dapat dilaporkan.", "There is nothing to report."},
        {"wrong_state", "Langkah ini tidak mungkin pada keadaan sekarang.",
         "This step is not possible in the present state."},
    };
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        if (strcmp(sentences[i].code, code) == 0)
            return english ? sentences[i].english : sentences[i].indonesian;
    return NULL;
}

void statement_problem(struct buf *out, uint16_t status, const char *code, const char *detail, bool english, const char *rest)
{
    struct json_writer w;
    if (detail == NULL)
        detail = sentence(code, english);
    json_begin(&w, out);
    json_object(&w);
    json_key(&w, "type");
    json_string(&w, "about:blank");
    json_key(&w, "title");
    json_string(&w, http1_reason(status));
    json_key(&w, "status");
    json_int(&w, status);
    json_key(&w, "code");
    json_string(&w, code);
    if (detail != NULL) {
        json_key(&w, "detail");
        json_string(&w, detail);
    }
    if (strcmp(rest, "{}") == 0) {
        json_object_end(&w);
    } else {
        buf_putc(out, ',');
        buf_puts(out, rest + 1);
    }
}

bool statement_render(const struct rows *rows, bool english, uint16_t *ret_status, const char **ret_type,
                      struct buf *out)
{
    if (rows_count(rows) != 1 || rows_columns(rows) != REST + 1)
        return false;
    const char *is_error = rows_get(rows, 0, IS_ERROR), *status_text = rows_get(rows, 0, STATUS);
    const char *code = rows_get(rows, 0, CODE), *detail = rows_get(rows, 0, DETAIL), *rest = rows_get(rows, 0, REST);
    if (is_error == NULL || status_text == NULL || rest == NULL || rest[0] != '{')
        return false;
    bool error = is_error[0] == 't';
    unsigned long status = strtoul(status_text, NULL, 10);
    if (error ? status < 400 || status > 499 || code == NULL || code[0] == '\0' : status != 200 && status != 201)
        return false;
    if (error)
        statement_problem(out, (uint16_t)status, code, detail, english, rest);
    else
        buf_puts(out, rest);
    buf_putc(out, '\n');
    *ret_status = (uint16_t)status;
    *ret_type = error ? "application/problem+json" : "application/json";
    return true;
}
