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
#define READ_MAX    (32u << 20)

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
    return str_empty(language) ||
                   (strlen(language) <= AUDIO_LANGUAGE_MAX && str_only(language, NAME_CHARS))
               ? NULL
               : "Must be a name like en or pt_BR";
}

/* "pt_BR" is spoken by one of pt as well, and all by that of all. */
static bool speaks(const char *file, const char *language)
{
    size_t len = strlen(file);
    return !len || (language && (str_eq(file, language) ||
                                 (strncmp(file, language, len) == 0 && language[len] == '_')));
}

bool audio_has(const struct audio_answer *answer, const char *language, const char *name)
{
    for (size_t i = 0; i < answer->count; i++) {
        const struct audio_file *f = &answer->files[i];
        if (str_eq(f->name, name) && speaks(f->language, language))
            return true;
    }
    return false;
}

/* ---- Jobs ---------------------------------------------------------------------------------- */

enum task { TASK_LIST, TASK_GET, TASK_DELETE, TASK_PUT, TASK_READ, TASK_LIST_ALL };

/* What a worker is given, and what it found. */
struct job {
    struct audio *owner;
    enum task task;
    char *path;             /* of the folder; TASK_LIST_ALL: of all sounds */
    char *general, *spoken; /* and those to look in when it is not there; reading */
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
    free(j->general);
    free(j->spoken);
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
                                     .sent = j->sent,
                                     .bytes = {j->bytes.ptr, j->bytes.len}};
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

