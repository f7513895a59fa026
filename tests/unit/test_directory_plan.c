/* Whose plan is which: memberships and slots of a base and of the delta over it. A slot's pattern brings the sessions,
 * fences and texts of its own file; homes come with the person. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "directory.h"
#include "snapshot.h"
#include "unit.h"
#include "wall.h"

#define HOUR_US (3600 * US_PER_S)
#define DAY_US (24 * HOUR_US)
#define FIRST_DAY 20450
#define LAST_DAY (FIRST_DAY + DAYS - 1)
#define DAYS 4

enum { OFFICE = 11, SITE = 12, HOME = 13, OTHER_HOME = 14 };

static char error[300];

static struct snapshot *begin(int64_t number, int64_t base_number, int32_t first_day, int32_t days)
{
    struct snapshot_header h = {.epoch = 1, .number = number, .base_number = base_number,
                                .compiled_us = FIRST_DAY * DAY_US, .first_day = first_day, .days = days,
                                .is_delta = number != base_number};
    struct snapshot *s = snapshot_new(&h);
    ck_assert_ptr_nonnull(s);
    return s;
}

static struct snapshot *begin_base(void)
{
    return begin(10, 10, FIRST_DAY, DAYS);
}

static struct snapshot *begin_delta(void)
{
    return begin(11, 10, FIRST_DAY, DAYS);
}

/* Files go to where no other test is, and leave nothing. */
static int finish(struct snapshot *s)
{
    char folder[] = "/tmp/hadir-plan-XXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    int fd = snapshot_write(s, folder, "file", error, sizeof error);
    ck_assert_msg(fd >= 0, "%s", error);
    snapshot_free(s);
    snprintf(path, sizeof path, "%s/file", folder);
    unlink(path);
    rmdir(folder);
    return fd;
}

static struct directory *adopted(struct snapshot *s)
{
    struct directory *d = directory_new();
    ck_assert_msg(directory_adopt(d, finish(s), error, sizeof error), "%s", error);
    return d;
}

static void adopt(struct directory *d, struct snapshot *s)
{
    ck_assert_msg(directory_adopt(d, finish(s), error, sizeof error), "%s", error);
}

/* A day at a place: one session from 06:00 to 18:00, late from 12:00, whose code tells it apart. */
static void add_pattern(struct snapshot *s, int64_t id, int32_t day, const char *code, enum place place, int64_t fence)
{
    int64_t start = day * DAY_US;
    struct snapshot_session session = {.id = 100 + id, .code = code, .label = code, .counts_as = COUNTS_AS_IN,
                                       .accept_from_us = start + 6 * HOUR_US, .accept_until_us = start + 18 * HOUR_US,
                                       .due_us = start + 12 * HOUR_US, .on_time_from_us = start + 6 * HOUR_US,
                                       .on_time_until_us = start + 12 * HOUR_US};
    struct snapshot_pattern p = {.id = id, .starts_us = start, .ends_us = start + DAY_US, .place = place,
                                 .accuracy_cap_m = 100, .decides = {0, TIME_FIX, TIME_FIX, TIME_FIX, TIME_MESSAGE},
                                 .sessions = &session, .session_count = 1, .fences = &fence, .fence_count = 1};
    ck_assert(snapshot_pattern(s, &p));
}

/* A slot with a pattern of its own. */
static void add_slot(struct snapshot *s, uint32_t pair, int32_t day, int64_t pattern, const char *code, int64_t fence)
{
    add_pattern(s, pattern, day, code, PLACE_WFO, fence);
    ck_assert(snapshot_slot(s, pair, day, pattern));
}

static void add_member(struct snapshot *s, int64_t person, int32_t first_day, int32_t last_day, uint32_t pair)
{
    const struct snapshot_member m = {first_day, last_day, pair};
    ck_assert(snapshot_person(s, person, 1, &m, 1, NULL, 0, false));
}

static void add_circle(struct snapshot *s, int64_t id, enum fence_kind kind, double lon)
{
    struct buf shape;
    buf_init(&shape, 100);
    ck_assert(fence_circle((struct point){lon, -2.5}, 100, &shape, error, sizeof error));
    ck_assert(snapshot_fence(s, id, 1, 1, kind, "Tempat", false, (struct fence_shape){shape.data, shape.len, NULL}, false));
    buf_fini(&shape);
}

