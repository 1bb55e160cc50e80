/*
 * bench_comm.c - time and bandwidth of the all-reduce that joins the ranks' gradients.
 *
 * Before each sum the data are whole numbers small enough that float32 adds them exactly, and each
 * result is compared: a wire that is fast and wrong is an error.
 */
#include "bench.h"

#include "pleat/comm.h"
#include "pleat/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIZES = 32, MOST_REPEATS = 1000 };

typedef struct sum_work {
    pleat_comm *comm;
    float *data; /* [n] */
    size_t n;
    double mine[MOST_REPEATS]; /* ms of this rank; on rank 0 then of the slowest */
} sum_work;

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
    fill(w);
    PLEAT_TRY(pleat_comm_barrier(w->comm));
    const double start = pleat_now();
    PLEAT_TRY(pleat_comm_allreduce_sum(w->comm, w->data, w->n, PLEAT_F32));
    PLEAT_TRY(pleat_comm_wait(w->comm));
    *ms = (pleat_now() - start) * 1e3;
    return pleat_comm_agree(w->comm, check(w));
}

/* The slowest rank's time of each repetition, on rank 0. */
static pleat_status slowest(sum_work *w, int repeats) {
    void *all = NULL;
    size_t *sizes = calloc((size_t)w->comm->size, sizeof *sizes);
    PLEAT_CHECK(sizes != NULL, PLEAT_ERR_MEMORY, "no memory for %d ranks", w->comm->size);
    const size_t bytes = (size_t)repeats * sizeof *w->mine;
    const pleat_status status = pleat_comm_gather(w->comm, w->mine, bytes, 0, &all, sizes);
    free(sizes);
    PLEAT_TRY(status);
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

static pleat_status measure_size(sum_work *w, const bench_repeat *repeat, bench_times *out) {
    for (int i = -repeat->warmup; i < repeat->n; i++) {
        double ms = 0.0;
        PLEAT_TRY(sum_once(w, &ms));
        if (i >= 0) w->mine[i] = ms;
    }
    PLEAT_TRY(slowest(w, repeat->n));
    *out = bench_summary(w->mine, repeat->n);
    return PLEAT_OK;
}

static void print_sums(const pleat_comm *comm, const size_t *sizes, const bench_times *times, int n,
                       int json) {
    static const sheet_column columns[] = {{"bytes", 12},    {"ms_median", 10}, {"ms_min", 10},
                                           {"algbw_gbs", 9}, {"busbw_gbs", 9},  {NULL, 0}};
    sheet s = bench_sheet("allreduce", json);
    sheet_text(&s, "comm", comm->ops->name);
    sheet_int(&s, "ranks", comm->size);
    sheet_text(&s, "type", "f32");
    bench_print_peak(&s);
    sheet_table(&s, "sizes", columns);
    for (int i = 0; i < n; i++) {
        const double algbw = (double)sizes[i] / (times[i].median * 1e-3) / 1e9;
        sheet_row(&s);
        sheet_int(&s, "bytes", (long long)sizes[i]);
        sheet_real(&s, "ms_median", times[i].median);
        sheet_real(&s, "ms_min", times[i].min);
        sheet_real(&s, "algbw_gbs", algbw);
        sheet_real(&s, "busbw_gbs", algbw * 2.0 * (comm->size - 1) / comm->size);
    }
    sheet_table_end(&s);
    sheet_end(&s);
}

static pleat_status run_sums(pleat_comm *comm, const size_t *sizes, int n,
                             const bench_repeat *repeat, int json) {
    bench_times times[MOST_SIZES] = {0};
    size_t most = 0;
    for (int i = 0; i < n; i++) most = sizes[i] > most ? sizes[i] : most;
    sum_work w = {.comm = comm};
    w.data = malloc(most);
    pleat_status status = PLEAT_OK;
    if (w.data == NULL) status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for %zu bytes", most);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(comm, status));
    for (int i = 0; i < n; i++) {
        w.n = sizes[i] / sizeof *w.data;
        PLEAT_TRY_GOTO(status, done, measure_size(&w, repeat, &times[i]));
    }
    if (comm->rank == 0) print_sums(comm, sizes, times, n, json);
done:
    free(w.data);
    return status;
}

pleat_status bench_allreduce(app *a, const verb *self, int argc, char **argv) {
    const char *bytes = "64K,4M,64M";
    bench_repeat repeat = {.warmup = 5, .n = 20};
    size_t sizes[MOST_SIZES];
    text_list words = {0};
    int n = 0, json = 0, go = 0;
    const option rows[] = {
        {"--bytes", OPTION_TEXT, &bytes, "N,N,...", "sizes, with K, M or G; 64K,4M,64M"},
        {"--repeats", OPTION_INT, &repeat.n, "N", "of each size; 20"},
        {"--warmup", OPTION_INT, &repeat.warmup, "N", "before; 5"},
        {"--json", OPTION_FLAG, &json, NULL, "one JSON object"},
        {0},
    };
    PLEAT_TRY(verb_options(a, self, rows, argc, argv, &words, &go));
    if (!go) return PLEAT_OK;
    PLEAT_CHECK(words.n == 0, PLEAT_ERR_ARG, "usage: pleat %s %s", self->name, self->arguments);
    PLEAT_CHECK(repeat.n >= 1 && repeat.n <= MOST_REPEATS && repeat.warmup >= 0, PLEAT_ERR_ARG,
                "--repeats must be 1 to %d, --warmup not negative", MOST_REPEATS);
    PLEAT_TRY(parse_sizes(bytes, sizes, &n));
    return run_sums(a->session->world, sizes, n, &repeat, json);
}
