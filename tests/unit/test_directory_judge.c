/* Judging against a made-up plan: Monday 29 December 2025 in a zone of UTC+8. Masuk 06:00–12:00, due 07:30, a minute of
 * grace; apel 12:00–13:00; pulang 13:00–24:00, due 16:00. The plan is data here as it is in the house. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "directory.h"
#include "snapshot.h"
#include "unit.h"
#include "wall.h"

#define MINUTE_US (60 * US_PER_S)
#define HOUR_US (60 * MINUTE_US)
#define FIRST_DAY 20450 /* 2025-12-28, a Sunday */
#define MONDAY 20451
#define DAYS 4

enum { OFFICE = 11, SECOND_OFFICE = 12, SITE = 13, HOME = 14, AREA = 15, SHARED_OFFICE = 21, SHARED_SITE = 22 };
enum { ORDINARY = 1, ATHOME = 2, ANYWHERE = 3, ARRIVAL_ONLY = 4, NIGHT = 5, CROWDED = 6, TWO_OFFICES = 7, WITH_AREA = 8 };

static char error[300];

/* Local time of a day (0 = Sunday 28th), hours may exceed 24. */
static int64_t at(int day, int hour, int minute, int second)
{
    return ((int64_t)(FIRST_DAY + day) * 24 + hour - 8) * HOUR_US + minute * MINUTE_US + second * US_PER_S;
}

static int64_t local(int hour, int minute, int second)
{
    return at(1, hour, minute, second);
}

/* The plan is made before check runs, where its assertions do not work yet. */
static void must(bool ok)
{
    if (!ok) {
        fprintf(stderr, "making the plan failed: %s\n", error);
        abort();
    }
}

/* Metres north of the office's centre as latitude; all fences stand on one meridian. */
static double north(double metres)
{
    return -2.55 + metres / 110576.2;
}

static void circle(struct snapshot *s, int64_t id, enum fence_kind kind, double metres_north, double radius_m, bool shared)
{
    struct buf b;
    buf_init(&b, 100);
    must(fence_circle((struct point){120.32, north(metres_north)}, radius_m, &b, error, sizeof error));
    must(snapshot_fence(s, id, (int32_t)id * 2, 1, kind, "Setda", shared, (struct fence_shape){b.data, b.len, NULL}, false));
    buf_fini(&b);
}

static void pattern(struct snapshot *s, int64_t id, int day, enum place place, bool anywhere, const int64_t *fences,
                    size_t fence_count)
{
    const struct snapshot_session sessions[] = {
        {.id = 3, .code = "sore", .label = "Pulang", .counts_as = COUNTS_AS_OUT, .accept_from_us = at(day, 13, 0, 0),
         .accept_until_us = at(day, 24, 0, 0), .due_us = at(day, 16, 0, 0), .on_time_from_us = at(day, 16, 0, 0),
         .on_time_until_us = at(day, 24, 0, 0)},
        {.id = 1, .code = "pagi", .label = "Masuk", .counts_as = COUNTS_AS_IN, .accept_from_us = at(day, 6, 0, 0),
         .accept_until_us = at(day, 12, 0, 0), .due_us = at(day, 7, 30, 0), .on_time_from_us = at(day, 6, 0, 0),
         .on_time_until_us = at(day, 7, 31, 0)},
        {.id = 2, .code = "apel", .label = "Apel", .counts_as = COUNTS_AS_PRESENCE, .accept_from_us = at(day, 12, 0, 0),
         .accept_until_us = at(day, 13, 0, 0), .due_us = at(day, 12, 0, 0), .on_time_from_us = at(day, 12, 0, 0),
         .on_time_until_us = at(day, 12, 30, 0)},
    };
    struct snapshot_pattern p = {.id = id * 10 + day, .starts_us = at(day, 0, 0, 0), .ends_us = at(day, 24, 0, 0),
                                 .place = place, .anywhere = anywhere, .accuracy_cap_m = 100,
                                 .decides = {0, TIME_FIX, TIME_FIX, TIME_FIX, TIME_MESSAGE}, .sessions = sessions,
                                 .session_count = 3, .fences = fences, .fence_count = fence_count};
    if (id == ARRIVAL_ONLY)
        for (int i = 1; i <= CHANNEL_MAX; i++)
            p.decides[i] = TIME_ARRIVAL;
    must(snapshot_pattern(s, &p));
}

static void day_off(struct snapshot *s, int64_t id, int day)
{
    struct snapshot_pattern p = {.id = id, .starts_us = at(day, 0, 0, 0), .ends_us = at(day, 24, 0, 0), .accuracy_cap_m = 100,
                                 .decides = {0, TIME_FIX, TIME_FIX, TIME_FIX, TIME_MESSAGE}};
    must(snapshot_pattern(s, &p));
}

