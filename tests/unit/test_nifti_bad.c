/* test_nifti_bad.c - damaged and lying NIfTI files are one clear error, never a crash. */
#include "pleat/file.h"
#include "pleat/nifti.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nifti_bytes.h"
#include "support.h"

enum { VOXELS = 60, ROOM = 4096 };

static char path[PLEAT_PATH_BYTES];

/* `path` cannot be read: `wanted`, and a message with its name and `text`. */
static void must_fail(pleat_status wanted, const char *text, const char *what) {
    pleat_image image = {0};
    const pleat_status got = pleat_nifti_read_image(path, &image, NULL);
    const char *message = pleat_error_message();
    if (got != wanted || strstr(message, text) == NULL || strstr(message, path) == NULL)
        fail_msg("%s: got %s '%s', wanted %s with '%s'", what, pleat_status_name(got), message,
                 pleat_status_name(wanted), text);
    assert_null(image.data);
}

/* int16 voxels 0, 37, 74 ... with a sform and a qform; returns the bytes. */
static size_t good(int version, int big, unsigned char bytes[ROOM], double values[VOXELS]) {
    spec s = spec_of(version, 4, 16);
    s.big = big;
    s.slope = 1;
    s.sform_code = s.qform_code = 1;
    s.srow[0] = s.srow[5] = s.srow[10] = 2;
    for (int i = 0; i < VOXELS; i++) values[i] = 37 * i;
    return put_volume(bytes, ROOM, &s, values, VOXELS);
}

typedef struct bad_field { /* one number of a good header, replaced */
    int version, at;
    char kind;
    double value;
    const char *text;
} bad_field;

static const bad_field fields[] = {
    {1, 0, 'i', 0, "sizeof_hdr"},
    {1, 0, 'i', 540, "header"},
    {1, 40, 'h', 0, "dim[0]"},
    {1, 40, 'h', -3, "dim[0]"},
    {1, 40, 'h', 8, "dim[0]"},
    {1, 40, 'h', 99, "dim[0]"},
    {1, 40, 'h', 2, "3 dimensions"},
    {1, 42, 'h', 0, "dim[1]"},
    {1, 44, 'h', -4, "dim[2]"},
    {1, 46, 'h', -1, "dim[3]"},
    {1, 46, 'h', 32767, "cut short"},
    {1, 70, 'h', 0, "datatype"},
    {1, 70, 'h', 1, "datatype"},
    {1, 70, 'h', -1, "datatype"},
    {1, 70, 'h', 9999, "datatype"},
    {1, 70, 'h', 32, "COMPLEX64"},
    {1, 70, 'h', 128, "RGB24"},
    {1, 70, 'h', 1536, "FLOAT128"},
    {1, 72, 'h', 8, "bitpix"},
    {1, 72, 'h', 0, "bitpix"},
    {1, 76, 'f', NAN, "pixdim[0]"},
    {1, 108, 'f', 0, "vox_offset"},
    {1, 108, 'f', 1, "vox_offset"},
    {1, 108, 'f', 348, "vox_offset"},
    {1, 108, 'f', 353.5, "vox_offset"},
    {1, 108, 'f', -352, "vox_offset"},
    {1, 108, 'f', NAN, "vox_offset"},
    {1, 108, 'f', INFINITY, "vox_offset"},
    {1, 108, 'f', 1e30, "vox_offset"},
    {1, 108, 'f', 360, "cut short"},
    {1, 108, 'f', 500000, "cut short"},
    {1, 112, 'f', INFINITY, "scl_slope"},
    {1, 116, 'f', NAN, "scl_inter"},
    {1, 116, 'f', INFINITY, "scl_inter"},
    {1, 252, 'h', -1, "qform_code"},
    {1, 254, 'h', -7, "sform_code"},
    {1, 256, 'f', NAN, "quatern_b"},
    {1, 260, 'f', 1.5, "rotation"},
    {1, 276, 'f', INFINITY, "qoffset_z"},
    {1, 280, 'f', NAN, "sform"},
    {1, 280, 'f', 0, "sform"},
    {1, 280, 'f', 1e30, "sform"},
    {1, 280, 'f', 1e-30, "sform"},
    {1, 324, 'f', INFINITY, "sform"},
    {1, 344, 'i', 0, "ANALYZE"},
    {2, 0, 'i', 348, "'n+1'"},
    {2, 8, 'b', '\n', "'n+2'"},
    {2, 16, 'l', 1099511627776.0, "dim[0]"},
    {2, 24, 'l', 4611686018427387904.0, "dim[1]"},
    {2, 24, 'l', -1, "dim[1]"},
    {2, 40, 'l', 32768, "dim[3]"},
    {2, 12, 'h', 2304, "RGBA32"},
    {2, 14, 'h', 32, "bitpix"},
    {2, 168, 'l', 540, "vox_offset"},
    {2, 168, 'l', -1, "vox_offset"},
    {2, 168, 'l', 4611686018427387904.0, "vox_offset"},
    {2, 176, 'd', INFINITY, "scl_slope"},
    {2, 344, 'i', 2147483647, "qform_code"},
    {2, 348, 'i', 65536, "sform_code"},
    {2, 352, 'd', 1e200, "rotation"},
    {2, 400, 'd', 1e300, "sform"},
    {2, 500, 'i', -1, "xyzt_units"},
};

