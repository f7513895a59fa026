/* What each client is told, by its own terms: status codes decide whether a phone's queue goes on, stops, or loses. */
#include "test_door_fixture.h"

#define NATIVE "POST /v1/checkins HTTP/1.1\r\nAuthorization: Bearer " TOKEN_NATIVE
#define OWNTRACKS "POST /in/owntracks HTTP/1.1\r\nAuthorization: Basic " BASIC_OWNTRACKS
#define UUID1 "0b7e6a52-7d3e-4f0a-9a51-1f6f1a8f0001"
#define UUID2 "0b7e6a52-7d3e-4f0a-9a51-1f6f1a8f0002"
#define ITEM(uuid) "{\"id\":\"" uuid "\",\"taken_at\":\"" NOW_TEXT "\",\"sent_at\":\"" NOW_TEXT                    \
                   "\",\"lat\":-2.5,\"lon\":120.3,\"accuracy_m\":8}"
#define BAD_ITEM(uuid) "{\"id\":\"" uuid "\",\"taken_at\":\"" NOW_TEXT "\",\"lat\":-95,\"lon\":120.3}"
#define LOCATION "{\"_type\":\"location\",\"lat\":-2.5,\"lon\":120.3,\"tst\":1924992000,\"tid\":\"a\",\"t\":\"u\",\"acc\":9}"
#define LATER "{\"_type\":\"location\",\"lat\":-2.5,\"lon\":120.3,\"tst\":1924984800,\"tid\":\"a\",\"t\":\"p\",\"acc\":9}"
#define OSMAND_QUERY "&lat=-2.5&lon=120.3&timestamp=1924992000&accuracy=9"
#define OSMAND_JSON(id) "{\"device_id\":\"" id "\",\"location\":{\"timestamp\":\"" NOW_TEXT                         \
                        "\",\"coords\":{\"latitude\":-2.5,\"longitude\":120.3,\"accuracy\":9,\"speed\":0,"          \
                        "\"heading\":0,\"altitude\":5}}}"

