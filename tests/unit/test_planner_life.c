/* A whole planner against a PostgreSQL with made-up api objects: base, delta, versions, placements, starts without the
 * database. The planner runs in a child; the test is its supervisor. */
#include "unit.h"
#include "cluster.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "channel.h"
#include "conf.h"
#include "counter.h"
#include "directory.h"
#include "fence.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "role.h"
#include "store.h"
#include "wall.h"

/* `state` is the version, and of the one pair's slots the version and sessions; `people` carry the number of their last
 * change. A fence is asked for check-in after check-in. */
static const char API[] =
    "create role hadir_planner login; create schema api; grant usage on schema api to hadir_planner;"
    "create table api.state (epoch bigint, number bigint, changed bigint, first_day date, refreshes bigint, slots bigint,"
    " sessions jsonb);"
    "insert into api.state values (1, 100, 0, '1970-01-11', 0, 100, '[]');"
    "create table api.people (person bigint, number bigint, removed bool);"
    "insert into api.people select i, 100, false from generate_series(1, 50) i;"
    "create table api.wanted (checkin uuid, metres float8, relation text);"
    "insert into api.wanted (checkin) select gen_random_uuid() from generate_series(1, 450);"
    "create function api.plan_refresh(n timestamptz, p_all boolean) returns table (epoch bigint, number bigint,"
    " changed_people bigint, first_day date, days int, compiled_at timestamptz) language sql security definer as $f$"
    " update api.state set refreshes = refreshes + 1 returning epoch, number, changed, first_day, 2, now() $f$;"
    "create function api.since() returns bigint language sql as $f$"
    " select coalesce(nullif(current_setting('hadir.since', true), '')::bigint, 0) $f$;"
    "create view api.directory_person as select person, 1::bigint as government, array[0] as first_days,"
    " array[84006] as last_days, array[3] as pairs, array[]::bigint[] as homes, removed from api.people"
    " where number > api.since() and (not removed or api.since() > 0);"
    "create view api.directory_slot as select 3 as pair, first_day - date '1970-01-01' as day, 9::bigint as pattern"
    " from api.state where slots > api.since();"
    "create view api.directory_pattern as select 9::bigint as id, 864000000000 as starts_us, 950400000000 as ends_us,"
    " 'WFO' as place, false as anywhere, 100::float8 as accuracy_cap_m, array['fix','fix','fix','message'] as decides,"
    " sessions, array[]::bigint[] as fences from api.state where slots > api.since();"
    "create view api.directory_token as select repeat('ab', 32) as token_hash, 1 as kind, 1::bigint as id, 1::bigint as"
    " government, 1::bigint as person, 1 as channel, false as revoked, false as removed;"
    "create view api.directory_number as select 1::bigint as government, '62'::text as value, false as is_user_id,"
    " 1::bigint as device, 1::bigint as person, false as revoked, false as removed where false;"
    "create view api.directory_fence as select 1::bigint as fence, 1 as version, 1::bigint as government, 'office' as kind,"
    " 'K' as name, false as shared, '' as shape, false as removed where false;"
    "create view api.directory_business as select '5'::text as phone_number_id, 1::bigint as government;"
    "create function api.placements_wanted(l int) returns table (checkin uuid, lat float8, lon float8, accuracy_m float8,"
    " cap_m float8, fence bigint, version int, shape text) language sql security definer as $f$"
    " select null::uuid, 0::float8, 0::float8, null::float8, 0::float8, 0::bigint, 0, ''::text where false $f$;"
    "create function api.placements_add(r jsonb) returns bigint language sql security definer as $f$"
    " with x as (update api.wanted w set metres = (e->>'metres')::float8, relation = e->>'relation'"
    " from jsonb_array_elements(r) e where w.checkin = (e->>'checkin')::uuid and (e->>'fence') = '4' returning 1)"
    " select count(*) from x $f$;"
    "grant select on all tables in schema api to hadir_planner; grant execute on all functions in schema api to hadir_planner";

