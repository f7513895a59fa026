/* Hashes against FIPS 180 and RFC 4231 vectors; text forms against RFC 4648 and RFC 9562. */
#include "digest.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static const char *hex(const uint8_t *bytes, size_t len)
{
    static char s[200];
    return encode_hex(s, sizeof s, bytes, len);
}

START_TEST(sha256_vectors)
{
    uint8_t h[SHA256_BYTES], g[SHA256_BYTES];
    digest_sha256("", 0, h);
    ck_assert_str_eq(hex(h, 32), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_sha256(NULL, 0, h);
    ck_assert_str_eq(hex(h, 4), "e3b0c442");
    digest_sha256("abc", 3, h);
    ck_assert_str_eq(hex(h, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct digest_part parts[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};
    digest_sha256_parts(parts, 3, g);
    ck_assert_mem_eq(g, h, 32);
    digest_sha256_parts(NULL, 0, g);
    ck_assert_str_eq(hex(g, 4), "e3b0c442");
    struct digest_stream *s = digest_stream_new();
    char as[1000];
    memset(as, 'a', sizeof as);
    for (int i = 0; i < 1000; i++)
        digest_stream_add(s, as, sizeof as);
    digest_stream_end(s, h);
    ck_assert_str_eq(hex(h, 32), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

START_TEST(hmac_vectors)
{
    uint8_t h[SHA256_BYTES], key[131];
    memset(key, 0x0b, 20);
    digest_hmac_sha256(key, 20, "Hi There", 8, h);
    ck_assert_str_eq(hex(h, 32), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    digest_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, h);
    ck_assert_str_eq(hex(h, 32), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, 131);
    digest_hmac_sha256(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54, h);
    ck_assert_str_eq(hex(h, 32), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    digest_hmac_sha256(NULL, 0, NULL, 0, h);
    ck_assert_str_eq(hex(h, 32), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}
END_TEST

START_TEST(comparison_wipe_random)
{
    uint8_t a[64], b[64], zero[64] = {0};
    digest_random(a, sizeof a);
    digest_random(b, sizeof b);
    ck_assert(!digest_equal(a, b, sizeof a));
    memcpy(b, a, sizeof b);
    ck_assert(digest_equal(a, b, sizeof a));
    b[63] ^= 0x80;
    ck_assert(!digest_equal(a, b, sizeof a) && digest_equal(a, b, 63) && digest_equal(a, b, 0));
    digest_wipe(a, sizeof a);
    ck_assert_mem_eq(a, zero, sizeof a);
    digest_wipe(NULL, 5);
}
END_TEST

START_TEST(hex_is_strict)
{
    uint8_t out[4] = {9, 9, 9, 9};
    ck_assert(decode_hex("00fFA0", 6, out, 3));
    ck_assert_mem_eq(out, "\x00\xff\xa0\x09", 4);
    ck_assert(!decode_hex("00ff", 4, out, 3) && !decode_hex("00ff0", 5, out, 2) && !decode_hex("0g", 2, out, 1) &&
              !decode_hex(" 0", 2, out, 1) && !decode_hex("0x", 2, out, 1) && !decode_hex("", 0, out, 1));
    ck_assert(decode_hex("", 0, out, 0));
    ck_assert(!decode_hex("1122zz", 6, out, 3));
    ck_assert_uint_eq(out[0], 0); /* untouched by failures */
}
END_TEST

START_TEST(base64_vectors)
{
    static const struct {
        const char *plain, *padded, *url;
    } cases[] = {{"", "", ""},           {"f", "Zg==", "Zg"},         {"fo", "Zm8=", "Zm8"},
                 {"foo", "Zm9v", "Zm9v"}, {"foob", "Zm9vYg==", "Zm9vYg"}, {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                 {"foobar", "Zm9vYmFy", "Zm9vYmFy"}, {"\xfb\xff\xbf", "+/+/", "-_-_"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[20];
        uint8_t out[20];
        size_t n = 99, plain = strlen(cases[i].plain);
        ck_assert_str_eq(encode_base64url(text, strlen(cases[i].url) + 1, cases[i].plain, plain), cases[i].url);
        ck_assert(decode_base64url(cases[i].url, strlen(cases[i].url), out, plain, &n));
        ck_assert_uint_eq(n, plain);
        ck_assert_mem_eq(out, cases[i].plain, plain);
        n = 99;
        ck_assert(decode_base64(cases[i].padded, strlen(cases[i].padded), out, plain, &n));
        ck_assert_uint_eq(n, plain);
        ck_assert_mem_eq(out, cases[i].plain, plain);
        if (plain > 0)
            ck_assert(!decode_base64(cases[i].padded, strlen(cases[i].padded), out, plain - 1, &n));
    }
}
END_TEST

START_TEST(base64_is_strict)
{
    static const char *const bad_url[] = {"Z", "Zh", "Zm9", "Zg==", "Zm+v", "Zm/v", "Zm9v\n", "Zm 9v", "AAAAA", "Zm9vYh"};
    static const char *const bad[] = {"Zg", "Zg=", "Zh==", "Zm9=", "=", "====", "Z===", "Zg==Zg==", "Zm9-", "Zm9_", "Zg==\n",
                                      "Z=g=", "Zm=v"};
    uint8_t out[20];
    size_t n = 77;
    for (size_t i = 0; i < sizeof bad_url / sizeof *bad_url; i++)
        ck_assert_msg(!decode_base64url(bad_url[i], strlen(bad_url[i]), out, sizeof out, &n), "%s", bad_url[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!decode_base64(bad[i], strlen(bad[i]), out, sizeof out, &n), "%s", bad[i]);
    ck_assert_uint_eq(n, 77);
}
END_TEST

START_TEST(every_length_round_trips)
{
    uint8_t in[64], out[64];
    char text[100];
    for (size_t len = 0; len <= sizeof in; len++) {
        size_t n = 99;
        digest_random(in, sizeof in);
        encode_base64url(text, sizeof text, in, len);
        ck_assert(decode_base64url(text, strlen(text), out, len, &n) && n == len);
        ck_assert_mem_eq(in, out, len);
    }
    ck_assert_uint_eq(strlen(encode_base64url(text, sizeof text, in, 16)), 22); /* a token */
}
END_TEST

START_TEST(uuids)
{
    static const uint8_t bytes[16] = {0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0, 0xa7, 0x65, 0, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6};
    static const char *const bad[] = {"f81d4fae7dec11d0a76500a0c91e6bf6",      "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
                                      "f81d4fae-7dec-11d0-a765-00a0c91e6bf67", "{f81d4fae-7dec-11d0-a765-00a0c91e6b}",
                                      "f81d4fae-7dec-11d0-a765-00a0c91e6bfg",  "f81d4fae7-dec-11d0-a765-00a0c91e6bf6",
                                      "f81d4fae-7dec-11d0-a765-00a0c91e6b-6",  ""};
    uint8_t out[16];
    char text[37];
    ck_assert(decode_uuid("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 36, out));
    ck_assert_mem_eq(out, bytes, 16);
    ck_assert(decode_uuid("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", 36, out));
    ck_assert_mem_eq(out, bytes, 16);
    ck_assert_str_eq(encode_uuid(text, bytes), "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!decode_uuid(bad[i], strlen(bad[i]), out), "%s", bad[i]);
    for (int i = 0; i < 200; i++) {
        uuid_random(out);
        encode_uuid(text, out);
        ck_assert_int_eq(text[14], '4');
        ck_assert_ptr_nonnull(strchr("89ab", text[19]));
    }
    static const uint8_t random[UUID_RANDOM_BYTES] = {0xfc, 0xc3, 0xd8, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
    uint8_t other[16];
    uuid_timed(out, INT64_C(1645557742000999), random); /* RFC 9562, A.6 */
    ck_assert_str_eq(encode_uuid(text, out), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    uuid_timed(other, INT64_C(1645557742001000), random);
    ck_assert_int_lt(memcmp(out, other, 16), 0);
}
END_TEST

UNIT_MAIN("crypto/digest", sha256_vectors, hmac_vectors, comparison_wipe_random, hex_is_strict, base64_vectors,
          base64_is_strict, every_length_round_trips, uuids)
