/* Hashes, message authentication and constant-time comparison (OpenSSL). */
#ifndef HADIR_DIGEST_H
#define HADIR_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32

/* fatal() only if OpenSSL itself is broken. */
void digest_sha256(const void *bytes, size_t len, uint8_t ret[SHA256_BYTES]);
struct digest_part {
    const void *bytes;
    size_t len;
};
void digest_sha256_parts(const struct digest_part *parts, size_t count, uint8_t ret[SHA256_BYTES]);
void digest_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len, uint8_t ret[SHA256_BYTES]);
/* Streaming, for files. */
struct digest_stream;
struct digest_stream *digest_stream_new(void);
void digest_stream_add(struct digest_stream *s, const void *bytes, size_t len);
void digest_stream_end(struct digest_stream *s, uint8_t ret[SHA256_BYTES]); /* frees s */
bool digest_equal(const void *a, const void *b, size_t len); /* constant time */
void digest_wipe(void *bytes, size_t len);
/* Random bytes from the kernel through OpenSSL; fatal() when there are none. */
void digest_random(void *ret, size_t len);

/* Text forms. Encoders return dst, NUL-terminated; decoders are strict and give false on any other character or length. */
char *encode_hex(char *dst, size_t cap, const void *bytes, size_t len);
bool decode_hex(const char *s, size_t len, void *ret, size_t ret_len);
char *encode_base64(char *dst, size_t cap, const void *bytes, size_t len);  /* with padding */
char *encode_base64url(char *dst, size_t cap, const void *bytes, size_t len); /* no padding */
bool decode_base64url(const char *s, size_t len, void *ret, size_t ret_cap, size_t *ret_len);
bool decode_base64(const char *s, size_t len, void *ret, size_t ret_cap, size_t *ret_len); /* with padding */
/* RFC 9562 text form, lower case; parse accepts either case. */
char *encode_uuid(char dst[37], const uint8_t uuid[16]);
bool decode_uuid(const char *s, size_t len, uint8_t ret[16]);
void uuid_random(uint8_t ret[16]); /* version 4 */
/* Version 7: the milliseconds of unix_us, then 74 bits of `random`, which is the caller's to draw: with what else he
 * needs, since a draw is dear, not its bytes. Rows that come after each other lie beside each other in indexes. */
#define UUID_RANDOM_BYTES 10
void uuid_timed(uint8_t ret[16], int64_t unix_us, const uint8_t random[UUID_RANDOM_BYTES]);

#endif
