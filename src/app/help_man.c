/* help_man.c - the manual pages pleat(1) and pleat-config(5), from the tables. */
#include "help.h"

#include "pleat/commit.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const help_form help_forms[] = {
    {"--man", help_man},   {"--man-config", help_man_config},
    {"--bash", help_bash}, {"--zsh", help_zsh},
    {"--fish", help_fish}, {NULL, NULL},
};

pleat_status help_each(app *a, void (*tell)(const verb *of, const option *rows)) {
    char name[] = "help", ask[] = "--help", *argv[] = {name, ask, NULL};
    pleat_status status = PLEAT_OK;
    a->tell = tell;
    for (const verb *v = verbs; v->name != NULL && status == PLEAT_OK; v++)
        status = v->run(a, v, 2, argv);
    a->tell = NULL;
    return status;
}

/* --- roff ------------------------------------------------------------------------------------- */

enum { WIDE = 78 };

static size_t escaped(const char *word, size_t n, char *out, size_t size) {
    static const struct {
        char plain;
        const char *roff;
    } special[] = {{'-', "\\-"},   {'\\', "\\e"},  {'\'', "\\(aq"},
                   {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"}};
    size_t used = 0;
    if (word[0] == '.') used += (size_t)snprintf(out, size, "\\&");
    for (size_t i = 0; i < n && used + 8 < size; i++) {
        const char *roff = NULL;
        for (size_t s = 0; s < sizeof special / sizeof *special; s++)
            if (special[s].plain == word[i]) roff = special[s].roff;
        if (roff != NULL)
            used += (size_t)snprintf(out + used, size - used, "%s", roff);
        else
            out[used++] = word[i];
    }
    out[used] = '\0';
    return used;
}

/* Filled lines of a plain text; ends the last one. */
static void fill(const char *text) {
    size_t column = 0;
    char word[1024];
    while (*text != '\0') {
        const size_t n = strcspn(text, " \n");
        const size_t wide = escaped(text, n, word, sizeof word);
        if (n > 0) {
            if (column > 0) (void)putchar(column + 1 + wide > WIDE ? '\n' : ' ');
            column = column > 0 && column + 1 + wide <= WIDE ? column + 1 + wide : wide;
            (void)fputs(word, stdout);
        }
        text += n;
        text += strspn(text, " \n");
    }
    (void)putchar('\n');
}

/* The same as a sentence: a capital in front, a full stop behind. */
static void sentence(const char *text) {
    char whole[PLEAT_MANUAL_BYTES + 8];
    const int n = snprintf(whole, sizeof whole, "%s", text);
    if (n > 0 && (n < 2 || !isupper((unsigned char)whole[1])))
        whole[0] = (char)toupper((unsigned char)whole[0]);
    if (n > 0 && (size_t)n + 1 < sizeof whole && whole[n - 1] != '.') {
        whole[n] = '.';
        whole[n + 1] = '\0';
    }
    fill(whole);
}

static void font(char which, const char *text) {
    char out[512];
    (void)escaped(text, strlen(text), out, sizeof out);
    (void)printf("\\f%c%s\\fR", which, out);
}

static void item(const char *name, const char *argument) {
    (void)puts(".TP");
    font('B', name);
    if (argument != NULL) {
        (void)putchar(' ');
        font('I', argument);
    }
    (void)putchar('\n');
}

static void title(const char *name, int section) {
    (void)printf(".\\\" Made by the program itself, of its tables.\n"
                 ".TH %s %d \"%s\" \"pleat %s\"\n",
                 name, section, pleat_commit_date, pleat_commit_version);
}

/* --- pleat(1) --------------------------------------------------------------------------------- */

static void tell_verb(const verb *of, const option *rows) {
    (void)printf(".SS %s\n", of->name);
    font('B', "pleat");
    (void)putchar(' ');
    font('B', of->name);
    (void)putchar(' ');
    font('I', of->arguments);
    (void)puts("\n.PP");
    sentence(of->what);
    for (const option *row = rows; row->name != NULL; row++) {
        item(row->name, row->argument);
        sentence(row->help);
    }
}

static const char *const ENVIRONMENT[][2] = {
    {"PLEAT_<KEY>", "a key of the configuration in capitals, with dots as underscores: "
                    "PLEAT_TRAIN_EPOCHS=10"},
    {"PLEAT_COMM_TIMEOUT", "seconds after which a silent rank is given up"},
    {"PLEAT_MODULE_PATH", "the GPU module or its folder, as an absolute path"},
    {"PLEAT_PLAN_CACHE", "file of the GPU engine's plans, or off"},
    {"PLEAT_ALLOW_SINGLE", "1: one process may start where the launcher says there are several"},
    {"OMP_NUM_THREADS", "threads of the loops outside the engine"},
    {"NO_COLOR", "no colours on a terminal"},
};

static const char *const FILES[][2] = {
    {"RUN/config.yaml", "the resolved configuration"},
    {"RUN/run.json", "what was run, by whom, on what"},
    {"RUN/fold_K/", "checkpoints, history, predictions and scores of a fold"},
    {"RUN/scores.csv", "every score of every case"},
    {"RUN/report/report.html", "the report, with a viewer"},
    {"RUN/STOP", "if you create it, the run ends after the epoch"},
};

static void list(const char *heading, const char *const rows[][2], size_t n) {
    (void)printf(".SH %s\n", heading);
    for (size_t i = 0; i < n; i++) {
        item(rows[i][0], NULL);
        sentence(rows[i][1]);
    }
}

static void exit_codes(void) {
    static const int codes[] = {0, 2, 3, 4, 5, 85, 130};
    (void)puts(".SH EXIT STATUS");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char text[512] = "", code[16];
        size_t used = 0;
        for (int s = PLEAT_OK; s <= PLEAT_ERR_INTERRUPTED; s++)
            if (pleat_status_exit_code((pleat_status)s) == codes[i] && used < sizeof text)
                used += (size_t)snprintf(text + used, sizeof text - used, "%s%s",
                                         used > 0 ? "; " : "", pleat_status_text((pleat_status)s));
        (void)snprintf(code, sizeof code, "%d", codes[i]);
        item(code, NULL);
        sentence(text);
    }
    item("143", NULL);
    sentence("a second SIGTERM, a second or more after the first");
}

pleat_status help_man(app *a) {
    title("PLEAT", 1);
    (void)puts(".SH NAME\npleat \\- train and evaluate 3\\-D U\\-Nets by cross\\-validation\n"
               ".SH SYNOPSIS\n.B pleat\n[\\fB\\-v\\fR|\\fB\\-q\\fR]\n.I verb\n[\\fIoptions\\fR]\n"
               ".br\n.B pleat help\n.I verb\n.br\n.B pleat version\n[\\fB\\-\\-json\\fR]\n"
               ".SH DESCRIPTION");
    fill("pleat trains and evaluates 3-D U-Nets by k-fold cross-validation, from a folder of NIfTI "
         "volumes to one report. All folds run side by side over MPI, on GPUs or on CPUs: put "
         "mpirun or srun in front. Results go to standard output, everything else to standard "
         "error. -v says more, -q says less.");
    (void)puts(".SH VERBS");
    PLEAT_TRY(help_each(a, tell_verb));
    exit_codes();
    list("ENVIRONMENT", ENVIRONMENT, sizeof ENVIRONMENT / sizeof *ENVIRONMENT);
    list("FILES", FILES, sizeof FILES / sizeof *FILES);
    (void)puts(".SH EXAMPLES\nA configuration for your data, and a run on two ranks:\n.PP\n.nf\n"
               "pleat check DATA\npleat suggest DATA > my.yaml\n"
               "mpirun \\-n 2 pleat run my.yaml \\-\\-out RUN\n.fi\n"
               ".SH SEE ALSO\n.BR pleat\\-config (5),\n.BR mpirun (1)");
    return PLEAT_OK;
}

/* --- pleat-config(5) -------------------------------------------------------------------------- */

pleat_status help_man_config(app *a) {
    pleat_config_about about;
    (void)a;
    title("PLEAT-CONFIG", 5);
    (void)puts(".SH NAME\npleat\\-config \\- configuration of a pleat run\n.SH DESCRIPTION");
    fill("A configuration is a YAML file. The dots of a key are its sections: train.epochs is "
         "epochs in the section train. A key that is not set has its default. The environment "
         "(PLEAT_TRAIN_EPOCHS=10) comes after the file, and --set train.epochs=10 after both. "
         "Sizes are x, y, z. An unknown key is an error. pleat config CONFIG prints the "
         "configuration with all keys.");
    (void)puts(".SH KEYS");
    for (int i = 0; pleat_config_describe(i, &about); i++) {
        static const char *const changes[2][2] = {
            {"", "; may be set for a prediction"},
            {"; may change when a run resumes",
             "; may change when a run resumes, may be set for a prediction"}};
        char facts[2048];
        (void)snprintf(facts, sizeof facts, "%s (%s%s)%s.", about.values,
                       about.usual[0] != '\0' ? "default " : "no default, must be set", about.usual,
                       changes[about.resume][about.predict]);
        item(about.key, NULL);
        fill(facts);
        (void)puts(".br");
        sentence(about.manual);
    }
    (void)puts(".SH EXAMPLES\n.nf\ndata: data\nclasses: [background, liver, tumour]\n"
               "patch: [96, 96, 64]\noverlap: [48, 48, 32]\ntrain:\n  epochs: 200\n  batch: 2\n"
               ".fi\n.SH SEE ALSO\n.BR pleat (1)");
    return PLEAT_OK;
}
