/* viewer.js - the slices of a case on a canvas. Its pictures are decoded when it is opened. */

const LAYERS = ["truth", "prediction", "errors"];
const FLICKER_MS = 450;

/* Where the picture of a layer is: in this page, or in the case's folder beside it. */
function layerAddress(id, layer, name) {
    const inside = document.getElementById(name);
    return inside ? "data:image/png;base64," + inside.textContent
        : `cases/${encodeURIComponent(id)}/${layer}.png`;
}

/* An element that shows picture `p` of case `id`; close() stops it. */
function makeViewer(id, p, legends, close) {
    const canvas = h("canvas", {width: p.width, height: p.height});
    const context = canvas.getContext("2d");
    const has = layer => layer in p.layers;
    const images = {}, state = {at: p.worst, layer: LAYERS.filter(has).pop() || "", overlay: true, timer: 0};
    const what = h("span", {class: "what"}), where = h("span", {class: "where"});
    const slider = h("input", {type: "range", min: 0, max: p.slices.length - 1, value: p.worst,
        "aria-label": `slice of ${id}`, input: () => step(Number(slider.value) - state.at)});
    const buttons = {}, legend = h("div", {class: "legend"});

    function draw() {
        const sx = state.at % p.columns * p.width, sy = Math.floor(state.at / p.columns) * p.height;
        const put = image => image && image.complete && image.naturalWidth > 0 &&
            context.drawImage(image, sx, sy, p.width, p.height, 0, 0, p.width, p.height);
        context.globalAlpha = 1;
        context.fillStyle = "#000";
        context.fillRect(0, 0, p.width, p.height);
        put(images.image);
        context.globalAlpha = has("image") ? 0.45 : 1;
        if (state.overlay && state.layer) put(images[state.layer]);
        what.textContent = state.overlay ? state.layer : "";
        where.textContent = `z ${p.slices[state.at]}`;
        slider.value = state.at;
        slider.setAttribute("aria-valuetext", `z ${p.slices[state.at]}`);
        box.dataset.slice = p.slices[state.at];
        box.dataset.layer = state.overlay ? state.layer : "";
        for (const layer of LAYERS)
            if (buttons[layer]) buttons[layer].setAttribute("aria-pressed", String(state.layer === layer));
        buttons.overlay.setAttribute("aria-pressed", String(state.overlay));
        if (buttons.flicker) buttons.flicker.setAttribute("aria-pressed", String(state.timer !== 0));
        legend.replaceChildren(...(state.layer === "errors" ? legends.errors : legends.classes).map(
            l => h("span", {}, h("i", {class: "chip", style: `background:${l.colour}`}), l.name)));
    }
    function step(by) {
        state.at = Math.max(0, Math.min(p.slices.length - 1, state.at + by));
        draw();
    }
    function stop() {
        clearInterval(state.timer);
        state.timer = 0;
    }
    function choose(layer) {
        if (!has(layer)) return;
        stop();
        state.layer = layer;
        state.overlay = true;
        draw();
    }
    function flicker() {
        if (!has("truth") || !has("prediction")) return;
        const on = state.timer === 0;
        stop();
        state.overlay = true;
        if (on) state.timer = setInterval(() => {
            if (!box.isConnected) return stop();
            state.layer = state.layer === "truth" ? "prediction" : "truth";
            draw();
        }, FLICKER_MS);
        draw();
    }
    function toggle() {
        stop();
        state.overlay = !state.overlay;
        draw();
    }
    const last = p.slices.length;
    const keys = {
        ArrowUp: () => step(1), ArrowRight: () => step(1), ArrowDown: () => step(-1), ArrowLeft: () => step(-1),
        PageUp: () => step(5), PageDown: () => step(-5), Home: () => step(-last), End: () => step(last),
        w: () => step(p.worst - state.at), o: toggle, f: flicker, t: () => choose("truth"),
        p: () => choose("prediction"), e: () => choose("errors"), Escape: close
    };
    function key(event) {
        const does = keys[event.key];
        if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        does();
    }
    function wheel(event) {
        if (!box.contains(document.activeElement)) return;
        event.preventDefault();
        step(event.deltaY < 0 ? 1 : -1);
    }

    for (const layer of LAYERS)
        if (has(layer)) buttons[layer] = h("button", {type: "button", click: () => choose(layer)},
            layer[0].toUpperCase() + layer.slice(1));
    buttons.overlay = h("button", {type: "button", click: toggle}, "Overlay");
    if (has("truth") && has("prediction"))
        buttons.flicker = h("button", {type: "button", click: flicker}, "Flicker");
    const letters = [..."lrtb"].map((side, i) => h("span", {class: side}, p.letters[i]));
    const stage = h("div", {class: "stage" + (Math.max(p.width, p.height) < 128 ? " coarse" : "")},
        canvas, letters, what, where);
    const box = h("div", {class: "viewer", tabindex: 0, role: "group", keydown: key,
        "aria-label": `Slices of ${id}. Arrow keys step, t truth, p prediction, e errors, o overlay, ` +
            "f flicker, w worst slice, Escape closes."},
        stage, slider, h("div", {class: "tools"}, Object.values(buttons)), legend,
        h("p", {class: "quiet"}, `${p.slices.length} of ${p.size[2]} slices of ${p.size[0]} × ${p.size[1]} voxels of ` +
            `${p.mm.map(x => Number(x.toPrecision(3))).join(" × ")} mm, a pixel is ${Number(p.pixel.toPrecision(3))} mm. ` +
            "Keys: arrows, Page up and down, Home, End step; t truth, p prediction, e errors, o overlay, " +
            "f flicker, w the slice with most errors, Esc closes."));
    stage.addEventListener("wheel", wheel, {passive: false});
    stage.addEventListener("click", () => box.focus({preventScroll: true}));
    for (const [layer, name] of Object.entries(p.layers)) {
        images[layer] = new Image();
        images[layer].onload = draw;
        images[layer].onerror = () => {
            what.textContent = `${layer}.png is not beside this page`;
        };
        images[layer].src = layerAddress(id, layer, name);
    }
    draw();
    return {element: box, stop};
}
