// The daemon, asked: JSON over the same address that the page came from.

/** What the daemon refused, in its own words. `code` is a stable one. */
export class Refusal extends Error {
  constructor(status, code, message, advice) {
    super(advice ? `${message} ${advice}` : message);
    this.status = status;
    this.code = code;
  }
}

/** Nobody answers: the daemon is gone, or the page's port is closed. */
class Unreachable extends Error {}

/** This browser follows as many streams as it can: another one would wait, and all else with it. */
export class Crowded extends Error {}

/** Browsers open six connections to an address, whatever the number of windows: two stay free. */
const MOST_STREAMS = 4;

export const path = (...words) => words.map((word) => encodeURIComponent(word)).join("/");

export function query(values) {
  const given = Object.entries(values).filter(([, v]) => v !== null && v !== undefined && v !== "");
  return given.length > 0 ? `?${new URLSearchParams(given)}` : "";
}

export async function get(route, values = {}, signal = undefined) {
  return (await ask(`/v1/${route}${query(values)}`, { signal })).json();
}

export async function post(route, body = {}) {
  const headers = { "content-type": "application/json" };
  return (
    await ask(`/v1/${route}`, { method: "POST", headers, body: JSON.stringify(body) })
  ).json();
}

async function ask(url, options) {
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin", redirect: "error", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable("The daemon does not answer.");
  }
  if (answer.ok) return answer;
  let said = {};
  try {
    said = (await answer.json()).error ?? {};
  } catch {
    // No words of its own: the status has to do.
  }
  throw new Refusal(
    answer.status,
    said.code ?? "",
    said.message ?? `HTTP status ${answer.status}.`,
    said.advice ?? "",
  );
}

/**
 * Follow a stream of events until it ends: `on(name, data)` for each, and `on("", null)` for a
 * sign of life. Raises what `get` raises, and AbortError once `signal` says so.
 */
export async function follow(route, values, signal, on) {
  for (let n = 0; n < MOST_STREAMS; n += 1) {
    let followed = false;
    await navigator.locks.request(`stream-${n}`, { ifAvailable: true }, (lock) => {
      followed = lock !== null;
      return followed ? read(route, values, signal, on) : null;
    });
    if (followed) return;
  }
  throw new Crowded("Too many windows of this browser show tars: hide or close one.");
}

async function read(route, values, signal, on) {
  const answer = await ask(`/v1/${route}${query(values)}`, { signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  // An event may have 10 MB: its pieces are put together once its end is there.
  let pieces = [];
  let tail = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      pieces.push(value);
      const ends = (tail + value).includes("\n\n");
      tail = value.slice(-1);
      if (ends) pieces = [takeEvents(pieces.join(""), on)];
    }
  } catch (error) {
    if (signal.aborted || error instanceof SyntaxError) throw error;
    throw new Unreachable("The daemon went away.");
  }
}

/** Give on every whole event, and keep what is not whole yet. */
function takeEvents(text, on) {
  let start = 0;
  for (;;) {
    const end = text.indexOf("\n\n", start);
    if (end < 0) return text.slice(start);
    let name = "";
    let data = "";
    for (const line of text.slice(start, end).split("\n")) {
      if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
    }
    on(name, data === "" ? null : JSON.parse(data));
    start = end + 2;
  }
}
