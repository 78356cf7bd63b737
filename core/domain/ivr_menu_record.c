/* ivr_menu_record.c - menus as JSON: in the store, and as somebody sends them; see ivr_menu.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/ivr_menu.h"

#define NAME_MAX_LEN 100

static const char *const types[] = {
    [IVR_EXTEN] = "exten",       [IVR_QUEUE] = "queue",   [IVR_HANGUP] = "hangup",
    [IVR_PLAYBACK] = "playback", [IVR_GOTO] = "goto_ivr", [IVR_RECORD] = "record",
};
static const char *const nexts[] = {[IVR_NEXT_HANGUP] = "hangup", [IVR_NEXT_MENU] = "menu"};

const char *ivr_action_type_name(enum ivr_action_type type)
{
    return types[type];
}

const char *ivr_next_name(enum ivr_next next)
{
    return nexts[next];
}

static bool find(const char *const *names, size_t count, const char *name, unsigned *out)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(names[i], name)) {
            *out = (unsigned)i;
            return true;
        }
    }
    return false;
}

bool ivr_action_type_parse(const char *name, enum ivr_action_type *out)
{
    return find(types, IVR_ACTION_TYPES, name, (unsigned *)out);
}

/* ---- Writing ------------------------------------------------------------------------------- */

static void write_action(const struct ivr_action *a, struct json_writer *w)
{
    jw_object(w, NULL);
    jw_int(w, "id", a->id);
    jw_str(w, "dtmf_digit", a->keys);
    jw_str(w, "action_type", types[a->type]);
    jw_str(w, "action_value", a->value);
    jw_str(w, "next", nexts[a->next]);
    jw_int(w, "created_at", a->created_at_ms);
    jw_end(w);
}

void ivr_menu_write(const struct ivr_menu *m, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    if (m->campaign_id)
        jw_int(&w, "campaign_id", m->campaign_id);
    jw_str(&w, "name", m->name);
    jw_str(&w, "audio_file", m->audio_file);
    jw_str(&w, "language", m->language);
    jw_int(&w, "timeout", m->timeout_s);
    jw_int(&w, "digit_timeout", m->digit_timeout_s);
    jw_int(&w, "max_digits", m->max_digits);
    jw_int(&w, "repeats", m->repeats);
    jw_bool(&w, "barge_in", m->barge_in);
    jw_array(&w, "actions");
    for (size_t i = 0; i < m->action_count; i++)
        write_action(&m->actions[i], &w);
    jw_end(&w);
    jw_int(&w, "created_at", m->created_at_ms);
    if (m->updated_at_ms)
        jw_int(&w, "updated_at", m->updated_at_ms);
    jw_end(&w);
}

/* ---- Actions ------------------------------------------------------------------------------- */

static bool are_keys(const char *keys)
{
    bool pattern = *keys == '_';
    const char *digits = keys + pattern;
    if (str_eq(keys, "t") || str_eq(keys, "i"))
        return true;
    return *digits && strlen(digits) <= IVR_DIGITS_MAX &&
           str_only(digits, pattern ? "0123456789*#XZN" : "0123456789*#");
}

