/*
 * test_engine.c - the conformance suite of engine.h.
 *
 *   test_engine [-v] [NAME [PRECISION]]
 *
 * Holds engine NAME, or every CPU engine of this build, to the laws of the table in each
 * precision it offers, or in that one: against the oracle, against numbers known beforehand, and
 * the oracle itself against finite differences. -v: the worst error of every result. Leaves with
 * 77, which CTest calls skipped, when nothing could be tested.
 */
#include "engine_suite.h"

#include <stdio.h>
#include <string.h>

#define SKIPPED   77
#define MOST_ROWS 64 /* of the suite */

static const struct {
    pleat_precision precision;
    double limit; /* of normalised mean squared error; a wrong border or channel makes > 1e-2,
                     bf16 in place of f32 about 3e-6, tf32 about 5e-8 */
} precisions[] = {
    {PLEAT_PRECISION_F32, 1e-9}, {PLEAT_PRECISION_TF32, 1e-5}, {PLEAT_PRECISION_BF16, 1e-3}};

static int clear(void **state) {
    bench *b = *state;
    bench_clear(b);
    b->score_count = 0;
    return 0;
}

/* Failed tests of one engine in one precision. */
static int run_group(bench *b) {
    const char *name = b->engine->ops->name;
    char group[64];
    (void)snprintf(group, sizeof group, "engine %s in %s%s", name,
                   pleat_precision_name(b->engine->precision),
                   b->engine->ordered ? ", ordered" : "");
    struct CMUnitTest rows[MOST_ROWS];
    size_t n = 0;
    for (const suite_row *row = suite_rows; row->name != NULL; row++) {
        if (row->only != NULL && strcmp(row->only, name) != 0) continue;
        assert_true(n < MOST_ROWS);
        rows[n++] = (struct CMUnitTest){row->name, row->run, NULL, clear, b};
    }
    return _cmocka_run_group_tests(group, rows, n, NULL, NULL);
}

/* threads 0: all there are. */
static pleat_engine *make(const char *name, pleat_precision precision, int threads,
                          int deterministic) {
    const pleat_engine_options options = {.engine = name,
                                          .precision = precision,
                                          .threads = threads,
                                          .device = -1,
                                          .deterministic = deterministic};
    pleat_engine *engine = NULL;
    if (pleat_engine_create(&options, &engine) != PLEAT_OK) return NULL;
    if (precision == PLEAT_PRECISION_AUTO || engine->precision == precision) return engine;
    pleat_engine_destroy(engine);
    return NULL;
}

/* Failed tests; -1: the engine has no such precision here. */
static int run_one(const char *name, size_t i, int deterministic, int verbose) {
    const char *oracle = strcmp(name, "ref") == 0 ? "ref64" : "ref";
    bench b = {.limit = precisions[i].limit, .verbose = verbose, .seed = 20200901};
    b.engine = make(name, precisions[i].precision, 0, deterministic);
    if (b.engine == NULL) return -1;
    b.oracle = make(oracle, PLEAT_PRECISION_F32, 1, 0); /* more would wait for each other */
    printf("engine %s: %s\n", name, b.engine->device);
    const int failed = b.oracle != NULL ? run_group(&b) : 1;
    pleat_engine_destroy(b.oracle);
    pleat_engine_destroy(b.engine);
    return failed;
}

/* The engine in every precision it has, as it is and made deterministic; *done counts them. Failed
 * tests. */
static int run_engine(const char *name, const char *precision, int verbose, int *done) {
    int failed = 0;
    for (size_t i = 0; i < COUNT(precisions); i++) {
        const char *this_one = pleat_precision_name(precisions[i].precision);
        if (precision != NULL && strcmp(precision, this_one) != 0) continue;
        for (int deterministic = 0; deterministic < 2; deterministic++) {
            const int n = run_one(name, i, deterministic, verbose);
            if (n < 0) {
                printf("[  SKIP    ] engine %s has no %s here\n", name, this_one);
                break;
            }
            failed += n;
            ++*done;
            if (strncmp(name, "ref", 3) == 0) break; /* always is */
        }
    }
    return failed;
}

static int is_cpu(const char *name) {
    pleat_engine *engine = make(name, PLEAT_PRECISION_AUTO, 0, 0);
    const int yes = engine != NULL && engine->host_memory;
    pleat_engine_destroy(engine);
    return yes;
}

int main(int argc, char **argv) {
    const char *wanted = NULL, *precision = NULL;
    int verbose = 0, failed = 0, done = 0, known = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            verbose = 1;
        else if (wanted == NULL)
            wanted = argv[i];
        else
            precision = argv[i];
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* cmocka writes to stderr too; keep the order */
    for (const pleat_engine_entry *e = pleat_engine_list(); e->name != NULL; e++) {
        if (wanted != NULL && strcmp(wanted, e->name) != 0) continue;
        known = 1;
        if (e->missing() != NULL)
            printf("[  SKIP    ] engine %s: %s\n", e->name, e->missing());
        else if (wanted == NULL && !is_cpu(e->name))
            printf("[  SKIP    ] engine %s is not a CPU engine; give its name\n", e->name);
        else
            failed += run_engine(e->name, precision, verbose, &done);
    }
    if (!known) printf("no engine '%s' in this build\n", wanted);
    if (!known || failed > 0) return 1;
    return done > 0 ? 0 : SKIPPED;
}
