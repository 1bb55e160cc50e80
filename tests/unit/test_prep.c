/* test_prep.c - NIfTI to store: every step, its switch, its text, and what is refused. */
#include "pleat/comm.h"
#include "pleat/file.h"
#include "pleat/nifti.h"
#include "pleat/prep.h"
#include "pleat/store.h"
#include "support.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const pleat_prep_config NOTHING = {0};

static void assert_near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance)) fail_msg("%.9g instead of %.9g", got, want);
}

/* ---- tiny cases ------------------------------------------------------------------------------ */

typedef struct tiny {
    char id[32], image[PLEAT_PATH_BYTES], label[PLEAT_PATH_BYTES];
    pleat_case_paths paths;
} tiny;

/* Golden volume A2 of the original's resampling, x 4, y 5, z 3: ((31 x + 17 y + 7 z) mod 23) * 10,
 * and A3's mask (x + 2 y + 3 z) mod 4. */
enum { X = 4, Y = 5, Z = 3 };
static float golden(int z, int y, int x) { return (float)((31 * x + 17 * y + 7 * z) % 23 * 10); }

/* Writes ID.nii.gz and ID_label.nii with voxels of 1.75 x 2.8 x 5 mm (x, y, z): onto 7/3 x 2 x 3 mm
 * that is 3 x 7 x 5 voxels. `extra` is added to the mask's voxel (0, 0, 0). */
static void make_case(tiny *out, const char *id, int extra) {
    const int dim[3] = {Z, Y, X};
    const double spacing[3] = {5.0, 2.8, 1.75};
    char name[64];
    pleat_image image;
    pleat_label label;
    pleat_geometry geometry;
    (void)snprintf(out->id, sizeof out->id, "%s", id);
    (void)snprintf(name, sizeof name, "%s.nii.gz", id);
    (void)in_root(out->image, name);
    (void)snprintf(name, sizeof name, "%s_label.nii", id);
    (void)in_root(out->label, name);
    OK(pleat_image_make(1, dim, spacing, &image));
    OK(pleat_label_make(dim, spacing, &label));
    for (int z = 0, i = 0; z < Z; z++)
        for (int y = 0; y < Y; y++)
            for (int x = 0; x < X; x++, i++) {
                image.data[i] = golden(z, y, x);
                label.data[i] = (uint8_t)((x + 2 * y + 3 * z) % 4);
            }
    label.data[0] = (uint8_t)(label.data[0] + extra);
    pleat_nifti_plain_geometry(dim, spacing, &geometry);
    OK(pleat_nifti_write_image(out->image, &image, &geometry, 1));
    OK(pleat_nifti_write_label(out->label, &label, &geometry));
    out->paths =
        (pleat_case_paths){.id = out->id, .image = {out->image}, .images = 1, .label = out->label};
    pleat_image_free(&image);
    pleat_label_free(&label);
}

static pleat_prep_config golden_resampling(void) {
    pleat_prep_config config = NOTHING;
    config.resample = 1;
    config.edge_zero = 1;
    config.spacing[0] = 3.0;
    config.spacing[1] = 2.0;
    config.spacing[2] = 7.0 / 3.0;
    return config;
}

/* ---- the text -------------------------------------------------------------------------------- */

static pleat_prep_config config_of(const pleat_prep_steps *steps, int resample, double d, double h,
                                   double w, int edge_zero) {
    pleat_prep_config config = {.resample = resample, .spacing = {d, h, w}, .edge_zero = edge_zero};
    pleat_prep_all_channels(&config, steps);
    return config;
}

static void assert_text(const pleat_prep_config *config, const char *expected) {
    char text[PLEAT_PREPROCESSING_BYTES], again[PLEAT_PREPROCESSING_BYTES];
    pleat_prep_config parsed;
    pleat_prep_text(config, text, sizeof text);
    assert_string_equal(text, expected);
    OK(pleat_prep_parse_text(text, &parsed));
    pleat_prep_text(&parsed, again, sizeof again);
    assert_string_equal(again, text);
}

