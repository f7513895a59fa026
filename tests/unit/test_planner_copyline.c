/* COPY's text format and the directory's rows: what is taken, what is refused, and that it reads back. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copyline.h"
#include "directory.h"
#include "fence.h"
#include "wall.h"

static char line[4096];
static char *fields[COPYLINE_FIELDS_MAX];

static int split(const char *text)
{
    snprintf(line, sizeof line, "%s", text);
    return copyline_split(line, strlen(text), fields);
}

START_TEST(splitting)
{
    ck_assert_int_eq(split("a\tb\t\tc"), 4);
    ck_assert_str_eq(fields[0], "a");
    ck_assert_str_eq(fields[2], "");
    ck_assert_str_eq(fields[3], "c");
    ck_assert_int_eq(split(""), 1);
    ck_assert_str_eq(fields[0], "");
    ck_assert_int_eq(split("\\N\tx\t\\N"), 3);
    ck_assert_ptr_null(fields[0]);
    ck_assert_str_eq(fields[1], "x");
    ck_assert_ptr_null(fields[2]);
    ck_assert_int_eq(split("a\\tb\\nc\\\\d\\re\\bf\\vg\\fh\t\\\\N\t\\Nx\ty\\N"), 4);
    ck_assert_str_eq(fields[0], "a\tb\nc\\d\re\bf\vg\fh");
    ck_assert_str_eq(fields[1], "\\N");
    ck_assert_str_eq(fields[2], "Nx");
    ck_assert_str_eq(fields[3], "yN");
    ck_assert_int_eq(split("\t"), 2);
    ck_assert_int_eq(split("a\\"), -1);
    ck_assert_int_eq(split("1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13\t14\t15\t16"), 16);
    ck_assert_int_eq(split("1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13\t14\t15\t16\t17"), -1);
}
END_TEST

static struct snapshot *begin(void)
{
    const struct snapshot_header h = {.epoch = 1, .number = 5, .base_number = 5, .compiled_us = 1000, .first_day = 0,
                                      .days = 2};
    struct snapshot *s = snapshot_new(&h);
    ck_assert_ptr_nonnull(s);
    return s;
}

static bool take(struct snapshot *s, const char *text)
{
    char error[200] = "";
    int count = split(text);
    bool good = count > 0 && copyline_take(s, fields, count, error, sizeof error);
    ck_assert_int_eq(good, error[0] == '\0');
    return good;
}

#define TOKEN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
/* One day of one session, in microseconds of the local day in UTC. */
#define SESSIONS                                                                                                     \
    "[{\"id\": 1, \"code\": \"pagi\", \"label\": \"Pagi\", \"counts_as\": \"in\", \"accept_from_us\": 10, "           \
    "\"accept_until_us\": 90, \"due_us\": 40, \"on_time_from_us\": 10, \"on_time_until_us\": 50}]"
#define PATTERN(id) "pattern\t" id "\t0\t86400000000\tWFO\tf\t100\t{fix,fix,fix,message}\t" SESSIONS "\t{3}"

static void shape_hex(char *dst, size_t cap)
{
    struct buf shape;
    char error[200];
    buf_init(&shape, 4096);
    ck_assert(fence_circle((struct point){.lon_deg = 120.3, .lat_deg = -2.5}, 100, &shape, error, sizeof error));
    size_t at = 0;
    for (size_t i = 0; i < shape.len; i++)
        at += (size_t)snprintf(dst + at, cap - at, "%02x", shape.data[i]);
    buf_fini(&shape);
}

