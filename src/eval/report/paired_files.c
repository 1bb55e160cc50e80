/* paired_files.c - a comparison on the terminal, as CSV and as JSON. */
#include "cells.h"

#include "pleat/csv.h"
#include "pleat/estimates.h"
#include "pleat/json.h"
#include "pleat/paired.h"
#include "pleat/terminal.h"
#include "pleat/text.h"

#include <jansson.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "pleat/comparison/1"
#define DIGITS 10

/* --- what a score is to pleat ----------------------------------------------------------------- */

const pleat_score *pleat_paired_score(const pleat_paired *row) {
    const pleat_scores *all = pleat_scores_all();
    for (int s = 0; s < pleat_scores_count(all); s++)
        if (strcmp(pleat_scores_at(all, s)->name, row->score) == 0) return pleat_scores_at(all, s);
    return NULL;
}

/* Cases in which B is better; of a score that pleat does not know, or of which neither way is
 * better, those in which it is higher. */
static int better(const pleat_paired *row) {
    const pleat_score *score = pleat_paired_score(row);
    return score != NULL && score->better == PLEAT_LOWER_IS_BETTER ? row->lower : row->higher;
}

int pleat_paired_is_brief(const pleat_paired *row) {
    const pleat_score *score = pleat_paired_score(row);
    return score != NULL && score->brief && score->better != PLEAT_NEITHER_IS_BETTER;
}

/* --- the table -------------------------------------------------------------------------------- */

static void put_row(cells *t, const pleat_paired *row) {
    cells_put(t, "    %.60s", row->class_name);
    cells_put(t, "%d", row->n);
    cells_number(t, "%.4g", row->mean_a);
    cells_number(t, "%.4g", row->mean_b);
    cells_number(t, "%+.4g", row->mean);
    if (isnan(row->bca.low))
        cells_put(t, "-");
    else
        cells_put(t, "[%+.4g, %+.4g]", row->bca.low, row->bca.high);
    cells_put(t, "%d : %d", better(row), row->higher + row->lower - better(row));
    cells_number(t, "%.3g", row->wilcoxon.p);
    cells_number(t, "%.3g", row->p_holm);
    cells_number(t, "%.3g", row->false_ranking);
    cells_end_row(t);
}

static int is_printed(const pleat_paired *row, int all) {
    return all || pleat_paired_is_brief(row);
}

/* What is not in the table: scores that are not telling. */
static void put_others(FILE *out, const pleat_comparison *c, int all) {
    int others = 0;
    for (int i = 0; i < c->n; i++)
        others +=
            !is_printed(&c->row[i], all) && (i == 0 || c->row[i].score != c->row[i - 1].score);
    if (others > 0)
        (void)fprintf(out, "  %d more score%s: --all-scores, --csv, --json\n", others,
                      pleat_plural(others));
}

/* What the rows that are printed lack, a line each; or `below` their tables. */
static void put_warnings(FILE *out, const pleat_comparison *c, int all, int below) {
    const int indent = below ? 2 : 0, page = below ? PAGE : 0;
    const char *before = below ? "warning: " : "";
    int left_out = 0, undecided = 0;
    for (int i = 0; i < c->n; i++) {
        if (!is_printed(&c->row[i], all)) continue;
        left_out += c->row[i].left_out;
        undecided += !(c->row[i].p_holm <= 1.0 - PLEAT_LEVEL); /* also of NaN */
    }
    if (left_out > 0)
        pleat_terminal_print(out, indent, page,
                             "%s%d time%s a case has a score in one of the two alone, as after a "
                             "miss, and is left out: see DSC, which has all",
                             before, left_out, pleat_plural(left_out));
    if (c->unlike > 0)
        pleat_terminal_print(out, indent, page, "%snot compared, since %s%s", before, c->what,
                             c->unlike > 1 ? ", and others" : "");
    if (c->groups < PLEAT_FEW_CASES && undecided > 0)
        pleat_terminal_print(out, indent, page,
                             "%swith %d %s%s, fewer than %d, a real difference may be missed",
                             before, c->groups, c->grouped ? "group" : "case",
                             pleat_plural(c->groups), PLEAT_FEW_CASES);
}

