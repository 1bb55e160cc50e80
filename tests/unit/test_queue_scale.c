/*
 * test_queue_scale.c - the queue of mpi/queue.c itself among a thousand GPUs, under a clock that is
 * simulated: 100 repeats of 5 folds, with and without the loss of nodes. Prints the table of
 * docs/scale.md.
 *
 * Each leader is a coroutine; messages arrive at once, and who waits sees them at his next nap. A
 * lost node ends the job, as a launcher does; it begins again after RESTART_S with the folds that
 * are not finished, each at its last whole epoch.
 */
#define pleat_queue_start       sim_start
#define pleat_queue_next        sim_next
#define pleat_queue_poll        sim_poll
#define pleat_queue_halt        sim_halt
#define pleat_queue_finish      sim_finish
#define pleat_queue_free        sim_free
#define pleat_comm_mpi_send     sim_send
#define pleat_comm_mpi_take     sim_take
#define pleat_comm_mpi_who      sim_who
#define pleat_comm_mpi_add_who  sim_add_who
#define pleat_comm_mpi_notice_s sim_notice_s
#define pleat_now               sim_now
#define usleep                  sim_sleep
#include "../../mpi/queue.c" /* NOLINT(bugprone-suspicious-include) */

#include "pleat/rng.h"
#include "support.h"

#include <math.h>
#include <ucontext.h>

enum { FOLDS = 500, EPOCHS = 1000, STEPS = 150, STACK = 1 << 16, INBOX = 1000, GPUS_OF_NODE = 4 };
static const double STEP_S = 0.01996;  /* docs/speed.md: the original's on an H100, batch 2 */
static const double EXCHANGE_S = 5e-4; /* of two ranks: gradients at 300 GB/s, none of it hidden */
static const double PREDICT_S = 120.0; /* a fold's */
static const double RESTART_S = 600.0; /* until the job is there again */
static const double SPREAD = 0.05;     /* folds differ by so much */
static const double DAY_S = 86400.0;

typedef struct note {
    int tag, value, from;
} note;

typedef struct leader {
    ucontext_t context;
    char *stack;
    pleat_comm world, group;
    pleat_queue *queue;
    note inbox[INBOX];
    int n, took, asleep, ended, fold;
    double wake, begun;
} leader;

static struct {
    leader *of; /* [leaders] */
    int leaders, per_fold, now_at;
    double now, epoch_s[FOLDS], left[FOLDS]; /* epochs */
    int given[FOLDS], todo[FOLDS], n_todo;
    ucontext_t main;
} sim;

/* --- what the queue calls ------------------------------------------------------------------- */

double sim_now(void) { return sim.now; }
double sim_notice_s(void) { return INFINITY; }
/* NOLINTBEGIN(readability-non-const-parameter): as declared */
const char *sim_who(const pleat_comm *comm, int rank, char *text, size_t size) {
    (void)comm, (void)rank, (void)size;
    return text;
}
void sim_add_who(const pleat_comm *comm, int rank, char *text, size_t size) {
    (void)comm, (void)rank, (void)text, (void)size;
}
/* NOLINTEND(readability-non-const-parameter) */

static void leave(double until) {
    leader *me = &sim.of[sim.now_at];
    me->wake = until;
    (void)swapcontext(&me->context, &sim.main);
}

/* A nap in the queue is over when there is something to see. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int sim_sleep(useconds_t us) {
    leader *me = &sim.of[sim.now_at];
    me->asleep = 1;
    leave(me->n > 0 || me->took ? sim.now + us * 1e-6 : (double)INFINITY);
    me->took = 0;
    me->asleep = 0;
    return 0;
}

pleat_status sim_send(pleat_comm *comm, int tag, int value, int to) {
    if (to % sim.per_fold != 0 || to / sim.per_fold >= sim.leaders)
        return PLEAT_OK; /* leads none */
    leader *other = &sim.of[to / sim.per_fold];
    assert_in_range(other->n, 0, INBOX - 1);
    other->inbox[other->n++] = (note){tag, value, comm->rank};
    if (other->asleep && isinf(other->wake)) other->wake = sim.now + NAP_US * 1e-6;
    return PLEAT_OK;
}

