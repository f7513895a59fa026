/* hadir verify: what `hadir nightly` published, checked without a database by whoever received it.
 *
 * Takes the export folder (a folder for each government), a government's (a folder for each day or month and version) or one of
 * these. Of each: the manifest is well-formed and of that folder; each file that it lists is there with its size, rows and SHA-256, no
 * other is; the signature over it counts. Of a government: versions without a gap, and one chain of days and one of
 * months from manifest to manifest, in the order of publication, which is not that of days: a later version of a day follows the days
 * in between. What nothing inside can show is a chain cut off at its end; therefore its last manifest is named. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "digest.h"
#include "folder.h"
#include "log.h"
#include "seal.h"

#define MANIFEST "manifest.json"
#define SIGNATURE "manifest.json.p7s"
#define MANIFEST_MAX ((size_t)64 << 20)
#define SIGNATURE_MAX ((size_t)1 << 20)
#define FORMAT "hadir-nightly-1"
#define HASH_CHARS 64
#define NONE ((size_t)-1)
#define PERIOD_CAP 11 /* "2031-03-03", or "2031-03" for a month */

/* One run. */
struct run {
    const struct seal_trust *trust; /* NULL: signatures are not checked */
    const char *signed_from;        /* signatures of days and months before it are not asked for; "" = none */
    bool part;                      /* a copy that begins later: each chain may follow a manifest that is not here */
    size_t top_chars;               /* of the given folder and its slash: left out of what is told */
    size_t faults, days, months, files, good_seals, unchecked_seals;
};

/* A published folder. Those of a government are sorted by period and version as their names have them. */
struct edition {
    char *path;
    char period[PERIOD_CAP];
    long version;
    bool sealed;  /* its signature counts */
    bool vouched; /* or that of one after it in the chain does */
    bool read;    /* its manifest could be: the members below hold */
    char government[256];
    char hash[HASH_CHARS + 1], previous[HASH_CHARS + 1]; /* previous: "" for the first */
    size_t before;                                       /* index of that one, NONE: not found */
};

static bool on_terminal(void)
{
    return isatty(STDERR_FILENO);
}

/* One line: the file, below the given folder, and what is wrong with it. */
__attribute__((format(printf, 3, 4))) static void fault(struct run *r, const char *path, const char *fmt, ...)
{
    va_list ap;
    const char *shown = strlen(path) > r->top_chars ? path + r->top_chars : path;
    if (on_terminal())
        fputs("\r\033[K", stderr);
    for (; *shown != '\0'; shown++)
        putchar((unsigned char)*shown < ' ' || *shown == 0x7f ? '?' : *shown);
    fputs(": ", stdout);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    r->faults++;
}

static char *join(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        fatal("event=out_of_memory");
    return path;
}

/* ---- files ---- */

struct content {
    int64_t bytes, lines; /* line ends outside quotes, as RFC 4180 has them */
    char sha256[HASH_CHARS + 1];
};

static void count_lines(struct content *c, const uint8_t *bytes, size_t len, bool *quoted)
{
    for (size_t i = 0; i < len; i++) {
        *quoted ^= bytes[i] == '"';
        c->lines += bytes[i] == '\n' && !*quoted;
    }
}

/* Reads a plain file through, into keep, too, unless that is NULL. NULL, or why it could not be read. */
static const char *read_through(const char *path, struct content *ret, struct buf *keep)
{
    uint8_t chunk[65536], hash[SHA256_BYTES];
    struct stat st;
    bool quoted = false;
    ssize_t n = 0;
    *ret = (struct content){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT  ? cli_say("tidak ada", "is missing")
               : errno == ELOOP ? cli_say("bukan berkas biasa", "is no plain file")
                                : cli_reason(errno);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return cli_say("bukan berkas biasa", "is no plain file");
    }
    struct digest_stream *digest = digest_stream_new();
    while ((n = read(fd, chunk, sizeof chunk)) > 0) {
        digest_stream_add(digest, chunk, (size_t)n);
        count_lines(ret, chunk, (size_t)n, &quoted);
        ret->bytes += n;
        if (keep != NULL && !buf_add(keep, chunk, (size_t)n))
            break;
    }
    const char *reason = n < 0 ? cli_reason(errno) : n > 0 ? cli_say("terlalu besar", "is too large") : NULL;
    digest_stream_end(digest, hash);
    encode_hex(ret->sha256, sizeof ret->sha256, hash, sizeof hash);
    close(fd);
    return reason;
}

