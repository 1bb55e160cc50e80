/*
 * runtime.cpp - the CUDA runtime: memory, streams, events, graphs.
 *
 * A stream is a queue. Its work is done when somebody waits for it, for an event in it, or for a
 * stream that waits for such an event; with PLEAT_TEST_GPU=eager at once.
 */
#include "emulator.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

using emulator::broken;

typedef std::function<void()> Work;

struct CUstream_st {
    std::deque<Work> queue;
    uint64_t queued, done;       /* pieces of work, ever */
    struct CUgraph_st *capture;  /* what is enqueued goes there; NULL: nowhere */
    bool began;                  /* this stream began the capture; else it joined */
    uint64_t captured, rejoined; /* pieces of work in the capture; those its beginner waits for */
};

struct CUevent_st {
    CUstream_st *stream; /* of the last record; NULL: none yet */
    uint64_t ticket;     /* it has happened when stream->done >= ticket */
    struct CUgraph_st *capture;
    double time_ms;
};

struct CUgraph_st {
    std::vector<Work> work;
};
struct CUgraphExec_st {
    std::vector<Work> work;
};

namespace {

const size_t ALIGNMENT = 256; /* as cudaMalloc's */
const int PROCESSORS = 4;     /* multiprocessors */

struct Block { /* of device memory: whole pages between two that nobody may touch */
    char *pages;
    size_t page_bytes, bytes;
    bool open; /* it may be touched */
};

std::map<uintptr_t, Block> blocks;  /* by address of the data */
std::map<uintptr_t, size_t> pinned; /* host memory */
CUstream_st default_stream;
std::set<CUstream_st *> streams = {&default_stream};
cudaError_t last_error = cudaSuccess;
int depth; /* > 0: the device works */
int device;

const Block *block_of(const void *data) {
    auto next = blocks.upper_bound((uintptr_t)data);
    if (next == blocks.begin()) return nullptr;
    const auto &[start, block] = *--next;
    return (uintptr_t)data < start + block.bytes || (uintptr_t)data == start ? &block : nullptr;
}

/* A handle, or one of the names of the default stream: 0, 1 and 2. */
CUstream_st *real(cudaStream_t s) { return (uintptr_t)s <= 2 ? &default_stream : s; }

bool is_pinned(const void *data) {
    auto next = pinned.upper_bound((uintptr_t)data);
    if (next == pinned.begin()) return false;
    --next;
    return (uintptr_t)data < next->first + next->second;
}

void set_access(Block &block, int access) {
    if (mprotect(block.pages, block.page_bytes, access) != 0) broken("mprotect failed");
    block.open = access != PROT_NONE;
}

/* A piece of work touches few of the blocks: while the device works, each is opened where it is
 * first touched. bytes.cpp, which counts such faults itself, wants all of them open. */
const bool by_fault = getenv("PLEAT_TEST_GPU_BYTES") == nullptr;
std::vector<uintptr_t> opened; /* blocks that are, by address; some may be gone */
struct sigaction hosts;        /* what the host does about a fault */

void on_fault(int number, siginfo_t *info, void *) {
    const uintptr_t at = (uintptr_t)info->si_addr;
    auto next = blocks.upper_bound(at); /* the data may begin behind `at`, on its page */
    for (int i = 0; depth > 0 && i < 2; i++) {
        if (next != blocks.end()) {
            auto &[start, block] = *next;
            if (!block.open && at - (uintptr_t)block.pages < block.page_bytes) {
                set_access(block, PROT_READ | PROT_WRITE);
                opened.push_back(start);
                return;
            }
        }
        if (next == blocks.begin()) break;
        --next;
    }
    (void)sigaction(number, &hosts, nullptr); /* the access is made again */
}

void listen_for_faults() {
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    (void)sigaction(SIGSEGV, &action, &hosts);
}

void protect(int access) {
    if (!by_fault)
        for (auto &entry : blocks) set_access(entry.second, access);
    if (!by_fault || access != PROT_NONE) return;
    for (const uintptr_t start : opened) {
        auto found = blocks.find(start);
        if (found != blocks.end() && found->second.open) set_access(found->second, PROT_NONE);
    }
    opened.clear();
}

struct Working { /* while one exists, device memory may be used */
    Working() {
        if (depth++ > 0) return;
        if (by_fault) listen_for_faults();
        protect(PROT_READ | PROT_WRITE);
    }
    ~Working() {
        if (--depth > 0) return;
        protect(PROT_NONE);
        if (by_fault) (void)sigaction(SIGSEGV, &hosts, nullptr);
    }
};

void run_one(CUstream_st *s) {
    Work work = std::move(s->queue.front());
    s->queue.pop_front();
    work();
    s->done++;
}

void run_until(CUstream_st *s, uint64_t ticket) {
    if (s->done >= ticket) return;
    const Working now;
    while (s->done < ticket) {
        if (s->queue.empty()) broken("a stream waits for what was never enqueued");
        run_one(s);
    }
}

void run_all(CUstream_st *s) { run_until(s, s->queued); }

bool eager() {
    static const char *mode = getenv("PLEAT_TEST_GPU");
    return mode != nullptr && strcmp(mode, "eager") == 0;
}

void push(cudaStream_t stream, Work work) {
    CUstream_st *s = real(stream);
    if (s->capture != nullptr) {
        s->capture->work.push_back(std::move(work));
        s->captured++;
        return;
    }
    s->queue.push_back(std::move(work));
    s->queued++;
    if (eager()) run_all(s);
}

int device_count() {
    const char *text = getenv("PLEAT_TEST_GPUS");
    return text != nullptr ? atoi(text) : 1;
}

} // namespace

