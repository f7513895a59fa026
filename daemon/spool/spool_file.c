/* The SQLite side of the spool: one file, one connection, prepared statements. Layout and crash rules: spool.c.
 *
 * Every function returns false when SQLite did anything but succeed and leaves the fault and its words in the file
 * object; what follows from a fault (503, exit, setting the file aside) is decided by the callers, not here.
 * Called by one thread only, so the connection is opened without SQLite's own mutexes.
 */
#include "spool_file.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "log.h"

#define SPOOL_APPLICATION_ID 0x48414452 /* "HADR" */
#define SPOOL_VERSION 2 /* 1: without check sums; such a file gets the columns, its rows stay without */
#define SUM_BYTES 8

enum statement {
    Q_BEGIN, Q_COMMIT, Q_ROLLBACK, Q_BY_KEY, Q_BY_ID, Q_ROWS, Q_INSERT, Q_SLOT, Q_TAKE_SLOT, Q_INSERT_GROUP, Q_GROUP,
    Q_LAST_GROUP, Q_LAST_SEQ, Q_META, Q_SAVE_META, Q_WINDOW, Q_DELETE_ROWS, Q_DELETE_GROUPS, Q_DELETE_SLOTS, Q_COUNT
};

#define ROW_COLUMNS "seq, kind, id, body_hash, received_us, payload, grp, leaf_index, scope, key, sum"

static const char *const sql_of[Q_COUNT] = {
    [Q_BEGIN] = "BEGIN IMMEDIATE",
    [Q_COMMIT] = "COMMIT",
    [Q_ROLLBACK] = "ROLLBACK",
    [Q_BY_KEY] = "SELECT " ROW_COLUMNS " FROM row WHERE scope = ?1 AND key = ?2",
    [Q_BY_ID] = "SELECT " ROW_COLUMNS " FROM row WHERE id = ?1",
    [Q_ROWS] = "SELECT " ROW_COLUMNS " FROM row WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3",
    [Q_INSERT] = "INSERT INTO row (kind, scope, key, body_hash, id, received_us, payload, grp, leaf_index, sum) "
                 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
    [Q_SLOT] = "SELECT at_us FROM slot WHERE person = ?1 AND session = ?2 AND day = ?3 AND inside = ?4",
    [Q_TAKE_SLOT] = "INSERT OR REPLACE INTO slot (person, session, day, inside, at_us) VALUES (?1, ?2, ?3, ?4, ?5)",
    [Q_INSERT_GROUP] = "INSERT INTO grp (id, size, root, signature, key_id, leaves, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [Q_GROUP] = "SELECT signature, key_id, leaves, sum FROM grp WHERE id = ?1",
    [Q_LAST_GROUP] = "SELECT seq FROM sqlite_sequence WHERE name = 'grp'",
    [Q_LAST_SEQ] = "SELECT seq FROM sqlite_sequence WHERE name = 'row'",
    [Q_META] = "SELECT value FROM meta WHERE name = ?1",
    [Q_SAVE_META] = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)",
    [Q_WINDOW] = "SELECT count(*), min(received_us), max(seq) FROM (SELECT seq, received_us FROM row "
                 "WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)",
    [Q_DELETE_ROWS] = "DELETE FROM row WHERE seq > ?1 AND seq <= ?2 AND received_us < ?3",
    [Q_DELETE_GROUPS] = "DELETE FROM grp WHERE id < (SELECT grp FROM row WHERE grp IS NOT NULL ORDER BY seq LIMIT 1)",
    [Q_DELETE_SLOTS] = "DELETE FROM slot WHERE rowid IN (SELECT rowid FROM slot WHERE day < ?1 LIMIT ?2)",
};

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE row ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " kind INTEGER NOT NULL, scope BLOB NOT NULL, key BLOB NOT NULL, body_hash BLOB NOT NULL, id BLOB NOT NULL,"
    " received_us INTEGER NOT NULL, grp INTEGER, leaf_index INTEGER, payload BLOB NOT NULL, sum BLOB);"
    "CREATE UNIQUE INDEX row_key ON row (scope, key);"
    "CREATE UNIQUE INDEX row_id ON row (id);"
    "CREATE TABLE grp ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER NOT NULL, root BLOB NOT NULL, signature BLOB NOT NULL,"
    " key_id TEXT NOT NULL, leaves BLOB NOT NULL, sum BLOB);"
    "CREATE TABLE slot ("
    " person INTEGER NOT NULL, session INTEGER NOT NULL, day INTEGER NOT NULL, inside INTEGER NOT NULL,"
    " at_us INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX slot_key ON slot (day, person, session, inside);";

