#!/usr/bin/env bash
# env.sh - the environment of a job: modules, Open MPI, threads, HDF5, NCCL. To be sourced.
# What is set already stays as it is.

default() { # default NAME VALUE
    [ -n "${!1+set}" ] || export "$1=$2"
}

# The site's modules, as words: PLEAT_SLURM_MODULES="gcc/12 openmpi/4.1 hdf5/1.10"
if [ -n "${PLEAT_SLURM_MODULES:-}" ]; then
    # shellcheck disable=SC2086 # several words
    if ! module load $PLEAT_SLURM_MODULES; then
        echo "PLEAT_SLURM_MODULES: 'module load $PLEAT_SLURM_MODULES' failed" >&2
        return 1
    fi
fi

# Since 22.05 srun does not take --cpus-per-task over from sbatch.
if [ -n "${SLURM_CPUS_PER_TASK:-}" ]; then
    default SRUN_CPUS_PER_TASK "$SLURM_CPUS_PER_TASK"
    default OMP_NUM_THREADS "$SLURM_CPUS_PER_TASK"
fi

# Under srun Open MPI does not know when ranks share cores; waiting ones then take them all.
default OMPI_MCA_mpi_yield_when_idle 1
# mpirun's daemons notice a host that has gone silent after 10 + 5 * 5 s, not after 8 minutes. A
# network that is away for a few seconds goes unnoticed.
default OMPI_MCA_oob_tcp_keepalive_time 10
default OMPI_MCA_oob_tcp_keepalive_intvl 5
default OMPI_MCA_oob_tcp_keepalive_probes 5

# pleat's files have one writer and appear when they are whole; some network file systems refuse
# locks, and HDF5 then refuses to open files.
default HDF5_USE_FILE_LOCKING FALSE

# Warnings of NCCL belong into the log; the interface that it takes is the site's to choose.
default NCCL_DEBUG WARN
