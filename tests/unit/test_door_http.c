/* The HTTP state machine against a loopback client: framing, keep-alive, pipelines, limits, deadlines, draining. */
#include "answer.h"
#include "http.h"
#include "test_door_fixture.h"

#define STATUS_BODY "{\"_type\":\"status\"}"
#define OWNTRACKS_HEAD "POST /in/owntracks HTTP/1.1\r\nHost: a\r\nAuthorization: Basic " BASIC_OWNTRACKS "\r\n"
#define IGNORED OWNTRACKS_HEAD "Content-Length: 18\r\n\r\n" STATUS_BODY

START_TEST(serves_one_request_after_another)
{
    door_up();
    dial();
    for (int i = 0; i < 3; i++) {
        say(IGNORED);
        expect(200);
        ck_assert(k.body_len == 2 && memcmp(k.body, "[]", 2) == 0);
        next_answer();
    }
    ck_assert(!ended());
    ck_assert_int_eq(counter_total(G_CONN_OPEN), 1);
    close(k.fd);
    door_down();
}
END_TEST

/* Two requests and a third with chunks, cut at every byte: the answers never differ. */
START_TEST(does_not_care_where_the_network_cuts)
{
    static const char pipeline[] = IGNORED "GET /tidak-ada HTTP/1.1\r\nHost: a\r\n\r\n" OWNTRACKS_HEAD
                                           "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"_ty\r\nd\r\npe\":\"status\"}\r\n0\r\n\r\n";
    static const unsigned wanted[] = {200, 404, 200};
    door_up();
    int64_t ignored = counter_total(C_DROP_NOT_LOCATION);
    for (size_t cut = 1; cut < sizeof pipeline - 1; cut++) {
        dial();
        put(pipeline, cut);
        loop_turn(f.loop, 0);
        put(pipeline + cut, sizeof pipeline - 1 - cut);
        for (int i = 0; i < 3; i++) {
            expect(wanted[i]);
            next_answer();
        }
        ck_assert_uint_eq(k.len, 0);
        close(k.fd);
    }
    ck_assert_int_eq(counter_total(C_DROP_NOT_LOCATION), ignored + 2 * ((int64_t)sizeof pipeline - 2));
    ck_assert_uint_eq(f.batch_count, 0);
    door_down();
}
END_TEST

/* RFC 9110, 6.6.1: an origin server with a clock sends Date, in IMF-fixdate. NOW_US is 2031-01-01 00:00 UTC. */
START_TEST(every_answer_is_dated)
{
    static const struct {
        int64_t s;
        const char *date;
    } dates[] = {{0, "Thu, 01 Jan 1970 00:00:00 GMT"},
                 {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"}, /* the RFC's own example */
                 {1709210096, "Thu, 29 Feb 2024 12:34:56 GMT"},
                 {1767225599, "Wed, 31 Dec 2025 23:59:59 GMT"},
                 {4102444800, "Fri, 01 Jan 2100 00:00:00 GMT"}};
    char date[ANSWER_DATE_BYTES];
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        ck_assert_str_eq(answer_date(date, dates[i].s * US_PER_S), dates[i].date);
        ck_assert_str_eq(answer_date(date, dates[i].s * US_PER_S + 999999), dates[i].date);
    }
    char field[60];
    snprintf(field, sizeof field, "\r\nDate: %s\r\n", answer_date(date, NOW_US));
    door_up();
    static const char *const asked[] = {IGNORED, "GET /v2 HTTP/1.1\r\nHost: a\r\n\r\n", "nonsense\r\n\r\n"};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        dial();
        say(asked[i]);
        UNTIL(answered());
        ck_assert_msg(said(field) && said("\r\nCache-Control: no-store\r\n") && said("\r\nX-Content-Type-Options: nosniff\r\n"),
                      "%s", k.in);
        close(k.fd);
    }
    door_down();
}
END_TEST

