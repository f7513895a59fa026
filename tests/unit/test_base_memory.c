/* Arena, buffer, reader, UTF-8: bounds above all. */
#include "arena.h"
#include "buf.h"
#include "unit.h"
#include "utf8.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

START_TEST(arena_is_bounded_zeroed_aligned)
{
    struct arena *a = arena_new(10000);
    size_t sum = 0, count = 0;
    for (unsigned char *p; (p = arena_alloc(a, 100)) != NULL; count++, sum += 100) {
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < 100; i++)
            ck_assert_uint_eq(p[i], 0);
        memset(p, 0xaa, 100);
    }
    ck_assert_uint_le(sum, 10000);
    ck_assert_uint_ge(count, 85);
    ck_assert_ptr_null(arena_alloc(a, SIZE_MAX));
    ck_assert_ptr_null(arena_alloc(a, SIZE_MAX - 8));
    arena_reset(a);
    unsigned char *whole = arena_alloc(a, 10000);
    ck_assert_ptr_nonnull(whole);
    for (size_t i = 0; i < 10000; i++)
        ck_assert_uint_eq(whole[i], 0);
    ck_assert_ptr_null(arena_alloc(a, 1 + 16));
    arena_reset(a);
    unsigned char *again = arena_alloc(a, 64);
    for (size_t i = 0; i < 64; i++)
        ck_assert_uint_eq(again[i], 0);
    arena_free(a);
    arena_free(NULL);
}
END_TEST

START_TEST(arena_nothing_is_not_free)
{
    struct arena *a = arena_new(64);
    size_t n = 0;
    while (n < 1000 && arena_alloc(a, 0) != NULL)
        n++;
    ck_assert_uint_eq(n, 4); /* empty allocations count too, or they would be unbounded */
    arena_free(a);
    a = arena_new(0);
    ck_assert_ptr_null(arena_alloc(a, 1));
    arena_free(a);
}
END_TEST

START_TEST(arena_copies)
{
    struct arena *a = arena_new(4096);
    char *s = arena_copy(a, "pagi\0sore", 9);
    ck_assert_mem_eq(s, "pagi\0sore\0", 10);
    ck_assert_str_eq(arena_copy(a, NULL, 0), "");
    ck_assert_ptr_null(arena_copy(a, "x", SIZE_MAX));
    ck_assert_ptr_null(arena_copy(a, "x", 5000));
    arena_free(a);
}
END_TEST

START_TEST(buf_bound_is_exact_and_sticky)
{
    struct buf b;
    buf_init(&b, 300);
    for (int i = 0; i < 300; i++)
        ck_assert(buf_putc(&b, 'x'));
    ck_assert_uint_eq(strlen(buf_str(&b)), 300);
    ck_assert(!buf_putc(&b, 'y'));
    ck_assert(b.failed);
    ck_assert_uint_eq(b.len, 300);
    ck_assert_ptr_null(buf_str(&b));
    buf_drain(&b, 200);
    ck_assert(!buf_putc(&b, 'y')); /* room does not heal it */
    buf_clear(&b);
    ck_assert(buf_puts(&b, "z"));
    ck_assert_str_eq(buf_str(&b), "z");
    buf_fini(&b);
    buf_init(&b, 0);
    ck_assert_str_eq(buf_str(&b), "");
    ck_assert(!buf_putc(&b, 'x'));
    buf_fini(&b);
}
END_TEST

START_TEST(buf_huge_lengths_do_not_wrap)
{
    struct buf b;
    buf_init(&b, SIZE_MAX);
    ck_assert(buf_puts(&b, "abc"));
    ck_assert(!buf_add(&b, "x", SIZE_MAX - 1));
    ck_assert(b.failed);
    buf_clear(&b);
    ck_assert(!buf_blob(&b, "x", (size_t)UINT32_MAX + 1));
    ck_assert_uint_eq(b.len, 0);
    buf_fini(&b);
}
END_TEST