static void test_the_text_is_canonical_and_reads_back(void **state) {
    (void)state;
    const pleat_prep_steps all = {1, {-1250, 250}, 1, 1, 0, {0, 0}},
                           off = {0, {-5, 7}, 0, 0, 0, {0, 0}},
                           third = {1, {-0.1, 1.0 / 3.0}, 0, 0, 1, {-20.5, 1.0 / 3.0}};
    pleat_prep_config config = config_of(&all, 1, 2.7, 1.58, 1.57, 0), parsed;
    assert_text(&config, "clip: -1250,250\ngrayscale: yes\nresample: 1.57,1.58,2.7\n"
                         "edge: replicate\nzscore: yes\n");
    OK(pleat_prep_parse_text("clip: -1250,250\ngrayscale: yes\nresample: 1.57,1.58,2.7\n"
                             "edge: replicate\nzscore: yes\n",
                             &parsed));
    for (int c = 0; c < PLEAT_MAX_CHANNELS; c++) {
        const pleat_prep_steps *got = &parsed.channel[c];
        assert_true(got->clip && got->grayscale && got->zscore);
        assert_memory_equal(got->clip_range, all.clip_range, sizeof all.clip_range);
    }
    assert_memory_equal(parsed.spacing, config.spacing, sizeof config.spacing);
    assert_true(parsed.resample && !parsed.edge_zero);
    config = config_of(&off, 0, 3, 2, 1, 1); /* what is off leaves no trace */
    assert_text(&config, "clip: none\ngrayscale: no\nresample: none\nedge: none\nzscore: no\n");
    config = config_of(&third, 1, 1, 1, 1, 1);
    assert_text(&config, "clip: -0.1,0.3333333333333333\ngrayscale: no\nresample: 1,1,1\n"
                         "edge: zero\nzscore: no\nscale: -20.5,0.3333333333333333\n");
    REFUSED(pleat_prep_parse_text("scale: 2,2\n", &parsed), PLEAT_ERR_FORMAT, "'scale: 2,2'");
}

static void test_channels_that_differ_are_a_list_to_the_last_that_does(void **state) {
    (void)state;
    const pleat_prep_steps off = {0};
    pleat_prep_config config = config_of(&off, 0, 0, 0, 0, 0), parsed;
    config.channel[0] = (pleat_prep_steps){.clip = 1, .clip_range = {-1250, 250}};
    config.channel[1] = (pleat_prep_steps){.clip = 1, .clip_range = {0, 20}, .grayscale = 1};
    assert_text(&config, "clip: -1250,250;0,20;none\ngrayscale: no,yes,no\nresample: none\n"
                         "edge: none\nzscore: no\n");
    OK(pleat_prep_check_channels(&config, 3));
    REFUSED(pleat_prep_check_channels(&config, 2), PLEAT_ERR_ARG,
            "preprocess.clip has 3 values, the images have 2 channels");
    OK(pleat_prep_parse_text("clip: none\ngrayscale: no\nresample: none\nedge: none\n"
                             "zscore: no,yes\n",
                             &parsed));
    assert_false(parsed.channel[0].zscore);
    for (int c = 1; c < PLEAT_MAX_CHANNELS; c++) assert_true(parsed.channel[c].zscore);
    REFUSED(pleat_prep_parse_text("clip: 1,2;3\n", &parsed), PLEAT_ERR_FORMAT, "'clip: 1,2;3'");
}

