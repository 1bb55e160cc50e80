/* test_progress.c - what a run says of its progress: its files, the time left, the table. */
#include "pleat/progress.h"

#include "pleat/log.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pleat_progress_state training(int epoch, int step) {
    pleat_progress_state state = {.phase = PLEAT_PHASE_TRAINING,
                                  .epoch = epoch,
                                  .epochs = 10,
                                  .step = step,
                                  .steps = 20,
                                  .loss = 0.25,
                                  .step_s = 2.0,
                                  .patches_s = 1.0,
                                  .total = 4,
                                  .left_s = -1.0,
                                  .written_s = (double)time(NULL) + 5.0, /* not older than now */
                                  .every_s = 30.0,
                                  .host = "node7",
                                  .process = 4711};
    for (int i = 0; i < epoch; i++) state.losses[state.n_losses++] = 1.0 / (1.0 + i);
    return state;
}

static void a_file_is_read_as_it_was_written(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    pleat_progress_state was = training(3, 7), is;
    (void)snprintf(was.job, sizeof was.job, "slurm 17_3");
    OK(pleat_progress_write(in_root(path, "progress.json"), &was));
    OK(pleat_progress_read(path, &is));
    assert_int_equal(is.phase, was.phase);
    assert_int_equal(is.epoch, 3);
    assert_int_equal(is.steps, 20);
    assert_true(is.loss == 0.25 && is.written_s == was.written_s && is.left_s == -1.0);
    assert_int_equal(is.process, 4711);
    assert_string_equal(is.job, "slurm 17_3");
    assert_int_equal(is.n_losses, 3);
    assert_true(is.losses[1] == 0.5);
    was.loss = NAN;
    OK(pleat_progress_write(path, &was));
    OK(pleat_progress_read(path, &is));
    assert_true(isnan(is.loss));
}

static void a_strange_file_does_no_harm(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES];
    pleat_progress_state is;
    in_root(path, "strange.json");
    REFUSED(pleat_progress_read(path, &is), PLEAT_ERR_NOT_FOUND, "strange.json");
    OK(pleat_file_write(path, "", 0));
    REFUSED(pleat_progress_read(path, &is), PLEAT_ERR_FORMAT, "strange.json");
    OK(pleat_file_write(path, "{\"phase\": \"asleep\"}", 19));
    REFUSED(pleat_progress_read(path, &is), PLEAT_ERR_FORMAT, "is no file on progress");
    const char *text = "{\"phase\": \"failed\", \"what\": \"\\u001b[2Jgone\", \"epoch\": -4, "
                       "\"steps\": 1e300, \"losses\": {}}";
    OK(pleat_file_write(path, text, strlen(text)));
    OK(pleat_progress_read(path, &is));
    assert_string_equal(is.what, "\\x1b[2Jgone");
    assert_int_equal(is.epoch, 0);
    assert_int_equal(is.steps, 0);
    assert_int_equal(is.n_losses, 0);
}

/* Two groups at work, one fold finished, two that wait. */
static pleat_progress_view some_run(pleat_progress_state fold[5]) {
    pleat_progress_view view = {.run = "RUN", .folds = 5, .end = 5, .fold = fold};
    memset(fold, 0, 5 * sizeof *fold);
    fold[0] = training(10, 0);
    fold[0].phase = PLEAT_PHASE_FINISHED;
    fold[0].done = 4;
    fold[0].case_s = 10.0;
    fold[1] = training(5, 10);
    fold[2] = training(10, 0);
    fold[2].phase = PLEAT_PHASE_PREDICTING;
    fold[2].done = 3;
    fold[2].case_s = 12.0;
    pleat_progress_plan(&view);
    return view;
}

static void the_time_left_is_that_of_steps_and_cases(void **state) {
    (void)state;
    pleat_progress_state fold[5];
    pleat_progress_view view = some_run(fold);
    assert_true(pleat_progress_left(&view, 0) == 0.0);
    /* 90 steps of 2 s, 4 cases of 11 s, as the others took */
    assert_true(pleat_progress_left(&view, 1) == 224.0);
    assert_true(pleat_progress_left(&view, 2) == 12.0);
    assert_true(pleat_progress_left(&view, 3) == 200 * 2.0 + 4 * 11.0);
    /* One group is free after 12 s and takes fold 3; the other after 224 s, and takes fold 4. */
    assert_true(view.left_s == 224.0 + 444.0);
    view.begin = 1, view.end = 2; /* --fold 1: nothing comes after it */
    pleat_progress_plan(&view);
    assert_true(view.left_s == 224.0);
    view.begin = 0, view.end = 5;
    for (int i = 1; i < 3; i++) fold[i].written_s -= 3600.0; /* nobody is at work any more */
    pleat_progress_plan(&view);
    assert_true(pleat_progress_is_silent(&view, &fold[1]));
    assert_true(view.left_s < 0.0);
    for (int i = 0; i < 5; i++) fold[i].phase = PLEAT_PHASE_FINISHED;
    pleat_progress_plan(&view);
    assert_true(view.left_s == 0.0);
}

