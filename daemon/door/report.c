/* GET /v1/reports/{name}: whose report, in which format.
 *
 * Place in the flow: token and parameters are checked here and go to a desk as MSG_REPORT; desks.c streams the answer back. The
 * report's own parameters are the business of its SQL function, as everything around the rules (request.c). Threads: the loop's. */
#include <string.h>

#include "answer.h"
#include "auth.h"
#include "counter.h"
#include "desks.h"
#include "door.h"
#include "http.h"
#include "json.h"
#include "message.h"
#include "query.h"
#include "request.h"

#define RETRY_AFTER_S 5u
#define NAME_MAX_BYTES 60u

/* By Accept, the first of equals; JSON when it names none of them and takes anything. false: none would do. */
static bool read_format(const struct exchange *x, uint8_t *ret)
{
    static const char *const types[] = {"application/json", "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                                        "application/pdf"};
    struct text accept = http1_get(x->request, "accept");
    unsigned best = 0;
    *ret = 0;
    if (accept.s == NULL)
        return true;
    for (uint8_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        unsigned q = answer_quality(accept, types[i]);
        if (q > best) {
            best = q;
            *ret = i;
        }
    }
    return best > 0 || answer_quality(accept, "*/*") > 0 || answer_quality(accept, "application/*") > 0;
}

static void send_report(struct exchange *x, const struct credential *who, uint8_t format, uint8_t dialect, const struct buf *object)
{
    struct buf out;
    char actor[AUTH_ACTOR_BYTES];
    if (object->failed) {
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
        return;
    }
    buf_init(&out, REQUEST_BODY_MAX + 1024);
    buf_blob(&out, x->capture.s, x->capture.len);
    buf_u8(&out, format);
    buf_u8(&out, dialect);
    buf_blob(&out, actor, auth_actor(who, actor));
    buf_blob(&out, object->data, object->len);
    buf_u8(&out, (uint8_t)x->language);
    buf_i64(&out, x->received.now_us);
    exchange_patience(x); /* paper is begun when all its rows are there */
    desks_ask(x, MSG_REPORT, false, &out);
    buf_fini(&out);
}

/* The parameters as members of an object; a dialect of CSV is none of them. */
static bool read_parameters(struct exchange *x, struct buf *object, uint8_t *ret_dialect)
{
    static const char *const names[] = {"unit", "government", "date", "month", "from", "to", "baseline", "nip", "closed"};
    struct parameter p[sizeof names / sizeof names[0] + 1];
    const size_t count = sizeof names / sizeof names[0];
    struct json_writer w;
    for (size_t i = 0; i < count; i++)
        p[i] = (struct parameter){.name = names[i]};
    p[count] = (struct parameter){.name = "csv_dialect"};
    if (!query_read(x, p, count + 1))
        return false;
    struct text dialect = p[count].value;
    *ret_dialect = dialect.s != NULL;
    if (dialect.s != NULL && (dialect.len != 8 || memcmp(dialect.s, "excel-id", 8) != 0)) {
        counter_inc(C_REFUSE_MALFORMED);
        answer_code(x, "bad_dialect", "csv_dialect");
        return false;
    }
    json_begin(&w, object);
    json_object(&w);
    for (size_t i = 0; i < count; i++) {
        if (p[i].value.s == NULL)
            continue;
        json_key(&w, names[i]);
        json_string_n(&w, p[i].value.s, p[i].value.len);
    }
    json_object_end(&w);
    return true;
}

void request_report(struct exchange *x)
{
    struct credential who;
    struct buf object;
    uint8_t format, dialect;
    enum auth_outcome outcome = auth_bearer_any(x, &who);
    if (outcome == AUTH_OK && who.kind != CREDENTIAL_ACCESS)
        outcome = AUTH_FORBIDDEN;
    if (outcome != AUTH_OK) {
        auth_refuse(x, outcome);
        return;
    }
    if (x->capture.len > NAME_MAX_BYTES) {
        answer_code(x, "not_found", "report");
        return;
    }
    if (!read_format(x, &format)) {
        counter_inc(C_REFUSE_MALFORMED);
        answer_code(x, "not_acceptable", "Accept");
        return;
    }
    buf_init(&object, REQUEST_BODY_MAX);
    if (read_parameters(x, &object, &dialect))
        send_report(x, &who, format, dialect, &object);
    buf_fini(&object);
}
