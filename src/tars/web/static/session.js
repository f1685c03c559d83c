// One session: what it was, what it used, and what was said in it, a page at a time.

import { get, path, post } from "./api.js";
import { announce, fill, h, mark, say } from "./dom.js";
import {
  briefId,
  count,
  dollars,
  duration,
  isOutside,
  lasted,
  moment,
  percent,
  short,
  whole,
} from "./figures.js";
import { known, listen, watch } from "./link.js";
import { clean, foreign, oneLine } from "./text.js";
import { transcript } from "./transcript.js";

const KINDS = [
  ["netInputTokens", "Input"],
  ["cacheReadTokens", "Cache read"],
  ["cacheWriteTokens", "Cache write"],
  ["outputTokens", "Output"],
];

const OUTSIDE =
  "This session ran outside tars: it is known from its agent's own log, and what was said in it " +
  "is not kept here.";

export function session(main, [reference]) {
  const title = h("h1", { dir: "auto" }, "Session");
  const about = h("p", { class: "hint" });
  const state = h("span", { class: "state" });
  const said = h("p", { class: "said", role: "alert" });
  const actions = h("div", { class: "row" });
  const sums = h("div", { class: "columns three" });
  const talk = transcript(reference);
  fill(
    main,
    h("p", { class: "crumb" }, h("a", { href: "#/sessions" }, "← Sessions")),
    h("div", { class: "title" }, title, state),
    about,
    actions,
    said,
    sums,
    talk.node,
  );
  const stop = new AbortController();
  let shown = null;

  async function load() {
    if (known.state !== "live" || document.hidden) return;
    try {
      const route = path("sessions", reference);
      const summary = await get(`${route}/summary`, { limit: 10 }, stop.signal);
      shown = summary.session;
      showHead();
      const cost = await costOf(shown.id, stop.signal).catch(() => null);
      const outside = isOutside(shown);
      if (outside) talk.explain(OUTSIDE);
      fill(
        sums,
        tokenCard(shown, cost),
        outside ? outsideCard() : [turnCard(summary), useCard(summary)],
      );
      say(said, "");
    } catch (error) {
      if (error.name !== "AbortError") say(said, error.message);
    }
  }

  function showHead() {
    say(title, shown.name ?? (oneLine(shown.title, 120) || `Session ${briefId(shown.id)}`));
    mark(state, "data-state", shown.status);
    say(state, shown.status);
    fill(
      about,
      foreign(shown.id),
      " · ",
      shown.agent,
      ["", shown.agent].includes(shown.agentType) ? "" : ` (${shown.agentType})`,
      " · ",
      moment(shown.startedAt),
      " – ",
      moment(shown.endedAt ?? shown.lastActivityAt),
      shown.project ? [" · ", foreign(shown.project)] : null,
      shown.branch ? [" · ", foreign(shown.branch)] : null,
      shown.tags.length > 0 ? ` · ${shown.tags.map((tag) => oneLine(tag, 40)).join(", ")}` : null,
    );
    if (actions.childElementCount > 0)
      actions.querySelector("button:last-child").textContent = archiveWord();
    else
      fill(
        actions,
        h("button", { type: "button", onclick: rename }, "Rename …"),
        h("button", { type: "button", onclick: archive }, archiveWord()),
      );
  }
  const archiveWord = () => (shown.status === "archived" ? "Take back" : "Archive");

  async function change(action, body) {
    try {
      shown = await post(path("sessions", reference, action), body);
      say(said, "");
      showHead();
      announce("Done.");
    } catch (error) {
      say(said, error.message);
    }
  }
  const archive = () => change(shown.status === "archived" ? "unarchive" : "archive");

  /** The name is asked for in the page: a dialog of the browser's own is in nobody's style. */
  function rename() {
    const input = h("input", {
      type: "text",
      maxlength: "100",
      value: shown.name ?? "",
      "aria-label": "Name",
      dir: "auto",
    });
    const form = h(
      "form",
      {
        class: "row",
        onsubmit: (event) => {
          event.preventDefault();
          form.remove();
          change("rename", { name: input.value.trim() || null });
        },
        onkeydown: (event) => event.key === "Escape" && form.remove(),
      },
      input,
      h("button", { type: "submit", class: "primary" }, "Save"),
      h("button", { type: "button", onclick: () => form.remove() }, "Leave it"),
    );
    if (actions.nextSibling?.tagName === "FORM") actions.nextSibling.remove();
    actions.after(form);
    input.focus();
  }

  let begun = known.state === "live";
  const ends = [
    watch(() => {
      if (known.state === "live" && !begun) {
        load();
        talk.load();
      }
      begun = known.state === "live";
    }),
    listen((event, agent) => {
      if (shown?.agent !== agent || event !== "turn_ended") return;
      load();
      talk.load();
    }),
  ];
  load();
  talk.load();
  return () => {
    stop.abort();
    talk.end();
    ends.forEach((end) => end());
  };
}

