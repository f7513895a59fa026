/* The WhatsApp codec: envelope, handshake, signature header. */
#include "fuzz_fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(16u << 20);
    struct whatsapp_item *items = NULL;
    size_t count = 0;
    struct codec_error e = {0};
    if (whatsapp_decode(data, size, &fuzz_bounds, arena, &items, &count, &e)) {
        MUST(count <= WHATSAPP_ITEMS_MAX);
        for (size_t i = 0; i < count; i++) {
            const struct whatsapp_item *item = &items[i];
            fuzz_text(item->json, SIZE_MAX);
            fuzz_text(item->new_number, 160);
            fuzz_text(item->new_user_id, 160);
            MUST(item->fact == NULL || (item->kind == WHATSAPP_LOCATION && item->error.fault == FAULT_NONE));
            MUST(item->kind != WHATSAPP_LOCATION || item->fact != NULL || item->error.fault != FAULT_NONE);
            if (item->fact != NULL)
                fuzz_fact(item->fact);
            else if (item->error.fault != FAULT_NONE)
                fuzz_fault(&item->error);
        }
    } else {
        fuzz_fault(&e);
    }
    struct text t = {(const char *)data, size};
    (void)whatsapp_challenge(t, arena, "token");
    (void)whatsapp_signature_ok(t, "secret", 6, data, size);
    arena_free(arena);
    return 0;
}