/* Monday's night shift: in from 21:00, out until Tuesday 09:00. */
static void night_shift(struct snapshot *s, int64_t id)
{
    const struct snapshot_session sessions[] = {
        {.id = 8, .code = "malam", .label = "Malam", .counts_as = COUNTS_AS_IN, .accept_from_us = at(1, 21, 0, 0),
         .accept_until_us = at(1, 26, 0, 0), .due_us = at(1, 23, 0, 0), .on_time_from_us = at(1, 21, 0, 0),
         .on_time_until_us = at(1, 23, 0, 0)},
        {.id = 9, .code = "lepas", .label = "Lepas malam", .counts_as = COUNTS_AS_OUT, .accept_from_us = at(1, 26, 0, 0),
         .accept_until_us = at(1, 33, 0, 0), .due_us = at(1, 31, 0, 0), .on_time_from_us = at(1, 31, 0, 0),
         .on_time_until_us = at(1, 33, 0, 0)},
    };
    struct snapshot_pattern p = {.id = id, .starts_us = at(1, 0, 0, 0), .ends_us = at(1, 24, 0, 0), .place = PLACE_WFO,
                                 .accuracy_cap_m = 100, .decides = {0, TIME_FIX, TIME_FIX, TIME_FIX, TIME_MESSAGE},
                                 .sessions = sessions, .session_count = 2};
    must(snapshot_pattern(s, &p));
}

static struct directory *made(int64_t compiled_us)
{
    char folder[] = "/tmp/hadir-judge-XXXXXX", path[64];
    struct snapshot_header h = {.epoch = 1, .number = 4, .base_number = 4, .compiled_us = compiled_us,
                                .first_day = FIRST_DAY, .days = DAYS};
    struct snapshot *s = snapshot_new(&h);
    const int64_t office = OFFICE, home = HOME, two[] = {OFFICE, SECOND_OFFICE}, with_area[] = {AREA, OFFICE},
                  all[] = {OFFICE, SITE, AREA};
    int64_t crowd[40];
    for (int i = 0; i < 40; i++) {
        crowd[i] = 100 + i;
        circle(s, crowd[i], FENCE_SITE, 10000 + 100 * i, 40, false);
    }
    pattern(s, ORDINARY, 1, PLACE_WFO, false, &office, 1);
    pattern(s, ATHOME, 1, PLACE_WFH, false, &office, 1);
    pattern(s, ANYWHERE, 1, PLACE_WFA, true, &office, 1);
    pattern(s, ARRIVAL_ONLY, 1, PLACE_WFO, false, all, 3);
    pattern(s, CROWDED, 1, PLACE_DL, false, crowd, 40);
    pattern(s, TWO_OFFICES, 1, PLACE_WFO, false, two, 2);
    pattern(s, WITH_AREA, 1, PLACE_WFO, false, with_area, 2);
    day_off(s, 1000, 0);
    day_off(s, 1002, 2);
    night_shift(s, 1005);
    for (int64_t person = 1; person <= 8; person++) {
        const struct snapshot_member own = {FIRST_DAY, FIRST_DAY + DAYS, (uint32_t)person};
        must(snapshot_slot(s, own.pair, FIRST_DAY, 1000));
        must(snapshot_slot(s, own.pair, MONDAY, person == NIGHT ? 1005 : person * 10 + 1));
        must(snapshot_slot(s, own.pair, MONDAY + 1, 1002));
        must(snapshot_person(s, person, 1, &own, 1, &home, 1, false));
    }
    circle(s, OFFICE, FENCE_OFFICE, 0, 100, false);
    circle(s, SECOND_OFFICE, FENCE_OFFICE, 100, 100, false);
    circle(s, SITE, FENCE_SITE, 1000, 100, false);
    circle(s, HOME, FENCE_HOME, 3000, 50, false);
    circle(s, AREA, FENCE_AREA, 0, 50000, false);
    circle(s, SHARED_OFFICE, FENCE_OFFICE, 5000, 100, true);
    circle(s, SHARED_SITE, FENCE_SITE, 275, 200, true);
    must(mkdtemp(folder) != NULL);
    int fd = snapshot_write(s, folder, "base", error, sizeof error);
    must(fd >= 0);
    snapshot_free(s);
    snprintf(path, sizeof path, "%s/base", folder);
    unlink(path);
    rmdir(folder);
    struct directory *d = directory_new();
    must(directory_adopt(d, fd, error, sizeof error));
    return d;
}

static struct directory *plan; /* made once, only read */

static void plan_make(void) __attribute__((constructor));
static void plan_make(void)
{
    plan = made(at(1, 0, 0, 0));
}

static void plan_free(void) __attribute__((destructor));
static void plan_free(void)
{
    directory_free(plan);
}

