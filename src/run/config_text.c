/* config_text.c - prints the configuration, and checks what must hold between keys. */
#include "config_table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef struct page {
    char *out;
    size_t size, used;
} page;

static void put(page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(page *p, const char *format, ...) {
    va_list args;
    va_start(args, format);
    const size_t left = p->used < p->size ? p->size - p->used : 0;
    const int n = vsnprintf(left > 0 ? p->out + p->used : NULL, left, format, args);
    va_end(args);
    p->used += (size_t)n;
}

/* As short as reads back the same. */
static void put_real(page *p, const char *before, double value) {
    char text[32];
    for (int digits = 6; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    put(p, "%s%s", before, text);
}

static void put_value(page *p, const config_row *row, const pleat_config *config) {
    const char *at = (const char *)config + row->offset;
    const int *whole = (const int *)(const void *)at;
    const double *real = (const double *)(const void *)at;
    const int off = (row->kind == RANGE_OR || row->kind == SPACING_OR) &&
                    *(const int *)(const void *)((const char *)config + row->flag) == 0;
    if (off) {
        put(p, "none");
        return;
    }
    switch (row->kind) {
    case TEXT: /* single quotes are doubled inside single quotes */
        put(p, "'");
        for (const char *c = at; *c != '\0'; c++) put(p, *c == '\'' ? "''" : "%c", *c);
        put(p, "'");
        break;
    case CHOICE:
        if (row->offset == offsetof(pleat_config, pad_background))
            put(p, "%s", *whole ? "background" : "zero");
        else
            put(p, "%s", at);
        break;
    case INTEGER: put(p, "%d", *whole); break;
    case UNSIGNED: put(p, "%" PRIu64, *(const uint64_t *)(const void *)at); break;
    case REAL: put_real(p, "", *real); break;
    case BOOLEAN: put(p, "%s", *whole ? "true" : "false"); break;
    case BYTES: put(p, "%.0f", *real); break;
    case SIZE: put(p, "[%d, %d, %d]", whole[2], whole[1], whole[0]); break;
    case TRIPLE:
    case SPACING_OR:
        for (int a = 2; a >= 0; a--) put_real(p, a == 2 ? "[" : ", ", real[a]);
        put(p, "]");
        break;
    case RANGE:
    case RANGE_OR:
        for (int i = 0; i < 2; i++) put_real(p, i == 0 ? "[" : ", ", real[i]);
        put(p, "]");
        break;
    }
}

/* Opens the sections of `key` that `last` was not in; returns the key's own word. */
static const char *open_sections(page *p, const char *key, const char *last, int *depth) {
    size_t shared = 0;
    *depth = 0;
    for (size_t i = 0; key[i] != '\0' && key[i] == last[i]; i++) {
        if (key[i] != '.') continue;
        shared = i + 1;
        (*depth)++;
    }
    const char *word = key + shared;
    for (const char *dot = strchr(word, '.'); dot != NULL; dot = strchr(word, '.')) {
        put(p, "%*s%.*s:\n", 2 * *depth, "", (int)(dot - word), word);
        word = dot + 1;
        (*depth)++;
    }
    return word;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the page writes to it */
pleat_status pleat_config_text(const pleat_config *config, int manual, char *out, size_t size) {
    page p = {out, size, 0};
    const char *last = "";
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++) {
        int depth = 0;
        const char *word = open_sections(&p, row->key, last, &depth);
        put(&p, "%*s%s: ", 2 * depth, "", word);
        put_value(&p, row, config);
        if (manual) put(&p, "  # %s", row->manual);
        put(&p, "\n");
        last = row->key;
    }
    PLEAT_CHECK(p.used < size, PLEAT_ERR_MEMORY, "the configuration is longer than %zu bytes",
                size);
    return PLEAT_OK;
}

const char *pleat_config_difference(const pleat_config *a, const pleat_config *b) {
    static const char *const execution[] = {
        "data",           "store",         "folds.splits",   "engine",
        "precision",      "threads",       "loader_threads", "host_memory",
        "ranks_per_fold", "predict.batch", "device_memory",  "share_gpu",
    };
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++) {
        char left[2048], right[2048];
        int skip = 0;
        for (size_t i = 0; i < sizeof execution / sizeof *execution; i++)
            skip = skip || strcmp(row->key, execution[i]) == 0;
        put_value(&(page){left, sizeof left, 0}, row, a);
        put_value(&(page){right, sizeof right, 0}, row, b);
        if (!skip && strcmp(left, right) != 0) return row->key;
    }
    return NULL;
}

int pleat_config_classes(const pleat_config *config, char text[1024],
                         const char *names[PLEAT_MAX_CLASSES]) {
    int n = 0;
    (void)snprintf(text, 1024, "%s", config->classes);
    char *save = NULL;
    for (char *name = strtok_r(text, ",", &save); name != NULL && n < PLEAT_MAX_CLASSES;
         name = strtok_r(NULL, ",", &save)) {
        while (*name == ' ') name++;
        for (size_t end = strlen(name); end > 0 && name[end - 1] == ' '; end--)
            name[end - 1] = '\0';
        names[n++] = name;
    }
    return n;
}

pleat_status pleat_config_check(const pleat_config *config) {
    static const char *const axes[3] = {"z", "y", "x"};
    pleat_graph graph;
    pleat_network network = config->network;
    PLEAT_CHECK(config->norm_sync || !config->deterministic, PLEAT_ERR_ARG,
                "deterministic: true needs network.norm_sync: true; a rank's own statistics depend "
                "on how many ranks share a batch");
    int commas = 0;
    for (const char *c = config->classes; *c != '\0'; c++) commas += *c == ',';
    PLEAT_CHECK(commas < PLEAT_MAX_CLASSES, PLEAT_ERR_ARG,
                "classes names %d, at most %d are possible", commas + 1, PLEAT_MAX_CLASSES);
    char text[1024];
    const char *names[PLEAT_MAX_CLASSES];
    const int n = pleat_config_classes(config, text, names);
    PLEAT_CHECK(n == 0 || n == commas + 1, PLEAT_ERR_ARG, "classes '%s': a name is empty",
                config->classes);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            PLEAT_CHECK(strcmp(names[i], names[j]) != 0, PLEAT_ERR_ARG,
                        "classes '%s': '%s' comes twice", config->classes, names[i]);
    PLEAT_CHECK((double)config->iterations * config->batch < 2147483647.0, PLEAT_ERR_ARG,
                "train.iterations = %d times train.batch = %d is too many patches an epoch",
                config->iterations, config->batch);
    if (network.classes == 0) network.classes = 2;
    PLEAT_TRY(pleat_network_build(&network, &graph));
    const pleat_status fits = pleat_graph_check_size(&graph, config->patch);
    pleat_graph_free(&graph);
    PLEAT_TRY(fits);
    for (int a = 0; a < 3; a++)
        PLEAT_CHECK(config->overlap[a] < config->patch[a], PLEAT_ERR_ARG,
                    "overlap %d along %s is not smaller than the patch's %d", config->overlap[a],
                    axes[a], config->patch[a]);
    return PLEAT_OK;
}
