/* test_folds.c - every case is validated once, patients stay together, the file is nnU-Net's. */
#include "pleat/file.h"
#include "pleat/folds.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const covid[20] = {
    "coronacases_001",        "coronacases_002",        "coronacases_003",
    "coronacases_004",        "coronacases_005",        "coronacases_006",
    "coronacases_007",        "coronacases_008",        "coronacases_009",
    "coronacases_010",        "radiopaedia_4_85506_1",  "radiopaedia_7_85703_0",
    "radiopaedia_10_85902_1", "radiopaedia_10_85902_3", "radiopaedia_14_85914_0",
    "radiopaedia_27_86410_0", "radiopaedia_29_86490_1", "radiopaedia_29_86491_1",
    "radiopaedia_36_86526_0", "radiopaedia_40_86625_0"};

static const char patient[] = "^(coronacases_[0-9]+|radiopaedia_[0-9]+)";

static const char *splits_path(void) {
    static char path[PLEAT_PATH_BYTES];
    OK(pleat_path(path, sizeof path, "%s/splits_final.json", root));
    return path;
}

static pleat_status cut(const char *const *ids, int n, int k, uint64_t seed, const char *group_by,
                        pleat_folds *out) {
    const pleat_folds_how how = {.k = k, .seed = seed, .group_by = group_by};
    return pleat_folds_make(ids, n, &how, out);
}

static void sizes_of(const pleat_folds *folds, int *sizes) {
    memset(sizes, 0, (size_t)folds->k * sizeof *sizes);
    for (int i = 0; i < folds->n; i++) {
        assert_in_range(folds->fold_of[i], 0, folds->k - 1);
        sizes[folds->fold_of[i]]++;
    }
}

static void test_sizes_differ_by_at_most_one_and_the_first_folds_are_larger(void **state) {
    (void)state;
    for (int n = 2; n <= 20; n++) {
        for (int k = 2; k <= n; k++) {
            pleat_folds folds;
            int sizes[20];
            OK(cut(covid, n, k, 7, NULL, &folds));
            assert_int_equal(folds.k, k);
            sizes_of(&folds, sizes);
            for (int f = 0; f < k; f++) assert_int_equal(sizes[f], n / k + (f < n % k));
            pleat_folds_free(&folds);
        }
    }
}

static void test_the_seed_decides_and_the_order_of_the_ids_does_not(void **state) {
    (void)state;
    const char *reversed[20];
    for (int i = 0; i < 20; i++) reversed[i] = covid[19 - i];
    pleat_folds one, again, other;
    OK(cut(covid, 20, 5, 1, NULL, &one));
    OK(cut(reversed, 20, 5, 1, NULL, &again));
    OK(cut(covid, 20, 5, 2, NULL, &other));
    int same = 0;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(one.fold_of[i], again.fold_of[19 - i]);
        same += one.fold_of[i] == other.fold_of[i];
    }
    assert_in_range(same, 0, 15);
    pleat_folds_free(&one);
    pleat_folds_free(&again);
    pleat_folds_free(&other);
}

static void test_a_patient_is_never_split_and_folds_stay_balanced(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        pleat_folds folds;
        int sizes[5];
        OK(cut(covid, 20, 5, seed, patient, &folds));
        assert_int_equal(folds.fold_of[12], folds.fold_of[13]); /* radiopaedia_10 */
        assert_int_equal(folds.fold_of[16], folds.fold_of[17]); /* radiopaedia_29 */
        sizes_of(&folds, sizes);
        for (int f = 0; f < 5; f++) assert_int_equal(sizes[f], 4); /* 2 + 2 + 16 x 1 can */
        OK(pleat_folds_check(covid, &folds, patient));
        pleat_folds_free(&folds);
    }
}

static void test_check_names_the_shared_patient_both_cases_and_folds(void **state) {
    (void)state;
    int fold_of[20] = {0};
    fold_of[13] = 3;
    const pleat_folds folds = {5, 20, fold_of, 1};
    OK(pleat_folds_check(covid, &folds, NULL));
    assert_int_equal(pleat_folds_check(covid, &folds, patient), PLEAT_ERR_DATA);
    TOLD("'radiopaedia_10'");
    TOLD("'radiopaedia_10_85902_1' in fold 0");
    TOLD("'radiopaedia_10_85902_3' in fold 3");
}