async function costOf(id, signal) {
  return get("costs", { report: "by-model", range: "all", session: id }, signal);
}

function tokenCard(shown, cost) {
  const { spent } = shown;
  const total = Math.max(1, spent.totalTokens);
  const usd = cost?.totals.costUsd ?? spent.costUsd;
  const atLeast = (cost?.totals.unpricedTokens ?? 0) > 0;
  return h(
    "section",
    { class: "card", "aria-labelledby": "used-title" },
    h("h2", { id: "used-title" }, "Used"),
    h("p", { class: "big" }, dollars(usd, atLeast && usd !== null)),
    h(
      "p",
      { class: "hint" },
      `${shown.atLeast ? "≥" : ""}${whole(spent.totalTokens)} tokens · ${took(shown)}`,
    ),
    h(
      "table",
      { class: "small" },
      h("caption", { class: "unseen" }, "Tokens by kind"),
      h(
        "tbody",
        {},
        KINDS.map(([key, words]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, words),
            h("td", { class: "number" }, whole(spent[key])),
            h("td", { class: "number" }, percent(spent[key] / total)),
          ),
        ),
        spent.reasoningTokens > 0
          ? h(
              "tr",
              {},
              h("th", { scope: "row" }, "of it reasoning"),
              h("td", { class: "number" }, whole(spent.reasoningTokens)),
              h("td", {}),
            )
          : null,
      ),
    ),
    cost !== null && cost.rows.length > 0
      ? h(
          "table",
          { class: "small" },
          h("caption", {}, "By model"),
          h(
            "tbody",
            {},
            cost.rows.map((line) =>
              h(
                "tr",
                {},
                h("th", { scope: "row" }, foreign(line.model || "no name")),
                h(
                  "td",
                  { class: "number" },
                  dollars(line.costUsd, line.unpricedTokens > 0 && line.costUsd !== null),
                ),
                h("td", { class: "number" }, short(line.totalTokens)),
              ),
            ),
          ),
        )
      : null,
  );
}

const took = (shown) =>
  isOutside(shown)
    ? count(shown.spent.requests, "request")
    : `${count(shown.spent.turns, "turn")} · ${lasted(shown)}`;

function outsideCard() {
  return h(
    "section",
    { class: "card", "aria-labelledby": "turns-title" },
    h("h2", { id: "turns-title" }, "Turns, tools and files"),
    h("p", { class: "hint" }, "Its agent's own log tells what it used; the rest is not kept here."),
  );
}

function turnCard(summary) {
  return h(
    "section",
    { class: "card", "aria-labelledby": "turns-title" },
    h("h2", { id: "turns-title" }, "Turns"),
    h(
      "table",
      { class: "small" },
      h("caption", { class: "unseen" }, "The newest turns"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["No.", "Began", "Took", "Tokens", "Ended"].map((word, n) =>
            h("th", { scope: "col", class: n > 1 && n < 4 ? "number" : null }, word),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        summary.turns.map((turn) =>
          h(
            "tr",
            {},
            h("td", {}, turn.number),
            h("td", {}, moment(turn.beganAt)),
            h("td", { class: "number" }, duration(turn.durationMs / 1000)),
            h("td", { class: "number" }, short(turn.totalTokens)),
            h("td", { title: clean(turn.error) || null }, turn.outcome ?? "under way"),
          ),
        ),
      ),
    ),
    summary.totalTurns > summary.turns.length
      ? h(
          "p",
          { class: "hint" },
          `the newest ${summary.turns.length} of ${whole(summary.totalTurns)}`,
        )
      : null,
  );
}

function useCard(summary) {
  const list = (rows, empty) =>
    rows.length === 0
      ? h("p", { class: "hint" }, empty)
      : h(
          "ul",
          { class: "counts" },
          rows
            .slice(0, 12)
            .map((row) =>
              h("li", {}, foreign(row.name), h("span", { class: "number" }, whole(row.count))),
            ),
        );
  return h(
    "section",
    { class: "card", "aria-labelledby": "tools-title" },
    h("h2", { id: "tools-title" }, "Tools"),
    list(summary.tools, "No tools were used."),
    h("h2", {}, "Files"),
    list(summary.files, "No files were changed."),
    summary.changedFiles > 12
      ? h("p", { class: "hint" }, `12 of ${whole(summary.changedFiles)}`)
      : null,
  );
}
