/* test_check_others.c - a check compares a case with the others: what is there twice, and whose
 * image, mask or labels are unlike those of all others. */
#include "pleat/check.h"

#include "check_data.h"

#include <unistd.h>

/* ---- what is there twice --------------------------------------------------------------------- */

/* Two raters of case_2 and a copy of it: the raters are of one group or not. Fold 1 holds out
 * case_0 alone, or the second rater too. */
static void write_raters(const char *group, int fold) {
    static char text[1024];
    write_data(NULL);
    make(BAD);
    one.y[at(5, 5, 5)] = 2;
    write_case("rater_b");
    size_t used = (size_t)snprintf(text, sizeof text, "case,image,label,group,fold\n");
    for (int number = 0; number <= CASES; number++) {
        char id[16] = "rater_b";
        if (number < CASES) (void)snprintf(id, sizeof id, "case_%d", number);
        used += (size_t)snprintf(
            text + used, sizeof text - used, "%s,%s/" IMAGE ",%s/" MASK ",%s,%d\n", id, id, id,
            number == BAD || number == CASES ? group : "", number == CASES ? fold : number == 0);
    }
    save(in_root(NULL, "data/cases.csv"), 0, text, used);
    (void)in_root(data, "data/cases.csv");
}

static void two_raters_of_a_group_are_no_twins(void **state) {
    (void)state;
    pleat_check_report report;
    write_raters("patient_2", 0);
    look(NULL, &(pleat_check_how){0}, &report);
    print_all("one group", &report);
    assert_int_equal(report.n, 1);
    assert_int_equal(count_kind(&report, "rated twice"), 1);
    assert_int_equal(report.of[PLEAT_NOTE], 1);
    pleat_check_free(&report);
    write_raters("", 0);
    look(NULL, &(pleat_check_how){0}, &report);
    assert_int_equal(report.n, 1);
    assert_int_equal(count_kind(&report, "twins"), 1);
    pleat_check_free(&report);
    write_raters("patient_2", 1);
    look(NULL, &(pleat_check_how){0}, &report);
    assert_int_equal(report.of[PLEAT_ERROR], 1);
    assert_non_null(strstr(report.finding[report.n - 1].text, "group 'patient_2' is in two folds"));
    pleat_check_free(&report);
}

static void a_table_has_as_many_folds_as_the_configuration(void **state) {
    (void)state;
    const pleat_check_how how = {.headers = 1, .given = 1, .threads = 1};
    for (int k = 2; k <= 3; k++) {
        pleat_check_report report;
        char set[16];
        (void)snprintf(set, sizeof set, "folds.k=%d", k);
        write_raters("", 0);
        look(set, &how, &report);
        int found = 0;
        for (int i = 0; i < report.n; i++)
            found |= strstr(report.finding[i].text, "has 2 folds, and folds.k is 3; set "
                                                    "folds.k=2, or correct the column") != NULL;
        if (found != (k == 3)) print_all(set, &report);
        assert_int_equal(found, k == 3);
        pleat_check_free(&report);
    }
}

