/* From the spool to the database: the way behind the answers.
 *
 * One thing at a time (enum step): ask how far the database is, read rows, send them, and again. Nothing waits for a
 * timer while there are rows and a connection; while one exchange is out, the next rows gather in the spool, or are read ahead.
 *
 * Position. `position` is the last row that the database said it has, per source (the live file, or the orphan being
 * drained). It is asked for after every connect and once a minute and never stored here: a database that was restored
 * or failed over says a smaller number, or null, and is sent everything from there again. api.ingest_rows is idempotent, so
 * an exchange of unknown outcome is simply asked about. A database that has more rows than the file means that an older
 * copy of the file was put back: the numbers it gives from now on are taken. The old name is closed in the database, the
 * file gets another, and all of it is sent again (what is known by its id is skipped).
 *
 * Complete to. With every exchange goes the wall time such that everything acknowledged before it is in the database
 * once this exchange is: taken *before* reading (spool_complete_to_us, then the last row's number) and claimed only by
 * the range that reaches that number. While there is a backlog the claim is smaller: rows are committed in the order
 * of arrival but for what a door may hold back, and a door holds a request for request_timeout_ms at most.
 *
 * Orphans' rows were acknowledged before the live file's, an older orphan's before a younger's, and they are drained in
 * that order, each with the first turn when it is found. So while one is left, the live file claims no more than was claimed
 * last, by whichever file; otherwise somebody whose check-in lies in an orphan would be called missing, and a day be closed
 * without it. One that cannot be opened for want of room thus holds the claim where it is, until there is room: nightly waits
 * for a spool as long as the government's patience, presence says "not yet known". A broken one holds up nothing: it has its
 * other name, and a human.
 *
 * Refusals. Trouble of the database or its schema (classes 08 0A 25 26 28 3D 40 42 53 55 57 58 F0) is waited out with
 * growing pauses and loses nothing; a statement that took too long is also made smaller. Anything else is in a row: the
 * range is halved until the row stands alone, and that row goes to api.ingest_poison_row; if even that is refused, its
 * outline does.
 *
 * Reading ahead. While a parcel of a backlog is out, the next is read and written, and goes when the answer is there: if the
 * database then is where those rows begin; else they are dropped and read again.
 *
 * Gathering. A call costs the database 1.5 ms whatever is in it, a row 0.05. So a row that comes after a rest goes at once, but the
 * next parcel GATHER_MS after the one before, unless a whole one waits.
 *
 * Queues: two parcels of rows, bounded by number and bytes. Does not decide anything about a check-in.
 */
#include "ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "counter.h"
#include "digest.h"
#include "log.h"
#include "loop.h"
#include "parcel.h"
#include "spool.h"
#include "store.h"
#include "wall.h"

#define TICK_MS 200
#define IDLE_MS 400            /* presence calls the database behind after a second: stay well within */
#define ASK_MS 60000
#define LOOK_MS 60000          /* for orphans that somebody copied here */
#define GATHER_MS 50           /* under load, from parcel to parcel */
#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 5000
#define SLACK_US (5 * US_PER_S) /* on top of a door's deadline: the ledger's own queue */

enum step { STEP_REST, STEP_ASK, STEP_READ, STEP_SEND, STEP_IDLE, STEP_LOOK, STEP_RENEW };
static const char *const step_names[] = {"rest", "ask", "read", "send", "idle", "look", "renew"};

struct source {
    char uuid[37];
    struct spool_orphan *orphan; /* NULL: the live file */
    bool known;                  /* position asked for since the connection came up */
    bool was_known;              /* ever */
    int64_t position;
    int64_t asked_mono_ms;
    bool finished;               /* orphan: all in the database */
};

/* What may be claimed once all that was read is in the database. */
struct reach {
    int64_t complete_to_us; /* taken before reading */
    int64_t last_seq;       /* taken right after */
};

/* The next rows of the live file's backlog, read and written while those before them are out. */
struct ahead {
    struct parcel *parcel;
    bool reading;
    int64_t after;     /* its rows follow this one */
    int64_t oldest_us; /* arrival of the first */
    struct reach reach;
};

