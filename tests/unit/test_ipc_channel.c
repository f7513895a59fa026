/* Framing, bounds, descriptors and deaths of a channel, over real socketpairs. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "channel.h"
#include "loop.h"
#include "wall.h"

#define BIG ((size_t)8 << 20)
#define QUEUE ((size_t)40 << 20)

struct end {
    struct ipc_channel *ch;
    unsigned messages;
    unsigned closed;
    uint64_t next_id;       /* ids must arrive in this order */
    uint64_t checksum;
    size_t bytes;
    int fds[8];
    uint64_t fd_ids[8];
    size_t fd_count;
    uint16_t last_type;
    size_t last_len;
    bool free_in_message, free_in_closed, pause_in_message;
};

static struct loop *loop;

static void on_message(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd)
{
    struct end *e = arg;
    ck_assert_uint_eq(e->closed, 0);
    ck_assert_uint_eq(id, e->next_id);
    e->next_id++;
    e->messages++;
    e->last_type = type;
    e->last_len = len;
    e->bytes += len;
    for (size_t i = 0; i < len; i++)
        e->checksum = e->checksum * 31 + payload[i];
    if (fd >= 0) {
        ck_assert_uint_lt(e->fd_count, 8);
        e->fd_ids[e->fd_count] = id;
        e->fds[e->fd_count++] = fd;
    }
    if (e->pause_in_message)
        channel_pause(e->ch);
    if (e->free_in_message) {
        channel_free(e->ch);
        e->ch = NULL;
    }
}

static void on_closed(void *arg)
{
    struct end *e = arg;
    e->closed++;
    if (e->free_in_closed) {
        channel_free(e->ch);
        e->ch = NULL;
    }
}

