/*
 * test_pictures.c - PNGs and GIFs hold the pixels they were made of; a case's pictures show what is
 * there, the right way round.
 */
#include "../../src/eval/page/view.h"
#include "pleat/nifti.h"
#include "support.h"

#include <gif_lib.h>
#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

/* --- files ------------------------------------------------------------------------------------ */

static pleat_picture ramp(int width, int height, int colours) {
    pleat_picture p;
    OK(pleat_picture_make(width, height, (pleat_colour){0}, &p));
    for (int i = 0; i < width * height; i++)
        p.pixel[i] = (pleat_colour){(uint8_t)(i % colours), (uint8_t)(i % colours / 256 * 9), 7};
    return p;
}

/* RGBA of a PNG in memory, [height, width, 4], freed by the caller. */
static uint8_t *decoded(const void *bytes, size_t n, int *width, int *height) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_memory(&image, bytes, n));
    image.format = PNG_FORMAT_RGBA;
    *width = (int)image.width;
    *height = (int)image.height;
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
    assert_non_null(pixels);
    assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    return pixels;
}

static void a_png_has_every_pixel_with_few_colours_and_with_many(void **state) {
    (void)state;
    for (int colours = 256; colours <= 300; colours += 44) {
        pleat_picture p = ramp(30, 20, colours);
        char *bytes = NULL;
        size_t n = 0;
        int width = 0, height = 0;
        OK(pleat_picture_write(&p, in_root(NULL, "a.png")));
        OK(pleat_file_read_all(in_root(NULL, "a.png"), &bytes, &n));
        uint8_t *got = decoded(bytes, n, &width, &height);
        assert_int_equal(width, 30);
        assert_int_equal(height, 20);
        for (size_t i = 0; i < 600; i++) {
            assert_memory_equal(&got[4 * i], &p.pixel[i], 3);
            assert_int_equal(got[4 * i + 3], 255);
        }
        free(got);
        free(bytes);
        pleat_picture_free(&p);
    }
}

static void a_gif_has_every_pixel_of_every_frame(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    pleat_picture frames[2] = {ramp(16, 16, 200), ramp(16, 16, 256)};
    int why = 0;
    OK(pleat_picture_write_gif(frames, 2, 12, in_root(path, "a.gif")));
    GifFileType *gif = DGifOpenFileName(path, &why);
    assert_non_null(gif);
    assert_int_equal(DGifSlurp(gif), GIF_OK);
    assert_int_equal(gif->ImageCount, 2);
    for (int f = 0; f < 2; f++) {
        GraphicsControlBlock control;
        assert_int_equal(DGifSavedExtensionToGCB(gif, f, &control), GIF_OK);
        assert_int_equal(control.DelayTime, 12);
        for (int i = 0; i < 256; i++) {
            const GifColorType c = gif->SColorMap->Colors[gif->SavedImages[f].RasterBits[i]];
            const pleat_colour want = frames[f].pixel[i];
            assert_int_equal(c.Red, want.red);
            assert_int_equal(c.Green, want.green);
            assert_int_equal(c.Blue, want.blue);
        }
    }
    (void)DGifCloseFile(gif, &why);
    pleat_picture many = ramp(20, 20, 300);
    REFUSED(pleat_picture_write_gif(&many, 1, 12, path), PLEAT_ERR_ARG, "more than 256 colours");
    pleat_picture_free(&many);
    for (int f = 0; f < 2; f++) pleat_picture_free(&frames[f]);
}

/* --- a case ----------------------------------------------------------------------------------- */

enum { D = 6, H = 10, W = 8 };
static const char *const names[] = {"background", "lung_L", "infection"};
static pleat_classes classes;

/* Voxel (1, 2, 3) of x, y, z is class 1 in the truth alone, (5, 7, 4) class 2 in both, (6, 7, 4) in
 * the prediction alone; x goes to the patient's right where `affine` is 1, else to the left. */