static void test_each_repeat_cuts_all_cases_anew(void **state) {
    (void)state;
    const pleat_folds_how how = {.k = 4, .seed = 7, .group_by = patient, .repeats = 3};
    pleat_folds folds, first, back;
    char digest[2][17];
    int moved = 0;
    OK(pleat_folds_make(covid, 20, &how, &folds));
    OK(cut(covid, 20, 4, 7, patient, &first));
    assert_int_equal(folds.k, 12);
    assert_int_equal(folds.repeats, 3);
    assert_memory_equal(folds.fold_of, first.fold_of, 20 * sizeof(int)); /* as without repeats */
    for (int i = 0; i < 20; i++) {
        int held_out[3] = {0};
        for (int fold = 0; fold < 12; fold++)
            held_out[pleat_folds_repeat(&folds, fold)] += pleat_folds_holds_out(&folds, fold, i);
        for (int r = 0; r < 3; r++) assert_int_equal(held_out[r], 1);
        moved += folds.fold_of[20 + i] - 4 != folds.fold_of[i];
    }
    assert_true(moved > 5);
    OK(pleat_folds_check(covid, &folds, patient)); /* no patient is cut in any of them */
    OK(pleat_folds_write(splits_path(), covid, &folds));
    OK(pleat_folds_read(splits_path(), covid, 20, &back));
    assert_int_equal(back.repeats, 3);
    assert_memory_equal(back.fold_of, folds.fold_of, 3 * 20 * sizeof(int));
    OK(pleat_folds_digest(covid, &folds, digest[0]));
    OK(pleat_folds_digest(covid, &first, digest[1]));
    assert_string_not_equal(digest[0], digest[1]);
    pleat_folds_free(&folds);
    pleat_folds_free(&first);
    pleat_folds_free(&back);
    const pleat_folds_how many = {.k = 4, .repeats = 251};
    const pleat_folds_how nnunet = {.k = 4, .repeats = 2, .like = PLEAT_FOLDS_NNUNET};
    REFUSED(pleat_folds_make(covid, 20, &many, &folds), PLEAT_ERR_ARG, "4 folds, 251 times");
    REFUSED(pleat_folds_make(covid, 20, &nnunet, &folds), PLEAT_ERR_ARG, "cannot be repeated");
}

/* Two repeats of two folds in which case b is held out twice in the first. */
static void test_a_repeat_that_leaves_a_case_out_is_refused(void **state) {
    (void)state;
    const char *const ids[] = {"a", "b"};
    static const char text[] = "[{\"train\": [\"a\"], \"val\": [\"b\"]},"
                               " {\"train\": [\"a\"], \"val\": [\"b\"]},"
                               " {\"train\": [\"a\"], \"val\": [\"b\"]},"
                               " {\"train\": [\"b\"], \"val\": [\"a\"]}]";
    pleat_folds folds;
    OK(pleat_file_write_atomic(splits_path(), text, strlen(text)));
    REFUSED(pleat_folds_read(splits_path(), ids, 2, &folds), PLEAT_ERR_FORMAT,
            "case 'b' is in 'val' of fold 0 and of fold 1");
}

static void test_what_cannot_be_cut_is_refused_by_name(void **state) {
    (void)state;
    const char *const twice[3] = {"a", "b", "a"};
    pleat_folds folds;
    assert_int_equal(cut(covid, 20, 1, 0, NULL, &folds), PLEAT_ERR_ARG);
    TOLD("1 fold is no cross-validation");
    assert_int_equal(cut(covid, 3, 4, 0, NULL, &folds), PLEAT_ERR_ARG);
    TOLD("3 cases");
    REFUSED(cut(covid, 1, 2, 0, NULL, &folds), PLEAT_ERR_ARG, "at least 2 cases");
    assert_int_equal(cut(covid, 20, 3, 0, "^[a-z]+", &folds), PLEAT_ERR_ARG);
    TOLD("2 groups");
    assert_int_equal(cut(covid, 20, 2, 0, "^(corona", &folds), PLEAT_ERR_ARG);
    TOLD("'^(corona'");
    assert_int_equal(cut(covid, 20, 2, 0, "^corona", &folds), PLEAT_ERR_DATA);
    TOLD("does not match case 'radiopaedia_");
    static const char *const costly[] = {"((a{200}){200}){200}", "(x{1,255}){255}", "a{32767}"};
    for (size_t i = 0; i < COUNT(costly); i++)
        REFUSED(cut(covid, 20, 2, 0, costly[i], &folds), PLEAT_ERR_ARG, "repeats too much");
    REFUSED(cut(covid, 20, 2, 0, "(a*)*\\1", &folds), PLEAT_ERR_ARG, "back reference");
    OK(cut(covid, 20, 2, 0, "([a-z]+_[0-9]{1,3}|\\{{0,2})", &folds));
    pleat_folds_free(&folds);
    assert_int_equal(cut(twice, 3, 2, 0, NULL, &folds), PLEAT_ERR_DATA);
    TOLD("case 'a' is there twice");
}

