/* The one CSV writer: RFC 4180, UTF-8, CRLF, formula guard on text columns only (numeric columns may begin with "-"). */
#ifndef HADIR_CSV_H
#define HADIR_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* excel-id: what an Indonesian Excel opens by a double click: a byte order mark, semicolons, decimal commas, and codes of
 * digits as ="…", because it would round an NIP. Everything else as ever. */
enum csv_dialect { CSV_PLAIN = 0, CSV_EXCEL_ID = 1 };
struct csv {
    struct buf *out;
    enum csv_dialect dialect;
    bool begun;
};
void csv_begin(struct csv *w, struct buf *out); /* plain */
void csv_begin_as(struct csv *w, struct buf *out, enum csv_dialect dialect);
void csv_text(struct csv *w, const char *s);   /* NULL = empty; guarded with a leading ' when it begins with = + - @ TAB CR */
void csv_number(struct csv *w, const char *s); /* already a number's text, or NULL; never guarded; refuses other text */
void csv_code(struct csv *w, const char *s);   /* digits that are no number: an NIP; other text as csv_text */
void csv_end_row(struct csv *w);

/* Reading, for imports: RFC 4180, UTF-8 (BOM skipped), CRLF or LF, with line numbers. */
struct csv_reader;
struct csv_reader *csv_reader_new(const char *bytes, size_t len);
/* From here on a line that begins with '#' where a record would begin is left out, whatever it holds. */
void csv_reader_comments(struct csv_reader *r);
void csv_reader_free(struct csv_reader *r);
/* Next record: returns fields count, 0 at the end, −1 on an error (unclosed quote, NUL, bad UTF-8) with a reason. */
int csv_reader_next(struct csv_reader *r, char ***ret_fields, size_t *ret_line, const char **ret_error);

#endif
