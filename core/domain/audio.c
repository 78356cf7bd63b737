/* audio.c - uploaded sounds on the disk; see audio.h. */
#include "domain/audio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define NAME_CHARS  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"
#define UPLOADS_MAX 8
#define ENDING      ".wav"
#define FILE_MAX    (AUDIO_NAME_MAX + 64)

struct audio {
    struct loop *loop;
    char *sounds, *folder;
    unsigned uploads; /* under way */
};

struct audio *audio_new(struct loop *loop, const char *sounds, const char *folder)
{
    struct audio *a = xcalloc(1, sizeof *a);
    *a = (struct audio){.loop = loop, .sounds = xstrdup(sounds), .folder = xstrdup(folder)};
    return a;
}

void audio_free(struct audio *a)
{
    if (!a)
        return;
    free(a->sounds);
    free(a->folder);
    free(a);
}

const char *audio_name_refusal(const char *name)
{
    if (str_empty(name) || strlen(name) > AUDIO_NAME_MAX || *name == '-' ||
        !str_only(name, NAME_CHARS))
        return "Must be 1 to 100 letters, digits, _ and -";
    return NULL;
}

const char *audio_language_refusal(const char *language)
{
    return str_empty(language) || (strlen(language) <= 20 && str_only(language, NAME_CHARS))
               ? NULL
               : "Must be a name like en or pt_BR";
}

bool audio_has(const struct audio_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (str_eq(answer->files[i].name, name))
            return true;
    }
    return false;
}

/* ---- Jobs ---------------------------------------------------------------------------------- */

enum task { TASK_LIST, TASK_GET, TASK_DELETE, TASK_PUT };

/* What a worker is given, and what it found. */
struct job {
    struct audio *owner;
    enum task task;
    char *path; /* of the folder */
    char name[AUDIO_NAME_MAX + 1];
    struct buf bytes;
    struct problem problem; /* err DG_OK: none */
    struct audio_file *files;
    size_t count;
    struct audio_info sent;
    audio_fn *fn;
    void *arg;
};

static void job_free(struct job *j)
{
    free(j->path);
    free(j->files);
    buf_free(&j->bytes);
    free(j);
}

static void answer(void *arg)
{
    struct job *j = arg;
    const struct audio_answer out = {.err = j->problem.err,
                                     .message = j->problem.err == DG_OK ? NULL : j->problem.text,
                                     .files = j->files,
                                     .count = j->count,
                                     .sent = j->sent};
    j->owner->uploads -= j->task == TASK_PUT;
    j->fn(j->arg, &out);
    job_free(j);
}

/* ---- On a worker --------------------------------------------------------------------------- */

static void failed(struct job *j, const char *what)
{
    if (errno == ENOENT)
        problem_set(&j->problem, DG_ENOTFOUND, "There is no such audio file");
    else
        problem_set(&j->problem, DG_EUNAVAILABLE, "%s: %s", what, strerror(errno));
}

static void file_name(const struct job *j, char out[FILE_MAX])
{
    snprintf(out, FILE_MAX, "%s" ENDING, j->name);
}

/* false: no regular file of that name. */
static bool look(int folder, const char *file, struct audio_file *out)
{
    struct stat st;
    size_t len = strlen(file) - strlen(ENDING);
    if (fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (!S_ISREG(st.st_mode)) {
        errno = ENOENT;
        return false;
    }
    memcpy(out->name, file, len);
    out->name[len] = '\0';
    out->bytes = (uint64_t)st.st_size;
    out->duration_ms = audio_duration_ms(out->bytes);
    out->changed_at_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct audio_file *)a)->name, ((const struct audio_file *)b)->name);
}

static bool is_ours(const char *file)
{
    char name[AUDIO_NAME_MAX + 1];
    size_t len = strlen(file);
    if (len <= strlen(ENDING) || len > AUDIO_NAME_MAX + strlen(ENDING) || !str_ends(file, ENDING))
        return false;
    snprintf(name, sizeof name, "%.*s", (int)(len - strlen(ENDING)), file);
    return !audio_name_refusal(name);
}

static void list(struct job *j, int folder)
{
    const struct dirent *entry;
    DIR *dir = fdopendir(folder);
    if (!dir) {
        failed(j, "The folder of sounds cannot be read");
        close(folder);
        return;
    }
    while ((entry = readdir(dir)) && j->count < AUDIO_LIST_MAX) {
        if (!is_ours(entry->d_name))
            continue;
        if (j->count % 64 == 0)
            j->files = xrealloc(j->files, (j->count + 64) * sizeof *j->files);
        j->count += look(dirfd(dir), entry->d_name, &j->files[j->count]);
    }
    closedir(dir);
    if (j->count)
        qsort(j->files, j->count, sizeof *j->files, by_name);
}