static void write_case(double x_sign, double y_sign) {
    const int dim[3] = {D, H, W};
    const double spacing[3] = {5, 2, 2};
    pleat_geometry g;
    pleat_image image;
    pleat_label truth, prediction;
    pleat_nifti_plain_geometry(dim, spacing, &g);
    g.affine[0][0] = g.sform[0][0] = 2 * x_sign;
    g.affine[1][1] = g.sform[1][1] = 2 * y_sign;
    g.sform_code = 1;
    OK(pleat_image_make(1, dim, spacing, &image));
    OK(pleat_label_make(dim, spacing, &truth));
    OK(pleat_label_make(dim, spacing, &prediction));
    for (int i = 0; i < D * H * W; i++) image.data[i] = (float)(i % 100);
    truth.data[(3 * H + 2) * W + 1] = 1;
    truth.data[(4 * H + 7) * W + 5] = prediction.data[(4 * H + 7) * W + 5] = 2;
    prediction.data[(4 * H + 7) * W + 6] = 2;
    OK(pleat_nifti_write_image(in_root(NULL, "image.nii"), &image, &g, 0));
    OK(pleat_nifti_write_label(in_root(NULL, "truth.nii"), &truth, &g));
    OK(pleat_nifti_write_label(in_root(NULL, "prediction.nii"), &prediction, &g));
    pleat_image_free(&image);
    pleat_label_free(&truth);
    pleat_label_free(&prediction);
}

static pleat_case_source all_files(void) {
    static char image[PLEAT_PATH_BYTES], truth[PLEAT_PATH_BYTES], prediction[PLEAT_PATH_BYTES];
    return (pleat_case_source){.id = "one",
                               .image = in_root(image, "image.nii"),
                               .truth = in_root(truth, "truth.nii"),
                               .prediction = in_root(prediction, "prediction.nii")};
}

/* The colour of a layer's voxel in the picture of slice z; its cover in *cover. */
static pleat_colour seen(const pleat_case_pictures *p, pleat_layer layer, int x, int y, int z,
                         int *cover) {
    int width = 0, height = 0, i = 0;
    while (i < p->slices && p->slice[i] != z) i++;
    assert_in_range(i, 0, p->slices - 1);
    uint8_t *got = decoded(p->layer[layer].png, p->layer[layer].n, &width, &height);
    assert_int_equal(width, p->columns * p->width);
    const int column = i % p->columns * p->width + x, row = i / p->columns * p->height + y;
    const uint8_t *at = got + 4 * ((size_t)row * (size_t)width + (size_t)column);
    const pleat_colour c = {at[0], at[1], at[2]};
    *cover = at[3];
    free(got);
    return c;
}

static void assert_seen(const pleat_case_pictures *p, pleat_layer layer, int x, int y, int z,
                        pleat_colour want) {
    int cover = 0;
    const pleat_colour got = seen(p, layer, x, y, z, &cover);
    assert_int_equal(cover, 255);
    assert_memory_equal(&got, &want, sizeof want);
}

static void a_case_hangs_with_its_right_on_the_left_and_its_front_on_top(void **state) {
    (void)state;
    static const struct {
        double x, y;
        int at[2]; /* where voxel (1, 2) is seen */
    } way[] = {{1, 1, {W - 2, H - 3}}, {-1, -1, {1, 2}}, {1, -1, {W - 2, 2}}, {-1, 1, {1, H - 3}}};
    const pleat_case_source source = all_files();
    for (size_t i = 0; i < COUNT(way); i++) {
        pleat_case_pictures p;
        write_case(way[i].x, way[i].y);
        OK(pleat_case_pictures_make(&source, &classes, 1 << 20, NULL, &p));
        assert_string_equal(p.letters, "RLAP");
        assert_int_equal(p.width, W);
        assert_int_equal(p.height, H);
        assert_string_equal(p.lacks, "");
        assert_seen(&p, PLEAT_LAYER_TRUTH, way[i].at[0], way[i].at[1], 3,
                    pleat_class_colour(&classes, 1));
        assert_seen(&p, PLEAT_LAYER_ERRORS, way[i].at[0], way[i].at[1], 3,
                    pleat_error_colour(PLEAT_FALSE_NEGATIVE));
        pleat_case_pictures_free(&p);
    }
}

