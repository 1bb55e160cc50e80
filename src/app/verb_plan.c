/* verb_plan.c - plan: what a run will need, and a batch script that asks for it. */
#include "plan_needs.h"

#include "pleat/cases.h"
#include "pleat/file.h"
#include "pleat/halt.h"
#include "pleat/layout.h"
#include "pleat/output.h"
#include "pleat/text.h"

#include <stdlib.h>
#include <string.h>

#define SPARE_BYTES  2e9 /* of a node: the libraries, MPI's buffers */
#define SCRIPT_BEGIN "#!/usr/bin/env bash\n# Written by pleat plan"

typedef struct plan_options {
    const char *config, *out, *sbatch, *time;
    double limit_s; /* of --time; 0: not given */
    text_list sets;
} plan_options;

static const char *time_text(double seconds, char out[32]) {
    const long s = (long)(seconds + 0.5);
    (void)snprintf(out, 32, "%02ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    return out;
}

static void print_bytes(const char *what, double bytes, const char *of) {
    char text[32];
    (void)printf("  %-12s%8s   %s\n", what, pleat_text_bytes(bytes, text), of);
}

static pleat_status print_layout(const plan_request *r, const plan_needs *n) {
    const int ranks = n->layout.ranks;
    char(*names)[24] = calloc((size_t)ranks, sizeof *names);
    const char **hosts = calloc((size_t)ranks, sizeof *hosts);
    int *todo = calloc((size_t)n->layout.folds, sizeof *todo);
    const int enough = names != NULL && hosts != NULL && todo != NULL;
    for (int i = 0; enough && i < ranks; i++) {
        (void)snprintf(names[i], sizeof names[i], "node %d", i / r->ranks_per_node + 1);
        hosts[i] = names[i];
    }
    for (int i = 0; enough && i < n->layout.folds; i++) todo[i] = i;
    if (enough) pleat_plan_print(stdout, &n->layout, todo, hosts);
    free(names);
    free(hosts);
    free(todo);
    PLEAT_CHECK(enough, PLEAT_ERR_MEMORY, "no memory for a plan of %d ranks", ranks);
    return PLEAT_OK;
}

static void print_needs(const plan_request *r, const plan_needs *n) {
    char text[32];
    (void)printf("\nmemory of a rank: %s\n", pleat_text_bytes(plan_needs_rank(n), text));
    print_bytes("model", n->of.model, "weights, gradients, Adam's moments, statistics");
    print_bytes("activations", n->of.arena, "of a rank's share of the batch");
    print_bytes("batches", n->of.batches, "made ahead");
    print_bytes("prediction", n->of.prediction, "of the largest case; not at the same time");
    (void)printf("memory of a node: %s",
                 pleat_text_bytes(plan_needs_node(n, r->ranks_per_node), text));
    (void)printf(" with %s of the store\n", n->resident > 0 ? "all" : "none");
    print_bytes("this machine", n->allowed, "allowed here, by its memory and that of the cgroup");
    if (r->gpus > 0) {
        (void)printf("memory of a GPU: %s for model and activations, counted here for %s\n",
                     pleat_text_bytes(plan_needs_gpu(n), text), n->counted);
        print_bytes("cases", n->gpu_cases, "a fold's for training, kept there too where they fit");
    }
    (void)printf("disk: %s\n", pleat_text_bytes(plan_needs_disk(n), text));
    char cases[64];
    (void)snprintf(cases, sizeof cases, "all preprocessed cases, of %d channel%s", n->of.channels,
                   pleat_plural(n->of.channels));
    print_bytes("store", n->of.store, cases);
    print_bytes("checkpoints", n->of.checkpoints, "three a fold");
    print_bytes("label maps", n->of.labels, "about");
}

static void print_time(const plan_request *r, const plan_needs *n) {
    char text[32];
    if (n->timed[0] == '\0') {
        (void)printf("time: not measured\n");
        return;
    }
    (void)printf("time: %s for all epochs (%d) of all folds",
                 time_text(plan_needs_seconds(n, &r->config), text), r->config.train.epochs);
    (void)printf(", %s an epoch; a fold may end earlier\n", time_text(n->epoch, text));
    (void)printf("  %s\n", n->timed);
    if (r->gpus > 0 && !n->timed_on_gpu)
        (void)printf("  that was no GPU: the time on GPUs will be another\n");
}

/* --- the batch script ------------------------------------------------------------------------- */

/* 'text' for a shell. */
static void put_quoted(FILE *out, const char *text) {
    (void)fputc('\'', out);
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '\'')
            (void)fputs("'\\''", out);
        else
            (void)fputc(*c, out);
    (void)fputc('\'', out);
}

