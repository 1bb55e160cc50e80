/* plan_script.c - the batch script that asks for what a run needs. All its paths are absolute, so
 * it may be submitted from anywhere. */
#include "plan_script.h"

#include "pleat/file.h"
#include "pleat/halt.h"
#include "pleat/output.h"
#include "pleat/rundir.h"
#include "pleat/text.h"
#include "pleat/warn.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPARE_BYTES  1e9 /* of a node: files in the page cache that a job is charged for */
#define SCRIPT_BEGIN "#!/usr/bin/env bash\n# Written by pleat plan"
#define MOST_HOURS   24

/* --- before ----------------------------------------------------------------------------------- */

/* A line of #SBATCH ends at a blank, and at a line feed. */
static pleat_status check_word(const char *name, const char *word) {
    if (word == NULL) return PLEAT_OK;
    const char *c = word;
    while (*c != '\0' && (isalnum((unsigned char)*c) || strchr("_.,:@+/-", *c) != NULL)) c++;
    PLEAT_CHECK(*c == '\0' && word[0] != '\0', PLEAT_ERR_ARG,
                "%s '%s': letters, digits and any of _.,:@+/- only", name, word);
    return PLEAT_OK;
}

pleat_status plan_script_check(plan_script *s) {
    if (s->time != NULL) PLEAT_TRY(pleat_halt_parse("--time", s->time, &s->limit_s));
    PLEAT_TRY(check_word("--partition", s->partition));
    PLEAT_TRY(check_word("--account", s->account));
    PLEAT_TRY(check_word("--mail", s->mail));
    PLEAT_CHECK(s->cpus >= 0, PLEAT_ERR_ARG, "--cpus-per-task %d: must be 1 or more", s->cpus);
    if (s->file == NULL) return PLEAT_OK;
    PLEAT_CHECK(s->out != NULL, PLEAT_ERR_ARG,
                "--sbatch needs --out RUN, the folder of the results");
    return pleat_output_check_file("--sbatch", s->file, "pleat plan", SCRIPT_BEGIN);
}

/* --- paths ------------------------------------------------------------------------------------ */

/* Whether `path` has the batch scripts; then found[] has its real path. */
static int has_scripts(const char *path, char found[PLEAT_PATH_BYTES]) {
    char job[PLEAT_PATH_BYTES];
    char *real = realpath(path, NULL);
    const int has = real != NULL && pleat_path(job, sizeof job, "%s/job.sh", real) == PLEAT_OK &&
                    pleat_file_exists(job);
    (void)snprintf(found, PLEAT_PATH_BYTES, "%s", has ? real : "");
    free(real);
    return has;
}

/* The folder of the scripts: PLEAT_SLURM, or beside this program, of a build or installed, or in
 * the current folder. "": none of these. */
static void find_scripts(const char *program, char scripts[PLEAT_PATH_BYTES]) {
    static const char *const places[] = {"../slurm", "../share/pleat/slurm"};
    const char *set = getenv("PLEAT_SLURM"), *slash = strrchr(program, '/');
    if (set != NULL && has_scripts(set, scripts)) return;
    for (size_t i = 0; slash != NULL && i < sizeof places / sizeof *places; i++) {
        char path[PLEAT_PATH_BYTES];
        if (pleat_path(path, sizeof path, "%.*s/%s", (int)(slash - program), program, places[i]) ==
                PLEAT_OK &&
            has_scripts(path, scripts))
            return;
    }
    (void)has_scripts("slurm", scripts);
}

static void find_program(char program[PLEAT_PATH_BYTES], char scripts[PLEAT_PATH_BYTES]) {
    const ssize_t n = readlink("/proc/self/exe", program, PLEAT_PATH_BYTES - 1);
    program[n > 0 ? n : 0] = '\0';
    find_scripts(program, scripts);
    if (strpbrk(program, " \t") != NULL) program[0] = '\0'; /* PLEAT is words, slurm/job.sh */
}

/* --- the script ------------------------------------------------------------------------------- */

/* 'text' for a shell. */
static void put_quoted(FILE *out, const char *text) {
    (void)fputc('\'', out);
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '\'')
            (void)fputs("'\\''", out);
        else
            (void)fputc(*c, out);
    (void)fputc('\'', out);
}

static void put_word(FILE *out, const char *name, const char *word) {
    if (word != NULL) (void)fprintf(out, "#SBATCH --%s=%s\n", name, word);
}

/* Half as much again as was found, in whole hours, a day at most: what is not finished then is
 * requeued. */
static void put_time(FILE *out, const plan_script *s, const plan_request *r, const plan_needs *n) {
    int hours = (int)(1.5 * plan_needs_seconds(n, &r->config) / 3600.0) + 1;
    if (hours > MOST_HOURS || n->timed[0] == '\0') hours = MOST_HOURS;
    const long limit = s->limit_s > 0.0 ? (long)(s->limit_s + 0.5) : 3600L * hours;
    (void)fprintf(out, "#SBATCH --time=%02ld:%02ld:%02ld\n", limit / 3600, limit / 60 % 60,
                  limit % 60);
}

int plan_script_cpus(const plan_script *s, const plan_request *r) {
    const int loaders = r->config.train.loader_threads;
    if (s->cpus > 0) return s->cpus;
    if (r->config.threads > 0) return r->config.threads + loaders;
    return r->gpus > 0 ? 2 + loaders : 0;
}