/* A native check-in of an ordinary person at the office's centre, fixed and sent at the moment of arrival. */
static struct fact fact(int64_t received_us)
{
    return (struct fact){.government = 1, .person = ORDINARY, .device = 5, .channel = CHANNEL_NATIVE, .fix_us = received_us,
                         .message_us = TIME_ABSENT, .sent_us = received_us, .received_us = received_us,
                         .clock_state = CLOCK_SYNCHRONISED, .lat_deg = north(0), .lon_deg = 120.32, .has_accuracy = true,
                         .accuracy_m = 10};
}

static struct fact judged(struct fact f)
{
    directory_judge(plan, &f);
    return f;
}

static struct fact judged_at(int64_t received_us)
{
    return judged(fact(received_us));
}

static struct fact device_fact(enum channel channel, int64_t fix_us, int64_t received_us)
{
    struct fact f = fact(received_us);
    f.channel = channel;
    f.fix_us = fix_us;
    f.sent_us = TIME_ABSENT;
    return f;
}

/* ---- time ---- */

START_TEST(late_begins_exactly_when_grace_ends)
{
    struct fact f = judged_at(local(7, 31, 0) - 1);
    ck_assert_int_eq(f.first.verdict, VERDICT_ON_TIME);
    ck_assert_int_eq(f.first.late_minutes, 0);
    f = judged_at(local(7, 31, 0));
    ck_assert_int_eq(f.first.verdict, VERDICT_LATE);
    ck_assert_int_eq(f.first.late_minutes, 1);
    f = judged_at(local(7, 31, 59) + US_PER_S - 1);
    ck_assert_int_eq(f.first.late_minutes, 1);
    f = judged_at(local(7, 32, 0));
    ck_assert_int_eq(f.first.late_minutes, 2);
    f = judged_at(local(11, 59, 59));
    ck_assert_int_eq(f.first.late_minutes, 269);
    ck_assert_int_eq(f.first.day, MONDAY);
    ck_assert_int_eq(f.first.session, 1);
    ck_assert_int_eq(f.first.counts_as, COUNTS_AS_IN);
    ck_assert_uint_eq(f.first.session_code.len, 4);
    ck_assert_mem_eq(f.first.session_code.s, "pagi", 4);
    ck_assert_mem_eq(f.first.session_label.s, "Masuk", 5);
    ck_assert_int_eq(f.directory_epoch, 1);
    ck_assert_int_eq(f.directory_number, 4);
}
END_TEST

START_TEST(early_leave_rounds_minutes_up)
{
    struct fact f = judged_at(local(16, 0, 0) - 1);
    ck_assert_int_eq(f.first.verdict, VERDICT_EARLY);
    ck_assert_int_eq(f.first.early_minutes, 1);
    ck_assert_int_eq(f.first.counts_as, COUNTS_AS_OUT);
    f = judged_at(local(15, 59, 0));
    ck_assert_int_eq(f.first.early_minutes, 1);
    f = judged_at(local(15, 59, 0) - 1);
    ck_assert_int_eq(f.first.early_minutes, 2);
    f = judged_at(local(16, 0, 0));
    ck_assert_int_eq(f.first.verdict, VERDICT_ON_TIME);
    ck_assert_int_eq(f.first.early_minutes, 0);
    f = judged_at(local(23, 59, 59));
    ck_assert_int_eq(f.first.verdict, VERDICT_ON_TIME);
}
END_TEST

START_TEST(intervals_are_half_open)
{
    ck_assert_int_eq(judged_at(local(6, 0, 0) - 1).first.verdict, VERDICT_OUTSIDE_WINDOW);
    ck_assert_int_eq(judged_at(local(6, 0, 0)).first.session, 1);
    ck_assert_int_eq(judged_at(local(12, 0, 0) - 1).first.session, 1);
    ck_assert_int_eq(judged_at(local(12, 0, 0)).first.session, 2);
    ck_assert_int_eq(judged_at(local(13, 0, 0) - 1).first.session, 2);
    ck_assert_int_eq(judged_at(local(13, 0, 0)).first.session, 3);
    ck_assert_int_eq(judged_at(local(24, 0, 0) - 1).first.session, 3);
    struct fact f = judged_at(local(24, 0, 0));
    ck_assert_int_eq(f.first.session, 0);
    ck_assert_int_eq(f.first.day, MONDAY + 1);
    ck_assert_int_eq(f.first.verdict, VERDICT_NOT_EXPECTED);
}
END_TEST

START_TEST(presence_is_on_time_throughout)
{
    ck_assert_int_eq(judged_at(local(12, 0, 0)).first.verdict, VERDICT_ON_TIME);
    struct fact f = judged_at(local(12, 59, 59));
    ck_assert_int_eq(f.first.verdict, VERDICT_ON_TIME);
    ck_assert_int_eq(f.first.late_minutes, 0);
    ck_assert_int_eq(f.first.counts_as, COUNTS_AS_PRESENCE);
}
END_TEST