static void test_a_written_file_reads_back_equal_in_any_order_of_ids(void **state) {
    (void)state;
    const char *reversed[20];
    for (int i = 0; i < 20; i++) reversed[i] = covid[19 - i];
    pleat_folds made, read;
    OK(cut(covid, 20, 5, 3, patient, &made));
    OK(pleat_folds_write(splits_path(), covid, &made));
    OK(pleat_folds_read(splits_path(), reversed, 20, &read));
    assert_int_equal(read.k, 5);
    assert_int_equal(read.n, 20);
    for (int i = 0; i < 20; i++) assert_int_equal(made.fold_of[i], read.fold_of[19 - i]);
    pleat_folds_free(&made);
    pleat_folds_free(&read);
}

static void test_the_file_has_the_keys_of_nnunet(void **state) {
    (void)state;
    static const char *const ids[3] = {"c", "a", "b"};
    const pleat_folds folds = {2, 3, (int[]){0, 1, 0}, 1};
    char *text = NULL, dense[256];
    size_t used = 0;
    OK(pleat_folds_write(splits_path(), ids, &folds));
    OK(pleat_file_read_all(splits_path(), &text, NULL));
    for (const char *c = text; *c != '\0' && used < sizeof dense - 1; c++)
        if (strchr(" \n", *c) == NULL) dense[used++] = *c;
    dense[used] = '\0';
    free(text);
    assert_string_equal(dense, "[{\"train\":[\"a\"],\"val\":[\"b\",\"c\"]},"
                               "{\"train\":[\"b\",\"c\"],\"val\":[\"a\"]}]");
}

static void test_the_digest_is_of_who_holds_out_what(void **state) {
    (void)state;
    static const char *const ids[3] = {"c", "a", "b"}, *const sorted[3] = {"a", "b", "c"};
    const pleat_folds folds = {2, 3, (int[]){0, 1, 0}, 1}, same = {2, 3, (int[]){1, 0, 0}, 1};
    char one[17], other[17];
    OK(pleat_folds_digest(ids, &folds, one));
    OK(pleat_folds_digest(sorted, &same, other));
    assert_string_equal(one, other);
    OK(pleat_folds_digest(sorted, &folds, other));
    assert_string_not_equal(one, other);
}

static void test_the_held_out_cases_of_a_fold_are_compared_with_the_file(void **state) {
    (void)state;
    static const char *const ids[3] = {"c", "a", "b"}, *const of_0[2] = {"b", "c"};
    const pleat_folds folds = {2, 3, (int[]){0, 1, 0}, 1};
    OK(pleat_folds_write(splits_path(), ids, &folds));
    OK(pleat_folds_check_val(splits_path(), 0, of_0, 2));
    REFUSED(pleat_folds_check_val(splits_path(), 1, of_0, 2), PLEAT_ERR_DATA,
            "case 'b' was held out by fold 1");
    REFUSED(pleat_folds_check_val(splits_path(), 0, of_0, 1), PLEAT_ERR_DATA,
            "fold 0 has scores of 1 case, but holds out 2");
    REFUSED(pleat_folds_check_val("/no/file", 0, of_0, 1), PLEAT_ERR_NOT_FOUND, "/no/file");
}

