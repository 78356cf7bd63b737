/* collections.c - the table of collections; see collections.h. */
#include "data/collections.h"

#include "base/str.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))
/* clang-format off */
#define TEXT(n) {.name = (n), .type = DG_FIELD_TEXT}
#define INT(n)  {.name = (n), .type = DG_FIELD_INT}
#define BOOL(n) {.name = (n), .type = DG_FIELD_BOOL}
#define TIME(n) {.name = (n), .type = DG_FIELD_TIME}
/* clang-format on */
#define INDEX(...)                                                                                 \
    {                                                                                              \
        .fields = (const char *const[]){__VA_ARGS__},                                              \
        .field_count = COUNT(((const char *const[]){__VA_ARGS__})),                                \
    }

static const struct dg_field user_fields[] = {
    {.name = "username", .type = DG_FIELD_TEXT, .unique = true},
    TEXT("email"),
    TEXT("role"),
    BOOL("is_active"),
    TIME("created_at"),
};

static const struct dg_index user_indexes[] = {
    INDEX("created_at"),
};

static const struct dg_field token_fields[] = {
    {.name = "digest", .type = DG_FIELD_TEXT, .unique = true},
    INT("user_id"),
    BOOL("is_active"),
    TIME("last_used"),
    TIME("expires_at"),
    TIME("created_at"),
    TIME("updated_at"),
};

static const struct dg_index token_indexes[] = {
    INDEX("user_id", "created_at"),
};

static const struct dg_field call_fields[] = {
    TEXT("status"),  TEXT("phone_number"), TEXT("api"),          TEXT("direction"),
    TEXT("backend"), TEXT("node"),         TIME("created_at"),   TIME("ended_at"),
    BOOL("mock"),    TEXT("server_run"),   TEXT("adopted_from"),
};

static const struct dg_index call_indexes[] = {
    INDEX("created_at"),
    INDEX("status"),
    INDEX("phone_number", "created_at"),
};

static const struct dg_field cdr_fields[] = {
    TEXT("call_id"),     TEXT("phone_number"),
    TEXT("disposition"), INT("cause"),
    TIME("started_at"),  TIME("answered_at"),
    TIME("ended_at"),    INT("billsec"),
    TEXT("api"),         TEXT("backend"),
    INT("campaign_id"),  INT("campaign_number_id"),
    TEXT("caller_id"),   TEXT("agent"),
    INT("duration"),     {.name = "number", .type = DG_FIELD_INT, .unique = true},
};

static const struct dg_index cdr_indexes[] = {
    INDEX("started_at"),
    INDEX("disposition", "started_at"),
    INDEX("campaign_id", "started_at"),
};

static const struct dg_field campaign_fields[] = {
    TEXT("name"),       TEXT("status"),     INT("priority"),     TIME("created_at"),
    TIME("updated_at"), TEXT("lease_node"), TIME("lease_until"),
};

static const struct dg_index campaign_indexes[] = {
    INDEX("status"),
    INDEX("created_at"),
};

static const struct dg_field number_fields[] = {
    INT("campaign_id"), TEXT("phone_number"), TEXT("status"),       TIME("due_at"),
    INT("priority"),    TEXT("timezone"),     TEXT("claimed_by"),   TIME("claimed_until"),
    TEXT("call_id"),    INT("attempts"),      TIME("last_attempt"), TIME("created_at"),
};

/* The first is what the dialer takes by, the second and third what lists leaf by. */
static const struct dg_index number_indexes[] = {
    INDEX("campaign_id", "status", "due_at"), INDEX("campaign_id"), INDEX("campaign_id", "status"),
    INDEX("campaign_id", "phone_number"),     INDEX("call_id"),
};

static const struct dg_field dnc_fields[] = {
    TEXT("reason"),
    TIME("created_at"),
};

static const struct dg_index dnc_indexes[] = {
    INDEX("created_at"),
};

static const struct dg_field idempotency_fields[] = {
    TEXT("call_id"), TEXT("principal"), TEXT("route"), TIME("created_at"), TIME("expires_at"),
};

static const struct dg_index idempotency_indexes[] = {
    INDEX("expires_at"),
};

static const struct dg_field event_fields[] = {
    TEXT("node"), INT("first"), INT("last"), INT("count"), TIME("expires_at"),
};

static const struct dg_index event_indexes[] = {
    INDEX("node", "last"),
    INDEX("expires_at"),
};

static const struct dg_field webhook_fields[] = {
    TEXT("url"),
    BOOL("active"),
    TIME("created_at"),
};

static const struct dg_field delivery_fields[] = {
    TEXT("webhook_id"), TEXT("event_id"),   TEXT("type"),       TEXT("state"),
    INT("attempts"),    TIME("created_at"), TIME("next_at"),    TIME("ended_at"),
    INT("last_status"), TEXT("last_error"), TIME("expires_at"),
};

