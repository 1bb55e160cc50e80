/*
 * hdf5_read.c - the root of an HDF5 file of ours: its attributes, its datasets, its links.
 *
 *   superblock -> object header of the root -> messages: attributes, links
 *                                           -> tree and heap of more of them (hdf5_tree.c)
 *   link -> object header of a dataset -> messages: space, type, layout
 *
 * Sections III.A.2, IV.A.1.b and IV.A.2 of the specification. Only what libhdf5 writes for us in
 * the format of HDF5 1.8 is known here; every other message, version or flag is refused.
 */
#include "hdf5_read.h"

#include "hdf5_parts.h"
#include "pleat/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_ATTRIBUTES = 64, MOST_LINKS = 16, MOST_RANK = 4 };
enum { NAME = 192 }; /* bytes of a name; a case's is the longest */
#define MOST_CASES (UINT64_C(1) << 20)

typedef struct shape {
    int rank;
    uint64_t dim[MOST_RANK];
} shape;

typedef struct attribute {
    char name[NAME];
    pleat_hdf5_type type;
    shape shape;
    size_t bytes; /* of all values */
    unsigned char *values;
} attribute;

typedef struct object {
    char name[NAME];
    uint64_t at; /* of the object's header */
} object;

struct pleat_hdf5_in {
    hdf5_file file;
    attribute attributes[MOST_ATTRIBUTES];
    object links[MOST_LINKS];
    int n_attributes, n_links;
};

/* ---- types and shapes ------------------------------------------------------------------------ */

/* As the file describes them, after the version: class, properties, bytes of a value, bits. */
static const struct {
    const char *bytes;
    size_t n, value;
} TYPES[] = {
    [PLEAT_HDF5_I32] = {"\x10\x08\0\0\4\0\0\0\0\0\x20\0", 12, 4},
    [PLEAT_HDF5_I64] = {"\x10\x08\0\0\x08\0\0\0\0\0\x40\0", 12, 8},
    [PLEAT_HDF5_U8] = {"\x10\0\0\0\1\0\0\0\0\0\x08\0", 12, 1},
    [PLEAT_HDF5_U64] = {"\x10\0\0\0\x08\0\0\0\0\0\x40\0", 12, 8},
    [PLEAT_HDF5_F32] = {"\x11\x20\x1f\0\4\0\0\0\0\0\x20\0\x17\x08\0\x17\x7f\0\0\0", 20, 4},
    [PLEAT_HDF5_F64] = {"\x11\x20\x3f\0\x08\0\0\0\0\0\x40\0\x34\x0b\0\x34\xff\3\0\0", 20, 8},
    [PLEAT_HDF5_TEXT] = {"\x13\x10\0\0", 4, 0}, /* then its size */
};

/* *value is the bytes of one. */
static void take_type(hdf5_bytes *from, pleat_hdf5_type *type, uint64_t *value) {
    for (int t = 0; t <= PLEAT_HDF5_TEXT && !from->bad; t++) {
        const size_t n = TYPES[t].n;
        if (from->left < n || memcmp(from->at, TYPES[t].bytes, n) != 0) continue;
        (void)hdf5_take_all(from, n);
        *type = (pleat_hdf5_type)t;
        *value = t == PLEAT_HDF5_TEXT ? hdf5_take(from, 4) : TYPES[t].value;
        return;
    }
    from->bad = 1;
}

static void take_shape(hdf5_bytes *from, shape *out) {
    const uint64_t version = hdf5_take(from, 1), rank = hdf5_take(from, 1);
    const uint64_t largest = hdf5_take(from, 1), simple = hdf5_take(from, 1);
    if (version != 2 || rank > MOST_RANK || largest > 1 || simple != (rank > 0)) from->bad = 1;
    for (uint64_t i = 0; i < rank && !from->bad; i++) out->dim[i] = hdf5_take(from, 8);
    for (uint64_t i = 0; i < rank && largest && !from->bad; i++)
        if (hdf5_take(from, 8) != out->dim[i]) from->bad = 1;
    out->rank = (int)rank;
}

