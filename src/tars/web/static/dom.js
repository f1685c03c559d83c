// DOM nodes, built by hand: text is only ever set as text, never read as HTML.

/** Make an element. What begins with "on" listens, `false` and null are left out. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  put(node, children);
  return node;
}

/** Append what is there of these, however deep. */
export function put(node, children) {
  for (const child of children.flat(9)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

/** Show these children and no others. */
export function fill(node, ...children) {
  node.replaceChildren();
  return put(node, children);
}

/** Set a text where it is another one: what is selected or read aloud is left in peace. */
export function say(node, text) {
  const wanted = String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

/** Set or take away an attribute. */
export function mark(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value))
    node.setAttribute(name, value === true ? "" : value);
}

/**
 * Show one node for each item, by its key, in this order. Those that stay are moved only where
 * they have to be, so that whoever has the focus keeps it.
 * `make(item)` gives `{node, update(item)}`.
 */
export function keyed(parent, items, keyOf, make) {
  const known = parent.tarsViews ?? new Map();
  const now = new Map();
  let at = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    const view = known.get(key) ?? make(item);
    view.update(item);
    now.set(key, view);
    if (view.node === at) at = at.nextSibling;
    else parent.insertBefore(view.node, at);
  }
  for (const [key, view] of known) if (!now.has(key)) view.node.remove();
  parent.tarsViews = now;
}

/** Tell those who hear the page what others see. */
export function announce(text) {
  const told = document.getElementById("told");
  told.append(h("p", {}, text));
  while (told.childNodes.length > 5) told.firstChild.remove();
}

/** Do something soon, however often it is asked for: at most once in `ms`. */
export function throttled(work, ms) {
  let timer = null;
  let last = -Infinity;
  return () => {
    if (timer !== null) return;
    const wait = Math.max(0, last + ms - performance.now());
    timer = setTimeout(() => {
      timer = null;
      last = performance.now();
      work();
    }, wait);
  };
}
