/* page.js - tables, curves, boxes and cases, made of the data that stand in the page. */

const data = JSON.parse(document.getElementById("data").textContent);
const statistics = JSON.parse(document.getElementById("statistics").textContent);
const classes = data.classes, cases = statistics ? statistics.cases : [];
const first = classes.length > 1 ? 1 : 0, foreground = classes.slice(first);
const scoreOf = name => data.scores.find(s => s.name === name);
const headline = data.scores.length > 0 ? data.scores[0].name : "";
const colourOf = c => data.colours[classes.indexOf(c)];
/* A case that was evaluated in several repeats is one case. */
const repeats = statistics && statistics.repeats > 1 ? statistics.repeats : 1;
const casesOf = list => new Set(list).size;
const some = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
const counted = some(casesOf(cases.map(one => one.case)), "case") + (repeats > 1 ? `, each evaluated ${repeats} times` : "");
/* What the bootstrap draws. */
const groupsOf = n => n < casesOf(cases.map(one => one.case)) ? `${some(n, "group")} of cases` : some(n, "case");
const pictureOf = one => repeats > 1 ? `${one.case}.fold_${one.fold}` : one.case;
const part = id => document.getElementById(id);
const chip = colour => h("i", {class: "chip", style: `background:${colour}`});
const unitOf = s => s.unit ? `${s.name}, ${s.unit}` : s.name;

/* Rows of statistics by fold ("all", "0"), class and score. */
const rowOf = new Map();
for (const row of statistics ? statistics.statistics : [])
    rowOf.set(JSON.stringify([row.fold, row.class, row.score]), row);
const at = (fold, c, score) => rowOf.get(JSON.stringify([fold, c, score]));
const applies = (c, score) => at("all", c, score) !== undefined;
/* Truth and prediction have the class, and no voxel in common; their state is "ok". */
const isApart = (one, c) => one.classes[c].state === "ok" && one.classes[c][headline] === 0;
const apart = (c, fold) => cases.filter(one => (fold === "all" || String(one.fold) === fold) && isApart(one, c)).length;

function range(x, low, high) {
    return known(low) ? `${show(x)} [${show(low)}, ${show(high)}]` : show(x);
}
/* A box that scrolls sideways where its table is wider, and says so above. */
const boxes = new ResizeObserver(found => requestAnimationFrame(() => found.forEach(({target}) => {
    const box = target.closest(".wide");
    if (box !== null) box.previousSibling.hidden = box.scrollWidth <= box.clientWidth;
})));
function wideBox(caption, table) {
    const box = h("div", {class: "wide", tabindex: 0, role: "region", "aria-label": caption}, table);
    boxes.observe(box);
    boxes.observe(table);
    return h("div", {}, h("p", {class: "more quiet", hidden: true}, "more columns at the right: scroll the table sideways \u2192"), box);
}
/* A heading that begins with "<" is of a column of text. */
function tableOf(caption, head, body) {
    return wideBox(caption,
        h("table", {}, h("caption", {}, caption),
            h("thead", {}, h("tr", {}, head.map(t => h("th", {scope: "col", class: t[0] === "<" ? "text" : null}, t.replace("<", ""))))), h("tbody", {}, body)));
}
function lost(n) {
    return n > 0 ? h("span", {class: "state"}, String(n)) : "0";
}
/* A choice of score; then(name) is called with the first, and with each that is chosen. */
function scoreChoice(label, names, then) {
    const select = h("select", {"aria-label": label, change: () => then(select.value)},
        names.map(n => h("option", {value: n}, `${scoreOf(n).title}${scoreOf(n).unit ? ", " + scoreOf(n).unit : ""}`)));
    return h("label", {}, label + " ", select);
}
const used = data.scores.map(s => s.name).filter(n => foreground.some(c => applies(c, n) && at("all", c, n).n > 0));

/* --- scores ----------------------------------------------------------------------------------- */

