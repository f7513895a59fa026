/* Enrolment as its files share it: tokens, one person's binding, the sheet of a whole office. */
#ifndef HADIR_ENROLL_H
#define HADIR_ENROLL_H

#include "cli.h"
#include "terms.h"

struct token {
    char text[23];     /* 22 characters base64url of 128 random bits; "" when the channel has none */
    char hash_hex[65]; /* SHA-256 of those characters: all the database gets */
};
void token_make(struct token *ret);

struct enrolment {
    const char *nip;
    enum channel channel;
    const char *label, *number, *user_id; /* NULL when not given */
    struct token token;
    char name[200], unit[100];
    char earlier[200]; /* other devices of the person on the channel that stay valid: "7, 12" */
    int64_t device, attached;
};
/* Binds; fills the rest. false after a message. */
bool enroll_one(struct session *s, struct enrolment *e);
/* The link or address that sets a client up, as its QR code carries it; false when the channel has none. */
bool enroll_link(const struct enrolment *e, struct buf *out);
/* To whoever enrolled many: so many people have an earlier device, too, that stays valid. */
void enroll_tell_earlier(size_t people);
/* Binds everybody of a unit and writes a printable page with one code a person, readable by its owner alone. */
int enroll_sheet(struct session *s, const char *unit, enum channel channel, const char *path);

#endif
