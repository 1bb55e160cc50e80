/* test_host_memory.c - the least limit of the cgroups of either version counts. */
#include "pleat/file.h"
#include "pleat/host_memory.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

static const char *const v2 = "30 23 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
static const char *const v1 =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
static const char *const in_container =
    "35 31 0:32 /docker/c0ffee /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";

static const struct machine {
    const char *mounts, *groups;
    struct {
        const char *path, *text;
    } files[3];
    double allowed; /* bytes; 0: the machine's */
} machines[] = {
    {"", "", {{NULL, NULL}}, 0},
    {NULL, "0::/job/step\n", {{"/sys/fs/cgroup/job/step/memory.max", "max\n"}}, 0},
    {NULL, "0::/job/step\n", {{"/sys/fs/cgroup/job/step/memory.max", "10000000\n"}}, 1e7},
    {NULL,
     "0::/job/step\n",
     {{"/sys/fs/cgroup/job/step/memory.max", "30000000\n"},
      {"/sys/fs/cgroup/job/memory.max", "20000000\n"},
      {"/sys/fs/cgroup/memory.max", "max\n"}},
     2e7},
    {NULL, "0::/\n", {{"/sys/fs/cgroup/memory.max", "50000000\n"}}, 5e7},
    {NULL, "0::/another\n", {{"/sys/fs/cgroup/job/memory.max", "20000000\n"}}, 0},
    {"v1",
     "4:memory:/batch/job_7\n0::/\n",
     {{"/sys/fs/cgroup/memory/batch/job_7/memory.limit_in_bytes", "40000000\n"},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}},
     4e7},
    {"v1",
     "4:cpu,memory:/batch\n1:cpu:/\n",
     {{"/sys/fs/cgroup/memory/batch/memory.limit_in_bytes", "9223372036854771712\n"}},
     0},
    {"container",
     "4:memory:/docker/c0ffee\n",
     {{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "60000000\n"}},
     6e7},
};

static void put(const char *under, const char *name, const char *text) {
    char path[PLEAT_PATH_BYTES], folder[PLEAT_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s%s", under, name);
    (void)snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    OK(pleat_file_make_folder(folder));
    OK(pleat_file_write(path, text, strlen(text)));
}

static void the_least_limit_of_all_cgroups_counts(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(machines); i++) {
        const struct machine *m = &machines[i];
        char number[32], name[PLEAT_PATH_BYTES];
        (void)snprintf(number, sizeof number, "machine%zu", i);
        (void)in_root(name, number);
        put(name, "/proc/self/cgroup", m->groups);
        const char *mounts = m->mounts;
        if (mounts == NULL)
            mounts = v2;
        else if (mounts[0] != '\0')
            mounts = strcmp(mounts, "v1") == 0 ? v1 : in_container;
        put(name, "/proc/self/mountinfo", mounts);
        for (int f = 0; f < 3 && m->files[f].path != NULL; f++)
            put(name, m->files[f].path, m->files[f].text);
        const pleat_host_memory memory = pleat_host_memory_under(name);
        const double expected = m->allowed > 0 ? m->allowed : memory.machine;
        if (memory.allowed != expected)
            fail_msg("machine %zu: %.0f bytes are allowed, not %.0f", i, memory.allowed, expected);
    }
}

static void the_store_gets_what_it_wants_and_no_more_than_seven_eighths(void **state) {
    (void)state;
    const pleat_host_memory memory = {16e9, 8e9};
    assert_true(pleat_host_memory_for_store(&memory, 4e9) == 4e9);
    assert_true(pleat_host_memory_for_store(&memory, 40e9) == 7e9);
}

static void this_machine_allows_something(void **state) {
    (void)state;
    const pleat_host_memory memory = pleat_host_memory_find();
    const double machine = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    assert_true(memory.machine == machine);
    assert_true(memory.allowed > 0 && memory.allowed <= machine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_limit_of_all_cgroups_counts),
        cmocka_unit_test(the_store_gets_what_it_wants_and_no_more_than_seven_eighths),
        cmocka_unit_test(this_machine_allows_something),
    };
    return cmocka_run_group_tests_name("host_memory", tests, make_root, remove_root);
}