/* Scores that no case has because they are newer than the run are not told of in the table. */
const brief = c => data.scores.filter(s => s.brief && applies(c, s.name) && at("all", c, s.name).unknown < cases.length);
function overAll() {
    const none = foreground.some(c => apart(c, "all") > 0);
    const rows = foreground.flatMap(c => brief(c).map((s, i) => {
        const r = at("all", c, s.name);
        return h("tr", {}, h("th", {scope: "row"}, i === 0 ? [chip(colourOf(c)), c] : ""),
            h("td", {class: "text"}, unitOf(s)), h("td", {}, r.n), h("td", {}, range(r.mean, r.mean_low, r.mean_high)),
            h("td", {}, show(r.sd)), h("td", {}, range(r.median, r.median_low, r.median_high)),
            h("td", {}, `${show(r.quartile_1)} – ${show(r.quartile_3)}`), h("td", {}, lost(r.missed)),
            none ? h("td", {}, lost(apart(c, "all"))) : null, h("td", {}, lost(r.spurious)), h("td", {}, r.empty), h("td", {}, show(r.penalised_mean)));
    }));
    return tableOf(`Over all: ${counted}`, ["class", "<score", "n", "mean [95 %]", "SD", "median [95 %]",
        "quartiles", "missed", ...(none ? ["no overlap"] : []), "spurious", "empty", "penalised"], rows);
}
function byFold(score) {
    const cell = (fold, c) => {
        const r = at(fold, c, score);
        if (!r) return h("td", {}, "–");
        return h("td", {}, `${show(r.mean)} ± ${show(r.sd)}`, ` (${r.n})`,
            r.missed ? [" ", h("span", {class: "state"}, `${r.missed} missed`)] : null,
            apart(c, fold) ? [" ", h("span", {class: "state"}, `${apart(c, fold)} without overlap`)] : null,
            r.spurious ? [" ", h("span", {class: "state"}, `${r.spurious} spurious`)] : null,
            r.empty ? [" ", h("span", {class: "state empty"}, `${r.empty} empty`)] : null);
    };
    const rows = data.folds.map((f, i) => h("tr", {}, h("th", {scope: "row"}, `fold ${i}`),
        f.scored ? foreground.map(c => cell(String(i), c))
            : h("td", {class: "text", colspan: foreground.length}, h("span", {class: "state"}, f.state),
                ` no scores${f.cases ? `; ${f.cases === 1 ? "its case is" : `its ${f.cases} cases are`} in no number here` : ""}`)));
    rows.push(h("tr", {class: "total"}, h("th", {scope: "row"}, "all"), foreground.map(c => cell("all", c))));
    return tableOf(`${scoreOf(score).title} of each fold: mean ± SD (cases)`, ["fold", ...foreground], rows);
}
function scoresPart() {
    if (!statistics) return part("scores").append(h("p", {class: "bad"}, "No fold has scores yet."));
    const folds = h("div"), columns = ["fold", "class", "score", "unit", "cases", "ok", "missed", "spurious", "empty",
        "unknown", "n", "mean", "sd", "mean_low", "mean_high", "t_low", "t_high", "median", "median_low", "median_high",
        "quartile_1", "quartile_3", "least", "most", "penalised_mean", "judged"];
    const choose = name => folds.replaceChildren(byFold(name));
    part("scores").append(overAll(),
        h("p", {class: "quiet"}, "n: cases that have the score; a missed or spurious class may have none. Penalised: the mean in " +
            "which those count as 0, or as the image's diagonal. Intervals of 95 %: of means by BCa bootstrap over " +
            `${groupsOf(statistics.groups)}, of medians by order statistics. They cover these cases for these models: not ` +
            "other seeds, nor models trained again." + (statistics.groups < 50 ? " Fewer than 50: means and intervals are rough." : "") +
            (repeats > 1 ? " Means, SD and states are of all evaluations, n and intervals of cases." : "")),
        h("div", {class: "tools"}, scoreChoice("Score of each fold", used, choose),
            csvButton("statistics", columns, () => statistics.statistics.map(r => columns.map(c => r[c])))), folds);
    if (used.length > 0) choose(used[0]);
}

/* --- boxes ------------------------------------------------------------------------------------ */

