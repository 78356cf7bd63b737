/* cli.c - the verbs of the command line and how their arguments are read. */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli_private.h"

enum takes {
    TAKES_CONFIG = 1,
    TAKES_NAME = 2,
    TAKES_ROLE = 4, /* and --email */
    TAKES_JSON = 8,
    TAKES_PROGRESS = 16,
    TAKES_USER = 32,
    TAKES_TOKEN = 64, /* its name, permissions, expiry */
    TAKES_ID = 128,   /* as the argument without dashes */
    TAKES_CAMPAIGN = 256,
    TAKES_FILE = 512, /* as the argument without dashes, and how it is to be read */
};

struct verb {
    const char *name;
    unsigned takes;
    enum cli_status (*run)(const struct cli_args *args);
    const char *help;
};

/* ---- Verbs of the gateway ---------------------------------------------------------- */

enum cli_status cli_refuse(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("dialgate: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return CLI_REFUSED;
}

static enum cli_status with_config(const struct cli_args *args, int (*run)(const char *config_file))
{
    char *file = args->config_file ? xstrdup(args->config_file) : config_find();
    if (!file)
        return cli_refuse("no configuration: name one with --config FILE, or make ./dialgate.toml");
    int status = run(file);
    free(file);
    return status;
}

static enum cli_status run_serve(const struct cli_args *args)
{
    return with_config(args, app_serve);
}

static enum cli_status run_check(const struct cli_args *args)
{
    return with_config(args, app_check);
}

static enum cli_status run_plugins(const struct cli_args *args)
{
    return with_config(args, app_plugins);
}

static enum cli_status run_version(const struct cli_args *args)
{
    (void)args;
    printf("dialgate %s (plugin interface %d.%d)\n", DIALGATE_VERSION, DG_ABI_MAJOR, DG_ABI_MINOR);
    return CLI_DONE;
}

static enum cli_status run_help(const struct cli_args *args);

static const struct verb verbs[] = {
    {"check", TAKES_CONFIG, run_check, "says what is wrong with the configuration"},
    {"check-counts", TAKES_CONFIG | TAKES_CAMPAIGN, cli_check_counts,
     "counts the numbers and calls of campaigns and compares with what their statistics say"},
    {"export", TAKES_CONFIG | TAKES_PROGRESS, cli_export,
     "writes everything in the store to standard output"},
    {"help", 0, run_help, "this text"},
    {"import", TAKES_CONFIG | TAKES_PROGRESS, cli_import,
     "puts what export wrote, from standard input, into the store"},
    {"import-numbers", TAKES_CONFIG | TAKES_CAMPAIGN | TAKES_FILE | TAKES_PROGRESS,
     cli_import_numbers,
     "adds a file of numbers, CSV or lines of JSON, to a campaign or the do-not-call list"},
    {"plugins", TAKES_CONFIG, run_plugins, "lists the plugins and every key of the configuration"},
    {"reload", TAKES_CONFIG, cli_reload,
     "tells the running gateway to read its configuration again"},
    {"serve", TAKES_CONFIG, run_serve,
     "runs the gateway, until SIGTERM; the verb meant when none is named"},
    {"token create", TAKES_CONFIG | TAKES_USER | TAKES_TOKEN, cli_token,
     "makes a token for a user and prints it, this once"},
    {"token import", TAKES_CONFIG | TAKES_USER | TAKES_TOKEN, cli_token,
     "takes a token over that was made elsewhere, read from standard input"},
    {"token list", TAKES_CONFIG | TAKES_USER | TAKES_JSON, cli_token, "lists the tokens"},
    {"token revoke", TAKES_CONFIG | TAKES_ID, cli_token, "makes a token worthless, at once"},
    {"user add", TAKES_CONFIG | TAKES_NAME | TAKES_ROLE, cli_user,
     "adds a user; the password is read from standard input"},
    {"user disable", TAKES_CONFIG | TAKES_NAME, cli_user,
     "shuts a user out, tokens in use included"},
    {"user enable", TAKES_CONFIG | TAKES_NAME, cli_user, "lets a user in again"},
    {"user list", TAKES_CONFIG | TAKES_JSON, cli_user, "lists the users"},
    {"user passwd", TAKES_CONFIG | TAKES_NAME, cli_user,
     "sets a password, read from standard input"},
    {"version", 0, run_version, "the versions of program and plugin interface"},
};

static void print_usage(FILE *out, const struct verb *v)
{
    fprintf(out, "dialgate %s%s%s%s%s%s%s%s%s%s%s", v->name, v->takes & TAKES_NAME ? " NAME" : "",
            v->takes & TAKES_ID ? " ID" : "",
            v->takes & TAKES_FILE ? " [FILE] --campaign ID|--dnc [--format csv|ndjson]"
                                    " [--skip-duplicates] [--phone-column NAME]"
                                    " [--priority-column NAME] [--timezone-column NAME]"
                                  : "",
            (v->takes & TAKES_CAMPAIGN) && !(v->takes & TAKES_FILE) ? " [--campaign ID]" : "",
            !(v->takes & TAKES_USER) ? ""
            : v->takes & TAKES_TOKEN ? " --user NAME"
                                     : " [--user NAME]",
            v->takes & TAKES_TOKEN
                ? " [--name TEXT] [--permission PATTERN]... [--expires 'YYYY-MM-DD HH:MM:SS']"
                : "",
            v->takes & TAKES_ROLE ? " [--role admin|user] [--email EMAIL]" : "",
            v->takes & TAKES_JSON ? " [--json]" : "",
            v->takes & TAKES_PROGRESS ? " [--progress]" : "",
            v->takes & TAKES_CONFIG ? " [--config FILE]" : "");
}

static enum cli_status run_help(const struct cli_args *args)
{
    (void)args;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        print_usage(stdout, &verbs[i]);
        printf("\n    %s\n", verbs[i].help);
    }
    return CLI_DONE;
}

