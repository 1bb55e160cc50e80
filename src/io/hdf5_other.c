/*
 * hdf5_other.c - groups, attributes and datasets in the HDF5 files of other programs.
 *
 *   superblock -> header of the root group -> symbols: tree -> leaves of names and headers
 *                                          -> or links, in the header or in a heap (hdf5_tree.c)
 *   header of a group   -> attributes: texts, or places of texts in a heap of the whole file
 *   header of a dataset -> space, type, layout -> values
 *
 * Sections II, III.A.1, III.B to III.E and IV.A.2 of the specification.
 */
#include "hdf5_other.h"

#include "hdf5_parts.h"
#include "pleat/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_DEPTH = 8, MOST_LINKS = 1 << 16, MOST_TEXTS = 1 << 14, MOST_NAME = 255 };
#define MOST_TEXT     (UINT64_C(1) << 26) /* bytes of all texts of an attribute */
#define LEAST_BUDGET  (UINT64_C(1) << 26)
#define BUDGET_FACTOR 16 /* times the size of the file */

struct pleat_hdf5_other {
    hdf5_file file;
    uint64_t budget;
};

/* ---- types and spaces ------------------------------------------------------------------------ */

typedef struct space {
    int rank;
    uint64_t dim[PLEAT_HDF5_OTHER_RANK], n; /* n: of all elements */
} space;

/* Versions 1 and 2; at most `most` elements, which may be none. */
static void take_space(hdf5_bytes *from, uint64_t most, space *out) {
    const uint64_t version = hdf5_take(from, 1), rank = hdf5_take(from, 1);
    const uint64_t flags = hdf5_take(from, 1);
    const uint64_t kind = hdf5_take(from, 1); /* of version 2: 2 is an empty one */
    if (version == 1) (void)hdf5_take_all(from, 4);
    if (version < 1 || version > 2 || rank > PLEAT_HDF5_OTHER_RANK || flags > 1) from->bad = 1;
    *out = (space){.rank = from->bad ? 0 : (int)rank, .n = version != 2 || kind != 2};
    for (int i = 0; i < out->rank; i++) {
        out->dim[i] = hdf5_take(from, 8);
        if (out->dim[i] > 0 && out->n > most / out->dim[i]) from->bad = 1;
        out->n = from->bad ? 0 : out->n * out->dim[i];
    }
}

/* Bytes of a text, or 0 and *any where it may have any length and lies in a heap. */
static void take_text_type(hdf5_bytes *from, uint64_t *bytes, int *any) {
    const uint64_t what = hdf5_take(from, 1), bits = hdf5_take(from, 3);
    *bytes = hdf5_take(from, 4);
    *any = (what & 0x0f) == 9 && (bits & 0x0f) == 1 && *bytes == 16;
    if (!*any && ((what & 0x0f) != 3 || *bytes == 0)) from->bad = 1;
}

/* Version 1 of IEEE's float32, little-endian. */
static void expect_float32(hdf5_bytes *from) {
    hdf5_expect(from, "\x11\x20\x1f\0\4\0\0\0\0\0\x20\0\x17\x08\0\x17\x7f\0\0\0", 20);
}

/* ---- groups ---------------------------------------------------------------------------------- */

typedef struct search { /* of a name in a group */
    pleat_hdf5_other *in;
    const char *name;
    size_t length;
    uint64_t at, left;    /* PLEAT_HDF5_ABSENT; links that may still be looked at */
    unsigned char *names; /* of a group of symbols */
    uint64_t n_names;
} search;

