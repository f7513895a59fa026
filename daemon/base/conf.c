/* The configuration: one alphabetical table drives reading, defaults, checks and the help text.
 *
 * inifile.c reads the lines; everything else is decided here, so that one run names every problem at once: unknown
 * and repeated keys, foreign sections, values out of range, what is missing and what does not go together. Files that
 * keys name are not opened here, except by conf_read_secret. Used before the fork; not thread-safe. */
#include "conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "inifile.h"

#define SECTION "hadird"
#define FILE_MAX 65536u
#define SECRET_MAX 4096u
#define PROBLEMS_MAX 262144u

struct row {
    const char *name, *type;
    const char *fallback; /* NULL: must be given; "": absent */
    size_t at;            /* offset in struct conf */
    int64_t min, max;     /* int */
    const char *words;    /* choice: "|a|b|" */
    const char *help;
};
#define AT(field) offsetof(struct conf, field)

/* clang-format off: one row a key, alphabetical */
static const struct row table[] = {
    {"admin_listen", "address", "127.0.0.1:8081", AT(admin_listen), 0, 0, NULL,
     "loopback address and port of metrics and health"},
    {"body_timeout_ms", "int", "30000", AT(body_timeout_ms), 100, 600000, NULL,
     "longest time for a request's body"},
    {"connections_max", "int", "20000", AT(connections_max), 1, 1000000, NULL,
     "open connections per door"},
    {"database", "text", NULL, AT(database), 0, 0, NULL,
     "libpq connection string (keywords) without user"},
    {"desks", "int", "2", AT(desks), 1, 8, NULL,
     "processes that answer questions"},
    {"directory_dir", "path", NULL, AT(directory_dir), 0, 0, NULL,
     "folder of the directory's snapshot"},
    {"doors", "int", "0", AT(doors), 0, 32, NULL,
     "processes that take check-ins; 0 = one per core"},
    {"export_certificate", "path", "", AT(export_certificate), 0, 0, NULL,
     "certificate chain that the nightly exports are signed with (PEM); absent = unsigned"},
    {"export_dir", "path", NULL, AT(export_dir), 0, 0, NULL,
     "folder of the nightly exports"},
    {"export_key", "path", "", AT(export_key), 0, 0, NULL,
     "private key of that certificate (PEM, P-256 or RSA of 3072 bits)"},
    {"handshakes_max", "int", "512", AT(handshakes_max), 1, 100000, NULL,
     "TLS handshakes in flight per door"},
    {"head_timeout_ms", "int", "10000", AT(head_timeout_ms), 100, 600000, NULL,
     "longest time for a handshake and for a request's head"},
    {"idle_timeout_ms", "int", "75000", AT(idle_timeout_ms), 100, 3600000, NULL,
     "longest silence between two requests"},
    {"language", "choice", "id", AT(language), 0, 0, "|id|en|",
     "language of messages to clients that name none: id or en"},
    {"listen", "address", "127.0.0.1:8443", AT(listen), 0, 0, NULL,
     "address and port for clients (TLS)"},
    {"log_level", "choice", "info", AT(log_level), 0, 0, "|debug|info|warn|error|",
     "least level that is logged: debug, info, warn or error"},
    {"public_url", "text", "", AT(public_url), 0, 0, NULL,
     "how clients reach this server; absent = https:// and listen"},
    {"rate_address", "int", "500", AT(rate_address), 0, 1000000, NULL,
     "requests, and new connections, per second of one address with a door, ten seconds' worth at once; 0 = no limit"},
    {"rate_all", "int", "5000", AT(rate_all), 0, 1000000, NULL,
     "requests per second that a door takes, two seconds' worth at once; 0 = no limit"},
    {"rate_failures", "int", "20", AT(rate_failures), 0, 1000000, NULL,
     "requests per second without a valid token of one address with a door, a minute's worth at once; 0 = no limit"},
    {"rate_token", "int", "20", AT(rate_token), 0, 1000000, NULL,
     "requests per second of one token with a door, a minute's worth at once; 0 = no limit"},
    {"receipt_key", "path", NULL, AT(receipt_key), 0, 0, NULL,
     "private key that signs receipts (PEM, Ed25519)"},
    {"request_timeout_ms", "int", "30000", AT(request_timeout_ms), 100, 600000, NULL,
     "longest time for an answer"},
    {"simulated_clock", "bool", "no", AT(simulated_clock), 0, 0, NULL,
     "yes allows `hadir clock` to move the clock: demonstrations only"},
    {"spool_dir", "path", NULL, AT(spool_dir), 0, 0, NULL,
     "folder of the spool, on a disk that honours fsync"},
    {"spool_free_floor_mb", "int", "256", AT(spool_free_floor_mb), 1, 1048576, NULL,
     "free space below which check-ins are refused"},
    {"spool_keep_days", "int", "8", AT(spool_keep_days), 8, 366, NULL,
     "days that rows stay in the spool after the database has them"},
    {"target_secrets", "path", "", AT(target_secrets), 0, 0, NULL,
     "folder of the files with what targets of the export ask for: passwords, keys"},
    {"tls_certificate", "path", NULL, AT(tls_certificate), 0, 0, NULL,
     "certificate chain (PEM)"},
    {"tls_key", "path", NULL, AT(tls_key), 0, 0, NULL,
     "private key of the certificate (PEM)"},
    {"whatsapp_app_secret", "path", "", AT(whatsapp_app_secret), 0, 0, NULL,
     "file with the WhatsApp app secret; absent = channel off"},
    {"whatsapp_verify_token", "path", "", AT(whatsapp_verify_token), 0, 0, NULL,
     "file with the WhatsApp webhook's verify token"},
};
/* clang-format on */
#define KEYS (sizeof table / sizeof table[0])

