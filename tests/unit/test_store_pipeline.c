/* The store against a real PostgreSQL of its own: order, errors, commits, notifications, copies, deaths. */
#include "unit.h"
#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counter.h"
#include "loop.h"
#include "store.h"
#include "utf8.h"
#include "wall.h"

/* ---- a store under observation ---- */

struct seen {
    unsigned ups, downs, notifies;
    char channel[64], payload[64];
};

struct answer {
    unsigned calls;
    enum store_outcome outcome;
    char first[64];
    bool null;
    size_t rows, columns, length;
    struct store_error error;
    struct store **free_me;
    unsigned *order; /* shared: callbacks must come in order */
    unsigned index;
};

static struct loop *loop;

static void on_up(void *arg)
{
    ((struct seen *)arg)->ups++;
}

static void on_down(void *arg)
{
    ((struct seen *)arg)->downs++;
}

static void on_notify(void *arg, const char *channel, const char *payload)
{
    struct seen *seen = arg;
    seen->notifies++;
    snprintf(seen->channel, sizeof seen->channel, "%s", channel);
    snprintf(seen->payload, sizeof seen->payload, "%s", payload);
}

static const struct store_callbacks callbacks = {.on_up = on_up, .on_down = on_down, .on_notify = on_notify};

static void on_answer(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct answer *a = arg;
    a->calls++;
    a->outcome = outcome;
    ck_assert_int_eq(rows != NULL, outcome == STORE_OK);
    ck_assert_int_eq(e != NULL, outcome != STORE_OK);
    if (a->order != NULL)
        ck_assert_uint_eq((*a->order)++, a->index);
    if (e != NULL)
        a->error = *e;
    if (rows != NULL) {
        a->rows = rows_count(rows);
        a->columns = rows_columns(rows);
        if (a->rows > 0) {
            const char *text = rows_get(rows, 0, 0);
            a->null = text == NULL;
            a->length = rows_length(rows, 0, 0);
            snprintf(a->first, sizeof a->first, "%s", text == NULL ? "" : text);
        }
        ck_assert_ptr_null(rows_get(rows, a->rows, 0));
        ck_assert_ptr_null(rows_get(rows, 0, a->columns));
    }
    if (a->free_me != NULL) {
        store_free(*a->free_me);
        *a->free_me = NULL;
    }
}

#define UNTIL(condition)                                                                                             \
    do {                                                                                                             \
        int64_t deadline = mono_now_ms() + 60000;                                                                    \
        while (!(condition) && mono_now_ms() < deadline)                                                             \
            loop_turn(loop, 20);                                                                                     \
        ck_assert(condition);                                                                                        \
    } while (0)

static struct store *up(struct seen *seen)
{
    cluster();
    *seen = (struct seen){0};
    struct store *s = store_new(loop, conninfo, "postgres", true, &callbacks, seen);
    ck_assert_ptr_nonnull(s);
    ck_assert(!store_is_up(s));
    ck_assert(!store_query(s, NULL, "select 1", 0, NULL, on_answer, NULL));
    UNTIL(seen->ups == 1);
    ck_assert(store_is_up(s));
    ck_assert_str_eq(store_last_error(s), "");
    return s;
}

static struct answer ask(struct store *s, const struct store_actor *actor, const char *sql, int n,
                         const char *const *params)
{
    struct answer a = {0};
    ck_assert(store_query(s, actor, sql, n, params, on_answer, &a));
    UNTIL(a.calls == 1);
    return a;
}

static void begin(void)
{
    loop = loop_new();
}

static void end(struct store *s)
{
    store_free(s);
    loop_free(loop);
}

/* ---- tests ---- */

