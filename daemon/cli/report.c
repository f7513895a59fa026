/* hadir report: one report to a file or standard output, row by row.
 *
 * A file appears whole or not at all: it is written beside its name and renamed; what was there before stays until then. */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "file.h"

#define BODY_MAX 65536

struct ask {
    const char *unit, *government, *date, *month, *from, *to, *baseline, *nip, *format, *dialect, *out;
    bool closed;
    const struct report *report;
    struct report_style style;
};

static void list_reports(void)
{
    for (size_t i = 0; i < reports_count(); i++) {
        const struct report *r = report_at(i);
        printf("%-17s %s (%s)\n", r->name, cli_say(r->indonesian, r->english), r->members);
    }
}

static void write_body(struct buf *body, const struct ask *a)
{
    const char *const members[][2] = {{"unit", a->unit}, {"government", a->government}, {"date", a->date}, {"month", a->month},
                                      {"from", a->from}, {"to", a->to}, {"baseline", a->baseline}, {"nip", a->nip},
                                      {"closed", a->closed ? "ya" : NULL}};
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (members[i][1] == NULL)
            continue;
        json_key(&w, members[i][0]);
        json_string(&w, members[i][1]);
    }
    json_object_end(&w);
}

struct target {
    int fd, error; /* errno of the write that failed, 0 none */
};

static bool write_target(void *arg, const void *bytes, size_t len)
{
    struct target *t = arg;
    bool done = file_write_all(t->fd, bytes, len);
    if (!done)
        t->error = errno;
    return done;
}

/* What report_run could not do, for people. */
static void tell(const struct ask *a, const struct target *t, const char *reason)
{
    if (t->error != 0)
        cli_error("%s: %s", a->out != NULL ? a->out : cli_say("keluaran", "output"), cli_reason(t->error));
    else
        cli_error("%s", reason);
}

struct source {
    struct session *s;
    const char *const *params;
    struct store_error *e;
};

static bool give_rows(void *arg, const char *sql, report_row_cb on_row, void *row_arg)
{
    const struct source *from = arg;
    return session_stream(from->s, sql, 2, from->params, on_row, row_arg, from->e);
}

static bool run(struct ask *a, int fd)
{
    struct buf body;
    struct store_error e = {0};
    struct target target = {.fd = fd};
    bool refused = false, done = false;
    char now[40];
    buf_init(&body, BODY_MAX);
    write_body(&body, a);
    struct session *s = cli_connect("hadir_admin");
    a->style.english = strcmp(cli_say("id", "en"), "en") == 0; /* the configuration's, which is read by now */
    bool begun = session_script(s, REPORT_BEGIN, &e);
    if (!begun)
        cli_error("%s", e.message);
    struct json_doc *head = begun ? cli_call(s, a->report->head, &body, &refused) : NULL;
    if (head != NULL && !refused) {
        const char *const params[] = {buf_str(&body), cli_now(now, sizeof now)};
        struct source from = {s, params, &e};
        char error[256];
        done = report_run(a->report, &a->style, json_root(head), give_rows, &from, write_target, &target, error, sizeof error);
        if (!done)
            tell(a, &target, e.message[0] != '\0' ? e.message : error);
    }
    json_doc_free(head);
    session_close(s);
    buf_fini(&body);
    return done;
}

static bool to_file(struct ask *a)
{
    char beside[4096];
    int n = snprintf(beside, sizeof beside, "%s.part", a->out);
    int fd = n > 0 && (size_t)n < sizeof beside ? open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0) {
        cli_error("%s: %s", a->out, cli_reason(errno));
        return false;
    }
    bool done = run(a, fd);
    bool kept = done && fsync(fd) == 0;
    kept = close(fd) == 0 && kept && rename(beside, a->out) == 0;
    if (done && !kept)
        cli_error("%s: %s", a->out, cli_reason(errno));
    if (!kept)
        unlink(beside);
    return kept;
}

/* The format by name, else by the file's ending, else CSV. */
static bool read_style(struct ask *a)
{
    const char *ending = a->out != NULL ? strrchr(a->out, '.') : NULL;
    a->style = (struct report_style){.format = REPORT_CSV};
    if (a->format == NULL && ending != NULL)
        (void)report_format_find(ending + 1, &a->style.format);
    if (a->format != NULL && !report_format_find(a->format, &a->style.format)) {
        cli_error("%s", cli_say("--format harus json, csv, xlsx atau pdf", "--format must be json, csv, xlsx or pdf"));
        return false;
    }
    if (a->dialect != NULL && strcmp(a->dialect, "excel-id") != 0) {
        cli_error("%s", cli_say("--csv-dialect harus excel-id", "--csv-dialect must be excel-id"));
        return false;
    }
    a->style.dialect = a->dialect != NULL ? CSV_EXCEL_ID : CSV_PLAIN;
    if (a->style.format >= REPORT_XLSX && a->out == NULL && isatty(STDOUT_FILENO)) {
        cli_error(cli_say("%s tidak untuk layar: sebutkan --out BERKAS", "%s is not for a screen: name --out FILE"), report_format_name(a->style.format));
        return false;
    }
    return true;
}

int cmd_report(int argc, char **argv)
{
    struct ask a = {0};
    const struct cli_option options[] = {
        {"--unit", &a.unit, NULL},     {"--government", &a.government, NULL},   {"--date", &a.date, NULL},
        {"--month", &a.month, NULL},   {"--from", &a.from, NULL},               {"--to", &a.to, NULL},
        {"--baseline", &a.baseline, NULL}, {"--nip", &a.nip, NULL},             {"--closed", NULL, &a.closed},
        {"--format", &a.format, NULL}, {"--csv-dialect", &a.dialect, NULL},     {"--out", &a.out, NULL}};
    if (!cli_options(&argc, argv, options, sizeof options / sizeof options[0], 0, 1))
        return CLI_USAGE;
    if (argc == 1) {
        list_reports();
        return CLI_DONE;
    }
    a.report = report_find(argv[1], strlen(argv[1]));
    if (a.report == NULL) {
        cli_error(cli_say("laporan %s tidak dikenal; hadir report menyebut yang ada", "there is no report %s; hadir report lists them"), argv[1]);
        return CLI_USAGE;
    }
    if (!read_style(&a))
        return CLI_USAGE;
    return (a.out != NULL ? to_file(&a) : run(&a, STDOUT_FILENO)) ? CLI_DONE : CLI_FAILED;
}
