/* campaign_orders.c - /api/campaigns/:id/start, stop, pause, resume. */
#include "api/campaign_dialer/campaigns.h"
#include "domain/dialer.h"

struct order {
    enum dialer_order what;
    const char *status, *done; /* afterwards */
};

static const struct order start = {DIALER_START, "running", "Campaign started successfully"};
static const struct order stop = {DIALER_STOP, "stopped", "Campaign stopped successfully"};
static const struct order hold = {DIALER_PAUSE, "paused", "Campaign paused successfully"};
static const struct order resume = {DIALER_RESUME, "running", "Campaign resumed successfully"};

static void on_done(void *arg, const struct dialer_answer *answer)
{
    struct dialer_task *t = arg;
    const struct order *order = t->own;
    if (answer->err == DG_ENOTFOUND) {
        task_refuse(t, 404, CAMPAIGN_NOT_FOUND, NULL, NULL);
        return;
    }
    if (answer->err != DG_OK) {
        task_fail(t, answer->err, answer->message);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_int(w, "campaign_id", t->id);
    jw_str(w, "status", order->status);
    jw_end(w);
    task_done(t, 200, order->done);
}

static void run(struct dialer_task *t)
{
    const struct order *order = t->own;
    dialer_command(t->api->dialer, t->id, order->what, on_done, t);
}

static void give(struct request *req, const struct order *order)
{
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (!t)
        return;
    t->own = (void *)order;
    task_start(req, t, run);
}

void dialer_campaigns_start(struct request *req)
{
    give(req, &start);
}

void dialer_campaigns_stop(struct request *req)
{
    give(req, &stop);
}

void dialer_campaigns_pause(struct request *req)
{
    give(req, &hold);
}

void dialer_campaigns_resume(struct request *req)
{
    give(req, &resume);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field moved_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "Campaign started successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .help = "campaign_id and status",
     .example = "{\"campaign_id\":1,\"status\":\"running\"}"},
    {0}};
/* clang-format on */
static const struct schema moved = {"DialerCampaignMoved", "What it does now", moved_fields};
static const struct route_answer answers[] = {
    {200, "It is done", &moved, NULL, NULL},
    {400, "It is not in a state for that, or cannot be dialled as it is", &dialer_error, NULL,
     NULL},
    {404, "There is no such campaign", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};

#define ORDER_DOC(name, text, more)                                                                \
    const struct route_doc dialer_campaigns_##name##_doc = {                                       \
        .id = #name "_campaign",                                                                   \
        .tag = DIALER_TAG_CAMPAIGNS,                                                               \
        .summary = text,                                                                           \
        .help = more,                                                                              \
        .params = dialer_id_param,                                                                 \
        .answers = answers,                                                                        \
    }

ORDER_DOC(start, "Start dialling", "From stopped or paused.");
ORDER_DOC(stop, "Stop dialling",
          "Live calls are ended; numbers that are pending or being called are pending again, "
          "with no attempts.");
ORDER_DOC(pause, "Dial no more for now", "Live calls go on, and numbers stay as they are.");
ORDER_DOC(resume, "Go on dialling", NULL);
