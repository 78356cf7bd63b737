/* audio.c - /api/audio: sounds for menus, uploaded and converted. */
#include "api/campaign_dialer/audio.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/campaign_dialer/private.h"
#include "base/str.h"
#include "domain/audio.h"

#define NOT_FOUND "Audio file not found"

/* What is asked about. */
struct sound {
    const char *name, *language;
    struct dg_bytes bytes;
};

static void render(struct json_writer *w, const struct audio_file *f)
{
    jw_object(w, NULL);
    jw_str(w, "name", f->name);
    jw_int(w, "bytes", (int64_t)f->bytes);
    jw_int(w, "duration_ms", (int64_t)f->duration_ms);
    dialer_time(w, "updated_at", f->changed_at_ms);
    jw_end(w);
}

static void refuse(struct request *req, const char *field, const char *why)
{
    char *text = xasprintf("Invalid %s. %s", field, why);
    dialer_refuse(req, 400, text, json_pack("{s:s}", field, why));
    free(text);
}

/* With `name` and ?language=. NULL: answered. */
static struct dialer_task *task_of(struct request *req, const char *name)
{
    const char *language = request_query(req, "language");
    const char *why = name ? audio_name_refusal(name) : NULL;
    if (why) {
        refuse(req, "name", why);
        return NULL;
    }
    why = audio_language_refusal(language);
    if (why) {
        refuse(req, "language", why);
        return NULL;
    }
    struct dialer_task *t = task_new(req);
    struct sound *s = t->own = arena_alloc(t->arena, sizeof *s);
    s->name = arena_strdup(t->arena, name);
    s->language = arena_strdup(t->arena, language);
    return t;
}

static void fail(struct dialer_task *t, const struct audio_answer *answer)
{
    if (answer->err == DG_ENOTFOUND)
        task_refuse(t, 404, NOT_FOUND, NULL, NULL);
    else
        task_fail(t, answer->err, answer->message);
}

/* ---- GET ----------------------------------------------------------------------------------- */

static void on_list(void *arg, const struct audio_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err != DG_OK) {
        fail(t, answer);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_array(w, NULL);
    for (size_t i = 0; i < answer->count; i++)
        render(w, &answer->files[i]);
    jw_end(w);
    task_done(t, 200, "Audio files retrieved successfully");
}

static void run_list(struct dialer_task *t)
{
    const struct sound *s = t->own;
    audio_list(t->api->audio, s->language, on_list, t);
}

void dialer_audio_list(struct request *req)
{
    struct dialer_task *t = task_of(req, NULL);
    if (t)
        task_start(req, t, run_list);
}

static void on_view(void *arg, const struct audio_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err != DG_OK) {
        fail(t, answer);
        return;
    }
    render(task_data(t), answer->files);
    task_done(t, 200, "Audio file retrieved successfully");
}

static void run_view(struct dialer_task *t)
{
    const struct sound *s = t->own;
    audio_get(t->api->audio, s->name, s->language, on_view, t);
}

void dialer_audio_view(struct request *req)
{
    struct dialer_task *t = task_of(req, request_param(req, "name"));
    if (t)
        task_start(req, t, run_view);
}

/* ---- POST ---------------------------------------------------------------------------------- */

static void on_uploaded(void *arg, const struct audio_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err == DG_EINVAL) {
        task_refuse(t, 400, "The file cannot be played", "file", answer->message);
        return;
    }
    if (answer->err != DG_OK) {
        fail(t, answer);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_str(w, "name", answer->files->name);
    jw_int(w, "bytes", (int64_t)answer->files->bytes);
    jw_int(w, "duration_ms", (int64_t)answer->files->duration_ms);
    dialer_time(w, "updated_at", answer->files->changed_at_ms);
    jw_int(w, "sent_rate", answer->sent.rate_hz);
    jw_int(w, "sent_channels", answer->sent.channels);
    jw_end(w);
    task_done(t, 201, "Audio file uploaded successfully");
}

static void run_upload(struct dialer_task *t)
{
    const struct sound *s = t->own;
    audio_put(t->api->audio, s->name, s->language, s->bytes.ptr, s->bytes.len, on_uploaded, t);
}

static bool is_wav_type(const char *type)
{
    static const char *const known[] = {"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave",
                                        "application/octet-stream"};
    for (size_t i = 0; type && i < sizeof known / sizeof *known; i++) {
        size_t len = strlen(known[i]);
        if (strncasecmp(type, known[i], len) == 0 && (!type[len] || strchr("; \t", type[len])))
            return true;
    }
    return false;
}

void dialer_audio_upload(struct request *req)
{
    const char *name = request_query(req, "name");
    const struct dg_bytes body = request_body(req);
    if (!is_wav_type(request_header(req, "content-type"))) {
        refuse(req, "content-type", "Must be: audio/wav");
        return;
    }
    struct dialer_task *t = task_of(req, name ? name : "");
    if (!t)
        return;
    struct sound *s = t->own;
    s->bytes = (struct dg_bytes){arena_dup(t->arena, body.ptr ? body.ptr : "", body.len), body.len};
    task_start(req, t, run_upload);
}

