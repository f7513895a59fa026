/* hadir import: CSV and GeoJSON files into the database. A file's rows go as one JSON document to api.import_…, which
 * checks them all and either loads them all or lists every problem and loads nothing. A file whose form has problems
 * is still checked by the database, and undone, so that one run lists what is wrong in both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "csv.h"
#include "utf8.h"

#define IMPORT_FILE_MAX (256u << 20)
#define IMPORT_COLUMNS_MAX 32

struct import_kind {
    const char *name;
    const char *sql;
    const char *columns; /* allowed, separated by blanks; the first `needed` must be there */
    int needed;
};

static const struct import_kind kinds[] = {
    {"units", "select line, field, reason from api.import_units($1::jsonb, $2::timestamptz)",
     "code name kind parent government service", 4},
    {"people", "select line, field, reason from api.import_people($1::jsonb, $2::timestamptz)",
     "nip name category unit from grade post echelon", 5},
    {"heads", "select line, field, reason from api.import_heads($1::jsonb, $2::timestamptz)", "nip unit kind from to", 4},
    {"calendar", "select line, field, reason from api.import_calendar($1::jsonb, $2::timestamptz)",
     "day kind name dated basis government", 4},
    {"periods", "select line, field, reason from api.import_periods($1::jsonb, $2::timestamptz)",
     "kind name first_day last_day dated basis government", 5},
    {"hours", "select line, field, reason from api.import_hours($1::jsonb, $2::timestamptz)",
     "weekdays session label counts_as accept_from on_time_from due on_time_until accept_until government unit nip "
     "valid_from valid_to season shift break_minutes basis on_holidays", 9},
    {"minute-classes", "select line, field, reason from api.import_minute_classes($1::jsonb, $2::timestamptz)",
     "counts_as code from_minutes percent valid_from basis government", 5},
    {"discipline", "select line, field, reason from api.import_discipline($1::jsonb, $2::timestamptz)",
     "from_days level sanction valid_from consecutive basis government", 4},
    {"consequences", "select line, field, reason from api.import_consequences($1::jsonb, $2::timestamptz)",
     "valid_from absent_code absent_percent monthly_cap minutes_per_day basis government", 4},
    {"absence-codes", "select line, field, reason from api.import_absence_codes($1::jsonb, $2::timestamptz)",
     "code name working percent needs_document valid_from max_days government", 6},
    {"absences", "select line, field, reason from api.import_absences($1::jsonb, $2::timestamptz)",
     "nip code first_day last_day sessions number document note", 3},
};
static const char fences_sql[] = "select line, field, reason from api.import_fences($1::jsonb, $2::timestamptz)";

/* Is `word` the index-th (or any, index −1) of the blank-separated list? Returns its place or −1. */
static int place_in(const char *list, const char *word)
{
    size_t len = strlen(word);
    int place = 0;
    for (const char *at = list; *at != '\0'; place++) {
        size_t n = strcspn(at, " ");
        if (n == len && strncmp(at, word, n) == 0)
            return place;
        at += n;
        at += strspn(at, " ");
    }
    return -1;
}

struct header {
    char *names[IMPORT_COLUMNS_MAX];
    int count;
};

static bool read_header(const struct import_kind *kind, const char *file, char **fields, int count, struct header *ret)
{
    bool ok = true;
    int needed = 0;
    if (count > IMPORT_COLUMNS_MAX) {
        cli_error(cli_say("%s:1: terlalu banyak kolom", "%s:1: too many columns"), file);
        return false;
    }
    for (int i = 0; i < count; i++) {
        int place = place_in(kind->columns, fields[i]);
        if (place < 0) {
            cli_error(cli_say("%s:1: kolom '%s' tidak dikenal (yang dikenal: %s)", "%s:1: column '%s' is unknown (known: %s)"),
                      file, fields[i], kind->columns);
            ok = false;
        }
        for (int j = 0; j < i; j++)
            if (place >= 0 && strcmp(fields[i], fields[j]) == 0) {
                cli_error(cli_say("%s:1: kolom '%s' ada dua kali", "%s:1: column '%s' is there twice"), file, fields[i]);
                ok = false;
            }
        if (place >= 0 && place < kind->needed)
            needed++;
        ret->names[i] = strdup(fields[i]);
        ret->count = i + 1;
        if (ret->names[i] == NULL)
            return false;
    }
    if (ok && needed < kind->needed) {
        cli_error(cli_say("%s:1: %d kolom pertama dari daftar ini harus ada: %s",
                          "%s:1: the first %d columns of this list must be there: %s"), file, kind->needed, kind->columns);
        ok = false;
    }
    return ok;
}

