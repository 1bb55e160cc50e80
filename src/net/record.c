/*
 * record.c - a training step as a recording, where the engine can make one.
 *
 *   1st step   plain: libraries load their kernels
 *   2nd step   recorded, then played
 *   then       played: one call instead of some hundred
 *
 * Between a step's input and its gradients nothing changes from step to step but what lies in the
 * engine's memory, so that is what is recorded. The input comes before it, Adam with its rate
 * after. A step that ranks share is recorded with its sums, where their communicator can be; then
 * all ranks play, or all compute: a sum in a recording may meet no plain one.
 */
#include "net_impl.h"

#include "pleat/log.h"

static int is_shared(const pleat_comm *comm) { return comm != NULL && comm->size > 1; }

void pleat_net_forget(pleat_net *net) {
    if (net->recording != NULL) net->model->engine->ops->record->destroy(net->recording);
    net->recording = NULL;
}

/* NULL: the step is this rank's own. */
static pleat_comm *shared_by(const pleat_net *net, pleat_comm *group) {
    if (is_shared(group)) return group;
    return is_shared(net->options.norm_comm) ? net->options.norm_comm : NULL;
}

static int is_recordable(const pleat_comm *comm) {
    return !is_shared(comm) || comm->ops->recordable;
}

/* Whether all ranks have a recording of this step; else none keeps its own. */
static int can_play(pleat_net *net, int global_batch, pleat_comm *ranks) {
    const pleat_engine *engine = net->model->engine;
    int can = net->recording != NULL && net->recorded == global_batch &&
              engine->ops->record->is_current(net->model->engine, net->recording);
    if (net->recording != NULL && ranks != NULL)
        can = pleat_comm_agree(ranks, can ? PLEAT_OK : PLEAT_ERR_ENGINE) == PLEAT_OK;
    if (!can) pleat_net_forget(net);
    return can;
}

/* A step that could not be recorded, on any rank, was not computed either. */
static pleat_status record(pleat_net *net, int global_batch, pleat_comm *group) {
    pleat_engine *engine = net->model->engine;
    pleat_comm *ranks = shared_by(net, group);
    const pleat_record_ops *ops = engine->ops->record;
    net->version = net->model->version - 1; /* every step packs the weights that Adam changed */
    pleat_status status = ops->begin(engine);
    if (status == PLEAT_OK)
        status =
            ops->end(engine, pleat_net_compute(net, NULL, global_batch, group), &net->recording);
    if (ranks != NULL) status = pleat_comm_agree(ranks, status);
    net->version = net->model->version - 1;
    net->recorded = global_batch;
    if (status == PLEAT_OK) return PLEAT_OK;
    pleat_log(PLEAT_DEBUG, "training steps are not recorded: %s", pleat_error_message());
    pleat_net_forget(net);
    net->unrecordable = 1;
    return PLEAT_OK;
}

pleat_status pleat_net_replay(pleat_net *net, int global_batch, pleat_comm *group) {
    pleat_engine *engine = net->model->engine;
    if (engine->ops->record == NULL || !is_recordable(group) ||
        !is_recordable(net->options.norm_comm))
        return pleat_net_compute(net, NULL, global_batch, group);
    int can = can_play(net, global_batch, shared_by(net, group));
    if (!can && net->plain_steps > 0 && !net->unrecordable) {
        PLEAT_TRY(record(net, global_batch, group));
        can = net->recording != NULL;
    }
    if (!can) {
        net->plain_steps++;
        return pleat_net_compute(net, NULL, global_batch, group);
    }
    PLEAT_TRY(engine->ops->record->play(engine, net->recording));
    net->version = net->model->version;
    return PLEAT_OK;
}
