/* train_begin.c - the weights of a checkpoint as the beginning of another training. */
#include "train_impl.h"

#include "pleat/file.h"
#include "pleat/log.h"
#include "pleat/networks.h"
#include "pleat/provenance.h"
#include "pleat/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The networks of a checkpoint and of a training that begins with it, and a third one that tells
 * which nodes depend on the classes. */
typedef struct pair {
    pleat_graph there, here, other;
    int same_classes;
} pair;

static void free_pair(pair *p) {
    pleat_graph_free(&p->there);
    pleat_graph_free(&p->here);
    pleat_graph_free(&p->other);
}

/* As many, and of the same names as far as both have some. */
static pleat_status compare_classes(const char *there, const char *here, int *same) {
    pleat_classes a = {0}, b = {0};
    pleat_status status = pleat_classes_parse(there, &a);
    if (status == PLEAT_OK) status = pleat_classes_parse(here, &b);
    *same = status == PLEAT_OK;
    for (int i = 0; i < a.n && i < b.n; i++) *same &= strcmp(a.name[i], b.name[i]) == 0;
    pleat_classes_free(&a);
    pleat_classes_free(&b);
    return status;
}

static pleat_status make_pair(const pleat_checkpoint *c, const char *path, const char *network,
                              const char *classes, pair *out) {
    pleat_network there, here;
    char difference[160];
    PLEAT_TRY(pleat_network_parse(c->network, &there));
    PLEAT_TRY(pleat_network_parse(network, &here));
    PLEAT_CHECK(!pleat_network_differs(&there, &here, difference, sizeof difference),
                PLEAT_ERR_DATA,
                "train.from: '%s' is of another network, whose %s; %sbegin with another checkpoint",
                path, difference, there.channels == here.channels ? "set it so here, or " : "");
    pleat_network other = here;
    other.classes = here.classes == 2 ? 3 : 2;
    PLEAT_TRY(compare_classes(c->classes, classes, &out->same_classes));
    out->same_classes &= there.classes == here.classes;
    PLEAT_TRY(pleat_network_build(&there, &out->there));
    PLEAT_TRY(pleat_network_build(&here, &out->here));
    PLEAT_TRY(pleat_network_build(&other, &out->other));
    PLEAT_CHECK(c->n_params == out->there.params && c->n_stats == out->there.stats,
                PLEAT_ERR_FORMAT, "'%s' holds %zu parameters, its network '%s' has %zu", path,
                c->n_params, c->network, out->there.params);
    return PLEAT_OK;
}

static int is_head(const pleat_node *node, const pleat_node *other) {
    return node->n_weights != other->n_weights || node->n_bias != other->n_bias ||
           node->n_stats != other->n_stats;
}

static void copy(const float *from, size_t at, float *to, size_t place, size_t n) {
    if (n > 0) memcpy(to + place, from + at, n * sizeof *to);
}

/* All but the heads, which stay as they are where the classes are others. */
static void take_over(const pair *p, const pleat_checkpoint *c, float *params, float *stats) {
    for (int i = 0; i < p->here.n; i++) {
        const pleat_node *a = &p->there.node[i], *b = &p->here.node[i];
        if (!p->same_classes && is_head(b, &p->other.node[i])) continue;
        copy(c->params, a->weights, params, b->weights, b->n_weights);
        copy(c->params, a->bias, params, b->bias, b->n_bias);
        copy(c->stats, a->stats, stats, b->stats, b->n_stats);
    }
}

/* What `c` is to begin with; params and stats NULL: nothing is taken. */
static pleat_status use(const pleat_checkpoint *c, const char *path, const char *network,
                        const char *classes, float *params, float *stats,
                        pleat_train_beginning *out) {
    pair p = {0};
    const pleat_status status = make_pair(c, path, network, classes, &p);
    if (status == PLEAT_OK) {
        const uint64_t digest = pleat_digest(0, c->params, c->n_params * sizeof *c->params);
        *out = (pleat_train_beginning){.epoch = c->epoch, .new_head = !p.same_classes};
        pleat_digest_hex(digest, out->digest);
        memcpy(out->preprocessing, c->preprocessing, sizeof out->preprocessing);
        if (params != NULL) take_over(&p, c, params, stats);
    }
    free_pair(&p);
    return status;
}