struct spool_file {
    sqlite3 *db;
    sqlite3_stmt *q[Q_COUNT];
    enum spool_fault fault;
    char reason[240];
    uint8_t id[16];
    int64_t ingested;
    int64_t next_group;
    struct spool_file_age age;
    int64_t passed_over; /* rows up to here are stamped later than now; looked at again after a start */
    int wal_pages;
    struct spool_file_group cached; /* id 0: empty */
};

static enum spool_fault fault_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return SPOOL_FAULT_LOCKED;
    case SQLITE_FULL:
        return SPOOL_FAULT_SPACE;
    case SQLITE_NOMEM:
        return SPOOL_FAULT_MEMORY;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return SPOOL_FAULT_REFUSED;
    default:
        return code == SQLITE_IOERR_NOMEM ? SPOOL_FAULT_MEMORY : SPOOL_FAULT_UNREADABLE;
    }
}

/* Notes what the connection says went wrong; always false. */
static bool note_fault(struct spool_file *f, const char *doing)
{
    int code = sqlite3_extended_errcode(f->db);
    f->fault = fault_of(code);
    snprintf(f->reason, sizeof f->reason, "%s: %s (SQLite %d, errno %d)", doing, sqlite3_errmsg(f->db), code,
             sqlite3_system_errno(f->db));
    return false;
}

static bool note_damage(struct spool_file *f, const char *what)
{
    f->fault = SPOOL_FAULT_UNREADABLE;
    snprintf(f->reason, sizeof f->reason, "damaged: %s", what);
    return false;
}

enum spool_fault spool_file_fault(const struct spool_file *f)
{
    return f->fault;
}

const char *spool_file_reason(const struct spool_file *f)
{
    return f->reason;
}

/* ---- statements ---- */

static bool bind_blob(struct spool_file *f, enum statement q, int at, const void *bytes, size_t len)
{
    /* A NULL pointer would bind SQL NULL; an empty payload is still a blob. */
    return sqlite3_bind_blob64(f->q[q], at, bytes != NULL ? bytes : "", len, SQLITE_STATIC) == SQLITE_OK ||
           note_fault(f, "binding bytes");
}

static bool bind_int(struct spool_file *f, enum statement q, int at, int64_t v)
{
    return sqlite3_bind_int64(f->q[q], at, v) == SQLITE_OK || note_fault(f, "binding a number");
}

/* The first parameter, constant text. */
static bool bind_name(struct spool_file *f, enum statement q, const char *name)
{
    return sqlite3_bind_text(f->q[q], 1, name, -1, SQLITE_STATIC) == SQLITE_OK || note_fault(f, "binding a name");
}

/* Runs a statement that gives no rows. */
static bool run(struct spool_file *f, enum statement q, const char *doing)
{
    bool ok = sqlite3_step(f->q[q]) == SQLITE_DONE;
    if (!ok)
        note_fault(f, doing);
    sqlite3_reset(f->q[q]);
    return ok;
}

/* Steps to the next row: true with *ret_row telling whether there is one. */
static bool step(struct spool_file *f, enum statement q, const char *doing, bool *ret_row)
{
    int code = sqlite3_step(f->q[q]);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return note_fault(f, doing);
    *ret_row = code == SQLITE_ROW;
    return true;
}

static bool read_fixed(sqlite3_stmt *q, int column, void *ret, int len)
{
    const void *bytes = sqlite3_column_blob(q, column);
    if (bytes == NULL || sqlite3_column_bytes(q, column) != len)
        return false;
    memcpy(ret, bytes, (size_t)len);
    return true;
}

/* SQLite's pages carry no check sums (its log's do), and a rotten byte of a payload may well be another valid fact. So each
 * row has its own: the beginning of a SHA-256 over everything in it but its number. */
