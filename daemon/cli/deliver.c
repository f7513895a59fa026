/* hadir deliver: brings what was published to where governments want it: a folder, SFTP, HTTPS, mail.
 *
 * Place in the flow: api.export_record puts a delivery into hadir.export_delivery for each target there is; this takes them out.
 * `hadir nightly` calls it when its days are published and its lock is given back; `hadir deliver` has a timer of minutes.
 *   Each target has a process of its own: one that hangs or refuses holds up nobody else; an advisory lock per target keeps two
 *   runs from sending the same.
 *   A try sends every file that the manifest lists, the signature, and the manifest last: where it is, all is. It is bounded in
 *   time, and recorded: delivered, or failed with the reason and when it is tried again (api.delivery_failed).
 *   After a failure the target is left alone for this run.
 * Killed anywhere, the next run tries again: files go to the same names with the same bytes, over HTTPS with the same
 * Idempotency-Key, mail with the same Message-ID. */
#include "deliver.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "digest.h"
#include "file.h"
#include "folder.h"
#include "send.h"
#include "wall.h"

#define MANIFEST "manifest.json"
#define SIGNATURE "manifest.json.p7s"
#define MANIFEST_MAX ((size_t)64 << 20)
#define ERROR_MAX 2000u
#define PROCESSES_MAX 8         /* targets at a time */
#define TRY_S 1500      /* for one try */
#define MAIL_BYTES_MAX ((int64_t)15 << 20) /* of attachments, before base64 makes them a third longer */
#define MAIL_FILES_MAX 64
#define MAIL_TEXT_MAX ((size_t)4 << 20)

struct target {
    const char *id, *government, *name, *url, *formats, *from, *to;
};

/* One try. */
struct try {
    const struct target *target;
    const char *run, *period, *version, *folder, *recorded_at;
    const char *path; /* GOVERNMENT/PERIOD, of the folder there */
    const json_value *files; /* of the manifest */
    struct sender_account account;
    struct buf error;
};

static bool failed(struct try *t, const char *reason)
{
    buf_clear(&t->error);
    (void)buf_puts(&t->error, reason);
    return false;
}

/* Name and hash of a listed file. false: the manifest is malformed. */
static bool listed(const struct try *t, size_t i, char name[256], char sha256[FOLDER_HASH_CAP])
{
    struct text n, h;
    const json_value *file = json_at(t->files, i);
    if (!json_get_string(json_member(file, "name"), &n) || !json_get_string(json_member(file, "sha256"), &h) || n.len > 255 ||
        h.len != FOLDER_HASH_CAP - 1 || memchr(n.s, '/', n.len) != NULL)
        return false;
    snprintf(name, 256, "%.*s", (int)n.len, n.s);
    snprintf(sha256, FOLDER_HASH_CAP, "%.*s", (int)h.len, h.s);
    return true;
}

static bool hash_of(const char *path, char sha256[FOLDER_HASH_CAP])
{
    uint8_t chunk[65536], hash[SHA256_BYTES];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    struct digest_stream *digest = digest_stream_new();
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        digest_stream_add(digest, chunk, n);
    bool ok = !ferror(f);
    fclose(f);
    digest_stream_end(digest, hash);
    encode_hex(sha256, FOLDER_HASH_CAP, hash, sizeof hash);
    return ok;
}

/* Calls each with every file, the signature, and the manifest last. */
typedef bool (*file_cb)(struct try *t, const char *name, const char *path, const char *sha256, void *arg);
static bool each_file(struct try *t, file_cb each, void *arg)
{
    char name[256], path[8192], listed_hash[FOLDER_HASH_CAP], hash[FOLDER_HASH_CAP];
    size_t count = json_count(t->files);
    for (size_t i = 0; i < count + 2; i++) {
        snprintf(name, sizeof name, "%s", i == count ? SIGNATURE : MANIFEST);
        if (i < count && !listed(t, i, name, listed_hash))
            return failed(t, cli_say("manifes rusak", "the manifest is malformed"));
        snprintf(path, sizeof path, "%s/%s", t->folder, name);
        if (i == count && access(path, F_OK) != 0)
            continue; /* unsigned */
        if (!hash_of(path, hash) || (i < count && strcmp(hash, listed_hash) != 0)) {
            buf_clear(&t->error);
            (void)buf_printf(&t->error, cli_say("%s: tidak ada, atau diubah setelah diterbitkan",
                                                "%s: is missing, or was changed since it was published"), path);
            return false;
        }
        if (!each(t, name, path, hash, arg))
            return false;
    }
    return true;
}

