/* khash.h - stands in for a header that H2O's internal one wants and Debian does not ship.
 *
 * The structures there hold no more than a pointer to such a table; the one
 * function that looks into it is not for us to call.
 */
#ifndef HTTP_H2O_INTERNAL_KHASH_H
#define HTTP_H2O_INTERNAL_KHASH_H

#include <stdlib.h>

typedef size_t khiter_t;
#define khash_t(name)                     struct name##_table
#define KHASH_MAP_INIT_INT64(name, value) khash_t(name);
#define kh_get(name, table, key)          (abort(), (void)(table), (khiter_t)(key))
#define kh_end(table)                     ((void)(table), (khiter_t)0)
#define kh_val(table, at)                 ((void)(table), (void)(at), NULL)

#endif
