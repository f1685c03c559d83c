// What was spent: by day, and by model or agent; and how full the accounts' limits are.

import { get } from "./api.js";
import { dayName, shareBars, stackedBars } from "./chart.js";
import { fill, h, mark, say, throttled } from "./dom.js";
import { count, dollars, moment, percent, short, until } from "./figures.js";
import { known, listen, watch } from "./link.js";
import { meter } from "./meter.js";
import { oneLine } from "./text.js";

const RANGES = [
  ["today", "Today"],
  ["7d", "7 days"],
  ["30d", "30 days"],
];
const BY = [
  ["model", "by model"],
  ["agent", "by agent"],
];
/** So many have a colour of their own; the rest is one. */
const MOST_GROUPS = 5;
const AGAIN_MS = 5000;

export function costs(main, _words, search) {
  const range = RANGES.some(([key]) => key === search.get("range")) ? search.get("range") : "7d";
  const by = search.get("by") === "agent" ? "agent" : "model";
  const total = h("p", { class: "big" }, "…");
  const about = h("p", { class: "hint", role: "status" });
  const chart = stackedBars(`Cost by day and ${by}`);
  const shares = h("div", {});
  const table = h("div", { class: "wide" });
  const limits = h("div", { class: "limits" });
  const limitBox = h(
    "section",
    { class: "card", hidden: true, "aria-labelledby": "limits-title" },
    h("h2", { id: "limits-title" }, "Limits of the accounts"),
    limits,
  );
  const daysTitle = h(
    "h2",
    { id: "days-title" },
    range === "30d" ? "The last 30 days" : "The last 7 days",
  );
  fill(
    main,
    h("h1", {}, "Costs"),
    h(
      "div",
      { class: "row" },
      choice("Range", RANGES, range, (key) => address(key, by)),
      choice("Divided", BY, by, (key) => address(range, key)),
    ),
    h("section", { class: "card", "aria-label": "Sum" }, total, about),
    h(
      "section",
      { class: "card", "aria-labelledby": "days-title" },
      daysTitle,
      chart.node,
      h("details", {}, h("summary", {}, "As a table"), table),
    ),
    h(
      "section",
      { class: "card", "aria-labelledby": "shares-title" },
      h("h2", { id: "shares-title" }, by === "agent" ? "Agents" : "Models"),
      shares,
    ),
    limitBox,
  );
  const stop = new AbortController();

  async function load() {
    if (known.state !== "live" || document.hidden) return;
    const ask = (values) => get("costs", values, stop.signal);
    try {
      const span = range === "30d" ? 30 : 7;
      const whole = await ask({ report: "daily", range: `${span}d` });
      const days = lastDays(span, whole.range);
      // Whole days, as the bars are: the sum is theirs.
      const divided = (since) => ask({ report: `by-${by}`, sort: "cost", ...since });
      const groups = await divided(range === "today" ? { range } : { since: days[0] });
      say(
        total,
        dollars(
          groups.totals.costUsd,
          groups.totals.unpricedTokens > 0 && groups.totals.costUsd !== null,
        ),
      );
      say(about, inWords(groups));
      fill(
        shares,
        groups.rows.length === 0
          ? h("p", { class: "empty" }, "Nothing was spent.")
          : shareBars(
              groups.rows.map((row) => figures(row, row[by])),
              `Cost ${by}`,
            ),
      );
      const shown = range === "today" ? await divided({ since: days[0] }) : groups;
      await byDay(ask, whole, days, by, shown);
      showLimits(await ask({ report: "limits" }));
    } catch (error) {
      if (error.name !== "AbortError") say(about, error.message);
    }
  }

  async function byDay(ask, whole, days, dimension, groups) {
    const spent = (report) => {
      const byDate = new Map(report.rows.map((row) => [row.day, row.costUsd ?? 0]));
      return days.map((day) => byDate.get(day) ?? 0);
    };
    const named = groups.rows
      .filter((row) => (row.costUsd ?? 0) > 0 && row[dimension] !== "")
      .slice(0, MOST_GROUPS);
    const shown = [];
    for (const row of named) {
      const report = await ask({ report: "daily", since: days[0], [dimension]: row[dimension] });
      shown.push({ name: oneLine(row[dimension], 80), values: spent(report) });
    }
    const rest = spent(whole).map((value, n) =>
      Math.max(0, value - shown.reduce((sum, group) => sum + group.values[n], 0)),
    );
    if (rest.some((value) => value > 1e-6) || shown.length === 0)
      shown.push({ name: shown.length === 0 ? "all" : "others", values: rest });
    chart.show(days, shown);
    fill(table, dayTable(days, shown, whole));
  }

  function showLimits({ rows }) {
    const told = rows.filter((row) => row.used !== null);
    mark(limitBox, "hidden", told.length === 0);
    fill(
      limits,
      told.map((row) => {
        const bar = meter(`${row.agent} ${row.name}`);
        bar.update(
          row.used,
          [
            percent(row.used),
            row.resetsAt ? `anew ${until(row.resetsAt)}` : "",
            `as of ${moment(row.toldAt)}`,
          ]
            .filter(Boolean)
            .join(" · "),
        );
        return bar.node;
      }),
    );
  }

  const soon = throttled(load, AGAIN_MS);
  let begun = known.state === "live";
  const ends = [
    watch(() => {
      if (known.state === "live" && !begun) load();
      begun = known.state === "live";
    }),
    listen((event) => event === "turn_ended" && soon()),
    chart.end,
  ];
  load();
  return () => {
    stop.abort();
    ends.forEach((end) => end());
  };
}