const value = (one, c, score) => one.classes[c][score];
function pointsOf(c, score, fold) {
    return cases.filter(one => fold === null || one.fold === fold).filter(one => known(value(one, c, score)))
        .map(one => ({name: one.case, value: value(one, c, score)}));
}
function boxesOf(score) {
    const s = scoreOf(score), folds = data.folds.map((f, i) => i).slice(0, 12);
    return foreground.filter(c => applies(c, score)).map(c => {
        const r = at("all", c, score), left = r.missed + r.spurious, none = apart(c, "all");
        const groups = folds.map(i => ({name: `fold ${i}`, points: pointsOf(c, score, i)}));
        if (folds.length > 1) groups.push({name: "all", points: pointsOf(c, score, null)});
        return h("figure", {}, boxPlot(`${s.title} of ${c}`, groups, unitOf(s), s.unit === "" && s.better === "higher"),
            h("figcaption", {}, chip(colourOf(c)), `${c}: n ${r.n} of ${r.cases}`,
                left > 0 ? h("span", {class: "bad"}, `, ${r.missed} missed, ${r.spurious} spurious`) : "",
                none > 0 ? h("span", {class: "bad"}, `, ${none} without overlap`) : "",
                r.empty > 0 ? `, ${r.empty} empty` : ""));
    });
}
function boxesPart() {
    if (used.length === 0) return part("boxes").append(h("p", {class: "quiet"}, "There is nothing to draw."));
    const plots = h("div", {class: "plots"});
    let score = used[0];
    const choose = name => plots.replaceChildren(...boxesOf(score = name));
    part("boxes").append(h("div", {class: "tools"}, scoreChoice("Score", used, choose),
        csvButton("cases", ["case", "fold", "class", "score", "value", "state"], () => cases.flatMap(one =>
            foreground.map(c => [one.case, one.fold, c, score, value(one, c, score), one.classes[c].state])))), plots,
        h("p", {class: "quiet"}, "A box reaches from quartile to quartile, its line is the median, whiskers reach to the last case " +
            "within 1.5 boxes. A case without the score has no point: n says how many have it."));
    choose(score);
}

/* --- training --------------------------------------------------------------------------------- */

function series(f, column) {
    const x = f.history.columns.indexOf("epoch"), y = f.history.columns.indexOf(column);
    return y < 0 ? [] : f.history.rows.map(r => [r[x], r[y]]).filter(p => known(p[1]));
}
function meanLine(list) {
    const byEpoch = new Map();
    for (const [x, y] of list.flat()) byEpoch.set(x, [...(byEpoch.get(x) || []), y]);
    return [...byEpoch].sort((a, b) => a[0] - b[0]);
}
function curvesOf(metric) {
    const lines = [], bands = [];
    for (const [column, kind] of [[metric, "train"], ["val_" + metric, "held"]]) {
        const all = data.folds.map(f => series(f, column));
        all.forEach((points, i) => lines.push({class: `thin ${kind}`, points, name: `fold ${i}`}));
        if (all.filter(points => points.length > 0).length < 2) continue;
        const middle = meanLine(all);
        lines.push({class: `mean ${kind}`, points: middle.map(([x, y]) => [x, mean(y)]), name: "mean"});
        bands.push({class: kind, points: middle.filter(m => m[1].length > 1)
            .map(([x, y]) => [x, mean(y) - deviation(y), mean(y) + deviation(y)])});
    }
    return linePlot(`${metric} of every epoch`, lines, bands, "epoch", metric);
}
function trainingPart() {
    const why = data.folds.some(f => f.why !== "");
    const rows = data.folds.map((f, i) => h("tr", {}, h("th", {scope: "row"}, `fold ${i}`),
        h("td", {class: "text"}, f.scored ? f.state : h("span", {class: "state"}, f.state)), h("td", {}, f.cases || "–"),
        h("td", {}, `${f.epochs} of ${data.epochs}`), why ? h("td", {class: "text long"}, f.why) : null));
    part("training").append(tableOf("How far each fold is", ["fold", "<state", "cases", "epochs", ...(why ? ["<"] : [])], rows));
    const columns = [...new Set(data.folds.flatMap(f => f.history.columns))];
    const metrics = columns.filter(c => c !== "epoch" && !c.startsWith("val_"));
    if (metrics.length === 0) return part("training").append(h("p", {class: "quiet"}, "No epoch has ended yet: there are no curves."));
    const plot = h("div", {class: "plots big"});
    const choose = m => plot.replaceChildren(curvesOf(m));
    const select = h("select", {change: () => choose(select.value)}, metrics.map(m => h("option", {}, m)));
    part("training").append(h("div", {class: "tools"}, h("label", {}, "Curve ", select),
        csvButton("training", ["fold", ...columns], () => data.folds.flatMap((f, i) => f.history.rows.map(r =>
            [i, ...columns.map(c => r[f.history.columns.indexOf(c)])])))), plot,
        h("p", {class: "quiet"}, h("span", {style: "color:var(--train)"}, "— training"), "   ",
            h("span", {style: "color:var(--held)"}, "- - held out"),
            ". Thin lines are folds; thick ones their mean, with one standard deviation on each side."));
    choose(metrics[0]);
}

