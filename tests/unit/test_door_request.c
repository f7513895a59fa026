/* Requests around the rules: what reaches a desk, what is refused before, and what a client hears when it is not known
 * whether a step was taken. */
#include "test_door_fixture.h"

#define HEAD(method, path, token) method " " path " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " token "\r\n"

/* Sends head and body on a fresh connection. */
static void send_out(const char *head, const char *body)
{
    char length[60];
    dial();
    say(head);
    if (body != NULL) {
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
        say(length);
    }
    say("\r\n");
    if (body != NULL)
        say(body);
}

static void open_request(const char *head, const char *body)
{
    unsigned before = f.questions;
    send_out(head, body);
    UNTIL(f.questions == before + 1);
    ck_assert_uint_eq(f.question_type, MSG_REQUEST);
}

static void refused(unsigned status, const char *code, const char *head, const char *body)
{
    char text[80];
    unsigned before = f.questions;
    snprintf(text, sizeof text, "\"code\":\"%s\"", code);
    send_out(head, body);
    expect(status);
    ck_assert_msg(said(text), "%s", k.in);
    ck_assert_uint_eq(f.questions, before);
    close(k.fd);
}

static void check_request(enum request request, const char *actor, const char *object, uint8_t language)
{
    struct reader r;
    size_t len = 0;
    reader_init(&r, f.question.data, f.question.len);
    ck_assert_uint_eq(reader_u8(&r), request);
    const uint8_t *s = reader_blob(&r, &len);
    ck_assert(len == strlen(actor) && memcmp(s, actor, len) == 0);
    s = reader_blob(&r, &len);
    ck_assert_msg(len == strlen(object) && memcmp(s, object, len) == 0, "%.*s", (int)len, (const char *)s);
    ck_assert_uint_eq(reader_u8(&r), language);
    ck_assert_int_eq(reader_i64(&r), NOW_US);
    ck_assert(reader_done(&r));
}

static void answer_200(void)
{
    desk_head(200, "application/json", "", "");
    desk_body("{}", 2);
    desk_end(0);
    expect(200);
    close(k.fd);
}

START_TEST(passes_an_object_on)
{
    door_up();
    open_request(HEAD("POST", "/v1/letters", TOKEN_ACCESS) "Content-Type: application/json; charset=utf-8\r\nAccept-Language: en\r\n",
                 " { \"number\" : \"800\\/1\", \"orders\":[{\"place\":\"WFH\"}], \"n\":1e1 }\n");
    check_request(REQUEST_LETTER_FILE, "access:12", "{\"number\":\"800/1\",\"orders\":[{\"place\":\"WFH\"}],\"n\":10.0}", 1);
    desk_head(201, "application/json", "", "");
    desk_body("{\"letter\": 7}\n", 14);
    desk_end(0);
    expect(201);
    ck_assert(said("HTTP/1.1 201 Created\r\n") && said("Content-Type: application/json\r\n") && said("{\"letter\": 7}"));
    close(k.fd);

    open_request(HEAD("POST", "/v1/absences/42/decision", TOKEN_NATIVE), "{\"step\":\"approved\"}");
    check_request(REQUEST_ABSENCE_DECIDE, "device:7", "{\"absence\":42,\"step\":\"approved\"}", 0);
    answer_200();
    open_request(HEAD("POST", "/v1/outages/42/decision", TOKEN_NATIVE), "{}");
    check_request(REQUEST_OUTAGE_DECIDE, "device:7", "{\"outage\":42}", 0);
    answer_200();
    open_request(HEAD("GET", "/v1/breaches?unit=DISDIK.1&from=2031-01-01&to=a%22%26b+c", TOKEN_ACCESS), NULL);
    check_request(REQUEST_BREACHES, "access:12", "{\"unit\":\"DISDIK.1\",\"from\":\"2031-01-01\",\"to\":\"a\\\"&b c\"}", 0);
    answer_200();
    open_request(HEAD("GET", "/v1/letters/007/breaches", TOKEN_ACCESS), NULL);
    check_request(REQUEST_LETTER_BREACHES, "access:12", "{\"letter\":7}", 0);
    answer_200();
    door_down();
}
END_TEST

