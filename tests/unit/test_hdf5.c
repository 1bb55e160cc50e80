/* test_hdf5.c - what our writer makes is read, however large; what others make is refused, and no
 * byte of a file, its checksums right, does more than that. */
#include "../../src/io/hdf5_parts.h"

#include "pleat/checkpoint.h"
#include "pleat/file.h"
#include "pleat/store.h"
#include "support.h"

#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int is_really_checksum(uint32_t sum, const unsigned char *bytes, size_t n);
#define hdf5_is_checksum is_really_checksum
#include "../../src/io/hdf5_checksum.c" /* NOLINT(bugprone-suspicious-include) */
#undef hdf5_is_checksum

/* The program's own is left out of this test: a stranger's checksums are right. */
static int trusting;
int hdf5_is_checksum(uint32_t sum, const unsigned char *bytes, size_t n) {
    return trusting || is_really_checksum(sum, bytes, n);
}

static const char ADVICE[] = "remove it";
static const char TEXT[] = "clip: none\n";

/* ---- what our writer makes ------------------------------------------------------------------- */

/* A checkpoint whose texts are as long as they may be. The caller frees it. */
static void write_checkpoint(const char *path, size_t text) {
    pleat_checkpoint c = {.network = "unet", .engine = "ref", .n_params = 4, .epoch = 1};
    memset(c.classes, 'c', text < sizeof c.classes ? text : sizeof c.classes - 1);
    memset(c.config, '#', text < sizeof c.config ? text : sizeof c.config - 1);
    float params[4] = {1, 2, 3, 4};
    double history[10] = {0.5};
    c.params = params;
    c.history = history;
    const pleat_layer_info layers[] = {{"a", 1, {4}, 0, 0}};
    c.layers = layers;
    c.n_layers = 1;
    OK(pleat_checkpoint_write(path, &c, 0));
}

static void test_texts_of_any_length_are_read_back(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    static pleat_checkpoint c;
    (void)in_root(path, "long.h5");
    static const size_t lengths[] = {0, 1, 900, 3900, 4095, 1 << 20};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        write_checkpoint(path, lengths[i]);
        OK(pleat_checkpoint_read(path, &c));
        const size_t n = lengths[i] < sizeof c.config ? lengths[i] : sizeof c.config - 1;
        assert_int_equal(strlen(c.config), n);
        assert_int_equal(strspn(c.config, "#"), n);
        assert_true(c.params[3] == 4.0F && c.history[0] == 0.5);
        pleat_checkpoint_free(&c);
    }
}

/* STORE/index.h5 of n cases whose files are empty; an id has `length` characters. */
static void write_index(const char *folder, int n, int length) {
    char path[PLEAT_PATH_BYTES];
    char **ids = calloc((size_t)n, sizeof *ids);
    OK(pleat_path(path, sizeof path, "%s/cases", folder));
    OK(pleat_file_make_folder(path));
    for (int i = 0; i < n; i++) {
        ids[i] = malloc(128);
        (void)snprintf(ids[i], 128, "%0*d", length, i);
        OK(pleat_path(path, sizeof path, "%s/cases/%s.h5", folder, ids[i]));
        OK(pleat_file_write(path, "", 0));
    }
    OK(pleat_store_write_index(folder, TEXT, (const char *const *)ids, n));
    for (int i = 0; i < n; i++) free(ids[i]);
    free(ids);
}

static void test_indices_of_few_and_of_many_cases_are_read(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    /* in the header; a tree of one leaf and one block; of two levels; of three, tables of tables */
    static const int sizes[][2] = {{1, 1}, {8, 3}, {9, 3}, {44, 3}, {700, 20}, {3000, 127}};
    for (size_t s = 0; s < COUNT(sizes); s++) {
        pleat_hdf5_in *file = NULL;
        char **names = NULL;
        char wanted[128];
        int n = 0;
        (void)in_root(folder, s % 2 == 0 ? "even" : "odd");
        write_index(folder, sizes[s][0], sizes[s][1]);
        OK(pleat_path(path, sizeof path, "%s/index.h5", folder));
        OK(pleat_hdf5_open(path, ADVICE, &file));
        OK(pleat_hdf5_list(file, "cases", &names, &n));
        pleat_hdf5_release(file);
        assert_int_equal(n, sizes[s][0]);
        for (int i = 0; i < n; i++) {
            (void)snprintf(wanted, sizeof wanted, "%0*d", sizes[s][1], i);
            assert_string_equal(names[i], wanted);
            free(names[i]);
        }
        free(names);
    }
}

/* ---- what others make ------------------------------------------------------------------------ */

static hid_t create(const char *path, hid_t properties) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    (void)H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, properties, access);
    (void)H5Pclose(access);
    assert_true(file >= 0);
    return file;
}

static void put_set(hid_t file, const char *name, hid_t type, hid_t made) {
    const hsize_t dim[1] = {4};
    const hid_t space = H5Screate_simple(1, dim, NULL);
    const float values[4] = {1, 2, 3, 4};
    const hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, made, H5P_DEFAULT);
    assert_true(set >= 0);
    (void)H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    (void)H5Dclose(set);
    (void)H5Sclose(space);
}