static void row_sum(const struct spool_file_row *row, const struct spool_scope *scope, const void *key,
                    uint8_t ret[SHA256_BYTES])
{
    const int64_t numbers[] = {row->kind, row->received_us, row->group, row->group == 0 ? 0 : row->leaf_index};
    const struct digest_part parts[] = {{numbers, sizeof numbers},       {scope->bytes, scope->len},
                                        {key, 16},                       {row->body_hash, sizeof row->body_hash},
                                        {row->id, sizeof row->id},       {row->payload, row->payload_len}};
    digest_sha256_parts(parts, sizeof parts / sizeof parts[0], ret);
}

static void group_sum(int64_t id, const uint8_t *signature, const char *key_id, const uint8_t *leaves, size_t leaves_len,
                      uint8_t ret[SHA256_BYTES])
{
    const struct digest_part parts[] = {
        {&id, sizeof id}, {signature, 64}, {key_id, strlen(key_id)}, {leaves, leaves_len}};
    digest_sha256_parts(parts, sizeof parts / sizeof parts[0], ret);
}

/* NULL is a row of version 1. */
static bool sum_fits(sqlite3_stmt *q, int column, const uint8_t sum[SHA256_BYTES])
{
    uint8_t kept[SUM_BYTES];
    return sqlite3_column_type(q, column) == SQLITE_NULL ||
           (read_fixed(q, column, kept, SUM_BYTES) && memcmp(kept, sum, SUM_BYTES) == 0);
}

static bool row_fits(sqlite3_stmt *q, const struct spool_file_row *row)
{
    struct spool_scope scope = {.len = (size_t)sqlite3_column_bytes(q, 8)};
    uint8_t key[16], sum[SHA256_BYTES];
    if (scope.len > sizeof scope.bytes || scope.len == 0 || !read_fixed(q, 9, key, sizeof key))
        return false;
    memcpy(scope.bytes, sqlite3_column_blob(q, 8), scope.len);
    row_sum(row, &scope, key, sum);
    return sum_fits(q, 10, sum);
}

static bool read_row(struct spool_file *f, sqlite3_stmt *q, struct spool_file_row *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->seq = sqlite3_column_int64(q, 0);
    ret->kind = (enum spool_kind)sqlite3_column_int(q, 1);
    ret->received_us = sqlite3_column_int64(q, 4);
    ret->payload = sqlite3_column_blob(q, 5);
    ret->payload_len = (size_t)sqlite3_column_bytes(q, 5);
    ret->group = sqlite3_column_int64(q, 6);
    ret->leaf_index = sqlite3_column_int64(q, 7);
    if (!read_fixed(q, 2, ret->id, 16) || !read_fixed(q, 3, ret->body_hash, 32))
        return note_damage(f, "a row's identifier or hash has the wrong size");
    if (ret->kind < SPOOL_CHECKIN || ret->kind > SPOOL_EVENT)
        return note_damage(f, "a row is of no known kind");
    return row_fits(q, ret) || note_damage(f, "a row is not what was written");
}

/* ---- opening ---- */

static bool pragma_is(struct spool_file *f, const char *sql, const char *expected)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(f->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    if (!ok) {
        note_fault(f, sql);
    } else if (sqlite3_stricmp((const char *)sqlite3_column_text(q, 0), expected) != 0) {
        f->fault = SPOOL_FAULT_UNREADABLE;
        snprintf(f->reason, sizeof f->reason, "%s did not give %s", sql, expected);
        ok = false;
    }
    sqlite3_finalize(q);
    return ok;
}

static bool exec(struct spool_file *f, const char *sql)
{
    return sqlite3_exec(f->db, sql, NULL, NULL, NULL) == SQLITE_OK || note_fault(f, sql);
}

static bool read_number(struct spool_file *f, const char *sql, int64_t *ret)
{
    sqlite3_stmt *q = NULL;
    bool ok = sqlite3_prepare_v2(f->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    if (ok)
        *ret = sqlite3_column_int64(q, 0);
    else
        note_fault(f, sql);
    sqlite3_finalize(q);
    return ok;
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct spool_file *)arg)->wal_pages = pages; /* replaces SQLite's own checkpoint inside COMMIT */
    return SQLITE_OK;
}