static void header_fini(struct header *h)
{
    for (int i = 0; i < h->count; i++)
        free(h->names[i]);
}

/* A name is read on terminals, pages and paper: no cell holds what these act upon, nor a line end. 0: none does, else its column. */
static int acting_column(char **fields, int count)
{
    for (int i = 0; i < count; i++)
        if (!utf8_shows(fields[i], strlen(fields[i])) || strpbrk(fields[i], "\r\n\t") != NULL)
            return i + 1;
    return 0;
}

static void add_row(struct json_writer *w, const struct header *h, char **fields, size_t line)
{
    json_object(w);
    json_key(w, "line");
    json_int(w, (int64_t)line);
    for (int i = 0; i < h->count; i++) {
        json_key(w, h->names[i]);
        json_string(w, fields[i][0] != '\0' ? fields[i] : NULL);
    }
    json_object_end(w);
}

/* CSV text to a JSON array of row objects; every problem of form is printed and counted. */
static bool csv_rows(const struct import_kind *kind, const char *file, const char *text, size_t len, struct buf *out,
                     size_t *ret_rows, size_t *ret_problems)
{
    struct csv_reader *reader = csv_reader_new(text, len);
    struct header header = {.count = 0};
    struct json_writer w;
    char **fields;
    size_t line;
    const char *reason;
    int n;
    bool ok = reader != NULL, headed = false;
    *ret_rows = *ret_problems = 0;
    if (reader != NULL)
        csv_reader_comments(reader);
    json_begin(&w, out);
    json_array(&w);
    while (ok && (n = csv_reader_next(reader, &fields, &line, &reason)) != 0) {
        if (n < 0) {
            cli_error("%s:%zu: %s", file, line, reason);
            ok = false;
        } else if (n == 1 && fields[0][0] == '\0') {
            continue;
        } else if (!headed) {
            headed = ok = read_header(kind, file, fields, n, &header);
        } else if (n != header.count) {
            cli_error(cli_say("%s:%zu: %d kolom, seharusnya %d", "%s:%zu: %d columns, expected %d"), file, line, n, header.count);
            (*ret_problems)++;
        } else if (acting_column(fields, n) > 0) {
            cli_error(cli_say("%s:%zu: kolom %s berisi karakter tak terlihat (kendali, tanda arah tulisan), tab atau ganti baris; ketik ulang",
                              "%s:%zu: column %s holds something invisible (a control character, a direction mark), a tab or a line end; type it anew"),
                      file, line, header.names[acting_column(fields, n) - 1]);
            (*ret_problems)++;
        } else {
            add_row(&w, &header, fields, line);
            (*ret_rows)++;
        }
    }
    json_array_end(&w);
    if (ok && !headed) {
        cli_error(cli_say("%s: tidak ada baris judul kolom", "%s: there is no header line"), file);
        ok = false;
    }
    header_fini(&header);
    csv_reader_free(reader);
    return ok && !out->failed;
}

bool cli_csv_rows(const char *file, const char *columns, int needed, struct buf *ret_json, size_t *ret_rows, size_t *ret_problems)
{
    const struct import_kind kind = {.columns = columns, .needed = needed};
    struct buf text;
    buf_init(&text, IMPORT_FILE_MAX);
    bool ok = cli_read_file(file, &text) && buf_str(&text) != NULL &&
              csv_rows(&kind, file, buf_str(&text), text.len, ret_json, ret_rows, ret_problems);
    buf_fini(&text);
    return ok;
}

