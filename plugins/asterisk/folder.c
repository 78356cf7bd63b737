/* folder.c - see folder.h. One job for each request, from the loop to a worker and back. */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

#define NAME_LEN_MAX 200
#define FILE_LEN_MAX (NAME_LEN_MAX + 8)
#define PIECE_MAX    (4u << 20)

/* The endings of Asterisk's formats, in the order in which they are looked for, and what a
 * millisecond takes: `bytes` in `ms` behind a header of `head`. */
static const struct {
    const char *ending;
    uint32_t head, bytes, ms;
} formats[] = {
    {"wav", 44, 16, 1},  {"WAV", 60, 65, 40}, {"wav16", 44, 32, 1}, {"gsm", 0, 33, 20},
    {"ulaw", 0, 8, 1},   {"alaw", 0, 8, 1},   {"sln", 0, 16, 1},    {"sln16", 0, 32, 1},
    {"g722", 0, 8, 1},   {"sln48", 0, 96, 1}, {"ogg", 0, 0, 0},     {"mp3", 0, 0, 0},
    {"opus", 0, 0, 0},   {"g729", 0, 1, 1},   {"ul", 0, 8, 1},      {"al", 0, 8, 1},
    {"sln8", 0, 16, 1},  {"pcm", 0, 8, 1},    {"raw", 0, 16, 1},    {"wav49", 60, 65, 40},
    {"sln24", 0, 48, 1}, {"sln32", 0, 64, 1}, {"siren7", 0, 4, 1},  {"siren14", 0, 6, 1},
};
#define FORMATS (sizeof formats / sizeof *formats)

struct found {
    char id[NAME_LEN_MAX + 1];
    const char *format;
    uint64_t bytes;
    int64_t at_ms;
    char version[64];
};

enum task { TASK_LIST, TASK_FIND, TASK_READ, TASK_DELETE };

struct job {
    struct folder *f;
    struct dg_op *op;
    enum task task;
    char *id;    /* LIST: what is to be in the name, or NULL */
    size_t deep; /* LIST: how many were left out */
    uint64_t offset, limit;
    struct found *found;
    size_t count, size;
    char *piece;
    size_t len;
    int error; /* errno; 0: none */
};

struct folder {
    const struct dg_host *h;
    char *path;
    size_t jobs;
    bool told; /* that there are too many files */
    dg_fn *closed;
    void *closed_arg;
};

bool folder_name_ok(const char *id)
{
    return id && *id && strlen(id) <= NAME_LEN_MAX && !strchr(id, '/') && !strstr(id, "..") &&
           text_is_recording(id);
}

uint64_t folder_duration_ms(const char *format, uint64_t bytes)
{
    for (size_t i = 0; format && i < FORMATS; i++) {
        if (strcmp(formats[i].ending, format) != 0)
            continue;
        uint64_t sound = bytes > formats[i].head ? bytes - formats[i].head : 0;
        return formats[i].bytes ? sound / formats[i].bytes * formats[i].ms : 0;
    }
    return 0;
}

/* ---- On a worker --------------------------------------------------------------------------- */

static void describe(struct found *out, const char *id, const char *format, const struct stat *st)
{
    snprintf(out->id, sizeof out->id, "%s", id);
    out->format = format;
    out->bytes = (uint64_t)st->st_size;
    out->at_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    snprintf(out->version, sizeof out->version, "%llx-%llx-%llx", (unsigned long long)st->st_ino,
             (unsigned long long)st->st_size,
             (unsigned long long)st->st_mtim.tv_sec * 1000000000u +
                 (unsigned long long)st->st_mtim.tv_nsec);
}

/* "20261121-call.wav" apart. false: no recording is called so. */
static bool take_apart(const char *file, char id[NAME_LEN_MAX + 1], const char **format)
{
    const char *dot = strrchr(file, '.');
    if (!dot || dot == file || dot - file > NAME_LEN_MAX)
        return false;
    *format = NULL;
    for (size_t i = 0; i < FORMATS && !*format; i++)
        if (strcmp(formats[i].ending, dot + 1) == 0)
            *format = formats[i].ending;
    memcpy(id, file, (size_t)(dot - file));
    id[dot - file] = '\0';
    return *format && folder_name_ok(id);
}

static void keep(struct job *j, const struct found *found)
{
    if (j->count == j->size) {
        j->size = j->size ? j->size * 2 : 64;
        j->found = realloc(j->found, j->size * sizeof *j->found);
        if (!j->found)
            abort();
    }
    j->found[j->count++] = *found;
}

static void list(struct job *j, int folder)
{
    const struct dirent *entry;
    DIR *dir = fdopendir(folder);
    if (!dir) {
        j->error = errno;
        close(folder);
        return;
    }
    while ((entry = readdir(dir))) {
        struct stat st;
        struct found found;
        char id[NAME_LEN_MAX + 1];
        const char *format;
        if (!take_apart(entry->d_name, id, &format) || (j->id && !strstr(id, j->id)) ||
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(st.st_mode))
            continue;
        describe(&found, id, format, &st);
        if (j->count < FOLDER_LIST_MAX)
            keep(j, &found);
        else
            j->deep++;
    }
    closedir(dir);
}

