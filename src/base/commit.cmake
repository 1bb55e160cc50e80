# commit.cmake - writes OUT, a C file with the commit of SOURCE, its date and the version, where it is
# not the one there. VERSION is that of sources that no tag of git names.
set(commit "")
set(version "")
set(date "")
find_program(GIT git)
function(ask_git out)
    execute_process(COMMAND ${GIT} -C ${SOURCE} ${ARGN}
        OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    set(${out} "${answer}" PARENT_SCOPE)
endfunction()
if(GIT AND EXISTS ${SOURCE}/.git)
    ask_git(commit describe --always --dirty=+ --abbrev=12 --exclude=*)
    ask_git(version describe --tags --match=v[0-9]* --dirty=+ --abbrev=12)
    ask_git(date log -1 --format=%cs)
    string(REGEX REPLACE "^v" "" version "${version}")
endif()
if(version STREQUAL "")
    set(version ${VERSION})
endif()
if(date STREQUAL "")
    string(TIMESTAMP date "%Y-%m-%d" UTC) # or what SOURCE_DATE_EPOCH says
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#include \"pleat/commit.h\"

const char pleat_commit[] = \"${commit}\";
const char pleat_commit_date[] = \"${date}\";
const char pleat_commit_version[] = \"${version}\";
")