/* Pair 1 all days "satu", pair 2 all days "dua", at the office; one person in each. */
static struct snapshot *base_of_two(void)
{
    struct snapshot *s = begin_base();
    for (int32_t day = LAST_DAY; day >= FIRST_DAY; day--) {
        add_slot(s, 2, day, 20 + day, "dua", OFFICE);
        add_slot(s, 1, day, 10 + day, "satu", OFFICE);
    }
    add_member(s, 1, FIRST_DAY - 1000, FIRST_DAY + 1000, 1);
    add_member(s, 2, FIRST_DAY, LAST_DAY, 2);
    add_circle(s, OFFICE, FENCE_OFFICE, 120.0);
    add_circle(s, SITE, FENCE_SITE, 120.1);
    return s;
}

static struct fact judged(const struct directory *d, int64_t person, int32_t day, int hour, double lon)
{
    int64_t us = day * DAY_US + hour * HOUR_US;
    struct fact f = {.government = 1, .person = person, .channel = CHANNEL_NATIVE, .fix_us = us, .sent_us = us,
                     .message_us = TIME_ABSENT, .received_us = us, .clock_state = CLOCK_SYNCHRONISED, .lat_deg = -2.5,
                     .lon_deg = lon, .has_accuracy = true, .accuracy_m = 5};
    directory_judge(d, &f);
    return f;
}

/* The code of the one session of that day; "-" without a plan. */
static const char *plan_of(const struct directory *d, int64_t person, int32_t day)
{
    static char code[32];
    struct session_view v;
    int32_t found;
    size_t n = directory_sessions(d, person, day * DAY_US, &found, &v, 1);
    if (n == 0) {
        ck_assert_int_eq(found, INT32_MIN);
        ck_assert_int_eq(judged(d, person, day, 8, 120).first.verdict, VERDICT_PENDING);
        return "-";
    }
    struct fact f = judged(d, person, day, 8, 120);
    ck_assert_int_eq(found, day);
    ck_assert_int_eq(f.first.day, day);
    ck_assert_uint_eq(f.first.session_code.len, v.code.len);
    ck_assert_mem_eq(f.first.session_code.s, v.code.s, v.code.len);
    ck_assert_mem_eq(f.first.session_label.s, v.code.s, v.code.len);
    snprintf(code, sizeof code, "%.*s", (int)v.code.len, v.code.s);
    return code;
}

static void expect_days(const struct directory *d, int64_t person, const char *const codes[DAYS])
{
    for (int i = 0; i < DAYS; i++)
        ck_assert_str_eq(plan_of(d, person, FIRST_DAY + i), codes[i]);
}

#define EXPECT_DAYS(d, person, ...) expect_days(d, person, (const char *const[DAYS]){__VA_ARGS__})

START_TEST(a_person_has_the_plan_of_the_pair)
{
    struct directory *d = adopted(base_of_two());
    EXPECT_DAYS(d, 1, "satu", "satu", "satu", "satu");
    EXPECT_DAYS(d, 2, "dua", "dua", "dua", "dua");
    ck_assert_str_eq(plan_of(d, 1, FIRST_DAY - 1), "-"); /* a member, but no day of the window */
    ck_assert_str_eq(plan_of(d, 1, LAST_DAY + 1), "-");
    directory_free(d);
}
END_TEST

START_TEST(a_membership_ends_with_its_last_day)
{
    struct snapshot *s = base_of_two();
    const struct snapshot_member moved[] = {{0, FIRST_DAY - 1, 2}, {FIRST_DAY, FIRST_DAY + 1, 1},
                                            {FIRST_DAY + 2, 84006, 2}};
    const struct snapshot_member pause[] = {{FIRST_DAY, FIRST_DAY, 2}, {LAST_DAY, LAST_DAY, 1}};
    ck_assert(snapshot_person(s, 3, 1, moved, 3, NULL, 0, false));
    ck_assert(snapshot_person(s, 4, 1, pause, 2, NULL, 0, false));
    add_member(s, 5, FIRST_DAY + 1, FIRST_DAY + 2, 1);
    add_member(s, 6, FIRST_DAY - 9, FIRST_DAY - 1, 1);
    add_member(s, 7, LAST_DAY + 1, LAST_DAY + 9, 1);
    ck_assert(snapshot_person(s, 8, 1, NULL, 0, NULL, 0, false));
    struct directory *d = adopted(s);
    EXPECT_DAYS(d, 3, "satu", "satu", "dua", "dua");
    EXPECT_DAYS(d, 4, "dua", "-", "-", "satu");
    EXPECT_DAYS(d, 5, "-", "satu", "satu", "-");
    EXPECT_DAYS(d, 6, "-", "-", "-", "-");
    EXPECT_DAYS(d, 7, "-", "-", "-", "-");
    EXPECT_DAYS(d, 8, "-", "-", "-", "-");
    ck_assert_uint_eq(directory_people(d), 8);
    directory_free(d);
}
END_TEST

