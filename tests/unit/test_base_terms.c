/* Words of the field: every value has its word, every word its value, nothing else has either. */
#include "terms.h"
#include "unit.h"

#include <string.h>

START_TEST(words_go_both_ways)
{
    for (unsigned v = 1; v <= 4; v++) {
        enum channel c = 0;
        enum place p = 0;
        enum fence_kind k = 0;
        ck_assert(channel_from_name(channel_name((enum channel)v), &c) && c == v);
        ck_assert(place_from_name(place_name((enum place)v), &p) && p == v);
        ck_assert(fence_kind_from_name(fence_kind_name((enum fence_kind)v), &k) && k == v);
    }
    for (unsigned v = 1; v <= 3; v++) {
        enum counts_as a = 0;
        enum time_source t = 0;
        ck_assert(counts_as_from_name(counts_as_name((enum counts_as)v), &a) && a == v);
        ck_assert(time_source_from_name(time_source_name((enum time_source)v), &t) && t == v);
    }
}
END_TEST

START_TEST(words_are_the_contract)
{
    ck_assert_str_eq(verdict_name(VERDICT_PENDING), "pending");
    ck_assert_str_eq(verdict_name(VERDICT_OUTSIDE_WINDOW), "outside_window");
    ck_assert_str_eq(verdict_name(VERDICT_NOT_EXPECTED), "not_expected");
    ck_assert_str_eq(relation_name(RELATION_NONE), "none");
    ck_assert_str_eq(relation_name(RELATION_UNCERTAIN), "uncertain");
    ck_assert_str_eq(place_name(PLACE_NONE), "");
    ck_assert_str_eq(place_name(PLACE_DL), "DL");
    ck_assert_str_eq(clock_state_name(CLOCK_SIMULATED), "simulated");
    ck_assert_str_eq(item_status_name(ITEM_DROPPED), "dropped");
    ck_assert_str_eq(flag_name(0), "accuracy_unknown");
    ck_assert_str_eq(flag_name(FLAG_COUNT - 1), "automatic");
    for (unsigned bit = 0; bit < FLAG_COUNT; bit++)
        for (unsigned other = 0; other < bit; other++)
            ck_assert_str_ne(flag_name(bit), flag_name(other));
}
END_TEST

START_TEST(foreign_values_and_words)
{
    enum channel c = CHANNEL_OSMAND;
    enum place p = PLACE_DL;
    ck_assert_str_eq(channel_name((enum channel)5), "");
    ck_assert_str_eq(channel_name((enum channel)-1), "");
    ck_assert_str_eq(verdict_name((enum verdict)99), "");
    ck_assert_str_eq(flag_name(FLAG_COUNT), "");
    ck_assert(!channel_from_name("", &c) && !channel_from_name(NULL, &c) && !channel_from_name("Native", &c));
    ck_assert_int_eq(c, CHANNEL_OSMAND);
    ck_assert(!place_from_name("wfo", &p) && !place_from_name("", &p));
    ck_assert_int_eq(p, PLACE_DL);
}
END_TEST

UNIT_MAIN("base/terms", words_go_both_ways, words_are_the_contract, foreign_values_and_words)
