/* test_halt.c - signals and limits become wishes; a second signal, later, ends the process. */
#include "pleat/halt.h"
#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Flags stay set in a process, so each scene plays in one of its own; -> its wait status. */
static int play(void (*scene)(void)) {
    int status = -1;
    (void)fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pleat_halt_catch();
        scene();
        _exit(99); /* a scene ends itself */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void ends_with(void (*scene)(void), int code) {
    const int status = play(scene);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail_msg("the process ended with %d (signal %d), not %d", WEXITSTATUS(status),
                 WIFSIGNALED(status) ? WTERMSIG(status) : 0, code);
}

static void tell(double reserve_s) { _exit((int)pleat_halt_look(reserve_s)); }

static void quiet(void) { tell(1e9); }
static void usr1(void) {
    (void)raise(SIGUSR1);
    tell(0.0);
}
static void usr1_thrice(void) {
    for (int i = 0; i < 3; i++) (void)raise(SIGUSR1);
    tell(0.0);
}
static void usr1_then_term(void) {
    (void)raise(SIGUSR1);
    (void)raise(SIGTERM);
    tell(0.0);
}
static void interrupt(void) {
    (void)raise(SIGINT);
    (void)raise(SIGUSR1);
    tell(0.0);
}
static void cont(void) {
    (void)raise(SIGCONT);
    if (pleat_halt_look(0.0) != PLEAT_HALT_SAVE) _exit(98);
    tell(0.0);
}
static void one(int number) {
    (void)raise(number);
    tell(0.0);
}
static void usr2(void) { one(SIGUSR2); }
static void cpu_time(void) { one(SIGXCPU); }
static void hangup(void) { one(SIGHUP); }
static void no_reader(void) {
    int ends[2];
    if (pipe(ends) != 0 || close(ends[0]) != 0) _exit(98);
    if (write(ends[1], "", 1) >= 0) _exit(97); /* EPIPE */
    tell(0.0);
}
/* As nohup has it. */
static void ignored(void) {
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    pleat_halt_catch();
    (void)raise(SIGHUP);
    no_reader();
}
static void term_then(int number, double seconds) {
    (void)raise(SIGTERM);
    const struct timespec t = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    (void)nanosleep(&t, NULL);
    (void)raise(number);
    tell(0.0);
}
static void term_twice_at_once(void) { term_then(SIGTERM, 0.0); }
static void term_twice(void) { term_then(SIGTERM, 1.2); }
static void term_then_interrupt(void) { term_then(SIGINT, 1.2); }
static void term_then_hangup(void) { term_then(SIGHUP, 1.2); }
static void term_thrice(void) {
    (void)raise(SIGTERM);
    term_then(SIGTERM, 1.2);
}
static void another_group(void) {
    pleat_halt_ask(PLEAT_HALT_JOB);
    tell(0.0);
}

static void test_signals_become_wishes(void **state) {
    (void)state;
    ends_with(quiet, PLEAT_HALT_NONE);
    ends_with(usr1, PLEAT_HALT_USR1);
    ends_with(usr1_thrice, PLEAT_HALT_USR1); /* scancel may send it twice */
    ends_with(usr1_then_term, PLEAT_HALT_TERM);
    ends_with(interrupt, PLEAT_HALT_INT);
    ends_with(another_group, PLEAT_HALT_JOB);
    ends_with(usr2, PLEAT_HALT_USR2);
    ends_with(cpu_time, PLEAT_HALT_CPU);
    ends_with(hangup, PLEAT_HALT_HUP);
    ends_with(no_reader, PLEAT_HALT_PIPE);
    ends_with(ignored, PLEAT_HALT_NONE);
}

static void test_sigcont_is_told_once(void **state) {
    (void)state;
    ends_with(cont, PLEAT_HALT_NONE);
}

static void test_a_second_signal_ends_the_process_a_doubled_one_does_not(void **state) {
    (void)state;
    ends_with(term_twice_at_once, PLEAT_HALT_TERM);
    ends_with(term_twice, 128 + SIGTERM);
    ends_with(term_thrice, 128 + SIGTERM);
    ends_with(term_then_interrupt, 128 + SIGINT);
    ends_with(term_then_hangup, PLEAT_HALT_TERM); /* a terminal that is closed sends it late */
}

/* What the process writes to stderr when SIGINT comes, twice. */
static void answered(double seconds, const char *expected) {
    int ends[2], status = 0;
    char said[256] = "";
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        pleat_halt_catch();
        if (seconds >= 0.0) pleat_halt_pace("step", seconds);
        (void)raise(SIGINT);
        (void)raise(SIGINT);
        _exit(0);
    }
    (void)close(ends[1]);
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n < sizeof said - 1; n += (size_t)got)
        if ((got = read(ends[0], said + n, sizeof said - 1 - n)) < 0) got = 0;
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_string_equal(said, expected);
}

