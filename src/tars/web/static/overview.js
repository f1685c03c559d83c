// The overview: what needs an answer, a prompt, the agents, what today cost, what is wrong.

import { get, post } from "./api.js";
import { agentList } from "./agents.js";
import { composer } from "./composer.js";
import { fill, h, keyed, mark, say, throttled } from "./dom.js";
import { count, dollars, moment, percent, short, until } from "./figures.js";
import { everySecond, known, listen, look, watch } from "./link.js";
import { meter } from "./meter.js";
import { permissionList } from "./permissions.js";
import { clean, oneLine } from "./text.js";

/** Sums change with turns, and cost more to find out than how the agents are. */
const SUMS_MS = 3000;

export function overview(main) {
  const asks = permissionList();
  const agents = agentList();
  const box = composer({
    sent: (accepted) => {
      location.hash = `#/live/${encodeURIComponent(accepted.agent)}`;
    },
  });
  const today = h("p", { class: "big" }, "…");
  const todayMore = h("p", { class: "hint" });
  const warnings = h("ul", { class: "warnings" });
  const warningBox = h(
    "section",
    { class: "card", "aria-labelledby": "warnings-title", hidden: true },
    h("h2", { id: "warnings-title" }, "Warnings"),
    warnings,
  );
  const budgets = h("ul", { class: "budgets" });
  const budgetBox = h(
    "section",
    { class: "card", "aria-labelledby": "budgets-title", hidden: true },
    h("h2", { id: "budgets-title" }, "Budgets"),
    budgets,
  );
  const queue = h("ul", { class: "queue" });
  const queueBox = h(
    "section",
    { class: "card", "aria-labelledby": "queue-title", hidden: true },
    h("h2", { id: "queue-title" }, "Waiting prompts"),
    queue,
  );
  put(
    main,
    asks,
    agents,
    box,
    h(
      "aside",
      { class: "side", "aria-label": "Sums" },
      h(
        "section",
        { class: "card", "aria-labelledby": "today-title" },
        h("h2", { id: "today-title" }, "Today"),
        today,
        todayMore,
        h("p", {}, h("a", { href: "#/costs" }, "All costs")),
      ),
      budgetBox,
      queueBox,
      warningBox,
    ),
  );

  function update() {
    asks.update();
    agents.update();
    const said = known.status?.warnings ?? [];
    keyed(
      warnings,
      said,
      (line) => line,
      (line) => ({ node: h("li", {}, clean(line)), update() {} }),
    );
    mark(warningBox, "hidden", said.length === 0);
  }

  async function sums() {
    if (document.hidden || known.state !== "live") return;
    try {
      const report = await get("costs", { report: "today" });
      const figures = report.totals;
      say(today, dollars(figures.costUsd, figures.unpricedTokens > 0));
      say(
        todayMore,
        `${short(figures.totalTokens)} tokens · ${count(figures.requests, "request")}`,
      );
      const stand = await get("budgets");
      keyed(budgets, stand.budgets, (budget) => `${budget.name} ${budget.session}`, budgetRow);
      mark(budgetBox, "hidden", stand.budgets.length === 0);
    } catch (error) {
      say(todayMore, error.message);
    }
  }
  async function waiting() {
    const some = (known.status?.agents ?? []).some((agent) => agent.queued > 0);
    if (!some) {
      mark(queueBox, "hidden", true);
      return;
    }
    try {
      const { prompts } = await get("queue");
      keyed(queue, prompts, (prompt) => prompt.turn, queueRow);
      mark(queueBox, "hidden", prompts.length === 0);
    } catch {
      mark(queueBox, "hidden", true);
    }
  }
  const soon = throttled(sums, SUMS_MS);
  const queueSoon = throttled(waiting, 700);
  let begun = known.state === "live";
  const ends = [
    watch(() => {
      update();
      queueSoon();
      if (known.state === "live" && !begun) soon();
      begun = known.state === "live";
    }),
    listen((event) => event === "turn_ended" && soon()),
    everySecond(update),
    box.end,
  ];
  update();
  if (begun) soon();
  queueSoon();
  return () => ends.forEach((end) => end());
}

function put(main, asks, agents, box, side) {
  fill(
    main,
    h("h1", { class: "unseen" }, "Overview"),
    asks.node,
    h(
      "div",
      { class: "columns" },
      h(
        "div",
        {},
        box.node,
        h(
          "section",
          { "aria-labelledby": "agents-title" },
          h("h2", { id: "agents-title" }, "Agents"),
          agents.node,
        ),
      ),
      side,
    ),
  );
}

function budgetRow(first) {
  const bar = meter(first.name);
  const reason = h("p", { class: "hint" });
  return {
    node: h("li", {}, bar.node, reason),
    update(budget) {
      const spent =
        budget.limitUsd !== null
          ? `${dollars(budget.spentUsd)} of ${dollars(budget.limitUsd)}`
          : `${short(budget.tokens)} of ${short(budget.maxTokens)}`;
      bar.update(budget.share, `${spent} · ${percent(budget.share)}`, budget.standing);
      say(
        reason,
        [
          `per ${budget.per}`,
          budget.agent,
          budget.model,
          budget.resetsAt ? `anew ${until(budget.resetsAt)}` : "",
          budget.standing === "fine" ? "" : clean(budget.reason),
        ]
          .filter(Boolean)
          .join(" · "),
      );
    },
  };
}

function queueRow(first) {
  const words = h("p", {});
  const hint = h("p", { class: "hint" });
  const drop = h(
    "button",
    {
      type: "button",
      "aria-label": `withdraw the prompt of ${first.agent} from ${moment(first.askedAt)}`,
      onclick: async () => {
        mark(drop, "disabled", true);
        await post("cancel", { turn: first.turn }).catch(() => mark(drop, "disabled", null));
        look();
      },
    },
    "Withdraw",
  );
  return {
    node: h("li", {}, words, hint, drop),
    update(prompt) {
      say(words, oneLine(prompt.preview || "(not kept)", 120));
      say(
        hint,
        [
          prompt.agent,
          `place ${prompt.position}`,
          moment(prompt.askedAt),
          clean(prompt.waitsFor ?? ""),
        ]
          .filter(Boolean)
          .join(" · "),
      );
    },
  };
}