static void layers_and_stills_show_what_is_there(void **state) {
    (void)state;
    const pleat_case_source source = all_files();
    pleat_case_pictures p;
    int cover = -1;
    write_case(-1, -1);
    OK(pleat_case_pictures_make(&source, &classes, 1 << 20, root, &p));
    assert_int_equal(p.slices, 4); /* 2 to 5: one more on each side of the foreground */
    assert_int_equal(p.slice[0], 2);
    assert_int_equal(p.slice[p.worst], 3); /* the first of two with one error */
    assert_seen(&p, PLEAT_LAYER_PREDICTION, 5, 7, 4, pleat_class_colour(&classes, 2));
    assert_seen(&p, PLEAT_LAYER_ERRORS, 5, 7, 4, pleat_error_colour(PLEAT_TRUE_POSITIVE));
    assert_seen(&p, PLEAT_LAYER_ERRORS, 6, 7, 4, pleat_error_colour(PLEAT_FALSE_POSITIVE));
    (void)seen(&p, PLEAT_LAYER_TRUTH, 6, 7, 4, &cover);
    assert_int_equal(cover, 0);
    pleat_case_pictures_free(&p);
    assert_true(pleat_file_exists(in_root(NULL, "sheet.png")));
    assert_true(pleat_file_exists(in_root(NULL, "slices.gif")));
}

/* A voxel of both regions that the truth has in the larger one alone. */
static void regions_are_compared_each_by_itself(void **state) {
    (void)state;
    const pleat_case_source source = all_files();
    const size_t voxel = (4 * H + 7) * W + 6;
    pleat_classes regions;
    pleat_label truth;
    pleat_geometry g;
    view v;
    tile t;
    write_case(-1, -1);
    OK(pleat_nifti_read_label(source.truth, &truth, &g));
    truth.data[voxel] = 1;
    OK(pleat_nifti_write_label(source.truth, &truth, &g));
    pleat_label_free(&truth);
    OK(pleat_classes_parse("background,whole=1+2:1,core=2:2", &regions));
    OK(view_open(&source, &regions, &v));
    const int32_t *whole = v.count[4 * 3 + 1], *core = v.count[4 * 3 + 2]; /* of slice 4 */
    assert_int_equal(whole[PLEAT_TRUE_POSITIVE], 2);
    assert_int_equal(whole[PLEAT_FALSE_POSITIVE], 0);
    assert_int_equal(core[PLEAT_TRUE_POSITIVE], 1);
    assert_int_equal(core[PLEAT_FALSE_POSITIVE], 1);
    assert_int_equal(view_most(&v, 1, PLEAT_FALSE_NEGATIVE), 3);
    OK(tile_make(&v, view_natural(&v), &t));
    const size_t seen_at = 7 * (size_t)t.width + 6;
    tile_show(&t, &v, 4, 48, 1);
    assert_int_equal(t.errors[seen_at], PLEAT_TRUE_POSITIVE);
    tile_show(&t, &v, 4, 48, 2);
    assert_int_equal(t.errors[seen_at], PLEAT_FALSE_POSITIVE);
    assert_int_equal(t.truth[seen_at], 1);
    assert_int_equal(t.prediction[seen_at], 2);
    tile_free(&t);
    view_close(&v);
    pleat_classes_free(&regions);
}

