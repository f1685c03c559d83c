// The remembered sessions: a page of them at a time, however many there are.

import { get } from "./api.js";
import { fill, h, mark, say, throttled } from "./dom.js";
import { briefId, dollars, lasted, moment, short, whole } from "./figures.js";
import { known, listen, watch } from "./link.js";
import { clean, foreign, oneLine } from "./text.js";

const PAGE = 50;
/** Turns may end all the time; a list that moves under the pointer helps nobody. */
const AGAIN_MS = 3000;
const STATUSES = [
  ["", "All"],
  ["active", "Active"],
  ["completed", "Completed"],
  ["failed", "Failed"],
  ["interrupted", "Interrupted"],
  ["archived", "Archived"],
];
const RANGES = [
  ["", "All time"],
  ["1d", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
];
const SORTS = [
  ["activity", "Last used"],
  ["started", "Newest"],
  ["duration", "Longest"],
  ["tokens", "Most tokens"],
  ["cost", "Highest cost"],
];

export function sessions(main, _words, search) {
  const wanted = Object.fromEntries(search);
  const page = Math.max(0, Number.parseInt(wanted.page ?? "0", 10) || 0);
  const status = picker("Status", "status", STATUSES, wanted);
  const range = picker("Range", "range", RANGES, wanted);
  const sort = picker("Sort", "sort", SORTS, wanted);
  const kind = picker(
    "Agent",
    "agent",
    [["", "All"], ...(wanted.agent ? [[wanted.agent, wanted.agent]] : [])],
    wanted,
  );
  const words = h("input", {
    id: "words",
    type: "search",
    value: wanted.text ?? "",
    placeholder: "Words that were said",
    dir: "auto",
    autocomplete: "off",
  });
  const said = h("p", { class: "hint", role: "status" }, "…");
  const list = h("div", {});
  const form = h(
    "form",
    {
      class: "filters",
      role: "search",
      "aria-label": "Sessions",
      onsubmit: (event) => {
        event.preventDefault();
        go({});
      },
    },
    h("label", { class: "grow" }, h("span", {}, "Search"), words),
    status,
    kind,
    range,
    sort,
    h("button", { type: "submit" }, "Show"),
  );
  form.addEventListener("change", (event) => event.target !== words && go({}));
  fill(main, h("h1", {}, "Sessions"), form, said, list);

  function go({ at = 0 }) {
    const values = { text: words.value.trim(), page: at || "" };
    for (const label of [status, kind, range, sort]) {
      const select = label.querySelector("select");
      values[select.name] = select.value === "activity" ? "" : select.value;
    }
    const given = Object.entries(values).filter(([, v]) => v !== "");
    const address = `#/sessions${given.length > 0 ? `?${new URLSearchParams(given)}` : ""}`;
    if (address === location.hash) load();
    else location.hash = address;
  }

  const stop = new AbortController();
  const soon = throttled(() => load(), AGAIN_MS);
  async function load() {
    if (known.state !== "live" || document.hidden) return;
    const filters = { status: wanted.status, agent: wanted.agent, since: wanted.range };
    try {
      if (wanted.text)
        await found(
          await get("search", { text: wanted.text, limit: PAGE, ...filters }, stop.signal),
        );
      else
        await listed(
          await get(
            "sessions",
            { ...filters, sort: wanted.sort ?? "activity", limit: PAGE, after: page * PAGE || "" },
            stop.signal,
          ),
        );
    } catch (error) {
      if (error.name !== "AbortError") fill(said, error.message);
    }
  }

  async function listed({ sessions: rows, total }) {
    say(
      said,
      rows.length === 0
        ? "No sessions."
        : `${whole(page * PAGE + 1)}–${whole(page * PAGE + rows.length)} of ${whole(total)}`,
    );
    const body = h("tbody", {}, rows.map(row));
    fill(
      list,
      h(
        "div",
        { class: "wide" },
        h(
          "table",
          { class: "sessions" },
          h("caption", { class: "unseen" }, "Sessions"),
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              [
                "Session",
                "Title",
                "Agent",
                "Last used",
                "Duration",
                "Tokens",
                "Cost",
                "Status",
              ].map((title, n) =>
                h("th", { scope: "col", class: n > 3 && n < 7 ? "number" : null }, title),
              ),
            ),
          ),
          body,
        ),
      ),
      pager(page, total, (at) => go({ at })),
    );
    await addCosts(rows, body);
  }

  /** What they cost is reckoned apart: the list does not wait for it. */
  async function addCosts(rows, body) {
    if (rows.length === 0) return;
    const report = await get(
      "costs",
      {
        report: "by-session",
        range: "all",
        session: rows.map((each) => each.id).join(","),
        limit: PAGE * 4,
      },
      stop.signal,
    );
    const byId = new Map();
    for (const line of report.rows) {
      const before = byId.get(line.session) ?? { usd: null, atLeast: false };
      const usd = line.costUsd === null ? before.usd : (before.usd ?? 0) + line.costUsd;
      byId.set(line.session, { usd, atLeast: before.atLeast || line.unpricedTokens > 0 });
    }
    rows.forEach((each, n) => {
      const cost = byId.get(each.id);
      if (cost !== undefined)
        say(
          body.rows[n].querySelector(".cost"),
          dollars(cost.usd, cost.atLeast && cost.usd !== null),
        );
    });
  }

  async function found({ hits }) {
    say(
      said,
      hits.length === 0
        ? "Nothing found."
        : `${hits.length === PAGE ? "The newest " : ""}${hits.length} places`,
    );
    fill(
      list,
      h(
        "ul",
        { class: "hits" },
        hits.map((hit) =>
          h(
            "li",
            { class: "card" },
            h(
              "p",
              {},
              h(
                "a",
                { href: `#/session/${encodeURIComponent(hit.session)}` },
                foreign(oneLine(hit.name || hit.title || hit.session, 100)),
              ),
            ),
            h("p", { class: "excerpt", dir: "auto" }, clean(hit.excerpt)),
            h("p", { class: "hint" }, [hit.agent, hit.role ?? "title", moment(hit.at)].join(" · ")),
          ),
        ),
      ),
    );
  }

  let logged = [];
  async function loadAgents() {
    if (known.state !== "live") return;
    const all = { report: "by-agent", range: "all" };
    const report = await get("costs", all, stop.signal).catch(() => ({ rows: [] }));
    logged = report.rows.map((line) => line.agent);
    showAgents(kind, wanted, logged);
  }

  let begun = false;
  const ends = [
    watch(() => {
      if (known.state === "live" && !begun) {
        load();
        loadAgents();
      }
      begun = known.state === "live";
      showAgents(kind, wanted, logged);
    }),
    listen((event) => event === "turn_ended" && page === 0 && soon()),
  ];
  begun = known.state === "live";
  showAgents(kind, wanted, logged);
  load();
  loadAgents();
  return () => {
    stop.abort();
    ends.forEach((end) => end());
  };
}

