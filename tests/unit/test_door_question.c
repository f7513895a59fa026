/* Questions: what a desk is asked, how its answer is streamed with credit, and what happens when it dies. */
#include "test_door_fixture.h"

#define GET(path, token) "GET " path " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " token "\r\n"
#define UUID "0b7e6a52-7d3e-4f0a-9a51-1f6f1a8f0001"

static void open_question(const char *request)
{
    unsigned before = f.questions;
    dial();
    say(request);
    say("\r\n");
    UNTIL(f.questions == before + 1);
}

static void refused(unsigned status, const char *code, const char *request)
{
    char text[80];
    unsigned before = f.questions;
    snprintf(text, sizeof text, "\"code\":\"%s\"", code);
    dial();
    say(request);
    say("\r\n");
    expect(status);
    ck_assert_msg(said(text), "%s", k.in);
    ck_assert_uint_eq(f.questions, before);
    close(k.fd);
}

static void check_question(uint8_t question, const char *actor, const char *unit, const char *date, const char *month,
                           uint8_t csv, uint8_t language)
{
    struct reader r;
    const char *const texts[] = {actor, unit, date, month};
    reader_init(&r, f.question.data, f.question.len);
    ck_assert_uint_eq(reader_u8(&r), question);
    for (size_t i = 0; i < 4; i++) {
        size_t len = 0;
        const uint8_t *s = reader_blob(&r, &len);
        ck_assert_uint_eq(len, strlen(texts[i]));
        ck_assert(len == 0 || memcmp(s, texts[i], len) == 0);
    }
    ck_assert_uint_eq(reader_u8(&r), csv);
    ck_assert_uint_eq(reader_u8(&r), language);
    (void)reader_bytes(&r, 16);
    ck_assert_int_eq(reader_i64(&r), NOW_US);
    ck_assert(reader_done(&r));
}

START_TEST(asks_and_streams)
{
    door_up();
    open_question(GET("/v1/units/DISDIK.SMP%201/presence?date=2031-01-01", TOKEN_ACCESS)
                  "Accept: text/csv\r\nAccept-Language: en\r\n");
    check_question(QUESTION_PRESENCE, "access:12", "DISDIK.SMP 1", "2031-01-01", "", 1, 1);
    desk_head(200, "text/csv; charset=utf-8", "", "");
    desk_body("a,b\r\n", 5);
    desk_body("1,2\r\n", 5);
    desk_end(0);
    expect(200);
    ck_assert(said("Content-Type: text/csv; charset=utf-8") && said("Transfer-Encoding: chunked"));
    ck_assert(said("5\r\na,b\r\n\r\n5\r\n1,2\r\n\r\n0\r\n\r\n"));
    next_answer();
    say(GET("/v1/me", TOKEN_NATIVE) "\r\n"); /* the connection goes on */
    UNTIL(f.questions == 2);
    check_question(QUESTION_ME, "device:7", "", "", "", 0, 0);
    desk_head(404, "", "not_found", "Tidak ada.");
    expect(404);
    ck_assert(said("Tidak ada."));
    close(k.fd);
    open_question(GET("/v1/me/attendance?month=2031-01", TOKEN_NATIVE));
    check_question(QUESTION_ATTENDANCE, "device:7", "", "", "2031-01", 0, 0);
    close(k.fd);
    UNTIL(f.cancels == 1); /* a client that leaves takes its question along */
    door_down();
}
END_TEST