static void test_a_text_of_another_program_is_refused_by_its_line(void **state) {
    (void)state;
    static const char good[] =
        "clip: none\ngrayscale: no\nresample: none\nedge: none\nzscore: no\n";
    static const struct {
        const char *text, *told;
    } rows[] = {{"clip: none\ngrayscale: no\nresample: none\nedge: none\n", "zscore"},
                {"clip: 1\n", "'clip: 1'"},
                {"clip: 1,2,3\n", "'clip: 1,2,3'"},
                {"clip: none\ngrayscale: perhaps\n", "'grayscale: perhaps'"},
                {"resample: 1,0,1\n", "'resample: 1,0,1'"},
                {"resample: 1,1,nan\n", "'resample: 1,1,nan'"},
                {"flip: yes\n", "'flip: yes'"},
                {"", "clip"}};
    pleat_prep_config config;
    OK(pleat_prep_parse_text(good, &config));
    for (size_t i = 0; i < COUNT(rows); i++) {
        REFUSED(pleat_prep_parse_text(rows[i].text, &config), PLEAT_ERR_FORMAT, rows[i].told);
    }
}

/* ---- the steps ------------------------------------------------------------------------------- */

/* Runs the steps over -2000, -1000, 0, 100, 2000 and compares. */
static void assert_steps(const pleat_prep_config *config, const float want[5]) {
    static const float in[5] = {-2000, -1000, 0, 100, 2000};
    const int dim[3] = {1, 1, 5};
    const double spacing[3] = {1, 1, 1};
    pleat_image image;
    OK(pleat_image_make(1, dim, spacing, &image));
    memcpy(image.data, in, sizeof in);
    OK(pleat_prep_image(config, &image));
    for (int i = 0; i < 5; i++) assert_near(image.data[i], want[i], 1e-5);
    pleat_image_free(&image);
}

static void test_each_step_does_its_part_and_can_be_left_out(void **state) {
    (void)state;
    pleat_prep_config config = {.channel[0].clip_range = {-1250, 250}};
    assert_steps(&config, (float[5]){-2000, -1000, 0, 100, 2000});
    config.channel[0].clip = 1;
    assert_steps(&config, (float[5]){-1250, -1000, 0, 100, 250});
    /* (x + 1250) 255 / 1500: 0, 42.5 to even, 212.5 to even, 229.5 to even */
    config.channel[0].grayscale = 1;
    assert_steps(&config, (float[5]){0, 42, 212, 230, 255});
    /* (x + 2000) 255 / 4000: 0, 63.75, 127.5 to even, 133.875, 255 */
    config.channel[0].clip = 0;
    assert_steps(&config, (float[5]){0, 64, 128, 134, 255});
    config.channel[0].grayscale = 0;
    /* mean -180; variance (1820^2 + 820^2 + 180^2 + 280^2 + 2180^2) / 5 */
    config.channel[0].zscore = 1;
    const double std = sqrt((3312400.0 + 672400 + 32400 + 78400 + 4752400) / 5);
    assert_steps(&config, (float[5]){(float)(-1820 / std), (float)(-820 / std), (float)(180 / std),
                                     (float)(280 / std), (float)(2180 / std)});
}

