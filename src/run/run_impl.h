/* run_impl.h - what the parts of a run share: set-up (crossval.c), one fold (fold.c), records. */
#ifndef PLEAT_RUN_IMPL_H
#define PLEAT_RUN_IMPL_H

#include "pleat/checkpoint.h"
#include "pleat/crossval.h"
#include "pleat/file.h"
#include "pleat/folds.h"
#include "pleat/halt.h"
#include "pleat/layout.h"
#include "pleat/pool.h"
#include "pleat/queue.h"
#include "pleat/report.h"
#include "pleat/store.h"

typedef struct pleat_crossval {
    pleat_session *session;
    pleat_config config; /* classes resolved, network.classes filled */
    const pleat_run_options *options;
    char class_text[1024];
    const char *classes[PLEAT_MAX_CLASSES];
    int n_classes;
    pleat_case_paths *cases; /* [n], sorted by id, in the order of the store */
    const char **ids;        /* [n] */
    int n;
    char store_path[PLEAT_PATH_BYTES];
    char preprocessing[2048];
    pleat_store *store;
    pleat_folds folds;
    pleat_pool *pool;
    pleat_engine *engine;
    pleat_comm *group;
    pleat_comm *compute; /* of its ranks in the engine's memory; NULL: the group itself */
    pleat_queue *queue;
    pleat_lock *lock, *fold_lock; /* of the folder; of the only fold */
    char stop_file[PLEAT_PATH_BYTES];
} pleat_crossval;

/* RUN/fold_K */
pleat_status pleat_fold_folder(const char *run, int fold, char out[PLEAT_PATH_BYTES]);

/* What a GPU is used from `begin` on; on the CPU nothing is known and nothing asked. */
typedef struct pleat_gpu_usage {
    pleat_engine *engine;
    double begun_mj; /* its energy then; -1: not known */
    double busy;     /* per cent, the sum of `looks` */
    int looks;
    double looked_s; /* pleat_now() of the last */
} pleat_gpu_usage;

pleat_gpu_usage pleat_gpu_usage_begin(pleat_engine *engine);
void pleat_gpu_usage_look(pleat_gpu_usage *usage); /* as often as one likes: asks once a second */
/* "41.20 Wh, GPU 97 % busy", less what is not known. Returns `text`. */
const char *pleat_gpu_usage_text(const pleat_gpu_usage *usage, char *text, size_t size);

/* Trains, predicts and scores one fold; collective over cv->group. *halt says why it was left
 * before its end, the same on all ranks of the group. */
pleat_status pleat_fold_run(pleat_crossval *cv, int fold, pleat_halt *halt);

/* What the finished folds of a run scored: (*out)[*n], freed by the caller, also after a failure.
 * ERR_NOT_FOUND when no fold has finished; missing folds are named in the log. */
pleat_status pleat_run_scores(const char *folder, int folds, pleat_case_result **out, int *n);

/* config.yaml and run.json of a new run; ERR_ARG when the folder holds a run of another
 * configuration, naming the first key that differs. */
pleat_status pleat_record_start(const pleat_crossval *cv);
/* Collective over the world: the log's first lines, of what runs where. */
pleat_status pleat_startup_log(const pleat_crossval *cv);

#endif /* PLEAT_RUN_IMPL_H */
