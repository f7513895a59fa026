/* Heads, bodies and forms: no byte sequence reads out of bounds, and cutting it anywhere gives the same answer. */
#include "fuzz_fact.h"
#include "http1.h"

static struct http1_request whole_request, part_request;

static void head(const uint8_t *data, size_t size, size_t cut)
{
    struct http1_error e = {0}, part_e = {0};
    size_t used = 0, part_used = 0;
    enum http1_result whole = http1_head(data, size, &whole_request, &used, &e);
    enum http1_result part = http1_head(data, cut, &part_request, &part_used, &part_e);
    MUST(part == HTTP1_MORE || (part == whole && part_e.status == e.status && part_used == used));
    MUST(whole != HTTP1_DONE || (used <= size && used <= HTTP1_HEAD_MAX));
    MUST(whole != HTTP1_BAD || (e.status >= 400 && e.status < 600 && e.reason != NULL));
    MUST(whole != HTTP1_DONE || !(whole_request.chunked && whole_request.has_length));
}

static void body(const uint8_t *data, size_t size, size_t cut, bool chunked)
{
    struct http1_request r = {.chunked = chunked, .has_length = !chunked, .length = 1000};
    struct http1_body a, b;
    struct buf whole, parts;
    struct http1_error e = {0}, e2 = {0};
    size_t used = 0, first = 0, second = 0;
    buf_init(&whole, 4096);
    buf_init(&parts, 4096);
    http1_body_init(&a, &r, 2000);
    http1_body_init(&b, &r, 2000);
    enum http1_result got = http1_body(&a, data, size, &whole, &used, &e);
    enum http1_result again = http1_body(&b, data, cut, &parts, &first, &e2);
    if (again == HTTP1_MORE) {
        MUST(first == cut);
        again = http1_body(&b, data + first, size - first, &parts, &second, &e2);
    }
    MUST(got == again && e.status == e2.status && whole.len <= 2000);
    MUST(got == HTTP1_BAD || (used == first + second && whole.len == parts.len));
    MUST(got == HTTP1_BAD || whole.len == 0 || memcmp(whole.data, parts.data, whole.len) == 0);
    buf_fini(&whole);
    buf_fini(&parts);
}

static bool on_pair(void *arg, struct text name, struct text value)
{
    (void)arg;
    fuzz_text(name, SIZE_MAX);
    fuzz_text(value, SIZE_MAX);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t cut = (size_t)(data[0] | data[1] << 8) % (size - 1);
    struct text t = {(const char *)data + 2, size - 2}, user, password;
    struct arena *arena = arena_new(1u << 20);
    head(data + 2, size - 2, cut > size - 2 ? size - 2 : cut);
    body(data + 2, size - 2, cut > size - 2 ? size - 2 : cut, true);
    body(data + 2, size - 2, cut > size - 2 ? size - 2 : cut, false);
    (void)http1_pairs(t, arena, 20, on_pair, NULL);
    (void)http1_decode_path(t, arena);
    if (http1_basic(t, arena, &user, &password)) {
        fuzz_text(user, size);
        fuzz_text(password, size);
    }
    (void)http1_bearer(t, &user);
    arena_free(arena);
    return 0;
}