static int lines_of(const char *text) {
    int lines = 0;
    for (; *text != '\0'; text++) lines += *text == '\n';
    return lines;
}

static void a_table_fits_its_terminal(void **state) {
    (void)state;
    static const pleat_terminal sizes[] = {{80, 24, 1, 1}, {200, 50, 1, 1}, {80, 24, 0, 0},
                                           {45, 12, 1, 1}, {20, 6, 0, 1},   {1, 1, 0, 0}};
    pleat_progress_state fold[5];
    pleat_progress_view view = some_run(fold);
    (void)snprintf(fold[3].what, sizeof fold[3].what, "SIGTERM");
    fold[3].phase = PLEAT_PHASE_STOPPED;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char text[16384];
        pleat_progress_table(&view, &sizes[i], text, sizeof text);
        /* No line is wrapped, and none is on the last row, where it would scroll. */
        assert_int_equal(pleat_terminal_rows(text, sizes[i].columns), lines_of(text));
        if (sizes[i].rows > 5) assert_true(lines_of(text) < sizes[i].rows);
        assert_int_equal(strchr(text, '\033') != NULL, sizes[i].colour);
        for (const char *c = text; !sizes[i].unicode && *c != '\0'; c++)
            assert_true((unsigned char)*c < 0x80);
        if (sizes[i].columns < 80) continue;
        assert_non_null(strstr(text, "2 folds under way, 1 finished, 2 to do; 11 min left   RUN"));
        assert_non_null(strstr(text, "6/10     10/20   0.2500"));
        assert_non_null(strstr(text, "  3 min\n"));
        assert_non_null(strstr(text, "SIGTERM; checkpointed"));
        assert_non_null(strstr(text, "not begun"));
    }
}

/* What a failed fold needs is read to its end where nothing is redrawn; what is not known is not
 * said. */
static void a_table_that_is_printed_once_cuts_nothing(void **state) {
    (void)state;
    const pleat_terminal once = {80, 0, 0, 0};
    static const char why[] = "case 'case_0007': its label 7 is not in classes; add it to classes, "
                              "or map it by data.labels, and repeat the command";
    pleat_progress_state fold[5];
    pleat_progress_view view = some_run(fold);
    char text[16384];
    fold[3].phase = PLEAT_PHASE_FAILED;
    (void)snprintf(fold[3].what, sizeof fold[3].what, "%s", why);
    view.now_s = fold[1].written_s + 12.0;
    pleat_progress_table(&view, &once, text, sizeof text);
    assert_non_null(strstr(text, why));
    assert_non_null(strstr(text, " min left, as of 12 s ago   RUN"));
    fold[1] = (pleat_progress_state){.phase = PLEAT_PHASE_TRAINING,
                                     .loss = NAN,
                                     .written_s = (double)time(NULL) + 5.0,
                                     .every_s = 30.0};
    pleat_progress_plan(&view);
    pleat_progress_table(&view, &once, text, sizeof text);
    assert_non_null(strstr(text, "   1  preparing its first step\n"));
    assert_null(strstr(text, "0/0"));
    assert_null(strstr(text, " ago   RUN"));
    pleat_progress_line(&view, 1, text, sizeof text);
    assert_non_null(strstr(text, "fold=1 is preparing its first step, of the run "));
    assert_non_null(strstr(text, " left"));
    assert_null(strstr(text, " ago"));
    view.now_s = fold[1].written_s + 29.0; /* its file is older than its first step may be */
    pleat_progress_line(&view, 1, text, sizeof text);
    assert_non_null(strstr(text, " left, as of 29 s ago"));
    fold[0] = fold[2] = fold[1]; /* none has made a step */
    pleat_progress_plan(&view);
    pleat_progress_table(&view, &once, text, sizeof text);
    assert_null(strstr(text, "?"));
}

static void the_curve_falls_as_the_losses_do(void **state) {
    (void)state;
    const pleat_terminal wide = {100, 24, 0, 0};
    char text[4096];
    pleat_progress_state fold[1] = {training(8, 0)};
    pleat_progress_view view = {.run = "RUN", .folds = 1, .end = 1, .fold = fold};
    for (int i = 0; i < 8; i++) fold[0].losses[i] = 8.0 - i;
    pleat_progress_plan(&view);
    pleat_progress_table(&view, &wide, text, sizeof text);
    assert_non_null(strstr(text, "#*+=-:._ "));
    assert_non_null(strstr(text, "1 fold under way, 0 finished, 0 to do"));
}