/* Half as much again as was found, in whole hours, a day at most: what is not finished then is
 * requeued. */
static void put_time(FILE *out, const plan_options *o, const plan_request *r, const plan_needs *n) {
    int hours = (int)(1.5 * plan_needs_seconds(n, &r->config) / 3600.0) + 1;
    if (hours > 24) hours = 24;
    char text[32];
    if (o->limit_s > 0.0)
        (void)fprintf(out, "#SBATCH --time=%s\n", time_text(o->limit_s, text));
    else
        (void)fprintf(out, "#SBATCH --time=%02d:00:00\n", n->timed[0] == '\0' ? 24 : hours);
}

static void put_script(FILE *out, const plan_options *o, const plan_request *r,
                       const plan_needs *n) {
    const double node = plan_needs_node(n, r->ranks_per_node) * 1.25 + SPARE_BYTES;
    (void)fprintf(out,
                  SCRIPT_BEGIN "; submit it where slurm/ and build/pleat are, or set\n"
                               "# PLEAT_SLURM and PLEAT (slurm/README.md).\n"
                               "#SBATCH --job-name=pleat\n"
                               "#SBATCH --nodes=%d\n"
                               "#SBATCH --ntasks-per-node=%d\n",
                  r->nodes, r->ranks_per_node);
    if (r->gpus > 0) (void)fprintf(out, "#SBATCH --gpus-per-node=%d\n", r->gpus);
    if (r->config.threads > 0)
        (void)fprintf(out, "#SBATCH --cpus-per-task=%d\n",
                      r->config.threads + r->config.train.loader_threads);
    (void)fprintf(out, "#SBATCH --mem=%.0fM\n", node / 0x1p20);
    put_time(out, o, r, n);
    (void)fputs("#SBATCH --signal=B:USR1@180\n"
                "#SBATCH --requeue\n"
                "#SBATCH --open-mode=append\n"
                "#SBATCH --output=pleat-%j.log\n"
                ". \"${PLEAT_SLURM:-$SLURM_SUBMIT_DIR/slurm}/env.sh\" || exit\n"
                ". \"${PLEAT_SLURM:-$SLURM_SUBMIT_DIR/slurm}/job.sh\" || exit\n"
                "pleat_job run ",
                out);
    put_quoted(out, o->config);
    (void)fputs(" --out ", out);
    put_quoted(out, o->out);
    for (int i = 0; i < o->sets.n; i++) {
        (void)fputs(" --set ", out);
        put_quoted(out, o->sets.item[i]);
    }
    (void)fputs(" \"$@\"\n", out);
}

static pleat_status write_script(const plan_options *o, const plan_request *r,
                                 const plan_needs *n) {
    pleat_file_text file;
    PLEAT_TRY(pleat_file_text_begin(&file, o->sbatch));
    put_script(file.out, o, r, n);
    const pleat_status status = pleat_file_text_end(&file, PLEAT_OK);
    if (status == PLEAT_OK) pleat_text_print("\nsbatch %s\n", o->sbatch);
    return status;
}

/* --- the verb --------------------------------------------------------------------------------- */

