/* Reports byte by byte: spreads by the head's codes, both ways of CSV, JSON, sheets and pages that come out the same; and the table. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "inside.h"

static const struct report_column columns[] = {
    {"nip", "NIP", "NIP", REPORT_CODE, 20},     {"name", "Nama", "Name", REPORT_TEXT, 20},
    {"state", "Keadaan", "State", REPORT_WORD, 9}, {"there", "Hadir", "There", REPORT_FLAG, 9},
    {"day", "Tanggal", "Date", REPORT_DATE, 9}, {"counts", " kali", " times", REPORT_SPREAD, 9},
    {"percent", "Potongan %", "Deduction %", REPORT_DECIMAL, 9}};
static const struct report sample = {"sample", "Contoh", "Sample", "", "", "", columns, sizeof columns / sizeof columns[0], true, 0, 2, NULL, NULL};
static const char HEAD[] = "{\"status\":200,\"date\":\"2031-03-03\",\"as_of\":\"2031-03-04T02:00:00+08:00\",\"version\":1,"
                           "\"codes\":{\"counts\":[\"TL1\",\"PSW1\"]},\"signature\":{\"place\":\"Kota Contoh\",\"date\":\"2031-03-04\"}}";
static const char *const first[] = {"198701012010011001", "Pegawai, Satu", "late", "t", "2031-03-03", "{1,0.5}", "0.50"};
static const char *const second[] = {"198701012010011002", "=Pegawai \"Dua\"", "other", "f", NULL, "{}", NULL};

/* fontconfig keeps what it read of its files, as offsets that LeakSanitizer does not see: once per process. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

static struct buf out;
static size_t writes;
static bool refuse;

static bool take(void *arg, const void *bytes, size_t len)
{
    (void)arg;
    writes++;
    return !refuse && buf_add(&out, bytes, len);
}

/* Writes `times` times both rows; false as the writer says. */
static bool render(const char *head, enum report_format format, enum csv_dialect dialect, bool english, size_t times)
{
    struct json_error e;
    struct layout layout;
    struct json_doc *doc = json_parse(head, strlen(head), 8, &e);
    const struct report_style style = {.format = format, .dialect = dialect, .english = english};
    buf_init(&out, 64u << 20);
    writes = 0;
    ck_assert(layout_init(&layout, &sample, &style, json_root(doc)));
    struct writer *w = format == REPORT_CSV ? writer_csv(&layout, take, NULL)
                     : format == REPORT_JSON ? writer_json(&layout, take, NULL)
                     : format == REPORT_XLSX ? writer_xlsx(&layout, take, NULL) : writer_pdf(&layout, take, NULL);
    ck_assert_ptr_nonnull(w);
    bool ok = true;
    for (size_t i = 0; ok && i < times; i++)
        ok = w->row(w, first) && w->row(w, second);
    ok = ok && w->end(w);
    w->free(w);
    json_doc_free(doc);
    return ok;
}

static void expect(const char *text)
{
    ck_assert_str_eq(buf_str(&out), text);
    buf_fini(&out);
}

START_TEST(csv_for_programs)
{
    ck_assert(render(HEAD, REPORT_CSV, CSV_PLAIN, false, 1));
    expect("nip,name,state,there,day,counts_TL1,counts_PSW1,percent\r\n"
           "198701012010011001,\"Pegawai, Satu\",late,true,2031-03-03,1,0.5,0.50\r\n"
           "198701012010011002,\"'=Pegawai \"\"Dua\"\"\",other,false,,,,\r\n");
}
END_TEST

START_TEST(csv_for_people)
{
    ck_assert(render(HEAD, REPORT_CSV, CSV_EXCEL_ID, false, 1));
    expect("\xef\xbb\xbfNIP;Nama;Keadaan;Hadir;Tanggal;TL1 kali;PSW1 kali;Potongan %\r\n"
           "\"=\"\"198701012010011001\"\"\";Pegawai, Satu;terlambat;ya;2031-03-03;1;0,5;0,50\r\n"
           "\"=\"\"198701012010011002\"\"\";\"'=Pegawai \"\"Dua\"\"\";other;tidak;;;;\r\n");
}
END_TEST

