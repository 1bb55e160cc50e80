/*
 * session.c - MPI's start and end.
 *
 * The end: every rank sends its status to all others and collects theirs. When all have come, or
 * LINGER_S after the first failure was known, the lowest failing rank known prints its message and,
 * unless all have come in good order, aborts the job. Ranks that fail at the same time for the same
 * reason thus print once.
 */
#include "pleat/session.h"

#include "comm_mpi.h"
#include "pleat/file.h"
#include "pleat/log.h"
#include "shared_sum.h"

#include <mpi.h>
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MOST_THREADS 4096       /* of a rank, as of the key threads */
#define SEGMENTS     (10 << 20) /* bytes of Open MPI's files of a node, two of 4 MiB, and some */
#define LINGER_S     2.0 /* for others that fail too; mpirun takes 1.4 s more; promised are 10 s */
#define KILLED_S     5.0 /* the printing rank has ended us by then, or we end ourselves */
#define LAST_US      300000
#define FINALIZE_S   60 /* MPI waits for ever for a host that is gone; SIGALRM ends us then */

/* Set by launchers that Open MPI's MPI_Init finds its peers through. */
static const char *const mpi_launchers[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK"};
static const char *const task_counts[] = {"SLURM_NTASKS", "SLURM_STEP_NUM_TASKS", "PMI_SIZE",
                                          "OMPI_COMM_WORLD_SIZE"};
static const char *const task_ranks[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK",
                                         "SLURM_PROCID"};
static const char *const node_ranks[] = {"OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"};
static const char *const thread_levels[] = {"MPI_THREAD_SINGLE", "MPI_THREAD_FUNNELED"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int env_int(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? (int)strtol(text, NULL, 10) : otherwise;
}

static int started_by_mpi(void) {
    for (size_t i = 0; i < COUNT(mpi_launchers); ++i)
        if (getenv(mpi_launchers[i]) != NULL) return 1;
    return 0;
}

/* 1 where the first of these variables that is set is 0, or none is. */
static int is_first(const char *const *names, size_t n) {
    for (size_t i = 0; i < n; ++i)
        if (getenv(names[i]) != NULL) return env_int(names[i], 0) == 0;
    return 1;
}

/* Who speaks while no communicator is there to settle it: for what all processes find, and for
 * what a node may find alone. */
static int first_of_launch(void) { return is_first(task_ranks, COUNT(task_ranks)); }
static int first_of_node(void) { return is_first(node_ranks, COUNT(node_ranks)); }

/* N lone processes would all write the same files; the verbs that write ask about it. */
static void note_launch(pleat_session *session) {
    if (session->size > 1 || env_int("PLEAT_ALLOW_SINGLE", 0) == 1) return;
    for (size_t i = 0; i < COUNT(task_counts); ++i) {
        const int tasks = env_int(task_counts[i], 1);
        if (tasks <= 1) continue;
        (void)snprintf(session->launch_problem, sizeof session->launch_problem,
                       "%s says %d processes, MPI says 1: they do not see each other. Start them "
                       "with 'srun --mpi=pmix pleat ...' or 'mpirun pleat ...'; for one process on "
                       "its own set PLEAT_ALLOW_SINGLE=1",
                       task_counts[i], tasks);
        return;
    }
}

pleat_status pleat_session_check_launch(const pleat_session *session) {
    PLEAT_CHECK(session->launch_problem[0] == '\0', PLEAT_ERR_ARG, "%s", session->launch_problem);
    return PLEAT_OK;
}

/* Where Open MPI finds no room for its files, a rank fails in MPI_Init and mpirun hangs for ever;
 * before MPI_Init a rank can still leave. */
static pleat_status check_temporary_folder(void) {
    struct statvfs fs;
    char host[64] = "";
    const char *folder = getenv("PMIX_SERVER_TMPDIR");
    if (folder == NULL || statvfs(folder, &fs) != 0) return PLEAT_OK;
    (void)gethostname(host, sizeof host - 1);
    const double left = (double)fs.f_bavail * (double)fs.f_frsize;
    PLEAT_CHECK(left >= SEGMENTS, PLEAT_ERR_COMM,
                "%s: the folder of temporary files '%s' has %.1f MiB left, MPI needs %d; free "
                "space there, or set TMPDIR",
                host, folder, left / 0x1p20, SEGMENTS >> 20);
    return PLEAT_OK;
}

static pleat_status open_world(int *argc, char ***argv, pleat_session *session) {
    if (!started_by_mpi()) {
        PLEAT_TRY(pleat_comm_self(&session->world));
        return pleat_comm_self(&session->node);
    }
    /* Without it a waiting rank takes the core from a computing one (8-byte sum of 4 ranks on 2
     * cores: 10 us with, 6.6 ms without). */
    (void)setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
    int level = 0;
    PLEAT_TRY(check_temporary_folder());
    if (MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, &level) != MPI_SUCCESS)
        return PLEAT_FAIL(PLEAT_ERR_COMM, "MPI did not start");
    PLEAT_CHECK(level >= MPI_THREAD_SERIALIZED, PLEAT_ERR_UNSUPPORTED,
                "this MPI gives %s, but batches are made by threads: pleat needs "
                "MPI_THREAD_SERIALIZED; use an MPI that is built with threads",
                level == MPI_THREAD_SINGLE ? thread_levels[0] : thread_levels[1]);
    (void)MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    PLEAT_TRY(pleat_shared_sum_check()); /* now, not with the first sum of a training */
    PLEAT_TRY(pleat_comm_mpi_world(&session->world));
    PLEAT_TRY(pleat_comm_mpi_node(session->world, &session->node));
    return pleat_comm_split(session->world, 0, session->world->rank, &session->exit);
}

/* This rank's share of the cores it is allowed: one that k ranks of the node may use counts 1/k. */
static pleat_status count_threads(pleat_session *session) {
    const int n = session->local_size;
    size_t total = 0;
    cpu_set_t *sets = NULL, mine;
    CPU_ZERO(&mine);
    if (sched_getaffinity(0, sizeof mine, &mine) != 0)
        for (int c = 0; c < (int)sysconf(_SC_NPROCESSORS_ONLN) && c < CPU_SETSIZE; ++c)
            CPU_SET(c, &mine);
    pleat_status status = PLEAT_OK;
    sets = calloc((size_t)n, sizeof *sets);
    PLEAT_CHECK_GOTO(status, done, sets != NULL, PLEAT_ERR_MEMORY,
                     "no memory for the cores of %d ranks", n);
    void *all = NULL;
    PLEAT_TRY_GOTO(status, done,
                   pleat_comm_gather(session->node, &mine, sizeof mine, 0, &all, &total));
    if (all != NULL) memcpy(sets, all, total);
    free(all);
    PLEAT_TRY_GOTO(status, done,
                   pleat_comm_broadcast_bytes(session->node, sets, (size_t)n * sizeof *sets, 0));
    double share = 0.0;
    for (int c = 0; c < CPU_SETSIZE; ++c) {
        int users = 0;
        for (int r = 0; r < n; ++r) users += CPU_ISSET(c, &sets[r]) != 0;
        if (CPU_ISSET(c, &mine)) share += 1.0 / users;
    }
    const int cores = (int)(share + 1e-6), bound = env_int("SLURM_CPUS_PER_TASK", 0);
    session->threads = cores < 1 ? 1 : cores;
    if (bound > 0 && bound < session->threads) session->threads = bound;
done:
    free(sets);
    return status;
}

static void close_comms(pleat_session *session) {
    pleat_comm_destroy(session->exit);
    pleat_comm_destroy(session->node);
    pleat_comm_destroy(session->world);
    free(session);
}

pleat_status pleat_session_start(int *argc, char ***argv, pleat_session **out) {
    pleat_session *session = calloc(1, sizeof *session);
    PLEAT_CHECK(session != NULL, PLEAT_ERR_MEMORY, "no memory to start");
    pleat_status status = PLEAT_OK;
    PLEAT_TRY_GOTO(status, done, open_world(argc, argv, session));
    PLEAT_CHECK_GOTO(status, done, session->world != NULL && session->node != NULL, PLEAT_ERR_COMM,
                     "MPI gave no communicator");
    session->rank = session->world->rank;
    session->size = session->world->size;
    session->local_rank = session->node->rank;
    session->local_size = session->node->size;
    (void)gethostname(session->host, sizeof session->host - 1);
    note_launch(session);
    PLEAT_TRY_GOTO(status, done, count_threads(session));
    if (getenv("OMP_NUM_THREADS") == NULL) omp_set_num_threads(session->threads);
    /* Where libgomp cannot start what it was asked for, a signal ends the process. */
    PLEAT_CHECK_GOTO(status, done, omp_get_max_threads() <= MOST_THREADS, PLEAT_ERR_ARG,
                     "OMP_NUM_THREADS asks for %d threads; %d are the most", omp_get_max_threads(),
                     MOST_THREADS);
    if (session->rank > 0) PLEAT_TRY_GOTO(status, done, pleat_log_open(NULL, 0));
    *out = session;
    return PLEAT_OK;
done:
    close_comms(session);
    return status;
}

/* The lowest rank whose digest is another than rank 0's; 0: there is none. `all` is NULL on ranks
 * that do not know. */
static int first_other(const uint64_t *all, int size) {
    int r = 1;
    while (all != NULL && r < size && all[r] == all[0]) r++;
    return all != NULL && r < size ? r : 0;
}

pleat_status pleat_session_same(const pleat_session *session, int argc, char **argv,
                                const char *command) {
    pleat_comm *world = session->world;
    uint64_t digest = (uint64_t)argc;
    void *all = NULL;
    size_t total = 0;
    char started[2][512], who[128];
    for (int i = 1; i < argc; ++i) digest = pleat_digest(digest, argv[i], strlen(argv[i]) + 1);
    PLEAT_TRY(pleat_comm_gather(world, &digest, sizeof digest, 0, &all, &total));
    int other = first_other(all, world->size);
    free(all);
    PLEAT_TRY(pleat_comm_broadcast_bytes(world, &other, sizeof other, 0));
    if (other == 0) return PLEAT_OK;
    for (int k = 0; k < 2; ++k) {
        (void)snprintf(started[k], sizeof started[k], "%s", command);
        PLEAT_TRY(pleat_comm_broadcast_bytes(world, started[k], sizeof started[k], k * other));
    }
    return PLEAT_FAIL(PLEAT_ERR_ARG,
                      "%s was started by '%s', rank 0 by '%s'; start all ranks of a job with the "
                      "same arguments",
                      pleat_comm_mpi_who(world, other, who, sizeof who), started[1], started[0]);
}

/* The message of this process, whose status is not OK. */
static void print_error(const char *prefix) {
    const char *message = pleat_error_message(), *trace = pleat_error_trace();
    const char *text = pleat_log_level_get() >= PLEAT_DEBUG && trace[0] != '\0' ? trace : message;
    (void)fflush(stdout);
    (void)fprintf(stderr, "pleat: %s%s\n", prefix, text);
    (void)fflush(stderr);
}

/* MPI without a session: the start failed, perhaps on this rank only. */
static void leave_mpi(pleat_status mine) {
    int started = 0, ended = 0, size = 1;
    (void)MPI_Initialized(&started);
    (void)MPI_Finalized(&ended);
    if (!started || ended) return;
    (void)MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size > 1) {
        if (!first_of_launch()) (void)sleep(1); /* the first prints */
        (void)MPI_Abort(MPI_COMM_WORLD, pleat_status_exit_code(mine));
    }
    (void)MPI_Finalize();
}

