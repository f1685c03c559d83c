// What was said in a session: so many messages and tool calls on a page, and of each so much.

import { get, path } from "./api.js";
import { fill, h, mark, say } from "./dom.js";
import { moment, short, whole } from "./figures.js";
import { clean, cut, foreign, oneLine, showText } from "./text.js";

const PAGE = 40;
/** How much of a message comes with its page, and how much more at each asking. */
const FIRST = 4000;
const MORE = 60_000;
/** A browser that shows more of one text than this is slow in everything it does. */
const MOST = 600_000;

const ROLES = { user: "You", assistant: "Agent", system: "System", tool: "Tool" };

/** What was said in a session, to be read page by page. `signal` ends it. */
export function reader(reference, signal) {
  const route = `${path("sessions", reference)}/messages`;

  /** Give what stands on a page from there on, and whether more follows. */
  async function page(from) {
    const found = await get(route, { after: from || "", limit: PAGE, characters: FIRST }, signal);
    return { from, items: merged(found), more: found.after !== null };
  }

  /** Nobody counts what is in a session: where it ends is found by looking. */
  async function last(known = 0) {
    let low = known;
    let high = low + 1;
    const there = async (at) => {
      const found = await get(route, { after: at * PAGE, limit: 1, characters: 0 }, signal);
      return found.messages.length + found.toolCalls.length > 0;
    };
    while (await there(high)) {
      low = high;
      high *= 2;
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (await there(middle)) low = middle;
      else high = middle;
    }
    return page(low * PAGE);
  }

  function itemNode(item, index) {
    return item.role === undefined ? toolNode(item, index) : messageNode(item, index);
  }

  function messageNode(message, index) {
    const body = h("div", { class: "text" });
    const box =
      message.role === "thought"
        ? h(
            "details",
            { class: "thought" },
            h("summary", { class: "hint" }, `Thought · ${moment(message.beganAt)}`),
            body,
          )
        : body;
    const node = h(
      "li",
      { class: `said-by ${message.role}` },
      message.role === "thought"
        ? null
        : h(
            "p",
            { class: "hint" },
            ROLES[message.role] ?? message.role,
            " · ",
            moment(message.beganAt),
          ),
      box,
    );
    showText(body, cut(message.text, FIRST));
    addMore(node, index, message, "messages", "text", (text) => showText(body, text));
    return node;
  }

  function toolNode(call, index) {
    const output = h(
      "pre",
      { class: "code", tabindex: "0", dir: "auto", "aria-label": "Output" },
      clean(cut(call.output, FIRST)),
    );
    const node = h(
      "li",
      { class: "tool-call" },
      h(
        "details",
        {},
        h(
          "summary",
          { class: "tool", "data-status": call.status },
          h("span", { class: "kind" }, oneLine(call.kind || "tool", 30)),
          foreign(oneLine(call.title, 300)),
          h("span", { class: "status" }, call.status.replace("_", " ")),
        ),
        call.paths.length > 0
          ? h(
              "p",
              { class: "hint" },
              call.paths.slice(0, 20).map((each) => [foreign(each), " "]),
            )
          : null,
        call.output === "" ? h("p", { class: "hint" }, "Nothing is kept of its output.") : output,
      ),
    );
    addMore(node.firstChild, index, call, "toolCalls", "output", (text) =>
      say(output, clean(text)),
    );
    return node;
  }

  /** A button that fetches more of a text, as long as there is more. */
  function addMore(parent, index, item, list, field, show) {
    let have = item[field].length;
    if (have < Math.min(FIRST, item.size) || item.size <= have) return;
    let wanted = FIRST;
    const left = () => `Show more: ${short(item.size - have)} more characters`;
    const button = h("button", { type: "button", class: "more", onclick: more }, left());
    parent.append(button);

    async function more() {
      mark(button, "disabled", true);
      wanted = Math.min(MOST, wanted + MORE);
      try {
        const found = await get(route, { after: index, limit: 1, characters: wanted }, signal);
        const text = found[list][0]?.[field] ?? item[field];
        const grew = text.length > have;
        have = text.length;
        show(text);
        say(button, left());
        if (!grew || have >= item.size || wanted >= MOST) {
          if (have < item.size)
            button.replaceWith(
              h(
                "p",
                { class: "hint" },
                `${short(item.size - have)} more characters: tars sessions export writes all that is kept.`,
              ),
            );
          else button.remove();
        }
      } catch (error) {
        if (error.name !== "AbortError") say(button, error.message);
      }
      mark(button, "disabled", null);
    }
  }

  return { page, last, itemNode };
}

/** A session's transcript with buttons to its pages: `{node, explain, load, end}`. */
export function transcript(reference) {
  const stop = new AbortController();
  const { page, last, itemNode } = reader(reference, stop.signal);
  const list = h("ol", { class: "transcript" });
  const said = h("p", { class: "hint", role: "status" });
  const button = (title, where) => h("button", { type: "button", onclick: () => go(where) }, title);
  const first = button("First", () => page(0));
  const back = button("Back", () => page(Math.max(0, from - PAGE)));
  const next = button("Next", () => page(from + PAGE));
  const end = button("Last", () => last(Math.floor(from / PAGE)));
  const pages = h(
    "nav",
    { class: "row", "aria-label": "Pages of the transcript", hidden: true },
    first,
    back,
    next,
    end,
  );
  const top = h(
    "div",
    { class: "title" },
    h("h2", { id: "talk-title" }, "Transcript"),
    said,
    pages,
  );
  const node = h("section", { class: "stack", "aria-labelledby": "talk-title" }, top, list);
  let from = 0;
  let drawn = "";
  let nothing = "Nothing is kept of what was said.";

  async function show(where) {
    try {
      const found = await where();
      from = found.from;
      const key = JSON.stringify(found.items);
      // What somebody reads, or has opened, is not made anew because a turn ended.
      if (key !== drawn)
        fill(
          list,
          found.items.map((item, n) => itemNode(item, from + n)),
        );
      drawn = key;
      say(
        said,
        found.items.length === 0
          ? nothing
          : `${whole(from + 1)}–${whole(from + found.items.length)}`,
      );
      mark(pages, "hidden", from === 0 && !found.more);
      for (const each of [first, back]) mark(each, "disabled", from === 0);
      for (const each of [next, end]) mark(each, "disabled", !found.more);
    } catch (error) {
      if (error.name !== "AbortError") say(said, error.message);
    }
  }
  const go = (where) => show(where).then(() => top.scrollIntoView({ block: "start" }));

  /** Say why nothing is there, should nothing be there. */
  function explain(words) {
    if (said.textContent === nothing) say(said, words);
    nothing = words;
  }

  const load = () => document.hidden || show(() => page(from));
  return { node, explain, load, end: () => stop.abort() };
}

/** Messages and tool calls in the order in which they came: within a turn by their number. */
function merged({ messages, toolCalls }) {
  const found = [];
  let m = 0;
  let t = 0;
  while (m < messages.length || t < toolCalls.length) {
    const message = messages[m];
    const call = toolCalls[t];
    const saidFirst =
      call === undefined ||
      (message !== undefined &&
        (message.turn === call.turn
          ? message.number <= call.number
          : message.beganAt <= call.beganAt));
    if (message !== undefined && saidFirst) {
      found.push(message);
      m += 1;
    } else {
      found.push(call);
      t += 1;
    }
  }
  return found;
}