const address = (range, by) => `#/costs?range=${range}&by=${by}`;

function inWords({ totals, unpricedModels }) {
  const words = [`${short(totals.totalTokens)} tokens`, count(totals.requests, "request")];
  const unpriced = unpricedModels.map((model) => oneLine(model, 60)).join(", ");
  return [...words, unpriced && `without a known price: ${unpriced}`].filter(Boolean).join(" · ");
}

/** A row of links of which one is chosen: each is an address that can be kept. */
function choice(label, choices, chosen, to) {
  return h(
    "nav",
    { class: "choice", "aria-label": label },
    choices.map(([key, words]) =>
      h("a", { href: to(key), "aria-current": key === chosen ? "true" : null }, words),
    ),
  );
}

function figures(row, name) {
  return {
    name: oneLine(name, 80) || "no name",
    usd: row.costUsd,
    atLeast: row.unpricedTokens > 0,
    tokens: row.totalTokens,
    requests: row.requests,
  };
}

/** The dates of the span, as the daemon's time zone has them: the last one is today. */
function lastDays(span, range) {
  const zone = range.timezone || "UTC";
  const last = new Date(
    range.to === null ? Date.now() : Math.min(Date.now(), new Date(range.to) - 1),
  );
  let today;
  try {
    today = new Intl.DateTimeFormat("en-CA", {
      timeZone: zone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
    }).format(last);
  } catch {
    today = last.toISOString().slice(0, 10);
  }
  const end = Date.parse(`${today}T00:00:00Z`);
  return Array.from({ length: span }, (_, n) =>
    new Date(end - (span - 1 - n) * 86_400_000).toISOString().slice(0, 10),
  );
}

function dayTable(days, groups, report) {
  const tokens = new Map(report.rows.map((row) => [row.day, row.totalTokens]));
  return h(
    "table",
    { class: "small" },
    h("caption", { class: "unseen" }, "Cost by day"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, "Day"),
        groups.map((group) => h("th", { scope: "col", class: "number" }, h("bdi", {}, group.name))),
        h("th", { scope: "col", class: "number" }, "Tokens"),
      ),
    ),
    h(
      "tbody",
      {},
      days.map((day, n) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, dayName(day)),
          groups.map((group) => h("td", { class: "number" }, dollars(group.values[n]))),
          h("td", { class: "number" }, short(tokens.get(day) ?? 0)),
        ),
      ),
    ),
  );
}