/* What the numbers are, and whether they can be trusted. */
static void put_notes(FILE *out, const pleat_comparison *c, int all) {
    const char *what = c->grouped ? "group" : "case";
    pleat_terminal_print(
        out, 2, PAGE,
        "Differences are B - A of the same case, over %d case%s. better: cases in which B is, and "
        "in which A is. Intervals: BCa bootstrap over %d %s%s, seed %llu. p: Wilcoxon's signed "
        "ranks, two-sided. Holm: p corrected for the tests of the same score, all of which are "
        "printed. wrong sign: how likely the true mean difference has the other sign than the one "
        "found. All of it holds for these predictions, not for other seeds or models trained "
        "again.",
        c->cases, pleat_plural(c->cases), c->groups, what, pleat_plural(c->groups),
        (unsigned long long)c->seed);
    put_others(out, c, all);
    put_warnings(out, c, all, 1);
}

/* The title of a table and its head. */
static void put_head(cells *t, const pleat_comparison *c, const pleat_paired *row) {
    static const char *const names[] = {"    ", "n",      "A", "B",    "B - A",
                                        "95 %", "better", "p", "Holm", "wrong sign"};
    const pleat_score *score = pleat_paired_score(row);
    if (t->out != NULL) {
        (void)fprintf(t->out, "\n%s%s%s", score != NULL ? score->title : row->score,
                      score != NULL && score->unit[0] != '\0' ? ", " : "",
                      score != NULL ? score->unit : "");
        if (c->sets > 2) (void)fprintf(t->out, ": A and B%d", row->b);
        (void)fputc('\n', t->out);
    }
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) cells_put(t, "%s", names[k]);
    cells_end_row(t);
}

static void put_tables(cells *t, const pleat_comparison *c, int all) {
    const pleat_paired *before = NULL;
    for (int i = 0; i < c->n; i++) {
        const pleat_paired *row = &c->row[i];
        if (!is_printed(row, all)) continue;
        if (before == NULL || before->score != row->score || before->b != row->b)
            put_head(t, c, row);
        put_row(t, row);
        before = row;
    }
}

/* Columns in the order in which they are left out where a terminal is too narrow: wrong sign, A, B,
 * the uncorrected p. */
static const int spare[] = {9, 2, 3, 7};

void pleat_comparison_print(FILE *out, const pleat_comparison *c, int all) {
    cells t = {0};
    int brief = 0;
    for (int i = 0; i < c->n; i++) brief += pleat_paired_is_brief(&c->row[i]);
    all = all || brief == 0;
    (void)fprintf(out, "A: %s\n", c->names[0]);
    for (int b = 1; b < c->sets; b++)
        (void)(c->sets > 2 ? fprintf(out, "B%d: %s\n", b, c->names[b])
                           : fprintf(out, "B: %s\n", c->names[b]));
    put_tables(&t, c, all);
    const int hidden =
        cells_fit(&t, pleat_terminal_width(fileno(out)), spare, sizeof spare / sizeof *spare);
    t.out = out;
    put_tables(&t, c, all);
    if (hidden > 0)
        pleat_terminal_print(
            out, 2, PAGE,
            "(the terminal is too narrow for all columns; a pipe, --csv and --json "
            "have them)");
    (void)fputc('\n', out);
    put_notes(out, c, all);
}

/* --- files ------------------------------------------------------------------------------------ */

enum { WHOLES = 6, REALS = 11 };

static const char *const whole_names[WHOLES] = {"n",     "left_out", "higher",
                                                "lower", "equal",    "exact"};
static const char *const real_names[REALS] = {
    "mean_a",    "mean_b",     "difference", "low",    "high",         "median_difference",
    "rank_plus", "rank_minus", "p",          "p_holm", "false_ranking"};