START_TEST(knows_all_the_addresses)
{
    static const struct {
        const char *method, *path, *object;
        enum request request;
    } all[] = {
        {"POST", "/v1/letters", "{}", REQUEST_LETTER_FILE},
        {"GET", "/v1/letters", "{}", REQUEST_LETTERS},
        {"GET", "/v1/letters/5", "{\"letter\":5}", REQUEST_LETTERS},
        {"POST", "/v1/letters/5/decision", "{\"letter\":5}", REQUEST_LETTER_DECIDE},
        {"GET", "/v1/letters/5/breaches", "{\"letter\":5}", REQUEST_LETTER_BREACHES},
        {"POST", "/v1/absences", "{}", REQUEST_ABSENCE_REQUEST},
        {"GET", "/v1/absences", "{}", REQUEST_ABSENCES},
        {"POST", "/v1/absences/5/decision", "{\"absence\":5}", REQUEST_ABSENCE_DECIDE},
        {"POST", "/v1/corrections", "{}", REQUEST_CORRECTION_REQUEST},
        {"GET", "/v1/corrections", "{}", REQUEST_CORRECTIONS},
        {"POST", "/v1/corrections/5/decision", "{\"correction\":5}", REQUEST_CORRECTION_DECIDE},
        {"POST", "/v1/outages", "{}", REQUEST_OUTAGE_REQUEST},
        {"GET", "/v1/outages", "{}", REQUEST_OUTAGES},
        {"POST", "/v1/outages/5/decision", "{\"outage\":5}", REQUEST_OUTAGE_DECIDE},
        {"POST", "/v1/work-reports", "{}", REQUEST_WORK_REPORT_SEND},
        {"GET", "/v1/work-reports", "{}", REQUEST_WORK_REPORTS},
        {"GET", "/v1/breaches", "{}", REQUEST_BREACHES},
        {"GET", "/v1/recap/days", "{}", REQUEST_RECAP_DAYS},
        {"GET", "/v1/doubts", "{}", REQUEST_DOUBTS},
        {"GET", "/v1/notices", "{}", REQUEST_NOTICES},
        {"POST", "/v1/notices/5/seen", "{\"notice\":5}", REQUEST_NOTICE_SEEN},
        {"GET", "/v1/heads", "{}", REQUEST_HEADS},
        {"POST", "/v1/heads", "{}", REQUEST_HEAD_SET},
        {"GET", "/v1/policies", "{}", REQUEST_POLICIES},
        {"POST", "/v1/policies", "{}", REQUEST_POLICY_APPLY},
        {"POST", "/v1/policies/check", "{}", REQUEST_POLICY_CHECK},
        {"POST", "/v1/policies/removal", "{}", REQUEST_POLICY_REMOVE},
        {"GET", "/v1/calendar", "{}", REQUEST_CALENDAR},
        {"GET", "/v1/hours", "{}", REQUEST_HOURS},
        {"GET", "/v1/months/2031-03", "{\"month\":\"2031-03\"}", REQUEST_MONTH_STATE},
        {"POST", "/v1/months/2031-03/closing", "{\"month\":\"2031-03\"}", REQUEST_MONTH_ASK},
        {"GET", "/v1/differences", "{}", REQUEST_DIFFERENCES},
        {"POST", "/v1/reopenings", "{}", REQUEST_REOPEN},
    };
    ck_assert_uint_eq(sizeof all / sizeof all[0], REQUEST_COUNT - 1 + 1); /* letters, and one letter */
    door_up();
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char head[300];
        snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n", all[i].method, all[i].path,
                 TOKEN_ACCESS);
        open_request(head, all[i].method[0] == 'P' ? "{}" : NULL);
        check_request(all[i].request, "access:12", all[i].object, 0);
        answer_200();
    }
    door_down();
}
END_TEST

START_TEST(passes_a_problem_on)
{
    static const char problem[] = "{\"type\":\"about:blank\",\"status\":422,\"code\":\"invalid\",\"problems\":[{\"field\":\"kind\"}]}\n";
    door_up();
    open_request(HEAD("POST", "/v1/corrections", TOKEN_NATIVE), "{\"kind\":7}");
    desk_head(422, "application/problem+json", "", "");
    desk_body(problem, sizeof problem - 1);
    desk_end(0);
    expect(422);
    ck_assert(said("HTTP/1.1 422 Unprocessable Content\r\n") && said("Content-Type: application/problem+json\r\n"));
    ck_assert(said("Content-Language: id\r\n") && said(problem));
    next_answer();
    say(HEAD("GET", "/v1/corrections", TOKEN_NATIVE) "\r\n"); /* the connection goes on */
    UNTIL(f.questions == 2);
    answer_200();
    door_down();
}
END_TEST

