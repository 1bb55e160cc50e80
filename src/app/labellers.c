/* labellers.c - finds the models of each volume, and puts volumes of the same ones together. */
#include "labellers.h"

#include "pleat/orient.h"
#include "pleat/prep.h"
#include "pleat/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pleat_knows knows(const labellers *l, int i, int m) {
    if (l->knows == NULL) return PLEAT_KNOWS_NOT;
    return (pleat_knows)l->knows[(size_t)i * (size_t)l->models->n + (size_t)m];
}

static int may_label(const labellers *l, int i, int m) {
    const pleat_knows how = knows(l, i, m);
    return how == PLEAT_KNOWS_NOT || how == PLEAT_KNOWS_HELD_OUT;
}

static int count_of(const labellers *l, int i) {
    int n = 0;
    for (int m = 0; m < l->models->n; m++) n += may_label(l, i, m);
    return n;
}

/* No model knows it. */
static int is_new(const labellers *l, int i) {
    for (int m = 0; m < l->models->n; m++)
        if (knows(l, i, m) != PLEAT_KNOWS_NOT) return 0;
    return 1;
}

typedef struct place {
    char set[MAX_LIST]; /* 1 of each model that labels it */
    int i;
} place;

static int by_set(const void *a, const void *b) {
    const place *x = a, *y = b;
    const int set = memcmp(x->set, y->set, sizeof x->set);
    return set != 0 ? set : (x->i > y->i) - (x->i < y->i);
}

static pleat_status put_in_order(labellers *l) {
    place *places = calloc((size_t)l->n + 1, sizeof *places);
    l->order = calloc((size_t)l->n + 1, sizeof *l->order);
    if (places == NULL || l->order == NULL) {
        free(places);
        return PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for %d cases", l->n);
    }
    for (int i = 0; i < l->n; i++) {
        places[i].i = i;
        for (int m = 0; m < l->models->n; m++) places[i].set[m] = (char)may_label(l, i, m);
    }
    qsort(places, (size_t)l->n, sizeof *places, by_set);
    for (int i = 0; i < l->n; i++) l->order[i] = places[i].i;
    free(places);
    return PLEAT_OK;
}

pleat_status labellers_find(pleat_comm *comm, const text_list *models,
                            const pleat_case_paths *cases, int n, int held_out, labellers *out) {
    labellers made = {.models = models, .n = n};
    pleat_status status = PLEAT_OK;
    if (held_out) made.knows = calloc((size_t)n * (size_t)models->n + 1, 1);
    if (held_out && made.knows == NULL)
        status = PLEAT_FAIL(PLEAT_ERR_MEMORY, "no memory for %d cases", n);
    status = pleat_comm_agree(comm, status);
    if (status == PLEAT_OK && held_out)
        status = pleat_learnt_by_model(comm, models->item, models->n, cases, n, made.knows);
    if (status == PLEAT_OK) status = pleat_comm_agree(comm, put_in_order(&made));
    if (status == PLEAT_OK)
        *out = made;
    else
        labellers_free(&made);
    return status;
}

void labellers_free(labellers *l) {
    free(l->knows);
    free(l->order);
    *l = (labellers){0};
}

int labellers_volume(const labellers *l, int at) { return l->order[at]; }

void labellers_of(const labellers *l, int i, text_list *out) {
    *out = (text_list){0};
    for (int m = 0; m < l->models->n; m++)
        if (may_label(l, i, m)) out->item[out->n++] = l->models->item[m];
}

int labellers_same(const labellers *l, int i, int k) {
    if (i < 0 || k < 0) return 0;
    for (int m = 0; m < l->models->n; m++)
        if (may_label(l, i, m) != may_label(l, k, m)) return 0;
    return 1;
}

pleat_status labellers_check(const labellers *l, int i, const pleat_case_paths *paths) {
    uint64_t content = 0;
    if (count_of(l, i) > 0) return PLEAT_OK;
    PLEAT_CHECK(
        knows(l, i, 0) == PLEAT_KNOWS_UNREAD, PLEAT_ERR_DATA, "no model has held it out: %s",
        l->models->n == 1 ? "the only one was trained on it" : "all of them were trained on it");
    PLEAT_TRY(pleat_prep_content(paths, 0, PLEAT_ORIENT_NONE, &content)); /* says why */
    return PLEAT_FAIL(PLEAT_ERR_DATA, "it could not be compared with what the models were trained "
                                      "on; label it again");
}

/* Volumes that were labelled, and by how many models. */
typedef struct count {
    int n, least, most;
} count;

static void add(count *to, int models) {
    if (to->n == 0 || models < to->least) to->least = models;
    if (models > to->most) to->most = models;
    to->n++;
}

void labellers_print(const labellers *l, const double *labelled, const char *folder) {
    count known = {0}, unknown = {0};
    for (int i = 0; i < l->n; i++)
        if (labelled[i] > 0.0) add(is_new(l, i) ? &unknown : &known, count_of(l, i));
    if (known.n > 0) {
        char least[32] = "";
        if (known.least < known.most) (void)snprintf(least, sizeof least, "%d to ", known.least);
        pleat_text_print("%d volume%s labelled by the models that held %s out, %s%d model%s each, "
                         "in %s\n",
                         known.n, pleat_plural(known.n), known.n == 1 ? "it" : "them", least,
                         known.most, pleat_plural(known.most), folder);
    }
    if (unknown.n > 0)
        pleat_text_print("%d volume%s that no model knows labelled by all %d model%s in %s\n",
                         unknown.n, pleat_plural(unknown.n), unknown.most,
                         pleat_plural(unknown.most), folder);
}
