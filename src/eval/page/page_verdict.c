/* page_verdict.c - what a reader should know first, in sentences. */
#include "page_impl.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAMES = 8, MOST_WARNINGS = 50 };

void pleat_page_put_text(FILE *out, const char *text) {
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
            (void)fprintf(out, "&#%d;", c);
        else if (c >= ' ' && c != 127)
            (void)fputc(c, out);
        else
            (void)fputc(' ', out);
    }
}

/* printf of text of ours alone: what others wrote goes through pleat_page_put_text. */
static void say(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(FILE *out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vfprintf(out, format, args);
    va_end(args);
}

static void part(FILE *out, const char *heading, const char *id) {
    say(out, "<section id=\"%s\"><h3>%s</h3>\n", id, heading);
}

static int first_class(const page *p) { return p->results->classes.n > 1 ? 1 : 0; }

static const char *share(double x, char out[24]) {
    (void)snprintf(out, 24, isnan(x) ? "-" : "%.3f", x);
    return out;
}

/* --- how good --------------------------------------------------------------------------------- */

static void put_good(FILE *out, const page *p) {
    const pleat_estimates *e = p->source->estimates;
    const char *title = pleat_scores_at(p->results->scores, PLEAT_HEADLINE)->title;
    char a[24], b[24], c[24];
    say(out, "<ul class=\"good\">\n");
    for (int k = first_class(p); k < p->results->classes.n; k++) {
        const pleat_estimate *one = pleat_estimates_at(e, PLEAT_OVER_ALL, PLEAT_HEADLINE, k);
        const int missed = one->states[PLEAT_MISSED], spurious = one->states[PLEAT_SPURIOUS];
        say(out, "<li><b>");
        pleat_page_put_text(out, p->results->classes.name[k]);
        say(out, "</b>: ");
        if (one->n == 0)
            say(out, "no case has a score");
        else
            say(out, "mean %s <strong>%s</strong>", title, share(one->mean, a));
        if (one->n > 1 && !isnan(one->bca.low))
            say(out, " (95&nbsp;%% interval %s to %s)", share(one->bca.low, b),
                share(one->bca.high, c));
        say(out, ", %d case%s", one->n, pleat_plural(one->n));
        if (p->results->repeats > 1) say(out, ", evaluated %d times", one->judged);
        if (missed > 0) say(out, "; <strong class=\"bad\">missed in %d</strong>", missed);
        if (one->apart > 0)
            say(out, "; <strong class=\"bad\">no overlap in %d</strong>", one->apart);
        if (spurious > 0) say(out, "; <strong class=\"bad\">spurious in %d</strong>", spurious);
        if (one->states[PLEAT_ABSENT] > 0)
            say(out, "; in neither truth nor prediction of %d", one->states[PLEAT_ABSENT]);
        say(out, ".</li>\n");
    }
    say(out, "</ul>\n");
}

/* --- how sure --------------------------------------------------------------------------------- */

static const char *these(int n) { return n == 1 ? "this" : "these"; }

static void put_sure(FILE *out, const page *p, int models) {
    const pleat_estimates *e = p->source->estimates;
    say(out,
        "<p>An interval covers %s %d %s%s%s for the models of %s %d fold%s. It says nothing of "
        "other seeds, nor of models trained again.</p>\n",
        these(e->groups), e->groups, e->by_patient ? "group" : "case", pleat_plural(e->groups),
        e->by_patient ? " of cases" : "", these(models), models, pleat_plural(models));
    if (p->results->repeats > 1)
        say(out,
            "<p>Each case was evaluated once in each of %d repeats of the cross-validation; these "
            "evaluations are not independent, so it counts as one case.</p>\n",
            p->results->repeats);
    if (e->groups < PLEAT_FEW_CASES)
        say(out, "<p class=\"note\">%d %s%s %s fewer than %d: means and intervals are rough.</p>\n",
            e->groups, e->by_patient ? "group" : "case", pleat_plural(e->groups),
            e->groups == 1 ? "is" : "are", PLEAT_FEW_CASES);
}

/* --- what is wrong ---------------------------------------------------------------------------- */

static void put_lines(FILE *out, char *lines, int n) { /* as a list of names; eats `lines` */
    char *save = NULL;
    int i = 0;
    for (char *line = strtok_r(lines, "\n", &save); line != NULL && i < MOST_NAMES;
         line = strtok_r(NULL, "\n", &save)) {
        say(out, "%s", i++ > 0 ? ", " : "");
        pleat_page_put_text(out, line);
    }
    if (n > i) say(out, " and %d more", n - i);
}

static int put_folds(FILE *out, const page *p) {
    int wrong = 0;
    for (int fold = 0; fold < p->source->folds; fold++) {
        const fold_facts *f = &p->folds[fold];
        if (f->state == FOLD_SCORED) continue;
        wrong++;
        say(out, "<li class=\"bad\">Fold %d has no scores (%s; %d of %d epochs", fold,
            fold_state_name(f->state), f->epochs, p->source->epochs);
        say(out, f->why[0] != '\0' ? "): &#8220;" : ")");
        pleat_page_put_text(out, f->why);
        if (f->why[0] != '\0') say(out, "&#8221;");
        if (f->cases != NULL && f->n > 0) {
            char *names = strdup(f->cases);
            say(out, ". Its %d case%s in none of the numbers below: ", f->n,
                f->n == 1 ? " is" : "s are");
            if (names != NULL) put_lines(out, names, f->n);
            free(names);
        }
        say(out, ". The same command again resumes it.</li>\n");
    }
    return wrong;
}

/* Cases in which class c is in a state; PLEAT_PRESENT: in both, without overlap. */
static int put_state(FILE *out, const page *p, int c, pleat_presence state, const char *words) {
    int n = 0;
    for (int i = 0; i < p->results->n; i++) {
        if (pleat_results_at(p->results, i, PLEAT_HEADLINE, c).presence != state) continue;
        if (state == PLEAT_PRESENT && !pleat_results_apart(p->results, i, c)) continue;
        if (n == 0) {
            say(out, "<li class=\"bad\">");
            pleat_page_put_text(out, p->results->classes.name[c]);
            say(out, " %s: ", words);
        }
        if (n < MOST_NAMES) {
            say(out, "%s", n > 0 ? ", " : "");
            pleat_page_put_text(out, p->results->cases[i].id);
            if (p->results->repeats > 1) say(out, " (fold %d)", p->results->cases[i].fold);
        }
        n++;
    }
    if (n > MOST_NAMES) say(out, " and %d more", n - MOST_NAMES);
    if (n > 0) say(out, ".</li>\n");
    return n > 0;
}

static int unknown_cases(const page *p) {
    int most = 0;
    const pleat_results *r = p->results;
    for (int s = 0; s < pleat_scores_count(r->scores); s++)
        for (int c = 0; c < r->classes.n; c++) {
            const int n = pleat_estimates_at(p->source->estimates, PLEAT_OVER_ALL, s, c)->unknown;
            if (n > most) most = n;
        }
    return most;
}

static int put_results(FILE *out, const page *p) {
    int wrong = 0;
    for (int c = first_class(p); c < p->results->classes.n; c++) {
        wrong += put_state(out, p, c, PLEAT_MISSED,
                           "was missed: it is in the truth, not in the "
                           "prediction of");
        wrong +=
            put_state(out, p, c, PLEAT_PRESENT,
                      "was predicted entirely elsewhere: truth and prediction have no voxel in "
                      "common in");
        wrong += put_state(out, p, c, PLEAT_SPURIOUS,
                           "is spurious: it is in the prediction, not in the truth of");
        wrong += put_state(out, p, c, PLEAT_ABSENT,
                           "is in neither truth nor prediction, so that nothing can be scored, of");
    }
    const int unknown = unknown_cases(p);
    if (unknown > 0)
        say(out,
            "<li class=\"bad\">%d prediction%s scored by a pleat that did not have all of today's "
            "scores; "
            "<code>pleat report RUN --rescore</code> computes them.</li>\n",
            unknown, unknown == 1 ? " was" : "s were");
    return wrong + (unknown > 0);
}

static int put_warnings(FILE *out) {
    const int n = pleat_warn_count();
    for (int i = 0; i < n && i < MOST_WARNINGS; i++) {
        say(out, "<li class=\"bad\">Warning: ");
        pleat_page_put_text(out, pleat_warn_text(i));
        say(out, "</li>\n");
    }
    if (n > MOST_WARNINGS)
        say(out, "<li class=\"bad\">%d more warnings; run.json has all.</li>\n", n - MOST_WARNINGS);
    return n;
}

void page_put_verdict(FILE *out, const page *p) {
    int scored = 0;
    for (int fold = 0; fold < p->source->folds; fold++)
        scored += p->folds[fold].state == FOLD_SCORED;
    part(out, "What was asked", "asked");
    say(out, "<p>");
    pleat_page_put_text(out, p->source->asked);
    say(out, "</p></section>\n");
    part(out, "How good it is", "good");
    if (p->results != NULL)
        put_good(out, p);
    else
        say(out, "<p class=\"bad\">Not known: no fold has scores yet.</p>\n");
    say(out, "</section>\n");
    part(out, "How sure that is", "sure");
    say(out, "<p>%d of %d fold%s %s scores.</p>\n", scored, p->source->folds,
        pleat_plural(p->source->folds), scored == 1 ? "has" : "have");
    if (p->results != NULL) put_sure(out, p, scored);
    say(out, "</section>\n");
    part(out, "What is wrong", "wrong");
    say(out, "<ul>\n");
    int wrong = put_folds(out, p);
    if (p->results != NULL) wrong += put_results(out, p);
    wrong += put_warnings(out);
    if (wrong == 0)
        say(out,
            "<li class=\"fine\">Nothing was found: every fold has scores, no class was missed, "
            "predicted elsewhere or made up, there are no warnings.</li>\n");
    say(out, "</ul></section>\n");
}
