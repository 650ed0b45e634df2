// Draws what the page says in its data; colours are those of the sheet, so both themes are right.
const DRAW = { waterfall, bars, lines, heat };

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function base(narrow) {
  const ink = colour("ink"), soft = colour("soft"), line = colour("line");
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    textStyle: { color: ink, fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 8, right: 12, top: 34, bottom: narrow ? 72 : 40, containLabel: true },
    // Rich text: a tooltip of HTML would need styles that our policy forbids.
    tooltip: { trigger: "item", renderMode: "richText", confine: true, backgroundColor: colour("card"), borderColor: line, textStyle: { color: ink } },
    axis: { axisLine: { lineStyle: { color: line } }, axisLabel: { color: soft }, splitLine: { lineStyle: { color: line } } },
  };
}

function labels(axis, narrow, count) {
  const turned = narrow || count > 8;
  return { ...axis.axisLabel, interval: 0, rotate: turned ? 38 : 0, width: turned ? 110 : 120, overflow: turned ? "truncate" : "break" };
}

function waterfall(data, narrow) {
  const { axis, ...rest } = base(narrow);
  const low = data.drops.map((d) => Math.min(Number(d.since), Number(d.until)));
  const high = data.drops.map((d) => Math.abs(Number(d.until) - Number(d.since)));
  return {
    ...rest,
    xAxis: { type: "category", data: data.drops.map((d) => d.label), ...axis, axisLabel: labels(axis, narrow, data.drops.length), splitLine: { show: false } },
    yAxis: { type: "value", name: data.unit, nameTextStyle: { color: colour("soft") }, ...axis },
    series: [
      { type: "bar", stack: "all", itemStyle: { color: "transparent" }, emphasis: { disabled: true }, tooltip: { show: false }, silent: true, data: low },
      {
        type: "bar", stack: "all", barMaxWidth: 64,
        data: high.map((value, at) => {
          const d = data.drops[at];
          return { value, itemStyle: { borderRadius: 3, color: d.total ? colour("total") : Number(d.delta) < 0 ? colour("down") : colour("up") } };
        }),
        label: { show: true, position: "top", color: colour("ink"), formatter: (each) => data.drops[each.dataIndex].delta },
        tooltip: { formatter: (each) => { const d = data.drops[each.dataIndex]; return `${d.label}\n${d.delta} → ${d.until} ${data.unit}`; } },
      },
    ],
  };
}

function series(kind) {
  return (data, narrow) => {
    const { axis, ...rest } = base(narrow);
    const colours = ["total", "warn", "up", "down", "soft"].map(colour);
    return {
      ...rest, color: colours,
      legend: data.series.length > 1 ? { bottom: 0, textStyle: { color: colour("ink") } } : undefined,
      xAxis: { type: "category", data: data.labels, ...axis, axisLabel: labels(axis, narrow, data.labels.length), splitLine: { show: false } },
      yAxis: { type: "value", name: data.unit, scale: kind === "line", nameTextStyle: { color: colour("soft") }, ...axis },
      series: data.series.map((each) => ({ name: each.name, type: kind, barMaxWidth: 48, connectNulls: false, data: each.values.map((v) => (v === null ? null : Number(v))) })),
    };
  };
}

function bars(...all) { return series("bar")(...all); }
function lines(...all) { return series("line")(...all); }

function heat(data, narrow) {
  const { axis, ...rest } = base(narrow);
  return {
    ...rest,
    xAxis: { type: "category", data: data.x, ...axis, axisLabel: labels(axis, narrow, data.x.length), splitLine: { show: false } },
    yAxis: { type: "category", data: data.y, ...axis, axisLabel: { ...axis.axisLabel, interval: 0, width: narrow ? 84 : 140, overflow: "truncate" } },
    visualMap: { min: Number(data.min), max: Number(data.max), calculable: !narrow, orient: "horizontal", left: "center", bottom: 0, textStyle: { color: colour("ink") }, inRange: { color: [colour("down"), colour("warn-soft"), colour("up")] } },
    grid: { ...rest.grid, bottom: narrow ? 120 : 84 },
    series: [{ type: "heatmap", data: data.cells.map(([x, y, v]) => [x, y, v === null ? "-" : Number(v)]), label: { show: !narrow, color: colour("ink"), textBorderColor: colour("card"), textBorderWidth: 3, formatter: (each) => data.cells[each.dataIndex][2] }, itemStyle: { borderColor: colour("card"), borderWidth: 2 } }],
  };
}

let loading = null;
function library(address) {
  loading ||= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => done(window.echarts);
    script.onerror = () => failed(new Error(`no ${address}`));
    document.head.append(script);
  });
  return loading;
}

async function draw(figure) {
  const plot = figure.querySelector(".plot");
  const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const echarts = await library(plot.dataset.script);
  // A map is as high as it has rows; a style set by a script is none that the policy forbids.
  if (data.kind === "heat") plot.style.height = `${Math.max(20, data.y.length * 1.8 + 10)}rem`;
  const chart = echarts.init(plot, null, { renderer: "canvas" });
  const paint = () => chart.setOption(DRAW[data.kind](data, plot.clientWidth < 520), true);
  paint();
  figure.dataset.drawn = "1";
  new ResizeObserver(() => { chart.resize(); paint(); }).observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
}

export function charts() {
  const seen = new IntersectionObserver((entries) => {
    entries.filter((each) => each.isIntersecting).forEach((each) => {
      seen.unobserve(each.target);
      draw(each.target);
    });
  }, { rootMargin: "300px" });
  document.querySelectorAll("figure[data-chart]").forEach((each) => seen.observe(each));
}