static bool is_place(const char *value)
{
    char filled[IVR_TEXT_MAX + 1];
    return ivr_fill_in(value, "1", filled, sizeof filled) && *filled &&
           str_only(filled,
                    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-*#+/@") &&
           *filled != '/' && !str_ends(filled, "/");
}

static bool is_number(const char *value, int64_t most, int64_t *out)
{
    return str_only(value, "0123456789") && str_to_int(value, out) && *out > 0 && *out <= most;
}

/* NULL: it fits. */
static const char *refuse_value(struct ivr_action *a)
{
    int64_t number = 0;
    switch (a->type) {
    case IVR_EXTEN:
    case IVR_QUEUE:
        return is_place(a->value) ? NULL
                                  : "must be an extension, a queue, or technology and resource";
    case IVR_PLAYBACK:
        return *a->value ? ivr_sounds_refusal(a->value) : "must say what is to be played";
    case IVR_GOTO:
        if (!is_number(a->value, INT64_MAX, &number))
            return "must be the id of a menu";
        a->menu = number;
        return NULL;
    case IVR_RECORD:
        return !*a->value || is_number(a->value, IVR_RECORD_MAX_S, &number)
                   ? NULL
                   : "must be a number of seconds, 1 to 3600";
    default:
        return NULL;
    }
}

/* A text, or a number in its place. The caller frees. */
static char *text_of(const json_t *json)
{
    if (json_is_integer(json))
        return xasprintf("%" PRId64, (int64_t)json_integer_value(json));
    return json_is_string(json) ? xstrdup(json_string_value(json)) : NULL;
}

static bool wrong_action(struct problem *p, size_t index, const char *member, const char *why)
{
    problem_set(p, DG_EINVAL, "actions[%zu].%s: %s", index, member, why);
    return false;
}

static bool read_keys(struct ivr_action *a, const json_t *from, size_t i, struct problem *p)
{
    char *keys = text_of(json_object_get(from, "dtmf_digit"));
    bool fits = keys && are_keys(keys);
    if (fits)
        memcpy(a->keys, keys, strlen(keys) + 1);
    free(keys);
    return fits || wrong_action(p, i, "dtmf_digit",
                                "must be up to 16 of 0-9 * #, a pattern with _ in front and X, Z "
                                "or N, or t or i");
}

/* What nobody said follows from what it is: a farewell ends the call. */
static enum ivr_next usual_next(const struct ivr_action *a)
{
    bool stays = a->type == IVR_PLAYBACK || a->type == IVR_RECORD;
    return stays && a->keys[0] != 't' ? IVR_NEXT_MENU : IVR_NEXT_HANGUP;
}

static bool read_next(struct ivr_action *a, const json_t *from, size_t i, struct problem *p)
{
    const json_t *next = json_object_get(from, "next");
    a->next = usual_next(a);
    if (!next || json_is_null(next))
        return true;
    return find(nexts, IVR_NEXTS, json_string_value(next), (unsigned *)&a->next) ||
           wrong_action(p, i, "next", "must be: hangup or menu");
}

static bool read_action(struct ivr_action *a, const json_t *from, size_t i, struct problem *p)
{
    const json_t *value = json_object_get(from, "action_value");
    if (!json_is_object(from)) {
        problem_set(p, DG_EINVAL, "actions[%zu]: must be an object", i);
        return false;
    }
    if (!read_keys(a, from, i, p))
        return false;
    if (!ivr_action_type_parse(json_get_str(from, "action_type"), &a->type))
        return wrong_action(p, i, "action_type",
                            "must be: exten, queue, hangup, playback, goto_ivr or record");
    a->value = !value || json_is_null(value) ? xstrdup("") : text_of(value);
    const char *why = !a->value                         ? "must be a text"
                      : strlen(a->value) > IVR_TEXT_MAX ? "at most 255 characters"
                      : str_has_control(a->value)       ? "no control characters"
                                                        : refuse_value(a);
    if (why)
        return wrong_action(p, i, "action_value", why);
    a->id = json_get_int(from, "id", 0);
    a->created_at_ms = json_get_int(from, "created_at", 0);
    return read_next(a, from, i, p);
}

static void clear_actions(struct ivr_menu *m)
{
    for (size_t i = 0; i < m->action_count; i++)
        free(m->actions[i].value);
    free(m->actions);
    m->actions = NULL;
    m->action_count = 0;
}

static bool read_actions(struct ivr_menu *m, const json_t *list, struct problem *p)
{
    size_t i;
    json_t *item;
    clear_actions(m);
    if (!json_is_array(list) || json_array_size(list) > IVR_ACTIONS_MAX) {
        problem_set(p, DG_EINVAL, "actions: must be a list of at most %d", IVR_ACTIONS_MAX);
        return false;
    }
    m->actions = xcalloc(json_array_size(list) + 1, sizeof *m->actions);
    json_array_foreach((json_t *)list, i, item)
    {
        struct ivr_action *a = &m->actions[i];
        m->action_count++;
        if (!read_action(a, item, i, p))
            return false;
        for (size_t k = 0; k < i; k++) {
            if (str_eq(m->actions[k].keys, a->keys))
                return wrong_action(p, i, "dtmf_digit", "another action has it already");
        }
    }
    return true;
}

/* ---- The rest of a menu -------------------------------------------------------------------- */

static bool read_number(const json_t *from, const char *key, unsigned least, unsigned most,
                        unsigned *out, struct problem *p)
{
    const json_t *value = json_object_get(from, key);
    if (!value || json_is_null(value))
        return true;
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (number < least || number > most) {
        problem_set(p, DG_EINVAL, "%s: must be a whole number from %u to %u", key, least, most);
        return false;
    }
    *out = (unsigned)number;
    return true;
}

static bool read_texts(struct ivr_menu *m, const json_t *from, struct problem *p)
{
    const json_t *name = json_object_get(from, "name"),
                 *audio = json_object_get(from, "audio_file"),
                 *language = json_object_get(from, "language");
    const char *why;
    if (name) {
        const char *text = json_string_value(name);
        if (str_empty(text) || str_utf8_len(text) > NAME_MAX_LEN || str_has_control(text)) {
            problem_set(p, DG_EINVAL, "name: must be a text of 1 to %d characters", NAME_MAX_LEN);
            return false;
        }
        free(m->name);
        m->name = xstrdup(text);
    }
    if (audio) {
        const char *text = json_is_null(audio) ? "" : json_string_value(audio);
        why = text ? ivr_sounds_refusal(text) : "must be a text";
        if (why) {
            problem_set(p, DG_EINVAL, "audio_file: %s", why);
            return false;
        }
        free(m->audio_file);
        m->audio_file = xstrdup(text);
    }
    if (language) {
        const char *text = json_is_null(language) ? "" : json_string_value(language);
        if (!text || strlen(text) > 20 ||
            !str_only(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")) {
            problem_set(p, DG_EINVAL, "language: must be a name like en or pt_BR");
            return false;
        }
        free(m->language);
        m->language = *text ? xstrdup(text) : NULL;
    }
    return true;
}

static bool read_flag(const json_t *from, const char *key, bool *out, struct problem *p)
{
    const json_t *value = json_object_get(from, key);
    json_int_t number = json_is_boolean(value)   ? json_is_true(value)
                        : json_is_integer(value) ? json_integer_value(value)
                                                 : -1;
    if (!value || json_is_null(value))
        return true;
    if (number != 0 && number != 1) {
        problem_set(p, DG_EINVAL, "%s: must be true or false", key);
        return false;
    }
    *out = number == 1;
    return true;
}

bool ivr_menu_accept(struct ivr_menu *m, const json_t *from, struct problem *p)
{
    const json_t *actions = json_object_get(from, "actions"),
                 *campaign = json_object_get(from, "campaign_id");
    if (campaign && !json_is_null(campaign) &&
        (!json_is_integer(campaign) || json_integer_value(campaign) < 1)) {
        problem_set(p, DG_EINVAL, "campaign_id: must be the id of a campaign");
        return false;
    }
    if (campaign)
        m->campaign_id = json_integer_value(campaign); /* null: 0 */
    return read_texts(m, from, p) &&
           read_number(from, "timeout", 1, IVR_TIMEOUT_MAX_S, &m->timeout_s, p) &&
           read_number(from, "digit_timeout", 1, IVR_TIMEOUT_MAX_S, &m->digit_timeout_s, p) &&
           read_number(from, "max_digits", 1, IVR_DIGITS_MAX, &m->max_digits, p) &&
           read_number(from, "repeats", 0, IVR_REPEATS_MAX, &m->repeats, p) &&
           read_flag(from, "barge_in", &m->barge_in, p) &&
           (!actions || json_is_null(actions) || read_actions(m, actions, p));
}

struct ivr_menu *ivr_menu_read(const char *id_text, uint64_t version, const json_t *doc)
{
    struct problem ignored;
    struct ivr_menu *m = ivr_menu_new();
    if (!str_to_int(id_text, &m->id) || !json_get_str(doc, "name") ||
        !ivr_menu_accept(m, doc, &ignored)) {
        ivr_menu_free(m);
        return NULL;
    }
    m->version = version;
    m->created_at_ms = json_get_int(doc, "created_at", 0);
    m->updated_at_ms = json_get_int(doc, "updated_at", 0);
    return m;
}
