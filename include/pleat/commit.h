/* commit.h - what this pleat was built of: the build looks it up by src/base/commit.cmake. */
#ifndef PLEAT_COMMIT_H
#define PLEAT_COMMIT_H

#ifdef __cplusplus
extern "C" {
#endif

/* "5a3cd45f6ec7", with a + behind it where the sources were changed since; "" of sources that lie
 * in no repository, such as a release's archive. */
extern const char pleat_commit[];
/* "2026-11-27": of the commit, else of the build. */
extern const char pleat_commit_date[];
/* "0.1.0", or "0.1.0-12-g5a3cd45f6ec7", 12 commits after the tag v0.1.0; PLEAT_VERSION where no
 * tag is known. */
extern const char pleat_commit_version[];

#ifdef __cplusplus
}
#endif
#endif /* PLEAT_COMMIT_H */
