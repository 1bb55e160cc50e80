/*
 * test_explore.c - an exploration has the numbers that NumPy finds by nnU-Net's formulas, of all
 * cases or of a fold's; its slices are where the foreground is, the right way round.
 *
 * The golden numbers are those of, with i the place of a voxel (x fastest) and k the case:
 *
 *   x[c] = (37 i + 11 c + 101 k) % 211 - 40 (1 - c), 0 where the first index of the row is 0
 *   y = (7 i + i // 5 + 3 k) % 4; in case 2 only its 3s, which are to be ignored
 *   of the foreground 0 < y < 3 of the cases that have any, each case weighing the same:
 *   w = 1 / (voxels of the case) / (cases); mean = (w v).sum(); sd = sqrt((w (v - mean)^2).sum());
 *   o = argsort(v); quantile(p) = v[o][searchsorted(cumsum(w[o]), p)]
 */
#include "pleat/cases.h"
#include "pleat/explore.h"
#include "pleat/nifti.h"
#include "pleat/quantiles.h"

#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 4 };

static char data[PLEAT_PATH_BYTES];

static void path_of(char out[PLEAT_PATH_BYTES], int k, const char *file) {
    char name[64];
    (void)snprintf(name, sizeof name, "data/case_%d%s", k, file);
    (void)in_root(out, name);
}

static int label_at(int k, int i) {
    const int y = (7 * i + i / 5 + 3 * k) % 4;
    return k == 2 && y != 3 ? 0 : y;
}

static void write_case(int k) {
    const int dim[3] = {6 + k, 7, 8 + k};
    const double spacing[3] = {3.0 + k, 2.0, 1.5};
    const int n = (int)pleat_voxels(dim);
    char path[PLEAT_PATH_BYTES];
    pleat_geometry g;
    pleat_image image;
    pleat_label label;
    pleat_nifti_plain_geometry(dim, spacing, &g);
    OK(pleat_image_make(2, dim, spacing, &image));
    OK(pleat_label_make(dim, spacing, &label));
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < 2 && i % dim[2] != 0; c++)
            image.data[c * n + i] = (float)((37 * i + 11 * c + 101 * k) % 211 - 40 * (1 - c));
        label.data[i] = (uint8_t)label_at(k, i);
    }
    path_of(path, k, "");
    OK(pleat_file_make_folder(path));
    path_of(path, k, "/imaging.nii.gz");
    OK(pleat_nifti_write_image(path, &image, &g, 1));
    path_of(path, k, "/segmentation.nii.gz");
    OK(pleat_nifti_write_label(path, &label, &g));
    pleat_image_free(&image);
    pleat_label_free(&label);
}

static void configure(pleat_config *config) {
    (void)in_root(data, "data");
    pleat_config_defaults(config);
    OK(pleat_config_set_key("test", "data", data, config));
    OK(pleat_config_set("classes=background,a,b,ignore=3", config));
    OK(pleat_config_set("folds.k=2", config));
}

static void explore(const pleat_explore_how *how, pleat_exploration *out) {
    pleat_comm *self = NULL;
    pleat_config config;
    configure(&config);
    OK(pleat_comm_self(&self));
    OK(pleat_explore(self, &config, how, out));
    pleat_comm_destroy(self);
}

/* Of channel c: cases, mean, sd, min, max, median, 0.5 %, 99.5 %. */
static void same_channel(const pleat_fingerprint_channel *c, int cases, const double want[7]) {
    const double got[] = {c->mean, c->sd, c->min, c->max, c->median, c->low, c->high};
    assert_int_equal(c->cases, cases);
    for (int i = 0; i < 7; i++) {
        if (fabs(got[i] - want[i]) > 1e-9 * fmax(1.0, fabs(want[i])))
            print_message("number %d: %.12g, not %.12g\n", i, got[i], want[i]);
        assert_true(fabs(got[i] - want[i]) <= 1e-9 * fmax(1.0, fabs(want[i])));
    }
}

static void the_fingerprint_is_that_of_nnunets_formulas(void **state) {
    (void)state;
    static const double want[2][7] = {
        {57.779632165, 61.6412877002, -40, 170, 49, -39, 170},
        {93.4109897528, 66.6190613047, 0, 210, 89, 0, 210},
    };
    pleat_comm *self = NULL;
    pleat_config config;
    pleat_fingerprint f;
    configure(&config);
    OK(pleat_comm_self(&self));
    OK(pleat_fingerprint_find(self, &config, -1, &f));
    pleat_comm_destroy(self);
    assert_int_equal(f.n, CASES);
    assert_int_equal(f.channels, 2);
    for (int c = 0; c < 2; c++) same_channel(&f.channel[c], CASES - 1, want[c]);
    for (int k = 0; k < CASES; k++) {
        const int crop[3] = {6 + k, 7, 7 + k};
        assert_memory_equal(f.of[k].crop, crop, sizeof crop);
        assert_true(fabs(f.of[k].spacing[0] - (3.0 + k)) < 1e-6);
    }
    assert_int_equal(f.of[3].foreground, 277 + 138);
    assert_int_equal(f.of[2].foreground, 0);
    assert_true(fabs(f.kept - (8.0 / 9.0 + 0.9) / 2.0) < 1e-12);
    assert_int_equal(f.classes.n, 3);
    assert_int_equal(f.classes.ignore, 3);
    assert_int_equal(f.channel[0].modality, PLEAT_MODALITY_OTHER);
    pleat_fingerprint_free(&f);
}

