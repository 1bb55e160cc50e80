/* fetch_list.h - what src/io/fetch*.c share: the list of what a download has brought.
 *
 *   url https://...
 *   checksum SHA-256 a5060480...
 *   41250 case_001/imaging.nii.gz        bytes and path below the folder, a line a file
 */
#ifndef PLEAT_FETCH_LIST_H
#define PLEAT_FETCH_LIST_H

#include "pleat/fetch.h"
#include "pleat/unpack.h"

typedef struct fetch_list {
    char checksum[PLEAT_CHECKSUM_BYTES + 16]; /* "SHA-256 a506..." */
    pleat_unpacked_list files;
} fetch_list;

/* *found is 0 when there is none. ERR_FORMAT: it is damaged. */
pleat_status fetch_list_read(const char *path, fetch_list *out, int *found);
pleat_status fetch_list_write(const char *path, const char *url, const fetch_list *list);

/* How many of its files are not in the folder; a file of another size is warned of. */
int fetch_list_missing(const fetch_list *list, const char *folder);

#endif /* PLEAT_FETCH_LIST_H */
