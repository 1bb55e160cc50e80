/*
 * figures.c - box plots and training curves, drawn by gnuplot.
 *
 * FOLDER/figures/NAME.gp is a whole gnuplot script, numbers included, so a figure can be changed
 * and drawn again by hand; NAME.png and NAME.svg are what it draws. Without gnuplot there is only
 * the script.
 */
#include "pleat/figures.h"

#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROW        3   /* panels in a row; more than these go into two rows */
#define MOST_FOLDS 24  /* that a figure tells apart */
#define BOX_WIDTH  70  /* pixels for one box */
#define LEAST_WIDE 260 /* pixels of a panel */
#define PANEL_HIGH 340
#define SPREAD     0.4 /* of a box's points, where a box is 0.5 wide */

/* --- drawing ---------------------------------------------------------------------------------- */

/* gnuplot's exit code on the script `file` in `folder`; -1 when it cannot be started. */
static int run_gnuplot(const char *folder, const char *file) {
    pid_t child = -1;
    int status = -1;
    posix_spawn_file_actions_t actions;
    char *const arguments[] = {"gnuplot", (char *)file, NULL};
    if (posix_spawn_file_actions_init(&actions) != 0) return -1;
    if (posix_spawn_file_actions_addchdir_np(&actions, folder) == 0 &&
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO) == 0 &&
        posix_spawnp(&child, "gnuplot", &actions, NULL, arguments, environ) == 0)
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    (void)posix_spawn_file_actions_destroy(&actions);
    if (child < 0 || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status) == 127 ? -1 : WEXITSTATUS(status);
}

/* gnuplot writes through links, we do not. */
static pleat_status remove_link(const char *figures, const char *name, const char *ending) {
    char path[PLEAT_PATH_BYTES], target[1];
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s.%s", figures, name, ending));
    if (readlink(path, target, sizeof target) >= 0) (void)unlink(path);
    return PLEAT_OK;
}

/* Writes FOLDER/figures/NAME.gp and draws it. That it cannot be drawn is no error of the run. */
static pleat_status draw(const char *folder, const char *name, const char *script, size_t n) {
    char figures[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES], file[64];
    PLEAT_TRY(pleat_run_path(folder, PLEAT_RUN_FIGURES, figures));
    PLEAT_TRY(pleat_file_make_part(figures));
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s.gp", figures, name));
    PLEAT_TRY(pleat_file_write_atomic(path, script, n));
    PLEAT_TRY(remove_link(figures, name, "png"));
    PLEAT_TRY(remove_link(figures, name, "svg"));
    (void)snprintf(file, sizeof file, "%s.gp", name);
    const int code = run_gnuplot(figures, file);
    if (code < 0)
        pleat_log(PLEAT_INFO, "'%s' is not drawn: there is no gnuplot here", path);
    else if (code > 0)
        pleat_log(PLEAT_INFO, "gnuplot could not draw '%s' (exit %d); see: cd '%s' && gnuplot %s",
                  path, code, figures, file);
    return PLEAT_OK;
}

typedef struct script {
    FILE *out;
    char *text;
    size_t n;
} script;

static pleat_status open_script(script *s) {
    *s = (script){NULL, NULL, 0};
    s->out = open_memstream(&s->text, &s->n);
    PLEAT_CHECK(s->out != NULL, PLEAT_ERR_MEMORY, "no memory for a figure");
    return PLEAT_OK;
}

static pleat_status close_script(script *s, const char *folder, const char *name) {
    pleat_status status = PLEAT_OK;
    const int failed = ferror(s->out);
    if (fclose(s->out) != 0 || failed)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the figure '%s'", name);
    if (status == PLEAT_OK) status = draw(folder, name, s->text, s->n);
    free(s->text);
    return status;
}

/* A single-quoted string of gnuplot, in which only the quote itself is special. */
static void quote(FILE *out, const char *text) {
    (void)fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'') (void)fputc('\'', out);
        (void)fputc(*text == '\n' ? ' ' : *text, out);
    }
    (void)fputc('\'', out);
}

static void put_style(FILE *out) {
    (void)fputs("set style fill solid 0.35 border -1\n"
                "set style boxplot nooutliers\n"
                "set boxwidth 0.5\n"
                "set border 3 linecolor rgb '#666666'\n"
                "set grid ytics linecolor rgb '#dddddd' linetype 1\n"
                "set tics nomirror out\n",
                out);
}

static void put_format(FILE *out, const char *name, int png, int width, int height) {
    (void)fprintf(out, "set terminal %s noenhanced size %d,%d font 'sans,11'\nset output '%s.%s'\n",
                  png ? "pngcairo" : "svg", width, height, name, png ? "png" : "svg");
}

