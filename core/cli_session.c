/* cli_session.c - whom the command line talks to: the running gateway by its
 * control socket, or, when nobody listens there, the store itself.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin_client.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "cli_private.h"

static struct config *load(const struct cli_args *args)
{
    struct buf problems;
    unsigned count =
        0; /* what is wrong elsewhere does not matter here; offline.c looks at the store's */
    char *file = args->config_file ? xstrdup(args->config_file) : config_find();
    if (!file) {
        cli_refuse("no configuration: name one with --config FILE, or make ./dialgate.toml");
        return NULL;
    }
    buf_init(&problems, BUF_MAX);
    struct config *c = config_load(file, &problems, &count);
    if (!c)
        cli_refuse("%.*s", (int)strcspn(buf_cstr(&problems), "\n"), buf_cstr(&problems));
    buf_free(&problems);
    free(file);
    return c;
}

static bool open_offline(struct session *s, const char *path)
{
    struct problem problem;
    if (s->config->store_disabled) {
        cli_refuse("no gateway answers at %s, and [storage] disabled is true", path);
        return false;
    }
    clock_zone(settings_str(s->config->server, "timezone")); /* times of arguments are read in it */
    s->offline = offline_open(s->config, &s->fd, &problem);
    if (!s->offline)
        cli_refuse("no gateway answers at %s, and the store cannot be opened: %s", path,
                   problem.text);
    return s->offline != NULL;
}

static bool find_gateway(struct session *s, bool only_running)
{
    struct problem problem;
    const char *path = settings_str(s->config->server, "control");
    s->fd = path ? client_connect(path, &problem) : -1;
    if (s->fd >= 0)
        return true;
    if (path && problem.err != DG_ENOTFOUND)
        cli_refuse("%s", problem.text);
    else if (only_running)
        cli_refuse("no gateway answers at %s", path ? path : "[server] control, which is empty");
    else
        return open_offline(s, path ? path : "a control socket");
    return false;
}

bool session_open(struct session *s, const struct cli_args *args, bool only_running)
{
    *s = (struct session){.fd = -1};
    /* Standard error is for the one sentence. */
    log_setup(&(struct log_config){.level = DG_ERROR, .file = "/dev/null"});
    s->config = load(args);
    if (s->config && find_gateway(s, only_running))
        return true;
    config_free(s->config);
    return false;
}

void session_close(struct session *s)
{
    close(s->fd);
    offline_close(s->offline);
    config_free(s->config);
}

/* ---- Verbs that need no more than that ----------------------------------------------- */

/* Each line of it is one thing to know. */
static enum cli_status tell_reload(const json_t *answer)
{
    const char *error = json_get_str(answer, "error"), *notes = json_get_str(answer, "notes");
    if (!json_get_bool(answer, "ok", false))
        return cli_refuse("%s", error ? error : "the gateway refused");
    fputs(notes ? notes : "", stderr);
    return CLI_DONE;
}

enum cli_status cli_reload(const struct cli_args *args)
{
    struct session s;
    struct problem problem;
    if (!session_open(&s, args, true))
        return CLI_REFUSED;
    json_t *request = json_pack("{s:s}", "verb", "reload");
    json_t *answer = client_ask_any(s.fd, request, &problem);
    enum cli_status status = answer ? tell_reload(answer) : cli_refuse("%s", problem.text);
    json_decref(request);
    json_decref(answer);
    session_close(&s);
    return status;
}

typedef bool transfer_fn(int fd, FILE *file, client_progress_fn *progress, int64_t *documents,
                         struct problem *problem);

/* On a terminal always in the same line. */
static void tell_progress(int64_t documents)
{
    fprintf(stderr, "%lld documents%c", (long long)documents, isatty(STDERR_FILENO) ? '\r' : '\n');
}

static enum cli_status transfer(const struct cli_args *args, transfer_fn *run, FILE *file,
                                const char *done)
{
    struct session s;
    struct problem problem;
    int64_t documents;
    if (!session_open(&s, args, false))
        return CLI_REFUSED;
    bool told = args->progress || (isatty(STDERR_FILENO) && !isatty(fileno(file)));
    bool good = run(s.fd, file, told ? tell_progress : NULL, &documents, &problem);
    session_close(&s);
    if (!good)
        return cli_refuse("%s", problem.text);
    fprintf(stderr, "%lld documents %s\n", (long long)documents, done);
    return CLI_DONE;
}

enum cli_status cli_export(const struct cli_args *args)
{
    return transfer(args, client_export, stdout, "written");
}

enum cli_status cli_import(const struct cli_args *args)
{
    return transfer(args, client_import, stdin, "read");
}