struct ingest {
    struct loop *loop;
    struct loop_timer *tick;
    struct spool *spool;
    struct store *store;
    int64_t margin_us;

    enum step step;
    unsigned connection;         /* counts connects: what began on an older one is void */
    unsigned step_connection;
    struct source live, orphan;
    struct source *at;           /* whose turn the step is */
    int64_t read_mono_ms;        /* when the last parcel of the live file was begun */
    bool gathers;                /* the tick comes when the next may begin */
    bool live_had_turn;
    bool looked;                 /* for orphans, on this connection */

    struct parcel parcels[2];
    struct parcel *parcel;       /* of the turn; the other one is ahead's */
    struct reach reach;          /* of the turn */
    int64_t claim_us;            /* what the exchange under way claims */
    struct ahead ahead;
    bool poison, outline;        /* of the exchange under way */
    char sqlstate[6], reason[256];

    bool stopped;
    unsigned pause_ms;
    int64_t not_before_mono_ms;
    int64_t idle_mono_ms, looked_mono_ms;

    int64_t recorded_us;         /* what was claimed last: everything acknowledged before it is in the database */
    int64_t oldest_us;           /* arrival of the first row not in the database; INT64_MIN: unknown */
};

static void go_on(struct ingest *i);

/* The one place where the step changes: only rest leads anywhere, and everything leads to rest. */
static void set_step(struct ingest *i, enum step to)
{
    if (i->step != STEP_REST && to != STEP_REST)
        fatal("event=ingest_step from=%s to=%s", step_names[i->step], step_names[to]);
    i->step = to;
    i->step_connection = i->connection;
}

static void pause_longer(struct ingest *i)
{
    i->pause_ms = i->pause_ms == 0 ? PAUSE_MIN_MS : i->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : i->pause_ms * 2;
    i->not_before_mono_ms = mono_now_ms() + i->pause_ms;
}

static void set_position(struct ingest *i, struct source *s, int64_t seq)
{
    s->position = seq;
    if (s == &i->live) {
        spool_set_ingested(i->spool, seq);
        i->oldest_us = INT64_MIN;
    }
}

static int64_t last_seq_of(const struct ingest *i, const struct source *s)
{
    return s->orphan != NULL ? spool_orphan_last_seq(s->orphan) : spool_last_seq(i->spool);
}

/* ---- what a refusal means ---- */

static bool is_class(const char *sqlstate, const char *classes)
{
    for (const char *c = classes; *c != '\0'; c += 2)
        if (memcmp(sqlstate, c, 2) == 0)
            return true;
    return false;
}

/* The database's, its operator's or the schema's trouble: not any row's. */
static bool is_passing(const char *sqlstate)
{
    return sqlstate[0] == '\0' || is_class(sqlstate, "080A2526283D404253555758F0") ||
           strcmp(sqlstate, "XX001") == 0 || strcmp(sqlstate, "XX002") == 0;
}

/* Notes a refusal; true: pause and try the same again. */
static bool wait_out(struct ingest *i, const char *what, const struct store_error *e)
{
    if (!is_passing(e->sqlstate))
        return false;
    log_warn("event=ingest_put_off what=%s sqlstate=%s pause_ms=%u", what, e->sqlstate, i->pause_ms);
    pause_longer(i);
    return true;
}

/* Back from an exchange: true when its answer still counts. */
static bool back(struct ingest *i, enum store_outcome outcome)
{
    bool current = i->step_connection == i->connection;
    set_step(i, STEP_REST);
    return current && outcome != STORE_DOWN;
}

/* ---- asking ---- */

static void on_renamed(void *arg, const struct spool_row *rows, size_t count)
{
    struct ingest *i = arg;
    char old[sizeof i->live.uuid];
    (void)rows;
    (void)count;
    memcpy(old, i->live.uuid, sizeof old);
    encode_uuid(i->live.uuid, spool_id(i->spool));
    bool current = back(i, STORE_OK);
    if (strcmp(old, i->live.uuid) == 0)
        pause_longer(i);
    i->live.known = false;
    if (current)
        go_on(i);
}

