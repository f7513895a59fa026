/* Reads rows as daemon/ledger/row.c writes them: PostgreSQL's binary records and arrays. For unit tests and fuzzers. */
#ifndef HADIR_TEST_RECORD_H
#define HADIR_TEST_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes of a record, an array, an element or a member; data NULL: null. */
struct piece {
    const uint8_t *data;
    size_t len;
};

static inline uint64_t be(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

/* Takes a length and as many bytes from *at on; false: there are fewer. */
static inline bool piece_take(struct piece all, size_t *at, struct piece *ret)
{
    if (all.len - *at < 4)
        return false;
    uint32_t len = (uint32_t)be(all.data + *at, 4);
    *at += 4;
    if (len == UINT32_MAX) {
        *ret = (struct piece){0};
        return true;
    }
    if (all.len - *at < len)
        return false;
    *ret = (struct piece){all.data + *at, len};
    *at += len;
    return true;
}

/* The members of a record, at most cap; returns how many, 0 when it is none: a byte too few or too many. */
static inline size_t record_members(struct piece record, struct piece *members, size_t cap)
{
    size_t at = 4, count = record.len < 4 ? 0 : (size_t)be(record.data, 4);
    if (count > cap)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (record.len - at < 4)
            return 0;
        at += 4; /* the type */
        if (!piece_take(record, &at, &members[i]))
            return 0;
    }
    return at == record.len ? count : 0;
}

/* The elements of an array, at most cap, in *ret_count; false when it is none. */
static inline bool array_elements(struct piece array, struct piece *elements, size_t cap, size_t *ret_count)
{
    *ret_count = 0;
    if (array.len < 12)
        return false;
    if (be(array.data, 4) == 0)
        return array.len == 12;
    size_t at = 20, count = array.len < 20 ? SIZE_MAX : (size_t)be(array.data + 12, 4);
    if (be(array.data, 4) != 1 || count > cap || be(array.data + 16, 4) != 1)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!piece_take(array, &at, &elements[i]))
            return false;
    *ret_count = count;
    return at == array.len;
}

#endif
