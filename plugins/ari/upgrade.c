/* upgrade.c - see upgrade.h. */
#include "upgrade.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void upgrade_key(char key[UPGRADE_KEY_SIZE])
{
    unsigned char random[16];
    if (RAND_bytes(random, sizeof random) != 1)
        abort();
    EVP_EncodeBlock((unsigned char *)key, random, sizeof random);
}

void upgrade_accept(char accept[UPGRADE_ACCEPT_SIZE], const char *key)
{
    unsigned char sum[SHA_DIGEST_LENGTH];
    struct text t = {0};
    text_puts(&t, key);
    text_puts(&t, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    SHA1((const unsigned char *)t.at, t.len, sum);
    EVP_EncodeBlock((unsigned char *)accept, sum, sizeof sum);
    text_free(&t);
}

static void basic(struct text *out, const char *user, const char *password)
{
    struct text plain = {0};
    text_puts(&plain, user);
    text_puts(&plain, ":");
    text_puts(&plain, password ? password : "");
    char *coded = text_alloc((plain.len + 2) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)plain.at, (int)plain.len);
    text_puts(out, "Authorization: Basic ");
    text_puts(out, coded);
    text_puts(out, "\r\n");
    free(coded);
    text_free(&plain);
}

void upgrade_request(struct text *out, const struct upgrade_request *r)
{
    char port[16];
    bool v6 = strchr(r->host, ':');
    snprintf(port, sizeof port, ":%u\r\n", r->port);
    text_puts(out, "GET ");
    text_puts(out, r->path);
    text_puts(out, v6 ? " HTTP/1.1\r\nHost: [" : " HTTP/1.1\r\nHost: ");
    text_puts(out, r->host);
    text_puts(out, v6 ? "]" : "");
    text_puts(out, port);
    basic(out, r->user, r->password);
    text_puts(out, "Upgrade: websocket\r\n"
                   "Connection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Protocol: ari\r\n"
                   "Sec-WebSocket-Key: ");
    text_puts(out, r->key);
    text_puts(out, "\r\n\r\n");
}

/* The value of a header whose line starts at `line`, or NULL; trimmed. */
static const char *value_of(const char *line, size_t len, const char *name, size_t *value_len)
{
    size_t name_len = strlen(name);
    if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
        return NULL;
    const char *at = line + name_len + 1, *end = line + len;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *value_len = (size_t)(end - at);
    return at;
}

static bool is_word(const char *at, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(at, word, len) == 0;
}

/* Connection may be a list. */
static bool has_word(const char *at, size_t len, const char *word)
{
    while (len) {
        const char *comma = memchr(at, ',', len);
        size_t part = comma ? (size_t)(comma - at) : len, trimmed = part;
        const char *from = at;
        while (trimmed && (*from == ' ' || *from == '\t'))
            from++, trimmed--;
        while (trimmed && (from[trimmed - 1] == ' ' || from[trimmed - 1] == '\t'))
            trimmed--;
        if (is_word(from, trimmed, word))
            return true;
        if (!comma)
            return false;
        at = comma + 1;
        len -= part + 1;
    }
    return false;
}

static int status_of(const char *head, size_t len)
{
    if (len < 12 || (memcmp(head, "HTTP/1.1 ", 9) != 0 && memcmp(head, "HTTP/1.0 ", 9) != 0))
        return 0;
    int status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (head[i] < '0' || head[i] > '9')
            return 0;
        status = status * 10 + (head[i] - '0');
    }
    return len == 12 || head[12] == ' ' || head[12] == '\r' ? status : 0;
}

static enum upgrade_result refuse(struct upgrade_answer *a, const char *why)
{
    snprintf(a->why, sizeof a->why, "%s", why);
    return UPGRADE_REFUSED;
}

static enum upgrade_result judge(struct upgrade_answer *a, const char *head, const char *accept)
{
    bool upgrade = false, connection = false, accepted = false, extended = false;
    const char *end = head + a->head_len - 2;
    for (const char *line = head, *next; line < end; line = next) {
        size_t len, value_len;
        const char *eol = memmem(line, (size_t)(end - line), "\r\n", 2), *v;
        len = (size_t)((eol ? eol : end) - line);
        next = eol ? eol + 2 : end;
        if ((v = value_of(line, len, "Upgrade", &value_len)))
            upgrade |= is_word(v, value_len, "websocket");
        else if ((v = value_of(line, len, "Connection", &value_len)))
            connection |= has_word(v, value_len, "upgrade");
        else if ((v = value_of(line, len, "Sec-WebSocket-Accept", &value_len)))
            accepted |= value_len == strlen(accept) && memcmp(v, accept, value_len) == 0;
        else if (value_of(line, len, "Sec-WebSocket-Extensions", &value_len))
            extended = true;
    }
    if (!upgrade || !connection)
        return refuse(a, "the answer 101 is not for a WebSocket");
    if (!accepted)
        return refuse(a, "Sec-WebSocket-Accept is missing or wrong");
    if (extended)
        return refuse(a, "an extension nobody asked for");
    return UPGRADE_DONE;
}

enum upgrade_result upgrade_read(struct upgrade_answer *a, const char *buf, size_t len,
                                 const char *accept)
{
    memset(a, 0, sizeof *a);
    if (len >= 5 && memcmp(buf, "HTTP/", 5) != 0)
        return refuse(a, "the other side does not speak HTTP");
    const char *end = len ? memmem(buf, len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return len > UPGRADE_MAX_HEAD ? refuse(a, "the answer's head is too long") : UPGRADE_MORE;
    a->head_len = (size_t)(end - buf) + 4;
    a->status = status_of(buf, a->head_len);
    if (a->head_len > UPGRADE_MAX_HEAD)
        return refuse(a, "the answer's head is too long");
    if (!a->status)
        return refuse(a, "the other side does not speak HTTP");
    if (a->status != 101) {
        snprintf(a->why, sizeof a->why, "HTTP status %d instead of 101", a->status);
        return UPGRADE_REFUSED;
    }
    return judge(a, buf, accept);
}
