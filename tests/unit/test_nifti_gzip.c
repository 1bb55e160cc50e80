/* test_nifti_gzip.c - packed volumes of many voxels: the same voxels and the same errors as zlib's,
 * and what is written is gzip. */
#include "../../src/io/nifti_gzip.h"

#include "pleat/file.h"
#include "pleat/nifti.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nifti_bytes.h"
#include "support.h"

enum { SIDE = 140, VOXELS = SIDE * SIDE * SIDE, HEAD = 352, BYTES = HEAD + 2 * VOXELS };

static char path[PLEAT_PATH_BYTES];
static unsigned char raw[BYTES + 3000]; /* a volume of int16, 5 MiB; zeros behind it */

/* Runs, slopes and noise, so that all kinds of blocks and distances occur. */
static void make_volume(void) {
    uint32_t noise = 11;
    spec s = spec_of(1, 4, 16);
    for (int a = 1; a <= 3; a++) s.dim[a] = SIDE;
    memset(raw, 0, HEAD);
    put_header1(raw, &s);
    for (int i = 0; i < VOXELS; i++) {
        noise = noise * 1664525 + 1013904223;
        const int z = i / SIDE / SIDE, wide = z % 4 == 0 ? 0 : 1 << z % 11;
        const int16_t value = (int16_t)(z * 7 + i / 1000 % 50 + (int)(noise >> 16) % (wide + 1));
        memcpy(&raw[HEAD + 2 * i], &value, sizeof value);
    }
}

/* raw[n] packed by zlib; *packed of *m bytes, freed by the caller. */
static void pack(const char *mode, size_t n, char **packed, size_t *m) {
    gzFile file = gzopen(in_root(path, "made.nii.gz"), mode);
    assert_int_equal(gzwrite(file, raw, (unsigned)n), n);
    assert_int_equal(gzclose(file), Z_OK);
    OK(pleat_file_read_all(path, packed, m));
}

/* Whether the file unpacks to raw[BYTES], read in pieces of n bytes from `skip` on. */
static int unpacks(const char *file, size_t skip, size_t n) {
    static unsigned char out[BYTES];
    const int fd = open(file, O_RDONLY);
    nifti_unpacker *u = pleat_nifti_unpack(fd, skip);
    int good = u != NULL;
    for (size_t at = skip; at < BYTES && good; at += n)
        good = pleat_nifti_unpack_next(u, out + at, BYTES - at < n ? BYTES - at : n);
    good = good && pleat_nifti_unpack_ends(u);
    pleat_nifti_unpack_end(u);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    assert_int_equal(close(fd), 0);
    if (good) assert_memory_equal(out + skip, raw + skip, BYTES - skip);
    return good;
}

static void whatever_zlib_packs_is_unpacked(void **state) {
    (void)state;
    static const char *const modes[] = {"wb0", "wb1", "wb6", "wb9", "wb6f", "wb6h", "wb6R", "wb6F"};
    for (size_t i = 0; i < COUNT(modes); i++) {
        char *packed;
        size_t m;
        pack(modes[i], BYTES, &packed, &m);
        free(packed);
        if (!unpacks(path, 0, 16384) || !unpacks(path, 10000 * i, 77777)) fail_msg("%s", modes[i]);
    }
}

static void what_is_not_one_whole_stream_is_not_unpacked(void **state) {
    (void)state;
    static unsigned char changed[2 * BYTES];
    char *packed;
    size_t m;
    pack("wb6", BYTES, &packed, &m);
    assert_true(m < BYTES);
    for (size_t cut = 0; cut < m; cut += m / 20 + 1) {
        save(in_root(path, "cut.nii.gz"), 0, packed, cut);
        assert_int_equal(unpacks(path, 0, 16384), 0);
    }
    for (size_t at = 40; at < m; at += at + 24 < m ? m / 20 : 1) { /* CRC and size: the last 8 */
        memcpy(changed, packed, m);
        changed[at] ^= 16;
        save(in_root(path, "flip.nii.gz"), 0, changed, m);
        assert_int_equal(unpacks(path, 0, 16384), 0);
    }
    memcpy(changed, packed, m);
    memcpy(changed + m, packed, m);
    save(in_root(path, "joined.nii.gz"), 0, changed, 2 * m);
    assert_int_equal(unpacks(path, 0, 16384), 0);
    save(in_root(path, "rubbish.nii.gz"), 0, changed, m + 1);
    assert_int_equal(unpacks(path, 0, 16384), 0);
    free(packed);
    pack("wb6", BYTES + 1, &packed, &m);
    assert_int_equal(unpacks(path, 0, 16384), 0);
    free(packed);
}

static void must_read(const char *what) {
    pleat_image image;
    if (pleat_nifti_read_image(path, &image, NULL) != PLEAT_OK)
        fail_msg("%s: %s", what, pleat_error_message());
    for (int i = 0; i < VOXELS; i++) {
        int16_t value;
        memcpy(&value, &raw[HEAD + 2 * i], sizeof value);
        if (image.data[i] != (float)value) fail_msg("%s: voxel %d", what, i);
    }
    pleat_image_free(&image);
}

