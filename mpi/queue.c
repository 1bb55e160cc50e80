/* queue.c - the fold queue of world rank 0. */
#include "pleat/queue.h"

#include "comm_mpi.h"
#include "pleat/log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAP_US 2000
#define AGAIN  10 /* times the notice's time, from one notice to the next */

enum { ASK, LEAVE }; /* what a leader's note says */

struct pleat_queue {
    pleat_comm *world, *group;
    int *todo, n;
    int group_index, started, drained; /* this group's */
    int halted;                        /* gives out nothing more */
    int given;                         /* rank 0: folds given out */
    int open;                          /* rank 0: leaders elsewhere that may still ask */
    uint8_t *asks;                     /* [size of world]; rank 0: 1 for each of them */
};

/* Finds this group's index and the number of groups: leaders are those of group rank 0. */
static pleat_status number_groups(pleat_queue *queue, int *groups) {
    const int size = queue->world->size;
    const uint8_t leads = queue->group->rank == 0;
    void *leaders = NULL;
    size_t total = 0;
    pleat_status status = PLEAT_OK;
    uint8_t *all = calloc((size_t)size, 1);
    PLEAT_CHECK_GOTO(status, done, all != NULL, PLEAT_ERR_MEMORY,
                     "no memory for the queue of %d ranks", size);
    PLEAT_TRY_GOTO(status, done, pleat_comm_gather(queue->world, &leads, 1, 0, &leaders, &total));
    if (leaders != NULL) memcpy(all, leaders, total);
    PLEAT_TRY_GOTO(status, done, pleat_comm_broadcast_bytes(queue->world, all, (size_t)size, 0));
    PLEAT_CHECK_GOTO(status, done, all[0], PLEAT_ERR_ARG, "world rank 0 must lead its group");
    *groups = 0;
    for (int r = 0; r < size; ++r) {
        if (r == queue->world->rank && leads) queue->group_index = *groups;
        queue->asks[r] = all[r] && r > 0 && *groups < queue->n; /* others get no fold */
        *groups += all[r];
    }
done:
    free(leaders);
    free(all);
    return status;
}

pleat_status pleat_queue_start(pleat_comm *world, pleat_comm *group, const int *todo, int n,
                               pleat_queue **out) {
    pleat_queue *queue = calloc(1, sizeof *queue);
    PLEAT_CHECK(queue != NULL, PLEAT_ERR_MEMORY, "no memory for the queue");
    *queue = (pleat_queue){.world = world, .group = group, .n = n};
    pleat_status status = PLEAT_OK;
    int groups = 0;
    queue->todo = malloc((size_t)(n > 0 ? n : 1) * sizeof *todo);
    PLEAT_CHECK_GOTO(status, done, queue->todo != NULL, PLEAT_ERR_MEMORY,
                     "no memory for a queue of %d folds", n);
    queue->asks = calloc((size_t)world->size, 1);
    PLEAT_CHECK_GOTO(status, done, queue->asks != NULL, PLEAT_ERR_MEMORY,
                     "no memory for the queue of %d ranks", world->size);
    if (n > 0) memcpy(queue->todo, todo, (size_t)n * sizeof *todo);
    PLEAT_TRY_GOTO(status, done, number_groups(queue, &groups));
    queue->given = groups < n ? groups : n;
    queue->open = queue->given - (n > 0); /* without rank 0's own group */
    *out = queue;
    return PLEAT_OK;
done:
    pleat_queue_free(queue);
    return status;
}

void pleat_queue_free(pleat_queue *queue) {
    if (queue == NULL) return;
    free(queue->todo);
    free(queue->asks);
    free(queue);
}

static int take_next(pleat_queue *queue) {
    return queue->given < queue->n && !queue->halted ? queue->todo[queue->given++] : -1;
}

pleat_status pleat_queue_halt(pleat_queue *queue, pleat_halt why) {
    if (queue->halted) return PLEAT_OK;
    queue->halted = 1;
    for (int r = 0; r < queue->world->size; ++r)
        if (r != queue->world->rank)
            PLEAT_TRY(pleat_comm_mpi_send(queue->world, PLEAT_TAG_HALT, (int)why, r));
    return PLEAT_OK;
}

static pleat_status hear_of_halt(pleat_queue *queue) {
    int why = PLEAT_HALT_NONE, from = -1;
    if (queue->world->size == 1) return PLEAT_OK;
    PLEAT_TRY(pleat_comm_mpi_take(queue->world, PLEAT_TAG_HALT, &why, &from));
    if (from < 0) return PLEAT_OK;
    queue->halted = 1;
    if (why > PLEAT_HALT_FILE) pleat_halt_ask((pleat_halt)why);
    return PLEAT_OK;
}