static void open_pair(struct end *a, struct end *b, size_t queue)
{
    int fds[2];
    ck_assert_int_eq(channel_pair(fds), 0);
    ck_assert_int_ne(fcntl(fds[0], F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    *a = (struct end){0};
    *b = (struct end){0};
    loop = loop_new();
    a->ch = channel_new(loop, fds[0], queue, on_message, on_closed, a);
    b->ch = channel_new(loop, fds[1], queue, on_message, on_closed, b);
    ck_assert_ptr_nonnull(a->ch);
    ck_assert_ptr_nonnull(b->ch);
}

/* One end as a channel, the other a raw descriptor. */
static int open_raw(struct end *a, size_t queue)
{
    int fds[2];
    ck_assert_int_eq(channel_pair(fds), 0);
    *a = (struct end){0};
    loop = loop_new();
    a->ch = channel_new(loop, fds[0], queue, on_message, on_closed, a);
    return fds[1];
}

static void close_all(struct end *a, struct end *b)
{
    channel_free(a->ch);
    if (b != NULL)
        channel_free(b->ch);
    loop_free(loop);
}

#define UNTIL(condition)                                                                                             \
    do {                                                                                                             \
        int64_t deadline = mono_now_ms() + 60000;                                                                    \
        while (!(condition) && mono_now_ms() < deadline)                                                             \
            loop_turn(loop, 20);                                                                                     \
        ck_assert(condition);                                                                                        \
    } while (0)

static uint64_t checksum(const uint8_t *bytes, size_t len, uint64_t from)
{
    for (size_t i = 0; i < len; i++)
        from = from * 31 + bytes[i];
    return from;
}

START_TEST(small_messages_keep_order_and_content)
{
    struct end a, b;
    open_pair(&a, &b, QUEUE);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 5000; i++) {
        uint8_t bytes[100];
        size_t len = (size_t)(i % 100);
        memset(bytes, (int)i, len);
        sum = checksum(bytes, len, sum);
        ck_assert(channel_send(a.ch, (uint16_t)(i % 7), i, len == 0 ? NULL : bytes, len, -1));
        ck_assert(channel_send(b.ch, 9, i, NULL, 0, -1));
    }
    ck_assert_uint_eq(b.messages, 0); /* callbacks come from the loop only */
    UNTIL(b.messages == 5000 && a.messages == 5000);
    ck_assert_uint_eq(b.checksum, sum);
    ck_assert_uint_eq(a.last_type, 9);
    ck_assert_uint_eq(channel_queued(a.ch), 0);
    close_all(&a, &b);
}
END_TEST

START_TEST(big_payloads_pass_whole)
{
    struct end a, b;
    open_pair(&a, &b, QUEUE);
    uint8_t *big = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (uint8_t)(i * 2654435761u >> 13);
    uint64_t sum = checksum(big, BIG, 0);
    sum = checksum((const uint8_t *)"x", 1, sum);
    sum = checksum(big, BIG, sum);
    ck_assert(channel_send(a.ch, 1, 0, big, BIG, -1));
    ck_assert(channel_send(a.ch, 1, 1, "x", 1, -1));
    ck_assert(channel_send(a.ch, 1, 2, big, BIG, -1));
    ck_assert_uint_gt(channel_queued(a.ch), BIG);
    UNTIL(b.messages == 3);
    ck_assert_uint_eq(b.checksum, sum);
    ck_assert_uint_eq(b.bytes, 2 * BIG + 1);
    free(big);
    close_all(&a, &b);
}
END_TEST

START_TEST(largest_payload_passes_and_larger_is_refused)
{
    struct end a, b;
    open_pair(&a, &b, QUEUE);
    uint8_t *big = calloc(1, CHANNEL_PAYLOAD_MAX + 1);
    ck_assert(!channel_send(a.ch, 1, 0, big, CHANNEL_PAYLOAD_MAX + 1, -1));
    ck_assert(channel_send(a.ch, 1, 0, big, CHANNEL_PAYLOAD_MAX, -1));
    UNTIL(b.messages == 1);
    ck_assert_uint_eq(b.last_len, CHANNEL_PAYLOAD_MAX);
    free(big);
    close_all(&a, &b);
}
END_TEST

/* A descriptor must arrive with its own message, whatever lies before and behind it in the socket. */
START_TEST(descriptors_stay_with_their_message)
{
    struct end a, b;
    open_pair(&a, &b, QUEUE);
    int files[3];
    ino_t inodes[3];
    for (size_t i = 0; i < 3; i++) {
        files[i] = memfd_create("t", 0);
        ck_assert_int_ge(files[i], 0);
        ck_assert_int_eq(ftruncate(files[i], (off_t)(i + 1)), 0);
        struct stat st;
        ck_assert_int_eq(fstat(files[i], &st), 0);
        inodes[i] = st.st_ino;
    }
    static uint8_t body[300000];
    uint64_t id = 0;
    size_t carried = 0;
    uint64_t expected[3];
    for (int round = 0; round < 30; round++) {
        size_t len = (size_t)round * 9973 % sizeof body;
        bool carry = round == 3 || round == 4 || round == 20;
        if (carry)
            expected[carried] = id;
        ck_assert(channel_send(a.ch, 5, id++, body, len, carry ? files[carried] : -1));
        carried += carry;
    }
    for (size_t i = 0; i < 3; i++)
        close(files[i]); /* ours; the queue has its own */
    UNTIL(b.messages == 30);
    ck_assert_uint_eq(b.fd_count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct stat st;
        ck_assert_uint_eq(b.fd_ids[i], expected[i]);
        ck_assert_int_eq(fstat(b.fds[i], &st), 0);
        ck_assert_uint_eq(st.st_ino, inodes[i]);
        ck_assert_int_eq(st.st_size, (off_t)(i + 1));
        ck_assert_int_ne(fcntl(b.fds[i], F_GETFD) & FD_CLOEXEC, 0);
        close(b.fds[i]);
    }
    close_all(&a, &b);
}
END_TEST

START_TEST(undelivered_descriptors_are_closed)
{
    struct end a, b;
    open_pair(&a, &b, QUEUE);
    int probe = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(probe); /* the lowest free number now */
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    channel_pause(b.ch);
    static uint8_t body[1 << 20];
    for (uint64_t i = 0; i < 10; i++)
        ck_assert(channel_send(a.ch, 1, i, body, sizeof body, file));
    loop_turn(loop, 0);
    channel_free(a.ch);
    channel_free(b.ch);
    close(file);
    int again = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_le(again, probe);
    close(again);
    loop_free(loop);
}
END_TEST

START_TEST(full_queue_refuses_whole_messages_and_recovers)
{
    struct end a, b;
    size_t limit = (size_t)1 << 20;
    open_pair(&a, &b, limit);
    channel_pause(b.ch);
    static uint8_t body[10000];
    uint64_t sent = 0;
    while (channel_send(a.ch, 1, sent, body, sizeof body, -1))
        sent++;
    ck_assert_uint_ge(sent, limit / (sizeof body + 16));
    ck_assert_uint_le(channel_queued(a.ch), limit);
    ck_assert(!channel_send(a.ch, 1, sent, body, sizeof body, -1));
    for (int i = 0; i < 5; i++)
        loop_turn(loop, 1);
    ck_assert_uint_eq(b.messages, 0);
    channel_resume(b.ch);
    UNTIL(b.messages == sent);
    ck_assert_uint_eq(channel_queued(a.ch), 0);
    ck_assert(channel_send(a.ch, 1, sent, body, sizeof body, -1));
    UNTIL(b.messages == sent + 1);
    close_all(&a, &b);
}
END_TEST

START_TEST(pausing_inside_a_message_stops_at_once)
{
    struct end a, b;
    open_pair(&a, &b, QUEUE);
    b.pause_in_message = true;
    for (uint64_t i = 0; i < 10; i++)
        ck_assert(channel_send(a.ch, 1, i, "abc", 3, -1));
    for (unsigned i = 1; i <= 10; i++) {
        UNTIL(b.messages == i);
        for (int k = 0; k < 3; k++)
            loop_turn(loop, 1);
        ck_assert_uint_eq(b.messages, i);
        channel_resume(b.ch);
    }
    close_all(&a, &b);
}
END_TEST

START_TEST(peer_death_delivers_the_rest_then_tells_once)
{
    struct end a, b;
    open_pair(&a, &b, QUEUE);
    for (uint64_t i = 0; i < 100; i++)
        ck_assert(channel_send(a.ch, 1, i, "abc", 3, -1));
    channel_free(a.ch);
    a.ch = NULL;
    /* Our own sending fails first; that must not lose what the peer had sent. */
    ck_assert(channel_send(b.ch, 1, 0, "x", 1, -1));
    UNTIL(b.closed == 1);
    ck_assert_uint_eq(b.messages, 100);
    ck_assert(!channel_send(b.ch, 1, 0, "x", 1, -1));
    for (int k = 0; k < 5; k++)
        loop_turn(loop, 1);
    ck_assert_uint_eq(b.closed, 1);
    close_all(&a, &b);
}
END_TEST

START_TEST(killed_process_is_noticed)
{
    int fds[2];
    ck_assert_int_eq(channel_pair(fds), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        close(fds[0]);
        pause();
        _exit(0);
    }
    close(fds[1]);
    struct end a = {0};
    loop = loop_new();
    a.ch = channel_new(loop, fds[0], QUEUE, on_message, on_closed, &a);
    a.free_in_closed = true;
    static uint8_t body[1 << 20];
    for (uint64_t i = 0; i < 5; i++)
        ck_assert(channel_send(a.ch, 1, i, body, sizeof body, -1));
    loop_turn(loop, 1);
    ck_assert_uint_eq(a.closed, 0);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    UNTIL(a.closed == 1);
    ck_assert_ptr_null(a.ch);
    loop_free(loop);
}
END_TEST

START_TEST(freeing_inside_a_message_is_safe)
{
    struct end a, b;
    open_pair(&a, &b, QUEUE);
    b.free_in_message = true;
    for (uint64_t i = 0; i < 10; i++)
        ck_assert(channel_send(a.ch, 1, i, "abc", 3, -1));
    UNTIL(b.messages == 1);
    UNTIL(a.closed == 1);
    ck_assert_uint_eq(b.messages, 1);
    ck_assert_uint_eq(b.closed, 0);
    close_all(&a, &b);
}
END_TEST

static void expect_broken(const void *bytes, size_t len, unsigned messages)
{
    struct end a;
    int raw = open_raw(&a, QUEUE);
    ck_assert_int_eq(write(raw, bytes, len), (ssize_t)len);
    UNTIL(a.closed == 1);
    ck_assert_uint_eq(a.messages, messages);
    close(raw);
    close_all(&a, NULL);
}

START_TEST(nonsense_closes)
{
    static const uint8_t too_long[16] = {1, 0, 0, 1}; /* 16 MiB + 1 */
    expect_broken(too_long, sizeof too_long, 0);
    static const uint8_t not_zero[32] = {[20] = 7, [22] = 1}; /* a good empty frame, then a bad one */
    expect_broken(not_zero, sizeof not_zero, 1);
}
END_TEST

START_TEST(half_a_frame_at_the_end_is_not_delivered)
{
    struct end a;
    int raw = open_raw(&a, QUEUE);
    static const uint8_t frame[20] = {10, 0, 0, 0, 3};
    ck_assert_int_eq(write(raw, frame, sizeof frame), (ssize_t)sizeof frame);
    for (int k = 0; k < 3; k++)
        loop_turn(loop, 1);
    ck_assert_uint_eq(a.messages, 0);
    close(raw);
    UNTIL(a.closed == 1);
    ck_assert_uint_eq(a.messages, 0);
    close_all(&a, NULL);
}
END_TEST

START_TEST(frames_in_single_bytes_are_joined)
{
    struct end a;
    int raw = open_raw(&a, QUEUE);
    static const uint8_t frames[40] = {4, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c', 'd',
                                       4, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 'e', 'f', 'g', 'h'};
    for (size_t i = 0; i < sizeof frames; i++) {
        ck_assert_int_eq(write(raw, frames + i, 1), 1);
        loop_turn(loop, 1);
    }
    UNTIL(a.messages == 2);
    ck_assert_uint_eq(a.checksum, checksum((const uint8_t *)"abcdefgh", 8, 0));
    ck_assert_uint_eq(a.last_type, 6);
    close(raw);
    close_all(&a, NULL);
}
END_TEST

static void send_fds(int raw, const void *bytes, size_t len, const int *fds, size_t count)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                         .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    ck_assert_int_eq(sendmsg(raw, &msg, 0), (ssize_t)len);
}