typedef struct roll { /* what this rank knows of all ranks' ends */
    int *status;      /* [size] of pleat_status; -1 has not come */
    int here;         /* how many have come */
    int failed;       /* lowest failing rank; size when none */
    int alike;        /* all ranks have come, with one status */
    int lost;         /* someone's communication failed: MPI_Finalize might hang */
} roll;

static void read_roll(roll *r, int size) {
    r->here = r->lost = 0;
    r->failed = size;
    for (int i = size - 1; i >= 0; --i) {
        const int status = r->status[i];
        r->here += status >= 0;
        r->lost |= status == PLEAT_ERR_PEER || status == PLEAT_ERR_COMM;
        if (status > 0) r->failed = i;
    }
    r->alike = r->here == size;
    for (int i = 1; i < size; ++i) r->alike &= r->status[i] == r->status[0];
}

static void tell_missing(const pleat_comm *comm, const roll *r, double waited_s) {
    char names[512] = "";
    for (int i = 0; i < comm->size; ++i)
        if (r->status[i] < 0) pleat_comm_mpi_add_who(comm, i, names, sizeof names);
    pleat_log(PLEAT_INFO, "end of the job: still waiting for %s after %.3g s", names, waited_s);
}

/* Returns when all have come, or one has failed and it is time to end the others. Ranks that have
 * nothing to do come hours before those that work. */