/* A member of a manifest as text that fits; false if it does not. */
static bool get_text(const json_value *object, const char *name, char *dst, size_t cap)
{
    struct text t;
    if (!json_get_string(json_member(object, name), &t) || t.len >= cap || memchr(t.s, '\0', t.len) != NULL)
        return false;
    memcpy(dst, t.s, t.len);
    dst[t.len] = '\0';
    return true;
}

static bool is_hash(const char *s)
{
    return strlen(s) == HASH_CHARS && strspn(s, "0123456789abcdef") == HASH_CHARS;
}

/* The name of one of our files: nothing that leads elsewhere. */
static bool is_file_name(const char *s)
{
    return s[0] != '\0' && s[0] != '.' && strchr(s, '/') == NULL && strcmp(s, MANIFEST) != 0 && strcmp(s, SIGNATURE) != 0;
}

static bool has_end(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* One entry of a manifest's list against the file. false: the entry itself is malformed. */
static bool check_file(struct run *r, const char *folder, const json_value *entry)
{
    char name[256], sha256[HASH_CHARS + 1];
    int64_t bytes, rows;
    struct content found;
    if (!get_text(entry, "name", name, sizeof name) || !is_file_name(name) ||
        !get_text(entry, "sha256", sha256, sizeof sha256) || !is_hash(sha256) ||
        !json_get_int(json_member(entry, "bytes"), &bytes) || !json_get_int(json_member(entry, "rows"), &rows))
        return false;
    char *path = join(folder, name);
    const char *reason = read_through(path, &found, NULL);
    r->files++;
    if (reason != NULL)
        fault(r, path, "%s", reason);
    else if (found.bytes != bytes)
        fault(r, path, cli_say("isi berubah: %lld bita, di manifes %lld", "was changed: %lld bytes, %lld in the manifest"),
              (long long)found.bytes, (long long)bytes);
    else if (strcmp(found.sha256, sha256) != 0)
        fault(r, path, cli_say("isi berubah: SHA-256 %s, di manifes %s", "was changed: SHA-256 %s, %s in the manifest"),
              found.sha256, sha256);
    else if (has_end(name, ".csv") && found.lines != rows + 1)
        fault(r, path, cli_say("%lld baris, di manifes %lld", "%lld rows, %lld in the manifest"), (long long)found.lines - 1,
              (long long)rows);
    free(path);
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names that a manifest lists, sorted; "" for an entry that has none. Caller frees each and all. */
static char **listed_names(const json_value *files, size_t count)
{
    char name[256];
    char **names = calloc(count + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < count; i++) {
        names[i] = strdup(get_text(json_at(files, i), "name", name, sizeof name) ? name : "");
        if (names[i] == NULL)
            fatal("event=out_of_memory");
    }
    if (names == NULL)
        fatal("event=out_of_memory");
    qsort(names, count, sizeof *names, by_name);
    return names;
}

/* What lies in the folder is listed, and once. */
static void check_listed(struct run *r, const char *folder, char *const *names, size_t count)
{
    struct dirent *e;
    DIR *d = opendir(folder);
    if (d == NULL) {
        fault(r, folder, "%s", cli_reason(errno));
        return;
    }
    while ((e = readdir(d)) != NULL) {
        const char *name = e->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, MANIFEST) == 0 || strcmp(name, SIGNATURE) == 0)
            continue;
        if (bsearch(&name, names, count, sizeof *names, by_name) == NULL) {
            char *path = join(folder, name);
            fault(r, path, "%s", cli_say("tidak tercantum di manifes", "is not listed in the manifest"));
            free(path);
        }
    }
    closedir(d);
}

static void check_files(struct run *r, const char *folder, const char *manifest, const json_value *files)
{
    size_t count = json_count(files);
    char **names = listed_names(files, count);
    for (size_t i = 0; i < count; i++)
        if (!check_file(r, folder, json_at(files, i)))
            fault(r, manifest, cli_say("bukan manifes: files[%zu] salah", "is no manifest: files[%zu] is wrong"), i);
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i], names[i - 1]) == 0)
            fault(r, manifest, cli_say("mencantumkan %s lebih dari sekali", "lists %s more than once"), names[i]);
    check_listed(r, folder, names, count);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* ---- a day or month ---- */

