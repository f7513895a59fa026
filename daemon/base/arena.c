/* A bounded arena: a chain of blocks, allocation by moving a mark, everything freed together.
 *
 * One belongs to each request that is being decoded, so what a peer sends can never cost more memory than the
 * bound given at birth. Invariants: used <= max, both multiples of 16; the newest block is the head of the chain,
 * the first block its tail. Not thread-safe; no single allocation can be given back. */
#include "arena.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN 16u
#define BLOCK_BYTES 4096u

struct block {
    struct block *older;
    size_t cap, used;
    _Alignas(ALIGN) unsigned char bytes[];
};

struct arena {
    struct block *head;
    size_t max, used;
    bool refused;
};

/* SIZE_MAX when it would overflow, which no bound admits. */
static size_t round_up(size_t bytes)
{
    return bytes > SIZE_MAX - ALIGN ? SIZE_MAX : (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

struct arena *arena_new(size_t max_bytes)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a != NULL) {
        size_t max = round_up(max_bytes);
        a->max = max == SIZE_MAX ? SIZE_MAX / 2 / ALIGN * ALIGN : max;
    }
    return a;
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    while (a->head != NULL) {
        struct block *b = a->head;
        a->head = b->older;
        free(b);
    }
    free(a);
}

static struct block *add_block(struct arena *a, size_t need)
{
    size_t cap = need > BLOCK_BYTES ? need : BLOCK_BYTES;
    if (cap > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *b = malloc(sizeof *b + cap);
    if (b == NULL)
        return NULL;
    b->cap = cap;
    b->used = 0;
    b->older = a->head;
    a->head = b;
    return b;
}

static struct block *block_for(struct arena *a, size_t need)
{
    if (need > a->max - a->used)
        return NULL;
    return a->head == NULL || a->head->cap - a->head->used < need ? add_block(a, need) : a->head;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    size_t need = round_up(bytes == 0 ? 1 : bytes);
    struct block *b = block_for(a, need);
    if (b == NULL) {
        a->refused = true;
        return NULL;
    }
    void *p = b->bytes + b->used;
    b->used += need;
    a->used += need;
    return memset(p, 0, need);
}

char *arena_copy(struct arena *a, const void *bytes, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *p = arena_alloc(a, len + 1);
    if (p != NULL && len > 0)
        memcpy(p, bytes, len);
    return p;
}

bool arena_refused(const struct arena *a)
{
    return a->refused;
}

void arena_reset(struct arena *a)
{
    while (a->head != NULL && a->head->older != NULL) {
        struct block *b = a->head;
        a->head = b->older;
        free(b);
    }
    if (a->head != NULL)
        a->head->used = 0;
    a->used = 0;
    a->refused = false;
}