START_TEST(good_rows_read_back)
{
    char fence[2000], hex[1000], top[] = "/tmp/hadir-planner-XXXXXX", error[200] = "", path[100];
    struct snapshot *s = begin();
    shape_hex(hex, sizeof hex);
    snprintf(fence, sizeof fence, "fence\t3\t1\t1\toffice\tKantor\\tA\tf\t%s\tf", hex);
    ck_assert(take(s, "person\t7\t1\t{0,1}\t{0,84006}\t{5,2147483647}\t{}\tf"));
    ck_assert(take(s, "person\t8\t1\t\\N\t\\N\t\\N\t\\N\tf")); /* belongs nowhere, has no home */
    ck_assert(take(s, "person\t9\t1\t{}\t{}\t{}\t{3}\tf"));
    ck_assert(take(s, "slot\t5\t0\t11"));
    ck_assert(take(s, "slot\t2147483647\t1\t12"));
    ck_assert(take(s, "token\t" TOKEN "\t1\t70\t1\t7\t1\tf\tf"));
    ck_assert(take(s, "number\t1\t6281\tf\t71\t7\tt\tf"));
    ck_assert(take(s, fence));
    ck_assert(take(s, "business\t100\t1"));
    ck_assert(take(s, PATTERN("11")));
    ck_assert(take(s, "pattern\t12\t86400000000\t172800000000\t\\N\tt\t50.5\t{arrival,fix,fix,message}\t[]\t{}"));
    ck_assert_ptr_nonnull(mkdtemp(top));
    int fd = snapshot_write(s, top, "d", error, sizeof error);
    ck_assert_msg(fd >= 0, "%s", error);
    snapshot_free(s);

    struct directory *d = directory_new();
    struct credential c;
    uint8_t hash[32];
    for (size_t i = 0; i < 32; i++)
        hash[i] = (uint8_t)((i % 16) * 0x11);
    ck_assert_msg(directory_adopt(d, fd, error, sizeof error), "%s", error);
    ck_assert_uint_eq(directory_people(d), 3);
    ck_assert(directory_find_token(d, hash, &c));
    ck_assert_int_eq(c.id, 70);
    ck_assert_int_eq(c.person, 7);
    ck_assert(!c.revoked);
    ck_assert(directory_find_number(d, 1, "6281", 4, &c));
    ck_assert_int_eq(c.id, 71);
    ck_assert(c.revoked);
    ck_assert_int_eq(directory_find_business(d, "100", 3), 1);
    struct session_view view[4];
    int32_t day = -1;
    ck_assert_uint_eq(directory_sessions(d, 7, 30, &day, view, 4), 1);
    ck_assert_int_eq(view[0].due_us, 40);
    ck_assert_uint_eq(directory_sessions(d, 7, 90000000000, &day, view, 4), 0);
    ck_assert_int_eq(day, 1); /* a day off */
    ck_assert_uint_eq(directory_sessions(d, 8, 30, &day, view, 4), 0);
    ck_assert_int_eq(day, INT32_MIN);
    directory_free(d);
    snprintf(path, sizeof path, "%s/d", top);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(top), 0);
}
END_TEST

