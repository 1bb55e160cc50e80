/*
 * record.c - a training step as a recording, where the engine can make one.
 *
 *   1st step   plain: libraries load their kernels
 *   2nd step   recorded, then played
 *   then       played: one call instead of some hundred
 *
 * Between a step's input and its gradients nothing changes from step to step but what lies in the
 * engine's memory, so that is what is recorded. The input comes before it, Adam with its rate
 * after. Sums over a group are not recorded (cuda/README.md says why).
 */
#include "net_impl.h"

#include "pleat/log.h"

static int is_shared(const pleat_comm *comm) { return comm != NULL && comm->size > 1; }

void pleat_net_forget(pleat_net *net) {
    if (net->recording != NULL) net->model->engine->ops->record->destroy(net->recording);
    net->recording = NULL;
}

/* A step that could not be recorded was not computed either. */
static pleat_status record(pleat_net *net, int global_batch) {
    pleat_engine *engine = net->model->engine;
    const pleat_record_ops *ops = engine->ops->record;
    net->version = net->model->version - 1; /* every step packs the weights that Adam changed */
    pleat_status status = ops->begin(engine);
    if (status == PLEAT_OK)
        status =
            ops->end(engine, pleat_net_compute(net, NULL, global_batch, NULL), &net->recording);
    net->version = net->model->version - 1;
    net->recorded = global_batch;
    if (status == PLEAT_OK) return PLEAT_OK;
    pleat_log(PLEAT_DEBUG, "training steps are not recorded: %s", pleat_error_message());
    net->recording = NULL;
    net->unrecordable = 1;
    return PLEAT_OK;
}

pleat_status pleat_net_replay(pleat_net *net, int global_batch, pleat_comm *group) {
    pleat_engine *engine = net->model->engine;
    const pleat_record_ops *ops = engine->ops->record;
    if (ops == NULL || is_shared(group) || is_shared(net->options.norm_comm))
        return pleat_net_compute(net, NULL, global_batch, group);
    if (net->recording != NULL &&
        (net->recorded != global_batch || !ops->is_current(engine, net->recording)))
        pleat_net_forget(net);
    if (net->recording == NULL && net->plain_steps > 0 && !net->unrecordable)
        PLEAT_TRY(record(net, global_batch));
    if (net->recording == NULL) {
        net->plain_steps++;
        return pleat_net_compute(net, NULL, global_batch, NULL);
    }
    PLEAT_TRY(ops->play(engine, net->recording));
    net->version = net->model->version;
    return PLEAT_OK;
}
