/* index.c - GET /api: what this is, and who is asking. */
#include <stdlib.h>

#include "api/campaign_dialer/private.h"

static const char *const endpoints[] = {"campaigns",  "numbers", "cdr",
                                        "monitoring", "ivr",     "settings"};

static void render(struct json_writer *w, const struct user *user)
{
    jw_object(w, NULL);
    jw_str(w, "name", "ARI Dialer API");
    jw_str(w, "version", "1.0");
    jw_object(w, "user");
    jw_int(w, "id", user->id);
    jw_str(w, "username", user->username);
    jw_str(w, "role", user->role);
    jw_end(w);
    jw_object(w, "endpoints");
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        char *path = xasprintf("/api/%s", endpoints[i]);
        jw_str(w, endpoints[i], path);
        free(path);
    }
    jw_end(w);
    jw_end(w);
}

static void run(struct dialer_task *t)
{
    const struct user *user = task_user(t);
    if (!user)
        return;
    render(task_data(t), user);
    task_done(t, 200, NULL);
}

void dialer_index(struct request *req)
{
    task_start(req, task_new(req), run);
}

/* ---- Documentation -------------------------------------------------------------------- */

/* clang-format off */
static const struct field answer_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "code", .kind = FIELD_INT, .required = true, .example = "200"},
    {.name = "data", .kind = FIELD_OBJECT, .required = true,
     .help = "name, version, user (id, username, role), endpoints",
     .example = "{\"name\":\"ARI Dialer API\",\"version\":\"1.0\",\"user\":{\"id\":1,"
                "\"username\":\"admin\",\"role\":\"admin\"},\"endpoints\":{\"campaigns\":"
                "\"/api/campaigns\"}}"},
    {0}};
/* clang-format on */
static const struct schema answer = {"DialerIndex", "What this is, and who is asking",
                                     answer_fields};
static const struct route_answer answers[] = {
    {200, "The API and the token's user", &answer, NULL, NULL}, DIALER_REFUSALS, {0}};

const struct route_doc dialer_index_doc = {
    .id = "dialer_index",
    .tag = "Campaign dialer",
    .summary = "What this API is, and who is asking",
    .help = "Every path of this API is served below `/adial/api` as well as below `/api`. A token "
            "may also be sent as `?api_token=`.",
    .answers = answers,
};