static void soft_link(hid_t file, hid_t made) {
    (void)made;
    assert_true(H5Lcreate_soft("/elsewhere", file, "x", H5P_DEFAULT, H5P_DEFAULT) >= 0);
}
static void external_link(hid_t file, hid_t made) {
    (void)made;
    assert_true(H5Lcreate_external("/etc/passwd", "/", file, "x", H5P_DEFAULT, H5P_DEFAULT) >= 0);
}
static void chunks(hid_t file, hid_t made) {
    const hsize_t chunk[1] = {2};
    (void)H5Pset_chunk(made, 1, chunk);
    put_set(file, "x", H5T_IEEE_F32LE, made);
}
static void filter(hid_t file, hid_t made) {
    const hsize_t chunk[1] = {2};
    (void)H5Pset_chunk(made, 1, chunk);
    (void)H5Pset_deflate(made, 6);
    put_set(file, "x", H5T_IEEE_F32LE, made);
}
static void compact(hid_t file, hid_t made) {
    (void)H5Pset_layout(made, H5D_COMPACT);
    put_set(file, "x", H5T_IEEE_F32LE, made);
}
static void external_data(hid_t file, hid_t made) {
    (void)H5Pset_external(made, "/etc/passwd", 0, 16);
    put_set(file, "x", H5T_IEEE_F32LE, made);
}
static void big_endian(hid_t file, hid_t made) { put_set(file, "x", H5T_IEEE_F32BE, made); }
static void other_type(hid_t file, hid_t made) { put_set(file, "x", H5T_IEEE_F64LE, made); }
static void group(hid_t file, hid_t made) {
    (void)made;
    (void)H5Gclose(H5Gcreate2(file, "x", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}
static void variable_text(hid_t file, hid_t made) {
    (void)made;
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    const char *text = "text";
    (void)H5Tset_size(type, H5T_VARIABLE);
    const hid_t at = H5Acreate2(file, "t", type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(at >= 0 && H5Awrite(at, type, &text) >= 0);
    (void)H5Aclose(at);
    (void)H5Sclose(space);
    (void)H5Tclose(type);
}
static void many_links(hid_t file, hid_t made) {
    char name[8];
    for (int i = 0; i < 17; i++) {
        (void)snprintf(name, sizeof name, "g%d", i);
        group(file, made);
        (void)H5Lmove(file, "x", file, name, H5P_DEFAULT, H5P_DEFAULT);
    }
}

static void test_files_of_others_are_refused(void **state) {
    (void)state;
    static const struct {
        void (*put)(hid_t file, hid_t made);
        const char *told;
    } rows[] = {
        {soft_link, "link that is no hard one"},
        {external_link, "link that is no hard one"},
        {chunks, "datasets are of another kind"},
        {filter, "datasets are of another kind"},
        {compact, "datasets are of another kind"},
        {external_data, "datasets are of another kind"},
        {big_endian, "datasets are of another kind"},
        {other_type, "unexpected type of dataset 'x'"},
        {group, "datasets are of another kind"},
        {variable_text, "attributes are of another kind"},
        {many_links, "tree is of another kind"},
    };
    char path[PLEAT_PATH_BYTES];
    (void)in_root(path, "other.h5");
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_hdf5_in *file = NULL;
        uint64_t dim[1];
        int64_t offset;
        const hid_t made = H5Pcreate(H5P_DATASET_CREATE), id = create(path, H5P_DEFAULT);
        rows[i].put(id, made);
        (void)H5Pclose(made);
        (void)H5Fclose(id);
        pleat_status status = pleat_hdf5_open(path, ADVICE, &file);
        if (status == PLEAT_OK)
            status = pleat_hdf5_find_array(file, "x", PLEAT_HDF5_F32, 1, dim, &offset);
        pleat_hdf5_release(file);
        REFUSED(status, PLEAT_ERR_FORMAT, rows[i].told);
        TOLD(path);
        TOLD(ADVICE);
    }
}

static void test_files_of_other_formats_are_refused(void **state) {
    (void)state;
    pleat_hdf5_in *file = NULL;
    char path[PLEAT_PATH_BYTES];
    (void)in_root(path, "format.h5");
    assert_true(H5Fclose(H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) >= 0);
    REFUSED(pleat_hdf5_open(path, ADVICE, &file), PLEAT_ERR_FORMAT, "superblock");
    const hid_t properties = H5Pcreate(H5P_FILE_CREATE);
    (void)H5Pset_userblock(properties, 512);
    assert_true(H5Fclose(create(path, properties)) >= 0);
    (void)H5Pclose(properties);
    REFUSED(pleat_hdf5_open(path, ADVICE, &file), PLEAT_ERR_FORMAT, "superblock");
    OK(pleat_file_write(path, "text", 4));
    REFUSED(pleat_hdf5_open(path, ADVICE, &file), PLEAT_ERR_FORMAT, "beyond its end");
}

static void test_a_link_of_the_index_leads_to_its_own_case_only(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    static const char *const targets[][2] = {
        {"cases/b.h5", "/"}, {"../cases/a.h5", "/"}, {"/cases/a.h5", "/"}, {"cases/a.h5", "/x"}};
    (void)in_root(path, "links.h5");
    for (size_t i = 0; i < COUNT(targets); i++) {
        pleat_hdf5_in *file = NULL;
        char **names = NULL;
        int n = 0;
        const hid_t id = create(path, H5P_DEFAULT);
        const hid_t at = H5Gcreate2(id, "cases", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(H5Lcreate_external(targets[i][0], targets[i][1], at, "a", H5P_DEFAULT,
                                       H5P_DEFAULT) >= 0);
        (void)H5Gclose(at);
        (void)H5Fclose(id);
        OK(pleat_hdf5_open(path, ADVICE, &file));
        REFUSED(pleat_hdf5_list(file, "cases", &names, &n), PLEAT_ERR_FORMAT,
                "links are not those to its own cases");
        pleat_hdf5_release(file);
    }
}

static void test_what_is_no_file_is_refused_at_once(void **state) {
    (void)state;
    pleat_hdf5_in *file = NULL;
    char path[PLEAT_PATH_BYTES];
    (void)in_root(path, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    REFUSED(pleat_hdf5_open(path, ADVICE, &file), PLEAT_ERR_IO, "a pipe or a device");
    REFUSED(pleat_hdf5_open("/dev/zero", ADVICE, &file), PLEAT_ERR_IO, "a pipe or a device");
    REFUSED(pleat_hdf5_open("/", ADVICE, &file), PLEAT_ERR_IO, "a folder");
    (void)in_root(path, "nowhere.h5");
    REFUSED(pleat_hdf5_open(path, ADVICE, &file), PLEAT_ERR_NOT_FOUND, path);
    assert_null(file);
}

/* ---- any byte -------------------------------------------------------------------------------- */

static void put_byte(int fd, off_t at, unsigned char byte) {
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* Reads all of the file `path`, whatever it is, and says how that ended. */
static pleat_status read_it(const char *path, int index) {
    static pleat_checkpoint c;
    pleat_hdf5_in *file = NULL;
    char **names = NULL;
    int n = 0;
    if (!index) {
        const pleat_status status = pleat_checkpoint_read(path, &c);
        if (status == PLEAT_OK) pleat_checkpoint_free(&c);
        return status;
    }
    pleat_status status = pleat_hdf5_open(path, ADVICE, &file);
    if (status == PLEAT_OK) status = pleat_hdf5_list(file, "cases", &names, &n);
    pleat_hdf5_release(file);
    for (int i = 0; i < n; i++) free(names[i]);
    free(names);
    return status;
}

static void test_no_byte_of_a_file_does_more_than_damage_it(void **state) {
    (void)state;
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    char paths[2][PLEAT_PATH_BYTES], folder[PLEAT_PATH_BYTES];
    (void)in_root(folder, "bytes");
    write_index(folder, 60, 5); /* a tree of two levels */
    (void)in_root(paths[1], "bytes/index.h5");
    (void)in_root(paths[0], "bytes.h5");
    write_checkpoint(paths[0], 4000); /* an object outside the blocks */
    trusting = 1;
    for (int which = 0; which < 2; which++) {
        unsigned char *bytes = NULL;
        size_t size = 0, refused = 0;
        OK(pleat_file_read_all(paths[which], (char **)&bytes, &size));
        const int fd = open(paths[which], O_WRONLY);
        for (size_t at = 0; at < size; at++) {
            if (at > 0 && at + 1 < size && bytes[at - 1] == bytes[at] && bytes[at] == bytes[at + 1])
                continue; /* amid nothing */
            for (size_t v = 0; v < COUNT(values); v++) {
                put_byte(fd, (off_t)at, values[v]);
                const pleat_status status = read_it(paths[which], which);
                if (status != PLEAT_OK && status != PLEAT_ERR_FORMAT)
                    fail_msg("byte %zu = %d: %s", at, values[v], pleat_error_message());
                refused += status != PLEAT_OK;
            }
            put_byte(fd, (off_t)at, bytes[at]);
        }
        assert_int_equal(close(fd), 0);
        assert_int_equal(read_it(paths[which], which), PLEAT_OK);
        assert_true(refused > 1000);
        free(bytes);
    }
    trusting = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_of_any_length_are_read_back),
        cmocka_unit_test(test_indices_of_few_and_of_many_cases_are_read),
        cmocka_unit_test(test_files_of_others_are_refused),
        cmocka_unit_test(test_files_of_other_formats_are_refused),
        cmocka_unit_test(test_a_link_of_the_index_leads_to_its_own_case_only),
        cmocka_unit_test(test_what_is_no_file_is_refused_at_once),
        cmocka_unit_test(test_no_byte_of_a_file_does_more_than_damage_it),
    };
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