START_TEST(refuses_before_it_asks)
{
    static char large[(256 << 10) + 2];
    char head[300];
    door_up();
#define LETTERS HEAD("POST", "/v1/letters", TOKEN_ACCESS)
    refused(400, "not_json", LETTERS, "{\"a\":");
    refused(400, "not_json", LETTERS, "");
    refused(400, "not_json", LETTERS, "{\"a\":1,\"a\":2}");
    refused(400, "not_json", LETTERS, "{\"a\":\"\\u0000\"}");
    refused(400, "wrong_type", LETTERS, "[]");
    refused(400, "wrong_type", LETTERS, "\"x\"");
    refused(400, "not_finite", LETTERS, "{\"a\":1e400}");
    static const char *const controls[] = {"{\"a\":\"x\\u001b[2J\"}", "{\"a\":\"x\\b\"}", "{\"a\":[\"\\f\"]}", "{\"a\":\"\\u007f\"}",
                                           "{\"a\":\"\\u0001\"}", "{\"a\":\"\\u202e\"}", "{\"\\u001f\":1}"};
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++)
        refused(400, "control_character", LETTERS, controls[i]);
    refused(400, "too_deep", LETTERS, "{\"a\":[[[[[[[[1]]]]]]]]}");
    refused(400, "unknown_parameter", HEAD("POST", "/v1/letters?unit=A", TOKEN_ACCESS), "{}");
    refused(400, "unknown_member", HEAD("POST", "/v1/letters/5/decision", TOKEN_ACCESS), "{\"letter\":6,\"step\":\"confirmed\"}");
    ck_assert(said("\"field\":\"letter\""));
    refused(415, "unknown_media_type", LETTERS "Content-Type: text/csv\r\n", "{}");
    ck_assert(said("\r\nAccept: application/json\r\n"));
    refused(415, "unknown_media_type", LETTERS "Content-Type: application/jsonx\r\n", "{}");
    refused(415, "unknown_media_type", LETTERS "Content-Type: application/problem+json\r\n", "{}");
    refused(415, "unknown_encoding", LETTERS "Content-Encoding: gzip\r\n", "{}");
    refused(405, "method_not_allowed", HEAD("PUT", "/v1/letters", TOKEN_ACCESS), "{}");
    ck_assert(said("\r\nAllow: POST, GET\r\n"));
    refused(405, "method_not_allowed", HEAD("GET", "/v1/letters/5/decision", TOKEN_ACCESS), NULL);
    refused(405, "method_not_allowed", HEAD("POST", "/v1/breaches", TOKEN_ACCESS), "{}");
    refused(404, "not_found", HEAD("GET", "/v1/letters/5/x", TOKEN_ACCESS), NULL);
    refused(405, "method_not_allowed", HEAD("POST", "/v1/letters/5", TOKEN_ACCESS), "{}");
    static const char *const ids[] = {"x", "5x", "-5", "0", "%35", "1234567890123456789"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        snprintf(head, sizeof head, "POST /v1/letters/%s/decision HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n", ids[i],
                 TOKEN_ACCESS);
        refused(404, "not_found", head, "{}");
    }
    static const char *const months[] = {"2031-3", "2031_03", "2031-0x", "2031-003", "%32031-03"};
    for (size_t i = 0; i < sizeof months / sizeof months[0]; i++) {
        snprintf(head, sizeof head, "GET /v1/months/%s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n", months[i],
                 TOKEN_ACCESS);
        refused(404, "not_found", head, NULL);
    }
    refused(400, "repeated_parameter", HEAD("GET", "/v1/letters?unit=A&unit=B", TOKEN_ACCESS), NULL);
    refused(400, "repeated_parameter", HEAD("GET", "/v1/letters/5/breaches?letter=6", TOKEN_ACCESS), NULL);
    refused(400, "bad_query", HEAD("GET", "/v1/letters?unit=%ff", TOKEN_ACCESS), NULL);
    refused(400, "bad_query", HEAD("GET", "/v1/letters?1&2&3&4&5&6&7&8&9", TOKEN_ACCESS), NULL);
    refused(401, "unknown_token", HEAD("POST", "/v1/letters", TOKEN_NOBODY), "{}");
    refused(401, "revoked", HEAD("GET", "/v1/letters", TOKEN_REVOKED), NULL);
    refused(401, "wrong_channel", HEAD("POST", "/v1/letters", TOKEN_OWNTRACKS), "{}");
    refused(401, "missing_token", HEAD("POST", "/v1/letters", ""), "{}");
    refused(401, "missing_token", "POST /v1/letters HTTP/1.1\r\nHost: a\r\n", "{}");
    memset(large, ' ', sizeof large - 1);
    refused(413, "too_large", LETTERS, large);
    large[sizeof large - 2] = '\0';
    memcpy(large, "{\"a\":1}", 7); /* as large as may be */
    open_request(LETTERS, large);
    check_request(REQUEST_LETTER_FILE, "access:12", "{\"a\":1}", 0);
    answer_200();
    open_request(LETTERS "Content-Type: application/json; charset=utf-8\r\n", "{\"a\":\"\\\\u001b \\\" \\n \\u0041 \\\\\"}");
    check_request(REQUEST_LETTER_FILE, "access:12", "{\"a\":\"\\\\u001b \\\" \\n A \\\\\"}", 0);
    answer_200();
    open_request(HEAD("GET", "/v1/letters?", TOKEN_ACCESS), NULL);
    check_request(REQUEST_LETTERS, "access:12", "{}", 0);
    answer_200();
    door_down();
}
END_TEST

