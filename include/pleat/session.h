/*
 * session.h - the ranks of a job: how they start, who shares a machine, how they leave together.
 *
 *     pleat_session *session = NULL;
 *     pleat_status status = pleat_session_start(&argc, &argv, &session);
 *     if (status == PLEAT_OK) status = work(session);
 *     return pleat_status_exit_code(pleat_session_end(session, status));
 *
 * pleat_session_end prints the job's one error message; nobody else prints errors. It makes no
 * difference how a rank failed:
 *
 *   all ranks failed alike, or by pleat_comm_agree   the lowest prints, all finalize
 *   one failed alone, others work on or wait for it  it prints after 2 s and ends the job
 *   several failed alone                             the lowest of them prints and ends the job
 *
 * A start without mpirun or srun --mpi=pmix is a world of one rank and does not touch MPI.
 */
#ifndef PLEAT_SESSION_H
#define PLEAT_SESSION_H

#include "pleat/comm.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_session {
    pleat_comm *world; /* every rank of the job */
    pleat_comm *node;  /* those on this machine */
    int rank, size;
    int local_rank, local_size; /* on this machine */
    char host[64];
    int threads;      /* cores this rank may use, at least 1: its share of the cores it is allowed,
                         at most SLURM_CPUS_PER_TASK */
    pleat_comm *exit; /* only for pleat_session_end */
    char launch_problem[400]; /* of pleat_session_check_launch; "" when there is none */
} pleat_session;

/* Before all else, before libraries count their cores: where mpirun binds ranks by its own choice,
 * each gets its share of the cores that mpirun may use on the machine. Nothing changes where mpirun
 * was told (--bind-to, --cpu-set, PE=), where it started another program (numactl) that started
 * this one, or was not there. Not collective. mpi/binding.c */
void pleat_session_bind(void);

/* Collective. From here on only rank 0 logs to the terminal, and OpenMP's loops outside the engine
 * take session->threads threads, unless OMP_NUM_THREADS is set. */
pleat_status pleat_session_start(int *argc, char ***argv, pleat_session **out);

/* Collective. ERR_ARG on all ranks where one was started with other arguments than rank 0, as by
 * `mpirun -n 1 pleat ... : -n 1 pleat ...`: they would do other work, or wait for each other for
 * ever. `command`, for the message, is what this rank was started with. */
pleat_status pleat_session_same(const pleat_session *session, int argc, char **argv,
                                const char *command);

/* ERR_ARG when the launcher started several processes (SLURM_NTASKS, PMI_SIZE, ...) and MPI sees
 * one, so that each would do the whole work; PLEAT_ALLOW_SINGLE=1 in the environment allows that.
 * To be called first by whatever writes a run, a store or predictions; a batch script with several
 * tasks may well ask one process for something small. Not collective. */
pleat_status pleat_session_check_launch(const pleat_session *session);

/* "Open MPI v4.1.4"; MPI need not be started. mpi/library.c */
void pleat_session_mpi_version(char *out, size_t size);

/* Ends this rank's part; waits for ranks that still work, however long that takes. Returns the
 * job's status, that of the lowest failing rank, on rank 0, and OK on the others, so that the
 * launcher sees one exit code. Does not return when ranks have to be ended that did not come here.
 * session NULL: the start failed. */
pleat_status pleat_session_end(pleat_session *session, pleat_status mine);

/* For a rank that fails where the others do not look: the same, and leaves the process. */
void pleat_session_fail(pleat_session *session, pleat_status mine) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_SESSION_H */