static void on_name_closed(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct ingest *i = arg;
    (void)rows;
    if (!back(i, outcome))
        return;
    if (outcome == STORE_REFUSED) {
        log_warn("event=ingest_mark_refused sqlstate=%s", e->sqlstate);
        pause_longer(i);
    } else if (spool_renew(i->spool, on_renamed, i)) {
        set_step(i, STEP_RENEW);
    }
}

/* The database has rows up to seq that this file has not: see the top. An orphan's copy goes under a name of its own for
 * once; its rows are told apart by their ids. */
static void change_name(struct ingest *i, struct source *s, int64_t seq)
{
    log_error("event=ingest_ahead spool=%s database=%lld last=%lld reason=\"the database has rows this file has not: an "
              "older copy was put back\"", s->uuid, (long long)seq, (long long)last_seq_of(i, s));
    s->known = false;
    if (s != &i->live) {
        uint8_t id[16];
        uuid_random(id);
        encode_uuid(s->uuid, id);
        go_on(i);
        return;
    }
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)seq);
    const char *const params[] = {s->uuid, text, "infinity"};
    if (store_query(i->store, NULL, "select api.ingest_idle($1, $2, $3)", 3, params, on_name_closed, i))
        set_step(i, STEP_IDLE);
}

static void on_position(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct ingest *i = arg;
    struct source *s = i->at;
    if (!back(i, outcome))
        return;
    if (outcome == STORE_REFUSED) {
        log_warn("event=ingest_ask_refused sqlstate=%s", e->sqlstate);
        pause_longer(i);
        return;
    }
    const char *text = rows_count(rows) == 1 ? rows_get(rows, 0, 0) : NULL;
    int64_t seq = text == NULL ? 0 : strtoll(text, NULL, 10), last = last_seq_of(i, s);
    int64_t believed = s->was_known ? s->position : s == &i->live ? spool_ingested_hint(i->spool) : 0;
    if (seq > last) {
        change_name(i, s, seq);
        return;
    }
    if (text == NULL && s == &i->live) /* another database, or one from before this file: what was drained may lack, too */
        spool_orphan_again(i->spool);
    if (seq < believed) {
        counter_inc(C_INGEST_REPLAYED);
        log_warn("event=ingest_replay spool=%s from=%lld believed=%lld", s->uuid, (long long)seq, (long long)believed);
        if (s == &i->live)
            spool_orphan_again(i->spool);
        i->looked = false; /* before anything is claimed */
    }
    i->pause_ms = 0;
    s->known = s->was_known = true;
    s->asked_mono_ms = mono_now_ms();
    set_position(i, s, seq);
    go_on(i);
}

static void ask(struct ingest *i, struct source *s)
{
    const char *const params[] = {s->uuid};
    i->at = s;
    if (store_query(i->store, NULL, "select api.ingest_position($1)", 1, params, on_position, i))
        set_step(i, STEP_ASK);
}

/* ---- the next parcel, while one is out ---- */

static void on_ahead(void *arg, const struct spool_row *rows, size_t count)
{
    struct ingest *i = arg;
    struct ahead *a = &i->ahead;
    a->reading = false;
    if (i->stopped)
        return;
    if (count > 0 && parcel_fill(a->parcel, rows, count))
        a->oldest_us = rows[0].received_us;
    go_on(i); /* it may have been waited for */
}

static struct reach reach_of(const struct ingest *i, const struct source *s)
{
    int64_t complete_to_us = spool_complete_to_us(i->spool);
    return (struct reach){.complete_to_us = complete_to_us, .last_seq = last_seq_of(i, s)};
}

/* Only of a backlog: else what comes meanwhile gathers and goes together. */
static void read_ahead(struct ingest *i)
{
    struct ahead *a = &i->ahead;
    int64_t after = parcel_last_seq(i->parcel);
    if (i->at != &i->live || i->orphan.orphan != NULL || !parcel_is_last(i->parcel) || a->reading || !parcel_is_empty(a->parcel) ||
        spool_last_seq(i->spool) - after < PARCEL_ROWS_MAX)
        return;
    a->after = after;
    a->reach = reach_of(i, &i->live);
    a->reading = spool_read(i->spool, after, PARCEL_ROWS_MAX, PARCEL_BYTES_MAX, on_ahead, i);
}

