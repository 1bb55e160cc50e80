/* progress_table.c - how far a run is, as a table for a terminal and as lines for a log. */
#include "pleat/progress.h"

#include "pleat/log.h"
#include "pleat/text.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FIXED     58 /* characters of a row beside bar and losses */
#define LEAST     4  /* of a bar that still shows something */
#define MOST_BAR  40
#define ROW_BYTES 1024
#define OLD_S     5.0 /* numbers younger than that are of now */

typedef struct sheet {
    char *out;
    size_t size, used;
    const pleat_terminal *terminal;
} sheet;

/* A line, cut to the width of a table that is redrawn in place; escapes take no place. */
static void add_line(sheet *s, const char *line) {
    const int most = s->terminal->rows == 0 ? INT_MAX : s->terminal->columns - 1;
    int wide = 0;
    for (const char *c = line; *c != '\0' && s->used + 8 < s->size;) {
        const char *next = c + 1;
        if (*c == '\033') {
            while (*next != '\0' && *next != 'm') next++;
            if (*next != '\0') next++;
        } else {
            while (((unsigned char)*next & 0xc0) == 0x80) next++;
            if (++wide > most) {
                c = next;
                continue;
            }
        }
        const size_t n = (size_t)(next - c);
        if (s->used + n + 2 >= s->size) break;
        memcpy(s->out + s->used, c, n);
        s->used += n;
        c = next;
    }
    if (s->used + 2 < s->size) s->out[s->used++] = '\n';
    s->out[s->used] = '\0';
}

static void add(char *row, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(char *row, const char *format, ...) {
    const size_t used = strlen(row);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(row + used, ROW_BYTES - used, format, args);
    va_end(args);
}

static void add_colour(char *row, const pleat_terminal *t, const char *code, const char *text) {
    add(row, "%s%s%s%s%s", t->colour ? "\033[" : "", t->colour ? code : "", t->colour ? "m" : "",
        text, t->colour ? "\033[0m" : "");
}

/* --- bar, losses ------------------------------------------------------------------------------ */

static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
static const char *const heights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const plain_heights[] = {"_", ".", ":", "-", "=", "+", "*", "#"};

/* They share what is left of a row. */
static int bar_width(const pleat_terminal *t) {
    const int room = t->columns - 1 - FIXED, half = room / 2;
    return room < LEAST ? 0 : half < MOST_BAR ? half : MOST_BAR;
}

static int curve_width(const pleat_terminal *t) {
    const int room = t->columns - 1 - FIXED - bar_width(t);
    return room < LEAST ? 0 : room < PLEAT_PROGRESS_LOSSES ? room : PLEAT_PROGRESS_LOSSES;
}

static void make_bar(double share, int width, int unicode, char *out, size_t size) {
    const double at = fmin(fmax(share, 0.0), 1.0) * width;
    const int whole = (int)at, eighth = unicode ? (int)((at - whole) * 8) : 0;
    size_t used = 0;
    int wide = whole;
    out[0] = '\0';
    for (int i = 0; i < whole; i++)
        used += (size_t)snprintf(out + used, size - used, "%s", unicode ? "█" : "#");
    if (eighth > 0 && wide < width) {
        used += (size_t)snprintf(out + used, size - used, "%s", eighths[eighth]);
        wide++;
    }
    for (; wide < width; wide++)
        used += (size_t)snprintf(out + used, size - used, "%s", unicode ? "░" : ".");
}

/* The losses of the epochs, each a height between the lowest and the highest of them. */
static void make_losses(const pleat_progress_state *state, int width, int unicode, char *out,
                        size_t size) {
    const int n = state->n_losses, shown = n < width ? n : width;
    double low = INFINITY, high = -INFINITY;
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        low = fmin(low, state->losses[i]);
        high = fmax(high, state->losses[i]);
    }
    for (int i = 0; i < width; i++) {
        const double x = i < shown ? state->losses[(i + 1) * n / shown - 1] : NAN;
        const double share = high > low ? (x - low) / (high - low) : 0.0;
        const int height = isfinite(x) ? (int)fmin(7.0, 8.0 * share) : -1;
        used += (size_t)snprintf(out + used, size - used, "%s",
                                 height < 0 ? " "
                                 : unicode  ? heights[height]
                                            : plain_heights[height]);
    }
}

/* --- a fold ----------------------------------------------------------------------------------- */

static const char *who(const pleat_progress_state *state, char out[160]) {
    (void)snprintf(out, 160, "%.63s process %lld%s%.63s", state->host, (long long)state->process,
                   state->job[0] != '\0' ? ", " : "", state->job);
    return out;
}

