/* snapshot.h - a channel in the lines of a message as struct dg_call. */
#ifndef AMI_SNAPSHOT_H
#define AMI_SNAPSHOT_H

#include "asterisk/life.h"
#include "message.h"

struct snapshot {
    struct dg_call call; /* texts are lent by the message and this struct */
    char endpoint[256], callee[DG_ID_MAX + 1], caller_name[256];
};

/* `prefix` stands before the names of the lines: "", "Dest", "Parkee". The channel is read as the
 * message shows it, without what is kept in its leg (life_complete). */
void snapshot_read(struct snapshot *s, const struct message *m, const char *prefix);
/* One line of it. */
const char *snapshot_text(const struct message *m, const char *prefix, const char *name);

#endif
