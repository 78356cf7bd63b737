/* campaign_dialer.h - the campaign-dialer API under /api and /adial/api. */
#ifndef API_CAMPAIGN_DIALER_H
#define API_CAMPAIGN_DIALER_H

#include "http/route.h"

/* {"success":false,"code":404,"message":"..."} */
void campaign_dialer_error(struct request *req, int status, const char *message);
void campaign_dialer_unauthenticated(struct request *req, bool missing);

#endif
