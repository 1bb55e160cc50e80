/* config_text.c - prints the configuration, its keys' table, and checks what must hold between. */
#include "config_table.h"

#include "pleat/file.h"
#include "pleat/losses.h"
#include "pleat/optimizers.h"
#include "pleat/statistics.h"
#include "pleat/store.h"
#include "pleat/window.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
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
    char text[PLEAT_NUMBER_BYTES];
    put(p, "%s%s", before, pleat_number(value, 6, text));
}

/* Of one channel, or a list as far as it goes before its last value. */
static void put_channels(page *p, const config_row *row, const pleat_config *config) {
    char value[PLEAT_MAX_CHANNELS][80];
    int n = PLEAT_MAX_CHANNELS;
    for (size_t k = 0; k < PLEAT_MAX_CHANNELS; k++) {
        const char *steps = (const char *)config + k * sizeof(pleat_prep_steps);
        const int *whole = (const int *)(const void *)(steps + row->offset);
        const double *real = (const double *)(const void *)(steps + row->offset);
        page one = {value[k], sizeof value[k], 0};
        if (row->kind == VALUE_FLAGS) {
            put(&one, "%s", *whole ? "true" : "false");
        } else if (*(const int *)(const void *)(steps + row->flag) == 0) {
            put(&one, "none");
        } else {
            for (int i = 0; i < 2; i++) put_real(&one, i == 0 ? "[" : ", ", real[i]);
            put(&one, "]");
        }
    }
    while (n > 1 && strcmp(value[n - 2], value[PLEAT_MAX_CHANNELS - 1]) == 0) n--;
    for (int k = 0; k < n; k++) put(p, "%s%s", n == 1 ? "" : k == 0 ? "[" : ", ", value[k]);
    if (n > 1) put(p, "]");
}

/* Single quotes are doubled inside single quotes. */
static void put_quoted(page *p, const char *text) {
    put(p, "'");
    for (const char *c = text; *c != '\0'; c++) put(p, *c == '\'' ? "''" : "%c", *c);
    put(p, "'");
}

static void put_value(page *p, const config_row *row, const pleat_config *config) {
    const char *at = (const char *)config + row->offset;
    const int *whole = (const int *)(const void *)at;
    const double *real = (const double *)(const void *)at;
    const int off = row->kind == VALUE_SPACING_OR &&
                    *(const int *)(const void *)((const char *)config + row->flag) == 0;
    if (off) {
        put(p, "none");
        return;
    }
    switch (row->kind) {
    case VALUE_TEXT: put_quoted(p, at); break;
    case VALUE_CHOICE:
        if ((row->marks & QUOTED) != 0)
            put_quoted(p, row->name(*whole));
        else
            put(p, "%s", row->name(*whole));
        break;
    case VALUE_INTEGER: put(p, "%d", *whole); break;
    case VALUE_UNSIGNED: put(p, "%" PRIu64, *(const uint64_t *)(const void *)at); break;
    case VALUE_REAL: put_real(p, "", *real); break;
    case VALUE_BOOLEAN: put(p, "%s", *whole ? "true" : "false"); break;
    case VALUE_BYTES: put(p, "%.0f", *real); break;
    case VALUE_SIZE: put(p, "[%d, %d, %d]", whole[2], whole[1], whole[0]); break;
    case VALUE_TRIPLE:
    case VALUE_SPACING_OR:
        for (int a = 2; a >= 0; a--) put_real(p, a == 2 ? "[" : ", ", real[a]);
        put(p, "]");
        break;
    case VALUE_RANGES_OR:
    case VALUE_FLAGS: put_channels(p, row, config); break;
    case VALUE_RANGE:
        for (int i = 0; i < 2; i++) put_real(p, i == 0 ? "[" : ", ", real[i]);
        put(p, "]");
        break;
    }
}

/* Whether what stands before `end` is a key itself, as data is of data.affine. */
static int is_key(const char *key, const char *end) {
    const size_t n = (size_t)(end - key);
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++)
        if (strncmp(row->key, key, n) == 0 && row->key[n] == '\0') return 1;
    return 0;
}

/* Opens the sections of `key` that `last` was not in; returns the key's own word, or words where
 * the section has a value of its own. */
static const char *open_sections(page *p, const char *key, const char *last, int *depth) {
    size_t shared = 0;
    *depth = 0;
    for (size_t i = 0; key[i] != '\0' && key[i] == last[i]; i++) {
        if (key[i] != '.' || is_key(key, key + i)) continue;
        shared = i + 1;
        (*depth)++;
    }
    const char *word = key + shared;
    for (const char *dot = strchr(word, '.'); dot != NULL && !is_key(key, dot);
         dot = strchr(word, '.')) {
        put(p, "%*s%.*s:\n", 2 * *depth, "", (int)(dot - word), word);
        word = dot + 1;
        (*depth)++;
    }
    return word;
}

