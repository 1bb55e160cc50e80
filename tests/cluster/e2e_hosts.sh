#!/usr/bin/env bash
# e2e_hosts.sh - a run on three hosts over TCP: a cable that is out for 4 s costs 4 s; a host that
# crashes or a cable that stays out ends the run within a minute, with nothing left behind, and it
# goes on to the same bits. Wants PLEAT, the program. Skipped where namespaces are not allowed.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lib/program.sh
. "$here/../lib/program.sh"
unset OMPI_MCA_orte_tmpdir_base OMPI_MCA_btl_vader_backing_directory
unset OMPI_MCA_osc_sm_backing_directory
bash "$here/../lib/hosts.sh" up "$box/net" 3 || exit
hosts() { # hosts VERB ARGUMENT...
    local verb=$1
    shift
    bash "$here/../lib/hosts.sh" "$verb" "$box/net" "$@"
}
trap 'hosts down; end_jobs; cd /; rm -rf "$box"' EXIT
# As slurm/env.sh does, but quicker. A rank that is cut off ends by itself after this limit.
export OMPI_MCA_oob_tcp_keepalive_time=5 OMPI_MCA_oob_tcp_keepalive_intvl=1
export OMPI_MCA_oob_tcp_keepalive_probes=5 PLEAT_COMM_TIMEOUT=10

# One fold at a time by all three; a batch of three.
keys=(--set folds.k=2 --set ranks_per_fold=3 --set train.epochs=6 --set train.iterations=100
    --set train.batch=3 --set patch=6x6x6 --set network.filters=2 --set threads=1)
start() { # start RUN: in the background, its id to $run
    rm -f err
    hosts mpirun --host h0:1,h1:1,h2:1 -n 3 "$pleat" run tiny.yaml --out "$1" "${keys[@]}" \
        > out 2> err < /dev/null &
    run=$!
}
trains() { waits 60 grep -qs 'fold=0 epoch=2/' err || wrong "$1 never trains"; }
# ends SECONDS: the run's exit code to $code; 124 when it does not end.
ends() {
    code=124
    waits "$1" eval '! kill -0 $run 2> /dev/null' || return
    wait "$run"
    code=$?
}
goes_on() { # goes_on RUN
    start "$1"
    ends 300
    holds "$1 again: exit code $code" [ "$code" -eq 0 ]
    holds "$1 goes on" grep -q 'resumes after epoch [1-9]' err
    holds "$1 is as if nothing had happened" same_run whole "$1"
}

tiny_data data 4 1
start whole
ends 300
holds "three hosts: exit code $code" [ "$code" -eq 0 ]
holds "each has its log" [ -s whole/log/rank-0002.log ]
[ "$bad" -eq 0 ] || verdict

# --- a cable that is out for 4 s -----------------------------------------------------------------
start cable
trains cable
hosts cut h2
sleep 4
hosts heal h2
ends 300
holds "4 s without a cable: exit code $code" [ "$code" -eq 0 ]
holds "the same bits" same_run whole cable

# --- a host that crashes -------------------------------------------------------------------------
start crash
trains crash
begin=$SECONDS
hosts crash h1
ends 60
holds "a crashed host: exit code $code" [ "$code" -ne 0 -a "$code" -ne 124 ]
holds "it is named" grep -qwE 'h1' err
holds "nothing is left behind" waits $((60 - SECONDS + begin)) eval '[ -z "$(ranks)" ]'
goes_on crash

# --- a cable that stays out ----------------------------------------------------------------------
start away
trains away
begin=$SECONDS
hosts cut h2
ends 60
holds "no cable: exit code $code" [ "$code" -ne 0 -a "$code" -ne 124 ]
holds "the host is named" grep -qwE 'h2' err
holds "nothing is left behind" waits $((60 - SECONDS + begin)) eval '[ -z "$(ranks)" ]'
hosts heal h2
goes_on away
verdict
