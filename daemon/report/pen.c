/* Drawing on the pages of a PDF, over cairo and pango, whose headers stay in this file.
 *
 * Place in the flow: pdf_page.c and pdf_chart.c draw, the bytes go to the callback as cairo makes them; a page is gone from
 * memory once it was ended. The same calls with the same fonts give the same bytes.
 *
 * Nearly all cells are ASCII that breaks between words: its glyphs are placed by a table of widths and shown many at once, ten
 * times as fast as a PangoLayout each. Everything else goes through the one PangoLayout there is. Letters that no installed
 * font has are drawn as boxes. Fonts once loaded stay with the process, in pango's map, so that hundreds of small reports
 * do not load them hundreds of times. Threads: pango's own, which reads the list of fonts. */
#include "pen.h"

#include <cairo-pdf.h>
#include <pango/pangocairo.h>
#include <string.h>

#define FLUSH_BYTES ((size_t)64 << 10)
#define OUT_MAX ((size_t)16 << 20)
#define FACES 8u
#define GLYPHS 4096
#define FAMILIES "Liberation Sans, DejaVu Sans, Noto Sans, sans-serif"
#define HATCH_STEP 3.0
#define SECONDS_LEN 19 /* of "2031-03-03T07:00:00" */

/* A font at one size. */
struct face {
    double size; /* 0: none yet */
    bool bold;
    PangoFontDescription *description;
    PangoFont *font;
    cairo_scaled_font_t *scaled; /* the font's */
    double ascent, leading;
    double advances[128];
    unsigned long glyphs[128];
};

struct pen {
    report_write_cb write;
    void *arg;
    struct buf out;
    bool refused; /* write wants no more */
    cairo_surface_t *surface;
    cairo_t *cairo;
    PangoFontMap *fonts;
    PangoContext *context;
    PangoLayout *layout;
    struct face faces[FACES], *face; /* face: of the glyphs that wait */
    unsigned next;
    cairo_glyph_t waiting[GLYPHS];
    int waiting_count;
};

/* ---- begin and end ---- */

static bool flush_out(struct pen *p, size_t from)
{
    if (p->out.len < from || p->out.len == 0)
        return !p->refused;
    p->refused = p->refused || !p->write(p->arg, p->out.data, p->out.len);
    buf_clear(&p->out);
    return !p->refused;
}

