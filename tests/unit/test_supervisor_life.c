/* The supervisor with made-up roles: order of start and stop, joining, restarts, generations, snapshots, admin.
 *
 * The supervisor runs in a child of the test; the roles write what happens to them into a shared page. */
#include "unit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "conf.h"
#include "digest.h"
#include "log.h"
#include "loop.h"
#include "signer.h"
#include "supervisor.h"
#include "wall.h"

#define KINDS 5
#define PLACES 8

/* What the roles tell the test; each cell has one writer at a time. */
struct seen {
    int starts[KINDS], drains[KINDS], ends[KINDS]; /* ends: processes that returned */
    int drain_order[KINDS], end_order[KINDS];      /* sequence number of the last of the kind */
    int sequence;
    int pid[KINDS][PLACES];
    int door_starts[PLACES];
    int echoes[PLACES], desk_echoes[PLACES];       /* by door index */
    int bases[PLACES], deltas[PLACES];
    int extra_descriptors, signals_not_ignored, secrets_leaked, secrets_missing, no_listener;
    int keep_days;
    int fail_kind; /* a role of this kind returns 1 at once */
    int publish_delta;
    int forge; /* the ledger says of the next door that it is forged */
};

static struct seen *seen;

static void bump(int *cell)
{
    __atomic_add_fetch(cell, 1, __ATOMIC_SEQ_CST);
}

static int get(int *cell)
{
    return __atomic_load_n(cell, __ATOMIC_SEQ_CST);
}

/* ---- the roles ---- */

struct fake {
    const struct role_env *env;
    enum role kind;
    struct loop *loop;
    struct ipc_channel *control, *peers[64];
    size_t peer_count;
};

struct fake_peer {
    struct fake *fake;
    uint8_t role;
};

static void on_peer_message(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct fake_peer *peer = arg;
    struct fake *f = peer->fake;
    (void)fd;
    if (f->kind == ROLE_DOOR)
        bump(peer->role == ROLE_LEDGER ? &seen->echoes[f->env->index] : &seen->desk_echoes[f->env->index]);
    else
        for (size_t i = 0; i < f->peer_count; i++) /* whoever asked is among them; the others ignore the number */
            if (f->peers[i] != NULL)
                channel_send(f->peers[i], type, id, payload, len, -1);
}

static void on_fake_control(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct fake *f = arg;
    struct reader r;
    (void)id;
    reader_init(&r, payload, len);
    if (type == MSG_PEER) {
        struct fake_peer *peer = calloc(1, sizeof *peer);
        peer->fake = f;
        peer->role = reader_u8(&r);
        struct ipc_channel *c = channel_new(f->loop, fd, 1 << 20, on_peer_message, NULL, peer);
        f->peers[f->peer_count++] = c;
        if (f->kind == ROLE_DOOR)
            channel_send(c, 7, 1, "x", 1, -1);
        if (f->kind == ROLE_LEDGER && __atomic_exchange_n(&seen->forge, 0, __ATOMIC_SEQ_CST) != 0)
            channel_send(f->control, MSG_FORGED, 0, payload + 1, 4, -1);
        return;
    }
    if (type == MSG_SNAPSHOT) {
        struct stat st;
        if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size == 5)
            bump(payload[0] == 1 ? &seen->bases[f->env->index] : &seen->deltas[f->env->index]);
    }
    if (type == MSG_CONFIG)
        __atomic_store_n(&seen->keep_days, (int)reader_u32(&r), __ATOMIC_SEQ_CST);
    if (fd >= 0)
        close(fd);
    if (type == MSG_DRAIN) {
        bump(&seen->drains[f->kind]);
        seen->drain_order[f->kind] = __atomic_add_fetch(&seen->sequence, 1, __ATOMIC_SEQ_CST);
        loop_stop(f->loop);
    }
}

static void on_fake_closed(void *arg)
{
    loop_stop(((struct fake *)arg)->loop);
}

static void count_descriptors(long given)
{
    struct rlimit limit; /* what lies above it is valgrind's own */
    DIR *d = opendir("/proc/self/fd");
    if (d == NULL || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        _exit(1);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        long fd = strtol(e->d_name, NULL, 10);
        if (e->d_name[0] != '.' && fd > given && fd != dirfd(d) && (rlim_t)fd < limit.rlim_cur)
            bump(&seen->extra_descriptors);
    }
    closedir(d);
}

