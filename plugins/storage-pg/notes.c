/* notes.c - hints from gateway to gateway, by NOTIFY: the sender's name, the
 * topic and the text, each on a line. */
#include <string.h>

#include "pg.h"

#define NOTE_MOST 7900 /* the server takes 8000 bytes */

bool note_fits(const struct pg *p, const struct dg_note *note)
{
    return strlen(p->name) + strlen(note->topic) + strlen(note->text) + 2 <= NOTE_MOST &&
           !strchr(note->topic, '\n');
}

void note_make(struct pg *p, struct job *j)
{
    struct text text = {0};
    text_addf(&text, "%s\n%s\n%s", p->name, j->ask.note.topic, j->ask.note.text);
    sql_reset(&p->sql);
    text_add(&p->sql.text, "SELECT pg_notify('" NOTE_CHANNEL "',$1)");
    sql_text(&p->sql, pool_dup(&j->pool, text.ptr, text.len), text.len);
    text_free(&text);
}

void note_came(struct pg *p, const PGnotify *note)
{
    const char *topic = strchr(note->extra, '\n');
    const char *text = topic ? strchr(topic + 1, '\n') : NULL;
    size_t sender = topic ? (size_t)(topic - note->extra) : 0;
    if (!text || (sender == strlen(p->name) && strncmp(note->extra, p->name, sender) == 0))
        return; /* not one of ours, or our own */
    struct pool pool = {0};
    const struct dg_note out = {.topic = pool_dup(&pool, topic + 1, (size_t)(text - topic - 1)),
                                .text = text + 1};
    p->host->noted(p->host, &out);
    pool_free(&pool);
}
