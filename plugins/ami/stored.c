/* stored.c - recordings that are over. The manager interface does not give them out: they are
 * read in Asterisk's folder, where this gateway shares it.
 */
#include "ami.h"

#define NO_FOLDER                                                                                  \
    "AMI does not give recordings out: say in `recordings` of the backend's table where this "     \
    "gateway finds Asterisk's folder \"monitor\""

void stored_lacks(struct ami *a)
{
    static const char *const functions[] = {"recordings", "recording_find", "recording_read",
                                            "recording_delete"};
    for (size_t i = 0; !a->folder && i < sizeof functions / sizeof *functions; i++)
        a->h->lacks(a->h, functions[i], NO_FOLDER);
}

static bool has_folder(struct ami *a, struct dg_op *op)
{
    if (!a->folder)
        a->h->fail(op, DG_EUNSUPPORTED, NO_FOLDER);
    return a->folder != NULL;
}

void ami_recordings(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct ami *a = self;
    if (has_folder(a, op))
        folder_list(a->folder, req, op);
}

void ami_recording_find(void *self, const struct dg_stop *req, struct dg_op *op)
{
    struct ami *a = self;
    if (has_folder(a, op))
        folder_find(a->folder, req, op);
}

void ami_recording_read(void *self, const struct dg_recording_read *req, struct dg_op *op)
{
    struct ami *a = self;
    if (has_folder(a, op))
        folder_read(a->folder, req, op);
}

void ami_recording_delete(void *self, const struct dg_stop *req, struct dg_op *op)
{
    struct ami *a = self;
    if (has_folder(a, op))
        folder_delete(a->folder, req, op);
}
