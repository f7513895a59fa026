/* Limits on requests: whose they are, what each client is told, and that one phone's noise is not its office's.
 *
 * While a test runs its buckets fill again: counted is how many pass before the first refusal, at least. */
#include "test_door_fixture.h"

#define SECRETLESS "POST /in/whatsapp HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: sha256=00\r\nContent-Length: 2\r\n\r\n{}"
#define ME(token) "GET /v1/me?x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " token "\r\n\r\n"
#define TRACK(basic)                                                                                                 \
    "POST /in/owntracks HTTP/1.1\r\nHost: a\r\nAuthorization: Basic " basic                                          \
    "\r\nContent-Length: 18\r\n\r\n{\"_type\":\"status\"}"
#define OSMAND(token) "GET /in/osmand?id=" token " HTTP/1.1\r\nHost: a\r\n\r\n"
#define WHILE_IT_FILLS 100000

static void ready_for_next(void)
{
    if (said("Connection: close")) {
        close(k.fd);
        dial();
    } else {
        next_answer();
    }
}

static unsigned ask(const char *request)
{
    say(request);
    UNTIL(answered());
    unsigned status = k.status;
    ready_for_next();
    return status;
}

/* How many pass with `good` before the first that is refused, with `limited` and a Retry-After. */
static int before_refusal(const char *request, unsigned good, unsigned limited)
{
    for (int n = 0; n < WHILE_IT_FILLS; n++) {
        say(request);
        UNTIL(answered());
        unsigned status = k.status;
        ck_assert_uint_eq(status, status == good ? good : limited);
        ck_assert(status == good || said("Retry-After: 5\r\n"));
        ck_assert(status != 429 || said("\"code\":\"too_many_requests\""));
        ready_for_next();
        if (status == limited)
            return n;
    }
    return WHILE_IT_FILLS;
}

START_TEST(one_token_is_limited_before_its_address)
{
    door_up();
    f.conf.rate_token = 1;    /* sixty at once */
    f.conf.rate_address = 20; /* two hundred at once */
    int64_t token = counter_total(C_LIMIT_TOKEN);
    int64_t address = counter_total(C_LIMIT_ADDRESS);
    dial();
    int passed = before_refusal(ME(TOKEN_NATIVE), 400, 429); /* the parameter is none */
    ck_assert_int_ge(passed, 60);
    ck_assert_int_lt(passed, WHILE_IT_FILLS);
    for (int i = 0; i < 1000; i++)
        ask(ME(TOKEN_NATIVE));
    ck_assert_int_ge(counter_total(C_LIMIT_TOKEN), token + 1);
    for (int i = 0; i < 30; i++) {
        ck_assert_uint_eq(ask(ME(TOKEN_ACCESS)), 400);
        ck_assert_uint_eq(ask(TRACK(BASIC_OWNTRACKS)), 200);
    }
    ck_assert_int_eq(counter_total(C_LIMIT_ADDRESS), address);
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(foreign_apps_are_told_to_come_again)
{
    door_up();
    f.conf.rate_token = 1;
    dial();
    int owntracks = before_refusal(TRACK(BASIC_OWNTRACKS), 200, 503);
    int osmand = before_refusal("GET /in/osmand?id=" TOKEN_OSMAND "&lat=99 HTTP/1.1\r\nHost: a\r\n\r\n", 200, 503);
    ck_assert(owntracks >= 60 && owntracks < WHILE_IT_FILLS);
    ck_assert(osmand >= 60 && osmand < WHILE_IT_FILLS);
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(an_address_is_limited_and_another_is_not)
{
    door_up();
    f.conf.rate_address = 2; /* twenty at once, over all tokens */
    int64_t before = counter_total(C_LIMIT_ADDRESS);
    dial();
    for (int i = 0; i < 10; i++)
        ck_assert_uint_eq(ask(ME(TOKEN_NATIVE)), 400);
    int more = before_refusal(TRACK(BASIC_OWNTRACKS), 200, 503);
    ck_assert(more >= 10 && more < WHILE_IT_FILLS);
    ck_assert_int_eq(counter_total(C_LIMIT_ADDRESS), before + 1);
    close(k.fd);
    dial_from(9);
    ck_assert_uint_eq(ask(ME(TOKEN_NATIVE)), 400);
    close(k.fd);
    door_down();
}
END_TEST

/* Strangers, and who may not, use up their own: behind their address whoever is known goes on. */
START_TEST(strangers_do_not_take_what_the_known_may_ask)
{
    static const struct { const char *request; unsigned refused, limited; } strangers[] = {
        {ME(TOKEN_NOBODY), 401, 429},         {ME(TOKEN_REVOKED), 401, 429},
        {TRACK(BASIC_NOBODY), 401, 503},      {OSMAND(TOKEN_NOBODY), 400, 503},
        {SECRETLESS, 403, 503},               {"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404, 429},
        {"GET /v1/units/A/presence HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " TOKEN_NATIVE "\r\n\r\n", 403, 429},
        {"PUT /v1/me HTTP/1.1\r\nHost: a\r\n\r\n", 405, 429},  {"GET / HTTP/1.1\nHost: a\r\n\r\n", 400, 429},
    };
    door_up();
    f.conf.rate_failures = 1; /* sixty at once */
    f.conf.rate_address = 3;  /* thirty at once */
    int64_t limited = counter_total(C_LIMIT_FAILURES);
    dial();
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        int n = before_refusal(strangers[i].request, strangers[i].refused, strangers[i].limited);
        ck_assert_int_lt(n, WHILE_IT_FILLS);
        ck_assert(i > 0 || n >= 60);
    }
    ck_assert_int_eq(counter_total(C_LIMIT_FAILURES), limited + 9);
    for (int i = 0; i < 30; i++)
        ck_assert_uint_eq(ask(ME(TOKEN_NATIVE)), 400);
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(all_together_are_limited)
{
    door_up();
    f.conf.rate_all = 5; /* ten at once */
    int64_t before = counter_total(C_LIMIT_ALL);
    dial();
    for (int i = 0; i < 5; i++)
        ck_assert_uint_eq(ask(ME(TOKEN_NATIVE)), 400);
    close(k.fd);
    dial_from(9);
    int more = before_refusal(TRACK(BASIC_OWNTRACKS), 200, 503);
    ck_assert(more >= 5 && more < WHILE_IT_FILLS);
    ck_assert_int_eq(counter_total(C_LIMIT_ALL), before + 1);
    close(k.fd);
    door_down();
}
END_TEST

UNIT_MAIN("door/throttle", one_token_is_limited_before_its_address, foreign_apps_are_told_to_come_again,
          an_address_is_limited_and_another_is_not, strangers_do_not_take_what_the_known_may_ask, all_together_are_limited)
