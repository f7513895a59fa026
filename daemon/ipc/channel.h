/* Typed messages over a socketpair between two of our own processes. Frame: u32 length of payload, u16 type,
 * u16 zero, u64 id, payload; little-endian. A descriptor may ride on a message. One owner, one loop. */
#ifndef HADIR_CHANNEL_H
#define HADIR_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct ipc_channel; /* not "struct channel": terms.h has an enum of that tag */

#define CHANNEL_PAYLOAD_MAX (16u << 20)

/* Payload is borrowed until return. fd is −1 or a descriptor the callee now owns. */
typedef void (*channel_message_cb)(void *arg, uint16_t type, uint64_t id, const uint8_t *payload, size_t len, int fd);
typedef void (*channel_closed_cb)(void *arg); /* peer is gone or sent nonsense; free the channel from here or later */

int channel_pair(int ret_fds[2]); /* close-on-exec, non-blocking; 0 or −1 with errno */

/* Takes fd. queue_max_bytes bounds what is waiting to be written. */
struct ipc_channel *channel_new(struct loop *loop, int fd, size_t queue_max_bytes, channel_message_cb on_message,
                            channel_closed_cb on_closed, void *arg);
void channel_free(struct ipc_channel *c); /* closes; safe from its own callbacks */
/* Queues a message; fd (or −1) is duplicated, the caller keeps its own. false when the queue is full: nothing sent. */
bool channel_send(struct ipc_channel *c, uint16_t type, uint64_t id, const void *payload, size_t len, int fd);
/* From now on messages leave together, once a turn of the loop; those that wait leave before the channel is freed. */
void channel_gather(struct ipc_channel *c);
size_t channel_queued(const struct ipc_channel *c);
void channel_pause(struct ipc_channel *c); /* stop reading */
void channel_resume(struct ipc_channel *c);

#endif
