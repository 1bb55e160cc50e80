/* page.c - chooses the cases that are shown, writes their pictures, and fills the page in. */
#include "page_impl.h"
#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/rundir.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- which cases ------------------------------------------------------------------------------ */

double pleat_page_worst(const pleat_results *results, int i) {
    double worst = INFINITY;
    for (int c = results->classes.n > 1 ? 1 : 0; c < results->classes.n; c++) {
        const pleat_scored got = pleat_results_at(results, i, PLEAT_HEADLINE, c);
        const int lost = got.presence == PLEAT_MISSED || got.presence == PLEAT_SPURIOUS;
        const double x = lost ? 0.0 : got.x;
        if (x < worst) worst = x; /* an undefined one of an empty class is not */
    }
    return worst;
}

typedef struct ranked {
    double worst;
    const char *id;
    int index;
} ranked;

static int worse_first(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->worst != y->worst) return x->worst < y->worst ? -1 : 1;
    return strcmp(x->id, y->id);
}

static pleat_status order_cases(page *p) {
    const int n = p->results->n;
    ranked *rank = calloc((size_t)n + 1, sizeof *rank);
    p->order = calloc((size_t)n + 1, sizeof *p->order);
    pleat_status status = PLEAT_OK;
    PLEAT_CHECK_GOTO(status, done, rank != NULL && p->order != NULL, PLEAT_ERR_MEMORY,
                     "no memory for %d cases", n);
    for (int i = 0; i < n; i++)
        rank[i] = (ranked){pleat_page_worst(p->results, i), p->results->cases[i].id, i};
    qsort(rank, (size_t)n, sizeof *rank, worse_first);
    for (int i = 0; i < n; i++) p->order[i] = rank[i].index;
done:
    free(rank);
    return status;
}

const char *page_case_key(const page *p, int i, char out[PAGE_KEY_BYTES]) {
    const pleat_case_result *one = &p->results->cases[i];
    if (p->results->repeats > 1)
        (void)snprintf(out, PAGE_KEY_BYTES, "%s.fold_%d", one->id, one->fold);
    else
        (void)snprintf(out, PAGE_KEY_BYTES, "%s", one->id);
    return out;
}

static int is_asked(const page_case *shown, int n, int index) {
    for (int i = 0; i < n; i++)
        if (shown[i].index == index) return 1;
    return 0;
}

static void show(page *p, int index) {
    if (!is_asked(p->shown, p->n_shown, index)) p->shown[p->n_shown++].index = index;
}

static pleat_status choose_cases(page *p) {
    const pleat_page_options *o = p->options;
    const int all = p->results->n;
    p->shown = calloc((size_t)all + 1, sizeof *p->shown);
    PLEAT_CHECK(p->shown != NULL, PLEAT_ERR_MEMORY, "no memory for %d cases", all);
    for (int i = 0; o->n == 0 && i < o->pictures && i < all; i++) show(p, p->order[i]);
    for (int i = 0; i < o->n; i++)
        for (int k = 0; k < all; k++)
            if (strcmp(p->results->cases[k].id, o->ids[i]) == 0) show(p, k);
    return PLEAT_OK;
}

/* --- their pictures --------------------------------------------------------------------------- */

static const pleat_case_paths *paths_of(const pleat_page_source *s, const char *id) {
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->paths[i].id, id) == 0) return &s->paths[i];
    return NULL;
}

static const char *if_there(const char *path) {
    return path != NULL && path[0] != '\0' && pleat_file_exists(path) ? path : NULL;
}

static pleat_status write_sprites(const pleat_case_pictures *pictures, const char *folder) {
    char path[PLEAT_PATH_BYTES];
    for (int k = 0; k < PLEAT_LAYERS; k++) {
        const pleat_sprite *sprite = &pictures->layer[k];
        if (sprite->png == NULL) continue;
        PLEAT_TRY(
            pleat_path(path, sizeof path, "%s/%s.png", folder, page_layer_name((pleat_layer)k)));
        PLEAT_TRY(pleat_file_write_atomic(path, sprite->png, sprite->n));
    }
    return PLEAT_OK;
}

