/* claims.h - JSON Web Tokens as texts: read with every check, and made.
 * Rules do not change once made; both functions are [any thread].
 */
#ifndef AUTH_CLAIMS_H
#define AUTH_CLAIMS_H

#include <jwt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CLAIMS_TOKEN_MAX   8192
#define CLAIMS_SUBJECT_MAX 255

struct claims_rules {
    jwt_alg_t alg;      /* JWT_ALG_HS256, RS256 or ES256: the one that is accepted */
    unsigned char *key; /* the secret, or a public key as PEM; never empty */
    size_t key_len;
    char *issuer, *audience; /* NULL: any issuer; NULL: only tokens without audience */
    int64_t lifetime_s;
};

struct claims {
    char subject[CLAIMS_SUBJECT_MAX + 1];
    int64_t expires_at_ms, issued_at_ms; /* issued 0: it does not say */
};

bool claims_alg(const char *name, jwt_alg_t *out);
/* Reads and checks the public key for `alg`. NULL: `problem` says what is wrong. The caller frees.
 */
char *claims_read_pem(const char *file, jwt_alg_t alg, struct problem *problem);
void claims_rules_free(struct claims_rules *rules); /* what it points to; keys are wiped */

/* Three parts of base64url letters: whether it is a JWT at all. */
bool claims_looks_like(const char *token);
/* NULL: the token is good and *out is filled; else why not. */
const char *claims_read(const struct claims_rules *rules, const char *token, int64_t now_ms,
                        struct claims *out);
/* HS256 only. The caller frees. NULL: not to be made. */
char *claims_sign(const struct claims_rules *rules, const char *subject, int64_t now_ms,
                  int64_t *expires_at_ms);

#endif
