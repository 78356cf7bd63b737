/* storage_place.h - what the tests of storage-file's faults share: a file in a
 * folder of its own, and the rig that opens it. The state of every test is the place. */
#ifndef TESTS_STORAGE_PLACE_H
#define TESTS_STORAGE_PLACE_H

#include <sys/types.h>

#include "storage_suite.h"

#define MIB (1u << 20)

struct place {
    struct rig *r;
    char folder[64], toml[96], db[96];
    bool mounted;
    char why[512]; /* of the last place_open that failed */
};

/* Set-up and tear-down of every test. */
int place_make(void **state);
int place_remove(void **state);
#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
/* The plugin is the program's one argument; then its tests are run. */
#define PLACE_MAIN(argc, argv, tests)                                                              \
    (place_plugin((argc), (argv)) ? cmocka_run_group_tests((tests), NULL, NULL) : 2)
bool place_plugin(int argc, char **argv);

void place_config(struct place *p, const char *path, const char *more);
struct rig *place_rig(struct place *p); /* one more, not yet opened */
/* Opens the rig and declares; false: `why` says it. */
bool place_open(struct place *p);
void place_end(struct place *p);

void assert_says(const char *text, const char *part);
bool place_whole(const char *db);                  /* as SQLite judges it */
off_t place_size(const char *db, const char *end); /* of x.db, or of "x.db" with "-wal"; -1: none */
void place_sql(const char *db, const char *text);
char *place_document(size_t size); /* of so many bytes */

#endif