/* The row's text, and that of each of its choices. The page writes to `text`.
 * NOLINTNEXTLINE(readability-non-const-parameter) */
static void manual_of(const config_row *row, char text[PLEAT_MANUAL_BYTES]) {
    page p = {text, PLEAT_MANUAL_BYTES, 0};
    put(&p, "%s", row->manual);
    for (int i = 0; row->what != NULL && row->name(i) != NULL; i++)
        put(&p, "; %s: %s", row->name(i), row->what(i));
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
        if (manual) {
            char text[PLEAT_MANUAL_BYTES];
            const config_usual *chosen = pleat_config_chooser(config, row);
            const int missing =
                (row->marks & NEEDED) != 0 && ((const char *)config)[row->offset] == '\0';
            manual_of(row, text);
            put(&p, "  # %s", missing ? "no default, must be set; " : "");
            if (chosen != NULL) put(&p, "by %s: %s; ", chosen->chooser, chosen->choice);
            put(&p, "%s", text);
        }
        put(&p, "\n");
        last = row->key;
    }
    PLEAT_CHECK(p.used < size, PLEAT_ERR_MEMORY, "the configuration is longer than %zu bytes",
                size);
    return PLEAT_OK;
}

/* --- the keys, as docs/cli.md and the manual pages list them --------------------------------- */

static void put_limits(page *p, const config_row *row) {
    if (row->high < BIG)
        put(p, ", %g to %g", row->low, row->high);
    else if (row->low > -BIG)
        put(p, ", from %g", row->low);
}

/* Which values a key takes. */
static void put_kind(page *p, const config_row *row) {
    static const char *const words[] = {
        [VALUE_TEXT] = "text",
        [VALUE_INTEGER] = "whole number",
        [VALUE_UNSIGNED] = "whole number, from 0",
        [VALUE_REAL] = "number",
        [VALUE_BOOLEAN] = "true or false",
        [VALUE_BYTES] = "bytes, such as 512M or 4G",
        [VALUE_SIZE] = "[x, y, z]",
        [VALUE_TRIPLE] = "number or [x, y, z]",
        [VALUE_RANGE] = "[low, high]",
        [VALUE_SPACING_OR] = "[x, y, z] or none",
        [VALUE_RANGES_OR] = "[low, high] or none, or a list of these",
        [VALUE_FLAGS] = "true or false, or a list of these",
    };
    for (int i = 0; row->kind == VALUE_CHOICE && row->name(i) != NULL; i++)
        put(p, "%s%s", i > 0 ? ", " : "", row->name(i));
    if (row->kind == VALUE_CHOICE) return;
    put(p, "%s", words[row->kind]);
    if (row->kind != VALUE_TEXT && row->kind != VALUE_BYTES && row->high > row->low)
        put_limits(p, row);
}

static void put_default(page *p, const config_row *row, const pleat_config *defaults) {
    const double *bytes = (const double *)(const void *)((const char *)defaults + row->offset);
    if (row->kind == VALUE_BYTES && *bytes > 0.0 && fmod(*bytes, 0x1p30) == 0.0)
        put(p, "%.0fG", *bytes / 0x1p30);
    else if ((row->marks & NEEDED) == 0)
        put_value(p, row, defaults);
}

int pleat_config_describe(int i, pleat_config_about *out) {
    const config_row *row = &pleat_config_rows[i];
    pleat_config defaults;
    if (row->key == NULL) return 0;
    pleat_config_defaults(&defaults);
    *out = (pleat_config_about){.key = row->key,
                                .resume = (row->marks & RESUME) != 0,
                                .predict = (row->marks & PREDICT) != 0};
    put_kind(&(page){out->values, sizeof out->values, 0}, row);
    put_default(&(page){out->usual, sizeof out->usual, 0}, row, &defaults);
    manual_of(row, out->manual);
    return 1;
}

const char *pleat_config_choice(int i, int j) {
    static const char *const truths[] = {"true", "false", NULL};
    const config_row *row = &pleat_config_rows[i];
    if (row->kind == VALUE_CHOICE) return row->name(j);
    return row->kind == VALUE_BOOLEAN ? truths[j] : NULL;
}

/* What would end a table's cell, or begin a tag. */
static void put_cell(page *p, const char *text) {
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '|')
            put(p, "&#124;");
        else if (*c == '<' && isalpha((unsigned char)c[1]))
            put(p, "&lt;");
        else
            put(p, "%c", *c);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the page writes to it */
