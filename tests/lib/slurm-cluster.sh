#!/usr/bin/env bash
# slurm-cluster.sh - a Slurm cluster of two virtual nodes on this machine, for tests.
#
#   tests/lib/slurm-cluster.sh start FOLDER   its state is in FOLDER; exit 77: not possible here
#   . FOLDER/env.sh                       sbatch, squeue, ... speak to this cluster from then on
#   tests/lib/slurm-cluster.sh stop FOLDER    ends its jobs and its daemons
#
# Needs root, for the nodes have host names and /dev/shm of their own: without these, the
# shared-memory segments of two "nodes" have the same names.
set -u
nodes=2
cpus=2 # of a node; more than there are will do
verb=${1:-} folder=$(readlink -f "${2:-}")

cannot() { echo "no Slurm here: $*" && exit 77; }

# daemon PID-FILE: its process id, if it is a daemon of ours and not another process by now.
daemon() {
    local id
    id=$(cat "$1" 2> /dev/null) && grep -qE '^(slurm|munge)' "/proc/$id/comm" 2> /dev/null &&
        echo "$id"
}

daemons() {
    local file
    for file in "$folder"/run/slurmd.*.pid "$folder"/run/{slurmctld,munged}.pid; do
        daemon "$file"
    done
}

stop() {
    local id tries
    if [ -s "$folder/slurm.conf" ]; then
        export SLURM_CONF=$folder/slurm.conf
        timeout 5 scancel --user=root 2> /dev/null
        for ((tries = 50; tries > 0; tries--)); do
            [ -n "$(timeout 5 squeue -h 2> /dev/null)" ] || break
            sleep 0.1
        done
    fi
    for id in $(daemons); do kill "$id"; done 2> /dev/null
    for ((tries = 50; tries > 0; tries--)); do
        [ -n "$(daemons)" ] || break
        sleep 0.1
    done
    for id in $(daemons); do kill -9 "$id"; done 2> /dev/null
}

configuration() {
    local host port i
    host=$(uname -n)
    port=$((30000 + RANDOM % 20000))
    cat << END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# a requeued job waits until its old credential has expired
AuthInfo=socket=$folder/run/munge.sock,cred_expire=5
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$folder/state
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmctldLogFile=$folder/log/slurmctld.log
# its log tells when it looks at the limits of jobs
SlurmctldDebug=debug2
SlurmdSpoolDir=$folder/spool.%n
SlurmdPidFile=$folder/run/slurmd.%n.pid
SlurmdLogFile=$folder/log/slurmd.%n.log
# not /tmp: the PMIx sockets of both nodes would have the same name
TmpFS=$folder/tmp.%n
PlugStackConfig=/dev/null
MpiDefault=pmix
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
MinJobAge=3600
SlurmdTimeout=20
MessageTimeout=20
END
    for ((i = 1; i <= nodes; i++)); do
        echo "NodeName=n$i NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + i)) CPUs=$cpus" \
            "Boards=1 SocketsPerBoard=1 CoresPerSocket=$cpus ThreadsPerCore=1 State=UNKNOWN"
    done
    echo "PartitionName=test Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP" \
        "OverSubscribe=YES:4"
}

start() {
    local i tool tries
    for tool in munged slurmctld slurmd sbatch srun unshare; do
        command -v $tool > /dev/null || cannot "$tool is not installed (slurm-wlm, munge)"
    done
    [ "$(id -u)" -eq 0 ] || cannot "only root can start it"
    unshare --uts --mount true 2> /dev/null || cannot "namespaces are not allowed"
    [ -n "$(ls /sys/fs/cgroup 2> /dev/null)" ] || cannot "/sys/fs/cgroup is not mounted"
    mkdir -p "$folder"/{run,log,state,munge} && chmod 755 "$folder" "$folder"/{run,log} &&
        chmod 700 "$folder/munge" || exit 1
    head -c 128 /dev/urandom > "$folder/munge/key" && chmod 400 "$folder/munge/key" || exit 1
    # --force: the folders above may be anybody's
    munged --force --key-file="$folder/munge/key" --socket="$folder/run/munge.sock" \
        --pid-file="$folder/run/munged.pid" --log-file="$folder/log/munged.log" \
        --seed-file="$folder/munge/seed" > "$folder/log/munged.out" 2>&1 ||
        cannot "munged did not start: $(tail -1 "$folder/log/munged.out")"
    configuration > "$folder/slurm.conf"
    echo "export SLURM_CONF=$folder/slurm.conf" > "$folder/env.sh"
    export SLURM_CONF=$folder/slurm.conf
    { cat /etc/hosts && for ((i = 1; i <= nodes; i++)); do echo "127.0.0.1 n$i"; done; } \
        > "$folder/hosts"
    slurmctld -i > "$folder/log/slurmctld.out" 2>&1 ||
        cannot "slurmctld did not start: $(tail -1 "$folder/log/slurmctld.out")"
    for ((i = 1; i <= nodes; i++)); do
        mkdir -p "$folder/spool.n$i" "$folder/tmp.n$i"
        chmod 1777 "$folder/tmp.n$i"
        # shellcheck disable=SC2016 # for the inner shell
        unshare --uts --mount --propagation slave bash -c '
            hostname "$1" && mount --bind "$2" /etc/hosts &&
                mount -t tmpfs -o size=1g tmpfs /dev/shm && exec slurmd -N "$1"' \
            node "n$i" "$folder/hosts" > "$folder/log/slurmd.n$i.out" 2>&1 ||
            cannot "slurmd did not start: $(tail -1 "$folder/log/slurmd.n$i.out")"
    done
    for ((tries = 200; tries > 0; tries--)); do
        [ "$(sinfo -h -N -t idle -o %N 2> /dev/null | wc -l)" -lt $nodes ] || return 0
        sleep 0.1
    done
    tail -3 "$folder"/log/slurm*.log
    cannot "its nodes did not come up"
}

case $verb in
start) (start) || { status=$? && stop && exit "$status"; } ;;
stop) stop ;;
*) sed -n '3,7s/^#//p' "$0" && exit 2 ;;
esac
