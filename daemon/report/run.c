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

static bool on_row(void *arg, size_t count, const char *const *names, const char *const *cells)
{
    struct run *run = arg;
    if (!run->checked && !same_columns(run->report, count, names)) {
        run->error = "the function has other columns than the table of reports";
        return false;
    }
    run->checked = true;
    return run->writer->row(run->writer, cells);
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

bool report_run(const struct report *report, const struct report_style *style, const json_value *head, report_source_cb source,
                void *source_arg, report_write_cb write, void *arg, char *error, size_t error_cap)
{
    struct layout layout;
    struct run run = {.report = report};
    error[0] = '\0';
    if (layout_init(&layout, report, style, head))
        run.writer = writer_new(&layout, write, arg);
    if (run.writer == NULL) {
        snprintf(error, error_cap, "the report could not be begun");
        return false;
    }
    bool done = source(source_arg, report->rows, on_row, &run) && run.writer->end(run.writer);
    const char *reason = run.error != NULL ? run.error : run.writer->error;
    if (!done && reason != NULL)
        snprintf(error, error_cap, "%s", reason);
    run.writer->free(run.writer);
    return done;
}
