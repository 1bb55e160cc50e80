/*
 * deviceless.c - what the real cuDNN says to the module's convolutions, on a machine without a GPU.
 *
 *   deviceless [-v] [-a] [h100|h200|a100|a40]...
 *
 *   -v  a line for each graph, not only for each set of them
 *   -a  every GPU, and deterministic plans too
 *
 * The module plans (described.h) every convolution of the conformance suite, of the trial that
 * `auto` makes, and of each network with each example of docs/examples, in each precision. Then a
 * new engine plans them again, from the plan cache. Fails
 *
 *   - where a convolution has no plan, or a slow one only: in bf16 and tf32 one without tensor
 *     cores, in any precision one that is compiled in every process;
 *   - where a choice cannot be made again of its engine's number and settings;
 *   - where the emulated cuDNN takes a graph that the real one refuses, or the other way.
 *
 * Leaves with 77 where this cuDNN takes no description. Nothing is run or timed: which candidate is
 * the fastest is drawn.
 */
#include "described.h"
#include "pleat/config.h"
#include "pleat/net.h"

#include "../../engine/engine_suite.h" /* whose `root` would shadow parameters of those above */

#include <cudnn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SKIPPED  77
#define MOST_CONVS 2048 /* of the suite */

static int verbose, failures;

static double milliseconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

/* ---- the suite's convolutions: what the oracle is asked for ---- */

static pleat_conv_desc suite_convs[MOST_CONVS];
static int suite_conv_count;
static const pleat_engine_ops *listener_base;

static pleat_status listen(pleat_engine *engine, const pleat_conv_desc *desc, pleat_conv **out) {
    if (desc->kind == PLEAT_CONV && desc->sample_stride == 0) {
        assert_true(suite_conv_count < MOST_CONVS);
        suite_convs[suite_conv_count++] = *desc;
    }
    return listener_base->conv_create(engine, desc, out);
}

static void collect_suite(void) {
    const pleat_engine_options options = {
        .engine = "ref", .precision = PLEAT_PRECISION_F32, .threads = 1, .device = -1};
    pleat_engine_options oracle = options;
    bench b = {.limit = 1e-9, .seed = 20200901};
    void *state = &b;
    oracle.engine = "ref64";
    OK(pleat_engine_create(&options, &b.engine));
    OK(pleat_engine_create(&oracle, &b.oracle));
    pleat_engine_ops ops = *b.engine->ops;
    listener_base = b.engine->ops;
    ops.conv_create = listen;
    b.engine->ops = &ops;
    for (const suite_row *row = suite_rows; row->name != NULL; row++) {
        if (row->only != NULL) continue;
        row->run(&state);
        bench_clear(&b);
        b.score_count = 0;
    }
    b.engine->ops = listener_base;
    pleat_engine_destroy(b.oracle);
    pleat_engine_destroy(b.engine);
}

/* ---- an engine of the module, whose convolutions are noted ---- */

static pleat_engine_ops watched;
static const pleat_engine_ops *watched_base;

static pleat_status watch(pleat_engine *engine, const pleat_conv_desc *desc, pleat_conv **out) {
    described_conv(desc->kind == PLEAT_CONV ? desc : NULL, engine->precision);
    const pleat_status status = watched_base->conv_create(engine, desc, out);
    described_conv(NULL, engine->precision);
    return status;
}

static pleat_engine *open_engine(pleat_precision precision, int deterministic) {
    const pleat_engine_options options = {
        .engine = "cudnn", .precision = precision, .device = 0, .deterministic = deterministic};
    pleat_engine *engine = NULL;
    OK(pleat_engine_create(&options, &engine));
    assert_int_equal(engine->precision, precision);
    watched_base = engine->ops;
    watched = *engine->ops;
    watched.conv_create = watch;
    engine->ops = &watched;
    return engine;
}

/* ---- what is planned ---- */

typedef struct set {
    char name[64];
    const pleat_config *example; /* NULL: the suite, or the trial */
    int network, trial;
} set;

static void plan_conv(pleat_engine *engine, const pleat_conv_desc *desc) {
    pleat_conv *conv = NULL;
    OK(engine->ops->conv_create(engine, desc, &conv));
    engine->ops->conv_destroy(engine, conv);
}