static void a_line_says_it_for_a_log(void **state) {
    (void)state;
    pleat_progress_state fold[5];
    pleat_progress_view view = some_run(fold);
    char line[512];
    pleat_progress_line(&view, 1, line, sizeof line);
    assert_string_equal(line, "fold=1 epoch=6/10 step=10/20 loss=0.2500 1.00 patch/s, 3 min left, "
                              "of the run 11 min left");
    pleat_progress_line(&view, 2, line, sizeof line);
    assert_string_equal(line, "fold=2 predicted=3/4 loss=0.2500 1.00 patch/s, 12 s left, of the "
                              "run 11 min left");
}

/* Whoever watches sees the last state of a fold, though the next was begun at once. */
static void a_monitor_writes_what_it_was_told(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES], run[PLEAT_PATH_BYTES];
    pleat_comm *self = NULL;
    pleat_monitor *monitor = NULL;
    pleat_progress_state is;
    const pleat_epoch rows[2] = {{.train = {0.5}}, {.train = {0.25}}};
    in_root(run, "run");
    for (int fold = 0; fold < 2; fold++) {
        char name[32];
        (void)snprintf(name, sizeof name, "run/fold_%d", fold);
        OK(pleat_file_make_folder(in_root(path, name)));
    }
    OK(pleat_comm_self(&self));
    OK(pleat_monitor_open(self, run, 2, -1, 0.0, &monitor));
    assert_null(monitor);
    OK(pleat_monitor_open(self, run, 2, -1, 1.0, &monitor));
    pleat_progress("prep", 1, 4, "case");
    for (int fold = 0; fold < 2; fold++) {
        pleat_monitor_fold(monitor, fold, 3, 5);
        for (int step = 1; step <= 3; step++) {
            const pleat_train_now now = {2, 9, step, 3, 0.125, 0, rows};
            pleat_monitor_step(monitor, &now);
        }
        (void)usleep(1200000);
        pleat_monitor_cases(monitor, 0);
        pleat_monitor_cases(monitor, 2);
        pleat_monitor_end(monitor, fold == 0 ? PLEAT_PHASE_FINISHED : PLEAT_PHASE_STOPPED,
                          fold == 0 ? "" : "SIGUSR1");
    }
    pleat_monitor_close(monitor, PLEAT_FAIL(PLEAT_ERR_REQUEUE, "told to leave"));
    OK(pleat_progress_read(in_root(path, "run/progress.json"), &is));
    assert_int_equal(is.phase, PLEAT_PHASE_STOPPED);
    assert_string_equal(is.what, "told to leave");
    for (int fold = 0; fold < 2; fold++) {
        char name[48];
        (void)snprintf(name, sizeof name, "run/fold_%d/progress.json", fold);
        OK(pleat_progress_read(in_root(path, name), &is));
        assert_int_equal(is.phase, fold == 0 ? PLEAT_PHASE_FINISHED : PLEAT_PHASE_STOPPED);
        assert_string_equal(is.what, fold == 0 ? "" : "SIGUSR1");
        assert_int_equal(is.epoch, 3);
        assert_int_equal(is.done, 2);
        assert_int_equal(is.total, 5);
        assert_true(is.loss == 0.125 && is.step_s > 0.0 && is.case_s > 0.0);
        assert_int_equal(is.n_losses, 2);
        assert_true(is.losses[0] == 0.5 && is.losses[1] == 0.25);
        assert_true(is.begun_s <= is.written_s && is.written_s <= (double)time(NULL));
    }
    pleat_comm_destroy(self);
}

static void commands_are_quoted_for_a_shell(void **state) {
    (void)state;
    const char *const words[] = {"build/pleat", "run", "my file.yaml", "--set", "a=it's", ""};
    char text[128];
    pleat_terminal_command(words, 6, text, sizeof text);
    assert_string_equal(text, "build/pleat run 'my file.yaml' --set 'a=it'\\''s' ''");
    pleat_terminal_command(words, 6, text, 12);
    assert_string_equal(text, "build/pleat");
}

static void times_are_in_words(void **state) {
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } rows[] = {{-1, "?"},
                {NAN, "?"},
                {0, "0 s"},
                {99, "99 s"},
                {119, "119 s"},
                {120, "2 min"},
                {3599, "59 min"},
                {3600, "1 h 00 min"},
                {4860, "1 h 21 min"},
                {172799, "47 h 59 min"},
                {172800, "2 d 0 h"}};
    char text[PLEAT_DURATION_BYTES];
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(pleat_duration(rows[i].seconds, text), rows[i].text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_as_it_was_written),
        cmocka_unit_test(a_strange_file_does_no_harm),
        cmocka_unit_test(the_time_left_is_that_of_steps_and_cases),
        cmocka_unit_test(a_table_fits_its_terminal),
        cmocka_unit_test(a_table_that_is_printed_once_cuts_nothing),
        cmocka_unit_test(the_curve_falls_as_the_losses_do),
        cmocka_unit_test(a_line_says_it_for_a_log),
        cmocka_unit_test(a_monitor_writes_what_it_was_told),
        cmocka_unit_test(commands_are_quoted_for_a_shell),
        cmocka_unit_test(times_are_in_words),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
