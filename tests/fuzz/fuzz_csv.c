/* CSV imports: what is read becomes rows that are JSON; and every field that is written again by our own writer reads back
 * as it was, or with the quotation mark before it that keeps a sheet from taking it for a formula. */
#include "fuzz.h"

#include "cli.h"
#include "csv.h"

static void is_harmless(const char *field)
{
    struct buf out;
    struct csv w;
    char **again;
    size_t line;
    const char *reason;
    buf_init(&out, 1u << 22);
    csv_begin(&w, &out);
    csv_text(&w, "awal"); /* the file's very first bytes might be taken for a byte order mark */
    csv_text(&w, field);
    csv_text(&w, "akhir");
    csv_end_row(&w);
    MUST(!out.failed);
    struct csv_reader *r = csv_reader_new((const char *)out.data, out.len);
    MUST(r != NULL && csv_reader_next(r, &again, &line, &reason) == 3 && strcmp(again[2], "akhir") == 0);
    MUST(again[1][0] == '\0' || strchr("=+-@\t\r", again[1][0]) == NULL);
    MUST(strcmp(again[1], field) == 0 || (again[1][0] == '\'' && strcmp(again[1] + 1, field) == 0));
    csv_reader_free(r);
    buf_fini(&out);
}

static void read_fields(const uint8_t *data, size_t size)
{
    char **fields;
    size_t line, before = 0;
    const char *reason = NULL;
    int n;
    struct csv_reader *r = csv_reader_new((const char *)data, size);
    MUST(r != NULL);
    csv_reader_comments(r);
    while ((n = csv_reader_next(r, &fields, &line, &reason)) > 0) {
        MUST(line > before);
        before = line;
        for (int i = 0; i < n; i++)
            is_harmless(fields[i]);
    }
    MUST(n == 0 || (reason != NULL && reason[0] != '\0'));
    csv_reader_free(r);
}

static void read_rows(const uint8_t *data, size_t size)
{
    char path[40];
    struct buf json;
    struct json_error e;
    size_t rows = 0, problems = 0;
    int fd = fuzz_file(data, size);
    buf_init(&json, 1u << 24);
    if (cli_csv_rows(fuzz_path(path, fd), "nip name category unit from grade post echelon", 5, &json, &rows, &problems)) {
        struct json_doc *doc = json_parse(json.data, json.len, 8, &e);
        MUST(doc != NULL && json_count(json_root(doc)) == rows);
        for (size_t i = 0; i < rows; i++)
            MUST(json_count(json_at(json_root(doc), i)) >= 6);
        json_doc_free(doc);
    }
    buf_fini(&json);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536)
        return 0;
    fuzz_quiet();
    read_fields(data, size);
    read_rows(data, size);
    return 0;
}