/* Why a fold makes no steps: nobody computes it, or its first is being prepared; else "". */
static void say_still(const pleat_progress_view *view, int fold, char *out, size_t size) {
    const pleat_progress_state *state = &view->fold[fold];
    char age[PLEAT_DURATION_BYTES], host[160];
    (void)pleat_duration(pleat_progress_age(view, state), age);
    out[0] = '\0';
    if (pleat_progress_is_silent(view, state))
        (void)snprintf(out, size, "no sign of life for %s (%s)", age, who(state, host));
    else if (state->phase == PLEAT_PHASE_WAITING)
        (void)snprintf(out, size, "not begun");
    else if (state->phase == PLEAT_PHASE_STOPPED)
        (void)snprintf(out, size, "stopped %s ago: %s; checkpointed", age, state->what);
    else if (state->phase == PLEAT_PHASE_FAILED)
        (void)snprintf(out, size, "failed %s ago: %s", age, state->what);
    else if (!pleat_phase_is_active(state->phase))
        (void)snprintf(out, size, "%s", pleat_phase_name(state->phase));
    else if (state->steps == 0 && state->phase == PLEAT_PHASE_TRAINING)
        (void)snprintf(out, size, "preparing its first step");
}

static const char *colour_of(const pleat_progress_view *view, int fold) {
    const pleat_progress_state *state = &view->fold[fold];
    if (state->phase == PLEAT_PHASE_FAILED) return "31";
    if (state->phase == PLEAT_PHASE_STOPPED || pleat_progress_is_silent(view, state)) return "33";
    if (state->phase == PLEAT_PHASE_FINISHED || state->phase == PLEAT_PHASE_TRAINED) return "32";
    return "2";
}

static double share_of(const pleat_progress_state *state) {
    if (state->phase == PLEAT_PHASE_PREDICTING)
        return state->total > 0 ? (double)state->done / state->total : 0.0;
    const double steps = (double)state->epochs * state->steps;
    return steps > 0.0 ? ((double)state->epoch * state->steps + state->step) / steps : 0.0;
}

static void add_fold(sheet *s, const pleat_progress_view *view, int fold) {
    const pleat_progress_state *state = &view->fold[fold];
    const pleat_terminal *t = s->terminal;
    char row[ROW_BYTES] = "", text[ROW_BYTES], epoch[24], step[24], loss[16] = "-", speed[16] = "-",
         left[PLEAT_DURATION_BYTES];
    const int bar = bar_width(t), curve = curve_width(t);
    const int epochs = state->epoch < state->epochs ? state->epoch + 1 : state->epoch;
    (void)snprintf(epoch, sizeof epoch, "%d/%d", epochs, state->epochs);
    (void)snprintf(step, sizeof step, "%d/%d", state->step, state->steps);
    if (state->phase == PLEAT_PHASE_PREDICTING)
        (void)snprintf(step, sizeof step, "%d/%d", state->done, state->total);
    if (isfinite(state->loss)) (void)snprintf(loss, sizeof loss, "%.4f", state->loss);
    if (state->patches_s > 0.0) (void)snprintf(speed, sizeof speed, "%.3g", state->patches_s);
    say_still(view, fold, text, sizeof text);
    add(row, "%4d  ", fold);
    if (text[0] != '\0') {
        add_colour(row, t, colour_of(view, fold), text);
        add_line(s, row);
        return;
    }
    make_bar(share_of(state), bar, t->unicode, text, sizeof text);
    add_colour(row, t, state->phase == PLEAT_PHASE_PREDICTING ? "35" : "36", text);
    add(row, " %9s %9s %8s ", epoch, step, loss);
    make_losses(state, curve, t->unicode, text, sizeof text);
    add_colour(row, t, "33", text);
    add(row, " %7s  %s", speed, pleat_duration(pleat_progress_left(view, fold), left));
    if (state->phase == PLEAT_PHASE_PREDICTING) add(row, ", predicting");
    add_line(s, row);
}

/* --- the run ---------------------------------------------------------------------------------- */