START_TEST(buf_prints_across_growth)
{
    struct buf b;
    char long_text[700];
    memset(long_text, 'n', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    buf_init(&b, 1500);
    ck_assert(buf_printf(&b, "%d:", 7));
    ck_assert(buf_printf(&b, "%s|%s", long_text, "end"));
    ck_assert_uint_eq(b.len, 2 + 699 + 4);
    ck_assert_str_eq(buf_str(&b) + 2 + 699, "|end");
    ck_assert(buf_printf(&b, "%*s", (int)(1500 - b.len), ""));
    ck_assert_uint_eq(b.len, 1500);
    ck_assert(!buf_printf(&b, "%s", "1"));
    ck_assert(b.failed);
    buf_fini(&b);
}
END_TEST

START_TEST(buf_drains)
{
    struct buf b;
    buf_init(&b, 100);
    buf_puts(&b, "abcdef");
    buf_drain(&b, 0);
    buf_drain(&b, 2);
    ck_assert_str_eq(buf_str(&b), "cdef");
    buf_drain(&b, 99);
    ck_assert_str_eq(buf_str(&b), "");
    buf_fini(&b);
}
END_TEST

START_TEST(typed_round_trip_is_little_endian)
{
    struct buf b;
    struct reader r;
    size_t len;
    buf_init(&b, 200);
    ck_assert(buf_u8(&b, 0xfe) && buf_u16(&b, 0x0102) && buf_u32(&b, 0x01020304) && buf_u64(&b, UINT64_MAX - 1) &&
              buf_i64(&b, INT64_MIN) && buf_f64(&b, -0.0) && buf_f64(&b, DBL_TRUE_MIN) && buf_blob(&b, "ab", 2) &&
              buf_blob(&b, NULL, 0));
    ck_assert_mem_eq(b.data, "\xfe\x02\x01\x04\x03\x02\x01\xfe\xff", 9);
    reader_init(&r, b.data, b.len);
    ck_assert_uint_eq(reader_u8(&r), 0xfe);
    ck_assert_uint_eq(reader_u16(&r), 0x0102);
    ck_assert_uint_eq(reader_u32(&r), 0x01020304);
    ck_assert_uint_eq(reader_u64(&r), UINT64_MAX - 1);
    ck_assert_int_eq(reader_i64(&r), INT64_MIN);
    double minus_zero = reader_f64(&r);
    ck_assert(minus_zero == 0 && signbit(minus_zero));
    ck_assert(reader_f64(&r) == DBL_TRUE_MIN);
    ck_assert(!reader_done(&r));
    ck_assert_mem_eq(reader_blob(&r, &len), "ab", 2);
    ck_assert_uint_eq(len, 2);
    ck_assert_ptr_nonnull(reader_blob(&r, &len));
    ck_assert_uint_eq(len, 0);
    ck_assert(reader_done(&r));
    ck_assert_uint_eq(reader_u8(&r), 0);
    ck_assert(r.failed && !reader_done(&r));
    buf_fini(&b);
}
END_TEST

START_TEST(reader_fails_once_and_for_all)
{
    static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xff, 'x', 'y'};
    struct reader r;
    size_t len = 7;
    reader_init(&r, bytes, sizeof bytes);
    ck_assert_ptr_null(reader_blob(&r, &len));
    ck_assert_uint_eq(len, 0);
    ck_assert_uint_eq(reader_u8(&r), 0); /* though bytes are left */
    ck_assert(!reader_done(&r));
    reader_init(&r, bytes, 3);
    ck_assert_uint_eq(reader_u32(&r), 0);
    ck_assert(r.failed);
    reader_init(&r, NULL, 0);
    ck_assert_ptr_nonnull(reader_bytes(&r, 0));
    ck_assert(reader_done(&r));
    ck_assert_ptr_null(reader_bytes(&r, SIZE_MAX));
}
END_TEST

START_TEST(utf8_is_strict)
{
    static const char *const bad[] = {"\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf", "\xed\xa0\x80",
                                      "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88",     "\xff",
                                      "a\xc3",        "\xe2\x82",         "\xe2\x28\xa1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!utf8_valid(bad[i], strlen(bad[i])), "case %zu", i);
    ck_assert(utf8_valid("ok \xc2\x80 \xe2\x82\xac \xef\xbf\xbf \xf4\x8f\xbf\xbf", 18));
    ck_assert(!utf8_valid("a\0b", 3));
    for (size_t at = 0; at < 24; at++) { /* ASCII is looked at in words */
        char text[25];
        memset(text, 0x7f, sizeof text);
        ck_assert(utf8_valid(text, at));
        text[at] = '\0';
        ck_assert(!utf8_valid(text, 24));
        memcpy(text + at, "\xc3\xa9", 2);
        ck_assert(utf8_valid(text, 25));
        text[at] = '\xff';
        ck_assert(!utf8_valid(text, 25));
    }
    uint32_t c = 0;
    ck_assert_uint_eq(utf8_next("\xf0\x9f\x98\x80", 4, &c), 4);
    ck_assert_uint_eq(c, 0x1f600);
    ck_assert_uint_eq(utf8_next("\xf0\x9f\x98\x80", 3, &c), 0);
    ck_assert_uint_eq(utf8_next("", 0, &c), 0);
    ck_assert_uint_eq(utf8_cut("ab\xe2\x82\xac", 5, 4), 2);
    ck_assert_uint_eq(utf8_cut("ab\xe2\x82\xac", 5, 5), 5);
    ck_assert_uint_eq(utf8_cut("ab\xe2\x82\xac", 5, 2), 2);
    ck_assert_uint_eq(utf8_cut("\xf0\x9f\x98\x80", 4, 3), 0);
    ck_assert_uint_eq(utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
    ck_assert_uint_eq(utf8_cut("abc", 3, 0), 0);
}
END_TEST

UNIT_MAIN("base/memory", arena_is_bounded_zeroed_aligned, arena_nothing_is_not_free, arena_copies,
          buf_bound_is_exact_and_sticky, buf_huge_lengths_do_not_wrap, buf_prints_across_growth, buf_drains,
          typed_round_trip_is_little_endian, reader_fails_once_and_for_all, utf8_is_strict)
