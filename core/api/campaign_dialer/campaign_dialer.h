/* campaign_dialer.h - the campaign-dialer API under /api and /adial/api. */
#ifndef API_CAMPAIGN_DIALER_H
#define API_CAMPAIGN_DIALER_H

#include "http/route.h"

/* {"success":false,"code":404,"message":"..."} */
void campaign_dialer_error(struct request *req, int status, const char *message);
void campaign_dialer_unauthenticated(struct request *req, bool missing);

void dialer_index(struct request *req);
void dialer_users_list(struct request *req);
void dialer_users_create(struct request *req);
void dialer_users_update(struct request *req);
void dialer_users_delete(struct request *req);
void dialer_tokens_list(struct request *req);
void dialer_tokens_create(struct request *req);
void dialer_tokens_revoke(struct request *req);

extern const struct route_doc dialer_index_doc, dialer_users_list_doc, dialer_users_create_doc,
    dialer_users_update_doc, dialer_users_delete_doc, dialer_tokens_list_doc,
    dialer_tokens_create_doc, dialer_tokens_revoke_doc;

#endif
