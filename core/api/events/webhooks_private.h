/* webhooks_private.h - what the requests about webhooks and their deliveries share: a question to
 * the control thread, and what their documentation has in common. */
#ifndef API_EVENTS_WEBHOOKS_PRIVATE_H
#define API_EVENTS_WEBHOOKS_PRIVATE_H

#include "api/events/private.h"
#include "api/page.h"
#include "base/mem.h"
#include "events/webhooks.h"

struct webhook_ask {
    struct hop *hop;
    struct arena *arena;
    char *id, *delivery, *state;
    struct webhook_request what;
    bool active, create;
    struct page page;
    uint64_t total;
    int status; /* of a success */
    enum dg_err err;
    const char *message;
    struct buf body; /* empty: 204 */
};

struct webhook_ask *webhook_ask_new(struct request *req);
void webhook_ask_free(void *ask);
/* Goes to the control thread; what comes back there is answered. */
void webhook_ask_start(struct request *req, struct webhook_ask *a, hop_run_fn *run);
void webhook_ask_failed(struct webhook_ask *a, enum dg_err err, const char *message);
struct webhooks *webhooks_of(struct hop *hop);

#define WEBHOOK_ID_FIELD                                                                           \
    {                                                                                              \
        .name = "id", .kind = FIELD_STR, .required = true, .max = 20, .example = "\"1\""           \
    }
/* The last ones of each list of answers. */
#define WEBHOOK_COMMON_ANSWERS                                                                     \
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},                     \
        {403, "Admin access required", &contact_center_detail, NULL, NULL},                        \
        {503, "The store is disabled or away", &contact_center_detail, NULL, NULL},                \
    {                                                                                              \
        0                                                                                          \
    }
#define WEBHOOK_NOT_FOUND                                                                          \
    {                                                                                              \
        404, "No such webhook or delivery", &contact_center_detail, NULL, NULL                     \
    }
#define WEBHOOK_WRONG                                                                              \
    {                                                                                              \
        422, "A field is missing or wrong", NULL, NULL, NULL                                       \
    }
#define WEBHOOK_DOC(id_, ...)                                                                      \
    {                                                                                              \
        .id = (id_), .tag = "Webhooks", __VA_ARGS__                                                \
    }

#endif
