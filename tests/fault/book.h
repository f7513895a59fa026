/* The load client's own ledger and its public numbers.
 *
 * The ledger is a text file to which lines are only appended. Nothing is sent before the line that says so is on the disk:
 * callers note what they are about to send, call book_sync, then send.
 *
 *   sent KEY CHANNEL DEVICE HASH CLAIMED_US LAT LON good|bad   before each attempt; bad: made to be refused
 *   ack KEY CHECKIN STATUS RECEIPT       acknowledged; RECEIPT byte for byte; a channel that answers no ids: "ack KEY - 200 -"
 *   refused KEY WHY                      HTTP status and the problem's code; of an item of an array: its status
 *
 * KEY: the idempotency key, HASH: the body hash, both hexadecimal as hadir.checkin_key has them. A sent key without another
 * line is *unknown*: it may be there or not.
 *
 * The numbers are a page of the file LEDGER.numbers, mapped: the Python side reads it at any time. */
#ifndef FAULT_BOOK_H
#define FAULT_BOOK_H

#include <stddef.h>
#include <stdint.h>

/* Check-ins, but for requests. Order: tests/fault/fault.py reads it. */
struct numbers {
    uint64_t requests, sent, acknowledged, again, refused; /* again: answers about what was acknowledged before */
    uint64_t in_flight, unknown;                           /* now: awaiting an answer; awaiting another attempt */
    uint64_t connections, failures, busy;                  /* made; requests without an answer; 429 and 503 */
};
extern struct numbers *numbers;

/* NULL: no ledger is kept, and the numbers are nobody else's. */
void book_open(const char *path);
__attribute__((format(printf, 1, 2))) void book_line(const char *fmt, ...);
void book_bytes(const void *bytes, size_t len);
/* What was noted is durable. */
void book_sync(void);
/* Ends the program: a tool without its ledger proves nothing. */
__attribute__((format(printf, 1, 2), noreturn)) void give_up(const char *fmt, ...);

#endif