static int count(const char *text)
{
    int n = 0;
    for (const char *at = k.in; (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

static unsigned unfit; /* so many facts cannot be written: memory is short */
bool __real_fact_encode(const struct fact *fact, struct buf *out);
bool __wrap_fact_encode(const struct fact *fact, struct buf *out);
bool __wrap_fact_encode(const struct fact *fact, struct buf *out)
{
    if (unfit == 0)
        return __real_fact_encode(fact, out);
    unfit--;
    return false;
}

START_TEST(a_good_one_that_memory_is_short_of_shall_come_again)
{
    static const char *const bodies[] = {ITEM(UUID1), "[" ITEM(UUID1) "]", "[" ITEM(UUID1) "," ITEM(UUID2) "]",
                                         "[" BAD_ITEM(UUID1) "," ITEM(UUID2) "]"};
    door_up();
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        unfit = 1;
        exchange(503, NATIVE, bodies[i]);
        ck_assert(said("Retry-After: "));
    }
    unfit = 1;
    exchange(503, OWNTRACKS, LOCATION);
    ck_assert_uint_eq(f.batch_count, 0);
    exchange(200, NATIVE, ITEM(UUID1));
    door_down();
}
END_TEST

START_TEST(native_tells_the_verdict_and_the_receipt)
{
    door_up();
    int64_t before = counter_total(C_ACK_NEW);
    exchange(200, NATIVE, ITEM(UUID1));
    struct fact fact = fact_sent(0, 0, BATCH_CHECKIN);
    char id[40];
    char salt[60];
    encode_uuid(id, fact.id);
    ck_assert(said("\"id\":\"" UUID1 "\"") && said(id) && said("\"status\":\"accepted\""));
    ck_assert(said("\"verdict\":\"on_time\"") && said("\"session\":\"pagi\"") && said("\"place\":\"WFO\""));
    ck_assert(said("\"relation\":\"inside\"") && said("\"fence\":\"Kantor Uji\"") && said("\"receipt\":{\"v\":1}"));
    ck_assert(said("\"received_at\":\"" NOW_TEXT "\"") && said("\"late_minutes\":0"));
    ck_assert(said(encode_hex(salt, sizeof salt, fact.salt, 16)));
    ck_assert(k.body[0] == '{');
    ck_assert(fact.government == 1 && fact.person == 100 && fact.device == 7 && fact.received_us == NOW_US);
    uint8_t uuid[16];
    ck_assert(decode_uuid(UUID1, 36, uuid));
    ck_assert_mem_eq(fact.key, uuid, 16);
    ck_assert_int_eq(counter_total(C_ACK_NEW), before + 1);
    door_down();
}
END_TEST

START_TEST(native_gives_every_item_of_an_array_its_own_answer)
{
    door_up();
    exchange(200, NATIVE, "[" ITEM(UUID1) "," BAD_ITEM(UUID2) "," ITEM(UUID2) "]");
    ck_assert_int_eq(count("\"status\":\"accepted\""), 2);
    ck_assert_int_eq(count("\"status\":\"refused\""), 1);
    ck_assert(said("\"code\":\"out_of_range\"") && said("\"field\":\"1/lat\"") && k.body[0] == '[');
    ck_assert_uint_eq(f.batch_count, 1);
    ck_assert_uint_eq(f.batches[0].payload.data[0], 2); /* the bad one never went out */
    exchange(200, NATIVE, "[" BAD_ITEM(UUID1) "]");
    ck_assert_int_eq(count("\"status\":\"refused\""), 1);
    ck_assert_uint_eq(f.batch_count, 1);
    door_down();
}
END_TEST

START_TEST(native_says_what_is_wrong)
{
    static const struct {
        const char *body, *code;
    } wrong[] = {{"{", "not_json"},
                 {"", "not_json"},
                 {BAD_ITEM(UUID1), "out_of_range"},
                 {"{\"id\":\"" UUID1 "\",\"taken_at\":\"2031-01-01T00:00:00\",\"lat\":-2.5,\"lon\":120.3}",
                  "time_without_zone"},
                 {"{\"id\":\"" UUID1 "\",\"taken_at\":\"" NOW_TEXT "\",\"lat\":0,\"lon\":0}", "both_zero"},
                 {"{\"id\":\"" UUID1 "\",\"taken_at\":\"" NOW_TEXT "\",\"lat\":-2.5,\"lon\":120.3,\"x\":1}",
                  "unknown_member"},
                 {"{\"id\":\"" UUID1 "\",\"taken_at\":\"2030-10-01T00:00:00Z\",\"lat\":-2.5,\"lon\":120.3}",
                  "time_out_of_range"}};
    door_up();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char code[60];
        snprintf(code, sizeof code, "\"code\":\"%s\"", wrong[i].code);
        exchange(400, NATIVE, wrong[i].body);
        ck_assert_msg(said(code) && said("application/problem+json"), "%s: %s", wrong[i].code, k.in);
    }
    exchange(400, NATIVE "\r\nAccept-Language: en", BAD_ITEM(UUID1));
    ck_assert(said("is out of range") && said("\"field\":\"lat\""));
    ck_assert_uint_eq(f.batch_count, 0);
    door_down();
}
END_TEST

START_TEST(native_takes_no_packed_body)
{
    door_up();
    exchange(415, NATIVE "\r\nContent-Encoding: gzip\r\nAccept-Language: en", "\x1f\x8b");
    ck_assert(said("\"code\":\"unknown_encoding\"") && said("\"field\":\"Content-Encoding\""));
    ck_assert(said("Accept-Encoding: identity\r\n") && said("without Content-Encoding"));
    door_down();
}
END_TEST

START_TEST(native_refuses_by_token)
{
    static const struct {
        const char *token, *code;
        unsigned status;
    } wrong[] = {{TOKEN_NOBODY, "unknown_token", 401},
                 {TOKEN_REVOKED, "revoked", 401},
                 {TOKEN_OWNTRACKS, "wrong_channel", 401},
                 {TOKEN_ACCESS, "forbidden", 403}};
    door_up();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char head[200];
        char code[60];
        snprintf(head, sizeof head, "POST /v1/checkins HTTP/1.1\r\nAuthorization: Bearer %s", wrong[i].token);
        snprintf(code, sizeof code, "\"code\":\"%s\"", wrong[i].code);
        exchange(wrong[i].status, head, ITEM(UUID1));
        ck_assert_msg(said(code), "%s", k.in);
    }
    exchange(401, "POST /v1/checkins HTTP/1.1", ITEM(UUID1));
    confirm_directory(false);
    exchange(503, "POST /v1/checkins HTTP/1.1\r\nAuthorization: Bearer " TOKEN_NOBODY, ITEM(UUID1));
    ck_assert(said("Retry-After: "));
    exchange(200, NATIVE, ITEM(UUID1)); /* a yes needs no confirmation */
    confirm_directory(true);
    counters_cells()->directory_number = 2; /* a newer one is on its way to us */
    exchange(503, "POST /v1/checkins HTTP/1.1\r\nAuthorization: Bearer " TOKEN_NOBODY, ITEM(UUID1));
    ck_assert_uint_eq(f.batch_count, 1);
    door_down();
}
END_TEST