pleat_status pleat_queue_poll(pleat_queue *queue) {
    PLEAT_TRY(hear_of_halt(queue));
    if (queue->world->rank != 0 || queue->open == 0) return PLEAT_OK;
    for (;;) {
        int note = ASK, from = -1;
        PLEAT_TRY(pleat_comm_mpi_take(queue->world, PLEAT_TAG_FOLD_ASK, &note, &from));
        if (from < 0) return PLEAT_OK;
        const int fold = note == LEAVE ? -1 : take_next(queue);
        if (fold < 0) {
            --queue->open;
            queue->asks[from] = 0;
        }
        if (note == ASK)
            PLEAT_TRY(pleat_comm_mpi_send(queue->world, PLEAT_TAG_FOLD_GIVE, fold, from));
    }
}

/* For ranks that wait while others train. */
static pleat_status pass_on_halt(pleat_queue *queue) {
    const pleat_halt wish = pleat_halt_look(0.0);
    return wish > PLEAT_HALT_FILE ? pleat_queue_halt(queue, wish) : PLEAT_OK;
}

/* Waits for a note of rank 0, which may be busy predicting, or wait for others itself. */
static pleat_status await(pleat_queue *queue, int tag, const char *what, int *value) {
    const double start = pleat_now();
    double notice = start + pleat_comm_mpi_notice_s();
    char who[128];
    for (int from = -1;;) {
        PLEAT_TRY(pleat_comm_mpi_take(queue->world, tag, value, &from));
        if (from >= 0) return PLEAT_OK;
        PLEAT_TRY(pass_on_halt(queue));
        (void)usleep(NAP_US);
        const double now = pleat_now();
        if (now < notice) continue;
        pleat_log(PLEAT_INFO, "%s: %s has not answered for %.3g s", what,
                  pleat_comm_mpi_who(queue->world, 0, who, sizeof who), now - start);
        notice = now + AGAIN * pleat_comm_mpi_notice_s();
    }
}

static pleat_status leader_next(pleat_queue *queue, int *fold) {
    *fold = -1;
    if (queue->drained) return PLEAT_OK;
    if (!queue->started) {
        queue->started = 1;
        if (queue->group_index < queue->n) *fold = queue->todo[queue->group_index];
    } else if (queue->world->rank == 0) {
        PLEAT_TRY(pleat_queue_poll(queue)); /* who asked before is served before */
        *fold = take_next(queue);
    } else {
        PLEAT_TRY(pleat_comm_mpi_send(queue->world, PLEAT_TAG_FOLD_ASK, ASK, 0));
        PLEAT_TRY(await(queue, PLEAT_TAG_FOLD_GIVE, "next fold", fold));
    }
    queue->drained = *fold < 0;
    return PLEAT_OK;
}

pleat_status pleat_queue_next(pleat_queue *queue, int *fold) {
    int next = -1;
    if (queue->group->rank == 0) PLEAT_TRY(leader_next(queue, &next));
    PLEAT_TRY(pleat_comm_broadcast_bytes(queue->group, &next, sizeof next, 0));
    *fold = next;
    return PLEAT_OK;
}

static void tell_open(const pleat_queue *queue, double waited_s) {
    char names[512] = "";
    for (int r = 0; r < queue->world->size; ++r)
        if (queue->asks[r]) pleat_comm_mpi_add_who(queue->world, r, names, sizeof names);
    pleat_log(PLEAT_INFO, "end of training: still waiting for the groups of %s after %.3g s", names,
              waited_s);
}

/* Rank 0: answers until no leader can ask any more, then lets all go. */
static pleat_status serve(pleat_queue *queue) {
    const double start = pleat_now();
    double notice = start + pleat_comm_mpi_notice_s();
    while (queue->open > 0) {
        PLEAT_TRY(pleat_queue_poll(queue));
        PLEAT_TRY(pass_on_halt(queue));
        (void)usleep(NAP_US);
        const double now = pleat_now();
        if (now < notice) continue;
        tell_open(queue, now - start);
        notice = now + AGAIN * pleat_comm_mpi_notice_s();
    }
    for (int r = 1; r < queue->world->size; ++r)
        PLEAT_TRY(pleat_comm_mpi_send(queue->world, PLEAT_TAG_FOLD_DONE, 0, r));
    return PLEAT_OK;
}

pleat_status pleat_queue_finish(pleat_queue *queue) {
    if (queue->world->rank == 0) return serve(queue);
    const int leads = queue->group->rank == 0;
    if (leads && !queue->drained && queue->group_index < queue->n)
        PLEAT_TRY(pleat_comm_mpi_send(queue->world, PLEAT_TAG_FOLD_ASK, LEAVE, 0));
    queue->drained = 1;
    int value = 0;
    return await(queue, PLEAT_TAG_FOLD_DONE, "end of training", &value);
}
