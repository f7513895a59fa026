/* A whole desk against a PostgreSQL with made-up api functions: answers, credit, cancelling, refusals, draining.
 *
 * The desk runs in a child; the test is its supervisor and its doors. */
#include "unit.h"
#include "cluster.h"

#include <signal.h>
#include <sys/prctl.h>

#include "channel.h"
#include "conf.h"
#include "counter.h"
#include "json.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "role.h"
#include "store.h"
#include "wall.h"

#define NOW_US (INT64_C(981158400) * US_PER_S) /* 2001-02-03T00:00:00Z: the desk's clock, and what its door says */

/* The actor decides what is seen, as row security does: "access:1" sees unit U, "device:7" itself. Unit BIG has many
 * people, unit SLOW takes its time, unit BAD fails. */
static const char API[] =
    "create role hadir_query login; create role hadir_operator login; create schema api;"
    "grant usage on schema api to hadir_query, hadir_operator;"
    "create function api.presence_head(u text, d date, n timestamptz, out unit_code text, out unit_name text,"
    " out government text, out zone text, out day date, out recorded_to timestamptz, out behind boolean)"
    " returns setof record language sql as $f$ select u, 'Unit ' || u, 'G', 'Asia/Makassar',"
    " coalesce(d, (n at time zone 'Asia/Makassar')::date), n - interval '1 hour', u = 'BEHIND'"
    " from (select case when u = 'SLOW' then pg_sleep(100) end) s"
    " where current_setting('hadir.actor', true) = 'access:1' and u <> 'HIDDEN' $f$;"
    "create type api.line as (nip text, name text, unit_code text, unit_name text, category text, expected_place text,"
    " session_code text, session_label text, state text, reason text, checkin_id uuid, decided_at text, late_minutes int,"
    " early_minutes int, place text, fence text, relation text, flags text, doubts text);"
    "create function api.presence(u text, d date, n timestamptz) returns setof api.line language sql as $f$"
    " select 'n' || i, case i when 1 then '=cmd' else 'Name \"' || i || '\"' end, u, 'Unit ' || u, 'PNS', 'WFO', s, s,"
    " case when i % 2 = 0 then 'late' else 'on_time' end, null, case when i % 2 = 0 then gen_random_uuid() end,"
    " d || 'T07:00:00+08:00', i % 60, 0, 'WFO', 'Kantor, induk', 'inside', 'mock,picked_place', 'mock,same_point'"
    " from generate_series(1, case u when 'BIG' then 5000 else 2 / sign(length(replace(u, 'BAD', '')))::int end) i, unnest(array['pagi','sore']) s"
    " union all select 'n9999999', 'Cuti', u, 'Unit ' || u, 'PNS', null, null, null, 'excused', 'leave', null, null, null, null,"
    " null, null, null, null, null order by 1, 7 $f$;"
    "create function api.mine(n timestamptz) returns setof api.line language sql as $f$"
    " select * from api.presence('U', n::date, n) where nip = 'n1' and current_setting('hadir.actor', true) = 'device:7' $f$;"
    "create table api.today (like api.line, day date, accept_from text, due text, accept_until text);"
    "create function api.me(n timestamptz) returns setof api.today language sql as $f$"
    " select l.*, date '2001-02-01', 'from', '2001-02-01T07:30:00+08:00', 'until' from api.mine(n) l $f$;"
    "create table api.past (like api.line, day date);"
    "create function api.my_attendance(m date, n timestamptz) returns setof api.past language sql as $f$ select l.*, m + i from api.mine(n) l, generate_series(0, 1) i $f$;"
    "create function api.checkin_status(i uuid) returns table (id uuid, state text, late_minutes int, flags text)"
    " language sql as $f$ select i, 'decided', 3, 'mock' where i <> '00000000-0000-0000-0000-000000000000' $f$;"
    "grant execute on all functions in schema api to hadir_query;"
    /* Functions of the rules: the body says what shall happen. */
    "create table public.kept (body jsonb); grant insert on public.kept to hadir_operator;"
    "create function api.letter_file(b jsonb, n timestamptz) returns jsonb language plpgsql as $f$ begin"
    " insert into public.kept values (b); perform pg_sleep((b ->> 'sleep')::float8);"
    " if b ? 'raise' then raise exception 'no' using errcode = b ->> 'raise'; end if;"
    " return coalesce(b -> 'say', jsonb_build_object('status', 201, 'letter', 7, 'who', session_user, 'now', n,"
    " 'actor', current_setting('hadir.actor'), 'language', current_setting('hadir.language'), 'body', b)); end $f$;"
    "create function api.letters(b jsonb, n timestamptz) returns jsonb language plpgsql as $f$ begin"
    " perform pg_sleep((b ->> 'sleep')::float8);"
    " return coalesce(b -> 'say', jsonb_build_object('status', 200, 'who', session_user, 'many',"
    " (select jsonb_agg(repeat('x', 1000)) from generate_series(1, (b ->> 'many')::int)))); end $f$;"
    "revoke execute on all functions in schema api from public;"
    "grant execute on function api.letter_file to hadir_operator; grant execute on function api.letters to hadir_query";

