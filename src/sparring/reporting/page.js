/* What moves on the page: the slider of samples, the curves, light and dark. Nothing is fetched. */
const page = (() => {
  "use strict";
  const one = (name) => document.getElementById(name);

  /* Light and dark: as the machine has it, until somebody says otherwise. */
  const root = document.documentElement;
  one("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  /* Samples over time. */
  const slide = () => {
    const range = one("step");
    if (!range) { return; }
    const sheets = [...one("sheets").querySelectorAll("img")];
    let timer = 0;
    const show = () => {
      const place = Number(range.value);
      sheets.forEach((sheet, i) => { sheet.hidden = i !== place; });
      const label = sheets[place].dataset.label;
      one("sheet-label").textContent = label;
      one("shown").textContent = "step " + Number(sheets[place].dataset.step).toLocaleString("en");
      range.setAttribute("aria-valuetext", label);
    };
    const stop = () => { clearInterval(timer); timer = 0; one("play").textContent = "▶"; };
    range.addEventListener("input", () => { stop(); show(); });
    document.querySelectorAll(".jump").forEach((button) => {
      button.addEventListener("click", () => { stop(); range.value = button.dataset.place; show(); });
    });
    one("play").addEventListener("click", () => {
      if (timer) { stop(); return; }
      if (Number(range.value) === sheets.length - 1) { range.value = 0; show(); }
      one("play").textContent = "⏸";
      timer = setInterval(() => {
        if (!range.isConnected || Number(range.value) === sheets.length - 1) { stop(); return; }
        range.value = Number(range.value) + 1;
        show();
      }, 400);
    });
    show();
  };
  slide();

  /* Curves: drawn when they come near the screen, all over the same steps, and zoomed together. */
  let drawn = JSON.parse(one("plots").textContent).figures;
  const all = () => [...document.querySelectorAll(".plot")];
  const coarse = matchMedia("(pointer: coarse)").matches;
  const config = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "resetScale2d"]], scrollZoom: false };
  let zoomed = null;
  let moving = false;
  const layout_of = (figure) => {
    const layout = { ...figure.layout, dragmode: coarse ? false : "zoom" };
    if (zoomed) { layout.xaxis = { ...layout.xaxis, range: zoomed, autorange: false }; }
    return layout;
  };
  const draw = (place) => {
    if (place.dataset.drawn) { return place.done; }
    place.dataset.drawn = "begun";
    const figure = drawn[place.dataset.figure];
    place.done = Plotly.newPlot(place, figure.data, layout_of(figure), config).then(() => {
      place.dataset.drawn = "done";
      place.on("plotly_relayout", (change) => { together(place, change); });
    });
    return place.done;
  };
  const together = (from, change) => {
    const reset = change["xaxis.autorange"];
    const moved = "xaxis.range[0]" in change;
    if (moving || !(reset || moved)) { return; }
    moving = true;
    const range = reset ? drawn[from.dataset.figure].layout.xaxis.range : [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    zoomed = reset ? null : range;
    const part = from.closest(".part");
    const others = all().filter((place) => place.dataset.drawn === "done" && place.closest(".part") === part);
    Promise.all(others.map((place) => Plotly.relayout(place, { "xaxis.range": range }))).finally(() => { moving = false; });
  };
  const drawAll = () => Promise.all(all().map(draw));
  const near = "IntersectionObserver" in window ? new IntersectionObserver((entries) => {
    entries.forEach((entry) => {
      entry.target.near = entry.isIntersecting;
      if (entry.isIntersecting) { draw(entry.target).then(() => redraw(entry.target)); }
    });
  }, { rootMargin: "600px" }) : null;
  if (near) { all().forEach((place) => near.observe(place)); } else { drawAll(); }
  window.addEventListener("beforeprint", drawAll);
  matchMedia("print").addEventListener("change", (event) => { if (event.matches) { drawAll(); } });
  /* What is not near the screen is drawn when there is time, so that printing and searching find it. */
  const rest = () => {
    const next = all().find((place) => !place.dataset.drawn);
    if (next) { Promise.resolve(draw(next)).then(() => setTimeout(rest, 50)); }
  };
  setTimeout(rest, 500);

  /* For pages that go on: a figure whose data have changed is drawn again when it is near the screen. */
  const redraw = (place) => {
    if (!place.stale || place.dataset.drawn !== "done" || (near && !place.near)) { return; }
    place.stale = false;
    const figure = drawn[place.dataset.figure];
    Plotly.react(place, figure.data, layout_of(figure), config);
  };
  const changed = (place) => { place.stale = true; redraw(place); };
  return {
    one, slide, all, draw, changed,
    figures: () => drawn,
    renew: (figures) => { drawn = figures; },
    watch: (place) => { if (near) { near.observe(place); } else { draw(place); } },
  };
})();