static void a_folds_fingerprint_is_of_its_training_cases(void **state) {
    (void)state;
    static const double want[] = {57.9222891566, 62.202081855, -40, 170, 48, -38, 170};
    static const char *const splits = "[{\"train\":[\"case_0\",\"case_2\",\"case_3\"],\"val\":"
                                      "[\"case_1\"]},{\"train\":[\"case_1\"],\"val\":[\"case_0\","
                                      "\"case_2\",\"case_3\"]}]";
    char path[PLEAT_PATH_BYTES];
    pleat_comm *self = NULL;
    pleat_config config;
    pleat_fingerprint f;
    configure(&config);
    OK(pleat_file_write_atomic(in_root(path, "splits.json"), splits, strlen(splits)));
    OK(pleat_config_set_key("test", "folds.splits", path, &config));
    OK(pleat_comm_self(&self));
    OK(pleat_fingerprint_find(self, &config, 0, &f));
    assert_int_equal(f.n, 3);
    assert_string_equal(f.of[1].id, "case_2");
    same_channel(&f.channel[0], 2, want);
    pleat_fingerprint_free(&f);
    REFUSED(pleat_fingerprint_find(self, &config, 2, &f), PLEAT_ERR_ARG, "folds 0 to 1");
    pleat_comm_destroy(self);
}

static void a_case_and_a_class_have_their_numbers(void **state) {
    (void)state;
    static const double quantile[] = {-39, -29, 0, 52, 110, 158, 169};
    static const int count[] = {88, 88, 88, 177};
    const pleat_explore_how how = {.fold = -1};
    pleat_exploration e;
    explore(&how, &e);
    assert_int_equal(e.measured, CASES);
    const pleat_explored_case *c = &e.of[1];
    assert_string_equal(c->axes, "RAS");
    assert_string_equal(c->type, "int16");
    for (int v = 0; v < 4; v++) assert_int_equal(c->count[v], count[v]);
    assert_true(fabs(c->channel[0].mean - 57.5827664399) < 1e-9);
    assert_true(fabs(c->channel[0].sd - 60.8562342324) < 1e-9);
    for (int q = 0; q < PLEAT_EXPLORE_QUANTILES; q++)
        assert_true(fabs(c->channel[0].quantile[q] - quantile[q]) < 1e-9);
    const pleat_explored_class *a = &e.of_class[1];
    assert_int_equal(a->cases, 3);
    assert_int_equal(a->voxels, 67 + 88 + 277);
    assert_true(fabs(a->channel[1].mean - 93.5712706569) < 1e-9);
    assert_true(fabs(a->median_ml - 88 * 4.0 * 2.0 * 1.5 / 1000.0) < 1e-9);
    assert_true(fabs(a->share - (67 / 336.0 + 88 / 441.0 + 277 / 693.0) / 4.0) < 1e-9);
    double all = 0.0, of_a = 0.0;
    for (int i = 0; i < e.histogram[0].bins; i++) {
        all += e.histogram[0].all[i];
        of_a += e.histogram[0].of_class[1][i];
    }
    assert_true(all > 0.98 && all < 1.0 + 1e-9);
    assert_true(of_a > 0.98 && of_a < 1.0 + 1e-9);
    pleat_exploration_free(&e);
}

/* The axial slice of a grid whose axes lead to R, A and S: the patient's right is on the left, the
 * front on top, so both axes are turned. */