START_TEST(parameters_nulls_and_actor)
{
    begin();
    struct seen seen;
    struct store *s = up(&seen);
    const char *const params[] = {"7", NULL, "a'b;\\ \xc3\xa9"};
    struct answer a = ask(s, NULL, "select ($1::int + 1)::text, $2::text, $3::text", 3, params);
    ck_assert_int_eq(a.outcome, STORE_OK);
    ck_assert_str_eq(a.first, "8");
    ck_assert_uint_eq(a.columns, 3);
    a = ask(s, NULL, "select $2::text || $3::text from (values ($1::int)) v", 3, params);
    ck_assert(a.null);
    a = ask(s, NULL, "select $1::text", 1, params + 2);
    ck_assert_str_eq(a.first, params[2]);

    a = ask(s, &(struct store_actor){"access:12", "en"},
            "select current_setting('hadir.actor', true) || ' ' || current_setting('hadir.language', true)", 0, NULL);
    ck_assert_str_eq(a.first, "access:12 en");
    /* The actor ends with its own exchange. */
    a = ask(s, NULL, "select coalesce(nullif(current_setting('hadir.actor', true), ''), 'nobody')", 0, NULL);
    ck_assert_str_eq(a.first, "nobody");
    a = ask(s, NULL, "select 1 where false", 0, NULL);
    ck_assert_uint_eq(a.rows, 0);
    ck_assert_uint_eq(a.columns, 1);
    a = ask(s, NULL, "select '2025-12-29 07:10+08'::timestamptz::text", 0, NULL);
    ck_assert_str_eq(a.first, "2025-12-28 23:10:00+00");
    end(s);
}
END_TEST

START_TEST(sixty_four_in_flight_in_order)
{
    begin();
    struct seen seen;
    struct store *s = up(&seen);
    static struct answer answers[64];
    memset(answers, 0, sizeof answers);
    for (int round = 0; round < 5; round++) {
        unsigned order = 0;
        for (unsigned i = 0; i < 64; i++) {
            char text[12];
            snprintf(text, sizeof text, "%u", i);
            const char *const params[] = {text};
            answers[i] = (struct answer){.order = &order, .index = i};
            ck_assert(store_query(s, i % 3 == 0 ? &(struct store_actor){"device:1", "id"} : NULL,
                                  i % 5 == 4 ? "select 1 / ($1::int - $1::int)" : "select $1::int", 1, params,
                                  on_answer, &answers[i]));
        }
        ck_assert_uint_eq(store_outstanding(s), 64);
        ck_assert(!store_query(s, NULL, "select 1", 0, NULL, on_answer, NULL));
        UNTIL(order == 64);
        for (unsigned i = 0; i < 64; i++) {
            ck_assert_uint_eq(answers[i].calls, 1);
            ck_assert_int_eq(answers[i].outcome, i % 5 == 4 ? STORE_REFUSED : STORE_OK);
            if (i % 5 == 4)
                ck_assert_str_eq(answers[i].error.sqlstate, "22012");
            else
                ck_assert_uint_eq(strtoul(answers[i].first, NULL, 10), i);
        }
    }
    ck_assert_uint_eq(store_outstanding(s), 0);
    ck_assert_uint_eq(seen.downs, 0);
    end(s);
}
END_TEST

START_TEST(refusals_undo_and_tell)
{
    begin();
    struct seen seen;
    struct store *s = up(&seen);
    struct answer a = ask(s, NULL, "selec 1", 0, NULL);
    ck_assert_int_eq(a.outcome, STORE_REFUSED);
    ck_assert_str_eq(a.error.sqlstate, "42601");
    ck_assert_ptr_nonnull(strstr(a.error.message, "selec"));
    a = ask(s, NULL, "do $$ begin raise exception '%', repeat('\u00e9', 200); end $$", 0, NULL); /* cut between characters */
    ck_assert_uint_ge(strlen(a.error.message), 250);
    ck_assert(utf8_valid(a.error.message, strlen(a.error.message)));
    a = ask(s, NULL, "create table t (i int primary key, j int references t deferrable initially deferred)", 0, NULL);
    ck_assert_int_eq(a.outcome, STORE_OK);
    a = ask(s, NULL, "insert into t values (1, 1) returning i", 0, NULL);
    ck_assert_str_eq(a.first, "1");
    a = ask(s, &(struct store_actor){"device:1", "id"}, "insert into t values (2, 1), (1, 1)", 0, NULL);
    ck_assert_str_eq(a.error.sqlstate, "23505");
    /* Fails at commit, after its rows were already here. */
    a = ask(s, NULL, "insert into t values (3, 99) returning i", 0, NULL);
    ck_assert_int_eq(a.outcome, STORE_REFUSED);
    ck_assert_str_eq(a.error.sqlstate, "23503");
    a = ask(s, NULL, "select count(*) from t", 0, NULL);
    ck_assert_str_eq(a.first, "1");
    a = ask(s, NULL, "copy t to stdout", 0, NULL);
    ck_assert_int_ne(a.outcome, STORE_OK); /* a copy in the pipeline ends the connection at worst */
    UNTIL(store_is_up(s));
    a = ask(s, NULL, "drop table t", 0, NULL);
    ck_assert_int_eq(a.outcome, STORE_OK);
    end(s);
}
END_TEST

