/* The list of runs, asked for again while somebody sees it. */
(() => {
  "use strict";
  const root = document.documentElement;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  const EVERY_MS = 5000;
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch("/", { cache: "no-store" });
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        ["runs", "count"].forEach((name) => {
          const next = fresh.getElementById(name), there = document.getElementById(name);
          if (next && next.innerHTML !== there.innerHTML) { there.innerHTML = next.innerHTML; }
        });
      } catch { /* the server has ended; it may come back */ }
    }
    setTimeout(look, EVERY_MS);
  };
  setTimeout(look, EVERY_MS);
})();