static const struct dg_index delivery_indexes[] = {
    INDEX("webhook_id", "state", "next_at"),
    INDEX("webhook_id", "created_at"),
    INDEX("expires_at"),
};

static const struct dg_field mock_numbers_fields[] = {
    TEXT("kind"),
    TIME("added_at"),
    TIME("expires_at"),
};

static const struct dg_index mock_numbers_indexes[] = {
    INDEX("expires_at"),
};

static const struct dg_field nodes_fields[] = {
    TEXT("run"),  TEXT("state"),   TEXT("version"),    TEXT("adopter"),    TEXT("backends"),
    INT("calls"), TIME("seen_at"), TIME("started_at"), TIME("adopter_at"),
};

static const struct dg_field commands_fields[] = {
    TEXT("node"),
    TEXT("state"),
    TIME("expires_at"),
    TIME("forget_at"),
};

static const struct dg_index commands_indexes[] = {
    INDEX("node", "state"),
    INDEX("forget_at"),
};

static const struct dg_field ivr_menu_fields[] = {
    INT("campaign_id"),
    TEXT("name"),
    TIME("created_at"),
    TIME("updated_at"),
};

static const struct dg_index ivr_menu_indexes[] = {
    INDEX("campaign_id"),
    INDEX("created_at"),
};

const struct dg_collection collections[] = {
    {.name = COLLECTION_USERS,
     .serial = true,
     .fields = user_fields,
     .field_count = COUNT(user_fields),
     .indexes = user_indexes,
     .index_count = COUNT(user_indexes)},
    {.name = COLLECTION_TOKENS,
     .serial = true,
     .fields = token_fields,
     .field_count = COUNT(token_fields),
     .indexes = token_indexes,
     .index_count = COUNT(token_indexes)},
    {.name = COLLECTION_CALLS,
     .fields = call_fields,
     .field_count = COUNT(call_fields),
     .indexes = call_indexes,
     .index_count = COUNT(call_indexes)},
    {.name = COLLECTION_CDR,
     .fields = cdr_fields,
     .field_count = COUNT(cdr_fields),
     .indexes = cdr_indexes,
     .index_count = COUNT(cdr_indexes)},
    {.name = COLLECTION_META},
    {.name = COLLECTION_IDEMPOTENCY,
     .fields = idempotency_fields,
     .field_count = COUNT(idempotency_fields),
     .indexes = idempotency_indexes,
     .index_count = COUNT(idempotency_indexes)},
    {.name = COLLECTION_EVENTS,
     .fields = event_fields,
     .field_count = COUNT(event_fields),
     .indexes = event_indexes,
     .index_count = COUNT(event_indexes)},
    {.name = COLLECTION_WEBHOOKS,
     .serial = true,
     .fields = webhook_fields,
     .field_count = COUNT(webhook_fields)},
    {.name = COLLECTION_DELIVERIES,
     .fields = delivery_fields,
     .field_count = COUNT(delivery_fields),
     .indexes = delivery_indexes,
     .index_count = COUNT(delivery_indexes)},
    {.name = COLLECTION_MOCK_NUMBERS,
     .fields = mock_numbers_fields,
     .field_count = COUNT(mock_numbers_fields),
     .indexes = mock_numbers_indexes,
     .index_count = COUNT(mock_numbers_indexes)},
    {.name = COLLECTION_CAMPAIGNS,
     .serial = true,
     .fields = campaign_fields,
     .field_count = COUNT(campaign_fields),
     .indexes = campaign_indexes,
     .index_count = COUNT(campaign_indexes)},
    {.name = COLLECTION_CAMPAIGN_COUNTS},
    {.name = COLLECTION_NUMBERS,
     .serial = true,
     .fields = number_fields,
     .field_count = COUNT(number_fields),
     .indexes = number_indexes,
     .index_count = COUNT(number_indexes)},
    {.name = COLLECTION_DNC,
     .fields = dnc_fields,
     .field_count = COUNT(dnc_fields),
     .indexes = dnc_indexes,
     .index_count = COUNT(dnc_indexes)},
    {.name = COLLECTION_MARKS},
    {.name = COLLECTION_NODES, .fields = nodes_fields, .field_count = COUNT(nodes_fields)},
    {.name = COLLECTION_COMMANDS,
     .fields = commands_fields,
     .field_count = COUNT(commands_fields),
     .indexes = commands_indexes,
     .index_count = COUNT(commands_indexes)},
    {.name = COLLECTION_IVR_MENUS,
     .serial = true,
     .fields = ivr_menu_fields,
     .field_count = COUNT(ivr_menu_fields),
     .indexes = ivr_menu_indexes,
     .index_count = COUNT(ivr_menu_indexes)},
    {.name = COLLECTION_IVR_COUNTS},
};
const size_t collection_count = COUNT(collections);

const struct dg_collection *collection_find(const char *name)
{
    for (size_t i = 0; i < collection_count; i++) {
        if (str_eq(collections[i].name, name))
            return &collections[i];
    }
    return NULL;
}
