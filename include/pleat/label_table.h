/*
 * label_table.h - names and colours of the classes, as other programs read them.
 *
 *   RUN/labels.itksnap.txt  ITK-SNAP: Segmentation, Import Label Descriptions
 *   RUN/labels.ctbl         3D Slicer: a colour table; drop it on the window
 *   in a label map          an extension of its NIfTI header, of Connectome Workbench's kind
 *                           (NIFTI_ECODE_CARET, 30), in XML
 */
#ifndef PLEAT_LABEL_TABLE_H
#define PLEAT_LABEL_TABLE_H

#include "pleat/classes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Both files, in a folder that is there. ERR_IO, ERR_MEMORY. */
pleat_status pleat_label_tables_write(const char *folder, const pleat_classes *classes);

/* A label map with the extension; errors of pleat_nifti_write_label. */
pleat_status pleat_label_map_write(const char *path, const pleat_label *label,
                                   const pleat_geometry *geometry, const pleat_classes *classes);

/* The extension's text, of all classes but the background; freed by the caller. ERR_MEMORY. */
pleat_status pleat_label_table_xml(const pleat_classes *classes, char **out);

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_LABEL_TABLE_H */