static void describe(const char *file, const struct stat *st, struct audio_file *out)
{
    size_t len = strlen(file) - strlen(ENDING);
    memcpy(out->name, file, len);
    out->name[len] = '\0';
    out->bytes = (uint64_t)st->st_size;
    out->duration_ms = audio_duration_ms(out->bytes);
    out->changed_at_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* false: no regular file of that name. */
static bool look(int folder, const char *file, struct audio_file *out)
{
    struct stat st;
    if (fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (!S_ISREG(st.st_mode)) {
        errno = ENOENT;
        return false;
    }
    describe(file, &st, out);
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct audio_file *one = a, *other = b;
    int order = strcmp(one->language, other->language);
    return order ? order : strcmp(one->name, other->name);
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

/* Closes the folder. */
static void add_files(struct job *j, int folder, const char *language)
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
        struct audio_file *f = &j->files[j->count];
        snprintf(f->language, sizeof f->language, "%s", language);
        j->count += look(dirfd(dir), entry->d_name, f);
    }
    closedir(dir);
}

static void sort(struct job *j)
{
    if (j->count)
        qsort(j->files, j->count, sizeof *j->files, by_name);
}

static void add_language(struct job *j, int sounds, const char *language)
{
    bool all = !*language;
    char *path = all ? xstrdup(j->owner->folder) : xasprintf("%s/%s", language, j->owner->folder);
    int folder = openat(sounds, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0)
        add_files(j, folder, language);
    free(path);
}

static void list_all(struct job *j, int sounds)
{
    const struct dirent *entry;
    add_language(j, sounds, "");
    int copy = dup(sounds);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        failed(j, "The folder of sounds cannot be read");
        if (copy >= 0)
            close(copy);
        return;
    }
    while ((entry = readdir(dir))) {
        if (!audio_language_refusal(entry->d_name))
            add_language(j, sounds, entry->d_name);
    }
    closedir(dir);
    sort(j);
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

static void fill(struct job *j, int fd, size_t size)
{
    buf_init(&j->bytes, READ_MAX);
    char *room = buf_reserve(&j->bytes, size + 1);
    ssize_t got = 1;
    while (j->bytes.len < size && got != 0) {
        got = read(fd, room + j->bytes.len, size - j->bytes.len);
        if (got < 0 && errno != EINTR)
            break;
        j->bytes.len += got > 0 ? (size_t)got : 0;
    }
    if (j->bytes.len == size)
        return;
    errno = got < 0 ? errno : EIO;
    failed(j, "The audio file cannot be read");
}

/* What was put there by others may be of any size, or be no file. */
static void read_file(struct job *j, int folder)
{
    char file[FILE_MAX];
    struct stat st;
    file_name(j, file);
    int fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        errno = fd >= 0 || errno == ELOOP ? ENOENT : errno;
        failed(j, "The audio file cannot be read");
    } else if (st.st_size >= READ_MAX) {
        problem_set(&j->problem, DG_ELIMIT, "The audio file is too large");
    } else {
        j->files = xcalloc(1, sizeof *j->files);
        j->count = 1;
        describe(file, &st, j->files);
        fill(j, fd, (size_t)st.st_size);
    }
    if (fd >= 0)
        close(fd);
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
    bool fine = fd >= 0 && fchmod(fd, 0644) == 0 && write_all(fd, wav.ptr, wav.len);
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

/* The telephone system is another user: a strict umask of this process is not for what it reads. */
static bool make_folder(const char *path)
{
    return mkdir(path, 0755) == 0 ? chmod(path, 0755) == 0 : errno == EEXIST;
}

/* Those of the path that are not there are made, below the folder of sounds. */
static int open_folder(const struct job *j)
{
    int fd = open(j->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT || j->task != TASK_PUT)
        return fd;
    for (char *slash = strchr(j->path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = make_folder(j->path);
        *slash = '/';
        if (!made)
            return -1;
    }
    if (!make_folder(j->path))
        return -1;
    return open(j->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* To the folder in which the sound is. */
static void look_elsewhere(struct job *j)
{
    char file[FILE_MAX], *const places[] = {j->path, j->spoken, j->general};
    struct stat st;
    file_name(j, file);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!places[i])
            continue;
        char *path = xasprintf("%s/%s", places[i], file);
        bool found = stat(path, &st) == 0;
        free(path);
        if (found) {
            if (i) {
                free(j->path);
                j->path = xstrdup(places[i]);
            }
            return;
        }
    }
}

static void work(void *arg)
{
    struct job *j = arg;
    char file[FILE_MAX];
    if (j->task == TASK_READ)
        look_elsewhere(j);
    int folder = open_folder(j);
    if (folder < 0) {
        if (errno != ENOENT ||
            (j->task != TASK_LIST && j->task != TASK_LIST_ALL)) /* none yet: nothing in it */
            failed(j, "The folder of sounds cannot be opened");
        return;
    }
    switch (j->task) {
    case TASK_LIST:
        add_files(j, folder, ""); /* closes it */
        sort(j);
        return;
    case TASK_LIST_ALL:
        list_all(j, folder);
        break;
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
    case TASK_READ:
        read_file(j, folder);
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
    j->path = task == TASK_LIST_ALL ? xstrdup(a->sounds)
              : str_empty(language) ? xasprintf("%s/%s", a->sounds, a->folder)
                                    : xasprintf("%s/%s/%s", a->sounds, language, a->folder);
    if (task == TASK_READ && !str_empty(language)) {
        j->general = xasprintf("%s/%s", a->sounds, a->folder);
        size_t len = strcspn(language, "_");
        if (language[len])
            j->spoken = xasprintf("%s/%.*s/%s", a->sounds, (int)len, language, a->folder);
    }
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

void audio_list_all(struct audio *a, audio_fn *fn, void *arg)
{
    start(a, TASK_LIST_ALL, NULL, NULL, NULL, fn, arg);
}

void audio_get(struct audio *a, const char *name, const char *language, audio_fn *fn, void *arg)
{
    start(a, TASK_GET, name, language, NULL, fn, arg);
}

void audio_delete(struct audio *a, const char *name, const char *language, audio_fn *fn, void *arg)
{
    start(a, TASK_DELETE, name, language, NULL, fn, arg);
}

void audio_read(struct audio *a, const char *name, const char *language, audio_fn *fn, void *arg)
{
    start(a, TASK_READ, name, language, NULL, fn, arg);
}

void audio_put(struct audio *a, const char *name, const char *language, const void *bytes,
               size_t len, audio_fn *fn, void *arg)
{
    struct buf copy;
    buf_init(&copy, BUF_MAX);
    buf_add(&copy, bytes, len);
    start(a, TASK_PUT, name, language, &copy, fn, arg);
}