static void test_a_case_is_resampled_as_the_original_does(void **state) {
    (void)state;
    tiny one;
    char folder[PLEAT_PATH_BYTES];
    const pleat_prep_config config = golden_resampling();
    pleat_store *store = NULL;
    char text[PLEAT_PREPROCESSING_BYTES];
    (void)in_root(folder, "golden_store");
    make_case(&one, "golden", 0);
    OK(pleat_prep_case(&config, &one.paths, 4, folder));
    pleat_prep_text(&config, text, sizeof text);
    const char *ids[] = {"golden"};
    OK(pleat_store_write_index(folder, text, ids, 1));
    OK(pleat_store_open(folder, text, &store));
    const pleat_case_info *info = pleat_store_info(store, 0);
    const int dim[3] = {5, 7, 3}, native[3] = {Z, Y, X}, start[3] = {0, 0, 0};
    assert_memory_equal(info->dim, dim, sizeof dim);
    assert_memory_equal(info->geometry.dim, native, sizeof native);
    assert_near(info->spacing[0], 3.0, 1e-6);
    assert_near(info->spacing[1], 2.0, 1e-6);
    assert_near(info->spacing[2], 7.0 / 3.0, 1e-6);
    assert_near(info->geometry.spacing[1], 2.8, 1e-6);
    assert_int_equal(info->classes, 4);
    assert_string_equal(info->image_path, one.image);
    assert_string_equal(info->label_path, one.label);
    float image[5][7][3];
    uint8_t label[5][7][3];
    OK(pleat_store_read(store, 0, 0, start, dim, &image[0][0][0], &label[0][0][0]));
    pleat_store_close(store);
    /* numbers of scikit-image and scipy for [x][y][z] */
    double sum = 0.0;
    int counts[4] = {0};
    for (int z = 0; z < 5; z++)
        for (int y = 0; y < 7; y++)
            for (int x = 0; x < 3; x++) {
                sum += image[z][y][x];
                counts[label[z][y][x]]++;
            }
    assert_near(sum, 4835.541328, 1e-2);
    const double at_0_1[3] = {60.937037, 31.594879, 96.273197};
    for (int z = 1; z <= 3; z++) assert_near(image[z][1][0], at_0_1[z - 1], 1e-3);
    for (int y = 0; y < 7; y++) assert_near(image[0][y][1], 0.0, 0.0); /* black end slice */
    static const int want[4] = {64, 16, 14, 11}, row[5] = {2, 1, 1, 0, 3};
    assert_memory_equal(counts, want, sizeof want);
    for (int z = 0; z < 5; z++) assert_int_equal(label[z][0][1], row[z]);
}

static void test_labels_to_253_are_kept(void **state) {
    (void)state;
    tiny one;
    char folder[PLEAT_PATH_BYTES], text[PLEAT_PREPROCESSING_BYTES];
    const char *ids[] = {"many"};
    pleat_store *store = NULL;
    int32_t(*rows)[4] = NULL;
    int n = 0;
    (void)in_root(folder, "many_store");
    pleat_prep_text(&NOTHING, text, sizeof text);
    make_case(&one, "many", 253); /* of voxel 0, whose label is 0 */
    REFUSED(pleat_prep_case(&NOTHING, &one.paths, 253, folder), PLEAT_ERR_DATA,
            "label 253 at voxel x 0, y 0, z 0");
    OK(pleat_prep_case(&NOTHING, &one.paths, 0, folder));
    OK(pleat_store_write_index(folder, text, ids, 1));
    OK(pleat_store_open(folder, text, &store));
    assert_int_equal(pleat_store_info(store, 0)->classes, 254);
    OK(pleat_store_foreground(store, 0, &rows, &n));
    static const int32_t last[4] = {253, 0, 0, 0};
    assert_memory_equal(rows[n - 1], last, sizeof last);
    free(rows);
    pleat_store_close(store);
}