static void slices_hang_as_radiologists_hang_them(void **state) {
    (void)state;
    const pleat_explore_how how = {.fold = -1, .pictures = 2};
    const int dim[3] = {6, 7, 8};
    pleat_exploration e;
    explore(&how, &e);
    assert_int_equal(e.pictures, 4); /* two cases of two channels, spread over four */
    assert_int_equal(e.picture[0].at, 0);
    assert_int_equal(e.picture[1].channel, 1);
    assert_int_equal(e.picture[2].at, 2);
    const pleat_plane *p = &e.picture[0].plane[PLEAT_AXIAL];
    assert_string_equal(p->letters, "RLAP");
    assert_string_equal(e.picture[0].plane[PLEAT_CORONAL].letters, "RLSI");
    assert_string_equal(e.picture[0].plane[PLEAT_SAGITTAL].letters, "APSI");
    const int d = e.picture[0].slice[PLEAT_AXIAL];
    for (int h = 0; h < dim[1]; h++)
        for (int w = 0; w < dim[2]; w++) {
            const int x = (int)((dim[2] - 1 - w + 0.5) * p->width / dim[2]);
            const int y = (int)((dim[1] - 1 - h + 0.5) * p->height / dim[1]);
            assert_int_equal(p->labels[y * p->width + x],
                             label_at(0, (d * dim[1] + h) * dim[2] + w));
        }
    assert_int_equal(p->width, 219); /* of 12 mm, the longer side of 14 */
    assert_int_equal(p->height, 256);
    pleat_exploration_free(&e);
}

/* One case whose mask has another size, one that is cut short: both are left out and told. */
static void cases_that_cannot_be_read_are_left_out(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES], other[PLEAT_PATH_BYTES];
    pleat_comm *self = NULL;
    pleat_config config;
    pleat_exploration e;
    pleat_fingerprint f;
    char *bytes = NULL;
    size_t n = 0;
    path_of(other, 0, "/segmentation.nii.gz");
    path_of(path, 1, "/segmentation.nii.gz");
    OK(pleat_file_read_all(other, &bytes, &n));
    OK(pleat_file_write_atomic(path, bytes, n));
    free(bytes);
    path_of(path, 3, "/imaging.nii.gz");
    OK(pleat_file_read_all(path, &bytes, &n));
    OK(pleat_file_write_atomic(path, bytes, n / 2));
    free(bytes);
    explore(&(pleat_explore_how){.fold = -1, .pictures = 9}, &e);
    assert_int_equal(e.measured, 2);
    assert_true(e.of[0].measured && e.of[2].measured);
    assert_int_equal(e.fingerprint.n, 2);
    assert_true(e.check.of[PLEAT_ERROR] >= 2);
    pleat_exploration_free(&e);
    configure(&config);
    OK(pleat_comm_self(&self));
    REFUSED(pleat_fingerprint_find(self, &config, -1, &f), PLEAT_ERR_DATA, "case 'case_1'");
    OK(pleat_config_set_key("test", "data", "/nowhere", &config));
    REFUSED(pleat_fingerprint_find(self, &config, -1, &f), PLEAT_ERR_DATA, "/nowhere");
    pleat_comm_destroy(self);
    write_case(1);
    write_case(3);
}

static void many_values_become_few_of_the_same_mean(void **state) {
    (void)state;
    enum { N = 10007, MOST = 64 };
    static float x[N];
    pleat_point point[MOST];
    double sum = 0.0, weight = 0.0, mean = 0.0;
    for (int i = 0; i < N; i++) {
        x[i] = (float)((int64_t)i * 7919 % N) / 4.0F; /* 0 .. N - 1 over 4, each once */
        sum += (double)x[i];
    }
    assert_int_equal(pleat_points_make(x, N, MOST, point), MOST);
    for (int i = 0; i < MOST; i++) {
        weight += (double)point[i].weight;
        mean += (double)(point[i].weight * point[i].value);
    }
    assert_true(fabs(weight - N) < 1e-3);
    assert_true(fabs(mean / sum - 1.0) < 1e-6);
    for (int p = 5; p < 100; p += 10) {
        const double got = pleat_points_quantile(point, MOST, p / 100.0), want = N * p / 400.0;
        assert_true(fabs(got - want) <= N / 4.0 / MOST);
    }
    float few[] = {3, 1, 3, 2, 3};
    assert_int_equal(pleat_points_make(few, 5, 3, point), 3);
    assert_true(point[2].value >= 3.0F && point[2].weight >= 3.0F);
    assert_true(fabs(pleat_points_quantile(point, 3, 0.2) - 1.0) < 1e-9);
    assert_true(fabs(pleat_points_quantile(point, 3, 0.4) - 2.0) < 1e-9);
    assert_true(fabs(pleat_points_quantile(point, 3, 0.41) - 3.0) < 1e-9);
}

static int set_up(void **state) {
    const int status = make_root(state);
    for (int k = 0; k < CASES; k++) write_case(k);
    return status;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fingerprint_is_that_of_nnunets_formulas),
        cmocka_unit_test(a_folds_fingerprint_is_of_its_training_cases),
        cmocka_unit_test(a_case_and_a_class_have_their_numbers),
        cmocka_unit_test(slices_hang_as_radiologists_hang_them),
        cmocka_unit_test(cases_that_cannot_be_read_are_left_out),
        cmocka_unit_test(many_values_become_few_of_the_same_mean),
    };
    return cmocka_run_group_tests(tests, set_up, remove_root);
}
