/* Writing a directory file when memory or the disk refuses, at every request: either the whole file is there, or the one
 * before stays and the reason is told. */
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "directory.h"
#include "failing.h"
#include "snapshot.h"
#include "unit.h"
#include "wall.h"

#define FIRST_DAY 20450
#define DAY_US (86400 * US_PER_S)

static char dir[64], error[300];
static int64_t number = 1;

static bool add_all(struct snapshot *s)
{
    uint8_t hash[32] = {1};
    int64_t start = FIRST_DAY * DAY_US, fence = 31;
    const struct snapshot_session sessions[] = {
        {.id = 22, .code = "sore", .label = "Sore", .counts_as = COUNTS_AS_OUT, .accept_from_us = start + 20, .accept_until_us = start + 30},
        {.id = 21, .code = "pagi", .label = "Pagi", .counts_as = COUNTS_AS_IN, .accept_from_us = start, .accept_until_us = start + 10}};
    struct snapshot_pattern p = {.id = 1, .starts_us = start, .ends_us = start + DAY_US, .place = PLACE_WFO, .accuracy_cap_m = 100,
                                 .decides = {0, TIME_FIX, TIME_FIX, TIME_FIX, TIME_MESSAGE}, .sessions = sessions,
                                 .session_count = 2, .fences = &fence, .fence_count = 1};
    const struct snapshot_member member = {.first_day = 100, .last_day = FIRST_DAY + 100, .pair = 5};
    struct buf shape;
    buf_init(&shape, 1000);
    bool ok = fence_circle((struct point){120.3, -2.5}, 90, &shape, error, sizeof error) &&
              snapshot_fence(s, fence, 1, 1, FENCE_OFFICE, "Kantor", true, (struct fence_shape){shape.data, shape.len, NULL}, false) &&
              snapshot_pattern(s, &p) && snapshot_slot(s, 5, FIRST_DAY, 1) &&
              snapshot_person(s, 7, 1, &member, 1, &fence, 1, false) && snapshot_person(s, 8, 2, &member, 1, NULL, 0, false) &&
              snapshot_token(s, hash, 1, 3, 1, 7, CHANNEL_NATIVE, false, false) &&
              snapshot_number(s, 1, "6281100000001", false, 3, 7, false, false) && snapshot_business(s, "1055500", 1);
    buf_fini(&shape);
    return ok;
}

/* A descriptor, or −1: then error says why, or a row was refused. */
static int write_one(bool *ret_told)
{
    const struct snapshot_header h = {.epoch = 1, .number = number, .base_number = number, .compiled_us = FIRST_DAY * DAY_US,
                                      .first_day = FIRST_DAY, .days = 1};
    struct snapshot *s = snapshot_new(&h);
    int fd = -1;
    error[0] = '\0';
    *ret_told = true;
    if (s != NULL && add_all(s)) {
        fd = snapshot_write(s, dir, "base", error, sizeof error);
        *ret_told = fd >= 0 || error[0] != '\0';
    }
    snapshot_free(s);
    return fd;
}

static int64_t number_on_disk(void)
{
    struct snapshot_header h = {0};
    int fd = snapshot_open(dir, "base", &h, error, sizeof error);
    ck_assert_msg(fd >= 0, "%s", error);
    close(fd);
    return h.number;
}