/* --- cases ------------------------------------------------------------------------------------ */

const legends = {
    classes: foreground.map(c => ({name: c, colour: colourOf(c)})),
    errors: data.errors
};
const stateOf = (one, c) => h("span", {class: "state " + one.classes[c].state}, isApart(one, c) ? "no overlap" : one.classes[c].state);
function stateCell(one, c, score) {
    const state = one.classes[c].state, x = value(one, c, score), amiss = state === "missed" || state === "spurious" || isApart(one, c);
    if (!amiss && (state === "ok" || known(x))) return h("td", {}, show(x));
    return h("td", {}, stateOf(one, c), known(x) && x !== 0 ? ` ${show(x)}` : null);
}
function caseScores(one) {
    const rows = data.scores.filter(s => foreground.some(c => applies(c, s.name))).map(s => h("tr", {},
        h("th", {scope: "row"}, unitOf(s)), foreground.map(c => h("td", {}, show(value(one, c, s.name))))));
    rows.unshift(h("tr", {}, h("th", {scope: "row"}, "state"), foreground.map(c => h("td", {}, one.classes[c].state === "ok" && !isApart(one, c) ? "ok" : stateOf(one, c)))));
    return tableOf(`Scores of ${one.case}`, ["score", ...foreground], rows);
}
function opened(one, close) {
    const key = pictureOf(one), p = data.pictures[key], inside = h("div", {class: "inside"});
    const path = `cases/${encodeURIComponent(key)}/`;
    let viewer = null;
    if (!p) inside.append(h("p", {class: "quiet"}, "This case has no pictures here: the worst ones have. ",
        h("code", {}, `pleat report RUN --case ${one.case}`), " shows it."));
    else if (p.lacks) inside.append(h("p", {class: "note"}, `Not shown: ${p.lacks}.`));
    if (p && p.layers) {
        viewer = makeViewer(key, p, legends, close);
    }
    inside.append(viewer ? h("div", {class: "pair"}, viewer.element, caseScores(one)) : caseScores(one));
    if (p && p.layers && !data.single) {
        if (p.layers.errors) inside.append(h("details", {}, h("summary", {}, "Slices with most true positives, false positives and false negatives"),
            h("img", {class: "sheet", loading: "lazy", src: path + "sheet.png", alt: `Slices with most errors of ${one.case}, a row per class`})));
        inside.append(h("p", {}, h("a", {href: path + "slices.gif"}, "All slices, one after another (GIF)")));
    }
    inside.append(h("p", {class: "quiet"}, `Truth: ${one.reference}. Prediction: ${one.prediction}.`));
    return {element: inside, viewer};
}
function caseRow(one, score, columns) {
    let detail = null;
    const button = h("button", {type: "button", class: "open", "aria-expanded": "false", click: toggle}, one.case);
    const row = h("tr", {"data-case": one.case}, h("td", {class: "text"}, button), h("td", {}, one.fold),
        foreground.map(c => stateCell(one, c, score)));
    function close() {
        if (detail.viewer) detail.viewer.stop();
        detail.row.remove();
        detail = null;
        button.setAttribute("aria-expanded", "false");
        button.focus();
    }
    function toggle() {
        if (detail) return close();
        const made = opened(one, close);
        detail = {viewer: made.viewer, row: h("tr", {class: "detail"}, h("td", {colspan: columns}, made.element))};
        row.after(detail.row);
        button.setAttribute("aria-expanded", "true");
        if (made.viewer) made.viewer.element.focus({preventScroll: true});
    }
    return row;
}
function casesPart() {
    if (cases.length === 0) return part("cases").append(h("p", {class: "quiet"}, "No case has scores yet."));
    const body = h("tbody"), head = h("tr"), filter = h("input", {type: "search", "aria-label": "Find a case", placeholder: "Find a case", input: search});
    let score = used[0] || headline, sorted = {key: "worst", down: false};
    const keyOf = {case: one => one.case, fold: one => one.fold};
    function worth(one, c) { /* for sorting: what is lost comes first */
        const state = one.classes[c].state, x = value(one, c, score), bad = scoreOf(score).better === "lower" ? Infinity : -Infinity;
        return state === "missed" || state === "spurious" ? bad : known(x) ? x : -bad;
    }
    function ordered() {
        const list = data.order.map(i => cases[i]);
        if (sorted.key === "worst") return list;
        const key = keyOf[sorted.key] || (one => worth(one, sorted.key)), sign = sorted.down ? -1 : 1;
        return list.sort((a, b) => { const x = key(a), y = key(b); return sign * (x < y ? -1 : x > y ? 1 : 0); });
    }
    function heading(key, text, css) {
        const by = sorted.key === key ? (sorted.down ? "descending" : "ascending") : null;
        return h("th", {scope: "col", class: css, "aria-sort": by}, h("button", {type: "button", click: () => {
            sorted = {key, down: sorted.key === key && !sorted.down};
            draw();
        }}, text));
    }
    function draw() {
        head.replaceChildren(heading("case", "case", "text"), heading("fold", "fold"), ...foreground.map(c => heading(c, c)));
        body.replaceChildren(...ordered().map(one => caseRow(one, score, 2 + foreground.length)));
        search();
    }
    function search() {
        const text = filter.value.toLowerCase();
        for (const row of body.children)
            row.hidden = text !== "" && row.dataset.case !== undefined && !row.dataset.case.toLowerCase().includes(text);
    }
    const shown = Object.keys(data.pictures).length;
    part("cases").append(h("p", {class: "quiet"}, `${counted}, sorted by the ${scoreOf(headline).title} of their worst class; what was missed or made ` +
        `up counts as 0. ${shown < cases.length ? `${shown} of them have pictures. ` : ""}Open a case to see its slices.`),
        h("div", {class: "tools"}, filter, scoreChoice("Score", used, name => { score = name; draw(); }),
            h("button", {type: "button", click: () => { sorted = {key: "worst", down: false}; draw(); }}, "Worst first"),
            csvButton("scores", ["case", "fold", "class", "score", "value", "state"], () => cases.flatMap(one => classes.flatMap(c =>
                data.scores.filter(s => applies(c, s.name)).map(s => [one.case, one.fold, c, s.name, value(one, c, s.name), one.classes[c].state]))))),
        wideBox("The cases", h("table", {id: "case-table"}, h("thead", {}, head), body)));
    draw();
}

