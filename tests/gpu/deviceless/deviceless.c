/*
 * deviceless.c - what the real cuDNN says to the module's convolutions, on a machine without a GPU.
 *
 *   deviceless [-v] [-d] [-a] [h100|h200|a100|a40]...
 *
 *   -v  a line for each graph too
 *   -d  deterministic plans too
 *   -a  everything of every GPU; else a network is asked about with one example, in bf16 and f32 or
 *       bf16 and tf32 in turn, the next ones on the next GPU; and of an architecture that was asked
 *       before (H200), bf16 and its networks only
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
 * A GPU with failures is the last that is asked. Leaves with 77 where this cuDNN takes no
 * description. Nothing is run or timed: which candidate is the fastest is drawn.
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

#define SKIPPED    77
#define MOST_CONVS 2048 /* of the suite */
#define MOST_SETS  64

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
    int number;                  /* of the example */
    int network, trial;
} set;

static int examples; /* how many */
static int every;    /* -a */

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

static const char *kind_of(const answer *a) {
    static const char *const passes[] = {"forward", "data", "weights"};
    return a->fused ? "forward, fused" : passes[a->pass];
}

static int is_slow(const answer *a) {
    return a->compiled == a->taken || (a->precision != PLEAT_PRECISION_F32 && a->tensor == 0);
}

/* In tf32 f32's engines compute what cuDNN 9.19 has no tensor cores for: on sm_86 the data
 * gradients of layers whose strides differ by axis; and, as all other plans want more workspace
 * than one may have, the gradients of the weights where x alone is over 1 GiB. */
static int is_known(const answer *a) {
    const pleat_conv_desc *c = &a->conv;
    const int *s = c->stride, differ = s[0] != s[1] || s[1] != s[2];
    const double x = 4.0 * c->n * c->d * c->h * c->w * c->cin;
    if (a->precision != PLEAT_PRECISION_TF32 || a->compiled > 0) return 0;
    if (a->pass == 1) return described_gpu_now->version == 860 && differ;
    return a->pass == 2 && x > 0x1p30 && a->planned > a->taken;
}

/* Where no plan adds the bias, the module asks next for one that does not. */
static int is_replaced(const answer *a) { return a->fused && a->taken == 0; }

static void print_answer(const answer *a, const char *what) {
    const pleat_conv_desc *c = &a->conv;
    const int *k = c->kernel, *s = c->stride, *b = c->before;
    printf("    %s, %s, %dx%dx%dx%d, %d to %d, kernel %d%d%d, stride %d%d%d, before %d%d%d: ",
           pleat_precision_name(a->precision), kind_of(a), c->n, c->d, c->h, c->w, c->cin, c->cout,
           k[0], k[1], k[2], s[0], s[1], s[2], b[0], b[1], b[2]);
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
        else if (is_slow(a) && is_known(a))
            print_answer(a, "slow, as is known");
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
    printf("  %-27s %6d  %4d-%-5d %9.1f %5.0f ", s->name, graphs, least, most,
           (double)workspace / 0x1p20, time);
    for (int i = 0; i < 128; i++)
        if (engines[i / 64] >> i % 64 & 1) printf(" %d", i);
    printf("\n");
}

/* ---- passes over all sets ---- */

/* Up to a set with failures: plans that are compiled take half a second each. Sets done. */
static int plan_all(const set *sets, int n, pleat_precision precision, int deterministic) {
    pleat_engine *engine = open_engine(precision, deterministic);
    const int before = failures;
    int i = 0;
    for (; i < n && failures == before; i++) {
        const int from = described_answers.n;
        const double begin = milliseconds();
        plan_set(engine, &sets[i]);
        const double time = milliseconds() - begin;
        print_set(&sets[i], described_answers.rows + from, described_answers.n - from, time);
        judge_answers(described_answers.rows + from, described_answers.n - from);
    }
    pleat_engine_destroy(engine);
    return i;
}

/* By a new engine, which has nothing but the file of choices. */
static void plan_again(const set *sets, int n, pleat_precision precision, int deterministic) {
    pleat_engine *engine = open_engine(precision, deterministic);
    const int from = described_answers.n;
    const double begin = milliseconds();
    for (int i = 0; i < n; i++) plan_set(engine, &sets[i]);
    printf("  %-27s %6d %27.0f\n", "all again, from the cache", described_answers.n - from,
           milliseconds() - begin);
    for (int i = from; i < described_answers.n; i++)
        if (described_answers.rows[i].named > 0 && described_answers.rows[i].taken > 0)
            blame(&described_answers.rows[i], "NOT MADE AGAIN OF ITS NUMBERS");
    described_answers.n = from;
    pleat_engine_destroy(engine);
}

