// Text from outside made fit to be looked at: no terminal commands, nothing that reorders what
// stands beside it, and a little of Markdown as nodes.

import { h } from "./dom.js";

// ECMA-48: a control sequence; a command or device string up to its terminator; any other.
const SEQUENCE =
  /\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-OQ-WYZ\\`-~]/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
// They turn round what follows, as far as to make one text look like another ("Trojan Source").
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;

/** Take out what would command a terminal; show what would turn the text round. */
export function clean(text) {
  return String(text)
    .replace(/\r\n?/g, "\n")
    .replace(SEQUENCE, "")
    .replace(CONTROLS, "")
    .replace(TURNING, (c) => `\\u${c.codePointAt(0).toString(16)}`);
}

/** Text from outside, on its own: its direction is its own affair. */
export function foreign(text) {
  return h("bdi", { dir: "auto" }, clean(text));
}

/** The same as one line, and not longer than this. */
export function oneLine(text, most = 160) {
  const line = clean(text.slice(0, most * 4))
    .replace(/\s+/g, " ")
    .trim();
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

/** Cut a text, but no character in two. */
export function cut(text, most) {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most);
}

const FENCE = /^ {0,3}(```+|~~~+)\s*([\w.+#-]{0,30})/;
const HEADING = /^(#{1,6}) +(.+)$/;
const ITEM = /^ {0,6}(?:[-*+]|\d{1,4}[.)]) +(.*)$/;
const QUOTE = /^> ?(.*)$/;

/** Divide a text into blocks: `{kind, lines, …}`. Each line is looked at once. */
export function blocks(text) {
  const found = [];
  let open = null;
  const close = () => {
    if (open !== null && open.lines.length > 0) found.push(open);
    open = null;
  };
  const add = (kind, line, more = {}) => {
    if (open?.kind !== kind) {
      close();
      open = { kind, lines: [], ...more };
    }
    open.lines.push(line);
  };
  for (const line of text.split("\n")) {
    const fence = FENCE.exec(line);
    if (open?.kind === "code") {
      if (fence !== null && fence[1].startsWith(open.fence) && fence[2] === "") {
        found.push(open);
        open = null;
      } else open.lines.push(line);
    } else if (fence !== null) {
      close();
      open = { kind: "code", lines: [], fence: fence[1], language: fence[2] };
    } else if (line.trim() === "") close();
    else if (HEADING.test(line)) {
      close();
      const [, signs, words] = HEADING.exec(line);
      found.push({ kind: "heading", lines: [words], level: signs.length });
    } else if (ITEM.test(line)) add(/^\s*\d/.test(line) ? "numbers" : "items", line);
    else if (QUOTE.test(line)) add("quote", QUOTE.exec(line)[1]);
    else if (open?.kind === "items" || open?.kind === "numbers")
      open.lines[open.lines.length - 1] += `\n${line.trim()}`;
    else add("text", line);
  }
  if (open?.kind === "code") found.push(open);
  else close();
  return found;
}

/** Show a text in a node, block by block; blocks that are there already are left alone. */
export function showText(node, text) {
  const found = blocks(clean(text));
  const known = node.tarsBlocks ?? [];
  const now = found.map((block) => JSON.stringify(block));
  for (let n = 0; n < found.length; n += 1) {
    if (known[n] === now[n]) continue;
    const made = blockNode(found[n]);
    if (n < node.childNodes.length) node.childNodes[n].replaceWith(made);
    else node.append(made);
  }
  while (node.childNodes.length > found.length) node.lastChild.remove();
  node.tarsBlocks = now;
}

function blockNode(block) {
  switch (block.kind) {
    case "code":
      return h(
        "pre",
        { class: "code", tabindex: "0", dir: "ltr", "aria-label": block.language || "code" },
        h("code", {}, block.lines.join("\n")),
      );
    case "heading":
      return h("p", { class: `heading h${block.level}`, dir: "auto" }, inline(block.lines[0]));
    case "items":
    case "numbers":
      return h(
        block.kind === "items" ? "ul" : "ol",
        {},
        block.lines.map((line) => {
          const number = /^\s*(\d+)/.exec(line);
          return h(
            "li",
            { dir: "auto", value: number && block.kind === "numbers" ? number[1] : null },
            inline(line.replace(/^ {0,6}(?:[-*+]|\d{1,4}[.)]) +/, "")),
          );
        }),
      );
    case "quote":
      return h("blockquote", { dir: "auto" }, inline(block.lines.join("\n")));
    default:
      return h("p", { dir: "auto" }, inline(block.lines.join("\n")));
  }
}

/** `code` and **bold** within a line; everything else is as it was written. */
export function inline(text) {
  return text.split(/(`[^`\n]{1,400}`|\*\*[^*\n]{1,400}\*\*)/).map((part) => {
    if (part.length > 2 && part.startsWith("`") && part.endsWith("`"))
      return h("code", {}, part.slice(1, -1));
    if (part.length > 4 && part.startsWith("**") && part.endsWith("**"))
      return h("strong", {}, part.slice(2, -2));
    return part;
  });
}
