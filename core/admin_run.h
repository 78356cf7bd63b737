/* admin_run.h - one request at the control socket, as the files of its verbs see it. */
#ifndef ADMIN_RUN_H
#define ADMIN_RUN_H

#include "admin_verbs.h"
#include "base/json.h"

struct admin_verb;

struct admin_run {
    const struct admin_config *config; /* NULL: cancelled; then only admin_run_end is left */
    const struct admin_verb *verb;
    json_t *request;
    const char *username, *password; /* in the request */
    struct user_change set;
    unsigned bcrypt_cost;
    char hash[128];
    bool adds;
    void *own;   /* of token.c's verbs, freed with it */
    bool *ended; /* set when it ends; NULL: nobody looks */
    admin_reply_fn *fn;
    void *arg;
};

/* Each ends the run, once. */
void admin_run_end(struct admin_run *run, const struct buf *reply);
void admin_run_refuse(struct admin_run *run, const char *why);
void admin_run_refuse_field(struct admin_run *run, const char *field, const char *why);

/* What was done, for the log. */
const char *admin_run_verb(const struct admin_run *run);

/* admin_numbers.c */
void admin_counts_check(struct admin_run *run);

/* admin_tokens.c */
void admin_token_create(struct admin_run *run);
void admin_token_import(struct admin_run *run);
void admin_token_list(struct admin_run *run);
void admin_token_revoke(struct admin_run *run);

#endif
