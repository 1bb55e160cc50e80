/*
 * terminal.h - the terminal that stderr ends on, and a block of lines that stands below the log.
 *
 * Under mpirun the standard files of a rank are pipes. mpirun passes on what comes through them as
 * it is, so where mpirun's own stderr is a terminal, that is the terminal.
 */
#ifndef PLEAT_TERMINAL_H
#define PLEAT_TERMINAL_H

#include "pleat/status.h"

#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_terminal {
    int columns, rows;
    int colour; /* 0: NO_COLOR (no-color.org) is set, or it is no terminal */
    int unicode;
} pleat_terminal;

typedef enum pleat_live { PLEAT_LIVE_AUTO, PLEAT_LIVE_ALWAYS, PLEAT_LIVE_NEVER } pleat_live;

/* Whether lines are redrawn in place. PLEAT_LIVE_ALWAYS: also where no terminal is found, as under
 * srun; its size is then COLUMNS and LINES, else 80 x 24. */
void pleat_terminal_live(pleat_live how);

/* 1 where stderr ends on a terminal that can redraw lines (TERM is neither unset nor "dumb") and
 * this process, or its mpirun, is not in the background. `out` has its size now. */
int pleat_terminal_look(pleat_terminal *out);

/* Columns of the terminal that a file such as STDOUT_FILENO is; 80 where it is none, or 0: what is
 * not read on a terminal has no width. */
int pleat_terminal_columns(int fd);
int pleat_terminal_width(int fd);

/* A text of at most 8 KiB behind `indent` blanks, in lines that fit the terminal that `out` is;
 * else of `otherwise` columns, 0: in one line. The next lines are behind as many blanks. */
void pleat_terminal_print(FILE *out, int indent, int otherwise, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The first word and its arguments of the launcher (mpirun, mpiexec) that started this process, as
 * a line for a shell: out[size]. 0 where none did. */
int pleat_terminal_launcher(char *out, size_t size);

/* argv[n] as a line for a shell, quoted where it must be; cut where out[size] is full. */
void pleat_terminal_command(const char *const *argv, int n, char *out, size_t size);

/* How many rows of a terminal so wide the lines of `text` take. Escapes "ESC [ ... letter" take no
 * place, each character one. */
int pleat_terminal_rows(const char *text, int columns);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_TERMINAL_H */