START_TEST(json_with_the_head)
{
    ck_assert(render("{\"status\":200,\"date\":\"2031-03-03\",\"codes\":{\"counts\":[\"TL1\",\"PSW1\"]}}", REPORT_JSON, CSV_PLAIN, false, 1));
    expect("{\"report\":\"sample\",\"date\":\"2031-03-03\",\"codes\":{\"counts\":[\"TL1\",\"PSW1\"]},\"rows\":["
           "{\"nip\":\"198701012010011001\",\"name\":\"Pegawai, Satu\",\"state\":\"late\",\"there\":true,\"day\":\"2031-03-03\","
           "\"counts\":{\"TL1\":1,\"PSW1\":0.5},\"percent\":0.50},"
           "{\"nip\":\"198701012010011002\",\"name\":\"=Pegawai \\\"Dua\\\"\",\"state\":\"other\",\"there\":false,\"day\":null,"
           "\"counts\":{},\"percent\":null}]}\n");
}
END_TEST

static void expect_the_same_twice(enum report_format format, const char *magic)
{
    ck_assert(render(HEAD, format, CSV_PLAIN, false, 50));
    struct buf once = out;
    ck_assert(render(HEAD, format, CSV_PLAIN, false, 50));
    ck_assert_uint_eq(out.len, once.len);
    ck_assert_int_eq(memcmp(out.data, once.data, out.len), 0);
    ck_assert_int_eq(memcmp(out.data, magic, strlen(magic)), 0);
    buf_fini(&once);
    buf_fini(&out);
}

START_TEST(sheets_and_pages_come_out_the_same)
{
    expect_the_same_twice(REPORT_XLSX, "PK");
    expect_the_same_twice(REPORT_PDF, "%PDF-");
}
END_TEST

/* A page object has one /Contents. */
static size_t count_pages(void)
{
    size_t pages = 0;
    static const char mark[] = "/Contents";
    for (const uint8_t *at = out.data; (at = memmem(at, out.len - (size_t)(at - out.data), mark, sizeof mark - 1)) != NULL; at++)
        pages++;
    return pages;
}

/* Wherever the last row ends: the signature is on its page or the next, and never a page of its own behind nothing. */
START_TEST(pages_at_every_edge)
{
    size_t before = 1;
    for (size_t rows = 0; rows < 60; rows++) {
        ck_assert(render(HEAD, REPORT_PDF, CSV_PLAIN, rows % 2, rows));
        size_t pages = count_pages();
        ck_assert_uint_ge(pages, before);
        ck_assert_uint_le(pages, before + 1);
        before = pages;
        buf_fini(&out);
    }
    ck_assert_uint_gt(before, 2);
}
END_TEST

START_TEST(pages_that_cannot_be)
{
    setenv("TMPDIR", "/nonexistent", 1);
    struct json_error e;
    struct layout layout;
    struct json_doc *doc = json_parse(HEAD, strlen(HEAD), 8, &e);
    const struct report_style style = {.format = REPORT_PDF};
    ck_assert(layout_init(&layout, &sample, &style, json_root(doc)));
    ck_assert_ptr_null(writer_pdf(&layout, take, NULL));
    unsetenv("TMPDIR");
    json_doc_free(doc);
    const struct rlimit small = {4096, RLIM_INFINITY}; /* a temporary file that cannot grow */
    struct rlimit before;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    setrlimit(RLIMIT_FSIZE, &small);
    ck_assert(!render(HEAD, REPORT_PDF, CSV_PLAIN, false, 500));
    setrlimit(RLIMIT_FSIZE, &before);
    ck_assert_uint_eq(writes, 0);
    refuse = true;
    ck_assert(!render(HEAD, REPORT_PDF, CSV_PLAIN, false, 5));
    refuse = false;
    buf_fini(&out);
}
END_TEST

START_TEST(long_ones_leave_in_parts)
{
    ck_assert(render(HEAD, REPORT_CSV, CSV_PLAIN, false, 5000));
    ck_assert_uint_gt(writes, 10);
    buf_fini(&out);
    refuse = true;
    ck_assert(!render(HEAD, REPORT_CSV, CSV_PLAIN, false, 5000));
    ck_assert_uint_eq(writes, 1);
    buf_fini(&out);
    ck_assert(!render(HEAD, REPORT_XLSX, CSV_PLAIN, false, 5));
    refuse = false;
    buf_fini(&out);
}
END_TEST

START_TEST(a_head_without_the_codes)
{
    struct json_error e;
    struct layout layout;
    const struct report_style style = {.format = REPORT_CSV};
    struct json_doc *doc = json_parse("{}", 2, 4, &e);
    ck_assert(!layout_init(&layout, &sample, &style, json_root(doc)));
    json_doc_free(doc);
}
END_TEST

