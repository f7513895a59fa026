/* The database that the ledger's tests play: store.h for one connection, which answers only when the test says so. Included by
 * one file of a program. */
#ifndef HADIR_TEST_LEDGER_DATABASE_H
#define HADIR_TEST_LEDGER_DATABASE_H

#include <stdio.h>
#include <string.h>

#include "record.h"
#include "store.h"
#include "unit.h"

#define PARCEL_TEST_ROWS 2520 /* one parcel holds 2,500 */

struct rows {
    const char *value;
};

static struct fake {
    const struct store_callbacks *callbacks;
    void *arg;
    bool up;
    store_cb pending;
    void *pending_arg;
    char sql[200], param[6][200];
    unsigned rows;  /* of the array */
    int64_t first_seq, last_seq;
    bool id, whole; /* its first row has an id; and a body hash */
} db;

struct store *store_new(struct loop *loop, const char *conninfo, const char *user, bool durable,
                        const struct store_callbacks *cbs, void *arg)
{
    (void)loop;
    (void)conninfo;
    ck_assert_str_eq(user, "hadir_intake");
    ck_assert(durable);
    db.callbacks = cbs;
    db.arg = arg;
    return (struct store *)&db;
}

void store_free(struct store *s)
{
    (void)s;
    memset(&db, 0, sizeof db);
}

bool store_is_up(const struct store *s)
{
    (void)s;
    return db.up;
}

bool store_query(struct store *s, const struct store_actor *actor, const char *sql, int n, const char *const *params,
                 store_cb cb, void *arg)
{
    (void)s;
    ck_assert_ptr_null(actor);
    ck_assert(db.up);
    ck_assert_msg(db.pending == NULL, "two exchanges at once");
    db.pending = cb;
    db.pending_arg = arg;
    snprintf(db.sql, sizeof db.sql, "%s", sql);
    memset(db.param, 0, sizeof db.param);
    for (int i = 0; i < n; i++)
        snprintf(db.param[i], sizeof db.param[i], "%s", params[i]);
    db.rows = 0;
    return true;
}

bool store_query_binary(struct store *s, const char *sql, int n, const char *const *params, size_t last_len, store_cb cb, void *arg)
{
    struct piece elements[PARCEL_TEST_ROWS];
    const char *texts[6] = {"", "", "", "", "", ""};
    size_t count;
    memcpy(texts, params, (size_t)(n - 1) * sizeof texts[0]);
    bool taken = store_query(s, NULL, sql, n, texts, cb, arg);
    ck_assert(array_elements((struct piece){(const uint8_t *)params[n - 1], last_len}, elements, PARCEL_TEST_ROWS, &count));
    db.rows = (unsigned)count;
    struct piece members[39];
    ck_assert_uint_eq(record_members(elements[count - 1], members, 39), 39);
    db.last_seq = (int64_t)be(members[0].data, 8);
    ck_assert_uint_eq(record_members(elements[0], members, 39), 39);
    db.first_seq = (int64_t)be(members[0].data, 8);
    db.id = members[2].data != NULL;
    db.whole = members[8].data != NULL;
    return taken;
}

size_t rows_count(const struct rows *r)
{
    return r->value == NULL ? 0 : 1;
}

const char *rows_get(const struct rows *r, size_t row, size_t col)
{
    ck_assert_uint_eq(row + col, 0);
    return strcmp(r->value, "null") == 0 ? NULL : r->value;
}

#endif