/* A door reads the keys of tickets and can never write them; nobody else has them. */
static void inspect_tickets(const struct role_env *env, enum role kind)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[400];
    int found = 0;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        found += strstr(line, "hadir-tickets") != NULL;
    if (maps == NULL || fclose(maps) != 0 || found != (kind == ROLE_DOOR) || (env->tickets != NULL) != (kind == ROLE_DOOR))
        bump(&seen->secrets_leaked);
    if (env->tickets != NULL && mprotect((void *)env->tickets, 1, PROT_READ | PROT_WRITE) == 0)
        bump(&seen->secrets_leaked);
}

/* A child must hold nothing of its parent's but what it is given. */
static void inspect(const struct role_env *env, enum role kind)
{
    count_descriptors(kind == ROLE_DOOR ? 4 : 3);
    inspect_tickets(env, kind);
    const int ignored[] = {SIGINT, SIGHUP, SIGTERM, SIGPIPE};
    for (size_t i = 0; i < 4; i++) {
        struct sigaction action;
        if (sigaction(ignored[i], NULL, &action) != 0 || action.sa_handler != SIG_IGN)
            bump(&seen->signals_not_ignored);
    }
    if (kind == ROLE_DOOR) {
        int listening = 0;
        socklen_t len = sizeof listening;
        if (env->whatsapp_app_secret == NULL || strcmp(env->whatsapp_app_secret, "top-secret") != 0)
            bump(&seen->secrets_missing);
        if (getsockopt(env->listen_fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || listening != 1)
            bump(&seen->no_listener);
    } else if (env->whatsapp_app_secret != NULL || env->listen_fd != -1) {
        bump(&seen->secrets_leaked);
    }
}

static void publish(struct fake *f, uint8_t kind)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600); /* a memory file would end us: cage.c */
    struct buf b;
    buf_init(&b, 17);
    buf_u8(&b, kind);
    buf_i64(&b, 1);
    buf_i64(&b, kind);
    if (write(fd, "12345", 5) == 5)
        channel_send(f->control, MSG_PUBLISH, 0, b.data, b.len, fd);
    buf_fini(&b);
    close(fd);
}

static int fake_main(const struct role_env *env, enum role kind)
{
    struct fake f = {.env = env, .kind = kind};
    int place = (int)env->index;
    bump(&seen->starts[kind]);
    if (kind == ROLE_DOOR)
        bump(&seen->door_starts[place]);
    inspect(env, kind);
    if (get(&seen->fail_kind) == (int)kind)
        return 1;
    f.loop = loop_new();
    f.control = channel_new(f.loop, env->control_fd, 1 << 20, on_fake_control, on_fake_closed, &f);
    struct buf hello;
    buf_init(&hello, 4);
    buf_u32(&hello, IPC_VERSION);
    channel_send(f.control, MSG_HELLO, 0, hello.data, hello.len, -1);
    buf_fini(&hello);
    if (kind == ROLE_PLANNER) {
        publish(&f, 1);
        if (get(&seen->publish_delta))
            publish(&f, 2);
    }
    __atomic_store_n(&seen->pid[kind][place], (int)getpid(), __ATOMIC_SEQ_CST);
    loop_run(f.loop);
    seen->end_order[kind] = __atomic_add_fetch(&seen->sequence, 1, __ATOMIC_SEQ_CST);
    bump(&seen->ends[kind]);
    _exit(0); /* what the made-up role leaves behind is not the test's business */
}

static int fake_door(const struct role_env *env)
{
    return fake_main(env, ROLE_DOOR);
}

static int fake_desk(const struct role_env *env)
{
    return fake_main(env, ROLE_DESK);
}

static int fake_ledger(const struct role_env *env)
{
    return fake_main(env, ROLE_LEDGER);
}

static int fake_planner(const struct role_env *env)
{
    return fake_main(env, ROLE_PLANNER);
}

/* ---- the house ---- */

static char top[100], conf_path[140];
static int port, admin_port;
static pid_t daemon_pid;

/* As tests/e2e/harness.py takes them: below the range from which the kernel gives a connection its port, held by an abstract
 * socket's name until this program ends. Programs of tests run beside each other. */
static int free_port(void)
{
    for (int i = 0; i < 1000; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        uint8_t random[2];
        digest_random(random, sizeof random);
        int n = 15000 + (random[0] << 8 | random[1]) % 15000;
        int len = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "hadir-test-port-%d", n);
        int lock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        a.sin_port = htons((uint16_t)n);
        bool had = bind(lock, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0 &&
                   bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
        close(fd);
        if (had)
            return n;
        close(lock);
    }
    ck_abort_msg("no free port");
    return 0;
}

