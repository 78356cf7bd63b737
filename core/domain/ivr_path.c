/* ivr_path.c - a caller's way through menus as JSON; see ivr_engine.h. */
#include "domain/ivr_engine.h"

static const char *const states[] = {
    [IVR_NEW] = "new",
    [IVR_PROMPT] = "prompt",
    [IVR_WAIT] = "wait",
    [IVR_INPUT] = "input",
    [IVR_MESSAGE] = "message",
    [IVR_CONNECTING] = "connecting",
    [IVR_CONNECTED] = "connected",
    [IVR_RECORDING] = "recording",
    [IVR_LEAVING] = "leaving",
    [IVR_OVER] = "over",
};
static const char *const marks[] = {
    [IVR_MARK_MENU] = "menu",         [IVR_MARK_REPEAT] = "repeat",
    [IVR_MARK_CHOICE] = "choice",     [IVR_MARK_TIMEOUT] = "timeout",
    [IVR_MARK_INVALID] = "invalid",   [IVR_MARK_UNHEARD] = "unheard",
    [IVR_MARK_JOINED] = "joined",     [IVR_MARK_UNREACHED] = "unreached",
    [IVR_MARK_RECORDED] = "recorded", [IVR_MARK_MISSING] = "missing_menu",
    [IVR_MARK_SILENT] = "missing",    [IVR_MARK_MESSAGE] = "message",
    [IVR_MARK_END] = "end",
};

const char *ivr_state_name(enum ivr_state state)
{
    return states[state];
}

const char *ivr_mark_name(enum ivr_mark_type type)
{
    return marks[type];
}

static const char *text_key(enum ivr_mark_type type)
{
    if (type == IVR_MARK_RECORDED)
        return "file";
    return type == IVR_MARK_SILENT || type == IVR_MARK_UNHEARD ? "sound" : "reason";
}

void ivr_mark_write(const struct ivr_mark *m, struct json_writer *w, const char *key)
{
    jw_object(w, key);
    jw_int(w, "at", m->after_ms);
    if (m->menu)
        jw_int(w, "menu", m->menu);
    jw_str(w, "event", marks[m->type]);
    if (m->digits[0])
        jw_str(w, "digits", m->digits);
    if (m->action && m->menu) {
        jw_str(w, "action", ivr_action_type_name(m->action->type));
        if (*m->action->value)
            jw_str(w, "value", m->action->value);
    }
    if (m->text)
        jw_str(w, text_key(m->type), m->text);
    jw_end(w);
}

void ivr_marks_write(const struct ivr_session *s, struct json_writer *w, const char *key)
{
    jw_array(w, key);
    for (size_t i = 0; i < s->path_count; i++)
        ivr_mark_write(&s->path[i], w, NULL);
    jw_end(w);
}

void ivr_message_write(const struct ivr_session *s, const char *to, struct json_writer *w,
                       const char *key)
{
    jw_object(w, key);
    jw_str(w, "audio", ivr_book_at(s->book, 0)->actions[0].value);
    jw_str(w, "to", to);
    jw_int(w, "played", s->played);
    jw_str(w, "keys", s->keys);
    jw_str(w, "result", s->reason);
    ivr_marks_write(s, w, "path");
    if (s->path_lost)
        jw_int(w, "not_shown", (int64_t)s->path_lost);
    jw_end(w);
}

void ivr_path_write(const struct ivr_session *s, struct json_writer *w, const char *key)
{
    jw_object(w, key);
    jw_int(w, "menu", s->entry);
    jw_str(w, "keys", s->keys);
    jw_str(w, "result", s->reason);
    ivr_marks_write(s, w, "path");
    if (s->path_lost)
        jw_int(w, "not_shown", (int64_t)s->path_lost);
    jw_end(w);
}