pleat_status sim_take(pleat_comm *comm, int tag, int *value, int *from) {
    leader *me = &sim.of[comm->rank / sim.per_fold];
    *from = -1;
    for (int i = 0; i < me->n; i++) {
        if (me->inbox[i].tag != tag) continue;
        *value = me->inbox[i].value;
        *from = me->inbox[i].from;
        me->took = 1;
        memmove(&me->inbox[i], &me->inbox[i + 1], (size_t)(--me->n - i) * sizeof me->inbox[0]);
        break;
    }
    return PLEAT_OK;
}

static pleat_status gather(pleat_comm *comm, const void *bytes, size_t n, int to, void **out,
                           size_t *total) {
    (void)bytes, (void)n, (void)to;
    if (comm->rank != 0) return PLEAT_OK;
    uint8_t *leads = calloc((size_t)comm->size, 1);
    assert_non_null(leads);
    for (int r = 0; r < comm->size; r += sim.per_fold) leads[r] = 1;
    *out = leads;
    *total = (size_t)comm->size;
    return PLEAT_OK;
}

/* Of the world who leads; of a group what its leader has already. */
static pleat_status broadcast(pleat_comm *comm, void *bytes, size_t n, int from) {
    (void)from;
    for (int r = 0; comm->size > 1 && r < (int)n; r++)
        ((uint8_t *)bytes)[r] = r % sim.per_fold == 0;
    return PLEAT_OK;
}
static const pleat_comm_ops ops = {.name = "sim", .gather = gather, .broadcast_bytes = broadcast};

/* --- the leaders ---------------------------------------------------------------------------- */

/* World rank 0 answers between its steps; nobody else has to. */
static void train(leader *me, int fold) {
    const double end = sim.now + sim.left[fold] * sim.epoch_s[fold] + PREDICT_S;
    me->fold = fold;
    me->begun = sim.now;
    sim.given[fold]++;
    while (me->world.rank == 0 && sim.now < end) {
        OK(sim_poll(me->queue));
        leave(fmin(end, sim.now + 10 * STEP_S));
    }
    if (me->world.rank != 0) leave(end);
    sim.left[fold] = 0.0;
    me->fold = -1;
}

static void lead(void) {
    leader *me = &sim.of[sim.now_at];
    int fold = -1;
    OK(sim_start(&me->world, &me->group, sim.todo, sim.n_todo, &me->queue));
    for (;;) {
        OK(sim_next(me->queue, &fold));
        if (fold < 0) break;
        train(me, fold);
    }
    OK(sim_finish(me->queue));
    me->ended = 1;
    leave(INFINITY);
}

/* One job, until it ends or `lost`; what was trained by then in whole epochs stays. */
static void run_job(double lost) {
    for (int g = 0; g < sim.leaders; g++) {
        leader *me = &sim.of[g];
        me->world =
            (pleat_comm){.ops = &ops, .rank = g * sim.per_fold, .size = sim.leaders * sim.per_fold};
        me->group = (pleat_comm){.ops = &ops, .rank = 0, .size = 1};
        me->n = me->took = me->asleep = me->ended = 0;
        me->fold = -1;
        me->wake = sim.now;
        (void)getcontext(&me->context);
        me->context.uc_stack.ss_sp = me->stack;
        me->context.uc_stack.ss_size = STACK;
        makecontext(&me->context, lead, 0);
    }
    for (;;) {
        int next = 0;
        for (int g = 1; g < sim.leaders; g++)
            if (sim.of[g].wake < sim.of[next].wake) next = g;
        if (isinf(sim.of[next].wake) || sim.of[next].wake >= lost) break;
        sim.now = sim.of[next].wake;
        sim.now_at = next;
        (void)swapcontext(&sim.main, &sim.of[next].context);
    }
    for (int g = 0; g < sim.leaders; g++) {
        leader *me = &sim.of[g];
        if (isinf(lost)) assert_true(me->ended);
        if (me->fold >= 0)
            sim.left[me->fold] =
                fmax(0.0, sim.left[me->fold] - floor((lost - me->begun) / sim.epoch_s[me->fold]));
        sim_free(me->queue);
        me->queue = NULL;
    }
}

