/* test_file.c - whole files, folders, digests, and who may hold a run folder. */
#include "pleat/file.h"
#include "pleat/log.h"
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int entries_of(const char *folder) {
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int n = 0;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    (void)closedir(dir);
    return n;
}

static void test_what_is_written_is_read_back_and_no_temporary_stays(void **state) {
    (void)state;
    enum { N = 300000 }; /* more than read_all's first buffer, with zero bytes inside */
    static unsigned char bytes[N];
    for (int i = 0; i < N; i++) bytes[i] = (unsigned char)(i * 7 % 251);
    OK(pleat_file_make_folder(in_root(NULL, "rw")));
    OK(pleat_file_write_atomic(in_root(NULL, "rw/big"), "old", 3));
    OK(pleat_file_write_atomic(in_root(NULL, "rw/big"), bytes, N));
    char *text = NULL;
    size_t n = 0;
    OK(pleat_file_read_all(in_root(NULL, "rw/big"), &text, &n));
    assert_int_equal(n, N);
    assert_memory_equal(text, bytes, N);
    assert_int_equal(text[N], 0);
    free(text);
    OK(pleat_file_write_atomic(in_root(NULL, "rw/empty"), "", 0));
    OK(pleat_file_read_all(in_root(NULL, "rw/empty"), &text, NULL));
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(entries_of(in_root(NULL, "rw")), 2);
}

static void test_a_failed_write_names_path_and_reason_and_leaves_nothing(void **state) {
    (void)state;
    REFUSED(pleat_file_write_atomic(in_root(NULL, "no/such/f"), "x", 1), PLEAT_ERR_IO,
            in_root(NULL, "no/such/f"));
    TOLD("No such file or directory");
    /* a folder stands where the file should go: the rename fails after a good write */
    OK(pleat_file_make_folder(in_root(NULL, "here/taken/inner")));
    REFUSED(pleat_file_write_atomic(in_root(NULL, "here/taken"), "x", 1), PLEAT_ERR_IO,
            "Is a directory");
    assert_int_equal(entries_of(in_root(NULL, "here")), 1);
}

static void test_of_a_full_disk_the_cure_is_told(void **state) {
    (void)state;
    const char *path = in_root(NULL, "full");
    REFUSED(pleat_file_not_written(path, 3 << 20, ENOSPC), PLEAT_ERR_IO, "3.0 MiB are written");
    TOLD("' has ");
    TOLD(" MiB free");
    TOLD("free more and repeat the command, which keeps what is done");
    REFUSED(pleat_file_not_written(path, 0, EDQUOT), PLEAT_ERR_IO, "; free space for '");
    REFUSED(pleat_file_not_written(path, 0, EROFS), PLEAT_ERR_IO, "that you may write into");
}

static void test_an_absent_file_is_not_found_and_a_folder_is_no_file(void **state) {
    (void)state;
    char *text = NULL;
    assert_int_equal(pleat_file_read_all(in_root(NULL, "absent"), &text, NULL),
                     PLEAT_ERR_NOT_FOUND);
    assert_int_equal(pleat_file_read_all(root, &text, NULL), PLEAT_ERR_IO);
    assert_null(text);
    assert_false(pleat_file_exists(in_root(NULL, "absent")));
    assert_true(pleat_file_exists(root));
    assert_true(pleat_file_is_folder(root));
}

static void test_folders_are_made_with_their_parents_and_made_twice(void **state) {
    (void)state;
    OK(pleat_file_make_folder(in_root(NULL, "a/b//c/")));
    OK(pleat_file_make_folder(in_root(NULL, "a/b/c")));
    assert_true(pleat_file_is_folder(in_root(NULL, "a/b/c")));
    OK(pleat_file_write_atomic(in_root(NULL, "a/file"), "x", 1));
    REFUSED(pleat_file_make_folder(in_root(NULL, "a/file/c")), PLEAT_ERR_IO, "Not a directory");
    TOLD(in_root(NULL, "a/file"));
    assert_false(pleat_file_is_folder(in_root(NULL, "a/file")));
}