static const char *seal_words(enum seal_check check)
{
    switch (check) {
    case SEAL_GOOD: break;
    case SEAL_MALFORMED: return cli_say("bukan tanda tangan yang utuh", "is no whole signature");
    case SEAL_OTHER_CERTIFICATE: return cli_say("dibuat dengan sertifikat lain", "was made with another certificate");
    case SEAL_NOT_VALID_THEN:
        return cli_say("sertifikatnya tidak berlaku ketika ditandatangani", "its certificate was not valid when it was made");
    case SEAL_OTHER_CONTENT:
        return cli_say("tidak sah bagi manifes ini: manifes atau tanda tangannya diubah, atau milik hari lain",
                       "does not hold for this manifest: one of them was changed, or it is another day's");
    }
    return "?";
}

static void check_signature(struct run *r, struct edition *e, const struct buf *manifest)
{
    char detail[200];
    struct content c;
    struct buf der;
    buf_init(&der, SIGNATURE_MAX);
    char *path = join(e->path, SIGNATURE);
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        if (r->trust != NULL)
            fault(r, path, "%s", cli_say("tidak ada: manifes tidak ditandatangani", "is missing: the manifest is not signed"));
    } else if (r->trust == NULL) {
        r->unchecked_seals++;
    } else {
        const char *reason = read_through(path, &c, &der);
        enum seal_check check = reason != NULL ? SEAL_MALFORMED
                                               : seal_check(r->trust, manifest->data, manifest->len, der.data, der.len, detail,
                                                            sizeof detail);
        if (reason != NULL)
            fault(r, path, "%s", reason);
        else if (check != SEAL_GOOD)
            fault(r, path, "%s%s%s", seal_words(check), detail[0] != '\0' ? ": " : "", detail);
        e->sealed = reason == NULL && check == SEAL_GOOD;
        r->good_seals += e->sealed;
    }
    free(path);
    buf_fini(&der);
}

/* The characters of a day or month that text begins with, and nothing or a '.' after it; 0: neither. */
static size_t period_chars(const char *text)
{
    size_t n = 0;
    while (n < PERIOD_CAP - 1 && (n == 4 || n == 7 ? text[n] == '-' : text[n] >= '0' && text[n] <= '9'))
        n++;
    return (n == 7 || n == 10) && (text[n] == '\0' || text[n] == '.') ? n : 0;
}

/* "2031-03-03", "2031-03.v2". Any other name: false. */
static bool parse_name(const char *name, char ret_period[PERIOD_CAP], long *ret_version)
{
    size_t n = period_chars(name);
    const char *rest = name + n;
    char *end = NULL;
    if (n == 0)
        return false;
    *ret_version = 1;
    if (rest[0] != '\0') {
        if (strncmp(rest, ".v", 2) != 0 || rest[2] < '1' || rest[2] > '9')
            return false;
        *ret_version = strtol(rest + 2, &end, 10);
        if (*end != '\0' || *ret_version < 2 || strlen(rest + 2) > 6)
            return false;
    }
    memcpy(ret_period, name, n);
    ret_period[n] = '\0';
    return true;
}

static bool is_period(const char *text)
{
    return strlen(text) == period_chars(text) && text[0] != '\0';
}

/* Does it end before a day, or month, that signatures are asked for from? A month does when that lies in a later one. */
static bool before(const char *period, const char *from)
{
    return strncmp(period, from, strlen(period)) < 0;
}

