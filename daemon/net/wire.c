/* A socket's bytes, and OpenSSL between them and their meaning.
 *
 * OpenSSL never touches the socket: it reads from what wire_fetch brought and writes behind `out`. That is one read for
 * all records that are there, and one write for ticket and answer or for an answer of many records, where OpenSSL alone
 * makes two reads a record and a write each. Invariants: after shake or take nothing fetched is left, because OpenSSL has
 * read on until it had nothing or wanted more (an unfinished record waits inside it); `out` never grows beyond its bound, at which
 * OpenSSL is told that writing failed. A missing close_notify never reaches OpenSSL: the end of the socket is told by
 * wire_fetch. The queue of errors, which SSL_get_error looks at, is emptied before the calls that it is asked about.
 * Threads: the loop's only. */
#include "wire.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define TICKET_MAX 1024u /* with the name that the client asked for */

static uint8_t fetched[32768];
static uint8_t plain[SSL3_RT_MAX_PLAIN_LENGTH];

/* ---- OpenSSL's ends ---- */

static int on_bio_read(BIO *bio, char *dst, int cap)
{
    struct wire *w = BIO_get_data(bio);
    size_t n = cap < 0 ? 0 : (size_t)cap < w->in_len ? (size_t)cap : w->in_len;
    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(dst, w->in, n);
    w->in += n;
    w->in_len -= n;
    return (int)n;
}

static int on_bio_write(BIO *bio, const char *bytes, int len)
{
    struct wire *w = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    return len > 0 && buf_add(&w->out, bytes, (size_t)len) ? len : -1;
}

static long on_bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH; /* wire_flush does it */
}

static BIO_METHOD *bio_method(void)
{
    static BIO_METHOD *kept;
    if (kept != NULL)
        return kept;
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "wire");
    if (m == NULL || BIO_meth_set_read(m, on_bio_read) != 1 || BIO_meth_set_write(m, on_bio_write) != 1 ||
        BIO_meth_set_ctrl(m, on_bio_control) != 1) {
        BIO_meth_free(m);
        return NULL;
    }
    return kept = m;
}

static SSL *make_ssl(struct wire *w, SSL_CTX *ctx)
{
    BIO_METHOD *method = bio_method();
    BIO *bio = method != NULL ? BIO_new(method) : NULL;
    SSL *ssl = bio != NULL ? SSL_new(ctx) : NULL;
    if (ssl == NULL) {
        BIO_free(bio);
        return NULL;
    }
    BIO_set_data(bio, w);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_read_ahead(ssl, 1);
    SSL_set_accept_state(ssl);
    return ssl;
}

bool wire_init(struct wire *w, int fd, void *ssl_ctx, size_t out_max)
{
    *w = (struct wire){.fd = fd};
    buf_init(&w->out, out_max);
    if (ssl_ctx == NULL)
        return true;
    w->ssl = make_ssl(w, ssl_ctx);
    if (w->ssl == NULL)
        close(fd);
    return w->ssl != NULL;
}

void wire_fini(struct wire *w)
{
    SSL_free(w->ssl);
    buf_fini(&w->out);
    close(w->fd);
}

/* ---- reading ---- */

enum wire_result wire_fetch(struct wire *w, size_t max)
{
    ssize_t n;
    do {
        n = read(w->fd, fetched, max < sizeof fetched ? max : sizeof fetched);
    } while (n < 0 && errno == EINTR);
    w->in = fetched;
    w->in_len = n > 0 ? (size_t)n : 0;
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? WIRE_WAIT : WIRE_ERROR;
    return n > 0 ? WIRE_DONE : WIRE_END;
}

/* After a call of OpenSSL that did not succeed. */
static enum wire_result why_not(const struct wire *w, int result)
{
    int why = SSL_get_error(w->ssl, result);
    return why == SSL_ERROR_WANT_READ ? WIRE_WAIT : why == SSL_ERROR_ZERO_RETURN ? WIRE_END : WIRE_ERROR;
}

enum wire_result wire_shake(struct wire *w)
{
    ERR_clear_error();
    int n = SSL_do_handshake(w->ssl);
    return n == 1 ? WIRE_DONE : why_not(w, n);
}

enum wire_result wire_take(struct wire *w, struct buf *into)
{
    if (w->ssl == NULL) {
        bool ok = buf_add(into, w->in, w->in_len);
        w->in_len = 0;
        return ok ? WIRE_DONE : WIRE_ERROR;
    }
    ERR_clear_error();
    while (w->in_len > 0 || SSL_has_pending(w->ssl) == 1) {
        int n = SSL_read(w->ssl, plain, sizeof plain);
        if (n <= 0) {
            enum wire_result why = why_not(w, n);
            return why == WIRE_WAIT ? WIRE_DONE : why;
        }
        if (!buf_add(into, plain, (size_t)n))
            return WIRE_ERROR;
    }
    return WIRE_DONE;
}

size_t wire_drop(struct wire *w)
{
    size_t n = w->in_len;
    w->in_len = 0;
    return n;
}

/* ---- writing ---- */

bool wire_write(struct wire *w, const void *bytes, size_t len)
{
    size_t written = 0;
    if (w->ssl == NULL || len == 0)
        return buf_add(&w->out, bytes, len);
    return SSL_write_ex(w->ssl, bytes, len, &written) == 1 && written == len;
}

void wire_say_end(struct wire *w)
{
    if (w->ssl != NULL)
        SSL_shutdown(w->ssl);
}

bool wire_may_rest(const struct wire *w)
{
    return w->out.len == 0 || (w->out.len <= TICKET_MAX && w->ssl != NULL && SSL_is_init_finished(w->ssl) &&
                               SSL_version(w->ssl) == TLS1_3_VERSION);
}

enum wire_result wire_flush(struct wire *w)
{
    size_t sent = 0;
    while (sent < w->out.len) {
        ssize_t n = write(w->fd, w->out.data + sent, w->out.len - sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            bool later = errno == EAGAIN || errno == EWOULDBLOCK;
            buf_drain(&w->out, sent);
            return later ? WIRE_WAIT : WIRE_ERROR;
        }
        sent += (size_t)n;
    }
    buf_fini(&w->out);
    return WIRE_DONE;
}