static pleat_status call_roll(pleat_comm *comm, roll *r) {
    const double start = pleat_now();
    double failed_since = 0.0, notice = start + pleat_comm_mpi_notice_s();
    for (int i = 0; i < comm->size; ++i)
        if (i != comm->rank)
            PLEAT_TRY(pleat_comm_mpi_send(comm, PLEAT_TAG_END, r->status[comm->rank], i));
    for (;;) {
        int value = 0, from = -1;
        PLEAT_TRY(pleat_comm_mpi_take(comm, PLEAT_TAG_END, &value, &from));
        if (from >= 0) {
            r->status[from] = value;
            continue;
        }
        read_roll(r, comm->size);
        if (r->here == comm->size) return PLEAT_OK;
        const double now = pleat_now();
        if (r->failed < comm->size && failed_since == 0.0) failed_since = now;
        if (failed_since > 0.0 && now - failed_since >= LINGER_S) return PLEAT_OK;
        if (now >= notice) {
            tell_missing(comm, r, now - start);
            notice = now + 5 * pleat_comm_mpi_notice_s();
        }
        (void)usleep(1000);
    }
}

/* Processes that do not see each other fail alike: the first of the launch speaks for them. */
static int may_speak(const pleat_session *session) {
    return session->launch_problem[0] == '\0' || first_of_launch();
}