/* --- boxes ------------------------------------------------------------------------------------ */

/* $scores: block k * n + g is class k of group g, a line per case: its score and how far beside the
 * middle of its box the point stands. Counts the lines of a block and finds the least score. */
static void put_scores(FILE *out, int score, const pleat_report_variant *groups, int n, int *counts,
                       double *least) {
    const int classes = groups[0].results->classes.n;
    (void)fputs("$scores << EOD\n", out);
    for (int k = 0; k < classes; k++)
        for (int g = 0; g < n; g++) {
            int *count = &counts[k * n + g];
            for (int i = 0; i < groups[g].results->n; i++) {
                const double x = pleat_results_at(groups[g].results, i, score, k).x;
                if (isnan(x)) continue;
                const double turn = 0.6180339887 * ++*count; /* of the golden angle: no clusters */
                (void)fprintf(out, "%.6f %.3f\n", x, SPREAD * (turn - floor(turn) - 0.5));
                if (x < *least) *least = x;
            }
            (void)fputs(*count > 0 ? "\n\n" : "nan 0\n\n\n", out);
        }
    (void)fputs("EOD\n", out);
}

/* A share's axis ends at 1 and begins where the boxes do, another one's begins at 0. */
static void put_range(FILE *out, const pleat_score *score, double least) {
    if (score->unit[0] == '\0')
        (void)fprintf(out, "set yrange [%.1f:1]\n", floor(10.0 * least) / 10.0);
    else
        (void)fputs("set yrange [0:*]\n", out);
}

static void put_boxes(FILE *out, int k, int n, const int *counts, const pleat_score *score,
                      const char *class_name) {
    const char *unit = score->unit;
    (void)fputs("set title ", out);
    quote(out, class_name);
    (void)fprintf(out, "\nset ylabel '%s%s%s'\nplot NaN", score->name, unit[0] != '\0' ? ", " : "",
                  unit);
    for (int g = 0; g < n; g++)
        if (counts[k * n + g] > 0)
            (void)fprintf(
                out,
                ", \\\n $scores index %d using (%d):1 with boxplot linecolor rgb '#4477aa'"
                ", \\\n $scores index %d using (%d+$2):1 with points pointtype 7 "
                "pointsize 0.35 linecolor rgb '#222222'",
                k * n + g, g + 1, k * n + g, g + 1);
    (void)fputc('\n', out);
}

pleat_status pleat_figures_boxes(const char *folder, const char *name, int score,
                                 const pleat_report_variant *groups, int n) {
    const pleat_score *row = pleat_scores_at(groups[0].results->scores, score);
    const pleat_classes *list = &groups[0].results->classes;
    const int classes = list->n;
    const int first = classes > 1 ? 1 : 0, panels = classes - first;
    const int rows = panels > ROW ? 2 : 1, columns = (panels + rows - 1) / rows;
    const int panel = n * BOX_WIDTH > LEAST_WIDE ? n * BOX_WIDTH : LEAST_WIDE;
    double least = 0.99; /* an axis has some height */
    script s;
    int *counts = calloc((size_t)classes * (size_t)n + 1, sizeof *counts);
    PLEAT_CHECK(counts != NULL, PLEAT_ERR_MEMORY, "no memory for the figure '%s'", name);
    pleat_status status = open_script(&s);
    if (status != PLEAT_OK) {
        free(counts);
        return status;
    }
    (void)fprintf(s.out,
                  "# %s of every case: boxes from quartile to quartile, the line is the "
                  "median,\n# whiskers reach to the last case within 1.5 boxes. A block per "
                  "class and group.\n# To draw it again: gnuplot %s.gp\n",
                  row->name, name);
    put_scores(s.out, score, groups, n, counts, &least);
    put_style(s.out);
    (void)fputs("unset key\n", s.out);
    put_range(s.out, row, least);
    (void)fprintf(s.out, "set xrange [0.4:%d.6]\nset xtics %s(", n, n > 1 ? "rotate by -30 " : "");
    for (int g = 0; g < n; g++) {
        if (g > 0) (void)fputs(", ", s.out);
        quote(s.out, groups[g].name);
        (void)fprintf(s.out, " %d", g + 1);
    }
    (void)fputs(")\n", s.out);
    for (int png = 0; png < 2; png++) {
        put_format(s.out, name, png, columns * panel, rows * PANEL_HIGH);
        (void)fprintf(s.out, "set multiplot layout %d,%d\n", rows, columns);
        for (int k = first; k < classes; k++) put_boxes(s.out, k, n, counts, row, list->name[k]);
        (void)fputs("unset multiplot\n", s.out);
    }
    free(counts);
    return close_script(&s, folder, name);
}

