/* audio.h - sounds that were uploaded, in the folder from which they are played. [control thread]
 *
 * The folder is shared with the telephone system. A name is letters, digits, _
 * and -, so that no name leads out of it; each file is <name>.wav, or
 * <language>/.../<name>.wav as Asterisk looks for them. Files are read and
 * written on the pool of workers; a new one takes the place of an old one in
 * one step. What somebody else put into the folder is listed as well.
 */
#ifndef DOMAIN_AUDIO_H
#define DOMAIN_AUDIO_H

#include "base/audio.h"
#include "loop/loop.h"

#define AUDIO_NAME_MAX     100
#define AUDIO_LANGUAGE_MAX 20
#define AUDIO_LIST_MAX     10000

struct audio;

/* `sounds`: the telephone system's folder of sounds; "": there is none, everything is refused with
 * DG_EUNAVAILABLE. `folder`: below it. Both are copied. */
struct audio *audio_new(struct loop *loop, const char *sounds, const char *folder);
void audio_free(struct audio *a); /* when nothing is under way */

struct audio_file {
    char name[AUDIO_NAME_MAX + 1];         /* without ending */
    char language[AUDIO_LANGUAGE_MAX + 1]; /* "": that of all */
    uint64_t bytes, duration_ms;
    int64_t changed_at_ms;
};

struct audio_answer {
    enum dg_err err;
    const char *message;            /* NULL when err is DG_OK */
    const struct audio_file *files; /* lent; by name */
    size_t count;
    struct audio_info sent; /* of an upload */
    struct dg_bytes bytes;  /* of audio_read; lent */
};
typedef void audio_fn(void *arg, const struct audio_answer *answer);

/* NULL: it can be one. */
const char *audio_name_refusal(const char *name);
const char *audio_language_refusal(const char *language);

/* `language` NULL or "": that of all. */
void audio_list(struct audio *a, const char *language, audio_fn *fn, void *arg);
/* In every language there is; by language, then name. */
void audio_list_all(struct audio *a, audio_fn *fn, void *arg);
/* DG_ENOTFOUND. */
void audio_get(struct audio *a, const char *name, const char *language, audio_fn *fn, void *arg);
void audio_delete(struct audio *a, const char *name, const char *language, audio_fn *fn, void *arg);
/* The bytes are copied. DG_EINVAL: they are no WAV that can be played. DG_ELIMIT: too many are
 * being converted. */
void audio_put(struct audio *a, const char *name, const char *language, const void *bytes,
               size_t len, audio_fn *fn, void *arg);

/* The WAV itself: in the language, else in that before its "_" ("pt_BR": pt), else that of all, as
 * the telephone system would look for it. */
void audio_read(struct audio *a, const char *name, const char *language, audio_fn *fn, void *arg);

/* Whether `files` of an answer of audio_list_all has what would be heard in this language; NULL:
 * that of all. */
bool audio_has(const struct audio_answer *answer, const char *language, const char *name);

#endif
