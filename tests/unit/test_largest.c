/*
 * test_largest.c - the choice of largest components is nnU-Net's rule, gone through map by map; the
 * file that keeps it.
 */
#include "pleat/components.h"
#include "pleat/file.h"
#include "pleat/nifti.h"
#include "pleat/postprocessing.h"
#include "pleat/rng.h"
#include "pleat/rundir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

enum { CASES = 3, D = 6, H = 9, W = 10, VOXELS = D * H * W, MOST_CLASSES = 4 };

static const int dim[3] = {D, H, W};
static const double spacing[3] = {1, 1, 1};

/* --- nnU-Net's determine_postprocessing, literally -------------------------------------------- */

static double dice(const uint8_t *a, const uint8_t *b, int c) {
    int both = 0, one = 0;
    for (int v = 0; v < VOXELS; v++) {
        both += a[v] == c && b[v] == c;
        one += (a[v] == c) + (b[v] == c);
    }
    return one > 0 ? 2.0 * both / one : NAN;
}

static double nanmean(const double *x, int n) {
    double sum = 0.0;
    int some = 0;
    for (int i = 0; i < n; i++)
        if (!isnan(x[i])) {
            sum += x[i];
            some++;
        }
    return some > 0 ? sum / some : NAN;
}

/* Means of each class in mean[1 ..], over the classes in mean[0]. */
static void evaluate(uint8_t (*maps)[VOXELS], uint8_t (*truth)[VOXELS], int classes, double *mean) {
    for (int c = 1; c < classes; c++) {
        double of[CASES];
        for (int i = 0; i < CASES; i++) of[i] = dice(maps[i], truth[i], c);
        mean[c] = nanmean(of, CASES);
    }
    mean[0] = nanmean(mean + 1, classes - 1);
}

static void decide(uint8_t (*maps)[VOXELS], uint8_t (*truth)[VOXELS], int classes,
                   pleat_largest *kept, double before[], double after[]) {
    static uint8_t tried[CASES][VOXELS];
    double mean[MOST_CLASSES];
    *kept = (pleat_largest){0};
    evaluate(maps, truth, classes, before);
    memcpy(after, before, (size_t)classes * sizeof *after);
    for (int step = 0; step < (classes > 2 ? classes : 1); step++) { /* 0: the foreground */
        memcpy(tried, maps, sizeof tried);
        for (int i = 0; i < CASES; i++) OK(pleat_components_keep_largest(tried[i], dim, step));
        evaluate(tried, truth, classes, mean);
        int better = mean[step] > after[step];
        for (int c = 1; step == 0 && c < classes; c++) better &= !(mean[c] < after[c]);
        if (!better) continue;
        if (step == 0)
            kept->foreground = 1;
        else
            kept->of_class[step] = 1;
        memcpy(maps, tried, sizeof tried);
        memcpy(after, mean, (size_t)classes * sizeof *after);
    }
}

/* Boxes of the classes, and in the prediction specks and holes; a class may be in neither. */
static void draw_case(uint32_t number, uint32_t i, int classes, uint8_t *truth, uint8_t *map) {
    const pleat_rng rng = pleat_rng_at(8, PLEAT_STREAM_PHANTOM, number, i, 0);
    uint32_t draw = 0;
    const double specks = pleat_rng_uniform(&rng, draw++) < 0.3 ? 0.0 : 0.02;
    memset(truth, 0, VOXELS);
    for (int c = 1; c < classes; c++)
        for (int box = 0; box < 2; box++) {
            int from[3], to[3];
            if (pleat_rng_uniform(&rng, draw++) < 0.4) continue;
            for (int a = 0; a < 3; a++) {
                from[a] = (int)pleat_rng_below(&rng, draw++, (uint32_t)dim[a]);
                to[a] = from[a] + 1 + (int)pleat_rng_below(&rng, draw++, 5);
            }
            for (int v = 0; v < VOXELS; v++) {
                const int at[3] = {v / (H * W), v / W % H, v % W};
                int in = 1;
                for (int a = 0; a < 3; a++) in &= at[a] >= from[a] && at[a] < to[a];
                if (in) truth[v] = (uint8_t)c;
            }
        }
    for (int v = 0; v < VOXELS; v++) {
        const double u = pleat_rng_uniform(&rng, draw++);
        map[v] = u < specks ? (uint8_t)pleat_rng_below(&rng, draw++, (uint32_t)classes) : truth[v];
    }
}