/* One reading of one file. */
struct load {
    struct conf *conf;
    const char *path;
    char *folder;        /* absolute, of the file */
    bool headed, ours;   /* a section was begun; it is the one */
    unsigned seen[KEYS]; /* line of the key, 0 = not yet */
    struct buf problems;
};

__attribute__((format(printf, 4, 5))) static void problem(struct load *l, unsigned line, const char *key,
                                                          const char *fmt, ...)
{
    va_list ap;
    buf_puts(&l->problems, l->path);
    if (line > 0)
        buf_printf(&l->problems, ":%u", line);
    buf_puts(&l->problems, ": ");
    if (key != NULL)
        buf_printf(&l->problems, "%s: ", key);
    va_start(ap, fmt);
    buf_vprintf(&l->problems, fmt, ap);
    va_end(ap);
    buf_putc(&l->problems, '\n');
}

static const struct row *find_row(const char *name)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* Decimal, whole, no blanks. */
static bool parse_int(const char *s, int64_t *ret)
{
    const char *digits = s[0] == '-' ? s + 1 : s;
    if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits))
        return false;
    errno = 0;
    long long v = strtoll(s, NULL, 10);
    if (errno != 0)
        return false;
    *ret = v;
    return true;
}

/* "192.0.2.1:443" or "[2001:db8::1]:443". */
static bool address_ok(const char *s, bool *ret_loopback)
{
    char host[INET6_ADDRSTRLEN + 1];
    unsigned char raw[sizeof(struct in6_addr)];
    bool six = s[0] == '[';
    const char *start = six ? s + 1 : s, *end = six ? strstr(start, "]:") : strrchr(start, ':');
    int64_t port;
    if (end == NULL || (size_t)(end - start) >= sizeof host)
        return false;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    if (inet_pton(six ? AF_INET6 : AF_INET, host, raw) != 1)
        return false;
    if (!parse_int(end + (six ? 2 : 1), &port) || port < 1 || port > 65535)
        return false;
    *ret_loopback = six ? IN6_IS_ADDR_LOOPBACK((struct in6_addr *)(void *)raw) : raw[0] == 127;
    return true;
}

