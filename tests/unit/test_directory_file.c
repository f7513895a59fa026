/* The directory file: what is written is found again, base and delta are one, and nothing that was damaged or forged is
 * used. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "directory.h"
#include "image.h"
#include "snapshot.h"
#include "unit.h"
#include "wall.h"

#define DAY_US (24 * 3600 * US_PER_S)
#define FIRST_DAY 20450 /* 2025-12-28 */
#define DAYS 3

static char folder[64];
static char error[300];

static void folder_make(void) __attribute__((constructor));
static void folder_make(void)
{
    snprintf(folder, sizeof folder, "/tmp/hadir-directory-XXXXXX");
    if (mkdtemp(folder) == NULL)
        abort();
}

static void folder_remove(void) __attribute__((destructor));
static void folder_remove(void)
{
    char path[200];
    const char *const names[] = {"base", "delta"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static struct snapshot *begin(int64_t number, int64_t base_number)
{
    struct snapshot_header h = {.epoch = 7, .number = number, .base_number = base_number, .compiled_us = FIRST_DAY * DAY_US,
                                .first_day = FIRST_DAY, .days = DAYS, .is_delta = number != base_number};
    struct snapshot *s = snapshot_new(&h);
    ck_assert_ptr_nonnull(s);
    return s;
}

static void hash_of(const char *token, uint8_t ret[32])
{
    digest_sha256(token, strlen(token), ret);
}

static void add_token(struct snapshot *s, const char *token, int64_t id, int64_t person, bool revoked, bool removed)
{
    uint8_t hash[32];
    hash_of(token, hash);
    ck_assert(snapshot_token(s, hash, 1, id, 1, person, CHANNEL_NATIVE, revoked, removed));
}

static void add_pattern(struct snapshot *s, int64_t id, int day, const char *code, const int64_t *fences, size_t count)
{
    int64_t start = (FIRST_DAY + day) * DAY_US;
    struct snapshot_session session = {.id = 100 + day, .code = code, .label = "Pagi", .counts_as = COUNTS_AS_IN,
                                       .accept_from_us = start, .accept_until_us = start + DAY_US / 2,
                                       .due_us = start + 10, .on_time_from_us = start, .on_time_until_us = start + 20};
    struct snapshot_pattern p = {.id = id, .starts_us = start, .ends_us = start + DAY_US, .place = PLACE_WFO,
                                 .accuracy_cap_m = 100, .decides = {0, TIME_FIX, TIME_FIX, TIME_FIX, TIME_MESSAGE},
                                 .sessions = &session, .session_count = 1, .fences = fences, .fence_count = count};
    ck_assert(snapshot_pattern(s, &p));
}

static void add_circle(struct snapshot *s, int64_t id, int32_t version, double lon, double radius_m, bool shared)
{
    struct buf shape;
    buf_init(&shape, 100);
    ck_assert(fence_circle((struct point){lon, -2.5}, radius_m, &shape, error, sizeof error));
    ck_assert(snapshot_fence(s, id, version, 1, FENCE_OFFICE, "Kantor", shared, (struct fence_shape){shape.data, shape.len, NULL},
                             false));
    buf_fini(&shape);
}

static int finish(struct snapshot *s, const char *name)
{
    int fd = snapshot_write(s, folder, name, error, sizeof error);
    ck_assert_msg(fd >= 0, "%s", error);
    snapshot_free(s);
    return fd;
}

static void number_name(char dst[32], const char *prefix, int i)
{
    snprintf(dst, 32, "%s%d", prefix, i);
}

#define PEOPLE 500

/* People handed over in an odd order, all in one of two pairs with a plan on the first and the last of three days, with a
 * token and every third a number. */
static int write_base(void)
{
    struct snapshot *s = begin(10, 10);
    char name[32];
    const int64_t office = 1000, both[] = {1000, 1001};
    for (int i = 0; i < PEOPLE; i++) {
        int64_t person = 1 + (i * 7919) % PEOPLE, homes[] = {1500 + person};
        const struct snapshot_member members[] = {{100, 200, 7}, {FIRST_DAY, FIRST_DAY + 900, 1 + (uint32_t)person % 2}};
        ck_assert(snapshot_person(s, person, 1 + person % 3, members, 2, homes, (size_t)(person % 2), false));
        number_name(name, "token", (int)person);
        add_token(s, name, 5000 + person, person, person % 10 == 0, false);
        number_name(name, "62811", (int)person);
        if (person % 3 == 0)
            ck_assert(snapshot_number(s, 1, name, false, 5000 + person, person, false, false));
        if (person % 5 == 0)
            ck_assert(snapshot_number(s, 1, name, true, 6000 + person, person, true, false));
    }
    ck_assert(snapshot_slot(s, 2, FIRST_DAY + 2, 4));
    ck_assert(snapshot_slot(s, 1, FIRST_DAY + 2, 3));
    ck_assert(snapshot_slot(s, 2, FIRST_DAY, 2));
    ck_assert(snapshot_slot(s, 1, FIRST_DAY, 1));
    add_pattern(s, 1, 0, "pagi", &office, 1);
    add_pattern(s, 2, 0, "pagi", both, 2);
    add_pattern(s, 3, 2, "pagi", NULL, 0);
    add_pattern(s, 4, 2, "pagi", NULL, 0); /* equal to 3 */
    for (int i = 0; i < 40; i++)
        add_circle(s, 1000 + i, 1, 120 + i * 0.01, 200, i % 2 == 0);
    ck_assert(snapshot_business(s, "1055500", 1));
    ck_assert(snapshot_business(s, "20555", 2));
    return finish(s, "base");
}

static struct directory *adopted(int fd)
{
    struct directory *d = directory_new();
    ck_assert_msg(directory_adopt(d, fd, error, sizeof error), "%s", error);
    return d;
}

START_TEST(what_is_written_is_found)
{
    struct directory *d = directory_new();
    struct credential c;
    uint8_t hash[32];
    char name[32];
    ck_assert(!directory_loaded(d));
    hash_of("token1", hash);
    ck_assert(!directory_find_token(d, hash, &c));
    ck_assert_int_eq(directory_find_business(d, "1055500", 7), 0);
    ck_assert(directory_adopt(d, write_base(), error, sizeof error));
    ck_assert(directory_loaded(d));
    ck_assert_uint_eq(directory_people(d), PEOPLE);
    for (int person = 1; person <= PEOPLE; person++) {
        number_name(name, "token", person);
        hash_of(name, hash);
        ck_assert(directory_find_token(d, hash, &c));
        ck_assert(c.kind == CREDENTIAL_DEVICE && c.id == 5000 + person && c.person == person && c.government == 1);
        ck_assert(c.channel == CHANNEL_NATIVE && c.revoked == (person % 10 == 0));
        number_name(name, "62811", person);
        bool found = directory_find_number(d, 1, name, strlen(name), &c);
        ck_assert(found == (person % 3 == 0));
        ck_assert(!found || (c.id == 5000 + person && c.person == person && c.channel == CHANNEL_WHATSAPP && !c.revoked));
        found = directory_find_user_id(d, 1, name, strlen(name), &c);
        ck_assert(found == (person % 5 == 0));
        ck_assert(!found || (c.id == 6000 + person && c.revoked));
        ck_assert(!directory_find_number(d, 2, name, strlen(name), &c));
    }
    hash_of("token0", hash);
    ck_assert(!directory_find_token(d, hash, &c));
    ck_assert_int_eq(directory_find_business(d, "1055500", 7), 1);
    ck_assert_int_eq(directory_find_business(d, "20555", 5), 2);
    ck_assert_int_eq(directory_find_business(d, "20555", 4), 0);
    ck_assert_int_eq(directory_find_business(d, "205550", 6), 0);
    ck_assert_int_eq(directory_find_business(d, "", 0), 0);
    ck_assert(!directory_find_number(d, 1, "", 0, &c));
    int64_t epoch, number, compiled_us;
    directory_version(d, &epoch, &number, &compiled_us);
    ck_assert(epoch == 7 && number == 10 && compiled_us == FIRST_DAY * DAY_US);
    directory_free(d);
}
END_TEST

START_TEST(plans_are_found_by_person_and_day)
{
    struct directory *d = adopted(write_base());
    struct session_view v[4];
    int32_t day;
    ck_assert_uint_eq(directory_sessions(d, 17, FIRST_DAY * DAY_US, &day, v, 4), 1);
    ck_assert_int_eq(day, FIRST_DAY);
    ck_assert_int_eq(v[0].id, 100);
    ck_assert_uint_eq(v[0].code.len, 4);
    ck_assert_mem_eq(v[0].code.s, "pagi", 4);
    ck_assert_mem_eq(v[0].label.s, "Pagi", 4);
    ck_assert_int_eq(v[0].due_us, FIRST_DAY * DAY_US + 10);
    ck_assert_uint_eq(directory_sessions(d, 17, (FIRST_DAY + 1) * DAY_US, &day, v, 4), 0);
    ck_assert_int_eq(day, INT32_MIN);
    ck_assert_uint_eq(directory_sessions(d, 17, (FIRST_DAY + 3) * DAY_US - 1, &day, v, 4), 1);
    ck_assert_int_eq(day, FIRST_DAY + 2);
    ck_assert_uint_eq(directory_sessions(d, 17, (FIRST_DAY + 3) * DAY_US, &day, v, 4), 0);
    ck_assert_uint_eq(directory_sessions(d, 17, FIRST_DAY * DAY_US, &day, v, 0), 0);
    ck_assert_int_eq(day, FIRST_DAY);
    ck_assert_uint_eq(directory_sessions(d, PEOPLE + 1, FIRST_DAY * DAY_US, &day, v, 4), 0);
    ck_assert_int_eq(day, INT32_MIN);
    directory_free(d);
}
END_TEST

static struct fact fact_at(int64_t government, double lon)
{
    return (struct fact){.government = government, .person = 3, .channel = CHANNEL_NATIVE, .fix_us = TIME_ABSENT,
                         .message_us = TIME_ABSENT, .sent_us = TIME_ABSENT, .received_us = FIRST_DAY * DAY_US + 5,
                         .clock_state = CLOCK_SYNCHRONISED, .lat_deg = -2.5, .lon_deg = lon};
}

START_TEST(a_delta_lies_over_its_base)
{
    struct directory *d = adopted(write_base());
    struct credential c;
    struct session_view v[2];
    uint8_t hash[32];
    int32_t day;
    /* person 3's plan, in the base, binds fence 1000 and 1001; shared fence 1002 holds lon 120.02 */
    struct fact f = fact_at(1, 120.02);
    directory_judge(d, &f);
    ck_assert_uint_eq(f.placement_count, 3);
    ck_assert_int_eq(f.first.fence, 1002);
    ck_assert_int_eq(f.directory_number, 10);

    struct snapshot *s = begin(12, 10);
    const struct snapshot_member fresh = {FIRST_DAY, FIRST_DAY, 70};
    ck_assert(snapshot_person(s, 5, 1, &fresh, 1, NULL, 0, false));
    ck_assert(snapshot_person(s, 6, 1, NULL, 0, NULL, 0, true));
    ck_assert(snapshot_person(s, 9000, 1, &fresh, 1, NULL, 0, false));
    ck_assert(snapshot_person(s, 9001, 1, NULL, 0, NULL, 0, true));
    ck_assert(snapshot_slot(s, fresh.pair, FIRST_DAY, 77));
    add_pattern(s, 77, 0, "siang", NULL, 0);
    add_token(s, "token5", 5005, 5, true, false);
    add_token(s, "token6", 5006, 6, false, true);
    add_token(s, "fresh", 5999, 9000, false, false);
    ck_assert(snapshot_number(s, 1, "628113", false, 5003, 3, false, true));
    ck_assert(snapshot_number(s, 1, "628119000", false, 7000, 9000, false, false));
    add_circle(s, 1000, 2, 120.0, 5000, false);
    add_circle(s, 2000, 1, 125, 200, true);
    ck_assert(snapshot_fence(s, 1002, 2, 1, FENCE_OFFICE, "Kantor", true, (struct fence_shape){NULL, 0, NULL}, true));
    ck_assert(directory_adopt(d, finish(s, "delta"), error, sizeof error));

    ck_assert_uint_eq(directory_people(d), PEOPLE); /* one gone, one new */
    ck_assert_uint_eq(directory_sessions(d, 5, FIRST_DAY * DAY_US, &day, v, 2), 1);
    ck_assert_mem_eq(v[0].code.s, "siang", 5);
    ck_assert_uint_eq(directory_sessions(d, 6, FIRST_DAY * DAY_US, &day, v, 2), 0);
    ck_assert_uint_eq(directory_sessions(d, 7, FIRST_DAY * DAY_US, &day, v, 2), 1);
    ck_assert_mem_eq(v[0].code.s, "pagi", 4);
    hash_of("token5", hash);
    ck_assert(directory_find_token(d, hash, &c) && c.revoked);
    hash_of("token6", hash);
    ck_assert(!directory_find_token(d, hash, &c));
    hash_of("fresh", hash);
    ck_assert(directory_find_token(d, hash, &c) && c.person == 9000);
    ck_assert(!directory_find_number(d, 1, "628113", 6, &c));
    ck_assert(directory_find_number(d, 1, "628116", 6, &c));
    ck_assert(directory_find_number(d, 1, "628119000", 9, &c) && c.id == 7000);
    ck_assert_int_eq(directory_find_business(d, "20555", 5), 2);
    /* for person 3, whose plan is still the base's: fence 1000 in its new version and size, 1002 gone */
    f = fact_at(1, 120.02);
    directory_judge(d, &f);
    ck_assert_int_eq(f.first.fence, 1000);
    ck_assert_int_eq(f.placements[0].fence_version, 2);
    ck_assert_int_eq(f.first.relation, RELATION_INSIDE);
    ck_assert_int_eq(f.directory_number, 12);
    for (size_t i = 0; i < f.placement_count; i++)
        ck_assert_int_ne(f.placements[i].fence, 1002);
    f = fact_at(1, 125);
    directory_judge(d, &f);
    ck_assert_int_eq(f.first.fence, 2000);
    f = fact_at(2, 125);
    directory_judge(d, &f);
    ck_assert_int_ne(f.first.fence, 2000); /* another government's */

    /* a new base drops the delta */
    ck_assert(directory_adopt(d, write_base(), error, sizeof error));
    hash_of("fresh", hash);
    ck_assert(!directory_find_token(d, hash, &c));
    directory_free(d);
}
END_TEST

START_TEST(a_delta_of_another_base_is_refused_and_the_old_stays)
{
    struct directory *d = directory_new();
    int delta = finish(begin(12, 9), "delta");
    ck_assert(!directory_adopt(d, dup(delta), error, sizeof error));
    ck_assert(!directory_loaded(d));
    ck_assert(directory_adopt(d, write_base(), error, sizeof error));
    ck_assert(!directory_adopt(d, delta, error, sizeof error));
    ck_assert_msg(strstr(error, "another base") != NULL, "%s", error);
    ck_assert(fcntl(delta, F_GETFD) == -1); /* taken in any case */
    ck_assert_uint_eq(directory_people(d), PEOPLE);
    ck_assert(!directory_adopt(d, -1, error, sizeof error));
    ck_assert_uint_eq(directory_people(d), PEOPLE);
    directory_free(d);
}
END_TEST

START_TEST(the_row_that_matters_wins)
{
    struct snapshot *s = begin(1, 1);
    struct credential c;
    /* a number enrolled again after its revocation, in either order; a fence in two versions */
    ck_assert(snapshot_number(s, 1, "62811", false, 1, 1, true, false));
    ck_assert(snapshot_number(s, 1, "62811", false, 2, 2, false, false));
    ck_assert(snapshot_number(s, 1, "62812", false, 4, 4, false, false));
    ck_assert(snapshot_number(s, 1, "62812", false, 3, 3, true, false));
    add_token(s, "t", 1, 1, true, false);
    add_token(s, "t", 2, 1, true, false);
    add_circle(s, 5, 2, 121, 100, true);
    add_circle(s, 5, 1, 120, 100, true);
    struct directory *d = adopted(finish(s, "base"));
    ck_assert(directory_find_number(d, 1, "62811", 5, &c) && c.id == 2 && !c.revoked);
    ck_assert(directory_find_number(d, 1, "62812", 5, &c) && c.id == 4);
    uint8_t hash[32];
    hash_of("t", hash);
    ck_assert(directory_find_token(d, hash, &c) && c.id == 2);
    struct fact f = fact_at(1, 121);
    directory_judge(d, &f);
    ck_assert_uint_eq(f.placement_count, 1);
    ck_assert_int_eq(f.placements[0].fence_version, 2);
    directory_free(d);
}
END_TEST

static void expect_not_written(struct snapshot *s, const char *reason)
{
    ck_assert_int_eq(snapshot_write(s, folder, "base", error, sizeof error), -1);
    ck_assert_str_eq(error, reason);
    snapshot_free(s);
}

START_TEST(what_does_not_fit_together_is_not_written)
{
    struct snapshot *s = begin(1, 1);
    ck_assert(snapshot_slot(s, 12, FIRST_DAY, 8));
    ck_assert_int_eq(snapshot_write(s, folder, "base", error, sizeof error), -1);
    ck_assert_str_eq(error, "the slot of pair 12 on day 20450 needs pattern 8, which was not given");
    add_pattern(s, 8, 0, "pagi", NULL, 0);
    add_pattern(s, 9, 0, "siang", NULL, 0);
    ck_assert(snapshot_slot(s, 12, FIRST_DAY + 1, 8));
    close(snapshot_write(s, folder, "base", error, sizeof error)); /* the same day of the same plan is no mistake */
    ck_assert(snapshot_slot(s, 12, FIRST_DAY + 1, 9));
    expect_not_written(s, "the slot of pair 12 on day 20451 was given twice");

    s = begin(1, 1);
    ck_assert(snapshot_person(s, 12, 1, NULL, 0, NULL, 0, false));
    ck_assert(snapshot_person(s, 12, 2, NULL, 0, NULL, 0, false));
    expect_not_written(s, "person 12 was given twice");

    s = begin(1, 1);
    add_pattern(s, 8, 0, "pagi", NULL, 0);
    add_pattern(s, 8, 1, "pagi", NULL, 0);
    expect_not_written(s, "pattern 8 was given twice, differently");
}
END_TEST

START_TEST(malformed_memberships_and_slots_are_refused)
{
    static const struct snapshot_member bad[][2] = {
        {{-1, 5, 1}, {6, 7, 2}},     {{5, 4, 1}, {6, 7, 2}},         {{0, 84007, 1}, {84006, 84006, 2}},
        {{0, 5, 0}, {6, 7, 2}},      {{0, 5, 0x80000000}, {6, 7, 2}}, {{0, 5, 1}, {5, 7, 2}},
        {{6, 7, 1}, {0, 5, 2}},      {{0, 5, 1}, {0, 5, 1}},
    };
    struct snapshot *s = begin(1, 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!snapshot_person(s, 12, 1, bad[i], 2, NULL, 0, false), "%zu", i);
    ck_assert(!snapshot_person(s, 12, 1, bad[0], 10001, NULL, 0, false));
    ck_assert(!snapshot_slot(s, 0, FIRST_DAY, 8));
    ck_assert(!snapshot_slot(s, 0x80000000, FIRST_DAY, 8));
    ck_assert(!snapshot_slot(s, 1, FIRST_DAY - 1, 8));
    ck_assert(!snapshot_slot(s, 1, FIRST_DAY + DAYS, 8));
    ck_assert(!snapshot_slot(s, 1, INT32_MIN, 8));
    ck_assert(!snapshot_slot(s, 1, FIRST_DAY, 0));
    const struct snapshot_member ends[] = {{0, 0, 0x7fffffff}, {84006, 84006, 1}};
    ck_assert(snapshot_person(s, 13, 1, ends, 2, NULL, 0, false));
    ck_assert(snapshot_slot(s, 0x7fffffff, FIRST_DAY + DAYS - 1, 8));
    add_pattern(s, 8, 0, "pagi", NULL, 0);
    struct directory *d = adopted(finish(s, "base")); /* what was refused left nothing behind that a reader refuses */
    ck_assert_uint_eq(directory_people(d), 1);
    directory_free(d);
}
END_TEST

START_TEST(mistakes_of_the_caller_are_refused)
{
    struct snapshot *s = begin(1, 1);
    ck_assert(!snapshot_person(s, 12, 1, NULL, 0, NULL, 0, true)); /* a base removes nobody */
    ck_assert(!snapshot_fence(s, 1, 1, 1, FENCE_OFFICE, "x", false, (struct fence_shape){NULL, 0, NULL}, false));
    ck_assert(!snapshot_business(s, "", 1));
    ck_assert(!snapshot_business(s, "\xff", 1));
    struct snapshot_session session = {.id = 1, .code = "", .counts_as = COUNTS_AS_IN};
    struct snapshot_pattern p = {.id = 1, .starts_us = 0, .ends_us = 1, .decides = {0, 1, 1, 1, 1}, .sessions = &session,
                                 .session_count = 1};
    ck_assert(!snapshot_pattern(s, &p)); /* a session without code */
    session.code = "pagi";
    session.accept_from_us = 1;
    ck_assert(!snapshot_pattern(s, &p)); /* ends before it begins */
    session.accept_from_us = 0;
    ck_assert(snapshot_pattern(s, &p));
    p.decides[3] = (enum time_source)4;
    ck_assert(!snapshot_pattern(s, &p));
    ck_assert_int_eq(snapshot_write(s, "/nonexistent/folder", "base", error, sizeof error), -1);
    ck_assert_msg(strstr(error, "/nonexistent/folder") != NULL, "%s", error);
    snapshot_free(s);
    struct snapshot_header h = {.number = 1, .base_number = 1, .days = 17};
    ck_assert_ptr_null(snapshot_new(&h));
    h.days = 0;
    ck_assert_ptr_null(snapshot_new(&h));
}
END_TEST

START_TEST(a_written_file_opens_after_a_restart)
{
    struct snapshot_header h;
    close(write_base());
    int fd = snapshot_open(folder, "base", &h, error, sizeof error);
    ck_assert_msg(fd >= 0, "%s", error);
    ck_assert(h.epoch == 7 && h.number == 10 && h.base_number == 10 && h.first_day == FIRST_DAY && h.days == DAYS && !h.is_delta);
    ck_assert_int_eq(write(fd, "x", 1), -1); /* read-only */
    struct directory *d = adopted(fd);
    directory_free(d);
    ck_assert_int_eq(snapshot_open(folder, "absent", &h, error, sizeof error), -1);
    char path[200];
    struct stat st;
    snprintf(path, sizeof path, "%s/.base.new", folder);
    ck_assert_int_ne(stat(path, &st), 0);
    snprintf(path, sizeof path, "%s/base", folder);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

/* ---- damage ---- */

/* Takes fd. */
static uint8_t *read_file(int fd, size_t *ret_len)
{
    struct stat st;
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert(st.st_size > 0 && st.st_size < 10 << 20);
    size_t len = (size_t)st.st_size & 0xffffff; /* the compiler, too, sees that it is small */
    uint8_t *bytes = malloc(len);
    ck_assert_int_eq(pread(fd, bytes, len, 0), (ssize_t)len);
    close(fd);
    *ret_len = len;
    return bytes;
}

static uint8_t *read_base(size_t *ret_len)
{
    return read_file(write_base(), ret_len);
}

static int file_of(const uint8_t *bytes, size_t len)
{
    int fd = memfd_create("damaged", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    return fd;
}

static uint32_t random_state = 12345;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)random_state * n) >> 32);
}

