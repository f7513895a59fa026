/* Clocks. Wall time is UTC microseconds since 1970 (int64_t), possibly moved by the simulated offset;
 * monotonic time is milliseconds. The two never mix: names end in _us (wall) and _mono_ms. */
#ifndef HADIR_WALL_H
#define HADIR_WALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "terms.h"

#define US_PER_S INT64_C(1000000)

struct wall_reading {
    int64_t now_us;          /* simulated offset included */
    uint32_t error_us;       /* the kernel's estimate of the clock's maximum error; UINT32_MAX when unsynchronised */
    enum clock_state state;
};

int64_t wall_now_us(void);
struct wall_reading wall_read(void); /* asks ntp_adjtime at most once a second */
int64_t mono_now_ms(void);

/* The simulated offset lives in a page shared by all processes (counters_map); NULL pointer = none. */
void wall_set_offset_cell(const int64_t *shared_offset_us);
/* Remembers, by looks at both clocks, where the wall clock stood before it was last set. Zeroed at first; one thread. */
struct wall_watch {
    int64_t ahead_us, before_us; /* wall minus monotonic time: now, and before it was set */
    int64_t set_mono_ms;         /* when that was seen */
    bool looked, was_set;
};
enum wall_when { WALL_NOW, WALL_PAST, WALL_FUTURE };
void wall_look(struct wall_watch *w);
/* Whether another process of this machine can have read us within the last past_us; a clock that was set within past_us
 * counts by both its times. Looks. */
enum wall_when wall_when(struct wall_watch *w, int64_t us, int64_t past_us);

/* Tests: a fixed wall clock; pass INT64_MIN to go back to the real one. */
void wall_fake(int64_t now_us);

/* RFC 3339 with a zone ("Z" or ±hh:mm required), up to microseconds; seconds = 60 refused; years 1970–2199.
 * false when malformed. */
bool wall_parse_rfc3339(const char *s, size_t len, int64_t *ret_us);
/* "2001-09-09T09:46:40.123456+08:00"; fraction only when not zero; offset_s = 0 gives "Z". dst ≥ 40 bytes. */
char *wall_format_rfc3339(char *dst, size_t cap, int64_t us, int32_t offset_s);
/* Civil date <-> days since 1970-01-01 (proleptic Gregorian). */
int32_t wall_days_from_civil(int32_t year, unsigned month, unsigned day);
void wall_civil_from_days(int32_t days, int32_t *ret_year, unsigned *ret_month, unsigned *ret_day);
/* "YYYY-MM-DD", a real date; false otherwise. */
bool wall_parse_date(const char *s, size_t len, int32_t *ret_days);
char *wall_format_date(char *dst, size_t cap, int32_t days);

#endif
