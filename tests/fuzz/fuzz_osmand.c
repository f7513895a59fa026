/* The OsmAnd codec: as body of each media type and as query. A device id long enough to be a token never stays in the
 * raw text. */
#include "fuzz_fact.h"

static void decode(struct text query, const char *type, const uint8_t *body, size_t len)
{
    struct arena *arena = arena_new(4u << 20);
    struct text device, content_type = {type, strlen(type)};
    struct fact *f = NULL;
    bool was_json = false;
    struct codec_error e = {0};
    if (osmand_decode(query, content_type, body, len, &fuzz_bounds, arena, &device, &f, &was_json, &e)) {
        MUST(device.s != NULL && device.len > 0);
        if (f != NULL) {
            fuzz_fact(f);
            MUST(f->automatic);
            MUST(device.len < 22 || memmem(f->raw.s, f->raw.len, device.s, device.len) == NULL);
        }
    } else {
        fuzz_fault(&e);
    }
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text none = {NULL, 0};
    decode(none, "application/json", data, size);
    decode(none, "application/x-www-form-urlencoded", data, size);
    decode((struct text){(const char *)data, size}, "", NULL, 0);
    return 0;
}