/* Where a case's files are now: those of the data folder, else those it was scored by. */
static pleat_status make_pictures(const page *p, page_case *shown, size_t budget) {
    const pleat_page_source *s = p->source;
    const pleat_case_result *one = &p->results->cases[shown->index];
    const pleat_case_paths *paths = paths_of(s, one->id);
    char folder[PLEAT_PATH_BYTES], report[PLEAT_PATH_BYTES], predictions[PLEAT_PATH_BYTES];
    char prediction[PLEAT_PATH_BYTES], key[PAGE_KEY_BYTES];
    if (s->edited != NULL && s->edited[shown->index]) {
        shown->failed = 1;
        (void)snprintf(shown->pictures.lacks, sizeof shown->pictures.lacks,
                       "its prediction is not the file that was scored");
        return PLEAT_OK;
    }
    PLEAT_TRY(pleat_run_path(s->run, PLEAT_RUN_REPORT, report));
    PLEAT_TRY(pleat_path(folder, sizeof folder, "%s/cases/%s", report,
                         page_case_key(p, shown->index, key)));
    PLEAT_TRY(pleat_run_fold_path(s->run, one->fold, PLEAT_FOLD_PREDICTIONS, predictions));
    PLEAT_TRY(pleat_labels_path(predictions, one->id, prediction));
    pleat_case_source source = {.id = one->id,
                                .clipped = s->clipped,
                                .clip = {s->clip[0], s->clip[1]},
                                .prediction = if_there(prediction)};
    if (source.prediction == NULL) source.prediction = if_there(one->prediction);
    source.truth = if_there(one->reference);
    if (source.truth == NULL && paths != NULL) source.truth = if_there(paths->label);
    if (paths != NULL) source.image = if_there(paths->image[0]);
    if (!p->options->single_file) PLEAT_TRY(pleat_file_make_folder(folder));
    const pleat_status status = pleat_case_pictures_make(
        &source, s->classes, budget, p->options->single_file ? NULL : folder, &shown->pictures);
    if (status == PLEAT_ERR_NOT_FOUND) {
        shown->failed = 1;
        pleat_log(PLEAT_INFO, "%s", pleat_error_message());
        return PLEAT_OK;
    }
    if (status == PLEAT_OK && !p->options->single_file)
        return write_sprites(&shown->pictures, folder);
    return status;
}

static pleat_status show_cases(page *p) {
    PLEAT_TRY(choose_cases(p));
    const int share = p->n_shown > PLEAT_PAGE_CASES ? p->n_shown : PLEAT_PAGE_CASES;
    for (int i = 0; i < p->n_shown; i++)
        PLEAT_TRY(make_pictures(p, &p->shown[i], (size_t)(PLEAT_PAGE_BYTES / share)));
    return PLEAT_OK;
}

/* --- the page --------------------------------------------------------------------------------- */

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static pleat_status put_title(FILE *out, const page *p) {
    pleat_page_put_text(out, last_part(p->source->run));
    return PLEAT_OK;
}

void pleat_page_put_style(FILE *out) { (void)fputs(page_css, out); }

static pleat_status put_css(FILE *out, const page *p) {
    (void)p;
    pleat_page_put_style(out);
    return PLEAT_OK;
}

static pleat_status put_verdict(FILE *out, const page *p) {
    page_put_verdict(out, p);
    return PLEAT_OK;
}

static pleat_status put_sprites(FILE *out, const page *p) {
    page_put_sprites(out, p);
    return PLEAT_OK;
}

static pleat_status put_scripts(FILE *out, const page *p) {
    (void)p;
    (void)fprintf(out, "%s%s%s", page_plots_js, page_viewer_js, page_js);
    return PLEAT_OK;
}

/* What stands in page.html for each "@name@". */
static const struct {
    const char *name;
    pleat_status (*put)(FILE *out, const page *p);
} MARKS[] = {
    {"@title@", put_title},
    {"@css@", put_css},
    {"@verdict@", put_verdict},
    {"@data@", page_put_data},
    {"@statistics@", page_put_statistics},
    {"@sprites@", put_sprites},
    {"@scripts@", put_scripts},
};

static pleat_status fill(FILE *out, const page *p) {
    const char *at = page_html;
    while (*at != '\0') {
        size_t m = 0;
        const size_t marks = sizeof MARKS / sizeof *MARKS;
        while (m < marks && strncmp(at, MARKS[m].name, strlen(MARKS[m].name)) != 0) m++;
        if (m == marks) {
            (void)fputc(*at++, out);
            continue;
        }
        PLEAT_TRY(MARKS[m].put(out, p));
        at += strlen(MARKS[m].name);
    }
    return PLEAT_OK;
}

static pleat_status write_page(const page *p, const char *path) {
    pleat_file_text file;
    PLEAT_TRY(pleat_file_text_begin(&file, path));
    return pleat_file_text_end(&file, fill(file.out, p));
}

pleat_status pleat_page_write(const pleat_page_source *source, const pleat_page_options *options) {
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    pleat_status status = PLEAT_OK;
    page p = {.source = source, .options = options};
    if (source->estimates != NULL) p.results = source->estimates->results;
    PLEAT_TRY(pleat_run_path(source->run, PLEAT_RUN_REPORT, folder));
    PLEAT_TRY(pleat_run_path(source->run, PLEAT_RUN_PAGE, path));
    PLEAT_TRY(pleat_file_make_part(folder));
    PLEAT_TRY_GOTO(status, done,
                   page_folds_read(source->run, source->folds, source->epochs, &p.folds));
    if (p.results != NULL) PLEAT_TRY_GOTO(status, done, order_cases(&p));
    if (p.results != NULL) PLEAT_TRY_GOTO(status, done, show_cases(&p));
    if (p.results != NULL)
        PLEAT_TRY_GOTO(status, done, page_write_tables(source->estimates, folder));
    status = write_page(&p, path);
done:
    for (int i = 0; i < p.n_shown; i++) pleat_case_pictures_free(&p.shown[i].pictures);
    free(p.shown);
    free(p.order);
    page_folds_free(p.folds, source->folds);
    return status;
}
