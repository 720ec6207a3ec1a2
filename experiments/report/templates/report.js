"use strict";
(() => {
  const charts = [...document.querySelectorAll(".chart")];

  // Five megabytes of library are compiled when the first chart comes near the view; there is no network involved.
  const load = () => {
    if (!window.Plotly) {
      const script = document.createElement("script");
      script.textContent = document.getElementById("plotly-source").textContent;
      document.head.append(script);
    }
    return window.Plotly;
  };

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

  const draw = (chart) => {
    const { data, layout } = JSON.parse(chart.querySelector("script").textContent);
    const options = { displayModeBar: false, responsive: true };
    load().react(chart.querySelector(".plot"), data.map(inked), themed(layout), options);
    chart.dataset.drawn = "yes";
  };
  const drawAll = () => charts.forEach(draw);

  // Of charts of one thing by several metrics, one is in view; without this script all of them are.
  for (const group of document.querySelectorAll(".choice")) {
    const figures = [...group.querySelectorAll(".chart")];
    const label = document.createElement("label");
    const select = document.createElement("select");
    label.textContent = `${group.dataset.label}: `;
    for (const figure of figures) {
      const words = [...figure.querySelector("figcaption").childNodes].find((node) => node.nodeType === 3);
      select.append(new Option(words.textContent.trim(), figure.id));
    }
    const show = () => figures.forEach((figure) => { figure.hidden = figure.id !== select.value; });
    select.addEventListener("change", show);
    label.append(select);
    group.prepend(label);
    show();
  }

  const watcher = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      watcher.unobserve(entry.target);
      draw(entry.target);
    });
  }, { rootMargin: "600px" });
  charts.forEach((chart) => watcher.observe(chart));
  // In print everything is in view, on white paper.
  for (const media of ["print", "(prefers-color-scheme: dark)"]) matchMedia(media).addEventListener("change", drawAll);
})();
