/* plug.c - the whole of plugins: what all instances share. */
#include "plug/plug.h"

#include <stdlib.h>

#include "plug/parts.h"

#define DEADLINE_MS 20000

static const double seconds[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 20};

static void make_families(struct plug *p)
{
    static const char *const names[PLUG_CLASSES] = {
        [CLASS_BACKEND] = "dialgate_backend_ops_total",
        [CLASS_STORAGE] = "dialgate_storage_ops_total",
        [CLASS_AUTH] = "dialgate_auth_ops_total",
        [CLASS_PLUGIN] = "dialgate_plugin_ops_total",
    };
    struct metric_family_info info = {
        .kind = METRIC_COUNTER,
        .help = "Requests to a plugin, by function and result",
        .labels = {"instance", "function", "result"},
    };
    for (int i = 0; i < PLUG_CLASSES; i++) {
        info.name = names[i];
        p->ops_total[i] = metrics_family(p->metrics, &info);
    }
    p->op_seconds =
        metrics_family(p->metrics, &(struct metric_family_info){
                                       .kind = METRIC_HISTOGRAM,
                                       .name = "dialgate_plugin_op_seconds",
                                       .help = "Time from request to answer",
                                       .labels = {"instance", "function"},
                                       .buckets = seconds,
                                       .bucket_count = sizeof(seconds) / sizeof(*seconds),
                                   });
    p->events_total = metrics_family(p->metrics, &(struct metric_family_info){
                                                     .kind = METRIC_COUNTER,
                                                     .name = "dialgate_backend_events_total",
                                                     .help = "Events of a backend, by type",
                                                     .labels = {"instance", "type"},
                                                 });
    p->faults_total = metrics_family(p->metrics, &(struct metric_family_info){
                                                     .kind = METRIC_COUNTER,
                                                     .name = "dialgate_plugin_faults_total",
                                                     .help = "Times a plugin broke a rule",
                                                     .labels = {"instance", "fault"},
                                                 });
}

static char **copy_folders(const char *const *folders)
{
    size_t n = 0;
    while (folders && folders[n])
        n++;
    char **copy = xcalloc(n + 1, sizeof(*copy));
    for (size_t i = 0; i < n; i++)
        copy[i] = xstrdup(folders[i]);
    return copy;
}

struct plug *plug_new(const struct plug_config *config)
{
    struct plug *p = xcalloc(1, sizeof(*p));
    p->loop = config->loop;
    p->net = config->net;
    p->own_metrics = !config->metrics;
    p->metrics = config->metrics ? config->metrics : metrics_new();
    p->folders = copy_folders(config->folders);
    p->trace[CLASS_BACKEND] = config->trace_backend;
    p->trace[CLASS_STORAGE] = config->trace_storage;
    p->trace[CLASS_AUTH] = config->trace_auth;
    p->deadline_ms = config->deadline_ms ? config->deadline_ms : DEADLINE_MS;
    p->files = map_new();
    list_init(&p->dead);
    make_families(p);
    return p;
}

/* The code stays loaded: a thread of a plugin may still run in it. */
static void file_free(void *value)
{
    struct plugin_file *file = value;
    free(file->path);
    free(file);
}

void plug_set_node(struct plug *p, const char *node)
{
    free(p->node);
    p->node = xstrdup(node);
}

void plug_free(struct plug *p)
{
    if (!p)
        return;
    instances_free_dead(p);
    map_free(p->files, file_free);
    for (char **folder = p->folders; *folder; folder++)
        free(*folder);
    free(p->folders);
    free(p->node);
    if (p->own_metrics)
        metrics_free(p->metrics);
    free(p);
}
