/* commands.h - what one gateway asks of another on the same store, and its
 * answer. [control thread]
 *
 * A command is a document that names the gateway it is for and when it
 * expires, by the store's clock. That gateway takes it, carries it out and
 * writes the answer into it; notes say when to look, and both look now and
 * then as well. It is taken once, and so carried out at most once: what was
 * not taken in time is withdrawn, and is certain not to happen; of what was
 * taken and not answered nobody can say how it went (DG_ETIMEOUT).
 */
#ifndef DOMAIN_COMMANDS_H
#define DOMAIN_COMMANDS_H

#include <jansson.h>

#include "domain/nodes.h"

struct commands;
struct command; /* one that is being carried out here */

/* `what` is lent. To be answered once, by command_answer, now or later. */
typedef void command_fn(void *arg, const json_t *what, struct command *command);

struct commands_config {
    struct loop *loop;
    struct store *store;
    struct notes *notes;
    struct nodes *nodes;
    struct metrics *metrics; /* NULL: none */
    command_fn *run;         /* for this gateway */
    void *arg;
};

#define COMMANDS_MAX 1000 /* under way at once, asked of others; likewise carried out here */

struct commands *commands_new(const struct commands_config *config);
/* Those asked are answered DG_EUNAVAILABLE, those carried out are not answered any more. */
void commands_free(struct commands *cm);

struct command_result {
    enum dg_err err;     /* DG_EUNAVAILABLE: it does not happen; DG_ETIMEOUT: nobody knows */
    const char *message; /* NULL when err is DG_OK */
    const json_t *answer;
};
typedef void command_result_fn(void *arg, const struct command_result *result);

/* Takes `what` over, an object. */
void commands_ask(struct commands *cm, const char *node, json_t *what, command_result_fn *fn,
                  void *arg);
/* Takes `answer` over, an object; the command is gone. */
void command_answer(struct command *command, json_t *answer);

#endif
