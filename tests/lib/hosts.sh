#!/usr/bin/env bash
# hosts.sh - several hosts on this machine for Open MPI over TCP, for tests.
#
# Network namespaces, tied together by a bridge in a namespace of its own. Nothing of it touches the
# machine's own network.
#
#   tests/lib/hosts.sh up FOLDER N         hosts h0, h1, ...; exit 77: not possible here
#   tests/lib/hosts.sh on FOLDER HOST COMMAND...
#   tests/lib/hosts.sh mpirun FOLDER ARGUMENT...   from h0; --host h0:1,h1:1 says where
#   tests/lib/hosts.sh cut|heal FOLDER HOST        the cable to the bridge
#   tests/lib/hosts.sh crash FOLDER HOST           every process there is killed
#   tests/lib/hosts.sh down FOLDER
set -u
self=$(readlink -f "$0")
verb=${1:-} folder=${2:-}
net=10.77.0
[ $# -lt 2 ] || shift 2

cannot() { echo "no hosts here: $*" && exit 77; }
space() { echo "$(cat "$folder/name")-$1"; } # of a host, or of the bridge: "net"
port() { echo "port${1#h}"; }

# A host is a network namespace; each command there sees its own name, /etc/hosts and /dev/shm.
on() {
    local host=$1
    shift
    # shellcheck disable=SC2016 # for the inner shell
    exec nsenter --net="/run/netns/$(space "$host")" unshare --uts --mount --propagation slave \
        bash -c 'hostname "$1" && mount --bind "$2/hosts" /etc/hosts &&
            mount --bind "$2/shm.$1" /dev/shm && export TMPDIR=$2/tmp.$1 && shift 2 && exec "$@"' \
        on "$host" "$folder" "$@"
}

down() {
    local space id
    for space in $(ip netns list | awk '{ print $1 }' | grep "^$(cat "$folder/name")-"); do
        for id in $(ip netns pids "$space"); do kill -9 "$id"; done
        ip netns del "$space"
    done 2> /dev/null
    for space in "$folder"/shm.*; do umount "$space"; done 2> /dev/null
}

up() {
    local n=$1 i tool bridge host
    for tool in ip nsenter unshare; do
        command -v $tool > /dev/null || cannot "$tool is not installed (iproute2, util-linux)"
    done
    [ "$(id -u)" -eq 0 ] || cannot "only root can make them"
    mkdir -p "$folder" || exit 1
    echo "pleat$$" > "$folder/name"
    echo "127.0.0.1 localhost" > "$folder/hosts"
    bridge=$(space net)
    ip netns add "$bridge" 2> /dev/null || cannot "network namespaces are not allowed"
    { ip -n "$bridge" link add bridge type bridge && ip -n "$bridge" link set bridge up; } ||
        cannot "the kernel has no bridge"
    for ((i = 0; i < n; i++)); do
        host=$(space "h$i")
        mkdir -p "$folder/shm.h$i" "$folder/tmp.h$i"
        ip netns add "$host" &&
            ip -n "$bridge" link add "$(port "h$i")" type veth peer name eth0 netns "$host" &&
            ip -n "$bridge" link set "$(port "h$i")" master bridge up &&
            ip -n "$host" link set lo up &&
            ip -n "$host" addr add "$net.$((i + 1))/24" dev eth0 &&
            ip -n "$host" link set eth0 up &&
            mount -t tmpfs -o size=1g "pleat-h$i" "$folder/shm.h$i" || cannot "no host h$i"
        echo "$net.$((i + 1)) h$i" >> "$folder/hosts"
    done
    # What mpirun calls instead of ssh: options, host, command.
    cat > "$folder/rsh" << END
#!/usr/bin/env bash
while [ "\${1#-}" != "\$1" ]; do shift; done
host=\$1
shift
exec bash $self on $folder "\$host" bash -c "\$*"
END
    chmod +x "$folder/rsh"
}

# h0 is within reach: nobody listens there, and it says so. Both ends of a cable learn of it, and of
# each other's addresses, within some seconds.
reaches_h0() {
    timeout 2 nsenter --net="/run/netns/$(space "$1")" bash -c "exec 3<> /dev/tcp/$net.1/9" 2>&1 |
        grep -q refused
}

heal() {
    local tries
    ip -n "$(space net)" link set "$(port "$1")" up
    for ((tries = 100; tries > 0; tries--)); do
        reaches_h0 "$1" && return
        sleep 0.1
    done
}

case $verb in
up) (up "$@") || { status=$? && down && exit "$status"; } ;;
on) on "$@" ;;
mpirun)
    on h0 mpirun --mca plm rsh --mca plm_rsh_agent "$folder/rsh" --mca btl self,vader,tcp \
        --mca btl_tcp_if_include $net.0/24 --mca oob_tcp_if_include $net.0/24 "$@"
    ;;
cut) ip -n "$(space net)" link set "$(port "$1")" down ;;
heal) heal "$1" ;;
crash) for id in $(ip netns pids "$(space "$1")"); do kill -9 "$id"; done ;;
down) down ;;
*) sed -n '7,12s/^#//p' "$0" && exit 2 ;;
esac