struct answer {
    unsigned heads, ends;
    uint16_t status;
    uint8_t broken;
    char type[64], code[64], detail[200];
    struct buf body;
    unsigned bodies;
    bool hold;          /* do not acknowledge */
};

static struct loop *loop;
static struct ipc_channel *control, *door;
static unsigned forged_told;
static bool hello, door_closed, control_closed;
static struct answer answers[8];
static pid_t child;
static struct conf conf;

static void take_text(struct reader *r, char *dst, size_t cap)
{
    size_t len;
    const uint8_t *s = reader_blob(r, &len);
    snprintf(dst, cap, "%.*s", (int)len, s == NULL ? "" : (const char *)s);
}

static void on_door(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct answer *a = &answers[id];
    struct reader r;
    (void)arg;
    ck_assert_int_eq(fd, -1);
    reader_init(&r, payload, len);
    ck_assert_uint_eq(a->ends, 0);
    if (type == MSG_ANSWER_HEAD) {
        a->heads++;
        a->status = reader_u16(&r);
        take_text(&r, a->type, sizeof a->type);
        take_text(&r, a->code, sizeof a->code);
        take_text(&r, a->detail, sizeof a->detail);
        ck_assert(reader_done(&r));
    } else if (type == MSG_ANSWER_BODY) {
        ck_assert_uint_eq(a->heads, 1);
        ck_assert_uint_le(len, 65536);
        a->bodies++;
        buf_add(&a->body, payload, len);
        /* A draining desk may have said the rest and closed by now; where it waits for this, a lost one shows. */
        if (!a->hold)
            (void)channel_send(door, MSG_ANSWER_MORE, id, NULL, 0, -1);
    } else {
        ck_assert_uint_eq(type, MSG_ANSWER_END);
        a->ends++;
        a->broken = payload[0];
    }
}

