/* The HTTP state machine against a loopback client: framing, keep-alive, pipelines, limits, deadlines, draining. */
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

START_TEST(ends_what_takes_too_long)
{
    door_up();
    int64_t before = counter_total(C_CONN_TIMEOUT);
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
    ck_assert_int_eq(counter_total(C_CONN_TIMEOUT), before + 5);
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

UNIT_MAIN("door/http", serves_one_request_after_another, does_not_care_where_the_network_cuts,
          tells_unknown_paths_and_methods, answers_a_malformed_request_and_closes,
          reads_an_unwanted_body_away_and_goes_on, says_continue_only_to_those_it_will_hear, limits_bodies_by_route,
          ends_what_takes_too_long, bounds_a_request_as_a_whole, speaks_to_http_1_0, notices_a_client_that_leaves,
          lets_a_long_pipeline_wait, drains)
