// What agents ask leave for: shown whole, and answered with one of the options that they offer.

import { path, post } from "./api.js";
import { announce, h, keyed, mark, say } from "./dom.js";
import { duration } from "./figures.js";
import { known, look, seconds } from "./link.js";
import { clean } from "./text.js";

/** Make the list of what waits. `only` names the one agent whose requests are shown. */
export function permissionList(only = null) {
  const list = h("ul", { class: "permissions" });
  const node = h(
    "section",
    { class: "asks", "aria-labelledby": "asks-title" },
    h("h2", { id: "asks-title" }, "Needs your answer"),
    list,
  );
  let shown = 0;
  function update() {
    const agents = (known.status?.agents ?? []).filter(
      (agent) => only === null || agent.name === only,
    );
    const waiting = agents.flatMap((agent) => agent.permissions);
    keyed(list, waiting, (request) => request.id, permissionCard);
    mark(node, "hidden", waiting.length === 0);
    if (waiting.length > shown)
      announce(`${waiting[waiting.length - 1].agent} asks for permission.`);
    shown = waiting.length;
  }
  update();
  return { node, update };
}

function permissionCard(request) {
  const said = h("p", { class: "said", role: "alert" });
  const left = h("span", { class: "hint" });
  const remember = h("input", { type: "checkbox" });
  const buttons = optionsOf(request).map((option) =>
    h(
      "button",
      {
        type: "button",
        class: option.kind.startsWith("allow") ? "allow" : "deny",
        onclick: () => answer(option),
      },
      h("bdi", {}, clean(option.name)),
    ),
  );
  const node = h(
    "li",
    { class: "card ask" },
    h(
      "h3",
      {},
      h("bdi", {}, request.agent),
      " asks for permission: ",
      h("bdi", { class: "what" }, clean(request.title) || request.toolKind),
    ),
    h("p", { class: "hint" }, request.toolKind, " · ", left),
    request.details
      ? h(
          "pre",
          { class: "code details", tabindex: "0", "aria-label": "What would be done", dir: "auto" },
          clean(request.details),
        )
      : null,
    h("div", { class: "row" }, buttons),
    h(
      "label",
      { class: "check" },
      remember,
      ` Answer ${request.agent}'s next requests of this kind the same way`,
    ),
    said,
  );

  async function answer(option) {
    for (const button of buttons) mark(button, "disabled", true);
    const chosen =
      option.id === null ? { deny: option.kind !== "allow_once" } : { option: option.id };
    try {
      await post(path("permit", request.id), {
        ...chosen,
        remember: remember.checked,
        face: "web",
      });
      announce(`Answered: ${option.name}.`);
      look();
    } catch (error) {
      say(said, error.message);
      for (const button of buttons) mark(button, "disabled", null);
    }
  }

  return {
    node,
    update(now) {
      say(left, `${duration(now.expiresInSeconds - seconds())} left`);
    },
  };
}

/** An agent may offer nothing to choose from: then it is yes once, or no. */
function optionsOf(request) {
  if (request.options.length > 0) return request.options;
  return [
    { id: null, name: "Allow once", kind: "allow_once" },
    { id: null, name: "Deny", kind: "reject_once" },
  ];
}