/* What was read ahead becomes the turn's, if it is what follows in the database as it is now. */
static bool take_ahead(struct ingest *i)
{
    struct ahead *a = &i->ahead;
    struct parcel *used = i->parcel;
    if (parcel_is_empty(a->parcel))
        return false;
    if (a->after != i->live.position) {
        parcel_clear(a->parcel);
        return false;
    }
    i->parcel = a->parcel;
    i->reach = a->reach;
    i->oldest_us = a->oldest_us;
    i->poison = i->outline = false;
    a->parcel = used;
    parcel_clear(used);
    return true;
}

/* ---- sending ---- */

/* What may be claimed once the current range is in. */
static int64_t claim_of(const struct ingest *i)
{
    if (i->at == &i->live && parcel_is_last(i->parcel) && parcel_last_seq(i->parcel) >= i->reach.last_seq)
        return i->reach.complete_to_us;
    int64_t newest_us = parcel_newest_us(i->parcel) - i->margin_us;
    return newest_us < i->reach.complete_to_us ? newest_us : i->reach.complete_to_us;
}

/* The live file claims nothing new while an orphan is left: see the top. */
static int64_t allowed(const struct ingest *i, int64_t claim_us)
{
    bool held = i->at == &i->live && spool_orphans(i->spool) > 0;
    return held && claim_us > i->recorded_us ? i->recorded_us : claim_us;
}

static void on_taken(struct ingest *i, int64_t rows)
{
    counter_add(C_INGESTED, rows);
    i->pause_ms = 0;
    set_position(i, i->at, parcel_last_seq(i->parcel));
    i->recorded_us = i->claim_us;
    parcel_accept(i->parcel);
}

static void on_refused(struct ingest *i, const struct store_error *e)
{
    if (wait_out(i, i->poison ? "poison" : "rows", e)) {
        if (strcmp(e->sqlstate, "57014") == 0 && !i->poison && parcel_rows(i->parcel) > 1)
            parcel_split(i->parcel); /* statement_timeout: perhaps it was too much at once */
        return;
    }
    if (!i->poison && parcel_rows(i->parcel) > 1) {
        parcel_split(i->parcel);
        return;
    }
    log_error("event=ingest_row_refused spool=%s seq=%lld sqlstate=%s poison=%d", i->at->uuid,
              (long long)parcel_last_seq(i->parcel), e->sqlstate, i->poison);
    if (i->outline) { /* nothing less can be said of it: never pass over it, let a human look */
        pause_longer(i);
        return;
    }
    if (i->poison) {
        i->outline = true;
        return;
    }
    i->poison = true;
    snprintf(i->sqlstate, sizeof i->sqlstate, "%s", e->sqlstate);
    snprintf(i->reason, sizeof i->reason, "%s", e->message);
}

static void on_sent(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct ingest *i = arg;
    if (!back(i, outcome)) {
        parcel_clear(i->parcel);
        return;
    }
    if (outcome == STORE_REFUSED) {
        on_refused(i, e);
    } else if (i->poison) {
        counter_inc(C_INGEST_POISON);
        i->poison = i->outline = false;
        on_taken(i, 1);
    } else {
        const char *count = rows_count(rows) == 1 ? rows_get(rows, 0, 0) : NULL;
        on_taken(i, count == NULL ? 0 : strtoll(count, NULL, 10));
    }
    go_on(i);
}

