/* journal.c - a fold's events as lines of JSON, its scalars for TensorBoard. */
#include "journal.h"

#include "pleat/log.h"
#include "pleat/rundir.h"

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
    if (pleat_fold_path(folder, PLEAT_FOLD_EVENTS, path) == PLEAT_OK) {
        cut_half_line(path);
        j->lines = fopen(path, "a");
    }
    check(j, j->lines != NULL, pleat_fold_file_name(PLEAT_FOLD_EVENTS));
    if (pleat_path(path, sizeof path, "%s/%s.%lld.%s.%ld", folder,
                   pleat_fold_file_name(PLEAT_FOLD_TENSORBOARD), (long long)time(NULL), host,
                   (long)getpid()) == PLEAT_OK)
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
    check(j, fflush(j->lines) == 0, pleat_fold_file_name(PLEAT_FOLD_EVENTS));
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

void pleat_journal_epoch(pleat_journal *j, int epoch, int64_t step, const pleat_epoch *row) {
    if (j == NULL) return;
    const struct {
        const char *key;
        pleat_scalar scalar;
    } columns[] = {
        {"loss", {"loss/train", row->loss}},
        {"tversky_loss", {"tversky/train", row->tversky}},
        {"dice_soft", {"dice_soft/train", row->dice_soft}},
        {"dice_crossentropy", {"dice_crossentropy/train", row->dice_crossentropy}},
        {"val_loss", {"loss/validation", row->val_loss}},
        {"val_tversky_loss", {"tversky/validation", row->val_tversky}},
        {"val_dice_soft", {"dice_soft/validation", row->val_dice_soft}},
        {"val_dice_crossentropy", {"dice_crossentropy/validation", row->val_dice_crossentropy}},
        {"lr", {"lr", row->lr}},
        {"seconds", {"seconds", row->seconds}},
    };
    enum { COLUMNS = sizeof columns / sizeof *columns };
    pleat_scalar scalars[COLUMNS];
    if (j->lines != NULL) begin_line(j, "epoch", epoch, step);
    for (int i = 0; i < COLUMNS; i++) {
        scalars[i] = columns[i].scalar;
        if (j->lines != NULL && isfinite(scalars[i].value))
            (void)fprintf(j->lines, ", \"%s\": %.9g", columns[i].key, scalars[i].value);
        else if (j->lines != NULL)
            (void)fprintf(j->lines, ", \"%s\": null", columns[i].key);
    }
    if (j->lines != NULL) end_line(j);
    if (j->scalars == NULL) return;
    pleat_tensorboard_scalars(j->scalars, seconds_now(), epoch, scalars, COLUMNS);
    check(j, fflush(j->scalars) == 0, "TensorBoard's file");
}
