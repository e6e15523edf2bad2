/* The generator: one picture for what stands on the sliders, and the next only when that one has come. */
(() => {
  "use strict";
  const one = page.one;
  const picture = one("play-picture");
  let about = null, shown = "", busy = false, wanted = false, later = 0;

  const sliders = () => [...one("play-sliders").querySelectorAll("input")];
  const wish = () => {
    const mix = Number(one("play-mix").value);
    return {
      which: one("play-which").value, seed: Math.floor(Number(one("play-seed").value)) || 0,
      to: mix > 0 ? Math.floor(Number(one("play-to").value)) || 0 : null, mix: mix,
      sliders: sliders().map((each) => Number(each.value)),
      condition: about && about.kind === "class" ? one("play-class").value : about && about.kind ? one("play-words").value : "",
    };
  };
  const say = (words) => { one("play-answer").textContent = words; };

  const show = async () => {
    if (busy) { wanted = true; return; }
    busy = true;
    clearTimeout(later);
    try {
      const began = performance.now();
      const answer = await page.post("/play/picture", wish());
      const content = await answer.blob();
      if (shown) { URL.revokeObjectURL(shown); }
      shown = URL.createObjectURL(content);
      picture.src = shown;
      await picture.decode().catch(() => {});
      picture.dataset.count = Number(picture.dataset.count || 0) + 1;
      one("play-download").href = shown;
      one("play-download").download = page.run().name + "-seed-" + wish().seed + ".png";
      one("play-told").textContent = "Step " + about.step.toLocaleString("en") + ", " + about.size_px + " px, in " + Math.round(performance.now() - began) + " ms";
      say("");
      later = setTimeout(near, 400);
    } catch (error) { say(error.message); } finally {
      busy = false;
      if (wanted) { wanted = false; show(); }
    }
  };
  const near = async () => {
    try {
      const found = await (await page.post("/play/nearest", wish())).json();
      one("play-near-told").textContent = found.told;
      one("play-nearest").replaceChildren(...found.nearest.map((each) => {
        const figure = document.createElement("figure"), image = document.createElement("img"), told = document.createElement("figcaption");
        image.src = each.uri;
        image.alt = "A training picture at a distance of " + each.distance;
        image.className = about.alpha ? "alpha" : "";
        told.textContent = each.distance.toFixed(3);
        figure.append(image, told);
        return figure;
      }));
    } catch (error) { say(error.message); }
  };

  const load = async () => {
    say("");
    one("play-begin").disabled = true;
    one("play-about").textContent = "Loading the generator …";
    try {
      about = await (await page.post("/play/about", wish())).json();
      one("play-about").textContent = "The averaged generator of step " + about.step.toLocaleString("en") + ".";
      one("play-begin").hidden = true;
      one("play-room").hidden = false;
      picture.className = about.alpha ? "alpha" : "";
      make();
      show();
    } catch (error) {
      one("play-about").textContent = error.message;
      one("play-begin").disabled = false;
    }
  };
  const make = () => {
    const held = sliders().map((each) => each.value);
    one("play-sliders").replaceChildren(...about.shares.map((share, i) => {
      const label = document.createElement("label"), range = document.createElement("input"), told = document.createElement("output");
      range.type = "range"; range.min = -4; range.max = 4; range.step = 0.1; range.value = held[i] || 0;
      range.setAttribute("aria-label", "Direction " + (i + 1));
      range.addEventListener("input", () => { show(); });
      told.textContent = Math.round(100 * share) + " %";
      label.append("Nr. " + (i + 1), range, told);
      return label;
    }));
    one("play-asked").hidden = !about.kind;
    const named = about.kind === "class";
    one("play-class").hidden = !named;
    one("play-words").hidden = named || !about.kind;
    const options = (list) => list.map((word) => { const each = document.createElement("option"); each.value = word; each.textContent = word; return each; });
    if (named && !one("play-class").options.length) { one("play-class").replaceChildren(...options(about.conditions)); }
    if (about.kind === "text" && !one("play-list").children.length) {
      one("play-list").replaceChildren(...options(about.conditions));
      if (!one("play-words").value) { one("play-words").value = about.conditions[0] || ""; }
    }
    if (about.kind === "vector") { one("play-words").placeholder = about.numbers + " numbers"; }
  };
  one("play-begin").addEventListener("click", load);
  one("play-again").addEventListener("click", load);
  one("play-which").addEventListener("change", load);
  ["play-seed", "play-to", "play-mix", "play-class", "play-words"].forEach((name) => {
    one(name).addEventListener(name === "play-words" || name === "play-class" ? "change" : "input", () => { show(); });
  });
  one("play-new").addEventListener("click", () => { one("play-seed").value = Math.floor(Math.random() * 1000000); show(); });
  one("play-reset").addEventListener("click", () => { sliders().forEach((each) => { each.value = 0; }); one("play-mix").value = 0; show(); });
})();
