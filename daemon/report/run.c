/* A report from its statement to its bytes.
 *
 * Place in the flow: `hadir report` and the desk's clerk open a session, begin, ask for the head, and come here for the
 * rest. Rows arrive one by one and leave one by one: memory does not grow with their number. Blocking. No threads. */
#include <stdio.h>
#include <string.h>

#include "inside.h"
#include "store.h"

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
static bool same_columns(const struct report *r, const struct rows *row)
{
    if (rows_columns(row) != r->column_count)
        return false;
    for (size_t i = 0; i < r->column_count; i++)
        if (strcmp(rows_column_name(row, i), r->columns[i].name) != 0)
            return false;
    return true;
}

static bool on_row(void *arg, const struct rows *row)
{
    struct run *run = arg;
    const char *cells[64];
    if (!run->checked && !same_columns(run->report, row)) {
        run->error = "the function has other columns than the table of reports";
        return false;
    }
    run->checked = true;
    for (size_t i = 0; i < run->report->column_count; i++)
        cells[i] = rows_get(row, 0, i);
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
    }
    return NULL;
}

bool report_run(struct session *s, const struct report *report, const struct report_style *style, const json_value *head,
                const char *const params[2], report_write_cb write, void *arg, struct store_error *e)
{
    struct layout layout;
    *e = (struct store_error){0};
    struct run run = {.report = report};
    if (layout_init(&layout, report, style, head))
        run.writer = writer_new(&layout, write, arg);
    if (run.writer == NULL) {
        snprintf(e->message, sizeof e->message, "the report could not be begun");
        return false;
    }
    bool done = session_stream(s, report->rows, 2, params, on_row, &run, e) && run.writer->end(run.writer);
    const char *error = run.error != NULL ? run.error : run.writer->error;
    if (!done && e->message[0] == '\0' && error != NULL)
        snprintf(e->message, sizeof e->message, "%s", error);
    run.writer->free(run.writer);
    return done;
}
