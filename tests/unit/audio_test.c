/* audio_test.c - base/audio: what becomes of sound files, good and bad ones. */
#include "unit.h"

#include <math.h>

#include "base/audio.h"
#include "base/str.h"

struct wav {
    unsigned format, channels, rate, bits; /* format 1: whole numbers, 3: floats, 7: u-law */
    const void *samples;
    size_t len;
};

static void number(struct buf *out, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buf_addc(out, (char)(value >> (8 * i) & 0xff));
}

static struct buf file_of(const struct wav *w)
{
    struct buf out;
    unsigned block = w->channels * w->bits / 8;
    buf_init(&out, BUF_MAX);
    buf_add(&out, "RIFF", 4);
    number(&out, (uint32_t)w->len + 36, 4);
    buf_add(&out, "WAVEfmt ", 8);
    number(&out, 16, 4);
    number(&out, w->format, 2);
    number(&out, w->channels, 2);
    number(&out, w->rate, 4);
    number(&out, w->rate * block, 4);
    number(&out, block, 2);
    number(&out, w->bits, 2);
    buf_add(&out, "data", 4);
    number(&out, (uint32_t)w->len, 4);
    buf_add(&out, w->samples, w->len);
    return out;
}

/* A tone of 440 Hz, half as loud as can be, on all channels. */
static int16_t *tone(unsigned rate, unsigned channels, size_t frames)
{
    int16_t *samples = calloc(frames * channels, sizeof *samples);
    for (size_t i = 0; i < frames * channels; i++)
        samples[i] = (int16_t)lrint(16383 * sin(2 * M_PI * 440 * (double)(i / channels) / rate));
    return samples;
}

static int16_t sample_at(const struct buf *wav, size_t index)
{
    int16_t value;
    memcpy(&value, wav->ptr + AUDIO_HEAD_SIZE + index * 2, 2);
    return value;
}

static void rates_and_channels(void **state)
{
    (void)state;
    static const struct {
        unsigned rate, channels;
    } rows[] = {{8000, 1}, {8000, 2}, {44100, 2}, {16000, 1}, {48000, 6}, {11025, 1}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t frames = rows[i].rate * 2;
        int16_t *samples = tone(rows[i].rate, rows[i].channels, frames);
        struct buf in = file_of(&(struct wav){1, rows[i].channels, rows[i].rate, 16, samples,
                                              frames * rows[i].channels * 2});
        struct buf out;
        struct audio_info info;
        struct problem problem;
        buf_init(&out, BUF_MAX);
        if (!audio_convert(in.ptr, in.len, &out, &info, &problem))
            fail_msg("%u Hz: %s", rows[i].rate, problem.text);
        assert_int_equal(info.rate_hz, rows[i].rate);
        assert_int_equal(info.channels, rows[i].channels);
        assert_in_range(info.duration_ms, 1998, 2002);
        assert_memory_equal(out.ptr, "RIFF", 4);
        assert_int_equal(out.ptr[22], 1); /* mono */
        /* the same tone, as loud as before, away from the ends */
        double sum = 0, with_tone = 0;
        for (size_t k = 2000; k < 14000; k++) {
            sum += pow(sample_at(&out, k), 2);
            with_tone += sample_at(&out, k) * sin(2 * M_PI * 440 * (double)k / 8000);
        }
        assert_in_range((unsigned)sqrt(sum / 12000), 11300, 11800);
        assert_true(fabs(with_tone / 12000 * 2) > 15500);
        free(samples);
        buf_free(&in);
        buf_free(&out);
    }
}

static void what_is_right_already_is_as_it_was(void **state)
{
    (void)state;
    int16_t *samples = tone(8000, 1, 4000);
    struct buf in = file_of(&(struct wav){1, 1, 8000, 16, samples, 8000}), out;
    struct audio_info info;
    struct problem problem;
    buf_init(&out, BUF_MAX);
    assert_true(audio_convert(in.ptr, in.len, &out, &info, &problem));
    assert_int_equal(out.len, in.len);
    for (size_t i = 0; i < 4000; i++)
        assert_in_range(sample_at(&out, i) - samples[i] + 1, 0, 2);
    free(samples);
    buf_free(&in);
    buf_free(&out);
}

static void not_a_number(void **state)
{
    (void)state;
    float samples[1000];
    for (size_t i = 0; i < COUNT(samples); i++)
        samples[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : 1e30f;
    struct buf in = file_of(&(struct wav){3, 1, 8000, 32, samples, sizeof samples}), out;
    struct audio_info info;
    struct problem problem;
    buf_init(&out, BUF_MAX);
    assert_true(audio_convert(in.ptr, in.len, &out, &info, &problem));
    assert_int_equal(info.duration_ms, 125);
    buf_free(&in);
    buf_free(&out);
}

static void refused(void **state)
{
    (void)state;
    static int16_t silence[4000];
    static const struct {
        struct wav wav;
        const char *why;
    } rows[] = {
        {{1, 0, 8000, 16, silence, 8000}, NULL},
        {{1, 9, 8000, 16, silence, 7200}, "channels"},
        {{1, 1, 1000, 16, silence, 8000}, "rate"},
        {{1, 1, 400000, 16, silence, 8000}, "rate"},
        {{1, 1, 8000, 16, silence, 0}, NULL},
        {{2, 1, 8000, 4, silence, 8000}, NULL}, /* ADPCM */
        {{0x55, 1, 8000, 16, silence, 8000}, NULL},
    };
    struct audio_info info;
    struct problem problem;
    struct buf out;
    buf_init(&out, BUF_MAX);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf in = file_of(&rows[i].wav);
        problem.text[0] = '\0';
        if (audio_convert(in.ptr, in.len, &out, &info, &problem))
            fail_msg("row %zu was taken", i);
        assert_true(*problem.text && !strchr(problem.text, '\n'));
        if (rows[i].why && !strstr(problem.text, rows[i].why))
            fail_msg("row %zu: %s", i, problem.text);
        buf_free(&in);
    }
    static const char *const others[] = {"", "RIFF", "ID3 and then something that is long enough",
                                         "RIFFxxxxWAVEand then nothing that means anything at all"};
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(audio_convert(others[i], strlen(others[i]), &out, &info, &problem));
    assert_int_equal(out.len, 0);
}

/* Whatever stands in the head, nothing outside of the file is read. */
static void damaged(void **state)
{
    (void)state;
    static int16_t silence[200];
    const struct wav wav = {1, 2, 16000, 16, silence, sizeof silence};
    uint32_t seed = 12345;
    for (unsigned round = 0; round < 4000; round++) {
        struct buf whole = file_of(&wav), out;
        struct audio_info info;
        struct problem problem;
        for (unsigned k = 0; k < 1 + round % 3; k++) {
            seed = seed * 1664525 + 1013904223;
            whole.ptr[(seed >> 8) % 48] = (char)(seed >> 24);
        }
        size_t len = round % 4 ? whole.len : seed % whole.len;
        char *exact = malloc(len + 1); /* so that a byte too much is seen */
        memcpy(exact, whole.ptr, len);
        buf_init(&out, BUF_MAX);
        audio_convert(exact, len, &out, &info, &problem);
        free(exact);
        buf_free(&whole);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_and_channels),
        cmocka_unit_test(what_is_right_already_is_as_it_was),
        cmocka_unit_test(not_a_number),
        cmocka_unit_test(refused),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