/* --- the table ------------------------------------------------------------------------------ */

typedef struct outcome {
    double ideal_s, took_s;
    int jobs;
} outcome;

/* `days`: of a node, from loss to loss; 0: none is lost. */
static outcome simulate(int gpus, int per_fold, double days) {
    const pleat_rng rng = pleat_rng_at(11, PLEAT_STREAM_PHANTOM, 0, 0, 0);
    const double step = STEP_S / per_fold + (per_fold > 1 ? EXCHANGE_S : 0.0);
    const double rate = days > 0.0 ? (double)gpus / GPUS_OF_NODE / (days * DAY_S) : 0.0;
    outcome out = {0.0, 0.0, 0};
    sim.per_fold = per_fold;
    sim.leaders = gpus / per_fold;
    sim.of = calloc((size_t)sim.leaders, sizeof *sim.of);
    assert_non_null(sim.of);
    for (int g = 0; g < sim.leaders; g++) assert_non_null(sim.of[g].stack = malloc(STACK));
    sim.now = 0.0;
    for (int i = 0; i < FOLDS; i++) {
        const double scale = pleat_rng_range(&rng, (uint32_t)i, 1.0 - SPREAD, 1.0 + SPREAD);
        sim.epoch_s[i] = STEPS * step * scale;
        sim.left[i] = EPOCHS;
        sim.given[i] = 0;
        out.ideal_s += (EPOCHS * STEPS * STEP_S * scale + PREDICT_S) / gpus;
    }
    for (;;) {
        const double u = pleat_rng_range(&rng, (uint32_t)(FOLDS + out.jobs), 1e-9, 1.0);
        const double lost = rate > 0.0 ? sim.now - log(u) / rate : (double)INFINITY;
        sim.n_todo = 0;
        for (int i = 0; i < FOLDS; i++)
            if (sim.left[i] > 0.0) sim.todo[sim.n_todo++] = i;
        if (sim.n_todo == 0) break;
        out.jobs++;
        run_job(lost);
        int ended = 1;
        for (int g = 0; g < sim.leaders; g++) ended &= sim.of[g].ended;
        if (ended) break;
        sim.now = lost + RESTART_S;
    }
    out.took_s = sim.now;
    for (int i = 0; i < FOLDS; i++) {
        assert_true(sim.left[i] == 0.0);
        assert_in_range(sim.given[i], 1, out.jobs);
    }
    for (int g = 0; g < sim.leaders; g++) free(sim.of[g].stack);
    free(sim.of);
    return out;
}

static void a_thousand_gpus_come_near_what_the_arithmetic_allows(void **state) {
    (void)state;
    static const struct {
        int gpus, per_fold;
        double days;
        double most; /* times the ideal, which is all work evenly on all GPUs */
    } rows[] = {
        {100, 1, 0, 1.10},  {250, 1, 0, 1.10},  {300, 1, 0, 1.30}, {500, 1, 0, 1.10},
        {1000, 1, 0, 2.20}, {1000, 2, 0, 1.20}, {250, 1, 3, 1.40}, {250, 1, 1, 2.00},
        {1000, 2, 3, 1.80}, {1000, 2, 1, 4.50},
    };
    print_message("| GPUs | ranks a fold | a node fails | jobs | ideal | makespan | times |\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const outcome o = simulate(rows[i].gpus, rows[i].per_fold, rows[i].days);
        char fails[32] = "never";
        if (rows[i].days > 0.0)
            (void)snprintf(fails, sizeof fails, "every %.3g days", rows[i].days);
        print_message("| %d | %d | %s | %d | %.2f h | %.2f h | %.2f |\n", rows[i].gpus,
                      rows[i].per_fold, fails, o.jobs, o.ideal_s / 3600, o.took_s / 3600,
                      o.took_s / o.ideal_s);
        assert_true(o.took_s >= o.ideal_s && o.took_s <= rows[i].most * o.ideal_s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_gpus_come_near_what_the_arithmetic_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
