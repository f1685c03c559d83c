// How things stand: the daemon's events say when to look again, and nothing is asked meanwhile.

import { Crowded, follow, get, Refusal } from "./api.js";
import { throttled } from "./dom.js";

/** Twice a second is as much as anybody can read. */
const LOOK_MS = 500;
/** The slowest that a daemon is tried again that does not answer. */
const SLOWEST_MS = 4000;

/**
 * What is known. `state`: connecting, live, away, shut (not let in), asleep (nobody looks) or
 * crowded (other windows of this browser look already).
 */
export const known = { state: "connecting", status: null, seenAt: 0, version: null };

const watchers = new Set();
const listeners = new Set();

/** Be told whenever something is another one. Gives a function that ends it. */
export function watch(work) {
  watchers.add(work);
  return () => watchers.delete(work);
}

/** Be told every event of the daemon: `(event, agent, data)`. */
export function listen(work) {
  listeners.add(work);
  return () => listeners.delete(work);
}

function tell() {
  for (const work of [...watchers]) work(known);
}

function become(state) {
  if (known.state === state) return;
  known.state = state;
  tell();
}

export const look = throttled(async () => {
  if (document.hidden || known.state !== "live") return;
  try {
    const status = await get("status");
    known.status = status;
    known.seenAt = performance.now();
    known.version ??= status.daemon.version;
    tell();
  } catch (error) {
    // The stream of events notices, too, and says what it means.
    if (error instanceof Refusal && error.status >= 500) console.warn(error.message);
  }
}, LOOK_MS);

/** Resolves once somebody looks at the page. */
function seen() {
  if (!document.hidden) return Promise.resolve();
  become("asleep");
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  }).then(seen);
}

/** Resolves after so long, or as soon as somebody comes back to the page. */
function pause(ms) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    document.addEventListener("visibilitychange", end);
  });
}

/** Aborts once nobody looks at the page. */
export function whileSeen() {
  const stop = new AbortController();
  const hidden = () => document.hidden && stop.abort();
  document.addEventListener("visibilitychange", hidden);
  stop.signal.addEventListener("abort", () =>
    document.removeEventListener("visibilitychange", hidden),
  );
  return stop;
}

/** Stay connected for as long as the page is there. */
export async function stay() {
  let wait = 250;
  for (;;) {
    await seen();
    const stop = whileSeen();
    try {
      await follow("events", {}, stop.signal, (name, event) => {
        wait = 250;
        become("live");
        look();
        if (name !== "event") return;
        for (const work of [...listeners]) work(event.event, event.agent, event.data);
      });
      // It ended its stream: it is stopping.
      become("away");
    } catch (error) {
      const shut = error instanceof Refusal && error.status === 403;
      if (!document.hidden)
        become(error instanceof Crowded ? "crowded" : shut ? "shut" : "away");
    }
    stop.abort();
    if (document.hidden) continue;
    await pause(wait);
    wait = Math.min(SLOWEST_MS, wait * 2);
  }
}

/** Whether what is shown may be long past. */
export const isBlind = () => known.state === "away" || known.state === "crowded";

/** How old that is which is known of the agents: their clocks go on meanwhile. */
export const seconds = () =>
  known.state === "live" ? (performance.now() - known.seenAt) / 1000 : 0;

/** Do something every second in which somebody looks. Gives a function that ends it. */
export function everySecond(work) {
  const timer = setInterval(() => document.hidden || known.state !== "live" || work(), 1000);
  return () => clearInterval(timer);
}

export const agentNamed = (name) => known.status?.agents.find((agent) => agent.name === name);
export const isOnScreen = (agent) => agent.protocol === "pty";
