/* Sending files over libcurl, whose header stays in this folder.
 *
 * Place in the flow: `hadir deliver` has one sender for each delivery; its connection is used for all files of it. Every
 * option is set anew for each transfer: what one needed is not left for the next. */
#include "send.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "buf.h"
#include "wall.h"

#define TEXT_MAX 65536u
#define REFUSAL_MAX 200
#define ADVICE_MAX 200

struct sender {
    const struct sender_account *account;
    CURL *curl;
    int64_t until_mono_ms;
    struct curl_slist *lines; /* headers or commands of the transfer */
    char error[ADVICE_MAX + REFUSAL_MAX + CURL_ERROR_SIZE + 8];
    char detail[CURL_ERROR_SIZE]; /* libcurl's */
    char said[REFUSAL_MAX];          /* the mail server's last refusal */
};

struct sender *sender_new(const struct sender_account *a)
{
    struct sender *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->account = a;
    s->until_mono_ms = mono_now_ms() + a->total_s * 1000;
    s->curl = curl_easy_init();
    if (s->curl == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

void sender_free(struct sender *s)
{
    if (s == NULL)
        return;
    curl_slist_free_all(s->lines);
    curl_easy_cleanup(s->curl);
    free(s);
}

const char *sender_error(const struct sender *s)
{
    return s->error;
}

static const char *say(const struct sender *s, const char *id, const char *en) __attribute__((format_arg(2), format_arg(3)));
static const char *say(const struct sender *s, const char *id, const char *en)
{
    return s->account->english ? en : id;
}

static bool fail(struct sender *s, const char *reason)
{
    snprintf(s->error, sizeof s->error, "%s", reason);
    return false;
}

static bool has_scheme(const struct sender *s, const char *scheme)
{
    size_t n = strlen(scheme);
    return strncmp(s->account->url, scheme, n) == 0 && strncmp(s->account->url + n, "://", 3) == 0;
}

/* This machine by one of its usual names: only there nobody can listen in. */
static bool to_this_machine(const struct sender *s)
{
    char *host = NULL;
    CURLU *u = curl_url();
    bool same = u != NULL && curl_url_set(u, CURLUPART_URL, s->account->url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                (strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 || strcasecmp(host, "localhost") == 0);
    curl_free(host);
    curl_url_cleanup(u);
    return same;
}

/* A private key that others can read is no secret. */
static bool key_is_private(struct sender *s)
{
    struct stat st;
    if (stat(s->account->key, &st) != 0)
        return fail(s, say(s, "berkas kunci (key) tidak ada", "the key file is not there"));
    return (st.st_mode & 077) == 0 ||
           fail(s, say(s, "berkas kunci (key) dapat dijangkau orang lain: chmod 600", "the key file can be reached by others: chmod 600"));
}

static size_t forget(char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes, (void)arg;
    return size * count;
}

/* Lines of a mail server; those from 400 on are refusals. */
static size_t on_line(char *bytes, size_t size, size_t count, void *arg)
{
    struct sender *s = arg;
    size_t len = size * count;
    if (len > 3 && (bytes[0] == '4' || bytes[0] == '5') && strspn(bytes, "0123456789") == 3)
        snprintf(s->said, sizeof s->said, "%.*s", (int)strcspn(bytes, "\r\n"), bytes);
    return len;
}

static long seconds_left(const struct sender *s)
{
    int64_t left_ms = s->until_mono_ms - mono_now_ms();
    return left_ms >= 1000 ? (long)(left_ms / 1000) : 0;
}

static void set_text(CURL *curl, CURLoption option, const char *value)
{
    if (value != NULL)
        curl_easy_setopt(curl, option, value);
}

/* What all transfers have in common. Keeps the connection, nothing else. */
static bool begin(struct sender *s, const char *url)
{
    const struct sender_account *a = s->account;
    CURL *c = s->curl;
    curl_slist_free_all(s->lines);
    s->lines = NULL;
    s->detail[0] = s->said[0] = s->error[0] = '\0';
    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https,sftp,smtp,smtps");
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s->detail);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, forget);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, a->silence_s);
    curl_easy_setopt(c, CURLOPT_SERVER_RESPONSE_TIMEOUT, a->silence_s);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, a->silence_s);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, seconds_left(s));
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    set_text(c, CURLOPT_CAINFO, a->ca);
    set_text(c, CURLOPT_USERNAME, a->user);
    set_text(c, CURLOPT_PASSWORD, a->password);
    if (seconds_left(s) == 0)
        return fail(s, say(s, "terlalu lama", "it took too long"));
    if (has_scheme(s, "http") && !to_this_machine(s))
        return fail(s, say(s, "http:// hanya ke mesin ini sendiri; pakai https://", "http:// only to this machine itself; use https://"));
    if (!has_scheme(s, "sftp"))
        return true;
    if (a->known_hosts == NULL)
        return fail(s, say(s, "known_hosts tidak diisi di berkas tujuan: kunci host server harus sudah dikenal",
                           "known_hosts is not set in the target's file: the server's host key must be known"));
    curl_easy_setopt(c, CURLOPT_SSH_KNOWNHOSTS, a->known_hosts);
    curl_easy_setopt(c, CURLOPT_SSH_AUTH_TYPES, a->key != NULL ? (long)CURLSSH_AUTH_PUBLICKEY : (long)CURLSSH_AUTH_PASSWORD);
    set_text(c, CURLOPT_SSH_PRIVATE_KEYFILE, a->key);
    set_text(c, CURLOPT_KEYPASSWD, a->key_password);
    return a->key == NULL || key_is_private(s);
}

