/* Clerks: one forked process per report.
 *
 * Place in the flow: inquiry.c starts one for MSG_REPORT and passes on what comes out of its pipe. Inside: a blocking session
 * of its own as hadir_query with the actor set, one read-only snapshot, head, rows, bytes (report_run). So a long report holds up
 * neither the desk's pipelined connection nor its loop, its memory goes when it goes, and a slow client holds the clerk by the
 * pipe. A client that left: the pipe is closed, and PostgreSQL sees the closed connection within a second.
 *
 *   pipe: u32 length, payload of MSG_ANSWER_HEAD | bytes of the file or of a problem document | end; exit status: enum clerk_end
 *
 * A clerk ends itself when the desk has closed the pipe: a desk may not send signals (cage.c).
 * Does not: share anything with the desk but the pipe and standard error. Threads: in the clerk, one that waits for that. */
#include "clerk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "log.h"
#include "loop.h"
#include "statement.h"
#include "store.h"

#define PIPE_FD 3
#define HEAD_MAX ((size_t)4096)
#define READ_BYTES ((size_t)64 << 10) /* one MSG_ANSWER_BODY */
#define HEAD_DEPTH 16u

/* ---- in the child ---- */

static bool send_head(uint16_t status, const char *type, const char *code, const char *detail)
{
    struct buf payload, framed;
    buf_init(&payload, HEAD_MAX);
    buf_init(&framed, HEAD_MAX + 4);
    buf_u16(&payload, status);
    buf_blob(&payload, type, strlen(type));
    buf_blob(&payload, code, strlen(code));
    buf_blob(&payload, detail, strlen(detail));
    buf_blob(&framed, payload.data, payload.len);
    bool sent = !framed.failed && file_write_all(PIPE_FD, framed.data, framed.len);
    buf_fini(&payload);
    buf_fini(&framed);
    return sent;
}

/* The file; its head goes with the first bytes, so that what fails before them can still be told. */
struct file {
    const struct clerk_task *task;
    bool headed;
};

static bool write_file(void *arg, const void *bytes, size_t len)
{
    struct file *f = arg;
    f->headed = f->headed || send_head(200, report_media_type(f->task->style.format), "", "");
    return f->headed && file_write_all(PIPE_FD, bytes, len);
}

static bool refuse(const struct clerk_task *t, const json_value *error)
{
    struct buf rest, out;
    struct text code;
    char name[64];
    int64_t status;
    const json_value *problems = json_member(error, "problems");
    if (!json_get_int(json_member(error, "status"), &status) || !json_get_string(json_member(error, "code"), &code) ||
        status < 400 || status > 499 || code.len >= sizeof name)
        return false;
    memcpy(name, code.s, code.len);
    name[code.len] = '\0';
    buf_init(&rest, READ_BYTES);
    buf_init(&out, READ_BYTES);
    buf_puts(&rest, "{\"problems\":");
    bool ok = problems != NULL && json_dump(problems, &rest) && buf_putc(&rest, '}');
    if (ok) {
        statement_problem(&out, (uint16_t)status, name, NULL, t->style.english, buf_str(&rest));
        buf_putc(&out, '\n');
    }
    ok = ok && !out.failed && send_head((uint16_t)status, "application/problem+json", "", "") &&
         file_write_all(PIPE_FD, out.data, out.len);
    buf_fini(&rest);
    buf_fini(&out);
    return ok;
}

struct source {
    struct session *s;
    const char *const *params;
    struct store_error *e;
};

static bool give_rows(void *arg, const char *sql, report_row_cb on_row, void *row_arg)
{
    const struct source *from = arg;
    return session_stream(from->s, sql, 2, from->params, on_row, row_arg, from->e);
}

static bool report(struct session *s, const struct clerk_task *t, struct store_error *e)
{
    static const char actor_sql[] = "select pg_catalog.set_config('hadir.actor', $1, true), pg_catalog.set_config('hadir.language', $2, true)";
    const char *const actor[] = {t->actor, t->style.english ? "en" : "id"};
    const char *const params[] = {t->body, t->now};
    struct json_error je = {0};
    struct rows *set = session_script(s, REPORT_BEGIN, e) ? session_query(s, actor_sql, 2, actor, e) : NULL;
    struct rows *rows = set != NULL ? session_query(s, t->report->head, 2, params, e) : NULL;
    rows_free(set);
    if (rows == NULL)
        return false;
    const char *text = rows_get(rows, 0, 0);
    struct json_doc *head = text != NULL ? json_parse(text, strlen(text), HEAD_DEPTH, &je) : NULL;
    rows_free(rows);
    const json_value *error = head != NULL ? json_member(json_root(head), "error") : NULL;
    bool done = false;
    if (error != NULL)
        done = refuse(t, error);
    else if (head != NULL) {
        struct source from = {s, params, e};
        struct file file = {.task = t};
        char reason[256];
        done = report_run(t->report, &t->style, json_root(head), give_rows, &from, write_file, &file, reason, sizeof reason);
        if (!done && e->message[0] == '\0')
            snprintf(e->message, sizeof e->message, "%s", reason);
        if (!done && !file.headed && reason[0] != '\0')
            done = send_head(500, "application/problem+json", "internal", reason);
    }
    json_doc_free(head);
    return done;
}

