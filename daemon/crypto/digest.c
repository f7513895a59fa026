/* Hashes, HMAC, random bytes and the text forms of bytes.
 *
 * OpenSSL is reached through its EVP interface; the fetched algorithm is kept, because fetching is slower than
 * hashing the few hundred bytes of a message. An OpenSSL that cannot hash or has no random bytes is broken and ends
 * the process: no caller could go on. Decoders accept exactly one text for each sequence of bytes. Any thread. */
#include "digest.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static const EVP_MD *sha256(void)
{
    static EVP_MD *kept;
    EVP_MD *md = __atomic_load_n(&kept, __ATOMIC_ACQUIRE);
    if (md != NULL)
        return md;
    md = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (md == NULL)
        fatal("event=openssl_broken reason=\"no SHA-256\"");
    EVP_MD *none = NULL;
    if (!__atomic_compare_exchange_n(&kept, &none, md, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        EVP_MD_free(md); /* another thread was faster */
        md = none;
    }
    return md;
}

static void must(bool ok)
{
    if (!ok)
        fatal("event=openssl_broken reason=\"digest failed\"");
}

void digest_sha256(const void *bytes, size_t len, uint8_t ret[SHA256_BYTES])
{
    must(EVP_Digest(len > 0 ? bytes : "", len, ret, NULL, sha256(), NULL) == 1);
}

void digest_sha256_parts(const struct digest_part *parts, size_t count, uint8_t ret[SHA256_BYTES])
{
    struct digest_stream *s = digest_stream_new();
    for (size_t i = 0; i < count; i++)
        digest_stream_add(s, parts[i].bytes, parts[i].len);
    digest_stream_end(s, ret);
}

void digest_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len, uint8_t ret[SHA256_BYTES])
{
    must(key_len <= INT_MAX);
    must(HMAC(sha256(), key_len > 0 ? key : "", (int)key_len, len > 0 ? bytes : (const unsigned char *)"", len, ret,
              NULL) != NULL);
}

/* struct digest_stream is OpenSSL's context under our name. */
static EVP_MD_CTX *context(struct digest_stream *s)
{
    return (EVP_MD_CTX *)(void *)s;
}

struct digest_stream *digest_stream_new(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx != NULL && EVP_DigestInit_ex2(ctx, sha256(), NULL) == 1);
    return (struct digest_stream *)(void *)ctx;
}

void digest_stream_add(struct digest_stream *s, const void *bytes, size_t len)
{
    if (len > 0)
        must(EVP_DigestUpdate(context(s), bytes, len) == 1);
}

void digest_stream_end(struct digest_stream *s, uint8_t ret[SHA256_BYTES])
{
    must(EVP_DigestFinal_ex(context(s), ret, NULL) == 1);
    EVP_MD_CTX_free(context(s));
}

bool digest_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void digest_wipe(void *bytes, size_t len)
{
    if (bytes != NULL)
        OPENSSL_cleanse(bytes, len);
}

void digest_random(void *ret, size_t len)
{
    if (len > INT_MAX || RAND_bytes(ret, (int)len) != 1)
        fatal("event=openssl_broken reason=\"no random bytes\"");
}

