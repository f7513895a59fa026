/* INI text: what is read, on which line, and what is told of lines that are not well formed. */
#include "inifile.h"
#include "buf.h"
#include "unit.h"

#include <string.h>

static void on_section(void *arg, unsigned line, const char *name)
{
    buf_printf(arg, "%u[%s]\n", line, name);
}

static void on_pair(void *arg, unsigned line, const char *key, const char *value)
{
    buf_printf(arg, "%u %s=%s\n", line, key, value);
}

static void on_problem(void *arg, unsigned line, const char *reason)
{
    buf_printf(arg, "%u!%s\n", line, reason);
}

/* Reads text and expects these events, one a line. */
static void reads(const char *text, const char *expected)
{
    static const struct inifile_events events = {on_section, on_pair, on_problem};
    struct buf got;
    buf_init(&got, 65536);
    ck_assert(inifile_read(text, &events, &got));
    ck_assert_str_eq(buf_str(&got) == NULL ? "" : buf_str(&got), expected);
    buf_fini(&got);
}

START_TEST(sections_and_pairs)
{
    reads("", "");
    reads("; one\n# two\n\n[a]\nk = v w \n  indented=1\n[ b c ]\nk: 2 ; said\nempty =\n[b c]\nk=3",
          "4[a]\n5 k=v w\n6 indented=1\n7[b c]\n8 k=2\n9 empty=\n10[b c]\n11 k=3\n");
    reads("\xEF\xBB\xBF[a]\r\nk = v\r\n", "1[a]\n2 k=v\n");
    reads("before = 1\n[a] ; said\n", "1 before=1\n2[a]\n");
}
END_TEST

START_TEST(lines_that_are_not_well_formed)
{
    reads("[a\nk = 1\nword\n[b]\nword\nk = 2\n", "1!the head of a section lacks its ]\n2 k=1\n"
          "3!not of the form key = value\n4[b]\n5!not of the form key = value\n6 k=2\n");
    char text[6000] = "[", expected[64] = "1[";
    memset(text + 1, 'n', 49);
    memcpy(text + 50, "]\n", 3);
    memset(expected + 2, 'n', 49);
    memcpy(expected + 51, "]\n", 3);
    reads(text, expected);
    memset(text + 1, 'n', 50);
    memcpy(text + 51, "]\n", 3);
    reads(text, "1!the name of a section is longer than 49 bytes\n");
    memcpy(text, "k = ", 4);
    memset(text + 4, 'v', 5000);
    memcpy(text + 5004, "\nm = 1\n", 8);
    reads(text, "1!line longer than 4093 bytes\n2 m=1\n");
}
END_TEST

UNIT_MAIN("base/inifile", sections_and_pairs, lines_that_are_not_well_formed)
