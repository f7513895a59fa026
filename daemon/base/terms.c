/* The words of the field and their values, one table an enumeration.
 *
 * Every number here is stored in spools and every word in the database: a new value goes to the end of its table,
 * an old one is never renamed. Constant data only; safe from any thread. */
#include "terms.h"

#include <stddef.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Index = value; a value without a word has "". */
static const char *const channels[] = {"", "native", "owntracks", "osmand", "whatsapp"};
static const char *const verdicts[] = {"pending", "on_time", "late", "early", "outside_window", "not_expected"};
static const char *const relations[] = {"none", "inside", "outside", "uncertain"};
static const char *const counts[] = {"", "in", "out", "presence"};
static const char *const places[] = {"", "WFO", "WFH", "WFA", "DL"};
static const char *const fence_kinds[] = {"", "office", "site", "home", "area"};
static const char *const time_sources[] = {"", "fix", "message", "arrival"};
static const char *const clock_states[] = {"", "synchronised", "unsynchronised", "simulated"};
static const char *const item_statuses[] = {"", "accepted", "duplicate", "conflict", "dropped"};
static const char *const flags[] = {"accuracy_unknown", "inaccurate", "mock", "picked_place", "forwarded",
                                    "device_clock", "late_delivery", "session_differs", "clock_unsynchronised",
                                    "clock_simulated", "future_fix", "stale_fix", "uncertain_place", "automatic"};
_Static_assert(COUNT(flags) == FLAG_COUNT, "each flag has a word");
_Static_assert(COUNT(channels) == CHANNEL_MAX + 1, "each channel has a word");

static const char *word(const char *const *table, size_t count, unsigned value)
{
    return value < count ? table[value] : "";
}

/* The value of a word; 0 is never a named value of the tables that are looked up this way. */
static unsigned value_of(const char *const *table, size_t count, const char *name)
{
    if (name == NULL || name[0] == '\0')
        return 0;
    for (unsigned i = 1; i < count; i++)
        if (strcmp(table[i], name) == 0)
            return i;
    return 0;
}

const char *channel_name(enum channel v)
{
    return word(channels, COUNT(channels), (unsigned)v);
}

const char *verdict_name(enum verdict v)
{
    return word(verdicts, COUNT(verdicts), (unsigned)v);
}

const char *relation_name(enum relation v)
{
    return word(relations, COUNT(relations), (unsigned)v);
}

const char *counts_as_name(enum counts_as v)
{
    return word(counts, COUNT(counts), (unsigned)v);
}

const char *place_name(enum place v)
{
    return word(places, COUNT(places), (unsigned)v);
}

const char *fence_kind_name(enum fence_kind v)
{
    return word(fence_kinds, COUNT(fence_kinds), (unsigned)v);
}

const char *time_source_name(enum time_source v)
{
    return word(time_sources, COUNT(time_sources), (unsigned)v);
}

const char *clock_state_name(enum clock_state v)
{
    return word(clock_states, COUNT(clock_states), (unsigned)v);
}

const char *item_status_name(enum item_status v)
{
    return word(item_statuses, COUNT(item_statuses), (unsigned)v);
}

const char *flag_name(unsigned bit)
{
    return word(flags, COUNT(flags), bit);
}

bool channel_from_name(const char *name, enum channel *ret)
{
    unsigned v = value_of(channels, COUNT(channels), name);
    if (v == 0)
        return false;
    *ret = (enum channel)v;
    return true;
}

bool place_from_name(const char *name, enum place *ret)
{
    unsigned v = value_of(places, COUNT(places), name);
    if (v == 0)
        return false;
    *ret = (enum place)v;
    return true;
}

bool fence_kind_from_name(const char *name, enum fence_kind *ret)
{
    unsigned v = value_of(fence_kinds, COUNT(fence_kinds), name);
    if (v == 0)
        return false;
    *ret = (enum fence_kind)v;
    return true;
}

bool counts_as_from_name(const char *name, enum counts_as *ret)
{
    unsigned v = value_of(counts, COUNT(counts), name);
    if (v == 0)
        return false;
    *ret = (enum counts_as)v;
    return true;
}

bool time_source_from_name(const char *name, enum time_source *ret)
{
    unsigned v = value_of(time_sources, COUNT(time_sources), name);
    if (v == 0)
        return false;
    *ret = (enum time_source)v;
    return true;
}