function row(session) {
  const name = session.name || oneLine(session.title, 90) || "(untitled)";
  const link = `#/session/${encodeURIComponent(session.id)}`;
  const tokens = `${session.atLeast ? "≥" : ""}${short(session.spent.totalTokens)}`;
  return h(
    "tr",
    {},
    h("td", { class: "id", title: session.id }, briefId(session.id)),
    h("td", { class: "name" }, h("a", { href: link }, foreign(name))),
    h("td", {}, foreign(session.agent)),
    h("td", {}, moment(session.lastActivityAt)),
    h("td", { class: "number" }, lasted(session)),
    h("td", { class: "number" }, tokens),
    h("td", { class: "number cost" }, dollars(session.spent.costUsd)),
    h("td", {}, h("span", { class: "state", "data-state": session.status }, session.status)),
  );
}

function picker(title, name, choices, wanted) {
  const select = h(
    "select",
    { name },
    choices.map(([value, words]) => h("option", { value }, words)),
  );
  select.value = wanted[name] ?? choices[0][0];
  if (select.selectedIndex < 0) select.selectedIndex = 0;
  return h("label", {}, h("span", {}, title), select);
}

/** Those that are configured, and those whose logs tell of sessions outside tars. */
function showAgents(label, wanted, logged) {
  const select = label.querySelector("select");
  const own = (known.status?.agents ?? []).map((agent) => agent.name);
  const names = new Set([...own, ...logged]);
  for (const option of select.options) names.delete(option.value);
  for (const name of names) select.append(h("option", { value: name }, name));
  if (wanted.agent) select.value = wanted.agent;
}

/** Buttons to the other pages; `go(page)`. */
function pager(page, total, go) {
  const last = Math.max(0, Math.ceil(total / PAGE) - 1);
  if (last === 0) return null;
  const button = (title, at, off) =>
    h("button", { type: "button", disabled: off, onclick: () => go(at) }, title);
  const node = h(
    "nav",
    { class: "row pager", "aria-label": "Pages of the list" },
    button("First", 0, page === 0),
    button("Back", page - 1, page === 0),
    h("span", { class: "hint" }, `page ${whole(page + 1)} of ${whole(last + 1)}`),
    button("Next", page + 1, page >= last),
    button("Last", last, page >= last),
  );
  mark(node, "data-page", page);
  return node;
}
