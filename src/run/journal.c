/* journal.c - a fold's events as lines of JSON, its scalars for TensorBoard. */
#include "journal.h"

#include "pleat/file.h"
#include "pleat/log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct pleat_journal {
    int fold, failed;
    FILE *lines, *scalars; /* NULL: could not be opened */
};

/* One message is enough: the disk that is full for a journal is full for checkpoints too. */
static void check(pleat_journal *j, int good, const char *what) {
    if (good || j->failed) return;
    j->failed = 1;
    pleat_log(PLEAT_INFO, "fold=%d: %s cannot be written: %s; training goes on without", j->fold,
              what, strerror(errno));
}

static double seconds_now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A kill or a full disk may have left half a line. */
static void cut_half_line(const char *path) {
    char *text = NULL;
    size_t n = 0;
    if (pleat_file_read_all(path, &text, &n) != PLEAT_OK) return; /* not there yet */
    size_t whole = n;
    while (whole > 0 && text[whole - 1] != '\n') whole--;
    if (whole < n) (void)!truncate(path, (off_t)whole);
    free(text);
}

pleat_journal *pleat_journal_open(const char *folder, int fold) {
    char path[PLEAT_PATH_BYTES], host[64] = "host";
    pleat_journal *j = calloc(1, sizeof *j);
    if (j == NULL) return NULL;
    j->fold = fold;
    (void)gethostname(host, sizeof host - 1);
    if (pleat_path(path, sizeof path, "%s/events.jsonl", folder) == PLEAT_OK) {
        cut_half_line(path);
        j->lines = fopen(path, "a");
    }
    check(j, j->lines != NULL, "events.jsonl");
    if (pleat_path(path, sizeof path, "%s/events.out.tfevents.%lld.%s.%ld", folder,
                   (long long)time(NULL), host, (long)getpid()) == PLEAT_OK)
        j->scalars = fopen(path, "a");
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

static void put_text(FILE *out, const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            (void)fprintf(out, "\\%c", *c);
        else if (*c < 32)
            (void)fprintf(out, "\\u%04x", *c);
        else
            (void)fputc(*c, out);
    }
}

static void begin_line(const pleat_journal *j, const char *event, int epoch, int64_t step) {
    char stamp[32];
    const time_t now = time(NULL);
    struct tm local;
    (void)localtime_r(&now, &local);
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S%z", &local);
    (void)fprintf(j->lines,
                  "{\"time\": \"%s\", \"event\": \"%s\", \"fold\": %d, \"epoch\": %d, "
                  "\"step\": %lld",
                  stamp, event, j->fold, epoch, (long long)step);
}

static void end_line(pleat_journal *j) {
    (void)fputs("}\n", j->lines);
    check(j, fflush(j->lines) == 0, "events.jsonl");
}

void pleat_journal_event(pleat_journal *j, const char *event, int epoch, int64_t step,
                         const char *text) {
    if (j == NULL || j->lines == NULL) return;
    begin_line(j, event, epoch, step);
    if (text != NULL) {
        (void)fputs(", \"text\": \"", j->lines);
        put_text(j->lines, text);
        (void)fputc('"', j->lines);
    }
    end_line(j);
}

/* "tversky_loss" is "tversky/train" to TensorBoard, "val_tversky_loss" "tversky/validation". */
static void tag_of(const char *metric, int validation, char *out, size_t size) {
    const size_t n = strlen(metric), end = strlen("_loss");
    const int cut = n > end && strcmp(metric + n - end, "_loss") == 0;
    (void)snprintf(out, size, "%.*s/%s", (int)(cut ? n - end : n), metric,
                   validation ? "validation" : "train");
}

static void put_scalar(pleat_journal *j, const char *before, const char *key, double value) {
    if (j->lines == NULL) return;
    if (isfinite(value))
        (void)fprintf(j->lines, ", \"%s%s\": %.9g", before, key, value);
    else
        (void)fprintf(j->lines, ", \"%s%s\": null", before, key);
}

void pleat_journal_epoch(pleat_journal *j, int epoch, int64_t step, const pleat_loss *loss,
                         const pleat_epoch *row) {
    enum { MOST = 2 * PLEAT_MOST_METRICS + 2 };
    pleat_scalar scalars[MOST];
    char tags[MOST][64];
    int n = 0;
    if (j == NULL) return;
    if (j->lines != NULL) begin_line(j, "epoch", epoch, step);
    for (int validation = 0; validation < 2; validation++)
        for (int m = 0; m < loss->n_metrics; m++) {
            const double value = validation ? row->val[m] : row->train[m];
            tag_of(loss->metrics[m], validation, tags[n], sizeof tags[n]);
            put_scalar(j, validation ? "val_" : "", loss->metrics[m], value);
            scalars[n] = (pleat_scalar){tags[n], value};
            n++;
        }
    put_scalar(j, "", "lr", row->lr);
    put_scalar(j, "", "seconds", row->seconds);
    scalars[n++] = (pleat_scalar){"lr", row->lr};
    scalars[n++] = (pleat_scalar){"seconds", row->seconds};
    if (j->lines != NULL) end_line(j);
    if (j->scalars == NULL) return;
    pleat_tensorboard_scalars(j->scalars, seconds_now(), epoch, scalars, n);
    check(j, fflush(j->scalars) == 0, "TensorBoard's file");
}
