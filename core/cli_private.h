/* cli_private.h - what the files of the command line share. */
#ifndef CLI_PRIVATE_H
#define CLI_PRIVATE_H

#include <jansson.h>

#include "config.h"
#include "offline.h"

enum cli_status { CLI_DONE = 0, CLI_REFUSED = 1, CLI_USAGE = 2 };

/* The arguments behind the verb, sorted out. */
struct cli_args {
    const char *verb;        /* "user add" */
    const char *config_file; /* NULL: the usual places */
    const char *name;        /* the one argument without dashes */
    const char *role, *email;
    const char *user, *token_name, *expires;
    json_t *permissions; /* NULL: none */
    const char *campaign, *format;
    const char *phone_column, *priority_column, *timezone_column;
    bool json, progress, dnc, skip_duplicates;
};

/* Says the sentence; CLI_REFUSED. */
enum cli_status cli_refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A gateway to talk to: the running one, or the store opened without one. */
struct session {
    struct config *config;
    struct offline *offline;
    int fd;
};

/* false: said why. `only_running`: without a running gateway it makes no sense. */
bool session_open(struct session *s, const struct cli_args *args, bool only_running);
void session_close(struct session *s);

/* One line of standard input; at a terminal it is asked for, and not shown. */
#define CLI_SECRET_MAX 1024
bool cli_read_secret(const char *prompt, char out[CLI_SECRET_MAX]);
void cli_set_text(json_t *request, const char *key, const char *text); /* NULL: not set */

enum cli_status cli_token(const struct cli_args *args);
enum cli_status cli_user(const struct cli_args *args);
enum cli_status cli_reload(const struct cli_args *args);
enum cli_status cli_check_counts(const struct cli_args *args);
enum cli_status cli_import_numbers(const struct cli_args *args);
enum cli_status cli_export(const struct cli_args *args);
enum cli_status cli_import(const struct cli_args *args);

#endif