static void every_wrong_field_is_named(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++)
        for (int big = 0; big < 2; big++)
            for (int gz = 0; gz < 2; gz++) {
                const bad_field *f = &fields[i];
                unsigned char bytes[ROOM];
                double values[VOXELS];
                char what[64];
                const size_t n = good(f->version, big, bytes, values);
                put_number(bytes + f->at, big, f->kind, f->value);
                (void)snprintf(what, sizeof what, "version %d byte %d = %g, big %d, gz %d",
                               f->version, f->at, f->value, big, gz);
                save(in_root(path, gz ? "bad.nii.gz" : "bad.nii"), gz, bytes, n);
                must_fail(PLEAT_ERR_FORMAT, f->text, what);
            }
}

static void a_singular_sform_and_a_pair_are_refused(void **state) {
    (void)state;
    unsigned char bytes[ROOM];
    double values[VOXELS];
    size_t n = good(1, 0, bytes, values);
    put_number(bytes + 280 + 4, 0, 'f', 2); /* column y = (2, 0, 0), as column x */
    put_number(bytes + 280 + 20, 0, 'f', 0);
    save(in_root(path, "flat.nii"), 0, bytes, n);
    must_fail(PLEAT_ERR_FORMAT, "singular", "flat");
    for (int version = 1; version <= 2; version++) {
        n = good(version, 0, bytes, values);
        bytes[version == 1 ? 345 : 5] = 'i';
        save(in_root(path, "pair.nii"), 0, bytes, n);
        must_fail(PLEAT_ERR_FORMAT, ".hdr/.img pair", "magic");
    }
    save(in_root(path, "pair.img.gz"), 1, bytes, n);
    must_fail(PLEAT_ERR_FORMAT, ".hdr/.img pair", "name");
    n = good(1, 0, bytes, values);
    put_number(bytes + 40, 0, 'h', 4);
    put_number(bytes + 48, 0, 'h', 17);
    save(in_root(path, "series.nii"), 0, bytes, n);
    must_fail(PLEAT_ERR_FORMAT, "dim[4] is 17; 1 to 16 channels are read", "series");
    put_number(bytes + 48, 0, 'h', 2); /* two channels, but the voxels of one */
    save(in_root(path, "series.nii"), 0, bytes, n);
    must_fail(PLEAT_ERR_FORMAT, "cut short", "series");
    put_number(bytes + 40, 0, 'h', 5);
    put_number(bytes + 48, 0, 'h', 1);
    put_number(bytes + 50, 0, 'h', 2);
    save(in_root(path, "series.nii"), 0, bytes, n);
    must_fail(PLEAT_ERR_FORMAT, "dim[5] is 2", "vectors");
}

static void a_file_cut_anywhere_is_an_error(void **state) {
    (void)state;
    unsigned char bytes[ROOM];
    double values[VOXELS];
    char packed[ROOM];
    const size_t n = good(1, 0, bytes, values);
    save(in_root(path, "whole.nii.gz"), 1, bytes, n);
    char *text = NULL;
    size_t m = 0;
    OK(pleat_file_read_all(path, &text, &m));
    assert_true(m < sizeof packed);
    memcpy(packed, text, m);
    free(text);
    for (size_t cut = 0; cut < n; cut++) {
        save(in_root(path, "cut.nii"), 0, bytes, cut);
        must_fail(PLEAT_ERR_FORMAT, "'", "plain");
    }
    for (size_t cut = 0; cut < m; cut++) {
        save(in_root(path, "cut.nii.gz"), 0, packed, cut);
        must_fail(PLEAT_ERR_FORMAT, "'", "gzip");
    }
}

/* Some flips harm nothing: in the time stamp, or in a distance inside a run of zeros. */
static void a_flipped_bit_of_a_gzip_file_never_gives_other_voxels(void **state) {
    (void)state;
    unsigned char bytes[ROOM];
    double values[VOXELS];
    char *packed = NULL;
    size_t m = 0, refused = 0;
    save(in_root(path, "whole.nii.gz"), 1, bytes, good(2, 1, bytes, values));
    OK(pleat_file_read_all(path, &packed, &m));
    for (size_t bit = 0; bit < 8 * m; bit++) {
        pleat_image image;
        packed[bit / 8] = (char)(packed[bit / 8] ^ 1 << bit % 8);
        save(in_root(path, "flip.nii.gz"), 0, packed, m);
        packed[bit / 8] = (char)(packed[bit / 8] ^ 1 << bit % 8);
        if (pleat_nifti_read_image(path, &image, NULL) != PLEAT_OK) {
            TOLD(path);
            refused++;
            continue;
        }
        for (int i = 0; i < VOXELS; i++) assert_true((double)image.data[i] == values[i]);
        pleat_image_free(&image);
    }
    assert_true(refused > 8 * m * 3 / 4);
    free(packed);
}