/* Ranks of a node: one a GPU; without, as many as give each fold a rank, or ranks_per_fold. */
static void choose_ranks(plan_request *r) {
    const int of_fold = r->config.ranks_per_fold > 0 ? r->config.ranks_per_fold : 1;
    const int folds = (pleat_config_folds(&r->config) + r->nodes - 1) / r->nodes; /* of a node */
    if (r->ranks_per_node > 0) return;
    r->ranks_per_node = r->gpus > 0 ? r->gpus : folds * of_fold;
}

static pleat_status count_classes(pleat_config *c) {
    pleat_classes classes;
    PLEAT_TRY(pleat_cases_classes(c, &classes));
    pleat_classes_free(&classes);
    PLEAT_CHECK(c->network.classes >= 2, PLEAT_ERR_ARG,
                "the classes are not known: set classes: [background, ...] in the configuration");
    return PLEAT_OK;
}

static pleat_status check(plan_options *o, const plan_request *r) {
    PLEAT_CHECK(r->nodes >= 1 && r->gpus >= 0 && r->ranks_per_node >= 1 && r->steps >= 0,
                PLEAT_ERR_ARG,
                "--nodes %d --gpus-per-node %d --ranks-per-node %d --steps %d: must be above 0, "
                "GPUs and steps 0 or more",
                r->nodes, r->gpus, r->ranks_per_node, r->steps);
    if (o->time != NULL) PLEAT_TRY(pleat_halt_parse("--time", o->time, &o->limit_s));
    PLEAT_CHECK(o->sbatch == NULL || o->out != NULL, PLEAT_ERR_ARG,
                "--sbatch needs --out RUN, the folder of the results");
    if (o->sbatch != NULL)
        PLEAT_TRY(pleat_output_check_file("--sbatch", o->sbatch, "pleat plan", SCRIPT_BEGIN));
    return PLEAT_OK;
}

pleat_status verb_plan(app *a, const verb *self, int argc, char **argv) {
    plan_options o = {.config = NULL};
    plan_request r = {.nodes = 1, .steps = 3};
    plan_needs needs;
    text_list words = {0};
    int go = 0;
    const option rows[] = {
        {"--nodes", OPTION_INT, &r.nodes, "N", "nodes of the job (default 1)"},
        {"--gpus-per-node", OPTION_INT, &r.gpus, "N", "GPUs per node, one rank each; 0: CPU nodes"},
        {"--ranks-per-node", OPTION_INT, &r.ranks_per_node, "N",
         "(default: one per GPU; on CPU nodes enough to give each fold a rank)"},
        {"--steps", OPTION_INT, &r.steps, "N",
         "number of training steps to time here; 0: none (default 3)"},
        {"--from", OPTION_TEXT, &r.past, "RUN", "take the time of an epoch from this run"},
        {"--set", OPTION_LIST, &o.sets, "KEY=VALUE", VERB_SET_HELP},
        {"--sbatch", OPTION_TEXT, &o.sbatch, "FILE",
         "write a batch script that asks for these resources"},
        {"--out", OPTION_TEXT, &o.out, "RUN", "the run's folder in the script"},
        {"--time", OPTION_TEXT, &o.time, "TIME",
         "the time limit in the script; seconds or HH:MM:SS"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    if (a->session->rank != 0) return PLEAT_OK;
    o.config = words.item[0];
    PLEAT_TRY(verb_config(o.config, &o.sets, &r.config));
    PLEAT_TRY(count_classes(&r.config));
    if (r.nodes >= 1) choose_ranks(&r);
    PLEAT_TRY(check(&o, &r));
    PLEAT_TRY(plan_needs_find(a, &r, &needs));
    PLEAT_TRY(print_layout(&r, &needs));
    print_needs(&r, &needs);
    print_time(&r, &needs);
    return o.sbatch != NULL ? write_script(&o, &r, &needs) : PLEAT_OK;
}
