/* hadir enroll --unit U --sheet OUT.html: one printable page a person for a whole office, to be cut and handed out.
 * The file holds tokens: it is made new, for its owner alone, and says so. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "enroll.h"
#include "file.h"

#define SHEET_MAX (64u << 20)

static void html(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        switch (*s) {
        case '<': buf_puts(out, "&lt;"); break;
        case '>': buf_puts(out, "&gt;"); break;
        case '&': buf_puts(out, "&amp;"); break;
        case '"': buf_puts(out, "&quot;"); break;
        default: buf_putc(out, *s);
        }
    }
}

static void page_head(struct buf *out, const char *unit)
{
    buf_puts(out, "<!doctype html><html lang=\"id\"><meta charset=\"utf-8\"><title>hadir · ");
    html(out, unit);
    buf_puts(out, "</title><style>body{font:14px sans-serif}section{break-inside:avoid;border:1px dashed #888;padding:12px;"
                  "margin:0 0 12px;display:flex;gap:16px}svg{width:180px;flex:none;background:#fff}code{word-break:break-all}"
                  "@media print{p.note{display:none}}</style>\n<p class=\"note\">");
    html(out, cli_say("Rahasia: setiap kode hanya untuk orangnya. Cetak, bagikan, lalu hapus berkas ini.",
                      "Secret: each code is for its person alone. Print, hand out, then delete this file."));
    buf_puts(out, "</p>\n");
}

static bool person_card(struct buf *out, const struct enrolment *e)
{
    struct buf link;
    buf_init(&link, 4096);
    bool ok = enroll_link(e, &link) && buf_str(&link) != NULL;
    if (ok) {
        buf_puts(out, "<section>");
        ok = qr_svg(buf_str(&link), out);
        buf_puts(out, "<div><h2>");
        html(out, e->name);
        buf_puts(out, "</h2><p>");
        html(out, e->unit);
        buf_printf(out, " · %s</p><p>%s</p><p>Token: <code>", channel_name(e->channel),
                   cli_say("Pindai kode ini dengan ponsel Anda, atau ketik tokennya.",
                           "Scan this code with your phone, or type the token."));
        html(out, e->token.text);
        buf_puts(out, "</code></p><p><code>");
        html(out, buf_str(&link));
        buf_puts(out, "</code></p></div></section>\n");
    }
    buf_fini(&link);
    return ok && !out->failed;
}

/* All of it on the disk. Takes fd. */
static bool write_out(int fd, const char *path, const struct buf *page)
{
    bool ok = !page->failed && file_write_all(fd, page->data, page->len) && fsync(fd) == 0;
    if (close(fd) != 0 || !ok) {
        cli_error("%s: %s", path, page->failed ? cli_say("terlalu besar", "too large") : cli_reason(errno));
        return false;
    }
    return true;
}

static bool everybody(struct session *s, const char *unit, enum channel channel, struct buf *page, size_t *ret_done,
                      size_t *ret_earlier)
{
    static const char sql[] = "select nip from api.unit_people($1, $2::timestamptz)";
    char now[40];
    const char *const params[] = {unit, cli_now(now, sizeof now)};
    struct rows *people = cli_query(s, sql, 2, params);
    if (people == NULL)
        return false;
    bool ok = rows_count(people) > 0;
    if (!ok)
        cli_error(cli_say("unit %s tidak dikenal atau kosong", "unit %s is unknown or empty"), unit);
    for (size_t i = 0; ok && i < rows_count(people); i++) {
        struct enrolment e = {.nip = rows_get(people, i, 0), .channel = channel};
        ok = enroll_one(s, &e) && person_card(page, &e);
        *ret_earlier += e.earlier[0] != '\0';
        digest_wipe(&e.token, sizeof e.token);
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%zu / %zu", i + 1, rows_count(people));
    }
    if (isatty(STDERR_FILENO) && rows_count(people) > 0)
        fputc('\n', stderr);
    *ret_done = rows_count(people);
    rows_free(people);
    return ok;
}

/* One transaction for the office, committed when the page is on the disk: whatever ends this run, no token is valid
 * that nobody can read. */
static bool enroll_and_write(struct session *s, const char *unit, enum channel channel, int fd, const char *path,
                             size_t *ret_done, size_t *ret_earlier)
{
    struct store_error e;
    struct buf page;
    buf_init(&page, SHEET_MAX);
    page_head(&page, unit);
    bool ok = session_script(s, "begin", &e) && everybody(s, unit, channel, &page, ret_done, ret_earlier);
    if (ok)
        ok = write_out(fd, path, &page);
    else
        close(fd);
    digest_wipe(page.data, page.cap);
    buf_fini(&page);
    if (!ok) {
        unlink(path);
        return false;
    }
    if (session_script(s, "commit", &e))
        return true;
    cli_error(cli_say("%s; token di %s mungkin tidak berlaku", "%s; the tokens in %s may not be valid"), e.message, path);
    return false;
}

int enroll_sheet(struct session *s, const char *unit, enum channel channel, const char *path)
{
    size_t done = 0, earlier = 0;
    if (channel == CHANNEL_WHATSAPP) {
        cli_error("%s", cli_say("whatsapp tidak memerlukan lembar: nomornya sendiri yang didaftarkan (--csv)",
                                "whatsapp needs no sheet: the numbers themselves are enrolled (--csv)"));
        return CLI_USAGE;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        cli_error("%s: %s", path, cli_reason(errno));
        return CLI_FAILED;
    }
    if (!enroll_and_write(s, unit, channel, fd, path, &done, &earlier))
        return CLI_FAILED;
    printf(cli_say("%s: %zu orang\n", "%s: %zu people\n"), path, done);
    enroll_tell_earlier(earlier);
    return CLI_DONE;
}
