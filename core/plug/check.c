/* check.c - does a descriptor fit? Every refusal says what was expected, what
 * was found, and what to do. */
#include <string.h>

#include "base/str.h"
#include "plug/parts.h"

#define NAME_MAX_LEN 40

/* Where version 1.0 of the descriptor ends. */
#define DESCRIPTOR_LEAST                                                                           \
    (offsetof(struct dg_plugin, close) + sizeof(((struct dg_plugin *)0)->close))

/* A table can be judged only as far as it goes. */
#define HAS(table, type, member)                                                                   \
    ((table)->size >= offsetof(struct type, member) + sizeof((table)->member) && (table)->member)

bool plugin_name_ok(const char *name)
{
    return !str_empty(name) && strlen(name) <= NAME_MAX_LEN &&
           str_only(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") && name[0] != '-';
}

static const char *missing_backend(const struct dg_backend *t)
{
    if (!HAS(t, dg_backend, originate))
        return "originate";
    if (!HAS(t, dg_backend, hangup))
        return "hangup";
    return HAS(t, dg_backend, calls) ? NULL : "calls";
}

static const char *missing_storage(const struct dg_storage *t)
{
    if (!HAS(t, dg_storage, declare))
        return "declare";
    if (!HAS(t, dg_storage, get))
        return "get";
    if (!HAS(t, dg_storage, query))
        return "query";
    if (!HAS(t, dg_storage, write))
        return "write";
    if (!HAS(t, dg_storage, change))
        return "change";
    if (!HAS(t, dg_storage, take))
        return "take";
    return HAS(t, dg_storage, tally) ? NULL : "tally";
}

static bool check_tables(const struct dg_plugin *d, const char *where, struct problem *problem)
{
    const char *table = NULL, *missing = NULL;
    if (!d->backend && !d->storage && !d->auth)
        return problem_set(problem, DG_EINVAL,
                           "%s: the plugin %s offers nothing; expected at least one of backend, "
                           "storage and auth in its descriptor; set it in DG_PLUGIN",
                           where, d->name) == DG_OK;
    if (d->backend && (missing = missing_backend(d->backend)))
        table = "backend";
    else if (d->storage && (missing = missing_storage(d->storage)))
        table = "storage";
    else if (d->auth && !HAS(d->auth, dg_auth, check) && (missing = "check"))
        table = "auth";
    if (missing)
        problem_set(problem, DG_EINVAL,
                    "%s: the %s table of the plugin %s has no %s, which every %s must have; "
                    "set it, and begin the table with DG_SIZED",
                    where, table, d->name, missing, table);
    return !missing;
}

static bool check_abi(const struct dg_plugin *d, const char *where, struct problem *problem)
{
    if (d->abi_major != DG_ABI_MAJOR)
        return problem_set(problem, DG_EINVAL,
                           "%s: the plugin was built for version %u of the plugin interface, "
                           "this gateway has version %d.%d; build it with this gateway's headers",
                           where, d->abi_major, DG_ABI_MAJOR, DG_ABI_MINOR) == DG_OK;
    if (d->size < DESCRIPTOR_LEAST)
        return problem_set(problem, DG_EINVAL,
                           "%s: the plugin's descriptor has %u bytes, at least %zu were expected; "
                           "declare it with DG_PLUGIN",
                           where, d->size, DESCRIPTOR_LEAST) == DG_OK;
    if (d->needs_minor > DG_ABI_MINOR)
        return problem_set(problem, DG_EINVAL,
                           "%s: the plugin needs version %u.%u of the plugin interface, this "
                           "gateway has %d.%d; use a newer gateway, or build the plugin with "
                           "DG_NEEDS_MINOR %d",
                           where, d->abi_major, d->needs_minor, DG_ABI_MAJOR, DG_ABI_MINOR,
                           DG_ABI_MINOR) == DG_OK;
    return true;
}

bool descriptor_check(const struct dg_plugin *d, const char *where, struct problem *problem)
{
    if (!check_abi(d, where, problem))
        return false;
    if (!plugin_name_ok(d->name))
        return problem_set(problem, DG_EINVAL,
                           "%s: the plugin's name is \"%.60s\"; expected 1 to %d of a-z, 0-9, "
                           "\"-\" and \"_\"",
                           where, d->name ? d->name : "", NAME_MAX_LEN) == DG_OK;
    if (!d->open || !d->close)
        return problem_set(problem, DG_EINVAL,
                           "%s: the plugin %s has no %s function; set it in DG_PLUGIN", where,
                           d->name, d->open ? "close" : "open") == DG_OK;
    return check_tables(d, where, problem);
}