/* The job's status. Prints its message when it is this rank's. *finish 0: others must be ended. */
static pleat_status settle_end(pleat_session *session, pleat_status mine, int *finish) {
    const int size = session->size, rank = session->rank;
    roll r = {.status = calloc((size_t)size, sizeof(int))};
    *finish = 0;
    if (r.status == NULL) return mine != PLEAT_OK ? mine : PLEAT_ERR_MEMORY;
    for (int i = 0; i < size; ++i) r.status[i] = i == rank ? (int)mine : -1;
    const pleat_status lost = call_roll(session->exit, &r);
    if (lost != PLEAT_OK) {
        r.status[rank] = (int)(mine == PLEAT_OK ? lost : mine);
        read_roll(&r, size);
    }
    const pleat_status job = r.failed < size ? (pleat_status)r.status[r.failed] : PLEAT_OK;
    if (r.failed == rank && may_speak(session)) {
        char who[128], prefix[140] = "";
        if (!r.alike && !pleat_comm_mpi_names_rank(pleat_error_message()))
            (void)snprintf(prefix, sizeof prefix,
                           "%s: ", pleat_comm_mpi_who(session->exit, rank, who, sizeof who));
        print_error(prefix);
    }
    *finish = r.here == size && !r.lost;
    /* Not ours to end: give the printing rank the time to do it. */
    for (int i = 0; !*finish && r.failed != rank && i < (int)(KILLED_S * 10); ++i)
        (void)usleep(100000);
    free(r.status);
    return job;
}

pleat_status pleat_session_end(pleat_session *session, pleat_status mine) {
    if (mine != PLEAT_OK) pleat_log_to_file(pleat_error_message());
    if (session == NULL || session->exit == NULL) {
        int speaks = session == NULL ? first_of_node() : may_speak(session);
        if (mine != PLEAT_OK && session == NULL && !speaks) { /* who fails alone speaks himself */
            /* The first, where it has failed too, ends us, by signals that we may catch. */
            for (unsigned left = (unsigned)KILLED_S; left > 0;) left = sleep(left);
            speaks = 1;
        }
        if (mine != PLEAT_OK && speaks) print_error("");
        if (session != NULL) close_comms(session);
        if (mine != PLEAT_OK) leave_mpi(mine);
        return mine;
    }
    int finish = 0;
    const pleat_status job = settle_end(session, mine, &finish);
    if (!finish) session->exit->ops->abort(session->exit, job);
    const int first = session->rank == 0;
    close_comms(session);
    (void)alarm(FINALIZE_S);
    (void)MPI_Finalize();
    (void)alarm(0);
    /* srun --kill-on-bad-exit kills whoever has not left when a rank leaves with an error, and then
     * reports that death: so rank 0 alone has the exit code, and leaves last. */
    if (job != PLEAT_OK && first) (void)usleep(LAST_US);
    return first ? job : PLEAT_OK;
}

void pleat_session_fail(pleat_session *session, pleat_status mine) {
    const pleat_status status = mine != PLEAT_OK ? mine : PLEAT_ERR_PEER;
    const int code = pleat_status_exit_code(pleat_session_end(session, status));
    (void)fflush(NULL);
    _exit(code);
}
