/*
 * fuzz_plain.c - feeds a target with the files of a corpus and with changes of them.
 *
 *   fuzz TARGET SECONDS [CORPUS]   0 s: the corpus alone
 *   fuzz --list                    the names of the targets
 *   fuzz --seed TARGET FILE        writes the good input that a target makes itself, if it does, to
 *                                  this absolute path
 *
 * It needs no compiler's help, so it runs everywhere, and finds less than libFuzzer, which feeds
 * the same targets by fuzz_clang.c. The first N inputs are the same on every machine. What ends the
 * process, or takes a minute, is written to the file fuzz-TARGET.input of the current folder.
 */
#include "fuzz.h"

#include "pleat/file.h"
#include "pleat/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_FILES = 256, MOST_BYTES = 1 << 16, MOST_SECONDS = 60 };

static struct {
    char *bytes[MOST_FILES];
    size_t size[MOST_FILES];
    int n;
} corpus;

static void add_file(const char *path) {
    if (corpus.n == MOST_FILES) return;
    const int i = corpus.n;
    if (pleat_file_read_all(path, &corpus.bytes[i], &corpus.size[i]) != PLEAT_OK) {
        (void)fprintf(stderr, "fuzz: %s\n", pleat_error_message());
        exit(1);
    }
    if (corpus.size[i] <= MOST_BYTES)
        corpus.n++;
    else
        free(corpus.bytes[i]);
}

static void add_folder(const char *folder) {
    struct dirent **entries = NULL;
    const int n = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[PLEAT_PATH_BYTES];
        if (entries[i]->d_name[0] != '.' &&
            pleat_path(path, sizeof path, "%s/%s", folder, entries[i]->d_name) == PLEAT_OK)
            add_file(path);
        free(entries[i]);
    }
    free(entries);
}

/* --- changes ---------------------------------------------------------------------------------- */

/* splitmix64, of Steele, Lea and Flood, OOPSLA 2014. */
static size_t below(size_t n) {
    static uint64_t state;
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return n == 0 ? 0 : (size_t)((z ^ (z >> 31)) % n);
}

static void change_byte(uint8_t *bytes, size_t *n) {
    static const uint8_t usual[] = {0,   1,   0x7f, 0x80, 0xff, '0', '9',  '-',  '.', ',',
                                    ':', '[', ']',  '{',  '}',  '"', '\'', '\n', ' ', '/'};
    if (*n == 0) return;
    uint8_t *at = bytes + below(*n);
    switch (below(3)) {
    case 0: *at ^= (uint8_t)(1U << below(8)); break;
    case 1: *at = usual[below(sizeof usual)]; break;
    default: *at = (uint8_t)below(256); break;
    }
}

/* A whole number of 2, 4 or 8 bytes, in either order, of the kind that sizes go wrong by. */
static void change_number(uint8_t *bytes, size_t *n) {
    static const int64_t usual[] = {0,          1,          -1,        127,       32767,
                                    2147483647, 4294967295, INT64_MAX, INT64_MIN, 65536};
    const size_t width = (size_t)2 << below(3), backwards = below(2);
    const uint64_t value = (uint64_t)usual[below(sizeof usual / sizeof *usual)];
    if (*n < width) return;
    uint8_t *at = bytes + below(*n - width + 1);
    for (size_t i = 0; i < width; i++)
        at[backwards ? width - 1 - i : i] = (uint8_t)(value >> (8 * i));
}

static void cut(uint8_t *bytes, size_t *n) {
    const size_t from = below(*n), length = below(*n - from + 1);
    memmove(bytes + from, bytes + from + length, *n - from - length);
    *n -= length;
}

/* Bytes of an input of the corpus, put in between. */
static void insert(uint8_t *bytes, size_t *n) {
    const size_t other = below((size_t)corpus.n), from = below(corpus.size[other]);
    size_t length = below(corpus.size[other] - from + 1);
    const size_t at = below(*n + 1);
    if (length > MOST_BYTES - *n) length = MOST_BYTES - *n;
    memmove(bytes + at + length, bytes + at, *n - at);
    memcpy(bytes + at, corpus.bytes[other] + from, length);
    *n += length;
}