static void what_is_missing_is_told_and_the_rest_is_shown(void **state) {
    (void)state;
    pleat_case_source source = all_files();
    pleat_case_pictures p;
    write_case(-1, -1);
    source.image = NULL;
    source.prediction = "nowhere.nii.gz";
    OK(pleat_case_pictures_make(&source, &classes, 1 << 20, NULL, &p));
    assert_null(p.layer[PLEAT_LAYER_IMAGE].png);
    assert_null(p.layer[PLEAT_LAYER_PREDICTION].png);
    assert_null(p.layer[PLEAT_LAYER_ERRORS].png);
    assert_non_null(p.layer[PLEAT_LAYER_TRUTH].png);
    assert_non_null(strstr(p.lacks, "nowhere.nii.gz"));
    assert_non_null(strstr(p.lacks, "the image is not where it was"));
    pleat_case_pictures_free(&p);
    source.truth = NULL;
    REFUSED(pleat_case_pictures_make(&source, &classes, 1 << 20, NULL, &p), PLEAT_ERR_NOT_FOUND,
            "case 'one' cannot be shown");
    pleat_case_pictures_free(&p);
}

static void labels_with_gaps_are_shown_as_their_classes(void **state) {
    (void)state;
    const pleat_case_source source = all_files();
    pleat_case_pictures p;
    pleat_classes gaps, none;
    write_case(-1, -1);
    OK(pleat_classes_parse("background, infection=2, other=1", &gaps));
    OK(pleat_case_pictures_make(&source, &gaps, 1 << 20, NULL, &p));
    assert_seen(&p, PLEAT_LAYER_PREDICTION, 5, 7, 4, pleat_class_colour(&gaps, 1));
    pleat_case_pictures_free(&p);
    OK(pleat_classes_parse("background, spot=7", &none));
    OK(pleat_case_pictures_make(&source, &none, 1 << 20, NULL, &p));
    assert_non_null(strstr(p.lacks, "the prediction has label 2, which is no class's"));
    assert_null(p.layer[PLEAT_LAYER_PREDICTION].png);
    pleat_case_pictures_free(&p);
    pleat_classes_free(&gaps);
    pleat_classes_free(&none);
}

static void large_and_noisy_cases_keep_to_the_budget(void **state) {
    (void)state;
    const int dim[3] = {90, 200, 200};
    const double spacing[3] = {1, 1, 1};
    const size_t budget = 300000;
    pleat_case_source source = all_files();
    pleat_case_pictures p;
    pleat_image image;
    pleat_geometry g;
    uint32_t noise = 1;
    pleat_nifti_plain_geometry(dim, spacing, &g);
    OK(pleat_image_make(1, dim, spacing, &image));
    for (size_t i = 0; i < pleat_voxels(dim); i++)
        image.data[i] = (float)((noise = noise * 1664525 + 1013904223) >> 24);
    OK(pleat_nifti_write_image(in_root(NULL, "image.nii"), &image, &g, 1));
    pleat_image_free(&image);
    source.truth = source.prediction = NULL;
    OK(pleat_case_pictures_make(&source, &classes, budget, NULL, &p));
    assert_in_range(p.layer[PLEAT_LAYER_IMAGE].n, budget / 4, budget);
    assert_in_range(p.slices, 16, 64);
    pleat_case_pictures_free(&p);
}

/* --- colours ---------------------------------------------------------------------------------- */

/* As those without green cones see it (Machado, Oliveira, Fernandes 2009, severity 1), or those
 * without red ones; close enough on coded values for what lies far apart. */
static double apart(pleat_colour a, pleat_colour b, const double m[3][3]) {
    const double d[3] = {a.red - b.red, a.green - b.green, a.blue - b.blue};
    double sum = 0.0;
    for (int i = 0; i < 3; i++) {
        const double x = m[i][0] * d[0] + m[i][1] * d[1] + m[i][2] * d[2];
        sum += x * x;
    }
    return sum;
}

