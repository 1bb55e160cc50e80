/* page_driver.js - what a reader does with a report's page, for e2e_page.sh: opens a case by keyboard, steps,
 * changes layers, closes; looks how well every text stands out from what is behind it (WCAG 2: 4.5). Its
 * findings become the page's title. */
addEventListener("load", () => setTimeout(() => {
    const found = [], check = (what, good) => found.push((good ? "ok " : "WRONG ") + what);
    const button = [...document.querySelectorAll("button.open")].find(b => b.textContent === "case_001");
    button.focus();
    button.click();
    const viewer = document.querySelector(".viewer"), at = () => Number(viewer.dataset.slice);
    const key = k => viewer.dispatchEvent(new KeyboardEvent("keydown", {key: k, bubbles: true, cancelable: true}));
    check("the viewer has the focus", document.activeElement === viewer);
    key("Home");
    const first = at();
    key("ArrowUp");
    check("an arrow steps", at() > first);
    key("End");
    const last = at();
    key("ArrowRight");
    check("it ends at the last", at() === last && last > first);
    key("t");
    check("t is the truth", viewer.dataset.layer === "truth");
    key("o");
    check("o hides it", viewer.dataset.layer === "");
    key("e");
    check("e shows errors", viewer.dataset.layer === "errors");
    key("f");
    const luminance = c => {
        const part = c.match(/[\d.]+/g).map(Number).slice(0, 3).map(x => x / 255)
            .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
    };
    const behind = e => {
        for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if (!/, 0\)$|transparent/.test(c)) return c;
        }
        return "rgb(255, 255, 255)";
    };
    let texts = 0;
    for (const e of document.querySelectorAll("body *")) {
        if (!(e instanceof HTMLElement) || e.closest(".stage, script, noscript, style") ||
            ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
        const a = luminance(getComputedStyle(e).color), b = luminance(behind(e));
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        texts++;
        if (contrast < 4.5) check(`contrast ${contrast.toFixed(2)} of ${e.tagName} ${e.textContent.slice(0, 30)}`, false);
    }
    check("texts were looked at", texts > 100);
    for (const e of document.querySelectorAll("button, a[href], select, input"))
        if (e.tabIndex < 0 || !(e.textContent || e.getAttribute("aria-label") || e.title)) check("a control " + e.outerHTML, false);
    document.querySelector(".plots").append(frame({x: [0, 1], y: [-1200, 1000], label: "wide numbers", ylabel: "prediction − truth, ml"}).root);
    for (const plot of document.querySelectorAll("svg")) {
        const texts = [...plot.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
        texts.forEach(([name, a], i) => texts.slice(i + 1).forEach(([other, b]) => {
            if (a.left < b.right && b.left < a.right && a.top < b.bottom - 2 && b.top < a.bottom - 2)
                check(`"${name}" lies over "${other}" in ${plot.getAttribute("aria-label")}`, false);
        }));
    }
    for (const table of document.querySelectorAll(".wide"))
        if (!/scroll/.test(getComputedStyle(table).backgroundAttachment)) check("a table that scrolls does not show it", false);
    const narrow = document.querySelector(".wide");
    narrow.style.width = "9rem";
    const context = viewer.querySelector("canvas").getContext("2d");
    setTimeout(() => {
        const seen = new Set([viewer.dataset.layer]);
        const told = (box) => box.previousSibling.hidden === (box.scrollWidth <= box.clientWidth);
        let looks = 0; // at what the page does by itself, until it has done it, and twelve times at least
        const look = setInterval(() => {
            seen.add(viewer.dataset.layer);
            if (++looks < 12 || (looks < 100 && ![...document.querySelectorAll(".wide")].every(told))) return;
            clearInterval(look);
            check("what was narrowed hides columns", narrow.scrollWidth > narrow.clientWidth);
            for (const box of document.querySelectorAll(".wide"))
                check("a table says that it has more columns, and only then", told(box));
            check("f flickers", seen.has("truth") && seen.has("prediction"));
            const {width, height} = context.canvas;
            let coloured = 0, lit = 0;
            try {
                const d = context.getImageData(0, 0, width, height).data;
                for (let i = 0; i < d.length; i += 4) {
                    lit += d[i] > 60;
                    coloured += d[i] !== d[i + 1];
                }
            } catch (e) { lit = -1; }
            check("the slice is drawn", lit > width * height / 10 || lit < 0);
            check("so is its layer", viewer.dataset.slice !== undefined && (lit < 0 || coloured > 0));
            key("Escape");
            check("Escape closes and gives the focus back", !document.querySelector(".viewer") && document.activeElement === button);
            check("no name became markup", document.querySelectorAll("img").length === 0 && document.title.startsWith("run"));
            check("a file of CSV is offered for every plot", document.querySelectorAll("[data-csv]").length >= 4);
            document.title = found.join(" | ");
        }, 100);
    }, 100);
}, 50));
