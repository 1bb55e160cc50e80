/* test_journal.c - events are lines of JSON; TensorBoard's records are as it reads them. */
#include "../../src/run/journal.h"

#include "pleat/file.h"
#include "pleat/log.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* RFC 3720, B.4 */
static void crc32c_is_castagnolis(void **state) {
    (void)state;
    unsigned char bytes[32];
    assert_int_equal(pleat_crc32c("", 0), 0);
    assert_int_equal(pleat_crc32c("123456789", 9), 0xe3069283u);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(pleat_crc32c(bytes, 32), 0x8a9136aau);
    memset(bytes, 255, sizeof bytes);
    assert_int_equal(pleat_crc32c(bytes, 32), 0x62a8ab43u);
    for (int i = 0; i < 32; i++) bytes[i] = (unsigned char)i;
    assert_int_equal(pleat_crc32c(bytes, 32), 0x46dd794eu);
}

static size_t written(FILE *file, unsigned char *out, size_t size) {
    rewind(file);
    const size_t n = fread(out, 1, size, file);
    (void)fclose(file);
    return n;
}

/* The first bytes of any event file that TensorFlow writes. */
static void a_file_begins_as_tensorflows_do(void **state) {
    (void)state;
    unsigned char got[64];
    FILE *file = tmpfile();
    assert_non_null(file);
    pleat_tensorboard_begin(file, 1.0);
    assert_int_equal(written(file, got, sizeof got), 8 + 4 + 24 + 4);
    static const unsigned char head[] = {24,   0,    0,    0,    0, 0, 0, 0,          /* length */
                                         0xa3, 0x7f, 0x4b, 0x22,                      /* its sum */
                                         0x09, 0,    0,    0,    0, 0, 0, 0xf0, 0x3f, /* 1.0 */
                                         0x1a, 13};
    assert_memory_equal(got, head, sizeof head);
    assert_memory_equal(got + sizeof head, "brain.Event:2", 13);
}

static uint32_t little(const unsigned char *byte) {
    return byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
}

static uint32_t unmasked(uint32_t sum) {
    const uint32_t turned = sum - 0xa282ead8u;
    return turned >> 17 | turned << 15;
}

static void a_step_has_its_scalars_but_no_nan(void **state) {
    (void)state;
    unsigned char got[128];
    const pleat_scalar scalars[] = {{"loss", 0.5}, {"none", NAN}, {"lr", -2.0}};
    FILE *file = tmpfile();
    assert_non_null(file);
    pleat_tensorboard_scalars(file, 1.0, 300, scalars, 3);
    const size_t n = written(file, got, sizeof got);
    static const unsigned char data[] = {
        0x09, 0,    0,    0, 0,   0,   0,    0xf0, 0x3f,                  /* time 1.0 */
        0x10, 0xac, 0x02,                                                 /* step 300 */
        0x2a, 24,                                                         /* summary */
        0x0a, 11,   0x0a, 4, 'l', 'o', 's',  's',  0x15, 0, 0,   0, 0x3f, /* 0.5f */
        0x0a, 9,    0x0a, 2, 'l', 'r', 0x15, 0,    0,    0, 0xc0};        /* -2.0f */
    assert_int_equal(n, 12 + sizeof data + 4);
    assert_int_equal(little(got), sizeof data);
    assert_int_equal(unmasked(little(got + 8)), pleat_crc32c(got, 8));
    assert_memory_equal(got + 12, data, sizeof data);
    assert_int_equal(unmasked(little(got + 12 + sizeof data)), pleat_crc32c(data, sizeof data));
}

static void events_are_lines_of_json(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    char *text = NULL;
    const pleat_epoch row = {{0.5, 0.25, 0.75, 0.125}, {NAN, NAN, NAN, NAN}, 0.001, 2};
    assert_int_equal(make_root(NULL), 0);
    (void)in_root(path, "events.jsonl");
    for (int start = 0; start < 2; start++) { /* the second appends */
        pleat_journal *j = pleat_journal_open(root, 3);
        pleat_journal_event(j, "halted", 1, 7, "the \"limit\"\n");
        pleat_journal_epoch(j, 2, 12, pleat_losses[0], &row);
        pleat_journal_close(j);
        FILE *killed = fopen(path, "a"); /* within a line, which the next start takes away */
        assert_non_null(killed);
        if (start == 0) (void)fputs("{\"time\": \"20", killed);
        assert_int_equal(fclose(killed), 0);
    }
    OK(pleat_file_read_all(path, &text, NULL));
    char *line = text;
    for (int i = 0; i < 4; i++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        assert_memory_equal(line, "{\"time\": \"20", 12);
        const char *rest = strstr(line, ", ");
        assert_non_null(rest);
        assert_string_equal(
            rest, i % 2 == 0 ? ", \"event\": \"halted\", \"fold\": 3, \"epoch\": 1, \"step\": 7, "
                               "\"text\": \"the \\\"limit\\\"\\n\"}"
                             : ", \"event\": \"epoch\", \"fold\": 3, \"epoch\": 2, \"step\": 12, "
                               "\"loss\": 0.5, \"tversky_loss\": 0.25, \"dice_soft\": 0.75, "
                               "\"dice_crossentropy\": 0.125, \"val_loss\": null, "
                               "\"val_tversky_loss\": null, \"val_dice_soft\": null, "
                               "\"val_dice_crossentropy\": null, \"lr\": 0.001, \"seconds\": 2.0}");
        line = end + 1;
    }
    assert_string_equal(line, "");
    free(text);
    assert_int_equal(remove_root(NULL), 0);
}

static void a_journal_that_cannot_be_written_harms_nobody(void **state) {
    (void)state;
    const pleat_epoch row = {.lr = 1};
    pleat_log_set_level(PLEAT_QUIET);
    pleat_journal *j = pleat_journal_open("/nowhere/at/all", 0);
    pleat_journal_event(j, "begun", 0, 0, NULL);
    pleat_journal_epoch(j, 1, 1, pleat_losses[0], &row);
    pleat_journal_close(j);
    pleat_journal_event(NULL, "begun", 0, 0, NULL);
    pleat_journal_epoch(NULL, 1, 1, pleat_losses[0], &row);
    pleat_journal_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_is_castagnolis),
        cmocka_unit_test(a_file_begins_as_tensorflows_do),
        cmocka_unit_test(a_step_has_its_scalars_but_no_nan),
        cmocka_unit_test(events_are_lines_of_json),
        cmocka_unit_test(a_journal_that_cannot_be_written_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
