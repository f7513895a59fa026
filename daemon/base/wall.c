/* Clocks: wall time with the kernel's own error estimate, monotonic time, and the text forms of both date and time.
 *
 * The wall clock is CLOCK_REALTIME plus the simulated offset that the supervisor may put into a shared cell
 * (demonstrations only; such readings say so). ntp_adjtime is a system call, so its answer is kept for a second;
 * two threads that ask at the same moment both get a right answer. Nothing here knows a time zone: offsets are
 * given. All functions may be called from any thread. */
#include "wall.h"

#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#define NTP_KEEP_MS 1000
#define DAY_S INT64_C(86400)
#define YEAR_FIRST 1970
#define YEAR_LAST 2199

static const int64_t *offset_cell;
static int64_t fake_us = INT64_MIN;
static int64_t ntp_asked_ms = INT64_MIN;
static uint32_t ntp_error_us = UINT32_MAX;

int64_t mono_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void wall_set_offset_cell(const int64_t *shared_offset_us)
{
    __atomic_store_n(&offset_cell, shared_offset_us, __ATOMIC_RELEASE);
}

void wall_fake(int64_t now_us)
{
    __atomic_store_n(&fake_us, now_us, __ATOMIC_RELAXED);
}

static int64_t offset_us(void)
{
    const int64_t *cell = __atomic_load_n(&offset_cell, __ATOMIC_ACQUIRE);
    return cell == NULL ? 0 : __atomic_load_n(cell, __ATOMIC_RELAXED);
}

/* Without the offset. */
static int64_t real_us(void)
{
    int64_t fake = __atomic_load_n(&fake_us, __ATOMIC_RELAXED);
    if (fake != INT64_MIN)
        return fake;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / 1000;
}

int64_t wall_now_us(void)
{
    return real_us() + offset_us();
}

/* UINT32_MAX: unsynchronised, which also holds where the question is forbidden. */
static uint32_t ask_kernel(void)
{
    struct timex t;
    memset(&t, 0, sizeof t);
    int state = ntp_adjtime(&t);
    if (state < 0 || state == TIME_ERROR || (t.status & STA_UNSYNC) != 0 || t.maxerror < 0 ||
        (uint64_t)t.maxerror >= UINT32_MAX)
        return UINT32_MAX;
    return (uint32_t)t.maxerror;
}

static uint32_t error_us(void)
{
    if (__atomic_load_n(&fake_us, __ATOMIC_RELAXED) != INT64_MIN)
        return 0;
    int64_t now = mono_now_ms(), asked = __atomic_load_n(&ntp_asked_ms, __ATOMIC_ACQUIRE);
    if (asked != INT64_MIN && now - asked < NTP_KEEP_MS)
        return __atomic_load_n(&ntp_error_us, __ATOMIC_RELAXED);
    uint32_t error = ask_kernel();
    __atomic_store_n(&ntp_error_us, error, __ATOMIC_RELAXED);
    __atomic_store_n(&ntp_asked_ms, now, __ATOMIC_RELEASE);
    return error;
}

struct wall_reading wall_read(void)
{
    int64_t offset = offset_us();
    struct wall_reading r = {.now_us = real_us() + offset, .error_us = error_us()};
    r.state = offset != 0                ? CLOCK_SIMULATED
              : r.error_us == UINT32_MAX ? CLOCK_UNSYNCHRONISED
                                         : CLOCK_SYNCHRONISED;
    return r;
}

/* Slewing moves the clock by less between two looks; two processes read it less apart. */
#define STEP_US US_PER_S
#define APART_US (5 * US_PER_S)

void wall_look(struct wall_watch *w)
{
    int64_t mono_ms = mono_now_ms(), ahead_us = wall_now_us() - mono_ms * 1000;
    int64_t step_us = ahead_us - w->ahead_us;
    if (w->looked && (step_us > STEP_US || step_us < -STEP_US)) {
        w->before_us = w->ahead_us;
        w->set_mono_ms = mono_ms;
        w->was_set = true;
    }
    w->ahead_us = ahead_us;
    w->looked = true;
}

static bool is_within(int64_t us, int64_t now_us, int64_t past_us)
{
    return us >= now_us - past_us && us <= now_us + APART_US;
}

enum wall_when wall_when(struct wall_watch *w, int64_t us, int64_t past_us)
{
    wall_look(w);
    int64_t mono_us = mono_now_ms() * 1000, now_us = mono_us + w->ahead_us;
    bool was_set = w->was_set && mono_us - w->set_mono_ms * 1000 <= past_us;
    if (is_within(us, now_us, past_us) || (was_set && is_within(us, mono_us + w->before_us, past_us)))
        return WALL_NOW;
    return us < now_us ? WALL_PAST : WALL_FUTURE;
}

/* Howard Hinnant's algorithms: eras of 400 years, years beginning in March. */
int32_t wall_days_from_civil(int32_t year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t shifted = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
    int64_t day_of_year = (153 * shifted + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int32_t)(era * 146097 + day_of_era - 719468);
}

void wall_civil_from_days(int32_t days, int32_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    int64_t z = (int64_t)days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t shifted = (5 * doy + 2) / 153;
    unsigned month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
    *ret_year = (int32_t)(yoe + era * 400 + (month <= 2));
    *ret_month = month;
    *ret_day = (unsigned)(doy - (153 * shifted + 2) / 5 + 1);
}