/* How many of the rows were new, changed, unchanged. */
static void tell_counts(const char *what, const struct rows *counts)
{
    printf(cli_say("%s: %s baris baru, %s berubah, %s tetap\n", "%s: %s rows new, %s changed, %s unchanged\n"), what,
           rows_get(counts, 0, 0), rows_get(counts, 0, 1), rows_get(counts, 0, 2));
}

/* One transaction: what was known of the rows, the import, what is known now. Nothing stays unless it commits; it ends with
 * the connection. form: problems already found in the file's form, and told. Returns how many there are in all; −1: failed. */
static long run(struct session *s, const char *sql, const char *document, const char *file, const char *what, size_t form)
{
    struct store_error e;
    char now[40];
    if (!session_script(s, "begin", &e)) {
        cli_error("%s", e.message);
        return -1;
    }
    const char *const known[] = {what, document};
    char *before = cli_value(s, "select api.import_before($1, $2::jsonb)", 2, known);
    const char *const params[] = {document, cli_now(now, sizeof now)};
    struct rows *found = before != NULL ? cli_query(s, sql, 2, params) : NULL;
    long problems = found != NULL ? (long)(form + cli_print_problems(found, file)) : -1;
    if (problems == 0) {
        const char *const after[] = {what, document, before};
        struct rows *counts = cli_query(s, "select new, changed, unchanged from api.import_after($1, $2::jsonb, $3::jsonb)", 3, after);
        if (counts == NULL) {
            problems = -1;
        } else if (!session_script(s, "commit", &e)) {
            cli_error("%s", e.message);
            problems = -1;
        } else {
            tell_counts(what, counts);
        }
        rows_free(counts);
    }
    rows_free(found);
    free(before);
    return problems;
}

/* problems: already found in the file's form, and told. */
static int apply(const char *sql, struct buf *json, const char *file, const char *what, size_t problems)
{
    const char *document = buf_str(json);
    if (document == NULL) {
        cli_error("%s", cli_say("berkas terlalu besar", "the file is too large"));
        return CLI_FAILED;
    }
    struct session *s = cli_connect("hadir_admin");
    long found = run(s, sql, document, file, what, problems);
    session_close(s);
    if (found > 0)
        cli_error(cli_say("%s: %ld masalah; tidak ada yang dimuat", "%s: %ld problems; nothing was loaded"), file, found);
    return found == 0 ? CLI_DONE : CLI_FAILED;
}

static int import_fences(const char *file, const char *crs)
{
    struct buf json;
    size_t problems = 0;
    buf_init(&json, IMPORT_FILE_MAX);
    int code = CLI_FAILED;
    if (cli_fences_rows(file, crs, &json, &problems))
        code = apply(fences_sql, &json, file, "fences", problems);
    buf_fini(&json);
    return code;
}

static int import_csv(const struct import_kind *kind, const char *file)
{
    struct buf text, json;
    size_t rows = 0, problems = 0;
    int code = CLI_FAILED;
    buf_init(&text, IMPORT_FILE_MAX);
    buf_init(&json, 2 * (size_t)IMPORT_FILE_MAX);
    if (cli_read_file(file, &text) && buf_str(&text) != NULL &&
        csv_rows(kind, file, buf_str(&text), text.len, &json, &rows, &problems))
        code = apply(kind->sql, &json, file, kind->name, problems);
    buf_fini(&text);
    buf_fini(&json);
    return code;
}

int cmd_import(int argc, char **argv)
{
    const char *crs = "EPSG:4326";
    const struct cli_option options[] = {{"--crs", &crs, NULL}};
    if (!cli_options(&argc, argv, options, 1, 2, 2))
        return CLI_USAGE;
    (void)cli_conf(); /* first: it says in what language the problems are told */
    if (strcmp(argv[1], "fences") == 0)
        return import_fences(argv[2], crs);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            return import_csv(&kinds[i], argv[2]);
    cli_error(cli_say("tidak ada yang bernama '%s' untuk dimuat", "nothing to import is called '%s'"), argv[1]);
    return CLI_USAGE;
}
