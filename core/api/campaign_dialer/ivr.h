/* ivr.h - endpoints about IVR menus; and what their files share. */
#ifndef CAMPAIGN_DIALER_IVR_H
#define CAMPAIGN_DIALER_IVR_H

#include "api/campaign_dialer/private.h"
#include "domain/audio.h"
#include "domain/ivr_check.h"
#include "domain/ivr_menus.h"

#define DIALER_TAG_IVR "IVR menus"
#define IVR_NOT_FOUND  "IVR menu not found"

void dialer_ivr_list(struct request *req);
void dialer_ivr_view(struct request *req);
void dialer_ivr_create(struct request *req);
void dialer_ivr_update(struct request *req);
void dialer_ivr_delete(struct request *req);
void dialer_ivr_validate(struct request *req);
void dialer_ivr_simulate(struct request *req);
void dialer_ivr_stats(struct request *req);
void dialer_ivr_import(struct request *req);
void dialer_ivr_export(struct request *req);

extern const struct route_doc dialer_ivr_list_doc, dialer_ivr_view_doc, dialer_ivr_create_doc,
    dialer_ivr_update_doc, dialer_ivr_delete_doc, dialer_ivr_validate_doc, dialer_ivr_simulate_doc,
    dialer_ivr_stats_doc, dialer_ivr_import_doc, dialer_ivr_export_doc;

/* ---- As JSON (ivr_view.c) ------------------------------------------------------------------ */

/* `actions`: with them. The object stays open: jw_end. */
void ivr_render_open(struct json_writer *w, const struct ivr_menu *m, bool actions);
void ivr_render(struct json_writer *w, const struct ivr_menu *m, bool actions);

extern const struct schema ivr_menu_shown, ivr_menu_saved, ivr_finding_shown, ivr_menu_sent,
    ivr_menu_change;

#define IVR_CAMPAIGN_FIELD(text)                                                                   \
    {                                                                                              \
        .name = "campaign_id", .kind = FIELD_INT, .min = 1, .max = INT64_C(9007199254740991),      \
        .help = text, .example = "7"                                                               \
    }

/* ---- Shared (ivr_transfer.c) ----------------------------------------------------------------- */

/* The list `menus` of a body. NULL: answered. */
struct ivr_menu **ivr_sent_menus(struct dialer_task *t, const json_t *body, size_t *count);

/* ---- Shared (ivr.c) ------------------------------------------------------------------------ */

/* A checked body on its way to the control thread. */
struct ivr_body {
    const char *text;
    size_t len;
};
struct ivr_body *ivr_body_keep(struct dialer_task *t, const json_t *body);
json_t *ivr_body_read(const struct ivr_body *b); /* an object; json_decref it */

/* A task with the `{id}` of the path. NULL: answered. */
struct dialer_task *ivr_task(struct request *req);
/* ?campaign_id=. false: answered with 400. */
bool ivr_campaign_param(struct request *req, int64_t *id);
bool ivr_has_file(void *arg, const char *language, const char *file); /* arg: struct audio_answer */
void ivr_fail(struct dialer_task *t, enum dg_err err, const char *message);

#endif
