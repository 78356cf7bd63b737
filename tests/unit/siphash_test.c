/* siphash_test.c - base/siphash against the paper's example and OpenSSL. */
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/siphash.h"

static struct siphash_key key_of_bytes(const unsigned char bytes[16])
{
    struct siphash_key key = {0};
    for (int i = 0; i < 8; i++) {
        key.k0 |= (uint64_t)bytes[i] << (8 * i);
        key.k1 |= (uint64_t)bytes[8 + i] << (8 * i);
    }
    return key;
}

static void example_of_the_paper(void **state)
{
    (void)state;
    unsigned char bytes[16];
    for (unsigned i = 0; i < 16; i++)
        bytes[i] = (unsigned char)i;
    struct siphash_key key = key_of_bytes(bytes);
    assert_int_equal(siphash64(&key, bytes, 15), 0xa129ca6149be45e5);
}

static void reference(const unsigned char key[16], const void *bytes, size_t len, size_t size,
                      unsigned char out[16])
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    assert_non_null(mac);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t("size", &size), OSSL_PARAM_construct_end()};
    size_t written;
    assert_int_equal(EVP_MAC_init(ctx, key, 16, params), 1);
    assert_int_equal(EVP_MAC_update(ctx, bytes, len), 1);
    assert_int_equal(EVP_MAC_final(ctx, out, &written, 16), 1);
    assert_int_equal(written, size);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}

static uint64_t little_endian(const unsigned char *p)
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

static void every_length_against_openssl(void **state)
{
    (void)state;
    static const unsigned char key_bytes[16] = "\xf0\x01\xff\x80sixteen by ";
    struct siphash_key key = key_of_bytes(key_bytes);
    unsigned char input[300];
    for (size_t i = 0; i < sizeof(input); i++)
        input[i] = (unsigned char)(i * 151 + 7);
    for (size_t len = 0; len <= sizeof(input); len++) {
        unsigned char *copy = malloc(len + 1), mac[16];
        memcpy(copy, input, len);
        reference(key_bytes, input, len, 8, mac);
        assert_int_equal(siphash64(&key, copy, len), little_endian(mac));
        reference(key_bytes, input, len, 16, mac);
        struct siphash_tag tag = siphash128(&key, copy, len);
        assert_int_equal(tag.a, little_endian(mac));
        assert_int_equal(tag.b, little_endian(mac + 8));
        free(copy);
    }
}

static void keys_differ(void **state)
{
    (void)state;
    struct siphash_key a, b;
    siphash_key_random(&a);
    siphash_key_random(&b);
    assert_true(a.k0 != b.k0 && a.k1 != b.k1 && a.k0 != a.k1);
    assert_true(siphash64(&a, "x", 1) != siphash64(&b, "x", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_of_the_paper),
        cmocka_unit_test(every_length_against_openssl),
        cmocka_unit_test(keys_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
