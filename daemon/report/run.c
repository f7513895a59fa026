/* A report from its statement to its bytes.
 *
 * Place in the flow: `hadir report` and the desk's clerk open a session, begin, ask for the head, and come here for the
 * rest. They give the rows: this folder knows no database. Rows arrive one by one and leave one by one: memory does not grow
 * with their number. Blocking. No threads. */
#include <stdio.h>
#include <string.h>

#include "inside.h"

const char REPORT_BEGIN[] = "begin transaction isolation level repeatable read, read only;"
                            " set local statement_timeout = '15min';"
                            " set local client_connection_check_interval = '1s'";

struct run {
    const struct report *report;
    const struct report_annex *annex; /* NULL: all rows */
    struct writer *writer;
    bool checked;
    const char *error;
};

/* The table and the function must name the same columns in the same order. */
static bool same_columns(const struct report *r, size_t count, const char *const *names)
{
    if (count != r->column_count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], r->columns[i].name) != 0)
            return false;
    return true;
}

/* Whether an annex shows the row. */
static bool wanted(const struct run *run, const char *const *cells)
{
    size_t i = 0;
    while (i < run->report->column_count && strcmp(run->report->columns[i].name, run->annex->column) != 0)
        i++;
    if (i == run->report->column_count || cells[i] == NULL)
        return false;
    const char *at = strstr(run->annex->values, cells[i]);
    const char *behind = at != NULL ? at + strlen(cells[i]) : NULL;
    return at != NULL && (at == run->annex->values || at[-1] == ' ') && (*behind == ' ' || *behind == '\0');
}

static bool on_row(void *arg, size_t count, const char *const *names, const char *const *cells)
{
    struct run *run = arg;
    if (!run->checked && !same_columns(run->report, count, names)) {
        run->error = "the function has other columns than the table of reports";
        return false;
    }
    run->checked = true;
    return (run->annex != NULL && !wanted(run, cells)) || run->writer->row(run->writer, cells);
}

static struct writer *writer_new(const struct layout *l, report_write_cb write, void *arg)
{
    switch (l->style.format) {
    case REPORT_JSON:
        return writer_json(l, write, arg);
    case REPORT_CSV:
        return writer_csv(l, write, arg);
    case REPORT_XLSX:
        return writer_xlsx(l, write, arg);
    case REPORT_PDF:
        return writer_pdf(l, write, arg);
    }
    return NULL;
}

/* The annex of a report, if it has one and the format, too. */
static bool annex(struct run *run, struct layout *l, report_source_cb source, void *source_arg)
{
    const struct report_annex *annexed = run->report->annex;
    if (annexed == NULL || run->writer->annex == NULL)
        return true;
    run->report = report_find(annexed->report, strlen(annexed->report));
    run->annex = annexed;
    run->checked = false;
    const struct report_style style = l->style;
    if (run->report == NULL || !layout_init(l, run->report, &style, l->head)) {
        run->error = "the annex has another head";
        return false;
    }
    l->annex = annexed;
    return run->writer->annex(run->writer, l) && source(source_arg, run->report->rows, on_row, run);
}

bool report_run(const struct report *report, const struct report_style *style, const json_value *head, report_source_cb source,
                void *source_arg, report_write_cb write, void *arg, char *error, size_t error_cap)
{
    struct layout layout, annexed;
    struct run run = {.report = report};
    error[0] = '\0';
    if (layout_init(&layout, report, style, head))
        run.writer = writer_new(&layout, write, arg);
    if (run.writer == NULL) {
        snprintf(error, error_cap, "%s", style->english ? "the report could not be begun: is TMPDIR there, with room in it?"
                                                        : "laporan tidak dapat dimulai: adakah TMPDIR, dengan tempat di dalamnya?");
        return false;
    }
    annexed = layout;
    bool done = source(source_arg, report->rows, on_row, &run) && annex(&run, &annexed, source, source_arg) && run.writer->end(run.writer);
    const char *reason = run.error != NULL ? run.error : run.writer->error;
    if (!done && reason != NULL)
        snprintf(error, error_cap, "%s", reason);
    run.writer->free(run.writer);
    return done;
}