START_TEST(checks_before_it_asks)
{
    door_up();
    refused(400, "bad_date", GET("/v1/units/A/presence?date=2031-02-30", TOKEN_ACCESS));
    ck_assert(said("\"field\":\"date\""));
    refused(400, "bad_month", GET("/v1/me/attendance?month=2031-13", TOKEN_NATIVE));
    refused(400, "missing_month", GET("/v1/me/attendance", TOKEN_NATIVE));
    refused(400, "unknown_parameter", GET("/v1/me?x=1", TOKEN_NATIVE));
    ck_assert(said("\"field\":\"x\""));
    refused(400, "repeated_parameter", GET("/v1/units/A/presence?date=2031-01-01&date=2031-01-02", TOKEN_ACCESS));
    refused(400, "bad_query", GET("/v1/me?x=%ff", TOKEN_NATIVE));
    refused(400, "bad_request", GET("/v1/me?x=%zz", TOKEN_NATIVE));
    refused(404, "not_found", GET("/v1/units/A%2FB/presence", TOKEN_ACCESS)); /* one segment is one name */
    refused(400, "bad_uuid", GET("/v1/checkins/123", TOKEN_NATIVE));
    refused(403, "forbidden", GET("/v1/units/A/presence", TOKEN_NATIVE));
    refused(401, "unknown_token", GET("/v1/me", TOKEN_NOBODY));
    refused(401, "wrong_channel", GET("/v1/me", TOKEN_OSMAND));
    refused(404, "not_found", GET("/v1/units/%ff/presence", TOKEN_ACCESS));
    ck_assert_uint_eq(f.questions, 0);
    door_down();
}
END_TEST

