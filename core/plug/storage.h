/* storage.h - the store as the core sees it; see plug/backend.h for what a wrapper does. */
#ifndef PLUG_STORAGE_H
#define PLUG_STORAGE_H

#include "plug/plug.h"

void storage_declare(struct instance *in, const struct dg_collection *list, size_t count, op_fn *fn,
                     void *arg);
void storage_get(struct instance *in, const struct dg_key *key, op_fn *fn,
                 void *arg); /* 1 dg_doc */
void storage_query(struct instance *in, const struct dg_query *query, op_fn *fn,
                   void *arg); /* dg_doc */
void storage_write(struct instance *in, const struct dg_write *list, size_t count, op_fn *fn,
                   void *arg); /* const char */
void storage_change(struct instance *in, const struct dg_change *req, op_fn *fn,
                    void *arg); /* uint64_t */
void storage_take(struct instance *in, const struct dg_take *req, op_fn *fn,
                  void *arg); /* dg_doc */
void storage_tally(struct instance *in, const struct dg_tally *req, op_fn *fn,
                   void *arg); /* dg_tally_row */
void storage_notify(struct instance *in, const struct dg_note *note, op_fn *fn, void *arg);

/* Whether it passes notes on, to whom shares it: see dg_storage.notify. */
bool storage_passes_notes(const struct instance *in);

#endif