START_TEST(without_a_session_the_day_says_why)
{
    struct fact f = judged_at(local(5, 0, 0));
    ck_assert_int_eq(f.first.verdict, VERDICT_OUTSIDE_WINDOW);
    ck_assert_int_eq(f.first.day, MONDAY);
    ck_assert_ptr_null(f.first.session_code.s);
    ck_assert_int_eq(f.first.counts_as, 0);
    f = judged_at(at(0, 8, 0, 0));
    ck_assert_int_eq(f.first.verdict, VERDICT_NOT_EXPECTED);
    ck_assert_int_eq(f.first.day, FIRST_DAY);
    f = judged_at(at(3, 8, 0, 0)); /* not compiled */
    ck_assert_int_eq(f.first.verdict, VERDICT_PENDING);
    ck_assert_int_eq(f.first.day, INT32_MIN);
    f = judged_at(at(40, 8, 0, 0)); /* beyond the file's days */
    ck_assert_int_eq(f.first.verdict, VERDICT_PENDING);
    f = fact(local(7, 0, 0));
    f.person = 999;
    f = judged(f);
    ck_assert_int_eq(f.first.verdict, VERDICT_PENDING);
    ck_assert_int_eq(f.decided_by, TIME_ARRIVAL);
    struct directory *empty = directory_new();
    f = fact(local(7, 0, 0));
    directory_judge(empty, &f);
    ck_assert_int_eq(f.first.verdict, VERDICT_PENDING);
    ck_assert_int_eq(f.first.relation, RELATION_NONE);
    ck_assert_int_eq(f.directory_number, 0);
    ck_assert_uint_eq(f.placement_count, 0);
    directory_free(empty);
}
END_TEST

START_TEST(a_shift_over_midnight_belongs_to_the_day_it_began)
{
    struct fact f = fact(at(1, 23, 30, 0));
    f.person = NIGHT;
    f = judged(f);
    ck_assert_int_eq(f.first.verdict, VERDICT_LATE);
    ck_assert_int_eq(f.first.late_minutes, 30);
    f = fact(at(2, 1, 30, 0)); /* Tuesday, a day off, but within Monday's session */
    f.person = NIGHT;
    f = judged(f);
    ck_assert_int_eq(f.first.session, 8);
    ck_assert_int_eq(f.first.day, MONDAY);
    ck_assert_int_eq(f.first.late_minutes, 150);
    f = fact(at(2, 6, 15, 0));
    f.person = NIGHT;
    f = judged(f);
    ck_assert_int_eq(f.first.session, 9);
    ck_assert_int_eq(f.first.verdict, VERDICT_EARLY);
    ck_assert_int_eq(f.first.early_minutes, 45);
    f = fact(at(2, 9, 0, 0));
    f.person = NIGHT;
    f = judged(f);
    ck_assert_int_eq(f.first.verdict, VERDICT_NOT_EXPECTED);
    ck_assert_int_eq(f.first.day, MONDAY + 1);
}
END_TEST

/* ---- which time decides ---- */

START_TEST(a_native_fix_is_corrected_by_arrival)
{
    struct fact f = fact(local(9, 0, 0));
    f.fix_us = local(7, 10, 0) + 2 * HOUR_US; /* the phone's clock is two hours ahead */
    f.sent_us = local(8, 59, 58) + 2 * HOUR_US;
    f = judged(f);
    ck_assert_int_eq(f.decided_by, TIME_FIX);
    ck_assert_int_eq(f.decided_us, local(7, 10, 2));
    ck_assert_int_eq(f.first.verdict, VERDICT_ON_TIME);
    ck_assert_uint_eq(f.flags, FLAG_LATE_DELIVERY | FLAG_FUTURE_FIX);
    f = fact(local(9, 0, 0));
    f.fix_us = f.sent_us - 24 * HOUR_US;
    f = judged(f);
    ck_assert_int_eq(f.decided_us, local(9, 0, 0) - 24 * HOUR_US);
    ck_assert_int_eq(f.first.verdict, VERDICT_NOT_EXPECTED); /* Sunday */
}
END_TEST

