/* plots.js - elements, numbers, tables that can be downloaded, and plots as SVG. */

/* h("td", {class: "text"}, child, ...): children are elements or text, never markup. */
function h(name, attributes, ...children) {
    return fill(document.createElement(name), attributes, children);
}
function svg(name, attributes, ...children) {
    return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}
function fill(element, attributes, children) {
    for (const [key, value] of Object.entries(attributes || {}))
        if (typeof value === "function") element.addEventListener(key, value);
        else if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
    for (const child of children.flat(3))
        if (child !== null && child !== undefined) element.append(child);
    return element;
}

const known = x => typeof x === "number" && isFinite(x);
function show(x) {
    if (!known(x)) return "–";
    const size = Math.abs(x);
    return x.toFixed(size < 10 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0).replace("-", "−");
}
const mean = list => list.reduce((sum, x) => sum + x, 0) / list.length;
const deviation = list => {
    const m = mean(list);
    return Math.sqrt(list.reduce((sum, x) => sum + (x - m) ** 2, 0) / (list.length - 1));
};
function quantile(sorted, share) {
    const at = share * (sorted.length - 1), low = Math.floor(at);
    return low + 1 < sorted.length ? sorted[low] + (at - low) * (sorted[low + 1] - sorted[low])
        : sorted[low];
}

