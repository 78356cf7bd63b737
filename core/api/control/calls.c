/* calls.c - hang up, hold, mute, digits, sounds: one action on one call. */
#include "api/control/private.h"
#include "api/rules.h"
#include "base/str.h"

#define DOC(operation, ...)                                                                        \
    {                                                                                              \
        .id = (operation), .tag = "Call control", .params = contact_center_call_id,                \
        .answers = control_answers, __VA_ARGS__                                                    \
    }

static bool call_id_is_wrong(struct request *req)
{
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    return check_failed(check);
}

/* ---- Hang up --------------------------------------------------------------------------- */

static const struct field hangup_fields[] = {
    {.name = "cause",
     .kind = FIELD_INT,
     .min = 1,
     .max = 127,
     .help = "ITU-T Q.850: 16 normal, 17 busy, 21 rejected, ...",
     .fallback = "16",
     .example = "16"},
    {0}};
static const struct schema hangup_request = {"HangupRequest", "Why the call is hung up",
                                             hangup_fields};

void control_hangup(struct request *req)
{
    static const struct act_answer answer = {.message = "Call hung up"};
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    const json_t *body = check_body(check, &hangup_request);
    if (!check_failed(check))
        control_act(req,
                    (struct control_request){.action = CONTROL_HANGUP,
                                             .cause = (int)check_int(body, "cause", 0)},
                    &answer);
}
const struct route_doc control_hangup_doc =
    DOC("hangup_call_with_cause", .summary = "Hang up a call, with a cause",
        .body = &hangup_request, .body_optional = true);

/* ---- Hold ------------------------------------------------------------------------------- */

void control_hold(struct request *req)
{
    static const struct act_answer answer = {.message = "Call is on hold"};
    if (!call_id_is_wrong(req))
        control_act(req, (struct control_request){.action = CONTROL_HOLD, .on = true}, &answer);
}
const struct route_doc control_hold_doc = DOC("hold_call", .summary = "Put a call on hold");

void control_unhold(struct request *req)
{
    static const struct act_answer answer = {.message = "Call is no longer on hold"};
    if (!call_id_is_wrong(req))
        control_act(req, (struct control_request){.action = CONTROL_HOLD}, &answer);
}
const struct route_doc control_unhold_doc =
    DOC("unhold_call", .summary = "Take a call from hold again");

/* ---- Mute ------------------------------------------------------------------------------- */

static const char *rule_direction(const char *name, const char *value)
{
    (void)name;
    return str_eq(value, "in") || str_eq(value, "out") || str_eq(value, "both")
               ? NULL
               : "Input should be 'in', 'out' or 'both'";
}

static const struct field mute_fields[] = {
    {.name = "direction",
     .kind = FIELD_STR,
     .rule = rule_direction,
     .pattern = "^(in|out|both)$",
     .help = "in: what the far end says; out: what it hears; both",
     .fallback = "\"both\"",
     .example = "\"in\""},
    {0}};
static const struct schema mute_request = {"MuteRequest", "What is silenced", mute_fields};

void control_mute(struct request *req)
{
    static const struct act_answer answer = {.message = "Call is muted"};
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    const char *direction = check_str(check_body(check, &mute_request), "direction");
    if (!check_failed(check))
        control_act(req,
                    (struct control_request){.action = CONTROL_MUTE,
                                             .on = true,
                                             .in = !str_eq(direction, "out"),
                                             .out = !str_eq(direction, "in")},
                    &answer);
}
const struct route_doc control_mute_doc =
    DOC("mute_call", .summary = "Mute a call", .body = &mute_request, .body_optional = true);

void control_unmute(struct request *req)
{
    static const struct act_answer answer = {.message = "Call is no longer muted"};
    if (!call_id_is_wrong(req))
        control_act(req, (struct control_request){.action = CONTROL_MUTE, .in = true, .out = true},
                    &answer);
}
const struct route_doc control_unmute_doc =
    DOC("unmute_call", .summary = "Unmute a call, both directions");

/* ---- Digits and sounds -------------------------------------------------------------------- */

static const struct field dtmf_fields[] = {{.name = "digits",
                                            .kind = FIELD_STR,
                                            .required = true,
                                            .min = 1,
                                            .max = 100,
                                            .rule = rule_digits,
                                            .pattern = DIGITS_PATTERN,
                                            .help = "Digits to send, one after the other",
                                            .example = "\"1234#\""},
                                           {0}};
static const struct schema dtmf_request = {"DtmfRequest", "Digits for the far end", dtmf_fields};

void control_dtmf(struct request *req)
{
    static const struct act_answer answer = {.message = "Digits sent"};
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    const char *digits = check_str(check_body(check, &dtmf_request), "digits");
    if (!check_failed(check))
        control_act(req, (struct control_request){.action = CONTROL_DTMF, .digits = digits},
                    &answer);
}
const struct route_doc control_dtmf_doc =
    DOC("send_dtmf", .summary = "Send digits (DTMF)", .body = &dtmf_request);

static const struct field play_fields[] = {{.name = "media",
                                            .kind = FIELD_STR,
                                            .required = true,
                                            .min = 1,
                                            .max = 200,
                                            .rule = rule_media,
                                            .pattern = MEDIA_PATTERN,
                                            .help = "sound:NAME, number:N, digits:D or tone:NAME",
                                            .example = "\"sound:hello-world\""},
                                           {0}};
static const struct schema play_request = {"PlayRequest", "What the far end shall hear",
                                           play_fields};

void control_play(struct request *req)
{
    static const struct act_answer answer = {.message = "Playing"};
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    const char *media = check_str(check_body(check, &play_request), "media");
    if (!check_failed(check))
        control_act(req, (struct control_request){.action = CONTROL_PLAY, .media = media}, &answer);
}
const struct route_doc control_play_doc =
    DOC("play_on_call", .summary = "Play a sound to a call", .body = &play_request);
