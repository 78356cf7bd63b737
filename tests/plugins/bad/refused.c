/* refused.c - plugins that do not fit, one per definition of BAD_*. Each must be
 * refused with a sentence; the one without a definition is fine. */
#ifdef BAD_NEWER_MINOR
#define DG_NEEDS_MINOR 9999
#endif
#include "dialgate/auth.h"
#include "dialgate/backend.h"
#include "dialgate/storage.h"

#if defined(BAD_NO_ENTRY)
DG_EXPORT int some_symbol = 1;
#elif defined(BAD_NULL_DESCRIPTOR)
DG_ENTRY const struct dg_plugin *dg_plugin_entry(void);
const struct dg_plugin *dg_plugin_entry(void)
{
    return NULL;
}
#else

static enum dg_err plugin_open(const struct dg_host *h, void **self)
{
    *self = (void *)h;
    h->link(h, DG_LINK_UP, NULL);
    return DG_OK;
}

static void plugin_close(void *self, struct dg_op *op)
{
    const struct dg_host *h = self;
    h->done(op);
}

#ifdef BAD_UNRESOLVED
extern int nobody_defines_this(void);
#define ANSWER nobody_defines_this()
#else
#define ANSWER 0
#endif

static void originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    const struct dg_host *h = self;
    (void)req;
    if (ANSWER == 0)
        h->done(op);
}

static void hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    const struct dg_host *h = self;
    (void)req;
    h->done(op);
}

static void calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    const struct dg_host *h = self;
    (void)req;
    h->done(op);
}

static const struct dg_backend backend = {
#ifdef BAD_SHORT_TABLE
    .size = offsetof(struct dg_backend, calls),
#else
    DG_SIZED(struct dg_backend),
#endif
    .originate = originate,
#ifndef BAD_NO_HANGUP
    .hangup = hangup,
#endif
    .calls = calls,
};

#ifdef BAD_NO_HANGUP
void *const keep_hangup = (void *)hangup;
#endif

#ifdef BAD_NO_TAKE
static const struct dg_storage storage = {DG_SIZED(struct dg_storage)};
#endif
#ifdef BAD_NO_CHECK
static const struct dg_auth auth = {DG_SIZED(struct dg_auth)};
#endif

DG_ENTRY const struct dg_plugin *dg_plugin_entry(void);
const struct dg_plugin *dg_plugin_entry(void)
{
    static const struct dg_plugin plugin = {
#ifdef BAD_SHORT_DESCRIPTOR
        .size = 24,
#else
        .size = sizeof(struct dg_plugin),
#endif
#ifdef BAD_OTHER_MAJOR
        .abi_major = DG_ABI_MAJOR + 1,
#else
        .abi_major = DG_ABI_MAJOR,
#endif
        .abi_minor = DG_ABI_MINOR,
        .needs_minor = DG_NEEDS_MINOR,
#if defined(BAD_NAME)
        .name = "Bad Name",
#elif defined(BAD_NO_NAME)
        .name = NULL,
#else
        .name = PLUGIN_NAME,
#endif
        .version = "1",
        .summary = "for tests",
#ifndef BAD_NO_TABLE
        .backend = &backend,
#endif
#ifdef BAD_NO_TAKE
        .storage = &storage,
#endif
#ifdef BAD_NO_CHECK
        .auth = &auth,
#endif
#ifndef BAD_NO_OPEN
        .open = plugin_open,
#endif
#ifndef BAD_NO_CLOSE
        .close = plugin_close,
#endif
    };
    return &plugin;
}

#ifdef BAD_NO_TABLE
const void *const keep_backend = &backend;
#endif
#ifdef BAD_NO_OPEN
void *const keep_open = (void *)plugin_open;
#endif
#ifdef BAD_NO_CLOSE
void *const keep_close = (void *)plugin_close;
#endif
#endif
