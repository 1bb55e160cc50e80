/*
 * hdf5_tree.c - what HDF5 keeps in a fractal heap and names by a B-tree: the attributes of an
 * object with more than eight, the links of a group with more than eight.
 *
 *   tree: records -> heap id -> offset in the heap -> direct block -> an object
 *                            -> number -> a second tree: address and size of a large object
 *
 * A heap's space is one row of four blocks after another; from the third row on each has blocks of
 * twice the size, and those above 64 KiB are tables of smaller ones. Sections III.A.2 and III.G.
 */
#include "hdf5_parts.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 4, NODE = 512, MOST_DEPTH = 8, HUGE_TYPE = 1, HUGE_RECORD = 24, MOST_HUGE = 64 };
#define DIRECT_MOST   UINT64_C(65536) /* bytes of a block */
#define MANAGED_MOST  UINT64_C(4096)  /* of an object in one */
#define HAS_CHECKSUMS 2
#define HUGE_ID       0x10

/* How libhdf5 makes the trees and heaps of links and of attributes. */
typedef struct kind {
    int type; /* of a record */
    size_t record, id_at, id;
    uint64_t first_block; /* bytes */
    int bits;             /* of an offset in the heap */
} kind;
static const kind KINDS[] = {{5, 11, 4, 7, 512, 32}, {8, 17, 0, 8, 1024, 40}};

typedef struct block {
    uint64_t offset, size; /* in the heap */
    unsigned char *bytes;
} block;

typedef struct heap {
    const hdf5_file *file;
    const kind *kind;
    uint64_t at, root, huge_tree;
    int rows; /* of the root; 0: it is a direct block */
    block *blocks;
    size_t n_blocks;
    uint64_t held; /* bytes of all blocks */
    hdf5_visit visit;
    void *to;
} heap;

/* ---- the tree -------------------------------------------------------------------------------- */

typedef pleat_status (*record_visit)(void *to, hdf5_bytes record);

typedef struct tree {
    const hdf5_file *file;
    int type;
    size_t record;
    uint64_t left; /* records that are still to come */
    record_visit visit;
    void *to;
} tree;

/* Bytes that hold numbers up to `most`. */
static size_t bytes_for(uint64_t most) {
    size_t n = 1;
    while (n < 8 && most >> (8 * n) != 0) n++;
    return n;
}

/* Of a child's address, its number of records and, above leaves, of all records below it. */
static size_t pointer_bytes(size_t record, int depth) {
    const uint64_t leaf = (NODE - 10) / record;
    const size_t few = bytes_for(leaf);
    uint64_t below = leaf; /* records of a full child and all below it */
    size_t pointer = 8 + few;
    for (int d = 2; d <= depth; d++) {
        const uint64_t most = (NODE - 10 - pointer) / (record + pointer);
        below = (most + 1) * below + most;
        pointer = 8 + few + bytes_for(below);
    }
    return pointer;
}

static pleat_status walk_node(tree *t, uint64_t at, uint64_t n, int depth) {
    static const char *const signatures[] = {"BTLF", "BTIN"};
    pleat_status status = PLEAT_OK;
    unsigned char *bytes = NULL;
    hdf5_bytes body;
    const size_t pointer = depth > 0 ? pointer_bytes(t->record, depth) : 0;
    const uint64_t size = 10 + n * t->record + (depth > 0 ? (n + 1) * pointer : 0);
    if (n == 0 || n > t->left || size > NODE)
        return hdf5_refuse(t->file, "tree has a node of a wrong size");
    t->left -= n;
    PLEAT_TRY(hdf5_fetch_block(t->file, at, size, signatures[depth > 0], &bytes, &body));
    const unsigned char start[2] = {0, (unsigned char)t->type};
    hdf5_expect(&body, start, sizeof start);
    for (uint64_t i = 0; i < n && !body.bad; i++) {
        const hdf5_bytes record = {hdf5_take_all(&body, t->record), t->record, 0};
        if (!body.bad) PLEAT_TRY_GOTO(status, done, t->visit(t->to, record));
    }
    for (uint64_t i = 0; depth > 0 && i <= n && !body.bad; i++) {
        const uint64_t child = hdf5_take(&body, 8);
        const size_t few = bytes_for((NODE - 10) / t->record);
        const uint64_t records = hdf5_take(&body, few);
        (void)hdf5_take_all(&body, pointer - 8 - few);
        PLEAT_TRY_GOTO(status, done, walk_node(t, child, records, depth - 1));
    }
    if (body.bad) status = hdf5_refuse(t->file, "tree has a node of another kind");
done:
    free(bytes);
    return status;
}