static void put_head(FILE *out, const plan_script *s, const plan_request *r, const plan_needs *n,
                     const char *here) {
    const double node = pleat_needs_node(&n->of, r->ranks_per_node) * 1.25 + SPARE_BYTES;
    (void)fprintf(out, SCRIPT_BEGIN ".\n#SBATCH --job-name=pleat\n");
    put_word(out, "partition", s->partition);
    put_word(out, "account", s->account);
    (void)fprintf(out, "#SBATCH --nodes=%d\n#SBATCH --ntasks-per-node=%d\n", r->nodes,
                  r->ranks_per_node);
    if (r->gpus > 0) (void)fprintf(out, "#SBATCH --gpus-per-node=%d\n", r->gpus);
    (void)fprintf(out, "#SBATCH --cpus-per-task=%d\n", n->cores);
    (void)fprintf(out, "#SBATCH --mem=%.0fM\n", node / 0x1p20);
    put_time(out, s, r, n);
    if (r->array) (void)fprintf(out, "#SBATCH --array=0-%d\n", pleat_config_folds(&r->config) - 1);
    put_word(out, "mail-user", s->mail);
    if (s->mail != NULL) put_word(out, "mail-type", "END,FAIL");
    (void)fprintf(out,
                  "#SBATCH --signal=B:USR1@180\n"
                  "#SBATCH --requeue\n"
                  "#SBATCH --open-mode=append\n"
                  "#SBATCH --output=\"%s/%s.log\"\n",
                  here, r->array ? "pleat-%A-fold-%a" : "pleat-%j");
}

static void put_body(FILE *out, const plan_script *s, const plan_request *r, const char *config,
                     const char *run, const char *here) {
    char program[PLEAT_PATH_BYTES], scripts[PLEAT_PATH_BYTES];
    find_program(program, scripts);
    (void)fputs("cd ", out);
    put_quoted(out, here);
    (void)fputs(" || exit\n", out);
    if (program[0] != '\0') {
        (void)fputs("[ -n \"${PLEAT:-}\" ] || PLEAT=", out);
        put_quoted(out, program);
        (void)fputs("\nexport PLEAT\n", out);
    }
    if (scripts[0] != '\0') {
        (void)fputs("[ -n \"${PLEAT_SLURM:-}\" ] || PLEAT_SLURM=", out);
        put_quoted(out, scripts);
    } else {
        (void)fputs(": \"${PLEAT_SLURM:?set it to the folder of the batch scripts of pleat}\"",
                    out);
    }
    (void)fputs("\n# shellcheck source=/dev/null\n. \"$PLEAT_SLURM/env.sh\" || exit\n"
                "# shellcheck source=/dev/null\n. \"$PLEAT_SLURM/job.sh\" || exit\n"
                "pleat_job run ",
                out);
    put_quoted(out, config);
    (void)fputs(" --out ", out);
    put_quoted(out, run);
    for (int i = 0; i < s->sets.n; i++) {
        (void)fputs(" --set ", out);
        put_quoted(out, s->sets.item[i]);
    }
    if (r->array) (void)fputs(" --fold \"$SLURM_ARRAY_TASK_ID\"", out);
    (void)fputs(" \"$@\"\n", out);
}

/* Once all tasks have ended well, one more makes the report. */
static void print_submission(const plan_script *s, const plan_request *r, const char *run) {
    char program[PLEAT_PATH_BYTES], scripts[PLEAT_PATH_BYTES];
    find_program(program, scripts);
    if (scripts[0] == '\0') {
        pleat_warn(
            "'%s' needs the batch scripts of pleat (env.sh, job.sh), which are not beside this "
            "program: set PLEAT_SLURM to their folder, PREFIX/share/pleat/slurm of an "
            "installation or slurm/ of the sources, before sbatch",
            s->file);
        (void)snprintf(scripts, sizeof scripts, "\"$PLEAT_SLURM\"");
    }
    if (!r->array) {
        pleat_text_print("\nsbatch %s\n", s->file);
        return;
    }
    pleat_text_print("\njob=$(sbatch --parsable %s)\n"
                     "sbatch --dependency=afterok:${job%%%%;*} %s/report.sbatch %s\n",
                     s->file, scripts, run);
}

pleat_status plan_script_write(const plan_script *s, const plan_request *r, const plan_needs *n) {
    char config[PLEAT_PATH_BYTES], run[PLEAT_PATH_BYTES], here[PLEAT_PATH_BYTES];
    pleat_file_text file;
    PLEAT_TRY(pleat_file_absolute(s->config, config));
    PLEAT_TRY(pleat_file_absolute(s->out, run));
    PLEAT_TRY(pleat_file_absolute(".", here));
    here[strlen(here) - 2] = '\0'; /* without the "/." */
    PLEAT_CHECK(strpbrk(here, "\"\n") == NULL, PLEAT_ERR_ARG,
                "the current folder's name has a quotation mark or a line feed, which a line of "
                "#SBATCH cannot have: '%s'",
                here);
    PLEAT_TRY(pleat_file_text_begin(&file, s->file));
    put_head(file.out, s, r, n, here);
    put_body(file.out, s, r, config, run, here);
    const pleat_status status = pleat_file_text_end(&file, PLEAT_OK);
    if (status == PLEAT_OK) print_submission(s, r, run);
    return status;
}
