/* The CSV writer byte by byte, the reader's errors with their lines, and both against each other. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "csv.h"

static struct buf out;
static struct csv csv;

static void begin(void)
{
    buf_init(&out, 1 << 16);
    csv_begin(&csv, &out);
}

static void expect(const char *text)
{
    ck_assert_str_eq(buf_str(&out), text);
    buf_fini(&out);
}

START_TEST(plain_rows)
{
    begin();
    csv_text(&csv, "nip");
    csv_text(&csv, "");
    csv_text(&csv, NULL);
    csv_number(&csv, NULL);
    csv_number(&csv, "12");
    csv_end_row(&csv);
    csv_text(&csv, NULL);
    csv_end_row(&csv);
    csv_text(&csv, "Pegawai 0173");
    csv_end_row(&csv);
    expect("nip,,,,12\r\n\r\nPegawai 0173\r\n");
}
END_TEST

START_TEST(quoting)
{
    begin();
    csv_text(&csv, "a,b");
    csv_text(&csv, "say \"x\"");
    csv_text(&csv, "two\nlines");
    csv_text(&csv, "cr\rinside");
    csv_text(&csv, " outer");
    csv_text(&csv, "outer ");
    csv_text(&csv, "in ner");
    csv_end_row(&csv);
    expect("\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\"cr\rinside\",\" outer\",\"outer \",in ner\r\n");
}
END_TEST

START_TEST(formula_guard_on_text_only)
{
    begin();
    const char *const formulas[] = {"=1+1", "+62", "-2.5", "@x", "\tx", "\rx", "=a,b"};
    for (size_t i = 0; i < sizeof formulas / sizeof formulas[0]; i++)
        csv_text(&csv, formulas[i]);
    csv_text(&csv, "a=1");
    csv_number(&csv, "-2.5");
    csv_number(&csv, "-2.5e-07");
    csv_end_row(&csv);
    expect("'=1+1,'+62,'-2.5,'@x,'\tx,\"'\rx\",\"'=a,b\",a=1,-2.5,-2.5e-07\r\n");
}
END_TEST

START_TEST(numbers_are_numbers)
{
    const char *const good[] = {"0", "-0", "1", "-1", "1.5", "12345678901234567890", "1e5", "1.5E+10"};
    const char *const bad[] = {"x", "-", "1.", ".5", "+1", "1e", "0x1", "1,5", "=1", "NaN", "-Infinity", " 1", "1 "};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        begin();
        csv_number(&csv, good[i]);
        expect(good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        begin();
        csv_number(&csv, bad[i]);
        ck_assert(out.failed);
        ck_assert_ptr_null(buf_str(&out));
        buf_fini(&out);
    }
}
END_TEST

/* Reads everything and prints it as line:[field][field] */
static const char *read_all(const char *bytes, size_t len)
{
    static char text[4000];
    struct csv_reader *r = csv_reader_new(bytes, len);
    size_t at = 0;
    char **fields;
    size_t line = 0;
    const char *error = NULL;
    text[0] = '\0';
    for (;;) {
        int n = csv_reader_next(r, &fields, &line, &error);
        if (n == 0)
            break;
        at += (size_t)snprintf(text + at, sizeof text - at, "%zu:", line);
        if (n < 0) {
            at += (size_t)snprintf(text + at, sizeof text - at, "!%s", error);
            ck_assert_int_eq(csv_reader_next(r, &fields, &line, &error), -1); /* and stays so */
            break;
        }
        for (int i = 0; i < n; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, "[%s]", fields[i]);
        at += (size_t)snprintf(text + at, sizeof text - at, " ");
    }
    csv_reader_free(r);
    return text;
}

#define READ(literal) read_all(literal, sizeof(literal) - 1)

START_TEST(reading)
{
    ck_assert_str_eq(READ(""), "");
    ck_assert_str_eq(READ("\n\r\n"), "");
    ck_assert_str_eq(READ("a"), "1:[a] ");
    ck_assert_str_eq(READ("a,b\r\nc,d\r\n"), "1:[a][b] 2:[c][d] ");
    ck_assert_str_eq(READ("a,b\nc,d"), "1:[a][b] 2:[c][d] ");
    ck_assert_str_eq(READ(",\n,,"), "1:[][] 2:[][][] ");
    ck_assert_str_eq(READ("\xef\xbb\xbf" "nip\n1"), "1:[nip] 2:[1] ");
    ck_assert_str_eq(READ("a\n\n\nb"), "1:[a] 4:[b] ");
    ck_assert_str_eq(READ("\"a\nb\",c\nd"), "1:[a\nb][c] 3:[d] ");
    ck_assert_str_eq(READ("\"a\"\"b\",\"\"\n\"\""), "1:[a\"b][] 2:[] ");
    ck_assert_str_eq(READ("\"a,b\"\r\n\"x\""), "1:[a,b] 2:[x] ");
}
END_TEST