/* Fewer slices and rows of case_2, which is a copy that no size and no digest shows. */
static void a_part_of_another_image_is_found(void **state) {
    (void)state;
    pleat_check_report report;
    int n = 0;
    write_data(NULL);
    make(BAD);
    for (int z = 2; z < Z - 1; z++)
        for (int i = z * X * Y + 3 * X; i < (z + 1) * X * Y; i++, n++) {
            one.x[n] = one.x[i];
            one.y[n] = one.y[i];
        }
    one.image.dim[2] = one.mask.dim[2] = Y - 3;
    one.image.dim[3] = one.mask.dim[3] = Z - 3;
    write_case("other");
    look(NULL, &(pleat_check_how){0}, &report);
    print_all("a part", &report);
    assert_int_equal(report.n, 1);
    assert_int_equal(count_kind(&report, "part"), 1);
    assert_string_equal(report.finding[0].id, "other");
    assert_non_null(strstr(report.finding[0].text, "voxels of case 'case_2'"));
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

/* ---- who is unlike all others ---------------------------------------------------------------- */

enum { BODIES = 8 };

/* Two organs in a body, which lie and shine a little otherwise in each case. */
static void make_body(int number) {
    const int high = number % 3;
    const double wide = number < 3 ? 6.5 : number < 6 ? 7 : 7.5;
    make(number);
    for (int z = 0; z < Z; z++)
        for (int y = 0; y < Y; y++)
            for (int x = 0; x < X; x++) {
                const size_t i = at(x, y, z);
                const double r = hypot(hypot((x - 7.5) / wide, (y - 6.5) / 6), (z - 5.5) / 7);
                const int a = x >= 3 && x < 7 && y >= 2 + high && y < 7 + high && z >= 2 && z < 7;
                const int b = x >= 9 && x < 13 && y >= 5 && y < 10 && z >= 5 && z < 9 + high;
                const int tissue = a ? -700 - 10 * number : b ? 400 + 9 * number : 40;
                one.x[i] = (r < 1 ? tissue : -1000) + (int)(noise((int)i + number * VOXELS) % 90);
                one.y[i] = r >= 1 ? 0 : a ? 1 : b ? 2 : 0;
            }
    one.y[at(8, 6, 1 + number)] = 1; /* masks differ */
}
static void swap(double *a, double *b) {
    const double keep = *a;
    *a = *b;
    *b = keep;
}
static void make_half_black(void) {
    for (int i = VOXELS / 2; i < VOXELS; i++) one.x[i] = -1000;
}
static void shuffle(void) {
    static const int order[Z] = {5, 0, 9, 2, 11, 4, 7, 1, 10, 3, 8, 6};
    double x[VOXELS], y[VOXELS];
    for (int i = 0; i < VOXELS; i++) {
        x[i] = one.x[order[i / (X * Y)] * X * Y + i % (X * Y)];
        y[i] = one.y[order[i / (X * Y)] * X * Y + i % (X * Y)];
    }
    memcpy(one.x, x, sizeof x);
    memcpy(one.y, y, sizeof y);
}
static void take_anothers_mask(void) { /* of a patient who lay otherwise */
    double y[VOXELS] = {0};
    for (int i = 0; i < VOXELS; i++)
        if (i % X >= 2 && i / X % Y >= 3) y[i] = one.y[i - 2 - 3 * X];
    memcpy(one.y, y, sizeof y);
}
static void mirror_mask(void) {
    for (int z = 0; z < Z; z++)
        for (int y = 0; y < Y; y++)
            for (int x = 0; x < X / 2; x++) swap(&one.y[at(x, y, z)], &one.y[at(X - 1 - x, y, z)]);
}
static void exchange_labels(void) {
    for (int i = 0; i < VOXELS; i++) one.y[i] = one.y[i] > 0 ? 3 - one.y[i] : 0;
}
static void fill_mask(void) {
    for (int i = 0; i < VOXELS; i++) one.y[i] = one.y[i] > 0 ? one.y[i] : 1;
}
static void make_noise(void) {
    for (int i = 0; i < VOXELS; i++) one.x[i] = -1000 + (int)(noise(i) % 1500);
}

static const struct {
    const char *name;
    void (*change)(void); /* of case_2 */
    const char *kind;     /* what is found, and nothing else; NULL: nothing */
    const char *text;
} unlike[] = {
    {"all alike", NULL, NULL, ""},
    {"half black", make_half_black, "blank", "slices 6 to 11 of 12 along z"},
    {"shuffled", shuffle, "shuffled", "neighbours along z"},
    {"noise", make_noise, "unlike", "it is noise"},
    {"another's mask", take_anothers_mask, "mask misfit", "deviations more"},
    {"a mirrored mask", mirror_mask, "mask mirrored", "mirrored along x"},
    {"labels exchanged", exchange_labels, "relabelled",
     "'a' has the place, volume and values that"},
    {"no background", fill_mask, "no background", "7 of 8 cases"},
};

static void what_is_unlike_all_others_is_found_and_nothing_else(void **state) {
    (void)state;
    int missed = 0;
    for (size_t k = 0; k < COUNT(unlike); k++) {
        pleat_check_report report;
        int found = 0;
        write_data(NULL);
        for (int number = 0; number < BODIES; number++) {
            char id[16];
            make_body(number);
            if (number == BAD && unlike[k].change != NULL) unlike[k].change();
            (void)snprintf(id, sizeof id, "case_%d", number);
            write_case(id);
        }
        look(NULL, &(pleat_check_how){0}, &report);
        for (int i = 0; i < report.n && unlike[k].kind != NULL; i++)
            found |= strcmp(pleat_check_kinds[report.finding[i].kind].name, unlike[k].kind) == 0 &&
                     strcmp(report.finding[i].id, "case_2") == 0 &&
                     strstr(report.finding[i].text, unlike[k].text) != NULL;
        const int of_kind = unlike[k].kind != NULL ? count_kind(&report, unlike[k].kind) : 0;
        if (found != (unlike[k].kind != NULL) || report.n != of_kind) {
            print_error("%s: not found, or not alone; of %d:\n", unlike[k].name, report.n);
            print_all(unlike[k].name, &report);
            missed++;
        }
        pleat_check_free(&report);
    }
    assert_int_equal(missed, 0);
}

/* ---- whose padding is unlike that of the others ---------------------------------------------- */

enum { SIDE = 8, PADDED = 6 };

/* Noise with an organ that lies towards the front, of SIDE voxels along each axis; in odd cases
 * with zeros to X, Y, Z, behind or before it. `mirrored`: this case, front to back. */
static void pad(int number, int mirrored) {
    const int odd = number % 2, from = number % 4 == 1;
    const int dim[3] = {odd ? X : SIDE, odd ? Y : SIDE, odd ? Z : SIDE};
    one = (made){.image = grid(16, 32), .mask = grid(2, 8)};
    for (int a = 0; a < 3; a++) one.image.dim[a + 1] = one.mask.dim[a + 1] = dim[a];
    for (int i = 0; i < SIDE * SIDE * SIDE; i++) {
        const int x = i % SIDE, y = i / SIDE % SIDE, z = i / SIDE / SIDE;
        const int ahead = number == mirrored ? SIDE - 1 - y : y, off = from ? dim[1] - SIDE : 0;
        const size_t to = ((size_t)z * dim[1] + (size_t)(y + off)) * dim[0] + (size_t)x;
        one.x[to] = -1000.0 + noise(i + number * VOXELS) % 900;
        one.y[to] = x > 1 && x < 6 && z > 1 && z < 6 && ahead > 0 && ahead < 3;
    }
    one.y[(size_t)number % 3] = 1; /* masks differ */
}

static int padded_flips(int mirrored, const char *id) {
    pleat_check_report report;
    int others = 0;
    write_data(NULL);
    for (int number = 0; number < PADDED; number++) {
        char name[16];
        pad(number, mirrored);
        (void)snprintf(name, sizeof name, "case_%d", number);
        write_case(name);
    }
    look("classes=background,a", &(pleat_check_how){0}, &report);
    for (int i = 0; i < report.n; i++)
        others += strcmp(pleat_check_kinds[report.finding[i].kind].name, "flipped") != 0 ||
                  strcmp(report.finding[i].id, id) != 0;
    const int found = count_kind(&report, "flipped");
    if (others > 0) print_all("padded", &report);
    assert_int_equal(others, 0);
    pleat_check_free(&report);
    return found;
}

static void padding_is_no_mirror_and_hides_none(void **state) {
    (void)state;
    assert_int_equal(padded_flips(-1, ""), 0);
    assert_int_equal(padded_flips(2, "case_2"), 1);
    assert_int_equal(padded_flips(3, "case_3"), 1);
}

/* ---- what lies on either side by chance ------------------------------------------------------*/

enum { SLICES = 8 }; /* cases */

/* A lesion of 9 x 11 voxels in noise, this far off the middle. */
static void put_lesion(int number, int slices) {
    static const int off[SLICES] = {-6, 5, 2, -4, 6, -3, 4, -2};
    const int dim[3] = {14, 24, slices};
    one = (made){.image = grid(16, 32), .mask = grid(2, 8)};
    for (int a = 0; a < 3; a++) one.image.dim[a + 1] = one.mask.dim[a + 1] = dim[a];
    for (int i = 0; i < 14 * 24 * slices; i++) {
        const double x = (i % 14 - 6.5) / 4.5, y = (i / 14 % 24 - 11.5 - off[number]) / 5.5;
        one.y[i] = x * x + y * y < 1.0;
        one.x[i] = 80.0 + 90.0 * one.y[i] + noise(i + number * VOXELS) % 30;
    }
}

static void lesions_that_lie_on_either_side_by_chance_are_no_mirror(void **state) {
    (void)state;
    for (int slices = 1; slices <= 8; slices += 7) {
        pleat_check_report report;
        write_data(NULL);
        for (int number = 0; number < SLICES; number++) {
            char name[16];
            put_lesion(number, slices);
            (void)snprintf(name, sizeof name, "case_%d", number);
            write_case(name);
        }
        look("classes=background,a", &(pleat_check_how){0}, &report);
        if (count_kind(&report, "flipped") > 0) print_all("lesions", &report);
        assert_int_equal(count_kind(&report, "flipped"), 0);
        pleat_check_free(&report);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lesions_that_lie_on_either_side_by_chance_are_no_mirror),
        cmocka_unit_test(two_raters_of_a_group_are_no_twins),
        cmocka_unit_test(a_table_has_as_many_folds_as_the_configuration),
        cmocka_unit_test(grey_levels_are_a_warning_of_a_configuration_without_grayscale),
        cmocka_unit_test(a_part_of_another_image_is_found),
        cmocka_unit_test(what_is_unlike_all_others_is_found_and_nothing_else),
        cmocka_unit_test(padding_is_no_mirror_and_hides_none),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
