/* QR codes for enrolment: in the terminal (two modules a character, with the quiet zone) and as SVG for sheets. */
#include <qrencode.h>
#include <string.h>

#include "cli.h"

#define QUIET 4

static bool dark(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return false;
    return (code->data[y * code->width + x] & 1) != 0;
}

static QRcode *encode(const char *text)
{
    return QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
}

bool qr_terminal(const char *text, struct buf *out)
{
    QRcode *code = encode(text);
    if (code == NULL)
        return false;
    /* black on white whatever the terminal's colours: readers want a light quiet zone */
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        buf_puts(out, "\033[30;47m");
        for (int x = -QUIET; x < code->width + QUIET; x++) {
            bool upper = dark(code, x, y), lower = dark(code, x, y + 1);
            buf_puts(out, upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ");
        }
        buf_puts(out, "\033[0m\n");
    }
    QRcode_free(code);
    return !out->failed;
}

bool qr_svg(const char *text, struct buf *out)
{
    QRcode *code = encode(text);
    if (code == NULL)
        return false;
    int side = code->width + 2 * QUIET;
    buf_printf(out, "<svg viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\"><path d=\"", side, side);
    for (int y = 0; y < code->width; y++)
        for (int x = 0; x < code->width; x++)
            if (dark(code, x, y))
                buf_printf(out, "M%d %dh1v1h-1z", x + QUIET, y + QUIET);
    buf_puts(out, "\"/></svg>");
    QRcode_free(code);
    return !out->failed;
}
