/* The desks that a door asks, and their answers on their way to clients. */
#ifndef HADIR_DESKS_H
#define HADIR_DESKS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct desks;
struct exchange;
struct loop;

struct desks *desks_new(struct loop *loop);
void desks_free(struct desks *d); /* calls nobody */
/* The channel of desk `index`, new or again; takes fd. */
void desks_connect(struct desks *d, uint32_t index, int fd);
/* Hands the exchange over to a desk, which answers it; or answers 503 itself, and then nothing was sent. writes: the
 * answer may get lost although the step was taken; the client is told so. payload is borrowed until return. */
void desks_ask(struct exchange *x, uint16_t type, bool writes, const struct buf *payload);

#endif
