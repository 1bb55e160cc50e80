/* mpi_test_pool.c - every rank sees every case, in memory or streamed. mpiexec -n 1..4. */
#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/pool.h"
#include "pleat/session.h"
#include "support.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CASES 5

typedef struct fixture {
    pleat_session *session;
    pleat_store *store;
} fixture;

/* Case k is (4+k) x 5 x (6+k); voxel v holds k + v / 100; odd cases have a label, v % 3. */
static void case_dim(int k, int dim[3]) {
    dim[0] = 4 + k;
    dim[1] = 5;
    dim[2] = 6 + k;
}

static void write_store(const char *folder) {
    static const double spacing[3] = {1, 1, 1};
    const char *ids[CASES];
    char names[CASES][32];
    for (int k = 0; k < CASES; ++k) {
        int dim[3];
        pleat_image image = {0};
        pleat_label label = {0};
        pleat_case_info info = {.spacing = {1, 1, 1}};
        case_dim(k, dim);
        ids[k] = names[k];
        (void)snprintf(names[k], sizeof names[k], "case_%d", k);
        (void)snprintf(info.id, sizeof info.id, "case_%d", k);
        OK(pleat_image_make(dim, spacing, &image));
        OK(pleat_label_make(dim, spacing, &label));
        for (int v = 0; v < dim[0] * dim[1] * dim[2]; ++v) {
            image.data[v] = (float)k + (float)v / 100.0f;
            label.data[v] = (uint8_t)(v % 3);
        }
        OK(pleat_store_write_case(folder, "none", &info, &image, k % 2 ? &label : NULL));
        pleat_image_free(&image);
        pleat_label_free(&label);
    }
    OK(pleat_store_write_index(folder, "none", ids, CASES));
}

static int set_up(void **state) {
    fixture *f = *state;
    if (f->session->rank == 0) {
        assert_int_equal(make_root(NULL), 0);
        write_store(root);
    }
    OK(pleat_comm_broadcast_bytes(f->session->world, root, sizeof root, 0));
    OK(pleat_store_open(root, NULL, &f->store));
    OK(pleat_comm_barrier(f->session->world)); /* a test may damage it */
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    pleat_store_close(f->store);
    OK(pleat_comm_barrier(f->session->world));
    return f->session->rank == 0 ? remove_root(NULL) : 0;
}

static void check_box(const pleat_source *source, int k) {
    static const int start[3] = {1, 2, 3}, size[3] = {2, 3, 2};
    float image[12];
    OK(source->read(source->context, start, size, image, NULL));
    for (int i = 0; i < 12; ++i) {
        const int z = 1 + i / 6, y = 2 + i / 2 % 3, x = 3 + i % 2;
        const int v = (z * source->dim[1] + y) * source->dim[2] + x;
        assert_true(image[i] == (float)k + (float)v / 100.0f);
    }
}

static void check_pool(const pleat_pool *pool) {
    for (int k = 0; k < CASES; ++k) {
        int dim[3];
        case_dim(k, dim);
        const int n = dim[0] * dim[1] * dim[2];
        const pleat_source *source = pleat_pool_source(pool, k);
        assert_memory_equal(source->dim, dim, sizeof dim);
        check_box(source, k);
        /* the mean of k + v/100 over v = 0..n-1 */
        assert_true(fabs(source->histogram->mean - (k + (n - 1) / 200.0)) < 1e-4);
        assert_true(source->histogram->min == k);
        assert_true(fabs(source->histogram->max - (k + (n - 1) / 100.0)) < 1e-5);
        assert_int_equal(source->image != NULL, pleat_pool_resident(pool));
        assert_int_equal(source->label != NULL, pleat_pool_resident(pool) && k % 2);
        for (int v = 0; source->image != NULL && v < n; ++v)
            assert_true(source->image[v] == (float)k + (float)v / 100.0f);
        for (int v = 0; source->label != NULL && v < n; ++v)
            assert_int_equal(source->label[v], v % 3);
    }
}

/* Labels are v % 3 of odd cases: 1 and 2 for about a third of the voxels each. */
static void check_foreground(pleat_pool *pool) {
    OK(pleat_pool_list_foreground(pool));
    for (int k = 0; k < CASES; ++k) {
        const pleat_source *source = pleat_pool_source(pool, k);
        const pleat_foreground *f = source->foreground;
        assert_int_equal(f->classes, k % 2 ? 2 : 0);
        for (int c = 0; c < f->classes; ++c)
            for (int r = f->first[c]; r < f->first[c + 1]; ++r) {
                const int *dim = source->dim, *row = (const int *)f->row[r];
                assert_int_equal(row[0], c + 1);
                assert_int_equal(((row[1] * dim[1] + row[2]) * dim[2] + row[3]) % 3, c + 1);
            }
    }
}