START_TEST(the_whole_file_or_the_one_before)
{
    bool told;
    snprintf(dir, sizeof dir, "/tmp/hadir-directory-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    for (int keeps = 0; keeps < 2; keeps++) {
        int fd = write_one(&told);
        ck_assert_msg(fd >= 0, "%s", error);
        close(fd);
        for (long n = 0; number++, failing_from(n, keeps == 1); n++) {
            fd = write_one(&told);
            failing_stop();
            int64_t there = number_on_disk();
            ck_assert(told && (fd < 0 || there == number));
            if (fd < 0) /* the rename may have happened before a last sync failed */
                ck_assert_int_ge(there, number - n - 2);
            struct snapshot_header h = {0};
            (void)failing_from(n, keeps == 1 && n > 0);
            int again = snapshot_open(dir, "base", &h, error, sizeof error);
            bool refused = failing.refused;
            failing_stop();
            ck_assert(again >= 0 || (refused && error[0] != '\0'));
            if (again >= 0)
                close(again);
            failing.refused = fd < 0 || n < 200; /* goes on until nothing is refused any more */
            if (fd >= 0)
                close(fd);
        }
    }
    char path[100];
    snprintf(path, sizeof path, "%s/base", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/.base.new", dir);
    unlink(path);
    rmdir(dir);
}
END_TEST

#define REFUSED(change)                                                                                              \
    do {                                                                                                             \
        struct snapshot_header h = {.epoch = 1, .number = 5, .base_number = 5, .compiled_us = 1, .first_day = 10, .days = 3}; \
        change;                                                                                                      \
        ck_assert_msg(snapshot_new(&h) == NULL, "%s", #change);                                                      \
    } while (0)

START_TEST(a_version_that_cannot_be_is_refused)
{
    REFUSED(h.days = 0);
    REFUSED(h.days = 17);
    REFUSED(h.first_day = -1);
    REFUSED(h.first_day = 84007);
    REFUSED(h.epoch = -1);
    REFUSED(h.base_number = h.number = -1);
    REFUSED(h.base_number = 4);
    REFUSED((h.is_delta = true));
    REFUSED((h.is_delta = true, h.base_number = 6));
    REFUSED(h.compiled_us = -1);
    REFUSED(h.compiled_us = INT64_MAX);
    snapshot_free(NULL);
    directory_free(NULL);
}
END_TEST

static struct snapshot *some(void)
{
    const struct snapshot_header h = {.epoch = 1, .number = 5, .base_number = 5, .compiled_us = 1, .first_day = FIRST_DAY, .days = 3};
    struct snapshot *s = snapshot_new(&h);
    ck_assert_ptr_nonnull(s);
    return s;
}

#define NO_PATTERN(change)                                                                                           \
    do {                                                                                                             \
        struct snapshot_session v = {.id = 1, .code = "pagi", .label = "Pagi", .counts_as = COUNTS_AS_IN, .accept_from_us = 10, \
                                     .accept_until_us = 20};                                                         \
        struct snapshot_pattern p = {.id = 1, .starts_us = 5, .ends_us = 50, .decides = {0, 1, 1, 1, 1}, .sessions = &v, .session_count = 1}; \
        change;                                                                                                      \
        ck_assert_msg(!snapshot_pattern(s, &p), "%s", #change);                                                      \
    } while (0)

START_TEST(rows_that_no_reader_would_take_are_refused)
{
    static char longest[1002];
    static const uint8_t hash[32], broken[40];
    struct snapshot *s = some();
    memset(longest, 'x', sizeof longest - 1);
    NO_PATTERN(p.id = 0);
    NO_PATTERN(p.starts_us = -1);
    NO_PATTERN(p.ends_us = INT64_MAX);
    NO_PATTERN(p.ends_us = p.starts_us);
    NO_PATTERN(p.accuracy_cap_m = -1);
    NO_PATTERN(p.accuracy_cap_m = (double)INFINITY);
    NO_PATTERN(p.place = (enum place)5);
    NO_PATTERN(p.session_count = 65);
    NO_PATTERN(p.fence_count = 10001);
    NO_PATTERN(p.decides[2] = 0);
    NO_PATTERN(p.decides[4] = (enum time_source)4);
    NO_PATTERN(v.code = NULL);
    NO_PATTERN(v.code = "");
    NO_PATTERN(v.code = longest);
    NO_PATTERN(v.label = "\xff");
    NO_PATTERN(v.counts_as = 0);
    NO_PATTERN(v.counts_as = (enum counts_as)4);
    NO_PATTERN(v.accept_from_us = -1);
    NO_PATTERN(v.accept_until_us = INT64_MAX);
    NO_PATTERN(v.accept_until_us = 9);
    NO_PATTERN(v.due_us = -1);
    NO_PATTERN(v.on_time_from_us = -1);
    NO_PATTERN(v.on_time_until_us = -1);
    const struct fence_shape shape = {broken, sizeof broken, NULL};
    ck_assert(!snapshot_fence(s, 1, 1, 1, 0, "x", false, shape, false) && !snapshot_fence(s, 1, 1, 1, (enum fence_kind)5, "x", false, shape, false));
    ck_assert(!snapshot_fence(s, 1, 1, 1, FENCE_OFFICE, "x", false, shape, false) && !snapshot_fence(s, 1, 1, 1, FENCE_OFFICE, "x", false, shape, true));
    ck_assert(!snapshot_token(s, hash, 0, 1, 1, 1, CHANNEL_NATIVE, false, false) && !snapshot_token(s, hash, 3, 1, 1, 1, CHANNEL_NATIVE, false, false));
    ck_assert(!snapshot_token(s, hash, 1, 1, 1, 1, 0, false, false) && !snapshot_token(s, hash, 2, 1, 1, 1, (enum channel)5, false, false));
    ck_assert(!snapshot_token(s, hash, 1, 1, 1, 1, CHANNEL_NATIVE, false, true));
    ck_assert(!snapshot_number(s, 1, NULL, false, 1, 1, false, false) && !snapshot_number(s, 1, "", false, 1, 1, false, false));
    ck_assert(!snapshot_number(s, 1, "62", false, 1, 1, false, true));
    ck_assert(!snapshot_business(s, NULL, 1) && !snapshot_business(s, "", 1) && !snapshot_business(s, longest, 1));
    ck_assert(!snapshot_person(s, 1, 1, NULL, 10001, NULL, 0, false) && !snapshot_person(s, 1, 1, NULL, 0, NULL, 101, false));
    ck_assert(!snapshot_person(s, 1, 1, NULL, 0, NULL, 0, true));
    snapshot_free(s);
}
END_TEST

/* More texts than the first table of them holds, and codes that come again. */
START_TEST(many_texts_are_kept_once_each)
{
    struct snapshot *s = some();
    char code[20];
    for (int i = 0; i < 3000; i++) {
        snprintf(code, sizeof code, "s%d", i % 1500);
        const struct snapshot_session v = {.id = i, .code = code, .label = NULL, .counts_as = COUNTS_AS_IN, .accept_from_us = 10, .accept_until_us = 20};
        const struct snapshot_pattern p = {.id = i + 1, .starts_us = 5, .ends_us = 50, .decides = {0, 1, 1, 1, 1}, .sessions = &v, .session_count = 1};
        ck_assert(snapshot_pattern(s, &p));
    }
    snprintf(dir, sizeof dir, "/tmp/hadir-directory-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    int fd = snapshot_write(s, dir, "base", error, sizeof error);
    ck_assert_msg(fd >= 0, "%s", error);
    struct stat st;
    ck_assert(fstat(fd, &st) == 0 && st.st_size > 0);
    close(fd);
    snapshot_free(s);
    char path[100];
    snprintf(path, sizeof path, "%s/base", dir);
    unlink(path);
    rmdir(dir);
}
END_TEST

UNIT_MAIN("directory/failing", the_whole_file_or_the_one_before, a_version_that_cannot_be_is_refused,
          rows_that_no_reader_would_take_are_refused, many_texts_are_kept_once_each)
