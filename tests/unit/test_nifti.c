/* test_nifti.c - good NIfTI volumes come in right and go out right. */
#include "pleat/file.h"
#include "pleat/nifti.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "nifti_bytes.h"
#include "support.h"

enum { VOXELS = 60, ROOM = 4096 };

static char path[PLEAT_PATH_BYTES];

/* values[VOXELS] under `s` to a file named `name`. */
static const char *store(const char *name, const spec *s, const double *values) {
    unsigned char bytes[ROOM];
    const size_t n = put_volume(bytes, sizeof bytes, s, values, VOXELS);
    save(in_root(path, name), s->gz, bytes, n);
    return path;
}

static void must_fail(pleat_status got, pleat_status wanted, const char *text) {
    REFUSED(got, wanted, text);
    TOLD(path);
}

static void near(double got, double wanted) {
    if (!(fabs(got - wanted) <= 1e-6 * (1 + fabs(wanted)))) fail_msg("%.9g, not %.9g", got, wanted);
}

static const struct {
    int code, bits;
    const char *name;
    double first, step; /* voxel i holds first + step * i */
} types[] = {
    {2, 8, "uint8", 140, 1},
    {256, 8, "int8", -60, 2},
    {512, 16, "uint16", 40000, 400},
    {4, 16, "int16", -1024, 17},
    {768, 32, "uint32", 3e9, 1048576},
    {8, 32, "int32", -1048576, 65536},
    {1280, 64, "uint64", 9.5e18, 1.0995116e12},
    {1024, 64, "int64", -1099511627776, 34359738368},
    {16, 32, "float32", -1.5, 0.125},
    {64, 64, "float64", -1e3, 0.3},
};

static void every_type_order_version_and_packing_reads_the_same_voxels(void **state) {
    (void)state;
    for (size_t t = 0; t < COUNT(types); t++)
        for (int bits = 0; bits < 8; bits++) {
            spec s = spec_of(1 + (bits & 1), types[t].code, types[t].bits);
            s.big = bits >> 1 & 1;
            s.gz = bits >> 2;
            double values[VOXELS];
            for (int i = 0; i < VOXELS; i++) values[i] = types[t].first + types[t].step * i;
            pleat_image image;
            pleat_geometry geometry;
            pleat_nifti_info info;
            store(s.gz ? "a.nii.gz" : "a.nii", &s, values);
            OK(pleat_nifti_read_image(path, &image, &geometry));
            OK(pleat_nifti_read_header(path, NULL, &info));
            for (int i = 0; i < VOXELS; i++) near((double)image.data[i], values[i]);
            assert_int_equal(image.dim[0], 5);
            assert_int_equal(image.dim[1], 4);
            assert_int_equal(image.dim[2], 3);
            near(image.spacing[0], 2.5);
            near(image.spacing[2], 1.5);
            assert_memory_equal(image.dim, geometry.dim, sizeof image.dim);
            assert_string_equal(info.datatype, types[t].name);
            assert_int_equal(info.bits, types[t].bits);
            assert_int_equal(info.version, s.version);
            assert_int_equal(info.big_endian, s.big);
            assert_int_equal(info.compressed, s.gz);
            assert_int_equal(info.voxels, VOXELS);
            pleat_image_free(&image);
        }
}

static void slope_and_intercept_are_applied_and_0_or_nan_means_unscaled(void **state) {
    (void)state;
    static const struct {
        double slope, inter, wanted_slope, wanted_inter;
    } rows[] = {{2.5, -1024, 2.5, -1024}, {0, 7, 1, 0}, {NAN, NAN, 1, 0}, {1, -3, 1, -3}};
    double values[VOXELS];
    for (int i = 0; i < VOXELS; i++) values[i] = i * 10 - 100;
    for (size_t r = 0; r < COUNT(rows); r++) {
        spec s = spec_of(1, 4, 16);
        s.slope = rows[r].slope;
        s.inter = rows[r].inter;
        pleat_image image;
        OK(pleat_nifti_read_image(store("a.nii", &s, values), &image, NULL));
        for (int i = 0; i < VOXELS; i++)
            near((double)image.data[i], rows[r].wanted_slope * values[i] + rows[r].wanted_inter);
        pleat_image_free(&image);
    }
}

