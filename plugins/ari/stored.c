/* stored.c - recordings that are over: in the folder that this gateway shares with Asterisk, or,
 * where it shares none, as ARI gives them out.
 */
#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/text.h"
#include "snapshot.h"

static void on_list(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    char *text = arg;
    size_t i;
    json_t *one;
    if (r->err) {
        rest_fail(a, op, r);
        free(text);
        return;
    }
    json_array_foreach((json_t *)r->json, i, one)
    {
        struct dg_recording recording = {DG_SIZED(struct dg_recording),
                                         .id = json_text(one, "name"),
                                         .format = json_text(one, "format")};
        if (recording.id && (!text || strstr(recording.id, text)))
            a->h->item(op, &recording);
    }
    a->h->done(op);
    free(text);
}

void ari_recordings(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct ari *a = self;
    if (a->folder)
        folder_list(a->folder, req, op);
    else
        rest_send(a, op,
                  &(struct rest_call){.path = {"recordings", "stored"},
                                      .max_body = 64u << 20,
                                      .then = on_list,
                                      .arg = text_copy(req->text)});
}

static void on_one(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    char *id = arg;
    if (r->err)
        rest_fail(a, op, r);
    else
        spool_find(a, op,
                   &(struct dg_recording){DG_SIZED(struct dg_recording), .id = id,
                                          .format = json_text(r->json, "format")});
    free(id);
}

/* ARI does not say how large it is: it is fetched, and what is read next is read from there. */
void ari_recording_find(void *self, const struct dg_stop *req, struct dg_op *op)
{
    struct ari *a = self;
    if (a->folder)
        folder_find(a->folder, req, op);
    else if (!req->id || !text_is_recording(req->id))
        a->h->fail(op, DG_EINVAL, "a recording's name is letters, digits and - . _ + @ = /");
    else
        rest_send(a, op,
                  &(struct rest_call){.path = {"recordings", "stored", req->id},
                                      .then = on_one,
                                      .arg = text_copy(req->id)});
}

void ari_recording_read(void *self, const struct dg_recording_read *req, struct dg_op *op)
{
    struct ari *a = self;
    if (a->folder)
        folder_read(a->folder, req, op);
    else if (!req->id || !text_is_recording(req->id))
        a->h->fail(op, DG_EINVAL, "a recording's name is letters, digits and - . _ + @ = /");
    else
        spool_read(a, op, req);
}

void ari_recording_delete(void *self, const struct dg_stop *req, struct dg_op *op)
{
    struct ari *a = self;
    if (a->folder) {
        folder_delete(a->folder, req, op);
        return;
    }
    spool_forget(a, req->id);
    rest_send(a, op,
              &(struct rest_call){.method = "DELETE", .path = {"recordings", "stored", req->id}});
}
