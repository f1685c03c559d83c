// Figures as people read them.

const NUMBER = new Intl.NumberFormat("en");

export const whole = (n) => NUMBER.format(Math.round(n));

/** 1 turn, 2 turns. */
export const count = (n, what) => `${whole(n)} ${what}${n === 1 ? "" : "s"}`;

/** 12.5K, 1.2M, 3.4B: as `tars tui` has them. */
export function short(n) {
  let value = n;
  let unit = "";
  for (unit of ["", "K", "M", "B"]) {
    if (value < 999.5 || unit === "B") break;
    value /= 1000;
  }
  return `${value.toFixed(unit !== "" && value < 99.95 ? 1 : 0)}${unit}`;
}

/** Money; what nobody knows is a dash, and no zero. */
export function dollars(usd, atLeast = false) {
  if (usd === null || usd === undefined) return "—";
  const value = Number(usd);
  const digits = value !== 0 && Math.abs(value) < 1 ? 4 : 2;
  return `${atLeast ? "≥" : ""}$${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

export const percent = (share) => `${Math.round(share * 100)}%`;

/** 15m 32s, 2h 05m, 3d 04h. */
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s}s`;
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${two((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d ${two((s % 86400) / 3600)}h`;
}

/** Whether only its agent's own log tells of a session: what it used, and nothing of its turns. */
export const isOutside = ({ source, spent }) => source === "log" && spent.turns === 0;

/** How long the turns of a session took. */
export const lasted = (session) =>
  isOutside(session) ? "—" : duration(session.durationMs / 1000);

export function bytes(n) {
  if (n < 2 ** 20) return `${Math.round(n / 1024)} KiB`;
  if (n < 2 ** 30) return `${Math.round(n / 2 ** 20)} MiB`;
  return `${(n / 2 ** 30).toFixed(1)} GiB`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const LONG = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});

/** A moment: the clock today, the date before. */
export function moment(iso) {
  if (!iso) return "—";
  const at = new Date(iso);
  const now = new Date();
  if (at.toDateString() === now.toDateString()) return CLOCK.format(at);
  return (at.getFullYear() === now.getFullYear() ? DATE : LONG).format(at);
}

/** How long until then, or nothing where that is past or not known. */
export function until(iso) {
  if (!iso) return "";
  const seconds = (new Date(iso) - Date.now()) / 1000;
  return seconds > 0 ? `in ${duration(seconds)}` : "";
}

export const briefId = (id) => (id.length > 8 ? `${id.slice(0, 8)}…` : id);
