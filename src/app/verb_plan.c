/* verb_plan.c - plan: what a run will need, and a batch script that asks for it. */
#include "plan_limits.h"
#include "plan_needs.h"
#include "plan_script.h"

#include "pleat/cases.h"
#include "pleat/terminal.h"
#include "pleat/text.h"

#include <math.h>
#include <stdlib.h>

static const char *time_text(double seconds, char out[32]) {
    const long s = (long)(seconds + 0.5);
    if (seconds < 60) {
        (void)snprintf(out, 32, "%.2g s", seconds);
        return out;
    }
    (void)snprintf(out, 32, "%02ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    return out;
}

/* A line, or those of a terminal, behind `indent` blanks. */
#define say(indent, ...) pleat_terminal_print(stdout, indent, 0, __VA_ARGS__)

static void print_bytes(const char *what, double bytes, const char *of) {
    char text[32];
    (void)printf("  %-12s%8s   %s\n", what, pleat_text_bytes(bytes, text), of);
}

/* --- who trains what -------------------------------------------------------------------------- */

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

/* Folds take equally long, so ranks wait where these do not divide over the groups. */
static void print_idle(const plan_request *r, const plan_needs *n) {
    const pleat_plan *p = &n->layout;
    const int rounds = plan_needs_rounds(n), of_fold = p->ranks_per_fold;
    const double busy = (double)p->folds * of_fold / ((double)p->ranks * rounds);
    const int fewer = plan_needs_fewest(n);
    if (busy > 0.999) return;
    say(0,
        "idle: %.0f %% of the ranks' time; %d fold%s by %d group%s take%s as long as %d "
        "fold%s one after the other, evenly it would be %.3g",
        100 * (1 - busy), p->folds, pleat_plural(p->folds), p->groups, pleat_plural(p->groups),
        p->folds == 1 ? "s" : "", rounds, pleat_plural(rounds),
        (double)p->folds * of_fold / p->ranks);
    if (fewer < p->ranks)
        say(2, "%d rank%s take%s as long", fewer, pleat_plural(fewer), fewer == 1 ? "s" : "");
    if (rounds > 1)
        say(2, "%d ranks take %d/%d of the time", plan_needs_more(n), rounds - 1, rounds);
    if (of_fold < p->ranks && r->config.train.batch % p->ranks == 0)
        say(2, "--set ranks_per_fold=%d keeps all of them busy", p->ranks);
}

/* Most ranks of a machine with so many cores that take no more than a quarter longer than one core
 * each would for all folds. */
static int ranks_for(int folds, int cores) {
    int ranks = cores;
    while (ranks > 1 && 4 * ((folds + ranks - 1) / ranks * ranks) > 5 * folds) ranks--;
    return ranks;
}

/* More ranks than cores take turns, and each has its memory. */
static void print_crowd(const plan_request *r, const plan_needs *n) {
    const int ranks = r->ranks_per_node, cores = n->machine;
    if (n->of.on_device || r->gpus > 0 || r->cpus > 0 || ranks <= cores) return;
    say(0,
        "cores: %d ranks a node would share the %d core%s of a node like this machine, "
        "each with its own memory",
        ranks, cores, pleat_plural(cores));
    if (n->layout.ranks_per_fold == 1)
        say(2,
            "--ranks-per-node %d takes about as long with less memory; or use nodes of "
            "%d cores or more",
            ranks_for((n->layout.folds + r->nodes - 1) / r->nodes, cores), ranks);
}

/* That of a script which nothing says. */
static void print_cpus(const plan_script *s, const plan_request *r, const plan_needs *n) {
    if (s->file == NULL || plan_script_cpus(s, r) > 0) return;
    say(0,
        "cpus: the script asks for --cpus-per-task=%d, a share of this machine's %d core%s by %d "
        "rank%s; give --cpus-per-task N for other nodes",
        n->cores, n->machine, pleat_plural(n->machine), r->ranks_per_node,
        pleat_plural(r->ranks_per_node));
}

/* --- what it needs ---------------------------------------------------------------------------- */

static void print_host(const plan_request *r, const plan_needs *n) {
    const pleat_needs *of = &n->of;
    const double node = pleat_needs_node(of, r->ranks_per_node);
    char text[32];
    (void)printf("\nmemory of a rank: %s\n", pleat_text_bytes(pleat_needs_rank(of), text));
    print_bytes("program", of->own,
                of->on_device || r->gpus > 0 ? "an estimate: with CUDA, cuDNN and cuBLAS"
                                             : "with its libraries, measured here");
    if (!of->on_device) {
        print_bytes("model", of->model, "weights, gradients, Adam's moments, statistics");
        print_bytes("activations", of->arena, "of a rank's share of the batch");
        print_bytes("library", of->packed, "about: packed weights, scratch of its threads");
    }
    print_bytes("checkpoint", of->saving, "the model's copy, and its file before it is written");
    print_bytes("batches", of->batches, "made ahead, and augmented");
    print_bytes("prediction", of->prediction, "of the largest case; not at the same time");
    print_bytes("preparing", of->preparing, "the largest case; before the others");
    (void)printf("memory of a node: %s", pleat_text_bytes(node, text));
    (void)printf(" with %s of the store\n", of->resident > 0 ? "all" : "none");
    print_bytes("this machine", n->allowed, "allowed here, by its memory and that of the cgroup");
    if (node > n->allowed && r->on == NULL)
        say(2, "more than this machine has: run it on a larger one, or make patch, train.batch or "
               "network.filters smaller");
}

static void print_gpu(const plan_request *r, const plan_needs *n) {
    char text[32];
    const double device = pleat_needs_device(&n->of);
    const double needed = device > 0.0 ? device : n->of.model + n->of.arena + n->of.context;
    if (r->gpus == 0 && !n->of.on_device) return;
    (void)printf("memory of a GPU: %s, counted for %s\n", pleat_text_bytes(needed, text),
                 n->counted);
    print_bytes("model", n->of.model, "weights, gradients, Adam's moments, statistics");
    print_bytes("activations", device > 0.0 ? fmax(n->of.arena, n->of.predicting) : n->of.arena,
                "of a rank's share of the batch");
    if (device > 0.0) print_bytes("library", n->of.packed, "about: packed weights");
    print_bytes("context", n->of.context, "about: CUDA's own, and cuDNN's workspaces");
    print_bytes("cases", n->gpu_cases, "beside these, where they fit: a fold's for training");
    if (r->on != NULL)
        (void)printf("  %s: %s\n", r->on->what,
                     needed > r->on->memory ? "too little for it; make patch, train.batch or "
                                              "network.filters smaller"
                                            : "enough");
}

static void print_disk(const plan_needs *n) {
    char text[32], cases[64];
    (void)printf("disk: %s\n", pleat_text_bytes(pleat_needs_disk(&n->of), text));
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
    char epoch[32], prediction[32];
    say(0,
        "time: %s for all epochs (%d) of %s, %s an epoch, %s the predictions of a fold; a fold may "
        "end earlier",
        time_text(plan_needs_seconds(n, &r->config), text), r->config.train.epochs,
        r->array ? "a fold" : "all folds", time_text(n->epoch, epoch),
        time_text(n->prediction, prediction));
    say(2, "%s", n->timed);
    if (n->busy[0] != '\0') say(2, "%s", n->busy);
    if (r->past == NULL) say(2, "without preparing the cases, scores and the report");
    if (n->without[0] != '\0') say(2, "without predictions: %s", n->without);
    if (n->exchange > 0.0 && r->past == NULL)
        say(2, "without the sums of gradients: a rank sends and receives %s in a step",
            pleat_text_bytes(n->exchange, text));
    if (r->gpus > 0 && !n->timed_on_gpu)
        say(2, "that was no GPU: the time on GPUs will be another; --on h100 and its like estimate "
               "it");
}

/* What takes most of the ranks' time, then the others. */
static void print_limit(const plan_request *r, const plan_needs *n) {
    plan_limits limits;
    char others[256] = "", advice[160], text[32];
    size_t used = 0;
    if (n->timed[0] == '\0') return;
    plan_limits_find(r, n, &limits);
    for (int i = 0; i < PLAN_LIMITS && used < sizeof others; i++)
        if (i != limits.most)
            used +=
                (size_t)snprintf(others + used, sizeof others - used, "%s%s %.0f %%",
                                 used > 0 ? ", " : "", plan_limit_names[i], 100 * limits.share[i]);
    plan_limits_advice(&limits, r, n, advice, sizeof advice);
    say(0, "limit, an estimate: %s, %.0f %% of the ranks' time; %s: %s",
        plan_limit_names[limits.most], 100 * limits.share[limits.most], others, advice);
    say(2, "%s with sums and checkpoints; %s", time_text(limits.seconds, text), limits.by);
}

/* --- the verb --------------------------------------------------------------------------------- */

/* Ranks of a node: one a GPU; without, as many as give each fold a rank, or ranks_per_fold. A task
 * of an array has one fold. */
static void choose_ranks(plan_request *r) {
    const int of_fold = r->config.ranks_per_fold > 0 ? r->config.ranks_per_fold : 1;
    const int all = r->array ? 1 : pleat_config_folds(&r->config);
    const int folds = (all + r->nodes - 1) / r->nodes; /* of a node */
    if (r->on != NULL && r->gpus == 0) r->gpus = 1;
    if (r->ranks_per_node > 0) return;
    r->ranks_per_node = r->gpus > 0 ? r->gpus : folds * of_fold;
}

/* A rank of a script has its CPUs to itself. */
static void choose_cpus(const plan_script *s, plan_request *r, int cores) {
    const int share = cores / r->ranks_per_node;
    if (s->file == NULL && s->cpus == 0) return;
    r->cpus = plan_script_cpus(s, r);
    if (r->cpus == 0) r->cpus = share > 1 ? share : 1;
}

static pleat_status count_classes(pleat_config *c) {
    pleat_classes classes;
    PLEAT_TRY(pleat_cases_classes(c, &classes));
    const pleat_status status =
        c->network.classes >= 2 ? pleat_config_check_training(c, &classes) : PLEAT_OK;
    pleat_classes_free(&classes);
    PLEAT_CHECK(c->network.classes >= 2, PLEAT_ERR_ARG,
                "the classes are not known: set classes: [background, ...] in the configuration");
    return status;
}

#define MOST_RANKS 1000000

static pleat_status check(plan_request *r, const char *on) {
    if (on != NULL) PLEAT_TRY(plan_device_find(on, &r->on));
    if (r->nodes >= 1) choose_ranks(r);
    PLEAT_CHECK(r->nodes >= 1 && r->gpus >= 0 && r->ranks_per_node >= 1 && r->steps >= 0,
                PLEAT_ERR_ARG,
                "--nodes %d --gpus-per-node %d --ranks-per-node %d --steps %d: must be above 0, "
                "GPUs and steps 0 or more",
                r->nodes, r->gpus, r->ranks_per_node, r->steps);
    PLEAT_CHECK(r->ranks_per_node <= MOST_RANKS / r->nodes, PLEAT_ERR_ARG,
                "%d nodes of %d ranks: more than %d ranks are not planned", r->nodes,
                r->ranks_per_node, MOST_RANKS);
    PLEAT_CHECK(r->network >= 0, PLEAT_ERR_ARG, "--network %d: must be 0 or more", r->network);
    PLEAT_CHECK(on == NULL || r->past == NULL, PLEAT_ERR_ARG,
                "--on %s and --from %s: the time comes from one of them", on, r->past);
    return PLEAT_OK;
}

pleat_status verb_plan(app *a, const verb *self, int argc, char **argv) {
    plan_script script = {.file = NULL};
    plan_request r = {.nodes = 1, .steps = 3};
    plan_needs needs;
    text_list words = {0};
    const char *on = NULL;
    int go = 0;
    const option rows[] = {
        {"--nodes", OPTION_INT, &r.nodes, "N", "nodes of the job (default 1)"},
        {"--gpus-per-node", OPTION_INT, &r.gpus, "N", "GPUs per node, one rank each; 0: CPU nodes"},
        {"--ranks-per-node", OPTION_INT, &r.ranks_per_node, "N",
         "ranks per node (default: one per GPU; on CPU nodes enough to give each fold a rank)"},
        {"--on", OPTION_TEXT, &on, "GPU",
         "estimate the time on a GPU of another machine, such as h100 or a100"},
        {"--network", OPTION_INT, &r.network, "GBIT",
         "Gbit/s of a node's network (default: 100, assumed)"},
        {"--steps", OPTION_INT, &r.steps, "N",
         "number of training steps to time here; 0: none (default 3)"},
        {"--from", OPTION_TEXT, &r.past, "RUN", "take the times from this run"},
        {"--set", OPTION_LIST, &script.sets, "KEY=VALUE", VERB_SET_HELP},
        {"--sbatch", OPTION_TEXT, &script.file, "FILE",
         "write a batch script that asks for these resources"},
        {"--out", OPTION_TEXT, &script.out, "RUN", "the run's folder in the script"},
        {"--array", OPTION_FLAG, &r.array, NULL,
         "a job array, one task per fold; nodes and ranks are those of a task"},
        {"--time", OPTION_TEXT, &script.time, "TIME",
         "the time limit in the script; seconds or HH:MM:SS"},
        {"--partition", OPTION_TEXT, &script.partition, "NAME", "Slurm's partition"},
        {"--account", OPTION_TEXT, &script.account, "NAME", "the account that is charged"},
        {"--cpus-per-task", OPTION_INT, &script.cpus, "N",
         "CPUs per rank (default: threads + loader_threads, or a share of this machine's)"},
        {"--mail", OPTION_TEXT, &script.mail, "ADDRESS", "for a mail at the end and at a failure"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_TRY(verb_needs(self, rows, &words, 1));
    if (a->session->rank != 0) return PLEAT_OK;
    script.config = words.item[0];
    PLEAT_TRY(verb_config(script.config, &script.sets, &r.config));
    PLEAT_TRY(count_classes(&r.config));
    PLEAT_TRY(check(&r, on));
    PLEAT_TRY(plan_script_check(&script));
    choose_cpus(&script, &r, a->session->threads);
    PLEAT_TRY(plan_needs_find(a, &r, &needs));
    pleat_needs_warn(&needs.of, &r.config);
    PLEAT_TRY(print_layout(&r, &needs));
    print_idle(&r, &needs);
    print_crowd(&r, &needs);
    print_cpus(&script, &r, &needs);
    print_host(&r, &needs);
    print_gpu(&r, &needs);
    print_disk(&needs);
    print_time(&r, &needs);
    print_limit(&r, &needs);
    return script.file != NULL ? plan_script_write(&script, &r, &needs) : PLEAT_OK;
}
