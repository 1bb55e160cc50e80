#!/usr/bin/env bash
# e2e_setup.sh - what sets a machine up: packages of the tests, a build folder that was copied, the
# version, recipes of images and of Spack. Nothing is installed; the package tools are stand-ins.
# shellcheck source=tests/lib/program.sh
. "$(dirname "$0")/../lib/program.sh"
# shellcheck source=tests/lib/setup.sh
. "$SOURCE_DIR/tests/lib/setup.sh"
# What the scripts call is taken from here first.
mkdir bin
PATH=$box/bin:$PATH
stand_in() { # stand_in NAME LINE...: a program that notes its arguments, then runs the lines
    {
        printf '#!/bin/bash\necho "%s $*" >> "%s/calls"\n' "$1" "$box"
        printf '%s\n' "${@:2}"
    } > "bin/$1"
    chmod +x "bin/$1"
}

# --- the daemons that come with the tests' packages -----------------------------------------------
# shellcheck disable=SC2016 # for the stand-ins
{
    stand_in dpkg-query 'grep -qx "${!#}" there && echo installed' 'exit 0'
    stand_in apt-get 'printf "%s\n" "$@" >> there'
    stand_in sudo '[ "$1" != -n ] || shift' 'exec "$@"'
}
stand_in systemctl
stand_in service
: > there
SYSTEMD=. setup_wanted munge slurmd other > said
holds "daemons that are installed are named" has said "munge slurmd"
holds "each is stopped, and stays so" same_text "$(grep -c '^systemctl -q disable --now' calls)" 2
rm calls
SYSTEMD=. setup_wanted munge slurmd other > said
holds "daemons of before are left alone" lacks calls systemctl
echo munge > there
SYSTEMD=nowhere setup_wanted munge slurmd > said
holds "without systemd too" same_text "$(grep '^service' calls)" "service slurmd stop"
rm bin/*
users=$(grep -lw packages_wanted "$SOURCE_DIR"/{tests/run,mpi/demo,.ci/run,slurm/*.sh})
holds "only tests/run installs the tests' packages" same_text "${users#"$SOURCE_DIR/"}" tests/run

# --- the comparison with peers --------------------------------------------------------------------
mkdir -p venv/bin
# shellcheck disable=SC2016 # for the stand-ins
{
    stand_in python3 'mkdir -p "$3/bin"' 'ln -s /bin/false "$3/bin/pip"' \
        'ln -s "$0" "$3/bin/python"'
    printf '#!/bin/bash\nprintf "%%s " "${@:2}"\n' > venv/bin/python
}
chmod +x venv/bin/python
# shellcheck disable=SC2317 # holds runs it
peers() { # peers EXIT ARGUMENT...
    local want=$1 got=0
    "$SOURCE_DIR/tests/bench-peers" "${@:2}" > said 2>&1 || got=$?
    same_text "$got" "$want"
}
holds "bench-peers says how it is used" peers 0 --help
holds "with its questions" has said "step, networks, predict, prep, augment, score or allreduce"
holds "an unknown option is refused" peers 2 --onyl step
holds "by name" has said "unknown option '--onyl'"
holds "a missing value, too" peers 2 --rounds
holds "an environment that is there is used" peers 0 --venv "$box/venv" --pleat /bin/true \
    --only step --rounds 2
holds "with the options" has said "--only step --rounds 2"
holds "one that cannot be made is an error" peers 1 --venv "$box/new" --pleat /bin/true
holds "that says so" has said "pip could not install tests/peers/requirements.txt"
holds "and leaves nothing" [ ! -e new ]
mkdir other
holds "a folder of something else is refused" peers 2 --venv "$box/other" --pleat /bin/true
holds "and left alone" [ -d other ]
rm -r bin/python3 venv other

# --- a build folder that was copied ---------------------------------------------------------------
mkdir -p here
cat > here/CMakeLists.txt << 'END'
cmake_minimum_required(VERSION 3.20)
project(here NONE)
add_custom_target(thing ${CMAKE_COMMAND} -E touch ${CMAKE_SOURCE_DIR}/made)
END
# shellcheck disable=SC2317 # holds runs it
built_in() { (cd "$1" && setup_build build thing) > said 2>&1; }
holds "a build" built_in here
cp -r here there.d
rm there.d/made
rm -rf here
holds "its copy builds" built_in there.d
holds "in its own folder" [ -e there.d/made ]

# --- the version ----------------------------------------------------------------------------------
version() { # version EXPECTED WHAT: what commit.cmake makes of the folder repository
    cmake -DSOURCE="$box/repository" -DOUT="$box/commit.c" -DVERSION=0.1.0 \
        -P "$SOURCE_DIR/src/base/commit.cmake"
    holds "$2" grep -qE "^const char pleat_commit_version\[\] = \"$1\";$" commit.c
}
mkdir repository
version '0\.1\.0' "without git the version is the project's"
holds "and there is no commit" has commit.c 'pleat_commit[] = ""'
if command -v git > /dev/null; then
    in_git() { git -C repository -c user.name=n -c user.email=e -c commit.gpgsign=false \
        -c tag.gpgSign=false "$@" > said 2>&1; }
    in_git init
    in_git commit --allow-empty -m one
    version '0\.1\.0' "without a tag too"
    in_git tag -a v1.2.3 -m v1.2.3
    version '1\.2\.3' "a tag is the version"
    in_git commit --allow-empty -m two
    version '1\.2\.3-1-g[0-9a-f]{12}' "a commit later it says so"
    holds "the commit is known" grep -qE '^const char pleat_commit\[\] = "[0-9a-f]{12}";$' commit.c
fi

# --- images ---------------------------------------------------------------------------------------
for def in "$SOURCE_DIR"/slurm/*.def; do
    name=$(basename "$def")
    awk '/^(%|[A-Z][a-z]+:)/ && inside { print ")" }
         /^(%|[A-Z][a-z]+:)/ { inside = /^%(post|test|runscript|environment)/ }
         /^%/ && inside { print "(" }
         /^ / && inside
         END { if (inside) print ")" }' "$def" > script
    holds "$name: its scripts are shell" bash -n script
    holds "$name: they do something" [ "$(wc -l < script)" -ge 5 ]
    if command -v shellcheck > /dev/null; then
        holds "$name: shellcheck has nothing to say" shellcheck -s bash -e SC2030,SC2031 script
    fi
    rm -rf copied
    mkdir copied
    while read -r from to; do
        holds "$name: copies $from" cp -r "$SOURCE_DIR/$from" "copied/${to#/pleat/}"
    done < <(sed -n '/^%files$/,/^$/s/^    \([^ ]*\) \(.*\)/\1 \2/p' "$def")
    ls copied > "copied.$name"
done
holds "both images are made of the same files" cmp copied.pleat.def copied.pleat-cuda.def
holds "they are all that a build wants" \
    cmake -S copied -B copied/build -DPLEAT_TESTS=OFF -DPLEAT_CUDA=OFF > said
if command -v dpkg-query > /dev/null && dpkg-query -W libc6 > /dev/null 2>&1; then
    mkdir -p usr/bin
    cp "$pleat" usr/bin
    holds "image.sh knows what the program needs" \
        bash "$SOURCE_DIR/slurm/image.sh" needs usr > usr/packages
    for package in libc6 libyaml-0-2; do
        holds "$package is needed" grep -qx "$package" usr/packages
    done
    export LC_ALL=C
    xargs apt-get install -s --no-install-recommends < usr/packages > said 2>&1
    holds "all are packages" has said "0 newly installed, 0 to remove"
    if apt-cache show "${packages_build[0]}" > said 2>&1; then # its lists are there
        apt-get install -s --no-install-recommends "${packages_build[@]}" > said 2>&1
        holds "those of the build too" grep -qE '^[0-9]+ upgraded, [0-9]+ newly installed' said
    fi
fi

# --- Spack ----------------------------------------------------------------------------------------
if command -v python3 > /dev/null; then
    holds "Spack's recipes" python3 "$SOURCE_DIR/tests/lib/spack_recipes.py" "$SOURCE_DIR"
fi

verdict