static void add_head(sheet *s, const pleat_progress_view *view) {
    int count[3] = {0}; /* under way, finished, neither */
    double age_s = 0.0; /* of the oldest number of a fold under way */
    char row[ROW_BYTES] = "", left[PLEAT_DURATION_BYTES], shown[ROW_BYTES / 2];
    for (int fold = view->begin; fold < view->end; fold++) {
        const pleat_progress_state *state = &view->fold[fold];
        const int done =
            state->phase == PLEAT_PHASE_FINISHED || state->phase == PLEAT_PHASE_TRAINED;
        const int active =
            pleat_phase_is_active(state->phase) && !pleat_progress_is_silent(view, state);
        count[active ? 0 : done ? 1 : 2]++;
        if (active) age_s = fmax(age_s, pleat_progress_age(view, state));
    }
    add(row, "%d fold%s under way, %d finished, %d to do", count[0], pleat_plural(count[0]),
        count[1], count[2]);
    if (count[0] > 0 && view->left_s >= 0.0)
        add(row, "; %s left", pleat_duration(view->left_s, left));
    if (age_s >= OLD_S) add(row, ", as of %s ago", pleat_duration(age_s, left));
    pleat_text_show(view->run, shown, sizeof shown);
    add(row, "   %s", shown);
    add_line(s, row);
}

/* What is done outside of folds, where it says something. */
static void add_whole(sheet *s, const pleat_progress_view *view) {
    const pleat_progress_state *whole = &view->whole;
    char row[ROW_BYTES] = "", left[PLEAT_DURATION_BYTES], host[160];
    if (pleat_progress_is_silent(view, whole))
        add(row, "      the first process has given no sign of life for %s (%s)",
            pleat_duration(pleat_progress_age(view, whole), left), who(whole, host));
    else if (whole->phase == PLEAT_PHASE_WORKING)
        add(row, "      %s %d/%d%s%s%s", whole->what, whole->done, whole->total,
            whole->left_s >= 0.0 ? ", " : "",
            whole->left_s >= 0.0 ? pleat_duration(whole->left_s, left) : "",
            whole->left_s >= 0.0 ? " left" : "");
    else if (whole->phase == PLEAT_PHASE_STOPPED || whole->phase == PLEAT_PHASE_FAILED)
        add(row, "      %s %s ago: %s", pleat_phase_name(whole->phase),
            pleat_duration(pleat_progress_age(view, whole), left), whole->what);
    if (row[0] != '\0') add_line(s, row);
}

void pleat_progress_table(const pleat_progress_view *view, const pleat_terminal *terminal,
                          char *out, size_t size) {
    sheet s = {out, size, 0, terminal};
    char row[ROW_BYTES] = "";
    const int bar = bar_width(terminal), curve = curve_width(terminal);
    out[0] = '\0';
    add_head(&s, view);
    add_whole(&s, view);
    add(row, "fold  %-*s %9s %9s %8s %-*s %7s  %s", bar, bar > 0 ? "trained" : "", "epoch", "step",
        "loss", curve, "", "patch/s", "left");
    add_line(&s, row);
    /* Those at work first, then by number; as many as there is room for. */
    int rows = terminal->rows == 0 ? view->end - view->begin : terminal->rows - 5, left_out = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int fold = view->begin; fold < view->end; fold++) {
            const pleat_progress_state *state = &view->fold[fold];
            const int active =
                pleat_phase_is_active(state->phase) && !pleat_progress_is_silent(view, state);
            if (active == pass) continue;
            if (rows-- > 0)
                add_fold(&s, view, fold);
            else
                left_out++;
        }
    row[0] = '\0';
    add(row, "      and %d more", left_out);
    if (left_out > 0) add_line(&s, row);
}

void pleat_progress_line(const pleat_progress_view *view, int fold, char *out, size_t size) {
    const pleat_progress_state *state = &view->fold[fold];
    const double age_s = pleat_progress_age(view, state);
    char row[ROW_BYTES] = "", left[PLEAT_DURATION_BYTES];
    add(row, "fold=%d ", fold);
    if (state->phase == PLEAT_PHASE_PREDICTING)
        add(row, "predicted=%d/%d", state->done, state->total);
    else if (state->steps == 0)
        add(row, "is preparing its first step");
    else
        add(row, "epoch=%d/%d step=%d/%d", state->epoch + 1, state->epochs, state->step,
            state->steps);
    if (state->phase == PLEAT_PHASE_VALIDATION) add(row, " validation");
    if (isfinite(state->loss)) add(row, " loss=%.4f", state->loss);
    if (state->patches_s > 0.0) add(row, " %.2f patch/s", state->patches_s);
    const double fold_left = pleat_progress_left(view, fold);
    if (fold_left >= 0.0 && state->steps > 0)
        add(row, ", %s left", pleat_duration(fold_left, left));
    if (view->left_s >= 0.0) add(row, ", of the run %s left", pleat_duration(view->left_s, left));
    if (age_s >= OLD_S) add(row, ", as of %s ago", pleat_duration(age_s, left));
    (void)snprintf(out, size, "%s", row);
}
