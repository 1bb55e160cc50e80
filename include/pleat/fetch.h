/*
 * fetch.h - data sets from the network into a folder that pleat reads.
 *
 *   URL --download--> FOLDER/.pleat-fetch/NAME.part --checksum--> NAME --unpack--> FOLDER/...
 *                                                                        |
 *                                                     .pleat-fetch/NAME.files: what it brought
 *
 * Nothing is unpacked before its checksum was right, where one is known. A second call looks at the
 * lists and fetches again only that of which a file is gone; files that are there stay as they are.
 * One process at a time: FOLDER/.pleat-fetch is locked.
 */
#ifndef PLEAT_FETCH_H
#define PLEAT_FETCH_H

#include "pleat/checksum.h"
#include "pleat/file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the files of an archive go, or a file that is none. */
typedef enum pleat_fetch_layout {
    PLEAT_FETCH_FOLDER, /* as they lie, without a top folder that is called as the archive */
    PLEAT_FETCH_IMAGES, /* the volume ID.nii.gz, in whatever folder: ID/imaging.nii.gz */
    PLEAT_FETCH_LABELS, /* the same: ID/segmentation.nii.gz */
    PLEAT_FETCH_LAYOUTS
} pleat_fetch_layout;

/* "folder", "images", "labels"; NULL behind the last. */
const char *pleat_fetch_layout_name(int layout);

#define PLEAT_FETCH_NAME_BYTES 128

typedef struct pleat_fetch_file {
    char url[PLEAT_PATH_BYTES];
    char name[PLEAT_FETCH_NAME_BYTES]; /* its ending says whether it is an archive */
    pleat_checksum_kind kind;
    char checksum[PLEAT_CHECKSUM_BYTES]; /* lower-case digits */
    pleat_fetch_layout layout;
} pleat_fetch_file;

#define PLEAT_FETCH_MOST_FILES 1000

typedef struct pleat_fetch_set {
    char name[PLEAT_FETCH_NAME_BYTES];
    char licence[256];      /* of the data, and whom to cite; "" when not known */
    pleat_fetch_file *file; /* [n], owned */
    int n;
    int pairs; /* each image has a mask, or something is wrong */
} pleat_fetch_set;

/* A data set that pleat knows. */
typedef struct pleat_fetch_known {
    const char *name, *what, *licence;
} pleat_fetch_known;

extern const pleat_fetch_known pleat_fetch_known_sets[]; /* ends with a NULL name */

/* "Spleen" of "Task09_Spleen"; other names are whole. */
const char *pleat_fetch_short_name(const char *name);

/* By its name, in capitals or not, of MSD's tasks without Task01_ too. ERR_ARG names the one that
 * was meant. */
pleat_status pleat_fetch_find(const char *name, pleat_fetch_set *out);

/* One file, of which SHA-256 may be known (NULL: not). ERR_ARG. */
pleat_status pleat_fetch_url(const char *url, const char *sha256, pleat_fetch_set *out);

/* Adds a file: its name is the end of the address where `name` is NULL, the checksum NULL or digits
 * of its kind. ERR_ARG begins with `where`. */
pleat_status pleat_fetch_add(pleat_fetch_set *set, const char *where, const pleat_fetch_file *file);

/* Digits of the kind, of either case, into file->checksum. ERR_ARG begins with `where`. */
pleat_status pleat_fetch_set_checksum(pleat_fetch_file *file, const char *where,
                                      pleat_checksum_kind kind, const char *digits);

/* From now on the files come from `base`/NAME; their checksums stay. ERR_ARG. */
pleat_status pleat_fetch_mirror(pleat_fetch_set *set, const char *base);

void pleat_fetch_free(pleat_fetch_set *set);

typedef struct pleat_fetch_how {
    const char *folder;
    int64_t most_bytes; /* of a file, and of what an archive unpacks to; 0: the disk, and of an
                           archive 4 GiB or 100 times its size */
    int tries, stall_s; /* of pleat/download.h */
    double wait_s;
    int keep; /* archives stay, in .pleat-fetch */
} pleat_fetch_how;

typedef struct pleat_fetched {
    int fetched, there; /* files of the set */
    int cases;          /* that pleat finds in the folder, each with a mask of its size */
} pleat_fetched;

/* ERR_ARG, ERR_BUSY, and those of download.h, checksum.h and unpack.h; ERR_DATA: a checksum is
 * another, the images and masks do not fit, or the folder holds something else by that name. */
pleat_status pleat_fetch(const pleat_fetch_set *set, const pleat_fetch_how *how,
                         pleat_fetched *out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_FETCH_H */
