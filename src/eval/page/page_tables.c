/* page_tables.c - the short table of statistics for a text: Markdown and LaTeX. */
#include "page_impl.h"
#include "pleat/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How a table is written. */
typedef struct markup {
    const char *file, *begin, *between, *end_row, *end;
    const char *special; /* characters that want `escape` before them; LaTeX has words for some */
    const char *dash;    /* between the ends of an interval */
} markup;

static const markup MARKUPS[] = {
    {"table.md",
     "| class | score | n | mean [95 %] | SD | median [95 %] | missed | spurious | penalised mean "
     "|\n"
     "|---|---|--:|---|--:|---|--:|--:|--:|\n| ",
     " | ", " |\n| ", "", "|\\`*_<>#[]", " to "},
    {"table.tex",
     "\\begin{tabular}{llrlrlrrr}\n\\hline\nclass & score & $n$ & mean [95\\,\\%] & SD & "
     "median [95\\,\\%] & missed & spurious & penalised mean \\\\\n\\hline\n",
     " & ", " \\\\\n", "\\hline\n\\end{tabular}\n", "#$%&_{}", "--"},
};

static void put_escaped(FILE *out, const markup *m, const char *text) {
    const int tex = m->special[0] == '#';
    for (; *text != '\0'; text++) {
        if (tex && *text == '\\')
            (void)fputs("\\textbackslash{}", out);
        else if (tex && (*text == '~' || *text == '^'))
            (void)fprintf(out, "\\%c{}", *text);
        else {
            if (strchr(m->special, *text) != NULL) (void)fputc('\\', out);
            (void)fputc(*text, out);
        }
    }
}

static void put_number(FILE *out, double x) {
    if (isnan(x))
        (void)fputc('-', out);
    else
        (void)fprintf(out, fabs(x) < 10.0 ? "%.3f" : "%.1f", x);
}

static void put_range(FILE *out, const markup *m, double x, const pleat_interval *interval) {
    put_number(out, x);
    if (isnan(x) || isnan(interval->low)) return;
    (void)fputs(" [", out);
    put_number(out, interval->low);
    (void)fputs(m->dash, out);
    put_number(out, interval->high);
    (void)fputc(']', out);
}

static void put_row(FILE *out, const markup *m, const pleat_estimates *e, int s, int c) {
    const pleat_score *score = pleat_scores_at(e->results->scores, s);
    const pleat_estimate *one = pleat_estimates_at(e, PLEAT_OVER_ALL, s, c);
    put_escaped(out, m, e->results->classes.name[c]);
    (void)fputs(m->between, out);
    put_escaped(out, m, score->name);
    if (score->unit[0] != '\0') (void)fprintf(out, ", %s", score->unit);
    (void)fprintf(out, "%s%d%s", m->between, one->n, m->between);
    put_range(out, m, one->mean, &one->bca);
    (void)fputs(m->between, out);
    put_number(out, one->sd);
    (void)fputs(m->between, out);
    put_range(out, m, one->median, &one->between);
    (void)fprintf(out, "%s%d%s%d%s", m->between, one->states[PLEAT_MISSED], m->between,
                  one->states[PLEAT_SPURIOUS], m->between);
    put_number(out, one->penalised);
}

static void put_table(FILE *out, const markup *m, const pleat_estimates *e) {
    const pleat_results *r = e->results;
    int rows = 0;
    (void)fputs(m->begin, out);
    for (int c = r->classes.n > 1 ? 1 : 0; c < r->classes.n; c++)
        for (int s = 0; s < pleat_scores_count(r->scores); s++) {
            if (!pleat_scores_at(r->scores, s)->brief) continue;
            if (!pleat_scores_apply(r->scores, s, &r->how, c)) continue;
            if (pleat_estimates_at(e, PLEAT_OVER_ALL, s, c)->unknown == r->n) continue;
            if (rows++ > 0) (void)fputs(m->end_row, out);
            put_row(out, m, e, s, c);
        }
    if (rows > 0 && m->end[0] != '\0') (void)fputs(m->end_row, out);
    if (m->end[0] == '\0') (void)fputs(" |\n", out);
    (void)fputs(m->end, out);
}

pleat_status page_write_tables(const pleat_estimates *e, const char *folder) {
    for (size_t i = 0; i < sizeof MARKUPS / sizeof *MARKUPS; i++) {
        char path[PLEAT_PATH_BYTES];
        pleat_file_text file;
        PLEAT_TRY(pleat_path(path, sizeof path, "%s/%s", folder, MARKUPS[i].file));
        PLEAT_TRY(pleat_file_text_begin(&file, path));
        put_table(file.out, &MARKUPS[i], e);
        PLEAT_TRY(pleat_file_text_end(&file, PLEAT_OK));
    }
    return PLEAT_OK;
}