/* Names of the symbols: a heap of its own. */
static pleat_status read_names(search *s, uint64_t at) {
    const hdf5_file *file = &s->in->file;
    unsigned char *bytes = NULL;
    PLEAT_TRY(hdf5_fetch(file, at, 32, &bytes));
    hdf5_bytes body = {bytes, 32, 0};
    hdf5_expect(&body, "HEAP\0\0\0\0", 8);
    s->n_names = hdf5_take(&body, 8);
    (void)hdf5_take(&body, 8); /* what is free of it */
    const uint64_t data = hdf5_take(&body, 8);
    const int bad = body.bad;
    free(bytes);
    if (bad) return hdf5_refuse(file, "group's names are of another kind");
    return hdf5_fetch(file, data, s->n_names, &s->names);
}

static int is_name(const search *s, uint64_t offset) {
    return s->names != NULL && offset < s->n_names && s->n_names - offset > s->length &&
           memcmp(s->names + offset, s->name, s->length) == 0 &&
           s->names[offset + s->length] == '\0';
}

static pleat_status search_leaf(search *s, uint64_t at) {
    const hdf5_file *file = &s->in->file;
    unsigned char *bytes = NULL;
    enum { ENTRY = 40, SOFT = 2 };
    PLEAT_TRY(hdf5_fetch(file, at, 8, &bytes));
    hdf5_bytes body = {bytes, 8, 0};
    hdf5_expect(&body, "SNOD\1\0", 6);
    const uint64_t n = hdf5_take(&body, 2);
    const int bad = body.bad;
    free(bytes);
    if (bad || n > s->left) return hdf5_refuse(file, "group has a leaf of another kind");
    s->left -= n;
    if (n == 0) return PLEAT_OK;
    PLEAT_TRY(hdf5_fetch(file, at + 8, n * ENTRY, &bytes));
    body = (hdf5_bytes){bytes, n * ENTRY, 0};
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t name = hdf5_take(&body, 8), object = hdf5_take(&body, 8);
        const uint64_t kind = hdf5_take(&body, 4);
        (void)hdf5_take_all(&body, ENTRY - 20);
        if (kind != SOFT && is_name(s, name)) s->at = object;
    }
    free(bytes);
    return PLEAT_OK;
}

/* A node of the tree of a group's symbols: keys and children take turns. */
static pleat_status search_tree(search *s, uint64_t at, int depth) {
    const hdf5_file *file = &s->in->file;
    pleat_status status = PLEAT_OK;
    unsigned char *bytes = NULL;
    PLEAT_TRY(hdf5_fetch(file, at, 24, &bytes));
    hdf5_bytes body = {bytes, 24, 0};
    hdf5_expect(&body, "TREE\0", 5);
    const int level = (int)hdf5_take(&body, 1);
    const uint64_t n = hdf5_take(&body, 2);
    const int bad = body.bad || (depth >= 0 && level != depth) || level > MOST_DEPTH;
    free(bytes);
    if (bad) return hdf5_refuse(file, "group has a tree of another kind");
    if (n == 0) return PLEAT_OK;
    PLEAT_TRY(hdf5_fetch(file, at + 24, n * 16, &bytes));
    body = (hdf5_bytes){bytes, n * 16, 0};
    for (uint64_t i = 0; i < n && s->at == PLEAT_HDF5_ABSENT && status == PLEAT_OK; i++) {
        (void)hdf5_take(&body, 8);
        const uint64_t child = hdf5_take(&body, 8);
        status = level == 0 ? search_leaf(s, child) : search_tree(s, child, level - 1);
    }
    free(bytes);
    return status;
}

/* A link: version, flags, [kind], [order], [letters], length of the name, name, place. */
static pleat_status look_at_link(void *to, hdf5_bytes body) {
    search *s = to;
    hdf5_expect(&body, "\1", 1);
    const uint64_t flags = hdf5_take(&body, 1);
    const uint64_t kind = (flags & 0x08) != 0 ? hdf5_take(&body, 1) : 0;
    if ((flags & 0x04) != 0) (void)hdf5_take(&body, 8);
    if ((flags & 0x10) != 0) (void)hdf5_take(&body, 1);
    const uint64_t length = hdf5_take(&body, (size_t)1 << (flags & 3));
    const unsigned char *name = hdf5_take_all(&body, length);
    const uint64_t object = kind == 0 ? hdf5_take(&body, 8) : PLEAT_HDF5_ABSENT;
    if (body.bad || s->left == 0) return hdf5_refuse(&s->in->file, "group has a link of no kind");
    s->left--;
    if (kind == 0 && length == s->length && memcmp(name, s->name, length) == 0) s->at = object;
    return PLEAT_OK;
}

