/* status.c - status names and the per-thread error message. */
#include "pleat/status.h"

#include "pleat/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_BYTES 2048

static _Thread_local char message[MESSAGE_BYTES];
static _Thread_local char trace[2 * MESSAGE_BYTES]; /* message and frames */

const char *pleat_status_name(pleat_status status) {
    switch (status) {
    case PLEAT_OK: return "OK";
#define XX(name, value, exit_code, text) \
    case PLEAT_##name: return #name;
        PLEAT_STATUS_MAP(XX)
#undef XX
    }
    return "UNKNOWN";
}

const char *pleat_status_text(pleat_status status) {
    switch (status) {
    case PLEAT_OK: return "no error";
#define XX(name, value, exit_code, text) \
    case PLEAT_##name: return text;
        PLEAT_STATUS_MAP(XX)
#undef XX
    }
    return "unknown status";
}

static int requeue_exit; /* 0: that of the table */

void pleat_status_set_requeue_exit(int code) { requeue_exit = code; }

int pleat_status_exit_code(pleat_status status) {
    if (status == PLEAT_ERR_REQUEUE && requeue_exit != 0) return requeue_exit;
    switch (status) {
    case PLEAT_OK: return 0;
#define XX(name, value, exit_code, text) \
    case PLEAT_##name: return exit_code;
        PLEAT_STATUS_MAP(XX) /* NOLINT(bugprone-branch-clone): one branch for each row */
#undef XX
    }
    return 5;
}

const char *pleat_error_message(void) { return message; }
const char *pleat_error_trace(void) { return trace; }

pleat_status pleat_error_set(pleat_status status, const char *file, int line, const char *func,
                             const char *format, ...) {
    char raw[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    pleat_text_show(raw, message, sizeof message);
    (void)snprintf(trace, sizeof trace, "%s [%s]", message, pleat_status_name(status));
    return pleat_error_frame(status, file, line, func);
}

pleat_status pleat_error_frame(pleat_status status, const char *file, int line, const char *func) {
    const size_t used = strlen(trace);
    (void)snprintf(trace + used, sizeof trace - used, "\n    at %s:%d in %s", file, line, func);
    return status;
}