/* ---- the emulated cuDNN beside the real one ---- */

static int is_same_graph(const answer *a, const answer *b) {
    return a->precision == b->precision && a->pass == b->pass && a->fused == b->fused &&
           memcmp(&a->conv, &b->conv, offsetof(pleat_conv_desc, train)) == 0;
}

/* Where both were asked, one of them takes the graph and the other does not. What the real one
 * compiles in every process the emulated one refuses, so that nobody comes to rely on it. */
static void compare_answers(const answers *real, const answers *emulated) {
    for (int i = 0; i < emulated->n; i++) {
        const answer *e = &emulated->rows[i], *r = real->rows, *end = real->rows + real->n;
        if (e->named == 0 && e->planned > 0) continue; /* asked before */
        while (r < end && !is_same_graph(e, r)) r++;
        if (r == end || (e->taken > 0) == (r->taken > r->compiled)) continue;
        blame(r, e->taken > 0 ? "THE EMULATED cuDNN TAKES IT" : "THE EMULATED cuDNN REFUSES IT");
    }
}

static answers take_answers(void) {
    const answers taken = described_answers;
    described_answers = (answers){NULL, 0, 0};
    return taken;
}

/* The keys of the plan cache know neither of an emulation nor of another type. */
static void emulate(void) {
    const char *why = described_emulate(EMULATED);
    if (why != NULL) fail_msg("%s", why);
    (void)setenv("PLEAT_PLAN_CACHE", "off", 1);
}

static void describe(const described_gpu *gpu) {
    const char *why = described_open(gpu);
    if (why != NULL) fail_msg("%s", why);
    (void)setenv("PLEAT_PLAN_CACHE", in_root(NULL, "plans"), 1);
}

/* Those of all sets that `gpu` is asked about in a precision; all of them with -a. */
static int choose_sets(const set *all, int n, const described_gpu *gpu, int precision, set *out) {
    const int at = (int)(gpu - described_gpus), is_bf16 = precision == PLEAT_PRECISION_BF16;
    int chosen = 0, is_new = 1; /* as an architecture */
    for (const described_gpu *g = described_gpus; g < gpu; g++)
        is_new &= g->version != gpu->version;
    for (int i = 0; i < n; i++) {
        const int turn = all[i].network + at, is_even = precision == PLEAT_PRECISION_F32;
        const int net = turn % examples == all[i].number && (is_bf16 || turn % 2 == !is_even);
        const int few = is_new || (is_bf16 && (all[i].trial || all[i].example != NULL));
        if (every || (few && (all[i].example == NULL || net))) out[chosen++] = all[i];
    }
    return chosen;
}

/* What the real one said is in `described_answers`. */
static void compare_sets(const described_gpu *gpu, const set *all, int n) {
    answers real = take_answers();
    emulate();
    for (int p = PLEAT_PRECISION_F32; p <= PLEAT_PRECISION_BF16; p++) {
        set sets[MOST_SETS];
        const int chosen = choose_sets(all, n, gpu, p, sets);
        if (chosen == 0) continue;
        pleat_engine *engine = open_engine(p, 0);
        for (int i = 0; i < chosen; i++) plan_set(engine, &sets[i]);
        pleat_engine_destroy(engine);
    }
    compare_answers(&real, &described_answers);
    printf("%s, and the emulated cuDNN: %d answers compared\n", gpu->full, described_answers.n);
    free(real.rows);
    described_clear();
    describe(gpu);
}

static answers ask_varied(pleat_precision precision, int tensor) {
    static const pleat_conv_desc usual = {.kind = PLEAT_CONV,
                                          .n = 2,
                                          .d = 16,
                                          .h = 16,
                                          .w = 16,
                                          .cin = 32,
                                          .cout = 64,
                                          .kernel = {3, 3, 3},
                                          .stride = {1, 1, 1},
                                          .before = {1, 1, 1},
                                          .relu = 1,
                                          .train = 1,
                                          .want_dx = 1};
    const int is_inside = tensor > 3, is_bf16 = precision == PLEAT_PRECISION_BF16;
    (void)setenv("PLEAT_PLAN_CACHE", "off", 1);
    described_vary(tensor, is_bf16 && !is_inside ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16);
    pleat_engine *engine = open_engine(precision, 0);
    plan_conv(engine, &usual);
    pleat_engine_destroy(engine);
    described_vary(-1, 0);
    return take_answers();
}

