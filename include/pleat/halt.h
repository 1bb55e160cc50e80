/*
 * halt.h - what makes a run end before its end: a signal, or the limit of its time.
 *
 *   SIGCONT             save at the next step and go on: mpirun sends it a second before SIGTERM
 *   SIGUSR1, SIGUSR2    save and leave, to be started again; batch systems send them before a limit
 *   SIGTERM, SIGHUP, SIGXCPU (the limit of CPU time), the limits   the same
 *   SIGPIPE             the same: nobody reads what the run says
 *   SIGINT              save and leave
 *   SIGTERM or SIGINT again, a second or more after the first: the process ends at once. Sooner it
 *   is the same signal, sent to the process and to its group.
 *
 * Handlers set a flag and answer with one line. Work that goes in steps looks
 * between two of them, agrees with its group and acts; so a run ends at a step that all ranks have
 * made.
 */
#ifndef PLEAT_HALT_H
#define PLEAT_HALT_H

#include "pleat/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pleat_halt { /* the later outweighs the earlier */
                          PLEAT_HALT_NONE,
                          PLEAT_HALT_SAVE, /* SIGCONT; reported once, then forgotten */
                          PLEAT_HALT_FILE, /* a file STOP in the run's folder, after an epoch */
                          PLEAT_HALT_USR1,
                          PLEAT_HALT_USR2,
                          PLEAT_HALT_TIME, /* --max-time */
                          PLEAT_HALT_JOB,  /* the end that the batch system has set */
                          PLEAT_HALT_CPU,  /* SIGXCPU */
                          PLEAT_HALT_PIPE, /* stdout or stderr has no reader */
                          PLEAT_HALT_HUP,
                          PLEAT_HALT_TERM,
                          PLEAT_HALT_INT,
                          PLEAT_HALTS
} pleat_halt;

/* "SIGUSR1", "--max-time"; never NULL. */
const char *pleat_halt_name(pleat_halt why);
/* What leaving for this reason is to the shell: OK, ERR_REQUEUE or ERR_INTERRUPTED. */
pleat_status pleat_halt_status(pleat_halt why);

/* From here on the signals above are caught. SIGHUP and SIGPIPE that this process was started to
 * ignore (nohup) stay ignored. */
void pleat_halt_catch(void);
/* The process wants to have left `seconds` from now; `why` is PLEAT_HALT_TIME or PLEAT_HALT_JOB. */
void pleat_halt_after(pleat_halt why, double seconds);
/* Reads SLURM_JOB_END_TIME, seconds since 1970, where there is one; 30 s before it is the end. */
void pleat_halt_after_job(void);
/* "90" seconds or "01:30:00" hours, minutes, seconds. ERR_ARG names the option. */
pleat_status pleat_halt_parse(const char *option, const char *text, double *seconds);
/* What the answer to a signal promises: the run stops, or saves, after this `unit` of work ("step",
 * "case"), which takes `seconds`. Until the first call, and where stderr belongs to another rank,
 * nothing is answered. */
void pleat_halt_pace(const char *unit, double seconds);
/* The command that resumes what this process does, for the last message of one that leaves; ""
 * until it is set. */
void pleat_halt_resumes(const char *command);
const char *pleat_halt_command(void);
/* As if a signal had come: another group's wish. */
void pleat_halt_ask(pleat_halt why);

/* The strongest wish so far. A limit is near when it comes within `reserve_s`: the time that may
 * pass until the next look, and until all is saved. Not collective. */
pleat_halt pleat_halt_look(double reserve_s);
/* 1 when SIGCONT has come and nobody has looked since. */
int pleat_halt_warned(void);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_HALT_H */
