/* What the spool's tests share: a folder of their own, a loop, a key, and appending with the answer awaited. */
#ifndef HADIR_TEST_SPOOL_FIXTURE_H
#define HADIR_TEST_SPOOL_FIXTURE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "loop.h"
#include "merkle.h"
#include "signer.h"
#include "spool.h"
#include "unit.h"
#include "wall.h"

#define KEEP_US (8 * INT64_C(86400) * US_PER_S)
#define WAIT_MS 60000

struct bench {
    char dir[64];
    struct loop *loop;
    struct signer *signer;
    struct verifier *verifier;
    struct spool_options options;
    struct spool *spool;
};

/* What the last answers were; pointers are copies owned here. */
struct answer {
    bool called;
    enum spool_outcome outcome;
    size_t count;
    struct spool_result results[600];
    uint8_t payload[600][64];
    uint8_t path[600][MERKLE_PATH_MAX * SHA256_BYTES];
};

static inline bool bench_sign(void *arg, uint64_t tree_size, const uint8_t root[32], uint8_t ret[64])
{
    uint8_t bytes[40];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(tree_size >> (56 - 8 * i));
    memcpy(bytes + 8, root, 32);
    return signer_sign(arg, bytes, sizeof bytes, ret);
}

static inline bool bench_proof_good(const struct bench *b, const uint8_t leaf[32], const struct spool_proof *p)
{
    uint8_t bytes[40];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(p->tree_size >> (56 - 8 * i));
    memcpy(bytes + 8, p->root, 32);
    return p->tree_size > 0 && strcmp(p->key_id, signer_key_id(b->signer)) == 0 &&
           merkle_verify(leaf, p->tree_index, p->tree_size, p->path, p->path_steps, p->root) &&
           verifier_check(b->verifier, bytes, sizeof bytes, p->signature);
}

static inline struct spool *bench_try(struct bench *b, char *error, size_t cap)
{
    b->spool = spool_start(b->loop, &b->options, error, cap);
    return b->spool;
}

static inline void bench_open(struct bench *b)
{
    char error[300] = "";
    ck_assert_msg(bench_try(b, error, sizeof error) != NULL, "%s", error);
}

static inline void bench_close(struct bench *b)
{
    spool_stop(b->spool);
    b->spool = NULL;
}

static inline void bench_init(struct bench *b)
{
    memset(b, 0, sizeof *b);
    const char *tmp = getenv("TMPDIR");
    snprintf(b->dir, sizeof b->dir, "%.40s/hadir-spool-XXXXXX", tmp != NULL ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(b->dir));
    b->loop = loop_new();
    b->signer = signer_generate();
    b->verifier = verifier_of(b->signer);
    b->options = (struct spool_options){.dir = b->dir, .queue_max_items = 1000, .keep_us = KEEP_US,
                                        .sign = bench_sign, .sign_arg = b->signer, .key_id = signer_key_id(b->signer)};
}

static inline size_t bench_files(const struct bench *b, const char *ending)
{
    size_t count = 0;
    DIR *d = opendir(b->dir);
    ck_assert_ptr_nonnull(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t len = strlen(e->d_name), tail = strlen(ending);
        count += len >= tail && strcmp(e->d_name + len - tail, ending) == 0;
    }
    closedir(d);
    return count;
}

static inline void bench_fini(struct bench *b)
{
    char path[512];
    if (b->spool != NULL)
        bench_close(b);
    DIR *d = opendir(b->dir);
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", b->dir, e->d_name);
        (void)unlink(path);
    }
    if (d != NULL)
        closedir(d);
    rmdir(b->dir);
    verifier_free(b->verifier);
    signer_free(b->signer);
    loop_free(b->loop);
}

/* Commits what was appended and turns the loop until *flag; fails the test after a minute. */
static inline void bench_wait(struct bench *b, const bool *flag)
{
    int64_t until = mono_now_ms() + WAIT_MS;
    if (b->spool != NULL)
        spool_commit(b->spool);
    while (!*flag && mono_now_ms() < until)
        loop_turn(b->loop, 20);
    ck_assert_msg(*flag, "no answer within a minute");
}

static inline void bench_on_append(void *arg, enum spool_outcome outcome, const struct spool_result *results, size_t count)
{
    struct answer *a = arg;
    a->called = true;
    a->outcome = outcome;
    a->count = count;
    ck_assert_uint_le(count, 600);
    for (size_t i = 0; i < count; i++) {
        a->results[i] = results[i];
        if (results[i].payload_len > 0)
            memcpy(a->payload[i], results[i].payload, results[i].payload_len > 64 ? 64 : results[i].payload_len);
        if (results[i].proof.path_steps > 0)
            memcpy(a->path[i], results[i].proof.path, results[i].proof.path_steps * SHA256_BYTES);
        a->results[i].payload = a->payload[i];
        a->results[i].proof.path = a->path[i];
    }
}

/* A check-in of `device` with key, id, payload and leaf all made from `n`. */
struct sample {
    struct spool_item item;
    char payload[32];
};

static inline void sample_make(struct sample *s, int64_t device, unsigned n)
{
    uint8_t hash[32];
    memset(s, 0, sizeof *s);
    snprintf(s->payload, sizeof s->payload, "payload %lld/%u", (long long)device, n);
    digest_sha256(s->payload, strlen(s->payload), hash);
    s->item.kind = SPOOL_CHECKIN;
    s->item.device = device;
    memcpy(s->item.key, hash, 16);
    memcpy(s->item.id, hash + 16, 16);
    memcpy(s->item.body_hash, hash, 32);
    s->item.received_us = wall_now_us();
    s->item.payload = (const uint8_t *)s->payload;
    s->item.payload_len = strlen(s->payload);
    merkle_leaf(s->payload, strlen(s->payload), s->item.leaf);
    s->item.signed_leaf = true;
}

static inline void bench_append(struct bench *b, const struct spool_item *items, size_t count, struct answer *a)
{
    memset(a, 0, sizeof *a);
    ck_assert(spool_append(b->spool, items, count, bench_on_append, a));
    bench_wait(b, &a->called);
}

/* Rows read back. */
struct reading {
    bool called;
    size_t count;
    struct spool_row rows[1200];
    char payload[1200][40];
    uint8_t path[1200][MERKLE_PATH_MAX * SHA256_BYTES];
};

static inline void bench_on_rows(void *arg, const struct spool_row *rows, size_t count)
{
    struct reading *r = arg;
    r->called = true;
    r->count = count;
    ck_assert_uint_le(count, 1200);
    for (size_t i = 0; i < count; i++) {
        r->rows[i] = rows[i];
        snprintf(r->payload[i], sizeof r->payload[i], "%.*s", (int)rows[i].payload_len, (const char *)rows[i].payload);
        if (rows[i].proof.path_steps > 0)
            memcpy(r->path[i], rows[i].proof.path, rows[i].proof.path_steps * SHA256_BYTES);
        r->rows[i].proof.path = r->path[i];
    }
}

static inline void bench_read(struct bench *b, int64_t after, size_t max_rows, size_t max_bytes, struct reading *r)
{
    memset(r, 0, sizeof *r);
    ck_assert(spool_read(b->spool, after, max_rows, max_bytes, bench_on_rows, r));
    bench_wait(b, &r->called);
}

static inline void bench_find(struct bench *b, const uint8_t id[16], int64_t device, struct reading *r)
{
    memset(r, 0, sizeof *r);
    ck_assert(spool_find(b->spool, id, device, bench_on_rows, r));
    bench_wait(b, &r->called);
}

#endif
