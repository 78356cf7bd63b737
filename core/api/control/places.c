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
    return str_eq(value, "blind") ? NULL : "Input should be 'blind'";
}

static const struct field transfer_fields[] = {{.name = "type",
                                                .kind = FIELD_STR,
                                                .rule = rule_type,
                                                .pattern = "^blind$",
                                                .help = "blind: at once",
                                                .fallback = "\"blind\"",
                                                .example = "\"blind\""},
                                               PLACE_FIELDS,
                                               {0}};
static const struct schema transfer_request = {"TransferRequest", "To whom the call goes",
                                               transfer_fields};

void control_transfer(struct request *req)
{
    static const struct act_answer answer = {.message = "Call transferred"};
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    const json_t *body = check_body(check, &transfer_request);
    if (!check_failed(check))
        control_act(req, place_of(body, CONTROL_TRANSFER), &answer);
}
const struct route_doc control_transfer_doc = {
    .id = "transfer_call",
    .tag = "Call control",
    .summary = "Transfer a call",
    .params = contact_center_call_id,
    .body = &transfer_request,
    .answers = control_answers,
};