static char *joined(const char *folder, const char *name)
{
    char *path = NULL;
    if (name[0] == '/')
        return strdup(name);
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static bool set_string(struct load *l, const struct row *row, unsigned line, const char *value)
{
    char **field = (char **)(void *)((char *)l->conf + row->at);
    char *copy = strcmp(row->type, "path") == 0 ? joined(l->folder, value) : strdup(value);
    if (copy == NULL) {
        problem(l, line, row->name, "memory is short");
        return false;
    }
    free(*field);
    *field = copy;
    return true;
}

static void set_int(struct load *l, const struct row *row, unsigned line, const char *value)
{
    int64_t v;
    if (!parse_int(value, &v))
        problem(l, line, row->name, "\"%s\" is not a whole number", value);
    else if (v < row->min || v > row->max)
        problem(l, line, row->name, "%s is out of range (%lld to %lld)", value, (long long)row->min,
                (long long)row->max);
    else
        *(int64_t *)(void *)((char *)l->conf + row->at) = v;
}

static void set_bool(struct load *l, const struct row *row, unsigned line, const char *value)
{
    bool yes = strcmp(value, "yes") == 0;
    if (!yes && strcmp(value, "no") != 0)
        problem(l, line, row->name, "\"%s\" is neither yes nor no", value);
    else
        *(bool *)((char *)l->conf + row->at) = yes;
}

static void set_choice(struct load *l, const struct row *row, unsigned line, const char *value)
{
    char sought[32];
    int n = snprintf(sought, sizeof sought, "|%s|", value);
    if (n < 0 || (size_t)n >= sizeof sought || strchr(value, '|') != NULL || strstr(row->words, sought) == NULL)
        problem(l, line, row->name, "\"%s\" is none of %.*s", value, (int)strlen(row->words) - 2, row->words + 1);
    else
        set_string(l, row, line, value);
}

/* Takes a value from the file (line > 0) or from the table. */
static void set_value(struct load *l, const struct row *row, unsigned line, const char *value)
{
    bool loopback;
    if (value[0] == '\0')
        problem(l, line, row->name, "has no value");
    else if (strcmp(row->type, "int") == 0)
        set_int(l, row, line, value);
    else if (strcmp(row->type, "bool") == 0)
        set_bool(l, row, line, value);
    else if (strcmp(row->type, "choice") == 0)
        set_choice(l, row, line, value);
    else if (strcmp(row->type, "address") == 0 && !address_ok(value, &loopback))
        problem(l, line, row->name, "\"%s\" is not a numeric address and port, such as 127.0.0.1:8443", value);
    else
        set_string(l, row, line, value);
}

static void on_section(void *arg, unsigned line, const char *name)
{
    struct load *l = arg;
    l->headed = true;
    l->ours = strcmp(name, SECTION) == 0;
    if (!l->ours)
        problem(l, line, NULL, "the only section is [" SECTION "]");
}

static void on_pair(void *arg, unsigned line, const char *key, const char *value)
{
    struct load *l = arg;
    if (!l->ours) {
        if (!l->headed)
            problem(l, line, key, "stands before [" SECTION "]");
        return; /* a foreign section was named when its head was read */
    }
    const struct row *row = find_row(key);
    if (row == NULL) {
        problem(l, line, key, "unknown key");
        return;
    }
    size_t i = (size_t)(row - table);
    if (l->seen[i] != 0) {
        problem(l, line, key, "given twice (first on line %u)", l->seen[i]);
        return;
    }
    l->seen[i] = line;
    set_value(l, row, line, value);
}

static void on_problem(void *arg, unsigned line, const char *reason)
{
    problem(arg, line, NULL, "%s", reason);
}

static void apply_defaults(struct load *l)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (l->seen[i] != 0)
            continue;
        if (table[i].fallback == NULL)
            problem(l, 0, table[i].name, "missing");
        else if (table[i].fallback[0] != '\0')
            set_value(l, &table[i], 0, table[i].fallback);
    }
}

static unsigned line_of(const struct load *l, const char *name)
{
    return l->seen[find_row(name) - table];
}

/* true when the connection string has this keyword. */
static bool has_keyword(const char *string, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = strstr(string, word); p != NULL; p = strstr(p + 1, word)) {
        bool begins = p == string || p[-1] == ' ' || p[-1] == '\t';
        if (begins && p[n + strspn(p + n, " \t")] == '=')
            return true;
    }
    return false;
}

static void check_public_url(struct load *l)
{
    struct conf *c = l->conf;
    if (c->public_url == NULL) {
        if (c->listen != NULL && asprintf(&c->public_url, "https://%s", c->listen) < 0) {
            c->public_url = NULL;
            problem(l, 0, "public_url", "memory is short");
        }
        return;
    }
    size_t len = strlen(c->public_url);
    if (strncmp(c->public_url, "https://", 8) != 0 || len == 8 || c->public_url[len - 1] == '/' ||
        strpbrk(c->public_url, " \t\"<>?#") != NULL)
        problem(l, line_of(l, "public_url"), "public_url", "must be https://host[:port][/path] without a slash at its end");
}

/* What single values cannot show. */
static void check_together(struct load *l)
{
    struct conf *c = l->conf;
    bool loopback = true;
    if (c->admin_listen != NULL && address_ok(c->admin_listen, &loopback) && !loopback)
        problem(l, line_of(l, "admin_listen"), "admin_listen", "must be a loopback address: it is plain and unauthenticated");
    if (c->admin_listen != NULL && c->listen != NULL && strcmp(c->admin_listen, c->listen) == 0)
        problem(l, line_of(l, "listen"), "listen", "the same as admin_listen");
    if (c->database != NULL && (has_keyword(c->database, "user") || strstr(c->database, "://") != NULL))
        problem(l, line_of(l, "database"), "database",
                "must be keywords (host=… dbname=…) without user: each role adds its own");
    if ((c->export_certificate == NULL) != (c->export_key == NULL))
        problem(l, 0, c->export_key == NULL ? "export_key" : "export_certificate",
                "missing: signing the nightly exports needs both export_certificate and export_key");
    if ((c->whatsapp_app_secret == NULL) != (c->whatsapp_verify_token == NULL)) {
        const char *missing = c->whatsapp_app_secret == NULL ? "whatsapp_app_secret" : "whatsapp_verify_token";
        problem(l, 0, missing, "missing: the WhatsApp channel needs both its files");
    }
    check_public_url(l);
}

