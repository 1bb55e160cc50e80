/* test_results.c - results grow, are cut into parts, and travel as bytes. */
#include "pleat/results.h"
#include "support.h"
#include "support_results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"rest", "left", "right", "lesion"};
static const counted cases[] = {
    {"a", 1, {{9, 0, 0, 0}, {4, 1, 0, 4}, {0, 0, 3, 6}, {0, 0, 0, 9}}, "p/a", "r/a"},
    {"b", 0, {{1, 2, 3, 3}, {0, 2, 0, 7}, {5, 0, 0, 4}, {2, 0, 1, 6}}, "p/b", "r/b"},
};

static void a_value_says_whether_the_class_is_there(void **state) {
    (void)state;
    pleat_results r = counted_results(cases, 2, names, 4, 2);
    const pleat_scored left = pleat_results_at(&r, 0, 0, 1), right = pleat_results_at(&r, 0, 0, 2);
    const pleat_scored none = pleat_results_at(&r, 0, 0, 3), more = pleat_results_at(&r, 1, 0, 1);
    assert_true(left.x == 8.0 / 9.0 && left.presence == PLEAT_PRESENT);
    assert_true(right.x == 0.0 && right.presence == PLEAT_MISSED);
    assert_true(isnan(none.x) && none.presence == PLEAT_ABSENT);
    assert_true(more.x == 0.0 && more.presence == PLEAT_SPURIOUS);
    pleat_results_free(&r);
    assert_int_equal(r.n, 0);
}

static void a_part_shares_its_cases(void **state) {
    (void)state;
    pleat_results r = counted_results(cases, 2, names, 4, 2);
    const pleat_results part = pleat_results_part(&r, 1, 1);
    assert_int_equal(part.n, 1);
    assert_ptr_equal(part.cases, &r.cases[1]);
    assert_true(pleat_results_at(&part, 0, 0, 2).x == 1.0);
    pleat_results_free(&r);
}

/* Where two ranks' bytes follow one another, as they are gathered. */
static void cases_of_two_ranks_come_together_as_they_were(void **state) {
    (void)state;
    void *bytes[2] = {NULL, NULL};
    size_t n[2] = {0, 0};
    pleat_results both = counted_results(NULL, 0, names, 4, 2);
    for (int i = 0; i < 2; i++) {
        pleat_results one = counted_results(&cases[i], 1, names, 4, 2);
        OK(pleat_results_pack(&one, &bytes[i], &n[i]));
        pleat_results_free(&one);
    }
    char *all = malloc(n[0] + n[1]);
    assert_non_null(all);
    memcpy(all, bytes[0], n[0]);
    memcpy(all + n[0], bytes[1], n[1]);
    OK(pleat_results_unpack(all, n[0] + n[1], &both));
    assert_int_equal(both.n, 2);
    for (int i = 0; i < 2; i++) {
        const pleat_case_result *got = &both.cases[i];
        assert_string_equal(got->id, cases[i].id);
        assert_int_equal(got->fold, cases[i].fold);
        assert_string_equal(got->prediction, cases[i].prediction);
        assert_string_equal(got->reference, cases[i].reference);
        assert_memory_equal(got->counts, cases[i].counts, sizeof cases[i].counts);
    }
    assert_true(pleat_results_at(&both, 0, 0, 1).x == 8.0 / 9.0);
    assert_true(pleat_results_at(&both, 1, 0, 3).x == 4.0 / 5.0);
    REFUSED(pleat_results_unpack(all, n[0] + 1, &both), PLEAT_ERR_FORMAT, "no whole cases");
    free(all);
    free(bytes[0]);
    free(bytes[1]);
    pleat_results_free(&both);
}

static void no_cases_are_no_bytes(void **state) {
    (void)state;
    void *bytes = NULL;
    size_t n = 1;
    pleat_results none = counted_results(NULL, 0, names, 4, 2);
    OK(pleat_results_pack(&none, &bytes, &n));
    assert_int_equal(n, 0);
    OK(pleat_results_unpack(bytes, n, &none));
    assert_int_equal(none.n, 0);
    free(bytes);
    pleat_results_free(&none);
}

static void as_many_classes_as_labels_have_values_fit(void **state) {
    (void)state;
    char text[254][8];
    const char *many[254];
    pleat_classes classes;
    pleat_results r;
    pleat_case_result *one = NULL;
    for (int c = 0; c < 254; c++) {
        (void)snprintf(text[c], sizeof text[c], "c%d", c);
        many[c] = text[c];
    }
    OK(pleat_classes_make(many, 254, &classes));
    OK(pleat_results_begin(&classes, 1, pleat_scores_all(), &r));
    pleat_classes_free(&classes); /* the results have a copy */
    OK(pleat_results_add(&r, "a", 0, "p", "r", &one));
    assert_true(isnan(pleat_results_at(&r, 0, 5, 253).x)); /* not computed yet */
    one->counts[253] = (pleat_counts){1, 2, 3, 4};
    OK(pleat_scores_compute(r.scores, &r.how, NULL, 254, one->counts, one->values));
    assert_true(pleat_results_at(&r, 0, 0, 253).x == 2.0 / 7.0);
    assert_string_equal(r.classes.name[253], "c253");
    pleat_results_free(&r);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    char longer[600];
    pleat_case_result *one = NULL;
    pleat_results r = counted_results(NULL, 0, names, 4, 1);
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    REFUSED(pleat_results_add(&r, longer, 0, "", "", &one), PLEAT_ERR_ARG, "case's name 'xxx");
    REFUSED(pleat_results_add(&r, "a", 0, longer, "", &one), PLEAT_ERR_ARG, "511 characters");
    assert_int_equal(r.n, 0);
    pleat_results_free(&r);
    REFUSED(pleat_results_begin(&(pleat_classes){0}, 1, pleat_scores_all(), &r), PLEAT_ERR_ARG,
            "no classes");
}

static void judgements_of_one_case_have_one_place(void **state) {
    (void)state;
    static const char *const ids[] = {"d", "b", "c", "b", "d", "a", "c", "b"};
    enum { N = sizeof ids / sizeof *ids };
    const int places[N] = {0, 1, 2, 1, 0, 3, 2, 1};
    pleat_case_result *one = NULL;
    pleat_results r = counted_results(NULL, 0, names, 4, 4);
    int place[N], n = 0;
    for (int i = 0; i < N; i++) OK(pleat_results_add(&r, ids[i], 0, "", "", &one));
    r.repeats = 3;
    OK(pleat_results_places(&r, place, &n));
    assert_int_equal(n, 4);
    for (int i = 0; i < N; i++) assert_int_equal(place[i], places[i]);
    r.repeats = 1; /* each is a case, whatever its name */
    OK(pleat_results_places(&r, place, &n));
    assert_int_equal(n, N);
    for (int i = 0; i < N; i++) assert_int_equal(place[i], i);
    pleat_results_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_says_whether_the_class_is_there),
        cmocka_unit_test(a_part_shares_its_cases),
        cmocka_unit_test(cases_of_two_ranks_come_together_as_they_were),
        cmocka_unit_test(judgements_of_one_case_have_one_place),
        cmocka_unit_test(no_cases_are_no_bytes),
        cmocka_unit_test(as_many_classes_as_labels_have_values_fit),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