static void get(struct job *j, int folder)
{
    char file[FILE_MAX];
    file_name(j, file);
    j->files = xcalloc(1, sizeof *j->files);
    j->count = look(folder, file, j->files);
    if (!j->count)
        failed(j, "The audio file cannot be read");
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t done = write(fd, bytes, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes += done;
        len -= (size_t)done;
    }
    return fsync(fd) == 0;
}

/* Whole under another name first: nobody plays a half. */
static void put(struct job *j, int folder)
{
    char file[FILE_MAX], part[FILE_MAX], random[17];
    struct buf wav;
    buf_init(&wav, BUF_MAX);
    if (!audio_convert(j->bytes.ptr, j->bytes.len, &wav, &j->sent, &j->problem)) {
        buf_free(&wav);
        return;
    }
    str_random_hex(8, random);
    file_name(j, file);
    snprintf(part, sizeof part, ".%s.%s", j->name, random);
    int fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    bool fine = fd >= 0 && write_all(fd, wav.ptr, wav.len);
    if (fd >= 0 && close(fd) != 0)
        fine = false;
    if (fine && renameat(folder, part, folder, file) == 0) {
        get(j, folder);
    } else {
        failed(j, "The audio file cannot be written");
        unlinkat(folder, part, 0);
    }
    buf_free(&wav);
}

/* Those of the path that are not there are made, below the folder of sounds. */
static int open_folder(const struct job *j)
{
    int fd = open(j->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT || j->task != TASK_PUT)
        return fd;
    for (char *slash = strchr(j->path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(j->path, 0755) != 0 && errno != EEXIST) {
            *slash = '/';
            return -1;
        }
        *slash = '/';
    }
    if (mkdir(j->path, 0755) != 0 && errno != EEXIST)
        return -1;
    return open(j->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void work(void *arg)
{
    struct job *j = arg;
    char file[FILE_MAX];
    int folder = open_folder(j);
    if (folder < 0) {
        if (errno != ENOENT || j->task != TASK_LIST) /* none yet: nothing in it */
            failed(j, "The folder of sounds cannot be opened");
        return;
    }
    switch (j->task) {
    case TASK_LIST:
        list(j, folder); /* closes it */
        return;
    case TASK_GET:
        get(j, folder);
        break;
    case TASK_DELETE:
        file_name(j, file);
        if (unlinkat(folder, file, 0) != 0)
            failed(j, "The audio file cannot be deleted");
        break;
    case TASK_PUT:
        put(j, folder);
        break;
    }
    close(folder);
}

/* ---- Requests ------------------------------------------------------------------------------ */

static void start(struct audio *a, enum task task, const char *name, const char *language,
                  struct buf *bytes, audio_fn *fn, void *arg)
{
    struct job *j = xcalloc(1, sizeof *j);
    *j = (struct job){.owner = a, .task = task, .fn = fn, .arg = arg};
    if (bytes)
        j->bytes = *bytes;
    a->uploads += task == TASK_PUT;
    snprintf(j->name, sizeof j->name, "%s", name ? name : "");
    if (str_empty(a->sounds)) {
        problem_set(&j->problem, DG_EUNAVAILABLE, "No folder of sounds is configured (ivr.sounds)");
        loop_call(a->loop, answer, j);
        return;
    }
    j->path = str_empty(language) ? xasprintf("%s/%s", a->sounds, a->folder)
                                  : xasprintf("%s/%s/%s", a->sounds, language, a->folder);
    bool room = a->uploads <= UPLOADS_MAX;
    if (room && loop_work(a->loop, task == TASK_PUT ? LANE_CPU : LANE_IO, work, answer, j))
        return;
    problem_set(&j->problem, DG_ELIMIT, "Too many audio files are being worked on");
    loop_call(a->loop, answer, j);
}

void audio_list(struct audio *a, const char *language, audio_fn *fn, void *arg)
{
    start(a, TASK_LIST, NULL, language, NULL, fn, arg);
}

void audio_get(struct audio *a, const char *name, const char *language, audio_fn *fn, void *arg)
{
    start(a, TASK_GET, name, language, NULL, fn, arg);
}

void audio_delete(struct audio *a, const char *name, const char *language, audio_fn *fn, void *arg)
{
    start(a, TASK_DELETE, name, language, NULL, fn, arg);
}

void audio_put(struct audio *a, const char *name, const char *language, const void *bytes,
               size_t len, audio_fn *fn, void *arg)
{
    struct buf copy;
    buf_init(&copy, BUF_MAX);
    buf_add(&copy, bytes, len);
    start(a, TASK_PUT, name, language, &copy, fn, arg);
}
