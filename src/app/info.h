/* info.h - what a file or folder is, as facts on a sheet. */
#ifndef PLEAT_APP_INFO_H
#define PLEAT_APP_INFO_H

#include "sheet.h"

#include "pleat/status.h"

/* Each reads all it needs, then prints the whole sheet; nothing is printed on failure. */
pleat_status info_nifti(const char *path, sheet_form form);
pleat_status info_store(const char *folder, sheet_form form);
pleat_status info_data(const char *folder, sheet_form form);  /* a data folder, by its headers */
pleat_status info_dataset(const char *path, sheet_form form); /* a dataset.json */
pleat_status info_splits(const char *path, sheet_form form);
pleat_status info_case(const char *path, sheet_form form); /* a case file of a store */
pleat_status info_checkpoint(const char *path, sheet_form form);
pleat_status info_run(const char *folder, sheet_form form);

/* This program, its engines and libraries as one JSON object; no engine is started. */
void info_version(void);

#endif /* PLEAT_APP_INFO_H */
