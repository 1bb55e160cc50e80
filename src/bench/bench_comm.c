/*
 * bench_comm.c - time and bandwidth of the all-reduce that joins the ranks' gradients, in host
 * memory, or with --engine in that of an engine.
 *
 * Before each sum the data are whole numbers small enough that float32 adds them exactly, and each
 * result is compared: a wire that is fast and wrong is an error. These sums are timed one by one.
 *
 * The bandwidths are counted as nccl-tests counts them: as many sums again are queued one behind
 * the other, and their mean time counts. algbw is bytes by time; busbw, 2 (ranks - 1) / ranks of
 * it, is what a wire carries each way where a rank sends and receives the least that it must.
 * copy_gbs is what memcpy of as many bytes does in host memory while all ranks copy: where they
 * share a machine, a sum cannot be faster.
 */
#include "bench.h"

#include "pleat/comm_device.h"
#include "pleat/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIZES = 32, MOST_REPEATS = 1000 };

typedef struct sum_work {
    pleat_comm *comm;     /* of all ranks */
    pleat_comm *compute;  /* that sums */
    pleat_engine *engine; /* NULL: none */
    float *data, *copy;   /* [n], host */
    void *summed;         /* the same, or its place in the engine's memory */
    size_t n;
    double mine[MOST_REPEATS + 2]; /* ms of this rank; on rank 0 then of the slowest; last, the mean
                                      of sums in a row, and of copies */
} sum_work;

typedef struct sum_options {
    size_t sizes[MOST_SIZES]; /* bytes, [n] */
    int n;
    const char *engine; /* "": none */
    int share, json;
    bench_repeat repeat;
} sum_options;

/* "64M" -> 64 * 2^20; *end is what follows. 0 when it is no size of 4 bytes to 1 TiB. */
static size_t read_size(const char *text, char **end) {
    static const char units[] = "KMG";
    errno = 0;
    const unsigned long long value = isdigit((unsigned char)*text) ? strtoull(text, end, 10) : 0;
    if (value == 0 || errno != 0 || value > 1ULL << 40) return 0;
    const char *unit = **end != '\0' ? strchr(units, toupper((unsigned char)**end)) : NULL;
    const int shift = unit != NULL ? 10 * (int)(unit - units + 1) : 0;
    if (unit != NULL) ++*end;
    const unsigned long long bytes = value << shift;
    return bytes >> shift == value && bytes >= 4 && bytes <= 1ULL << 40 ? (size_t)bytes : 0;
}

/* "4M,64M" */
static pleat_status parse_sizes(const char *text, size_t sizes[MOST_SIZES], int *n) {
    char *end = NULL;
    *n = 0;
    for (const char *at = text;; at = end + 1) {
        const size_t size = read_size(at, &end);
        PLEAT_CHECK(
            size > 0 && (*end == ',' || *end == '\0') && *n < MOST_SIZES, PLEAT_ERR_ARG,
            "--bytes '%s': must be at most %d sizes from 4 bytes to 1024G, such as 64K,4M,1G", text,
            MOST_SIZES);
        sizes[(*n)++] = size;
        if (*end == '\0') return PLEAT_OK;
    }
}

static void fill(sum_work *w) {
    for (size_t i = 0; i < w->n; i++) w->data[i] = (float)(w->comm->rank + (int)(i % 1000));
}

static pleat_status check(const sum_work *w) {
    const int ranks = w->comm->size;
    for (size_t i = 0; i < w->n; i++) {
        const double wanted = 0.5 * ranks * (ranks - 1) + (double)ranks * (double)(i % 1000);
        PLEAT_CHECK((double)w->data[i] == wanted, PLEAT_ERR_COMM,
                    "the sum over %d ranks is wrong at %zu of %zu: %.9g, not %.9g", ranks, i, w->n,
                    (double)w->data[i], wanted);
    }
    return PLEAT_OK;
}