/* As it is trained, and as it predicts. */
static void plan_net(pleat_engine *engine, const pleat_config *c, int name) {
    pleat_network network = c->network;
    pleat_graph graph = {0};
    pleat_model *model = NULL;
    network.name = name;
    network.classes = 4;
    OK(pleat_network_build(&network, &graph));
    OK(pleat_model_create(&graph, engine, 1, &model));
    for (int train = 0; train < 2; train++) {
        const pleat_net_options options = {.batch = train ? c->train.batch : c->predict_batch,
                                           .dim = {c->patch[0], c->patch[1], c->patch[2]},
                                           .train = train};
        pleat_net *net = NULL;
        OK(pleat_net_create(model, &options, &net));
        pleat_net_destroy(net);
    }
    pleat_model_destroy(model);
    pleat_graph_free(&graph);
}

static void plan_set(pleat_engine *engine, const set *s) {
    if (s->example != NULL) {
        plan_net(engine, s->example, s->network);
    } else if (s->trial) {
        /* Nothing is computed, so it finds the gradients wrong; but first it plans. */
        assert_int_equal(pleat_engine_try(engine), PLEAT_ERR_ENGINE);
        TOLD("computes wrongly");
    } else {
        for (int i = 0; i < suite_conv_count; i++) plan_conv(engine, &suite_convs[i]);
    }
}

/* ---- judgement ---- */

static const char *const passes[] = {"forward", "data", "weights"};

static int is_slow(const answer *a) {
    return a->compiled == a->taken || (a->precision != PLEAT_PRECISION_F32 && a->tensor == 0);
}

/* The module asks for one that does not add the bias, next, where there is none that does. */
static int is_replaced(const answer *a) { return a->fused && a->taken == 0; }

static void print_answer(const answer *a, const char *what) {
    const pleat_conv_desc *c = &a->conv;
    const int *k = c->kernel, *s = c->stride, *b = c->before;
    printf("    %s %s%s, %dx%dx%dx%d, %d to %d, kernel %d%d%d, stride %d%d%d, before %d%d%d: ",
           pleat_precision_name(a->precision), passes[a->pass], a->fused ? " fused" : "", c->n,
           c->d, c->h, c->w, c->cin, c->cout, k[0], k[1], k[2], s[0], s[1], s[2], b[0], b[1],
           b[2]);
    printf("%d named, %d plans, %d taken, %d on tensor cores, %d compiled, %.1f MiB%s%s%s%s\n",
           a->named, a->planned, a->taken, a->tensor, a->compiled, (double)a->workspace / 0x1p20,
           a->why[0] != '\0' ? "; " : "", a->why, what[0] != '\0' ? ": " : "", what);
}

static void blame(const answer *a, const char *what) {
    print_answer(a, what);
    failures++;
}

static void judge_answers(const answer *rows, int n) {
    for (int i = 0; i < n; i++) {
        const answer *a = &rows[i];
        if (a->named == 0 && a->planned > 0) continue; /* asked before: from the cache */
        if (is_replaced(a))
            print_answer(a, "the bias comes after");
        else if (a->taken == 0)
            blame(a, "NO PLAN");
        else if (is_slow(a))
            blame(a, "ONLY SLOW PLANS");
        else if (verbose)
            print_answer(a, "");
    }
}

static void print_set(const set *s, const answer *rows, int n, double time) {
    uint64_t engines[2] = {0, 0};
    int graphs = 0, least = 0, most = 0;
    int64_t workspace = 0;
    for (int i = 0; i < n; i++) {
        if (rows[i].named == 0 || is_replaced(&rows[i])) continue;
        if (graphs++ == 0 || rows[i].taken < least) least = rows[i].taken;
        if (rows[i].taken > most) most = rows[i].taken;
        if (rows[i].workspace > workspace) workspace = rows[i].workspace;
        for (int k = 0; k < 2; k++) engines[k] |= rows[i].engines[k];
    }
    printf("  %-24s %4d new graphs, %2d to %2d candidates, %6.1f MiB, %6.0f ms; engines", s->name,
           graphs, least, most, (double)workspace / 0x1p20, time);
    for (int i = 0; i < 128; i++)
        if (engines[i / 64] >> i % 64 & 1) printf(" %d", i);
    printf("\n");
}

