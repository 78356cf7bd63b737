/* folder.h - recordings as the files of one folder, which Asterisk writes and
 * this gateway shares.
 *
 * A recording is named like its file without the ending. Names are letters,
 * digits and -._+@=, so that none leads out of the folder; links and what is
 * no regular file are not there. All that touches the disk runs on workers.
 */
#ifndef ASTERISK_FOLDER_H
#define ASTERISK_FOLDER_H

#include "dialgate/backend.h"

#define FOLDER_LIST_MAX 100000

struct folder;

/* `path` is copied. */
struct folder *folder_new(const struct dg_host *h, const char *path);
/* Frees it and calls `closed` when nothing is under way any more. NULL: at once. */
void folder_close(struct folder *f, dg_fn *closed, void *arg);

/* As the functions of struct dg_backend; of more than FOLDER_LIST_MAX files the rest is left out,
 * and the log says so. */
void folder_list(struct folder *f, const struct dg_filter *req, struct dg_op *op);
void folder_find(struct folder *f, const struct dg_stop *req, struct dg_op *op);
void folder_read(struct folder *f, const struct dg_recording_read *req, struct dg_op *op);
/* In all formats that there are of it. */
void folder_delete(struct folder *f, const struct dg_stop *req, struct dg_op *op);

/* What a recording may be called. */
bool folder_name_ok(const char *id);
/* As Asterisk writes this format, "wav"; 0: not known. */
uint64_t folder_duration_ms(const char *format, uint64_t bytes);

#endif
