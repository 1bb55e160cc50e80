/*
 * queue.h - the folds still to be trained, given out to groups as they become free.
 *
 * World rank 0 keeps the queue and trains too, so it answers between its own steps:
 *
 *   leader of group g                      world rank 0
 *     next  -> todo[g], no message           next -> todo[0]
 *     ...                                    step: poll, step: poll, ...
 *     next  -> ask  ----------------------->   poll: answers with the next fold
 *     next  -> ask  ----------------------->   poll: answers -1, none left
 *     finish                                 finish: answers until every leader has its -1,
 *                                                    then lets all ranks go on
 *
 * Messages are two-sided: one-sided ones do not cross hosts in Debian's Open MPI.
 */
#ifndef PLEAT_QUEUE_H
#define PLEAT_QUEUE_H

#include "pleat/comm.h"
#include "pleat/halt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pleat_queue pleat_queue;

/* Collective over world, whose ranks are parted into groups, each led by its rank 0; world rank 0
 * leads one. todo[n] (the same on all ranks, copied): group g, in the order of the leaders' ranks,
 * begins with todo[g]. Both communicators must outlive the queue. */
pleat_status pleat_queue_start(pleat_comm *world, pleat_comm *group, const int *todo, int n,
                               pleat_queue **out);
/* Collective over the group: its next fold, -1 when none is left. */
pleat_status pleat_queue_next(pleat_queue *queue, int *fold);
/* World rank 0 answers who asks; every rank hears of a halt. About a microsecond: call it in every
 * training step and between the cases of a prediction. */
pleat_status pleat_queue_poll(pleat_queue *queue);
/* This rank's group halts: no further fold is given out, and ranks of other groups learn why by
 * their next poll (pleat_halt_look tells them). Not collective; the second time does nothing. */
pleat_status pleat_queue_halt(pleat_queue *queue, pleat_halt why);
/* Collective over world: returns when every group has been told that none is left, or has come
 * here. May wait for hours, as long as other groups train; sleeps meanwhile. */
pleat_status pleat_queue_finish(pleat_queue *queue);
void pleat_queue_free(pleat_queue *queue);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_QUEUE_H */