/* A quarter turn about z, (a, b, c, d) = (sqrt(1/2), 0, 0, sqrt(1/2)): x goes to y, y to -x. */
static void sform_wins_over_qform_wins_over_pixdim(void **state) {
    (void)state;
    static const double sform[12] = {0, 0, 5, 1, 0, 3, 4, 2, -2, 0, 0, 3};
    static const double qform[12] = {0, -2, 0, 10, 1.5, 0, 0, 20, 0, 0, -2.5, 30};
    static const double plain[12] = {1.5, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2.5, 0};
    static const double lengths[3][3] = {{6.403124237, 3, 2}, {2.5, 2, 1.5}, {2.5, 2, 1.5}};
    const double *const wanted[3] = {sform, qform, plain};
    const double values[VOXELS] = {0};
    for (int which = 0; which < 3; which++)
        for (int version = 1; version <= 2; version++)
            for (int big = 0; big < 2; big++) {
                spec s = spec_of(version, 2, 8);
                s.big = big;
                s.pixdim[0] = -1;
                s.quatern[2] = sqrt(0.5);
                for (int i = 0; i < 3; i++) s.qoffset[i] = 10 * (i + 1);
                memcpy(s.srow, sform, sizeof sform);
                s.sform_code = which == 0 ? 2 : 0;
                s.qform_code = which <= 1 ? 1 : 0;
                pleat_geometry g;
                OK(pleat_nifti_read_header(store("a.nii", &s, values), &g, NULL));
                for (int i = 0; i < 12; i++) near(g.affine[i / 4][i % 4], wanted[which][i]);
                for (int i = 0; i < 3; i++) near(g.spacing[i], lengths[which][i]);
                assert_int_equal(g.sform_code, s.sform_code);
                assert_int_equal(g.qform_code, s.qform_code);
                near(g.pixdim[2], 2);
            }
}

/* What nibabel 5 and SimpleITK 2 make of the same headers. */
static void a_pixdim_that_is_no_length_is_read_where_the_spacing_is_known(void **state) {
    (void)state;
    static const double odd[] = {-2, 0, NAN, INFINITY};
    const double values[VOXELS] = {0};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        for (int version = 1; version <= 2; version++)
            for (int form = 0; form < 3; form++) { /* sform, qform, neither */
                spec s = spec_of(version, 2, 8);
                pleat_geometry g;
                pleat_nifti_info info;
                s.pixdim[2] = odd[i];
                s.srow[0] = s.srow[5] = s.srow[10] = 3;
                s.sform_code = form == 0;
                s.qform_code = form == 1;
                const char *file = store("odd.nii", &s, values);
                if (form > 0 && i > 0) {
                    must_fail(pleat_nifti_read_header(file, &g, &info), PLEAT_ERR_FORMAT,
                              "pixdim[2]");
                    continue;
                }
                OK(pleat_nifti_read_header(file, &g, &info));
                near(g.spacing[1], form == 0 ? 3 : 2);
                near(g.pixdim[2], form == 0 ? 3 : 2);
                near(g.affine[1][1], form == 0 ? 3 : 2);
                if (i == 0) near(info.pixdim[1], -2);
            }
}

static void metres_and_micrometres_become_millimetres(void **state) {
    (void)state;
    const double values[VOXELS] = {0};
    spec s = spec_of(1, 2, 8);
    pleat_geometry g;
    s.units = 3 + 8; /* micrometre, second */
    OK(pleat_nifti_read_header(store("a.nii", &s, values), &g, NULL));
    near(g.spacing[0], 0.0025);
    assert_int_equal(g.xyzt_units, 11);
    s.units = 1;
    OK(pleat_nifti_read_header(store("a.nii", &s, values), &g, NULL));
    near(g.spacing[2], 1500);
}