/* locking_mode comes before the first access: only then does WAL live without a shared memory file. */
static bool set_up(struct spool_file *f)
{
    bool ok = pragma_is(f, "PRAGMA locking_mode=EXCLUSIVE", "exclusive") &&
              exec(f, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
                      "PRAGMA mmap_size=0; PRAGMA cache_size=-16384") &&
              pragma_is(f, "PRAGMA journal_mode=WAL", "wal") && pragma_is(f, "PRAGMA secure_delete=ON", "1") &&
              exec(f, "PRAGMA synchronous=FULL") && pragma_is(f, "PRAGMA synchronous", "2");
    if (ok)
        sqlite3_wal_hook(f->db, on_wal, f);
    return ok;
}

static bool create_tables(struct spool_file *f)
{
    char stamp[96];
    digest_random(f->id, sizeof f->id);
    snprintf(stamp, sizeof stamp, "PRAGMA application_id=%d; PRAGMA user_version=%d", SPOOL_APPLICATION_ID,
             SPOOL_VERSION);
    sqlite3_stmt *q = NULL;
    bool ok = exec(f, schema) && exec(f, stamp);
    if (ok && (sqlite3_prepare_v2(f->db, "INSERT INTO meta VALUES ('spool_id', ?1)", -1, &q, NULL) != SQLITE_OK ||
               sqlite3_bind_blob(q, 1, f->id, sizeof f->id, SQLITE_STATIC) != SQLITE_OK ||
               sqlite3_step(q) != SQLITE_DONE))
        ok = note_fault(f, "writing the spool's id");
    sqlite3_finalize(q);
    return ok && exec(f, "COMMIT");
}

static bool check_or_create(struct spool_file *f, bool create)
{
    int64_t application = 0, version = 0, tables = 0;
    if (!read_number(f, "PRAGMA application_id", &application) || !read_number(f, "PRAGMA user_version", &version) ||
        !read_number(f, "SELECT count(*) FROM sqlite_schema", &tables))
        return false;
    if (create && application == 0 && tables == 0)
        return create_tables(f);
    if (application != SPOOL_APPLICATION_ID)
        return note_damage(f, "not a hadir spool");
    if (version == 1 && !exec(f, "BEGIN IMMEDIATE; ALTER TABLE row ADD COLUMN sum BLOB; ALTER TABLE grp ADD COLUMN sum BLOB;"
                                 "PRAGMA user_version=2; COMMIT"))
        return false;
    if (version > SPOOL_VERSION || version < 1) {
        f->fault = SPOOL_FAULT_NEWER;
        snprintf(f->reason, sizeof f->reason, "spool format %lld, this hadird knows %d", (long long)version,
                 SPOOL_VERSION);
        return false;
    }
    return true;
}

static bool prepare(struct spool_file *f)
{
    for (int i = 0; i < Q_COUNT; i++)
        if (sqlite3_prepare_v3(f->db, sql_of[i], -1, SQLITE_PREPARE_PERSISTENT, &f->q[i], NULL) != SQLITE_OK)
            return note_fault(f, sql_of[i]);
    return true;
}

static bool read_meta_number(struct spool_file *f, const char *name, int64_t *ret)
{
    bool row = false, ok = bind_name(f, Q_META, name) && step(f, Q_META, "reading a mark", &row);
    if (ok && row)
        *ret = sqlite3_column_int64(f->q[Q_META], 0);
    sqlite3_reset(f->q[Q_META]);
    return ok;
}

static bool read_meta(struct spool_file *f)
{
    bool row = false, ok;
    ok = bind_name(f, Q_META, "spool_id") && step(f, Q_META, "reading the spool's id", &row);
    if (ok && (!row || !read_fixed(f->q[Q_META], 0, f->id, sizeof f->id)))
        ok = note_damage(f, "no spool id");
    sqlite3_reset(f->q[Q_META]);
    if (!ok)
        return false;
    ok = read_meta_number(f, "ingested", &f->ingested) && read_meta_number(f, "clock_seen", &f->age.seen_us) &&
         read_meta_number(f, "hold", &f->age.hold_us);
    if (!ok || !step(f, Q_LAST_GROUP, "reading the last group", &row))
        return false;
    f->next_group = row ? sqlite3_column_int64(f->q[Q_LAST_GROUP], 0) + 1 : 1;
    sqlite3_reset(f->q[Q_LAST_GROUP]);
    return true;
}