static pleat_status sum_once(sum_work *w, double *ms) {
    const size_t bytes = w->n * sizeof *w->data;
    fill(w);
    if (w->engine != NULL) {
        PLEAT_TRY(w->engine->ops->upload(w->engine, w->summed, w->data, bytes));
        PLEAT_TRY(w->engine->ops->synchronize(w->engine));
    }
    PLEAT_TRY(pleat_comm_barrier(w->comm));
    const double start = pleat_now();
    PLEAT_TRY(pleat_comm_allreduce_sum(w->compute, w->summed, w->n, PLEAT_F32));
    PLEAT_TRY(pleat_comm_wait(w->compute));
    *ms = (pleat_now() - start) * 1e3;
    if (w->engine != NULL)
        PLEAT_TRY(w->engine->ops->download(w->engine, w->data, w->summed, bytes));
    return pleat_comm_agree(w->comm, check(w));
}

/* The slowest rank's time of each repetition, on rank 0. */
static pleat_status slowest(sum_work *w, int repeats) {
    void *all = NULL;
    size_t total = 0;
    const size_t bytes = (size_t)repeats * sizeof *w->mine;
    PLEAT_TRY(pleat_comm_gather(w->comm, w->mine, bytes, 0, &all, &total));
    if (w->comm->rank != 0) return PLEAT_OK;
    const double *times = all;
    for (int r = 0; r < w->comm->size; r++)
        for (int i = 0; i < repeats; i++) {
            const double one = times[(size_t)r * (size_t)repeats + (size_t)i];
            if (one > w->mine[i]) w->mine[i] = one;
        }
    free(all);
    return PLEAT_OK;
}

/* In host memory a sum is waited for before the same values are summed again. */
static pleat_status sums_in_a_row(sum_work *w, int n, double *ms) {
    PLEAT_TRY(pleat_comm_barrier(w->comm));
    const double start = pleat_now();
    for (int i = 0; i < n; i++) {
        PLEAT_TRY(pleat_comm_allreduce_sum(w->compute, w->summed, w->n, PLEAT_F32));
        if (!w->compute->ops->recordable) PLEAT_TRY(pleat_comm_wait(w->compute));
    }
    PLEAT_TRY(pleat_comm_wait(w->compute));
    *ms = (pleat_now() - start) * 1e3 / n;
    return PLEAT_OK;
}

static pleat_status copies_in_a_row(sum_work *w, int n, double *ms) {
    memcpy(w->copy, w->data, w->n * sizeof *w->data); /* its pages are there now */
    PLEAT_TRY(pleat_comm_barrier(w->comm));
    const double start = pleat_now();
    for (int i = 0; i < n; i++)
        memcpy(i % 2 == 0 ? w->data : w->copy, i % 2 == 0 ? w->copy : w->data,
               w->n * sizeof *w->data);
    *ms = (pleat_now() - start) * 1e3 / n;
    return PLEAT_OK;
}

typedef struct row_times { /* ms, means */
    double sum, copy;
} row_times;

static pleat_status measure_size(sum_work *w, const bench_repeat *repeat, bench_times *out,
                                 row_times *row) {
    for (int i = -repeat->warmup; i < repeat->n; i++) {
        double ms = 0.0;
        PLEAT_TRY(sum_once(w, &ms));
        if (i >= 0) w->mine[i] = ms;
    }
    PLEAT_TRY(sums_in_a_row(w, repeat->n, &w->mine[repeat->n]));
    PLEAT_TRY(copies_in_a_row(w, repeat->n, &w->mine[repeat->n + 1]));
    PLEAT_TRY(slowest(w, repeat->n + 2));
    *row = (row_times){w->mine[repeat->n], w->mine[repeat->n + 1]};
    *out = bench_summary(w->mine, repeat->n);
    return PLEAT_OK;
}

static void print_sums(const pleat_comm *comm, const size_t *sizes, const bench_times *times,
                       const row_times *rows, int n, int json) {
    static const sheet_column columns[] = {{"bytes", 12},     {"ms_median", 10}, {"ms_min", 10},
                                           {"ms_in_row", 10}, {"algbw_gbs", 9},  {"busbw_gbs", 9},
                                           {"copy_gbs", 9},   {NULL, 0}};
    sheet s = bench_sheet("allreduce", json);
    sheet_text(&s, "comm", comm->ops->name);
    sheet_int(&s, "ranks", comm->size);
    sheet_text(&s, "type", "f32");
    bench_print_peak(&s);
    sheet_table(&s, "sizes", columns);
    for (int i = 0; i < n; i++) {
        const double algbw = (double)sizes[i] / (rows[i].sum * 1e-3) / 1e9;
        sheet_row(&s);
        sheet_int(&s, "bytes", (long long)sizes[i]);
        sheet_real(&s, "ms_median", times[i].median);
        sheet_real(&s, "ms_min", times[i].min);
        sheet_real(&s, "ms_in_row", rows[i].sum);
        sheet_real(&s, "algbw_gbs", algbw);
        sheet_real(&s, "busbw_gbs", algbw * 2.0 * (comm->size - 1) / comm->size);
        sheet_real(&s, "copy_gbs", (double)sizes[i] / (rows[i].copy * 1e-3) / 1e9);
    }
    sheet_table_end(&s);
    sheet_end(&s);
}