static const char *check_access(const struct sender *s)
{
    return say(s, "ditolak; periksa pengguna, kata sandi, token atau kunci di berkas tujuan",
               "not let in; check user, password, token or key in the target's file");
}

static const char *disk_full(const struct sender *s)
{
    return say(s, "disk penerima penuh", "the receiver's disk is full");
}

/* What libcurl's reason means here; NULL: it speaks for itself. */
static const char *advice(const struct sender *s, CURLcode code)
{
    switch (code) {
    case CURLE_LOGIN_DENIED:
    case CURLE_AUTH_ERROR:
        return check_access(s);
    case CURLE_REMOTE_DISK_FULL:
        return disk_full(s);
    case CURLE_REMOTE_ACCESS_DENIED:
        return say(s, "pengguna itu tidak boleh menulis di folder tujuan", "that user may not write into the folder there");
    case CURLE_PEER_FAILED_VERIFICATION:
        if (has_scheme(s, "sftp"))
            return say(s, "kunci host server bukan yang ada di known_hosts; tanyakan dahulu kepada pengelolanya",
                       "the server's host key is not the one in known_hosts; ask its people first");
        return say(s, "sertifikat server tidak dipercaya; periksa ca di berkas tujuan",
                   "the server's certificate is not trusted; check ca in the target's file");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return say(s, "server tidak terjangkau; periksa alamat dan jaringan", "the server cannot be reached; check address and network");
    case CURLE_OPERATION_TIMEDOUT:
        return say(s, "terlalu lama; periksa jaringan, atau timeout_s di berkas tujuan",
                   "it took too long; check the network, or timeout_s in the target's file");
    default:
        return NULL;
    }
}

static bool refused(struct sender *s, CURLcode code)
{
    const char *what = advice(s, code);
    snprintf(s->error, sizeof s->error, "%s%s%s%s%s%s", what != NULL ? what : "", what != NULL ? " (" : "",
             s->detail[0] != '\0' ? s->detail : curl_easy_strerror(code), s->said[0] != '\0' ? ": " : "", s->said, what != NULL ? ")" : "");
    return false;
}

static bool perform(struct sender *s)
{
    long status = 0;
    CURLcode code = curl_easy_perform(s->curl);
    if (code != CURLE_OK)
        return refused(s, code);
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    if ((has_scheme(s, "http") || has_scheme(s, "https")) && (status < 200 || status > 299)) {
        const char *what = status == 401 || status == 403 ? check_access(s) : status == 507 ? disk_full(s) : NULL;
        snprintf(s->error, sizeof s->error, say(s, "server menjawab %ld%s%s", "the server answered %ld%s%s"), status,
                 what != NULL ? ": " : "", what != NULL ? what : "");
        return false;
    }
    return true;
}