/* --- volumes ---------------------------------------------------------------------------------- */

function volumesPart() {
    const [truth, predicted] = ["TruthVol", "PredVol"];
    if (!used.includes(truth) || !used.includes(predicted)) return part("volumes").append(h("p", {class: "quiet"},
        "There are no volumes: the cases were scored by a pleat that had none. ", h("code", {}, "pleat report RUN --rescore"), " adds them."));
    const rows = [], plots = foreground.filter(c => applies(c, truth)).map(c => {
        const pairs = cases.map(one => ({name: one.case, t: value(one, c, truth), p: value(one, c, predicted)})).filter(v => known(v.t) && known(v.p));
        for (const v of pairs) rows.push([v.name, c, v.t, v.p, (v.t + v.p) / 2, v.p - v.t]);
        if (pairs.length === 0) return null;
        const xs = pairs.map(v => (v.t + v.p) / 2), ys = pairs.map(v => v.p - v.t), m = mean(ys);
        const spread = pairs.length > 1 ? 1.96 * deviation(ys) : 0;
        const low = Math.min(...ys, m - spread, 0), high = Math.max(...ys, m + spread, 0), pad = 0.06 * (high - low) || 1;
        const left = Math.min(...xs), right = Math.max(...xs), side = 0.05 * (right - left) || 1;
        const f = frame({x: [left - side, right + side], y: [low - pad, high + pad], label: `Volumes of ${c}: Bland-Altman`,
            xlabel: "mean of truth and prediction, ml", ylabel: "prediction − truth, ml", height: 260});
        for (const y of spread > 0 ? [m - spread, m, m + spread] : [m])
            f.root.append(svg("line", {class: "rule", x1: f.x(left - side), x2: f.x(right + side), y1: f.y(y), y2: f.y(y)}));
        pairs.forEach((v, i) => f.root.append(svg("circle", {class: "point", r: 3, cx: f.x(xs[i]), cy: f.y(ys[i])},
            svg("title", {}, `${v.name}: truth ${show(v.t)} ml, prediction ${show(v.p)} ml`))));
        return h("figure", {}, f.root, h("figcaption", {}, chip(colourOf(c)), `${c}: n ${casesOf(pairs.map(v => v.name))}; mean difference ${show(m)} ml` +
            (spread > 0 ? `, limits of agreement ${show(m - spread)} to ${show(m + spread)} ml` : "")));
    });
    part("volumes").append(h("div", {class: "tools"}, csvButton("volumes", ["case", "class", "truth_ml", "prediction_ml", "mean_ml", "difference_ml"], () => rows)),
        h("div", {class: "plots"}, plots),
        h("p", {class: "quiet"}, `Bland and Altman's plot: each point is ${repeats > 1 ? "an evaluation of a case" : "a case"}. Dashed: the mean difference, and 1.96 standard deviations on each side.`));
}

