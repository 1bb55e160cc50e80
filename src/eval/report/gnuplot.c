/* gnuplot.c - figures as scripts that gnuplot draws in three formats. */
#include "gnuplot.h"

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

#define MM_PER_INCH 25.4
#define PNG_DPI     300.0
#define SVG_DPI     96.0 /* a CSS pixel */
#define POINT       72.0 /* to the inch */

enum { ENDINGS = 5 };
static const char *const endings[ENDINGS] = {"csv", "gp", "svg", "pdf", "png"};

/* --- the script ------------------------------------------------------------------------------- */

pleat_status pleat_gnuplot_open(const char *folder, const char *name, double width, double height,
                                pleat_gnuplot *g) {
    *g = (pleat_gnuplot){.folder = folder, .name = name, .width = width, .height = height};
    PLEAT_TRY(pleat_csv_open(&g->data));
    g->names = open_memstream(&g->text[0], &g->n[0]);
    g->body = open_memstream(&g->text[1], &g->n[1]);
    if (g->names != NULL && g->body != NULL) return PLEAT_OK;
    pleat_gnuplot_drop(g);
    return PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the figure '%s'", name);
}

void pleat_gnuplot_drop(pleat_gnuplot *g) {
    if (g->names != NULL) (void)fclose(g->names);
    if (g->body != NULL) (void)fclose(g->body);
    free(g->text[0]);
    free(g->text[1]);
    (void)fclose(g->data.out);
    free(g->data.text);
}

/* In single quotes, where only the quote itself is special. A character of UTF-8 is one byte that
 * is no continuation, and those that follow. */
int pleat_gnuplot_text(pleat_gnuplot *g, const char *text, int most) {
    int characters = 0;
    (void)fprintf(g->names, "text%d = '", ++g->named);
    for (; *text != '\0'; text++) {
        const int begins = ((unsigned char)*text & 0xC0U) != 0x80U;
        if (begins && most > 0 && characters++ == most) {
            (void)fputs("\xE2\x80\xA6", g->names); /* an ellipsis */
            break;
        }
        if (*text == '\'') (void)fputc('\'', g->names);
        (void)fputc((unsigned char)*text < ' ' ? ' ' : *text, g->names);
    }
    (void)fputs("'\n", g->names);
    return g->named;
}

void pleat_gnuplot_place(pleat_gnuplot *g, double left, double bottom, double width,
                         double height) {
    const double frame[4] = {left, bottom, width, height};
    memcpy(g->frame, frame, sizeof frame);
    (void)fprintf(g->body,
                  "unset label\nset lmargin at screen %.4f\nset rmargin at screen %.4f\n"
                  "set bmargin at screen %.4f\nset tmargin at screen %.4f\n",
                  left / g->width, (left + width) / g->width, bottom / g->height,
                  (bottom + height) / g->height);
}

/* By the frame and not by gnuplot's own places, which are of letters, unlike in each format. */
void pleat_gnuplot_label(pleat_gnuplot *g, pleat_beside where, int text) {
    const double *f = g->frame;
    const double x = where == PLEAT_LEFT ? f[0] - 9.5 : f[0] + 0.5 * f[2];
    const double y = where == PLEAT_LEFT    ? f[1] + 0.5 * f[3]
                     : where == PLEAT_ABOVE ? f[1] + f[3] + 2.4
                                            : f[1] - 6.6;
    (void)fprintf(g->body, "set label text%d at screen %.4f,%.4f center%s\n", text, x / g->width,
                  y / g->height, where == PLEAT_LEFT ? " rotate by 90" : "");
}

void pleat_gnuplot_range(pleat_gnuplot *g, char axis, double low, double high, double width) {
    static const double steps[] = {1.0, 2.0, 5.0};
    const double most = width / (axis == 'x' ? 9.0 : 6.0); /* ticks: numbers are wider than high */
    const double span = high > low ? high - low : 1.0;
    double power = pow(10.0, floor(log10(span / most))), step = 10.0 * power;
    for (int i = 2; i >= 0; i--)
        if (span / (steps[i] * power) <= most) step = steps[i] * power;
    (void)fprintf(g->body, "set %crange [%.9g:%.9g]\nset %ctics %.9g\n", axis,
                  step * floor(low / step + 1e-9), step * ceil((low + span) / step - 1e-9), axis,
                  step);
}

/* Sizes are those of the paper: what is 8 points in one format is so in all. gnuplot's cairo takes
 * a font's size at 96 dots an inch, and lines of a PDF as half as wide. */
