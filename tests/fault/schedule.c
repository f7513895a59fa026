/* Arrivals. Numbers come from a generator of its own, so that what phones say does not move when they say it. */
#include "schedule.h"

#include <math.h>
#include <stdlib.h>

#include "book.h"

#define LAST_S 300.0   /* in which half of a morning comes */
#define BURST 100      /* people who come back online together */
#define BURST_US 1e6

static uint64_t state;

/* splitmix64, as a number from 0 to below 1 */
static double part(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Somebody's instant in a morning of so many seconds. */
static double morning_s(double length_s)
{
    double early_s = length_s - LAST_S;
    if (early_s <= 0)
        return part() * length_s;
    return part() < 0.5 ? early_s * sqrt(part()) : early_s + LAST_S * part();
}

static void fill_morning(const struct schedule_options *o, int64_t *us)
{
    double length_s = (double)o->minutes * 60, faster = o->seconds > 0 ? (double)o->seconds / length_s : 1;
    uint64_t offline = o->people * o->burst / 100;
    double burst_us = 0;
    for (uint64_t i = 0; i < o->people; i++) {
        if (i < offline && i % BURST == 0)
            burst_us = morning_s(length_s) * faster * 1e6;
        us[i] = (int64_t)(i < offline ? burst_us + part() * BURST_US : morning_s(length_s) * faster * 1e6);
    }
    qsort(us, o->people, sizeof *us, by_time);
}

uint64_t schedule_make(const struct schedule_options *o, int64_t **ret_us)
{
    uint64_t count = o->people, room = count > 0 ? count : o->rate * o->seconds * 2 + 1000;
    int64_t *us = malloc(room * sizeof *us);
    if (us == NULL)
        give_up("out of memory");
    state = o->seed;
    if (o->people > 0) {
        fill_morning(o, us);
    } else {
        for (double at_s = 0; count < room && (at_s += -log1p(-part()) / (double)o->rate) < (double)o->seconds; count++)
            us[count] = (int64_t)(at_s * 1e6);
    }
    *ret_us = us;
    return count;
}
