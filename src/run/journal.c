/* journal.c - a fold's events as lines of JSON, its scalars for TensorBoard. */
#include "journal.h"

#include "pleat/json.h"
#include "pleat/log.h"
#include "pleat/rundir.h"
#include "pleat/warn.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DIGITS 9 /* of a number, as in history.tsv */

struct pleat_journal {
    int fold, failed;
    FILE *lines, *scalars; /* NULL: could not be opened */
};

/* One message is enough: the disk that is full for a journal is full for checkpoints too. */
static void check(pleat_journal *j, int good, const char *what) {
    if (good || j->failed) return;
    j->failed = 1;
    pleat_warn("fold=%d: %s cannot be written: %s; training continues without it", j->fold, what,
               strerror(errno));
}

static double seconds_now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A kill or a full disk may have left half a line. */
static void cut_half_line(const char *path, int fd) {
    char *text = NULL;
    size_t n = 0;
    if (pleat_file_read_all(path, &text, &n) != PLEAT_OK) return;
    size_t whole = n;
    while (whole > 0 && text[whole - 1] != '\n') whole--;
    if (whole < n) (void)!ftruncate(fd, (off_t)whole);
    free(text);
}

/* Behind whole lines, when `lines`. NULL and errno when it cannot be written. */
static FILE *open_to_append(const char *path, int lines) {
    int fd = -1;
    errno = 0;
    if (pleat_file_append(path, &fd) != PLEAT_OK) {
        if (errno == 0) errno = EINVAL; /* a pipe or a device */
        return NULL;
    }
    if (lines) cut_half_line(path, fd);
    FILE *file = fdopen(fd, "a");
    if (file == NULL) (void)close(fd);
    return file;
}

pleat_journal *pleat_journal_open(const char *folder, int fold) {
    char path[PLEAT_PATH_BYTES], host[64] = "host";
    pleat_journal *j = calloc(1, sizeof *j);
    if (j == NULL) return NULL;
    j->fold = fold;
    (void)gethostname(host, sizeof host - 1);
    if (pleat_fold_path(folder, PLEAT_FOLD_EVENTS, path) == PLEAT_OK)
        j->lines = open_to_append(path, 1);
    check(j, j->lines != NULL, pleat_fold_file_name(PLEAT_FOLD_EVENTS));
    if (pleat_path(path, sizeof path, "%s/%s.%lld.%s.%ld", folder,
                   pleat_fold_file_name(PLEAT_FOLD_TENSORBOARD), (long long)time(NULL), host,
                   (long)getpid()) == PLEAT_OK)
        j->scalars = open_to_append(path, 0);
    check(j, j->scalars != NULL, "TensorBoard's file");
    if (j->scalars != NULL) pleat_tensorboard_begin(j->scalars, seconds_now());
    return j;
}

void pleat_journal_close(pleat_journal *j) {
    if (j == NULL) return;
    if (j->lines != NULL) (void)fclose(j->lines);
    if (j->scalars != NULL) (void)fclose(j->scalars);
    free(j);
}

static json_t *begin_line(const pleat_journal *j, const char *event, int epoch, int64_t step) {
    char stamp[32];
    pleat_time_text(stamp);
    return json_pack("{ss ss si si sI}", "time", stamp, "event", event, "fold", j->fold, "epoch",
                     epoch, "step", (json_int_t)step);
}

/* Writes and frees `line`; NULL, where there was no memory, counts as not written. */
static void end_line(pleat_journal *j, json_t *line) {
    const int good = line != NULL && json_dumpf(line, j->lines, JSON_REAL_PRECISION(DIGITS)) == 0 &&
                     fputc('\n', j->lines) != EOF && fflush(j->lines) == 0;
    json_decref(line);
    check(j, good, pleat_fold_file_name(PLEAT_FOLD_EVENTS));
}

void pleat_journal_event(pleat_journal *j, const char *event, int epoch, int64_t step,
                         const char *text) {
    if (j == NULL || j->lines == NULL) return;
    json_t *line = begin_line(j, event, epoch, step);
    if (text != NULL) (void)json_object_set_new(line, "text", pleat_json_text(text));
    end_line(j, line);
}

/* "tversky_loss" is "tversky/train" to TensorBoard, "val_tversky_loss" "tversky/validation". */
static void tag_of(const char *metric, int validation, char *out, size_t size) {
    const size_t n = strlen(metric), end = strlen("_loss");
    const int cut = n > end && strcmp(metric + n - end, "_loss") == 0;
    (void)snprintf(out, size, "%.*s/%s", (int)(cut ? n - end : n), metric,
                   validation ? "validation" : "train");
}

static void put_scalar(json_t *line, const char *before, const char *metric, double value) {
    char key[64];
    (void)snprintf(key, sizeof key, "%s%s", before, metric);
    (void)json_object_set_new(line, key, pleat_json_real(value));
}

void pleat_journal_epoch(pleat_journal *j, int epoch, int64_t step, const pleat_loss *loss,
                         const pleat_epoch *row) {
    enum { MOST = 2 * PLEAT_MOST_METRICS + 2 };
    pleat_scalar scalars[MOST];
    char tags[MOST][64];
    int n = 0;
    if (j == NULL) return;
    json_t *line = begin_line(j, "epoch", epoch, step);
    for (int validation = 0; validation < 2; validation++)
        for (int m = 0; m < loss->n_metrics; m++) {
            const double value = validation ? row->val[m] : row->train[m];
            tag_of(loss->metrics[m], validation, tags[n], sizeof tags[n]);
            put_scalar(line, validation ? "val_" : "", loss->metrics[m], value);
            scalars[n] = (pleat_scalar){tags[n], value};
            n++;
        }
    put_scalar(line, "", "lr", row->lr);
    put_scalar(line, "", "seconds", row->seconds);
    scalars[n++] = (pleat_scalar){"lr", row->lr};
    scalars[n++] = (pleat_scalar){"seconds", row->seconds};
    if (j->lines != NULL)
        end_line(j, line);
    else
        json_decref(line);
    if (j->scalars == NULL) return;
    pleat_tensorboard_scalars(j->scalars, seconds_now(), epoch, scalars, n);
    check(j, fflush(j->scalars) == 0, "TensorBoard's file");
}
