/*
 * threads.cpp - the threads of a block as fibers of one process thread.
 *
 * A fiber runs until it waits for others. Where none of the first block's threads has waited,
 * the others are run as a plain loop.
 */
#include "kernel.h"

#include <setjmp.h>
#include <ucontext.h>

#include <cstdlib>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace {

const int MOST_THREADS = 1024, LANES = 32;
const size_t STACK = 128 << 10;

struct Fiber { /* entered by its context, then left and gone on with by jumps: no system call */
    ucontext_t context;
    jmp_buf left;
    char *stack;
    bool begun, done;
};

struct Meeting { /* of `wanted` threads; over when `round` changes */
    unsigned arrived, round;
};

Fiber fibers[MOST_THREADS];
jmp_buf scheduler;
unsigned current, alive, block_size;
Meeting block_meeting, warp_meeting[MOST_THREADS / LANES];
double slot[MOST_THREADS];
bool in_fibers, waited;
const std::function<void()> *body;

void yield() {
    if (_setjmp(fibers[current].left) == 0) _longjmp(scheduler, 1);
}

void end_when(Meeting *m, unsigned wanted) {
    if (m->arrived == 0 || m->arrived < wanted) return;
    m->arrived = 0;
    m->round++;
}

void meet(Meeting *m, unsigned wanted) {
    if (!in_fibers) emulator::broken("a kernel waits in some blocks only");
    waited = true;
    const unsigned round = m->round;
    m->arrived++;
    end_when(m, wanted);
    while (m->round == round) yield();
}

unsigned lanes_of(unsigned warp) {
    const unsigned left = block_size - warp * LANES;
    return left < (unsigned)LANES ? left : (unsigned)LANES;
}

void enter() {
    (*body)();
    fibers[current].done = true;
    alive--;
    end_when(&block_meeting, alive); /* who has left is not waited for */
    _longjmp(scheduler, 1);
}

void prepare(Fiber *f) {
    if (f->stack == nullptr) {
        f->stack = (char *)malloc(STACK);
        getcontext(&f->context);
        f->context.uc_stack.ss_sp = f->stack;
        f->context.uc_stack.ss_size = STACK;
        f->context.uc_link = nullptr;
    }
    f->begun = f->done = false;
    makecontext(&f->context, enter, 0);
}

/* Until it waits or ends. */
void run_fiber(Fiber *f) {
    if (_setjmp(scheduler) != 0) return;
    if (f->begun) _longjmp(f->left, 1);
    f->begun = true;
    setcontext(&f->context);
}

void run_fibers(unsigned threads) {
    in_fibers = true;
    alive = block_size = threads;
    block_meeting.arrived = 0;
    memset(warp_meeting, 0, sizeof warp_meeting);
    for (unsigned t = 0; t < threads; t++) prepare(&fibers[t]);
    while (alive > 0) {
        const unsigned before = alive;
        const unsigned round = block_meeting.round;
        unsigned warps = 0;
        for (const Meeting &m : warp_meeting) warps += m.round;
        for (current = 0; current < threads; current++) {
            if (fibers[current].done) continue;
            threadIdx = make_uint3(current, 0, 0);
            run_fiber(&fibers[current]);
        }
        for (const Meeting &m : warp_meeting) warps -= m.round;
        if (alive == before && round == block_meeting.round && warps == 0)
            emulator::broken("a kernel's threads wait for ever: not all of them arrive");
    }
    in_fibers = false;
}

} // namespace

void __syncthreads() { meet(&block_meeting, alive); }

double __shfl_xor_sync(unsigned mask, double value, int lanes) {
    if (mask != 0xffffffffu) emulator::broken("a shuffle among some lanes is not emulated");
    const unsigned me = current, warp = me / LANES, other = me ^ (unsigned)lanes;
    slot[me] = value;
    meet(&warp_meeting[warp], lanes_of(warp));
    const double result = other < block_size ? slot[other] : value;
    meet(&warp_meeting[warp], lanes_of(warp));
    return result;
}

unsigned __reduce_max_sync(unsigned mask, unsigned value) {
    for (int lanes = LANES / 2; lanes > 0; lanes /= 2) {
        const unsigned other = (unsigned)__shfl_xor_sync(mask, value, lanes);
        if (other > value) value = other;
    }
    return value;
}

alignas(1024) char emulator::shared_memory[emulator::MOST_SHARED];

void emulator::run_grid(dim3 grid, unsigned threads, size_t shared,
                        const std::function<void()> &work) {
    body = &work;
    gridDim = grid;
    blockDim = dim3(threads);
    waited = false;
    bool first = true;
    for (unsigned y = 0; y < grid.y; y++)
        for (unsigned x = 0; x < grid.x; x++) {
            blockIdx = make_uint3(x, y, 0);
            memset(shared_memory, 0xff, shared);
            if (first || waited) {
                run_fibers(threads);
                first = false;
                continue;
            }
            for (unsigned t = 0; t < threads; t++) {
                threadIdx = make_uint3(t, 0, 0);
                work();
            }
        }
}