/* The bytes of all values, when these are at most `most`; else 0. */
static uint64_t size_of(const shape *s, uint64_t value, uint64_t most) {
    for (int i = 0; i < s->rank && value > 0; i++)
        value = s->dim[i] > most / value ? 0 : value * s->dim[i];
    return value <= most ? value : 0;
}

/* n bytes that end with their only 0 byte. */
static void take_name(hdf5_bytes *from, uint64_t n, char out[NAME]) {
    const unsigned char *text = n > 0 && n <= NAME ? hdf5_take_all(from, n) : NULL;
    if (text == NULL || memchr(text, '\0', n) != text + n - 1)
        from->bad = 1;
    else
        memcpy(out, text, n);
}

/* ---- attributes ------------------------------------------------------------------------------ */

static pleat_status add_attribute(void *to, hdf5_bytes body) {
    pleat_hdf5_in *in = to;
    attribute a = {.name = ""};
    uint64_t value = 0;
    if (in->n_attributes == MOST_ATTRIBUTES) return hdf5_refuse(&in->file, "attributes are many");
    hdf5_expect(&body, "\3\0", 2); /* version, flags */
    const uint64_t name = hdf5_take(&body, 2), type = hdf5_take(&body, 2);
    const uint64_t space = hdf5_take(&body, 2);
    hdf5_expect(&body, "\0", 1); /* the name is ASCII */
    take_name(&body, name, a.name);
    const size_t before = body.left;
    take_type(&body, &a.type, &value);
    const size_t between = body.left;
    take_shape(&body, &a.shape);
    if (body.bad || before - between != type || between - body.left != space)
        return hdf5_refuse(&in->file, "attributes are of another kind");
    a.bytes = size_of(&a.shape, value, body.left);
    if (a.bytes == 0 || a.bytes != body.left)
        return hdf5_refuse(&in->file, "attributes have another size");
    a.values = malloc(a.bytes);
    PLEAT_CHECK(a.values != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", in->file.path);
    memcpy(a.values, body.at, a.bytes);
    in->attributes[in->n_attributes++] = a;
    return PLEAT_OK;
}

static pleat_status add_more_attributes(pleat_hdf5_in *in, hdf5_bytes body) {
    hdf5_expect(&body, "\0\0", 2); /* version, flags */
    const uint64_t heap = hdf5_take(&body, 8), tree = hdf5_take(&body, 8);
    if (body.bad) return hdf5_refuse(&in->file, "attributes are kept in another way");
    return heap == HDF5_NOWHERE
               ? PLEAT_OK
               : hdf5_walk(&in->file, heap, tree, 8, MOST_ATTRIBUTES, add_attribute, in);
}

/* ---- links ----------------------------------------------------------------------------------- */

/* Version, flags, length of the name, name: what a link begins with. */
static void take_link_name(hdf5_bytes *from, const char *start, size_t n, char out[NAME]) {
    hdf5_expect(from, start, n);
    const uint64_t length = hdf5_take(from, 1);
    const unsigned char *name = hdf5_take_all(from, length);
    if (name == NULL || length == 0 || length >= NAME || memchr(name, '\0', length) != NULL)
        from->bad = 1;
    else
        (void)snprintf(out, NAME, "%.*s", (int)length, (const char *)name);
}

static pleat_status add_link(void *to, hdf5_bytes body) {
    pleat_hdf5_in *in = to;
    if (in->n_links == MOST_LINKS) return hdf5_refuse(&in->file, "root has too many links");
    object *l = &in->links[in->n_links];
    take_link_name(&body, "\1\0", 2, l->name);
    l->at = hdf5_take(&body, 8);
    if (body.bad) return hdf5_refuse(&in->file, "root has a link that is no hard one");
    in->n_links++;
    return PLEAT_OK;
}

/* Where a group keeps more than eight links; HDF5_NOWHERE when it does not. */
static pleat_status take_link_info(const hdf5_file *file, hdf5_bytes body, uint64_t *heap,
                                   uint64_t *tree) {
    hdf5_expect(&body, "\0\0", 2); /* version, flags */
    *heap = hdf5_take(&body, 8);
    *tree = hdf5_take(&body, 8);
    return body.bad ? hdf5_refuse(file, "links are kept in another way") : PLEAT_OK;
}

static pleat_status visit_root(void *to, int type, hdf5_bytes body) {
    pleat_hdf5_in *in = to;
    uint64_t heap = HDF5_NOWHERE, tree = 0;
    switch (type) {
    case HDF5_ATTRIBUTE: return add_attribute(in, body);
    case HDF5_ATTRIBUTE_INFO: return add_more_attributes(in, body);
    case HDF5_LINK: return add_link(in, body);
    case HDF5_LINK_INFO:
        PLEAT_TRY(take_link_info(&in->file, body, &heap, &tree));
        return heap == HDF5_NOWHERE ? PLEAT_OK
                                    : hdf5_walk(&in->file, heap, tree, 5, MOST_LINKS, add_link, in);
    default: return hdf5_refuse(&in->file, "root is of another kind");
    }
}

typedef struct list {
    const hdf5_file *file;
    const char *group;
    char **names;
    int n, room;
} list;

/* NAME -> "GROUP/NAME.h5", "/": flags 8 has a type, 64 is external. */
static pleat_status add_external(void *to, hdf5_bytes body) {
    list *l = to;
    char name[NAME] = "", target[2 * NAME + 8];
    take_link_name(&body, "\1\x08\x40", 3, name);
    const size_t n = (size_t)snprintf(target, sizeof target, "%s/%s.h5", l->group, name);
    const uint64_t length = hdf5_take(&body, 2);
    hdf5_expect(&body, "\0", 1);
    hdf5_expect(&body, target, n + 1);
    hdf5_expect(&body, "/\0", 2);
    if (body.bad || length != n + 4)
        return hdf5_refuse(l->file, "links are not those to its own cases");
    if (l->n == l->room) {
        const int room = l->room == 0 ? 64 : 2 * l->room;
        char **grown = realloc(l->names, (size_t)room * sizeof *grown);
        PLEAT_CHECK(grown != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", l->file->path);
        l->names = grown;
        l->room = room;
    }
    l->names[l->n] = strdup(name);
    PLEAT_CHECK(l->names[l->n] != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", l->file->path);
    l->n++;
    return PLEAT_OK;
}

static pleat_status visit_group(void *to, int type, hdf5_bytes body) {
    list *l = to;
    uint64_t heap = HDF5_NOWHERE, tree = 0;
    if (type == HDF5_LINK) return add_external(l, body);
    if (type != HDF5_LINK_INFO) return hdf5_refuse(l->file, "group is of another kind");
    PLEAT_TRY(take_link_info(l->file, body, &heap, &tree));
    return heap == HDF5_NOWHERE ? PLEAT_OK
                                : hdf5_walk(l->file, heap, tree, 5, MOST_CASES, add_external, l);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const object *find_link(const pleat_hdf5_in *in, const char *name) {
    for (int i = 0; i < in->n_links; i++)
        if (strcmp(in->links[i].name, name) == 0) return &in->links[i];
    return NULL;
}

pleat_status pleat_hdf5_list(const pleat_hdf5_in *in, const char *group, char ***names, int *n) {
    const object *to = find_link(in, group);
    list l = {.file = &in->file, .group = group};
    if (to == NULL) return pleat_hdf5_damaged(in, "lacks the group", group);
    pleat_status status = hdf5_walk_header(&in->file, to->at, visit_group, &l);
    if (l.n > 1) qsort(l.names, (size_t)l.n, sizeof *l.names, by_name);
    for (int i = 1; i < l.n && status == PLEAT_OK; i++)
        if (strcmp(l.names[i - 1], l.names[i]) == 0)
            status = pleat_hdf5_damaged(in, "twice it has the link", l.names[i]);
    if (status == PLEAT_OK) {
        *names = l.names; /* ownership moves to the caller */
        *n = l.n;
        return PLEAT_OK;
    }
    for (int i = 0; i < l.n; i++) free(l.names[i]);
    free(l.names);
    return status;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Version 2: 8 bytes for an address and for a size; the file begins with it and is whole. */
static pleat_status read_superblock(const hdf5_file *file, uint64_t *root) {
    static const char start[] = "\x89HDF\r\n\x1a\n\2\x08\x08";
    unsigned char *bytes = NULL;
    hdf5_bytes body;
    PLEAT_TRY(hdf5_fetch(file, 0, 48, &bytes));
    const int other = memcmp(bytes, start, sizeof start - 1) != 0;
    free(bytes);
    if (other) return hdf5_refuse(file, "superblock is of another kind");
    PLEAT_TRY(hdf5_fetch_block(file, 0, 48, "\x89HDF", &bytes, &body));
    hdf5_expect(&body, start + 4, sizeof start - 5);
    const uint64_t flags = hdf5_take(&body, 1); /* 1: it was open for writing; ours always was */
    const uint64_t base = hdf5_take(&body, 8), more = hdf5_take(&body, 8);
    const uint64_t end = hdf5_take(&body, 8);
    *root = hdf5_take(&body, 8);
    const int bad = body.bad || flags > 1 || base != 0 || more != HDF5_NOWHERE;
    free(bytes);
    if (bad) return hdf5_refuse(file, "superblock is of another kind");
    return end <= file->size ? PLEAT_OK : hdf5_refuse(file, "end is missing");
}

pleat_status pleat_hdf5_open(const char *path, const char *advice, pleat_hdf5_in **out) {
    pleat_status status = PLEAT_OK;
    uint64_t root = 0;
    int64_t size = 0;
    pleat_hdf5_in *in = calloc(1, sizeof *in);
    PLEAT_CHECK(in != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", path);
    in->file = (hdf5_file){.fd = -1, .advice = advice};
    PLEAT_TRY_GOTO(status, done, pleat_path(in->file.path, sizeof in->file.path, "%s", path));
    PLEAT_TRY_GOTO(status, done, pleat_file_open(path, &in->file.fd, &size));
    in->file.size = (uint64_t)size;
    PLEAT_TRY_GOTO(status, done, read_superblock(&in->file, &root));
    PLEAT_TRY_GOTO(status, done, hdf5_walk_header(&in->file, root, visit_root, in));
    *out = in; /* ownership moves to the caller */
    in = NULL;
done:
    pleat_hdf5_release(in);
    return status;
}

void pleat_hdf5_release(pleat_hdf5_in *in) {
    if (in == NULL) return;
    for (int i = 0; i < in->n_attributes; i++) free(in->attributes[i].values);
    if (in->file.fd >= 0) (void)close(in->file.fd);
    free(in);
}

const char *pleat_hdf5_path(const pleat_hdf5_in *in) { return in->file.path; }
int pleat_hdf5_descriptor(const pleat_hdf5_in *in) { return in->file.fd; }

pleat_status pleat_hdf5_damaged(const pleat_hdf5_in *in, const char *what, const char *name) {
    return PLEAT_FAIL(PLEAT_ERR_FORMAT, "'%s': %s%s%s%s; %s", in->file.path, what, name ? " '" : "",
                      name ? name : "", name ? "'" : "", in->file.advice);
}

/* ---- what the root has ----------------------------------------------------------------------- */

static const attribute *find_attribute(const pleat_hdf5_in *in, const char *name) {
    for (int i = 0; i < in->n_attributes; i++)
        if (strcmp(in->attributes[i].name, name) == 0) return &in->attributes[i];
    return NULL;
}

int pleat_hdf5_has_attribute(const pleat_hdf5_in *in, const char *name) {
    return find_attribute(in, name) != NULL;
}

pleat_status pleat_hdf5_get_text(const pleat_hdf5_in *in, const char *name, char *out,
                                 size_t size) {
    const attribute *a = find_attribute(in, name);
    if (a == NULL) return pleat_hdf5_damaged(in, "lacks the attribute", name);
    if (a->type != PLEAT_HDF5_TEXT || a->shape.rank != 0 || a->bytes > size ||
        memchr(a->values, '\0', a->bytes) == NULL)
        return pleat_hdf5_damaged(in, "cannot use the attribute", name);
    (void)snprintf(out, size, "%s", (const char *)a->values);
    return PLEAT_OK;
}

pleat_status pleat_hdf5_get_values(const pleat_hdf5_in *in, const char *name, pleat_hdf5_type type,
                                   int rank, const uint64_t *dim, void *out) {
    const attribute *a = find_attribute(in, name);
    if (a == NULL) return pleat_hdf5_damaged(in, "lacks the attribute", name);
    int good = a->type == type && a->shape.rank == rank;
    for (int i = 0; good && i < rank; i++) good = a->shape.dim[i] == dim[i];
    if (!good) return pleat_hdf5_damaged(in, "cannot use the attribute", name);
    memcpy(out, a->values, a->bytes);
    return PLEAT_OK;
}

int pleat_hdf5_has(const pleat_hdf5_in *in, const char *name) {
    return find_link(in, name) != NULL;
}

typedef struct dataset {
    const hdf5_file *file;
    unsigned seen; /* bits: which messages */
    pleat_hdf5_type type;
    shape shape;
    uint64_t value, at, bytes;
} dataset;

static pleat_status visit_dataset(void *to, int type, hdf5_bytes body) {
    dataset *d = to;
    if (type == HDF5_SPACE) {
        take_shape(&body, &d->shape);
    } else if (type == HDF5_TYPE) {
        take_type(&body, &d->type, &d->value);
    } else if (type == HDF5_LAYOUT) {
        hdf5_expect(&body, "\3\1", 2); /* version, contiguous */
        d->at = hdf5_take(&body, 8);
        d->bytes = hdf5_take(&body, 8);
    } else {
        body.bad = 1;
    }
    if (body.bad || (d->seen & 1U << type) != 0)
        return hdf5_refuse(d->file, "datasets are of another kind");
    d->seen |= 1U << type;
    return PLEAT_OK;
}

pleat_status pleat_hdf5_find_array(const pleat_hdf5_in *in, const char *name, pleat_hdf5_type type,
                                   int rank, uint64_t *dim, int64_t *offset) {
    const object *to = find_link(in, name);
    dataset d = {.file = &in->file};
    if (to == NULL) return pleat_hdf5_damaged(in, "lacks the dataset", name);
    PLEAT_TRY(hdf5_walk_header(&in->file, to->at, visit_dataset, &d));
    if (d.seen != (1U << HDF5_SPACE | 1U << HDF5_TYPE | 1U << HDF5_LAYOUT))
        return pleat_hdf5_damaged(in, "incomplete dataset", name);
    if (d.type != type) return pleat_hdf5_damaged(in, "unexpected type of dataset", name);
    if (d.shape.rank != rank) return pleat_hdf5_damaged(in, "unexpected shape of dataset", name);
    const uint64_t bytes = size_of(&d.shape, d.value, in->file.size);
    if (bytes == 0 || bytes != d.bytes || d.at > in->file.size - bytes)
        return pleat_hdf5_damaged(in, "incomplete dataset", name);
    memcpy(dim, d.shape.dim, (size_t)rank * sizeof *dim);
    *offset = (int64_t)d.at;
    return PLEAT_OK;
}

pleat_status pleat_hdf5_get_bytes(const pleat_hdf5_in *in, int64_t offset, void *out, size_t n) {
    return hdf5_read(&in->file, (uint64_t)offset, out, n);
}