/* A day of one unit, and four people of it; which statements were asked. */
static unsigned asked_daily, asked_people;
static bool give_day(void *arg, const char *sql, report_row_cb on_row, void *row_arg)
{
    static const char *const states[] = {"missing", "late", "excused", "miss"};
    const struct report *daily = report_find("daily", 5), *people = report_find("daily-people", 12);
    const struct report *r = strcmp(sql, daily->rows) == 0 ? daily : people;
    const char *names[64], *cells[64];
    asked_daily += r == daily;
    asked_people += r == people;
    for (size_t n = 0; n < (r == daily ? 1 : 4); n++) {
        for (size_t i = 0; i < r->column_count; i++) {
            names[i] = r->columns[i].name;
            cells[i] = strcmp(names[i], "state") == 0 ? states[n] : r->columns[i].type == REPORT_SPREAD ? "{1}" : "1";
        }
        if (!on_row(row_arg, arg != NULL && r == people ? 1 : r->column_count, names, cells))
            return false;
    }
    return true;
}

static bool run_daily(enum report_format format, void *broken, char error[256])
{
    static const char head[] = "{\"status\":200,\"date\":\"2031-03-03\",\"as_of\":\"2031-03-04T02:00:00+08:00\",\"codes\":{\"excuses\":[\"CT\"]}}";
    struct json_error e;
    struct json_doc *doc = json_parse(head, strlen(head), 8, &e);
    const struct report_style style = {.format = format};
    buf_init(&out, 64u << 20);
    asked_daily = asked_people = 0;
    bool done = report_run(report_find("daily", 5), &style, json_root(doc), give_day, broken, take, NULL, error, 256);
    json_doc_free(doc);
    buf_fini(&out);
    return done;
}

START_TEST(names_behind_the_numbers)
{
    char error[256];
    for (int i = 0; i < REPORT_FORMATS; i++) {
        bool paper = i == REPORT_XLSX || i == REPORT_PDF;
        ck_assert_msg(run_daily((enum report_format)i, NULL, error), "%s", error);
        ck_assert_uint_eq(asked_daily, 1);
        ck_assert_uint_eq(asked_people, paper);
        ck_assert(run_daily((enum report_format)i, &asked_daily, error) == !paper);
        ck_assert_int_eq(strstr(error, "other columns") != NULL, paper);
    }
}
END_TEST

START_TEST(words_of_a_list)
{
    char dst[LAYOUT_WORDS_CAP], text[2 * LAYOUT_WORDS_CAP];
    const struct layout l = {.report = &sample};
    ck_assert_str_eq(layout_words(&l, "work_report 0/1, session:siang 0/1, surat 7 (x, late)", dst),
                     "laporan kerja 0/1, sesi:siang 0/1, surat 7 (x, late)");
    ck_assert_str_eq(layout_words(&l, "", dst), "");
    ck_assert_str_eq(layout_words(&l, "fence", dst), "lokasi di tempatnya");
    ck_assert_str_eq(layout_words(&l, ",, location", dst), ",, lokasi");
    memset(text, 'x', sizeof text); /* what has no room is left as it is */
    text[sizeof text - 1] = '\0';
    ck_assert_ptr_eq(layout_words(&l, text, dst), text);
    snprintf(text, sizeof text, "fence %0900d, fence %0900d", 1, 2);
    ck_assert_ptr_eq(layout_words(&l, text, dst), text);
}
END_TEST

START_TEST(the_table)
{
    enum report_format format;
    for (size_t i = 0; i < reports_count(); i++) {
        const struct report *r = report_at(i);
        ck_assert_ptr_eq(report_find(r->name, strlen(r->name)), r);
        ck_assert_uint_le(r->column_count, 64);
        ck_assert_uint_lt(strlen(r->name), 32); /* a sheet's name has 31 */
        ck_assert(r->annex == NULL || report_find(r->annex->report, strlen(r->annex->report)) != NULL);
        ck_assert_uint_le(r->kept, r->column_count);
    }
    ck_assert_ptr_null(report_find("dail", 4));
    ck_assert(report_format_find("xlsx", &format) && format == REPORT_XLSX);
    ck_assert(report_format_find("pdf", &format) && format == REPORT_PDF);
    ck_assert(!report_format_find("doc", &format));
}
END_TEST

UNIT_MAIN("report/write", csv_for_programs, csv_for_people, json_with_the_head, sheets_and_pages_come_out_the_same, pages_at_every_edge,
          pages_that_cannot_be, long_ones_leave_in_parts,
          a_head_without_the_codes, names_behind_the_numbers, words_of_a_list, the_table)