/* The desk's descriptors, signal handlers and locks are not ours. */
static void leave_desk(int fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "hadird: clerk");
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    if (fd != PIPE_FD)
        dup2(fd, PIPE_FD);
    close_range(PIPE_FD + 1, ~0u, 0);
}

/* POLLERR: nobody can read the pipe any more. */
static void *watch_pipe(void *arg)
{
    struct pollfd pipe = {.fd = PIPE_FD};
    while ((pipe.revents & (POLLERR | POLLNVAL)) == 0)
        (void)poll(&pipe, 1, -1);
    _exit(CLERK_BROKEN);
    return arg;
}

static int work(const struct clerk_task *t)
{
    pthread_t watcher;
    struct store_error e = {0};
    char quoted[300];
    if (pthread_create(&watcher, NULL, watch_pipe, NULL) != 0) {
        log_error("event=report_failed reason=\"no thread\"");
        return CLERK_AWAY;
    }
    struct session *s = session_open(t->database, "hadir_query", e.message, sizeof e.message);
    if (s == NULL) {
        log_error("event=report_failed reason=%s", log_quote(quoted, sizeof quoted, e.message, strlen(e.message)));
        return CLERK_AWAY;
    }
    bool done = report(s, t, &e);
    if (e.message[0] != '\0')
        log_error("event=report_failed report=%s sqlstate=%s reason=%s", t->report->name, e.sqlstate,
                  log_quote(quoted, sizeof quoted, e.message, strlen(e.message)));
    session_close(s);
    return done ? CLERK_COMPLETE : CLERK_BROKEN;
}

/* ---- in the desk ---- */

struct clerk {
    struct clerk_callbacks cbs;
    void *arg;
    pid_t pid;
    int fd;
    struct loop_fd *watch;
    uint8_t head[HEAD_MAX + 4]; /* until it is whole */
    size_t head_len;
    bool headed;
    bool busy, freed; /* freed from a callback: it goes when that returns */
    uint8_t bytes[READ_BYTES];
};

static enum clerk_end reap(struct clerk *c)
{
    int status;
    pid_t got;
    do
        got = waitpid(c->pid, &status, 0);
    while (got < 0 && errno == EINTR);
    c->pid = 0;
    if (got < 0 || !WIFEXITED(status))
        return CLERK_BROKEN;
    return WEXITSTATUS(status) <= CLERK_AWAY ? (enum clerk_end)WEXITSTATUS(status) : CLERK_BROKEN;
}

static void on_eof(struct clerk *c)
{
    loop_fd_want(c->watch, false, false);
    enum clerk_end end = reap(c);
    c->cbs.on_end(c->arg, end == CLERK_COMPLETE && !c->headed ? CLERK_BROKEN : end);
}

/* Takes what belongs to the head; returns how much of n that was. */
static size_t take_head(struct clerk *c, const uint8_t *bytes, size_t n)
{
    size_t used = 0;
    while (!c->headed && used < n) {
        c->head[c->head_len++] = bytes[used++];
        struct reader r;
        size_t len;
        reader_init(&r, c->head, c->head_len);
        (void)reader_blob(&r, &len);
        c->headed = reader_done(&r);
        if (!c->headed && c->head_len == sizeof c->head)
            return n; /* never of our own making: ends without a head */
    }
    return used;
}

static void on_readable(void *arg, bool readable, bool writable)
{
    struct clerk *c = arg;
    (void)readable;
    (void)writable;
    ssize_t n = read(c->fd, c->bytes, sizeof c->bytes);
    if (n < 0)
        return; /* EAGAIN, EINTR: again */
    if (n == 0) {
        on_eof(c);
        return;
    }
    bool before = c->headed;
    size_t used = take_head(c, c->bytes, (size_t)n);
    c->busy = true;
    if (!before && c->headed)
        c->cbs.on_head(c->arg, c->head + 4, c->head_len - 4);
    if (!c->freed && used < (size_t)n)
        c->cbs.on_bytes(c->arg, c->bytes + used, (size_t)n - used);
    c->busy = false;
    if (c->freed)
        clerk_free(c);
}

struct clerk *clerk_start(struct loop *loop, const struct clerk_task *task, const struct clerk_callbacks *cbs, void *arg)
{
    int ends[2];
    struct clerk *c = calloc(1, sizeof *c);
    if (c == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        free(c);
        return NULL;
    }
    c->cbs = *cbs;
    c->arg = arg;
    c->fd = ends[0];
    c->watch = fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? loop_fd_new(loop, ends[0], on_readable, c) : NULL;
    c->pid = c->watch != NULL ? fork() : -1;
    if (c->pid == 0) {
        leave_desk(ends[1]);
        _exit(work(task));
    }
    close(ends[1]);
    if (c->pid < 0) {
        clerk_free(c);
        return NULL;
    }
    loop_fd_want(c->watch, true, false);
    return c;
}

void clerk_pause(struct clerk *c)
{
    loop_fd_want(c->watch, false, false);
}

void clerk_resume(struct clerk *c)
{
    loop_fd_want(c->watch, c->pid > 0, false);
}

void clerk_free(struct clerk *c)
{
    if (c == NULL)
        return;
    c->freed = true;
    if (c->busy)
        return;
    if (c->watch != NULL)
        loop_fd_free(c->watch);
    close(c->fd);
    if (c->pid > 0)
        (void)reap(c);
    free(c);
}
