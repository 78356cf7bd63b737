/* password.c - bcrypt through libxcrypt.
 *
 * bcrypt reads 72 bytes and forgets the rest, so a longer new password is
 * refused; but hashes that were made elsewhere of longer ones must still open,
 * so what is compared is cut. The cost of a stored hash is bounded before it is
 * worked on: an imported "$2b$31$" would hold a worker for hours.
 */
#include "auth/password.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/mem.h"
#include "base/str.h"

#define BYTES_MAX     72
#define LETTERS_MIN   8
#define HASH_LEN      60 /* "$2b$", cost, "$", 22 characters of salt, 31 of hash */
#define SALT_AND_HASH 53
#define PREFIX_LEN    7

static const char bcrypt_letters[] =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static bool cost_ok(unsigned cost)
{
    return cost >= PASSWORD_COST_MIN && cost <= PASSWORD_COST_MAX;
}

/* The cost of a well-formed hash; 0 when it is none. */
static unsigned hash_cost(const char *hash)
{
    if (!hash || strlen(hash) != HASH_LEN || hash[0] != '$' || hash[1] != '2' || hash[3] != '$' ||
        hash[6] != '$' || !strchr("aby", hash[2]))
        return 0;
    if (hash[4] < '0' || hash[4] > '9' || hash[5] < '0' || hash[5] > '9')
        return 0;
    unsigned cost = (unsigned)(hash[4] - '0') * 10 + (unsigned)(hash[5] - '0');
    return cost_ok(cost) && str_only(hash + PREFIX_LEN, bcrypt_letters) ? cost : 0;
}

bool password_hash_valid(const char *hash)
{
    return hash_cost(hash) != 0;
}

/* Hashes `password` as `setting` says. State and copy hold key material: they are wiped. */
static bool run(const char *password, const char *setting, char out[128])
{
    struct crypt_data *data = xcalloc(1, sizeof *data); /* 32 KiB: not on the stack */
    char cut[BYTES_MAX + 1] = "";
    memcpy(cut, password, strnlen(password, BYTES_MAX));
    char *got = crypt_rn(cut, setting, data, (int)sizeof *data);
    bool ok = got && got[0] == '$' && strlen(got) == HASH_LEN;
    if (ok)
        memcpy(out, got, HASH_LEN + 1);
    explicit_bzero(data, sizeof *data);
    explicit_bzero(cut, sizeof cut);
    free(data);
    return ok;
}

bool password_hash(const char *password, unsigned cost, char out[128])
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (!cost_ok(cost) || strlen(password) > BYTES_MAX)
        return false;
    if (!crypt_gensalt_rn("$2b$", cost, NULL, 0, setting, (int)sizeof setting))
        return false;
    return run(password, setting, out);
}

void password_burn(const char *password, unsigned cost)
{
    /* A well-formed hash that belongs to nobody; only its cost matters. */
    char setting[HASH_LEN + 1], out[128];
    if (!cost_ok(cost))
        cost = PASSWORD_COST;
    memcpy(setting, "$2b$..$", PREFIX_LEN);
    setting[4] = (char)('0' + cost / 10);
    setting[5] = (char)('0' + cost % 10);
    memset(setting + PREFIX_LEN, '.', SALT_AND_HASH);
    setting[HASH_LEN] = '\0';
    run(password, setting, out);
}

bool password_verify(const char *password, const char *hash)
{
    char out[128];
    unsigned cost = hash_cost(hash);
    if (!cost) {
        password_burn(password, cost);
        return false;
    }
    return run(password, hash, out) && str_secret_eq(out, HASH_LEN, hash, HASH_LEN);
}

const char *password_refusal(const char *password)
{
    if (!str_utf8(password, strlen(password)))
        return "must be valid UTF-8";
    if (str_utf8_len(password) < LETTERS_MIN)
        return "at least 8 characters";
    if (strlen(password) > BYTES_MAX)
        return "at most 72 bytes";
    return NULL;
}