/* Where a new group keeps many: flags, [order], heap, tree. */
static pleat_status look_at_heap(search *s, hdf5_bytes body) {
    hdf5_expect(&body, "\0", 1);
    const uint64_t flags = hdf5_take(&body, 1);
    if ((flags & 1) != 0) (void)hdf5_take(&body, 8);
    const uint64_t heap = hdf5_take(&body, 8), tree = hdf5_take(&body, 8);
    if (body.bad) return hdf5_refuse(&s->in->file, "group's links are kept in another way");
    return heap == HDF5_NOWHERE ? PLEAT_OK
                                : hdf5_walk(&s->in->file, heap, tree, 5, s->left, look_at_link, s);
}

static pleat_status search_group(void *to, int type, hdf5_bytes body) {
    search *s = to;
    if (type == HDF5_LINK) return look_at_link(s, body);
    if (type == HDF5_LINK_INFO) return look_at_heap(s, body);
    if (type != HDF5_SYMBOLS || s->names != NULL) return PLEAT_OK;
    const uint64_t tree = hdf5_take(&body, 8), heap = hdf5_take(&body, 8);
    if (body.bad) return hdf5_refuse(&s->in->file, "group is of another kind");
    PLEAT_TRY(read_names(s, heap));
    return search_tree(s, tree, -1);
}

pleat_status pleat_hdf5_other_find(pleat_hdf5_other *in, uint64_t group, const char *path,
                                   uint64_t *out) {
    uint64_t at = group;
    while (*path != '\0' && at != PLEAT_HDF5_ABSENT) {
        search s = {.in = in,
                    .name = path,
                    .length = strcspn(path, "/"),
                    .at = PLEAT_HDF5_ABSENT,
                    .left = MOST_LINKS};
        if (s.length > 0 && s.length <= MOST_NAME) {
            const pleat_status status = hdf5_walk_header(&in->file, at, search_group, &s);
            free(s.names);
            PLEAT_TRY(status);
        }
        at = s.at;
        path += s.length + (path[s.length] == '/');
    }
    *out = at;
    return PLEAT_OK;
}

/* ---- attributes ------------------------------------------------------------------------------ */

typedef struct wanted { /* an attribute that is looked for */
    pleat_hdf5_other *in;
    const char *name;
    char **texts; /* [n] and the texts behind them */
    int n, found;
} wanted;

/* Object `index` of the heap at `at`, which is shared by the whole file: its bytes, at most n. */
static pleat_status fetch_shared(const hdf5_file *file, uint64_t at, uint64_t index, uint64_t n,
                                 char *out) {
    unsigned char *bytes = NULL;
    PLEAT_TRY(hdf5_fetch(file, at, 16, &bytes));
    hdf5_bytes body = {bytes, 16, 0};
    hdf5_expect(&body, "GCOL\1\0\0\0", 8);
    const uint64_t size = hdf5_take(&body, 8);
    const int bad = body.bad || size < 16;
    free(bytes);
    if (bad) return hdf5_refuse(file, "heap of texts is of another kind");
    PLEAT_TRY(hdf5_fetch(file, at, size, &bytes));
    body = (hdf5_bytes){bytes + 16, size - 16, 0};
    int found = 0;
    while (!found && !body.bad && body.left >= 16) {
        const uint64_t number = hdf5_take(&body, 2);
        (void)hdf5_take(&body, 6);
        const uint64_t length = hdf5_take(&body, 8);
        if (number == 0) break; /* what is free */
        const uint64_t padded = length <= size ? (length + 7) / 8 * 8 : size + 1;
        const unsigned char *text = hdf5_take_all(&body, padded);
        found = text != NULL && number == index && n <= length;
        if (found) memcpy(out, text, n);
    }
    free(bytes);
    return found ? PLEAT_OK : hdf5_refuse(file, "heap lacks a text");
}

