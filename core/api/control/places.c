/* places.c - sending a call elsewhere in the dialplan: transfer and redirect. */
#include "api/control/private.h"
#include "api/rules.h"
#include "base/str.h"

/* clang-format off */
#define PLACE_FIELDS                                                                               \
    {.name = "context", .kind = FIELD_STR, .min = 1, .max = 50, .rule = rule_context,              \
     .pattern = CONTEXT_PATTERN, .help = "Dialplan context; the call's own where it is left out",  \
     .example = "\"outbound-ivr\""},                                                               \
    {.name = "extension", .kind = FIELD_STR, .required = true, .min = 1, .max = 50,                \
     .rule = rule_extension, .pattern = EXTENSION_PATTERN, .help = "Dialplan extension",           \
     .example = "\"8013\""},                                                                       \
    {.name = "priority", .kind = FIELD_INT, .min = 1, .max = 1000, .help = "Dialplan priority",    \
     .fallback = "1", .example = "1"}
/* clang-format on */

static struct control_request place_of(const json_t *body, enum control_action action)
{
    return (struct control_request){.action = action,
                                    .context = check_str(body, "context"),
                                    .extension = check_str(body, "extension"),
                                    .priority = (int)check_int(body, "priority", 0)};
}

/* ---- Redirect --------------------------------------------------------------------------- */

static const struct field redirect_fields[] = {PLACE_FIELDS, {0}};
static const struct schema redirect_request = {"RedirectRequest", "Where the leg goes",
                                               redirect_fields};

void control_redirect(struct request *req)
{
    static const struct act_answer answer = {.message = "Call redirected"};
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    const json_t *body = check_body(check, &redirect_request);
    if (!check_failed(check))
        control_act(req, place_of(body, CONTROL_REDIRECT), &answer);
}
const struct route_doc control_redirect_doc = {
    .id = "redirect_call",
    .tag = "Call control",
    .summary = "Send this leg elsewhere in the dialplan",
    .params = contact_center_call_id,
    .body = &redirect_request,
    .answers = control_answers,
};

/* ---- Transfer ----------------------------------------------------------------------------- */

static const char *rule_type(const char *name, const char *value)
{
    (void)name;
    return str_eq(value, "blind") || str_eq(value, "attended")
               ? NULL
               : "Input should be 'blind' or 'attended'";
}

static const struct field transfer_fields[] = {
    {.name = "type",
     .kind = FIELD_STR,
     .rule = rule_type,
     .pattern = "^(blind|attended)$",
     .help = "blind: at once; attended: after a consultation",
     .fallback = "\"blind\"",
     .example = "\"blind\""},
    PLACE_FIELDS,
    {0}};
static const struct schema transfer_request = {"TransferRequest", "To whom the call goes",
                                               transfer_fields};

static void render_consult(struct json_writer *w, const struct control_request *req,
                           const struct control_answer *answer)
{
    (void)req;
    jw_str(w, "consult_call_id", answer->text);
}

void control_transfer(struct request *req)
{
    static const struct act_answer blind = {.message = "Call transferred"};
    static const struct act_answer attended = {"Consultation call placed", render_consult};
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    const json_t *body = check_body(check, &transfer_request);
    if (check_failed(check))
        return;
    bool consults = str_eq(check_str(body, "type"), "attended");
    struct control_request what = place_of(body, consults ? CONTROL_CONSULT : CONTROL_TRANSFER);
    what.user = request_identity(req)->subject;
    control_act(req, what, consults ? &attended : &blind);
}

static void end_consultation(struct request *req, enum control_action action,
                             const struct act_answer *answer)
{
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    if (!check_failed(check))
        control_act(req, (struct control_request){.action = action}, answer);
}

void control_transfer_complete(struct request *req)
{
    static const struct act_answer answer = {"Call transferred", render_consult};
    end_consultation(req, CONTROL_COMPLETE, &answer);
}

void control_transfer_cancel(struct request *req)
{
    static const struct act_answer answer = {"Transfer cancelled", render_consult};
    end_consultation(req, CONTROL_CANCEL, &answer);
}

/* ---- Documentation -------------------------------------------------------------------- */

/* clang-format off */
static const struct field answer_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "call_id", .kind = FIELD_STR, .required = true,
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"Call transferred\""},
    {.name = "consult_call_id", .kind = FIELD_STR,
     .help = "Attended: the leg to who is consulted, a call of its own",
     .example = "\"019339a5-1c20-7a11-8c3b-5d1e7f2a9b80\""},
    {0}};
/* clang-format on */
static const struct schema transfer_schema = {"TransferResponse",
                                              "The telephone system has done it", answer_fields};
static const struct route_answer transfer_answers[] = {CONTROL_ANSWERS(&transfer_schema)};

const struct route_doc control_transfer_doc = {
    .id = "transfer_call",
    .tag = "Call control",
    .summary = "Transfer a call",
    .help = "blind: it goes there at once. attended: it is put on hold and the extension is "
            "called; `transfer/complete` joins the two once that has answered, "
            "`transfer/cancel` drops the leg and takes the call back.",
    .params = contact_center_call_id,
    .body = &transfer_request,
    .answers = transfer_answers,
};
const struct route_doc control_transfer_complete_doc = {
    .id = "complete_transfer",
    .tag = "Call control",
    .summary = "Join a call and who was consulted",
    .params = contact_center_call_id,
    .answers = transfer_answers,
};
const struct route_doc control_transfer_cancel_doc = {
    .id = "cancel_transfer",
    .tag = "Call control",
    .summary = "Drop who was consulted, and take the call back",
    .params = contact_center_call_id,
    .answers = transfer_answers,
};
