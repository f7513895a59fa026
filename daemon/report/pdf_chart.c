/* The chart above a report's rows, for who would rather look than read: bars of shares, told apart without colours.
 *
 * Two kinds (struct report_chart): a bar per row, of which at most CHART_BARS_MAX are kept (the deepest levels go first, so a
 * long list leaves its summaries); or the sums of all rows. A bar's full length is the whole, 100 percent. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdf.h"

#define BAR_STEP 11.0
#define BAR_STEP_DENSE 7.5 /* of more than BARS_DENSE */
#define BARS_DENSE 20u
#define BAR_SHARE 0.65 /* of a step */
#define TITLE_HEIGHT 14.0
#define LEGEND_HEIGHT 13.0
#define AXIS_HEIGHT 12.0
#define BELOW 10.0
#define LABEL_SHARE 0.32
#define VALUE_SHARE 0.14
#define TEXT_SIZE 7.0
#define TEXT_SIZE_DENSE 6.0
#define SWATCH 7.0

static const struct pen_style small = {.size = TEXT_SIZE}, small_centre = {.size = TEXT_SIZE, .align = PEN_CENTRE},
                              title_style = {.size = 9, .bold = true};

static size_t column_of(const struct layout *l, const char *name)
{
    size_t i = 0;
    while (name != NULL && i < l->report->column_count && strcmp(l->report->columns[i].name, name) != 0)
        i++;
    return i;
}

void chart_init(struct pdf_chart *c, const struct layout *l)
{
    *c = (struct pdf_chart){.layout = l, .chart = l->report->chart, .deepest = INFINITY};
    if (c->chart == NULL)
        return;
    c->label = column_of(l, c->chart->label);
    c->level = column_of(l, c->chart->level);
    c->whole = column_of(l, c->chart->whole);
    for (size_t i = 0; i < c->chart->part_count; i++)
        c->columns[i] = column_of(l, c->chart->parts[i]);
}

/* ---- rows ---- */

static double value(const char *cell)
{
    return cell != NULL ? strtod(cell, NULL) : 0;
}

/* Makes room by taking out the deepest level there is; rows of it are not wanted any more. */
static void drop_deepest(struct pdf_chart *c)
{
    size_t kept = 0;
    double deepest = 0;
    for (size_t i = 0; i < c->count; i++)
        deepest = fmax(deepest, c->bars[i].level);
    for (size_t i = 0; i < c->count; i++)
        if (c->bars[i].level < deepest)
            c->bars[kept++] = c->bars[i];
    c->count = kept;
    c->deepest = deepest - 1;
}

static void see_bar(struct pdf_chart *c, const char *const *cells)
{
    double level = c->chart->level != NULL ? value(cells[c->level]) : 0;
    if (c->count == CHART_BARS_MAX)
        drop_deepest(c);
    if (level > c->deepest || value(cells[c->whole]) <= 0)
        return;
    struct pdf_bar *bar = &c->bars[c->count++];
    bar->level = level;
    bar->whole = value(cells[c->whole]);
    snprintf(bar->label, sizeof bar->label, "%s", cells[c->label] != NULL ? cells[c->label] : "");
    bar->label[utf8_cut(bar->label, strlen(bar->label), sizeof bar->label - 4)] = '\0';
    for (size_t i = 0; i < c->chart->part_count; i++)
        bar->values[i] = value(cells[c->columns[i]]);
}

void chart_see(struct pdf_chart *c, const char *const *cells)
{
    if (c->chart == NULL)
        return;
    if (c->chart->label != NULL)
        see_bar(c, cells);
    c->sums.whole += value(cells[c->whole]);
    for (size_t i = 0; i < c->chart->part_count; i++)
        c->sums.values[i] += value(cells[c->columns[i]]);
}

/* ---- drawing ---- */

static size_t lines(const struct pdf_chart *c)
{
    return c->chart->label != NULL ? c->count : c->chart->part_count;
}

static double step(const struct pdf_chart *c)
{
    return lines(c) > BARS_DENSE ? BAR_STEP_DENSE : BAR_STEP;
}

static struct pen_style beside(const struct pdf_chart *c, enum pen_align align)
{
    return (struct pen_style){.size = lines(c) > BARS_DENSE ? TEXT_SIZE_DENSE : TEXT_SIZE, .align = align};
}

double chart_height(const struct pdf_chart *c)
{
    if (c->chart == NULL || c->sums.whole <= 0 || lines(c) == 0)
        return 0;
    return TITLE_HEIGHT + (c->chart->label != NULL ? LEGEND_HEIGHT : 0) + (double)lines(c) * step(c) + AXIS_HEIGHT + BELOW;
}

static bool contained(const struct pdf_chart *c, size_t part)
{
    return c->chart->within != NULL && strcmp(c->chart->parts[part], c->chart->within) == 0;
}

