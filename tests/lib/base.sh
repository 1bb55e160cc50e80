#!/usr/bin/env bash
# base.sh - what tests/same-bits and tests/no-slower share: this program and an older one, built,
# and jobs of both. To be sourced with the project's root as the current folder.
. tests/lib/setup.sh
base=c4b6085 # the last commit before the middle was opened

# build_both [CHECKOUT]: builds this tree and CHECKOUT, or else the commit $base below build/; the
# programs' names to $new and $old; $config becomes one that both read. The scratch folder of
# program.sh gets folders new and old.
build_both() {
    local checkout=${1:-} tree=build/base-$base
    setup_packages "${packages_build[@]}" "${packages_test[@]}"
    setup_build build "pleat hdf5_values" -DCMAKE_BUILD_TYPE=Release -DPLEAT_TESTS=ON
    new=$PWD/build/pleat
    if [ -z "$checkout" ] && [ ! -x "$tree/build/pleat" ]; then
        rm -rf "$tree"
        mkdir -p "$tree"
        git archive "$base" | tar -x -C "$tree"
    fi
    checkout=${checkout:-$tree}
    old=$(readlink -f "$checkout")/build/pleat
    if [ ! -x "$old" ]; then
        (cd "$checkout" && setup_build build pleat -DCMAKE_BUILD_TYPE=Release -DPLEAT_TESTS=OFF \
            -DPLEAT_CUDA=OFF)
    fi
    PLEAT=$new
    . tests/lib/program.sh
    set +e
    mkdir old new
    grep -v '^preset:' "$config" > config.yaml # a key that the older one need not know
    config=$PWD/config.yaml
}

fail() {
    say "FAIL $*"
    exit 1
}

# by old|new RANKS ARGUMENT...: that program, in the folder of its name.
by() {
    local side=$1
    shift
    [ "$side" = new ] && pleat=$new || pleat=$old
    cd "$box/$side" && job "$@"
    [ "$code" -eq 0 ] || {
        tail -n 5 err
        fail "by the $side one: pleat ${*:2}"
    }
    cd "$box" || exit 1
}
