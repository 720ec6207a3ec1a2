"use strict";
(() => {
  const charts = [...document.querySelectorAll(".chart")];
  let library;

  // The library is unpacked once, when the first chart comes into view; there is no network involved.
  const load = () => (library ??= (async () => {
    const packed = document.getElementById("plotly-packed").textContent.trim();
    const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
    const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(unpacked).text();
    document.head.append(script);
    return window.Plotly;
  })());

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const themed = (layout) => {
    const axis = { gridcolor: colour("--grid"), zerolinecolor: colour("--soft"), linecolor: colour("--line") };
    const font = { color: colour("--ink"), family: getComputedStyle(document.body).fontFamily, size: 12 };
    return {
      margin: { l: 8, r: 16, t: 8, b: 34 }, hovermode: "closest", showlegend: layout.showlegend ?? true, bargap: 0.3,
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", xanchor: "left" },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", ...layout, font,
      xaxis: { ...axis, ...layout.xaxis }, yaxis: { ...axis, ...layout.yaxis },
    };
  };

  const inked = (trace) => {
    const copy = structuredClone(trace);
    if (copy.type === "bar" && copy.error_x) copy.error_x.color = colour("--ink");
    return copy;
  };

  const draw = async (chart) => {
    const plotly = await load();
    const { data, layout } = JSON.parse(chart.querySelector("script").textContent);
    const options = { displayModeBar: false, responsive: true };
    await plotly.react(chart.querySelector(".plot"), data.map(inked), themed(layout), options);
    chart.dataset.drawn = "yes";
  };
  const drawAll = () => charts.forEach(draw);

  if (typeof DecompressionStream === "undefined") return;  // The tables say the same.
  const watcher = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      watcher.unobserve(entry.target);
      draw(entry.target);
    });
  }, { rootMargin: "600px" });
  charts.forEach((chart) => watcher.observe(chart));
  // Printing waits for nobody, so what was not scrolled to is drawn when the page has nothing else to do.
  const later = window.requestIdleCallback ?? ((work) => setTimeout(work, 1500));
  window.addEventListener("load", () => later(drawAll));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