static void test_channels_of_two_files_are_those_of_one(void **state) {
    (void)state;
    tiny a, b, c;
    char folder[PLEAT_PATH_BYTES];
    pleat_image one, two, both, image;
    pleat_geometry native;
    pleat_prep_config config = golden_resampling();
    config.channel[1].zscore = 1;
    for (int k = 2; k < PLEAT_MAX_CHANNELS; k++) config.channel[k] = config.channel[1];
    make_case(&a, "pair_a", 0);
    make_case(&b, "pair_b", 0);
    make_case(&c, "pair_c", 0);
    OK(pleat_nifti_read_image(a.image, &one, &native));
    for (int i = 0; i < Z * Y * X; i++) one.data[i] = (float)((i * 37) % 101);
    OK(pleat_nifti_write_image(b.image, &one, &native, 1));
    OK(pleat_nifti_read_image(a.image, &two, NULL));
    OK(pleat_image_make(2, one.dim, one.spacing, &both));
    memcpy(both.data, two.data, sizeof(float) * Z * Y * X);
    memcpy(both.data + (size_t)Z * Y * X, one.data, sizeof(float) * Z * Y * X);
    OK(pleat_nifti_write_image(c.image, &both, &native, 1));
    const pleat_case_paths files = {.id = a.id, .image = {a.image, b.image}, .images = 2};
    int channels = 0;
    OK(pleat_prep_count_channels(&files, &channels));
    assert_int_equal(channels, 2);
    OK(pleat_prep_count_channels(&c.paths, &channels));
    assert_int_equal(channels, 2);
    /* The second channel by itself, as if it were an image's first. */
    pleat_prep_config second = config;
    pleat_prep_all_channels(&second, &config.channel[1]);
    pleat_image alone = {0}, other = {0};
    OK(pleat_prep_load(&config, &files, &image, NULL));
    OK(pleat_prep_load(&config, &c.paths, &other, NULL));
    OK(pleat_prep_load(&second, &b.paths, &alone, NULL));
    const size_t n = pleat_voxels(image.dim);
    assert_int_equal(image.channels, 2);
    assert_memory_equal(other.data, image.data, 2 * n * sizeof *image.data);
    assert_memory_equal(alone.data, image.data + n, n * sizeof *image.data);
    /* A channel that lies elsewhere is named. */
    native.sform[0][3] = native.affine[0][3] = 5.0;
    native.qoffset[0] = 5.0;
    OK(pleat_nifti_write_image(b.image, &one, &native, 1));
    pleat_image none = {0};
    REFUSED(pleat_prep_load(&config, &files, &none, NULL), PLEAT_ERR_DATA, b.image);
    (void)in_root(folder, "pair_store");
    REFUSED(pleat_prep_case(&config, &files, 0, folder), PLEAT_ERR_DATA, b.image);
    pleat_image_free(&one);
    pleat_image_free(&two);
    pleat_image_free(&both);
    pleat_image_free(&image);
    pleat_image_free(&other);
    pleat_image_free(&alone);
}

static void test_loading_a_volume_gives_what_the_store_holds(void **state) {
    (void)state;
    tiny one;
    char folder[PLEAT_PATH_BYTES], text[PLEAT_PREPROCESSING_BYTES];
    pleat_prep_config config = golden_resampling();
    config.edge_zero = 0;
    const pleat_prep_steps steps = {
        .clip = 1, .clip_range = {20, 200}, .grayscale = 1, .zscore = 1};
    pleat_prep_all_channels(&config, &steps);
    pleat_prep_text(&config, text, sizeof text);
    pleat_store *store = NULL;
    pleat_image image = {0};
    pleat_geometry native;
    (void)in_root(folder, "load_store");
    make_case(&one, "load", 0);
    OK(pleat_prep_case(&config, &one.paths, 0, folder));
    const char *ids[] = {"load"};
    OK(pleat_store_write_index(folder, text, ids, 1));
    OK(pleat_store_open(folder, text, &store));
    OK(pleat_prep_load(&config, &one.paths, &image, &native));
    assert_int_equal(native.dim[0], Z);
    assert_memory_equal(image.dim, pleat_store_info(store, 0)->dim, sizeof image.dim);
    float stored[5 * 7 * 3];
    const int start[3] = {0, 0, 0};
    OK(pleat_store_read(store, 0, 0, start, image.dim, stored, NULL));
    double mean = 0.0, square = 0.0;
    for (int i = 0; i < 105; i++) {
        assert_near(stored[i], image.data[i], 0.0);
        mean += image.data[i] / 105.0;
        square += (double)image.data[i] * image.data[i] / 105.0;
    }
    assert_near(mean, 0.0, 1e-5);
    assert_near(square, 1.0, 1e-5);
    pleat_image_free(&image);
    pleat_store_close(store);
}