static void send_range(struct ingest *i)
{
    char seq[24], claim[40];
    if (parcel_is_unreadable(i->parcel) && !i->poison) {
        i->poison = i->outline = true;
        snprintf(i->sqlstate, sizeof i->sqlstate, "22023");
        snprintf(i->reason, sizeof i->reason, "the spool's row cannot be decoded");
    }
    const struct buf *array = i->outline ? parcel_outline(i->parcel) : parcel_array(i->parcel);
    if (array == NULL) {
        pause_longer(i);
        return;
    }
    i->claim_us = allowed(i, claim_of(i));
    snprintf(seq, sizeof seq, "%lld", (long long)parcel_last_seq(i->parcel));
    wall_format_rfc3339(claim, sizeof claim, i->claim_us, 0);
    const char *const rows[] = {i->at->uuid, seq, claim, (const char *)array->data};
    const char *const poison[] = {i->at->uuid, seq, claim, i->sqlstate, i->reason, (const char *)array->data};
    bool sent = i->poison ? store_query_binary(i->store, "select api.ingest_poison_row($1, $2, $3, $4, $5, $6)", 6, poison,
                                               array->len, on_sent, i)
                          : store_query_binary(i->store, "select api.ingest_rows($1, $2, $3, $4)", 4, rows, array->len, on_sent, i);
    if (sent)
        set_step(i, STEP_SEND);
    if (sent && !i->poison)
        read_ahead(i);
}

/* ---- marks without rows ---- */

static void on_marked(void *arg, enum store_outcome outcome, const struct rows *rows, const struct store_error *e)
{
    struct ingest *i = arg;
    (void)rows;
    if (!back(i, outcome))
        return;
    if (outcome == STORE_REFUSED) {
        log_warn("event=ingest_mark_refused sqlstate=%s", e->sqlstate);
        pause_longer(i);
        return;
    }
    i->pause_ms = 0;
    if (i->at == &i->orphan) {
        i->orphan.finished = true;
    } else {
        i->recorded_us = i->claim_us;
        if (i->at->position < i->reach.last_seq)
            set_position(i, i->at, i->reach.last_seq);
    }
    go_on(i);
}

/* Nothing waits: say so. An orphan that has nothing more is complete for ever. */
static void mark_idle(struct ingest *i, struct source *s)
{
    char seq[24], claim[40] = "infinity";
    i->at = s;
    i->claim_us = allowed(i, spool_complete_to_us(i->spool));
    i->reach.last_seq = last_seq_of(i, s);
    if (s == &i->live && i->reach.last_seq > s->position)
        return; /* committed since: there is something to read after all */
    if (s == &i->live)
        wall_format_rfc3339(claim, sizeof claim, i->claim_us, 0);
    snprintf(seq, sizeof seq, "%lld", (long long)s->position);
    const char *const params[] = {s->uuid, seq, claim};
    if (!store_query(i->store, NULL, "select api.ingest_idle($1, $2, $3)", 3, params, on_marked, i))
        return;
    i->idle_mono_ms = mono_now_ms();
    set_step(i, STEP_IDLE);
}

/* Numbers were given, but their rows are gone (aged out): an empty batch moves the mark over them. */
static void mark_gap(struct ingest *i)
{
    char seq[24], claim[40];
    i->claim_us = allowed(i, i->reach.complete_to_us);
    snprintf(seq, sizeof seq, "%lld", (long long)i->reach.last_seq);
    wall_format_rfc3339(claim, sizeof claim, i->claim_us, 0);
    const char *const params[] = {i->at->uuid, seq, claim, "{}"};
    if (store_query(i->store, NULL, "select api.ingest_rows($1, $2, $3, $4)", 4, params, on_marked, i))
        set_step(i, STEP_IDLE);
}

/* ---- reading ---- */

static void on_rows(void *arg, const struct spool_row *rows, size_t count)
{
    struct ingest *i = arg;
    if (!back(i, STORE_OK) || i->stopped)
        return;
    if (count > 0) {
        if (i->at == &i->live)
            i->oldest_us = rows[0].received_us;
        i->poison = i->outline = false;
        if (!parcel_fill(i->parcel, rows, count))
            pause_longer(i);
    } else if (i->at == &i->orphan) {
        mark_idle(i, &i->orphan);
    } else {
        mark_gap(i);
    }
    go_on(i);
}