static cairo_status_t on_bytes(void *arg, const unsigned char *bytes, unsigned len)
{
    struct pen *p = arg;
    if (!buf_add(&p->out, bytes, len))
        return CAIRO_STATUS_NO_MEMORY;
    return flush_out(p, FLUSH_BYTES) ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

struct pen *pen_new(report_write_cb write, void *arg)
{
    struct pen *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->write = write;
    p->arg = arg;
    buf_init(&p->out, OUT_MAX);
    p->surface = cairo_pdf_surface_create_for_stream(on_bytes, p, 1, 1);
    p->cairo = cairo_create(p->surface);
    p->fonts = g_object_ref(pango_cairo_font_map_get_default());
    p->context = pango_font_map_create_context(p->fonts);
    pango_cairo_context_set_resolution(p->context, 72); /* so that a point is a point */
    pango_cairo_update_context(p->cairo, p->context);
    pango_context_set_round_glyph_positions(p->context, FALSE);
    pango_context_set_language(p->context, pango_language_from_string("id")); /* not that of whoever runs it */
    p->layout = pango_layout_new(p->context);
    pango_layout_set_wrap(p->layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_ellipsize(p->layout, PANGO_ELLIPSIZE_END);
    pango_layout_set_auto_dir(p->layout, FALSE); /* an Arabic name stands left in its column, like the others */
    PangoAttrList *attributes = pango_attr_list_new();
    pango_attr_list_insert(attributes, pango_attr_insert_hyphens_new(FALSE));
    pango_layout_set_attributes(p->layout, attributes);
    pango_attr_list_unref(attributes);
    return p;
}

static void face_fini(struct face *f)
{
    if (f->size > 0) {
        pango_font_description_free(f->description);
        g_object_unref(f->font);
    }
    f->size = 0;
}

void pen_free(struct pen *p)
{
    if (p == NULL)
        return;
    for (unsigned i = 0; i < FACES; i++)
        face_fini(&p->faces[i]);
    g_object_unref(p->layout);
    g_object_unref(p->context);
    g_object_unref(p->fonts);
    p->refused = true; /* what is unfinished goes nowhere */
    cairo_destroy(p->cairo);
    cairo_surface_destroy(p->surface);
    buf_fini(&p->out);
    free(p);
}

bool pen_has_fonts(const struct pen *p)
{
    PangoFontDescription *any = pango_font_description_from_string(FAMILIES);
    PangoFont *font = pango_context_load_font(p->context, any);
    bool has = font != NULL && pango_cairo_font_get_scaled_font(PANGO_CAIRO_FONT(font)) != NULL;
    pango_font_description_free(any);
    g_clear_object(&font);
    return has;
}

void pen_describe(struct pen *p, const char *title, const char *subject, const char *author, const char *iso)
{
    char time[40]; /* without a fraction of a second, which cairo does not know */
    const char *behind = strlen(iso) > SECONDS_LEN ? iso + SECONDS_LEN : "";
    snprintf(time, sizeof time, "%.*s%s", SECONDS_LEN, iso, behind + strcspn(behind, "Z+-"));
    cairo_pdf_surface_set_metadata(p->surface, CAIRO_PDF_METADATA_TITLE, title);
    cairo_pdf_surface_set_metadata(p->surface, CAIRO_PDF_METADATA_SUBJECT, subject);
    cairo_pdf_surface_set_metadata(p->surface, CAIRO_PDF_METADATA_AUTHOR, author);
    cairo_pdf_surface_set_metadata(p->surface, CAIRO_PDF_METADATA_CREATOR, "hadir");
    cairo_pdf_surface_set_metadata(p->surface, CAIRO_PDF_METADATA_CREATE_DATE, time);
    cairo_pdf_surface_set_metadata(p->surface, CAIRO_PDF_METADATA_MOD_DATE, time);
}

void pen_set_page(struct pen *p, double width, double height)
{
    cairo_pdf_surface_set_size(p->surface, width, height);
}

/* ---- text ---- */

static void face_init(struct pen *p, struct face *f, double size, bool bold)
{
    f->size = size;
    f->bold = bold;
    f->description = pango_font_description_from_string(FAMILIES);
    pango_font_description_set_size(f->description, (int)(size * PANGO_SCALE + 0.5));
    pango_font_description_set_weight(f->description, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    f->font = pango_context_load_font(p->context, f->description);
    f->scaled = pango_cairo_font_get_scaled_font(PANGO_CAIRO_FONT(f->font));
    PangoFontMetrics *metrics = pango_font_get_metrics(f->font, NULL);
    f->ascent = pango_units_to_double(pango_font_metrics_get_ascent(metrics));
    f->leading = f->ascent + pango_units_to_double(pango_font_metrics_get_descent(metrics));
    pango_font_metrics_unref(metrics);
    for (char c = ' '; c < 0x7f; c++) {
        cairo_glyph_t *glyph = NULL;
        int count = 0;
        cairo_text_extents_t extents = {0};
        if (cairo_scaled_font_text_to_glyphs(f->scaled, 0, 0, &c, 1, &glyph, &count, NULL, NULL, NULL) == CAIRO_STATUS_SUCCESS && count == 1) {
            cairo_scaled_font_glyph_extents(f->scaled, glyph, 1, &extents);
            f->glyphs[(int)c] = glyph->index;
        }
        f->advances[(int)c] = extents.x_advance;
        cairo_glyph_free(glyph);
    }
}

static void flush_glyphs(struct pen *p)
{
    if (p->waiting_count == 0)
        return;
    cairo_set_scaled_font(p->cairo, p->face->scaled);
    cairo_show_glyphs(p->cairo, p->waiting, p->waiting_count);
    p->waiting_count = 0;
}

static struct face *face_of(struct pen *p, const struct pen_style *style)
{
    for (unsigned i = 0; i < FACES; i++)
        if (p->faces[i].size == style->size && p->faces[i].bold == style->bold)
            return &p->faces[i];
    struct face *f = &p->faces[p->next++ % FACES];
    flush_glyphs(p);
    face_fini(f);
    face_init(p, f, style->size, style->bold);
    return f;
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static double plain_width(const struct face *f, const char *text, size_t len)
{
    double width = 0;
    for (size_t i = 0; i < len; i++)
        width += f->advances[(int)text[i]];
    return width;
}

/* One line of plain text: as many words as fit. */
struct line {
    const char *text;
    size_t len;
    double width;
};

/* The line that begins at text; 0 long: the first word alone is too wide. */
static struct line line_at(const struct face *f, const char *text, double width)
{
    struct line line = {.text = text};
    for (size_t end = 0; text[end] != '\0';) {
        end += strspn(text + end, " ");
        end += strcspn(text + end, " ");
        double so_far = plain_width(f, text, end);
        if (so_far > width)
            break;
        line.len = end;
        line.width = so_far;
    }
    return line;
}

static const char *behind(const struct line *line)
{
    return line->text + line->len + strspn(line->text + line->len, " ");
}

/* How many lines plain text takes when it breaks between words; 0: it is not that simple, and for pango. */
static unsigned plain_lines(const struct face *f, const struct pen_style *style, const char *text, double width)
{
    unsigned lines = 1;
    if (!is_plain(text) || style->underline)
        return 0;
    for (struct line line = line_at(f, text, width); *behind(&line) != '\0'; line = line_at(f, behind(&line), width))
        if (line.len == 0 || ++lines > PEN_LINES_MAX)
            return 0;
    return lines;
}

static double slack(const struct pen_style *style, double room)
{
    return style->align == PEN_LEFT ? 0 : style->align == PEN_RIGHT ? room : room / 2;
}

static void show_line(struct pen *p, struct face *f, double x, double y, const struct line *line)
{
    if (p->face != f)
        flush_glyphs(p);
    p->face = f;
    for (size_t i = 0; i < line->len; i++) {
        const int c = line->text[i];
        if (p->waiting_count == GLYPHS)
            flush_glyphs(p);
        if (c != ' ')
            p->waiting[p->waiting_count++] = (cairo_glyph_t){f->glyphs[c], x, y + f->ascent};
        x += f->advances[c];
    }
}

static void show_plain(struct pen *p, struct face *f, const struct pen_style *style, double x, double y, double width, const char *text)
{
    while (*text != '\0') {
        struct line line = line_at(f, text, width);
        show_line(p, f, x + slack(style, width - line.width), y, &line);
        text = behind(&line);
        y += f->leading;
    }
}

/* width < 0: on one line. */
static void set_layout(struct pen *p, const struct pen_style *style, const char *text, double width)
{
    static const PangoAlignment alignments[] = {PANGO_ALIGN_LEFT, PANGO_ALIGN_RIGHT, PANGO_ALIGN_CENTER};
    pango_layout_set_font_description(p->layout, face_of(p, style)->description);
    pango_layout_set_alignment(p->layout, alignments[style->align]);
    pango_layout_set_width(p->layout, width < 0 ? -1 : (int)(width * PANGO_SCALE));
    pango_layout_set_height(p->layout, -PEN_LINES_MAX);
    pango_layout_set_text(p->layout, text, -1);
}

double pen_width(struct pen *p, const struct pen_style *style, const char *text)
{
    int width;
    if (is_plain(text))
        return plain_width(face_of(p, style), text, strlen(text));
    set_layout(p, style, text, -1);
    pango_layout_get_size(p->layout, &width, NULL);
    return pango_units_to_double(width);
}

double pen_height(struct pen *p, const struct pen_style *style, const char *text, double width)
{
    int height;
    const struct face *f = face_of(p, style);
    unsigned lines = plain_lines(f, style, text, width);
    if (lines > 0)
        return lines * f->leading;
    set_layout(p, style, text, width);
    pango_layout_get_size(p->layout, NULL, &height);
    return pango_units_to_double(height);
}

static void underline(struct pen *p, double x, double y)
{
    PangoRectangle all;
    pango_layout_get_extents(p->layout, NULL, &all);
    double base = y + pango_units_to_double(pango_layout_get_baseline(p->layout)) + 1.5;
    x += pango_units_to_double(all.x);
    pen_line(p, x, base, x + pango_units_to_double(all.width), base, 0.6);
}

void pen_text(struct pen *p, const struct pen_style *style, double x, double y, double width, const char *text)
{
    struct face *f = face_of(p, style);
    if (plain_lines(f, style, text, width) > 0) {
        show_plain(p, f, style, x, y, width, text);
        return;
    }
    set_layout(p, style, text, width);
    cairo_move_to(p->cairo, x, y);
    pango_cairo_show_layout(p->cairo, p->layout);
    if (style->underline)
        underline(p, x, y);
}

/* ---- lines and bars ---- */

void pen_line(struct pen *p, double x1, double y1, double x2, double y2, double thickness)
{
    cairo_set_line_width(p->cairo, thickness);
    cairo_move_to(p->cairo, x1, y1);
    cairo_line_to(p->cairo, x2, y2);
    cairo_stroke(p->cairo);
}

static void hatch(struct pen *p, double x, double y, double width, double height)
{
    cairo_save(p->cairo);
    cairo_rectangle(p->cairo, x, y, width, height);
    cairo_clip(p->cairo);
    for (double at = x - height; at < x + width; at += HATCH_STEP) {
        cairo_move_to(p->cairo, at, y + height);
        cairo_line_to(p->cairo, at + height, y);
    }
    cairo_set_line_width(p->cairo, 0.6);
    cairo_stroke(p->cairo);
    cairo_restore(p->cairo);
}

void pen_bar(struct pen *p, double x, double y, double width, double height, enum pen_shade shade)
{
    static const double greys[] = {[PEN_LIGHT] = 0.8, [PEN_HATCH] = 1, [PEN_WHITE] = 1, [PEN_BLACK] = 0.1, [PEN_GREY] = 0.5, [PEN_PALE] = 0.93};
    if (width <= 0)
        return;
    cairo_set_source_rgb(p->cairo, greys[shade], greys[shade], greys[shade]);
    cairo_rectangle(p->cairo, x, y, width, height);
    cairo_fill(p->cairo);
    cairo_set_source_rgb(p->cairo, 0, 0, 0);
    if (shade == PEN_HATCH)
        hatch(p, x, y, width, height);
    cairo_set_line_width(p->cairo, 0.4);
    cairo_rectangle(p->cairo, x, y, width, height);
    cairo_stroke(p->cairo);
}

bool pen_end_page(struct pen *p)
{
    flush_glyphs(p);
    cairo_show_page(p->cairo);
    return !p->refused && cairo_status(p->cairo) == CAIRO_STATUS_SUCCESS && cairo_surface_status(p->surface) == CAIRO_STATUS_SUCCESS;
}

bool pen_finish(struct pen *p)
{
    cairo_surface_finish(p->surface);
    return cairo_surface_status(p->surface) == CAIRO_STATUS_SUCCESS && flush_out(p, 0);
}

bool pen_failed(const struct pen *p, const char **ret_reason)
{
    cairo_status_t status = cairo_status(p->cairo);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(p->surface);
    *ret_reason = p->refused || status == CAIRO_STATUS_SUCCESS ? NULL : cairo_status_to_string(status);
    return p->refused || status != CAIRO_STATUS_SUCCESS;
}
