/* One question or request under way in a desk: from the door's message to the last byte of the answer. */
#ifndef HADIR_INQUIRY_H
#define HADIR_INQUIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipc_channel;
struct loop;
struct conf;
struct store;

/* All questions of one desk. */
struct inquiries;
typedef void (*inquiries_idle_cb)(void *arg);

/* Borrows both stores: what only reads goes through the one, what writes through the other. on_idle is called when the
 * last question ended. */
/* Reports are made by clerks (clerk.h), which connect to the database by themselves. */
struct inquiries *inquiries_new(struct loop *loop, const struct conf *conf, struct store *reads, struct store *writes,
                                inquiries_idle_cb on_idle, void *arg);
void inquiries_free(struct inquiries *q);
size_t inquiries_count(const struct inquiries *q);
/* A message of a door. false when it makes no sense: the caller ends that channel. */
bool inquiries_message(struct inquiries *q, struct ipc_channel *door, uint16_t type, uint64_t id, const uint8_t *payload,
                       size_t len);
/* The door is gone: its questions end without an answer. Call before its channel is freed. */
void inquiries_forget(struct inquiries *q, struct ipc_channel *door);

#endif
