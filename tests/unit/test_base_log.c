/* Log lines: one each, whatever they are given. */
#include "log.h"
#include "unit.h"
#include "wall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char captured[8192];

/* Runs fn with stderr caught in `captured`. */
static void capture(void (*fn)(void))
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    fn();
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    captured[fread(captured, 1, sizeof captured - 1, file)] = '\0';
    fclose(file);
}

static void one_line(void)
{
    errno = ENOENT;
    log_warn("event=%s unit=%d", "x", 7);
    ck_assert_int_eq(errno, ENOENT);
}

START_TEST(a_line_says_when_how_bad_and_who)
{
    char expected[200];
    wall_fake(INT64_C(1766963400000000));
    log_set_role("door0");
    capture(one_line);
    snprintf(expected, sizeof expected,
             "2025-12-28T23:10:00Z warn door0[%ld] event=x unit=7\n", (long)getpid());
    ck_assert_str_eq(captured, expected);
    wall_fake(INT64_MIN);
}
END_TEST

static void three_levels(void)
{
    log_debug("event=a");
    log_info("event=b");
    log_error("event=c");
}

START_TEST(levels_filter)
{
    log_set_level(LOG_LEVEL_ERROR);
    capture(three_levels);
    ck_assert_ptr_null(strstr(captured, "event=b"));
    ck_assert_ptr_nonnull(strstr(captured, "error door0"));
    log_set_level(LOG_LEVEL_DEBUG);
    capture(three_levels);
    ck_assert_ptr_nonnull(strstr(captured, "debug "));
    log_set_level(LOG_LEVEL_INFO);
    capture(three_levels);
    ck_assert_ptr_null(strstr(captured, "event=a"));
    ck_assert_ptr_nonnull(strstr(captured, "event=b"));
}
END_TEST

static void hostile(void)
{
    log_info("event=x reason=%s", "a\nevent=forged\x1b[31m\r\t\x7f");
}

static void endless(void)
{
    static char s[5001];
    for (size_t i = 0; i + 2 < sizeof s; i += 2)
        memcpy(s + i, "\xc3\xa9", 2);
    log_info("event=x reason=%s", s);
}

START_TEST(a_call_is_one_line)
{
    capture(hostile);
    ck_assert_ptr_eq(strchr(captured, '\n'), captured + strlen(captured) - 1);
    ck_assert_ptr_nonnull(strstr(captured, "a?event=forged?[31m???\n"));
    capture(endless);
    size_t len = strlen(captured);
    ck_assert_uint_le(len, 2049);
    ck_assert_uint_ge(len, 2040);
    ck_assert_str_eq(captured + len - 4, "…\n");
    ck_assert_mem_eq(captured + len - 6, "\xc3\xa9", 2); /* no half character before it */
}
END_TEST

START_TEST(quoting)
{
    char s[64], small[12];
    ck_assert_str_eq(log_quote(s, sizeof s, "pagi", 4), "\"pagi\"");
    ck_assert_str_eq(log_quote(s, sizeof s, NULL, 0), "\"\"");
    ck_assert_str_eq(log_quote(s, sizeof s, "a\"b\\\n\0\x7f", 7), "\"a\\\"b\\\\\\x0a\\x00\\x7f\"");
    ck_assert_str_eq(log_quote(s, sizeof s, "\xff\xc3(\xc2\x85é", 7), "\"\\xff\\xc3(\\u{85}é\"");
    ck_assert_str_eq(log_quote(s, sizeof s, "\xe2\x80\xaex", 4), "\"\\u{202e}x\""); /* right-to-left override */
    ck_assert_str_eq(log_quote(small, sizeof small, "123456789", 9), "\"123456789\"");
    ck_assert_str_eq(log_quote(small, sizeof small, "1234567890", 10), "\"123456…\"");
    ck_assert_str_eq(log_quote(small, sizeof small, "12345\n7890", 10), "\"12345…\"");
    static const char hostile_text[] = "a\xff\"é\n€ and a longer tail that must be cut";
    for (size_t cap = 1; cap < sizeof s; cap++) {
        char *exact = malloc(cap);
        log_quote(exact, cap, hostile_text, strlen(hostile_text));
        ck_assert_uint_lt(strlen(exact), cap);
        free(exact);
    }
    ck_assert_str_eq(log_quote(NULL, 0, "x", 1), "");
}
END_TEST

START_TEST(fatal_ends_with_70)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        close(STDERR_FILENO);
        fatal("event=broken");
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 70);
}
END_TEST

UNIT_MAIN("base/log", a_line_says_when_how_bad_and_who, levels_filter, a_call_is_one_line, quoting, fatal_ends_with_70)