static void test_a_path_is_inside_a_folder_by_what_it_is_and_not_by_its_name(void **state) {
    (void)state;
    char folder[PLEAT_PATH_BYTES], other[PLEAT_PATH_BYTES], path[PLEAT_PATH_BYTES];
    OK(pleat_file_make_folder(in_root(folder, "within/a")));
    OK(pleat_file_make_folder(in_root(other, "within/ab")));
    assert_int_equal(symlink(folder, in_root(path, "within/link")), 0);
    assert_true(pleat_file_is_inside(folder, folder));
    assert_true(pleat_file_is_inside(in_root(path, "within/a/b/c"), folder));
    assert_true(pleat_file_is_inside(in_root(path, "within/link/b"), folder));
    assert_true(pleat_file_is_inside(in_root(path, "within/ab/../a/x"), folder));
    assert_false(pleat_file_is_inside(other, folder));
    assert_false(pleat_file_is_inside(in_root(path, "within"), folder));
    assert_false(pleat_file_is_inside(in_root(path, "within/ax"), folder));
    assert_false(pleat_file_is_inside("not-there", folder));
    assert_false(pleat_file_is_inside("/not-there", folder));
    assert_true(pleat_file_is_inside("/not-there", "/"));
    assert_false(pleat_file_is_inside(folder, in_root(path, "within/none")));
}

static void test_a_path_that_does_not_fit_is_refused(void **state) {
    (void)state;
    char path[8];
    OK(pleat_path(path, sizeof path, "%s/%d", "abcde", 1));
    assert_string_equal(path, "abcde/1");
    assert_int_equal(pleat_path(path, sizeof path, "%s/%d", "abcdef", 1), PLEAT_ERR_ARG);
}

static void test_a_temporary_lies_hidden_beside_its_file(void **state) {
    (void)state;
    char got[PLEAT_PATH_BYTES], want[PLEAT_PATH_BYTES], host[65] = "";
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    OK(pleat_file_temporary("/x/y.h5", got, sizeof got));
    (void)snprintf(want, sizeof want, "/x/.y.h5.%s-%ld.tmp", host, (long)getpid());
    assert_string_equal(got, want);
    OK(pleat_file_temporary("y.h5", got, sizeof got));
    (void)snprintf(want, sizeof want, ".y.h5.%s-%ld.tmp", host, (long)getpid());
    assert_string_equal(got, want);
}