START_TEST(big_parameters_and_results)
{
    begin();
    struct seen seen;
    struct store *s = up(&seen);
    size_t size = (size_t)8 << 20;
    char *big = malloc(size + 1);
    memset(big, 'x', size);
    big[size] = '\0';
    const char *const params[] = {big};
    struct answer a[6] = {{0}};
    for (size_t i = 0; i < 6; i++)
        ck_assert(store_query(s, NULL, "select $1::text", 1, params, on_answer, &a[i]));
    free(big);
    for (size_t i = 0; i < 6; i++) {
        UNTIL(a[i].calls == 1);
        ck_assert_int_eq(a[i].outcome, STORE_OK);
        ck_assert_uint_eq(a[i].length, size);
    }
    end(s);
}
END_TEST

START_TEST(the_last_parameter_in_binary)
{
    begin();
    struct seen seen;
    struct answer a = {0};
    struct store *s = up(&seen);
    ck_assert(!store_query_binary(s, "select 1", 1, (const char *const[]){""}, 0, on_answer, NULL));
    ck_assert(store_query_binary(s, "select $1::text || encode($2::bytea, 'hex')", 2, (const char *const[]){"x", "\0\xff"}, 2, on_answer, &a));
    UNTIL(a.calls == 1);
    ck_assert_int_eq(a.outcome, STORE_OK);
    ck_assert_uint_eq(a.length, 5);
    end(s);
}
END_TEST

START_TEST(notifications_arrive)
{
    begin();
    struct seen seen, other_seen;
    struct store *s = up(&seen), *other = up(&other_seen);
    ck_assert(!store_listen(s, "Bad; name"));
    ck_assert(!store_listen(s, ""));
    ck_assert(store_listen(s, "hadir_plan"));
    ask(s, NULL, "select 1", 0, NULL); /* the LISTEN went before */
    ask(other, NULL, "select pg_notify('hadir_plan', 'x1')", 0, NULL);
    ask(other, NULL, "select pg_notify('elsewhere', 'x2')", 0, NULL);
    UNTIL(seen.notifies == 1);
    ck_assert_str_eq(seen.channel, "hadir_plan");
    ck_assert_str_eq(seen.payload, "x1");
    ck_assert_uint_eq(other_seen.notifies, 0);
    store_free(other);
    end(s);
}
END_TEST

struct copied {
    size_t lines, bytes;
    uint64_t sum;
    char last[64];
    bool ordered;
};

static struct copied copied;

static void on_line(void *arg, const char *line, size_t len)
{
    (void)arg;
    copied.lines++;
    copied.bytes += len;
    ck_assert_ptr_null(memchr(line, '\n', len));
    snprintf(copied.last, sizeof copied.last, "%.*s", (int)len, line);
    if (line[0] == 'p')
        copied.sum += strtoull(line + 2, NULL, 10);
    else
        copied.ordered = copied.lines > 100000; /* the second copy's rows come after all of the first's */
}

static void on_copied(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct answer *a = arg;
    ck_assert_ptr_null(rows);
    a->calls++;
    a->outcome = outcome;
    if (e != NULL)
        a->error = *e;
}