static bool checkpoint(struct spool_file *f, int mode)
{
    int log_pages = 0, done = 0;
    int code = sqlite3_wal_checkpoint_v2(f->db, NULL, mode, &log_pages, &done);
    if (code == SQLITE_OK) {
        if (done == log_pages)
            f->wal_pages = 0;
        return true;
    }
    note_fault(f, "checkpoint");
    if (f->fault != SPOOL_FAULT_SPACE)
        return false;
    log_warn("event=spool_checkpoint_put_off reason=\"no space\"");
    return true;
}

/* Takes the file's lock for good, before anything is decided by what was read. */
static bool lock_file(struct spool_file *f)
{
    return exec(f, "BEGIN IMMEDIATE; COMMIT");
}

/* What a crash lost may lie whole behind what counts of the log, and would stay there under new, shorter transactions: after
 * another crash it were more than one (spool_wal.c). So each start begins the log anew. */
static bool begin_log(struct spool_file *f)
{
    return checkpoint(f, SQLITE_CHECKPOINT_TRUNCATE);
}

struct spool_file *spool_file_open(const char *path, bool create, enum spool_fault *ret_fault, char *error,
                                   size_t error_cap)
{
    struct spool_file *f = calloc(1, sizeof *f);
    if (f == NULL) {
        *ret_fault = SPOOL_FAULT_MEMORY;
        snprintf(error, error_cap, "out of memory");
        return NULL;
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (create)
        flags |= SQLITE_OPEN_CREATE;
    bool ok = sqlite3_open_v2(path, &f->db, flags, NULL) == SQLITE_OK;
    if (!ok)
        note_fault(f, "opening");
    ok = ok && set_up(f) && lock_file(f) && (!create || begin_log(f)) && check_or_create(f, create) && prepare(f) && read_meta(f);
    if (!ok) {
        *ret_fault = f->fault;
        snprintf(error, error_cap, "%s", f->reason);
        spool_file_close(f);
        return NULL;
    }
    return f;
}

void spool_file_close(struct spool_file *f)
{
    if (f == NULL)
        return;
    for (int i = 0; i < Q_COUNT; i++)
        sqlite3_finalize(f->q[i]);
    if (sqlite3_close(f->db) != SQLITE_OK)
        log_error("event=spool_close_failed reason=\"statements left open\"");
    merkle_tree_free(f->cached.tree);
    free(f);
}

const uint8_t *spool_file_id(const struct spool_file *f)
{
    return f->id;
}

int64_t spool_file_ingested(const struct spool_file *f)
{
    return f->ingested;
}

static bool save_meta_number(struct spool_file *f, const char *name, int64_t value)
{
    return bind_name(f, Q_SAVE_META, name) && bind_int(f, Q_SAVE_META, 2, value) && run(f, Q_SAVE_META, "saving a mark");
}

bool spool_file_save_ingested(struct spool_file *f, int64_t seq)
{
    if (!save_meta_number(f, "ingested", seq))
        return false;
    f->ingested = seq;
    return true;
}

struct spool_file_age spool_file_age(const struct spool_file *f)
{
    return f->age;
}

bool spool_file_save_age(struct spool_file *f, const struct spool_file_age *age)
{
    bool ok = spool_file_begin(f) && save_meta_number(f, "clock_seen", age->seen_us) &&
              save_meta_number(f, "hold", age->hold_us) && spool_file_commit(f);
    if (!ok) {
        spool_file_rollback(f);
        return false;
    }
    f->age = *age;
    return true;
}

bool spool_file_renew_id(struct spool_file *f)
{
    uint8_t id[sizeof f->id];
    digest_random(id, sizeof id);
    bool ok = bind_name(f, Q_SAVE_META, "spool_id") && bind_blob(f, Q_SAVE_META, 2, id, sizeof id) &&
              run(f, Q_SAVE_META, "giving the spool another id");
    sqlite3_clear_bindings(f->q[Q_SAVE_META]); /* the bytes are this function's */
    if (ok)
        memcpy(f->id, id, sizeof f->id);
    return ok;
}

bool spool_file_last_seq(struct spool_file *f, int64_t *ret_seq)
{
    bool row = false, ok = step(f, Q_LAST_SEQ, "reading the last row's number", &row);
    if (ok)
        *ret_seq = row ? sqlite3_column_int64(f->q[Q_LAST_SEQ], 0) : 0;
    sqlite3_reset(f->q[Q_LAST_SEQ]);
    return ok;
}

/* ---- transactions ---- */

bool spool_file_begin(struct spool_file *f)
{
    return run(f, Q_BEGIN, "begin");
}

void spool_file_release(struct spool_file *f)
{
    sqlite3_reset(f->q[Q_BY_KEY]);
    sqlite3_reset(f->q[Q_BY_ID]);
}

bool spool_file_commit(struct spool_file *f)
{
    spool_file_release(f); /* a statement left on its row would hold back checkpoints */
    return run(f, Q_COMMIT, "commit");
}

void spool_file_rollback(struct spool_file *f)
{
    spool_file_release(f);
    if (!sqlite3_get_autocommit(f->db)) /* SQLite itself rolls back after some errors */
        run(f, Q_ROLLBACK, "rollback");
    f->cached.id = 0; /* may be of the group that never was */
}

/* ---- rows ---- */

void spool_scope_of_device(int64_t device, struct spool_scope *ret)
{
    ret->bytes[0] = 'd';
    for (int i = 0; i < 8; i++)
        ret->bytes[1 + i] = (uint8_t)((uint64_t)device >> (56 - 8 * i));
    ret->len = 9;
}

void spool_scope_of_item(const struct spool_item *item, struct spool_scope *ret)
{
    if (item->kind == SPOOL_EVENT) {
        ret->bytes[0] = 'e';
        ret->len = 1;
    } else if (item->device != 0) {
        spool_scope_of_device(item->device, ret);
    } else { /* a hash, so that any length fits */
        ret->bytes[0] = 's';
        digest_sha256(item->sender.s, item->sender.len, ret->bytes + 1);
        ret->len = 1 + SHA256_BYTES;
    }
}

/* The statement stays on its row, so that the payload stays valid, until spool_file_release. */
static bool find(struct spool_file *f, enum statement q, bool *ret_found, struct spool_file_row *ret)
{
    return step(f, q, "looking up a row", ret_found) && (!*ret_found || read_row(f, f->q[q], ret));
}

bool spool_file_by_key(struct spool_file *f, const struct spool_scope *scope, const uint8_t key[16], bool *ret_found,
                       struct spool_file_row *ret)
{
    sqlite3_reset(f->q[Q_BY_KEY]);
    return bind_blob(f, Q_BY_KEY, 1, scope->bytes, scope->len) && bind_blob(f, Q_BY_KEY, 2, key, 16) &&
           find(f, Q_BY_KEY, ret_found, ret);
}

bool spool_file_by_id(struct spool_file *f, const uint8_t id[16], bool *ret_found, struct spool_file_row *ret)
{
    sqlite3_reset(f->q[Q_BY_ID]);
    return bind_blob(f, Q_BY_ID, 1, id, 16) && find(f, Q_BY_ID, ret_found, ret);
}

bool spool_file_rows(struct spool_file *f, int64_t after, int64_t until, size_t max_rows, spool_file_row_cb fn, void *arg,
                     int64_t *ret_last)
{
    struct spool_file_row row;
    int64_t before = after;
    bool more = true, ok = bind_int(f, Q_ROWS, 1, after) && bind_int(f, Q_ROWS, 2, until) &&
                           bind_int(f, Q_ROWS, 3, (int64_t)max_rows);
    while (ok && (ok = step(f, Q_ROWS, "reading rows", &more)) && more) {
        ok = read_row(f, f->q[Q_ROWS], &row) && (row.seq > before || note_damage(f, "rows are not in order"));
        before = row.seq;
        if (!ok || !fn(arg, &row))
            break;
        if (ret_last != NULL)
            *ret_last = row.seq;
    }
    sqlite3_reset(f->q[Q_ROWS]);
    return ok;
}

bool spool_file_insert(struct spool_file *f, const struct spool_item *item, const struct spool_scope *scope,
                       int64_t group, int64_t leaf_index, int64_t *ret_seq)
{
    enum statement q = Q_INSERT;
    uint8_t sum[SHA256_BYTES];
    struct spool_file_row row = {.group = group, .leaf_index = leaf_index, .kind = item->kind, .received_us = item->received_us,
                                 .payload = item->payload, .payload_len = item->payload_len};
    memcpy(row.id, item->id, sizeof row.id);
    memcpy(row.body_hash, item->body_hash, sizeof row.body_hash);
    row_sum(&row, scope, item->key, sum);
    sqlite3_clear_bindings(f->q[q]);
    bool ok = bind_int(f, q, 1, item->kind) && bind_blob(f, q, 2, scope->bytes, scope->len) &&
              bind_blob(f, q, 3, item->key, 16) && bind_blob(f, q, 4, item->body_hash, 32) &&
              bind_blob(f, q, 5, item->id, 16) && bind_int(f, q, 6, item->received_us) &&
              bind_blob(f, q, 7, item->payload, item->payload_len) && bind_blob(f, q, 10, sum, SUM_BYTES) &&
              (group == 0 || (bind_int(f, q, 8, group) && bind_int(f, q, 9, leaf_index)));
    if (!ok)
        return note_fault(f, "binding a row");
    if (!run(f, q, "appending a row"))
        return false;
    *ret_seq = sqlite3_changes(f->db) == 1 ? sqlite3_last_insert_rowid(f->db) : 0;
    return true;
}

/* ---- slots ---- */

static bool bind_slot(struct spool_file *f, enum statement q, const struct spool_slot *slot)
{
    return bind_int(f, q, 1, slot->person) && bind_int(f, q, 2, slot->session) && bind_int(f, q, 3, slot->day) &&
           bind_int(f, q, 4, slot->inside);
}

bool spool_file_slot(struct spool_file *f, const struct spool_slot *slot, bool *ret_taken, int64_t *ret_at_us)
{
    bool ok = bind_slot(f, Q_SLOT, slot) && step(f, Q_SLOT, "reading a slot", ret_taken);
    if (ok && *ret_taken)
        *ret_at_us = sqlite3_column_int64(f->q[Q_SLOT], 0);
    sqlite3_reset(f->q[Q_SLOT]);
    return ok;
}

bool spool_file_take_slot(struct spool_file *f, const struct spool_slot *slot)
{
    return bind_slot(f, Q_TAKE_SLOT, slot) && bind_int(f, Q_TAKE_SLOT, 5, slot->at_us) &&
           run(f, Q_TAKE_SLOT, "taking a slot");
}

/* ---- groups ---- */

int64_t spool_file_next_group(const struct spool_file *f)
{
    return f->next_group;
}

bool spool_file_insert_group(struct spool_file *f, const struct spool_file_group *g, const uint8_t *leaves)
{
    enum statement q = Q_INSERT_GROUP;
    uint8_t root[SHA256_BYTES], sum[SHA256_BYTES];
    merkle_tree_root(g->tree, root);
    group_sum(g->id, g->signature, g->key_id, leaves, g->count * SHA256_BYTES, sum);
    bool ok = bind_int(f, q, 1, g->id) && bind_int(f, q, 2, (int64_t)g->count) &&
              bind_blob(f, q, 3, root, sizeof root) && bind_blob(f, q, 4, g->signature, 64) &&
              sqlite3_bind_text(f->q[q], 5, g->key_id, -1, SQLITE_STATIC) == SQLITE_OK &&
              bind_blob(f, q, 6, leaves, g->count * SHA256_BYTES) && bind_blob(f, q, 7, sum, SUM_BYTES);
    if (!ok)
        return note_fault(f, "binding a group");
    if (!run(f, q, "writing the group"))
        return false;
    f->next_group = g->id + 1; /* after a rollback the number is merely skipped */
    return true;
}

static bool load_group(struct spool_file *f, int64_t id)
{
    struct spool_file_group *g = &f->cached;
    sqlite3_stmt *q = f->q[Q_GROUP];
    bool row = false;
    if (!bind_int(f, Q_GROUP, 1, id) || !step(f, Q_GROUP, "reading a group", &row))
        return false;
    uint8_t sum[SHA256_BYTES];
    const char *key_id = row ? (const char *)sqlite3_column_text(q, 1) : NULL;
    const uint8_t *leaves = row ? sqlite3_column_blob(q, 2) : NULL;
    int bytes = row ? sqlite3_column_bytes(q, 2) : 0;
    if (key_id == NULL || strlen(key_id) >= sizeof g->key_id || leaves == NULL || bytes < SHA256_BYTES ||
        bytes % SHA256_BYTES != 0 || !read_fixed(q, 0, g->signature, 64))
        return note_damage(f, "a group's signature or leaves");
    group_sum(id, g->signature, key_id, leaves, (size_t)bytes, sum);
    if (!sum_fits(q, 3, sum))
        return note_damage(f, "a group is not what was written");
    snprintf(g->key_id, sizeof g->key_id, "%s", key_id);
    g->count = (size_t)bytes / SHA256_BYTES;
    g->tree = merkle_tree_new(leaves, g->count);
    if (g->tree == NULL) {
        f->fault = SPOOL_FAULT_MEMORY;
        snprintf(f->reason, sizeof f->reason, "out of memory");
        return false;
    }
    g->id = id;
    return true;
}

const struct spool_file_group *spool_file_group(struct spool_file *f, int64_t id)
{
    if (f->cached.id != id || id == 0) {
        f->cached.id = 0;
        merkle_tree_free(f->cached.tree);
        f->cached.tree = NULL;
        bool ok = load_group(f, id);
        sqlite3_reset(f->q[Q_GROUP]);
        if (!ok)
            return NULL;
    }
    return &f->cached;
}

/* ---- ageing ---- */

/* The next rows by number, at most bite: how far they go, whether every one is stamped later than now. */
static bool look_ahead(struct spool_file *f, int64_t ingested_seq, int64_t now_us, int bite, int64_t *ret_last, int *ret_ahead)
{
    bool row = false, ok = bind_int(f, Q_WINDOW, 1, f->passed_over) && bind_int(f, Q_WINDOW, 2, ingested_seq) &&
                           bind_int(f, Q_WINDOW, 3, bite) && step(f, Q_WINDOW, "looking for old rows", &row) && row;
    if (ok) {
        int count = sqlite3_column_int(f->q[Q_WINDOW], 0);
        *ret_ahead = count == bite && sqlite3_column_int64(f->q[Q_WINDOW], 1) > now_us ? count : 0;
        *ret_last = sqlite3_column_int64(f->q[Q_WINDOW], 2);
    }
    sqlite3_reset(f->q[Q_WINDOW]);
    return ok;
}

/* Rows lie in the order in which they came, so the first young one would end the work; but those that a wrong clock stamped
 * with a time to come would hold up all behind them. */
bool spool_file_delete_old(struct spool_file *f, int64_t ingested_seq, int64_t now_us, int64_t keep_us, int bite,
                           int *ret_done)
{
    int deleted = 0, ahead = 0;
    int64_t last = 0, cutoff_us = now_us - keep_us;
    if (!look_ahead(f, ingested_seq, now_us, bite, &last, &ahead))
        return false;
    bool ok = bind_int(f, Q_DELETE_ROWS, 1, f->passed_over) && bind_int(f, Q_DELETE_ROWS, 2, last) &&
              bind_int(f, Q_DELETE_ROWS, 3, cutoff_us) && bind_int(f, Q_DELETE_SLOTS, 1, cutoff_us / 86400000000 - 1) &&
              bind_int(f, Q_DELETE_SLOTS, 2, bite) && spool_file_begin(f);
    if (!ok)
        return false;
    ok = run(f, Q_DELETE_ROWS, "deleting old rows");
    deleted = ok ? sqlite3_changes(f->db) : 0;
    ok = ok && run(f, Q_DELETE_SLOTS, "deleting old slots");
    deleted += ok ? sqlite3_changes(f->db) : 0;
    if (ok && deleted > 0)
        ok = run(f, Q_DELETE_GROUPS, "deleting old groups");
    if (ok)
        ok = spool_file_commit(f);
    if (!ok) {
        spool_file_rollback(f);
        return false;
    }
    if (ahead > 0)
        f->passed_over = last;
    *ret_done = deleted + ahead;
    return true;
}

int spool_file_wal_pages(const struct spool_file *f)
{
    return f->wal_pages;
}

bool spool_file_checkpoint(struct spool_file *f)
{
    return checkpoint(f, SQLITE_CHECKPOINT_PASSIVE);
}