static pleat_status walk_tree(tree *t, uint64_t at, uint64_t most) {
    unsigned char *bytes = NULL;
    hdf5_bytes body;
    PLEAT_TRY(hdf5_fetch_block(t->file, at, 38, "BTHD", &bytes, &body));
    const unsigned char start[2] = {0, (unsigned char)t->type};
    hdf5_expect(&body, start, sizeof start);
    const uint64_t node = hdf5_take(&body, 4), record = hdf5_take(&body, 2);
    const uint64_t depth = hdf5_take(&body, 2);
    (void)hdf5_take(&body, 2); /* when nodes are split and merged */
    const uint64_t root = hdf5_take(&body, 8), n = hdf5_take(&body, 2);
    t->left = hdf5_take(&body, 8);
    const int bad = body.bad || node != NODE || record != t->record || depth > MOST_DEPTH ||
                    t->left > most || t->left > t->file->size / record;
    free(bytes);
    if (bad) return hdf5_refuse(t->file, "tree is of another kind");
    if (t->left == 0) return PLEAT_OK;
    PLEAT_TRY(walk_node(t, root, n, (int)depth));
    return t->left == 0 ? PLEAT_OK : hdf5_refuse(t->file, "tree lacks records");
}

/* ---- the heap -------------------------------------------------------------------------------- */

static int log_of(uint64_t power) {
    int n = 0;
    while (power >> (n + 1) != 0) n++;
    return n;
}

/* The row of a table that the byte `offset` of its space lies in, its blocks' size, its begin. */
static int row_of(const heap *h, uint64_t offset, uint64_t *size, uint64_t *begin) {
    const uint64_t first = h->kind->first_block * WIDTH;
    const int row = offset < first ? 0 : log_of(offset / first) + 1;
    *size = h->kind->first_block << (row > 0 ? row - 1 : 0);
    *begin = row > 0 ? first << (row - 1) : 0;
    return row;
}

/* A block's first fields: version, the heap it is of, where in the heap it begins. */
static void expect_prefix(const heap *h, hdf5_bytes *body, uint64_t offset) {
    const int version = (int)hdf5_take(body, 1);
    const uint64_t of = hdf5_take(body, 8);
    const uint64_t begin = hdf5_take(body, (size_t)h->kind->bits / 8);
    if (version != 0 || of != h->at || begin != offset) body->bad = 1;
}

/* The address and place of the direct block that holds the byte `offset`. */
static pleat_status find_block(const heap *h, uint64_t offset, uint64_t *at, block *out) {
    const int direct_rows = log_of(DIRECT_MOST / h->kind->first_block) + 2;
    uint64_t table = h->root, base = 0;
    *out = (block){0, h->kind->first_block, NULL};
    *at = h->root;
    for (int rows = h->rows; rows > 0;) {
        unsigned char *bytes = NULL;
        hdf5_bytes body;
        uint64_t size, begin;
        const int row = row_of(h, offset - base, &size, &begin);
        if (row >= rows) return hdf5_refuse(h->file, "heap has no block for an object");
        const uint64_t column = (offset - base - begin) / size;
        const size_t prefix = 4 + 9 + (size_t)h->kind->bits / 8;
        PLEAT_TRY(hdf5_fetch_block(h->file, table, prefix + (uint64_t)rows * WIDTH * 8 + 4, "FHIB",
                                   &bytes, &body));
        expect_prefix(h, &body, base);
        (void)hdf5_take_all(&body, ((size_t)row * WIDTH + column) * 8);
        *at = table = hdf5_take(&body, 8);
        const int bad = body.bad;
        free(bytes);
        if (bad) return hdf5_refuse(h->file, "heap has a table of another kind");
        base += begin + column * size;
        *out = (block){base, size, NULL};
        rows = row < direct_rows ? 0 : log_of(size / (h->kind->first_block * WIDTH)) + 1;
    }
    return PLEAT_OK;
}

/* A direct block's checksum stands in its prefix and is that of the block with 0 in its place. */
static pleat_status fetch_direct(const heap *h, uint64_t at, block *out) {
    const size_t prefix = 4 + 9 + (size_t)h->kind->bits / 8;
    PLEAT_TRY(hdf5_fetch(h->file, at, out->size, &out->bytes));
    hdf5_bytes body = {out->bytes, out->size, 0};
    hdf5_expect(&body, "FHDB", 4);
    expect_prefix(h, &body, out->offset);
    const uint32_t sum = (uint32_t)hdf5_take(&body, 4);
    memset(out->bytes + prefix, 0, 4);
    if (!body.bad && hdf5_is_checksum(sum, out->bytes, out->size)) return PLEAT_OK;
    free(out->bytes);
    return hdf5_refuse(h->file, "heap has a block that is not as it was written");
}

