/* Drawing on the pages of a PDF: text of any script, lines, bars. Lengths in points (1/72 inch), y grows downwards. */
#ifndef HADIR_REPORT_PEN_H
#define HADIR_REPORT_PEN_H

#include "report.h"

struct pen;
enum pen_align { PEN_LEFT, PEN_RIGHT, PEN_CENTRE };
struct pen_style {
    double size;
    bool bold, underline;
    enum pen_align align;
};
enum pen_shade { PEN_LIGHT, PEN_HATCH, PEN_WHITE, PEN_BLACK, PEN_GREY, /* told apart in black and white */
                 PEN_PALE /* behind a text */ };
#define PEN_SHADES 5u

#define PEN_LINES_MAX 20 /* of one text; what is longer ends in an ellipsis */

/* Written to `write` as it grows. NULL: no memory. */
struct pen *pen_new(report_write_cb write, void *arg);
void pen_free(struct pen *p);
/* false: not one font is installed. */
bool pen_has_fonts(const struct pen *p);
/* iso: the one time inside the file, RFC 3339. */
void pen_describe(struct pen *p, const char *title, const char *subject, const char *author, const char *iso);
void pen_set_page(struct pen *p, double width, double height);

double pen_width(struct pen *p, const struct pen_style *style, const char *text);                /* on one line */
double pen_height(struct pen *p, const struct pen_style *style, const char *text, double width); /* wrapped */
/* Wrapped into width, its top left corner at x, y. */
void pen_text(struct pen *p, const struct pen_style *style, double x, double y, double width, const char *text);
void pen_line(struct pen *p, double x1, double y1, double x2, double y2, double thickness);
void pen_bar(struct pen *p, double x, double y, double width, double height, enum pen_shade shade);
/* false: see pen_failed. */
bool pen_end_page(struct pen *p);
bool pen_finish(struct pen *p);
/* Whether one of them failed, and why; NULL when `write` refused. */
bool pen_failed(const struct pen *p, const char **ret_reason);

#endif
