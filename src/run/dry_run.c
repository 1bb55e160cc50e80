/* dry_run.c - what a run is about to do and needs, in some lines, before anything is written. */
#include "pleat/log.h"
#include "pleat/terminal.h"
#include "pleat/text.h"
#include "pleat/warn.h"
#include "run_impl.h"

/* The engine of the configuration; of one that another machine has, `ref` counts. */
static pleat_status open_engine(pleat_crossval *cv) {
    pleat_config config = cv->config;
    if (config.engine > 0) { /* 0: auto */
        const pleat_engine_entry *entry = &pleat_engine_list()[config.engine - 1];
        const char *why = entry->missing();
        if (why != NULL) {
            pleat_log(PLEAT_INFO,
                      "engine '%s' is not on this machine: %s; memory is counted for 'ref'",
                      entry->name, why);
            PLEAT_TRY(pleat_config_set("engine=ref", &config));
            PLEAT_TRY(pleat_config_set("precision=auto", &config));
        }
    }
    return pleat_config_engine(&config, cv->session->threads, &cv->team.engine);
}

static void tell_longer(const pleat_crossval *cv) {
    char list[200] = "", number[16];
    const int was = cv->extends, is = cv->config.train.epochs;
    if (was == 0) return;
    for (int fold = 0; fold < cv->data.folds.k; fold++) {
        if (cv->redo[fold] != PLEAT_REDO_LONGER) continue;
        (void)snprintf(number, sizeof number, "%d", fold);
        pleat_warn_list(list, sizeof list, number);
    }
    pleat_text_print("more epochs: train.epochs rises from %d to %d: %d more in %s%s\n", was, is,
                     is - was, list[0] != '\0' ? "the finished folds " : "no finished fold", list);
}

pleat_status pleat_dry_run_look(pleat_crossval *cv) {
    PLEAT_TRY(open_engine(cv));
    const pleat_config *c = &cv->config;
    const pleat_folds *folds = &cv->data.folds;
    int held_out = 0;
    for (int i = 0; i < folds->n; i++) held_out += pleat_folds_holds_out(folds, 0, i);
    pleat_text_print("data: %d case%s in '%s', %d class%s; all images and masks are checked\n",
                     cv->data.cases.n, pleat_plural(cv->data.cases.n), c->data, cv->data.classes.n,
                     cv->data.classes.n == 1 ? "" : "es");
    pleat_text_print("folds: %d; the first trains on %d case%s and predicts %d\n", folds->k,
                     folds->n - held_out, pleat_plural(folds->n - held_out), held_out);
    tell_longer(cv);
    pleat_text_print(
        "training: up to %d epoch%s of %d step%s of %d patch%s, %d x %d x %d voxels, by "
        "%s %s\n",
        c->train.epochs, pleat_plural(c->train.epochs), c->train.iterations,
        pleat_plural(c->train.iterations), c->train.batch, c->train.batch == 1 ? "" : "es",
        c->patch[2], c->patch[1], c->patch[0], cv->team.engine->ops->name,
        pleat_engine_precision(cv->team.engine));
    return PLEAT_OK;
}

void pleat_dry_run_needs(const pleat_needs *n) {
    char rank[32], resident[32], disk[32], store[32], checkpoints[32];
    pleat_text_bytes(n->resident, resident);
    pleat_terminal_print(
        stdout, 0, 0,
        "memory of a rank: about %s, and %s of cases that the ranks of a machine share; "
        "disk: about %s, of it %s of preprocessed cases and %s of checkpoints",
        pleat_text_bytes(pleat_needs_rank(n), rank), resident,
        pleat_text_bytes(pleat_needs_disk(n), disk), pleat_text_bytes(n->store, store),
        pleat_text_bytes(n->checkpoints, checkpoints));
    (void)fputc('\n', stdout);
}