static void read_more(struct ingest *i, struct source *s)
{
    i->at = s;
    i->live_had_turn = s == &i->live;
    if (i->live_had_turn)
        i->read_mono_ms = mono_now_ms();
    if (s == &i->live && take_ahead(i)) {
        send_range(i);
        return;
    }
    i->reach = reach_of(i, s);
    bool asked = s->orphan != NULL ? spool_orphan_read(i->spool, s->orphan, s->position, PARCEL_ROWS_MAX,
                                                       PARCEL_BYTES_MAX, on_rows, i)
                                   : spool_read(i->spool, s->position, PARCEL_ROWS_MAX, PARCEL_BYTES_MAX, on_rows, i);
    if (asked)
        set_step(i, STEP_READ);
}

/* ---- orphans ---- */

static void on_orphan(void *arg, struct spool_orphan *o)
{
    struct ingest *i = arg;
    set_step(i, STEP_REST);
    i->looked_mono_ms = mono_now_ms();
    i->looked = true;
    if (o != NULL) {
        i->orphan = (struct source){.orphan = o};
        i->live_had_turn = true;
        encode_uuid(i->orphan.uuid, spool_orphan_id(o));
        log_info("event=ingest_orphan spool=%s last_seq=%lld", i->orphan.uuid, (long long)spool_orphan_last_seq(o));
    }
    go_on(i);
}

static void look(struct ingest *i)
{
    if (spool_orphan_open(i->spool, on_orphan, i))
        set_step(i, STEP_LOOK);
}

static void close_orphan(struct ingest *i, bool drained)
{
    if (i->orphan.orphan != NULL && spool_orphan_close(i->spool, i->orphan.orphan, drained)) {
        i->orphan = (struct source){0};
        i->looked = false; /* there may be another */
    }
}

static bool is_due(int64_t last_mono_ms, int64_t every_ms)
{
    return last_mono_ms == INT64_MIN || mono_now_ms() - last_mono_ms >= every_ms;
}

static void serve_orphan(struct ingest *i)
{
    struct source *s = &i->orphan;
    if (s->finished)
        close_orphan(i, true);
    else if (!s->known)
        ask(i, s);
    else
        read_more(i, s);
}

/* ---- turns ---- */

/* For how many milliseconds the live file's rows are still left to gather. */
static unsigned gather_ms(const struct ingest *i)
{
    int64_t left_ms = i->read_mono_ms + GATHER_MS - mono_now_ms();
    bool whole = spool_last_seq(i->spool) - i->live.position >= PARCEL_ROWS_MAX;
    return left_ms <= 0 || whole || !parcel_is_empty(i->ahead.parcel) ? 0 : (unsigned)left_ms;
}

/* One step further, if there is one to take. */
static void go_on(struct ingest *i)
{
    struct source *live = &i->live;
    if (i->stopped || i->step != STEP_REST || !store_is_up(i->store) || mono_now_ms() < i->not_before_mono_ms)
        return;
    if (!parcel_is_empty(i->parcel)) {
        send_range(i);
        return;
    }
    if (!live->known || is_due(live->asked_mono_ms, ASK_MS)) {
        ask(i, live);
        return;
    }
    bool rows = spool_last_seq(i->spool) > live->position, orphan = i->orphan.orphan != NULL;
    unsigned left_ms = rows && !orphan ? gather_ms(i) : 0;
    if (!i->looked && !orphan) {
        look(i);
    } else if (left_ms > 0) {
        if (!i->gathers)
            loop_timer_arm(i->tick, left_ms);
        i->gathers = true;
    } else if (i->ahead.reading) {
        return; /* its rows are the next */
    } else if (rows && !(orphan && i->live_had_turn)) {
        read_more(i, live);
    } else if (orphan) {
        serve_orphan(i);
    } else if (!rows && is_due(i->idle_mono_ms, IDLE_MS)) {
        mark_idle(i, live);
    } else if (is_due(i->looked_mono_ms, LOOK_MS)) {
        look(i);
    }
}

static void on_tick(void *arg)
{
    struct ingest *i = arg;
    i->gathers = false;
    loop_timer_arm(i->tick, TICK_MS);
    go_on(i);
}