static struct answer copy(struct store *s, const char *sql)
{
    struct answer a = {0};
    copied = (struct copied){0};
    ck_assert(store_copy_out(s, sql, on_line, on_copied, &a));
    ck_assert(!store_query(s, NULL, "select 1", 0, NULL, on_answer, NULL));
    ck_assert(!store_copy_out(s, sql, on_line, on_copied, NULL));
    UNTIL(a.calls == 1);
    return a;
}

START_TEST(copies_stream_whole_and_alone)
{
    begin();
    struct seen seen;
    struct store *s = up(&seen);
    struct answer before[3] = {{0}};
    for (int i = 0; i < 3; i++)
        ck_assert(store_query(s, NULL, "select pg_sleep(0.01)", 0, NULL, on_answer, &before[i]));
    static const char two[] = "set transaction isolation level repeatable read, read only;"
                              "copy (select 'p', i from generate_series(1, 100000) i order by i) to stdout;"
                              "copy (select 'q', E'a\\tb\\n' || txid_current_if_assigned()) to stdout";
    struct answer a = copy(s, two);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(before[i].calls, 1);
    ck_assert_int_eq(a.outcome, STORE_OK);
    ck_assert_uint_eq(copied.lines, 100001);
    ck_assert_uint_eq(copied.sum, UINT64_C(5000050000));
    ck_assert(copied.ordered);
    ck_assert_str_eq(copied.last, "q\t\\N");
    ck_assert_str_eq(ask(s, NULL, "select 5", 0, NULL).first, "5");

    a = copy(s, "copy (select 1 where false) to stdout");
    ck_assert_int_eq(a.outcome, STORE_OK);
    ck_assert_uint_eq(copied.lines, 0);
    a = copy(s, "copy (select 'p', 1 / (50000 - i) from generate_series(1, 100000) i) to stdout; copy nowhere to stdout");
    ck_assert_int_eq(a.outcome, STORE_REFUSED);
    ck_assert_str_eq(a.error.sqlstate, "22012");
    a = copy(s, "copy nowhere to stdout");
    ck_assert_str_eq(a.error.sqlstate, "42P01");
    ck_assert_str_eq(ask(s, NULL, "select 6", 0, NULL).first, "6");
    ck_assert_uint_eq(seen.downs, 0);
    end(s);
}
END_TEST

START_TEST(server_death_fails_what_is_outstanding_and_comes_back)
{
    begin();
    struct seen seen;
    struct store *s = up(&seen);
    ck_assert(store_listen(s, "hadir_plan"));
    for (unsigned round = 1; round <= 2; round++) {
        struct answer a[3] = {{0}};
        unsigned order = 0;
        for (unsigned i = 0; i < 3; i++) {
            a[i].order = &order;
            a[i].index = i;
            ck_assert(store_query(s, NULL, "select pg_sleep(100)", 0, NULL, on_answer, &a[i]));
        }
        loop_turn(loop, 10);
        pg_ctl("stop", "immediate");
        UNTIL(seen.downs == round);
        for (unsigned i = 0; i < 3; i++) {
            ck_assert_uint_eq(a[i].calls, 1);
            ck_assert_int_eq(a[i].outcome, STORE_DOWN);
            ck_assert_int_ne(a[i].error.message[0], 0);
        }
        ck_assert(!store_is_up(s));
        ck_assert_int_ne(store_last_error(s)[0], 0);
        ck_assert_uint_eq(store_outstanding(s), 0);
        ck_assert(!store_query(s, NULL, "select 1", 0, NULL, on_answer, NULL));
        ck_assert(!store_copy_out(s, "copy (select 1) to stdout", on_line, on_answer, NULL));
        pg_ctl("start", NULL);
        UNTIL(seen.ups == round + 1);
        ask(s, NULL, "select pg_notify('hadir_plan', 'again')", 0, NULL);
        UNTIL(seen.notifies == round); /* LISTEN was renewed */
    }
    end(s);
}
END_TEST