static void write_file(const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", top, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void write_conf(int doors, int keep_days, const char *more)
{
    char text[2000];
    snprintf(text, sizeof text,
             "[hadird]\nadmin_listen = 127.0.0.1:%d\nlisten = 127.0.0.1:%d\ndatabase = host=/nonexistent dbname=x\n"
             "desks = 1\ndoors = %d\ndirectory_dir = .\nspool_dir = .\nexport_dir = .\nreceipt_key = receipt.key\n"
             "tls_certificate = tls.crt\ntls_key = tls.key\nwhatsapp_app_secret = app.secret\n"
             "whatsapp_verify_token = app.secret\nspool_keep_days = %d\nsimulated_clock = yes\n%s",
             admin_port, port, doors, keep_days, more);
    write_file("hadird.conf", text);
}

static void make_certificate(void)
{
    char tls_key[140], tls_crt[140];
    snprintf(tls_key, sizeof tls_key, "%s/tls.key", top);
    snprintf(tls_crt, sizeof tls_crt, "%s/tls.crt", top);
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 2);
        execlp("openssl", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-days", "2", "-subj", "/CN=test", "-keyout", tls_key, "-out", tls_crt, (char *)NULL);
        _exit(127);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(chmod(tls_key, 0600), 0);
}

static void make_keys(void)
{
    char key[140], public[140], error[200];
    snprintf(key, sizeof key, "%s/receipt.key", top);
    snprintf(public, sizeof public, "%s/receipt.pub", top);
    struct signer *signer = signer_generate();
    bool saved = signer_save(signer, key, public, error, sizeof error);
    signer_free(signer);
    ck_assert(saved);
    write_file("app.secret", "top-secret\n");
    make_certificate();
}

#define UNTIL(condition)                                                                                             \
    do {                                                                                                             \
        int64_t deadline = mono_now_ms() + 60000;                                                                    \
        bool seen_ = (condition);                                                                                    \
        while (!seen_ && mono_now_ms() < deadline) {                                                                 \
            usleep(2000);                                                                                            \
            seen_ = (condition);                                                                                     \
        }                                                                                                            \
        ck_assert_msg(seen_, "never: %s", #condition);                                                               \
    } while (0)

static void start(int doors)
{
    static const struct role_mains mains = {.run = {[ROLE_DOOR] = fake_door, [ROLE_DESK] = fake_desk,
                                                    [ROLE_LEDGER] = fake_ledger, [ROLE_PLANNER] = fake_planner}};
    snprintf(top, sizeof top, "/tmp/hadir-supervisor-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(top));
    snprintf(conf_path, sizeof conf_path, "%s/hadird.conf", top);
    port = free_port();
    admin_port = free_port();
    make_keys();
    write_conf(doors, 8, "");
    int fail = seen == NULL ? 0 : seen->fail_kind;
    if (seen == NULL)
        seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(seen, MAP_FAILED);
    memset(seen, 0, sizeof *seen);
    seen->fail_kind = fail;
    daemon_pid = fork();
    ck_assert_int_ge(daemon_pid, 0);
    if (daemon_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a failed test leaves nothing running */
        struct setup setup = {0};
        struct buf problems;
        buf_init(&problems, 10000);
        if (!setup_load(conf_path, &setup, &problems)) {
            fputs(buf_str(&problems), stderr);
            _exit(99);
        }
        log_set_level(LOG_LEVEL_ERROR);
        _exit(supervisor_run(conf_path, &setup, &mains));
    }
}

static int wait_end(void)
{
    int status = -1;
    pid_t ended = 0;
    UNTIL(ended != 0 || (ended = waitpid(daemon_pid, &status, WNOHANG)) != 0);
    ck_assert_int_eq(ended, daemon_pid);
    DIR *d = opendir(top);
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.')
            ck_assert_int_eq(unlinkat(dirfd(d), e->d_name, 0), 0);
    closedir(d);
    ck_assert_int_eq(rmdir(top), 0);
    seen->fail_kind = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int stop(void)
{
    ck_assert_int_eq(kill(daemon_pid, SIGTERM), 0);
    return wait_end();
}

/* One request to the admin listener; the whole answer as text, its status as result. 0: nobody listens. */
static char answer[100000];

static int http(const char *method, const char *path, const char *body)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)admin_port)};
    char request[600];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
    answer[0] = '\0';
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
        int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", method, path,
                         strlen(body), body);
        ck_assert_int_eq(write(fd, request, (size_t)n), n);
        size_t len = 0;
        for (ssize_t got; (got = read(fd, answer + len, sizeof answer - 1 - len)) > 0;)
            len += (size_t)got;
        answer[len] = '\0';
        if (len > 12)
            status = (int)strtol(answer + 9, NULL, 10);
    }
    close(fd);
    return status;
}