/* Graphs that the module does not make: one tensor is of another type. */
static void compare_varied(void) {
    static const char *const names[] = {"x", "w", "y", "bias", "sum", "sum and bias"};
    printf("one tensor of another type: what is taken of what is named, %s\n",
           described_gpu_now->full);
    for (int p = PLEAT_PRECISION_F32; p <= PLEAT_PRECISION_BF16; p += 2)
        for (int tensor = 0; tensor < (int)COUNT(names); tensor++) {
            describe(described_gpu_now);
            answers real = ask_varied(p, tensor);
            emulate();
            answers emulated = ask_varied(p, tensor);
            printf("  %-4s %-13s", pleat_precision_name(p), names[tensor]);
            for (const answer *a = real.rows; a < real.rows + real.n; a++)
                printf("%s%s %d of %d%s", a > real.rows ? ", " : "", kind_of(a), a->taken, a->named,
                       a->compiled > 0 ? ", compiled at run time" : "");
            printf("\n");
            compare_answers(&real, &emulated);
            free(real.rows);
            free(emulated.rows);
        }
}

static void ask_about(const described_gpu *gpu, const set *all, int n, int also_deterministic) {
    describe(gpu);
    for (int deterministic = 0; deterministic <= also_deterministic; deterministic++) {
        for (int p = PLEAT_PRECISION_F32; p <= PLEAT_PRECISION_BF16; p++) {
            set sets[MOST_SETS];
            const int chosen = choose_sets(all, n, gpu, p, sets);
            if (chosen == 0) continue;
            printf("%s, %s%s\n  %-27s %6s %10s %9s %5s  %s\n", gpu->full, pleat_precision_name(p),
                   deterministic ? ", deterministic" : "", "", "graphs", "candidates", "MiB", "ms",
                   "engines");
            plan_again(sets, plan_all(sets, chosen, p, deterministic), p, deterministic);
        }
        if (!deterministic) compare_sets(gpu, all, n);
    }
    described_clear();
}

/* The suite, the trial, and every network with every example; how many. */
static int list_sets(set *sets, size_t most) {
    size_t n = 0;
    glob_t found;
    sets[n++] = (set){.name = "the trial of auto", .trial = 1};
    sets[n++] = (set){.name = "the conformance suite"};
    assert_int_equal(glob(EXAMPLES "/*.yaml", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        pleat_config *example = calloc(1, sizeof *example); /* kept */
        assert_non_null(example);
        pleat_config_defaults(example);
        OK(pleat_config_read(found.gl_pathv[i], example));
        for (int k = 0; pleat_networks[k] != NULL; k++) {
            assert_true(n < most);
            sets[n] = (set){.example = example, .number = (int)i, .network = k};
            (void)snprintf(sets[n].name, sizeof sets[n].name, "%.40s, %.20s",
                           strrchr(found.gl_pathv[i], '/') + 1, pleat_networks[k]->name);
            n++;
        }
    }
    examples = (int)found.gl_pathc;
    globfree(&found);
    return (int)n;
}

int main(int argc, char **argv) {
    static set sets[MOST_SETS];
    int also_deterministic = 0, named = 0;
    const char *why = described_open(described_gpus);
    if (why != NULL) {
        printf("cuDNN %zu plans for no GPU that is only described: %s\n", cudnnGetVersion(), why);
        return SKIPPED;
    }
    for (int i = 1; i < argc; i++) {
        verbose |= strcmp(argv[i], "-v") == 0;
        also_deterministic |= strcmp(argv[i], "-d") == 0;
        every |= strcmp(argv[i], "-a") == 0;
        named |= argv[i][0] != '-';
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)setenv("PLEAT_MODULE_PATH", MODULE, 1);
    assert_int_equal(make_root(NULL), 0);
    collect_suite();
    const int n = list_sets(sets, COUNT(sets));
    compare_varied();
    for (const described_gpu *g = described_gpus; g->name != NULL; g++) {
        int wanted = !named;
        for (int i = 1; i < argc; i++) wanted |= strcmp(argv[i], g->name) == 0;
        if (wanted && failures == 0) ask_about(g, sets, n, also_deterministic);
    }
    (void)remove_root(NULL);
    printf("cuDNN %zu: %d failures\n", cudnnGetVersion(), failures);
    return failures > 0;
}