/* Takes from the manifest what the chain needs. NULL, or which member is not as it should be. */
static const char *read_head(struct edition *e, const json_value *m, char ret_period[PERIOD_CAP], int64_t *ret_version)
{
    char format[32];
    const json_value *previous = json_member(m, "previous_manifest_sha256");
    const char *what = json_member(m, "month") != NULL ? "month" : "day";
    if (!get_text(m, "format", format, sizeof format) || strcmp(format, FORMAT) != 0)
        return "format";
    if (!get_text(m, "government", e->government, sizeof e->government) || e->government[0] == '\0')
        return "government";
    if (!get_text(m, what, ret_period, PERIOD_CAP) || !is_period(ret_period) || (strlen(ret_period) == 7) != (what[0] == 'm'))
        return what;
    if (!json_get_int(json_member(m, "version"), ret_version) || *ret_version < 1)
        return "version";
    if (json_kind_of(json_member(m, "files")) != JSON_KIND_ARRAY)
        return "files";
    if (previous == NULL || (json_kind_of(previous) != JSON_KIND_NULL &&
                             (!get_text(m, "previous_manifest_sha256", e->previous, sizeof e->previous) || !is_hash(e->previous))))
        return "previous_manifest_sha256";
    return NULL;
}

/* A manifest that was read as JSON, and what it lists. named: the folder's name says which day and version it must be. */
static void check_manifest(struct run *r, struct edition *e, const char *path, const json_value *m, bool named)
{
    char period[PERIOD_CAP];
    int64_t version = 0;
    const char *wrong = read_head(e, m, period, &version);
    if (wrong != NULL) {
        fault(r, path, cli_say("bukan manifes: %s tidak ada atau salah", "is no manifest: %s is missing or wrong"), wrong);
        return;
    }
    e->read = true;
    if (named && (strcmp(period, e->period) != 0 || version != e->version))
        fault(r, path, cli_say("manifes hari lain: %s versi %lld", "is another day's manifest: %s version %lld"), period,
              (long long)version);
    else
        memcpy(e->period, period, sizeof period);
    check_files(r, e->path, path, json_member(m, "files"));
}

static void check_edition(struct run *r, struct edition *e, bool named)
{
    struct buf text;
    struct content c;
    struct json_error je;
    buf_init(&text, MANIFEST_MAX);
    char *path = join(e->path, MANIFEST);
    const char *reason = read_through(path, &c, &text);
    if (reason != NULL) {
        fault(r, path, "%s", reason);
    } else {
        struct json_doc *doc = json_parse(text.data, text.len, 8, &je);
        memcpy(e->hash, c.sha256, sizeof e->hash);
        if (doc == NULL)
            fault(r, path, cli_say("bukan manifes: %s", "is no manifest: %s"), je.reason);
        else
            check_manifest(r, e, path, json_root(doc), named);
        json_doc_free(doc);
        if (!before(e->period, r->signed_from))
            check_signature(r, e, &text);
    }
    if (strlen(e->period) == 7)
        r->months++;
    else
        r->days++;
    free(path);
    buf_fini(&text);
}

/* ---- a government ---- */

/* Days first, then months. */
static int by_version(const void *a, const void *b)
{
    const struct edition *x = a, *y = b;
    size_t m = strlen(x->period), n = strlen(y->period);
    int periods = m != n ? (m < n) - (m > n) : strcmp(x->period, y->period);
    return periods != 0 ? periods : (x->version > y->version) - (x->version < y->version);
}

/* The folders of a government, sorted. What else lies there is told, but for a folder that nightly is just writing. */
static struct edition *list_editions(struct run *r, const char *folder, size_t *ret_count)
{
    struct edition *all = NULL;
    size_t count = 0;
    struct dirent *d;
    DIR *dir = opendir(folder);
    if (dir == NULL)
        fault(r, folder, "%s", cli_reason(errno));
    while (dir != NULL && (d = readdir(dir)) != NULL) {
        struct edition e = {.before = NONE};
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 || (d->d_name[0] == '.' && has_end(d->d_name, ".part")))
            continue;
        e.path = join(folder, d->d_name);
        struct edition *grown = parse_name(d->d_name, e.period, &e.version) ? realloc(all, (count + 1) * sizeof *all) : NULL;
        if (grown == NULL) {
            fault(r, e.path, "%s", cli_say("bukan folder hari atau bulan", "is no day's or month's folder"));
            free(e.path);
            continue;
        }
        all = grown;
        all[count++] = e;
    }
    if (dir != NULL)
        closedir(dir);
    if (count > 0)
        qsort(all, count, sizeof *all, by_version);
    *ret_count = count;
    return all;
}

