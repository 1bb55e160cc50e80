#!/usr/bin/env bash
# setup.sh - what tests/run, .ci/run and mpi/demo share: packages, build, MPI's environment, ctest.
# To be sourced with the project's root as the current folder.

# The Debian packages that pleat is built from, is tested with and is linted with.
# shellcheck disable=SC2034 # for those who source this
packages_build=(cmake ninja-build pkg-config gcc libc6-dev openmpi-bin libopenmpi-dev
    libhdf5-openmpi-dev libnifti2-dev libznz-dev zlib1g-dev libisal-dev libdnnl-dev libyaml-dev
    libjansson-dev libpng-dev libgif-dev libcurl4-openssl-dev libarchive-dev nettle-dev
    libprotobuf-c-dev protobuf-c-compiler)
packages_test=(libcmocka-dev clang-format)
packages_lint=(clang-tidy)
packages_figures=(gnuplot-nox)
# For tests that are skipped without them: a Slurm on this machine, hosts in network namespaces, a
# server of files, what reads manual pages, completes, looks at packages.
packages_wanted=("${packages_figures[@]}" slurm-wlm munge slurm-client slurmctld slurmd iproute2
    chromium python3 openssl python3-h5py groff-base mandoc fish zsh dpkg-dev lintian strace)

# Of those, what starts a daemon as it is installed.
packages_daemons=(munge slurmctld slurmd)

say() { printf '== %s\n' "$*"; }

is_installed() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2> /dev/null | grep -qx installed
}

# setup_wanted PACKAGE...: installs what is missing where that can be done, and goes on without. A
# daemon that comes with it is stopped, now and at the next start of the machine: tests start their
# own.
setup_wanted() {
    local name daemons=() root=()
    command -v dpkg-query > /dev/null || local packages_daemons=()
    for name in "${packages_daemons[@]}"; do
        [[ " $* " != *" $name "* ]] || is_installed "$name" || daemons+=("$name")
    done
    [ ${#daemons[@]} -eq 0 ] ||
        say "of what is installed now these are daemons, and are left stopped: ${daemons[*]}"
    (setup_packages "$@") || say "going on without: $*"
    [ "$(id -u)" -eq 0 ] || root=(sudo -n)
    for name in "${daemons[@]}"; do
        if ! is_installed "$name"; then continue; fi
        if [ -d "${SYSTEMD:-/run/systemd/system}" ]; then
            "${root[@]}" systemctl -q disable --now "$name"
        else
            "${root[@]}" service "$name" stop > /dev/null
        fi || say "$name could not be stopped"
    done
}

# setup_packages PACKAGE...: installs what is missing; without the right to, says what and stops.
setup_packages() {
    local missing=() name
    if ! command -v dpkg-query > /dev/null; then
        say "not a Debian system; these packages, or what they are called here, have to be there:"
        printf '   %s\n' "$*"
        return 0
    fi
    for name in "$@"; do
        is_installed "$name" || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo > /dev/null || ! sudo -n true 2> /dev/null; then
            say "missing packages, and neither root nor sudo without a password to install them:"
            printf '   apt-get install --no-install-recommends %s\n' "${missing[*]}"
            exit 2
        fi
        root=(sudo -n)
    fi
    say "installing ${missing[*]}"
    local get=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q
        -o DPkg::Lock::Timeout=400)
    local install=("${get[@]}" install -y --no-install-recommends "${missing[@]}")
    # The lists may be absent (a fresh container) or older than what the mirror holds.
    local log
    log=$(mktemp)
    if ! "${install[@]}" > "$log" 2>&1 &&
        ! { "${get[@]}" update && "${install[@]}"; } > "$log" 2>&1; then
        cat "$log"
        say "the packages could not be installed"
        exit 2
    fi
    rm -f "$log"
}

# setup_build FOLDER TARGETS CMAKE-OPTION...: configures and builds; again is cheap, by ccache also
# where the folder is new.
setup_build() {
    local folder=$1 targets=$2
    shift 2
    say "building $targets in $folder/"
    mkdir -p "$folder" || return 1
    if command -v ccache > /dev/null; then set -- "$@" -DCMAKE_C_COMPILER_LAUNCHER=ccache; fi
    # A folder that was configured elsewhere, and copied or moved here with the rest.
    if [ -e "$folder/CMakeCache.txt" ] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$folder/CMakeCache.txt"; then
        rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles" "$folder/build.ninja" \
            "$folder/.ninja_deps" "$folder/.ninja_log"
    fi
    if ! cmake -S . -B "$folder" -G Ninja "$@" > "$folder/configure.log" 2>&1; then
        cat "$folder/configure.log"
        return 1
    fi
    sed -n 's|^-- \(engine .*\)|   \1|p' "$folder/configure.log"
    # shellcheck disable=SC2086 # targets are words
    cmake --build "$folder" --target $targets
}

# Open MPI as root in a container, with more ranks than cores if need be.
setup_mpi() {
    export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1
    if [ "$(id -u)" -eq 0 ]; then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
    [ "$(nproc)" -ge "$1" ] || export OMPI_MCA_rmaps_base_oversubscribe=1
}

# run_ctest FOLDER CTEST-OPTION...: runs tests, as many at a time as fit on two cores, and adds to
# the counts below. ctest's own sum counts a skipped test as passed, so its lines are counted.
passed=0 failed=0 skipped=0
under=() # a command to run ctest under
run_ctest() {
    local folder=$1 status=0 counts
    shift
    say "testing $folder/"
    "${under[@]}" ctest --test-dir "$folder" -j4 --output-on-failure "$@" 2>&1 |
        tee "$folder/ctest.log" || status=1
    counts=$(awk '
        !/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / { next }
        / Passed +[0-9.]+ sec/ { passed++; next }
        /\*\*\*Skipped/ { skipped++; next }
        { failed++ }
        END { print passed + 0, failed + 0, skipped + 0 }' "$folder/ctest.log")
    local p f s
    read -r p f s <<< "$counts"
    if [ "$f" -eq 0 ] && { [ "$status" -ne 0 ] || [ $((p + s)) -eq 0 ]; }; then
        f=1 # ctest itself failed, or found nothing to run
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# times FOLDER: what the tests that run_ctest ran there took: each label, the ten slowest.
times() {
    local folder=$1 label
    for label in unit engine mpi e2e cluster gpu lint; do
        ctest --test-dir "$folder" -N -L "^$label\$" | sed -n "s/^ *Test *#[0-9]*: /$label /p"
    done > "$folder/labels"
    say "seconds of each label, and of the ten slowest tests (two run at once)"
    awk '
        NR == FNR { label_of[$2] = $1; next }
        /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: .* sec/ {
            sub(/^.*Test +#[0-9]+: /, "")
            seconds[$1] = $(NF - 1)
        }
        END {
            for (name in seconds) {
                sum[label_of[name]] += seconds[name]
                n[label_of[name]]++
            }
            for (label in sum) printf "1 %9.1f  %-8s %d tests\n", sum[label], label, n[label]
            for (name in seconds) printf "2 %9.1f  %-8s %s\n", seconds[name], label_of[name], name
        }' "$folder/labels" "$folder/ctest.log" | LC_ALL=C sort -k1,1n -k2,2rn |
        awk '$1 == 1 || ++tests <= 10' | cut -c 2-
}

counts() { echo "$passed passed, $failed failed, $skipped skipped"; }
