/* sounds.c - GET /sounds/{signature}/{language}/{file}: uploaded sounds for the telephone system.
 *
 * With ivr.url it fetches what it is to play from here and keeps it for a while
 * (res_http_media_cache of Asterisk, which knows no credentials). The signature
 * stands in their place: none but this gateway can make an address, and it makes
 * those of the sounds that calls are led through. A changed sound has another
 * ETag.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/campaign_dialer/audio.h"
#include "api/contact_center/private.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/audio.h"
#include "domain/ivr_menu.h"

#define ENDING    ".wav"
#define NOT_FOUND "Not Found"
#define KEPT      "max-age=10" /* then it asks whether there is a new one */

struct fetch {
    struct hop *hop;
    char name[AUDIO_NAME_MAX + 1], *language;
    char etag[48];
    enum dg_err err;
    char *message, *bytes;
    size_t len;
};

static void fetch_free(void *data)
{
    struct fetch *f = data;
    free(f->language);
    free(f->message);
    free(f->bytes);
    free(f);
}

static void on_read(void *arg, const struct audio_answer *answer)
{
    struct fetch *f = arg;
    f->err = answer->err;
    f->message = xstrdup(answer->message);
    if (answer->err == DG_OK) {
        f->len = answer->bytes.len;
        f->bytes = xmalloc(f->len + 1);
        memcpy(f->bytes, answer->bytes.ptr, f->len);
        snprintf(f->etag, sizeof f->etag, "\"%zx-%" PRIx64 "\"", f->len,
                 (uint64_t)answer->files->changed_at_ms);
    }
    hop_done(f->hop);
}

static void run(struct hop *hop, void *data)
{
    struct fetch *f = data;
    f->hop = hop;
    audio_read(((struct api *)hop_app(hop))->audio, f->name, f->language, on_read, f);
}

static void back(struct request *req, void *data)
{
    const struct fetch *f = data;
    const char *known = request_header(req, "if-none-match");
    if (f->err != DG_OK) {
        contact_center_problem(req, f->err, f->message);
        return;
    }
    reply_header(req, "ETag", f->etag);
    reply_header(req, "Cache-Control", KEPT);
    if (known && strstr(known, f->etag))
        reply_empty(req, 304);
    else
        reply_bytes(req, 200, "audio/wav", f->bytes, f->len);
}

/* In a time that does not tell how much of it is right. */
static bool is_same(const char *a, const char *b)
{
    unsigned char differ = 0;
    if (strlen(a) != strlen(b))
        return false;
    for (; *a; a++, b++)
        differ |= (unsigned char)(*a ^ *b);
    return !differ;
}

static bool is_signed(struct request *req, const char *language, const char *name)
{
    char right[IVR_SIGNATURE_SIZE];
    const char *key = api_of(req)->sounds_key;
    if (str_empty(key))
        return false;
    ivr_sound_sign(key, language, name, right);
    return is_same(request_param(req, "signature"), right);
}

void dialer_sounds_fetch(struct request *req)
{
    const char *file = request_param(req, "file"), *language = request_param(req, "language");
    size_t len = strlen(file);
    char name[AUDIO_NAME_MAX + 1];
    if (len <= strlen(ENDING) || len - strlen(ENDING) > AUDIO_NAME_MAX || !str_ends(file, ENDING)) {
        reply_error(req, 404, NOT_FOUND);
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)(len - strlen(ENDING)), file);
    bool all = str_eq(language, "-");
    if (audio_name_refusal(name) || (!all && audio_language_refusal(language)) ||
        !is_signed(req, language, name)) {
        reply_error(req, 404, NOT_FOUND);
        return;
    }
    struct fetch *f = xcalloc(1, sizeof *f);
    memcpy(f->name, name, sizeof f->name);
    f->language = all ? NULL : xstrdup(language);
    hop_start(req, f, run, back, fetch_free);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field params[] = {
    {.name = "signature", .kind = FIELD_STR, .required = true, .min = 32, .max = 32,
     .pattern = "^[0-9a-f]{32}$", .help = "Made by this gateway",
     .example = "\"0f5b6d1e7c3a49528d1b4e60a7f3c2d9\""},
    {.name = "language", .kind = FIELD_STR, .required = true, .max = 20,
     .pattern = "^[A-Za-z0-9_-]+$", .help = "`-`: the sound of all languages", .example = "\"de\""},
    {.name = "file", .kind = FIELD_STR, .required = true, .max = AUDIO_NAME_MAX + 4,
     .pattern = "^[A-Za-z0-9_][A-Za-z0-9_-]*[.]wav$", .example = "\"welcome.wav\""},
    {0}};
static const struct field kept_headers[] = {
    {.name = "ETag", .kind = FIELD_STR, .example = "\"\\\"3ed2c-199c1f3d5a0\\\"\""},
    {.name = "Cache-Control", .kind = FIELD_STR, .example = "\"" KEPT "\""},
    {0}};
static const struct field request_headers[] = {
    {.name = "If-None-Match", .kind = FIELD_STR, .help = "An ETag: of this it is answered 304",
     .example = "\"\\\"3ed2c-199c1f3d5a0\\\"\""},
    {0}};
/* clang-format on */
static const struct route_answer answers[] = {
    {200, "8 kHz, mono, 16 bit", NULL, "audio/wav", kept_headers},
    {304, "It is the same still", NULL, NULL, NULL},
    {404, "No such sound, a wrong signature, or `ivr.url` is not set", &contact_center_detail, NULL,
     NULL},
    {429, "Too many sounds are being read", &contact_center_detail, NULL, NULL},
    {503, "The folder of sounds cannot be read", &contact_center_detail, NULL, NULL},
    {0}};
const struct route_doc dialer_sounds_fetch_doc = {
    .id = "fetch_sound",
    .tag = "Audio",
    .summary = "An uploaded sound, for the telephone system",
    .help = "With `ivr.url` Asterisk is told to play addresses of this kind and fetches them "
            "(res_http_media_cache). The gateway signs them; they are not for other clients. In "
            "the language, else in that before its `_`, else the sound of all.",
    .params = params,
    .headers = request_headers,
    .answers = answers,
};