static void check_versions(struct run *r, const struct edition *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool same = i > 0 && strcmp(all[i].period, all[i - 1].period) == 0;
        long expected = same ? all[i - 1].version + 1 : 1;
        if (all[i].version != expected && !(r->part && !same))
            fault(r, all[i].path, cli_say("versi %ld dari %s tidak ada", "version %ld of %s is missing"), expected,
                  all[i].period);
    }
}

/* Finds each manifest's predecessor. */
static void link_chain(struct run *r, struct edition *all, size_t count)
{
    size_t first = NONE;
    for (size_t i = 0; i < count; i++) {
        struct edition *e = &all[i];
        if (!e->read)
            continue;
        if (e->previous[0] == '\0') {
            if (first != NONE)
                fault(r, e->path, cli_say("memulai rantai baru, padahal %s sudah memulainya", "begins a chain, though %s did so"),
                      all[first].path + r->top_chars);
            first = i;
            continue;
        }
        for (size_t j = 0; j < count && e->before == NONE; j++)
            if (strcmp(all[j].hash, e->previous) == 0)
                e->before = j;
        if (e->before == NONE && r->part && first == NONE)
            first = i;
        else if (e->before == NONE)
            fault(r, e->path, cli_say("rantai putus: manifes sebelumnya (SHA-256 %s) tidak ada atau diubah",
                                      "the chain is broken: the manifest before (SHA-256 %s) is missing or was changed"),
                  e->previous);
        for (size_t j = 0; j < i && e->before != NONE; j++)
            if (all[j].before == e->before)
                fault(r, e->path, cli_say("mengikuti manifes yang sama dengan %s", "follows the same manifest as %s"),
                      all[j].path + r->top_chars);
    }
}

/* Each version of a day or month comes after the one before it; where the chain is broken nothing can be said. */
static void check_order(struct run *r, const struct edition *all, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (all[i].version == 1 || !all[i].read || strcmp(all[i].period, all[i - 1].period) != 0)
            continue;
        size_t at = i, steps = 0;
        while (all[at].before != NONE && at != i - 1 && steps++ < count)
            at = all[at].before;
        if (at != i - 1 && all[at].read && all[at].previous[0] == '\0')
            fault(r, all[i].path, cli_say("mendahului versi %ld di rantai", "comes before version %ld in the chain"), all[i - 1].version);
    }
}

/* A manifest whose own signature is not asked for is vouched for by the next one in the chain that is signed. */
static void check_vouched(struct run *r, struct edition *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t at = all[i].sealed ? i : NONE; at != NONE && !all[at].vouched; at = all[at].before)
            all[at].vouched = true;
    for (size_t i = 0; i < count; i++)
        if (all[i].read && !all[i].vouched && before(all[i].period, r->signed_from))
            fault(r, all[i].path, "%s", cli_say("tidak ada manifes bertanda tangan yang menyusul dan menjaminnya",
                                                "no signed manifest follows to vouch for it"));
}

/* The one that no other names as its predecessor; named to be compared with what somebody noted earlier. A broken chain has
 * several ends, and its faults were told. */
static void tell_last(const struct edition *all, size_t count)
{
    size_t ends = 0;
    const struct edition *last = NULL;
    for (size_t i = 0; i < count; i++) {
        bool followed = false;
        for (size_t j = 0; j < count && !followed; j++)
            followed = all[j].before == i;
        ends += !followed;
        last = followed ? last : &all[i];
    }
    if (ends == 1 && last->read)
        printf(cli_say("%s: terakhir %s versi %ld, SHA-256 %s\n", "%s: last %s version %ld, SHA-256 %s\n"), last->government,
               last->period, last->version, last->hash);
}

static void check_chain(struct run *r, struct edition *all, size_t count)
{
    check_versions(r, all, count);
    link_chain(r, all, count);
    check_order(r, all, count);
    check_vouched(r, all, count);
    tell_last(all, count);
}