/* Texts of fixed length end with 0 or are filled up with 0 or blanks. */
static void set_fixed(const unsigned char *from, uint64_t bytes, char *to) {
    while (bytes > 0 && (from[bytes - 1] == '\0' || from[bytes - 1] == ' ')) bytes--;
    memcpy(to, from, bytes);
    to[bytes] = '\0';
}

/* Room for n texts of `bytes` with their ends. */
static pleat_status make_texts(wanted *w, uint64_t n, uint64_t bytes) {
    w->texts = malloc(n * sizeof *w->texts + bytes);
    PLEAT_CHECK(w->texts != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", w->in->file.path);
    w->n = (int)n;
    return PLEAT_OK;
}

static pleat_status take_fixed(wanted *w, hdf5_bytes values, uint64_t n, uint64_t bytes) {
    if (n > MOST_TEXTS || bytes > values.left / n)
        return hdf5_refuse(&w->in->file, "attributes have another size");
    PLEAT_TRY(make_texts(w, n, n * (bytes + 1)));
    char *to = (char *)(w->texts + n);
    for (uint64_t i = 0; i < n; i++, to += bytes + 1) {
        w->texts[i] = to;
        set_fixed(hdf5_take_all(&values, bytes), bytes, to);
    }
    return PLEAT_OK;
}

/* Of any length: n times length, address of a heap, number in it. */
static pleat_status take_any(wanted *w, hdf5_bytes values, uint64_t n) {
    const hdf5_file *file = &w->in->file;
    uint64_t all = 0;
    if (n > MOST_TEXTS || n > values.left / 16)
        return hdf5_refuse(file, "attributes have another size");
    hdf5_bytes at = values;
    for (uint64_t i = 0; i < n; i++) {
        all += hdf5_take(&at, 4) + 1;
        (void)hdf5_take_all(&at, 12);
    }
    if (all > MOST_TEXT || all > file->size + n)
        return hdf5_refuse(file, "attributes are larger than the file");
    PLEAT_TRY(make_texts(w, n, all));
    char *to = (char *)(w->texts + n);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t length = hdf5_take(&values, 4), heap = hdf5_take(&values, 8);
        const uint64_t index = hdf5_take(&values, 4);
        w->texts[i] = to;
        if (length > 0) PLEAT_TRY(fetch_shared(file, heap, index, length, to));
        to[length] = '\0';
        to += length + 1;
    }
    return PLEAT_OK;
}

/* A part of a message, which in version 1 is filled up to a multiple of 8. */
static hdf5_bytes take_part(hdf5_bytes *from, uint64_t version, uint64_t n) {
    const unsigned char *at = hdf5_take_all(from, version == 1 ? (n + 7) / 8 * 8 : n);
    return (hdf5_bytes){at, at != NULL ? n : 0, at == NULL};
}