pleat_status pleat_config_markdown(char *out, size_t size) {
    static const char *const changes[2][2] = {{"", "predict"}, {"resume", "resume, predict"}};
    pleat_config_about about;
    page p = {out, size, 0};
    put(&p, "| key | value | default | may change | description |\n|---|---|---|---|---|\n");
    for (int i = 0; pleat_config_describe(i, &about); i++) {
        const char *quote = about.usual[0] != '\0' ? "`" : "";
        put(&p, "| `%s` | %s | %s%s%s | %s | ", about.key, about.values, quote,
            about.usual[0] != '\0' ? about.usual : "none, must be set", quote,
            changes[about.resume][about.predict]);
        put_cell(&p, about.manual);
        put(&p, " |\n");
    }
    PLEAT_CHECK(p.used < size, PLEAT_ERR_MEMORY, "the keys' table is longer than %zu bytes", size);
    return PLEAT_OK;
}

/* --- comparing and checking ------------------------------------------------------------------ */

enum { SHOWN_BYTES = 2 * PLEAT_CLASSES_BYTES };

/* The values as text; 1 where they differ. */
static int values_differ(const config_row *row, const pleat_config *a, const pleat_config *b,
                         char left[SHOWN_BYTES], char right[SHOWN_BYTES]) {
    put_value(&(page){left, SHOWN_BYTES, 0}, row, a);
    put_value(&(page){right, SHOWN_BYTES, 0}, row, b);
    return strcmp(left, right) != 0;
}

int pleat_config_differences(const pleat_config *was, const pleat_config *is, char *text,
                             size_t size) {
    page p = {text, size, 0};
    int n = 0;
    text[0] = '\0';
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++) {
        char left[SHOWN_BYTES], right[SHOWN_BYTES];
        if ((row->marks & RESUME) != 0 || !values_differ(row, was, is, left, right)) continue;
        put(&p, "%s%s was %.80s%s, now %.80s%s", n++ > 0 ? "; " : "", row->key, left,
            strlen(left) > 80 ? "..." : "", right, strlen(right) > 80 ? "..." : "");
    }
    return n;
}

int pleat_config_prep_differs(const pleat_config *config, const char *text, char *out,
                              size_t size) {
    static const char section[] = "preprocess.";
    char own[PLEAT_PREPROCESSING_BYTES], left[SHOWN_BYTES], right[SHOWN_BYTES];
    pleat_config was = *config, is = *config;
    pleat_prep_text(&config->prep, own, sizeof own); /* its numbers are as long as the other's */
    if (pleat_prep_parse_text(text, &was.prep) != PLEAT_OK ||
        pleat_prep_parse_text(own, &is.prep) != PLEAT_OK)
        return 0;
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++) {
        if (strncmp(row->key, section, sizeof section - 1) != 0 ||
            !values_differ(row, &was, &is, left, right))
            continue;
        (void)snprintf(out, size, "%s was %.80s, now %.80s", row->key, left, right);
        return 1;
    }
    return 0;
}

void pleat_config_may_change(char *text, size_t size) {
    page p = {text, size, 0};
    text[0] = '\0';
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++)
        if ((row->marks & RESUME) != 0) put(&p, "%s%s", p.used > 0 ? ", " : "", row->key);
}

void pleat_config_settings(const pleat_config *config, char out[17]) {
    pleat_config defaults;
    uint64_t digest = 0;
    pleat_config_defaults(&defaults);
    for (const config_row *row = pleat_config_rows; row->key != NULL; row++) {
        char value[2 * PLEAT_CLASSES_BYTES], usual[2 * PLEAT_CLASSES_BYTES];
        if ((row->marks & RESUME) != 0) continue;
        put_value(&(page){value, sizeof value, 0}, row, config);
        put_value(&(page){usual, sizeof usual, 0}, row, &defaults);
        if (strcmp(value, usual) == 0) continue;
        digest = pleat_digest(digest, row->key, strlen(row->key) + 1);
        digest = pleat_digest(digest, value, strlen(value) + 1);
    }
    pleat_digest_hex(digest, out);
}

void pleat_config_fold_settings(const pleat_config *config, char out[17]) {
    pleat_config defaults, fold = *config;
    pleat_config_defaults(&defaults);
    fold.train.epochs = defaults.train.epochs;
    pleat_config_settings(&fold, out);
}

int pleat_config_mirror(const pleat_config *config) {
    int axes = 0;
    for (int a = 0; a < 3 && config->mirror && config->train.augment; a++)
        if (config->train.transforms.mirror[a] > 0.0 && config->patch[a] > 1) axes |= PLEAT_AXIS(a);
    return axes;
}