START_TEST(gives_credit_as_the_client_reads)
{
    static char block[65536];
    door_up();
    memset(block, 'x', sizeof block);
    open_question(GET("/v1/units/A/presence", TOKEN_ACCESS));
    desk_head(200, "application/json", "", "");
    for (int i = 0; i < 4; i++)
        desk_body(block, sizeof block);
    UNTIL((receive(), f.mores == 4));
    desk_body(block, sizeof block);
    desk_end(0);
    expect(200);
    ck_assert_uint_eq(k.body_len, 5 * (65536 + 9) + 5);
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(breaks_a_half_answer_off)
{
    door_up();
    for (int how = 0; how < 3; how++) {
        open_question(GET("/v1/units/A/presence", TOKEN_ACCESS));
        desk_head(200, "application/json", "", "");
        desk_body("{\"rows\":[", 9);
        UNTIL((receive(), strstr(k.in, "rows") != NULL));
        if (how == 0) {
            desk_end(1);
        } else if (how == 1) {
            channel_free(f.desk);
            f.desk = NULL;
        } else {
            struct ipc_channel *old = f.desk;
            desk_up(); /* a new end replaces the old */
            channel_free(old);
        }
        UNTIL(ended());
        ck_assert_ptr_null(strstr(k.in, "\r\n0\r\n")); /* never a proper end */
        close(k.fd);
        if (how == 1)
            desk_up();
    }
    door_down();
}
END_TEST

START_TEST(says_that_the_database_is_away)
{
    door_up();
    open_question(GET("/v1/me", TOKEN_NATIVE));
    desk_head(503, "application/problem+json", "database_away", "The database cannot be reached.");
    expect(503);
    ck_assert(said("Retry-After: "));
    ck_assert(said("\"code\":\"database_away\""));
    ck_assert(said("The database cannot be reached."));
    close(k.fd);
    open_question(GET("/v1/me", TOKEN_NATIVE));
    desk_head(503, "application/problem+json", "busy", "");
    expect(503);
    ck_assert(said("\"code\":\"unavailable\""));
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(says_503_without_a_desk)
{
    door_up();
    open_question(GET("/v1/me", TOKEN_NATIVE));
    channel_free(f.desk);
    f.desk = NULL;
    expect(503);
    ck_assert(said("Retry-After: "));
    close(k.fd);
    refused(503, "unavailable", GET("/v1/me", TOKEN_NATIVE));
    desk_up();
    f.conf.request_timeout_ms = 40;
    open_question(GET("/v1/me", TOKEN_NATIVE));
    expect(503); /* a desk that is silent */
    UNTIL(f.cancels == 1);
    desk_head(200, "application/json", "", ""); /* and speaks too late */
    turns(5);
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(speaks_http_1_0_without_chunks)
{
    door_up();
    unsigned before = f.questions;
    dial();
    say("GET /v1/me HTTP/1.0\r\nAuthorization: Bearer " TOKEN_NATIVE "\r\n\r\n");
    UNTIL(f.questions == before + 1);
    desk_head(200, "application/json", "", "");
    desk_body("{}", 2);
    desk_end(0);
    UNTIL(ended());
    ck_assert_ptr_null(strstr(k.in, "chunked"));
    ck_assert_str_eq(strstr(k.in, "\r\n\r\n"), "\r\n\r\n{}");
    ck_assert_ptr_nonnull(strstr(k.in, "\r\nDate: "));
    close(k.fd);
    door_down();
}
END_TEST

/* A supervisor on a slow line: the answer takes longer than a request may, but never stands still as long. */
START_TEST(gives_a_slow_reader_the_whole_answer)
{
    char part[16];
    door_up();
    f.conf.request_timeout_ms = 3000;
    open_question(GET("/v1/units/A/presence", TOKEN_ACCESS));
    desk_head(200, "application/json", "", "");
    for (int i = 0; i < 5; i++) {
        int64_t until = mono_now_ms() + 800;
        while (mono_now_ms() < until)
            loop_turn(f.loop, 10);
        int n = snprintf(part, sizeof part, "part%d", i);
        desk_body(part, (size_t)n);
        UNTIL((receive(), strstr(k.in, part) != NULL));
    }
    desk_end(0);
    expect(200);
    ck_assert(!ended());
    close(k.fd);
    open_question(GET("/v1/units/A/presence", TOKEN_ACCESS));
    f.conf.request_timeout_ms = 10; /* but one that stands still is ended */
    desk_head(200, "application/json", "", "");
    UNTIL(ended());
    ck_assert_ptr_null(strstr(k.in, "\r\n0\r\n"));
    close(k.fd);
    door_down();
}
END_TEST

/* To HTTP/1.0 an orderly end is the end of the answer: half of one must end in a reset. */
START_TEST(resets_a_half_answer_to_http_1_0)
{
    door_up();
    unsigned before = f.questions;
    dial();
    say("GET /v1/me HTTP/1.0\r\nAuthorization: Bearer " TOKEN_NATIVE "\r\n\r\n");
    UNTIL(f.questions == before + 1);
    desk_head(200, "application/json", "", "");
    desk_body("{\"rows\":[", 9);
    UNTIL((receive(), strstr(k.in, "rows") != NULL));
    desk_end(1);
    char byte;
    ssize_t n;
    UNTIL((n = recv(k.fd, &byte, 1, 0)) >= 0 || errno != EAGAIN);
    ck_assert(n < 0 && errno == ECONNRESET);
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(asks_the_ledger_first_and_then_a_desk)
{
    door_up();
    for (uint8_t state = 1; state <= 2; state++) {
        f.lookup_state = state;
        dial();
        say(GET("/v1/checkins/" UUID, TOKEN_NATIVE) "\r\n");
        expect(200);
        ck_assert(said(state == 1 ? "\"state\":\"received\"" : "\"state\":\"recorded\""));
        ck_assert(said("\"receipt\":{\"v\":1}") && said("\"checkin\":\"" UUID "\"") && said("\"verdict\":"));
        close(k.fd);
    }
    ck_assert_uint_eq(f.questions, 0);
    f.lookup_state = 0;
    open_question(GET("/v1/checkins/" UUID, TOKEN_NATIVE));
    ck_assert_uint_eq(f.lookups, 3);
    desk_head(404, "", "not_found", "");
    expect(404); /* both answered */
    close(k.fd);
    open_question(GET("/v1/checkins/" UUID, TOKEN_NATIVE));
    desk_head(503, "", "", "");
    expect(503);
    close(k.fd);
    f.mood = LEDGER_HOLDS;
    f.conf.request_timeout_ms = 40;
    refused(503, "unavailable", GET("/v1/checkins/" UUID, TOKEN_NATIVE));
    door_down();
}
END_TEST

UNIT_MAIN("door/question", asks_and_streams, checks_before_it_asks, gives_credit_as_the_client_reads,
          breaks_a_half_answer_off, says_that_the_database_is_away, says_503_without_a_desk, gives_a_slow_reader_the_whole_answer,
          speaks_http_1_0_without_chunks, resets_a_half_answer_to_http_1_0, asks_the_ledger_first_and_then_a_desk)