static void on_control(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    (void)arg;
    (void)id;
    (void)payload;
    (void)len;
    (void)fd;
    hello = hello || type == MSG_HELLO;
    forged_told += type == MSG_FORGED;
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

#define UNTIL(condition)                                                                                             \
    do {                                                                                                             \
        int64_t deadline = mono_now_ms() + 30000;                                                                    \
        while (!(condition) && mono_now_ms() < deadline)                                                             \
            loop_turn(loop, 20);                                                                                     \
        ck_assert(condition);                                                                                        \
    } while (0)

static void join_door(void)
{
    int fds[2];
    struct buf b;
    ck_assert_int_eq(channel_pair(fds), 0);
    buf_init(&b, 8);
    buf_u8(&b, ROLE_DOOR);
    buf_u32(&b, 5);
    ck_assert(channel_send(control, MSG_PEER, 0, b.data, b.len, fds[1]));
    close(fds[1]);
    buf_fini(&b);
    door_closed = false;
    door = channel_new(loop, fds[0], 1 << 20, on_door, on_closed, &door_closed);
}

static void begin(void)
{
    static bool made;
    int fds[2];
    cluster();
    if (made)
        counters_reset_gauges(1); /* of a test that failed */
    if (!made) {
        char error[200];
        struct store_error e = {0};
        struct session *s = session_open(conninfo, "postgres", error, sizeof error);
        ck_assert_ptr_nonnull(s);
        ck_assert_msg(session_script(s, API, &e), "%s", e.message);
        session_close(s);
        counters_map();
        log_set_level(LOG_LEVEL_ERROR);
        made = true;
    }
    conf.database = conninfo;
    hello = control_closed = false;
    for (size_t i = 0; i < 8; i++) {
        memset(&answers[i], 0, sizeof answers[i]);
        buf_init(&answers[i].body, (size_t)64 << 20);
    }
    ck_assert_int_eq(channel_pair(fds), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing running */
        close(fds[0]);
        counters_set_slot(1);
        wall_fake(NOW_US);
        _exit(desk_main(&(struct role_env){.conf = &conf, .control_fd = fds[1], .listen_fd = -1}));
    }
    close(fds[1]);
    loop = loop_new();
    control = channel_new(loop, fds[0], 1 << 20, on_control, on_closed, &control_closed);
    join_door();
    UNTIL(hello && counter_total(G_DB_DESK) == 1 && counter_total(G_DB_OPERATOR) == 1);
}

/* Ends the desk as the supervisor does and gives its exit status. */
static int end(void)
{
    int status = -1;
    if (!control_closed)
        channel_send(control, MSG_DRAIN, 0, NULL, 0, -1);
    UNTIL(control_closed);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    channel_free(door);
    channel_free(control);
    loop_free(loop);
    for (size_t i = 0; i < 8; i++)
        buf_fini(&answers[i].body);
    counters_reset_gauges(1);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void question(uint64_t id, enum question q, const char *actor, const char *unit, const char *date, const char *month,
                     uint8_t format, uint8_t language, uint8_t checkin_byte, int64_t now_us)
{
    struct buf b;
    uint8_t checkin[16];
    memset(checkin, checkin_byte, sizeof checkin);
    buf_init(&b, 4096);
    buf_u8(&b, (uint8_t)q);
    buf_blob(&b, actor, strlen(actor));
    buf_blob(&b, unit, strlen(unit));
    buf_blob(&b, date, strlen(date));
    buf_blob(&b, month, strlen(month));
    buf_u8(&b, format);
    buf_u8(&b, language);
    buf_add(&b, checkin, sizeof checkin);
    buf_i64(&b, now_us);
    ck_assert(channel_send(door, MSG_QUESTION, id, b.data, b.len, -1));
    buf_fini(&b);
}

static void ask(uint64_t id, enum question q, const char *actor, const char *unit, const char *date, const char *month,
                uint8_t format, uint8_t language, uint8_t checkin_byte)
{
    question(id, q, actor, unit, date, month, format, language, checkin_byte, NOW_US);
}

static void request(uint64_t id, enum request what, uint8_t language, const char *json)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_u8(&b, (uint8_t)what);
    buf_blob(&b, "access:1", 8);
    buf_blob(&b, json, strlen(json));
    buf_u8(&b, language);
    buf_i64(&b, NOW_US);
    ck_assert(channel_send(door, MSG_REQUEST, id, b.data, b.len, -1));
    buf_fini(&b);
}

static void presence(uint64_t id, const char *unit)
{
    ask(id, QUESTION_PRESENCE, "access:1", unit, "", "", 0, 1, 0);
}

static struct json_doc *parse(struct answer *a)
{
    struct json_error e;
    struct json_doc *doc = json_parse(a->body.data, a->body.len, 10, &e);
    ck_assert_ptr_nonnull(doc);
    return doc;
}

static bool text_is(const json_value *v, const char *name, const char *expected)
{
    struct text t;
    return json_get_string(json_member(v, name), &t) && strcmp(t.s, expected) == 0;
}

START_TEST(presence_as_json)
{
    begin();
    presence(1, "U");
    UNTIL(answers[1].ends == 1);
    ck_assert_uint_eq(answers[1].status, 200);
    ck_assert_str_eq(answers[1].type, "application/json");
    struct json_doc *doc = parse(&answers[1]);
    const json_value *root = json_root(doc), *people = json_member(root, "people"), *p = json_at(people, 0);
    const json_value *sessions = json_member(p, "sessions"), *s = json_at(sessions, 1);
    bool complete = false;
    int64_t n = 0;
    ck_assert(text_is(json_member(root, "unit"), "code", "U"));
    ck_assert(text_is(root, "date", "2001-02-03"));
    ck_assert(text_is(root, "recorded_to", "2001-02-02T23:00:00.000000Z"));
    ck_assert(json_get_bool(json_member(root, "complete"), &complete) && complete);
    ck_assert(json_get_int(json_member(json_member(root, "counts"), "late"), &n) && n == 2);
    ck_assert(json_get_int(json_member(json_member(root, "counts"), "excused"), &n) && n == 1);
    ck_assert_uint_eq(json_count(people), 3);
    ck_assert(text_is(p, "nip", "n1") && text_is(p, "unit", "U"));
    ck_assert_uint_eq(json_count(sessions), 2);
    ck_assert(text_is(s, "session", "sore") && text_is(s, "place", "WFO"));
    ck_assert(json_get_int(json_member(s, "late_minutes"), &n) && n == 1);
    ck_assert_uint_eq(json_count(json_member(s, "flags")), 2);
    ck_assert_uint_eq(json_count(json_member(s, "doubts")), 2);
    p = json_at(people, 2);
    ck_assert(text_is(p, "state", "excused") && text_is(p, "reason", "leave"));
    ck_assert_uint_eq(json_count(json_member(p, "sessions")), 0);
    json_doc_free(doc);

    ask(2, QUESTION_PRESENCE, "access:1", "BEHIND", "2001-02-01", "", 0, 1, 0);
    UNTIL(answers[2].ends == 1);
    doc = parse(&answers[2]);
    ck_assert(text_is(json_root(doc), "date", "2001-02-01"));
    ck_assert(json_get_bool(json_member(json_root(doc), "complete"), &complete) && !complete);
    json_doc_free(doc);
    ck_assert_int_eq(end(), 0);
}
END_TEST

START_TEST(presence_as_csv)
{
    begin();
    ask(1, QUESTION_PRESENCE, "access:1", "U", "2001-02-03", "", 1, 0, 0);
    UNTIL(answers[1].ends == 1);
    ck_assert_str_eq(answers[1].type, "text/csv; charset=utf-8");
    const char *text = buf_str(&answers[1].body);
    ck_assert_int_eq(strncmp(text, "day,unit_code,", 14), 0);
    ck_assert_ptr_nonnull(strstr(text, "\r\n2001-02-03,U,Unit U,n1,'=cmd,PNS,WFO,pagi,pagi,on_time,,"));
    ck_assert_ptr_nonnull(strstr(text, ",\"Name \"\"2\"\"\",PNS,"));
    ck_assert_ptr_nonnull(strstr(text, ",\"Kantor, induk\",inside,\"mock,picked_place\","));
    ck_assert_ptr_nonnull(strstr(text, ",excused,leave,,,,,,,,,,2001-02-02T23:00:00.000000Z\r\n"));
    ck_assert_int_eq(end(), 0);
}
END_TEST

START_TEST(ones_own_questions)
{
    begin();
    ask(1, QUESTION_ME, "device:7", "", "", "", 0, 0, 0);
    ask(2, QUESTION_ATTENDANCE, "device:7", "", "", "2001-02", 0, 0, 0);
    ask(3, QUESTION_CHECKIN, "device:7", "", "", "", 0, 0, 0xab);
    ask(4, QUESTION_ATTENDANCE, "device:7", "", "", "2001-02", 1, 0, 0);
    for (int i = 1; i <= 4; i++) {
        UNTIL(answers[i].ends == 1);
        ck_assert_uint_eq(answers[i].status, 200);
    }
    struct json_doc *doc = parse(&answers[1]);
    ck_assert(text_is(json_root(doc), "nip", "n1"));
    ck_assert(text_is(json_root(doc), "date", "2001-02-01"));
    ck_assert_uint_eq(json_count(json_member(json_root(doc), "sessions")), 2);
    ck_assert(text_is(json_at(json_member(json_root(doc), "sessions"), 0), "due", "2001-02-01T07:30:00+08:00"));
    json_doc_free(doc);
    doc = parse(&answers[2]);
    ck_assert(text_is(json_root(doc), "month", "2001-02"));
    ck_assert_uint_eq(json_count(json_member(json_root(doc), "days")), 2);
    ck_assert(text_is(json_at(json_member(json_root(doc), "days"), 1), "date", "2001-02-02"));
    json_doc_free(doc);
    doc = parse(&answers[3]);
    int64_t late = 0;
    ck_assert(text_is(json_root(doc), "id", "abababab-abab-abab-abab-abababababab"));
    ck_assert(json_get_int(json_member(json_root(doc), "late_minutes"), &late) && late == 3);
    ck_assert_uint_eq(json_count(json_member(json_root(doc), "flags")), 1);
    json_doc_free(doc);
    ck_assert_ptr_nonnull(strstr(buf_str(&answers[4].body), "\r\n2001-02-02,U,"));
    ck_assert_int_eq(end(), 0);
}
END_TEST

START_TEST(what_is_not_ones_own_is_not_there)
{
    begin();
    presence(1, "HIDDEN");
    ask(2, QUESTION_PRESENCE, "access:2", "U", "", "", 0, 0, 0);
    ask(3, QUESTION_ME, "access:1", "", "", "", 0, 0, 0);
    ask(4, QUESTION_CHECKIN, "device:7", "", "", "", 0, 0, 0);
    for (int i = 1; i <= 4; i++) {
        UNTIL(answers[i].ends == 1);
        ck_assert_uint_eq(answers[i].status, 404);
        ck_assert_str_eq(answers[i].code, "not_found");
        ck_assert_uint_eq(answers[i].bodies, 0);
    }
    ck_assert_str_eq(answers[1].detail, "Not found.");
    ck_assert_str_eq(answers[2].detail, "Tidak ditemukan.");
    presence(5, "BAD");
    UNTIL(answers[5].ends == 1);
    ck_assert_uint_eq(answers[5].status, 500);
    ck_assert_str_eq(answers[5].code, "internal");
    presence(6, "x' or '1' = '1"); /* a parameter, whatever it looks like */
    UNTIL(answers[6].ends == 1);
    ck_assert_uint_eq(answers[6].status, 200);
    ck_assert_int_eq(end(), 0);
}
END_TEST

static void answered(uint64_t id, uint16_t status, const char *type, const char *code)
{
    UNTIL(answers[id].ends == 1);
    ck_assert_uint_eq(answers[id].status, status);
    ck_assert_str_eq(answers[id].type, type);
    ck_assert_str_eq(answers[id].code, code);
    ck_assert_uint_eq(answers[id].broken, 0);
}

START_TEST(requests_run_as_their_role_for_their_actor)
{
    static const char PROBLEM[] = "application/problem+json";
    begin();
    request(1, REQUEST_LETTER_FILE, 1, "{\"number\":\"1/X\"}");
    answered(1, 201, "application/json", "");
    struct json_doc *doc = parse(&answers[1]);
    const json_value *root = json_root(doc);
    ck_assert_ptr_null(json_member(root, "status"));
    ck_assert(text_is(root, "who", "hadir_operator") && text_is(root, "actor", "access:1") && text_is(root, "language", "en"));
    ck_assert(text_is(json_member(root, "body"), "number", "1/X") && text_is(root, "now", "2001-02-03T00:00:00+00:00"));
    json_doc_free(doc);

    request(2, REQUEST_LETTERS, 0, "{\"many\":1000}");
    answered(2, 200, "application/json", "");
    doc = parse(&answers[2]);
    ck_assert(text_is(json_root(doc), "who", "hadir_query"));
    ck_assert_uint_eq(json_count(json_member(json_root(doc), "many")), 1000);
    ck_assert_uint_gt(answers[2].bodies, 10);
    json_doc_free(doc);

    request(3, REQUEST_LETTER_FILE, 0, "{\"say\":{\"error\":{\"status\":422,\"code\":\"invalid\",\"problems\":"
                                       "[{\"field\":\"days[2].nip\",\"reason\":\"tidak dikenal\"}]}}}");
    answered(3, 422, PROBLEM, "");
    doc = parse(&answers[3]);
    int64_t status = 0;
    root = json_root(doc);
    ck_assert(text_is(root, "type", "about:blank") && text_is(root, "title", "Unprocessable Content"));
    ck_assert(text_is(root, "code", "invalid") && json_get_int(json_member(root, "status"), &status) && status == 422);
    ck_assert(text_is(root, "detail", "Isi permintaan tidak dapat diterima; lihat problems."));
    ck_assert(text_is(json_at(json_member(root, "problems"), 0), "field", "days[2].nip"));
    json_doc_free(doc);

    request(4, REQUEST_LETTERS, 1, "{\"say\":{\"error\":{\"status\":404,\"code\":\"not_found\"}}}");
    answered(4, 404, PROBLEM, "");
    ck_assert_str_eq(buf_str(&answers[4].body), "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                                                "\"code\":\"not_found\",\"detail\":\"Not found.\"}\n");
    request(5, REQUEST_LETTERS, 1, "{\"say\":{\"error\":{\"status\":409,\"code\":\"other\",\"detail\":\"So.\",\"type\":1}}}");
    answered(5, 409, PROBLEM, "");
    ck_assert_str_eq(buf_str(&answers[5].body), "{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,"
                                                "\"code\":\"other\",\"detail\":\"So.\"}\n");
    ck_assert_int_eq(end(), 0);
}
END_TEST

START_TEST(requests_that_fail)
{
    static const char PROBLEM[] = "application/problem+json";
    begin();
    int64_t before = counter_total(C_QUESTION_ERRORS);
    request(1, REQUEST_LETTER_FILE, 0, "{\"raise\":\"22012\"}"); /* undone */
    answered(1, 500, PROBLEM, "internal");
    request(2, REQUEST_LETTER_FILE, 0, "{\"raise\":\"40P01\"}"); /* undone, and may be sent again */
    answered(2, 503, PROBLEM, "busy");
    request(3, REQUEST_OUTAGES, 0, "{}"); /* there is no such function here */
    answered(3, 500, PROBLEM, "internal");
    /* The first three break the statement itself, which undoes all. */
    static const char *const shapes[] = {"7", "null", "{\"error\":7}", "{}", "[]", "{\"status\":204}", "{\"status\":\"x\"}",
                                         "{\"error\":{}}", "{\"error\":{\"status\":422}}",
                                         "{\"error\":{\"status\":500,\"code\":\"x\"}}"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        char json[100];
        snprintf(json, sizeof json, "{\"say\":%s}", shapes[i]);
        for (int what = 0; what < 2; what++) {
            buf_fini(&answers[4].body);
            memset(&answers[4], 0, sizeof answers[4]);
            buf_init(&answers[4].body, 1000);
            request(4, what == 0 ? REQUEST_LETTERS : REQUEST_LETTER_FILE, 0, json);
            /* It was committed, and nobody can say what: never "try again". */
            bool kept = what == 1 && i >= 3;
            answered(4, kept ? 503 : 500, PROBLEM, kept ? "outcome_unknown" : "internal");
        }
    }
    ck_assert_int_eq(counter_total(C_QUESTION_ERRORS) - before, 3 + 2 * 10);
    static const char *const nonsense[] = {"", NULL};
    for (size_t i = 0; i < 2; i++) {
        if (nonsense[i] != NULL)
            request(5, REQUEST_LETTERS, 0, nonsense[i]);
        else
            request(5, (enum request)REQUEST_COUNT, 0, "{}");
        UNTIL(door_closed);
        channel_free(door);
        join_door();
    }
    ck_assert_int_eq(end(), 0);
}
END_TEST

START_TEST(a_step_is_never_sent_twice)
{
    begin();
    request(1, REQUEST_LETTER_FILE, 0, "{\"sleep\":100}");
    request(2, REQUEST_LETTERS, 0, "{\"sleep\":100}");
    for (int i = 0; i < 3; i++)
        loop_turn(loop, 10);
    pg_ctl("stop", "immediate");
    answered(1, 503, "application/problem+json", "outcome_unknown");
    answered(2, 503, "application/problem+json", "database_away");
    request(3, REQUEST_LETTER_FILE, 0, "{}"); /* never sent: this may be sent again */
    answered(3, 503, "application/problem+json", "database_away");
    pg_ctl("start", NULL);
    UNTIL(counter_total(G_DB_DESK) == 1 && counter_total(G_DB_OPERATOR) == 1);
    request(4, REQUEST_LETTER_FILE, 0, "{\"after\":1}");
    answered(4, 201, "application/json", "");
    char error[200];
    struct store_error e = {0};
    struct session *s = session_open(conninfo, "postgres", error, sizeof error);
    ck_assert_ptr_nonnull(s);
    struct rows *rows = session_query(s, "select count(*) from public.kept where body ? 'sleep'", 0, NULL, &e);
    ck_assert_str_eq(rows_get(rows, 0, 0), "0");
    rows_free(rows);
    session_close(s);
    ck_assert_int_eq(end(), 0);
}
END_TEST

/* Past the role's statement_timeout a question is cancelled, here by hand: our trouble, not the client's. */
START_TEST(a_question_that_takes_too_long_may_be_asked_again)
{
    char error[200] = "";
    struct store_error e = {0};
    begin();
    struct session *s = session_open(conninfo, "postgres", error, sizeof error);
    ck_assert_msg(s != NULL, "%s", error);
    presence(1, "SLOW");
    for (int64_t until = mono_now_ms() + 60000; answers[1].ends == 0 && mono_now_ms() < until;) {
        loop_turn(loop, 50);
        ck_assert(session_script(s, "select pg_cancel_backend(pid) from pg_stat_activity"
                                    " where usename = 'hadir_query' and state = 'active'", &e));
    }
    session_close(s);
    answered(1, 503, "application/problem+json", "busy");
    ck_assert_int_eq(end(), 0);
}
END_TEST

START_TEST(big_answers_wait_for_credit)
{
    begin();
    answers[1].hold = true;
    presence(1, "BIG");
    presence(2, "BIG");
    UNTIL(answers[1].bodies == 4 && answers[2].ends == 1);
    ck_assert_uint_gt(answers[2].bodies, 10);
    presence(3, "U");
    UNTIL(answers[3].ends == 1); /* others are not held up */
    ck_assert_uint_eq(answers[1].bodies, 4);
    answers[1].hold = false;
    for (int i = 0; i < 4; i++)
        ck_assert(channel_send(door, MSG_ANSWER_MORE, 1, NULL, 0, -1));
    UNTIL(answers[1].ends == 1);
    struct json_doc *doc = parse(&answers[1]);
    ck_assert_uint_eq(json_count(json_member(json_root(doc), "people")), 5001);
    json_doc_free(doc);
    ck_assert_uint_eq(answers[1].body.len, answers[2].body.len);
    ck_assert_uint_eq(answers[1].broken, 0);
    ck_assert_int_eq(end(), 0);
}
END_TEST

START_TEST(cancelled_and_forgotten_questions)
{
    begin();
    answers[1].hold = true;
    presence(1, "BIG");
    UNTIL(answers[1].bodies == 4);
    ck_assert(channel_send(door, MSG_QUESTION_CANCEL, 1, NULL, 0, -1));
    ck_assert(channel_send(door, MSG_ANSWER_MORE, 1, NULL, 0, -1));
    ck_assert(channel_send(door, MSG_QUESTION_CANCEL, 77, NULL, 0, -1));
    presence(2, "U");
    ck_assert(channel_send(door, MSG_QUESTION_CANCEL, 2, NULL, 0, -1)); /* perhaps while SQL works on it */
    presence(3, "U");
    UNTIL(answers[3].ends == 1);
    ck_assert_uint_eq(answers[1].ends, 0);
    ck_assert_uint_eq(answers[1].bodies, 4);
    /* The door dies with an answer half sent and a question asked. */
    answers[4].hold = true;
    presence(4, "BIG");
    UNTIL(answers[4].bodies == 4);
    presence(5, "BIG");
    channel_free(door);
    join_door();
    presence(6, "U");
    UNTIL(answers[6].ends == 1);
    ck_assert_int_eq(end(), 0);
}
END_TEST

START_TEST(nonsense_from_a_door_ends_its_channel_only)
{
    begin();
    ck_assert(channel_send(door, MSG_QUESTION, 1, "\x01", 1, -1));
    UNTIL(door_closed);
    channel_free(door);
    join_door();
    ask(2, QUESTION_PRESENCE, "access:1", "U", "2001-02-30", "", 0, 0, 0);
    UNTIL(door_closed);
    channel_free(door);
    join_door();
    ck_assert(channel_send(door, MSG_BATCH_DONE, 3, NULL, 0, -1));
    UNTIL(door_closed);
    channel_free(door);
    join_door();
    presence(4, "U");
    UNTIL(answers[4].ends == 1 && answers[4].status == 200);
    ck_assert_int_eq(end(), 0);
}
END_TEST

/* Refused, counted, its door's end closed, the supervisor told. */
static void forged(const char *actor, const char *unit, int64_t now_us)
{
    int64_t before = counter_total(C_FORGED_QUESTION);
    unsigned told = forged_told;
    question(2, QUESTION_PRESENCE, actor, unit, "", "", 0, 0, 0, now_us);
    UNTIL(door_closed && forged_told == told + 1);
    ck_assert_int_eq(counter_total(C_FORGED_QUESTION), before + 1);
    ck_assert_uint_eq(answers[2].ends, 0);
    channel_free(door);
    join_door();
}

START_TEST(what_no_door_asks_ends_it)
{
    static const char *const actors[] = {"", "access:", "access:0", "access:01", "access:-1", "access:1 ", "access:1x", "device", "supervisor:1",
                                         "Access:1", "access:1\xff", "access:9999999999999999999", "hadir_operator"};
    begin();
    for (size_t i = 0; i < sizeof actors / sizeof actors[0]; i++)
        forged(actors[i], "U", NOW_US);
    forged("access:1", "U\xc3", NOW_US);
    forged("access:1", "U", NOW_US + 3600 * US_PER_S);
    forged("access:1", "U", INT64_MAX);
    int64_t before = counter_total(C_STALE);
    question(3, QUESTION_PRESENCE, "access:1", "U", "", "", 0, 1, 0, NOW_US - 3600 * US_PER_S); /* we may have stood still */
    UNTIL(answers[3].ends == 1);
    ck_assert_uint_eq(answers[3].status, 503);
    ck_assert_str_eq(answers[3].code, "busy");
    ck_assert_int_eq(counter_total(C_STALE), before + 1);
    presence(4, "U");
    UNTIL(answers[4].ends == 1 && answers[4].status == 200);
    ck_assert_int_eq(end(), 0);
}
END_TEST

START_TEST(draining_finishes_what_is_under_way)
{
    begin();
    answers[1].hold = true;
    presence(1, "BIG");
    UNTIL(answers[1].bodies == 4);
    ck_assert(channel_send(control, MSG_DRAIN, 0, NULL, 0, -1));
    for (int i = 0; i < 5; i++)
        loop_turn(loop, 10);
    ck_assert(!control_closed);
    answers[1].hold = false;
    for (int i = 0; i < 4; i++)
        ck_assert(channel_send(door, MSG_ANSWER_MORE, 1, NULL, 0, -1));
    UNTIL(answers[1].ends == 1 && answers[1].broken == 0);
    ck_assert_int_eq(end(), 0);
}
END_TEST

START_TEST(without_a_database_the_answer_is_503)
{
    begin();
    presence(1, "SLOW");
    presence(2, "SLOW");
    for (int i = 0; i < 3; i++)
        loop_turn(loop, 10);
    pg_ctl("stop", "immediate");
    UNTIL(answers[1].ends == 1 && answers[2].ends == 1);
    ck_assert_uint_eq(answers[1].status, 503);
    ck_assert_str_eq(answers[1].code, "database_away");
    presence(3, "U");
    UNTIL(answers[3].ends == 1);
    ck_assert_uint_eq(answers[3].status, 503);
    ck_assert_str_eq(answers[3].code, "database_away");
    pg_ctl("start", NULL);
    UNTIL(counter_total(G_DB_DESK) == 1 && counter_total(G_DB_OPERATOR) == 1);
    presence(4, "U");
    UNTIL(answers[4].ends == 1);
    ck_assert_uint_eq(answers[4].status, 200);
    /* The supervisor dies: so does the desk. */
    channel_free(control);
    control = NULL;
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    control_closed = true;
    channel_free(door);
    loop_free(loop);
    for (size_t i = 0; i < 8; i++)
        buf_fini(&answers[i].body);
}
END_TEST

UNIT_MAIN("desk/answers", presence_as_json, presence_as_csv, ones_own_questions, what_is_not_ones_own_is_not_there,
          requests_run_as_their_role_for_their_actor, requests_that_fail, a_step_is_never_sent_twice,
          a_question_that_takes_too_long_may_be_asked_again, big_answers_wait_for_credit,
          cancelled_and_forgotten_questions, nonsense_from_a_door_ends_its_channel_only,
          what_no_door_asks_ends_it,
          draining_finishes_what_is_under_way, without_a_database_the_answer_is_503)