/* --- curves ----------------------------------------------------------------------------------- */

/* A colour per fold; whole lines for training, dashed ones for the held-out cases. */
static pleat_status put_curves(FILE *out, const int *folds, int n, const char *title,
                               const char *column) {
    (void)fprintf(out, "set title '%s'\nplot NaN notitle", title);
    for (int i = 0; i < n; i++) {
        char path[PLEAT_PATH_BYTES]; /* as seen from the folder of the figures */
        PLEAT_TRY(pleat_run_fold_path("..", folds[i], PLEAT_FOLD_HISTORY, path));
        (void)fprintf(out,
                      ", \\\n '%s' using 'epoch':'%s' with lines linecolor %d linewidth 1.5 "
                      "title 'fold %d'"
                      ", \\\n '%s' using 'epoch':'val_%s' with lines linecolor %d dashtype 2 "
                      "linewidth 1.5 notitle",
                      path, column, i + 1, folds[i], path, column, i + 1);
    }
    (void)fputs(", \\\n NaN with lines linecolor rgb '#333333' linewidth 1.5 title 'training'"
                ", \\\n NaN with lines linecolor rgb '#333333' dashtype 2 linewidth 1.5 title "
                "'held out'\n",
                out);
    return PLEAT_OK;
}

/* Whether a fold's history has a column, which depends on the loss; a history that cannot be read
 * has them all. */
static int has_column(const char *run, int fold, const char *column) {
    char path[PLEAT_PATH_BYTES], *text = NULL;
    int found = 0;
    if (pleat_run_fold_path(run, fold, PLEAT_FOLD_HISTORY, path) != PLEAT_OK ||
        pleat_file_read_all(path, &text, NULL) != PLEAT_OK)
        return 1;
    text[strcspn(text, "\n")] = '\0';
    char *save = NULL;
    for (const char *word = strtok_r(text, "\t", &save); word != NULL && !found;
         word = strtok_r(NULL, "\t", &save))
        found = strcmp(word, column) == 0;
    free(text);
    return found;
}

static pleat_status draw_curves(const char *folder, const int *folds, int n) {
    const int dice = has_column(folder, folds[0], "dice_soft");
    script s;
    pleat_status status = PLEAT_OK;
    PLEAT_TRY(open_script(&s));
    (void)fprintf(s.out,
                  "# Loss and soft Dice of every epoch, from the folds' %s.\n"
                  "# To draw it again: gnuplot curves.gp\n"
                  "set datafile separator '\\t'\nset datafile missing ''\n",
                  pleat_fold_file_name(PLEAT_FOLD_HISTORY));
    put_style(s.out);
    (void)fputs("set key outside right center samplen 2\nset xlabel 'epoch'\n", s.out);
    for (int png = 0; png < 2 && status == PLEAT_OK; png++) {
        put_format(s.out, "curves", png, 1000, dice ? 700 : 350);
        (void)fprintf(s.out, "set multiplot layout %d,1\n", dice ? 2 : 1);
        (void)fputs("set logscale y\n", s.out);
        status = put_curves(s.out, folds, n, "loss", "loss");
        (void)fputs("unset logscale y\n", s.out);
        if (status == PLEAT_OK && dice)
            status = put_curves(s.out, folds, n, "soft Dice", "dice_soft");
        (void)fputs("unset multiplot\n", s.out);
    }
    const pleat_status closed = close_script(&s, folder, "curves");
    return status != PLEAT_OK ? status : closed;
}

pleat_status pleat_figures_run(const char *folder, const pleat_results *results) {
    int folds[MOST_FOLDS], n_folds = 0;
    char names[MOST_FOLDS][16];
    pleat_results part[MOST_FOLDS];
    pleat_report_variant group[MOST_FOLDS + 1];
    for (int i = 0; i < results->n; i++) {
        const int fold = results->cases[i].fold;
        if (i == 0 || fold != results->cases[i - 1].fold) {
            if (n_folds == MOST_FOLDS) break;
            folds[n_folds] = fold;
            (void)snprintf(names[n_folds], sizeof names[n_folds], "fold %d", fold);
            part[n_folds] = pleat_results_part(results, i, 0);
            group[n_folds] = (pleat_report_variant){names[n_folds], &part[n_folds]};
            n_folds++;
        }
        part[n_folds - 1].n++;
    }
    int groups = n_folds;
    if (n_folds == 0) return PLEAT_OK;
    if (n_folds > 1) group[groups++] = (pleat_report_variant){"all", results};
    PLEAT_TRY(pleat_figures_boxes(folder, "dice", PLEAT_HEADLINE, group, groups));
    return draw_curves(folder, folds, n_folds);
}