static struct loop *loop;
static struct ipc_channel *control;
static bool hello, closed;
static unsigned bases, deltas;
static int64_t epoch, number;
static struct directory *directory;
static bool adopted;
static size_t fewest; /* people that the door knew, at its worst */
static bool told_late; /* a file came whose version was not told before */
static char adopt_error[200];
static pid_t child;
static struct conf conf;
static char folder[64];

static void on_message(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct reader r;
    (void)arg;
    (void)id;
    if (type == MSG_HELLO) {
        hello = true;
        return;
    }
    ck_assert_uint_eq(type, MSG_PUBLISH);
    reader_init(&r, payload, len);
    uint8_t kind = reader_u8(&r);
    epoch = reader_i64(&r);
    number = reader_i64(&r);
    ck_assert(reader_done(&r));
    bases += kind == 1;
    deltas += kind == 2;
    adopted = directory_adopt(directory, fd, adopt_error, sizeof adopt_error);
    ck_assert_msg(adopted, "%s", adopt_error);
    if (directory_people(directory) < fewest)
        fewest = directory_people(directory);
    told_late = told_late || __atomic_load_n(&counters_cells()->directory_number, __ATOMIC_RELAXED) < number;
}

static void on_closed(void *arg)
{
    (void)arg;
    closed = true;
}

#define UNTIL(condition)                                                                                             \
    do {                                                                                                             \
        int64_t deadline = mono_now_ms() + 30000;                                                                    \
        while (!(condition) && mono_now_ms() < deadline)                                                             \
            loop_turn(loop, 20);                                                                                     \
        ck_assert(condition);                                                                                        \
    } while (0)

static void sql(const char *script)
{
    char error[200] = "";
    struct store_error e = {0};
    struct session *s = session_open(conninfo, "postgres", error, sizeof error);
    ck_assert_msg(s != NULL, "%s", error);
    ck_assert_msg(session_script(s, script, &e), "%s", e.message);
    session_close(s);
}

static bool value_is(const char *query, const char *expected)
{
    char error[200];
    struct store_error e;
    struct session *s = session_open(conninfo, "postgres", error, sizeof error);
    ck_assert_ptr_nonnull(s);
    struct rows *rows = session_query(s, query, 0, NULL, &e);
    ck_assert_ptr_nonnull(rows);
    bool same = strcmp(rows_get(rows, 0, 0), expected) == 0;
    rows_free(rows);
    session_close(s);
    return same;
}

/* The planner alone; the door, which is `directory`, stays. */
static void start_process(void)
{
    int fds[2];
    conf.database = conninfo;
    conf.directory_dir = folder;
    hello = closed = false;
    bases = deltas = 0;
    __atomic_store_n(&counters_cells()->directory_confirmed_ms, 0, __ATOMIC_RELAXED);
    ck_assert_int_eq(channel_pair(fds), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(fds[0]);
        counters_set_slot(1);
        _exit(planner_main(&(struct role_env){.conf = &conf, .control_fd = fds[1], .listen_fd = -1}));
    }
    close(fds[1]);
    loop = loop_new();
    control = channel_new(loop, fds[0], 1 << 20, on_message, on_closed, NULL);
    UNTIL(hello);
}

/* All anew: the door knows nothing, and nothing has been told. */
static void start_planner(void)
{
    directory = directory_new();
    told_late = false;
    __atomic_store_n(&counters_cells()->directory_number, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&counters_cells()->directory_epoch, 0, __ATOMIC_RELAXED);
    start_process();
}

static void kill_process(void)
{
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    UNTIL(closed);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    channel_free(control);
    loop_free(loop);
}