START_TEST(death_during_a_copy)
{
    begin();
    struct seen seen;
    struct store *s = up(&seen);
    struct answer a = {0};
    copied = (struct copied){0};
    ck_assert(store_copy_out(s, "copy (select 'p', i, pg_sleep(case when i = 20000 then 100 else 0 end)"
                                " from generate_series(1, 100000) i) to stdout",
                             on_line, on_copied, &a));
    UNTIL(copied.lines > 5000);
    struct seen other_seen;
    struct store *other = up(&other_seen);
    ask(other, NULL, "select pg_terminate_backend(pid) from pg_stat_activity where query like 'copy%'", 0, NULL);
    UNTIL(a.calls == 1);
    ck_assert_int_eq(a.outcome, STORE_DOWN);
    UNTIL(seen.ups == 2);
    ck_assert_str_eq(ask(s, NULL, "select 5", 0, NULL).first, "5");
    store_free(other);
    end(s);
}
END_TEST

START_TEST(starts_without_a_database)
{
    begin();
    cluster();
    pg_ctl("stop", "fast");
    struct seen seen = {0};
    struct store *s = store_new(loop, conninfo, "postgres", true, &callbacks, &seen);
    store_listen(s, "hadir_plan");
    for (int i = 0; i < 20; i++)
        loop_turn(loop, 20);
    ck_assert_uint_eq(seen.ups + seen.downs, 0);
    ck_assert_int_ne(store_last_error(s)[0], 0);
    pg_ctl("start", NULL);
    UNTIL(seen.ups == 1);
    ck_assert_uint_eq(seen.downs, 0);
    end(s);

    /* A socket that accepts nothing, another that is none, nonsense. */
    begin();
    const char *const bad[] = {"host=/nonexistent dbname=postgres", "dbname=", "host='unclosed", "no_such_key=1"};
    for (size_t i = 0; i < 4; i++) {
        seen = (struct seen){0};
        s = store_new(loop, bad[i], "postgres", true, &callbacks, &seen);
        for (int k = 0; k < 10; k++)
            loop_turn(loop, 20);
        ck_assert(!store_is_up(s));
        ck_assert_int_ne(store_last_error(s)[0], 0);
        store_free(s);
    }
    loop_free(loop);
}
END_TEST

START_TEST(second_host_of_a_list_is_found)
{
    begin();
    cluster();
    char list[500];
    snprintf(list, sizeof list, "host=/nonexistent,%s,%s dbname=postgres target_session_attrs=read-write", top, top);
    struct seen seen = {0};
    struct store *s = store_new(loop, list, "postgres", true, &callbacks, &seen);
    UNTIL(seen.ups == 1);
    ck_assert_str_eq(ask(s, NULL, "select 5", 0, NULL).first, "5");
    end(s);
}
END_TEST

START_TEST(unsafe_settings_stay_down_until_mended)
{
    begin();
    struct seen seen, admin_seen;
    counters_map();
    struct store *admin = up(&admin_seen);
    ask(admin, NULL, "create role sloppy login", 0, NULL);
    ask(admin, NULL, "alter role sloppy set synchronous_commit = off", 0, NULL);
    seen = (struct seen){0};
    struct store *s = store_new(loop, conninfo, "sloppy", true, &callbacks, &seen);
    struct seen careless_seen = {0};
    struct store *careless = store_new(loop, conninfo, "sloppy", false, &callbacks, &careless_seen);
    UNTIL(store_is_unsafe(s));
    UNTIL(careless_seen.ups == 1); /* who does not ask is not refused */
    ck_assert(!store_is_unsafe(careless));
    ck_assert(!store_is_up(s));
    ck_assert_int_eq(counter_total(G_DB_UNSAFE), 1);
    UNTIL(strstr(store_last_error(s), "synchronous_commit=off") != NULL);
    bool durable = true;
    char error[256] = "";
    ck_assert(store_probe(conninfo, "sloppy", 2, &durable, error, sizeof error));
    ck_assert(!durable);
    ck_assert_ptr_nonnull(strstr(error, "synchronous_commit=off"));
    ask(admin, NULL, "alter role sloppy set synchronous_commit = local", 0, NULL);
    UNTIL(seen.ups == 1);
    ck_assert(!store_is_unsafe(s));
    ck_assert_int_eq(counter_total(G_DB_UNSAFE), 0);
    ck_assert_uint_eq(seen.downs, 0);
    ck_assert(store_probe(conninfo, "sloppy", 2, &durable, error, sizeof error));
    ck_assert(durable);
    ck_assert(!store_probe("host=/nonexistent dbname=x", "sloppy", 2, &durable, error, sizeof error));
    ck_assert_int_ne(error[0], 0);
    store_free(s);
    store_free(careless);
    ask(admin, NULL, "drop role sloppy", 0, NULL);
    end(admin);
}
END_TEST

