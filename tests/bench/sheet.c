/* How long libxlsxwriter takes to write constants: the least that a report's sheet can cost.
 *
 * Usage: bench_sheet FILE ROWS TEXTS NUMBERS. Constant-memory mode, as the reports have it; every row has TEXTS constant
 * strings and NUMBERS constant numbers. Run by figures_report.py. */
#include <stdio.h>
#include <stdlib.h>
#include <xlsxwriter.h>

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: bench_sheet FILE ROWS TEXTS NUMBERS\n");
        return 2;
    }
    lxw_row_t rows = (lxw_row_t)strtoul(argv[2], NULL, 10);
    lxw_col_t texts = (lxw_col_t)strtoul(argv[3], NULL, 10), numbers = (lxw_col_t)strtoul(argv[4], NULL, 10);
    lxw_workbook_options options = {.constant_memory = LXW_TRUE};
    lxw_workbook *book = workbook_new_opt(argv[1], &options);
    lxw_worksheet *page = book != NULL ? workbook_add_worksheet(book, NULL) : NULL;
    if (page == NULL)
        return 1;
    lxw_format *whole = workbook_add_format(book);
    format_set_num_format(whole, "0");
    for (lxw_row_t row = 0; row < rows; row++) {
        for (lxw_col_t col = 0; col < texts; col++)
            (void)worksheet_write_string(page, row, col, "Penata Layanan", NULL);
        for (lxw_col_t col = 0; col < numbers; col++)
            (void)worksheet_write_number(page, row, (lxw_col_t)(texts + col), 12, whole);
    }
    return workbook_close(book) == LXW_NO_ERROR ? 0 : 1;
}