static void test_the_way_back_ends_on_the_native_grid(void **state) {
    (void)state;
    const int dim[3] = {4, 4, 4}, small[3] = {2, 2, 2};
    const double spacing[3] = {2, 2, 2};
    pleat_geometry native = {.dim = {4, 4, 4}, .spacing = {1, 1, 1}};
    pleat_label grid, back = {0};
    OK(pleat_label_make(small, spacing, &grid));
    for (int i = 0; i < 8; i++) grid.data[i] = i < 4 ? 3 : 1; /* front half 3, back half 1 */
    OK(pleat_prep_unresample(&NOTHING, &grid, &native, &back));
    assert_memory_equal(back.dim, dim, sizeof dim);
    assert_near(back.spacing[0], 1.0, 0.0);
    for (int i = 0; i < 64; i++) assert_int_equal(back.data[i], i < 32 ? 3 : 1);
    pleat_label_free(&back);
    memcpy(native.dim, small, sizeof small); /* one size: a copy */
    OK(pleat_prep_unresample(&NOTHING, &grid, &native, &back));
    assert_memory_equal(back.data, grid.data, 8);
    assert_true(back.data != grid.data);
    pleat_label_free(&back);
    pleat_label_free(&grid);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void test_labels_and_shapes_that_do_not_fit_are_refused_by_case_and_value(void **state) {
    (void)state;
    tiny one, other;
    char folder[PLEAT_PATH_BYTES], file[PLEAT_PATH_BYTES];
    (void)in_root(folder, "refused");
    make_case(&one, "seven", 7);
    REFUSED(pleat_prep_case(&NOTHING, &one.paths, 4, folder), PLEAT_ERR_DATA, "case 'seven'");
    TOLD("label 7");
    TOLD("x 0, y 0, z 0");
    OK(pleat_prep_case(&NOTHING, &one.paths, 8, folder));
    /* a mask of another shape */
    make_case(&other, "slab", 0);
    const int dim[3] = {1, Y, X};
    const double spacing[3] = {1, 1, 1};
    pleat_label label;
    pleat_geometry geometry;
    OK(pleat_label_make(dim, spacing, &label));
    pleat_nifti_plain_geometry(dim, spacing, &geometry);
    OK(pleat_nifti_write_label(other.label, &label, &geometry));
    pleat_label_free(&label);
    REFUSED(pleat_prep_case(&NOTHING, &other.paths, 4, folder), PLEAT_ERR_DATA, other.image);
    TOLD(other.label);
    TOLD("4 x 5 x 3");
    TOLD("4 x 5 x 1");
    (void)in_root(file, "refused/cases/slab.h5");
    assert_false(pleat_file_exists(file));
}

/* ---- many cases ------------------------------------------------------------------------------ */

static void test_a_run_keeps_what_is_whole_and_makes_the_rest(void **state) {
    (void)state;
    tiny t[3];
    pleat_case_paths cases[3];
    char folder[PLEAT_PATH_BYTES], first[PLEAT_PATH_BYTES], second[PLEAT_PATH_BYTES];
    pleat_comm *comm = NULL;
    pleat_store *store = NULL;
    struct stat before, after;
    (void)in_root(folder, "run");
    (void)in_root(first, "run/cases/case_0.h5");
    (void)in_root(second, "run/cases/case_1.h5");
    for (int i = 0; i < 3; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "case_%d", i);
        make_case(&t[i], id, 0);
        cases[i] = t[i].paths;
    }
    cases[2].label = NULL;
    OK(pleat_comm_self(&comm));
    OK(pleat_prep_run(comm, &NOTHING, cases, 3, 4, folder));
    assert_int_equal(stat(first, &before), 0);
    assert_int_equal(truncate(second, 1000), 0); /* as if another program had damaged it */
    OK(pleat_prep_run(comm, &NOTHING, cases, 3, 4, folder));
    assert_int_equal(stat(first, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    OK(pleat_store_open(folder, NULL, &store));
    assert_int_equal(pleat_store_count(store), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pleat_store_info(store, i)->has_label, i < 2);
        OK(pleat_store_verify(store, i));
    }
    pleat_store_close(store);
    /* other preprocessing, and fewer classes than the kept cases have */
    pleat_prep_config other = NOTHING;
    const pleat_prep_steps zscore = {.zscore = 1};
    pleat_prep_all_channels(&other, &zscore);
    REFUSED(pleat_prep_run(comm, &other, cases, 3, 4, folder), PLEAT_ERR_DATA,
            "zscore: store has no, configuration says yes");
    REFUSED(pleat_prep_run(comm, &NOTHING, cases, 3, 3, folder), PLEAT_ERR_DATA, "case 'case_0'");
    TOLD("label 3");
    pleat_comm_destroy(comm);
}

static ino_t inode_of(const char *name) {
    char path[PLEAT_PATH_BYTES];
    struct stat st;
    (void)in_root(path, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}

static void test_a_case_whose_files_changed_is_made_again(void **state) {
    (void)state;
    static const char *const stored[] = {"changed/cases/same.h5", "changed/cases/image.h5",
                                         "changed/cases/mask.h5", "changed/cases/unmasked.h5"};
    static const char *const ids[] = {"same", "image", "mask", "unmasked"};
    tiny t[4];
    pleat_case_paths cases[4];
    char folder[PLEAT_PATH_BYTES];
    ino_t before[4];
    pleat_comm *comm = NULL;
    pleat_store *store = NULL;
    (void)in_root(folder, "changed");
    for (int i = 0; i < 4; i++) {
        make_case(&t[i], ids[i], 0);
        cases[i] = t[i].paths;
    }
    OK(pleat_comm_self(&comm));
    OK(pleat_prep_run(comm, &NOTHING, cases, 4, 8, folder));
    for (int i = 0; i < 4; i++) before[i] = inode_of(stored[i]);
    /* written anew as it was; another image; another mask; no mask any more */
    const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, t[0].image, long_ago, 0), 0);
    pleat_image image = {0};
    pleat_geometry geometry;
    OK(pleat_nifti_read_image(t[1].image, &image, &geometry));
    image.data[7] += 1.0f;
    OK(pleat_nifti_write_image(t[1].image, &image, &geometry, 1));
    pleat_image_free(&image);
    make_case(&t[2], ids[2], 4);
    cases[3].label = NULL;
    OK(pleat_prep_run(comm, &NOTHING, cases, 4, 8, folder));
    for (int i = 0; i < 4; i++) assert_int_equal(inode_of(stored[i]) == before[i], i == 0);
    OK(pleat_store_open(folder, NULL, &store)); /* in order of id */
    const int origin[3] = {0, 0, 0}, dim[3] = {Z, Y, X};
    float voxels[Z * Y * X];
    uint8_t labels[Z * Y * X];
    OK(pleat_store_read(store, 0, 0, origin, dim, voxels, NULL));
    assert_near(voxels[7], golden(0, 1, 3) + 1.0, 0.0); /* voxel 7 is x 3, y 1, z 0 */
    OK(pleat_store_read(store, 1, 0, origin, dim, NULL, labels));
    assert_int_equal(labels[0], 4);
    assert_false(pleat_store_info(store, 3)->has_label);
    pleat_store_close(store);
    cases[3].label = t[3].label; /* and there it is again */
    OK(pleat_prep_run(comm, &NOTHING, cases, 4, 8, folder));
    OK(pleat_store_open(folder, NULL, &store));
    assert_true(pleat_store_info(store, 3)->has_label);
    pleat_store_close(store);
    pleat_comm_destroy(comm);
}

