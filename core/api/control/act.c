/* act.c - from a checked request to the control thread and back. */
#include <stdlib.h>

#include "api/control/private.h"
#include "base/mem.h"

struct acting {
    struct hop *hop;
    struct arena *arena;
    struct control_request request;
    const struct act_answer *answer;
    enum dg_err err;
    const char *field, *message;
    struct buf body;
};

static void acting_free(void *data)
{
    struct acting *a = data;
    arena_free(a->arena);
    buf_free(&a->body);
    free(a);
}

static void render(struct acting *a, const struct control_answer *answer)
{
    struct json_writer w;
    jw_init(&w, &a->body);
    jw_object(&w, NULL);
    jw_bool(&w, "success", true);
    jw_str(&w, "call_id", a->request.call);
    jw_str(&w, "message", a->answer->message);
    if (a->answer->more)
        a->answer->more(&w, &a->request, answer);
    jw_end(&w);
}

static void on_answer(void *arg, const struct control_answer *answer)
{
    struct acting *a = arg;
    a->err = answer->err;
    a->field = answer->field; /* a constant */
    a->message = arena_strdup(a->arena, answer->message);
    if (answer->err == DG_OK)
        render(a, answer);
    hop_done(a->hop);
}

static void run(struct hop *hop, void *data)
{
    struct acting *a = data;
    a->hop = hop;
    control_ask(((struct api *)hop_app(hop))->control, &a->request, on_answer, a);
}

void control_problem(struct request *req, enum dg_err err, const char *field, const char *message)
{
    if (err == DG_EINVAL && field) {
        struct check *check = check_new(req);
        check_problem(check, "body", field, "value_error", message, NULL);
        check_failed(check);
    } else {
        contact_center_problem(req, err, message);
    }
}

static void back(struct request *req, void *data)
{
    struct acting *a = data;
    if (a->err == DG_OK)
        reply_json(req, 200, &a->body);
    else
        control_problem(req, a->err, a->field, a->message);
}

void control_act(struct request *req, struct control_request what, const struct act_answer *answer)
{
    struct acting *a = xcalloc(1, sizeof *a);
    what.call = request_param(req, "call_id");
    a->arena = arena_new();
    a->request = control_copy(a->arena, &what);
    a->answer = answer;
    buf_init(&a->body, BUF_MAX);
    hop_start(req, a, run, back, acting_free);
}

/* ---- Documentation -------------------------------------------------------------------- */

static const struct field done_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "call_id",
     .kind = FIELD_STR,
     .required = true,
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"Call is on hold\""},
    {0}};
const struct schema control_done_schema = {"ControlResponse", "The telephone system has done it",
                                           done_fields};
const struct route_answer control_answers[] = {CONTROL_ANSWERS(&control_done_schema)};
