/* A run that goes on: points of its curves come one after the other, the rest of the page when it has changed. */
(() => {
  "use strict";
  const one = page.one;
  let run = JSON.parse(one("run").textContent);
  const key = document.querySelector("meta[name=sparring-key]").content;
  const MOST_POINTS = 6000; /* of one curve; the server thins them when the page is asked for again */

  /* What is posted carries the key of this server, which no other site's page knows. */
  page.post = (path, told) => fetch(run.at + path, {
    method: "POST", headers: { "content-type": "application/json", "x-sparring": key }, body: JSON.stringify(told),
  }).then(async (answer) => {
    if (answer.ok) { return answer; }
    const text = await answer.text();
    let words = text;
    try { const told = JSON.parse(text); words = [told.what, told.expected && "Expected: " + told.expected + ".", told.fix].filter(Boolean).join(" "); } catch { /* it was plain text */ }
    throw new Error(words);
  });
  page.run = () => run;

  /* Points. */
  const add = (points) => {
    const figures = page.figures();
    let full = false;
    page.all().forEach((place) => {
      const figure = figures[place.dataset.figure];
      let grew = false;
      figure.data.forEach((trace) => {
        const more = points[trace.meta];
        if (!more) { return; }
        const last = trace.x.length ? trace.x[trace.x.length - 1] : -Infinity;
        more[0].forEach((step, i) => { if (step > last) { trace.x.push(step); trace.y.push(more[1][i]); grew = true; } });
        full = full || trace.x.length > MOST_POINTS;
      });
      if (grew) { place.stale = true; }
    });
    return full;
  };
  /* Every figure lies over the same steps. */
  const stretch = (step) => {
    const figures = page.figures();
    Object.values(figures).forEach((figure) => {
      const range = figure.layout.xaxis.range;
      if (step > range[1]) { figure.layout.xaxis = { ...figure.layout.xaxis, range: [range[0], step + 0.02 * (step - range[0])] }; }
    });
    page.all().forEach(page.changed);
  };

  /* The whole page again: what differs takes the place of what was there, but for curves and where somebody stands. */
  let asking = false;
  const renew = async () => {
    if (asking) { return; }
    asking = true;
    try {
      const answer = await fetch(run.at, { cache: "no-store" });
      if (!answer.ok) { throw new Error(String(answer.status)); }
      merge(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { say("The server does not answer."); } finally { asking = false; }
  };
  const before = {};
  const replace = (name, fresh) => {
    const old = one(name), next = fresh.getElementById(name);
    if (old && !next) { old.remove(); return false; }
    if (!next) { return false; }
    if (old && before[name] === next.innerHTML) { return false; }
    before[name] = next.innerHTML;
    if (!old) { return insert(next, fresh); }
    const open = [...old.querySelectorAll("details")].map((each) => each.open);
    old.innerHTML = next.innerHTML;
    old.querySelectorAll("details").forEach((each, i) => { if (i in open) { each.open = open[i]; } });
    return true;
  };
  const insert = (next, fresh) => {
    const order = [...fresh.querySelectorAll("main > section")];
    const later = order.slice(order.findIndex((each) => each.id === next.id) + 1).map((each) => one(each.id)).find(Boolean);
    document.querySelector("main").insertBefore(document.importNode(next, true), later || null);
    return true;
  };
  const merge = (fresh) => {
    run = JSON.parse(fresh.getElementById("run").textContent);
    ["verdict", "facts", "data", "best", "recipe", "again"].forEach((name) => replace(name, fresh));
    controls(fresh);
    samples(fresh);
    curves(fresh);
    where(newest);
    say("");
  };
  const controls = (fresh) => {
    const held = ["d_lr", "g_lr"].map((name) => [name, one(name)]).filter(([, each]) => each && each.value !== each.defaultValue).map(([name, each]) => [name, each.value]);
    const answer = one("answer").textContent;
    if (replace("now", fresh)) {
      held.forEach(([name, value]) => { if (one(name)) { one(name).value = value; } });
      one("answer").textContent = answer;
      listen();
    }
  };
  const samples = (fresh) => {
    const range = one("step");
    const was = range && { last: range.value === range.max, step: one("sheets").querySelectorAll("img")[range.value].dataset.step };
    if (!replace("samples", fresh)) { return; }
    if (was && !was.last) {
      const place = [...one("sheets").querySelectorAll("img")].findIndex((each) => each.dataset.step === was.step);
      if (place >= 0) { one("step").value = place; }
    }
    page.slide();
  };
  const curves = (fresh) => {
    page.renew(JSON.parse(fresh.getElementById("plots").textContent).figures);
    const old = one("curves"), next = fresh.getElementById("curves");
    /* Cards and sentences come anew; a plot that is there already is moved to its place. */
    const open = new Set([...old.querySelectorAll(".finding details[open]")].map((each) => each.closest(".finding").id));
    const plots = Object.fromEntries([...old.querySelectorAll(".plot")].map((each) => [each.id, each]));
    const made = document.importNode(next, true);
    made.querySelectorAll(".plot").forEach((place) => {
      const there = plots[place.id];
      if (there) { there.setAttribute("aria-label", place.getAttribute("aria-label")); place.replaceWith(there); there.stale = true; }
    });
    made.querySelectorAll(".finding").forEach((each) => { if (open.has(each.id)) { each.querySelectorAll("details").forEach((one) => { one.open = true; }); } });
    old.replaceChildren(...made.childNodes);
    page.all().forEach((place) => { page.watch(place); page.changed(place); });
    page.all().filter((place) => place.dataset.drawn === "done").forEach((place) => Plotly.Plots.resize(place));
  };

  /* What is said of it. */
  const say = (words) => { one("connection").textContent = words ? "(" + words + ")" : ""; };
  let newest = {};
  const where = (told) => {
    newest = told;
    if ("step" in told) {
      one("where").textContent = "step " + told.step.toLocaleString("en") + (run.until ? " of " + run.until.toLocaleString("en") : "");
    }
    if (told.images_per_second) { one("rate").textContent = " · " + Math.round(told.images_per_second).toLocaleString("en") + " images/s"; }
  };

  /* The stream; none while nobody sees the page. */
  let source = null, again = 0;
  const begin = () => {
    if (source || document.hidden) { return; }
    source = new EventSource(run.at + "/stream?from=" + run.offset);
    source.onopen = () => { say(""); };
    source.onmessage = (message) => {
      const told = JSON.parse(message.data);
      run.offset = told.offset;
      if ("running" in told && told.running !== run.running) { run.running = told.running; renew(); return; }
      const full = told.points ? add(told.points) : false;
      if ("step" in told) { stretch(told.step); where(told); }
      if (told.version !== run.version || full) { run.version = told.version; clearTimeout(again); again = setTimeout(renew, 200); }
    };
    source.onerror = () => {
      say("the server does not answer");
      if (source.readyState === EventSource.CLOSED) { end(); setTimeout(begin, 3000); }
    };
  };
  const end = () => { if (source) { source.close(); source = null; } };
  document.addEventListener("visibilitychange", () => { if (document.hidden) { end(); } else { begin(); } });
  window.addEventListener("pagehide", end);
  window.addEventListener("pageshow", begin);

  /* What can be asked for. */
  const ask = async (button, told, done) => {
    button.disabled = true;
    try {
      await page.post("/ask", told);
      one("answer").textContent = done;
    } catch (error) { one("answer").textContent = error.message; } finally { button.disabled = false; }
  };
  const listen = () => {
    document.querySelectorAll(".ask").forEach((button) => button.addEventListener("click", () => {
      ask(button, { action: button.dataset.ask }, "Asked for. It is done after the next tick, within ten steps.");
    }));
    document.querySelectorAll(".set").forEach((button) => button.addEventListener("click", () => {
      const name = button.dataset.rate, value = Number(one(name).value.replace(",", "."));
      ask(button, { action: "set", changes: { [name]: value } }, name + " is to become " + value + " after the next tick, within ten steps.");
    }));
  };
  ["verdict", "facts", "data", "best", "recipe", "again", "now", "samples"].forEach((name) => { if (one(name)) { before[name] = one(name).innerHTML; } });
  listen();
  begin();
})();