static bool add_line(struct sender *s, const char *line)
{
    struct curl_slist *longer = line != NULL ? curl_slist_append(s->lines, line) : NULL;
    if (longer != NULL)
        s->lines = longer;
    return longer != NULL || fail(s, say(s, "memori tidak cukup", "memory is short"));
}

/* ---- files ---- */

/* The account's url, a slash, and path with each part escaped; more: at its end. */
static bool url_of(struct sender *s, const char *path, const char *more, struct buf *url)
{
    size_t n = strlen(s->account->url);
    while (n > 0 && s->account->url[n - 1] == '/')
        n--;
    (void)buf_add(url, s->account->url, n);
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        char *part = curl_easy_escape(s->curl, path, (int)len);
        (void)buf_printf(url, "/%s", part != NULL ? part : "");
        curl_free(part);
        path += len + (path[len] == '/');
    }
    (void)buf_puts(url, more);
    return buf_str(url) != NULL || fail(s, say(s, "alamatnya terlalu panjang", "the address is too long"));
}

/* The path of a url as a quoted word of an SFTP command. Paths below the home folder are relative there. */
static bool quoted_path(struct sender *s, const char *url, struct buf *word)
{
    char *path = NULL;
    CURLU *u = curl_url();
    bool ok = u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_PATH, &path, CURLU_URLDECODE) == CURLUE_OK;
    buf_putc(word, '"');
    for (const char *p = path == NULL ? "" : strncmp(path, "/~/", 3) == 0 ? path + 3 : path; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            buf_putc(word, '\\');
        buf_putc(word, *p);
    }
    buf_putc(word, '"');
    curl_free(path);
    curl_url_cleanup(u);
    return (ok && buf_str(word) != NULL) || fail(s, say(s, "alamatnya terlalu panjang", "the address is too long"));
}

/* After the upload: the name of before goes, if there is one, and the new file takes it. */
static bool rename_after(struct sender *s, const char *from_url, const char *to_url)
{
    struct buf from, to, line;
    buf_init(&from, TEXT_MAX);
    buf_init(&to, TEXT_MAX);
    buf_init(&line, 2 * TEXT_MAX);
    bool ok = quoted_path(s, from_url, &from) && quoted_path(s, to_url, &to) && buf_printf(&line, "*rm %s", buf_str(&to)) &&
              add_line(s, buf_str(&line));
    buf_clear(&line);
    ok = ok && buf_printf(&line, "rename %s %s", buf_str(&from), buf_str(&to)) && add_line(s, buf_str(&line));
    if (ok)
        curl_easy_setopt(s->curl, CURLOPT_POSTQUOTE, s->lines);
    buf_fini(&from);
    buf_fini(&to);
    buf_fini(&line);
    return ok;
}

static bool http_headers(struct sender *s, const char *key)
{
    char line[TEXT_MAX / 16];
    snprintf(line, sizeof line, "Idempotency-Key: %s", key);
    bool ok = add_line(s, line) && add_line(s, "Expect:");
    if (ok && s->account->token != NULL) {
        int n = snprintf(line, sizeof line, "Authorization: Bearer %s", s->account->token);
        ok = (n > 0 && (size_t)n < sizeof line) ? add_line(s, line) : fail(s, say(s, "token terlalu panjang", "the token is too long"));
        explicit_bzero(line, sizeof line);
    }
    curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->lines);
    return ok;
}

static bool upload(struct sender *s, const char *file)
{
    struct stat st;
    FILE *f = fopen(file, "rb");
    if (f == NULL || fstat(fileno(f), &st) != 0) {
        if (f != NULL)
            fclose(f);
        snprintf(s->error, sizeof s->error, say(s, "%.200s: tidak terbaca", "%.200s: unreadable"), file);
        return false;
    }
    curl_easy_setopt(s->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(s->curl, CURLOPT_READDATA, f);
    curl_easy_setopt(s->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)st.st_size);
    bool ok = perform(s);
    fclose(f);
    return ok;
}