static void further_dimensions_of_1_extensions_and_lying_names_do_not_matter(void **state) {
    (void)state;
    double values[VOXELS];
    for (int i = 0; i < VOXELS; i++) values[i] = i;
    for (int gz = 0; gz < 2; gz++) {
        spec s = spec_of(1, 4, 16);
        s.gz = gz;
        s.dim[0] = 5;
        s.vox_offset = 1008;
        pleat_label label;
        OK(pleat_nifti_read_label(store(gz ? "a.nii" : "a.nii.gz", &s, values), &label, NULL));
        for (int i = 0; i < VOXELS; i++) assert_int_equal(label.data[i], i);
        pleat_label_free(&label);
    }
}

static void labels_are_whole_numbers_0_to_254_and_the_wrong_voxel_is_named(void **state) {
    (void)state;
    spec s = spec_of(1, 16, 32);
    double values[VOXELS] = {0};
    pleat_label label;
    values[59] = 254;
    OK(pleat_nifti_read_label(store("a.nii", &s, values), &label, NULL));
    assert_int_equal(label.data[59], 254);
    pleat_label_free(&label);
    static const double wrong[] = {255, -1, 0.5, NAN, INFINITY, 1e30};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        values[59] = 0;
        values[2 + 3 * 1 + 12 * 4] = wrong[i]; /* x = 2, y = 1, z = 4 */
        store("a.nii", &s, values);
        must_fail(pleat_nifti_read_label(path, &label, NULL), PLEAT_ERR_DATA, "(2, 1, 4)");
    }
    s = spec_of(1, 2, 8); /* stored 0..255 behind a slope, as some tools write labels */
    s.slope = 1.0 / 85;
    for (int i = 0; i < VOXELS; i++) values[i] = 85 * (i % 4);
    OK(pleat_nifti_read_label(store("a.nii", &s, values), &label, NULL));
    for (int i = 0; i < VOXELS; i++) assert_int_equal(label.data[i], i % 4);
    pleat_label_free(&label);
}

static void an_image_voxel_that_is_not_finite_is_named(void **state) {
    (void)state;
    static const double wrong[] = {NAN, INFINITY, -INFINITY, 1e300};
    spec s = spec_of(2, 64, 64);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        double values[VOXELS] = {0};
        values[1 + 3 * 3 + 12 * 2] = wrong[i];
        pleat_image image;
        store("a.nii", &s, values);
        must_fail(pleat_nifti_read_image(path, &image, NULL), PLEAT_ERR_DATA, "(1, 3, 2)");
    }
}

static pleat_geometry oblique(void) {
    spec s = spec_of(1, 2, 8);
    static const double srow[12] = {1.5, 0.25, 0, -90, -0.25, 2, 0.125, 126, 0, 0.5, 2.5, -72};
    const double values[VOXELS] = {0};
    memcpy(s.srow, srow, sizeof srow);
    s.pixdim[0] = -1;
    s.pixdim[4] = 7;
    s.quatern[0] = 0.5;
    s.quatern[1] = -0.25;
    s.qoffset[1] = -33.5;
    s.sform_code = 2;
    s.qform_code = 1;
    s.units = 10;
    pleat_geometry g;
    OK(pleat_nifti_read_header(store("source.nii", &s, values), &g, NULL));
    return g;
}

static void a_written_label_reads_back_equal_with_its_geometry(void **state) {
    (void)state;
    static const char *const names[] = {"out.nii", "out.nii.gz"};
    const pleat_geometry g = oblique();
    pleat_label label, back;
    OK(pleat_label_make(g.dim, g.spacing, &label));
    for (int i = 0; i < VOXELS; i++) label.data[i] = (uint8_t)(i * 4);
    for (int k = 0; k < 2; k++) {
        pleat_geometry g_back;
        pleat_nifti_info info;
        OK(pleat_nifti_write_label(in_root(path, names[k]), &label, &g));
        OK(pleat_nifti_read_label(path, &back, &g_back));
        OK(pleat_nifti_read_header(path, NULL, &info));
        assert_memory_equal(back.data, label.data, VOXELS);
        assert_memory_equal(&g_back, &g, sizeof g);
        assert_int_equal(info.compressed, k);
        assert_string_equal(info.datatype, "uint8");
        unsigned char header[352];
        gzFile file = gzopen(path, "rb");
        assert_int_equal(gzread(file, header, sizeof header), sizeof header);
        (void)gzclose(file);
        int16_t intent = 0, dims = 0;
        float slope = 0;
        memcpy(&dims, header + 40, 2);
        memcpy(&intent, header + 68, 2);
        memcpy(&slope, header + 112, 4);
        assert_int_equal(dims, 3);
        assert_int_equal(intent, 1002);
        assert_true(slope == 1.0F);
        assert_memory_equal(header + 344, "n+1\0\0\0\0\0", 8);
        pleat_label_free(&back);
    }
    pleat_label_free(&label);
}

