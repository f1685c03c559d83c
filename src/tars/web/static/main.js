// The shell: which page is shown, whether the daemon answers, and what to do where it does not.

import { fill, h, mark, say } from "./dom.js";
import { known, look, stay, watch } from "./link.js";
import { costs } from "./costs.js";
import { live } from "./live.js";
import { overview } from "./overview.js";
import { session } from "./session.js";
import { sessions } from "./sessions.js";

/** Each page makes its nodes once it is shown: `show(main, words, query)` gives what ends it. */
const PAGES = { overview, live, sessions, session, costs };
const NAV = [
  ["overview", "Overview"],
  ["live", "Live"],
  ["sessions", "Sessions"],
  ["costs", "Costs"],
];

const main = document.getElementById("main");
let end = () => {};
let page = "";
let drawn = "";

function route() {
  const [address, search] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...words] = address.split("/").map(decoded);
  return {
    name: Object.hasOwn(PAGES, name) ? name : "overview",
    words,
    search: new URLSearchParams(search ?? ""),
  };
}

function decoded(word) {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

function show() {
  const { name, words, search } = route();
  const address = [name, ...words].join("/");
  const moved = drawn !== "" && address !== drawn;
  end();
  main.replaceChildren();
  page = name;
  drawn = address;
  end = PAGES[name](main, words, search) ?? (() => {});
  showNav();
  if (!moved) return;
  // Who follows a link by ear or keyboard goes on where the new page begins.
  const title = main.querySelector("h1");
  title?.setAttribute("tabindex", "-1");
  title?.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function showNav() {
  const nav = document.getElementById("nav");
  const waiting = (known.status?.agents ?? []).reduce(
    (n, agent) => n + agent.permissions.length,
    0,
  );
  if (nav.childElementCount === 0) {
    fill(
      nav,
      NAV.map(([name, title]) =>
        h(
          "li",
          {},
          h(
            "a",
            { href: `#/${name}`, "data-page": name },
            h("span", {}, title),
            h("span", { class: "count", hidden: true }),
          ),
        ),
      ),
    );
  }
  for (const link of nav.querySelectorAll("a")) {
    const here = link.dataset.page === (page === "session" ? "sessions" : page);
    mark(link, "aria-current", here ? "page" : null);
    const count = link.querySelector(".count");
    const shown = link.dataset.page === "overview" && waiting > 0;
    mark(count, "hidden", !shown);
    const words = h("span", { class: "unseen" }, " waiting for permission");
    if (count.dataset.n !== String(waiting)) fill(count, shown ? [String(waiting), words] : []);
    count.dataset.n = String(waiting);
  }
  const title = NAV.find(([name]) => name === page)?.[1] ?? "Session";
  document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${title} · tars`;
}

const LINK = {
  connecting: "connecting …",
  live: "connected",
  away: "not running",
  shut: "not let in",
  asleep: "paused",
  crowded: "too many windows",
};

function showLink() {
  const link = document.getElementById("link");
  mark(link, "data-state", known.state);
  say(
    link,
    known.state === "live" && known.status
      ? `tars ${known.status.daemon.version}`
      : LINK[known.state],
  );
  const banner = document.getElementById("banner");
  const newer =
    known.status && known.version !== known.status.daemon.version
      ? known.status.daemon.version
      : null;
  const key = `${known.state} ${newer}`;
  if (banner.dataset.key === key) return;
  banner.dataset.key = key;
  if (known.state === "away") {
    fill(
      banner,
      h("strong", {}, "tars does not answer."),
      " Start it with ",
      h("code", {}, "tars start"),
      ": this page goes on by itself. Where it runs already, ",
      h("code", {}, "tars web"),
      " opens the page again.",
    );
  } else if (known.state === "shut") {
    fill(
      banner,
      h("strong", {}, "This browser is not let in any more."),
      " ",
      h("code", {}, "tars web"),
      " in a terminal opens the page again.",
    );
  } else if (known.state === "crowded") {
    fill(
      banner,
      h("strong", {}, "Too many windows of this browser show tars."),
      " Hide or close one: this one goes on by itself.",
    );
  } else if (newer !== null) {
    fill(
      banner,
      `tars is ${newer} now. `,
      h("button", { type: "button", onclick: () => location.reload() }, "Load the new page"),
    );
  }
  const told = ["away", "shut", "crowded"].includes(known.state) || newer !== null;
  mark(banner, "hidden", !told);
}

window.addEventListener("hashchange", show);
document.addEventListener("visibilitychange", () => document.hidden || look());
watch(showNav);
watch(showLink);
show();
showLink();
stay();