/* ---- passes over all sets ---- */

static void plan_all(const set *sets, int n, pleat_precision precision, int deterministic) {
    pleat_engine *engine = open_engine(precision, deterministic);
    for (int i = 0; i < n; i++) {
        const int from = described_answers.n;
        const double begin = milliseconds();
        plan_set(engine, &sets[i]);
        const double time = milliseconds() - begin;
        print_set(&sets[i], described_answers.rows + from, described_answers.n - from, time);
        judge_answers(described_answers.rows + from, described_answers.n - from);
    }
    pleat_engine_destroy(engine);
}

/* By a new engine, which has nothing but the file of choices. */
static void plan_again(const set *sets, int n, pleat_precision precision, int deterministic) {
    pleat_engine *engine = open_engine(precision, deterministic);
    const int from = described_answers.n;
    const double begin = milliseconds();
    for (int i = 0; i < n; i++) plan_set(engine, &sets[i]);
    printf("  all again from the cache %4d graphs, %.0f ms\n", described_answers.n - from,
           milliseconds() - begin);
    for (int i = from; i < described_answers.n; i++)
        if (described_answers.rows[i].named > 0 && described_answers.rows[i].taken > 0)
            blame(&described_answers.rows[i], "NOT MADE AGAIN OF ITS NUMBERS");
    described_answers.n = from;
    pleat_engine_destroy(engine);
}

static void ask_about(const described_gpu *gpu, const set *sets, int n, int all) {
    for (int deterministic = 0; deterministic <= all; deterministic++)
        for (int p = PLEAT_PRECISION_F32; p <= PLEAT_PRECISION_BF16; p++) {
            printf("%s, %s%s\n", gpu->full, pleat_precision_name(p),
                   deterministic ? ", deterministic" : "");
            plan_all(sets, n, p, deterministic);
            plan_again(sets, n, p, deterministic);
            (void)fflush(stdout);
        }
}

int main(int argc, char **argv) {
    static pleat_config examples[16];
    static set sets[64];
    int n = 0, all = 0, wanted = 0;
    glob_t found;
    for (int i = 1; i < argc; i++) {
        verbose |= strcmp(argv[i], "-v") == 0;
        all |= strcmp(argv[i], "-a") == 0;
        wanted += argv[i][0] != '-';
    }
    const char *why = described_open(described_gpus);
    if (why != NULL) {
        printf("cuDNN %d.%d plans for no GPU that is only described: %s\n", CUDNN_MAJOR,
               CUDNN_MINOR, why);
        return SKIPPED;
    }
    OK(make_root(NULL) == 0 ? PLEAT_OK : PLEAT_ERR_IO);
    collect_suite();
    sets[n++] = (set){.name = "the conformance suite"};
    sets[n++] = (set){.name = "the trial of auto", .trial = 1};
    assert_int_equal(glob(EXAMPLES "/*.yaml", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        pleat_config_defaults(&examples[i]);
        OK(pleat_config_read(found.gl_pathv[i], &examples[i]));
        for (int k = 0; pleat_networks[k] != NULL; k++) {
            set *s = &sets[n++];
            *s = (set){.example = &examples[i], .network = k};
            (void)snprintf(s->name, sizeof s->name, "%.40s, %.20s",
                           strrchr(found.gl_pathv[i], '/') + 1, pleat_networks[k]->name);
        }
    }
    globfree(&found);
    (void)setenv("PLEAT_PLAN_CACHE", in_root(NULL, "plans"), 1);
    for (const described_gpu *g = described_gpus; g->name != NULL; g++) {
        int asked = all;
        for (int i = 1; i < argc; i++) asked |= strcmp(argv[i], g->name) == 0;
        if (!asked && (wanted || strcmp(g->name, "h200") == 0)) continue;
        why = described_open(g);
        if (why != NULL) fail_msg("%s", why);
        ask_about(g, sets, n, all);
        described_clear();
    }
    (void)remove_root(NULL);
    printf("%d failures\n", failures);
    return failures > 0;
}