START_TEST(two_descriptors_on_one_frame_close)
{
    struct end a;
    static const uint8_t frame[20] = {4, 0, 0, 0, 3};
    int raw = open_raw(&a, QUEUE);
    int two[2] = {0, 1};
    send_fds(raw, frame, sizeof frame, two, 2);
    UNTIL(a.closed == 1);
    ck_assert_uint_eq(a.messages, 0);
    close(raw);
    close_all(&a, NULL);

    raw = open_raw(&a, QUEUE);
    send_fds(raw, frame, 10, two, 1);
    loop_turn(loop, 1);
    send_fds(raw, frame + 10, 10, two, 1);
    UNTIL(a.closed == 1);
    ck_assert_uint_eq(a.messages, 0);
    close(raw);
    close_all(&a, NULL);
}
END_TEST

UNIT_MAIN("ipc/channel", small_messages_keep_order_and_content, big_payloads_pass_whole,
          largest_payload_passes_and_larger_is_refused, descriptors_stay_with_their_message,
          undelivered_descriptors_are_closed, full_queue_refuses_whole_messages_and_recovers,
          pausing_inside_a_message_stops_at_once, peer_death_delivers_the_rest_then_tells_once,
          killed_process_is_noticed, freeing_inside_a_message_is_safe, nonsense_closes,
          half_a_frame_at_the_end_is_not_delivered, frames_in_single_bytes_are_joined,
          two_descriptors_on_one_frame_close)