static void repeat(uint8_t *bytes, size_t *n) {
    const size_t from = below(*n), length = below(*n - from + 1);
    for (size_t times = below(64); times > 0 && *n + length <= MOST_BYTES; times--) {
        memmove(bytes + from + length, bytes + from, *n - from);
        *n += length;
    }
}

static void change(uint8_t *bytes, size_t *n) {
    static void (*const ways[])(uint8_t *, size_t *) = {change_byte, change_byte, change_number,
                                                        cut,         insert,      repeat};
    for (size_t times = 1 + below(4); times > 0; times--)
        ways[below(sizeof ways / sizeof *ways)](bytes, n);
}

/* --- feeding ---------------------------------------------------------------------------------- */

static struct { /* what is being fed, and where it goes when that ends the process */
    const uint8_t *bytes;
    size_t n;
    char path[PLEAT_PATH_BYTES];
} input;

static void keep_input(void) {
    const int fd = open(input.path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd >= 0 && write(fd, input.bytes, input.n) == (ssize_t)input.n) (void)close(fd);
}

static void on_crash(int number) {
    keep_input();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

/* Where a sanitizer is linked, it is there. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch(const char *name) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
    char folder[PLEAT_PATH_BYTES / 2] = ".";
    if (getcwd(folder, sizeof folder) == NULL) folder[0] = '\0';
    (void)snprintf(input.path, sizeof input.path, "%s/fuzz-%s.input", folder, name);
    if (__sanitizer_set_death_callback != NULL) __sanitizer_set_death_callback(keep_input);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        (void)signal(signals[i], on_crash);
}

/* An allocation of its own size, so that a sanitizer sees a byte read too far. */
static void feed(const fuzz_target *target, const uint8_t *bytes, size_t n) {
    uint8_t *exact = malloc(n + 1);
    if (exact == NULL) return;
    memcpy(exact, bytes, n);
    exact[n] = 0;
    input.bytes = exact;
    input.n = n;
    (void)alarm(MOST_SECONDS);
    target->feed(exact, n);
    (void)alarm(0);
    free(exact);
}

static void run(const fuzz_target *target, double seconds) {
    static uint8_t bytes[MOST_BYTES];
    const double end = pleat_now() + seconds;
    long fed = 0;
    for (int i = 0; i < corpus.n; i++, fed++)
        feed(target, (const uint8_t *)corpus.bytes[i], corpus.size[i]);
    for (; pleat_now() < end; fed++) {
        const size_t i = below((size_t)corpus.n);
        size_t n = corpus.size[i];
        memcpy(bytes, corpus.bytes[i], n);
        change(bytes, &n);
        feed(target, bytes, n);
    }
    (void)printf("%s: %d files, %ld inputs, none ended the process\n", target->name, corpus.n, fed);
}

/* The good input of a target to a file, whose path is absolute. */
static void write_seed(const fuzz_target *target, const char *path) {
    char *bytes = NULL;
    size_t n = 0;
    if (target->made != NULL && pleat_file_read_all(target->made, &bytes, &n) == PLEAT_OK)
        (void)pleat_file_write(path, bytes, n);
    free(bytes);
}

static int usage(void) {
    (void)fprintf(stderr, "usage: fuzz TARGET SECONDS [CORPUS] | --list | --seed TARGET FILE\n");
    return 2;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (const fuzz_target *t = fuzz_targets; t->name != NULL; t++) (void)puts(t->name);
        return 0;
    }
    const int seed = argc == 4 && strcmp(argv[1], "--seed") == 0;
    const fuzz_target *target = argc >= 3 ? fuzz_find(argv[seed ? 2 : 1]) : NULL;
    if (target == NULL || argc > 4) return usage();
    if (!seed) watch(target->name);
    if (!seed && argc == 4) add_folder(argv[3]);
    fuzz_begin();
    if (seed) {
        write_seed(target, argv[3]);
    } else {
        if (target->made != NULL) add_file(target->made);
        if (corpus.n > 0) run(target, strtod(argv[2], NULL));
    }
    for (int i = 0; i < corpus.n; i++) free(corpus.bytes[i]);
    fuzz_end();
    return seed || corpus.n > 0 ? 0 : 1;
}
