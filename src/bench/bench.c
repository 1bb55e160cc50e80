/* bench.c - pleat bench: which measurement, and the tools they share. */
#include "bench.h"

#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/statistics.h"
#include "pleat/volume.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const verb measurements[] = {
    {"bench step", bench_step, 0, "[options]",
     "one training step: forward, loss, backward, Adam, on random patches. "
     "Under mpirun the ranks share each step and --batch is one rank's. "
     "gflops = batch * (6 macs - 2 first) / ms_median, per rank: macs are the multiply-adds of "
     "one patch forward, and the first layer, with `first` of them, needs no gradient of its "
     "input"},
    {"bench conv", bench_conv, 0, "[options]",
     "each convolution of a network alone, in every way that the engine has. "
     "Forward, by data and by weights; the least time. of_peak: share of what its multiply-adds "
     "reach in registers"},
    {"bench prep", bench_prep, 0, "[--in FILE | --size XxYxZ] [options]",
     "preprocessing of one volume, step by step; without --in of a phantom"},
    {"bench read", bench_read, 0, "[--store STORE] [options]",
     "a random patch, image and mask, from a store that the system has in memory; "
     "without --store of one synthetic case, in a scratch folder below $TMPDIR"},
    {"bench predict", bench_predict, 0, "[options]", "sliding-window prediction of a volume"},
    {"bench allreduce", bench_allreduce, 0, "[options]",
     "the sum of float32 over all ranks, under mpirun. With n ranks and t, the median over "
     "repetitions of the slowest rank's time: algbw_gbs = bytes / t / 1e9, "
     "busbw_gbs = algbw_gbs * 2 (n - 1) / n, as nccl-tests defines it. "
     "copy_gbs: memcpy by all ranks at once"},
    {"bench augment", bench_augment, 0, "[options]",
     "patches made in a second, by one thread and by all: by each transform alone, by all at "
     "once, by the worst four (elastic, rotation, scale, gamma), and as the paper draws them"},
    {"bench score", bench_score, 0, "[options]",
     "all scores of a pair of label maps of four classes, surfaces and lesions included"},
    {NULL, NULL, 0, NULL, NULL},
};

static void list_measurements(FILE *out) {
    (void)fprintf(out, "usage: pleat bench WHAT [options]      pleat bench WHAT --help\n\n");
    for (const verb *m = measurements; m->name != NULL; m++)
        (void)fprintf(out, "  %-10s %.*s\n", m->name + strlen("bench "),
                      (int)strcspn(m->what, ".;"), m->what);
    (void)fprintf(out, "\nEach prints one line, or with --json one JSON object.\n");
}

pleat_status verb_bench(app *a, const verb *self, int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
        for (const verb *m = measurements; a->tell != NULL && m->name != NULL; m++)
            PLEAT_TRY(m->run(a, m, argc, argv));
        if (a->tell == NULL && a->session->rank == 0) list_measurements(stdout);
        return PLEAT_OK;
    }
    for (const verb *m = measurements; m->name != NULL; m++)
        if (strcmp(m->name + strlen("bench "), what) == 0) return m->run(a, m, argc - 1, argv + 1);
    return PLEAT_FAIL(PLEAT_ERR_ARG, "pleat bench cannot measure '%s'; usage: pleat bench %s", what,
                      self->arguments);
}

/* --- times and memory ------------------------------------------------------------------------- */

bench_times bench_summary(double *times, int n) {
    pleat_sort(times, (size_t)n);
    return (bench_times){
        .median = pleat_median(times, (size_t)n),
        .min = times[0],
        .p90 = pleat_quantile(times, (size_t)n, 0.9),
    };
}

pleat_status bench_measure(pleat_status (*work)(void *context), void *context,
                           const bench_repeat *repeat, bench_times *out) {
    const int n = repeat->n;
    PLEAT_CHECK(n >= 1 && n <= 1000000 && repeat->warmup >= 0, PLEAT_ERR_ARG,
                "a measurement needs at least 1 repetition and no fewer than 0 before it");
    double *times = malloc((size_t)n * sizeof *times);
    PLEAT_CHECK(times != NULL, PLEAT_ERR_MEMORY, "no memory for %d times", n);
    pleat_status status = PLEAT_OK;
    for (int i = -repeat->warmup; i < n; i++) {
        const double start = pleat_now();
        PLEAT_TRY_GOTO(status, done, work(context));
        if (i >= 0) times[i] = (pleat_now() - start) * 1e3;
    }
    *out = bench_summary(times, n);
done:
    free(times);
    return status;
}

void bench_print_times(sheet *s, const bench_times *times) {
    sheet_real(s, "ms_median", times->median);
    sheet_real(s, "ms_min", times->min);
    sheet_real(s, "ms_p90", times->p90);
}

void bench_print_peak(sheet *s) {
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    sheet_real(s, "peak_mib", (double)usage.ru_maxrss / 1024.0); /* Linux counts KiB */
}

pleat_status bench_check_size(const char *name, const int dim[3]) {
    for (int a = 0; a < 3; a++)
        PLEAT_CHECK(dim[a] >= 1 && dim[a] <= 32767, PLEAT_ERR_ARG,
                    "%s %dx%dx%d: each size must be 1 to 32767", name, dim[2], dim[1], dim[0]);
    return PLEAT_OK;
}

pleat_status bench_check_channels(int channels) {
    PLEAT_CHECK(channels >= 1 && channels <= PLEAT_MAX_CHANNELS, PLEAT_ERR_ARG,
                "--channels %d: must be 1 to %d", channels, PLEAT_MAX_CHANNELS);
    return PLEAT_OK;
}

void bench_print_size(sheet *s, const char *key, const int dim[3]) {
    const int xyz[3] = {dim[2], dim[1], dim[0]};
    sheet_ints(s, key, xyz, 3);
}

sheet bench_sheet(const char *name, int json) {
    sheet s = sheet_begin(json ? SHEET_JSON : SHEET_LINE, name);
    if (json) sheet_text(&s, "bench", name);
    return s;
}

/* splitmix64 (Steele, Lea & Flood 2014) of the index: fast, and good enough to measure with. */
void bench_noise(float *out, size_t n, uint64_t seed) {
    const float width = 3.4641016f; /* sqrt(12): variance 1 */
    for (size_t i = 0; i < n; i++) {
        uint64_t z = (seed + i + 1) * 0x9e3779b97f4a7c15U;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        out[i] = ((float)(z >> 40) * 0x1p-24F - 0.5F) * width;
    }
}

/* --- scratch files ---------------------------------------------------------------------------- */

pleat_status bench_scratch_make(char out[256]) {
    const char *base = getenv("TMPDIR");
    if (base == NULL || base[0] == '\0') base = "/tmp";
    PLEAT_TRY(pleat_path(out, 256, "%s/pleat-bench-XXXXXX", base));
    PLEAT_CHECK(mkdtemp(out) != NULL, PLEAT_ERR_IO,
                "cannot make a scratch folder below '%s': %s; set TMPDIR", base, strerror(errno));
    return PLEAT_OK;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st, (void)kind, (void)where;
    (void)remove(path);
    return 0;
}

void bench_scratch_remove(const char *folder) {
    (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