/* Numbers grow when they are written anew: the second bound holds, too. */
START_TEST(bounds_what_it_writes)
{
    static char many[200 << 10];
    size_t at = 0;
    door_up();
    many[at++] = '{';
    memcpy(many + at, "\"a\":[", 5);
    for (at += 5; at < sizeof many - 10; at += 4)
        memcpy(many + at, "0.1,", 4);
    memcpy(many + at, "1]}", 4);
    refused(400, "too_long", LETTERS, many);
    door_down();
}
END_TEST

static void heard(unsigned status, const char *code, bool again)
{
    char text[80];
    snprintf(text, sizeof text, "\"code\":\"%s\"", code);
    expect(status);
    ck_assert_msg(said(text), "%s", k.in);
    ck_assert_msg(said("\r\nRetry-After: ") == again, "%s", k.in);
    close(k.fd);
}

START_TEST(never_says_again_when_it_may_have_been_done)
{
    static const char *const heads[] = {LETTERS, HEAD("GET", "/v1/letters", TOKEN_ACCESS)};
    door_up();
    int64_t before = counter_total(C_OUTCOME_UNKNOWN);
    for (int reads = 0; reads < 2; reads++) {
        const char *body = reads ? NULL : "{}", *code = reads ? "unavailable" : "outcome_unknown";
        open_request(heads[reads], body); /* the desk dies */
        channel_free(f.desk);
        f.desk = NULL;
        heard(503, code, reads);
        send_out(heads[reads], body); /* no desk is there: surely nothing was done */
        heard(503, "unavailable", true);
        desk_up();
        open_request(heads[reads], body); /* nonsense instead of a head */
        ck_assert(channel_send(f.desk, MSG_ANSWER_HEAD, f.question_id, "x", 1, -1));
        heard(503, code, reads);
        open_request(heads[reads], body); /* an end without a head */
        desk_end(0);
        heard(503, code, reads);
        open_request(heads[reads], body); /* the desk knows that nothing was done */
        desk_head(503, "application/problem+json", "busy", "");
        heard(503, "unavailable", true);
        open_request(heads[reads], body);
        desk_head(503, "application/problem+json", "database_away", "");
        heard(503, "database_away", true);
        f.conf.request_timeout_ms = 40;
        open_request(heads[reads], body); /* a desk that is silent */
        heard(503, code, reads);
        f.conf.request_timeout_ms = PATIENCE_MS;
    }
    open_request(LETTERS, "{}"); /* the database went while the desk waited */
    desk_head(503, "application/problem+json", "outcome_unknown", "");
    heard(503, "outcome_unknown", false);
    ck_assert_int_eq(counter_total(C_OUTCOME_UNKNOWN) - before, 5);
    open_request(LETTERS, "{}"); /* the client goes: so may the answer */
    unsigned cancels = f.cancels;
    close(k.fd);
    UNTIL(f.cancels == cancels + 1);
    door_down();
}
END_TEST

#define ACCESS "\r\nHost: a\r\nAuthorization: Bearer " TOKEN_ACCESS
#define LONG_NAME "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

