/* work.h - requests carried out on a connection. */
#ifndef STORAGE_FILE_WORK_H
#define STORAGE_FILE_WORK_H

#include "db.h"
#include "store/job.h"

/* get, query, tally: fills the job's answer. */
void work_read(struct db *db, const struct schema *schema, struct job *j);
/* write, change, take, within a transaction. When it ends with a fault, none
 * of its own changes are left; the transaction may be gone altogether
 * (db_in_transaction). */
void work_write(struct db *db, const struct schema *schema, struct job *j, int64_t now_ms);
/* Whether one of the puts that `j` stands for, or could have, would have failed:
 * then each is to be carried out by itself (job_split). */
bool work_must_split(const struct schema *schema, struct job *j);

#endif