/* Each way has transforms that the other has not. */
static pleat_status check_augment(const pleat_augment_config *t) {
    const int nnunet = t->like == PLEAT_AUGMENT_NNUNET;
    const char *foreign = nnunet && t->elastic_p > 0.0     ? "augment.elastic.p"
                          : !nnunet && t->blur_p > 0.0     ? "augment.blur.p"
                          : !nnunet && t->coarsen_p > 0.0  ? "augment.low_resolution.p"
                          : !nnunet && t->inverted_p > 0.0 ? "augment.inverted_gamma.p"
                                                           : NULL;
    PLEAT_CHECK(foreign == NULL, PLEAT_ERR_ARG,
                "augment.like: %s has no such transform; set %s to 0, or augment.like: %s",
                pleat_augment_like_name(t->like), foreign, pleat_augment_like_name(!nnunet));
    return PLEAT_OK;
}

/* nnU-Net's folds are one and the same for each number of cases. */
static pleat_status check_folds(const pleat_config *config) {
    const config_usual *by = pleat_config_chooser(config, pleat_config_find("folds.like"));
    const char *preset = by != NULL ? ", as preset: nnunet sets it," : "";
    if (config->folds_like == PLEAT_FOLDS_OWN) return PLEAT_OK;
    PLEAT_CHECK(config->group_by[0] == '\0', PLEAT_ERR_ARG,
                "folds.like: nnunet%s knows no groups; set folds.like: pleat, remove "
                "folds.group_by, or give the folds by folds.splits",
                preset);
    PLEAT_CHECK(config->repeats <= 1 || config->splits[0] != '\0', PLEAT_ERR_ARG,
                "folds.repeats = %d, but folds.like: nnunet%s has the same folds in each repeat; "
                "set folds.like: pleat, or folds.repeats: 1",
                config->repeats, preset);
    return PLEAT_OK;
}

/* Names of the losses that may be chosen for the classes. */
static const char *losses_for(const pleat_classes *classes, char *out, size_t size) {
    out[0] = '\0';
    for (int i = 0; pleat_losses[i] != NULL; i++)
        if (pleat_losses[i]->of_regions == classes->of_regions &&
            (!pleat_losses[i]->of_two || classes->n == 2))
            (void)snprintf(out + strlen(out), size - strlen(out), "%s%s",
                           out[0] != '\0' ? ", " : "", pleat_losses[i]->name);
    return out;
}

pleat_status pleat_config_check_training(const pleat_config *config, const pleat_classes *classes) {
    const pleat_loss *loss = pleat_losses[config->train.loss];
    char losses[600];
    PLEAT_TRY(pleat_classes_check_written("classes", classes));
    PLEAT_CHECK(loss->of_regions == classes->of_regions, PLEAT_ERR_ARG,
                "train.loss is %s, but the classes are %s; choose one of: %s", loss->name,
                classes->of_regions ? "regions" : "no regions",
                losses_for(classes, losses, sizeof losses));
    PLEAT_CHECK(!loss->of_two || classes->n == 2, PLEAT_ERR_ARG,
                "train.loss is %s, which counts background and one class alone, but with the "
                "background there are %d classes, and the others would not be learnt; choose one "
                "of: %s",
                loss->name, classes->n, losses_for(classes, losses, sizeof losses));
    PLEAT_CHECK(config->network.norm || !pleat_network_lacks(&config->network, "norm"),
                PLEAT_ERR_ARG,
                "network.norm is false, but network.name: %s always has norm; remove "
                "network.norm, or choose another network",
                pleat_network_name(config->network.name));
    return PLEAT_OK;
}

/* Its classes may not be known yet. */
static pleat_status build(const pleat_config *config, pleat_graph *out) {
    pleat_network network = config->network;
    if (network.classes == 0) network.classes = 2;
    return pleat_network_build(&network, out);
}

/* The network keeps running statistics, as batch norm does. */
static int keeps_statistics(const pleat_config *config) {
    pleat_graph graph;
    if (build(config, &graph) != PLEAT_OK) return 1; /* which is refused elsewhere */
    const int keeps = graph.stats > 0;
    pleat_graph_free(&graph);
    return keeps;
}

