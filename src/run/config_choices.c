/* config_choices.c - which keys are set, and the choices that give the others their values. */
#include "config_table.h"

#include "pleat/layout.h"

#include <stdio.h>
#include <string.h>

static unsigned char *given(const config_row *row, pleat_config *config) {
    return &config->given[row - pleat_config_rows];
}

/* A key as it is in `from`. */
static void take_value(const config_row *row, const pleat_config *from, pleat_config *to) {
    static const size_t bytes[] = {
        [VALUE_CHOICE] = sizeof(int),           [VALUE_INTEGER] = sizeof(int),
        [VALUE_UNSIGNED] = sizeof(uint64_t),    [VALUE_REAL] = sizeof(double),
        [VALUE_BOOLEAN] = sizeof(int),          [VALUE_BYTES] = sizeof(double),
        [VALUE_SIZE] = 3 * sizeof(int),         [VALUE_TRIPLE] = 3 * sizeof(double),
        [VALUE_RANGE] = 2 * sizeof(double),     [VALUE_SPACING_OR] = 3 * sizeof(double),
        [VALUE_RANGES_OR] = 2 * sizeof(double), [VALUE_FLAGS] = sizeof(int)};
    const size_t n = row->kind == VALUE_TEXT ? (size_t)row->low : bytes[row->kind];
    const int lists = row->kind == VALUE_RANGES_OR || row->kind == VALUE_FLAGS;
    for (size_t k = 0; k < (lists ? PLEAT_MAX_CHANNELS : 1); k++) {
        const size_t step = k * sizeof(pleat_prep_steps);
        memcpy((char *)to + row->offset + step, (const char *)from + row->offset + step, n);
        if (row->flag != 0)
            memcpy((char *)to + row->flag + step, (const char *)from + row->flag + step,
                   sizeof(int));
    }
}

static int is_chosen(const config_usual *usual, const pleat_config *config) {
    const config_row *row = pleat_config_find(usual->chooser);
    const int *place = (const int *)(const void *)((const char *)config + row->offset);
    return strcmp(row->name(*place), usual->choice) == 0;
}

pleat_status pleat_config_choose(pleat_config *config) {
    pleat_config defaults;
    pleat_config_defaults(&defaults);
    for (const config_usual *usual = pleat_config_usual; usual->chooser != NULL; usual++) {
        const config_row *row = pleat_config_find(usual->key);
        if (!*given(row, config)) take_value(row, &defaults, config);
    }
    for (const config_usual *usual = pleat_config_usual; usual->chooser != NULL; usual++) {
        const config_row *row = pleat_config_find(usual->key);
        if (!*given(row, config) && is_chosen(usual, config))
            PLEAT_TRY(pleat_config_set_row(row, usual->chooser, usual->value, config));
    }
    return PLEAT_OK;
}

const config_usual *pleat_config_chooser(const pleat_config *config, const config_row *row) {
    const config_usual *last = NULL;
    if (config->given[row - pleat_config_rows]) return NULL;
    for (const config_usual *usual = pleat_config_usual; usual->chooser != NULL; usual++)
        if (strcmp(usual->key, row->key) == 0 && is_chosen(usual, config)) last = usual;
    return last;
}

/* A key that is not set gets its usual value again. */
static pleat_status renew(const config_row *row, pleat_config *config) {
    pleat_config defaults;
    pleat_config_defaults(&defaults);
    take_value(row, &defaults, config);
    for (const config_usual *usual = pleat_config_usual; usual->chooser != NULL; usual++)
        if (strcmp(usual->key, row->key) == 0 && is_chosen(usual, config))
            PLEAT_TRY(pleat_config_set_row(row, usual->chooser, usual->value, config));
    return PLEAT_OK;
}

/* An overlap that is not set is the usual one, or where the patch is too small for that, half of
 * the patch. */
static pleat_status follow_patch(pleat_config *config) {
    const config_row *row = pleat_config_find("overlap");
    if (*given(row, config)) return PLEAT_OK;
    PLEAT_TRY(renew(row, config));
    for (int a = 0; a < 3; a++)
        if (config->overlap[a] >= config->patch[a]) config->overlap[a] = config->patch[a] / 2;
    return PLEAT_OK;
}

/* Nothing is mirrored for a prediction, where that is not set, that was not in training. */
static pleat_status follow_augment(pleat_config *config) {
    const config_row *row = pleat_config_find("predict.mirror");
    if (*given(row, config)) return PLEAT_OK;
    PLEAT_TRY(renew(row, config));
    config->mirror = pleat_config_mirror(config) != 0;
    return PLEAT_OK;
}

pleat_status pleat_config_give(const config_row *row, const char *where, const char *text,
                               pleat_config *config) {
    PLEAT_TRY(pleat_config_set_row(row, where, text, config));
    *given(row, config) = 1;
    if ((row->marks & CHOOSES) != 0) PLEAT_TRY(pleat_config_choose(config));
    PLEAT_TRY(follow_augment(config));
    return follow_patch(config);
}

pleat_status pleat_config_join_data(pleat_config *config) {
    char joined[sizeof config->data];
    const char *image = config->data_image, *label = config->data_label;
    if (config->data[0] == '\0' || (image[0] == '\0' && label[0] == '\0')) return PLEAT_OK;
    PLEAT_CHECK(image[0] != '\0', PLEAT_ERR_ARG,
                "data.label is set, data.image is not; set both, such as data.image: "
                "'{case}/ct.nii.gz'");
    PLEAT_CHECK(!pleat_layout_is_described(config->data), PLEAT_ERR_ARG,
                "data.image is '%s', but data is '%s', which says itself which files are cases; "
                "leave one out",
                image, config->data);
    const int n = snprintf(joined, sizeof joined, "%s|%s%s%s", config->data, image,
                           label[0] != '\0' ? "|" : "", label);
    PLEAT_CHECK(n > 0 && (size_t)n < sizeof joined, PLEAT_ERR_ARG,
                "data, data.image and data.label are longer than %zu characters together",
                sizeof joined - 1);
    memcpy(config->data, joined, sizeof joined);
    config->data_image[0] = config->data_label[0] = '\0';
    return PLEAT_OK;
}
