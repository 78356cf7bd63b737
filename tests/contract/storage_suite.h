/* storage_suite.h - what the files of the storage contract share: the
 * collections, and checks on answers. The state of every test is the rig. */
#ifndef TESTS_STORAGE_SUITE_H
#define TESTS_STORAGE_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "storage_rig.h"

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

/* things:   text ids; name TEXT, kind TEXT, size INT, open BOOL, at TIME
 * numbered: serial; label TEXT unique, state TEXT, due TIME, tries INT
 * counted:  serial; no fields
 * pairs:    text ids; a TEXT, b INT, unique together
 * growing:  text ids; colour TEXT, and more later */
void suite_collections(struct rig *r, struct dg_collection out[5]);
#define SUITE_COLLECTIONS 5
void suite_declare(struct rig *r);

#define THINGS   rig_name(r, "things")
#define NUMBERED rig_name(r, "numbered")
#define COUNTED  rig_name(r, "counted")
#define PAIRS    rig_name(r, "pairs")
#define GROWING  rig_name(r, "growing")

#define assert_ok(...)  suite_ok(__FILE__, __LINE__, __VA_ARGS__)
#define assert_err(...) suite_err(__FILE__, __LINE__, __VA_ARGS__)
void suite_ok(const char *file, int line, const struct answer *a);
/* Refused so, with a sentence. */
void suite_err(const char *file, int line, const struct answer *a, enum dg_err expected);

struct dg_write suite_write(const char *collection, const char *id, const char *json,
                            uint64_t expect);
/* Writes one document; `json` NULL deletes. */
struct answer *suite_put(struct rig *r, const char *collection, const char *id, const char *json,
                         uint64_t expect);
void suite_clear(struct rig *r, const char *collection);
/* The ids of an answer's documents, "a,b,c"; valid until the next call. */
const char *suite_ids(const struct answer *a);
/* How many documents there are. */
uint64_t suite_count(struct rig *r, const char *collection);
/* Fails unless the document is there with this version and this content. */
void suite_check(struct rig *r, const char *collection, const char *id, uint64_t version,
                 const char *json);
bool suite_same_json(struct dg_bytes a, const char *b);
int64_t suite_member(const struct dg_doc *doc, const char *key); /* an integer; -1: none */

int suite_forget(void **state); /* teardown of every test */

/* The groups; each returns the number of failed tests. */
int storage_documents(struct rig *r);
int storage_writes(struct rig *r);
int storage_queries(struct rig *r);
int storage_changes(struct rig *r);
int storage_schema(struct rig *r);

/* Killing: the child that writes, and the parent that kills and checks. */
int storage_crash_child(struct rig *r, const char *run);
void storage_crash(struct rig *r, char **argv, unsigned kills); /* within a test */

/* So many gateways on one store take from one collection; within a test. */
void storage_takers(struct rig *r, const struct rig_config *config, unsigned count);

/* Measuring: calls created, updated and recorded, as many as go in a time. */
int storage_bench(struct rig *r, unsigned seconds, unsigned callers);

#define SUITE_TEST(name) cmocka_unit_test_prestate_setup_teardown(name, NULL, suite_forget, r)

#endif
