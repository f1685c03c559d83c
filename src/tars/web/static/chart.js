// Bars of what was spent, by day and by what it was spent on; and the same as a table.

import uPlot from "./uplot/uPlot.esm.js";
import { h, mark, say } from "./dom.js";
import { dollars, short } from "./figures.js";

const HEIGHT = 240;

/** The colours of the series, as the style sheet has them for light and dark. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  return {
    series: [1, 2, 3, 4, 5, 6].map((n) => style.getPropertyValue(`--series-${n}`).trim()),
    ink: style.getPropertyValue("--dim").trim(),
    line: style.getPropertyValue("--line").trim(),
  };
}

/**
 * Bars that stand on one another. `days` are dates, `groups` have a name and a value for each of
 * the days. Gives `{node, show(days, groups), end}`.
 */
export function stackedBars(label) {
  const area = h("div", { class: "plot", role: "img", "aria-label": label });
  const legend = h("ul", { class: "legend" });
  const node = h("figure", { class: "chart" }, area, legend);
  let plot = null;
  let shown = null;

  function draw() {
    plot?.destroy();
    plot = null;
    if (shown === null || area.clientWidth === 0) return;
    const { days, groups } = shown;
    const colour = colours();
    const sums = stacked(groups);
    const xs = days.map((_, n) => n);
    // The tallest first: the others are drawn over it.
    const series = groups.map((group, n) => ({
      label: group.name,
      fill: colour.series[n % 6],
      stroke: colour.series[n % 6],
      width: 0,
      paths: uPlot.paths.bars({ size: [0.72, 42], gap: 1 }),
      points: { show: false },
    }));
    plot = new uPlot(
      {
        width: area.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        padding: [8, 24, 0, 0],
        scales: {
          x: { time: false, range: [-0.6, days.length - 0.4] },
          y: { range: (_u, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
        },
        axes: [
          {
            stroke: colour.ink,
            grid: { show: false },
            ticks: { show: false },
            size: 28,
            values: (_u, at) =>
              at.map((n) => (Number.isInteger(n) && days[n] !== undefined ? dayName(days[n]) : "")),
            splits: () => everyFew(days.length, area.clientWidth),
          },
          {
            stroke: colour.ink,
            grid: { stroke: colour.line, width: 1 },
            ticks: { show: false },
            size: 56,
            values: (_u, at) => at.map((value) => axisDollars(value)),
          },
        ],
        series: [{}, ...series.reverse()],
      },
      [xs, ...[...sums].reverse()],
      area,
    );
    legend.replaceChildren(
      ...groups.map((group, n) => {
        const box = h("span", { class: "swatch" });
        box.style.backgroundColor = colour.series[n % 6];
        return h("li", {}, box, h("bdi", {}, group.name));
      }),
    );
  }

  const sized = new ResizeObserver(() => {
    if (plot === null) draw();
    else if (Math.abs(plot.width - area.clientWidth) > 1)
      plot.setSize({ width: area.clientWidth, height: HEIGHT });
  });
  sized.observe(area);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", draw);
  return {
    node,
    show(days, groups) {
      shown = { days, groups };
      draw();
    },
    end() {
      sized.disconnect();
      dark.removeEventListener("change", draw);
      plot?.destroy();
    },
  };
}

/** Each group's bar reaches from nothing to the top of all below it. */
function stacked(groups) {
  let before = null;
  return groups.map((group) => {
    before = group.values.map((value, n) => value + (before === null ? 0 : before[n]));
    return before;
  });
}

function everyFew(days, width) {
  const step = Math.max(1, Math.ceil(days / Math.max(2, Math.floor(width / 64))));
  const found = [];
  for (let n = days - 1; n >= 0; n -= step) found.unshift(n);
  return found;
}

const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", timeZone: "UTC" });
export const dayName = (day) => DAY.format(new Date(`${day}T00:00:00Z`));

function axisDollars(value) {
  if (value === 0) return "$0";
  return value >= 1000 ? `$${short(value)}` : `$${Number(value.toPrecision(2))}`;
}

/** A line for each group, with a bar of its share of the largest. */
export function shareBars(rows, caption) {
  const most = Math.max(...rows.map((row) => row.usd ?? 0), 0);
  return h(
    "table",
    { class: "shares" },
    h("caption", { class: "unseen" }, caption),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, "What"),
        h("th", { scope: "col", class: "number" }, "Cost"),
        h("th", { scope: "col", class: "number" }, "Tokens"),
        h("th", { scope: "col", class: "number" }, "Requests"),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) => {
        const bar = h("span", { class: "share" });
        bar.style.width = `${most > 0 ? Math.max(0.5, ((row.usd ?? 0) / most) * 100) : 0}%`;
        const cost = h("td", { class: "number" });
        say(cost, dollars(row.usd, row.atLeast && row.usd !== null));
        const line = h(
          "tr",
          {},
          h("th", { scope: "row" }, h("bdi", {}, row.name), bar),
          cost,
          h("td", { class: "number" }, short(row.tokens)),
          h("td", { class: "number" }, String(row.requests)),
        );
        mark(line, "data-name", row.name);
        return line;
      }),
    ),
  );
}