/* name: what the folder must be called by, if it lies in an export folder; else NULL. */
static void check_government(struct run *r, const char *folder, const char *name)
{
    size_t count;
    char called[300];
    struct edition *all = list_editions(r, folder, &count);
    const char *government = NULL;
    for (size_t i = 0; i < count; i++) {
        struct edition *e = &all[i];
        if (on_terminal())
            fprintf(stderr, "\r%zu / %zu", i + 1, count);
        check_edition(r, e, true);
        if (!e->read)
            continue;
        if (government == NULL)
            government = e->government;
        if (strcmp(e->government, government) != 0 ||
            (name != NULL && strcmp(folder_name(called, sizeof called, e->government), name) != 0))
            fault(r, e->path, cli_say("milik pemerintah lain: %s", "is another government's: %s"), e->government);
    }
    if (on_terminal() && count > 0)
        fputs("\r\033[K", stderr);
    size_t days = 0;
    while (days < count && strlen(all[days].period) != 7)
        days++;
    check_chain(r, all, days);
    check_chain(r, all + days, count - days);
    for (size_t i = 0; i < count; i++)
        free(all[i].path);
    free(all);
}

/* ---- the given folder ---- */

static bool has_editions(const char *folder)
{
    char period[PERIOD_CAP];
    long version;
    bool found = false;
    struct dirent *d;
    DIR *dir = opendir(folder);
    while (dir != NULL && !found && (d = readdir(dir)) != NULL)
        found = parse_name(d->d_name, period, &version);
    if (dir != NULL)
        closedir(dir);
    return found;
}

static void check_governments(struct run *r, const char *folder)
{
    struct dirent **names;
    struct stat st;
    int n = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        char *path = join(folder, name);
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            ;
        else if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            check_government(r, path, name);
        else
            fault(r, path, "%s", cli_say("bukan folder pemerintah", "is no government's folder"));
        free(path);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

/* top: absolute, so that its name tells what it is. */
static void check_top(struct run *r, char *top)
{
    struct edition e = {.path = top, .before = NONE};
    char *manifest = join(top, MANIFEST);
    const char *slash = strrchr(top, '/');
    bool named = slash != NULL && parse_name(slash + 1, e.period, &e.version);
    if (named || access(manifest, F_OK) == 0) {
        check_edition(r, &e, named);
        check_vouched(r, &e, 1);
    } else if (has_editions(top))
        check_government(r, top, NULL);
    else
        check_governments(r, top);
    if (r->days + r->months == 0)
        fault(r, top, "%s", cli_say("tidak ada yang diterbitkan di sini", "nothing is published here"));
    free(manifest);
}

static void tell_sum(const struct run *r)
{
    if (r->unchecked_seals > 0)
        printf(cli_say("%zu tanda tangan TIDAK diperiksa: beri --certificate BERKAS atau --ca BERKAS\n",
                       "%zu signatures were NOT checked: give --certificate FILE or --ca FILE\n"),
               r->unchecked_seals);
    printf(cli_say("%zu hari, %zu bulan, %zu berkas, %zu bertanda tangan sah; %zu kesalahan\n",
                   "%zu days, %zu months, %zu files, %zu validly signed; %zu faults\n"),
           r->days, r->months, r->files, r->good_seals, r->faults);
}

int cmd_verify(int argc, char **argv)
{
    const char *certificate = NULL, *authority = NULL, *signed_from = "";
    char error[512];
    bool part = false;
    const struct cli_option options[] = {{"--part", NULL, &part}, {"--certificate", &certificate, NULL}, {"--ca", &authority, NULL},
                                         {"--signed-from", &signed_from, NULL}};
    if (!cli_options(&argc, argv, options, 4, 1, 1) || (certificate != NULL && authority != NULL) ||
        (signed_from[0] != '\0' && (strlen(signed_from) != 10 || !is_period(signed_from))))
        return CLI_USAGE;
    struct seal_trust *trust = NULL;
    if (certificate != NULL || authority != NULL) {
        trust = seal_trust_load(certificate != NULL ? certificate : authority, authority != NULL, error, sizeof error);
        if (trust == NULL) {
            cli_error("%s", error);
            return CLI_FAILED;
        }
    }
    char *top = realpath(argv[1], NULL);
    struct run r = {.trust = trust, .signed_from = signed_from, .part = part, .top_chars = top != NULL ? strlen(top) + 1 : 0};
    if (top == NULL) {
        cli_error("%s: %s", argv[1], cli_reason(errno));
    } else {
        check_top(&r, top);
        tell_sum(&r);
    }
    free(top);
    seal_trust_free(trust);
    return r.days + r.months > 0 && r.faults == 0 && r.unchecked_seals == 0 ? CLI_DONE : CLI_FAILED;
}
