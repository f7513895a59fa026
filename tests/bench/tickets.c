/* Tickets in memory, and in a file between two runs: for each phone its number, a length, the session as OpenSSL encodes it. */
#include "tickets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "book.h"

#define SESSION_MAX 65536

static SSL_SESSION **sessions;
static size_t count;

void tickets_start(size_t phones, const char *path)
{
    static unsigned char der[SESSION_MAX];
    uint32_t head[2];
    count = phones;
    sessions = calloc(phones, sizeof(SSL_SESSION *));
    FILE *f = path != NULL ? fopen(path, "rbe") : NULL;
    if (sessions == NULL)
        give_up("out of memory");
    while (f != NULL && fread(head, sizeof head, 1, f) == 1) {
        const unsigned char *at = der;
        if (head[0] >= phones || head[1] > sizeof der || fread(der, head[1], 1, f) != 1)
            give_up("%s: not the tickets of these phones", path);
        tickets_put(head[0], d2i_SSL_SESSION(NULL, &at, (long)head[1]));
    }
    if (f != NULL)
        fclose(f);
}

void tickets_put(uint32_t phone, SSL_SESSION *session)
{
    SSL_SESSION_free(sessions[phone]);
    sessions[phone] = session;
}

SSL_SESSION *tickets_take(uint32_t phone)
{
    SSL_SESSION *session = sessions[phone];
    sessions[phone] = NULL;
    return session;
}

void tickets_save(const char *path)
{
    FILE *f = fopen(path, "wbe");
    if (f == NULL)
        give_up("%s: %s", path, strerror(errno));
    for (uint32_t i = 0; i < count; i++) {
        unsigned char *der = NULL;
        int len = sessions[i] != NULL ? i2d_SSL_SESSION(sessions[i], &der) : 0;
        uint32_t head[2] = {i, (uint32_t)len};
        if (len > 0 && (fwrite(head, sizeof head, 1, f) != 1 || fwrite(der, head[1], 1, f) != 1))
            give_up("%s: %s", path, strerror(errno));
        OPENSSL_free(der);
    }
    if (fclose(f) != 0)
        give_up("%s: %s", path, strerror(errno));
}
