// A bar that shows how much of something is used, and says so in words as well.

import { h, mark, say } from "./dom.js";

/** `update(share, text)`; a share of null is not known, and shows no bar. */
export function meter(label) {
  const bar = h("span", { class: "fill" });
  const words = h("span", { class: "words" });
  const track = h(
    "span",
    {
      class: "track",
      role: "meter",
      "aria-label": label,
      "aria-valuemin": "0",
      "aria-valuemax": "100",
    },
    bar,
  );
  const node = h("p", { class: "meter" }, h("span", { class: "label" }, label), track, words);
  function update(share, text, standing = null) {
    mark(node, "hidden", share === null && text === "");
    mark(track, "hidden", share === null);
    say(words, text);
    if (share === null) return;
    const shown = Math.round(Math.min(1, Math.max(0, share)) * 100);
    mark(track, "aria-valuenow", shown);
    mark(track, "aria-valuetext", text);
    mark(
      node,
      "data-standing",
      standing ?? (share >= 0.9 ? "over" : share >= 0.75 ? "warned" : "fine"),
    );
    bar.style.width = `${shown}%`;
  }
  return { node, update };
}
