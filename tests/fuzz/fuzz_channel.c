/* The frames between our processes, from a peer that somebody took over: what is delivered is what a plain reading of the
 * bytes gives, in whatever pieces they come, and a frame that may not be ends the channel. */
#include "fuzz.h"

#include <sys/socket.h>

#include "channel.h"
#include "loop.h"

#define HEAD 16u

static struct {
    const uint8_t *bytes; /* what has not been delivered yet */
    size_t len;
    unsigned closed;
} expected;

static uint64_t number(const uint8_t *bytes, size_t count)
{
    uint64_t v = 0;
    for (size_t i = count; i-- > 0;)
        v = v << 8 | bytes[i];
    return v;
}

static void on_message(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    (void)arg;
    MUST(expected.closed == 0 && fd == -1 && expected.len >= HEAD + len);
    MUST(number(expected.bytes, 4) == len && number(expected.bytes + 4, 2) == type && number(expected.bytes + 8, 8) == id);
    MUST(memcmp(expected.bytes + HEAD, payload, len) == 0);
    expected.bytes += HEAD + len;
    expected.len -= HEAD + len;
}

static void on_closed(void *arg)
{
    (void)arg;
    MUST(expected.closed++ == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct loop *loop;
    int ends[2];
    if (size < 2 || size > 60000)
        return 0;
    if (loop == NULL) {
        fuzz_quiet();
        loop = loop_new();
    }
    size_t step = (size_t)data[0] + (size_t)data[1] * 16 + 1;
    MUST(channel_pair(ends) == 0);
    expected.bytes = data + 2;
    expected.len = size - 2;
    expected.closed = 0;
    struct ipc_channel *c = channel_new(loop, ends[0], 4096, on_message, on_closed, NULL);
    MUST(c != NULL);
    for (size_t at = 2; at < size && expected.closed == 0; at += step) {
        size_t part = size - at < step ? size - at : step;
        if (send(ends[1], data + at, part, MSG_NOSIGNAL) != (ssize_t)part)
            break;
        loop_turn(loop, 0);
    }
    close(ends[1]);
    for (int i = 0; i < 20 && expected.closed == 0; i++)
        loop_turn(loop, 0);
    MUST(expected.closed == 1);
    if (expected.len >= HEAD) /* it stopped before the end: because of a frame that may not be, or that is not whole */
        MUST(number(expected.bytes, 4) > expected.len - HEAD || number(expected.bytes + 6, 2) != 0);
    channel_free(c);
    return 0;
}
