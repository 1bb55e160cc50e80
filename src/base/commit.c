/* commit.c - of what links the library and is not the program, as a test: no commit is known. The
 * program's own, which commit.cmake writes, takes its place. */
#include "pleat/commit.h"

const char pleat_commit[] = "";
const char pleat_commit_date[] = "";
const char pleat_commit_version[] = PLEAT_VERSION;