static pleat_status look_at_attribute(void *to, hdf5_bytes body) {
    wanted *w = to;
    const hdf5_file *file = &w->in->file;
    const uint64_t version = hdf5_take(&body, 1);
    const uint64_t flags = hdf5_take(&body, 1); /* of version 1: reserved; else: shared */
    const uint64_t n_name = hdf5_take(&body, 2), n_type = hdf5_take(&body, 2);
    const uint64_t n_space = hdf5_take(&body, 2), length = strlen(w->name) + 1;
    if (version == 3) (void)hdf5_take(&body, 1); /* letters */
    const hdf5_bytes name = take_part(&body, version, n_name);
    hdf5_bytes type = take_part(&body, version, n_type);
    hdf5_bytes extent = take_part(&body, version, n_space);
    if (body.bad || version < 1 || version > 3)
        return hdf5_refuse(file, "attributes are of another kind");
    if (n_name < length || memcmp(name.at, w->name, length) != 0) return PLEAT_OK;
    uint64_t bytes = 0;
    int any = 0;
    space s;
    take_text_type(&type, &bytes, &any);
    take_space(&extent, MOST_TEXTS, &s);
    if (extent.bad || w->found || (version > 1 && flags != 0))
        return hdf5_refuse(file, "attributes are of another kind");
    w->found = 1;
    if (s.n == 0) return PLEAT_OK; /* of any type: h5py writes an empty list as numbers */
    if (type.bad) return hdf5_refuse(file, "attribute is not of texts");
    return any ? take_any(w, body, s.n) : take_fixed(w, body, s.n, bytes);
}

static pleat_status visit_attributes(void *to, int type, hdf5_bytes body) {
    wanted *w = to;
    if (type == HDF5_ATTRIBUTE) return look_at_attribute(w, body);
    if (type != HDF5_ATTRIBUTE_INFO) return PLEAT_OK;
    hdf5_expect(&body, "\0", 1);
    const uint64_t flags = hdf5_take(&body, 1);
    if ((flags & 1) != 0) (void)hdf5_take(&body, 2);
    const uint64_t heap = hdf5_take(&body, 8), tree = hdf5_take(&body, 8);
    if (body.bad) return hdf5_refuse(&w->in->file, "attributes are kept in another way");
    return heap == HDF5_NOWHERE
               ? PLEAT_OK
               : hdf5_walk(&w->in->file, heap, tree, 8, MOST_LINKS, look_at_attribute, w);
}

pleat_status pleat_hdf5_other_texts(pleat_hdf5_other *in, uint64_t object, const char *name,
                                    char ***out, int *n) {
    wanted w = {.in = in, .name = name};
    const pleat_status status = hdf5_walk_header(&in->file, object, visit_attributes, &w);
    if (status != PLEAT_OK) {
        free(w.texts);
        return status;
    }
    *out = w.texts; /* ownership moves to the caller */
    *n = w.n;
    return PLEAT_OK;
}

/* ---- datasets -------------------------------------------------------------------------------- */

typedef struct values {
    const hdf5_file *file;
    unsigned seen; /* bits: which messages */
    space space;
    uint64_t at, bytes;
} values;

static pleat_status visit_values(void *to, int type, hdf5_bytes body) {
    values *v = to;
    if (type == HDF5_SPACE) {
        take_space(&body, v->file->size / sizeof(float), &v->space);
    } else if (type == HDF5_TYPE) {
        expect_float32(&body);
    } else if (type == HDF5_LAYOUT) {
        const uint64_t version = hdf5_take(&body, 1);
        hdf5_expect(&body, "\1", 1); /* contiguous */
        v->at = hdf5_take(&body, 8);
        v->bytes = hdf5_take(&body, 8);
        if (version != 3 && version != 4) body.bad = 1;
    } else {
        return PLEAT_OK;
    }
    if (body.bad || (v->seen & 1U << type) != 0)
        return hdf5_refuse(v->file, "datasets are of another kind than whole float32");
    v->seen |= 1U << type;
    return PLEAT_OK;
}