static const char *heading(const struct pdf_chart *c, size_t part, char dst[120])
{
    return layout_heading(c->layout, c->columns[part], NULL, dst, 120);
}

static void draw_legend(const struct pdf_chart *c, struct pen *pen, double x, double y)
{
    char words[120], line[160];
    for (size_t i = 0; i < c->chart->part_count; i++) {
        snprintf(line, sizeof line, "%s%s", contained(c, i) ? lines_say(c->layout, "di antaranya ", "of them ") : "", heading(c, i, words));
        pen_bar(pen, x, y + 1, SWATCH, SWATCH, (enum pen_shade)(i % PEN_SHADES));
        pen_text(pen, &small, x + SWATCH + 3, y, 200, line);
        x += SWATCH + 3 + pen_width(pen, &small, line) + 14;
    }
}

/* "80,0 %" */
static const char *percent(const struct pdf_chart *c, double part, double whole, char dst[40])
{
    snprintf(dst, 40, "%.1f %%", 100 * part / whole);
    char *point = strchr(dst, '.');
    if (point != NULL && !c->layout->style.english)
        *point = ',';
    return dst;
}

static void draw_parts(const struct pdf_chart *c, struct pen *pen, const struct pdf_bar *bar, double x, double y, double width)
{
    const double height = step(c) * BAR_SHARE;
    double at = x, before = 0;
    for (size_t i = 0; i < c->chart->part_count; i++) {
        double length = width * bar->values[i] / bar->whole;
        if (contained(c, i)) {
            length = fmin(length, before);
            pen_bar(pen, at - length, y, length, height, (enum pen_shade)(i % PEN_SHADES));
            continue;
        }
        length = fmin(length, x + width - at);
        pen_bar(pen, at, y, length, height, (enum pen_shade)(i % PEN_SHADES));
        at += length;
        before = length;
    }
}

static void draw_value(const struct pdf_chart *c, struct pen *pen, double x, double y, double width, double part, double whole)
{
    char share[40], text[120];
    const struct pen_style right = beside(c, PEN_RIGHT);
    snprintf(text, sizeof text, "%.0f / %.0f = %s", part, whole, percent(c, part, whole, share));
    pen_text(pen, &right, x, y, width, text);
}

static void draw_axis(struct pen *pen, double x, double top, double bottom, double width)
{
    for (unsigned tick = 0; tick <= 4; tick++) {
        char text[16];
        double at = x + width * tick / 4;
        snprintf(text, sizeof text, "%u %%", 25 * tick);
        pen_line(pen, at, top, at, bottom, tick % 4 == 0 ? 0.4 : 0.15);
        pen_text(pen, &small_centre, at - 20, bottom + 1, 40, text);
    }
}

/* A name on one line, whatever its length. */
static void draw_label(const struct pdf_chart *c, struct pen *pen, double x, double y, double width, const char *label)
{
    char text[120];
    const struct pen_style left = beside(c, PEN_LEFT);
    size_t len = strlen(label);
    snprintf(text, sizeof text, "%s", label);
    while (pen_width(pen, &left, text) > width && len > 1) {
        len = utf8_cut(label, len, len - 1);
        snprintf(text, sizeof text, "%.*s…", (int)len, label);
    }
    pen_text(pen, &left, x, y, width + 1, text);
}

void chart_draw(const struct pdf_chart *c, struct pen *pen, double x, double y, double width)
{
    char words[120];
    const double bars_x = x + width * LABEL_SHARE, bars = width * (1 - LABEL_SHARE - VALUE_SHARE), indent = 8;
    pen_text(pen, &title_style, x, y, width, lines_say(c->layout, c->chart->indonesian, c->chart->english));
    y += TITLE_HEIGHT;
    if (c->chart->label != NULL) {
        draw_legend(c, pen, x, y);
        y += LEGEND_HEIGHT;
    }
    draw_axis(pen, bars_x, y, y + (double)lines(c) * step(c), bars);
    for (size_t i = 0; i < lines(c); i++, y += step(c)) {
        const struct pdf_bar *bar = c->chart->label != NULL ? &c->bars[i] : &c->sums;
        double part = c->chart->label != NULL ? bar->values[0] : bar->values[i], in = bar->level * indent;
        draw_label(c, pen, x + in, y, width * LABEL_SHARE - in - 6, c->chart->label != NULL ? bar->label : heading(c, i, words));
        if (c->chart->label != NULL)
            draw_parts(c, pen, bar, bars_x, y + 1, bars);
        else
            pen_bar(pen, bars_x, y + 1, bars * fmin(1, part / bar->whole), step(c) * BAR_SHARE, PEN_LIGHT);
        draw_value(c, pen, bars_x + bars, y, width * VALUE_SHARE, part, bar->whole);
    }
}
