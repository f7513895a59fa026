/* Sending files to where somebody wants them, over libcurl: SFTP, HTTPS (PUT), mail. Blocking, bounded in time; for the command
 * line. Nothing leaves unencrypted but to this machine itself, and nothing goes to a server that is not known for certain:
 * certificates are checked, and an SFTP server's host key must be in known_hosts already. No redirects, no proxies. */
#ifndef HADIR_SEND_H
#define HADIR_SEND_H

#include <stdbool.h>
#include <stddef.h>

/* Where, and as whom. All but url may be NULL; key, known_hosts and ca are files. */
struct sender_account {
    const char *url; /* sftp://user@host/folder, https://host/folder, smtp://host or smtps://host; http:// to this machine only */
    const char *user, *password, *token;
    const char *key, *key_password, *known_hosts, *ca;
    bool english;   /* the language of sender_error, else Indonesian; details of libcurl and servers stay as they are */
    long silence_s; /* to connect in, and without a byte */
    long total_s;   /* from sender_new on, for all that is sent */
};
struct sender;
struct sender *sender_new(const struct sender_account *a); /* borrows it until freed; NULL: memory is short */
void sender_free(struct sender *s);
const char *sender_error(const struct sender *s); /* why the last one failed, and what to do where something is to be done, in one line */

/* A file to path below the url; folders are made. Over HTTPS with the header Idempotency-Key: key. apart: over SFTP it is written
 * beside its name and renamed, so that it is there whole or not at all. */
bool sender_put(struct sender *s, const char *file, const char *path, const char *key, bool apart);

struct sender_part {
    const char *file, *name;
};
struct sender_mail {
    const char *from, *to; /* to: with commas between */
    const char *subject, *message_id, *date; /* of headers: ASCII, one line; message_id without <> */
    const char *text;
    const struct sender_part *parts;
    size_t count;
};
/* Accepted for every address, or false. */
bool sender_mail(struct sender *s, const struct sender_mail *m);

#endif
