/*
 * emulator.h - a GPU that is not there: enough of CUDA, cuDNN, cuBLASLt and NCCL, on the CPU, to
 * run the module's own code and kernels on a machine without a device.
 *
 * It is built from the module's sources as they are, with the calls of these libraries answered
 * here, and is stricter than a GPU:
 *   - device memory is readable only while the device works, and ends at a page nobody may touch:
 *     a host that reads it, and a kernel that leaves it, end with SIGSEGV;
 *   - fresh memory holds NaN;
 *   - nothing runs before somebody waits for it (PLEAT_TEST_GPU=eager: all of it at once), so work
 *     that relies on luck for its order fails in one of the two.
 * What it cannot show: speed, the libraries' rounding, and what they refuse.
 */
#ifndef PLEAT_TESTS_EMULATOR_H
#define PLEAT_TESTS_EMULATOR_H

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace emulator {

/* Ends the process with a line on stderr: the module broke a rule of the library named. */
[[noreturn]] void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Device work on a stream, in order; during a capture it becomes part of the graph. */
void enqueue(cudaStream_t stream, std::function<void()> work);

/* Does device work, and counts the pages of device memory that it reads and writes, where
 * PLEAT_TEST_GPU_BYTES names a file. bytes.cpp */
void count(const char *name, const std::function<void()> &work);

/* For counting: all device memory may be used so (PROT_...); the page at an address, false where
 * that is none of it. */
void protect_memory(int access);
bool is_device(const void *data);

/* Ends the process unless [data, data + bytes) is device memory (for `what` the message says). */
void want_device(const void *data, size_t bytes, const char *what);

/* The last launch was wrong: what cudaGetLastError returns next. */
void set_error(cudaError_t code);

/* Runs a kernel's threads, block by block, each of which finds NaN in its `shared` bytes of dynamic
 * shared memory. Called while the device works. */
void run_grid(dim3 grid, unsigned threads, size_t shared, const std::function<void()> &body);

/* Dynamic shared memory of a block: the most there is; the most a kernel may have. */
const size_t MOST_SHARED = 232448;
extern char shared_memory[MOST_SHARED];
size_t most_shared(const void *kernel);

/* bf16 to nearest even, and back. */
float from_bf16(uint16_t half);
uint16_t to_bf16(float value);

} // namespace emulator

#endif /* PLEAT_TESTS_EMULATOR_H */