/* One request; its status and, of a problem, its code. */
static void answers(const char *head, unsigned status, const char *code)
{
    dial();
    say(head);
    say("\r\n\r\n");
    expect(status);
    if (code != NULL)
        ck_assert_msg(said(code), "%s: %s", head, k.in);
    close(k.fd);
}

START_TEST(refuses_a_query_it_does_not_know)
{
    door_up();
    answers("GET /v1/me?a=1 HTTP/1.1" ACCESS, 400, "unknown_parameter");
    answers("GET /v1/me/attendance?monte=2031-01 HTTP/1.1" ACCESS, 400, "unknown_parameter"); /* as long as the one it knows */
    answers("GET /v1/me/attendance?month=2031-01&month=2031-01 HTTP/1.1" ACCESS, 400, "repeated_parameter");
    answers("GET /v1/me/attendance?" LONG_NAME "=1 HTTP/1.1" ACCESS, 400, "unknown_parameter");
    answers("GET /v1/me/attendance?month=%zz HTTP/1.1" ACCESS, 400, "\"code\"");
    answers("GET /v1/letters?a=1&a=2 HTTP/1.1" ACCESS, 400, "repeated_parameter");
    answers("GET /v1/letters?" LONG_NAME "=1&" LONG_NAME "=2 HTTP/1.1" ACCESS, 400, "repeated_parameter");
    answers("GET /v1/letters/5?letter=6 HTTP/1.1" ACCESS, 400, "repeated_parameter");
    answers("GET /v1/letters?a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9 HTTP/1.1" ACCESS, 400, "bad_query");
    open_request(HEAD("GET", "/v1/letters/5?lettet=6&unit=", TOKEN_ACCESS), NULL); /* as long as the one that is taken; and an empty query */
    desk_head(200, "application/json", "", "");
    desk_end(0);
    close(k.fd);
    answers("POST /v1/letters?a=1 HTTP/1.1" ACCESS "\r\nContent-Length: 2\r\n\r\n{}", 400, "unknown_parameter");
    static const char *const months[] = {"2031", "203x-01", "2031x01", "2031-0x", "2031-013"};
    char head[300];
    for (size_t i = 0; i < sizeof months / sizeof months[0]; i++) {
        snprintf(head, sizeof head, "GET /v1/months/%s HTTP/1.1" ACCESS, months[i]);
        answers(head, 404, "not_found");
    }
    answers("POST /v1/letters HTTP/1.1" ACCESS "\r\nContent-Type: application/jsonx\r\nContent-Length: 2\r\n\r\n{}", 415, "unknown_media_type");
    answers("POST /v1/letters HTTP/1.1" ACCESS "\r\nContent-Type: text\r\nContent-Length: 2\r\n\r\n{}", 415, "unknown_media_type");
    door_down();
}
END_TEST

/* A "no" counts only of a directory that is known to be the newest. */
START_TEST(refuses_a_token_only_when_it_is_sure)
{
    static const char *const tokens[] = {"x", LONG_NAME LONG_NAME};
    char head[400];
    door_up();
    answers("GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ", 401, "missing_token");
    answers("GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eDp4", 401, "missing_token");
    answers("GET /v1/me HTTP/1.1" ACCESS "\r\nAuthorization: Bearer x", 400, "repeated_header");
    answers("GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " TOKEN_REVOKED, 401, "revoked");
    for (size_t i = 0; i < 2; i++) {
        snprintf(head, sizeof head, "GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s", tokens[i]);
        answers(head, 401, "unknown_token");
        confirm_directory(false);
        answers(head, 503, NULL);
        counters_cells()->directory_confirmed_ms = 0; /* never yet */
        answers(head, 503, NULL);
        confirm_directory(true);
        counters_cells()->directory_epoch = 2; /* a newer one is on its way */
        answers(head, 503, NULL);
        counters_cells()->directory_epoch = 1;
        counters_cells()->directory_number = 2;
        answers(head, 503, NULL);
        counters_cells()->directory_number = 0; /* none has been published */
        answers(head, 401, "unknown_token");
        counters_cells()->directory_number = 1;
    }
    door_down();
}
END_TEST

UNIT_MAIN("door/request", passes_an_object_on, knows_all_the_addresses, passes_a_problem_on, refuses_before_it_asks,
          bounds_what_it_writes, never_says_again_when_it_may_have_been_done,
          refuses_a_query_it_does_not_know, refuses_a_token_only_when_it_is_sure)