/* ---- a folder of this machine ---- */

static bool copy_file(struct try *t, const char *name, const char *path, const char *sha256, void *arg)
{
    const struct folder *to = arg;
    struct folder_file out;
    uint8_t chunk[65536];
    char hash[FOLDER_HASH_CAP];
    size_t n;
    FILE *f = fopen(path, "rb");
    if (f == NULL || !folder_file_begin(&out, to, name)) {
        if (f != NULL)
            fclose(f);
        return failed(t, f == NULL ? cli_say("ada berkas yang tidak terbaca", "a file is unreadable") : cli_last_error());
    }
    bool ok = true;
    while (ok && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
        ok = folder_file_write(&out, chunk, n);
    ok = ok && !ferror(f);
    fclose(f);
    ok = folder_file_end(&out, ok, hash) && strcmp(hash, sha256) == 0;
    return ok || failed(t, cli_last_error());
}

/* A folder that is there stays as it is, also when it was damaged: only who keeps it may remove it. */
static bool is_there(struct try *t, const char *name, const char *path, const char *sha256, void *arg)
{
    const struct folder *to = arg;
    char there[8192], hash[FOLDER_HASH_CAP];
    (void)path;
    snprintf(there, sizeof there, "%s/%s", to->final, name);
    if (hash_of(there, hash) && strcmp(hash, sha256) == 0)
        return true;
    buf_clear(&t->error);
    (void)buf_printf(&t->error, cli_say("%s: tidak ada, atau isinya lain; tidak ditimpa: hapus folder itu, nanti dikirim sekali lagi",
                                        "%s: is missing, or has other content; not overwritten: remove that folder, and it is brought once more"), there);
    return false;
}

/* The folder itself must be there: one that is not mounted is not to be made. */
static bool to_folder(struct try *t)
{
    char parent[4096];
    struct stat st;
    struct folder to;
    const char *top = t->target->url + strlen("file://"), *slash = strchr(t->path, '/');
    bool there = stat(top, &st) == 0;
    if (!there || !S_ISDIR(st.st_mode)) {
        (void)buf_printf(&t->error, "%s: %s", top, there ? cli_say("bukan folder", "is no folder")
                         : errno == ENOENT ? cli_say("tidak ada", "is not there") : cli_reason(errno));
        return false;
    }
    snprintf(parent, sizeof parent, "%s/%.*s", top, (int)(slash - t->path), t->path);
    if (!folder_init(&to, parent, slash + 1))
        return failed(t, cli_last_error());
    if (stat(to.final, &st) == 0) /* the run that made it may have been killed before the parent was on the disk */
        return each_file(t, is_there, &to) && (file_sync_folder(parent) || failed(t, cli_reason(errno)));
    if (!folder_begin(&to, parent))
        return failed(t, cli_last_error());
    return each_file(t, copy_file, &to) && (folder_publish(&to, parent, MANIFEST) || failed(t, cli_last_error()));
}

/* ---- SFTP and HTTPS ---- */

static bool put_file(struct try *t, const char *name, const char *path, const char *sha256, void *arg)
{
    char there[600], text[700], key[FOLDER_HASH_CAP];
    uint8_t hash[SHA256_BYTES];
    struct sender *s = arg;
    snprintf(there, sizeof there, "%s/%s", t->path, name);
    int n = snprintf(text, sizeof text, "%s\n%s", there, sha256);
    digest_sha256(text, (size_t)n, hash);
    encode_hex(key, sizeof key, hash, sizeof hash);
    if (sender_put(s, path, there, key, strcmp(name, MANIFEST) == 0))
        return true;
    buf_clear(&t->error);
    (void)buf_printf(&t->error, "%s: %s", name, sender_error(s));
    return false;
}

static bool to_server(struct try *t)
{
    struct sender *s = sender_new(&t->account);
    bool ok = s != NULL ? each_file(t, put_file, s) : failed(t, cli_say("memori tidak cukup", "memory is short"));
    sender_free(s);
    return ok;
}

/* ---- mail ---- */

struct mail {
    struct sender_part parts[MAIL_FILES_MAX];
    size_t count;
    int64_t bytes;
    struct buf text;
    char manifest_sha256[FOLDER_HASH_CAP];
};

static bool wanted(const struct try *t, const char *name)
{
    const char *ending = strrchr(name, '.');
    size_t n = ending != NULL ? strlen(ending + 1) : 0;
    if (strcmp(name, MANIFEST) == 0 || strcmp(name, SIGNATURE) == 0)
        return true;
    for (const char *f = t->target->formats; n > 0 && f != NULL && *f != '\0'; f += strcspn(f, ",") + (f[strcspn(f, ",")] == ','))
        if (strcspn(f, ",") == n && strncmp(f, ending + 1, n) == 0)
            return true;
    return false;
}

/* Manifest and signature always find room. */
static bool attach(struct try *t, const char *name, const char *path, const char *sha256, void *arg)
{
    struct mail *m = arg;
    struct stat st;
    bool proof = strncmp(name, MANIFEST, strlen(MANIFEST)) == 0;
    if (strcmp(name, MANIFEST) == 0)
        snprintf(m->manifest_sha256, sizeof m->manifest_sha256, "%s", sha256);
    if (!wanted(t, name))
        return true;
    if (stat(path, &st) != 0)
        return failed(t, cli_say("ada berkas yang tidak terbaca", "a file is unreadable"));
    if (!proof && (m->bytes + st.st_size > MAIL_BYTES_MAX || m->count + 2 >= MAIL_FILES_MAX)) {
        (void)buf_printf(&m->text, cli_say("Tidak dilampirkan, terlalu besar bersama yang lain: %s\r\n",
                                           "Not attached, too much with the others: %s\r\n"), name);
        return true;
    }
    m->bytes += st.st_size;
    struct sender_part *p = &m->parts[m->count++];
    p->file = strdup(path);
    p->name = strdup(name);
    return (p->file != NULL && p->name != NULL) || failed(t, cli_say("memori tidak cukup", "memory is short"));
}

static bool send_mail(struct try *t, struct mail *m)
{
    char subject[200], id[300], text[700], hex[FOLDER_HASH_CAP], stem[100];
    uint8_t hash[SHA256_BYTES];
    int n = snprintf(text, sizeof text, "%s\n%s\n%s\n%s", t->path, m->manifest_sha256, t->target->name, t->target->to);
    digest_sha256(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1, hash);
    encode_hex(hex, sizeof hex, hash, sizeof hash);
    snprintf(id, sizeof id, "%.32s@%.200s", hex, strchr(t->target->from, '@') + 1);
    snprintf(subject, sizeof subject, "hadir: %s %s, %s %s", folder_name(stem, sizeof stem, t->target->government), t->period,
             cli_say("versi", "version"), t->version);
    (void)buf_printf(&m->text, "\r\nmanifest.json: SHA-256 %s\r\n", m->manifest_sha256);
    const struct sender_mail mail = {.from = t->target->from, .to = t->target->to, .subject = subject, .message_id = id,
                                     .date = t->recorded_at, .text = buf_str(&m->text), .parts = m->parts, .count = m->count};
    struct sender *s = mail.text != NULL ? sender_new(&t->account) : NULL;
    bool ok = s != NULL ? sender_mail(s, &mail) || failed(t, sender_error(s)) : failed(t, cli_say("memori tidak cukup", "memory is short"));
    sender_free(s);
    return ok;
}

static bool to_mail(struct try *t)
{
    struct mail *m = calloc(1, sizeof *m);
    if (m == NULL)
        return failed(t, cli_say("memori tidak cukup", "memory is short"));
    buf_init(&m->text, MAIL_TEXT_MAX);
    (void)buf_printf(&m->text, cli_say("Laporan kehadiran %s, %s, versi %s.\r\n\r\n", "Attendance reports of %s, %s, version %s.\r\n\r\n"),
                     t->target->government, t->period, t->version);
    bool ok = each_file(t, attach, m) && send_mail(t, m);
    for (size_t i = 0; i < m->count; i++) {
        free((char *)m->parts[i].file);
        free((char *)m->parts[i].name);
    }
    buf_fini(&m->text);
    free(m);
    return ok;
}

/* ---- one delivery ---- */

static bool has_scheme(const struct try *t, const char *scheme)
{
    return strncmp(t->target->url, scheme, strlen(scheme)) == 0;
}

static bool send_files(struct try *t)
{
    return has_scheme(t, "file:") ? to_folder(t) : has_scheme(t, "smtp") ? to_mail(t) : to_server(t);
}

/* Reads the manifest, which must be the one that was published, and sends. */
static bool send_edition(struct try *t, const char *manifest_sha256)
{
    char path[8192], hash[FOLDER_HASH_CAP];
    struct buf text;
    struct json_error e;
    snprintf(path, sizeof path, "%s/%s", t->folder, MANIFEST);
    if (!hash_of(path, hash) || strcmp(hash, manifest_sha256) != 0)
        return failed(t, cli_say("manifes tidak ada, atau diubah setelah diterbitkan",
                                 "the manifest is missing, or was changed since it was published"));
    buf_init(&text, MANIFEST_MAX);
    struct json_doc *doc = cli_read_file(path, &text) ? json_parse(text.data, text.len, 8, &e) : NULL;
    t->files = json_member(json_root(doc), "files");
    bool ok = doc != NULL ? send_files(t) : failed(t, cli_say("manifes rusak", "the manifest is malformed"));
    json_doc_free(doc);
    buf_fini(&text);
    return ok;
}

/* The last two names of its folder: the same folders there as here. */
static const char *path_there(const char *folder)
{
    const char *last = strrchr(folder, '/');
    if (last == NULL)
        return NULL;
    while (last > folder && last[-1] != '/')
        last--;
    return strchr(last, '/') != NULL ? last : NULL;
}

static bool try_delivery(struct try *t, const char *manifest_sha256)
{
    struct target_secrets secrets;
    t->path = path_there(t->folder);
    if (t->path == NULL)
        return failed(t, cli_say("foldernya tidak bernama", "the folder has no name"));
    if (!target_secrets_read(cli_conf(), t->target->government, t->target->name, &secrets, &t->error))
        return false;
    t->account = (struct sender_account){.url = t->target->url, .user = secrets.user, .password = secrets.password,
                                         .token = secrets.token, .key = secrets.key, .key_password = secrets.key_password,
                                         .known_hosts = secrets.known_hosts, .ca = secrets.ca,
                                         .english = strcmp(cli_say("id", "en"), "en") == 0,
                                         .silence_s = secrets.timeout_s, .total_s = TRY_S};
    bool ok = send_edition(t, manifest_sha256);
    target_secrets_wipe(&secrets);
    return ok;
}

/* Writes down how it went and says so. */
static bool record(struct session *s, struct try *t, bool done)
{
    char now[40];
    const char *reason = buf_str(&t->error);
    const char *const params[] = {t->target->id, t->run, cli_now(now, sizeof now), reason};
    struct rows *rows = done ? cli_query(s, "select api.delivery_done($1::bigint, $2::bigint, $3::timestamptz)", 3, params)
                             : cli_query(s, "select api.delivery_failed($1::bigint, $2::bigint, $4, $3::timestamptz)", 4, params);
    const char *state = rows != NULL && rows_count(rows) == 1 ? rows_get(rows, 0, 0) : NULL;
    if (done && rows != NULL)
        printf(cli_say("%s %s versi %s: terkirim ke %s\n", "%s %s version %s: delivered to %s\n"), t->target->government, t->period,
               t->version, t->target->name);
    else if (done)
        cli_error(cli_say("%s %s versi %s: sampai di %s, tetapi tidak tercatat; nanti dikirim sekali lagi",
                          "%s %s version %s: arrived at %s, but this was not written down; it is sent once more later"),
                  t->target->government, t->period, t->version, t->target->name);
    else
        cli_error(cli_say("%s %s versi %s: tidak terkirim ke %s (%s): %s", "%s %s version %s: not delivered to %s (%s): %s"),
                  t->target->government, t->period, t->version, t->target->name, cli_word(state != NULL ? state : "failed"), reason);
    fflush(stdout);
    bool ok = rows != NULL;
    rows_free(rows);
    return ok && done;
}

/* The first that is due. false: none was, or it failed, which *ret_failed tells. */
static bool next_delivery(struct session *s, const struct target *target, bool *ret_failed)
{
    static const char sql[] = "select run, period, version, folder, manifest_sha256, "
                              "to_char(recorded_at at time zone 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS \"+0000\"') "
                              "from api.delivery_next($1::bigint, $2::timestamptz)";
    char now[40];
    const char *const params[] = {target->id, cli_now(now, sizeof now)};
    struct rows *due = cli_query(s, sql, 2, params);
    bool done = false;
    *ret_failed = due == NULL;
    if (due != NULL && rows_count(due) == 1) {
        struct try t = {.target = target, .run = rows_get(due, 0, 0), .period = rows_get(due, 0, 1), .version = rows_get(due, 0, 2),
                        .folder = rows_get(due, 0, 3), .recorded_at = rows_get(due, 0, 5)};
        buf_init(&t.error, ERROR_MAX);
        done = record(s, &t, try_delivery(&t, rows_get(due, 0, 4)));
        *ret_failed = !done;
        buf_fini(&t.error);
    }
    rows_free(due);
    return done;
}

/* ---- processes ---- */

/* No try begins when it could not be written down any more. */
static bool late(int64_t until_mono_ms)
{
    return mono_now_ms() + TRY_S * 1000 >= until_mono_ms;
}

static bool deliver_target(const struct target *target, int64_t until_mono_ms)
{
    bool failed_once = false;
    struct session *s = cli_connect("hadir_nightly");
    char *locked = cli_value(s, "select pg_try_advisory_lock(hashtext('hadir deliver'), $1::int)", 1, &target->id);
    if (locked != NULL && locked[0] == 't')
        while (!late(until_mono_ms) && next_delivery(s, target, &failed_once))
            continue;
    free(locked);
    session_close(s);
    return locked != NULL && !failed_once;
}

/* In a process of its own, which ends by then whatever it hangs on. */
static bool start(const struct target *target, int64_t until_mono_ms)
{
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_IGN); /* a receiver that leaves is a reason, no end */
        alarm((unsigned)((until_mono_ms - mono_now_ms()) / 1000));
        bool ok = deliver_target(target, until_mono_ms);
        fflush(NULL);
        _exit(ok ? CLI_DONE : CLI_FAILED);
    }
    if (pid < 0)
        cli_error("fork: %s", cli_reason(errno));
    return pid > 0;
}