static void test_the_digest_is_fnv_1a_and_chains(void **state) {
    (void)state;
    /* test vectors of the FNV reference code (test_fnv.c), 64-bit FNV-1a */
    static const struct {
        const char *text;
        const char *hex;
    } rows[] = {
        {"", "cbf29ce484222325"}, {"a", "af63dc4c8601ec8c"}, {"foobar", "85944171f73967e8"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char hex[17];
        pleat_digest_hex(pleat_digest(0, rows[i].text, strlen(rows[i].text)), hex);
        assert_string_equal(hex, rows[i].hex);
    }
    assert_true(pleat_digest(pleat_digest(0, "foo", 3), "bar", 3) == pleat_digest(0, "foobar", 6));
}

static void put(const char *name, const char *text, size_t n) {
    OK(pleat_file_write_atomic(in_root(NULL, name), text, n));
}

static void test_leftovers_go_by_name_and_age_and_nothing_else_does(void **state) {
    (void)state;
    static const char *const names[] = {"l/.a.nii.gz.host-1.tmp",
                                        "l/.a.nii.host-1.tmp",
                                        "l/.b.nii.gz.host-2.tmp",
                                        "l/a.nii.gz",
                                        "l/.lock",
                                        "l/c.tmp",
                                        "l/.mine.tmp",
                                        "l/.notes-2.tmp",
                                        "l/.x.v1-final.tmp"};
    OK(pleat_file_make_folder(in_root(NULL, "l")));
    for (size_t i = 0; i < COUNT(names); i++) put(names[i], "x", 1);
    /* neither are a link and a folder of such a name ours */
    assert_int_equal(symlink("a.nii.gz", in_root(NULL, "l/.d.nii.gz.host-3.tmp")), 0);
    assert_int_equal(mkdir(in_root(NULL, "l/.e.nii.gz.host-3.tmp"), 0777), 0);
    pleat_file_remove_leftovers(in_root(NULL, "l"), NULL, (double)time(NULL) - 3600);
    assert_int_equal(entries_of(in_root(NULL, "l")), 11);
    pleat_file_remove_leftovers(in_root(NULL, "l"), "a.nii.gz", INFINITY);
    assert_int_equal(entries_of(in_root(NULL, "l")), 10);
    assert_false(pleat_file_exists(in_root(NULL, names[0])));
    pleat_file_remove_leftovers(in_root(NULL, "l"), NULL, INFINITY);
    assert_int_equal(entries_of(in_root(NULL, "l")), 8);
    for (int i = 3; i < 9; i++) assert_true(pleat_file_exists(in_root(NULL, names[i])));
    pleat_file_remove_leftovers(in_root(NULL, "not there"), NULL, INFINITY);
}

static void test_what_is_no_file_is_not_read(void **state) {
    (void)state;
    char *text = NULL, path[PLEAT_PATH_BYTES];
    pleat_file_identity identity;
    (void)in_root(path, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    REFUSED(pleat_file_read_all(path, &text, NULL), PLEAT_ERR_IO, "a pipe or a device");
    REFUSED(pleat_file_identify(path, &identity), PLEAT_ERR_IO, "a pipe or a device");
    REFUSED(pleat_file_read_all("/dev/zero", &text, NULL), PLEAT_ERR_IO, "a pipe or a device");
    REFUSED(pleat_file_read_all(root, &text, NULL), PLEAT_ERR_IO, "a folder");
    (void)in_root(path, "long"); /* a hole: no byte of it is on the disk */
    put("long", "", 0);
    assert_int_equal(truncate(path, PLEAT_TEXT_BYTES + 1), 0);
    REFUSED(pleat_file_read_all(path, &text, NULL), PLEAT_ERR_IO, "has 268435457 bytes");
}

/* A link, and what it leads to: text that has to stay. */
static void link_to_precious(const char *name, char path[PLEAT_PATH_BYTES]) {
    put("precious", "precious", 8);
    (void)in_root(path, name);
    assert_int_equal(symlink(in_root(NULL, "precious"), path), 0);
}

static void assert_precious(void) {
    char *text = NULL;
    OK(pleat_file_read_all(in_root(NULL, "precious"), &text, NULL));
    assert_string_equal(text, "precious");
    free(text);
}

static void test_nothing_is_written_through_a_link(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES], temporary[PLEAT_PATH_BYTES], *text = NULL;
    int fd = -1;
    link_to_precious("written", path);
    OK(pleat_file_write_atomic(path, "new", 3));
    assert_precious();
    OK(pleat_file_temporary(path, temporary, sizeof temporary));
    assert_int_equal(symlink(in_root(NULL, "precious"), temporary), 0);
    OK(pleat_file_write_atomic(path, "newer", 5));
    assert_precious();
    OK(pleat_file_read_all(path, &text, NULL));
    assert_string_equal(text, "newer");
    free(text);
    link_to_precious("appended", path);
    REFUSED(pleat_file_append(path, &fd), PLEAT_ERR_IO, "is a link");
    REFUSED(pleat_log_open(path, 0), PLEAT_ERR_IO, "is a link");
    assert_precious();
    (void)in_root(path, "appended to a pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    REFUSED(pleat_file_append(path, &fd), PLEAT_ERR_IO, "a pipe");
    (void)in_root(path, "appended to a file");
    for (int i = 0; i < 2; i++) {
        OK(pleat_file_append(path, &fd));
        assert_int_equal(write(fd, "line\n", 5), 5);
        assert_int_equal(close(fd), 0);
    }
    OK(pleat_file_read_all(path, &text, NULL));
    assert_string_equal(text, "line\nline\n");
    free(text);
}

static void test_a_lock_is_written_into_no_file_but_a_lock(void **state) {
    (void)state;
    char path[PLEAT_PATH_BYTES], *text = NULL;
    pleat_lock *lock = NULL;
    OK(pleat_file_make_folder(in_root(NULL, "locks")));
    link_to_precious("locks/.lock", path);
    REFUSED(pleat_lock_take(in_root(NULL, "locks"), &lock), PLEAT_ERR_IO, "move it away");
    assert_precious();
    assert_int_equal(unlink(path), 0);
    put("locks/.lock", "a diary", 7);
    REFUSED(pleat_lock_share(in_root(NULL, "locks"), &lock), PLEAT_ERR_IO, "no lock of pleat");
    OK(pleat_file_read_all(path, &text, NULL));
    assert_string_equal(text, "a diary");
    free(text);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    REFUSED(pleat_lock_take(in_root(NULL, "locks"), &lock), PLEAT_ERR_IO, "no lock of pleat");
    assert_int_equal(unlink(path), 0);
    for (int shared = 0; shared < 2; shared++) { /* what we left is ours */
        OK(shared ? pleat_lock_share(in_root(NULL, "locks"), &lock)
                  : pleat_lock_take(in_root(NULL, "locks"), &lock));
        pleat_lock_release(lock);
    }
    OK(pleat_lock_take(in_root(NULL, "locks"), &lock));
    pleat_lock_release(lock);
}

static int same_identity(pleat_file_identity a, pleat_file_identity b) {
    return a.bytes == b.bytes && a.digest == b.digest;
}

static void test_a_file_is_another_when_a_byte_is_and_not_by_name_or_time(void **state) {
    (void)state;
    enum { N = 3 << 20, END = 1 << 20 };
    static char bytes[N];
    const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    pleat_file_identity first, now;
    for (int packed = 0; packed < 2; packed++) {
        for (int i = 0; i < N; i++) bytes[i] = (char)(i * 7 % 251);
        memcpy(bytes, packed ? "\x1f\x8b" : "\x5c\x01", 2); /* gzip's first bytes; NIfTI-1's */
        put("identity", bytes, N);
        OK(pleat_file_identify(in_root(NULL, "identity"), &first));
        const uint64_t head = pleat_digest(0, bytes, packed ? END : N);
        assert_true(first.bytes == N);
        assert_true(first.digest == (packed ? pleat_digest(head, bytes + N - END, END) : head));
        put("other name", bytes, N);
        assert_int_equal(utimensat(AT_FDCWD, in_root(NULL, "other name"), long_ago, 0), 0);
        OK(pleat_file_identify(in_root(NULL, "other name"), &now));
        assert_true(same_identity(first, now));
        /* the CRC-32 of a gzip file, any byte of another */
        static const int changed[2] = {N / 2, N - 8};
        bytes[changed[packed]]++;
        put("identity", bytes, N);
        OK(pleat_file_identify(in_root(NULL, "identity"), &now));
        assert_false(same_identity(first, now));
        put("identity", bytes, N - 1);
        OK(pleat_file_identify(in_root(NULL, "identity"), &now));
        assert_true(now.bytes == N - 1);
    }
    REFUSED(pleat_file_identify(in_root(NULL, "absent"), &now), PLEAT_ERR_NOT_FOUND,
            in_root(NULL, "absent"));
    assert_int_equal(pleat_file_identify(root, &now), PLEAT_ERR_IO);
}

static void test_a_taken_folder_is_refused_naming_its_holder_until_released(void **state) {
    (void)state;
    char pid[32];
    pleat_lock *first = NULL, *second = NULL;
    (void)snprintf(pid, sizeof pid, "pid %ld,", (long)getpid());
    assert_int_equal(setenv("SLURM_JOB_ID", "4711", 1), 0);
    OK(pleat_file_make_folder(in_root(NULL, "run")));
    OK(pleat_lock_take(in_root(NULL, "run"), &first));
    assert_int_equal(pleat_lock_take(in_root(NULL, "run"), &second), PLEAT_ERR_BUSY);
    assert_null(second);
    char host[256] = "";
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    const char *told[] = {in_root(NULL, "run"), pid, "job 4711", host};
    for (size_t i = 0; i < COUNT(told); i++) TOLD(told[i]);
    pleat_lock_release(first);
    OK(pleat_lock_take(in_root(NULL, "run"), &second));
    pleat_lock_release(second);
    pleat_lock_release(NULL);
    assert_int_equal(unsetenv("SLURM_JOB_ID"), 0);
}

static void test_a_folder_is_shared_or_taken_never_both(void **state) {
    (void)state;
    pleat_lock *one = NULL, *other = NULL, *whole = NULL;
    OK(pleat_file_make_folder(in_root(NULL, "shared")));
    OK(pleat_lock_share(in_root(NULL, "shared"), &one));
    OK(pleat_lock_share(in_root(NULL, "shared"), &other));
    assert_int_equal(pleat_lock_take(in_root(NULL, "shared"), &whole), PLEAT_ERR_BUSY);
    pleat_lock_release(one);
    REFUSED(pleat_lock_take(in_root(NULL, "shared"), &whole), PLEAT_ERR_BUSY, "pid ");
    pleat_lock_release(other);
    OK(pleat_lock_take(in_root(NULL, "shared"), &whole));
    assert_int_equal(pleat_lock_share(in_root(NULL, "shared"), &other), PLEAT_ERR_BUSY);
    pleat_lock_release(whole);
}

static void test_a_killed_holder_holds_nothing(void **state) {
    (void)state;
    int ready[2];
    OK(pleat_file_make_folder(in_root(NULL, "killed")));
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        pleat_lock *lock = NULL;
        const char ok = pleat_lock_take(in_root(NULL, "killed"), &lock) == PLEAT_OK ? 1 : 0;
        if (write(ready[1], &ok, 1) == 1) (void)pause();
        _exit(1);
    }
    char ok = 0;
    assert_int_equal(read(ready[0], &ok, 1), 1);
    assert_true(ok);
    pleat_lock *lock = NULL;
    char pid[32];
    (void)snprintf(pid, sizeof pid, "pid %ld,", (long)child);
    REFUSED(pleat_lock_take(in_root(NULL, "killed"), &lock), PLEAT_ERR_BUSY, pid);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    OK(pleat_lock_take(in_root(NULL, "killed"), &lock));
    pleat_lock_release(lock);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

/* Values of the xxHash library, one of each way through the code. */
static void test_large_digests_are_xxh64(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t digest;
    } rows[] = {
        {"", 0xef46db3751d8e999},
        {"abc", 0x44bc2cf5ad770999},
        {"Nobody inspects the spammish repetition", 0xfbcea83c8a378bf1},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_true(pleat_digest_large(0, rows[i].text, strlen(rows[i].text)) == rows[i].digest);
    char bytes[100] = {0};
    const uint64_t zeros = pleat_digest_large(7, bytes, sizeof bytes);
    assert_true(zeros != pleat_digest_large(8, bytes, sizeof bytes));
    for (size_t i = 0; i < 8 * sizeof bytes; i++) {
        bytes[i / 8] ^= (char)(1 << i % 8);
        assert_true(zeros != pleat_digest_large(7, bytes, sizeof bytes));
        bytes[i / 8] ^= (char)(1 << i % 8);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read_back_and_no_temporary_stays),
        cmocka_unit_test(test_a_failed_write_names_path_and_reason_and_leaves_nothing),
        cmocka_unit_test(test_of_a_full_disk_the_cure_is_told),
        cmocka_unit_test(test_an_absent_file_is_not_found_and_a_folder_is_no_file),
        cmocka_unit_test(test_folders_are_made_with_their_parents_and_made_twice),
        cmocka_unit_test(test_a_path_is_inside_a_folder_by_what_it_is_and_not_by_its_name),
        cmocka_unit_test(test_a_path_that_does_not_fit_is_refused),
        cmocka_unit_test(test_a_temporary_lies_hidden_beside_its_file),
        cmocka_unit_test(test_the_digest_is_fnv_1a_and_chains),
        cmocka_unit_test(test_leftovers_go_by_name_and_age_and_nothing_else_does),
        cmocka_unit_test(test_what_is_no_file_is_not_read),
        cmocka_unit_test(test_nothing_is_written_through_a_link),
        cmocka_unit_test(test_a_lock_is_written_into_no_file_but_a_lock),
        cmocka_unit_test(test_a_file_is_another_when_a_byte_is_and_not_by_name_or_time),
        cmocka_unit_test(test_a_taken_folder_is_refused_naming_its_holder_until_released),
        cmocka_unit_test(test_a_folder_is_shared_or_taken_never_both),
        cmocka_unit_test(test_a_killed_holder_holds_nothing),
        cmocka_unit_test(test_large_digests_are_xxh64),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
