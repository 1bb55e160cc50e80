/* measured_json.c - scores from statistics.json and from nnU-Net's summary.json. */
#include "pleat/file.h"
#include "pleat/json.h"
#include "pleat/measured.h"
#include "pleat/warn.h"

#include <jansson.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Python's json writes NaN and Infinity, which JSON does not know: they become null in a copy,
 * which the caller frees. */
static char *as_json(const char *text, size_t n, size_t *bytes) {
    static const char *const words[] = {"NaN", "-Infinity", "Infinity"};
    char *copy = malloc(n + n / 3 + 2), *to = copy;
    int quoted = 0;
    if (copy == NULL) return NULL;
    for (const char *c = text; c < text + n; c++) {
        size_t word = 0;
        for (size_t w = 0; !quoted && w < sizeof words / sizeof *words; w++)
            if (strncmp(c, words[w], strlen(words[w])) == 0) word = strlen(words[w]);
        if (word > 0) {
            memcpy(to, "null", 4);
            to += 4;
            c += word - 1;
            continue;
        }
        if (*c == '"') quoted = !quoted;
        *to++ = *c;
        if (*c == '\\' && quoted && c + 1 < text + n) *to++ = *++c;
    }
    *bytes = (size_t)(to - copy);
    return copy;
}

static double number(const json_t *value) {
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* "a/b/case_1.nii.gz" -> "case_1" */
static void name_of(const char *path, char *out, size_t size) {
    static const char *const endings[] = {".gz", ".nii", ".nrrd", ".mha", ".tif", ".png", NULL};
    const char *slash = strrchr(path, '/');
    (void)snprintf(out, size, "%s", slash != NULL ? slash + 1 : path);
    for (int i = 0; endings[i] != NULL; i++) {
        const size_t n = strlen(out), ending = strlen(endings[i]);
        if (n > ending && strcmp(out + n - ending, endings[i]) == 0) out[n - ending] = '\0';
    }
}

/* A score that is possible. */
static pleat_status add(const char *path, pleat_measured *out, const char *id,
                        const char *class_name, const char *score, const char *definition,
                        double x) {
    char where[PLEAT_PATH_BYTES + 512];
    (void)snprintf(where, sizeof where, "'%s', case '%.200s', class '%.200s'", path, id,
                   class_name);
    PLEAT_TRY(pleat_measured_range(where, score, x));
    return pleat_measured_add(out, id, class_name, score, definition, x);
}

/* --- pleat's -------------------------------------------------------------------------------- */

static const char *definition_of(const json_t *definitions, const char *class_name,
                                 const char *score) {
    const char *text =
        json_string_value(json_object_get(json_object_get(definitions, class_name), score));
    return text != NULL ? text : "";
}

/* The voxels of a class in the truth, of its volume; NaN where the grid is not known. */
static double truth_voxels(const json_t *one, const json_t *scores) {
    const json_t *grid = json_object_get(one, "grid"), *mm3 = json_object_get(grid, "voxel_mm3");
    double voxel = mm3 != NULL ? number(mm3) : 1.0;
    for (size_t a = 0; a < 3 && mm3 == NULL; a++)
        voxel *= number(json_array_get(json_object_get(grid, "spacing"), a));
    const pleat_scores *all = pleat_scores_all();
    const int volume = pleat_scores_role(all, PLEAT_TRUE_VOLUME);
    const double ml = number(json_object_get(scores, pleat_scores_at(all, volume)->name));
    return round(ml * 1000.0 / voxel);
}

static pleat_status read_scores(const char *path, const json_t *one, const char *id,
                                const char *class_name, const json_t *scores,
                                const json_t *definitions, pleat_measured *out) {
    const char *score;
    json_t *value;
    json_object_foreach((json_t *)scores, score, value) {
        if (json_is_string(value)) continue; /* the state */
        PLEAT_TRY(add(path, out, id, class_name, score,
                      definition_of(definitions, class_name, score), number(value)));
    }
    const double voxels = truth_voxels(one, scores);
    if (isnan(voxels)) return PLEAT_OK;
    return pleat_measured_add(out, id, class_name, PLEAT_TRUTH_VOXELS, "", voxels);
}

static pleat_status read_statistics(const json_t *root, const char *path, pleat_measured *out) {
    const json_t *cases = json_object_get(root, "cases");
    const json_t *definitions = json_object_get(root, "definitions");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        const char *id = json_string_value(json_object_get(one, "case")), *class_name;
        json_t *scores;
        PLEAT_CHECK(id != NULL, PLEAT_ERR_FORMAT, "'%s': case %zu has no name", path, i);
        const json_t *fold = json_object_get(one, "fold");
        out->fold = json_is_integer(fold) ? (int)json_integer_value(fold) : -1;
        json_object_foreach(json_object_get(one, "classes"), class_name, scores)
            PLEAT_TRY(read_scores(path, one, id, class_name, scores, definitions, out));
    }
    return PLEAT_OK;
}

/* --- nnU-Net's ------------------------------------------------------------------------------ */

static int is_count(const char *measure) {
    static const char *const counts[] = {"TP", "FP", "FN", "TN", "n_pred"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (strcmp(counts[i], measure) == 0) return 1;
    return 0;
}

/* `names`: pleat's class names by label; NULL: the labels stand for themselves. */
static pleat_status read_metrics(const char *path, const json_t *metrics, const json_t *names,
                                 const char *id, pleat_measured *out) {
    const char *label, *measure;
    json_t *measures, *value;
    json_object_foreach((json_t *)metrics, label, measures) {
        const char *name = json_string_value(json_object_get(names, label));
        json_object_foreach(measures, measure, value) {
            if (is_count(measure)) continue;
            PLEAT_TRY(add(path, out, id, name != NULL ? name : label, pleat_measured_score(measure),
                          "", number(value)));
        }
    }
    return PLEAT_OK;
}

static pleat_status read_summary(const json_t *root, const json_t *cases, const char *path,
                                 pleat_measured *out) {
    const json_t *names = json_object_get(root, "classes");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        const char *file = json_string_value(json_object_get(one, "prediction_file"));
        char id[256];
        PLEAT_CHECK(file != NULL, PLEAT_ERR_FORMAT, "'%s': case %zu has no prediction_file", path,
                    i);
        name_of(file, id, sizeof id);
        PLEAT_TRY(read_metrics(path, json_object_get(one, "metrics"), names, id, out));
    }
    return PLEAT_OK;
}

/* What `score` had to say of these numbers holds for their comparison too. */
static void tell_warnings(const json_t *list, const char *path) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text != NULL) pleat_warn("'%s': %s", path, text);
    }
}

pleat_status pleat_measured_json(const char *path, const char *text, size_t n,
                                 pleat_measured *out) {
    size_t bytes = 0;
    json_t *root = NULL;
    char *json = as_json(text, n, &bytes);
    PLEAT_CHECK(json != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", path);
    pleat_status status = pleat_json_parse(path, json, bytes, &root);
    free(json);
    PLEAT_TRY(status);
    const json_t *cases = json_object_get(root, "cases");
    const json_t *metrics = json_object_get(root, "metric_per_case");
    if (json_is_array(metrics))
        status = read_summary(root, metrics, path, out);
    else if (json_is_array(cases)) {
        tell_warnings(json_object_get(root, "warnings"), path);
        status = read_statistics(root, path, out);
    } else
        status = PLEAT_FAIL(PLEAT_ERR_FORMAT,
                            "'%s' is neither pleat's statistics.json nor nnU-Net's summary.json: "
                            "it has no metric_per_case",
                            path);
    json_decref(root);
    return status;
}