START_TEST(a_pair_without_a_slot_has_no_plan)
{
    struct snapshot *s = base_of_two();
    add_slot(s, 4, FIRST_DAY + 1, 41, "empat", OFFICE);
    add_slot(s, 4, LAST_DAY, 42, "empat", OFFICE);
    add_member(s, 3, FIRST_DAY, LAST_DAY, 3); /* between pairs that have slots, and behind the last */
    add_member(s, 4, FIRST_DAY, LAST_DAY, 4);
    add_member(s, 5, FIRST_DAY, LAST_DAY, 5);
    struct directory *d = adopted(s);
    EXPECT_DAYS(d, 3, "-", "-", "-", "-");
    EXPECT_DAYS(d, 4, "-", "empat", "-", "empat");
    EXPECT_DAYS(d, 5, "-", "-", "-", "-");
    struct fact f = judged(d, 4, LAST_DAY, 23, 120);
    ck_assert_int_eq(f.first.verdict, VERDICT_OUTSIDE_WINDOW);
    directory_free(d);
}
END_TEST

START_TEST(a_rule_change_by_slots_reaches_people_of_the_base)
{
    struct directory *d = adopted(base_of_two());
    struct snapshot *s = begin_delta();
    add_slot(s, 1, FIRST_DAY + 1, 7, "baru", OFFICE);
    add_slot(s, 1, FIRST_DAY + 3, 9, "baru", OFFICE);
    adopt(d, s);
    EXPECT_DAYS(d, 1, "satu", "baru", "satu", "baru");
    EXPECT_DAYS(d, 2, "dua", "dua", "dua", "dua");
    ck_assert_uint_eq(directory_people(d), 2);
    adopt(d, begin_delta()); /* the next delta replaces the one before */
    EXPECT_DAYS(d, 1, "satu", "satu", "satu", "satu");
    directory_free(d);
}
END_TEST

START_TEST(people_of_a_delta_have_the_slots_of_the_base)
{
    struct directory *d = adopted(base_of_two());
    struct snapshot *s = begin_delta();
    const struct snapshot_member moved[] = {{FIRST_DAY, FIRST_DAY, 2}, {FIRST_DAY + 1, LAST_DAY, 1}};
    ck_assert(snapshot_person(s, 2, 1, moved, 2, NULL, 0, false));
    add_member(s, 3, FIRST_DAY, LAST_DAY, 2);
    add_member(s, 4, FIRST_DAY, LAST_DAY, 9); /* a pair that only the delta knows */
    ck_assert(snapshot_person(s, 1, 1, NULL, 0, NULL, 0, true));
    add_slot(s, 9, FIRST_DAY, 90, "sembilan", OFFICE);
    add_slot(s, 1, LAST_DAY, 91, "baru", OFFICE);
    adopt(d, s);
    EXPECT_DAYS(d, 1, "-", "-", "-", "-"); /* removed */
    EXPECT_DAYS(d, 2, "dua", "satu", "satu", "baru");
    EXPECT_DAYS(d, 3, "dua", "dua", "dua", "dua");
    EXPECT_DAYS(d, 4, "sembilan", "-", "-", "-");
    directory_free(d);
}
END_TEST

START_TEST(a_slot_brings_its_own_files_sessions_and_fences)
{
    struct snapshot *s = base_of_two();
    const struct snapshot_member both[] = {{FIRST_DAY, LAST_DAY, 1}};
    const int64_t home = HOME, other_home = OTHER_HOME;
    ck_assert(snapshot_person(s, 3, 1, both, 1, &home, 1, false));
    add_circle(s, HOME, FENCE_HOME, 120.2);
    add_circle(s, OTHER_HOME, FENCE_HOME, 120.3);
    struct directory *d = adopted(s);
    ck_assert_int_eq(judged(d, 1, FIRST_DAY, 8, 120.1).first.relation, RELATION_OUTSIDE);

    /* In the delta, index 0 of patterns, sessions, fences and homes is something else than in the base. */
    s = begin_delta();
    add_slot(s, 7, FIRST_DAY, 1, "lain", OFFICE);
    add_slot(s, 1, FIRST_DAY, 2, "lapangan", SITE);
    add_pattern(s, 3, FIRST_DAY + 1, "rumah", PLACE_WFH, SITE);
    ck_assert(snapshot_slot(s, 1, FIRST_DAY + 1, 3));
    ck_assert(snapshot_person(s, 4, 1, both, 1, &other_home, 1, false));
    adopt(d, s);
    for (int64_t person = 1; person <= 4; person += person == 1 ? 2 : 1) {
        EXPECT_DAYS(d, person, "lapangan", "rumah", "satu", "satu");
        struct fact f = judged(d, person, FIRST_DAY, 8, 120.1);
        ck_assert_int_eq(f.first.place, PLACE_DL);
        ck_assert_int_eq(f.first.fence, SITE);
        ck_assert_int_eq(f.first.session, 102);
        ck_assert_uint_eq(f.placement_count, 1);
        f = judged(d, person, LAST_DAY, 14, 120.0); /* an unchanged day is still the base's */
        ck_assert_int_eq(f.first.place, PLACE_WFO);
        ck_assert_int_eq(f.first.fence, OFFICE);
        ck_assert_int_eq(f.first.late_minutes, 120);
    }
    /* homes: by the person's own file */
    ck_assert_int_eq(judged(d, 1, FIRST_DAY + 1, 8, 120.2).first.place, PLACE_NONE);
    ck_assert_int_eq(judged(d, 3, FIRST_DAY + 1, 8, 120.2).first.fence, HOME);
    ck_assert_int_eq(judged(d, 3, FIRST_DAY + 1, 8, 120.3).first.place, PLACE_NONE);
    ck_assert_int_eq(judged(d, 4, FIRST_DAY + 1, 8, 120.3).first.fence, OTHER_HOME);
    ck_assert_int_eq(judged(d, 4, FIRST_DAY + 1, 8, 120.2).first.place, PLACE_NONE);
    directory_free(d);
}
END_TEST