static unsigned days_in_month(int32_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* Exactly n digits; −1 for anything else. */
static int32_t digits(const char *s, size_t n)
{
    int32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        v = v * 10 + (s[i] - '0');
    }
    return v;
}

/* "YYYY-MM-DD" at s, which has at least 10 bytes. */
static bool parse_day(const char *s, int32_t *ret_days)
{
    int32_t year = digits(s, 4), month = digits(s + 5, 2), day = digits(s + 8, 2);
    if (s[4] != '-' || s[7] != '-' || year < YEAR_FIRST || year > YEAR_LAST || month < 1 || month > 12 || day < 1 ||
        (unsigned)day > days_in_month(year, (unsigned)month))
        return false;
    *ret_days = wall_days_from_civil(year, (unsigned)month, (unsigned)day);
    return true;
}

bool wall_parse_date(const char *s, size_t len, int32_t *ret_days)
{
    return s != NULL && len == 10 && parse_day(s, ret_days);
}

/* ".123456" at s: returns its length, 0 when there is none, −1 when malformed. */
static int parse_fraction(const char *s, size_t len, int64_t *ret_us)
{
    if (len == 0 || s[0] != '.')
        return 0;
    int64_t us = 0, unit = 100000;
    int n = 1;
    for (; (size_t)n < len && s[n] >= '0' && s[n] <= '9'; n++, unit /= 10) {
        if (n > 6)
            return -1;
        us += (s[n] - '0') * unit;
    }
    if (n == 1)
        return -1;
    *ret_us = us;
    return n;
}

/* "Z" or "±hh:mm" as all of s. */
static bool parse_zone(const char *s, size_t len, int64_t *ret_offset_s)
{
    if (len == 1 && (s[0] == 'Z' || s[0] == 'z')) {
        *ret_offset_s = 0;
        return true;
    }
    if (len != 6 || (s[0] != '+' && s[0] != '-') || s[3] != ':')
        return false;
    int32_t hour = digits(s + 1, 2), minute = digits(s + 4, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return false;
    int64_t offset = (int64_t)hour * 3600 + minute * 60;
    *ret_offset_s = s[0] == '-' ? -offset : offset;
    return true;
}

bool wall_parse_rfc3339(const char *s, size_t len, int64_t *ret_us)
{
    int32_t days;
    if (s == NULL || len < 20 || !parse_day(s, &days) || (s[10] != 'T' && s[10] != 't') || s[13] != ':' ||
        s[16] != ':')
        return false;
    int32_t hour = digits(s + 11, 2), minute = digits(s + 14, 2), second = digits(s + 17, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;
    int64_t fraction_us = 0, zone_s;
    int used = parse_fraction(s + 19, len - 19, &fraction_us);
    if (used < 0 || !parse_zone(s + 19 + used, len - 19 - (size_t)used, &zone_s))
        return false;
    int64_t seconds = days * DAY_S + (int64_t)hour * 3600 + minute * 60 + second - zone_s;
    if (seconds < 0 || seconds >= wall_days_from_civil(YEAR_LAST + 1, 1, 1) * DAY_S)
        return false;
    *ret_us = seconds * US_PER_S + fraction_us;
    return true;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* As many digits of v as there are places. A check-in holds a dozen times, and printf takes ten times as long for one. */
static char *put_digits(char *at, unsigned places, uint64_t v)
{
    for (unsigned i = places; i > 0; i--, v /= 10)
        at[i - 1] = (char)('0' + v % 10);
    return at + places;
}

/* hh:mm */
static char *put_minutes(char *at, int64_t minutes)
{
    at = put_digits(at, 2, (uint64_t)minutes / 60);
    *at++ = ':';
    return put_digits(at, 2, (uint64_t)minutes % 60);
}

char *wall_format_rfc3339(char *dst, size_t cap, int64_t us, int32_t offset_s)
{
    int64_t seconds = floor_div(us, US_PER_S), fraction = (us % US_PER_S + US_PER_S) % US_PER_S;
    int64_t local = seconds + offset_s, days = floor_div(local, DAY_S), rest = local - days * DAY_S;
    char text[32], *at = text;
    *at++ = 'T';
    at = put_minutes(at, rest / 60);
    *at++ = ':';
    at = put_digits(at, 2, (uint64_t)rest % 60);
    if (fraction != 0) {
        *at++ = '.';
        at = put_digits(at, 6, (uint64_t)fraction);
    }
    *at++ = offset_s == 0 ? 'Z' : offset_s < 0 ? '-' : '+';
    if (offset_s != 0)
        at = put_minutes(at, (offset_s < 0 ? -(int64_t)offset_s : offset_s) / 60 % INT64_C(1440));
    size_t n = strlen(wall_format_date(dst, cap, (int32_t)days)), len = (size_t)(at - text);
    if (cap > n) {
        len = len < cap - n ? len : cap - n - 1;
        memcpy(dst + n, text, len);
        dst[n + len] = '\0';
    }
    return dst;
}

char *wall_format_date(char *dst, size_t cap, int32_t days)
{
    int32_t year;
    unsigned month, day;
    wall_civil_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999 || cap < 11) {
        snprintf(dst, cap, "%04d-%02u-%02u", (int)year, month, day);
        return dst;
    }
    char *at = put_digits(dst, 4, (uint64_t)year);
    *at++ = '-';
    at = put_digits(at, 2, month);
    *at++ = '-';
    *put_digits(at, 2, day) = '\0';
    return dst;
}