pleat_status pleat_hdf5_other_floats(pleat_hdf5_other *in, uint64_t object, int *rank,
                                     uint64_t dim[PLEAT_HDF5_OTHER_RANK], float **out) {
    unsigned char *bytes = NULL;
    values v = {.file = &in->file};
    PLEAT_TRY(hdf5_walk_header(&in->file, object, visit_values, &v));
    const unsigned all = 1U << HDF5_SPACE | 1U << HDF5_TYPE | 1U << HDF5_LAYOUT;
    if (v.seen != all || v.space.n == 0 || v.bytes != v.space.n * sizeof(float))
        return hdf5_refuse(&in->file, "dataset is incomplete");
    PLEAT_TRY(hdf5_fetch(&in->file, v.at, v.bytes, &bytes));
    *rank = v.space.rank;
    memcpy(dim, v.space.dim, sizeof v.space.dim);
    *out = (float *)(void *)bytes; /* malloc's: it fits any type */
    return PLEAT_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Versions 0 and 1: sizes of addresses and of trees; then the root's entry in no group. */
static int take_superblock01(hdf5_bytes *from, uint64_t version, uint64_t *end, uint64_t *root) {
    hdf5_expect(from, "\0\0\0\0\x08\x08\0", 7);
    (void)hdf5_take_all(from, version == 1 ? 12 : 8);
    const uint64_t base = hdf5_take(from, 8);
    (void)hdf5_take(from, 8); /* where free space is written down */
    *end = hdf5_take(from, 8);
    (void)hdf5_take_all(from, 16); /* a driver's block; the root's name */
    *root = hdf5_take(from, 8);
    return !from->bad && base == 0;
}

/* Versions 2 and 3. */
static int take_superblock23(hdf5_bytes *from, uint64_t *end, uint64_t *root) {
    hdf5_expect(from, "\x08\x08", 2);
    (void)hdf5_take(from, 1); /* who has it open */
    const uint64_t base = hdf5_take(from, 8), more = hdf5_take(from, 8);
    *end = hdf5_take(from, 8);
    *root = hdf5_take(from, 8);
    return !from->bad && base == 0 && more == HDF5_NOWHERE;
}

static pleat_status read_superblock(const hdf5_file *file, uint64_t *root) {
    unsigned char bytes[96] = {0};
    const size_t n = file->size < sizeof bytes ? (size_t)file->size : sizeof bytes;
    uint64_t end = 0;
    PLEAT_TRY(hdf5_read(file, 0, bytes, n));
    hdf5_bytes from = {bytes, n, 0};
    hdf5_expect(&from, "\x89HDF\r\n\x1a\n", 8);
    if (from.bad) return hdf5_refuse(file, "beginning is not that of an HDF5 file");
    const uint64_t version = hdf5_take(&from, 1);
    const int good = version < 2   ? take_superblock01(&from, version, &end, root)
                     : version < 4 ? take_superblock23(&from, &end, root)
                                   : 0;
    if (!good) return hdf5_refuse(file, "superblock is of another kind");
    return end <= file->size ? PLEAT_OK : hdf5_refuse(file, "end is missing");
}

pleat_status pleat_hdf5_other_open(const char *path, const char *advice, pleat_hdf5_other **out,
                                   uint64_t *root) {
    pleat_status status = PLEAT_OK;
    int64_t size = 0;
    pleat_hdf5_other *in = calloc(1, sizeof *in);
    PLEAT_CHECK(in != NULL, PLEAT_ERR_MEMORY, "no memory to read '%s'", path);
    in->file = (hdf5_file){.fd = -1, .advice = advice, .budget = &in->budget};
    PLEAT_TRY_GOTO(status, done, pleat_path(in->file.path, sizeof in->file.path, "%s", path));
    PLEAT_TRY_GOTO(status, done, pleat_file_open(path, &in->file.fd, &size));
    in->file.size = (uint64_t)size;
    in->budget = LEAST_BUDGET + BUDGET_FACTOR * in->file.size;
    PLEAT_TRY_GOTO(status, done, read_superblock(&in->file, root));
    *out = in; /* ownership moves to the caller */
    in = NULL;
done:
    pleat_hdf5_other_release(in);
    return status;
}

void pleat_hdf5_other_release(pleat_hdf5_other *in) {
    if (in == NULL) return;
    if (in->file.fd >= 0) (void)close(in->file.fd);
    free(in);
}
