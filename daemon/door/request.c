/* The road of everything around the rules: POST files or decides, GET looks up.
 *
 * Place in the flow: route.c's table gives each address its request; here token, content type and body are checked, the
 * id or month in the path or the parameters of the query become members of the object, and the object goes to a desk as
 * MSG_REQUEST (desks.c). Members, rights and states are the business of the SQL function behind it: adding a request is a
 * line in route.c, in message.h and in the desk's statement.c. Threads: the loop's. */
#include "request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "answer.h"
#include "auth.h"
#include "codec.h"
#include "counter.h"
#include "desks.h"
#include "door.h"
#include "http.h"
#include "json.h"
#include "message.h"
#include "query.h"
#include "route.h"
#include "throttle.h"

#define RETRY_AFTER_S 5u
#define ID_DIGITS_MAX 18u
#define SEGMENT_BYTES 24u

/* What the id or month in the path is called in the object; NULL for a path without one. */
static const char *path_member(const struct exchange *x)
{
    static const char *const names[REQUEST_COUNT] = {
        [REQUEST_LETTERS] = "letter",         [REQUEST_LETTER_DECIDE] = "letter",
        [REQUEST_LETTER_BREACHES] = "letter", [REQUEST_ABSENCE_DECIDE] = "absence",
        [REQUEST_OUTAGE_DECIDE] = "outage",   [REQUEST_CORRECTION_DECIDE] = "correction",
        [REQUEST_NOTICE_SEEN] = "notice",     [REQUEST_MONTH_STATE] = "month",
        [REQUEST_MONTH_ASK] = "month",
    };
    return x->capture.s != NULL ? names[x->route->request] : NULL;
}

static bool admit(struct exchange *x, struct credential *ret)
{
    enum auth_outcome outcome = auth_bearer_any(x, ret);
    if (outcome == AUTH_OK)
        return true;
    auth_refuse(x, outcome);
    return false;
}

/* No Content-Type at all is taken for JSON: what else could it be. */
static bool is_json(struct text type)
{
    static const char json[] = "application/json";
    size_t len = sizeof json - 1;
    return type.s == NULL || (type.len >= len && strncasecmp(type.s, json, len) == 0 &&
                              (type.len == len || strchr("; \t", type.s[len]) != NULL));
}

void request_post_head(struct exchange *x)
{
    struct credential who;
    if (!admit(x, &who) || throttle_refuses(x, &who))
        return;
    struct problem p = {0};
    const char *header = NULL;
    if (http1_get(x->request, "content-encoding").s != NULL) {
        p = (struct problem){.code = "unknown_encoding", .field = "Content-Encoding"};
        header = "Accept-Encoding: identity\r\n";
    } else if (!is_json(http1_get(x->request, "content-type"))) {
        p = (struct problem){.code = "unknown_media_type", .field = "Content-Type"};
        header = "Accept: application/json\r\n";
    } else {
        return;
    }
    counter_inc(C_REFUSE_MALFORMED);
    answer_problem(x, &p, header);
}

void request_get_head(struct exchange *x)
{
    struct credential who;
    if (admit(x, &who))
        (void)throttle_refuses(x, &who);
}

static bool digits(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return true;
}

/* The path's id or month as JSON, nothing when it has none; answers 404 when it has not the form of one, as for one that
 * nothing has. */
static bool read_segment(struct exchange *x, char dst[SEGMENT_BYTES], struct text *ret)
{
    const char *name = path_member(x);
    struct text t = x->capture;
    int len = 0;
    if (name == NULL) {
        *ret = (struct text){0};
        return true;
    }
    if (strcmp(name, "month") == 0) {
        if (t.len == 7 && digits(t.s, 4) && t.s[4] == '-' && digits(t.s + 5, 2))
            len = snprintf(dst, SEGMENT_BYTES, "\"%.7s\"", t.s);
    } else if (t.len <= ID_DIGITS_MAX && digits(t.s, t.len)) {
        for (; t.len > 0 && t.s[0] == '0'; t.len--)
            t.s++;
        len = snprintf(dst, SEGMENT_BYTES, "%.*s", (int)t.len, t.s);
    }
    if (len == 0) {
        answer_code(x, "not_found", name);
        return false;
    }
    *ret = (struct text){dst, (size_t)len};
    return true;
}

static void send_request(struct exchange *x, const struct credential *who, const struct buf *object, bool writes)
{
    struct buf out;
    char actor[AUTH_ACTOR_BYTES];
    if (object->failed) {
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
        return;
    }
    buf_init(&out, REQUEST_BODY_MAX + 1024);
    buf_u8(&out, (uint8_t)x->route->request);
    buf_blob(&out, actor, auth_actor(who, actor));
    buf_blob(&out, object->data, object->len);
    buf_u8(&out, (uint8_t)x->language);
    buf_i64(&out, x->received.now_us);
    desks_ask(x, MSG_REQUEST, writes, &out);
    buf_fini(&out);
}

static void refuse_body(struct exchange *x, const struct codec_error *e)
{
    char detail[300];
    if (e->fault == FAULT_MEMORY) {
        answer_busy(x, C_BUSY_DESK, RETRY_AFTER_S);
        return;
    }
    counter_inc(e->fault == FAULT_TOO_LONG ? C_REFUSE_TOO_LARGE : C_REFUSE_MALFORMED);
    codec_fault_message(e->fault, e->field, language_code(x->language), detail, sizeof detail);
    answer_problem(x, &(struct problem){.status = 400, .code = codec_fault_code(e->fault), .field = e->field,
                                        .detail = detail}, NULL);
}

void request_post(struct exchange *x)
{
    struct credential who;
    struct codec_error error;
    struct buf object;
    struct text segment;
    char bytes[SEGMENT_BYTES];
    if (!admit(x, &who) || !query_read(x, NULL, 0) || !read_segment(x, bytes, &segment))
        return;
    buf_init(&object, REQUEST_BODY_MAX);
    if (object_decode(x->body.data, x->body.len, path_member(x), segment, &object, &error))
        send_request(x, &who, &object, true);
    else
        refuse_body(x, &error);
    buf_fini(&object);
}

void request_get(struct exchange *x)
{
    struct credential who;
    struct json_writer w;
    struct buf object;
    struct text segment;
    char bytes[SEGMENT_BYTES];
    if (!admit(x, &who) || !read_segment(x, bytes, &segment))
        return;
    const char *name = path_member(x);
    buf_init(&object, REQUEST_BODY_MAX);
    json_begin(&w, &object);
    json_object(&w);
    if (name != NULL) {
        json_key(&w, name);
        json_raw(&w, segment.s, segment.len);
    }
    if (query_members(x, &w, name)) {
        json_object_end(&w);
        send_request(x, &who, &object, false);
    }
    buf_fini(&object);
}