bool sender_put(struct sender *s, const char *file, const char *path, const char *key, bool apart)
{
    struct buf url, beside;
    bool sftp = has_scheme(s, "sftp");
    buf_init(&url, TEXT_MAX);
    buf_init(&beside, TEXT_MAX);
    bool ok = url_of(s, path, "", &url) && url_of(s, path, ".part", &beside) &&
              begin(s, buf_str(sftp && apart ? &beside : &url));
    if (ok && sftp) {
        curl_easy_setopt(s->curl, CURLOPT_FTP_CREATE_MISSING_DIRS, 1L);
        curl_easy_setopt(s->curl, CURLOPT_NEW_FILE_PERMS, 0640L);
        curl_easy_setopt(s->curl, CURLOPT_NEW_DIRECTORY_PERMS, 0750L);
        ok = !apart || rename_after(s, buf_str(&beside), buf_str(&url));
    } else if (ok) {
        ok = http_headers(s, key);
    }
    ok = ok && upload(s, file);
    buf_fini(&url);
    buf_fini(&beside);
    return ok;
}

/* ---- mail ---- */

static bool mail_headers(struct sender *s, const struct sender_mail *m)
{
    char line[1200];
    const char *const headers[][2] = {{"From", m->from}, {"To", m->to}, {"Subject", m->subject}, {"Date", m->date}};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        int n = snprintf(line, sizeof line, "%s: %s", headers[i][0], headers[i][1]);
        if (n < 0 || (size_t)n >= 990) /* RFC 5322: a line has at most 998 characters */
            return fail(s, say(s, "alamatnya terlalu banyak", "too many addresses"));
        if (!add_line(s, line))
            return false;
    }
    snprintf(line, sizeof line, "Message-ID: <%s>", m->message_id);
    return add_line(s, line) && add_line(s, "Auto-Submitted: auto-generated");
}

static struct curl_slist *recipients(const char *to)
{
    struct curl_slist *list = NULL;
    char one[400];
    while (*to != '\0') {
        size_t len = strcspn(to, ",");
        snprintf(one, sizeof one, "<%.*s>", (int)len, to);
        struct curl_slist *longer = curl_slist_append(list, one);
        list = longer != NULL ? longer : list;
        to += len + (to[len] == ',');
    }
    return list;
}

static bool add_part(curl_mime *mime, const char *text, const struct sender_part *p)
{
    curl_mimepart *part = curl_mime_addpart(mime);
    if (part == NULL)
        return false;
    if (p == NULL)
        return curl_mime_data(part, text, CURL_ZERO_TERMINATED) == CURLE_OK &&
               curl_mime_type(part, "text/plain; charset=utf-8") == CURLE_OK && curl_mime_encoder(part, "quoted-printable") == CURLE_OK;
    return curl_mime_filedata(part, p->file) == CURLE_OK && curl_mime_filename(part, p->name) == CURLE_OK &&
           curl_mime_type(part, "application/octet-stream") == CURLE_OK && curl_mime_encoder(part, "base64") == CURLE_OK;
}

bool sender_mail(struct sender *s, const struct sender_mail *m)
{
    char from[400];
    if (!begin(s, s->account->url))
        return false;
    curl_mime *mime = curl_mime_init(s->curl);
    struct curl_slist *to = recipients(m->to);
    bool ok = mime != NULL && to != NULL && add_part(mime, m->text, NULL);
    for (size_t i = 0; ok && i < m->count; i++)
        ok = add_part(mime, NULL, &m->parts[i]);
    if (!ok)
        fail(s, say(s, "lampiran tidak terbaca, atau memori tidak cukup", "an attachment is unreadable, or memory is short"));
    ok = ok && mail_headers(s, m);
    if (ok) {
        snprintf(from, sizeof from, "<%s>", m->from);
        curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, s->lines);
        curl_easy_setopt(s->curl, CURLOPT_MIMEPOST, mime);
        curl_easy_setopt(s->curl, CURLOPT_MAIL_FROM, from);
        curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, to);
        curl_easy_setopt(s->curl, CURLOPT_HEADERFUNCTION, on_line);
        curl_easy_setopt(s->curl, CURLOPT_HEADERDATA, s);
        curl_easy_setopt(s->curl, CURLOPT_USE_SSL, to_this_machine(s) ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
        ok = perform(s);
    }
    curl_easy_setopt(s->curl, CURLOPT_MIMEPOST, NULL);
    curl_mime_free(mime);
    curl_slist_free_all(to);
    return ok;
}