START_TEST(a_stale_native_fix_is_judged_by_arrival)
{
    struct fact f = fact(local(9, 0, 0));
    f.fix_us = f.sent_us - 24 * HOUR_US - 1;
    f = judged(f);
    ck_assert_int_eq(f.decided_by, TIME_ARRIVAL);
    ck_assert_int_eq(f.decided_us, local(9, 0, 0));
    ck_assert_uint_eq(f.flags, FLAG_STALE_FIX);
    ck_assert_int_eq(f.first.late_minutes, 90);
    f = fact(local(9, 0, 0));
    f.fix_us = f.sent_us + 1; /* sent before it was made */
    f = judged(f);
    ck_assert_int_eq(f.decided_by, TIME_ARRIVAL);
    ck_assert_uint_eq(f.flags, FLAG_STALE_FIX);
    f = fact(local(9, 0, 0));
    f.sent_us = TIME_ABSENT;
    f = judged(f);
    ck_assert_int_eq(f.decided_by, TIME_ARRIVAL);
    ck_assert_uint_eq(f.flags, FLAG_STALE_FIX);
    f = fact(local(9, 0, 0));
    f.fix_us = TIME_ABSENT;
    f = judged(f);
    ck_assert_int_eq(f.decided_by, TIME_ARRIVAL);
    ck_assert_uint_eq(f.flags, FLAG_STALE_FIX);
    f = fact(local(9, 0, 0));
    f.fix_us = INT64_MIN + 1;
    f.sent_us = INT64_MAX;
    f = judged(f);
    ck_assert_int_eq(f.decided_by, TIME_ARRIVAL);
}
END_TEST

START_TEST(whatsapp_goes_by_message_time)
{
    struct fact f = fact(local(7, 40, 0));
    f.channel = CHANNEL_WHATSAPP;
    f.fix_us = f.sent_us = TIME_ABSENT;
    f.message_us = local(7, 30, 59);
    f = judged(f);
    ck_assert_int_eq(f.decided_by, TIME_MESSAGE);
    ck_assert_int_eq(f.decided_us, local(7, 30, 59));
    ck_assert_int_eq(f.first.verdict, VERDICT_ON_TIME);
    ck_assert_uint_eq(f.flags, FLAG_LATE_DELIVERY);
    f.flags = 0;
    f.message_us = local(7, 35, 0);
    f = judged(f);
    ck_assert_uint_eq(f.flags, 0); /* exactly five minutes is not late yet */
    ck_assert_int_eq(f.first.late_minutes, 5);
    f.message_us = TIME_ABSENT;
    f = judged(f);
    ck_assert_int_eq(f.decided_by, TIME_ARRIVAL);
    ck_assert_int_eq(f.first.late_minutes, 10);
    f.flags = 0;
    f.message_us = f.received_us + MINUTE_US + 1;
    f = judged(f);
    ck_assert_int_eq(f.decided_by, TIME_ARRIVAL);
    ck_assert_uint_eq(f.flags, FLAG_FUTURE_FIX);
}
END_TEST

START_TEST(trackers_go_by_their_own_clock)
{
    static const enum channel channels[] = {CHANNEL_OWNTRACKS, CHANNEL_OSMAND};
    for (size_t i = 0; i < 2; i++) {
        struct fact f = judged(device_fact(channels[i], local(7, 20, 0), local(9, 0, 0)));
        ck_assert_int_eq(f.decided_by, TIME_FIX);
        ck_assert_int_eq(f.decided_us, local(7, 20, 0));
        ck_assert_int_eq(f.first.verdict, VERDICT_ON_TIME);
        ck_assert_uint_eq(f.flags, FLAG_DEVICE_CLOCK | FLAG_LATE_DELIVERY);
        f = judged(device_fact(channels[i], local(8, 55, 0), local(9, 0, 0)));
        ck_assert_uint_eq(f.flags, FLAG_DEVICE_CLOCK);
        f = judged(device_fact(channels[i], local(9, 1, 0), local(9, 0, 0)));
        ck_assert_int_eq(f.decided_us, local(9, 1, 0)); /* a minute ahead is still believed */
        ck_assert_uint_eq(f.flags, FLAG_DEVICE_CLOCK);
        f = judged(device_fact(channels[i], local(9, 1, 0) + 1, local(9, 0, 0)));
        ck_assert_int_eq(f.decided_by, TIME_ARRIVAL);
        ck_assert_int_eq(f.decided_us, local(9, 0, 0));
        ck_assert_uint_eq(f.flags, FLAG_FUTURE_FIX);
        f = judged(device_fact(channels[i], TIME_ABSENT, local(9, 0, 0)));
        ck_assert_int_eq(f.decided_by, TIME_ARRIVAL);
        ck_assert_uint_eq(f.flags, 0);
    }
}
END_TEST

START_TEST(the_plan_says_which_time_decides)
{
    struct fact f = device_fact(CHANNEL_OWNTRACKS, local(7, 0, 0), local(9, 0, 0));
    f.person = ARRIVAL_ONLY;
    f = judged(f);
    ck_assert_int_eq(f.decided_by, TIME_ARRIVAL);
    ck_assert_int_eq(f.first.late_minutes, 90);
    ck_assert_uint_eq(f.flags, 0);
    /* the day of arrival counts for the choice, the day of the deciding time for the verdict */
    f = device_fact(CHANNEL_OWNTRACKS, local(7, 0, 0), at(2, 9, 0, 0));
    f.person = ARRIVAL_ONLY;
    f = judged(f);
    ck_assert_int_eq(f.decided_by, TIME_FIX);
    ck_assert_int_eq(f.first.day, MONDAY);
    ck_assert_int_eq(f.first.verdict, VERDICT_ON_TIME);
}
END_TEST

