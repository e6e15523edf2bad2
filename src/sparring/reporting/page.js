/* What moves on the page: the slider of samples, the curves, light and dark. Nothing is fetched. */
(() => {
  "use strict";
  const one = (name) => document.getElementById(name);

  /* Light and dark: as the machine has it, until somebody says otherwise. */
  const root = document.documentElement;
  one("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  /* Samples over time. */
  const range = one("step");
  if (range) {
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
        if (Number(range.value) === sheets.length - 1) { stop(); return; }
        range.value = Number(range.value) + 1;
        show();
      }, 400);
    });
    show();
  }

  /* Curves: drawn when they come near the screen, all over the same steps, and zoomed together. */
  const drawn = JSON.parse(one("plots").textContent).figures;
  const places = [...document.querySelectorAll(".plot")];
  const coarse = matchMedia("(pointer: coarse)").matches;
  let range_x = null;
  let moving = false;
  const draw = (place) => {
    if (place.dataset.drawn) { return place.done; }
    place.dataset.drawn = "begun";
    const figure = drawn[place.dataset.figure];
    const layout = { ...figure.layout, dragmode: coarse ? false : "zoom" };
    if (range_x) { layout.xaxis = { ...layout.xaxis, ...range_x }; }
    const config = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "resetScale2d"]], scrollZoom: false };
    place.done = Plotly.newPlot(place, figure.data, layout, config).then(() => {
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
    const begin = drawn[from.dataset.figure].layout.xaxis.range;
    const range = reset ? begin : [change["xaxis.range[0]"], change["xaxis.range[1]"]];
    range_x = { range: range, autorange: false };
    const part = from.closest(".part");
    const others = places.filter((place) => place.dataset.drawn === "done" && place.closest(".part") === part);
    Promise.all(others.map((place) => Plotly.relayout(place, { "xaxis.range": range }))).finally(() => { moving = false; });
  };
  const drawAll = () => Promise.all(places.map(draw));
  if ("IntersectionObserver" in window) {
    const watch = new IntersectionObserver((entries) => {
      entries.filter((entry) => entry.isIntersecting).forEach((entry) => { watch.unobserve(entry.target); draw(entry.target); });
    }, { rootMargin: "600px" });
    places.forEach((place) => watch.observe(place));
  } else {
    drawAll();
  }
  window.addEventListener("beforeprint", drawAll);
  matchMedia("print").addEventListener("change", (event) => { if (event.matches) { drawAll(); } });
  /* What is not near the screen is drawn when there is time, so that printing and searching find it. */
  const rest = () => {
    const next = places.find((place) => !place.dataset.drawn);
    if (next) { Promise.resolve(draw(next)).then(() => setTimeout(rest, 50)); }
  };
  setTimeout(rest, 500);
})();