START_TEST(reading_errors)
{
    ck_assert_str_eq(READ("a\n\"b\nc"), "1:[a] 2:!a quoted field has no closing quote");
    ck_assert_str_eq(READ("a\nb\"c"), "1:[a] 2:!a quote inside a field that does not begin with one");
    ck_assert_str_eq(READ("\"a\"b"), "1:!text behind a closing quote");
    ck_assert_str_eq(READ("\"a\" ,b"), "1:!text behind a closing quote");
    ck_assert_str_eq(READ("x\na\0b"), "1:[x] 2:!a NUL byte");
    ck_assert_str_eq(READ("\"a\0b\""), "1:!a NUL byte");
    ck_assert_str_eq(READ("caf\xe9"), "1:!bytes that are not UTF-8");
    ck_assert_str_eq(READ("a\rb"), "1:!a carriage return that ends no line");
    static char many[300];
    memset(many, ',', sizeof many);
    ck_assert_str_eq(read_all(many, sizeof many), "1:!too many fields");
}
END_TEST

START_TEST(comments_hold_what_they_like)
{
    static const char text[] = "# see \"SE\"\r\n#\"\n#\xe9\r#\na,#b\n\"#c\"\n\n \n\"x\n#y\"\n#end";
    struct csv_reader *r = csv_reader_new(text, sizeof text - 1);
    static const struct {
        int count;
        size_t line;
        const char *first;
    } expected[] = {{2, 4, "a"}, {1, 5, "#c"}, {1, 7, " "}, {1, 8, "x\n#y"}};
    char **fields;
    size_t line;
    const char *error;
    csv_reader_comments(r);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        ck_assert_int_eq(csv_reader_next(r, &fields, &line, &error), expected[i].count);
        ck_assert_uint_eq(line, expected[i].line);
        ck_assert_str_eq(fields[0], expected[i].first);
    }
    ck_assert_int_eq(csv_reader_next(r, &fields, &line, &error), 0);
    csv_reader_free(r);
    ck_assert_str_eq(READ("#a\n#\"\n"), "1:[#a] 2:!a quote inside a field that does not begin with one"); /* not asked to */
}
END_TEST

START_TEST(what_is_written_reads_back)
{
    static const char *const texts[] = {"", "a", "a,b", "\"", "\"\"", "x\ny", "x\r\ny", " ", "\xc3\xa9", "a'b", "{}"};
    size_t n = sizeof texts / sizeof texts[0];
    begin();
    for (size_t row = 0; row < n; row++) {
        csv_text(&csv, "k");
        for (size_t i = 0; i < n; i++)
            csv_text(&csv, texts[(row + i) % n]);
        csv_end_row(&csv);
    }
    struct csv_reader *r = csv_reader_new((const char *)out.data, out.len);
    char **fields;
    size_t line;
    const char *error;
    for (size_t row = 0; row < n; row++) {
        ck_assert_int_eq(csv_reader_next(r, &fields, &line, &error), (int)n + 1);
        for (size_t i = 0; i < n; i++)
            ck_assert_str_eq(fields[i + 1], texts[(row + i) % n]);
    }
    ck_assert_int_eq(csv_reader_next(r, &fields, &line, &error), 0);
    csv_reader_free(r);
    buf_fini(&out);
}
END_TEST

START_TEST(for_an_indonesian_excel)
{
    buf_init(&out, 1 << 16);
    csv_begin_as(&csv, &out, CSV_EXCEL_ID);
    csv_code(&csv, "198701012010011001");
    csv_code(&csv, "=1+1");
    csv_code(&csv, NULL);
    csv_text(&csv, "a,b");
    csv_text(&csv, "a;b");
    csv_number(&csv, "-12.50");
    csv_number(&csv, "7");
    csv_end_row(&csv);
    expect("\xef\xbb\xbf\"=\"\"198701012010011001\"\"\";'=1+1;;a,b;\"a;b\";-12,50;7\r\n");
    begin();
    csv_code(&csv, "198701012010011001");
    expect("198701012010011001");
}
END_TEST

UNIT_MAIN("report/csv", for_an_indonesian_excel, plain_rows, quoting, formula_guard_on_text_only, numbers_are_numbers, reading, reading_errors,
          comments_hold_what_they_like, what_is_written_reads_back)