static void put_terminals(FILE *out, const pleat_gnuplot *g) {
    const double w = g->width / MM_PER_INCH, h = g->height / MM_PER_INCH;
    (void)fprintf(out,
                  "    if (format eq 'svg') {\n"
                  "        set terminal svg noenhanced size %.0f,%.0f font 'Arial,%.2f' "
                  "linewidth %.2f background '#ffffff'\n"
                  "        small = 'Arial,%.2f'; dot = 1.33\n    }\n",
                  SVG_DPI * w, SVG_DPI * h, 8.0 * SVG_DPI / POINT, SVG_DPI / POINT,
                  7.0 * SVG_DPI / POINT);
    (void)fprintf(out,
                  "    if (format eq 'pdf') {\n"
                  "        set terminal pdfcairo noenhanced size %.3fin,%.3fin font 'Arial,8' "
                  "fontscale %.3f linewidth 2 background '#ffffff'\n"
                  "        small = 'Arial,7'; dot = 1\n    }\n",
                  w, h, POINT / SVG_DPI);
    (void)fprintf(out,
                  "    if (format eq 'png') {\n"
                  "        set terminal pngcairo noenhanced size %.0f,%.0f font 'Arial,8' "
                  "fontscale %.3f linewidth %.3f pointscale %.3f background '#ffffff'\n"
                  "        small = 'Arial,7'; dot = 1\n    }\n",
                  PNG_DPI * w, PNG_DPI * h, PNG_DPI / SVG_DPI, PNG_DPI / POINT, PNG_DPI / POINT);
    (void)fprintf(out, "    set output '%s.'.format\n", g->name);
}

static void put_script(FILE *out, const pleat_gnuplot *g, const char *what) {
    (void)fprintf(out,
                  "# %s\n# The numbers are in %s.csv. To draw it again: gnuplot %s.gp\n"
                  "reset\nset encoding utf8\nset datafile separator comma\n"
                  "data = '%s.csv'\n",
                  what, g->name, g->name, g->name);
    (void)fputs(g->text[0], out);
    (void)fputs("set border 3 linecolor rgb '#444444' linewidth 0.5\n"
                "set grid linecolor rgb '#dddddd' linetype 1 linewidth 0.5\n"
                "unset key\n"
                "do for [format in 'svg pdf png'] {\n",
                out);
    put_terminals(out, g);
    (void)fputs("    set tics nomirror out scale 0.4 font small textcolor rgb '#000000'\n"
                "    set xtics offset 0,0.4\n    set multiplot\n",
                out);
    (void)fputs(g->text[1], out);
    (void)fputs("    unset multiplot\n    unset output\n}\n", out);
}

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

static void draw(const char *figures, const char *script, int *missing) {
    const int code = run_gnuplot(figures, script);
    if (code < 0) ++*missing;
    if (code > 0)
        pleat_log(PLEAT_INFO,
                  "gnuplot could not draw '%s/%s' (exit %d); see: cd '%s' && gnuplot %s", figures,
                  script, code, figures, script);
}

pleat_status pleat_gnuplot_remove(const char *folder, const char *name) {
    char figures[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    PLEAT_TRY(pleat_run_path(folder, PLEAT_RUN_FIGURES, figures));
    PLEAT_TRY(pleat_file_make_part(figures));
    for (int e = 0; e < ENDINGS; e++) {
        PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s.%s", figures, name, endings[e]));
        (void)unlink(path);
    }
    return PLEAT_OK;
}

void pleat_gnuplot_tell(const char *folder, int missing) {
    if (missing > 0)
        pleat_log(PLEAT_INFO,
                  "%d figure%s not drawn: there is no gnuplot here; '%s/%s' has their data and "
                  "scripts: cd there && gnuplot *.gp",
                  missing, missing == 1 ? " is" : "s are", folder,
                  pleat_run_file_name(PLEAT_RUN_FIGURES));
}

static pleat_status write_files(pleat_gnuplot *g, const char *what, int *missing) {
    char figures[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES], file[80];
    pleat_file_text script;
    PLEAT_TRY(pleat_run_path(g->folder, PLEAT_RUN_FIGURES, figures));
    PLEAT_TRY(pleat_gnuplot_remove(g->folder, g->name));
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s.csv", figures, g->name));
    PLEAT_TRY(pleat_file_write_atomic(path, g->data.text, g->data.bytes));
    (void)snprintf(file, sizeof file, "%s.gp", g->name);
    PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", figures, file));
    PLEAT_TRY(pleat_file_text_begin(&script, path));
    put_script(script.out, g, what);
    PLEAT_TRY(pleat_file_text_end(&script, PLEAT_OK));
    if (missing != NULL) draw(figures, file, missing);
    return PLEAT_OK;
}

pleat_status pleat_gnuplot_close(pleat_gnuplot *g, const char *what, int *missing) {
    pleat_status status = PLEAT_OK;
    if (fflush(g->names) != 0 || fflush(g->body) != 0 || fflush(g->data.out) != 0)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the figure '%s'", g->name);
    if (status == PLEAT_OK) status = write_files(g, what, missing);
    pleat_gnuplot_drop(g);
    return status;
}
