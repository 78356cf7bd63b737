/* event_readers.c - many readers of the live events on one thread.
 *
 *   event_readers PORT TOKEN READERS
 *
 * Connects all, says "ready" on standard output, reads until its standard input
 * is closed and prints what each was given: events, numbers that were missing, and the delay from
 * the time in an event to its arrival, over all readers, in milliseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_SIZE 4096
#define DELAYS        60000 /* milliseconds; one count for each */
#define DAY_MS        86400000

struct reader {
    int fd;
    char line[LINE_MAX_SIZE];
    size_t len;
    bool greeted;
    long long last;
    unsigned long events, missing;
};

static unsigned long delays[DELAYS];
static unsigned long closed_early;

static long day_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (long)(now.tv_sec % 86400 * 1000 + now.tv_nsec / 1000000);
}

static void count_delay(const char *line, long now)
{
    const char *at = strstr(line, "\"at\":\"");
    unsigned hour, minute, second, ms;
    if (!at || sscanf(at + 17, "%2u:%2u:%2u.%3u", &hour, &minute, &second, &ms) != 4)
        return;
    long delay = now - (long)(((hour * 60 + minute) * 60 + second) * 1000 + ms);
    if (delay < 0)
        delay += DAY_MS;
    delays[delay < DELAYS ? delay : DELAYS - 1]++;
}

static void take_line(struct reader *r, long now)
{
    if (strncmp(r->line, ": connected", 11) == 0)
        r->greeted = true;
    if (strncmp(r->line, "data: ", 6) == 0)
        count_delay(r->line, now);
    if (strncmp(r->line, "id: ", 4) != 0)
        return;
    long long number = strtoll(strrchr(r->line, '-') + 1, NULL, 10);
    if (r->last && number != r->last + 1)
        r->missing++;
    r->last = number;
    r->events++;
}

/* Chunk sizes stand on lines of their own and may cut a line only at its end: each write of the
 * gateway is whole events. */
static void take(struct reader *r, const char *bytes, size_t count)
{
    long now = day_ms();
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != '\n') {
            if (r->len < LINE_MAX_SIZE - 1)
                r->line[r->len++] = bytes[i];
            continue;
        }
        r->line[r->len] = '\0';
        take_line(r, now);
        r->len = 0;
    }
}

static void start(struct reader *r, int port, const char *token)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char head[2048];
    int len = snprintf(head, sizeof head,
                       "GET /api/v2/events?types=call.* HTTP/1.1\r\nHost: x\r\n"
                       "Authorization: Bearer %s\r\n\r\n",
                       token);
    r->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(r->fd, (struct sockaddr *)&to, sizeof to) != 0 ||
        write(r->fd, head, (size_t)len) != len) {
        perror("connect");
        exit(1);
    }
}

static void turn(int set, int wait_ms)
{
    static char bytes[1 << 18];
    struct epoll_event ready[256];
    int count = epoll_wait(set, ready, 256, wait_ms);
    for (int i = 0; i < count; i++) {
        struct reader *r = ready[i].data.ptr;
        ssize_t n = read(r->fd, bytes, sizeof bytes);
        if (n > 0) {
            take(r, bytes, (size_t)n);
        } else if (n == 0 || errno != EINTR) {
            closed_early++;
            close(r->fd);
        }
    }
}

static unsigned long percentile(double share)
{
    unsigned long total = 0, seen = 0;
    for (unsigned i = 0; i < DELAYS; i++)
        total += delays[i];
    for (unsigned i = 0; i < DELAYS; i++) {
        seen += delays[i];
        if ((double)seen >= share * (double)total)
            return i;
    }
    return DELAYS;
}

static void report(const struct reader *readers, unsigned count)
{
    unsigned long least = (unsigned long)-1, most = 0, missing = 0;
    for (unsigned i = 0; i < count; i++) {
        least = readers[i].events < least ? readers[i].events : least;
        most = readers[i].events > most ? readers[i].events : most;
        missing += readers[i].missing;
    }
    printf("{\"least\":%lu,\"most\":%lu,\"missing\":%lu,\"closed\":%lu,\"p50\":%lu,\"p99\":%lu,"
           "\"max\":%lu}\n",
           least, most, missing, closed_early, percentile(0.5), percentile(0.99), percentile(1));
}

static bool input_closed(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, 0) == 1 && in.revents & (POLLIN | POLLHUP);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    unsigned count = (unsigned)strtoul(argv[3], NULL, 10), greeted = 0;
    struct reader *readers = calloc(count, sizeof *readers);
    int set = epoll_create1(0);
    for (unsigned i = 0; i < count; i++) {
        struct epoll_event in = {.events = EPOLLIN, .data.ptr = &readers[i]};
        start(&readers[i], (int)strtol(argv[1], NULL, 10), argv[2]);
        epoll_ctl(set, EPOLL_CTL_ADD, readers[i].fd, &in);
    }
    while (greeted < count && !closed_early) {
        turn(set, 100);
        greeted = 0;
        for (unsigned i = 0; i < count; i++)
            greeted += readers[i].greeted;
    }
    printf("ready\n");
    fflush(stdout);
    while (!input_closed())
        turn(set, 100);
    report(readers, count);
    return 0;
}