static void colours_are_told_apart_by_the_colour_blind(void **state) {
    (void)state;
    static const double seen_by[3][3][3] = {
        {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
        {{0.367, 0.861, -0.228}, {0.280, 0.673, 0.047}, {-0.012, 0.043, 0.969}},
        {{0.152, 1.053, -0.205}, {0.115, 0.786, 0.099}, {-0.004, -0.048, 1.052}}};
    static const char *const chest[] = {"background", "lung_L", "lung_R", "infection"};
    pleat_classes four;
    OK(pleat_classes_make(chest, 4, &four));
    for (size_t v = 0; v < COUNT(seen_by); v++) {
        for (int a = 1; a < 4; a++)
            for (int b = a + 1; b < 4; b++)
                assert_true(apart(pleat_class_colour(&four, a), pleat_class_colour(&four, b),
                                  seen_by[v]) > 60 * 60);
        for (int a = 1; a < PLEAT_ERROR_KINDS; a++)
            for (int b = a + 1; b < PLEAT_ERROR_KINDS; b++)
                assert_true(apart(pleat_error_colour((pleat_error_kind)a),
                                  pleat_error_colour((pleat_error_kind)b), seen_by[v]) > 60 * 60);
    }
    pleat_classes_free(&four);
}

/* sRGB to linear light and back (IEC 61966-2-1). */
static double to_light(double byte) {
    const double c = byte / 255;
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}
static double to_byte(double light) {
    const double x = fmin(fmax(light, 0.0), 1.0);
    return 255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055);
}

/* As seen without the cones of red (1) or of green (2), from linear light: Vienot, Brettel, Mollon,
 * Color Res. Appl. 24 (1999); 0: by all. */
static void as_seen(pleat_colour c, int without, double out[3]) {
    static const double red[] = {0, 0.11238, 0.29275}, blue[] = {0, 0.00401, -0.02234};
    const double r = to_light(c.red), g = to_light(c.green), b = to_light(c.blue);
    const double both = red[without] * r + (1 - red[without]) * g;
    out[0] = without > 0 ? to_byte(both) : c.red;
    out[1] = without > 0 ? to_byte(both) : c.green;
    out[2] = without > 0 ? to_byte(b + blue[without] * (r - g)) : c.blue;
}

static void classes_and_kinds_of_error_have_colours_that_can_be_told_apart(void **state) {
    (void)state;
    pleat_classes three;
    OK(pleat_classes_parse("background,anterior,posterior,third", &three));
    for (int c = 1; c < three.n; c++)
        for (int kind = 1; kind < PLEAT_ERROR_KINDS; kind++)
            for (int without = 0; without < 3; without++) {
                double a[3], b[3], apart = 0;
                as_seen(pleat_class_colour(&three, c), without, a);
                as_seen(pleat_error_colour((pleat_error_kind)kind), without, b);
                for (int k = 0; k < 3; k++) apart += (a[k] - b[k]) * (a[k] - b[k]);
                if (sqrt(apart) < 55)
                    fail_msg("class %d and error %d, vision %d: %.0f apart", c, kind, without,
                             sqrt(apart));
            }
    pleat_classes_free(&three);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_and_kinds_of_error_have_colours_that_can_be_told_apart),
        cmocka_unit_test(a_png_has_every_pixel_with_few_colours_and_with_many),
        cmocka_unit_test(a_gif_has_every_pixel_of_every_frame),
        cmocka_unit_test(a_case_hangs_with_its_right_on_the_left_and_its_front_on_top),
        cmocka_unit_test(layers_and_stills_show_what_is_there),
        cmocka_unit_test(regions_are_compared_each_by_itself),
        cmocka_unit_test(what_is_missing_is_told_and_the_rest_is_shown),
        cmocka_unit_test(labels_with_gaps_are_shown_as_their_classes),
        cmocka_unit_test(large_and_noisy_cases_keep_to_the_budget),
        cmocka_unit_test(colours_are_told_apart_by_the_colour_blind),
    };
    OK(pleat_classes_make(names, 3, &classes));
    const int failed = cmocka_run_group_tests(tests, make_root, remove_root);
    pleat_classes_free(&classes);
    return failed;
}