/* As the program writes CSV: quoted where it must be, a formula made text. */
function csvField(x) {
    if (x === null || x === undefined || (typeof x === "number" && !isFinite(x))) return "";
    if (typeof x === "number") return String(x);
    const text = String(x), formula = /^[=+\-@\t]/.test(text);
    return formula || /[",\r\n]/.test(text) ? `"${formula ? "'" : ""}${text.replace(/"/g, '""')}"` : text;
}
function csvText(columns, rows) {
    return [columns, ...rows].map(row => row.map(csvField).join(",") + "\n").join("");
}
/* A button that saves make()'s rows. */
function csvButton(name, columns, make) {
    return h("button", {type: "button", "data-csv": name, click: () => {
        const link = h("a", {download: name + ".csv",
            href: "data:text/csv;charset=utf-8," + encodeURIComponent(csvText(columns, make()))});
        document.body.append(link);
        link.click();
        link.remove();
    }}, "CSV");
}

/* Round steps so that about n ticks lie between low and high. */
function ticks(low, high, n) {
    const raw = (high - low) / n, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find(s => s * power >= raw) * power, list = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++)
        list.push(Number((i * step).toPrecision(12)));
    return list;
}

/* A frame with axes: {root, x, y} where x and y take values to pixels. */
function frame(o) {
    const [x0, x1] = o.x;
    let [y0, y1] = o.y;
    if (!(y1 > y0)) [y0, y1] = [y0 - 0.5, y0 + 0.5];
    const yticks = ticks(y0, y1, 5).map(t => [t, String(t).replace("-", "−")]);
    /* The title of the axis stands left of its widest number, 7 pixels a character. */
    const left = Math.max(48, 26 + 7 * Math.max(...yticks.map(t => t[1].length)));
    const wide = o.width || 340, high = o.height || 240, right = 10, top = 10, bottom = 40;
    const x = v => left + (v - x0) / (x1 - x0 || 1) * (wide - left - right);
    const y = v => high - bottom - (v - y0) / (y1 - y0) * (high - top - bottom);
    const root = svg("svg", {viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": o.label});
    for (const [t, text] of yticks)
        root.append(svg("line", {class: "axis", x1: left, x2: wide - right, y1: y(t), y2: y(t)}),
            svg("text", {x: left - 5, y: y(t) + 4, "text-anchor": "end"}, text));
    root.append(svg("line", {class: "axis", x1: left, x2: wide - right, y1: high - bottom, y2: high - bottom}));
    for (const [at, text] of o.xticks || ticks(x0, x1, 6).map(t => [t, String(t).replace("-", "−")]))
        root.append(svg("text", {x: x(at), y: high - bottom + 16, "text-anchor": "middle"}, text));
    if (o.xlabel) root.append(svg("text", {x: (left + wide - right) / 2, y: high - 4, "text-anchor": "middle"}, o.xlabel));
    if (o.ylabel) root.append(svg("text", {x: 12, y: (high - bottom) / 2, "text-anchor": "middle",
        transform: `rotate(-90 12 ${(high - bottom) / 2})`}, o.ylabel));
    return {root, x, y, y0, y1};
}

const MOST_NAMED = 1000; /* points that say which case they are */

/* Boxes from quartile to quartile, whiskers to the last case within 1.5 of them, a point per case. */
function boxPlot(label, groups, unit, share) {
    const all = groups.flatMap(g => g.points.map(p => p.value));
    if (all.length === 0) return h("p", {class: "quiet"}, "No case has this score.");
    const low = Math.min(...all), high = Math.max(...all), pad = (high - low) * 0.05 || 0.02;
    const range = share ? [Math.max(0, Math.floor((low - 0.01) * 10) / 10), 1]
        : [low >= 0 ? 0 : low - pad, high + pad];
    const f = frame({x: [0.4, groups.length + 0.6], y: range, label, ylabel: unit, height: 260,
        width: Math.max(340, 52 + 44 * groups.length),
        xticks: groups.map((g, i) => [i + 1, g.name])});
    groups.forEach((g, i) => {
        const values = g.points.map(p => p.value).sort((a, b) => a - b);
        f.root.append(svg("text", {x: f.x(i + 1), y: 254, "text-anchor": "middle"}, "n " + values.length));
        if (values.length === 0) return;
        const q1 = quantile(values, 0.25), q3 = quantile(values, 0.75), reach = 1.5 * (q3 - q1);
        const least = values.find(v => v >= q1 - reach), most = values.filter(v => v <= q3 + reach).pop();
        const a = f.x(i + 0.72), b = f.x(i + 1.28), middle = f.x(i + 1), line = quantile(values, 0.5);
        f.root.append(svg("path", {class: "box", d: `M${a} ${f.y(q1)}H${b}V${f.y(q3)}H${a}Z` +
            `M${a} ${f.y(line)}H${b}M${middle} ${f.y(q1)}V${f.y(least)}M${middle} ${f.y(q3)}V${f.y(most)}`}));
        g.points.forEach((p, k) => {
            const turn = 0.6180339887 * (k + 1), beside = 0.4 * (turn - Math.floor(turn) - 0.5);
            f.root.append(svg("circle", {class: "point", r: 2.2, cx: f.x(i + 1 + beside), cy: f.y(p.value)},
                all.length > MOST_NAMED ? null : svg("title", {}, `${p.name}: ${show(p.value)}`)));
        });
    });
    return f.root;
}

/* lines: {class, points: [[x, y]]}; bands: {class, points: [[x, low, high]]}. */
function linePlot(label, lines, bands, xlabel, ylabel) {
    const points = lines.flatMap(l => l.points), ys = points.map(p => p[1]), xs = points.map(p => p[0]);
    if (points.length === 0) return h("p", {class: "quiet"}, "Nothing was logged.");
    const low = Math.min(...ys), high = Math.max(...ys), first = Math.min(...xs), last = Math.max(...xs);
    const whole = ticks(first, Math.max(last, first + 1), 8).filter(Number.isInteger);
    const f = frame({x: [first, Math.max(last, first + 1)], label, xlabel, ylabel, height: 300,
        width: Math.max(340, Math.min(720, window.innerWidth - 40)),
        y: [low >= 0 && low < 0.4 * high ? 0 : low, high], xticks: whole.map(t => [t, String(t)])});
    for (const band of bands)
        f.root.append(svg("path", {class: "band " + band.class, d: "M" +
            band.points.map(p => `${f.x(p[0])} ${f.y(Math.min(p[2], f.y1))}`).concat(
                band.points.slice().reverse().map(p => `${f.x(p[0])} ${f.y(Math.max(p[1], f.y0))}`)).join("L") + "Z"}));
    for (const line of lines)
        if (line.points.length > 0)
            f.root.append(svg("path", {class: line.class, d: "M" +
                line.points.map(p => `${f.x(p[0]).toFixed(1)} ${f.y(p[1]).toFixed(1)}`).join("L")},
                line.name ? svg("title", {}, line.name) : null));
    return f.root;
}