START_TEST(the_clock_and_the_claim_leave_flags)
{
    struct fact f = fact(local(7, 0, 0));
    f.clock_state = CLOCK_UNSYNCHRONISED;
    f.automatic = true;
    ck_assert_uint_eq(judged(f).flags, FLAG_CLOCK_UNSYNCHRONISED | FLAG_AUTOMATIC);
    f.clock_state = CLOCK_SIMULATED;
    f.automatic = false;
    f.flags = FLAG_MOCK;
    ck_assert_uint_eq(judged(f).flags, FLAG_CLOCK_SIMULATED | FLAG_MOCK);
    static const struct {
        const char *claimed;
        uint32_t flags;
    } cases[] = {{"pagi", 0}, {"PAGI", 0}, {"mASUK", 0}, {"", 0}, {"sore", FLAG_SESSION_DIFFERS}, {"pag", FLAG_SESSION_DIFFERS},
                 {"pagix", FLAG_SESSION_DIFFERS}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f = fact(local(7, 0, 0));
        f.session_claimed = (struct text){cases[i].claimed, strlen(cases[i].claimed)};
        ck_assert_msg(judged(f).flags == cases[i].flags, "%s", cases[i].claimed);
    }
    f = fact(at(3, 7, 0, 0)); /* no plan: nothing to differ from */
    f.session_claimed = (struct text){"sore", 4};
    ck_assert_uint_eq(judged(f).flags, 0);
}
END_TEST

/* ---- place ---- */

static struct fact placed(int64_t person, double metres_north, double accuracy_m)
{
    struct fact f = fact(local(7, 0, 0));
    f.person = person;
    f.lat_deg = north(metres_north);
    f.has_accuracy = accuracy_m > 0;
    f.accuracy_m = accuracy_m;
    return judged(f);
}

START_TEST(inside_the_office_is_wfo)
{
    struct fact f = placed(ORDINARY, -20, 10);
    ck_assert_int_eq(f.first.place, PLACE_WFO);
    ck_assert_int_eq(f.first.fence, OFFICE);
    ck_assert_int_eq(f.first.relation, RELATION_INSIDE);
    ck_assert(f.first.has_distance);
    ck_assert_double_eq_tol(f.first.distance_m, -80, 0.01);
    ck_assert_uint_eq(f.first.fence_name.len, 5);
    ck_assert_mem_eq(f.first.fence_name.s, "Setda", 5);
    ck_assert_uint_eq(f.flags, 0);
    ck_assert_int_eq(f.placements[0].fence, OFFICE);
    ck_assert_int_eq(f.placements[0].fence_version, OFFICE * 2);
}
END_TEST

START_TEST(outside_what_is_expected_has_no_place)
{
    struct fact f = placed(ORDINARY, -1100, 10);
    ck_assert_int_eq(f.first.place, PLACE_NONE);
    ck_assert_int_eq(f.first.fence, OFFICE);
    ck_assert_int_eq(f.first.relation, RELATION_OUTSIDE);
    ck_assert_double_eq_tol(f.first.distance_m, 1000, 0.05);
    ck_assert_uint_eq(f.placement_count, 1);
    ck_assert_int_eq(f.first.verdict, VERDICT_ON_TIME); /* recorded and judged all the same */
}
END_TEST

START_TEST(uncertain_counts_as_inside_and_says_so)
{
    struct fact f = placed(ORDINARY, -130, 30.1);
    ck_assert_int_eq(f.first.place, PLACE_WFO);
    ck_assert_int_eq(f.first.relation, RELATION_UNCERTAIN);
    ck_assert_uint_eq(f.flags, FLAG_UNCERTAIN_PLACE);
    f = placed(ORDINARY, -130, 29.9);
    ck_assert_int_eq(f.first.place, PLACE_NONE);
    ck_assert_uint_eq(f.flags, 0);
    f = placed(ORDINARY, -199, 3000); /* the cap, not the phone, says how far */
    ck_assert_int_eq(f.first.place, PLACE_WFO);
    ck_assert_uint_eq(f.flags, FLAG_UNCERTAIN_PLACE | FLAG_INACCURATE);
    f = placed(ORDINARY, -201, 3000);
    ck_assert_int_eq(f.first.place, PLACE_NONE);
    ck_assert_uint_eq(f.flags, FLAG_INACCURATE);
    f = placed(ORDINARY, -101, 0); /* unknown accuracy: by the point */
    ck_assert_int_eq(f.first.relation, RELATION_OUTSIDE);
    ck_assert_uint_eq(f.flags, FLAG_ACCURACY_UNKNOWN);
    f = placed(ORDINARY, -99, 0);
    ck_assert_int_eq(f.first.relation, RELATION_INSIDE);
}
END_TEST

