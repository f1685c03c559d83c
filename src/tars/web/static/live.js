// One agent's conversation as it happens: what it was asked, what it says, thinks and does.

import { follow, path, post } from "./api.js";
import { composer } from "./composer.js";
import { fill, h, mark, say } from "./dom.js";
import { agentNamed, everySecond, isOnScreen, known, watch, whileSeen } from "./link.js";
import { permissionList } from "./permissions.js";
import { clean } from "./text.js";
import { reader } from "./transcript.js";
import { turnView } from "./turn.js";

/** Older turns are in the session; a page that is open for days must not grow for days. */
const MOST_TURNS = 12;
/** So much of what was said before is shown to who comes. */
const SHOWN = 8;
const AGAIN_MS = 1000;

const NOTHING = "Nothing was said yet since you came here.";

export function live(main, [named]) {
  const picker = h("select", {
    id: "live-agent",
    onchange: () => {
      location.hash = `#/live/${encodeURIComponent(picker.value)}`;
    },
  });
  const state = h("span", { class: "state" });
  const link = h("a", { class: "button", hidden: true }, "Session");
  const cancel = h(
    "button",
    {
      type: "button",
      hidden: true,
      onclick: () => post("cancel", { agent: name }).catch((error) => say(empty, error.message)),
    },
    "Cancel",
  );
  const empty = h("p", { class: "empty" }, NOTHING);
  const before = h("ol", { class: "transcript", "aria-label": "What was said before" });
  const talk = h("div", {
    class: "talk",
    role: "log",
    "aria-live": "off",
    "aria-label": "Conversation",
  });
  const asks = h("div", {});
  const bottom = h("div", { class: "dock" });
  let name = named ?? null;
  let box = null;
  let permissions = null;
  let turns = [];
  let stop = null;
  let over = false;
  let atEnd = true;

  fill(
    main,
    h(
      "div",
      { class: "title" },
      h("h1", {}, "Live"),
      h("label", { for: "live-agent", class: "unseen" }, "Agent"),
      picker,
      state,
      cancel,
      link,
    ),
    before,
    talk,
    empty,
    asks,
    bottom,
  );

  function begin() {
    const agent = agentNamed(name);
    if (agent === undefined || box !== null) return;
    if (isOnScreen(agent)) {
      say(empty, `${name} is a terminal program: \`tars attach ${name}\` shows its screen.`);
    }
    permissions = permissionList(name);
    asks.append(permissions.node);
    box = composer({
      fixed: name,
      sent: () => {
        atEnd = true;
      },
    });
    fill(bottom, box.node);
    if (!isOnScreen(agent)) attend();
  }

  /** Follow the agent for as long as this page is shown and looked at. */
  async function attend() {
    while (!over) {
      if (document.hidden || known.state !== "live") {
        await new Promise((resolve) => {
          wake = resolve;
        });
        continue;
      }
      stop = whileSeen();
      try {
        await follow(`agents/${path(name)}/attach`, {}, stop.signal, take);
      } catch (error) {
        if (!stop.signal.aborted && known.state === "live") {
          say(empty, error.message);
          mark(empty, "hidden", null);
        }
      }
      stop.abort();
      if (!over)
        await new Promise((resolve) => setTimeout(resolve, document.hidden ? 0 : AGAIN_MS));
    }
  }
  let wake = () => {};

  function turn(id) {
    const last = turns[turns.length - 1];
    if (last !== undefined && (last.id === id || id === null)) return last;
    const made = turnView(id, name);
    turns.push(made);
    talk.append(made.node);
    if (turns.length > MOST_TURNS) turns.shift().node.remove();
    mark(empty, "hidden", true);
    return made;
  }

  function take(event, data) {
    if (data === null) return;
    if (event === "attached") {
      say(empty, NOTHING);
      comeBack(data.turn);
      remember(data.session ?? agentNamed(name)?.session.id ?? null, data.turn);
      if (data.turn !== null) turn(data.turn).attached(data);
    } else if (event === "prompt") turn(data.turn).prompted(data.text);
    else if (event === "fallback") turn(null).take(event, data);
    else if (event === "turn") turn(data.turn).take(event, data);
    else if (turns.length > 0) turn(null).take(event, data);
  }

  /** Who is at the end stays there while more comes; who scrolled back is left where he is. */
  let stood = 0;
  const scrolled = () => {
    // What comes in meanwhile moves the end away, and nobody up.
    if (window.scrollY < stood - 2) atEnd = false;
    if (window.innerHeight + window.scrollY > document.body.scrollHeight - 80) atEnd = true;
    stood = window.scrollY;
  };
  const toEnd = () => atEnd && window.scrollTo(0, document.body.scrollHeight);
  const grown = new ResizeObserver(toEnd);
  for (const part of [before, talk, asks]) grown.observe(part);
  window.addEventListener("scroll", scrolled, { passive: true });

  /** What happened while nobody followed is in the session: only a turn that goes on is kept. */
  function comeBack(underWay) {
    if (underWay !== null && turns[turns.length - 1]?.id === underWay) return;
    for (const view of turns) {
      view.end();
      view.node.remove();
    }
    turns = [];
  }

  /** Show the end of what was said before, once: what follows comes by itself. */
  async function remember(session, underWay) {
    if (session === null || turns.some((view) => view.id !== underWay)) return;
    const { last, itemNode } = reader(session, stop.signal);
    try {
      const { from, items } = await last();
      const shown = items
        .map((item, n) => [item, n])
        .filter(([item]) => item.turn !== underWay || item.role === "user")
        .slice(-SHOWN);
      fill(
        before,
        shown.map(([item, n]) => itemNode(item, from + n)),
      );
      mark(empty, "hidden", shown.length > 0 || turns.length > 0);
    } catch (error) {
      if (error.name !== "AbortError") console.warn(error.message);
    }
  }

  function update() {
    const agents = (known.status?.agents ?? []).filter(
      (agent) => !isOnScreen(agent) || agent.name === name,
    );
    name ??=
      agents.find((agent) => agent.name === known.status.defaultAgent)?.name ??
      agents[0]?.name ??
      null;
    const names = agents.map((agent) => agent.name);
    if (picker.dataset.key !== JSON.stringify(names)) {
      picker.dataset.key = JSON.stringify(names);
      fill(
        picker,
        names.map((each) => h("option", { value: each }, each)),
      );
    }
    if (name !== null) picker.value = name;
    begin();
    const agent = agentNamed(name);
    const unknown = known.status !== null && name !== null && agent === undefined;
    if (unknown) say(empty, `No agent is called ${clean(name)}.`);
    say(state, agent?.state ?? (unknown ? "not known" : ""));
    mark(state, "data-state", agent?.state ?? "");
    mark(cancel, "hidden", !agent?.turn);
    mark(link, "hidden", !agent?.session.id);
    if (agent?.session.id) mark(link, "href", `#/session/${encodeURIComponent(agent.session.id)}`);
    permissions?.update();
    if (known.state === "live" && !document.hidden) wake();
  }
  const ends = [watch(update), everySecond(() => permissions?.update())];
  update();
  return () => {
    over = true;
    grown.disconnect();
    window.removeEventListener("scroll", scrolled);
    stop?.abort();
    wake();
    box?.end();
    for (const view of turns) view.end();
    ends.forEach((end) => end());
  };
}