static void the_choice_is_that_of_trying_each_step_in_turn(void **state) {
    (void)state;
    static uint8_t truth[CASES][VOXELS], maps[CASES][VOXELS], work[VOXELS];
    static pleat_counts counts[CASES][PLEAT_LARGEST_WAYS * MOST_CLASSES];
    int foreground = 0, own = 0, none = 0, both = 0;
    for (uint32_t number = 0; number < 300; number++) {
        const int classes = 2 + (int)(number % 3);
        double before[MOST_CLASSES], after[MOST_CLASSES];
        pleat_largest want;
        pleat_largest_choice got;
        static pleat_counts packed[CASES * PLEAT_LARGEST_WAYS * MOST_CLASSES];
        const size_t each = PLEAT_LARGEST_WAYS * (size_t)classes;
        for (uint32_t i = 0; i < CASES; i++) {
            draw_case(number, i, classes, truth[i], maps[i]);
            OK(pleat_largest_count(maps[i], truth[i], dim, classes, counts[i]));
            memcpy(packed + i * each, counts[i], each * sizeof *packed);
        }
        pleat_largest_choose(packed, CASES, classes, &got);
        memcpy(work, maps[0], sizeof work);
        decide(maps, truth, classes, &want, before, after);
        assert_memory_equal(&got.kept, &want, sizeof want);
        for (int c = 0; c < classes; c++) {
            const double was = c > 0 ? got.before[c] : got.mean_before;
            const double is = c > 0 ? got.after[c] : got.mean_after;
            if (!isnan(before[c])) assert_float_equal(was, before[c], 1e-12);
            if (!isnan(after[c])) assert_float_equal(is, after[c], 1e-12);
            assert_true(isnan(was) == isnan(before[c]) && isnan(is) == isnan(after[c]));
        }
        OK(pleat_largest_apply(&got.kept, work, dim)); /* as the steps have left the map */
        assert_memory_equal(work, maps[0], VOXELS);
        int classes_kept = 0;
        for (int c = 1; c < classes; c++) classes_kept += want.of_class[c];
        assert_int_equal(pleat_largest_any(&want), want.foreground || classes_kept > 0);
        foreground += want.foreground;
        own += classes_kept > 0;
        both += want.foreground && classes_kept > 0;
        none += !pleat_largest_any(&want);
    }
    if (foreground < 20 || own < 20 || none < 20 || both < 3)
        fail_msg("foreground %d, own %d, both %d, none %d", foreground, own, both, none);
}

/* --- the file --------------------------------------------------------------------------------- */

static void write_map(char path[PLEAT_PATH_BYTES], const char *name, const uint8_t *labels) {
    pleat_geometry geometry;
    pleat_label label = {0};
    pleat_nifti_plain_geometry(dim, spacing, &geometry);
    OK(pleat_label_make(dim, spacing, &label));
    memcpy(label.data, labels, VOXELS);
    OK(pleat_nifti_write_label(in_root(path, name), &label, &geometry));
    pleat_label_free(&label);
}

static void put(const char *path, const char *text) {
    OK(pleat_file_write_atomic(path, text, strlen(text)));
}

static void printed(const char *run, const pleat_classes *classes, char text[512]) {
    FILE *file = tmpfile();
    assert_non_null(file);
    OK(pleat_postprocessing_print(file, run, classes));
    rewind(file);
    text[fread(text, 1, 511, file)] = '\0';
    (void)fclose(file);
}

