/* digest.c - SHA-256 by OpenSSL. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"

void digest_hex(const void *bytes, size_t len, char out[DIGEST_SIZE])
{
    unsigned char digest[32];
    if (!EVP_Digest(bytes, len, digest, NULL, EVP_sha256(), NULL)) {
        log_error("base", "SHA-256 is not available");
        abort();
    }
    str_hex(digest, sizeof digest, out);
}

void digest_hmac_hex(const char *key, const void *bytes, size_t len, char out[DIGEST_SIZE])
{
    unsigned char mac[32];
    if (!HMAC(EVP_sha256(), key, (int)strlen(key), bytes, len, mac, NULL)) {
        log_error("base", "HMAC with SHA-256 is not available");
        abort();
    }
    str_hex(mac, sizeof mac, out);
}