char *encode_hex(char *dst, size_t cap, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;
    if (cap == 0 || len > (cap - 1) / 2)
        fatal("event=encode_overflow form=hex");
    for (size_t i = 0; i < len; i++) {
        dst[2 * i] = digits[p[i] >> 4];
        dst[2 * i + 1] = digits[p[i] & 15];
    }
    dst[2 * len] = '\0';
    return dst;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool decode_hex(const char *s, size_t len, void *ret, size_t ret_len)
{
    uint8_t *out = ret;
    if (len % 2 != 0 || len / 2 != ret_len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (hex_value(s[i]) < 0)
            return false;
    for (size_t i = 0; i < ret_len; i++)
        out[i] = (uint8_t)(hex_value(s[2 * i]) << 4 | hex_value(s[2 * i + 1]));
    return true;
}

/* The digits alone; returns how many. */
static size_t encode_digits(char *dst, const void *bytes, size_t len, const char digits[64])
{
    const uint8_t *p = bytes;
    size_t out = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | p[i];
        for (held += 8; held >= 6; held -= 6)
            dst[out++] = digits[bits >> (held - 6) & 63];
    }
    if (held > 0)
        dst[out++] = digits[bits << (6 - held) & 63];
    return out;
}

char *encode_base64url(char *dst, size_t cap, const void *bytes, size_t len)
{
    size_t need = len / 3 * 4 + (len % 3 == 0 ? 0 : len % 3 + 1);
    if (cap <= need)
        fatal("event=encode_overflow form=base64url");
    dst[encode_digits(dst, bytes, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")] = '\0';
    return dst;
}

char *encode_base64(char *dst, size_t cap, const void *bytes, size_t len)
{
    size_t need = (len + 2) / 3 * 4;
    if (cap <= need)
        fatal("event=encode_overflow form=base64");
    size_t out = encode_digits(dst, bytes, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    while (out < need)
        dst[out++] = '=';
    dst[out] = '\0';
    return dst;
}

static int base64_value(char c, char digit62, char digit63)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == digit62 ? 62 : c == digit63 ? 63 : -1;
}

/* Without padding. The bits left over must be zero, or two texts would mean the same bytes. */
static bool decode_digits(const char *s, size_t len, char digit62, char digit63, uint8_t *ret, size_t ret_cap,
                          size_t *ret_len)
{
    size_t need = len / 4 * 3 + (len % 4 == 0 ? 0 : len % 4 - 1), out = 0;
    if (len % 4 == 1 || need > ret_cap)
        return false;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < len; i++) {
        int v = base64_value(s[i], digit62, digit63);
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        held += 6;
        if (held >= 8) {
            held -= 8;
            ret[out++] = (uint8_t)(bits >> held);
        }
    }
    if ((bits & ((1u << held) - 1)) != 0)
        return false;
    *ret_len = out;
    return true;
}

bool decode_base64url(const char *s, size_t len, void *ret, size_t ret_cap, size_t *ret_len)
{
    return decode_digits(s, len, '-', '_', ret, ret_cap, ret_len);
}

bool decode_base64(const char *s, size_t len, void *ret, size_t ret_cap, size_t *ret_len)
{
    if (len % 4 != 0)
        return false;
    size_t digits = len;
    while (digits > 0 && len - digits < 2 && s[digits - 1] == '=')
        digits--;
    return decode_digits(s, digits, '+', '/', ret, ret_cap, ret_len);
}

char *encode_uuid(char dst[37], const uint8_t uuid[16])
{
    static const unsigned char group[] = {4, 2, 2, 2, 6};
    size_t at = 0, out = 0;
    for (size_t g = 0; g < sizeof group; g++) {
        if (g > 0)
            dst[out++] = '-';
        encode_hex(dst + out, 37 - out, uuid + at, group[g]);
        at += group[g];
        out += 2u * group[g];
    }
    return dst;
}

bool decode_uuid(const char *s, size_t len, uint8_t ret[16])
{
    char hex[32];
    size_t n = 0;
    if (len != 36)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (s[i] == '-'))
            return false;
        if (!dash)
            hex[n++] = s[i];
    }
    return decode_hex(hex, n, ret, 16);
}

static void stamp_uuid(uint8_t uuid[16], uint8_t version)
{
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | version << 4);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

void uuid_random(uint8_t ret[16])
{
    digest_random(ret, 16);
    stamp_uuid(ret, 4);
}

void uuid_timed(uint8_t ret[16], int64_t unix_us, const uint8_t random[UUID_RANDOM_BYTES])
{
    uint64_t ms = (uint64_t)(unix_us / 1000);
    for (int i = 0; i < 6; i++)
        ret[i] = (uint8_t)(ms >> (40 - 8 * i));
    memcpy(ret + 6, random, UUID_RANDOM_BYTES);
    stamp_uuid(ret, 7);
}