static void test_a_file_that_does_not_fit_the_data_is_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *text;
        pleat_status status;
        const char *message;
    } rows[] = {
        {"[", PLEAT_ERR_FORMAT, "not JSON"},
        {"\xef\xbb\xbf{}", PLEAT_ERR_FORMAT, "expected a list"}, /* the mark itself is no matter */
        {"\xfe\xff[", PLEAT_ERR_FORMAT, "UTF-16"},
        {"{}", PLEAT_ERR_FORMAT, "expected a list"},
        {"[{\"train\":[],\"val\":[\"a\",\"b\"]}]", PLEAT_ERR_FORMAT, "at least 2 folds"},
        {"[{\"val\":[\"a\"]},{\"val\":[\"b\"]}]", PLEAT_ERR_FORMAT, "fold 0 has no list 'train'"},
        {"[7, 8]", PLEAT_ERR_FORMAT, "fold 0 has no list 'val'"},
        {"[{\"train\":[1],\"val\":[]},{}]", PLEAT_ERR_FORMAT, "item 0 of 'train' of fold 0"},
        {"[{\"train\":[\"b\"],\"val\":[\"z\"]},{\"train\":[],\"val\":[]}]", PLEAT_ERR_DATA,
         "names case 'z', which is not in the data"},
        {"[{\"train\":[\"b\"],\"val\":[\"a\"]},{\"train\":[\"b\"],\"val\":[\"a\"]}]",
         PLEAT_ERR_FORMAT, "case 'a' is in 'val' of fold 0 and of fold 1"},
        {"[{\"train\":[\"b\"],\"val\":[\"a\"]},{\"train\":[\"a\",\"b\"],\"val\":[]}]",
         PLEAT_ERR_DATA, "no fold validates on case 'b'"},
        {"[{\"train\":[\"a\",\"b\"],\"val\":[\"a\"]},{\"train\":[\"a\"],\"val\":[\"b\"]}]",
         PLEAT_ERR_FORMAT, "fold 0 trains and validates on case 'a'"},
        {"[{\"train\":[],\"val\":[\"a\"]},{\"train\":[\"a\"],\"val\":[\"b\"]}]", PLEAT_ERR_DATA,
         "fold 0 neither trains nor validates on case 'b'"},
        {"[{\"train\":[\"b\"],\"val\":[\"a\",\"a\"]},{}]", PLEAT_ERR_FORMAT, "case 'a' twice"},
    };
    static const char *const ids[2] = {"a", "b"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        pleat_folds folds;
        const char *text = rows[i].text;
        OK(pleat_file_write_atomic(splits_path(), text, strlen(text)));
        assert_int_equal(pleat_folds_read(splits_path(), ids, 2, &folds), rows[i].status);
        TOLD(rows[i].message);
        TOLD(splits_path());
    }
}

/* scikit-learn 1.9.1's KFold(k, shuffle=True, random_state=12345): the fold that holds out each of
 * the sorted cases. */
static void test_nnunets_folds_are_scikit_learns(void **state) {
    (void)state;
    static const struct {
        int k;
        const char *folds;
    } rows[] = {{3, "1120020"},
                {5, "31232434200432110101033422112404304243310324233021020401103422334"
                    "31003104034342234332124312411202421102104144202144430440303421004"
                    "04140022412244103123111133013312232240102331202030100443102411323"
                    "20013241033214240110303431104321001141100313324422204323424324440"}};
    for (size_t r = 0; r < COUNT(rows); r++) {
        const int n = (int)strlen(rows[r].folds);
        const pleat_folds_how how = {.k = rows[r].k, .like = PLEAT_FOLDS_NNUNET, .seed = r};
        char text[260][24];
        const char *ids[260];
        pleat_folds folds;
        for (int i = 0; i < n; i++) { /* not in order */
            const int at = (i * 11 + 3) % n;
            (void)snprintf(text[at], sizeof text[at], "hippocampus_%03d", at);
            ids[i] = text[at];
        }
        OK(pleat_folds_make(ids, n, &how, &folds));
        for (int i = 0; i < n; i++)
            assert_int_equal(folds.fold_of[i], rows[r].folds[(i * 11 + 3) % n] - '0');
        pleat_folds_free(&folds);
    }
    const pleat_folds_how grouped = {.k = 5, .like = PLEAT_FOLDS_NNUNET, .group_by = patient};
    pleat_folds none;
    REFUSED(pleat_folds_make(covid, 20, &grouped, &none), PLEAT_ERR_ARG, "know no groups");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nnunets_folds_are_scikit_learns),
        cmocka_unit_test(test_sizes_differ_by_at_most_one_and_the_first_folds_are_larger),
        cmocka_unit_test(test_the_seed_decides_and_the_order_of_the_ids_does_not),
        cmocka_unit_test(test_a_patient_is_never_split_and_folds_stay_balanced),
        cmocka_unit_test(test_check_names_the_shared_patient_both_cases_and_folds),
        cmocka_unit_test(test_each_repeat_cuts_all_cases_anew),
        cmocka_unit_test(test_a_repeat_that_leaves_a_case_out_is_refused),
        cmocka_unit_test(test_what_cannot_be_cut_is_refused_by_name),
        cmocka_unit_test(test_a_written_file_reads_back_equal_in_any_order_of_ids),
        cmocka_unit_test(test_the_file_has_the_keys_of_nnunet),
        cmocka_unit_test(test_the_digest_is_of_who_holds_out_what),
        cmocka_unit_test(test_the_held_out_cases_of_a_fold_are_compared_with_the_file),
        cmocka_unit_test(test_a_file_that_does_not_fit_the_data_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