/* ---- Arguments ------------------------------------------------------------------------ */

static enum cli_status wrong(const struct verb *v, const char *what, const char *which)
{
    fprintf(stderr, "dialgate: %s%s; usage: ", what, which);
    if (v)
        print_usage(stderr, v);
    else
        fputs("dialgate VERB, where `dialgate help` lists the verbs", stderr);
    fputc('\n', stderr);
    return CLI_USAGE;
}

static const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (str_eq(verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

/* The verb as its table has it, of `*words` arguments. */
static void verb_name(int argc, char **argv, char *name, size_t size, int *words)
{
    const char *first = argc ? argv[0] : "--config";
    *words = 1;
    if (str_starts(first, "--config")) {
        snprintf(name, size, "serve");
        *words = 0;
    } else if ((str_eq(first, "user") || str_eq(first, "token")) && argc > 1 && argv[1][0] != '-') {
        snprintf(name, size, "%s %s", first, argv[1]);
        *words = 2;
    } else if (str_eq(first, "--help") || str_eq(first, "-h")) {
        snprintf(name, size, "help");
    } else if (str_eq(first, "--version")) {
        snprintf(name, size, "version");
    } else {
        snprintf(name, size, "%s", first);
    }
}

struct option {
    const char *name;
    enum takes takes;
    const char **value;
};

/* The option's value, behind "=" or as the next argument; NULL: this is not the option, or it has
 * none. */
static const char *option_value(const struct option *o, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];
    const size_t len = strlen(o->name);
    if (strncmp(arg, o->name, len) != 0)
        return NULL;
    if (arg[len] == '=')
        return arg + len + 1;
    return arg[len] == '\0' && *i + 1 < argc ? argv[++*i] : NULL;
}

/* There may be several. false: it is no UTF-8. */
static bool add_permission(struct cli_args *args, const char *permission)
{
    if (!args->permissions)
        args->permissions = json_array();
    return json_array_append_new(args->permissions, json_string(permission)) == 0;
}

static bool take_switch(const struct verb *v, struct cli_args *args, const char *arg)
{
    const struct {
        const char *name;
        enum takes takes;
        bool *value;
    } switches[] = {
        {"--dnc", TAKES_FILE, &args->dnc},
        {"--json", TAKES_JSON, &args->json},
        {"--progress", TAKES_PROGRESS, &args->progress},
        {"--skip-duplicates", TAKES_FILE, &args->skip_duplicates},
    };
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if ((v->takes & switches[i].takes) && str_eq(arg, switches[i].name)) {
            *switches[i].value = true;
            return true;
        }
    }
    return false;
}

static bool take_option(const struct verb *v, struct cli_args *args, int argc, char **argv, int *i)
{
    const char *permission = NULL;
    const struct option options[] = {
        {"--campaign", TAKES_CAMPAIGN, &args->campaign},
        {"--config", TAKES_CONFIG, &args->config_file},
        {"--email", TAKES_ROLE, &args->email},
        {"--expires", TAKES_TOKEN, &args->expires},
        {"--format", TAKES_FILE, &args->format},
        {"--name", TAKES_TOKEN, &args->token_name},
        {"--permission", TAKES_TOKEN, &permission},
        {"--phone-column", TAKES_FILE, &args->phone_column},
        {"--priority-column", TAKES_FILE, &args->priority_column},
        {"--role", TAKES_ROLE, &args->role},
        {"--timezone-column", TAKES_FILE, &args->timezone_column},
        {"--user", TAKES_USER, &args->user},
    };
    if (take_switch(v, args, argv[*i]))
        return true;
    for (size_t n = 0; n < sizeof options / sizeof *options; n++) {
        const char *value =
            v->takes & options[n].takes ? option_value(&options[n], argc, argv, i) : NULL;
        if (value) {
            *options[n].value = value;
            return !permission || add_permission(args, permission);
        }
    }
    return false;
}

static enum cli_status read_args(const struct verb *v, struct cli_args *args, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        bool standard_input = (v->takes & TAKES_FILE) && str_eq(arg, "-");
        if (arg[0] == '-' && !standard_input && !take_option(v, args, argc, argv, &i))
            return wrong(v, "not understood: ", arg);
        if ((arg[0] != '-' || standard_input) &&
            (args->name || !(v->takes & (TAKES_NAME | TAKES_ID | TAKES_FILE))))
            return wrong(v, "one argument too many: ", arg);
        if (arg[0] != '-' || standard_input)
            args->name = arg;
    }
    if ((v->takes & TAKES_NAME) && !args->name)
        return wrong(v, "the user's name is missing", "");
    if ((v->takes & TAKES_ID) && !args->name)
        return wrong(v, "the token's number is missing", "");
    if ((v->takes & TAKES_FILE) && !args->campaign == !args->dnc)
        return wrong(v, "either --campaign or --dnc", "");
    if ((v->takes & TAKES_TOKEN) && !args->user)
        return wrong(v, "--user is missing", "");
    return CLI_DONE;
}

int cli_main(int argc, char **argv)
{
    char name[64];
    int words;
    argc--; /* the program's own name */
    argv++;
    verb_name(argc, argv, name, sizeof name, &words);
    const struct verb *v = verb_find(name);
    if (!v)
        return wrong(NULL, "there is no verb ", name);
    struct cli_args args = {.verb = v->name};
    enum cli_status status = read_args(v, &args, argc - words, argv + words);
    if (status == CLI_DONE)
        status = v->run(&args);
    json_decref(args.permissions);
    return (int)status;
}