/* --- run and definitions ---------------------------------------------------------------------- */

/* What is long is opened by who wants it. */
function fact(text) {
    const lines = text.trimEnd().split("\n").length;
    return lines <= 12 ? text : h("details", {}, h("summary", {}, `${lines} lines`), h("pre", {tabindex: 0}, text));
}
function facts(object) {
    return h("dl", {class: "facts"}, Object.entries(object || {}).filter(([key]) => key !== "warnings").map(([key, x]) => [
        h("dt", {}, key), h("dd", {}, fact(typeof x === "object" && x !== null ? JSON.stringify(x, null, 1) : String(x)))]));
}
function runPart() {
    part("run").append(h("details", {open: true}, h("summary", {}, "Provenance (run.json)"), facts(data.run)),
        h("details", {}, h("summary", {}, "Configuration (config.yaml)"), h("pre", {tabindex: 0}, data.config || "There is no config.yaml.")),
        data.methods ? h("details", {}, h("summary", {}, "Methods, for a paper (methods.md)"), h("pre", {class: "prose", tabindex: 0}, data.methods)) : "");
    part("run").append(h("p", {class: "quiet"}, "Files of the run: ", filesOf("../", data.files), "."),
        h("p", {class: "quiet"}, "Tables for a text, beside this page: ", filesOf("", ["table.md", "table.tex"]), "."),
        data.figures.length > 0 ? h("p", {class: "quiet"}, "Figures for a paper, with their scripts: ", filesOf("../figures/", data.figures), ".",
            data.figures.some(f => f.endsWith(".svg")) ? "" : " They are not drawn: gnuplot was not there, or report.figures is false.")
            : h("p", {class: "quiet"}, "There are no figures for a paper: pleat report makes them, with gnuplot."));
}
/* Links to files beside the page; their names alone where the page may be anywhere. */
function filesOf(folder, names) {
    return names.map((name, i) => [i > 0 ? ", " : "", data.single ? name
        : h("a", {href: folder + encodeURIComponent(name)}, name)]);
}
function definitionsPart() {
    const definition = (c, s) => (statistics.definitions[c] || {})[s];
    const rows = statistics ? data.scores.map(s => {
        const by = new Map();
        for (const c of foreground.filter(k => definition(k, s.name)))
            by.set(definition(c, s.name), [...(by.get(definition(c, s.name)) || []), c]);
        return h("tr", {}, h("th", {scope: "row"}, s.name), h("td", {class: "text"}, s.title), h("td", {class: "text"}, s.unit || "share"),
            h("td", {class: "text"}, s.better ? `${s.better} is better` : ""),
            h("td", {class: "text long"}, [...by].map(([text, list]) => h("div", {}, by.size > 1 ? `${list.join(", ")}: ` : "", text))));
    }) : [];
    const states = [["ok", "in truth and prediction; where they have no voxel in common, it is shown as no overlap"], ["missed", "in the truth alone"], ["spurious", "in the prediction alone"],
        ["empty", "in neither; there is nothing to score"]];
    part("definitions").append(h("p", {}, "A class of a case is one of: ", states.map(([name, what], i) => [i > 0 ? "; " : "", h("b", {}, name), ` (${what})`]), "."));
    if (statistics) part("definitions").append(tableOf("The scores", ["score", "<name", "<unit", "<", "<definition"], rows),
        h("p", {class: "quiet"}, `Scored by: ${statistics.judged}.`));
}

const time = text => h("span", {class: "time"}, text.replace(/T(\d\d:\d\d).*/, " $1"));
part("made").append(...(data.run ? [`pleat ${data.run.version}, started `, time(data.run.started), "; "] : []),
    `page made by pleat ${data.version}, `, time(data.made));
for (const make of [scoresPart, boxesPart, trainingPart, casesPart, volumesPart, runPart, definitionsPart]) make();
/* Milliseconds from the click on the page to its last table. */
document.documentElement.dataset.ready = Math.round(performance.now());
