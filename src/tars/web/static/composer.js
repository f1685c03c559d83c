// The prompt box: to whom, what, and what became of it.

import { post } from "./api.js";
import { announce, fill, h, mark, say } from "./dom.js";
import { known, watch } from "./link.js";

/** What was typed and not sent yet: kept while one looks at another page. */
let draft = "";
let chosen = "";

/**
 * Make the box. `fixed` names the one agent it is for; else one is chosen. `sent(accepted)` is
 * called with what the daemon answered. Gives `{node, end}`.
 */
export function composer({ fixed = null, sent }) {
  const agents = h("select", {
    id: "prompt-agent",
    onchange: () => {
      chosen = agents.value;
    },
  });
  const text = h("textarea", {
    id: "prompt-text",
    rows: "3",
    maxlength: "4000000",
    dir: "auto",
    spellcheck: "true",
    placeholder: "Ask an agent …",
    "aria-describedby": "prompt-hint",
    oninput: () => {
      draft = text.value;
      grow(text);
    },
    onkeydown: (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        send();
      }
    },
  });
  text.value = draft;
  const button = h("button", { type: "button", class: "primary", onclick: () => send() }, "Send");
  const said = h("p", { class: "said", role: "alert" });
  const node = h(
    "section",
    { class: "composer", "aria-label": "Send a prompt" },
    h("label", { for: "prompt-text", class: "unseen" }, "Prompt"),
    text,
    h(
      "div",
      { class: "row" },
      fixed === null ? [h("label", { for: "prompt-agent" }, "Agent"), agents] : null,
      h("span", { id: "prompt-hint", class: "hint" }, "Ctrl-Enter sends"),
      button,
    ),
    said,
  );

  function showAgents() {
    const names = (known.status?.agents ?? []).map((agent) => agent.name);
    const usual = known.status?.defaultAgent ?? "";
    const key = JSON.stringify([names, usual]);
    mark(button, "disabled", known.state !== "live");
    if (agents.dataset.key === key) return;
    agents.dataset.key = key;
    fill(
      agents,
      names.map((name) =>
        h("option", { value: name }, name === usual ? `${name} (default)` : name),
      ),
    );
    agents.value = names.includes(chosen) ? chosen : usual;
  }

  async function send(despiteBudget = false) {
    if (text.value.trim() === "" || button.disabled) {
      text.focus();
      return;
    }
    mark(button, "disabled", true);
    fill(said);
    try {
      const agent = fixed ?? agents.value;
      const accepted = await post("prompt", {
        text: text.value,
        agent,
        wait: false,
        despiteBudget,
      });
      text.value = draft = "";
      grow(text);
      announce(accepted.position > 0 ? `Sent; ${accepted.position} before it.` : "Sent.");
      sent(accepted);
    } catch (error) {
      say(said, error.message);
      if (error.code === "budget_asks") {
        said.append(
          " ",
          h("button", { type: "button", onclick: () => send(true) }, "Send all the same"),
        );
      }
    } finally {
      mark(button, "disabled", known.state !== "live");
    }
  }

  showAgents();
  const end = watch(showAgents);
  return { node, end };
}

function grow(text) {
  text.rows = Math.min(14, Math.max(3, text.value.split("\n").length));
}
