#!/usr/bin/env bash
# image.sh - what slurm/*.def run inside a container that becomes an image.
#
#   image.sh build SOURCE PREFIX CMAKE-OPTION...
#                              installs what pleat is built from, builds it, installs it to PREFIX,
#                              and writes PREFIX/packages, what it needs to run
#   image.sh needs PREFIX      prints those packages, of the program that lies there
#   image.sh install PREFIX    installs the packages of PREFIX/packages
#
# As root, on Debian or Ubuntu.
set -euo pipefail

# The packages of the libraries that the program and its module are linked with, but for NVIDIA's,
# which the image has; then Open MPI's launcher.
needs() {
    local prefix=$1
    {
        ldd "$prefix/bin/pleat"
        find "$prefix" -name libpleat_cuda.so -exec ldd {} +
    } | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u | xargs readlink -f |
        # Debian's lists have a library below /lib or below /usr/lib; it is in one of them.
        sed 'p; s|^/usr||' | { xargs dpkg -S 2> /dev/null || true; } |
        sed 's/:.*//' | grep -vE '^(cuda|lib(cudnn|cublas|nccl))' | sort -u
    echo openmpi-bin
}

case ${1:-} in
build)
    cd "$2"
    # shellcheck source=tests/lib/setup.sh
    . tests/lib/setup.sh
    setup_packages "${packages_build[@]}"
    setup_build build/image all -DPLEAT_TESTS=OFF -DPLEAT_NATIVE=OFF "${@:4}"
    cmake --install build/image --prefix "$3"
    needs "$3" > "$3/packages"
    ;;
needs) needs "$2" ;;
install)
    apt-get update
    xargs -r apt-get install -y --no-install-recommends < "$2/packages"
    rm -rf /var/lib/apt/lists/*
    ;;
*)
    sed -n '4,9s/^#//p' "$0" >&2
    exit 2
    ;;
esac
