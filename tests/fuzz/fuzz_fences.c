/* hadir import fences: a GeoJSON file from anybody. The first byte chooses the file's coordinate system. What becomes a row
 * is a shape that the directory takes, and the box holds it. */
#include "fuzz.h"

#include <math.h>

#include "cli.h"
#include "digest.h"
#include "fence.h"

static void is_shape(struct text hex)
{
    size_t len = hex.len / 2;
    uint8_t *bytes = aligned_alloc(8, (len + 15) & ~(size_t)7);
    MUST(bytes != NULL && hex.len > 0 && decode_hex(hex.s, hex.len, bytes, len));
    struct fence_shape shape = {bytes, len, NULL};
    MUST(fence_shape_valid(shape));
    struct box box = fence_box(shape);
    MUST(box.min_lon <= box.max_lon && box.min_lat <= box.max_lat && box.min_lat >= -90 && box.max_lat <= 90);
    struct point middle = {(box.min_lon + box.max_lon) / 2, (box.min_lat + box.max_lat) / 2};
    struct point away = {box.min_lon > 0 ? box.min_lon - 10 : box.max_lon + 10, middle.lat_deg};
    double inside = fence_metres(shape, middle), outside = fence_metres(shape, away);
    MUST(isfinite(inside) && isfinite(outside) && outside > 0 && !fence_covers(shape, away));
    MUST(fence_covers(shape, middle) ? inside <= 0.01 : inside >= -0.01);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const systems[] = {"EPSG:4326", "EPSG:32750", "EPSG:99999", "EPSG:23839"};
    char path[40];
    struct buf json;
    struct json_error e;
    struct text hex;
    size_t problems = 0;
    if (size < 1 || size > 65536)
        return 0;
    fuzz_quiet();
    int fd = fuzz_file(data + 1, size - 1);
    buf_init(&json, 1u << 26);
    if (cli_fences_rows(fuzz_path(path, fd), systems[data[0] < 4 ? data[0] : 0], &json, &problems)) {
        struct json_doc *doc = json_parse(json.data, json.len, 8, &e);
        MUST(doc != NULL && json_kind_of(json_root(doc)) == JSON_KIND_ARRAY);
        for (size_t i = 0; i < json_count(json_root(doc)); i++) {
            MUST(json_get_string(json_member(json_at(json_root(doc), i), "shape"), &hex));
            is_shape(hex);
        }
        json_doc_free(doc);
    }
    buf_fini(&json);
    close(fd);
    return 0;
}