static bool is_ready(int doors)
{
    if (get(&seen->starts[ROLE_DOOR]) < doors || http("GET", "/readyz", "") != 200)
        return false;
    for (int i = 0; i < doors; i++)
        if (get(&seen->echoes[i]) < 1 || get(&seen->desk_echoes[i]) < 1 || get(&seen->bases[i]) < 1)
            return false;
    return true;
}

/* ---- tests ---- */

START_TEST(everybody_is_started_joined_and_stopped_in_order)
{
    start(3);
    UNTIL(is_ready(3));
    ck_assert_int_eq(seen->starts[ROLE_LEDGER], 1);
    ck_assert_int_eq(seen->starts[ROLE_DESK], 1);
    ck_assert_int_eq(seen->starts[ROLE_PLANNER], 1);
    ck_assert_int_eq(seen->starts[ROLE_DOOR], 3);
    ck_assert_int_eq(seen->extra_descriptors, 0);
    ck_assert_int_eq(seen->signals_not_ignored, 0);
    ck_assert_int_eq(seen->secrets_leaked + seen->secrets_missing + seen->no_listener, 0);
    /* A terminal's Ctrl-C reaches the roles, too: they do not mind. */
    ck_assert_int_eq(kill(seen->pid[ROLE_LEDGER][0], SIGINT), 0);
    ck_assert_int_eq(kill(seen->pid[ROLE_DOOR][1], SIGTERM), 0);
    ck_assert_int_eq(stop(), 0);
    for (int kind = ROLE_DOOR; kind <= ROLE_PLANNER; kind++)
        ck_assert_int_eq(seen->ends[kind], kind == ROLE_DOOR ? 3 : 1);
    ck_assert_int_lt(seen->end_order[ROLE_DOOR], seen->drain_order[ROLE_DESK]);
    ck_assert_int_lt(seen->end_order[ROLE_DOOR], seen->drain_order[ROLE_PLANNER]);
    ck_assert_int_lt(seen->end_order[ROLE_DESK], seen->drain_order[ROLE_LEDGER]);
    ck_assert_int_lt(seen->end_order[ROLE_PLANNER], seen->drain_order[ROLE_LEDGER]);
}
END_TEST

