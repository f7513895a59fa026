/* A seeded hash of two words, for tables whose keys strangers choose: without the seed nobody can aim at one place. */
#ifndef HADIR_MIX_H
#define HADIR_MIX_H

#include <stdint.h>

/* Not for secrets. The upper half is the better one. */
static inline uint64_t mix_pair(uint64_t seed, uint64_t first, uint64_t second)
{
    const uint64_t words[] = {first, second};
    uint64_t h = seed;
    for (int i = 0; i < 2; i++) {
        h = (h ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return h;
}

#endif