static bool wait_one(void)
{
    int status = 0;
    while (wait(&status) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == CLI_DONE;
}

bool deliver_due(void)
{
    char now[40];
    size_t running = 0;
    const int64_t until_mono_ms = mono_now_ms() + DELIVER_WAIT_S * 1000;
    struct session *s = cli_connect("hadir_nightly");
    const char *const at[] = {cli_now(now, sizeof now)};
    struct rows *due = cli_query(s, "select target, government, name, url, formats, mail_from, mail_to from api.targets_due($1::timestamptz)", 1, at);
    session_close(s);
    bool ok = due != NULL;
    fflush(NULL);
    for (size_t i = 0; due != NULL && i < rows_count(due); i++) {
        const struct target target = {rows_get(due, i, 0), rows_get(due, i, 1), rows_get(due, i, 2), rows_get(due, i, 3),
                                      rows_get(due, i, 4), rows_get(due, i, 5), rows_get(due, i, 6)};
        if (running == PROCESSES_MAX) {
            ok = wait_one() && ok;
            running--;
        }
        if (late(until_mono_ms))
            break; /* the next run goes on */
        bool started = start(&target, until_mono_ms);
        running += started;
        ok = started && ok;
    }
    for (; running > 0; running--)
        ok = wait_one() && ok;
    rows_free(due);
    return ok;
}