static void must_fail(pleat_status wanted, const char *text) {
    pleat_image image = {0};
    REFUSED(pleat_nifti_read_image(path, &image, NULL), wanted, text);
    TOLD(path);
    assert_null(image.data);
}

static void large_volumes_have_the_errors_of_small_ones(void **state) {
    (void)state;
    char *packed;
    size_t m;
    pack("wb6", BYTES, &packed, &m);
    must_read("whole");
    save(in_root(path, "cut.nii.gz"), 0, packed, m / 2);
    must_fail(PLEAT_ERR_FORMAT, "the gzip stream is cut short");
    save(in_root(path, "cut.nii.gz"), 0, packed, m - 1);
    must_fail(PLEAT_ERR_FORMAT, "the gzip stream is cut short");
    packed[m - 8] ^= 1;
    save(in_root(path, "sum.nii.gz"), 0, packed, m);
    must_fail(PLEAT_ERR_FORMAT, "damaged (incorrect data check)");
    packed[m - 8] ^= 1;
    packed[m - 1] ^= 1;
    save(in_root(path, "size.nii.gz"), 0, packed, m);
    must_fail(PLEAT_ERR_FORMAT, "damaged (incorrect length check)");
    free(packed);
    pack("wb6", BYTES - 2, &packed, &m);
    must_fail(PLEAT_ERR_FORMAT, "of the 5488000 bytes of voxels that dim and datatype promise");
    free(packed);
}

static void large_volumes_let_pass_what_small_ones_do(void **state) {
    (void)state;
    char *packed;
    size_t m;
    pack("wb1", BYTES + 1000, &packed, &m);
    must_read("bytes behind the voxels");
    free(packed);
    pack("wb1", BYTES / 2, &packed, &m);
    free(packed);
    gzFile file = gzopen(path, "ab");
    assert_int_equal(gzwrite(file, raw + BYTES / 2, BYTES - BYTES / 2), BYTES - BYTES / 2);
    assert_int_equal(gzclose(file), Z_OK);
    must_read("two streams");
    FILE *rubbish = fopen(path, "ab");
    assert_true(fputs("rubbish", rubbish) >= 0);
    assert_int_equal(fclose(rubbish), 0);
    must_read("rubbish behind them");
}

static void a_wrong_label_of_a_large_volume_is_named(void **state) {
    (void)state;
    char *packed, text[80];
    size_t m;
    pleat_label label = {0};
    int at = 0;
    int16_t value = 0;
    pack("wb1", BYTES, &packed, &m);
    free(packed);
    for (;; at++) {
        memcpy(&value, &raw[HEAD + 2 * at], sizeof value);
        if (value > 254) break;
    }
    assert_true(at > 100000);
    (void)snprintf(text, sizeof text, "label %d at voxel (x, y, z) = (%d, %d, %d)", value,
                   at % SIDE, at / SIDE % SIDE, at / SIDE / SIDE);
    REFUSED(pleat_nifti_read_label(path, &label, NULL), PLEAT_ERR_DATA, text);
}

static void what_is_written_zlib_reads(void **state) {
    (void)state;
    static unsigned char back[BYTES];
    const nifti_part parts[] = {{raw, 7}, {raw, 0}, {raw + 7, BYTES - 7}};
    for (int packed = 0; packed < 2; packed++) {
        const int fd = open(in_root(path, "out.nii.gz"), O_RDWR | O_CREAT | O_TRUNC, 0666);
        assert_int_equal(pleat_nifti_write_parts(fd, parts, 3, packed), 0);
        assert_int_equal(lseek(fd, 0, SEEK_END) < BYTES * 9 / 10, packed);
        assert_int_equal(close(fd), 0);
        gzFile file = gzopen(path, "rb");
        memset(back, 0, sizeof back);
        assert_int_equal(gzread(file, back, BYTES), BYTES);
        assert_int_equal(gzdirect(file), !packed);
        assert_int_equal(gzgetc(file), -1);
        assert_int_equal(gzclose(file), Z_OK);
        assert_memory_equal(back, raw, BYTES);
        const int full = open("/dev/full", O_WRONLY);
        assert_int_equal(pleat_nifti_write_parts(full, parts, 3, packed), ENOSPC);
        assert_int_equal(close(full), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_zlib_packs_is_unpacked),
        cmocka_unit_test(what_is_not_one_whole_stream_is_not_unpacked),
        cmocka_unit_test(large_volumes_have_the_errors_of_small_ones),
        cmocka_unit_test(large_volumes_let_pass_what_small_ones_do),
        cmocka_unit_test(a_wrong_label_of_a_large_volume_is_named),
        cmocka_unit_test(what_is_written_zlib_reads),
    };
    make_volume();
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