static void numbers_of(const pleat_paired *row, int whole[WHOLES], double real[REALS]) {
    const int counts[WHOLES] = {row->n,     row->left_out, row->higher,
                                row->lower, row->equal,    row->wilcoxon.exact};
    const double numbers[REALS] = {row->mean_a,        row->mean_b,         row->mean,
                                   row->bca.low,       row->bca.high,       row->median,
                                   row->wilcoxon.plus, row->wilcoxon.minus, row->wilcoxon.p,
                                   row->p_holm,        row->false_ranking};
    memcpy(whole, counts, sizeof counts);
    memcpy(real, numbers, sizeof numbers);
}

pleat_status pleat_comparison_csv(FILE *out, const pleat_comparison *c) {
    static const char *const columns[] = {"a", "b", "score", "class"};
    pleat_csv csv;
    PLEAT_TRY(pleat_csv_open(&csv));
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) pleat_csv_text(&csv, columns[k]);
    for (int k = 0; k < WHOLES; k++) pleat_csv_text(&csv, whole_names[k]);
    for (int k = 0; k < REALS; k++) pleat_csv_text(&csv, real_names[k]);
    pleat_csv_end_row(&csv);
    for (int i = 0; i < c->n; i++) {
        int whole[WHOLES];
        double real[REALS];
        const char *const words[] = {c->names[0], c->names[c->row[i].b], c->row[i].score,
                                     c->row[i].class_name};
        numbers_of(&c->row[i], whole, real);
        for (int k = 0; k < 4; k++) pleat_csv_text(&csv, words[k]);
        for (int k = 0; k < WHOLES; k++) pleat_csv_rounded(&csv, whole[k], DIGITS);
        for (int k = 0; k < REALS; k++) pleat_csv_rounded(&csv, real[k], DIGITS);
        pleat_csv_end_row(&csv);
    }
    return pleat_csv_send(&csv, out);
}

static json_t *row_of(const pleat_comparison *c, int i, int *lost) {
    int whole[WHOLES];
    double real[REALS];
    numbers_of(&c->row[i], whole, real);
    json_t *object =
        json_pack("{so so so so}", "a", pleat_json_text(c->names[0]), "b",
                  pleat_json_text(c->names[c->row[i].b]), "score", pleat_json_text(c->row[i].score),
                  "class", pleat_json_text(c->row[i].class_name));
    for (int k = 0; k < WHOLES; k++)
        *lost += json_object_set_new(object, whole_names[k], json_integer(whole[k])) != 0;
    for (int k = 0; k < REALS; k++)
        *lost += json_object_set_new(object, real_names[k], pleat_json_real(real[k])) != 0;
    return object;
}

pleat_status pleat_comparison_json(FILE *out, const pleat_comparison *c) {
    int lost = 0;
    char *warnings = NULL;
    size_t bytes = 0;
    FILE *lines = open_memstream(&warnings, &bytes);
    PLEAT_CHECK(lines != NULL, PLEAT_ERR_MEMORY, "no memory for warnings");
    put_warnings(lines, c, 1, 0);
    if (fclose(lines) != 0) lost++;
    json_t *rows = json_array();
    for (int i = 0; i < c->n; i++) lost += json_array_append_new(rows, row_of(c, i, &lost)) != 0;
    json_t *root = json_pack("{ss si si si so so}", "schema", SCHEMA, "cases", c->cases, "groups",
                             c->groups, "resamples", PLEAT_RESAMPLES, "warnings",
                             pleat_json_warnings(warnings), "comparisons", rows);
    free(warnings);
    char *text = lost == 0 && root != NULL ? pleat_json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    PLEAT_CHECK(text != NULL, PLEAT_ERR_MEMORY, "no memory for a comparison of %d cases", c->cases);
    const int failed = fputs(text, out) < 0 || fputc('\n', out) == EOF;
    free(text);
    PLEAT_CHECK(!failed, PLEAT_ERR_IO, "the comparison cannot be printed: %s", strerror(errno));
    return PLEAT_OK;
}
