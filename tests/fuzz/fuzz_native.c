/* The native codec: every item is a sound fact or has a fault of its own. */
#include "fuzz_fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(4u << 20);
    struct native_item *items = NULL;
    size_t count = 0;
    bool was_array = false;
    struct codec_error e = {0};
    if (native_decode(data, size, &fuzz_bounds, arena, &items, &count, &was_array, &e)) {
        MUST(count >= 1 && count <= NATIVE_ITEMS_MAX && (was_array || count == 1));
        for (size_t i = 0; i < count; i++) {
            MUST((items[i].fact != NULL) == (items[i].error.fault == FAULT_NONE));
            if (items[i].fact != NULL)
                fuzz_fact(items[i].fact);
            else
                fuzz_fault(&items[i].error);
        }
    } else {
        fuzz_fault(&e);
    }
    arena_free(arena);
    return 0;
}