/* A class of label 7 with a speck that the truth has not, one of label 9 in two true halves. */
static void a_run_keeps_its_choice_and_of_which_scores_it_is(void **state) {
    (void)state;
    uint8_t truth[VOXELS] = {0}, guess[VOXELS];
    pleat_classes classes, regions;
    pleat_comm *self = NULL;
    pleat_map_pair pair = {.id = "one"};
    pleat_postprocessing p;
    char path[PLEAT_PATH_BYTES], scores[PLEAT_PATH_BYTES], folder[PLEAT_PATH_BYTES], text[512];
    int found = 1;
    for (int v = 0; v < 40; v++) truth[v] = 7;
    for (int v = 0; v < 5; v++) truth[200 + v] = truth[400 + v] = 9;
    memcpy(guess, truth, sizeof guess);
    guess[VOXELS - 1] = 7;
    write_map(pair.truth, "truth.nii.gz", truth);
    write_map(pair.prediction, "guess.nii.gz", guess);
    OK(pleat_comm_self(&self));
    OK(pleat_classes_parse("background,lung=7,tumour=9", &classes));
    OK(pleat_classes_parse("background,whole=7+9:7,core=9:9", &regions));
    OK(pleat_run_path(root, PLEAT_RUN_POSTPROCESSING, path));
    OK(pleat_fold_folder(root, 0, folder));
    OK(pleat_file_make_folder(folder));
    OK(pleat_run_fold_path(root, 0, PLEAT_FOLD_SCORES, scores));
    put(scores, "first");

    OK(pleat_postprocessing_read(root, &p, &found));
    assert_true(!found && !pleat_largest_any(&p.choice.kept));
    OK(pleat_postprocessing_choose(self, root, &regions, &pair, 1));
    assert_false(pleat_file_exists(path));
    OK(pleat_postprocessing_choose(self, root, &classes, &pair, 1));
    OK(pleat_postprocessing_read(root, &p, &found));
    assert_true(found && p.choice.kept.of_class[1] && !p.choice.kept.of_class[2]);
    assert_false(p.choice.kept.foreground);
    assert_float_equal(p.choice.before[1], 80.0 / 81.0, 1e-15);
    assert_true(p.choice.after[1] == 1.0 && p.choice.mean_after == 1.0);
    const pleat_largest of_files = pleat_postprocessing_of_files(&p);
    for (int label = 0; label < PLEAT_MAX_CLASSES; label++)
        assert_int_equal(of_files.of_class[label], label == 7);
    printed(root, &classes, text);
    assert_string_equal(text, "\npost-processing: the largest component of lung; mean Dice 0.9938 "
                              "as predicted, 1.0000 with it. pleat predict applies it\n");

    /* of the same scores it stays, of others it is chosen anew and until then refused */
    char *kept = NULL, *now = NULL;
    size_t n = 0, m = 0;
    OK(pleat_file_read_all(path, &kept, &n));
    (void)unlink(pair.prediction);
    OK(pleat_postprocessing_choose(self, root, &classes, &pair, 1));
    OK(pleat_file_read_all(path, &now, &m));
    assert_true(n == m && memcmp(kept, now, n) == 0);
    put(scores, "second"); /* no scores at all: they are to blame, not the choice */
    REFUSED(pleat_postprocessing_read(root, &p, &found), PLEAT_ERR_FORMAT, "scores.json");
    (void)unlink(scores);
    REFUSED(pleat_postprocessing_read(root, &p, &found), PLEAT_ERR_DATA, "other scores");
    put(scores, "second");
    assert_true(!found && !pleat_largest_any(&p.choice.kept));
    OK(pleat_postprocessing_choose(self, root, &classes, &pair, 1)); /* its map is gone */
    assert_false(pleat_file_exists(path));
    write_map(pair.prediction, "guess.nii.gz", truth);
    OK(pleat_postprocessing_choose(self, root, &classes, &pair, 1));
    printed(root, &classes, text);
    assert_string_equal(text, "\npost-processing: none; mean Dice 1.0000 as predicted, 0.5000 with "
                              "the largest component of the foreground alone\n");

    /* what was changed by hand is refused, and written anew */
    put(scores, "first");
    char *where = strstr(kept, "\"largest\": true");
    assert_non_null(where);
    memcpy(where, "\"largest\":false", 15);
    put(path, kept);
    REFUSED(pleat_postprocessing_read(root, &p, &found), PLEAT_ERR_FORMAT,
            "postprocessing.json' is not as it was written");
    TOLD("--no-postprocess");
    put(path, "{\"schema\": \"pleat/postprocessing/1\", \"classes\": []}");
    REFUSED(pleat_postprocessing_read(root, &p, &found), PLEAT_ERR_FORMAT, "lost its checksum");
    put(path, "{}");
    REFUSED(pleat_postprocessing_read(root, &p, &found), PLEAT_ERR_FORMAT, "is no pleat/post");
    OK(pleat_postprocessing_choose(self, root, &classes, &pair, 1));
    OK(pleat_postprocessing_read(root, &p, &found));
    assert_true(found);
    free(kept);
    free(now);
    pleat_comm_destroy(self);
    pleat_classes_free(&classes);
    pleat_classes_free(&regions);
}

static void a_choice_is_told_in_words(void **state) {
    (void)state;
    pleat_classes classes;
    pleat_largest kept = {0};
    char text[200];
    OK(pleat_classes_parse("background,a,b,c", &classes));
    assert_string_equal(pleat_postprocessing_text(&kept, &classes, text, sizeof text), "none");
    kept.of_class[1] = kept.of_class[3] = 1;
    assert_string_equal(pleat_postprocessing_text(&kept, &classes, text, sizeof text),
                        "the largest component of a, c");
    kept.foreground = 1;
    assert_string_equal(pleat_postprocessing_text(&kept, &classes, text, sizeof text),
                        "the largest component of the foreground, then of a, c");
    pleat_classes_free(&classes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_choice_is_that_of_trying_each_step_in_turn),
        cmocka_unit_test_setup_teardown(a_run_keeps_its_choice_and_of_which_scores_it_is, make_root,
                                        remove_root),
        cmocka_unit_test(a_choice_is_told_in_words),
    };
    return cmocka_run_group_tests_name("largest", tests, NULL, NULL);
}