static void any_header_is_read_or_refused_without_a_crash(void **state) {
    (void)state;
    uint32_t noise = 7;
    for (int round = 0; round < 3000; round++) {
        unsigned char bytes[ROOM];
        double values[VOXELS];
        const int version = 1 + round % 2, length = version == 1 ? 348 : 540;
        const size_t n = good(version, round / 2 % 2, bytes, values);
        for (int k = 0; k <= round % 5; k++) {
            noise = noise * 1664525 + 1013904223;
            bytes[(noise >> 8) % (unsigned)length] = (unsigned char)(noise >> 24);
        }
        pleat_image image;
        save(in_root(path, "noise.nii"), 0, bytes, n);
        if (pleat_nifti_read_image(path, &image, NULL) == PLEAT_OK)
            pleat_image_free(&image);
        else
            TOLD(path);
    }
}

static void what_is_no_file_or_no_nifti_is_said_so(void **state) {
    (void)state;
    static const char text[] = "this is a letter and not a volume";
    (void)in_root(path, "absent.nii");
    must_fail(PLEAT_ERR_NOT_FOUND, "No such file", "absent");
    (void)in_root(path, ".");
    must_fail(PLEAT_ERR_IO, "not a file", "folder");
    save(in_root(path, "empty.nii"), 0, "", 0);
    must_fail(PLEAT_ERR_FORMAT, "empty", "empty");
    save(in_root(path, "empty.nii.gz"), 1, "", 0);
    must_fail(PLEAT_ERR_FORMAT, "ends inside its header", "empty stream");
    save(in_root(path, "letter.nii"), 0, text, sizeof text);
    must_fail(PLEAT_ERR_FORMAT, "sizeof_hdr", "text");
}

static void a_header_that_asks_for_gigabytes_gets_none(void **state) {
    (void)state;
    unsigned char bytes[ROOM];
    double values[VOXELS];
    const size_t n = good(1, 0, bytes, values);
    for (int i = 1; i <= 3; i++) put_number(&bytes[40 + 2 * i], 0, 'h', 1000);
    save(in_root(path, "lie.nii.gz"), 1, bytes, n);
    must_fail(PLEAT_ERR_FORMAT, "cannot hold", "gzip, 2 GB");
    save(in_root(path, "lie.nii"), 0, bytes, n);
    must_fail(PLEAT_ERR_FORMAT, "cut short", "plain, 2 GB");
    for (int i = 1; i <= 3; i++) put_number(&bytes[40 + 2 * i], 0, 'h', 32767);
    save(in_root(path, "lie.nii.gz"), 1, bytes, n);
    must_fail(PLEAT_ERR_FORMAT, "more than 32 GiB", "70 TB");
}

static void bytes_after_the_voxels_are_let_pass_when_few(void **state) {
    (void)state;
    static unsigned char bytes[4 << 20];
    double values[VOXELS];
    pleat_image image;
    const size_t n = good(1, 0, bytes, values);
    for (int gz = 0; gz < 2; gz++) {
        save(in_root(path, "tail.nii"), gz, bytes, n + 1000);
        OK(pleat_nifti_read_image(path, &image, NULL));
        pleat_image_free(&image);
        save(in_root(path, "tail.nii"), gz, bytes, sizeof bytes);
        must_fail(PLEAT_ERR_FORMAT, "after the voxels", "long tail");
    }
}

static void joined_gzip_streams_and_rubbish_after_them_read_right(void **state) {
    (void)state;
    unsigned char bytes[ROOM];
    double values[VOXELS];
    const size_t n = good(1, 0, bytes, values);
    save(in_root(path, "joined.nii.gz"), 1, bytes, 400);
    gzFile file = gzopen(path, "ab");
    assert_int_equal(gzwrite(file, bytes + 400, (unsigned)(n - 400)), n - 400);
    assert_int_equal(gzclose(file), Z_OK);
    FILE *raw = fopen(path, "ab");
    assert_true(fputs("rubbish", raw) >= 0);
    assert_int_equal(fclose(raw), 0);
    pleat_image image;
    if (pleat_nifti_read_image(path, &image, NULL) != PLEAT_OK)
        fail_msg("%s", pleat_error_message());
    for (int i = 0; i < VOXELS; i++) assert_true((double)image.data[i] == values[i]);
    pleat_image_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_field_is_named),
        cmocka_unit_test(a_singular_sform_and_a_pair_are_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_an_error),
        cmocka_unit_test(a_flipped_bit_of_a_gzip_file_never_gives_other_voxels),
        cmocka_unit_test(any_header_is_read_or_refused_without_a_crash),
        cmocka_unit_test(what_is_no_file_or_no_nifti_is_said_so),
        cmocka_unit_test(a_header_that_asks_for_gigabytes_gets_none),
        cmocka_unit_test(bytes_after_the_voxels_are_let_pass_when_few),
        cmocka_unit_test(joined_gzip_streams_and_rubbish_after_them_read_right),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
