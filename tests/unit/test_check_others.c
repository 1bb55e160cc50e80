/* test_check_others.c - a check compares a case with the others: what is there twice, and whose
 * image, mask or labels are unlike those of all others. */
#include "pleat/check.h"

#include "check_data.h"

#include <unistd.h>

/* ---- what is there twice --------------------------------------------------------------------- */

/* Two raters of case_2 and a copy of it: the raters are of one group or not. */
static void write_raters(const char *group) {
    static char text[1024];
    write_data(NULL);
    make(BAD);
    one.y[at(5, 5, 5)] = 2;
    write_case("rater_b");
    size_t used = (size_t)snprintf(text, sizeof text, "case,image,label,group\n");
    for (int number = 0; number <= CASES; number++) {
        char id[16] = "rater_b";
        if (number < CASES) (void)snprintf(id, sizeof id, "case_%d", number);
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s,%s/" IMAGE ",%s/" MASK ",%s\n",
                             id, id, id, number == BAD || number == CASES ? group : "");
    }
    save(in_root(NULL, "data/cases.csv"), 0, text, used);
    (void)in_root(data, "data/cases.csv");
}

static void two_raters_of_a_group_are_no_twins(void **state) {
    (void)state;
    pleat_check_report report;
    write_raters("patient_2");
    look(NULL, &(pleat_check_how){0}, &report);
    print_all("one group", &report);
    assert_int_equal(report.n, 1);
    assert_int_equal(count_kind(&report, "rated twice"), 1);
    assert_int_equal(report.of[PLEAT_NOTE], 1);
    pleat_check_free(&report);
    write_raters("");
    look(NULL, &(pleat_check_how){0}, &report);
    assert_int_equal(report.n, 1);
    assert_int_equal(count_kind(&report, "twins"), 1);
    pleat_check_free(&report);
}

/* ---- values of another kind ------------------------------------------------------------------ */

static void grey_levels(int number) {
    for (int i = 0; number == BAD && i < VOXELS; i++)
        one.x[i] = floor((one.x[i] + 1000) / 1200 * 255);
}

/* The key that makes them alike silences it; without a configuration it is a note. */
static void grey_levels_are_a_warning_of_a_configuration_without_grayscale(void **state) {
    (void)state;
    static const struct {
        const char *set, *kind;
        int given;
    } rows[] = {{"preprocess.grayscale=false", "intensities", 0},
                {"preprocess.grayscale=false", "intensity", 1},
                {"preprocess.grayscale=true", NULL, 0},
                {"preprocess.grayscale=true", NULL, 1}};
    write_data(grey_levels);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const pleat_check_how how = {.given = rows[i].given, .begun = 1, .threads = 1};
        pleat_check_report report;
        look(rows[i].set, &how, &report);
        const int all = count_kind(&report, "intensities") + count_kind(&report, "intensity");
        assert_int_equal(all, rows[i].kind != NULL);
        if (rows[i].kind != NULL) assert_int_equal(count_kind(&report, rows[i].kind), 1);
        pleat_check_free(&report);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_raters_of_a_group_are_no_twins),
        cmocka_unit_test(grey_levels_are_a_warning_of_a_configuration_without_grayscale),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