START_TEST(bad_rows_are_refused)
{
    static const char *const bad[] = {
        "", "nobody\t1", "person", "person\t7\t1\t{11,12}\t{}\tf",
        "person\t7\t1\t{1}\t{2,3}\t{5}\t{}\tf", "person\t7\t1\t{1}\t{2}\t{5,6}\t{}\tf",
        "person\t7\t1\t{}\t{2}\t{5}\t{}\tf",
        "person\t7\t1\t\\N\t{2}\t{5}\t{}\tf", "person\t7\t1\t{1}\t\\N\t{5}\t{}\tf", "person\t7\t1\t{1}\t{2}\t\\N\t{}\tf",
        "person\t7\t1\t{NULL}\t{2}\t{5}\t{}\tf", "person\t7\t1\t{1}\t{2}\t{NULL}\t{}\tf",
        "person\t7\t1\t{1}\t{2}\t{5}\t{NULL}\tf", "person\t7\t1\t{2}\t{1}\t{5}\t{}\tf",
        "person\t7\t1\t{-1}\t{1}\t{5}\t{}\tf", "person\t7\t1\t{1}\t{84007}\t{5}\t{}\tf",
        "person\t7\t1\t{1}\t{infinity}\t{5}\t{}\tf", "person\t7\t1\t{1}\t{2}\t{0}\t{}\tf",
        "person\t7\t1\t{1}\t{2}\t{2147483648}\t{}\tf", "person\t7\t1\t{4294967296}\t{4294967297}\t{5}\t{}\tf",
        "person\t7\t1\t{1,2}\t{2,3}\t{5,6}\t{}\tf", "person\t7\t1\t{3,1}\t{3,1}\t{5,6}\t{}\tf",
        "person\t7\t1\t1\t{2}\t{5}\t{}\tf", "person\t7\t1\t{1,}\t{2,3}\t{5,6}\t{}\tf",
        "person\t7\t1\t{1}\t{2}\t{5}\t{x}\tf", "person\tx\t1\t{1}\t{2}\t{5}\t{}\tf",
        "person\t-7\t1\t{1}\t{2}\t{5}\t{}\tf", "person\t7\t1\t{1}\t{2}\t{5}\t{}\tmaybe",
        "person\t7\t1\t{1}\t{2}\t{5}\t{}\tf\tmore", "person\t7\t1\t{1}\t{2}\t{5}\t{}\tt",
        "person\t99999999999999999999\t1\t{1}\t{2}\t{5}\t{}\tf",
        "slot", "slot\t5\t0", "slot\t5\t0\t11\tmore", "slot\t0\t0\t11", "slot\t2147483648\t0\t11",
        "slot\t-1\t0\t11", "slot\tx\t0\t11", "slot\t5\t-1\t11", "slot\t5\t2\t11", "slot\t5\t4294967296\t11",
        "slot\t5\t0\t0", "slot\t5\t0\t\\N", "slot\t\\N\t0\t11", "slot\t5\t\\N\t11", "slot\t5\t0\t-11",
        "token\t0011\t1\t70\t1\t7\t1\tf\tf", "token\t" TOKEN "\t3\t70\t1\t7\t1\tf\tf", "token\t" TOKEN "\t1\t70\t1\t7\t9\tf\tf",
        "number\t1\t\\N\tf\t71\t7\tt\tf", "fence\t3\t1\t1\toffice\tK\tf\t00\tf", "fence\t3\t1\t1\tcastle\tK\tf\t0011\tf",
        "fence\t3\t1\t1\toffice\tK\tf\tzz\tf", "business\t\\N\t1",
        "pattern\t11\t0\t86400000000\tMOON\tf\t100\t{fix,fix,fix,message}\t[]\t{}",
        "pattern\t11\t0\t86400000000\tWFO\tf\t100\t{fix,fix,fix}\t[]\t{}",
        "pattern\t11\t0\t86400000000\tWFO\tf\t100\t{fix,fix,fix,message,fix}\t[]\t{}",
        "pattern\t11\t0\t86400000000\tWFO\tf\t100\t{fix,fix,fix,guess}\t[]\t{}",
        "pattern\t11\t0\t86400000000\tWFO\tf\tmany\t{fix,fix,fix,message}\t[]\t{}",
        "pattern\t11\t0\t86400000000\tWFO\tf\t100\t{fix,fix,fix,message}\t{}\t{}",
        "pattern\t11\t0\t86400000000\tWFO\tf\t100\t{fix,fix,fix,message}\t[{\"id\": 1}]\t{}",
        "pattern\t11\t0\t86400000000\tWFO\tf\t100\t{fix,fix,fix,message}\t[\t{}"};
    struct snapshot *s = begin();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!take(s, bad[i]), "taken: %s", bad[i]);
    ck_assert(take(s, "person\t7\t1\t{1}\t{2}\t{5}\t{}\tf")); /* a refused row leaves the rest usable */
    snapshot_free(s);
}
END_TEST

UNIT_MAIN("planner/copyline", splitting, good_rows_read_back, bad_rows_are_refused)