START_TEST(inside_beats_uncertain_and_bound_beats_shared)
{
    /* 20 m inside the bound office, 5 m inside the shared site: the bound one decides, although its edge is farther */
    struct fact f = placed(ORDINARY, 80, 3);
    ck_assert_int_eq(f.first.fence, OFFICE);
    ck_assert_int_eq(f.first.place, PLACE_WFO);
    ck_assert_uint_eq(f.placement_count, 2);
    /* just outside the bound office, uncertain; well inside the shared site: inside decides */
    f = placed(ORDINARY, 110, 30);
    ck_assert_int_eq(f.first.fence, SHARED_SITE);
    ck_assert_int_eq(f.first.place, PLACE_DL);
    ck_assert_uint_eq(f.flags, 0);
    ck_assert_int_eq(f.placements[1].relation, RELATION_UNCERTAIN);
    /* only a shared office around: it decides, although the plan does not name it */
    f = placed(ORDINARY, 5000, 10);
    ck_assert_int_eq(f.first.fence, SHARED_OFFICE);
    ck_assert_int_eq(f.first.place, PLACE_WFO);
}
END_TEST

START_TEST(the_nearest_boundary_decides_among_equals)
{
    /* 10 m inside the first office's edge, 90 m inside the second's */
    struct fact f = placed(TWO_OFFICES, 90, 5);
    ck_assert_int_eq(f.first.fence, OFFICE);
    f = placed(TWO_OFFICES, 10, 5);
    ck_assert_int_eq(f.first.fence, SECOND_OFFICE);
    f = placed(TWO_OFFICES, 600, 5); /* outside both */
    ck_assert_int_eq(f.first.fence, SECOND_OFFICE);
    ck_assert_double_eq_tol(f.first.distance_m, 400, 0.05);
    f = placed(TWO_OFFICES, -600, 5);
    ck_assert_int_eq(f.first.fence, OFFICE);
}
END_TEST

START_TEST(homes_count_only_where_the_plan_allows)
{
    struct fact f = placed(ORDINARY, 3000, 10);
    ck_assert_int_eq(f.first.place, PLACE_NONE);
    for (size_t i = 0; i < f.placement_count; i++)
        ck_assert_int_ne(f.placements[i].fence, HOME);
    f = placed(ATHOME, 3000, 10);
    ck_assert_int_eq(f.first.place, PLACE_WFH);
    ck_assert_int_eq(f.first.fence, HOME);
    f = placed(ATHOME, 2500, 10); /* on the way: neither home nor office */
    ck_assert_int_eq(f.first.place, PLACE_NONE);
    ck_assert_int_eq(f.first.fence, HOME);
    ck_assert_int_eq(f.first.relation, RELATION_OUTSIDE);
    f = placed(ATHOME, 0, 10); /* came to the office all the same */
    ck_assert_int_eq(f.first.place, PLACE_WFO);
    f = placed(ANYWHERE, 3000, 10);
    ck_assert_int_eq(f.first.place, PLACE_WFH);
}
END_TEST

START_TEST(anywhere_fulfils_the_plans_place)
{
    struct fact f = placed(ANYWHERE, -90000, 10);
    ck_assert_int_eq(f.first.place, PLACE_WFA);
    ck_assert_int_eq(f.first.fence, OFFICE); /* nearest bound one, for information */
    ck_assert_int_eq(f.first.relation, RELATION_OUTSIDE);
    ck_assert_double_gt(f.first.distance_m, 89000);
    f = placed(ANYWHERE, 0, 10);
    ck_assert_int_eq(f.first.place, PLACE_WFO);
    ck_assert_int_eq(f.first.fence, OFFICE);
}
END_TEST

START_TEST(areas_never_decide)
{
    struct fact f = placed(WITH_AREA, -20000, 10); /* inside the area, far from the office */
    ck_assert_int_eq(f.first.place, PLACE_NONE);
    ck_assert_int_eq(f.first.fence, OFFICE);
    ck_assert_int_eq(f.first.relation, RELATION_OUTSIDE);
    ck_assert_uint_eq(f.placement_count, 2);
    ck_assert_int_eq(f.placements[1].fence, AREA);
    ck_assert_int_eq(f.placements[1].relation, RELATION_INSIDE);
}
END_TEST

START_TEST(no_fence_asked_is_no_relation)
{
    struct fact f = fact(at(0, 8, 0, 0)); /* a day off binds nothing */
    f.lat_deg = north(-1000);
    f = judged(f);
    ck_assert_int_eq(f.first.relation, RELATION_NONE);
    ck_assert_int_eq(f.first.fence, 0);
    ck_assert_int_eq(f.first.place, PLACE_NONE);
    ck_assert(!f.first.has_distance);
    ck_assert_ptr_null(f.first.fence_name.s);
    ck_assert_uint_eq(f.placement_count, 0);
    f = fact(local(7, 0, 0));
    f.lat_deg = NAN;
    ck_assert_int_eq(judged(f).first.relation, RELATION_NONE);
}
END_TEST