/* The key beside which `key` does nothing, and which of its choices; 0: there is none. */
static int choice_against(const pleat_config *config, const char *key, char choice[64]) {
    static const char network[] = "network.", plateau[] = "train.plateau.";
    const pleat_optimizer *optimizer = pleat_optimizers[config->train.update.optimizer];
    if (strncmp(key, network, sizeof network - 1) == 0 &&
        pleat_network_lacks(&config->network, key + sizeof network - 1))
        return snprintf(choice, 64, "network.name: %s", pleat_network_name(config->network.name));
    if ((strcmp(key, "network.norm_sync") == 0 || strcmp(key, "network.norm_momentum") == 0) &&
        !keeps_statistics(config))
        return config->network.norm ? snprintf(choice, 64, "network.name: %s",
                                               pleat_network_name(config->network.name))
                                    : snprintf(choice, 64, "network.norm: false");
    if ((strcmp(key, "train.amsgrad") == 0 && !optimizer->knows_amsgrad) ||
        (strcmp(key, "train.momentum") == 0 && !optimizer->knows_momentum) ||
        (strcmp(key, "train.weight_decay") == 0 && !optimizer->knows_decay))
        return snprintf(choice, 64, "train.optimizer: %s", optimizer->name);
    if (strncmp(key, plateau, sizeof plateau - 1) == 0 &&
        pleat_schedules[config->train.schedule]->reduce == NULL)
        return snprintf(choice, 64, "train.schedule: %s",
                        pleat_schedule_name(config->train.schedule));
    return 0;
}

/* A value that is the default says nothing: `pleat config` prints them all. */
int pleat_config_idle(const pleat_config *config, int i, const char **key, char choice[64]) {
    char left[SHOWN_BYTES], right[SHOWN_BYTES];
    pleat_config defaults;
    pleat_config_defaults(&defaults);
    for (const config_row *row = pleat_config_rows + i; row->key != NULL; row++, i++) {
        *key = row->key;
        if (config->given[i] && choice_against(config, row->key, choice) > 0 &&
            values_differ(row, config, &defaults, left, right))
            return i;
    }
    return -1;
}

pleat_status pleat_config_check(const pleat_config *config) {
    static const char *const axes[3] = {"z", "y", "x"};
    pleat_graph graph;
    PLEAT_CHECK(config->train.norm_sync || !config->deterministic, PLEAT_ERR_ARG,
                "deterministic: true needs network.norm_sync: true; a rank's own statistics depend "
                "on how many ranks share a batch");
    pleat_classes classes;
    PLEAT_TRY(pleat_classes_parse(config->classes, &classes));
    pleat_classes_free(&classes);
    PLEAT_CHECK((double)config->train.iterations * config->train.batch < 2147483647.0,
                PLEAT_ERR_ARG,
                "train.iterations = %d times train.batch = %d is too many patches an epoch",
                config->train.iterations, config->train.batch);
    PLEAT_CHECK(config->train.rates.warmup < config->train.epochs, PLEAT_ERR_ARG,
                "train.warmup = %d is not smaller than train.epochs = %d",
                config->train.rates.warmup, config->train.epochs);
    PLEAT_TRY(check_folds(config));
    PLEAT_CHECK(!config->mirror || pleat_config_mirror(config) != 0, PLEAT_ERR_ARG,
                "predict.mirror: true mirrors along the axes that training has mirrored, and there "
                "are none: augment.on is false, or augment.mirror is 0. Set predict.mirror: false");
    for (int k = 0; k < PLEAT_MAX_CHANNELS; k++) {
        const pleat_prep_steps *steps = &config->prep.channel[k];
        PLEAT_CHECK(!steps->scale || steps->scale_range[0] < steps->scale_range[1], PLEAT_ERR_ARG,
                    "preprocess.scale = [%g, %g]: both are one value, so it cannot become -1 and 1",
                    steps->scale_range[0], steps->scale_range[1]);
    }
    PLEAT_TRY(check_augment(&config->train.transforms));
    PLEAT_TRY(build(config, &graph));
    const pleat_status fits = pleat_graph_check_size(&graph, config->patch);
    pleat_graph_free(&graph);
    PLEAT_TRY(fits);
    for (int a = 0; a < 3; a++)
        PLEAT_CHECK(
            config->overlap[a] < config->patch[a], PLEAT_ERR_ARG,
            "overlap %d along %s is not smaller than the patch's %d; set overlap, to half of "
            "the patch for example: [%d, %d, %d]",
            config->overlap[a], axes[a], config->patch[a], config->patch[2] / 2,
            config->patch[1] / 2, config->patch[0] / 2);
    return PLEAT_OK;
}

pleat_status pleat_config_least_patch(const pleat_config *config, const int size[3], int out[3]) {
    pleat_graph graph;
    PLEAT_TRY(build(config, &graph));
    for (int a = 0; a < 3; a++) {
        const int step = graph.divisor[a];
        out[a] = (size[a] + step - 1) / step * step;
    }
    pleat_graph_free(&graph);
    return PLEAT_OK;
}
