/*
 * bytes.cpp - what each kernel moves between the device's memory and its multiprocessors.
 *
 * While a kernel runs all device memory is locked. The first read of a page, and its first write,
 * are faults, which open it and are counted: so a kernel's count is that of a cache that keeps all
 * it has read until the kernel ends. A page is 4 KiB: of a tensor whose channels are a part of a
 * wider one the whole is counted. What is only added to, in one instruction, counts as written.
 */
#include "emulator.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace {

const uintptr_t PAGE = 4096;
const greg_t WRITE = 2; /* in the error code of a page fault */

struct Count {
    size_t launches, read, written;
};
std::map<std::string, Count> counts;
Count *now; /* of the kernel that runs */

void on_fault(int number, siginfo_t *info, void *context) {
    const uintptr_t page = (uintptr_t)info->si_addr / PAGE * PAGE;
    if (now == nullptr || !emulator::is_device(info->si_addr)) {
        (void)signal(number, SIG_DFL); /* the access is made again, and ends the process */
        return;
    }
    const bool write = ((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & WRITE;
    (write ? now->written : now->read) += PAGE;
    (void)mprotect((void *)page, PAGE, write ? PROT_READ | PROT_WRITE : PROT_READ);
}

void print() {
    FILE *out = fopen(getenv("PLEAT_TEST_GPU_BYTES"), "w");
    if (out == nullptr) emulator::broken("the file of PLEAT_TEST_GPU_BYTES cannot be written");
    for (const auto &[name, c] : counts)
        (void)fprintf(out, "%s\t%zu\t%zu\t%zu\n", name.c_str(), c.launches, c.read, c.written);
    (void)fclose(out);
}

bool begin() {
    if (getenv("PLEAT_TEST_GPU_BYTES") == nullptr) return false;
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    (void)sigaction(SIGSEGV, &action, nullptr);
    (void)atexit(print);
    return true;
}

} // namespace

void emulator::count(const char *name, const std::function<void()> &work) {
    static const bool counting = begin();
    if (!counting) {
        work();
        return;
    }
    now = &counts[name];
    now->launches++;
    protect_memory(PROT_NONE);
    work();
    protect_memory(PROT_READ | PROT_WRITE);
    now = nullptr;
}
