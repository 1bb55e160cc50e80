#!/usr/bin/env bash
# e2e_libraries.sh - which code runs is not for the current folder to say: no library is taken from
# it, by the program in the build folder or the installed one, and no run path leads to it.
# Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "$0")/../lib/program.sh"
build=$(dirname "$pleat")

# A library of every name that the program or the GPU module wants, which says that it runs.
cat > strange.c << 'END'
#include <unistd.h>
__attribute__((constructor)) static void runs(void) {
    (void)!write(2, "CODE OF THE CURRENT FOLDER\n", 27);
    _exit(99);
}
END
cc -shared -fPIC -o strange.so strange.c || wrong "cc does not compile"
for name in $(readelf -d "$pleat" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p') libpleat_cuda.so; do
    cp strange.so "$name"
done
holds "the program wants libraries" [ -e libyaml-0.so.2 ]

# own_code WHAT PROGRAM: none of them runs, and the run path has absolute folders only.
own_code() {
    local path entry
    path=$(readelf -d "$2" | sed -n 's/.*(\(RUNPATH\|RPATH\)).*\[\(.*\)\]/\2/p')
    case :$path: in
    ::) ;;
    *::*) wrong "$1: an empty entry in the run path '$path'" ;;
    esac
    for entry in ${path//:/ }; do
        case $entry in
        /*) ;;
        *) wrong "$1: '$entry' of the run path is no absolute folder" ;;
        esac
    done
    [ -x "$2" ] || return
    case $2 in *.so) return ;; esac
    env -u LD_LIBRARY_PATH -u PLEAT_MODULE_PATH "$2" info > out 2> err
    holds "$1: runs in a folder of strange libraries" [ $? -eq 0 ]
    holds "$1: takes none of them" lacks err "CODE OF THE CURRENT FOLDER"
    holds "$1: says what it is" grep -q '^ *ref  *yes' out
}

own_code "built" "$pleat"
[ ! -e "$build/libpleat_cuda.so" ] || own_code "the built module" "$build/libpleat_cuda.so"
if ! cmake --install "$build" --prefix "$box/installed" > install.log 2>&1; then
    cat install.log
    wrong "cannot be installed"
fi
own_code "installed" "$box/installed/bin/pleat"
for module in "$box"/installed/lib*/libpleat_cuda.so "$box"/installed/lib*/*/libpleat_cuda.so; do
    [ ! -e "$module" ] || own_code "the installed module" "$module"
done

# The installed program finds the module where the installation puts it.
libraries=$(sed -n 's/^CMAKE_INSTALL_LIBDIR:[^=]*=//p' "$build/CMakeCache.txt")
mkdir -p "$box/installed/$libraries/pleat"
echo "not a library" > "$box/installed/$libraries/pleat/libpleat_cuda.so"
"$box/installed/bin/pleat" info > out 2> err
holds "the module is looked for in $libraries/pleat" \
    grep -q "^ *cudnn  *no .*$libraries/pleat/libpleat_cuda.so" out

verdict