/* The block of the byte `offset`, which is read once. The heap keeps blocks in order. */
static pleat_status take_block(heap *h, uint64_t offset, const block **out) {
    size_t low = 0, high = h->n_blocks;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (h->blocks[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && offset - h->blocks[low - 1].offset < h->blocks[low - 1].size) {
        *out = &h->blocks[low - 1];
        return PLEAT_OK;
    }
    block one;
    uint64_t at = HDF5_NOWHERE;
    PLEAT_TRY(find_block(h, offset, &at, &one));
    if (offset - one.offset >= one.size || one.size > h->file->size - h->held)
        return hdf5_refuse(h->file, "heap is larger than the file");
    block *grown = realloc(h->blocks, (h->n_blocks + 1) * sizeof *grown);
    PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", h->file->path);
    h->blocks = grown;
    PLEAT_TRY(fetch_direct(h, at, &one));
    memmove(grown + low + 1, grown + low, (h->n_blocks - low) * sizeof *grown);
    grown[low] = one;
    h->n_blocks++;
    h->held += one.size;
    *out = &grown[low];
    return PLEAT_OK;
}

static pleat_status visit_managed(heap *h, hdf5_bytes id) {
    const uint64_t offset = hdf5_take(&id, (size_t)h->kind->bits / 8), n = hdf5_take(&id, 2);
    const size_t prefix = 4 + 9 + (size_t)h->kind->bits / 8 + 4;
    const block *in = NULL;
    if (id.bad || n > MANAGED_MOST) return hdf5_refuse(h->file, "heap has an object too large");
    PLEAT_TRY(take_block(h, offset, &in));
    const uint64_t begin = offset - in->offset;
    if (begin < prefix || n > in->size - begin)
        return hdf5_refuse(h->file, "heap has an object outside its block");
    return h->visit(h->to, (hdf5_bytes){in->bytes + begin, n, 0});
}

typedef struct large { /* an object that is looked for by its number */
    uint64_t number, at, n;
    int found;
} large;

static pleat_status match_large(void *to, hdf5_bytes record) {
    large *l = to;
    const uint64_t at = hdf5_take(&record, 8), n = hdf5_take(&record, 8);
    if (hdf5_take(&record, 8) != l->number) return PLEAT_OK;
    *l = (large){l->number, at, n, 1};
    return PLEAT_OK;
}

static pleat_status visit_large(heap *h, hdf5_bytes id) {
    unsigned char *bytes = NULL;
    large l = {.number = hdf5_take(&id, h->kind->id - 1)};
    tree t = {h->file, HUGE_TYPE, HUGE_RECORD, 0, match_large, &l};
    PLEAT_TRY(walk_tree(&t, h->huge_tree, MOST_HUGE));
    if (!l.found) return hdf5_refuse(h->file, "heap lacks a large object");
    PLEAT_TRY(hdf5_fetch(h->file, l.at, l.n, &bytes));
    const pleat_status status = h->visit(h->to, (hdf5_bytes){bytes, l.n, 0});
    free(bytes);
    return status;
}

static pleat_status visit_record(void *to, hdf5_bytes record) {
    heap *h = to;
    const kind *k = h->kind;
    (void)hdf5_take_all(&record, k->id_at);
    hdf5_bytes id = {hdf5_take_all(&record, k->id), k->id, 0};
    const int shared = k->id_at == 0 && hdf5_take(&record, 1) != 0; /* an attribute's flags */
    const uint64_t what = hdf5_take(&id, 1);
    if (record.bad || shared || (what != 0 && what != HUGE_ID))
        return hdf5_refuse(h->file, "tree has a record of another kind");
    return what == HUGE_ID ? visit_large(h, id) : visit_managed(h, id);
}

/* The header of a heap of the kind that libhdf5 makes. */
static pleat_status read_heap(heap *h) {
    const kind *k = h->kind;
    unsigned char *bytes = NULL;
    hdf5_bytes body;
    PLEAT_TRY(hdf5_fetch_block(h->file, h->at, 146, "FRHP", &bytes, &body));
    const int first = hdf5_take(&body, 1) == 0 && hdf5_take(&body, 2) == k->id &&
                      hdf5_take(&body, 2) == 0 && hdf5_take(&body, 1) == HAS_CHECKSUMS &&
                      hdf5_take(&body, 4) == MANAGED_MOST;
    (void)hdf5_take(&body, 8); /* the next large object's number */
    h->huge_tree = hdf5_take(&body, 8);
    (void)hdf5_take_all(&body, 80); /* free space and numbers of objects */
    const int second = hdf5_take(&body, 2) == WIDTH && hdf5_take(&body, 8) == k->first_block &&
                       hdf5_take(&body, 8) == DIRECT_MOST &&
                       hdf5_take(&body, 2) == (uint64_t)k->bits && hdf5_take(&body, 2) == 1;
    h->root = hdf5_take(&body, 8);
    const uint64_t rows = hdf5_take(&body, 2);
    const int most = k->bits - log_of(k->first_block * WIDTH) + 1;
    const int bad = !first || !second || body.bad || rows > (uint64_t)most;
    h->rows = bad ? 0 : (int)rows;
    free(bytes);
    return bad ? hdf5_refuse(h->file, "heap is of another kind") : PLEAT_OK;
}

pleat_status hdf5_walk(const hdf5_file *file, uint64_t at, uint64_t tree_at, int type,
                       uint64_t most, hdf5_visit visit, void *to) {
    const kind *k = type == KINDS[0].type ? &KINDS[0] : &KINDS[1];
    heap h = {.file = file, .kind = k, .at = at, .visit = visit, .to = to};
    tree t = {file, k->type, k->record, 0, visit_record, &h};
    pleat_status status = read_heap(&h);
    if (status == PLEAT_OK) status = walk_tree(&t, tree_at, most);
    for (size_t i = 0; i < h.n_blocks; i++) free(h.blocks[i].bytes);
    free(h.blocks);
    return status;
}