static void test_an_interrupt_is_answered_at_once(void **state) {
    (void)state;
    answered(8.2, "SIGINT: stopping after this step, about 8 s; press again to stop now\n");
    answered(0.2, "SIGINT: stopping after this step; press again to stop now\n");
    answered(-1.0, "");
}

static void far(void) {
    pleat_halt_after(PLEAT_HALT_TIME, 100.0);
    tell(50.0);
}
static void near(void) {
    pleat_halt_after(PLEAT_HALT_TIME, 100.0);
    tell(150.0);
}
static void over(void) {
    pleat_halt_after(PLEAT_HALT_TIME, -1.0);
    tell(0.0);
}
/* 30 s are kept free, so 100 s are 70 s. */
static void job_in_100_s(double reserve_s) {
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)time(NULL) + 100);
    (void)setenv("SLURM_JOB_END_TIME", text, 1);
    pleat_halt_after_job();
    tell(reserve_s);
}
static void job_far(void) { job_in_100_s(60.0); }
static void job_near(void) { job_in_100_s(80.0); }
static void job_of_yesterday(void) {
    (void)setenv("SLURM_JOB_END_TIME", "1000000000", 1);
    pleat_halt_after_job();
    tell(1e9);
}
static void no_job(void) {
    (void)unsetenv("SLURM_JOB_END_TIME");
    pleat_halt_after_job();
    tell(1e9);
}

static void test_a_limit_is_near_within_the_reserve(void **state) {
    (void)state;
    ends_with(far, PLEAT_HALT_NONE);
    ends_with(near, PLEAT_HALT_TIME);
    ends_with(over, PLEAT_HALT_TIME);
    ends_with(job_far, PLEAT_HALT_NONE);
    ends_with(job_near, PLEAT_HALT_JOB);
    ends_with(job_of_yesterday, PLEAT_HALT_NONE);
    ends_with(no_job, PLEAT_HALT_NONE);
}

static void test_times_are_seconds_or_hours(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double seconds; /* 0: refused */
    } rows[] = {{"1", 1},
                {"90", 90},
                {"01:30:00", 5400},
                {"0:00:05", 5},
                {"48:00:00", 172800},
                {"0", 0},
                {"-5", 0},
                {"", 0},
                {"soon", 0},
                {"10m", 0},
                {"1:60:00", 0},
                {"1:00:60", 0},
                {"1:30", 0},
                {"00:00:00", 0},
                {"1:2:3:4", 0},
                {"1.5", 0}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        double seconds = 0.0;
        const pleat_status status = pleat_halt_parse("--time", rows[i].text, &seconds);
        if (status != (rows[i].seconds > 0.0 ? PLEAT_OK : PLEAT_ERR_ARG) ||
            (status == PLEAT_OK && seconds != rows[i].seconds))
            fail_msg("'%s': %s, %g s, not %g s", rows[i].text, pleat_status_name(status), seconds,
                     rows[i].seconds);
        if (status != PLEAT_OK) TOLD(rows[i].text);
    }
}

static void test_each_reason_has_its_exit_code(void **state) {
    (void)state;
    static const int codes[PLEAT_HALTS] = {0, 0, 0, 85, 85, 85, 85, 85, 85, 85, 85, 130};
    for (int why = 0; why < PLEAT_HALTS; why++) {
        assert_int_equal(pleat_status_exit_code(pleat_halt_status((pleat_halt)why)), codes[why]);
        assert_true(strlen(pleat_halt_name((pleat_halt)why)) > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_become_wishes),
        cmocka_unit_test(test_sigcont_is_told_once),
        cmocka_unit_test(test_a_second_signal_ends_the_process_a_doubled_one_does_not),
        cmocka_unit_test(test_an_interrupt_is_answered_at_once),
        cmocka_unit_test(test_a_limit_is_near_within_the_reserve),
        cmocka_unit_test(test_times_are_seconds_or_hours),
        cmocka_unit_test(test_each_reason_has_its_exit_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