/* --- for the other libraries ------------------------------------------------------------------ */

void emulator::broken(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "GPU emulator: ");
    (void)vfprintf(stderr, format, arguments);
    (void)fprintf(stderr, "\n");
    va_end(arguments);
    abort();
}

void emulator::enqueue(cudaStream_t stream, Work work) { push(stream, std::move(work)); }

void emulator::want_device(const void *data, size_t bytes, const char *what) {
    const Block *block = block_of(data);
    if (block == nullptr) broken("%s is not device memory", what);
    const uintptr_t end = (uintptr_t)block->pages + block->page_bytes;
    if ((uintptr_t)data + bytes > end) broken("%s is %zu bytes, more than there are", what, bytes);
}

void emulator::set_error(cudaError_t code) { last_error = code; }

float emulator::from_bf16(uint16_t half) {
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t emulator::to_bf16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (std::isnan(value)) return 0x7fff;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void emulator::protect_memory(int access) { protect(access); }
bool emulator::is_device(const void *data) { return block_of(data) != nullptr; }

static std::map<const void *, size_t> &shared_limits() {
    static std::map<const void *, size_t> limits;
    return limits;
}

size_t emulator::most_shared(const void *kernel) {
    const auto found = shared_limits().find(kernel);
    return found == shared_limits().end() ? 48 << 10 : found->second;
}

extern "C" {

/* --- devices ---------------------------------------------------------------------------------- */

cudaError_t cudaDriverGetVersion(int *version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int *count) {
    *count = device_count();
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int number) {
    if (number < 0 || number >= device_count()) return cudaErrorInvalidDevice;
    device = number;
    return cudaSuccess;
}
cudaError_t cudaGetDevice(int *number) {
    *number = device;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr what, int) {
    *value = what == cudaDevAttrMultiProcessorCount ? PROCESSORS : 9; /* else the capability */
    return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *, int, size_t) {
    *blocks = 2;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetPCIBusId(char *out, int size, int number) {
    (void)snprintf(out, (size_t)size, "0000:%02x:00.0", number + 1);
    return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void *kernel, enum cudaFuncAttribute what, int value) {
    if (what != cudaFuncAttributeMaxDynamicSharedMemorySize)
        emulator::broken("cudaFuncSetAttribute: attribute %d is not emulated", (int)what);
    if (value < 0 || (size_t)value > emulator::MOST_SHARED) return cudaErrorInvalidValue;
    shared_limits()[kernel] = (size_t)value;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int) {
    memset(p, 0, sizeof *p);
    (void)snprintf(p->name, sizeof p->name, "Emulated GPU");
    p->major = 9;
    p->totalGlobalMem = (size_t)16 << 30;
    p->multiProcessorCount = PROCESSORS;
    return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t *unused, size_t *total) {
    *total = (size_t)16 << 30;
    *unused = *total;
    for (const auto &entry : blocks) *unused -= entry.second.bytes;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize(void) {
    for (CUstream_st *s : streams) run_all(s);
    return cudaSuccess;
}

/* --- errors ----------------------------------------------------------------------------------- */

cudaError_t cudaGetLastError(void) {
    const cudaError_t code = last_error;
    last_error = cudaSuccess;
    return code;
}
cudaError_t cudaPeekAtLastError(void) { return last_error; }
const char *cudaGetErrorName(cudaError_t code) {
    return code == cudaSuccess ? "cudaSuccess" : "cudaErrorEmulated";
}
const char *cudaGetErrorString(cudaError_t code) {
    return code == cudaSuccess ? "no error" : "an error of the GPU emulator";
}

/* --- memory ----------------------------------------------------------------------------------- */

cudaError_t cudaMalloc(void **out, size_t bytes) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t wanted = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    const size_t inside = (wanted + page - 1) / page * page + (wanted == 0 ? page : 0);
    char *all = (char *)mmap(nullptr, inside + 2 * page, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) return cudaErrorMemoryAllocation;
    (void)madvise(all, inside + 2 * page, MADV_HUGEPAGE);      /* fewer entries to protect */
    char *pages = all + page, *data = pages + inside - wanted; /* the end is at the page's */
    (void)mprotect(pages, inside, PROT_READ | PROT_WRITE);
    memset(pages, 0xff, inside); /* NaN, float or bf16 */
    if (depth == 0 || by_fault) (void)mprotect(pages, inside, PROT_NONE);
    blocks[(uintptr_t)data] = {pages, inside, bytes, depth > 0 && !by_fault};
    *out = data;
    return cudaSuccess;
}

cudaError_t cudaFree(void *data) {
    if (data == nullptr) return cudaSuccess;
    auto found = blocks.find((uintptr_t)data);
    if (found == blocks.end()) broken("cudaFree of what cudaMalloc did not return");
    (void)cudaDeviceSynchronize();
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    (void)munmap(found->second.pages - page, found->second.page_bytes + 2 * page);
    blocks.erase(found);
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **out, size_t bytes) {
    *out = malloc(bytes);
    if (*out == nullptr) return cudaErrorMemoryAllocation;
    memset(*out, 0xff, bytes);
    pinned[(uintptr_t)*out] = bytes;
    return cudaSuccess;
}
cudaError_t cudaHostAlloc(void **out, size_t bytes, unsigned) { return cudaMallocHost(out, bytes); }

cudaError_t cudaFreeHost(void *data) {
    if (data == nullptr) return cudaSuccess;
    if (pinned.erase((uintptr_t)data) == 0) broken("cudaFreeHost of what it did not allocate");
    (void)cudaDeviceSynchronize();
    free(data);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *data, int value, size_t bytes, cudaStream_t stream) {
    if (bytes > 0) emulator::want_device(data, bytes, "cudaMemsetAsync's memory");
    push(stream, [=] { emulator::count("memset", [&] { memset(data, value, bytes); }); });
    return cudaSuccess;
}

/* Pageable host memory is copied through a buffer of the driver: the way down waits, the way up
 * has read it when the call returns. */
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
    if (bytes == 0) return cudaSuccess;
    if (kind != cudaMemcpyHostToDevice) emulator::want_device(from, bytes, "a copy's source");
    if (kind != cudaMemcpyDeviceToHost) emulator::want_device(to, bytes, "a copy's target");
    const bool up = kind == cudaMemcpyHostToDevice && !is_pinned(from);
    const bool down = kind == cudaMemcpyDeviceToHost && !is_pinned(to);
    if (real(stream)->capture != nullptr && (up || down))
        broken("a copy of pageable memory was captured");
    if (up) {
        const auto kept =
            std::make_shared<std::vector<char>>((const char *)from, (const char *)from + bytes);
        push(stream, [=] { emulator::count("memcpy", [&] { memcpy(to, kept->data(), bytes); }); });
    } else
        push(stream, [=] { emulator::count("memcpy", [&] { memcpy(to, from, bytes); }); });
    if (down) run_all(real(stream));
    return cudaSuccess;
}

/* Of the default stream, which the others, made non-blocking, do not wait for. */
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {
    if (kind != cudaMemcpyHostToDevice) emulator::want_device(from, bytes, "a copy's source");
    if (kind != cudaMemcpyDeviceToHost) emulator::want_device(to, bytes, "a copy's target");
    run_all(&default_stream);
    const Working now;
    memcpy(to, from, bytes);
    return cudaSuccess;
}

/* --- streams and events ----------------------------------------------------------------------- */

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *out, unsigned flags, int) {
    if (flags != cudaStreamNonBlocking) broken("a stream that waits for the default stream");
    *out = new CUstream_st{};
    streams.insert(*out);
    return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags) {
    return cudaStreamCreateWithPriority(out, flags, 0);
}
cudaError_t cudaStreamDestroy(cudaStream_t s) {
    run_all(s);
    streams.erase(s);
    delete s;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    CUstream_st *s = real(stream);
    if (s->capture != nullptr) return cudaErrorStreamCaptureUnsupported;
    run_all(s);
    return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
    CUstream_st *s = real(stream);
    if (s->capture != nullptr) return cudaErrorStreamCaptureUnsupported;
    if (s->queue.empty()) return cudaSuccess;
    run_until(s, s->done + 1);
    if (s->queue.empty()) return cudaSuccess;
    last_error = cudaErrorNotReady; /* as the real one leaves it */
    return cudaErrorNotReady;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned) {
    *out = new CUevent_st{};
    return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t *out) { return cudaEventCreateWithFlags(out, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    CUstream_st *s = real(stream);
    event->capture = s->capture;
    event->stream = s;
    push(s, [] {});
    event->ticket = s->capture != nullptr ? s->captured : s->queued;
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    if (event->capture != nullptr) broken("the host waits for an event of a capture");
    if (event->stream != nullptr) run_until(event->stream, event->ticket);
    return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
    if (event->stream == nullptr || event->stream->done >= event->ticket) return cudaSuccess;
    run_until(event->stream, event->stream->done + 1);
    return event->stream->done >= event->ticket ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventElapsedTime(float *out, cudaEvent_t, cudaEvent_t) {
    static float time = 2.0f; /* each is a little faster: the last candidate wins */
    *out = time = 1.0f + 0.999f * (time - 1.0f);
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    CUstream_st *s = real(stream);
    if (event->capture !=
        nullptr) { /* the stream joins the capture; order in it is that of calls */
        if (s->capture != nullptr && s->capture != event->capture) broken("two captures meet");
        if (s->capture == nullptr) s->captured = s->rejoined = 0;
        s->capture = event->capture;
        if (s->began && event->stream != s) event->stream->rejoined = event->ticket;
        return cudaSuccess;
    }
    if (s->capture != nullptr) return cudaErrorStreamCaptureIsolation;
    CUstream_st *other = event->stream;
    const uint64_t ticket = event->ticket;
    if (other != nullptr && other != s) push(s, [=] { run_until(other, ticket); });
    return cudaSuccess;
}

/* The function is the host's: it may not read the device's memory. */
cudaError_t cudaLaunchHostFunc(cudaStream_t s, cudaHostFn_t function, void *context) {
    push(s, [=] {
        const int working = depth;
        protect(PROT_NONE);
        depth = 0;
        function(context);
        depth = working;
        protect(PROT_READ | PROT_WRITE);
    });
    return cudaSuccess;
}

/* --- graphs ----------------------------------------------------------------------------------- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode) {
    CUstream_st *s = real(stream);
    if (s->capture != nullptr) return cudaErrorIllegalState;
    s->capture = new CUgraph_st;
    s->began = true;
    return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, enum cudaStreamCaptureStatus *out) {
    CUstream_st *s = real(stream);
    *out = s->capture != nullptr ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *out) {
    CUstream_st *s = real(stream);
    if (s->capture == nullptr || !s->began) return cudaErrorIllegalState;
    *out = s->capture;
    cudaError_t code = cudaSuccess;
    for (CUstream_st *other : streams) {
        if (other->capture != s->capture || other == s) continue;
        if (other->rejoined < other->captured) code = cudaErrorStreamCaptureUnjoined;
        other->capture = nullptr;
    }
    s->capture = nullptr;
    s->began = false;
    return code;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long) {
    *out = new CUgraphExec_st{graph->work};
    return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t s) {
    push(s, [=] {
        for (const Work &work : graph->work) work();
    });
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
    (void)cudaDeviceSynchronize();
    delete graph;
    return cudaSuccess;
}

} /* extern "C" */
