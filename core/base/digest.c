/* digest.c - SHA-256 by OpenSSL. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

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
