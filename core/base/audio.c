/* audio.c - reading with libsndfile, the rate with libsamplerate; see audio.h. */
#include "base/audio.h"

#include <math.h>
#include <samplerate.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define RATE_MIN_HZ  4000
#define RATE_MAX_HZ  192000
#define CHANNELS_MAX 8
#define BLOCK        4096 /* frames */

/* ---- A file in memory ----------------------------------------------------------------------- */

struct source {
    const char *bytes;
    sf_count_t len, at;
};

static sf_count_t source_len(void *arg)
{
    return ((struct source *)arg)->len;
}

static sf_count_t source_seek(sf_count_t offset, int whence, void *arg)
{
    struct source *s = arg;
    sf_count_t to = whence == SEEK_SET   ? offset
                    : whence == SEEK_CUR ? s->at + offset
                                         : s->len + offset;
    if (to < 0 || to > s->len)
        return -1;
    return s->at = to;
}

static sf_count_t source_read(void *to, sf_count_t count, void *arg)
{
    struct source *s = arg;
    if (count > s->len - s->at)
        count = s->len - s->at;
    if (count <= 0)
        return 0;
    memcpy(to, s->bytes + s->at, (size_t)count);
    s->at += count;
    return count;
}

static sf_count_t source_tell(void *arg)
{
    return ((struct source *)arg)->at;
}

/* ---- Checking ------------------------------------------------------------------------------- */

static bool is_wav(const char *bytes, size_t len)
{
    return len > AUDIO_HEAD_SIZE && memcmp(bytes, "RIFF", 4) == 0 &&
           memcmp(bytes + 8, "WAVE", 4) == 0;
}

static bool is_plain(int format)
{
    int type = format & SF_FORMAT_TYPEMASK;
    if (type != SF_FORMAT_WAV && type != SF_FORMAT_WAVEX)
        return false;
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_PCM_16:
    case SF_FORMAT_PCM_24:
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_FLOAT:
    case SF_FORMAT_DOUBLE:
    case SF_FORMAT_ULAW:
    case SF_FORMAT_ALAW:
        return true;
    default:
        return false;
    }
}

/* NULL: it can be converted. */
static const char *refusal(const SF_INFO *info, size_t len)
{
    if (!is_plain(info->format))
        return "the WAV must hold whole numbers, floats, A-law or u-law";
    if (info->channels < 1 || info->channels > CHANNELS_MAX)
        return "the WAV must have 1 to 8 channels";
    if (info->samplerate < RATE_MIN_HZ || info->samplerate > RATE_MAX_HZ)
        return "the WAV must have a rate of 4000 to 192000 Hz";
    if (info->frames < 1 || (uint64_t)info->frames > len)
        return "the WAV holds no sound";
    if (info->frames > (sf_count_t)info->samplerate * AUDIO_MAX_S)
        return "the WAV is longer than ten minutes";
    return NULL;
}

/* ---- Converting ----------------------------------------------------------------------------- */

/* All channels together; what cannot be read is not there. The caller frees. */
static float *read_mono(SNDFILE *file, const SF_INFO *info, size_t *count)
{
    size_t channels = (size_t)info->channels;
    float *mono = xmalloc((size_t)info->frames * sizeof *mono);
    float *block = xmalloc(BLOCK * channels * sizeof *block);
    sf_count_t got;
    *count = 0;
    while (*count < (size_t)info->frames && (got = sf_readf_float(file, block, BLOCK)) > 0) {
        for (sf_count_t i = 0; i < got && *count < (size_t)info->frames; i++) {
            float sum = 0;
            for (size_t c = 0; c < channels; c++)
                sum += block[(size_t)i * channels + c];
            mono[(*count)++] = sum / (float)channels;
        }
    }
    free(block);
    return mono;
}

/* At the rate of telephones. NULL: `problem` says why; the caller frees. */
static float *resample(float *in, size_t *count, int rate, struct problem *problem)
{
    double ratio = (double)AUDIO_RATE_HZ / rate;
    long room = lrint(ceil((double)*count * ratio)) + 16;
    float *out = xmalloc((size_t)room * sizeof *out);
    SRC_DATA data = {.data_in = in,
                     .data_out = out,
                     .input_frames = (long)*count,
                     .output_frames = room,
                     .src_ratio = ratio};
    int err = src_simple(&data, SRC_SINC_MEDIUM_QUALITY, 1);
    free(in);
    if (err) {
        free(out);
        problem_set(problem, DG_EINVAL, "the rate could not be changed: %s", src_strerror(err));
        return NULL;
    }
    *count = (size_t)data.output_frames_gen;
    return out;
}

static void add_number(struct buf *out, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buf_addc(out, (char)(value >> (8 * i) & 0xff));
}

static void add_head(struct buf *out, size_t samples)
{
    uint32_t bytes = (uint32_t)(samples * 2);
    buf_add(out, "RIFF", 4);
    add_number(out, bytes + AUDIO_HEAD_SIZE - 8, 4);
    buf_add(out, "WAVEfmt ", 8);
    add_number(out, 16, 4);
    add_number(out, 1, 2); /* whole numbers */
    add_number(out, 1, 2); /* channel */
    add_number(out, AUDIO_RATE_HZ, 4);
    add_number(out, AUDIO_RATE_HZ * 2, 4);
    add_number(out, 2, 2);
    add_number(out, 16, 2);
    buf_add(out, "data", 4);
    add_number(out, bytes, 4);
}

static void add_sample(struct buf *out, float sample)
{
    long value = isfinite(sample) ? lrintf(fminf(fmaxf(sample, -1.0f), 1.0f) * 32767.0f) : 0;
    add_number(out, (uint32_t)(uint16_t)(int16_t)value, 2);
}

static bool convert(SNDFILE *file, const SF_INFO *info, struct buf *out, struct problem *problem)
{
    size_t count;
    float *samples = read_mono(file, info, &count);
    if (count && info->samplerate != AUDIO_RATE_HZ)
        samples = resample(samples, &count, info->samplerate, problem);
    if (!samples)
        return false;
    if (count) {
        add_head(out, count);
        for (size_t i = 0; i < count; i++)
            add_sample(out, samples[i]);
    } else {
        problem_set(problem, DG_EINVAL, "the WAV holds no sound");
    }
    free(samples);
    return count > 0;
}

uint64_t audio_duration_ms(uint64_t file_bytes)
{
    uint64_t bytes = file_bytes > AUDIO_HEAD_SIZE ? file_bytes - AUDIO_HEAD_SIZE : 0;
    return bytes * 1000 / (AUDIO_RATE_HZ * UINT64_C(2));
}

bool audio_convert(const void *bytes, size_t len, struct buf *out, struct audio_info *info,
                   struct problem *problem)
{
    SF_VIRTUAL_IO io = {
        .get_filelen = source_len, .seek = source_seek, .read = source_read, .tell = source_tell};
    struct source source = {.bytes = bytes, .len = (sf_count_t)len};
    SF_INFO found = {0};
    const char *why = "the file is no WAV";
    SNDFILE *file = is_wav(bytes, len) ? sf_open_virtual(&io, SFM_READ, &found, &source) : NULL;
    if (file)
        why = refusal(&found, len);
    bool fine = file && !why && convert(file, &found, out, problem);
    if (file)
        sf_close(file);
    if (why)
        problem_set(problem, DG_EINVAL, "%s", why);
    if (fine)
        *info = (struct audio_info){(unsigned)found.samplerate, (unsigned)found.channels,
                                    audio_duration_ms(out->len)};
    return fine;
}