static void on_up(void *arg)
{
    struct ingest *i = arg;
    i->connection++;
    i->live.known = i->orphan.known = i->orphan.finished = i->looked = false;
    i->live_had_turn = true;
    i->pause_ms = 0;
    i->not_before_mono_ms = 0;
    parcel_clear(i->parcel);
    go_on(i);
}

static void on_down(void *arg)
{
    struct ingest *i = arg;
    parcel_clear(i->parcel);
}

/* ---- from outside ---- */

void ingest_kick(struct ingest *i)
{
    go_on(i);
}

bool ingest_is_recorded(const struct ingest *i, int64_t seq)
{
    return i->live.known && seq <= i->live.position;
}

bool ingest_is_current(const struct ingest *i)
{
    return i->live.known && spool_last_seq(i->spool) <= i->live.position;
}

bool ingest_is_connected(const struct ingest *i)
{
    return store_is_up(i->store);
}

/* The first row that waits, looked at for its age while the database is away. */
static void on_oldest(void *arg, const struct spool_row *rows, size_t count)
{
    struct ingest *i = arg;
    if (count > 0)
        i->oldest_us = rows[0].received_us;
}

void ingest_gauges(struct ingest *i)
{
    int64_t position = i->live.was_known ? i->live.position : spool_ingested_hint(i->spool);
    int64_t depth = spool_last_seq(i->spool) - position, now_us = wall_now_us();
    depth = depth < 0 ? 0 : depth;
    if (depth == 0)
        i->oldest_us = INT64_MIN;
    else if (i->oldest_us == INT64_MIN && i->step == STEP_REST)
        (void)spool_read(i->spool, position, 1, 1, on_oldest, i); /* the next tick asks again */
    int64_t age_us = depth == 0 || i->oldest_us == INT64_MIN ? 0 : now_us - i->oldest_us;
    int64_t lag_us = now_us - i->recorded_us;
    counter_set(G_SPOOL_DEPTH, depth);
    counter_set(G_SPOOL_ASIDE, (int64_t)spool_orphans(i->spool));
    counter_set(G_SPOOL_BROKEN, (int64_t)spool_broken(i->spool));
    counter_set(G_SPOOL_OLDEST_S, age_us < 0 ? 0 : age_us / US_PER_S);
    counter_set(G_INGEST_LAG_MS, lag_us < 0 ? 0 : lag_us / 1000);
    counter_set(G_DB_LEDGER, store_is_up(i->store));
}

struct ingest *ingest_new(struct loop *loop, const struct conf *conf, struct spool *s)
{
    static const struct store_callbacks callbacks = {.on_up = on_up, .on_down = on_down};
    struct ingest *i = calloc(1, sizeof *i);
    if (i == NULL)
        return NULL;
    i->loop = loop;
    i->spool = s;
    i->margin_us = conf->request_timeout_ms * 1000 + SLACK_US;
    i->idle_mono_ms = i->looked_mono_ms = INT64_MIN;
    i->recorded_us = wall_now_us() - i->margin_us; /* what an earlier process acknowledged, it had claimed but for the last */
    i->oldest_us = INT64_MIN;
    encode_uuid(i->live.uuid, spool_id(s));
    for (size_t n = 0; n < 2; n++)
        parcel_init(&i->parcels[n]);
    i->parcel = &i->parcels[0];
    i->ahead.parcel = &i->parcels[1];
    i->tick = loop_timer_new(loop, on_tick, i);
    i->store = store_new(loop, conf->database, "hadir_intake", true, &callbacks, i);
    if (i->tick == NULL || i->store == NULL) {
        ingest_free(i);
        return NULL;
    }
    loop_timer_arm(i->tick, TICK_MS);
    return i;
}

void ingest_stop(struct ingest *i)
{
    i->stopped = true;
    loop_timer_disarm(i->tick);
    close_orphan(i, false);
}

void ingest_free(struct ingest *i)
{
    if (i == NULL)
        return;
    if (i->tick != NULL)
        loop_timer_free(i->tick);
    if (i->store != NULL)
        store_free(i->store);
    for (size_t n = 0; n < 2; n++)
        parcel_fini(&i->parcels[n]);
    free(i);
}
