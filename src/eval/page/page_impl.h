/* page_impl.h - what the parts of the page share: facts of the run, the verdict, the data. */
#ifndef PLEAT_EVAL_PAGE_IMPL_H
#define PLEAT_EVAL_PAGE_IMPL_H

#include "pleat/case_pictures.h"
#include "pleat/page.h"

#include <stdio.h>

typedef enum fold_state {
    FOLD_SCORED,
    FOLD_TRAINED, /* to its end, without scores */
    FOLD_BEGUN,   /* some epochs */
    FOLD_FAILED,
    FOLD_WAITING, /* nothing is there */
    FOLD_STATES
} fold_state;

typedef struct fold_facts {
    fold_state state;
    int epochs;    /* that were trained */
    char why[512]; /* it failed or halted: the last event's text; "" */
    char *history; /* history.tsv, owned; NULL */
    char *cases;   /* ids it holds out, a line each, owned; NULL: not known */
    int n;         /* of them */
} fold_facts;

/* From the fold's folder and splits_final.json; *out [folds], each owned. ERR_MEMORY. */
pleat_status page_folds_read(const char *run, int folds, int epochs, fold_facts **out);
void page_folds_free(fold_facts *facts, int folds);
const char *fold_state_name(fold_state state); /* "scored", "failed", ... */

typedef struct page_case { /* one that is shown */
    int index;             /* of the results */
    int failed;            /* it cannot be shown; pictures.lacks says why */
    pleat_case_pictures pictures;
} page_case;

typedef struct page {
    const pleat_page_source *source;
    const pleat_page_options *options;
    const pleat_results *results; /* NULL: none */
    fold_facts *folds;            /* [source->folds] */
    int *order;                   /* [results->n] the worst first */
    page_case *shown;             /* [n_shown] */
    int n_shown;
} page;

/* What the pictures of case i of the results are called: its id, of repeats with its fold. */
enum { PAGE_KEY_BYTES = PLEAT_CASE_BYTES + 24 };
const char *page_case_key(const page *p, int i, char out[PAGE_KEY_BYTES]);

/* The list of what was asked, how good, how sure, what is wrong. */
void page_put_verdict(FILE *out, const page *p);

/* The page's data as JSON that may stand in a script element. ERR_MEMORY. */
pleat_status page_put_data(FILE *out, const page *p);
/* statistics.json so. ERR_MEMORY. */
pleat_status page_put_statistics(FILE *out, const page *p);

/* The sprites as script elements, which a browser keeps as text, for a single file. */
void page_put_sprites(FILE *out, const page *p);
/* "sprite-3-truth": of shown case i. */
void page_sprite_name(int i, pleat_layer layer, char out[48]);
const char *page_layer_name(pleat_layer layer); /* "image", "truth", "prediction", "errors" */

/* FOLDER/table.md and FOLDER/table.tex: a row per class and score of the short table. */
pleat_status page_write_tables(const pleat_estimates *e, const char *folder);

/* The files beside this one, which the build puts into the program; each ends with a 0 byte. */
extern const char page_html[], page_css[], page_plots_js[], page_viewer_js[], page_js[];

#endif /* PLEAT_EVAL_PAGE_IMPL_H */