static void cases_that_fit_are_in_memory_once(void **state) {
    fixture *f = *state;
    pleat_pool *pool = NULL;
    OK(pleat_pool_open(f->session->node, f->store, (size_t)1 << 30, &pool));
    assert_true(pleat_pool_resident(pool));
    check_pool(pool);
    check_foreground(pool);
    /* one copy: what the last rank writes, all see */
    OK(pleat_comm_barrier(f->session->node));
    float *voxel = (float *)pleat_pool_source(pool, 0)->image;
    if (f->session->rank == f->session->size - 1) *voxel = 42.0f;
    OK(pleat_comm_barrier(f->session->node));
    assert_true(*(volatile float *)voxel == 42.0f);
    OK(pleat_comm_barrier(f->session->node));
    pleat_pool_close(pool);
}

static void cases_that_do_not_fit_are_streamed(void **state) {
    fixture *f = *state;
    pleat_pool *pool = NULL;
    pleat_log_set_level(PLEAT_QUIET);
    OK(pleat_pool_open(f->session->node, f->store, 1000, &pool));
    assert_false(pleat_pool_resident(pool));
    check_pool(pool);
    check_foreground(pool);
    pleat_pool_close(pool);
}

static void an_unreadable_case_fails_on_all_ranks_alike(void **state) {
    fixture *f = *state;
    pleat_pool *pool = NULL;
    if (f->session->rank == 0)
        assert_int_equal(truncate(in_root(NULL, "cases/case_2.h5"), 3000), 0);
    OK(pleat_comm_barrier(f->session->world));
    const pleat_status status = pleat_pool_open(f->session->node, f->store, (size_t)1 << 30, &pool);
    assert_int_not_equal(status, PLEAT_OK);
    TOLD("case_2");
    assert_null(pool);
    assert_int_equal(pleat_comm_agree(f->session->world, status), status);
}

/* Writes a 1 over the first 0 of case_3's mask, or 99 over voxel 1 of case_4's image. */
static void damage(int k) {
    static const uint8_t mask[12] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}, one = 1;
    const float image[3] = {4.0f, 4.0f + 1 / 100.0f, 4.0f + 2 / 100.0f}, other = 99.0f;
    char path[PLEAT_PATH_BYTES], *bytes = NULL;
    size_t n = 0;
    OK(pleat_path(path, sizeof path, "%s/cases/case_%d.h5", root, k));
    OK(pleat_file_read_all(path, &bytes, &n));
    char *at = k == 3 ? memmem(bytes, n, mask, sizeof mask) : memmem(bytes, n, image, sizeof image);
    assert_non_null(at);
    if (k == 3) memcpy(at, &one, sizeof one);
    if (k == 4) memcpy(at + sizeof other, &other, sizeof other);
    OK(pleat_file_write_atomic(path, bytes, n));
    free(bytes);
}

static void voxels_that_are_not_those_written_fail_by_name_on_all_ranks(void **state) {
    fixture *f = *state;
    for (int k = 3; k <= 4; ++k) { /* with a mask, without */
        pleat_pool *pool = NULL;
        pleat_store *store = NULL;
        char path[300];
        if (f->session->rank == 0) damage(k);
        OK(pleat_comm_barrier(f->session->world));
        OK(pleat_store_open(root, NULL, &store));
        assert_int_equal(pleat_pool_open(f->session->node, store, (size_t)1 << 30, &pool),
                         PLEAT_ERR_FORMAT);
        (void)snprintf(path, sizeof path, "/cases/case_%d.h5'", k);
        TOLD(path);
        TOLD("remove it and start again");
        assert_null(pool);
        pleat_store_close(store);
        OK(pleat_comm_barrier(f->session->world));
        if (f->session->rank == 0) write_store(root); /* whole again */
    }
}

int main(int argc, char **argv) {
    fixture f = {0};
    pleat_status status = pleat_session_start(&argc, &argv, &f.session);
    if (status != PLEAT_OK) return pleat_status_exit_code(pleat_session_end(NULL, status));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(cases_that_fit_are_in_memory_once, set_up,
                                                 tear_down, &f),
        cmocka_unit_test_prestate_setup_teardown(cases_that_do_not_fit_are_streamed, set_up,
                                                 tear_down, &f),
        cmocka_unit_test_prestate_setup_teardown(an_unreadable_case_fails_on_all_ranks_alike,
                                                 set_up, tear_down, &f),
        cmocka_unit_test_prestate_setup_teardown(
            voxels_that_are_not_those_written_fail_by_name_on_all_ranks, set_up, tear_down, &f),
    };
    if (cmocka_run_group_tests(tests, NULL, NULL) != 0)
        status = PLEAT_FAIL(PLEAT_ERR_DATA, "tests failed");
    return pleat_status_exit_code(pleat_session_end(f.session, status));
}