/* Two Authorization fields: what stands before us could have looked at the other one. */
START_TEST(takes_no_credential_that_is_said_twice)
{
    door_up();
    exchange(400, "POST /v1/checkins HTTP/1.1\r\nAuthorization: Bearer " TOKEN_NATIVE "\r\nauthorization: Bearer " TOKEN_NATIVE,
             "{}");
    ck_assert(said("\"code\":\"repeated_header\"") && said("\"field\":\"Authorization\"") && !said("WWW-Authenticate"));
    exchange(400, "GET /v1/me HTTP/1.1\r\nAuthorization: Bearer " TOKEN_NOBODY "\r\nAuthorization: Bearer " TOKEN_NATIVE, "");
    exchange(400, "GET /v1/units/A/presence HTTP/1.1\r\nAuthorization: x\r\nAuthorization: Bearer " TOKEN_ACCESS, "");
    exchange(401, "POST /in/owntracks HTTP/1.1\r\nAuthorization: Basic " BASIC_OWNTRACKS
                  "\r\nAuthorization: Basic " BASIC_OWNTRACKS, STATUS_BODY);
    ck_assert(said("WWW-Authenticate: Basic"));
    confirm_directory(false);
    exchange(503, "POST /in/owntracks HTTP/1.1\r\nAuthorization: Basic " BASIC_OWNTRACKS
                  "\r\nAuthorization: Basic " BASIC_OWNTRACKS, STATUS_BODY);
    ck_assert_uint_eq(f.questions, 0);
    door_down();
}
END_TEST

