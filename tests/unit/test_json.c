/* test_json.c - a sealed object is read as it was written, or refused. */
#include "pleat/json.h"
#include "support.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#define SCHEMA "pleat/test/2"
#define CURE   "put it back"

static char *sealed_text(void) {
    json_t *object = json_pack("{s:i, s:f, s:[s, n, b], s:{s:I}}", "one", 1, "third", 1.0 / 3.0,
                               "list", "a\"b", 1, "deep", "large", (json_int_t)INT64_MAX);
    assert_non_null(object);
    OK(pleat_json_seal(object, SCHEMA));
    OK(pleat_json_seal(object, SCHEMA)); /* which may be done again */
    char *text = json_dumps(object, JSON_INDENT(2));
    json_decref(object);
    assert_non_null(text);
    return text;
}

static pleat_status check(const char *text, size_t n, int *sealed, json_t **object) {
    *object = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    if (*object == NULL) return PLEAT_FAIL(PLEAT_ERR_FORMAT, "no JSON");
    return pleat_json_check(*object, "some/file", SCHEMA, CURE, sealed);
}

static void however_it_is_spelt_it_is_the_same(void **state) {
    (void)state;
    char *text = sealed_text();
    json_t *object = NULL, *again = NULL;
    int sealed = 0;
    OK(check(text, strlen(text), &sealed, &object));
    assert_int_equal(sealed, 1);
    char *dense = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    OK(check(dense, strlen(dense), &sealed, &again));
    json_decref(object);
    json_decref(again);
    free(dense);
    free(text);
}

static void each_flipped_bit_is_noticed_or_means_the_same(void **state) {
    (void)state;
    char *text = sealed_text();
    const size_t n = strlen(text);
    json_t *whole = NULL;
    int sealed = 0, refused = 0;
    OK(check(text, n, &sealed, &whole));
    for (size_t bit = 0; bit < 8 * n; bit++) {
        json_t *object = NULL;
        text[bit / 8] ^= (char)(1 << bit % 8);
        if (check(text, n, &sealed, &object) != PLEAT_OK)
            refused++;
        else if (!json_equal(object, whole))
            fail_msg("bit %zu of byte %zu was not noticed: %s", bit % 8, bit / 8, text);
        json_decref(object);
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(refused > 4 * (int)n); /* the others are blanks of another kind */
    json_decref(whole);
    free(text);
}

static void a_changed_file_is_named_with_the_cure(void **state) {
    (void)state;
    char *text = sealed_text();
    json_t *object = NULL;
    int sealed = 0;
    OK(check(text, strlen(text), &sealed, &object));
    (void)json_object_set_new(object, "one", json_integer(2));
    REFUSED(pleat_json_check(object, "some/file", SCHEMA, CURE, &sealed), PLEAT_ERR_FORMAT,
            "'some/file' is not as it was written");
    TOLD(CURE);
    (void)json_object_del(object, "checksum");
    REFUSED(pleat_json_check(object, "some/file", SCHEMA, CURE, &sealed), PLEAT_ERR_FORMAT,
            "'some/file' has lost its checksum");
    (void)json_object_set_new(object, "schema", json_string("pleat/test/1"));
    OK(pleat_json_check(object, "some/file", SCHEMA, CURE,
                        &sealed)); /* as an older pleat wrote it */
    assert_int_equal(sealed, 0);
    json_decref(object);
    free(text);
}

static void the_kind_is_part_of_it(void **state) {
    (void)state;
    json_t *one = json_pack("{s:i}", "n", 1), *other = json_pack("{s:i}", "n", 1);
    OK(pleat_json_seal(one, "pleat/one/1"));
    OK(pleat_json_seal(other, "pleat/other/1"));
    assert_string_not_equal(json_string_value(json_object_get(one, "checksum")),
                            json_string_value(json_object_get(other, "checksum")));
    json_decref(one);
    json_decref(other);
}

static void a_real_has_the_fewest_digits_that_read_back_as_it(void **state) {
    (void)state;
    static const struct {
        double x;
        const char *text;
    } rows[] = {{0.1, "0.1"},
                {1.0, "1.0"},
                {100000.0, "100000.0"},
                {58.907, "58.907"},
                {1e300, "1e+300"},
                {-2.5e-7, "-2.5e-07"},
                {1.0 / 3.0, "0.3333333333333333"},
                {58.907000000000004, "58.907000000000004"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char wanted[128];
        json_t *object = json_pack("{sf si ss}", "x 0.10000000000000001", rows[i].x, "n", 7, "s",
                                   "\"0.10000000000000001\\");
        char *text = pleat_json_dumps(object, JSON_COMPACT);
        (void)snprintf(wanted, sizeof wanted,
                       "{\"x 0.10000000000000001\":%s,\"n\":7,\"s\":\"\\\"0.10000000000000001"
                       "\\\\\"}",
                       rows[i].text);
        assert_string_equal(text, wanted);
        json_t *back = json_loads(text, 0, NULL);
        assert_true(json_equal(back, object));
        json_decref(back);
        json_decref(object);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(however_it_is_spelt_it_is_the_same),
        cmocka_unit_test(each_flipped_bit_is_noticed_or_means_the_same),
        cmocka_unit_test(a_changed_file_is_named_with_the_cure),
        cmocka_unit_test(the_kind_is_part_of_it),
        cmocka_unit_test(a_real_has_the_fewest_digits_that_read_back_as_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
