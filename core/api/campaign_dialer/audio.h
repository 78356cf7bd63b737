/* audio.h - endpoints about uploaded sounds. */
#ifndef CAMPAIGN_DIALER_AUDIO_H
#define CAMPAIGN_DIALER_AUDIO_H

#include "http/route.h"

void dialer_audio_list(struct request *req);
void dialer_audio_upload(struct request *req);
void dialer_audio_view(struct request *req);
void dialer_audio_delete(struct request *req);
void dialer_sounds_fetch(struct request *req); /* GET /sounds/{signature}/{language}/{file} */

extern const struct route_doc dialer_audio_list_doc, dialer_audio_upload_doc, dialer_audio_view_doc,
    dialer_audio_delete_doc, dialer_sounds_fetch_doc;

#endif