START_TEST(tells_unknown_paths_and_methods)
{
    door_up();
    dial();
    say("GET /v2 HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(404);
    ck_assert(said("application/problem+json") && said("\"code\":\"not_found\"") && said("Tidak ditemukan"));
    next_answer();
    say("GET /v1/checkins/ HTTP/1.1\r\nHost: a\r\nAccept-Language: en-GB, id;q=0.3\r\n\r\n");
    expect(404);
    ck_assert(said("Not found") && said("Content-Language: en"));
    next_answer();
    say("DELETE /in/osmand HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(405);
    ck_assert(said("Allow: GET, POST\r\n") && said("Tidak") == false);
    next_answer();
    say("OPTIONS /v1/me HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(405);
    ck_assert(said("Allow: GET\r\n"));
    next_answer();
    say("HEAD /v1/me HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL((receive(), strstr(k.in, "\r\n\r\n") != NULL));
    ck_assert(strncmp(k.in, "HTTP/1.1 405", 12) == 0);
    ck_assert_str_eq(strstr(k.in, "\r\n\r\n"), "\r\n\r\n"); /* no body behind a HEAD */
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(answers_a_malformed_request_and_closes)
{
    static const char *const wrong[] = {
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\n\r\n",
        "POST /in/owntracks HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        "POST /in/owntracks HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\x16\x03\x01",
        OWNTRACKS_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    door_up();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t before = counter_total(C_REFUSE_HTTP);
        dial();
        say(wrong[i]);
        expect(400);
        ck_assert(said("Connection: close"));
        UNTIL(ended());
        ck_assert_int_eq(counter_total(C_REFUSE_HTTP), before + 1);
        close(k.fd);
    }
    dial();
    char big[20000];
    memset(big, 'a', sizeof big);
    memcpy(big, "GET / HTTP/1.1\r\nX: ", 19);
    put(big, sizeof big);
    UNTIL(answered());
    ck_assert_uint_eq(k.status, 431);
    close(k.fd);
    door_down();
}
END_TEST

/* "Not HTTP" of a head that is only too large sends its author looking in the wrong place. */
START_TEST(says_what_is_wrong_with_a_head)
{
    static const struct {
        const char *sent, *code, *reason;
        unsigned status;
    } wrong[] = {
        {"GET / HTTP/1.1\nHost: a\n\n", "bad_request", "(line ends in a bare LF)", 400},
        {"GET / HTTP/1.1\r\n\r\n", "bad_request", "(missing Host)", 400},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "bad_version", "HTTP/1.1", 505},
        {"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n", "unknown_expectation", "100-continue", 417},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "not_implemented", "coding", 501},
    };
    char code[60];
    door_up();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        dial();
        say(wrong[i].sent);
        expect(wrong[i].status);
        snprintf(code, sizeof code, "\"code\":\"%s\"", wrong[i].code);
        ck_assert_msg(said(code) && said(wrong[i].reason), "%s", k.in);
        close(k.fd);
    }
    static char big[20000];
    memset(big, 'a', sizeof big);
    memcpy(big, "GET / HTTP/1.1\r\nX: ", 19);
    dial();
    put(big, sizeof big);
    expect(431);
    ck_assert(said("\"code\":\"head_too_large\"") && said("Kepala permintaan terlalu besar. (head too large)"));
    close(k.fd);
    memcpy(big, "GET /aaaaaaaaaaaaaa", 19);
    dial();
    put(big, sizeof big);
    expect(414);
    ck_assert(said("\"code\":\"target_too_long\""));
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(reads_an_unwanted_body_away_and_goes_on)
{
    door_up();
    dial();
    say("POST /v1/checkins HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    expect(401);
    ck_assert(said("missing_token") && said("WWW-Authenticate: Bearer") && !said("Connection: close"));
    next_answer();
    char body[1000];
    memset(body, 'G', sizeof body);
    put(body, 400);
    turns(5);
    put(body, 600);
    say(IGNORED);
    expect(200);
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(says_continue_only_to_those_it_will_hear)
{
    door_up();
    dial();
    say(OWNTRACKS_HEAD "Content-Length: 18\r\nExpect: 100-continue\r\n\r\n");
    UNTIL((receive(), k.len == 25));
    ck_assert_str_eq(k.in, "HTTP/1.1 100 Continue\r\n\r\n");
    k.used = k.len;
    next_answer();
    say(STATUS_BODY);
    expect(200);
    close(k.fd);
    dial();
    say("POST /v1/checkins HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\nExpect: 100-continue\r\n\r\n");
    expect(401);
    ck_assert(said("Connection: close"));
    UNTIL(ended());
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(limits_bodies_by_route)
{
    door_up();
    int64_t before = counter_total(C_REFUSE_TOO_LARGE);
    dial();
    say("POST /v1/checkins HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " TOKEN_NATIVE
        "\r\nContent-Length: 600000\r\n\r\n");
    expect(413);
    ck_assert(said("too_large"));
    UNTIL(ended());
    close(k.fd);
    /* A phone would send it for ever: delivered, counted, and the rest of it read away so that the answer arrives. */
    dial();
    say(OWNTRACKS_HEAD "Content-Length: 600000\r\n\r\n");
    static char junk[600000];
    memset(junk, ' ', sizeof junk);
    put(junk, sizeof junk);
    expect(200);
    ck_assert(k.body_len == 2 && said("Connection: close"));
    close(k.fd);
    dial();
    say("POST /in/owntracks HTTP/1.1\r\nHost: a\r\nAuthorization: Basic " BASIC_NOBODY
        "\r\nContent-Length: 600000\r\n\r\n");
    expect(401);
    close(k.fd);
    dial();
    say("POST /in/osmand?id=" TOKEN_OSMAND " HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n");
    expect(200);
    close(k.fd);
    dial();
    say("POST /in/osmand HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n");
    expect(413);
    close(k.fd);
    /* Chunks do not say how many they are: the limit is met on the way. */
    dial();
    say("POST /v1/checkins HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " TOKEN_NATIVE
        "\r\nTransfer-Encoding: chunked\r\n\r\n927C0\r\n");
    put(junk, sizeof junk);
    expect(413);
    close(k.fd);
    ck_assert_int_eq(counter_total(C_REFUSE_TOO_LARGE), before + 5);
    door_down();
}
END_TEST

/* A 413 is a 4xx: of a device that our directory may not know yet it would block the phone's queue. */
START_TEST(says_413_only_of_what_is_surely_unknown)
{
    static const char stranger[] = "POST /in/osmand?id=" TOKEN_NOBODY " HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n";
    door_up();
    dial();
    say(stranger);
    expect(413);
    close(k.fd);
    confirm_directory(false);
    dial();
    say(stranger);
    expect(503);
    ck_assert(said("Retry-After: "));
    close(k.fd);
    dial();
    say("POST /in/whatsapp HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: sha256=00\r\nContent-Length: 4000000\r\n\r\n");
    expect(413);
    ck_assert(k.body_len == 0 && !said("problem+json")); /* /in/ speaks in bare statuses */
    close(k.fd);
    door_down();
}
END_TEST

static bool one_is_told(const int *fds, size_t count, const char *what)
{
    char line[64];
    for (size_t i = 0; i < count; i++)
        if (recv(fds[i], line, strlen(what), MSG_PEEK) == (ssize_t)strlen(what) && memcmp(line, what, strlen(what)) == 0)
            return true;
    return false;
}

/* Bodies that anybody may send wait in a room of their own: when that is full, those with a token are still served. */
START_TEST(strangers_bodies_do_not_take_the_room_of_the_known)
{
    enum { MANY = 44 }; /* of just under 3 MB, in buffers that grow by doubling: over 128 MB */
    static char junk[(3u << 20) - 10];
    int fds[MANY];
    memset(junk, ' ', sizeof junk);
    door_up();
    for (int i = 0; i < MANY; i++) {
        dial();
        say("POST /in/whatsapp HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: sha256=00\r\nContent-Length: 3145728\r\n\r\n");
        put(junk, sizeof junk);
        fds[i] = k.fd;
    }
    UNTIL(one_is_told(fds, MANY, "HTTP/1.1 503 "));
    exchange(200, "POST /in/owntracks HTTP/1.1\r\nAuthorization: Basic " BASIC_OWNTRACKS, STATUS_BODY);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    UNTIL(http_server_open(f.door->http) == 0);
    exchange(403, "POST /in/whatsapp HTTP/1.1\r\nX-Hub-Signature-256: sha256=00", "{}"); /* there is room again */
    door_down();
}
END_TEST

static int64_t timeouts(void)
{
    return counter_total(C_TIMEOUT_HEAD) * 100 + counter_total(C_TIMEOUT_BODY) * 10 + counter_total(C_TIMEOUT_IDLE);
}

START_TEST(ends_what_takes_too_long)
{
    door_up();
    int64_t before = timeouts();
    f.conf.head_timeout_ms = 30;
    dial(); /* says nothing */
    UNTIL(ended());
    ck_assert_uint_eq(k.len, 0);
    close(k.fd);
    dial();
    say("GET / HT"); /* half a head: closed without a status that could cost a phone its message */
    UNTIL(ended());
    ck_assert_uint_eq(k.len, 0);
    close(k.fd);
    f.conf.head_timeout_ms = PATIENCE_MS;
    f.conf.body_timeout_ms = 30;
    dial();
    say("POST /v1/checkins HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " TOKEN_NATIVE "\r\nContent-Length: 9\r\n\r\nxx");
    expect(408);
    UNTIL(ended());
    close(k.fd);
    dial();
    say(OWNTRACKS_HEAD "Content-Length: 18\r\n\r\n{");
    expect(503);
    ck_assert(said("Retry-After: "));
    UNTIL(ended());
    close(k.fd);
    f.conf.body_timeout_ms = PATIENCE_MS;
    f.conf.idle_timeout_ms = 30;
    dial();
    say(IGNORED);
    expect(200);
    UNTIL(ended());
    close(k.fd);
    ck_assert_int_eq(timeouts(), before + 122); /* one in the head, two in bodies, two idle */
    f.conf.head_timeout_ms = 400;
    f.conf.idle_timeout_ms = 500; /* its timer was set for the head */
    dial();
    say(IGNORED);
    expect(200);
    UNTIL(ended());
    close(k.fd);
    ck_assert_int_eq(timeouts(), before + 123);
    door_down();
}
END_TEST

START_TEST(bounds_a_request_as_a_whole)
{
    door_up();
    f.conf.request_timeout_ms = 60;
    dial();
    say(OWNTRACKS_HEAD "Content-Length: 18\r\n\r\n{"); /* body and head deadlines are far away */
    expect(503);
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(speaks_to_http_1_0)
{
    door_up();
    dial();
    say("GET /tidak HTTP/1.0\r\n\r\n");
    expect(404);
    UNTIL(ended());
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(notices_a_client_that_leaves)
{
    door_up();
    f.mood = LEDGER_HOLDS;
    int64_t before = counter_total(C_CONN_GONE);
    dial();
    say("GET /in/osmand?id=" TOKEN_OSMAND "&lat=-2.5&lon=120.3&timestamp=1924992000 HTTP/1.1\r\nHost: a\r\n\r\nGET /");
    UNTIL(f.batch_count == 1);
    ck_assert_uint_eq(pending_set_count(f.door->pending), 1);
    close(k.fd);
    UNTIL(counter_total(C_CONN_GONE) == before + 1);
    ck_assert_uint_eq(pending_set_count(f.door->pending), 0);
    ledger_answer(&f.batches[0], LEDGER_ACCEPTS); /* to nobody */
    turns(5);
    door_down();
}
END_TEST

/* Takes the answers that are there; returns how many came since `so_far` was 0. */
static size_t take_answers(size_t *so_far)
{
    while (answered()) {
        ck_assert_uint_eq(k.status, 200);
        next_answer();
        ++*so_far;
    }
    return *so_far;
}

/* More pipelined requests than the connection keeps wait in the kernel while the first is handled. */
START_TEST(lets_a_long_pipeline_wait)
{
    door_up();
    f.mood = LEDGER_HOLDS;
    dial();
    say("GET /in/osmand?id=" TOKEN_OSMAND "&lat=-2.5&lon=120.3&timestamp=1924992000 HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(f.batch_count == 1);
    for (int i = 0; i < 1000; i++)
        say(IGNORED);
    turns(5);
    size_t answers = 0;
    ck_assert_uint_eq(take_answers(&answers), 0);
    ck_assert(!k.over);
    ledger_answer(&f.batches[0], LEDGER_ACCEPTS);
    UNTIL(take_answers(&answers) == 1001);
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(drains)
{
    door_up();
    f.mood = LEDGER_HOLDS;
    dial();
    int idle = k.fd;
    say(IGNORED);
    expect(200);
    dial();
    say("GET /in/osmand?id=" TOKEN_OSMAND "&lat=-2.5&lon=120.3&timestamp=1924992000 HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(f.batch_count == 1);
    door_message(f.door, MSG_DRAIN, NULL, 0, -1);
    ck_assert(!door_is_done(f.door));
    int busy = k.fd;
    k.fd = idle;
    UNTIL(ended());
    close(idle);
    k.fd = busy;
    k.over = false;
    k.len = 0;
    turns(10);
    ck_assert(!ended());
    ledger_answer(&f.batches[0], LEDGER_ACCEPTS);
    expect(200);
    ck_assert(said("Connection: close"));
    UNTIL(ended());
    close(k.fd);
    UNTIL(door_is_done(f.door));
    door_down();
}
END_TEST

UNIT_MAIN("door/http", serves_one_request_after_another, does_not_care_where_the_network_cuts, every_answer_is_dated,
          takes_no_credential_that_is_said_twice, tells_unknown_paths_and_methods,
          answers_a_malformed_request_and_closes, says_what_is_wrong_with_a_head,
          reads_an_unwanted_body_away_and_goes_on, says_continue_only_to_those_it_will_hear, limits_bodies_by_route,
          says_413_only_of_what_is_surely_unknown, strangers_bodies_do_not_take_the_room_of_the_known,
          ends_what_takes_too_long, bounds_a_request_as_a_whole, speaks_to_http_1_0, notices_a_client_that_leaves,
          lets_a_long_pipeline_wait, drains)
