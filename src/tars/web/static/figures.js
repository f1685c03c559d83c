// Figures as people read them.

const NUMBER = new Intl.NumberFormat("en");

export const whole = (n) => NUMBER.format(Math.round(n));

/** 1 turn, 2 turns. */
export const count = (n, what) => `${whole(n)} ${what}${n === 1 ? "" : "s"}`;

/** 12.5K, 1.2M: short, and never more than it was. */
export function short(n) {
  if (n < 1000) return String(Math.round(n));
  const units = ["K", "M", "G", "T"];
  let value = n;
  let unit = -1;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (value >= 999.5 && unit < units.length - 1) return `1${units[unit + 1]}`;
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)}${units[unit]}`;
}

/** Money; what nobody knows is a dash, and no zero. */
export function dollars(usd, atLeast = false) {
  if (usd === null || usd === undefined) return "—";
  const value = Number(usd);
  const digits = value !== 0 && Math.abs(value) < 1 ? 4 : 2;
  return `${atLeast ? "≥ " : ""}$${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

export const percent = (share) => `${Math.round(share * 100)}%`;

/** 15m 32s, 2h 5m, 3d 4h. */
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
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