START_TEST(positions_are_dropped_by_the_newest_slot)
{
    struct directory *d = adopted(base_of_two());
    struct fact f = judged(d, 1, FIRST_DAY, 20, 120);
    f.automatic = true;
    ck_assert(directory_drops(d, &f, FIRST_DAY * DAY_US + 20 * HOUR_US));
    struct snapshot *s = begin_delta();
    struct snapshot_session night = {.id = 5, .code = "malam", .counts_as = COUNTS_AS_IN,
                                     .accept_from_us = FIRST_DAY * DAY_US + 19 * HOUR_US,
                                     .accept_until_us = (FIRST_DAY + 1) * DAY_US + 7 * HOUR_US};
    struct snapshot_pattern p = {.id = 1, .starts_us = FIRST_DAY * DAY_US, .ends_us = (FIRST_DAY + 1) * DAY_US,
                                 .decides = {0, TIME_FIX, TIME_FIX, TIME_FIX, TIME_MESSAGE}, .sessions = &night,
                                 .session_count = 1};
    ck_assert(snapshot_pattern(s, &p));
    ck_assert(snapshot_slot(s, 1, FIRST_DAY, 1));
    adopt(d, s);
    ck_assert(!directory_drops(d, &f, FIRST_DAY * DAY_US + 20 * HOUR_US));
    /* over midnight: the session of the delta's slot, although that day's own slot is the base's and begins at six */
    struct fact early = judged(d, 1, FIRST_DAY + 1, 5, 120);
    ck_assert_int_eq(early.first.session, 5);
    ck_assert_int_eq(early.first.day, FIRST_DAY);
    ck_assert_int_eq(judged(d, 1, FIRST_DAY + 1, 6, 120).first.day, FIRST_DAY + 1);
    directory_free(d);
}
END_TEST

START_TEST(a_delta_of_other_days_is_refused)
{
    static const int32_t windows[][2] = {{FIRST_DAY + 1, DAYS}, {FIRST_DAY - 1, DAYS}, {FIRST_DAY, DAYS + 1}};
    struct directory *d = adopted(base_of_two());
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        int fd = finish(begin(11, 10, windows[i][0], windows[i][1]));
        ck_assert(!directory_adopt(d, fd, error, sizeof error));
        ck_assert_str_eq(error, "delta covers other days than its base");
    }
    EXPECT_DAYS(d, 1, "satu", "satu", "satu", "satu");
    directory_free(d);
}
END_TEST

START_TEST(the_last_day_that_can_be_told_works)
{
    struct snapshot *s = begin(10, 10, 84005, 1);
    add_pattern(s, 1, 84005, "akhir", PLACE_WFO, OFFICE);
    ck_assert(snapshot_slot(s, 0x7fffffff, 84005, 1));
    add_member(s, 1, 0, 84005, 0x7fffffff);
    struct directory *d = adopted(s);
    ck_assert_str_eq(plan_of(d, 1, 84005), "akhir");
    directory_free(d);
}
END_TEST

UNIT_MAIN("directory/plan", a_person_has_the_plan_of_the_pair, a_membership_ends_with_its_last_day,
          a_pair_without_a_slot_has_no_plan, a_rule_change_by_slots_reaches_people_of_the_base,
          people_of_a_delta_have_the_slots_of_the_base, a_slot_brings_its_own_files_sessions_and_fences,
          positions_are_dropped_by_the_newest_slot, a_delta_of_other_days_is_refused, the_last_day_that_can_be_told_works)
