/* audio.h - sound files as somebody sends them, made into what a telephone plays.
 * [any thread; takes its time: for the pool of workers]
 */
#ifndef BASE_AUDIO_H
#define BASE_AUDIO_H

#include "base/buf.h"
#include "base/err.h"

#define AUDIO_RATE_HZ   8000
#define AUDIO_MAX_S     600
#define AUDIO_HEAD_SIZE 44 /* bytes of a file made here before its samples */

struct audio_info {
    unsigned rate_hz, channels; /* of what was sent */
    uint64_t duration_ms;
};

/* A WAV of whole numbers, of floats, of A-law or u-law, with up to 8 channels, becomes one of 8
 * kHz, mono, 16 bit. false: `problem` says what is wrong with it; `out` is as it was. */
bool audio_convert(const void *bytes, size_t len, struct buf *out, struct audio_info *info,
                   struct problem *problem);

/* How long a file of so many bytes made here plays. */
uint64_t audio_duration_ms(uint64_t file_bytes);

#endif
