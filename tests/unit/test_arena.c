/* test_arena.c - values placed in one block: never on top of each other, hardly ever wasteful. */
#include "../../src/net/arena.h"
#include "pleat/rng.h"

#include <limits.h>
#include <string.h>

#include "support.h"

enum { MOST = 200 };

static size_t rounded(size_t bytes) { return (bytes + 255) / 256 * 256; }

static int lives_at(const pleat_value *value, int step) {
    return value->first <= step && step <= value->last;
}

/* At every step, every byte belongs to one living value at most. */
static void assert_nothing_overlaps(const pleat_value *v, int n, size_t total) {
    for (int i = 0; i < n; i++) {
        if (v[i].first > v[i].last) continue;
        assert_int_equal(v[i].offset % 256, 0);
        assert_true(v[i].offset + v[i].bytes <= total);
        for (int j = 0; j < i; j++) {
            int together = 0;
            for (int step = v[i].first; step <= v[i].last; step++)
                together = together || lives_at(&v[j], step);
            const int apart =
                v[i].offset + v[i].bytes <= v[j].offset || v[j].offset + v[j].bytes <= v[i].offset;
            if (together && !apart) fail_msg("values %d and %d share bytes", j, i);
        }
    }
}

/* The most bytes that live at one step: no plan can need less. */
static size_t lower_bound(const pleat_value *v, int n, int steps) {
    size_t most = 0;
    for (int step = 0; step < steps; step++) {
        size_t live = 0;
        for (int i = 0; i < n; i++)
            if (lives_at(&v[i], step)) live += rounded(v[i].bytes);
        if (live > most) most = live;
    }
    return most;
}

static void a_value_takes_the_bytes_of_one_that_is_no_longer_needed(void **state) {
    (void)state;
    /* The picture in arena.h; b is the largest and lies lowest, c takes the place of a. */
    pleat_value v[3] = {{.bytes = 1024, .first = 0, .last = 2},
                        {.bytes = 2048, .first = 1, .last = 4},
                        {.bytes = 1000, .first = 3, .last = 5}};
    size_t total = 0;
    OK(pleat_arena_plan(v, 3, &total));
    assert_int_equal(v[1].offset, 0);
    assert_int_equal(v[0].offset, 2048);
    assert_int_equal(v[2].offset, 2048);
    assert_int_equal(total, 3072);
}

static void a_gap_between_two_values_is_used(void **state) {
    (void)state;
    /* 4K lives always at 0; 3K and 2K stack above it at different times; the 1K that lives with the
     * 2K and after the 3K lies on the 2K, not on the top that the 3K left. */
    pleat_value v[4] = {{.bytes = 4096, .first = 0, .last = 9},
                        {.bytes = 3072, .first = 0, .last = 3},
                        {.bytes = 2048, .first = 4, .last = 9},
                        {.bytes = 1024, .first = 5, .last = 6}};
    size_t total = 0;
    OK(pleat_arena_plan(v, 4, &total));
    assert_int_equal(v[1].offset, 4096);
    assert_int_equal(v[2].offset, 4096);
    assert_int_equal(v[3].offset, 6144);
    assert_int_equal(total, 7168);
}

static void touching_extends_a_life_both_ways(void **state) {
    (void)state;
    pleat_value v = {.first = INT_MAX, .last = -1};
    pleat_value_touch(&v, 5);
    assert_true(v.first == 5 && v.last == 5);
    pleat_value_touch(&v, 9);
    pleat_value_touch(&v, 2);
    pleat_value_touch(&v, 4);
    assert_true(v.first == 2 && v.last == 9);
}

static void what_is_never_needed_or_empty_takes_no_bytes(void **state) {
    (void)state;
    pleat_value v[2] = {{.bytes = 4096, .first = INT_MAX, .last = -1},
                        {.bytes = 0, .first = 0, .last = 5}};
    size_t total = 1;
    OK(pleat_arena_plan(v, 2, &total));
    assert_int_equal(total, 0);
    OK(pleat_arena_plan(v, 0, &total));
    assert_int_equal(total, 0);
}

static void random_values_never_share_bytes_while_both_live(void **state) {
    (void)state;
    static pleat_value v[MOST], again[MOST];
    for (uint32_t round = 0; round < 200; round++) {
        const pleat_rng rng = pleat_rng_at(round, PLEAT_STREAM_PHANTOM, 0, 0, 0);
        const int n = 1 + (int)pleat_rng_below(&rng, 0, MOST);
        for (int i = 0; i < n; i++) {
            const uint32_t draw = 1 + 3 * (uint32_t)i;
            const int first = (int)pleat_rng_below(&rng, draw, 60);
            v[i] = (pleat_value){.bytes = pleat_rng_below(&rng, draw + 1, 5000),
                                 .first = first,
                                 .last = first + (int)pleat_rng_below(&rng, draw + 2, 40)};
        }
        memcpy(again, v, sizeof v);
        size_t total = 0, same = 0;
        OK(pleat_arena_plan(v, n, &total));
        assert_nothing_overlaps(v, n, total);
        const size_t bound = lower_bound(v, n, 100);
        if (total > bound + bound / 2) fail_msg("%zu bytes planned, %zu needed", total, bound);
        OK(pleat_arena_plan(again, n, &same));
        assert_int_equal(same, total);
        for (int i = 0; i < n; i++) assert_int_equal(again[i].offset, v[i].offset);
    }
}

/* The lives of a U-Net's outputs: level k is needed again on the way up. */
static void nested_lives_as_a_unets_take_the_lower_bound(void **state) {
    (void)state;
    enum { LEVELS = 5 };
    pleat_value v[2 * LEVELS];
    for (int k = 0; k < LEVELS; k++) {
        const size_t bytes = (size_t)1 << (20 - 2 * k);
        v[k] = (pleat_value){.bytes = bytes, .first = k, .last = 2 * LEVELS - k};
        v[LEVELS + k] =
            (pleat_value){.bytes = 2 * bytes, .first = 2 * LEVELS - k, .last = 2 * LEVELS - k + 1};
    }
    size_t total = 0;
    OK(pleat_arena_plan(v, 2 * LEVELS, &total));
    assert_nothing_overlaps(v, 2 * LEVELS, total);
    assert_int_equal(total, lower_bound(v, 2 * LEVELS, 4 * LEVELS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_takes_the_bytes_of_one_that_is_no_longer_needed),
        cmocka_unit_test(a_gap_between_two_values_is_used),
        cmocka_unit_test(touching_extends_a_life_both_ways),
        cmocka_unit_test(what_is_never_needed_or_empty_takes_no_bytes),
        cmocka_unit_test(random_values_never_share_bytes_while_both_live),
        cmocka_unit_test(nested_lives_as_a_unets_take_the_lower_bound),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
