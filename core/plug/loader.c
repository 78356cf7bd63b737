/* loader.c - plugin files: found by name in the folders, loaded once, checked. */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "plug/parts.h"

#define ENTRY "dg_plugin_entry"

typedef const struct dg_plugin *entry_fn(void);

/* ---- One file -------------------------------------------------------------- */

static const struct dg_plugin *ask_entry(void *handle, const char *path, struct problem *problem)
{
    /* POSIX promises that a function pointer survives this. */
    entry_fn *entry = NULL;
    *(void **)&entry = dlsym(handle, ENTRY);
    if (!entry) {
        problem_set(problem, DG_EINVAL,
                    "%s: the file has no symbol %s, which every plugin exports; declare the plugin "
                    "with DG_PLUGIN",
                    path, ENTRY);
        return NULL;
    }
    const struct dg_plugin *d = entry();
    if (!d)
        problem_set(problem, DG_EINVAL,
                    "%s: %s gave NULL, a descriptor was expected; declare the plugin with "
                    "DG_PLUGIN",
                    path, ENTRY);
    return d;
}

static bool check_file(const struct dg_plugin *d, const char *name, const char *path,
                       struct problem *problem)
{
    if (!descriptor_check(d, path, problem))
        return false;
    if (strcmp(d->name, name) == 0)
        return true;
    problem_set(problem, DG_EINVAL,
                "%s: the plugin in this file calls itself \"%s\", \"%s\" was expected; rename the "
                "file to %s.so",
                path, d->name, name, d->name);
    return false;
}

static struct plugin_file *file_open(const char *name, const char *path, struct problem *problem)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        problem_set(problem, DG_EINVAL,
                    "%s: cannot be loaded: %s; expected a shared object for this machine with all "
                    "its libraries",
                    path, dlerror());
        return NULL;
    }
    const struct dg_plugin *d = ask_entry(handle, path, problem);
    if (!d || !check_file(d, name, path, problem)) {
        /* So that a corrected file can be loaded later. */
        dlclose(handle);
        return NULL;
    }
    struct plugin_file *file = xcalloc(1, sizeof(*file));
    memcpy(&file->plugin, d, d->size < sizeof(*d) ? d->size : sizeof(*d));
    file->handle = handle;
    file->path = xstrdup(path);
    return file;
}

/* ---- The folders ------------------------------------------------------------ */

static char *find_path(const struct plug *p, const char *name)
{
    for (char **folder = p->folders; *folder; folder++) {
        char *path = xasprintf("%s/%s.so", *folder, name);
        if (access(path, F_OK) == 0)
            return path;
        free(path);
    }
    return NULL;
}

static void not_found(const struct plug *p, const char *name, struct problem *problem)
{
    struct buf folders;
    buf_init(&folders, 400);
    for (char **folder = p->folders; *folder; folder++)
        buf_addf(&folders, "%s%s", folder == p->folders ? "" : ", ", *folder);
    problem_set(problem, DG_ENOTFOUND,
                "no file %s.so in %s; put the plugin there, or name its folder in [plugins] path",
                name, folders.len ? buf_cstr(&folders) : "any folder");
    buf_free(&folders);
}

const struct dg_plugin *plug_load(struct plug *p, const char *name, struct problem *problem)
{
    struct plugin_file *file = map_get(p->files, name);
    if (file)
        return &file->plugin;
    if (!plugin_name_ok(name)) {
        problem_set(problem, DG_EINVAL,
                    "\"%.60s\" is no plugin's name; expected a-z, 0-9, \"-\" and \"_\", without "
                    "a folder and without .so",
                    name);
        return NULL;
    }
    char *path = find_path(p, name);
    if (!path) {
        not_found(p, name, problem);
        return NULL;
    }
    file = file_open(name, path, problem);
    free(path);
    if (!file)
        return NULL;
    map_set(p->files, name, file);
    log_debug("plug", "loaded", LOG_S("plugin", name), LOG_S("version", file->plugin.version),
              LOG_S("file", file->path));
    return &file->plugin;
}

bool plug_accept(const struct dg_plugin *d, const char *where, struct problem *problem)
{
    return descriptor_check(d, where, problem);
}

/* ---- Listing ---------------------------------------------------------------- */

static int is_so(const struct dirent *e)
{
    size_t len = strlen(e->d_name);
    return len > 3 && str_ends(e->d_name, ".so");
}

static void list_one(struct plug *p, const char *folder, const char *file, plug_list_fn *fn,
                     void *arg)
{
    struct problem problem;
    char *name = xstrndup(file, strlen(file) - 3);
    char *path = xasprintf("%s/%s", folder, file);
    char *first = plugin_name_ok(name) ? find_path(p, name) : NULL;
    if (first && strcmp(first, path) != 0) {
        char *why = xasprintf("%s: hidden by %s", path, first);
        fn(arg, path, NULL, why);
        free(why);
    } else {
        const struct dg_plugin *d = plug_load(p, name, &problem);
        fn(arg, path, d, d ? NULL : problem.text);
    }
    free(first);
    free(path);
    free(name);
}

void plug_list(struct plug *p, plug_list_fn *fn, void *arg)
{
    for (char **folder = p->folders; *folder; folder++) {
        struct dirent **entries = NULL;
        int n = scandir(*folder, &entries, is_so, alphasort);
        for (int i = 0; i < n; i++) {
            list_one(p, *folder, entries[i]->d_name, fn, arg);
            free(entries[i]);
        }
        free(entries);
    }
}
