/*
 * status.h - what every function returns, and how an error travels.
 *
 * A function that can fail returns pleat_status and writes its results through
 * trailing out-parameters, which it touches only on success.
 *
 * The function that first decides something is wrong calls PLEAT_FAIL, once,
 * with a message a user can act on: it names the file, case, rank or key and what
 * to do. Everyone above it uses PLEAT_TRY, which adds one "at file:line in function"
 * frame and passes the code up unchanged. main() prints the message (with -v the
 * frames too) and leaves with the status's exit code; nobody else prints errors.
 */
#ifndef PLEAT_STATUS_H
#define PLEAT_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* name, value, exit code of the process, meaning */
#define PLEAT_STATUS_MAP(XX)                                            \
    XX(ERR_ARG, 1, 2, "invalid argument or configuration")              \
    XX(ERR_SHAPE, 2, 2, "shapes do not agree")                          \
    XX(ERR_UNSUPPORTED, 3, 2, "this build or machine cannot do that")   \
    XX(ERR_BUSY, 4, 2, "already in use by another process")             \
    XX(ERR_MEMORY, 5, 5, "out of memory")                               \
    XX(ERR_IO, 6, 3, "file could not be read or written")               \
    XX(ERR_FORMAT, 7, 3, "file is damaged or of an unknown format")     \
    XX(ERR_DATA, 8, 3, "data do not fit together")                      \
    XX(ERR_NOT_FOUND, 9, 3, "no such file, case, fold or dataset")      \
    XX(ERR_NUMERIC, 10, 4, "value is not finite")                       \
    XX(ERR_ENGINE, 11, 5, "compute library reported an error")          \
    XX(ERR_COMM, 12, 5, "communication library reported an error")      \
    XX(ERR_PEER, 13, 5, "another rank failed")                          \
    XX(ERR_REQUEUE, 14, 85, "checkpointed before the end; start again") \
    XX(ERR_INTERRUPTED, 15, 130, "interrupted")

typedef enum pleat_status {
    PLEAT_OK = 0,
#define XX(name, value, exit_code, text) PLEAT_##name = (value),
    PLEAT_STATUS_MAP(XX)
#undef XX
} pleat_status;

/* "ERR_IO", and "file could not be read or written". Never NULL. */
const char *pleat_status_name(pleat_status status);
const char *pleat_status_text(pleat_status status);

/* 0, 2, 3, 4, 5, 85 or 130: what the process returns to the shell. */
int pleat_status_exit_code(pleat_status status);
/* ERR_REQUEUE ends this process with another code, 1 to 255: some that start a job again do so at
 * codes of their own. 0: the usual one. */
void pleat_status_set_requeue_exit(int code);

/* This thread's last failure: its message alone, and with one line per frame. "" when none. */
const char *pleat_error_message(void);
const char *pleat_error_trace(void);

/* Used through the macros below. */
pleat_status pleat_error_set(pleat_status status, const char *file, int line, const char *func,
                             const char *format, ...) __attribute__((format(printf, 5, 6)));
pleat_status pleat_error_frame(pleat_status status, const char *file, int line, const char *func);

/* Its value is the status itself, written so that analysers see it too. */
#define PLEAT_FAIL(status, ...) \
    ((void)pleat_error_set((status), __FILE__, __LINE__, __func__, __VA_ARGS__), (status))

#define PLEAT_CHECK(condition, status, ...)                         \
    do {                                                            \
        if (!(condition)) return PLEAT_FAIL((status), __VA_ARGS__); \
    } while (0)

#define PLEAT_TRY(call)                                                          \
    do {                                                                         \
        const pleat_status try_status_ = (call);                                 \
        if (try_status_ != PLEAT_OK)                                             \
            return pleat_error_frame(try_status_, __FILE__, __LINE__, __func__); \
    } while (0)

/* The same for functions that must clean up: sets `status`, jumps to `done`. */
#define PLEAT_TRY_GOTO(status, done, call)                                   \
    do {                                                                     \
        (status) = (call);                                                   \
        if ((status) != PLEAT_OK) {                                          \
            (void)pleat_error_frame((status), __FILE__, __LINE__, __func__); \
            goto done;                                                       \
        }                                                                    \
    } while (0)

#define PLEAT_CHECK_GOTO(status, done, condition, code, ...) \
    do {                                                     \
        if (!(condition)) {                                  \
            (status) = PLEAT_FAIL((code), __VA_ARGS__);      \
            goto done;                                       \
        }                                                    \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_STATUS_H */
