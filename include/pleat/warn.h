/*
 * warn.h - what a user should know although the work goes on: said when it is met, and kept.
 *
 * Each rank keeps its own; pleat_comm_gather_warnings (comm.h) brings them to one rank, which says
 * those of the others too. A run keeps them in run.json, and its report lists them. Like the log's
 * level and file they are of the process; only one thread may warn at a time.
 */
#ifndef PLEAT_WARN_H
#define PLEAT_WARN_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One line of the log, "warning: " in front. The same words are said once. The text names the file,
 * case or key, and what to do; it is cut after 2 KiB, and a line end in it becomes a blank. */
void pleat_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Keeps what was said before, in another process: it is not said again. */
void pleat_warn_before(const char *text);
/* Those that were said before the log had a file (log.h), into the file alone. */
void pleat_warn_to_file(void);

/* From now on they are kept and not said, by one who says them in his own way; 0: said again. */
void pleat_warn_quiet(int quiet);

/* In the order in which they came. A text holds until the next warning or pleat_warn_forget. */
int pleat_warn_count(void);
const char *pleat_warn_text(int i);
/* New work begins, of which nothing is known. */
void pleat_warn_forget(void);
/* All but the first n: they will be said again when they are met again. */
void pleat_warn_forget_from(int n);

/* How many this process has said. */
int pleat_warn_said(void);

/* Adds a name to a list for a message, "a, b, ...": as many as fit into size bytes. */
void pleat_warn_list(char *list, size_t size, const char *name);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_WARN_H */
