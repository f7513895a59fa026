/* A bounded arena: allocations that live and die with one request. Not thread-safe. */
#ifndef HADIR_ARENA_H
#define HADIR_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* max_bytes bounds the sum of all allocations. NULL when memory is short. */
struct arena *arena_new(size_t max_bytes);
void arena_free(struct arena *a);
/* Zeroed, 16-aligned; NULL when the bound or memory is reached. */
void *arena_alloc(struct arena *a, size_t bytes);
/* Copies len bytes and adds a NUL. NULL as above. */
char *arena_copy(struct arena *a, const void *bytes, size_t len);
/* An allocation was refused: what could not be read was perhaps not at fault. */
bool arena_refused(const struct arena *a);
/* Forgets everything, keeps the first block. */
void arena_reset(struct arena *a);

/* A run of bytes inside somebody else's memory; text is UTF-8 and may hold no NUL. s == NULL means absent. */
struct text {
    const char *s;
    size_t len;
};

#endif