START_TEST(a_door_that_says_what_no_door_says_is_ended)
{
    start(2);
    UNTIL(is_ready(2));
    int pid = get(&seen->pid[ROLE_DOOR][0]);
    __atomic_store_n(&seen->forge, 1, __ATOMIC_SEQ_CST);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    /* After the kill, and after the ledger's word, which may end the door before it has begun. */
    UNTIL(http("GET", "/metrics", "") == 200 && strstr(answer, "hadir_restarts_total{role=\"supervisor\"} 2\n") != NULL);
    UNTIL(is_ready(2));
    ck_assert_int_eq(get(&seen->door_starts[1]), 1);
    ck_assert_int_eq(get(&seen->starts[ROLE_LEDGER]), 1);
    ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(whoever_is_killed_comes_back_and_is_joined_again)
{
    start(2);
    UNTIL(is_ready(2));
    for (int round = 0; round < 3; round++) {
        int starts = get(&seen->starts[ROLE_LEDGER]), echoes[2] = {get(&seen->echoes[0]), get(&seen->echoes[1])};
        ck_assert_int_eq(kill(get(&seen->pid[ROLE_LEDGER][0]), SIGKILL), 0);
        UNTIL(get(&seen->starts[ROLE_LEDGER]) == starts + 1);
        UNTIL(get(&seen->echoes[0]) > echoes[0] && get(&seen->echoes[1]) > echoes[1]);
    }
    int desk_echoes = get(&seen->desk_echoes[1]);
    ck_assert_int_eq(kill(get(&seen->pid[ROLE_DESK][0]), SIGKILL), 0);
    UNTIL(get(&seen->desk_echoes[1]) > desk_echoes);
    int bases = get(&seen->bases[1]), echoes = get(&seen->echoes[1]);
    ck_assert_int_eq(kill(get(&seen->pid[ROLE_DOOR][1]), SIGKILL), 0);
    UNTIL(get(&seen->bases[1]) > bases && get(&seen->echoes[1]) > echoes); /* kept snapshot, fresh ledger end */
    ck_assert_int_eq(seen->door_starts[0], 1);
    ck_assert_int_eq(seen->door_starts[1], 2);
    bases = get(&seen->bases[0]);
    __atomic_store_n(&seen->publish_delta, 1, __ATOMIC_SEQ_CST);
    ck_assert_int_eq(kill(get(&seen->pid[ROLE_PLANNER][0]), SIGKILL), 0);
    UNTIL(get(&seen->bases[0]) > bases && get(&seen->deltas[0]) == 1 && get(&seen->deltas[1]) == 1);
    UNTIL(http("GET", "/metrics", "") == 200 && strstr(answer, "hadir_restarts_total{role=\"supervisor\"} 6\n") != NULL);
    UNTIL(is_ready(2));
    ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(a_role_that_always_fails_is_tried_with_back_off)
{
    seen = seen == NULL ? mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) : seen;
    seen->fail_kind = ROLE_DESK;
    start(1);
    UNTIL(get(&seen->starts[ROLE_DESK]) >= 4);
    int64_t from = mono_now_ms();
    int starts = get(&seen->starts[ROLE_DESK]);
    UNTIL(get(&seen->starts[ROLE_DESK]) >= starts + 2);
    ck_assert_int_ge(mono_now_ms() - from, 400); /* 400 ms and 800 ms, of which the first may have begun */
    UNTIL(http("GET", "/readyz", "") == 200);     /* check-ins go on */
    ck_assert_int_eq(http("GET", "/healthz", ""), 200);
    ck_assert_ptr_nonnull(strstr(answer, "desks_down"));
    __atomic_store_n(&seen->fail_kind, 0, __ATOMIC_SEQ_CST);
    UNTIL(is_ready(1));
    ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(a_ledger_that_cannot_start_ends_the_daemon)
{
    seen->fail_kind = ROLE_LEDGER;
    start(1);
    UNTIL(get(&seen->starts[ROLE_LEDGER]) >= 2);
    ck_assert_int_eq(http("GET", "/healthz", ""), 503);
    ck_assert_int_eq(http("GET", "/readyz", ""), 503);
    ck_assert_int_eq(wait_end(), 1);
    ck_assert_int_eq(seen->starts[ROLE_DOOR], 0); /* no door ever took a connection */
}
END_TEST

START_TEST(reload_replaces_generations_and_refuses_what_is_broken)
{
    start(2);
    UNTIL(is_ready(2));
    int ledger = get(&seen->pid[ROLE_LEDGER][0]), door = get(&seen->pid[ROLE_DOOR][0]);

    write_conf(2, 8, "nonsense = 1\n");
    ck_assert_int_eq(kill(daemon_pid, SIGHUP), 0);
    ck_assert_int_eq(http("GET", "/readyz", ""), 200); /* answered after the signal was handled: it came first */
    write_file("tls.crt", "no certificate");
    write_conf(2, 8, "");
    ck_assert_int_eq(kill(daemon_pid, SIGHUP), 0);
    ck_assert_int_eq(http("GET", "/readyz", ""), 200);
    make_certificate();
    write_conf(4, 9, "");
    ck_assert_int_eq(kill(daemon_pid, SIGHUP), 0);
    UNTIL(get(&seen->keep_days) == 9);
    UNTIL(get(&seen->ends[ROLE_DOOR]) == 2 && get(&seen->ends[ROLE_DESK]) == 1 && get(&seen->ends[ROLE_PLANNER]) == 1);
    UNTIL(get(&seen->starts[ROLE_DOOR]) == 6 && get(&seen->starts[ROLE_DESK]) == 2 &&
          get(&seen->starts[ROLE_PLANNER]) == 2);
    UNTIL(is_ready(4));
    ck_assert_int_eq(get(&seen->pid[ROLE_LEDGER][0]), ledger);
    ck_assert_int_ne(get(&seen->pid[ROLE_DOOR][0]), door);
    ck_assert_int_eq(seen->starts[ROLE_LEDGER], 1);
    ck_assert_int_lt(seen->end_order[ROLE_DOOR], seen->drain_order[ROLE_DESK]);

    write_conf(1, 9, "");
    ck_assert_int_eq(kill(daemon_pid, SIGHUP), 0);
    UNTIL(get(&seen->ends[ROLE_DOOR]) == 6 && get(&seen->starts[ROLE_DOOR]) == 7);
    UNTIL(http("GET", "/readyz", "") == 200);
    ck_assert_int_eq(stop(), 0);
    ck_assert_int_eq(seen->ends[ROLE_DOOR], 7);
}
END_TEST

START_TEST(the_admin_listener_tells_and_moves_the_clock)
{
    start(1);
    UNTIL(is_ready(1));
    ck_assert_int_eq(http("GET", "/healthz", ""), 200);
    ck_assert_ptr_nonnull(strstr(answer, "\"status\":\"degraded\""));
    ck_assert_ptr_nonnull(strstr(answer, "clock_simulated"));
    ck_assert_ptr_nonnull(strstr(answer, "database_down_ledger"));
    ck_assert_ptr_nonnull(strstr(answer, "directory_unconfirmed"));
    ck_assert_int_eq(http("GET", "/nothing", ""), 404);
    ck_assert_int_eq(http("POST", "/metrics", ""), 405);
    ck_assert_int_eq(http("GET", "/clock", ""), 405);
    ck_assert_int_eq(http("POST", "/clock", "tomorrow"), 400);
    ck_assert_int_eq(http("POST", "/clock", "2199-01-01T00:00:00Z"), 400);
    char target[40], line[80];
    wall_format_rfc3339(target, sizeof target, wall_now_us() + 86400 * US_PER_S, 8 * 3600);
    ck_assert_int_eq(http("POST", "/clock", target), 200);
    ck_assert_int_eq(http("GET", "/healthz", ""), 200);
    snprintf(line, sizeof line, "\"now\":\"");
    const char *now = strstr(answer, line);
    ck_assert_ptr_nonnull(now);
    int64_t at = 0;
    now += strlen(line);
    ck_assert(wall_parse_rfc3339(now, strcspn(now, "\""), &at));
    ck_assert_int_ge(at - wall_now_us(), 86300 * US_PER_S);
    ck_assert_int_le(at - wall_now_us(), 86500 * US_PER_S);
    /* Requests that are none cost nothing. */
    ck_assert_int_eq(http("GET", "/metrics HTTP/1.1\r\nContent-Length: 1\r\nX:", ""), 400);
    static char long_body[400];
    memset(long_body, 'x', sizeof long_body - 1);
    ck_assert_int_eq(http("POST", "/clock", long_body), 413);
    UNTIL(http("GET", "/readyz", "") == 200);
    ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(setup_names_every_problem)
{
    start(1);
    UNTIL(is_ready(1));
    struct setup setup = {0};
    struct buf problems;
    char path[200];
    buf_init(&problems, 10000);
    ck_assert(setup_load(conf_path, &setup, &problems));
    ck_assert_str_eq(setup.app_secret, "top-secret");
    setup_free(&setup);
    snprintf(path, sizeof path, "%s/receipt.key", top);
    ck_assert_int_eq(chmod(path, 0644), 0);
    snprintf(path, sizeof path, "%s/tls.key", top);
    ck_assert_int_eq(chmod(path, 0640), 0);
    snprintf(path, sizeof path, "%s/app.secret", top);
    ck_assert_int_eq(chmod(path, 0604), 0);
    ck_assert(!setup_load(conf_path, &setup, &problems));
    const char *text = buf_str(&problems);
    ck_assert_ptr_nonnull(strstr(text, "receipt_key: "));
    ck_assert_ptr_nonnull(strstr(text, "tls_certificate, tls_key: "));
    ck_assert_ptr_nonnull(strstr(text, "whatsapp_app_secret: "));
    ck_assert_ptr_nonnull(strstr(text, "whatsapp_verify_token: "));
    buf_fini(&problems);
    ck_assert_int_eq(stop(), 0);
}
END_TEST

UNIT_MAIN("supervisor/life", everybody_is_started_joined_and_stopped_in_order,
          whoever_is_killed_comes_back_and_is_joined_again, a_door_that_says_what_no_door_says_is_ended, a_role_that_always_fails_is_tried_with_back_off,
          a_ledger_that_cannot_start_ends_the_daemon, reload_replaces_generations_and_refuses_what_is_broken,
          the_admin_listener_tells_and_moves_the_clock, setup_names_every_problem)
