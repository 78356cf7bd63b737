/* recording.c - recordings of a call: begin, pause, resume, end. */
#include "api/control/private.h"
#include "api/rules.h"

/* ---- Documentation -------------------------------------------------------------------- */

/* clang-format off */
static const struct field record_fields[] = {
    {.name = "format", .kind = FIELD_STR, .min = 1, .max = 10, .rule = rule_word,
     .pattern = WORD_PATTERN, .help = "Of the file, as the telephone system calls it",
     .fallback = "\"wav\"", .example = "\"wav\""},
    {.name = "max_seconds", .kind = FIELD_INT, .min = 1, .max = 86400,
     .help = "The recording ends by itself after", .example = "3600"},
    {.name = "beep", .kind = FIELD_BOOL, .help = "Whether it begins with a tone",
     .fallback = "false", .example = "false"},
    {0}};
static const struct field recording_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "call_id", .kind = FIELD_STR, .required = true,
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"Recording\""},
    {.name = "recording", .kind = FIELD_STR, .required = true,
     .help = "The file, without extension: when it began, and the call",
     .example = "\"20251001-120007-019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {0}};
/* clang-format on */
static const struct schema record_request = {"RecordingRequest", "How the call is recorded",
                                             record_fields};
static const struct schema recording_schema = {"RecordingResponse", "The recording",
                                               recording_fields};
static const struct route_answer recording_answers[] = {CONTROL_ANSWERS(&recording_schema)};

#define DOC(operation, ...)                                                                        \
    {                                                                                              \
        .id = (operation), .tag = "Call control", .params = contact_center_call_id,                \
        .answers = recording_answers, __VA_ARGS__                                                  \
    }

/* ---- Handlers -------------------------------------------------------------------------- */

static void render_recording(struct json_writer *w, const struct control_request *req,
                             const struct control_answer *answer)
{
    (void)req;
    jw_str(w, "recording", answer->text);
}

void control_record_start(struct request *req)
{
    static const struct act_answer answer = {.message = "Recording", .more = render_recording};
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    const json_t *body = check_body(check, &record_request);
    if (!check_failed(check))
        control_act(
            req,
            (struct control_request){.action = CONTROL_RECORD,
                                     .format = check_str(body, "format"),
                                     .max_ms = (uint64_t)check_int(body, "max_seconds", 0) * 1000,
                                     .beep = json_get_bool(body, "beep", false)},
            &answer);
}
const struct route_doc control_record_start_doc = DOC(
    "start_recording", .summary = "Record a call", .body = &record_request, .body_optional = true);

static void change(struct request *req, enum dg_record_change to, const struct act_answer *answer)
{
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    if (!check_failed(check))
        control_act(req, (struct control_request){.action = CONTROL_RECORD_CHANGE, .change = to},
                    answer);
}

void control_record_pause(struct request *req)
{
    static const struct act_answer answer = {"Recording is paused", render_recording};
    change(req, DG_RECORD_PAUSE, &answer);
}
const struct route_doc control_record_pause_doc =
    DOC("pause_recording", .summary = "Pause the recording");

void control_record_resume(struct request *req)
{
    static const struct act_answer answer = {"Recording goes on", render_recording};
    change(req, DG_RECORD_RESUME, &answer);
}
const struct route_doc control_record_resume_doc =
    DOC("resume_recording", .summary = "Go on with the recording");

void control_record_stop(struct request *req)
{
    static const struct act_answer answer = {"Recording has ended", render_recording};
    change(req, DG_RECORD_STOP, &answer);
}
const struct route_doc control_record_stop_doc =
    DOC("stop_recording", .summary = "End the recording");
