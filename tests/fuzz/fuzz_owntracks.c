/* The OwnTracks codec. */
#include "fuzz_fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(4u << 20);
    enum owntracks_kind kind = OWNTRACKS_OTHER;
    struct fact *f = NULL;
    struct codec_error e = {0};
    if (owntracks_decode(data, size, &fuzz_bounds, arena, &kind, &f, &e)) {
        MUST((f != NULL) == (kind == OWNTRACKS_LOCATION));
        if (f != NULL)
            fuzz_fact(f);
    } else {
        fuzz_fault(&e);
    }
    arena_free(arena);
    return 0;
}
