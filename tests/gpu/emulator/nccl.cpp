/*
 * nccl.cpp - NCCL between processes of one machine, through a piece of shared memory.
 *
 * A sum waits for its peers until another thread aborts the communicator; then it returns, and what
 * it was to sum is of no use. As in NCCL, to destroy or to abort a communicator returns when no
 * graph holds a sum of it any more.
 */
#include "emulator.h"

#include <nccl.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>

using emulator::broken;

namespace {

const int MOST_RANKS = 16;
const size_t CHUNK = 1 << 20; /* bytes that a rank shows the others at once */
const double LIMIT_S = 60;

struct Shared {
    std::atomic<unsigned> arrived, round;
    char chunks[MOST_RANKS][CHUNK];
};

double now_s() {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

} // namespace

struct ncclComm {
    Shared *shared;
    int rank, size;
    std::atomic<bool> aborted;
    std::atomic<int> graphs; /* pieces of work of graphs that are sums of it */
    ncclComm *before;        /* the one that was aborted before it */

    void meet() {
        if (aborted) return;
        const unsigned round = shared->round;
        const double start = now_s();
        if (++shared->arrived == (unsigned)size) {
            shared->arrived = 0;
            shared->round++;
        }
        while (shared->round == round && !aborted) {
            if (now_s() - start > LIMIT_S) broken("NCCL: rank %d waits for ever", rank);
            (void)usleep(20);
        }
    }
    template <typename T> void sum(void *data, size_t n) {
        const size_t most = CHUNK / sizeof(T);
        T *values = (T *)data;
        for (size_t at = 0; at < n; at += most) {
            const size_t count = std::min(most, n - at);
            memcpy(shared->chunks[rank], values + at, count * sizeof(T));
            meet();
            for (size_t i = 0; i < count; i++) {
                T total = 0;
                for (int r = 0; r < size; r++) total += ((const T *)shared->chunks[r])[i];
                values[at + i] = total;
            }
            meet();
        }
    }
    void broadcast(void *data, size_t bytes, int root) {
        for (size_t at = 0; at < bytes; at += CHUNK) {
            const size_t count = std::min(CHUNK, bytes - at);
            if (rank == root) memcpy(shared->chunks[root], (char *)data + at, count);
            meet();
            if (rank != root) memcpy((char *)data + at, shared->chunks[root], count);
            meet();
        }
    }
};

extern "C" {

const char *ncclGetErrorString(ncclResult_t) { return "an error of the GPU emulator"; }
const char *ncclGetLastError(ncclComm_t) { return ""; }

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
    static int made;
    (void)snprintf(id->internal, sizeof id->internal, "/pleat-emulator-%d-%d", (int)getpid(),
                   made++);
    const int file = shm_open(id->internal, O_CREAT | O_EXCL | O_RDWR, 0600);
    const bool sized = file >= 0 && ftruncate(file, sizeof(Shared)) == 0; /* zeros */
    if (file >= 0) (void)close(file);
    return sized ? ncclSuccess : ncclSystemError;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *out, int size, ncclUniqueId id, int rank,
                                    ncclConfig_t *config) {
    if (size > MOST_RANKS) broken("NCCL: %d ranks", size);
    if (config->blocking != 1) broken("NCCL: only a blocking communicator is emulated");
    const int file = shm_open(id.internal, O_RDWR, 0600);
    if (file < 0) return ncclSystemError;
    void *shared = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    (void)close(file);
    if (shared == MAP_FAILED) return ncclSystemError;
    *out = new ncclComm{(Shared *)shared, rank, size, {false}, {0}, nullptr};
    (*out)->meet();
    if (rank == 0) (void)shm_unlink(id.internal);
    return ncclSuccess;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t *out) {
    *out = ncclSuccess;
    return ncclSuccess;
}
ncclResult_t ncclCommFinalize(ncclComm_t) { return ncclSuccess; }
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
    if (comm->graphs > 0) broken("NCCL: a communicator is destroyed before a graph with its sums");
    (void)munmap(comm->shared, sizeof(Shared));
    delete comm;
    return ncclSuccess;
}
/* Called while the device may be in a sum of it, so its memory stays. */
ncclResult_t ncclCommAbort(ncclComm_t comm) {
    static std::atomic<ncclComm_t> aborted;
    comm->before = aborted.exchange(comm); /* not lost, says who looks for leaks */
    comm->aborted = true;
    while (comm->graphs > 0) (void)usleep(1000);
    return ncclSuccess;
}

} /* extern "C" */

namespace {

/* What a sum holds while it is part of a graph. */
std::shared_ptr<ncclComm> held_by_graph(ncclComm_t comm, cudaStream_t stream) {
    enum cudaStreamCaptureStatus capturing;
    (void)cudaStreamIsCapturing(stream, &capturing);
    if (capturing == cudaStreamCaptureStatusNone) return nullptr;
    comm->graphs++;
    return std::shared_ptr<ncclComm>(comm, [](ncclComm_t c) { c->graphs--; });
}

} // namespace

extern "C" {

ncclResult_t ncclAllReduce(const void *from, void *to, size_t n, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
    if (from != to || op != ncclSum) broken("NCCL: only sums in place are emulated");
    if (type != ncclFloat32 && type != ncclFloat64) broken("NCCL: type %d", (int)type);
    const auto held = held_by_graph(comm, stream);
    emulator::enqueue(stream, [=] {
        (void)held;
        emulator::want_device(to, n * (type == ncclFloat64 ? 8 : 4), "NCCL: what is summed");
        type == ncclFloat64 ? comm->sum<double>(to, n) : comm->sum<float>(to, n);
    });
    return ncclSuccess;
}
ncclResult_t ncclBroadcast(const void *from, void *to, size_t n, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
    if (from != to || type != ncclUint8) broken("NCCL: only bytes in place are emulated");
    const auto held = held_by_graph(comm, stream);
    emulator::enqueue(stream, [=] {
        (void)held;
        emulator::want_device(to, n, "NCCL: what is broadcast");
        comm->broadcast(to, n, root);
    });
    return ncclSuccess;
}

} /* extern "C" */
