/* test_components.c - connected parts against a flood that goes from voxel to voxel. */
#include "pleat/components.h"
#include "pleat/rng.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 12 * 12 * 12 };

static const int *size; /* of the volume that is flooded, D, H, W */
static const uint8_t *labels, *others;
static uint8_t seen[MOST];

static void flood(int d, int h, int w, pleat_component *part) {
    if (d < 0 || d >= size[0] || h < 0 || h >= size[1] || w < 0 || w >= size[2]) return;
    const int i = (d * size[1] + h) * size[2] + w;
    if (seen[i] || labels[i] != 3) return;
    seen[i] = 1;
    part->voxels++;
    part->shared += others[i] == 3;
    for (int k = 0; k < 27; k++) flood(d + k / 9 - 1, h + k / 3 % 3 - 1, w + k % 3 - 1, part);
}

static void parts_are_those_of_a_flood(void **state) {
    (void)state;
    static uint8_t map[2][MOST];
    int found = 0;
    for (uint32_t number = 0; number < 200; number++) {
        const pleat_rng rng = pleat_rng_at(3, PLEAT_STREAM_PHANTOM, number, 0, 0);
        uint32_t draw = 0;
        int dim[3], n = 0, at = 0;
        for (int a = 0; a < 3; a++) dim[a] = 1 + (int)pleat_rng_below(&rng, draw++, 12);
        const double share = pleat_rng_range(&rng, draw++, 0.01, 0.4);
        for (int side = 0; side < 2; side++)
            for (size_t i = 0; i < pleat_voxels(dim); i++)
                map[side][i] = pleat_rng_uniform(&rng, draw++) < share ? 3 : 1;
        pleat_component *part = NULL;
        OK(pleat_components_find(map[0], map[1], dim, 3, &part, &n));
        size = dim;
        labels = map[0];
        others = map[1];
        memset(seen, 0, sizeof seen);
        for (int d = 0; d < dim[0]; d++)
            for (int h = 0; h < dim[1]; h++)
                for (int w = 0; w < dim[2]; w++) {
                    pleat_component want = {0, 0};
                    flood(d, h, w, &want);
                    if (want.voxels == 0) continue;
                    assert_true(at < n);
                    if (part[at].voxels != want.voxels || part[at].shared != want.shared)
                        fail_msg("volume %u, part %d: %lld voxels, %lld shared, not %lld, %lld",
                                 number, at, (long long)part[at].voxels, (long long)part[at].shared,
                                 (long long)want.voxels, (long long)want.shared);
                    at++;
                }
        assert_int_equal(at, n);
        found += n;
        free(part);
    }
    assert_true(found > 1000);
}

static void a_corner_joins_and_a_gap_parts(void **state) {
    (void)state;
    static const uint8_t corner[8] = {3, 0, 0, 0, 0, 0, 0, 3}, gap[6] = {3, 3, 0, 3, 0, 3};
    const int cube[3] = {2, 2, 2}, row[3] = {1, 1, 6};
    pleat_component *part = NULL;
    int n = 0;
    OK(pleat_components_find(corner, corner, cube, 3, &part, &n));
    assert_int_equal(n, 1);
    assert_int_equal(part[0].voxels, 2);
    free(part);
    OK(pleat_components_find(gap, corner, row, 3, &part, &n));
    assert_int_equal(n, 3);
    assert_int_equal(part[0].shared, 1);
    assert_int_equal(part[1].shared, 0);
    free(part);
    OK(pleat_components_find(gap, gap, row, 9, &part, &n));
    assert_true(n == 0 && part == NULL);
}

/* Of `label`, or of any but 0, the voxels that reach voxel i, marked in seen[]. */
static int reach(const uint8_t *map, int label, int d, int h, int w) {
    if (d < 0 || d >= size[0] || h < 0 || h >= size[1] || w < 0 || w >= size[2]) return 0;
    const int i = (d * size[1] + h) * size[2] + w;
    if (seen[i] || map[i] == 0 || (label > 0 && map[i] != label)) return 0;
    int n = 1;
    seen[i] = 1;
    for (int k = 0; k < 27; k++)
        n += reach(map, label, d + k / 9 - 1, h + k / 3 % 3 - 1, w + k % 3 - 1);
    return n;
}

static void only_the_largest_parts_stay(void **state) {
    (void)state;
    static uint8_t map[MOST], want[MOST];
    static int part_of[MOST];
    int equals = 0, removed = 0;
    for (uint32_t number = 0; number < 200; number++) {
        const pleat_rng rng = pleat_rng_at(4, PLEAT_STREAM_PHANTOM, number, 0, 0);
        uint32_t draw = 0;
        int dim[3], most = 0, largest = 0;
        for (int a = 0; a < 3; a++) dim[a] = 1 + (int)pleat_rng_below(&rng, draw++, 12);
        const double share = pleat_rng_range(&rng, draw++, 0.01, 0.3);
        const int label = (int)(number % 3); /* 0: all together */
        for (size_t i = 0; i < pleat_voxels(dim); i++)
            map[i] = pleat_rng_uniform(&rng, draw++) < share
                         ? (uint8_t)(1 + pleat_rng_below(&rng, draw++, 3))
                         : 0;
        size = dim;
        memset(part_of, 0, sizeof part_of);
        for (int i = 0; i < (int)pleat_voxels(dim); i++) {
            if (part_of[i] > 0) continue;
            memset(seen, 0, sizeof seen);
            const int n = reach(map, label, i / (dim[1] * dim[2]), i / dim[2] % dim[1], i % dim[2]);
            for (int k = 0; k < (int)pleat_voxels(dim); k++)
                if (seen[k]) part_of[k] = n; /* how large its part is */
            largest = n > most ? 1 : largest + (n == most && n > 0);
            most = n > most ? n : most;
        }
        for (size_t i = 0; i < pleat_voxels(dim); i++)
            want[i] = part_of[i] == 0 || part_of[i] == most ? map[i] : 0;
        removed += memcmp(want, map, pleat_voxels(dim)) != 0;
        equals += largest > 1;
        OK(pleat_components_keep_largest(map, dim, label));
        assert_memory_equal(map, want, pleat_voxels(dim));
    }
    assert_true(removed > 100 && equals > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_largest_parts_stay),
        cmocka_unit_test(parts_are_those_of_a_flood),
        cmocka_unit_test(a_corner_joins_and_a_gap_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