START_TEST(native_repeats_and_conflicts)
{
    door_up();
    f.mood = LEDGER_DUPLICATE;
    exchange(200, NATIVE, ITEM(UUID1));
    ck_assert(said("\"status\":\"duplicate\"") && said("\"verdict\":\"on_time\"") && said("\"receipt\":{\"v\":1}"));
    f.mood = LEDGER_CONFLICT;
    exchange(409, NATIVE, ITEM(UUID1));
    ck_assert(said("\"code\":\"conflict\"") && said("\"field\":\"id\""));
    exchange(200, NATIVE, "[" ITEM(UUID1) "]");
    ck_assert(said("\"status\":\"conflict\"") && !said("\"receipt\""));
    door_down();
}
END_TEST

START_TEST(no_room_is_said_before_the_body)
{
    door_up();
    counters_cells()->spool_full = 1;
    int64_t before = counter_total(C_BUSY_SPOOL);
    static const char *const heads[] = {NATIVE, OWNTRACKS, "POST /in/osmand HTTP/1.1",
                                        "POST /in/whatsapp HTTP/1.1\r\nX-Hub-Signature-256: sha256=00"};
    for (size_t i = 0; i < 4; i++) {
        char head[300];
        snprintf(head, sizeof head, "%s\r\nHost: a\r\nContent-Length: 50000\r\n\r\n", heads[i]);
        dial();
        say(head);
        expect(503);
        ck_assert(said("Retry-After: "));
        close(k.fd);
    }
    ck_assert_int_eq(counter_total(C_BUSY_SPOOL), before + 4);
    door_down();
}
END_TEST

START_TEST(the_ledgers_refusals_are_503)
{
    static const enum ledger_mood moods[] = {LEDGER_BUSY, LEDGER_FULL, LEDGER_NONSENSE};
    door_up();
    for (size_t i = 0; i < 3; i++) {
        f.mood = moods[i];
        exchange(503, NATIVE, ITEM(UUID1));
        ck_assert(moods[i] == LEDGER_NONSENSE ? said("Retry-After: 5\r\n") : said("Retry-After: 7\r\n"));
        exchange(503, OWNTRACKS, LOCATION);
        ck_assert_uint_eq(k.body_len, 0);
    }
    door_down();
}
END_TEST

