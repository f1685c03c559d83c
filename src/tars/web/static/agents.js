// The agents, each with its state, its turn, its context, and what can be done with it.

import { path, post } from "./api.js";
import { announce, fill, h, keyed, mark, say } from "./dom.js";
import { bytes, count, duration, percent, short, until } from "./figures.js";
import { isBlind, isOnScreen, known, look, seconds } from "./link.js";
import { meter } from "./meter.js";
import { clean, inline, oneLine } from "./text.js";

export function agentList() {
  const node = h("ul", { class: "agents" });
  const update = () => keyed(node, known.status?.agents ?? [], (agent) => agent.name, agentCard);
  update();
  return { node, update };
}

function agentCard(first) {
  const { name } = first;
  const word = h("span", { class: "state" });
  const about = h("p", { class: "about" });
  const turn = h("p", { class: "turn" });
  const fault = h("p", { class: "fault" });
  const said = h("p", { class: "said", role: "alert" });
  const context = meter("Context");
  const figures = h("p", { class: "hint figures" });
  const act = (action) =>
    h(
      "button",
      { type: "button", "aria-label": `${action} ${name}`, onclick: () => change(action) },
      action[0].toUpperCase() + action.slice(1),
    );
  const start = act("start");
  const stop = act("stop");
  const restart = act("restart");
  const cancel = h(
    "button",
    { type: "button", "aria-label": `cancel the turn of ${name}`, onclick: () => cancelTurn() },
    "Cancel",
  );
  const watch = h(
    "a",
    {
      class: "button",
      href: `#/live/${encodeURIComponent(name)}`,
      "aria-label": `watch ${name} live`,
    },
    "Live",
  );
  const node = h(
    "li",
    { class: "card agent" },
    h("div", { class: "head" }, h("h3", {}, h("bdi", {}, name)), word),
    about,
    context.node,
    figures,
    turn,
    fault,
    h("div", { class: "row" }, watch, cancel, start, stop, restart),
    said,
  );

  async function attempt(work) {
    for (const button of [start, stop, restart, cancel]) mark(button, "aria-busy", "true");
    try {
      say(said, "");
      await work();
    } catch (error) {
      say(said, error.message);
    } finally {
      for (const button of [start, stop, restart, cancel]) mark(button, "aria-busy", null);
      look();
    }
  }
  const change = (action) =>
    attempt(async () => {
      const now = await post(path("agents", name, action));
      announce(`${name} is ${now.state}.`);
      if (now.error) say(said, `${now.error.message} ${now.error.advice}`.trim());
    });
  const cancelTurn = () => attempt(() => post("cancel", { agent: name }));

  function update(agent) {
    mark(node, "data-state", isBlind() ? "" : agent.state);
    say(word, stateOf(agent));
    mark(word, "data-word", stateOf(agent));
    say(
      about,
      [...new Set([agent.kind, agent.protocol, agent.model, agent.mode])]
        .filter((word) => word !== "" && word !== name)
        .map((word) => oneLine(word, 40))
        .join(" · "),
    );
    const used = agent.context?.used ?? 0;
    const size = agent.context?.size ?? 0;
    context.update(
      size > 0 ? used / size : null,
      size > 0
        ? `${short(used)} of ${short(size)} · ${percent(used / size)}`
        : used > 0
          ? short(used)
          : "",
    );
    const tokens = agent.tokens;
    say(
      figures,
      [
        tokens?.counted
          ? `${tokens.atLeast ? "≥" : ""}${short(tokens.netInput)} in · ${short(tokens.output)} out`
          : "",
        agent.pid !== null ? `up ${duration(agent.uptimeSeconds + seconds())}` : "",
        agent.rssBytes > 0 ? bytes(agent.rssBytes) : "",
        agent.restarts > 0 ? count(agent.restarts, "restart") : "",
        agent.queued > 0 ? `${agent.queued} waiting` : "",
        ...agent.limits
          .filter((limit) => limit.usedPercent !== null)
          .map((limit) => `${limit.name} ${Math.round(limit.usedPercent)}%`),
      ]
        .filter(Boolean)
        .join(" · "),
    );
    say(
      turn,
      agent.turn
        ? [
            `Working for ${duration(agent.turn.elapsedSeconds + seconds())}`,
            agent.turn.waitingFor ? `waits for ${agent.turn.waitingFor}` : "",
            ...agent.turn.notices,
          ]
            .filter(Boolean)
            .map(clean)
            .join(" · ")
        : "",
    );
    const wrong = agent.lastError
      ? `${clean(agent.lastError.message)} ${clean(agent.lastError.advice)} ${until(agent.lastError.until)}`.trim()
      : "";
    if (fault.dataset.said !== wrong) fill(fault, inline(wrong));
    fault.dataset.said = wrong;
    mark(fault, "hidden", agent.lastError === null || ["ready", "busy"].includes(agent.state));
    mark(turn, "hidden", agent.turn === null);
    mark(watch, "hidden", isOnScreen(agent));
    const off = ["stopped", "failed"].includes(agent.state);
    for (const button of [start, stop, restart, cancel]) mark(button, "disabled", isBlind());
    mark(start, "hidden", !off);
    mark(stop, "hidden", off);
    mark(restart, "hidden", agent.state === "stopped");
    mark(cancel, "hidden", agent.turn === null);
  }
  return { node, update };
}

const WORDS = { waiting_for_permission: "needs permission", rate_limited: "rate limited" };

function stateOf(agent) {
  if (isBlind()) return "not known";
  const word = agent.condition?.word;
  if (word !== undefined && Object.hasOwn(WORDS, word)) return WORDS[word];
  return word === "wedged" ? "hung" : agent.state;
}