START_TEST(freeing_inside_callbacks)
{
    begin();
    struct seen seen;
    struct store *s = up(&seen);
    struct answer a[3] = {{.free_me = &s}, {0}, {0}};
    for (int i = 0; i < 3; i++)
        ck_assert(store_query(s, NULL, "select 1", 0, NULL, on_answer, &a[i]));
    UNTIL(a[0].calls == 1);
    ck_assert_ptr_null(s);
    ck_assert_uint_eq(a[1].calls + a[2].calls, 0);

    s = up(&seen);
    struct answer b = {.free_me = &s};
    ck_assert(store_query(s, NULL, "select pg_terminate_backend(pg_backend_pid())", 0, NULL, on_answer, &b));
    UNTIL(b.calls == 1);
    ck_assert_int_eq(b.outcome, STORE_DOWN);
    s = up(&seen);
    ck_assert(store_query(s, NULL, "select pg_sleep(10)", 0, NULL, on_answer, &a[1]));
    end(s); /* with an exchange outstanding: its callback never comes */
    ck_assert_uint_eq(a[1].calls, 0);
}
END_TEST

START_TEST(blocking_session)
{
    cluster();
    char error[256] = "";
    struct session *s = session_open(conninfo, "postgres", error, sizeof error);
    ck_assert_ptr_nonnull(s);
    struct store_error e = {0};
    const char *const params[] = {"41", NULL};
    struct rows *rows = session_query(s, "select $1::int + 1 as answer, $2::text", 2, params, &e);
    ck_assert_ptr_nonnull(rows);
    ck_assert_str_eq(rows_get(rows, 0, 0), "42");
    ck_assert_str_eq(rows_column_name(rows, 0), "answer");
    ck_assert_ptr_null(rows_column_name(rows, 2));
    ck_assert_ptr_null(rows_get(rows, 0, 1));
    rows_free(rows);
    ck_assert_ptr_null(session_query(s, "select 1 / 0", 0, NULL, &e));
    ck_assert_str_eq(e.sqlstate, "22012");
    ck_assert(session_script(s, "create table a (i int); insert into a values (1), (2);", &e));
    ck_assert(!session_script(s, "begin; insert into a values (3); select 1 / 0;", &e));
    ck_assert_str_eq(e.sqlstate, "22012");
    rows = session_query(s, "select count(*) from a", 0, NULL, &e);
    ck_assert_str_eq(rows_get(rows, 0, 0), "2");
    rows_free(rows);
    ck_assert(session_script(s, "drop table a", &e));
    session_close(s);
    ck_assert_ptr_null(session_open("host=/nonexistent dbname=x", "postgres", error, sizeof error));
    ck_assert_int_ne(error[0], 0);
    ck_assert_ptr_null(session_open("host='", "postgres", error, sizeof error));
}
END_TEST

UNIT_MAIN("store/pipeline", parameters_nulls_and_actor, sixty_four_in_flight_in_order, refusals_undo_and_tell,
          big_parameters_and_results, the_last_parameter_in_binary, notifications_arrive, copies_stream_whole_and_alone,
          server_death_fails_what_is_outstanding_and_comes_back, death_during_a_copy, starts_without_a_database,
          second_host_of_a_list_is_found, unsafe_settings_stay_down_until_mended, freeing_inside_callbacks,
          blocking_session)