START_TEST(a_ledger_that_died_gets_the_same_bytes_again)
{
    door_up();
    f.mood = LEDGER_HOLDS;
    dial();
    say(NATIVE "\r\nHost: a\r\nContent-Length: ");
    char length[80];
    snprintf(length, sizeof length, "%zu\r\n\r\n", strlen(ITEM(UUID1)));
    say(length);
    say(ITEM(UUID1));
    UNTIL(f.batch_count == 1);
    ledger_dies();
    turns(5);
    ck_assert_uint_eq(pending_set_count(f.door->pending), 1);
    f.mood = LEDGER_ACCEPTS;
    ledger_up();
    expect(200);
    ck_assert_uint_eq(f.batch_count, 2);
    ck_assert_uint_eq(f.batches[0].payload.len, f.batches[1].payload.len);
    ck_assert_mem_eq(f.batches[0].payload.data, f.batches[1].payload.data, f.batches[0].payload.len);
    ck_assert_uint_eq(pending_set_count(f.door->pending), 0);
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(waits_for_a_ledger_that_is_away)
{
    door_up();
    ledger_dies();
    turns(5);
    dial();
    say("GET /in/osmand?id=" TOKEN_OSMAND OSMAND_QUERY " HTTP/1.1\r\nHost: a\r\n\r\n");
    UNTIL(pending_set_count(f.door->pending) == 1);
    ledger_up();
    expect(200);
    close(k.fd);
    door_down();
}
END_TEST

START_TEST(says_503_at_the_deadline)
{
    door_up();
    f.mood = LEDGER_HOLDS;
    f.conf.request_timeout_ms = 40;
    int64_t before = counter_total(C_BUSY_DEADLINE);
    exchange(503, NATIVE, ITEM(UUID1));
    ck_assert(said("Retry-After: "));
    exchange(503, OWNTRACKS, LOCATION);
    ck_assert_int_eq(counter_total(C_BUSY_DEADLINE), before + 2);
    ck_assert_uint_eq(pending_set_count(f.door->pending), 0);
    ledger_answer(&f.batches[0], LEDGER_ACCEPTS); /* too late, for nobody */
    turns(5);
    door_down();
}
END_TEST

START_TEST(owntracks_is_told_delivered_unless_it_is_our_trouble)
{
    static const char *const delivered[] = {"", "{\"_type\":\"status\"}", "{\"_type\":\"lwt\",\"tst\":1}", "{nonsense",
                                            "{\"_type\":\"location\",\"lat\":-95,\"lon\":1,\"tst\":1924992000}",
                                            "{\"_type\":\"location\",\"lat\":1e400,\"lon\":1,\"tst\":1924992000}", "[]"};
    door_up();
    exchange(200, OWNTRACKS, LOCATION);
    ck_assert(k.body_len == 2 && memcmp(k.body, "[]", 2) == 0);
    struct fact fact = fact_sent(0, 0, BATCH_CHECKIN);
    ck_assert(fact.device == 8 && fact.channel == CHANNEL_OWNTRACKS && !fact.automatic);
    for (size_t i = 0; i < sizeof delivered / sizeof delivered[0]; i++) {
        exchange(200, OWNTRACKS, delivered[i]);
        ck_assert(k.body_len == 2 && memcmp(k.body, "[]", 2) == 0);
    }
    ck_assert_uint_eq(f.batch_count, 1);
    f.mood = LEDGER_CONFLICT; /* one key, another body: 200 and a counter */
    exchange(200, OWNTRACKS, LOCATION);
    exchange(401, "POST /in/owntracks HTTP/1.1\r\nAuthorization: Basic " BASIC_NOBODY, LOCATION);
    exchange(401, "POST /in/owntracks HTTP/1.1\r\nAuthorization: Basic " BASIC_NATIVE, LOCATION);
    exchange(401, "POST /in/owntracks HTTP/1.1", LOCATION);
    confirm_directory(false);
    exchange(503, "POST /in/owntracks HTTP/1.1\r\nAuthorization: Basic " BASIC_NOBODY, LOCATION);
    exchange(503, "POST /in/owntracks HTTP/1.1", LOCATION);
    exchange(200, OWNTRACKS, LOCATION);
    door_down();
}
END_TEST

START_TEST(tracking_outside_the_intervals_is_not_kept)
{
    door_up();
    int64_t before = counter_total(C_DROP_OUTSIDE_INTERVAL);
    exchange(200, OWNTRACKS, LATER);
    ck_assert_uint_eq(f.batch_count, 0);
    ck_assert_int_eq(counter_total(C_DROP_OUTSIDE_INTERVAL), before + 1);
    exchange(200, "GET /in/osmand?id=" TOKEN_OSMAND "&lat=-2.5&lon=120.3&timestamp=1924984800 HTTP/1.1", "");
    ck_assert_uint_eq(f.batch_count, 0);
    exchange(200, "GET /in/osmand?id=" TOKEN_OSMAND OSMAND_QUERY " HTTP/1.1", "");
    ck_assert_uint_eq(f.batch_count, 1);
    ck_assert(fact_sent(0, 0, BATCH_CHECKIN).automatic);
    door_down();
}
END_TEST

START_TEST(osmand_answers_in_both_forms)
{
    door_up();
    exchange(200, "POST /in/osmand?id=" TOKEN_OSMAND OSMAND_QUERY " HTTP/1.1", "");
    ck_assert_uint_eq(k.body_len, 0);
    exchange(200, "POST /in/osmand HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded",
             "id=" TOKEN_OSMAND OSMAND_QUERY);
    exchange(200, "POST /in/osmand HTTP/1.1\r\nContent-Type: application/json", OSMAND_JSON(TOKEN_OSMAND));
    ck_assert_uint_eq(f.batch_count, 3);
    ck_assert_int_eq(fact_sent(2, 0, BATCH_CHECKIN).device, 9);
    exchange(200, "GET /in/osmand?id=" TOKEN_OSMAND "&lat=x&lon=120.3 HTTP/1.1", "");
    exchange(200, "POST /in/osmand HTTP/1.1\r\nContent-Type: application/json",
             "{\"device_id\":\"" TOKEN_OSMAND "\",\"location\":{\"timestamp\":\"" NOW_TEXT "\"}}");
    exchange(400, "GET /in/osmand?id=" TOKEN_NOBODY OSMAND_QUERY " HTTP/1.1", "");
    exchange(400, "GET /in/osmand?lat=-2.5&lon=120.3 HTTP/1.1", "");
    exchange(404, "POST /in/osmand HTTP/1.1\r\nContent-Type: application/json", OSMAND_JSON(TOKEN_NOBODY));
    exchange(404, "POST /in/osmand HTTP/1.1\r\nContent-Type: application/json", "{\"location\":{}}");
    /* unreadable, but of a phone of ours, which would repeat it for ever */
    exchange(200, "POST /in/osmand HTTP/1.1\r\nContent-Type: application/json", "{\"device_id\":\"" TOKEN_OSMAND "\",");
    exchange(200, "GET /in/osmand?a=%ff&id=" TOKEN_OSMAND OSMAND_QUERY " HTTP/1.1", "");
    exchange(404, "POST /in/osmand HTTP/1.1\r\nContent-Type: application/json", "{\"device_id\":\"" TOKEN_NOBODY "\",");
    confirm_directory(false);
    exchange(503, "GET /in/osmand?id=" TOKEN_NOBODY OSMAND_QUERY " HTTP/1.1", "");
    exchange(503, "POST /in/osmand HTTP/1.1\r\nContent-Type: application/json", OSMAND_JSON(TOKEN_NOBODY));
    ck_assert_uint_eq(f.batch_count, 3);
    door_down();
}
END_TEST

/* ---- WhatsApp ---- */

#define WA(business, content)                                                                                        \
    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\",\"changes\":[{\"field\":\"messages\","        \
    "\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":\"62\","                    \
    "\"phone_number_id\":\"" business "\"}," content "}}]}]}"
#define WA_PLACE(number, id)                                                                                         \
    "{\"from\":\"" number "\",\"id\":\"wamid." id "\",\"timestamp\":\"1924992000\",\"type\":\"location\","            \
    "\"location\":{\"latitude\":-2.5,\"longitude\":120.3}}"
#define EMPTY_SIGNED "sha256=f685db4c946698bf105ff5b62e30bc1f78216f3914b12bb750f8992aa6748824" /* of no bytes with SECRET */
#define WA_TEXT "{\"from\":\"" NUMBER "\",\"id\":\"wamid.t\",\"timestamp\":\"1924992000\",\"type\":\"text\","          \
                "\"text\":{\"body\":\"halo\"}}"
#define WA_STATUS "\"statuses\":[{\"id\":\"wamid.s\",\"status\":\"read\",\"timestamp\":\"1924992000\","                \
                  "\"recipient_id\":\"" NUMBER "\"}]"

static void webhook(unsigned status, const char *body)
{
    char head[300];
    char hex[65];
    uint8_t mac[32];
    digest_hmac_sha256(SECRET, strlen(SECRET), body, strlen(body), mac);
    snprintf(head, sizeof head, "POST /in/whatsapp HTTP/1.1\r\nX-Hub-Signature-256: sha256=%s",
             encode_hex(hex, sizeof hex, mac, 32));
    exchange(status, head, body);
}

START_TEST(whatsapp_shakes_hands)
{
    door_up();
    exchange(200, "GET /in/whatsapp?hub.mode=subscribe&hub.verify_token=" VERIFY "&hub.challenge=1158201444 HTTP/1.1", "");
    ck_assert(k.body_len == 10 && memcmp(k.body, "1158201444", 10) == 0 && said("text/plain"));
    exchange(403, "GET /in/whatsapp?hub.mode=subscribe&hub.verify_token=x&hub.challenge=1 HTTP/1.1", "");
    exchange(403, "GET /in/whatsapp HTTP/1.1", "");
    f.door->whatsapp_app_secret = NULL;
    exchange(404, "GET /in/whatsapp?hub.mode=subscribe&hub.verify_token=" VERIFY "&hub.challenge=1 HTTP/1.1", "");
    exchange(404, "POST /in/whatsapp HTTP/1.1\r\nX-Hub-Signature-256: sha256=00", "{}");
    door_down();
}
END_TEST

START_TEST(whatsapp_verifies_the_raw_bytes)
{
    door_up();
    exchange(401, "POST /in/whatsapp HTTP/1.1", WA(BUSINESS, "\"messages\":[" WA_PLACE(NUMBER, "1") "]"));
    ck_assert(said("WWW-Authenticate: "));
    exchange(403, "POST /in/whatsapp HTTP/1.1\r\nX-Hub-Signature-256: " EMPTY_SIGNED "\r\nX-Hub-Signature-256: x", "");
    exchange(403, "POST /in/whatsapp HTTP/1.1\r\nX-Hub-Signature-256: x\r\nx-hub-signature-256: " EMPTY_SIGNED, "");
    exchange(200, "POST /in/whatsapp HTTP/1.1\r\nX-Hub-Signature-256: " EMPTY_SIGNED, "");
    exchange(403, "POST /in/whatsapp HTTP/1.1\r\nX-Hub-Signature-256: sha256="
                  "0000000000000000000000000000000000000000000000000000000000000000",
             WA(BUSINESS, "\"messages\":[" WA_PLACE(NUMBER, "1") "]"));
    ck_assert_uint_eq(f.batch_count, 0);
    int64_t before = counter_total(C_REFUSE_MALFORMED);
    webhook(200, "{\"object\":");
    ck_assert_int_eq(counter_total(C_REFUSE_MALFORMED), before + 1);
    door_down();
}
END_TEST

START_TEST(whatsapp_sends_a_webhook_whole)
{
    door_up();
    int64_t texts = counter_total(C_DROP_TEXT_MESSAGE);
    int64_t strangers = counter_total(C_UNATTRIBUTED);
    int64_t events = counter_total(C_EVENT);
    webhook(200, WA(BUSINESS, "\"messages\":[" WA_PLACE(NUMBER, "1") "," WA_TEXT "," WA_PLACE("6289900000000", "2") ","
                              WA_PLACE(NUMBER_REVOKED, "3") "]," WA_STATUS));
    ck_assert_uint_eq(f.batch_count, 1);
    ck_assert_uint_eq(f.batches[0].payload.data[0], 3);
    struct fact known = fact_sent(0, 0, BATCH_CHECKIN);
    ck_assert(known.device == 11 && known.person == 100 && known.decided_by == TIME_MESSAGE && known.sender.len == 0);
    struct fact stranger = fact_sent(0, 1, BATCH_UNATTRIBUTED);
    ck_assert(stranger.device == 0 && stranger.person == 0 && stranger.government == 1);
    ck_assert(stranger.sender.len == 13 && memcmp(stranger.sender.s, "6289900000000", 13) == 0);
    ck_assert_ptr_nonnull(memmem(f.batches[0].payload.data, f.batches[0].payload.len, "\"kind\":\"status\"", 15));
    ck_assert_int_eq(counter_total(C_DROP_TEXT_MESSAGE), texts + 1);
    ck_assert_int_eq(counter_total(C_UNATTRIBUTED), strangers + 1);
    ck_assert_int_eq(counter_total(C_EVENT), events + 1);
    f.mood = LEDGER_FULL;
    webhook(503, WA(BUSINESS, "\"messages\":[" WA_PLACE(NUMBER, "4") "]"));
    door_down();
}
END_TEST

START_TEST(whatsapp_loses_nobody_to_an_old_directory)
{
    door_up();
    webhook(200, WA("999", "\"messages\":[" WA_PLACE(NUMBER, "1") "]"));
    ck_assert_uint_eq(f.batch_count, 0);
    confirm_directory(false);
    webhook(503, WA("999", "\"messages\":[" WA_PLACE(NUMBER, "1") "]"));
    webhook(200, WA(BUSINESS, "\"messages\":[" WA_PLACE("6289900000000", "2") "]"));
    ck_assert_uint_eq(f.batch_count, 1);
    (void)fact_sent(0, 0, BATCH_UNATTRIBUTED);
    webhook(200, WA(BUSINESS, "\"messages\":[" WA_TEXT "]"));
    ck_assert_uint_eq(f.batch_count, 1);
    directory_free(f.door->directory);
    f.door->directory = directory_new();
    webhook(503, WA(BUSINESS, "\"messages\":[" WA_PLACE(NUMBER, "3") "]"));
    door_down();
}
END_TEST

UNIT_MAIN("door/clients", a_good_one_that_memory_is_short_of_shall_come_again, native_tells_the_verdict_and_the_receipt,
          native_gives_every_item_of_an_array_its_own_answer, native_says_what_is_wrong, native_takes_no_packed_body,
          native_refuses_by_token, native_repeats_and_conflicts, no_room_is_said_before_the_body,
          the_ledgers_refusals_are_503, a_ledger_that_died_gets_the_same_bytes_again, waits_for_a_ledger_that_is_away,
          says_503_at_the_deadline, owntracks_is_told_delivered_unless_it_is_our_trouble,
          tracking_outside_the_intervals_is_not_kept, osmand_answers_in_both_forms, whatsapp_shakes_hands,
          whatsapp_verifies_the_raw_bytes, whatsapp_sends_a_webhook_whole, whatsapp_loses_nobody_to_an_old_directory)