/* The file, to be closed; -1 and the job's error is set. */
static int open_file(struct job *j, int folder, struct found *out)
{
    for (size_t i = 0; i < FORMATS; i++) {
        char file[FILE_LEN_MAX];
        struct stat st;
        snprintf(file, sizeof file, "%s.%s", j->id, formats[i].ending);
        int fd = openat(folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno != ENOENT && errno != ELOOP) {
            j->error = errno;
            return -1;
        }
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
            describe(out, j->id, formats[i].ending, &st);
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
    j->error = ENOENT;
    return -1;
}

static void find(struct job *j, int folder)
{
    struct found found;
    int fd = open_file(j, folder, &found);
    if (fd < 0)
        return;
    close(fd);
    keep(j, &found);
}

static void read_piece(struct job *j, int folder)
{
    struct found found;
    int fd = open_file(j, folder, &found);
    if (fd < 0)
        return;
    j->piece = text_alloc(j->limit + 1);
    while (j->len < j->limit) {
        ssize_t got = pread(fd, j->piece + j->len, j->limit - j->len, (off_t)(j->offset + j->len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            j->error = errno;
        if (got <= 0)
            break;
        j->len += (size_t)got;
    }
    close(fd);
}

static void delete_all(struct job *j, int folder)
{
    size_t gone = 0;
    for (size_t i = 0; i < FORMATS && !j->error; i++) {
        char file[FILE_LEN_MAX];
        struct stat st;
        snprintf(file, sizeof file, "%s.%s", j->id, formats[i].ending);
        if (fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        if (unlinkat(folder, file, 0) == 0)
            gone++;
        else if (errno != ENOENT)
            j->error = errno;
    }
    if (!gone && !j->error)
        j->error = ENOENT;
}

static void run(void *arg)
{
    static void (*const tasks[])(struct job * j, int folder) = {
        [TASK_FIND] = find, [TASK_READ] = read_piece, [TASK_DELETE] = delete_all};
    struct job *j = arg;
    int folder = open(j->f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        /* The folder itself is missing: not the recording. */
        j->error = errno == ENOENT ? ENOTDIR : errno;
        return;
    }
    if (j->task == TASK_LIST) {
        list(j, folder);
        return;
    }
    tasks[j->task](j, folder);
    close(folder);
}

/* ---- On the loop --------------------------------------------------------------------------- */

static void release(struct folder *f)
{
    dg_fn *closed = f->closed;
    void *arg = f->closed_arg;
    free(f->path);
    free(f);
    closed(arg);
}

static void give(const struct job *j)
{
    const struct dg_host *h = j->f->h;
    for (size_t i = 0; i < j->count; i++) {
        const struct found *found = &j->found[i];
        h->item(j->op, &(struct dg_recording){
                           DG_SIZED(struct dg_recording),
                           .id = found->id,
                           .format = found->format,
                           .duration_ms = folder_duration_ms(found->format, found->bytes),
                           .bytes = found->bytes,
                           .at_ms = found->at_ms,
                           .version = found->version,
                       });
    }
    if (j->task == TASK_READ)
        h->item(j->op, &(struct dg_bytes){j->piece, j->len});
    h->done(j->op);
}

static void done(void *arg)
{
    struct job *j = arg;
    struct folder *f = j->f;
    char why[128] = "";
    if (j->deep && !f->told)
        f->h->log(f->h, DG_WARN, "the folder has %zu recordings more than can be shown", j->deep);
    f->told = j->deep != 0;
    if (!j->error)
        give(j);
    else if (j->error == ENOENT)
        f->h->fail(j->op, DG_ENOTFOUND, "there is no such recording");
    else
        f->h->fail(j->op, j->error == EACCES || j->error == EPERM ? DG_EUPSTREAM : DG_EUNAVAILABLE,
                   "the folder of recordings: %s",
                   j->error == ENOTDIR ? "it is not there" : strerror_r(j->error, why, sizeof why));
    free(j->found);
    free(j->piece);
    free(j->id);
    free(j);
    if (--f->jobs == 0 && f->closed)
        release(f);
}

static struct job *job_new(struct folder *f, struct dg_op *op, enum task task, const char *id)
{
    struct job *j = text_alloc(sizeof *j);
    *j = (struct job){.f = f, .op = op, .task = task, .id = text_copy(id)};
    return j;
}

static void start(struct job *j)
{
    struct folder *f = j->f;
    f->jobs++;
    f->h->work(f->h, run, done, j);
}

/* false: no recording can be called so, and `op` has been failed. */
static bool check_name(struct folder *f, struct dg_op *op, const char *id)
{
    if (folder_name_ok(id))
        return true;
    f->h->fail(op, DG_EINVAL, "a recording's name is letters, digits and - . _ + @ =");
    return false;
}

struct folder *folder_new(const struct dg_host *h, const char *path)
{
    struct folder *f = text_alloc(sizeof *f);
    f->h = h;
    f->path = text_copy(path);
    return f;
}

void folder_close(struct folder *f, dg_fn *closed, void *arg)
{
    if (!f) {
        closed(arg);
        return;
    }
    f->closed = closed;
    f->closed_arg = arg;
    if (!f->jobs)
        release(f);
}

void folder_list(struct folder *f, const struct dg_filter *req, struct dg_op *op)
{
    start(job_new(f, op, TASK_LIST, req->text && *req->text ? req->text : NULL));
}

void folder_find(struct folder *f, const struct dg_stop *req, struct dg_op *op)
{
    if (check_name(f, op, req->id))
        start(job_new(f, op, TASK_FIND, req->id));
}

void folder_read(struct folder *f, const struct dg_recording_read *req, struct dg_op *op)
{
    if (!check_name(f, op, req->id))
        return;
    struct job *j = job_new(f, op, TASK_READ, req->id);
    j->offset = req->offset < INT64_MAX / 2 ? req->offset : INT64_MAX / 2;
    j->limit = req->limit && req->limit < PIECE_MAX ? req->limit : PIECE_MAX;
    start(j);
}

void folder_delete(struct folder *f, const struct dg_stop *req, struct dg_op *op)
{
    if (check_name(f, op, req->id))
        start(job_new(f, op, TASK_DELETE, req->id));
}