static void images_go_out_as_float32_or_as_whole_int16(void **state) {
    (void)state;
    static const int dim[3] = {5, 4, 3};
    static const double spacing[3] = {2.5, 2, 1.5};
    pleat_geometry g, g_back;
    pleat_image image, back;
    pleat_nifti_info info;
    pleat_nifti_plain_geometry(dim, spacing, &g);
    OK(pleat_image_make(1, dim, spacing, &image));
    for (int as_int16 = 0; as_int16 < 2; as_int16++) {
        for (int i = 0; i < VOXELS; i++)
            image.data[i] = (float)(i * 50 - 1024) + (as_int16 ? 0.0F : 0.25F);
        OK(pleat_nifti_write_image(in_root(path, "image.nii.gz"), &image, &g, as_int16));
        OK(pleat_nifti_read_image(path, &back, &g_back));
        OK(pleat_nifti_read_header(path, NULL, &info));
        assert_memory_equal(back.data, image.data, VOXELS * sizeof(float));
        assert_memory_equal(&g_back, &g, sizeof g);
        assert_string_equal(info.datatype, as_int16 ? "int16" : "float32");
        pleat_image_free(&back);
    }
    static const float wrong[] = {0.5F, 32768.0F, -32769.0F, NAN};
    for (int i = 0; i < 4; i++) {
        image.data[1 + 3 * 2 + 12 * 3] = wrong[i];
        must_fail(pleat_nifti_write_image(in_root(path, "image.nii"), &image, &g, 1),
                  PLEAT_ERR_DATA, "(1, 2, 3)");
    }
    must_fail(pleat_nifti_write_image(path, &image, &g, 0), PLEAT_ERR_DATA, "(1, 2, 3)");
    assert_false(pleat_file_exists(path));
    pleat_image_free(&image);
}

static void channels_are_the_fourth_dimension(void **state) {
    (void)state;
    static const int dim[3] = {5, 4, 3};
    static const double spacing[3] = {2.5, 2, 1.5};
    pleat_geometry g, g_back;
    pleat_image image, back;
    pleat_label label;
    pleat_nifti_info info;
    pleat_nifti_plain_geometry(dim, spacing, &g);
    OK(pleat_image_make(3, dim, spacing, &image));
    for (int i = 0; i < 3 * VOXELS; i++) image.data[i] = (float)(i * 7 - 300);
    for (int as_int16 = 0; as_int16 < 2; as_int16++) {
        OK(pleat_nifti_write_image(in_root(path, "channels.nii.gz"), &image, &g, as_int16));
        OK(pleat_nifti_read_header(path, NULL, &info));
        assert_int_equal(info.channels, 3);
        assert_int_equal(info.voxels, VOXELS);
        OK(pleat_nifti_read_image(path, &back, &g_back));
        assert_int_equal(back.channels, 3);
        assert_memory_equal(back.data, image.data, 3 * VOXELS * sizeof(float));
        assert_memory_equal(&g_back, &g, sizeof g);
        must_fail(pleat_nifti_read_label(path, &label, NULL), PLEAT_ERR_FORMAT, "dim[4] is 3");
        pleat_image_free(&back);
    }
    pleat_image_free(&image);
}

static int entries_of(const char *folder) {
    int n = 0;
    DIR *dir = opendir(folder);
    while (readdir(dir) != NULL) n++;
    (void)closedir(dir);
    return n - 2;
}

