/* nccl.cpp - NCCL between processes of one machine, through a piece of shared memory. */
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

    void meet() {
        const unsigned round = shared->round;
        const double start = now_s();
        if (++shared->arrived == (unsigned)size) {
            shared->arrived = 0;
            shared->round++;
        }
        while (shared->round == round) {
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
    if (config->blocking != 0) broken("NCCL: a blocking communicator may wait for ever");
    const int file = shm_open(id.internal, O_RDWR, 0600);
    if (file < 0) return ncclSystemError;
    void *shared = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    (void)close(file);
    if (shared == MAP_FAILED) return ncclSystemError;
    *out = new ncclComm{(Shared *)shared, rank, size};
    (*out)->meet();
    if (rank == 0) (void)shm_unlink(id.internal);
    return ncclInProgress; /* as a non-blocking one answers; the next question says it is done */
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t *out) {
    *out = ncclSuccess;
    return ncclSuccess;
}
ncclResult_t ncclCommFinalize(ncclComm_t) { return ncclSuccess; }
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
    (void)munmap(comm->shared, sizeof(Shared));
    delete comm;
    return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t comm) { return ncclCommDestroy(comm); }

ncclResult_t ncclAllReduce(const void *from, void *to, size_t n, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
    if (from != to || op != ncclSum) broken("NCCL: only sums in place are emulated");
    if (type != ncclFloat32 && type != ncclFloat64) broken("NCCL: type %d", (int)type);
    emulator::enqueue(stream, [=] {
        emulator::want_device(to, n * (type == ncclFloat64 ? 8 : 4), "NCCL: what is summed");
        type == ncclFloat64 ? comm->sum<double>(to, n) : comm->sum<float>(to, n);
    });
    return ncclSuccess;
}
ncclResult_t ncclBroadcast(const void *from, void *to, size_t n, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
    if (from != to || type != ncclUint8) broken("NCCL: only bytes in place are emulated");
    emulator::enqueue(stream, [=] {
        emulator::want_device(to, n, "NCCL: what is broadcast");
        comm->broadcast(to, n, root);
    });
    return ncclSuccess;
}

} /* extern "C" */