static void test_a_store_in_the_locked_folder_of_the_run_does_not_wait_for_it(void **state) {
    (void)state;
    tiny t;
    char folder[PLEAT_PATH_BYTES];
    pleat_comm *comm = NULL;
    pleat_lock *run = NULL;
    (void)in_root(folder, "both");
    make_case(&t, "one", 0);
    OK(pleat_file_make_folder(folder));
    OK(pleat_lock_take(folder, &run));
    OK(pleat_comm_self(&comm));
    (void)alarm(60); /* a lock waited for ends the test */
    OK(pleat_prep_run(comm, &NOTHING, &t.paths, 1, 4, folder));
    (void)alarm(0);
    pleat_lock_release(run);
    pleat_comm_destroy(comm);
}

static void test_a_complete_store_needs_no_lock_and_no_right_to_write(void **state) {
    (void)state;
    tiny t[2];
    char folder[PLEAT_PATH_BYTES], locked[PLEAT_PATH_BYTES];
    pleat_comm *comm = NULL;
    pleat_lock *lock = NULL;
    pleat_store *store = NULL;
    (void)in_root(folder, "complete");
    (void)in_root(locked, "complete/cases");
    make_case(&t[0], "first", 0);
    make_case(&t[1], "second", 0);
    const pleat_case_paths cases[2] = {t[1].paths, t[0].paths};
    OK(pleat_comm_self(&comm));
    OK(pleat_prep_run(comm, &NOTHING, cases, 2, 4, folder));
    const ino_t index = inode_of("complete/index.h5");
    /* root may write whatever the mode is, so another holds the lock too */
    OK(pleat_lock_take(locked, &lock));
    assert_int_equal(chmod(folder, 0555) | chmod(locked, 0555), 0);
    (void)alarm(60);
    OK(pleat_prep_run(comm, &NOTHING, cases, 2, 4, folder));
    assert_int_equal(pleat_prep_run(comm, &NOTHING, cases, 2, 3, folder), PLEAT_ERR_DATA);
    (void)alarm(0);
    TOLD("label 3");
    assert_int_equal(chmod(folder, 0755) | chmod(locked, 0755), 0);
    pleat_lock_release(lock);
    assert_int_equal(inode_of("complete/index.h5"), index);
    /* an index of other cases is written again */
    OK(pleat_prep_run(comm, &NOTHING, cases, 1, 4, folder));
    OK(pleat_store_open(folder, NULL, &store));
    assert_int_equal(pleat_store_count(store), 1);
    assert_string_equal(pleat_store_info(store, 0)->id, "second");
    pleat_store_close(store);
    pleat_comm_destroy(comm);
}