static int end_planner(void)
{
    int status = -1;
    ck_assert(!told_late);
    ck_assert(channel_send(control, MSG_DRAIN, 0, NULL, 0, -1));
    UNTIL(closed);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    channel_free(control);
    loop_free(loop);
    directory_free(directory);
    counters_reset_gauges(1);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static bool confirmed_since(int64_t mono_ms)
{
    return __atomic_load_n(&counters_cells()->directory_confirmed_ms, __ATOMIC_RELAXED) >= mono_ms;
}

static void prepare(void)
{
    static bool made;
    cluster();
    if (made)
        return;
    made = true;
    sql(API);
    /* A circle of 100 m around the check-ins' point, as the shape column has it. */
    struct buf shape, text;
    char error[200];
    buf_init(&shape, 1000);
    buf_init(&text, 4000);
    ck_assert(fence_circle((struct point){.lon_deg = 120.3, .lat_deg = -2.5}, 100, &shape, error, sizeof error));
    buf_puts(&text, "create or replace function api.placements_wanted(l int) returns table (checkin uuid, lat float8,"
                    " lon float8, accuracy_m float8, cap_m float8, fence bigint, version int, shape text) language sql"
                    " security definer as $f$ select w.checkin, -2.5, 120.3, null::float8, 100::float8, 4::bigint, 1, '");
    for (size_t i = 0; i < shape.len; i++)
        buf_printf(&text, "%02x", shape.data[i]);
    buf_puts(&text, "' from api.wanted w where w.metres is null limit l $f$");
    sql(buf_str(&text));
    buf_fini(&text);
    buf_fini(&shape);
    counters_map();
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(folder, sizeof folder, "%s", "/tmp/hadir-planner-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* How many sessions the door knows of a person's first day. */
static size_t sessions_of(int64_t person)
{
    struct session_view view[2];
    int32_t day;
    size_t n = directory_sessions(directory, person, 864000000000, &day, view, 2);
    ck_assert_int_eq(day, 10);
    return n;
}

START_TEST(base_then_deltas_then_base)
{
    prepare();
    start_planner();
    UNTIL(bases == 1);
    ck_assert_int_eq(epoch, 1);
    ck_assert_int_eq(number, 100);
    ck_assert_uint_eq(directory_people(directory), 50);
    ck_assert_int_eq(directory_find_business(directory, "5", 1), 1);
    int64_t now = mono_now_ms();
    UNTIL(confirmed_since(now)); /* polls go on and confirm */
    ck_assert_uint_eq(bases + deltas, 1);

    sql("insert into api.people values (51, 101, false), (52, 101, false); update api.people set number = 101,"
        " removed = true where person = 1; update api.state set number = 101, changed = 3; notify hadir_plan");
    UNTIL(deltas == 1);
    ck_assert_int_eq(number, 101);
    ck_assert_uint_eq(directory_people(directory), 51);
    sql("insert into api.people values (53, 102, false); update api.state set number = 102, changed = 1"); /* no NOTIFY */
    UNTIL(deltas == 2);
    ck_assert_uint_eq(directory_people(directory), 52); /* what changed since the base, not since the last delta */
    ck_assert_uint_eq(bases, 1);
    ck_assert_uint_eq(sessions_of(2), 0);

    sql("update api.state set number = 103, changed = 0, slots = 103, sessions = '[{\"id\": 1, \"code\": \"pagi\","
        " \"label\": \"Pagi\", \"counts_as\": \"in\", \"accept_from_us\": 1, \"accept_until_us\": 2, \"due_us\": 1,"
        " \"on_time_from_us\": 1, \"on_time_until_us\": 2}]'; notify hadir_plan");
    UNTIL(deltas == 3); /* a rule that changes is told once for everybody */
    ck_assert_uint_eq(bases, 1);
    ck_assert_uint_eq(sessions_of(2), 1);
    ck_assert_uint_eq(sessions_of(53), 1);

    sql("update api.state set number = 104, changed = 10001; notify hadir_plan");
    UNTIL(bases == 2);
    ck_assert_uint_eq(sessions_of(2), 1);
    sql("update api.state set number = 105, changed = 1, first_day = '1970-01-12'; notify hadir_plan");
    UNTIL(bases == 3); /* another window */
    sql("insert into api.people select i, 106, false from generate_series(1001, 12001) i;"
        " update api.state set number = 106, changed = 1; notify hadir_plan");
    UNTIL(bases == 4); /* more rows than a delta holds, whatever SQL counted */
    ck_assert_uint_eq(directory_people(directory), 11053);
    sql("update api.state set epoch = 2, number = 50, changed = 0; notify hadir_plan");
    UNTIL(bases == 5); /* a database restored to an older state */
    ck_assert_int_eq(epoch, 2);
    ck_assert_int_eq(number, 50);
    ck_assert_int_eq(end_planner(), 0);
}
END_TEST

START_TEST(starts_by_the_files_of_an_earlier_run)
{
    prepare();
    start_planner();
    UNTIL(bases >= 1 && number == 50);
    sql("update api.state set number = 60, changed = 0");
    UNTIL(number == 60);
    ck_assert_int_eq(end_planner(), 0);
    pg_ctl("stop", "fast");
    start_planner();
    UNTIL(bases == 1);
    ck_assert_int_eq(epoch, 2);
    UNTIL(number == 60);
    ck_assert(!confirmed_since(1)); /* nobody knows whether it is still right */
    pg_ctl("start", NULL);
    UNTIL(confirmed_since(1));
    ck_assert_uint_eq(bases, 1); /* the same version: nothing to write */
    sql("update api.state set number = 61, changed = 0");
    UNTIL(bases == 2); /* a delta of its own needs a base of its own */
    ck_assert_int_eq(end_planner(), 0);
}
END_TEST

/* A base and a delta of its own, whose person is in no base. The door then knows so many. */
static size_t base_and_delta(int person)
{
    char text[300];
    int64_t then = number;
    UNTIL(confirmed_since(1));
    sql("update api.state set number = greatest(number, 200) + 1, changed = 10001"); /* the crowd of before is number 106 */
    UNTIL(number > then && bases > 0);
    unsigned before = deltas;
    snprintf(text, sizeof text, "update api.state set number = number + 1, changed = 1;"
             " insert into api.people select %d, number, false from api.state", person);
    sql(text);
    UNTIL(deltas == before + 1);
    UNTIL(__atomic_load_n(&counters_cells()->directory_number, __ATOMIC_RELAXED) == number);
    return directory_people(directory);
}

START_TEST(doors_keep_the_delta_when_only_the_planner_dies)
{
    prepare();
    start_planner();
    size_t known = base_and_delta(20001);
    int64_t then = number;
    fewest = known;
    told_late = false;
    kill_process();
    start_process();
    UNTIL(deltas == 1 && confirmed_since(1));
    ck_assert_uint_eq(bases, 0); /* the base that the doors have would take their delta away until it came again */
    ck_assert_int_eq(number, then);
    sql("update api.state set number = number + 1, changed = 0");
    UNTIL(bases == 1); /* a base of its own */
    ck_assert_uint_eq(fewest, known);
    ck_assert_int_eq(end_planner(), 0);

    /* All was started again: doors know nobody, and the newest version is told before the first file. */
    start_planner();
    known = base_and_delta(20002);
    ck_assert_int_eq(end_planner(), 0);
    told_late = false;
    start_planner();
    UNTIL(bases == 1 && deltas == 1);
    ck_assert(!told_late);
    ck_assert_uint_eq(directory_people(directory), known);
    ck_assert_int_eq(end_planner(), 0);
}
END_TEST

/* The delta is lost while the planner is dead: by the base alone its people would be strangers, and be told so. */
START_TEST(a_base_without_its_delta_is_not_confirmed)
{
    char path[200];
    prepare();
    start_planner();
    size_t known = base_and_delta(20004);
    UNTIL(confirmed_since(1));
    pg_ctl("stop", "fast");
    kill_process();
    snprintf(path, sizeof path, "%s/directory.delta", folder);
    ck_assert_int_eq(unlink(path), 0);
    start_process();
    UNTIL(bases == 1);
    ck_assert_uint_lt(directory_people(directory), known);
    ck_assert(!confirmed_since(1));
    pg_ctl("start", NULL);
    UNTIL(confirmed_since(1));
    UNTIL(directory_people(directory) == known);
    ck_assert_int_eq(end_planner(), 0);
}
END_TEST

START_TEST(the_first_file_on_a_new_connection_is_a_base)
{
    prepare();
    start_planner();
    size_t known = base_and_delta(20003);
    unsigned bases_before = bases, deltas_before = deltas;
    pg_ctl("stop", "fast");
    pg_ctl("start", NULL);
    /* The database was put back to before person 20003, in the same epoch, and went on from there. */
    sql("delete from api.people where person = 20003; update api.state set number = number + 1, changed = 1");
    UNTIL(bases + deltas > bases_before + deltas_before);
    ck_assert_uint_eq(bases, bases_before + 1); /* no delta would take the person out */
    ck_assert_uint_eq(directory_people(directory), known - 1);
    sql("insert into api.people select 20003, number + 1, false from api.state;"
        " update api.state set number = number + 1, changed = 1");
    UNTIL(deltas == deltas_before + 1); /* and from there on deltas again */
    ck_assert_uint_eq(bases, bases_before + 1);
    ck_assert_uint_eq(directory_people(directory), known);
    ck_assert_int_eq(end_planner(), 0);
}
END_TEST

START_TEST(a_refused_copy_is_tried_again)
{
    prepare();
    start_planner();
    UNTIL(confirmed_since(1));
    unsigned before = bases;
    sql("alter view api.directory_business rename to elsewhere; update api.state set number = 70; notify hadir_plan");
    int64_t now = mono_now_ms();
    UNTIL(value_is("select (refreshes > 0)::text from api.state", "true"));
    for (int i = 0; i < 20; i++)
        loop_turn(loop, 20);
    ck_assert(!confirmed_since(now + 400));
    ck_assert_uint_eq(bases, before);
    sql("alter view api.elsewhere rename to directory_business");
    UNTIL(bases == before + 1 && number == 70);
    ck_assert_int_eq(end_planner(), 0);
}
END_TEST

/* A deadlock or a lock that was not to be had passes: fourteen of them in turn do not add up to more than a minute. */
START_TEST(what_passes_is_asked_again_soon)
{
    prepare();
    sql("create sequence api.refusals; grant usage on api.refusals to hadir_planner;"
        " alter function api.plan_refresh(timestamptz, boolean) rename to plan_refresh_then;"
        " create function api.plan_refresh(n timestamptz, p_all boolean) returns table (epoch bigint, number bigint,"
        " changed_people bigint, first_day date, days int, compiled_at timestamptz) language plpgsql as $f$"
        " begin if nextval('api.refusals') <= 14 then raise exception 'not now' using errcode ="
        " (array['40001', '40P01', '55P03', '57014'])[1 + currval('api.refusals') % 4]; end if;"
        " return query select * from api.plan_refresh_then(n, p_all); end $f$;"
        " grant execute on all functions in schema api to hadir_planner");
    start_planner();
    UNTIL(confirmed_since(1));
    ck_assert(value_is("select (last_value >= 15)::text from api.refusals", "true"));
    ck_assert_int_eq(end_planner(), 0);
}
END_TEST

START_TEST(placements_are_filled_in)
{
    prepare();
    sql("update api.wanted set metres = null, relation = null");
    start_planner();
    UNTIL(value_is("select count(*)::text from api.wanted where metres is null", "0"));
    ck_assert(value_is("select count(*)::text from api.wanted where relation = 'inside' and abs(metres + 100) < 0.01", "450"));
    UNTIL(counter_total(C_PLACED_LATER) >= 450);
    ck_assert_int_eq(end_planner(), 0);
    char path[100];
    const char *const files[] = {"directory.base", "directory.delta"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

UNIT_MAIN("planner/life", base_then_deltas_then_base, starts_by_the_files_of_an_earlier_run,
          doors_keep_the_delta_when_only_the_planner_dies, a_base_without_its_delta_is_not_confirmed,
          the_first_file_on_a_new_connection_is_a_base, a_refused_copy_is_tried_again,
          what_passes_is_asked_again_soon, placements_are_filled_in)