static pleat_status read_other(const char *path, pleat_checkpoint *out) {
    PLEAT_CHECK(pleat_file_exists(path), PLEAT_ERR_NOT_FOUND,
                "train.from: there is no '%s'; name a checkpoint, such as "
                "RUN/fold_0/checkpoint_latest.h5",
                path);
    PLEAT_CHECK(!pleat_file_is_folder(path), PLEAT_ERR_ARG,
                "train.from: '%s' is a folder; name a checkpoint, of a run "
                "RUN/fold_K/checkpoint_best.h5 or checkpoint_latest.h5",
                path);
    const pleat_status status = pleat_checkpoint_read(path, out);
    PLEAT_CHECK(
        status != PLEAT_ERR_FORMAT, status,
        "train.from: '%s' is not a checkpoint of pleat, is damaged, or is of a newer pleat; "
        "name another one",
        path);
    return status;
}

pleat_status pleat_train_begin(const char *path, const char *network, const char *classes,
                               float *params, float *stats, pleat_train_beginning *out) {
    pleat_checkpoint c = {0};
    PLEAT_TRY(read_other(path, &c));
    const pleat_status status = use(&c, path, network, classes, params, stats, out);
    pleat_checkpoint_free(&c);
    return status;
}

/* Of a file before version 6 that had itself begun with another, by its configuration. */
static int began_with_others(const pleat_checkpoint *c) {
    static const char key[] = "\n  from: ", none[] = "''";
    const char *at = strstr(c->config, key);
    return c->learnt.n == 0 && at != NULL && strncmp(at + strlen(key), none, strlen(none)) != 0;
}

static pleat_status all_learnt(const pleat_checkpoint *c, const char *path, pleat_learnt *out) {
    static const pleat_provenance unknown = {0};
    pleat_provenance own = {0};
    pleat_learnt before = {0};
    pleat_status status = PLEAT_OK;
    if (c->cases != NULL) PLEAT_TRY(pleat_provenance_parse(c->cases, path, &own));
    if (began_with_others(c)) status = pleat_learnt_make(&c->learnt, &unknown, &before);
    if (status == PLEAT_OK)
        status = pleat_learnt_make(before.n > 0 ? &before : &c->learnt, &own, out);
    pleat_learnt_free(&before);
    pleat_provenance_free(&own);
    return status;
}

pleat_status pleat_train_learnt(const char *path, pleat_learnt *out) {
    pleat_checkpoint c = {0};
    PLEAT_TRY(pleat_checkpoint_learnt(path, &c));
    const pleat_status status = all_learnt(&c, path, out);
    pleat_checkpoint_free(&c);
    return status;
}

static pleat_status begin(train_run *r, float *params, float *stats) {
    const pleat_checkpoint *described = r->config->described;
    const char *path = r->config->from;
    pleat_train_beginning of = {0};
    pleat_checkpoint c = {0};
    PLEAT_TRY(pleat_model_get(r->model, PLEAT_STATE_PARAMS, params));
    PLEAT_TRY(pleat_model_get(r->model, PLEAT_STATE_STATS, stats));
    PLEAT_TRY(read_other(path, &c));
    pleat_status status = use(&c, path, described->network, described->classes, params, stats, &of);
    if (status == PLEAT_OK) status = all_learnt(&c, path, &r->learnt);
    pleat_checkpoint_free(&c);
    PLEAT_TRY(status);
    pleat_log(PLEAT_INFO,
              "fold=%d begins with the weights of '%s', trained %d epoch%s, digest %s%s",
              r->config->fold, path, of.epoch, pleat_plural(of.epoch), of.digest,
              of.new_head ? "; its head is of other classes, and is new here" : "");
    return PLEAT_OK;
}

/* The root reads, for all. */
pleat_status train_begin_from(train_run *r) {
    const size_t params = pleat_model_count(r->model, PLEAT_STATE_PARAMS);
    const size_t stats = pleat_model_count(r->model, PLEAT_STATE_STATS);
    float *values = malloc((params + stats + 1) * sizeof *values);
    pleat_status status = PLEAT_OK;
    if (values == NULL)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for the weights of '%s'", r->config->from);
    else if (train_is_root(r))
        status = begin(r, values, values + params);
    PLEAT_TRY_GOTO(status, done, pleat_comm_agree(r->group, status));
    PLEAT_TRY_GOTO(
        status, done,
        pleat_comm_broadcast_bytes(r->group, values, (params + stats) * sizeof *values, 0));
    PLEAT_TRY_GOTO(status, done, pleat_model_set(r->model, PLEAT_STATE_PARAMS, values));
    status = pleat_model_set(r->model, PLEAT_STATE_STATS, values + params);
done:
    free(values);
    return status;
}