/* What sums, and the memory it sums in. */
static pleat_status prepare(sum_work *w, const sum_options *o, size_t most) {
    const pleat_engine_options options = {.engine = o->engine, .threads = 1, .device = -1};
    w->data = malloc(most);
    w->copy = malloc(most);
    PLEAT_CHECK(w->data != NULL && w->copy != NULL, PLEAT_ERR_MEMORY,
                "no memory for twice %zu bytes", most);
    w->summed = w->data;
    if (o->engine[0] == '\0') return PLEAT_OK;
    w->summed = NULL;
    PLEAT_TRY(pleat_engine_create(&options, &w->engine));
    return w->engine->ops->alloc(w->engine, most, &w->summed);
}

static void release(sum_work *w) {
    if (w->compute != w->comm) pleat_comm_destroy(w->compute);
    if (w->engine != NULL && w->summed != NULL) w->engine->ops->free(w->engine, w->summed);
    pleat_engine_destroy(w->engine);
    free(w->data);
    free(w->copy);
}

static pleat_status run_sums(pleat_comm *comm, const sum_options *o) {
    bench_times times[MOST_SIZES] = {0};
    row_times rows[MOST_SIZES] = {0};
    size_t most = 0;
    for (int i = 0; i < o->n; i++) most = o->sizes[i] > most ? o->sizes[i] : most;
    sum_work w = {.comm = comm, .compute = comm};
    pleat_status status = pleat_comm_agree(comm, prepare(&w, o, most));
    if (status == PLEAT_OK && w.engine != NULL) {
        pleat_comm *compute = NULL;
        PLEAT_TRY_GOTO(
            status, done,
            pleat_comm_agree(comm, pleat_comm_device(comm, w.engine, o->share, &compute)));
        if (compute != NULL) w.compute = compute;
    }
    for (int i = 0; i < o->n && status == PLEAT_OK; i++) {
        w.n = o->sizes[i] / sizeof *w.data;
        status = measure_size(&w, &o->repeat, &times[i], &rows[i]);
    }
    if (status == PLEAT_OK && comm->rank == 0)
        print_sums(w.compute, o->sizes, times, rows, o->n, o->json);
done:
    release(&w);
    return status;
}

pleat_status bench_allreduce(app *a, const verb *self, int argc, char **argv) {
    const char *bytes = "64K,4M,64M";
    sum_options o = {.engine = "", .repeat = {.warmup = 5, .n = 20}};
    text_list words = {0};
    int go = 0;
    const option rows[] = {
        {"--bytes", OPTION_TEXT, &bytes, "N,N,...",
         "message sizes, with K, M or G (default 64K,4M,64M)"},
        {"--engine", OPTION_TEXT, &o.engine, "NAME",
         "sum in this engine's memory (default: the host's)"},
        {"--share-gpu", OPTION_FLAG, &o.share, NULL, "ranks may use one GPU"},
        {"--repeats", OPTION_INT, &o.repeat.n, "N", "measurements of each size (default 20)"},
        {"--warmup", OPTION_INT, &o.repeat.warmup, "N",
         "sums before the first measurement (default 5)"},
        {"--json", OPTION_FLAG, &o.json, NULL, "one JSON object"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 0, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    PLEAT_CHECK(o.repeat.n >= 1 && o.repeat.n <= MOST_REPEATS && o.repeat.warmup >= 0,
                PLEAT_ERR_ARG, "--repeats must be 1 to %d, --warmup not negative", MOST_REPEATS);
    PLEAT_TRY(parse_sizes(bytes, o.sizes, &o.n));
    return run_sums(a->session->world, &o);
}