static void test_a_run_ends_at_a_case_that_cannot_be_read_and_names_it(void **state) {
    (void)state;
    tiny t;
    char folder[PLEAT_PATH_BYTES], index[PLEAT_PATH_BYTES];
    pleat_comm *comm = NULL;
    (void)in_root(folder, "ends");
    (void)in_root(index, "ends/index.h5");
    make_case(&t, "broken", 0);
    assert_int_equal(truncate(t.image, 60), 0);
    OK(pleat_comm_self(&comm));
    REFUSED(pleat_prep_run(comm, &NOTHING, &t.paths, 1, 4, folder), PLEAT_ERR_FORMAT, t.image);
    assert_false(pleat_file_exists(index));
    assert_int_equal(pleat_prep_run(comm, &NOTHING, NULL, 0, 4, folder), PLEAT_ERR_DATA);
    pleat_comm_destroy(comm);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_text_is_canonical_and_reads_back),
        cmocka_unit_test(test_channels_that_differ_are_a_list_to_the_last_that_does),
        cmocka_unit_test(test_a_text_of_another_program_is_refused_by_its_line),
        cmocka_unit_test(test_each_step_does_its_part_and_can_be_left_out),
        cmocka_unit_test(test_a_case_is_resampled_as_the_original_does),
        cmocka_unit_test(test_labels_to_253_are_kept),
        cmocka_unit_test(test_channels_of_two_files_are_those_of_one),
        cmocka_unit_test(test_loading_a_volume_gives_what_the_store_holds),
        cmocka_unit_test(test_the_way_back_ends_on_the_native_grid),
        cmocka_unit_test(test_labels_and_shapes_that_do_not_fit_are_refused_by_case_and_value),
        cmocka_unit_test(test_a_run_keeps_what_is_whole_and_makes_the_rest),
        cmocka_unit_test(test_a_case_whose_files_changed_is_made_again),
        cmocka_unit_test(test_a_store_in_the_locked_folder_of_the_run_does_not_wait_for_it),
        cmocka_unit_test(test_a_complete_store_needs_no_lock_and_no_right_to_write),
        cmocka_unit_test(test_a_run_ends_at_a_case_that_cannot_be_read_and_names_it),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
