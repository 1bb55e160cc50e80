/* commit.h - the commit this pleat was built of: the build looks it up, src/base/commit.cmake. */
#ifndef PLEAT_COMMIT_H
#define PLEAT_COMMIT_H

#ifdef __cplusplus
extern "C" {
#endif

/* "5a3cd45f6ec7", with a + behind it where the sources were changed since; "" of sources that lie
 * in no repository, such as a release's archive. */
extern const char pleat_commit[];

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_COMMIT_H */
