/* Clocks and the text forms of time. */
#include "unit.h"
#include "wall.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool parse(const char *s, int64_t *ret)
{
    return wall_parse_rfc3339(s, strlen(s), ret);
}

START_TEST(rfc3339_good)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T08:00:00+08:00", 0},
        {"2001-09-09T01:46:40Z", INT64_C(1000000000) * US_PER_S},
        {"2025-12-29T07:10:00.123456+08:00", INT64_C(1766963400123456)},
        {"2025-12-29T07:10:00.1+08:00", INT64_C(1766963400100000)},
        {"2025-12-29T07:10:00.000001+08:00", INT64_C(1766963400000001)},
        {"2025-12-28t23:10:00z", INT64_C(1766963400000000)},
        {"2025-12-28T13:10:00-10:00", INT64_C(1766963400000000)},
        {"2024-02-29T00:00:00-00:00", INT64_C(1709164800000000)},
        {"2000-02-29T12:00:00Z", INT64_C(951825600000000)},
        {"2199-12-31T23:59:59.999999Z", INT64_C(7258118399999999)},
        {"2025-12-29T00:00:00+23:59", INT64_C(1766880060000000)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t us = -1;
        ck_assert_msg(parse(cases[i].text, &us), "%s", cases[i].text);
        ck_assert_int_eq(us, cases[i].us);
    }
}
END_TEST

START_TEST(rfc3339_bad)
{
    static const char *const bad[] = {
        "",
        "2025-12-29",
        "2025-12-29T07:10:00",
        "2025-12-29 07:10:00Z",
        "2025-12-29T07:10Z",
        "2025-12-29T24:00:00Z",
        "2025-12-29T23:60:00Z",
        "2016-12-31T23:59:60Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-04-00T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+08:00",
        "2199-12-31T23:59:59-00:01",
        "2200-01-01T00:00:00Z",
        "2025-12-29T07:10:00.Z",
        "2025-12-29T07:10:00,5Z",
        "2025-12-29T07:10:00.1234567Z",
        "2025-12-29T07:10:00.12a4Z",
        "2025-12-29T07:10:00+0800",
        "2025-12-29T07:10:00+08",
        "2025-12-29T07:10:00+24:00",
        "2025-12-29T07:10:00+08:60",
        "2025-12-29T07:10:00+08:00Z",
        "2025-12-29T07:10:00Z ",
        " 2025-12-29T07:10:00Z",
        "+025-12-29T07:10:00Z",
        "2025-1 -29T07:10:00Z",
        "2025-12-29T-7:10:00Z",
        "2025/12/29T07:10:00Z",
        "2025-12-29T07.10.00Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t us = 42;
        ck_assert_msg(!parse(bad[i], &us), "%s", bad[i]);
        ck_assert_int_eq(us, 42);
    }
    int64_t us = 42;
    ck_assert(!wall_parse_rfc3339("2025-12-29T07:10:00Z", 19, &us));
    ck_assert(!wall_parse_rfc3339(NULL, 20, &us));
}
END_TEST

START_TEST(rfc3339_reads_no_further_than_told)
{
    static const char text[] = "2025-12-29T07:10:00.123456+08:00";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        char *exact = malloc(len + 1); /* ASan sees any byte read beyond len; +1 keeps malloc(0) out */
        memcpy(exact + 1, text, len);
        int64_t us;
        ck_assert_msg(!wall_parse_rfc3339(exact + 1, len, &us), "%zu", len);
        free(exact);
    }
}
END_TEST

START_TEST(formats)
{
    char s[40];
    ck_assert_str_eq(wall_format_rfc3339(s, sizeof s, INT64_C(1766963400123456), 28800), "2025-12-29T07:10:00.123456+08:00");
    ck_assert_str_eq(wall_format_rfc3339(s, sizeof s, INT64_C(1766963400000000), 0), "2025-12-28T23:10:00Z");
    ck_assert_str_eq(wall_format_rfc3339(s, sizeof s, INT64_C(1766963400000001), -12600),
                     "2025-12-28T19:40:00.000001-03:30");
    ck_assert_str_eq(wall_format_rfc3339(s, sizeof s, -1, 0), "1969-12-31T23:59:59.999999Z");
    ck_assert_uint_lt(strlen(wall_format_rfc3339(s, sizeof s, INT64_MIN, 28800)), 40);
    ck_assert_uint_lt(strlen(wall_format_rfc3339(s, sizeof s, INT64_MAX, INT32_MIN)), 40);
    ck_assert_str_eq(wall_format_date(s, sizeof s, 0), "1970-01-01");
    ck_assert_str_eq(wall_format_date(s, sizeof s, 20451), "2025-12-29");
}
END_TEST

