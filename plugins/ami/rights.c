/* rights.c - see rights.h. The classes are those of Asterisk 16 to 22. */
#include "rights.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ami.h"
#include "asterisk/text.h"

static const struct {
    const char *action, *classes;
} rights[] = {
    {"AGI", "agi"},
    {"Atxfer", "call"},
    {"BlindTransfer", "call"},
    {"Bridge", "call"},
    {"CancelAtxfer", "call"},
    {"ControlPlayback", "call"},
    {"CoreShowChannels", "reporting or system"},
    {"CoreStatus", "reporting or system"},
    {"DeviceStateList", "call or reporting"},
    {"Getvar", "call or reporting"},
    {"Hangup", "call or system"},
    {"MixMonitor", "system"},
    {"MixMonitorMute", "call or system"},
    {"ModuleCheck", "system"},
    {"MuteAudio", "system"},
    {"Originate", "originate"},
    {"Park", "call"},
    {"ParkedCalls", "call"},
    {"PJSIPShowEndpoints", "system"},
    {"PlayDTMF", "call"},
    {"QueueAdd", "agent"},
    {"QueuePause", "agent"},
    {"QueuePenalty", "agent"},
    {"QueueRemove", "agent"},
    {"Redirect", "call"},
    {"Setvar", "call"},
    {"Status", "call, reporting or system"},
    {"StopMixMonitor", "call or system"},
};

const char *rights_for(const char *action)
{
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++)
        if (strcasecmp(rights[i].action, action) == 0)
            return rights[i].classes;
    return NULL;
}

void rights_sentence(char *out, size_t size, const char *action)
{
    const char *classes = rights_for(action);
    snprintf(out, size, "the user may not do %s: give it %s in the \"write\" line of manager.conf",
             action, classes ? classes : "the class it needs");
}

/* Which action a function of the table cannot do without. */
static const struct {
    const char *function, *action;
} needs[] = {
    {"originate", "Originate"},
    {"hangup", "Hangup"},
    {"calls", "CoreShowChannels"},
    {"bridges", "BridgeList"},
    {"endpoints", "PJSIPShowEndpoints"},
    {"mute", "MuteAudio"},
    {"answer", "AGI"},
    {"detect", "AGI"},
    {"moh", "AGI"},
    {"dtmf", "PlayDTMF"},
    {"go_to", "Redirect"},
    {"transfer", "Redirect"},
    {"get_variable", "Getvar"},
    {"set_variable", "Setvar"},
    {"join", "Bridge"},
    {"park", "Park"},
    {"parked", "ParkedCalls"},
    {"play_stop", "ControlPlayback"},
    {"record", "MixMonitor"},
    {"record_change", "StopMixMonitor"},
    {"queues", "QueueStatus"},
    {"members", "QueueStatus"},
    {"callers", "QueueStatus"},
    {"queue_change", "QueueAdd"},
};

/* An action of the server's core that needs nothing but this class: if the user may do it, it is
 * not the class that is missing. */
static const struct {
    const char *class, *action;
} probes[] = {{"call", "Setvar"}, {"system", "ModuleCheck"}, {"reporting", "CoreStatus"}};

static bool has_class(const char *classes, const struct message *commands)
{
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        if (strstr(classes, probes[i].class) && message_text(commands, probes[i].action))
            return true;
    return false;
}

static void sentence_for(char *out, size_t size, const char *action, const struct message *commands)
{
    const char *classes = rights_for(action);
    if (!classes || has_class(classes, commands))
        snprintf(out, size, "this Asterisk has no %s: its module is not loaded", action);
    else
        rights_sentence(out, size, action);
}

void rights_compare(struct ami *a, const struct message *commands)
{
    struct text missing = {0};
    char sentence[200];
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if (message_text(commands, needs[i].action))
            continue;
        sentence_for(sentence, sizeof sentence, needs[i].action, commands);
        a->h->lacks(a->h, needs[i].function, sentence);
        if (missing.len)
            text_puts(&missing, "; ");
        text_puts(&missing, sentence);
    }
    stored_lacks(a);
    if (missing.len && !text_same(missing.at, a->link.lacking))
        a->h->log(a->h, DG_WARN, "%.900s", missing.at);
    text_set(&a->link.lacking, missing.at);
    text_free(&missing);
}
