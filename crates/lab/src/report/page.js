(function () {
  const axis = {
    gridcolor: "#eceff2", zeroline: false, linecolor: "#b9c0c8", tickcolor: "#b9c0c8",
    ticks: "outside", ticklen: 4, automargin: true, title: { standoff: 8, font: { size: 12 } },
  };
  const base = {
    font: { family: "Inter, Helvetica Neue, Helvetica, Arial, sans-serif", size: 12, color: "#333a42" },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 64, r: 12, t: 30, b: 36 }, hovermode: "x unified", bargap: 0.35,
    hoverlabel: { bgcolor: "#fff", bordercolor: "#dfe3e8", font: { size: 12 } },
    legend: { orientation: "h", x: 0, xanchor: "left", y: 1, yanchor: "bottom", font: { size: 12 } },
    separators: ".,",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: "#c3c9d0", activecolor: "#0072b2" },
  };
  const config = {
    displaylogo: false, responsive: true, displayModeBar: "hover",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  };
  const charts = JSON.parse(document.getElementById("charts").textContent);
  for (const chart of charts) {
    const layout = Object.assign({}, base, chart.layout);
    layout.legend = Object.assign({}, base.legend, chart.layout.legend);
    for (const key of Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name))) {
      const title = Object.assign({}, axis.title, layout[key].title);
      layout[key] = Object.assign({}, axis, layout[key], { title });
    }
    const element = document.getElementById(chart.id);
    const small = element.clientWidth < 480 && element.clientHeight < 300;
    const bar = { displayModeBar: small ? false : "hover" };
    Plotly.newPlot(element, chart.data, layout, Object.assign({}, config, bar));
  }
})();