START_TEST(every_day_agrees_with_libc)
{
    for (int32_t days = -1000; days < 84010; days++) {
        time_t t = (time_t)days * 86400;
        struct tm tm;
        int32_t year;
        unsigned month, day;
        gmtime_r(&t, &tm);
        wall_civil_from_days(days, &year, &month, &day);
        ck_assert(year == tm.tm_year + 1900 && month == (unsigned)tm.tm_mon + 1 && day == (unsigned)tm.tm_mday);
        ck_assert_int_eq(wall_days_from_civil(year, month, day), days);
        if (days >= 0) {
            char s[40];
            int32_t back = -1;
            wall_format_date(s, sizeof s, days);
            ck_assert(wall_parse_date(s, 10, &back) == (year < 2200));
            ck_assert(year >= 2200 || back == days);
        }
    }
    ck_assert_int_eq(wall_days_from_civil(-1, 3, 1), wall_days_from_civil(0, 3, 1) - 366);
}
END_TEST

START_TEST(dates_bad)
{
    static const char *const bad[] = {"2025-2-29", "2025-02-29", "2025-12-32", "20251229", "2025-12-291", "abcd-ef-gh", "2200-01-01"};
    int32_t days = 5;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!wall_parse_date(bad[i], strlen(bad[i]), &days), "%s", bad[i]);
    ck_assert(!wall_parse_date(NULL, 10, &days));
    ck_assert_int_eq(days, 5);
}
END_TEST

START_TEST(fake_and_simulated)
{
    int64_t offset = 0;
    wall_fake(INT64_C(1766963400000000));
    wall_set_offset_cell(&offset);
    struct wall_reading r = wall_read();
    ck_assert_int_eq(r.now_us, INT64_C(1766963400000000));
    ck_assert_int_eq(r.state, CLOCK_SYNCHRONISED);
    offset = -US_PER_S;
    r = wall_read();
    ck_assert_int_eq(r.now_us, INT64_C(1766963399000000));
    ck_assert_int_eq(r.state, CLOCK_SIMULATED);
    ck_assert_int_eq(wall_now_us(), r.now_us);
    wall_set_offset_cell(NULL);
    ck_assert_int_eq(wall_read().state, CLOCK_SYNCHRONISED);
    wall_fake(INT64_MIN);
}
END_TEST

START_TEST(when_somebody_read_the_clock)
{
    const int64_t now_us = INT64_C(1766963400000000), hour_us = 3600 * US_PER_S, past_us = 35 * US_PER_S;
    struct wall_watch w = {0};
    wall_fake(now_us);
    ck_assert_int_eq(wall_when(&w, now_us, past_us), WALL_NOW);
    ck_assert_int_eq(wall_when(&w, now_us - 34 * US_PER_S, past_us), WALL_NOW);
    ck_assert_int_eq(wall_when(&w, now_us + US_PER_S, past_us), WALL_NOW);
    ck_assert_int_eq(wall_when(&w, now_us - 37 * US_PER_S, past_us), WALL_PAST);
    ck_assert_int_eq(wall_when(&w, now_us + 10 * US_PER_S, past_us), WALL_FUTURE);
    ck_assert_int_eq(wall_when(&w, now_us - hour_us, past_us), WALL_PAST);
    ck_assert_int_eq(wall_when(&w, INT64_MIN, past_us), WALL_PAST);
    ck_assert_int_eq(wall_when(&w, INT64_MAX, past_us), WALL_FUTURE);
    wall_fake(now_us - hour_us); /* set back: what was read before is under way still */
    ck_assert_int_eq(wall_when(&w, now_us, past_us), WALL_NOW);
    ck_assert_int_eq(wall_when(&w, now_us - hour_us, past_us), WALL_NOW);
    ck_assert_int_eq(wall_when(&w, now_us - hour_us / 2, past_us), WALL_FUTURE);
    wall_fake(now_us + hour_us); /* and once more: the first time is forgotten */
    wall_look(&w);
    ck_assert_int_eq(wall_when(&w, now_us - hour_us, past_us), WALL_NOW);
    ck_assert_int_eq(wall_when(&w, now_us, past_us), WALL_PAST);
    wall_fake(INT64_MIN);
}
END_TEST

START_TEST(real_clock_is_consistent)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t before = (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
    struct wall_reading r = wall_read();
    ck_assert_int_ge(r.now_us, before);
    ck_assert_int_eq(r.state == CLOCK_UNSYNCHRONISED, r.error_us == UINT32_MAX);
    ck_assert_int_eq(wall_read().state, r.state); /* from the kept answer */
    int64_t m = mono_now_ms();
    ck_assert_int_ge(mono_now_ms(), m);
}
END_TEST

UNIT_MAIN("base/wall", rfc3339_good, rfc3339_bad, rfc3339_reads_no_further_than_told, formats,
          every_day_agrees_with_libc, dates_bad, fake_and_simulated, when_somebody_read_the_clock, real_clock_is_consistent)