START_TEST(flipped_bits_are_refused)
{
    size_t len;
    uint8_t *bytes = read_base(&len);
    struct directory *d = adopted(file_of(bytes, len));
    for (int i = 0; i < 600; i++) {
        /* all of the header's first 96 bytes, then anywhere */
        size_t bit = i < 96 ? (size_t)i * 8 + random_below(8) : random_below((uint32_t)len * 8);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        ck_assert_msg(!directory_adopt(d, file_of(bytes, len), error, sizeof error), "bit %zu", bit);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    ck_assert_uint_eq(directory_people(d), PEOPLE);
    free(bytes);
    directory_free(d);
}
END_TEST

START_TEST(cut_and_grown_files_are_refused)
{
    size_t len;
    uint8_t *bytes = read_base(&len);
    struct directory *d = directory_new();
    for (size_t cut = 0; cut < len; cut += cut < 700 ? 13 : len / 50)
        ck_assert(!directory_adopt(d, file_of(bytes, cut), error, sizeof error));
    ck_assert(!directory_adopt(d, file_of(bytes, len - 1), error, sizeof error));
    uint8_t *longer = calloc(1, len + 8);
    memcpy(longer, bytes, len);
    ck_assert(!directory_adopt(d, file_of(longer, len + 8), error, sizeof error));
    ck_assert(!directory_loaded(d));
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    ck_assert(!directory_adopt(d, folder_fd, error, sizeof error));
    free(longer);
    free(bytes);
    directory_free(d);
}
END_TEST

/* Uses everything in a file that passed its checks; sanitizers watch. */
static void exercise(struct directory *d)
{
    struct session_view v[8];
    struct credential c;
    int32_t day;
    char name[32];
    for (int person = 0; person <= 60; person++) {
        for (int k = 0; k < DAYS; k++)
            directory_sessions(d, person, (FIRST_DAY + k) * DAY_US, &day, v, 8);
        struct fact f = fact_at(1 + person % 3, 120 + person * 0.005);
        f.person = person;
        directory_judge(d, &f);
        directory_drops(d, &f, f.received_us);
        number_name(name, "62811", person);
        directory_find_number(d, 1, name, strlen(name), &c);
    }
    directory_find_business(d, "20555", 5);
}

/* A forger computes the checksum anew. */
static int forged(const uint8_t *bytes, size_t len, unsigned i)
{
    static const uint8_t values[] = {0xff, 0x00, 0x01, 0x7f, 0x80};
    const struct image_header *h = (const void *)bytes;
    size_t section = random_below(SECTION_COUNT), at;
    size_t section_bytes = (size_t)h->sections[section].count * image_record_bytes((enum image_section)section);
    if (i % 6 == 0 || section_bytes == 0)
        at = 8 + random_below(sizeof *h - 8);
    else
        at = (size_t)h->sections[section].offset + random_below((uint32_t)section_bytes);
    uint8_t *copy = malloc(len);
    memcpy(copy, bytes, len);
    for (size_t k = at; k < at + 1 + random_below(4) && k < len; k++)
        copy[k] = (uint8_t)(i % 3 == 0 ? copy[k] ^ (1u << random_below(8)) : values[random_below(5)]);
    image_checksum(copy, len, ((struct image_header *)(void *)copy)->checksum);
    int fd = file_of(copy, len);
    free(copy);
    return fd;
}

/* Whatever field he changes, the file is refused or still safe to use. */
START_TEST(forged_files_are_refused_or_safe)
{
    size_t len;
    uint8_t *bytes = read_base(&len);
    unsigned refused = 0, rounds = 1200;
    for (unsigned i = 0; i < rounds; i++) {
        struct directory *d = directory_new();
        if (directory_adopt(d, forged(bytes, len, i), error, sizeof error))
            exercise(d);
        else
            refused++;
        directory_free(d);
    }
    ck_assert_msg(refused > rounds / 5, "only %u refused", refused);
    free(bytes);
}
END_TEST

static int write_small_delta(void)
{
    struct snapshot *s = begin(12, 10);
    const struct snapshot_member moved[] = {{FIRST_DAY, FIRST_DAY + 1, 1}, {FIRST_DAY + 2, FIRST_DAY + 9, 70}};
    const int64_t fences[] = {1001, 2000}, home = 1000;
    ck_assert(snapshot_person(s, 5, 1, moved, 2, &home, 1, false));
    ck_assert(snapshot_person(s, 6, 1, NULL, 0, NULL, 0, true));
    ck_assert(snapshot_slot(s, 1, FIRST_DAY, 77));
    ck_assert(snapshot_slot(s, 1, FIRST_DAY + 1, 78));
    ck_assert(snapshot_slot(s, 70, FIRST_DAY + 2, 79));
    add_pattern(s, 77, 0, "siang", fences, 2);
    add_pattern(s, 78, 1, "malam", fences, 1);
    add_pattern(s, 79, 2, "pagi", NULL, 0);
    add_circle(s, 2000, 1, 120.1, 200, true);
    return finish(s, "delta");
}

START_TEST(forged_deltas_are_refused_or_safe)
{
    size_t len, base_len;
    uint8_t *base = read_base(&base_len), *bytes = read_file(write_small_delta(), &len);
    unsigned refused = 0, rounds = 1200;
    struct directory *d = adopted(file_of(base, base_len));
    for (unsigned i = 0; i < rounds; i++)
        if (directory_adopt(d, forged(bytes, len, i), error, sizeof error))
            exercise(d);
        else
            refused++;
    ck_assert_msg(refused > rounds / 5 && refused < rounds, "%u refused", refused);
    directory_free(d);
    free(bytes);
    free(base);
}
END_TEST

/* One forgery for each thing that the reader must look at. */
static void expect_forgery_refused(const uint8_t *bytes, size_t len, size_t at, const void *value, size_t value_len,
                                   const char *reason)
{
    uint8_t *copy = malloc(len);
    memcpy(copy, bytes, len);
    memcpy(copy + at, value, value_len);
    struct image_header *h = (void *)copy;
    image_checksum(copy, len, h->checksum);
    struct directory *d = directory_new();
    ck_assert_msg(!directory_adopt(d, file_of(copy, len), error, sizeof error), "%s", reason);
    ck_assert_msg(strstr(error, reason) != NULL, "got \"%s\", wanted \"%s\"", error, reason);
    directory_free(d);
    free(copy);
}

START_TEST(each_reference_is_followed_before_use)
{
    size_t len;
    uint8_t *b = read_base(&len);
    const struct image_header *h = (const void *)b;
    const uint32_t far = 0x7fffffff, none = 0, above = 0x80000000;
    const int32_t negative = -1, past = FIRST_DAY - 1, future = FIRST_DAY + DAYS, late = 84007;
    const int32_t shared_day = 200; /* the last of the person's first membership */
    const struct image_slot first_slot = {.pair = 1, .day = FIRST_DAY};
    const uint8_t two = 2, bad = 0xff;
    const int64_t least = INT64_MIN, most = INT64_MAX;
    const double nan = __builtin_nan("");
    const uint32_t pattern_count = (uint32_t)h->sections[SECTION_PATTERNS].count;
#define AT(section, type, member) (h->sections[section].offset + sizeof(struct type) + offsetof(struct type, member))
#define FORGE(at, value, reason) expect_forgery_refused(b, len, (size_t)(at), &(value), sizeof(value), reason)
    FORGE(AT(SECTION_PERSONS, image_person, id), least, "persons are not in order");
    FORGE(AT(SECTION_PERSONS, image_person, government), far, "a person is malformed");
    FORGE(AT(SECTION_PERSONS, image_person, member_first), far, "a person is malformed");
    FORGE(AT(SECTION_PERSONS, image_person, home_first), far, "a person is malformed");
    FORGE(AT(SECTION_PERSONS, image_person, removed), two, "a person is malformed");
    FORGE(AT(SECTION_PERSONS, image_person, zero), two, "a person is malformed");
    FORGE(AT(SECTION_MEMBERS, image_member, first_day), none, "memberships are not in order");
    FORGE(AT(SECTION_MEMBERS, image_member, first_day), shared_day, "memberships are not in order");
    FORGE(h->sections[SECTION_MEMBERS].offset, negative, "a membership is malformed");
    FORGE(AT(SECTION_MEMBERS, image_member, last_day), none, "a membership is malformed");
    FORGE(AT(SECTION_MEMBERS, image_member, last_day), late, "a membership is malformed");
    FORGE(AT(SECTION_MEMBERS, image_member, pair), none, "a membership is malformed");
    FORGE(AT(SECTION_MEMBERS, image_member, pair), above, "a membership is malformed");
    FORGE(AT(SECTION_SLOTS, image_slot, pair), far, "slots are not in order");
    FORGE(AT(SECTION_SLOTS, image_slot, pair), none, "slots are not in order");
    FORGE(AT(SECTION_SLOTS, image_slot, day), past, "slots are not in order");
    FORGE(AT(SECTION_SLOTS, image_slot, pair), first_slot, "slots are not in order"); /* given twice */
    FORGE(AT(SECTION_SLOTS, image_slot, day), future, "a slot is malformed");
    FORGE(h->sections[SECTION_SLOTS].offset, none, "a slot is malformed");
    FORGE(h->sections[SECTION_SLOTS].offset + offsetof(struct image_slot, day), past, "a slot is malformed");
    FORGE(AT(SECTION_SLOTS, image_slot, pattern), pattern_count, "a slot names no pattern");
    FORGE(AT(SECTION_SLOTS, image_slot, pattern), far, "a slot names no pattern");
    FORGE(AT(SECTION_TOKENS, image_token, hash), least, "tokens are not in order");
    FORGE(AT(SECTION_TOKENS, image_token, kind), bad, "a token is malformed");
    FORGE(AT(SECTION_TOKENS, image_token, channel), bad, "a token is malformed");
    FORGE(AT(SECTION_NUMBERS, image_number, government), least, "numbers are not in order");
    FORGE(AT(SECTION_BUSINESSES, image_business, phone_number_id), far, "a business number is malformed");
    FORGE(AT(SECTION_GOVERNMENTS, image_government, id), least, "governments are not in order");
    FORGE(AT(SECTION_GOVERNMENTS, image_government, index_offset), most, "a government is malformed");
    FORGE(AT(SECTION_GOVERNMENTS, image_government, shared_count), far, "a government is malformed");
    FORGE(AT(SECTION_PATTERNS, image_pattern, accuracy_cap_m), nan, "a day pattern is malformed");
    FORGE(AT(SECTION_PATTERNS, image_pattern, session_first), far, "a day pattern is malformed");
    FORGE(AT(SECTION_PATTERNS, image_pattern, fence_count), far, "a day pattern is malformed");
    FORGE(AT(SECTION_PATTERNS, image_pattern, decides), bad, "a day pattern is malformed");
    FORGE(AT(SECTION_PATTERNS, image_pattern, ends_us), most, "a day pattern is malformed");
    FORGE(AT(SECTION_SESSIONS, image_pattern_session, due_us), most, "a session is malformed");
    FORGE(AT(SECTION_SESSIONS, image_pattern_session, code), far, "a session is malformed");
    FORGE(AT(SECTION_SESSIONS, image_pattern_session, counts_as), bad, "a session is malformed");
    FORGE(AT(SECTION_FENCES, image_fence, id), least, "fences are not in order");
    FORGE(AT(SECTION_FENCES, image_fence, shape_offset), most, "a fence is malformed");
    FORGE(AT(SECTION_FENCES, image_fence, shape_len), far, "a fence is malformed");
    FORGE(AT(SECTION_FENCES, image_fence, kind), bad, "a fence is malformed");
    FORGE(h->sections[SECTION_SHAPES].offset + 8, nan, "a fence's shape is malformed");
    FORGE(h->sections[SECTION_SHARED].offset, far, "an index names a fence that is not shared");
    FORGE(h->sections[SECTION_INDEXES].offset, far, "an index of fences is malformed");
    FORGE(h->sections[SECTION_STRINGS].offset, bad, "malformed");
    FORGE(offsetof(struct image_header, sections), most, "a section lies outside the file");
    FORGE(offsetof(struct image_header, sections) + 8, most, "a section lies outside the file");
    FORGE(offsetof(struct image_header, days), far, "days out of range");
    FORGE(offsetof(struct image_header, first_day), far, "days out of range");
    FORGE(offsetof(struct image_header, version), far, "another format version");
    FORGE(offsetof(struct image_header, flags), far, "unknown flags");
    FORGE(offsetof(struct image_header, number), most, "version numbers do not fit");
    FORGE(offsetof(struct image_header, compiled_us), most, "time of compilation out of range");
    free(b);
}
END_TEST

START_TEST(a_person_takes_under_400_bytes)
{
    size_t len;
    uint8_t *b = read_base(&len);
    const struct image_header *h = (const void *)b;
    size_t bytes = 0;
    for (int i = SECTION_PERSONS; i <= SECTION_NUMBERS; i++)
        bytes += (size_t)h->sections[i].count * image_record_bytes((enum image_section)i);
    ck_assert_uint_le(bytes / PEOPLE, 400);
    ck_assert_uint_eq(h->sections[SECTION_PATTERNS].count, 3); /* 3 and 4 are one */
    free(b);
}
END_TEST

UNIT_MAIN("directory/file", what_is_written_is_found, plans_are_found_by_person_and_day, a_delta_lies_over_its_base,
          a_delta_of_another_base_is_refused_and_the_old_stays, the_row_that_matters_wins,
          what_does_not_fit_together_is_not_written, malformed_memberships_and_slots_are_refused,
          mistakes_of_the_caller_are_refused, a_written_file_opens_after_a_restart, flipped_bits_are_refused,
          cut_and_grown_files_are_refused, forged_files_are_refused_or_safe, forged_deltas_are_refused_or_safe,
          each_reference_is_followed_before_use, a_person_takes_under_400_bytes)