/* Reads at most max bytes of a regular file, adds a NUL. NULL with a reason. With secret, also refuses a file whose
 * mode lets anybody but its owner do anything. */
static char *read_whole(const char *path, size_t max, bool secret, size_t *ret_len, const char **ret_reason)
{
    char *text = NULL;
    struct stat st;
    size_t len = 0;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        *ret_reason = strerror(errno);
        goto fail;
    }
    *ret_reason = !S_ISREG(st.st_mode)                ? "not a regular file"
                  : secret && (st.st_mode & 077) != 0 ? "others can reach it: chmod 600"
                  : st.st_size > (off_t)max           ? "too large"
                                                      : NULL;
    if (*ret_reason != NULL)
        goto fail;
    text = malloc(max + 1);
    if (text == NULL) {
        *ret_reason = "memory is short";
        goto fail;
    }
    while ((n = read(fd, text + len, max - len)) > 0)
        len += (size_t)n;
    if (n < 0) {
        *ret_reason = strerror(errno);
        goto fail;
    }
    text[len] = '\0';
    close(fd);
    *ret_len = len;
    return text;
fail:
    if (text != NULL)
        explicit_bzero(text, max + 1);
    free(text);
    if (fd >= 0)
        close(fd);
    return NULL;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    char *folder = name == NULL ? NULL : realpath(name, NULL);
    free(name);
    /* "/" would give paths that begin with two slashes. */
    if (folder != NULL && strcmp(folder, "/") == 0)
        folder[0] = '\0';
    return folder;
}

static void load_text(struct load *l, const char *text)
{
    static const struct inifile_events events = {on_section, on_pair, on_problem};
    if (!inifile_read(text, &events, l))
        problem(l, 0, NULL, "memory is short");
    apply_defaults(l);
    check_together(l);
}

struct conf *conf_load(const char *path, char **ret_error)
{
    struct load l = {.path = path, .conf = calloc(1, sizeof(struct conf)), .folder = folder_of(path)};
    const char *reason = "memory is short";
    size_t len = 0;
    buf_init(&l.problems, PROBLEMS_MAX);
    char *text = l.conf == NULL ? NULL : read_whole(path, FILE_MAX, false, &len, &reason);
    if (text == NULL)
        problem(&l, 0, NULL, "%s", reason);
    else if (l.folder == NULL)
        problem(&l, 0, NULL, "its folder cannot be resolved");
    else if (strlen(text) != len)
        problem(&l, 0, NULL, "holds a NUL");
    else
        load_text(&l, text);
    free(text);
    free(l.folder);
    if (l.problems.len > 0 || l.problems.failed) {
        const char *all = buf_str(&l.problems);
        *ret_error = strdup(all == NULL ? "memory is short\n" : all);
        conf_free(l.conf);
        l.conf = NULL;
    }
    buf_fini(&l.problems);
    return l.conf;
}

void conf_free(struct conf *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(table[i].type, "int") != 0 && strcmp(table[i].type, "bool") != 0)
            free(*(char **)(void *)((char *)c + table[i].at));
    free(c);
}

const struct conf_key *conf_keys(size_t *ret_count)
{
    static struct conf_key keys[KEYS];
    for (size_t i = 0; i < KEYS; i++)
        keys[i] = (struct conf_key){table[i].name, table[i].type, table[i].fallback, table[i].help};
    *ret_count = KEYS;
    return keys;
}

bool conf_read_secret(const char *path, char **ret, char *error, size_t error_cap)
{
    const char *reason = NULL;
    size_t len = 0;
    char *text = read_whole(path, SECRET_MAX, true, &len, &reason);
    if (text == NULL)
        goto fail;
    if (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    if (len > 0 && text[len - 1] == '\r')
        text[--len] = '\0';
    reason = len == 0 ? "empty" : strlen(text) != len ? "holds a NUL" : NULL;
    if (reason != NULL)
        goto fail;
    *ret = text;
    return true;
fail:
    if (text != NULL)
        explicit_bzero(text, SECRET_MAX);
    free(text);
    snprintf(error, error_cap, "%s: %s", path, reason);
    return false;
}
