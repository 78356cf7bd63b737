/* ivr_sound.c - what a menu plays, as text; see ivr_menu.h. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/str.h"
#include "domain/ivr_menu.h"

#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* What may stand behind the colon means nothing to Asterisk's dialplan or its file names. */
static const struct {
    const char *prefix, *allowed;
} kinds[] = {
    {"sound:", DIGITS LETTERS "/_-"},
    {"number:", DIGITS "-"},
    {"digits:", DIGITS "*#"},
    {"characters:", DIGITS LETTERS "*#"},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static size_t kind_of(const char *sound)
{
    size_t i = 0;
    while (i < KINDS && !str_starts(sound, kinds[i].prefix))
        i++;
    return i;
}

bool ivr_fill_in(const char *text, const char *digits, char *out, size_t size)
{
    size_t len = 0;
    while (*text) {
        bool mark = str_starts(text, IVR_DIGITS_MARK);
        const char *from = mark ? digits : text;
        size_t part = mark ? strlen(digits) : 1;
        if (len + part >= size)
            return false;
        memcpy(out + len, from, part);
        len += part;
        text += mark ? strlen(IVR_DIGITS_MARK) : 1;
    }
    out[len] = '\0';
    return size > 0;
}

size_t ivr_sound_count(const char *sounds)
{
    size_t count = *sounds != '\0';
    for (; *sounds; sounds++)
        count += *sounds == '&';
    return count;
}

bool ivr_sound(const char *sounds, size_t index, const char *digits, char out[IVR_TEXT_MAX + 1])
{
    char one[IVR_TEXT_MAX + 1];
    for (; index && *sounds; sounds++)
        index -= *sounds == '&';
    size_t len = strcspn(sounds, "&");
    if (index || len >= sizeof one)
        return false;
    memcpy(one, sounds, len);
    one[len] = '\0';
    return ivr_fill_in(one, digits, out, IVR_TEXT_MAX + 1);
}

bool ivr_sound_file(const char *sound, char out[IVR_TEXT_MAX + 1])
{
    static const char *const endings[] = {".wav", ".gsm", ".ulaw", ".alaw", ".sln", ".mp3"};
    size_t len = strlen(sound);
    if (kind_of(sound) < KINDS || !len || len > IVR_TEXT_MAX)
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (str_ends(sound, endings[i]) && len > strlen(endings[i])) {
            len -= strlen(endings[i]);
            break;
        }
    }
    memcpy(out, sound, len);
    out[len] = '\0';
    return str_only(out, DIGITS LETTERS "_-") && out[0] != '-';
}

void ivr_sound_sign(const char *key, const char *language, const char *file,
                    char out[IVR_SIGNATURE_SIZE])
{
    char text[2 * IVR_TEXT_MAX], digest[DIGEST_SIZE];
    int len = snprintf(text, sizeof text, "dialgate sound\n%s\n%s", language, file);
    digest_hmac_hex(key, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1, digest);
    memcpy(out, digest, IVR_SIGNATURE_SIZE - 1);
    out[IVR_SIGNATURE_SIZE - 1] = '\0';
}

bool ivr_sound_media(const char *sound, const struct ivr_place *place, const char *language,
                     char *out, size_t size)
{
    char file[IVR_TEXT_MAX + 1], signature[IVR_SIGNATURE_SIZE];
    int len;
    if (!ivr_sound_file(sound, file)) {
        len = snprintf(out, size, "%s", sound);
    } else if (str_empty(place->url)) {
        len = snprintf(out, size, "sound:%s/%s", place->folder, file);
    } else {
        language = str_empty(language) ? "-" : language;
        ivr_sound_sign(place->key, language, file, signature);
        len = snprintf(out, size, "sound:%s%ssounds/%s/%s/%s.wav", place->url,
                       str_ends(place->url, "/") ? "" : "/", signature, language, file);
    }
    return len > 0 && (size_t)len < size;
}

static bool is_path(const char *path)
{
    return *path && *path != '/' && !str_ends(path, "/") && !strstr(path, "//");
}

static bool is_sound(const char *sound)
{
    char file[IVR_TEXT_MAX + 1];
    size_t kind = kind_of(sound);
    if (kind == KINDS)
        return ivr_sound_file(sound, file);
    const char *value = sound + strlen(kinds[kind].prefix);
    if (!*value || !str_only(value, kinds[kind].allowed))
        return false;
    if (kind == 1) /* a number */
        return !strchr(value + 1, '-') && strlen(value) <= 12 && !str_eq(value, "-");
    return kind != 0 || is_path(value);
}

const char *ivr_sounds_refusal(const char *sounds)
{
    char one[IVR_TEXT_MAX + 1];
    size_t count = ivr_sound_count(sounds);
    if (strlen(sounds) > IVR_TEXT_MAX)
        return "at most 255 characters";
    if (count > IVR_SOUNDS_MAX)
        return "at most 20 sounds";
    for (size_t i = 0; i < count; i++) {
        if (!ivr_sound(sounds, i, "1", one) || !is_sound(one))
            return "a sound is the name of a file (letters, digits, _ and -), or sound:, number:, "
                   "digits: or characters: and what is to be played; several have & between them";
    }
    return NULL;
}