/* ---- DELETE -------------------------------------------------------------------------------- */

static void on_deleted(void *arg, const struct audio_answer *answer)
{
    struct dialer_task *t = arg;
    if (answer->err != DG_OK)
        fail(t, answer);
    else
        task_done(t, 200, "Audio file deleted successfully");
}

static void run_delete(struct dialer_task *t)
{
    const struct sound *s = t->own;
    audio_delete(t->api->audio, s->name, s->language, on_deleted, t);
}

void dialer_audio_delete(struct request *req)
{
    struct dialer_task *t = task_of(req, request_param(req, "name"));
    if (t)
        task_start(req, t, run_delete);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
#define TAG "Audio"
#define NAME_FIELD                                                                                 \
    {.name = "name", .kind = FIELD_STR, .required = true, .min = 1, .max = AUDIO_NAME_MAX,         \
     .pattern = "^[A-Za-z0-9_][A-Za-z0-9_-]*$", .help = "Without ending", .example = "\"welcome\""}
#define LANGUAGE_FIELD                                                                             \
    {.name = "language", .kind = FIELD_STR, .max = 20, .pattern = "^[A-Za-z0-9_-]*$",              \
     .help = "The sound in this language; without it, that of all", .example = "\"de\""}
static const struct field list_params[] = {LANGUAGE_FIELD, {0}};
static const struct field one_params[] = {NAME_FIELD, LANGUAGE_FIELD, {0}};
#define SHOWN                                                                                      \
    {.name = "name", .kind = FIELD_STR, .required = true, .example = "\"welcome\""},               \
    {.name = "bytes", .kind = FIELD_INT, .required = true, .example = "32044"},                    \
    {.name = "duration_ms", .kind = FIELD_INT, .required = true, .example = "2000"},               \
    {.name = "updated_at", .kind = FIELD_STR, .required = true,                                    \
     .example = "\"2025-10-01 12:00:00\""}
static const struct field shown_fields[] = {SHOWN, {0}};
static const struct schema shown = {"AudioFile", "A sound, 8 kHz, mono, 16 bit", shown_fields};
static const struct field list_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "Audio files retrieved successfully"),
    {.name = "data", .kind = FIELD_LIST, .required = true, .of = &shown},
    {0}};
static const struct field view_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "Audio file retrieved successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .help = "The sound (AudioFile)"},
    {0}};
static const struct field uploaded_fields[] = {
    DIALER_SUCCESS_FIELDS("201", "Audio file uploaded successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true,
     .help = "The sound (AudioFile), with sent_rate and sent_channels of the file that was sent"},
    {0}};
/* clang-format on */
static const struct schema list_answer = {"AudioFiles", "Sounds, by name", list_fields};
static const struct schema view_answer = {"AudioFileAnswer", "A sound", view_fields};
static const struct schema uploaded = {"AudioUploaded", "The new sound", uploaded_fields};

#define WRONG                                                                                      \
    {                                                                                              \
        400, "A name, a type or the file is wrong", &dialer_error, NULL, NULL                      \
    }
#define NO_FILE                                                                                    \
    {                                                                                              \
        404, "There is no such sound", &dialer_error, NULL, NULL                                   \
    }

static const struct route_answer list_answers[] = {
    {200, "The sounds", &list_answer, NULL, NULL}, WRONG, DIALER_REFUSALS, {0}};
static const struct route_answer view_answers[] = {
    {200, "The sound", &view_answer, NULL, NULL}, WRONG, NO_FILE, DIALER_REFUSALS, {0}};
static const struct route_answer upload_answers[] = {
    {201, "It can be played from now on", &uploaded, NULL, NULL},
    WRONG,
    {413, "The file is larger than server.max_upload", &dialer_error, NULL, NULL},
    {429, "Too many files are being converted", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer delete_answers[] = {
    {200, "It is gone", &dialer_done, NULL, NULL}, WRONG, NO_FILE, DIALER_REFUSALS, {0}};

const struct route_doc dialer_audio_list_doc = {
    .id = "list_audio",
    .tag = TAG,
    .summary = "Uploaded sounds, by name",
    .help = "Of the folder `ivr.sounds`, from which the telephone system plays them or, with "
            "`ivr.url`, the gateway serves them to it.",
    .params = list_params,
    .answers = list_answers,
};
const struct route_doc dialer_audio_view_doc = {
    .id = "view_audio",
    .tag = TAG,
    .summary = "An uploaded sound",
    .params = one_params,
    .answers = view_answers,
};
const struct route_doc dialer_audio_upload_doc = {
    .id = "upload_audio",
    .tag = TAG,
    .summary = "Upload a sound",
    .help = "The body is a WAV, its type `audio/wav`: whole numbers, floats, A-law or u-law, up to "
            "8 channels and ten minutes. It is converted to 8 kHz, mono, 16 bit, and takes the "
            "place of one of the same name.",
    .params = one_params,
    .answers = upload_answers,
};
const struct route_doc dialer_audio_delete_doc = {
    .id = "delete_audio",
    .tag = TAG,
    .summary = "Delete an uploaded sound",
    .params = one_params,
    .answers = delete_answers,
};
