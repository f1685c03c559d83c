// One turn on the page, as it grows: bounded, whatever an agent says.

import { announce, h, mark, put, say, throttled } from "./dom.js";
import { dollars, duration, short } from "./figures.js";
import { clean, cut, inline, oneLine, showText } from "./text.js";

/** What is shown of a text that still grows, and by how much more at a time. */
const SHOWN = 20_000;
/** What is kept of it at the most; the daemon has the whole. */
const KEPT = 2_000_000;
const DRAW_MS = 120;
/** Who listens hears what was said meanwhile, and not every word by itself. */
const ANNOUNCE_MS = 4000;
const MOST_TOOLS = 200;
const MOST_PARTS = 500;

const OUTCOMES = {
  ok: "done",
  cancelled: "cancelled",
  error: "failed",
  timeout: "ran out of time",
  interrupted: "interrupted",
  refused: "refused",
};

export function turnView(id, agent) {
  const asked = h("div", { class: "said-by user", hidden: true });
  const body = h("div", { class: "said-by assistant" });
  const foot = h("p", { class: "hint foot" });
  const node = h(
    "article",
    { class: "turn-view", "aria-label": `Turn of ${agent}` },
    asked,
    body,
    foot,
  );
  const tools = new Map();
  let open = null;
  let heard = 0;
  let spoken = "";
  let over = false;
  let usage = null;

  const speak = throttled(() => {
    if (over || spoken === "") return;
    announce(cut(spoken, 400));
    spoken = "";
  }, ANNOUNCE_MS);

  function add(node) {
    body.append(node);
    trim();
  }

  /** A turn that goes on for days must not grow for days: its beginning is in the session. */
  function trim() {
    while (body.childElementCount > MOST_PARTS) body.firstElementChild.remove();
  }

  /** The part that grows; another kind of part ends it. */
  function part(kind) {
    if (open?.kind === kind) return open;
    open?.draw();
    open = kind === "thought" ? thoughtPart(body) : textPart(body);
    open.kind = kind;
    trim();
    return open;
  }

  function take(event, data) {
    switch (event) {
      case "started":
        say(foot, "working …");
        break;
      case "text":
        heard += data.text.length;
        part("text").add(data.text);
        spoken = spoken.length < 1000 ? spoken + clean(data.text) : spoken;
        speak();
        break;
      case "thought":
        part("thought").add(data.text);
        break;
      case "tool":
        tool(data);
        break;
      case "permission":
        open = null;
        add(
          h("p", { class: "note" }, `Asks for permission: ${oneLine(data.title || data.toolKind)}`),
        );
        break;
      case "waiting":
        say(foot, data.reason ? `waits for ${clean(data.reason)}` : "working …");
        break;
      case "usage":
        usage = data;
        break;
      case "notice":
        add(
          h(
            "p",
            { class: "note", "data-severity": data.severity },
            inline(clean(`${data.message} ${data.advice}`.trim())),
          ),
        );
        break;
      case "fallback":
        add(
          h(
            "p",
            { class: "note" },
            `${data.from} could not: ${clean(data.reason)} ${data.to} has it now.`,
          ),
        );
        break;
      case "lagged":
        add(
          h(
            "p",
            { class: "note" },
            `${data.dropped} messages are missing here; the session has them.`,
          ),
        );
        break;
      case "turn":
        ended(data);
    }
  }

  function tool(data) {
    let row = tools.get(data.id);
    if (row === undefined) {
      if (tools.size >= MOST_TOOLS) return;
      open?.draw();
      open = null;
      row = h(
        "p",
        { class: "tool" },
        h("span", { class: "kind" }),
        h("bdi", { dir: "auto" }),
        h("span", { class: "status" }),
      );
      tools.set(data.id, row);
      add(row);
    }
    const [kind, title, status] = row.childNodes;
    say(kind, oneLine(data.kind || "tool", 30));
    say(title, oneLine(data.title, 300));
    say(status, data.status.replace("_", " "));
    mark(row, "data-status", data.status);
  }

  function ended(result) {
    over = true;
    open?.draw();
    // What came before one listened, or was lost on the way: the result has all of it.
    if (result.text.length > heard && heard === 0 && result.text !== "")
      part("text").add(result.text);
    open?.draw();
    usage = result.usage;
    const error = result.error
      ? `${clean(result.error.message)} ${clean(result.error.advice)}`.trim()
      : "";
    if (error) add(h("p", { class: "fault" }, inline(error)));
    const tokens = usage.inputTokens + usage.outputTokens;
    say(
      foot,
      [
        OUTCOMES[result.outcome] ?? result.outcome,
        duration(result.durationMs / 1000),
        tokens > 0 ? `${short(usage.inputTokens)} in · ${short(usage.outputTokens)} out` : "",
        result.costUsd === null ? "" : dollars(result.costUsd),
        oneLine(result.model ?? "", 60),
      ]
        .filter(Boolean)
        .join(" · "),
    );
    mark(node, "data-outcome", result.outcome);
    announce(
      `${spoken ? `${cut(spoken, 400)} ` : ""}${agent}: ${OUTCOMES[result.outcome] ?? result.outcome}.`,
    );
  }

  return {
    id,
    node,
    take,
    /** Somebody came into the middle of it: so much was said before. */
    attached(data) {
      if (heard >= data.text.length) return;
      body.replaceChildren();
      tools.clear();
      open = null;
      heard = 0;
      if (data.text !== "") {
        heard = data.text.length;
        part("text").add(data.text);
      }
      say(foot, "working …");
    },
    prompted(text) {
      mark(asked, "hidden", null);
      const shown = textPart(asked);
      shown.add(text);
      shown.draw();
    },
    end() {
      over = true;
    },
  };
}

/** A text that grows at its end. The beginning is left out of sight where it is long. */
function textPart(parent) {
  const text = h("div", { class: "text" });
  const more = h("button", {
    type: "button",
    class: "more",
    hidden: true,
    onclick: () => {
      shown += SHOWN * 5;
      draw();
    },
  });
  put(parent, [more, text]);
  let all = "";
  let lost = 0;
  let shown = SHOWN;
  function draw() {
    // In steps: what is shown moves seldom, and so most of it is left as it is.
    const from =
      all.length > shown ? Math.ceil((all.length - shown) / (SHOWN / 2)) * (SHOWN / 2) : 0;
    showText(text, all.slice(from));
    mark(more, "hidden", from === 0 && lost === 0);
    say(
      more,
      from === 0
        ? `${short(lost)} characters before are in the session`
        : `Show more: ${short(from + lost)} characters before`,
    );
    mark(more, "disabled", from === 0);
  }
  const soon = throttled(draw, DRAW_MS);
  return {
    draw,
    add(piece) {
      all += piece;
      if (all.length > KEPT) {
        lost += all.length - KEPT / 2;
        all = all.slice(-KEPT / 2);
      }
      soon();
    },
  };
}

function thoughtPart(parent) {
  const box = h("details", { class: "thought" }, h("summary", {}, "Thoughts"));
  parent.append(box);
  return textPart(box);
}
