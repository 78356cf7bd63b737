/* backend_main.c - the contract every backend keeps, as a program:
 *
 *     contract_backend PLUGIN --config FILE --instance NAME [--endpoint TEMPLATE]
 *         [--context CONTEXT] [--extension EXTENSION] [--media MEDIA] [--patience SECONDS]
 *         [--only PATTERN]
 *
 * PLUGIN is the path of a .so, NAME the table [backend.NAME] in FILE. The server
 * behind it must have a callee whose fate the end of the number decides: 486
 * busy, 603 declines, 404 no such number, 503 congestion, 480 rings for ever,
 * 100 never rings, 183 early media, 299 answers and hangs up, else answers.
 * CONTEXT and EXTENSION are a place in the dialplan that keeps a call up, and
 * CONTEXT and SOUNDING ("tone") one that also sends sound; PATTERN
 * chooses tests by name ("hangup*"). Exit status 0: the contract is kept. */
#include "backend_rig.h"

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s PLUGIN --config FILE --instance NAME [--endpoint TEMPLATE]\n"
            "    [--context CONTEXT] [--extension EXTENSION] [--media MEDIA] [--patience SECONDS]\n"
            "    [--only PATTERN]\n",
            program);
    return 2;
}

static bool option(struct rig_config *c, const char *name, const char *value)
{
    const struct {
        const char *name, **into;
    } options[] = {
        {"--config", &c->file},       {"--instance", &c->instance},   {"--endpoint", &c->endpoint},
        {"--context", &c->context},   {"--extension", &c->extension}, {"--media", &c->media},
        {"--sounding", &c->sounding},
    };
    for (size_t i = 0; i < COUNT(options); i++) {
        if (strcmp(name, options[i].name) == 0) {
            *options[i].into = value;
            return true;
        }
    }
    if (strcmp(name, "--only") == 0) {
        cmocka_set_test_filter(value);
        return true;
    }
    int64_t seconds = 0;
    if (strcmp(name, "--patience") != 0 || !str_to_int(value, &seconds) || seconds < 1)
        return false;
    c->patience_ms = (uint64_t)seconds * 1000;
    return true;
}

static bool parse(int argc, char **argv, struct rig_config *c)
{
    *c = (struct rig_config){
        .plugin = argc > 1 ? argv[1] : NULL,
        .endpoint = "PJSIP/{number}@trunk",
        .context = "outbound-ivr",
        .extension = "hold",
        .sounding = "tone",
        .media = "sound:beep",
        .patience_ms = 15000,
    };
    for (int i = 2; i + 1 < argc; i += 2)
        if (!option(c, argv[i], argv[i + 1]))
            return false;
    return argc % 2 == 0 && c->plugin && c->file && c->instance && strstr(c->endpoint, "{number}");
}

int main(int argc, char **argv)
{
    struct rig_config config;
    static struct rig r;
    if (!parse(argc, argv, &config))
        return usage(argv[0]);
    bool ready = rig_init(&r, &config) && rig_open(&r);
    int failed = ready ? suite_outcomes(&r) + suite_control(&r) + suite_bridges(&r) +
                             suite_places(&r) + suite_stored(&r) + suite_queues(&r) +
                             suite_refusals(&r) + suite_end(&r)
                       : 1;
    rig_free(&r);
    return failed != 0;
}
