/* detection.c - see detection.h. */
#include "detection.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

const char *detection_arguments(const struct dg_detect *req, char out[DETECTION_TEXT])
{
    const uint32_t values[] = {
        req->initial_silence,     req->greeting,          req->after_greeting_silence,
        req->total_analysis_time, req->min_word_length,   req->between_words_silence,
        req->max_words,           req->silence_threshold, req->max_word_length};
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *comma = i ? "," : "";
        int more = values[i] ? snprintf(out + len, DETECTION_TEXT - len, "%s%u", comma, values[i])
                             : snprintf(out + len, DETECTION_TEXT - len, "%s", comma);
        len += more > 0 ? (size_t)more : 0;
    }
    return out;
}

const char *detection_silence(const struct dg_detect *req, char out[DETECTION_TEXT])
{
    out[0] = '\0';
    if (req->silence_ms)
        snprintf(out, DETECTION_TEXT, "%u,1,%u", req->silence_ms, (req->wait_ms + 999) / 1000);
    return out;
}

struct dg_event detection_event(const char *call, const char *status, const char *cause,
                                const char *wait)
{
    bool told = status && *status;
    return (struct dg_event){
        DG_SIZED(struct dg_event),
        .type = DG_CALL_DETECTED,
        .call = call,
        .text = told ? status : NULL,
        .target =
            told || (cause && *cause) ? cause : "Asterisk has no AMD: app_amd.so is not loaded",
        .on = text_same(wait, "SILENCE"),
    };
}
