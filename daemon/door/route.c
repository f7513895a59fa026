/* The table of everything the door serves, and finding a request in it.
 *
 * Place in the flow: http.c asks once per request, when the head is known, because the limits on the body depend on
 * the answer. Paths are matched as sent; only the one variable segment is decoded, by its handler. Pure. */
#include "route.h"

#include <stdio.h>
#include <string.h>

#include "channels.h"
#include "codec.h"
#include "question.h"
#include "request.h"

#define REQUEST_MAX ((size_t)256 << 10)
/* Requests around the rules: what changes something is a POST, what looks up a GET. */
#define FILES(path, request) \
    {HTTP1_POST, path, 0, false, REQUEST_MAX, request_post_head, request_post, NULL, false, request}
#define LOOKS_UP(path, request) {HTTP1_GET, path, 0, false, 0, request_get_head, request_get, NULL, false, request}

static const struct route routes[] = {
    {HTTP1_POST, "/v1/checkins", CHANNEL_NATIVE, false, (size_t)512 << 10, native_head, native_body, NULL, false, 0},
    {HTTP1_GET, "/v1/checkins/{}", 0, false, 0, question_checkin_head, question_checkin, NULL, false, 0},
    {HTTP1_GET, "/v1/me", 0, false, 0, question_me_head, question_me, NULL, false, 0},
    {HTTP1_GET, "/v1/me/attendance", 0, false, 0, question_me_head, question_attendance, NULL, false, 0},
    {HTTP1_GET, "/v1/units/{}/presence", 0, false, 0, question_presence_head, question_presence, NULL, false, 0},
    {HTTP1_POST, "/in/owntracks", CHANNEL_OWNTRACKS, true, (size_t)256 << 10, owntracks_head, owntracks_body,
     owntracks_too_large, false, 0},
    {HTTP1_GET, "/in/osmand", CHANNEL_OSMAND, true, (size_t)64 << 10, osmand_head, osmand_body, osmand_too_large, true, 0},
    {HTTP1_POST, "/in/osmand", CHANNEL_OSMAND, true, (size_t)64 << 10, osmand_head, osmand_body, osmand_too_large, true, 0},
    {HTTP1_GET, "/in/whatsapp", CHANNEL_WHATSAPP, true, 0, whatsapp_handshake_head, whatsapp_handshake, NULL, true, 0},
    {HTTP1_POST, "/in/whatsapp", CHANNEL_WHATSAPP, true, WHATSAPP_BODY_MAX, whatsapp_head, whatsapp_body, NULL, true, 0},
    FILES("/v1/letters", REQUEST_LETTER_FILE),
    LOOKS_UP("/v1/letters", REQUEST_LETTERS),
    LOOKS_UP("/v1/letters/{}", REQUEST_LETTERS),
    FILES("/v1/letters/{}/decision", REQUEST_LETTER_DECIDE),
    LOOKS_UP("/v1/letters/{}/breaches", REQUEST_LETTER_BREACHES),
    FILES("/v1/absences", REQUEST_ABSENCE_REQUEST),
    LOOKS_UP("/v1/absences", REQUEST_ABSENCES),
    FILES("/v1/absences/{}/decision", REQUEST_ABSENCE_DECIDE),
    FILES("/v1/corrections", REQUEST_CORRECTION_REQUEST),
    LOOKS_UP("/v1/corrections", REQUEST_CORRECTIONS),
    FILES("/v1/corrections/{}/decision", REQUEST_CORRECTION_DECIDE),
    FILES("/v1/outages", REQUEST_OUTAGE_REQUEST),
    LOOKS_UP("/v1/outages", REQUEST_OUTAGES),
    FILES("/v1/outages/{}/decision", REQUEST_OUTAGE_DECIDE),
    FILES("/v1/work-reports", REQUEST_WORK_REPORT_SEND),
    LOOKS_UP("/v1/work-reports", REQUEST_WORK_REPORTS),
    LOOKS_UP("/v1/breaches", REQUEST_BREACHES),
    LOOKS_UP("/v1/recap/days", REQUEST_RECAP_DAYS),
    {HTTP1_GET, "/v1/reports/{}", 0, false, 0, request_get_head, request_report, NULL, false, 0},
    LOOKS_UP("/v1/doubts", REQUEST_DOUBTS),
    LOOKS_UP("/v1/notices", REQUEST_NOTICES),
    FILES("/v1/notices/{}/seen", REQUEST_NOTICE_SEEN),
    LOOKS_UP("/v1/heads", REQUEST_HEADS),
    FILES("/v1/heads", REQUEST_HEAD_SET),
    LOOKS_UP("/v1/policies", REQUEST_POLICIES),
    FILES("/v1/policies", REQUEST_POLICY_APPLY),
    FILES("/v1/policies/check", REQUEST_POLICY_CHECK),
    FILES("/v1/policies/removal", REQUEST_POLICY_REMOVE),
    LOOKS_UP("/v1/calendar", REQUEST_CALENDAR),
    LOOKS_UP("/v1/hours", REQUEST_HOURS),
    LOOKS_UP("/v1/months/{}", REQUEST_MONTH_STATE),
    FILES("/v1/months/{}/closing", REQUEST_MONTH_ASK),
    LOOKS_UP("/v1/differences", REQUEST_DIFFERENCES),
    FILES("/v1/reopenings", REQUEST_REOPEN),
};

static const char *method_name(enum http1_method m)
{
    return m == HTTP1_GET ? "GET" : "POST";
}

/* "{}" takes one segment that is not empty. */
static bool matches(const char *pattern, struct text path, struct text *ret_capture)
{
    const char *hole = strstr(pattern, "{}");
    size_t before = hole != NULL ? (size_t)(hole - pattern) : strlen(pattern);
    if (path.len < before || memcmp(path.s, pattern, before) != 0)
        return false;
    if (hole == NULL)
        return path.len == before;
    const char *from = path.s + before;
    size_t left = path.len - before;
    const char *slash = memchr(from, '/', left);
    size_t len = slash != NULL ? (size_t)(slash - from) : left;
    const char *after = hole + 2;
    if (len == 0 || left - len != strlen(after) || memcmp(from + len, after, left - len) != 0)
        return false;
    *ret_capture = (struct text){from, len};
    return true;
}

enum route_outcome route_find(enum http1_method method, struct text path, const struct route **ret_route,
                              struct text *ret_capture, char *ret_allow, size_t allow_cap)
{
    struct buf allow;
    buf_init(&allow, allow_cap - 1);
    enum route_outcome outcome = ROUTE_UNKNOWN_PATH;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct text capture = {0};
        if (!matches(routes[i].pattern, path, &capture))
            continue;
        if (routes[i].method == method) {
            *ret_route = &routes[i];
            *ret_capture = capture;
            outcome = ROUTE_FOUND;
            break;
        }
        outcome = ROUTE_WRONG_METHOD;
        buf_printf(&allow, "%s%s", allow.len > 0 ? ", " : "", method_name(routes[i].method));
    }
    const char *text = buf_str(&allow);
    if (outcome == ROUTE_WRONG_METHOD)
        snprintf(ret_allow, allow_cap, "%s", text != NULL ? text : "");
    buf_fini(&allow);
    return outcome;
}