START_TEST(more_fences_than_fit_keep_those_that_matter)
{
    struct fact f = placed(CROWDED, 10000 + 100 * 39, 10); /* inside the last of forty */
    ck_assert_uint_eq(f.placement_count, FACT_PLACEMENTS_MAX);
    ck_assert_int_eq(f.first.fence, 139);
    ck_assert_int_eq(f.first.place, PLACE_DL);
    ck_assert_int_eq(f.placements[0].fence, 139);
    ck_assert_int_eq(f.placements[1].fence, 138);
    ck_assert_int_eq(f.placements[31].fence, 108);
}
END_TEST

/* ---- again, and automatic positions ---- */

START_TEST(judging_again_leaves_the_fact_alone)
{
    struct fact f = judged(device_fact(CHANNEL_OWNTRACKS, local(7, 40, 0), local(9, 0, 0)));
    struct fact before = f;
    struct judgement j;
    f.decided_us = before.decided_us = local(1, 0, 0); /* must not be believed: the three times are */
    directory_rejudge(plan, &f, &j);
    ck_assert_mem_eq(&f, &before, sizeof f);
    ck_assert_int_eq(j.verdict, VERDICT_LATE);
    ck_assert_int_eq(j.late_minutes, 10);
    ck_assert_int_eq(j.place, PLACE_WFO);
    ck_assert_int_eq(j.fence, OFFICE);
}
END_TEST

static bool dropped(struct directory *d, int64_t fix_us, int64_t now_us, bool automatic)
{
    struct fact f = device_fact(CHANNEL_OSMAND, fix_us, fix_us);
    f.automatic = automatic;
    directory_judge(d, &f);
    return directory_drops(d, &f, now_us);
}

START_TEST(automatic_positions_outside_intervals_are_dropped)
{
    int64_t now = local(18, 0, 0);
    ck_assert(dropped(plan, local(5, 59, 59), now, true));
    ck_assert(!dropped(plan, local(5, 59, 59), now, false));
    ck_assert(!dropped(plan, local(6, 0, 0), now, true));
    ck_assert(!dropped(plan, local(8, 0, 0), now, true));  /* late, but a check-in */
    ck_assert(!dropped(plan, local(12, 45, 0), now, true));
    ck_assert(dropped(plan, local(13, 0, 0), now, true));  /* would be an early leave */
    ck_assert(dropped(plan, local(16, 0, 0) - 1, now, true));
    ck_assert(!dropped(plan, local(16, 0, 0), now, true));
    ck_assert(dropped(plan, at(0, 8, 0, 0), now, true));   /* a day off */
    ck_assert(!dropped(plan, at(3, 5, 0, 0), now, true));  /* no plan: goes on as pending */
    /* a directory of a day's age says nothing any more */
    ck_assert(dropped(plan, local(5, 0, 0), at(1, 24, 0, 0) - 1, true));
    ck_assert(!dropped(plan, local(5, 0, 0), at(1, 24, 0, 0), true));
    struct fact f = device_fact(CHANNEL_OSMAND, local(5, 0, 0), local(5, 0, 0));
    f.automatic = true;
    f.person = 999;
    directory_judge(plan, &f);
    ck_assert(!directory_drops(plan, &f, now));
    struct directory *empty = directory_new();
    ck_assert(!dropped(empty, local(5, 0, 0), now, true));
    directory_free(empty);
}
END_TEST

UNIT_MAIN("directory/judge", late_begins_exactly_when_grace_ends, early_leave_rounds_minutes_up, intervals_are_half_open,
          presence_is_on_time_throughout, without_a_session_the_day_says_why,
          a_shift_over_midnight_belongs_to_the_day_it_began, a_native_fix_is_corrected_by_arrival,
          a_stale_native_fix_is_judged_by_arrival, whatsapp_goes_by_message_time, trackers_go_by_their_own_clock,
          the_plan_says_which_time_decides, the_clock_and_the_claim_leave_flags, inside_the_office_is_wfo,
          outside_what_is_expected_has_no_place, uncertain_counts_as_inside_and_says_so,
          inside_beats_uncertain_and_bound_beats_shared, the_nearest_boundary_decides_among_equals,
          homes_count_only_where_the_plan_allows, anywhere_fulfils_the_plans_place, areas_never_decide,
          no_fence_asked_is_no_relation, more_fences_than_fit_keep_those_that_matter,
          judging_again_leaves_the_fact_alone, automatic_positions_outside_intervals_are_dropped)