static void what_cannot_be_written_is_an_error_and_leaves_nothing(void **state) {
    (void)state;
    static const int dim[3] = {64, 64, 64};
    static const double spacing[3] = {1, 1, 1};
    pleat_geometry g;
    pleat_label label;
    pleat_nifti_plain_geometry(dim, spacing, &g);
    OK(pleat_label_make(dim, spacing, &label));
    uint32_t noise = 1; /* what gzip cannot shrink below the limit */
    for (int i = 0; i < 64 * 64 * 64; i++)
        label.data[i] = (uint8_t)((noise = noise * 1664525 + 1013904223) >> 24);
    must_fail(pleat_nifti_write_label(in_root(path, "a.mha"), &label, &g), PLEAT_ERR_ARG, ".nii");
    must_fail(pleat_nifti_write_label(in_root(path, "no/where.nii"), &label, &g), PLEAT_ERR_IO,
              "No such");
    g.dim[1] = 63;
    must_fail(pleat_nifti_write_label(in_root(path, "a.nii"), &label, &g), PLEAT_ERR_SHAPE,
              "64 x 63 x");
    g.dim[1] = 64;
    g.pixdim[1] = 0;
    g.sform_code = g.qform_code = 0;
    must_fail(pleat_nifti_write_label(in_root(path, "a.nii"), &label, &g), PLEAT_ERR_FORMAT,
              "pixdim[1]");
    g.pixdim[1] = 1;
    g.sform_code = g.qform_code = 1;
    OK(pleat_file_make_folder(in_root(path, "full")));
    char folder[PLEAT_PATH_BYTES];
    memcpy(folder, path, sizeof folder);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 65536;
    (void)signal(SIGXFSZ, SIG_IGN);
    for (int gz = 0; gz < 2; gz++) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        const pleat_status status =
            pleat_nifti_write_label(in_root(path, gz ? "full/a.nii.gz" : "full/a.nii"), &label, &g);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        must_fail(status, PLEAT_ERR_IO, "too large");
        assert_int_equal(entries_of(folder), 0);
    }
    pleat_label_free(&label);
}

static void the_real_chest_has_its_known_voxels(void **state) {
    (void)state;
    const char *data = getenv("PLEAT_TEST_DATA");
    if (data == NULL) {
        print_message("PLEAT_TEST_DATA is not set\n");
        skip();
    }
    OK(pleat_path(path, sizeof path, "%s/chest/LUNG1-001/segmentation.nii.gz", data));
    pleat_label label;
    OK(pleat_nifti_read_label(path, &label, NULL));
    size_t count[256] = {0};
    for (size_t i = 0; i < pleat_voxels(label.dim); i++) count[label.data[i]]++;
    pleat_label_free(&label);
    assert_int_equal(count[1], 789769);
    assert_int_equal(count[2], 1036805);
    assert_int_equal(count[3], 54639);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_order_version_and_packing_reads_the_same_voxels),
        cmocka_unit_test(slope_and_intercept_are_applied_and_0_or_nan_means_unscaled),
        cmocka_unit_test(sform_wins_over_qform_wins_over_pixdim),
        cmocka_unit_test(a_pixdim_that_is_no_length_is_read_where_the_spacing_is_known),
        cmocka_unit_test(metres_and_micrometres_become_millimetres),
        cmocka_unit_test(further_dimensions_of_1_extensions_and_lying_names_do_not_matter),
        cmocka_unit_test(labels_are_whole_numbers_0_to_254_and_the_wrong_voxel_is_named),
        cmocka_unit_test(an_image_voxel_that_is_not_finite_is_named),
        cmocka_unit_test(a_written_label_reads_back_equal_with_its_geometry),
        cmocka_unit_test(images_go_out_as_float32_or_as_whole_int16),
        cmocka_unit_test(channels_are_the_fourth_dimension),
        cmocka_unit_test(what_cannot_be_written_is_an_error_and_leaves_nothing),
        cmocka_unit_test(the_real_chest_has_its_known_voxels),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
