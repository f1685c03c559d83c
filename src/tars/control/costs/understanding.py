"""Words become what was asked for: which report, of which span, in which form. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tars.config_costs import CostsConfig
from tars.control.costs.layout import Face
from tars.control.costs.money import Money, money
from tars.control.costs.tables import Look
from tars.control.costs.words import FORMATS, REPORTS, SORTS, Given, find_report
from tars.control.costs.words import Report as Kind
from tars.costs.facts import Only
from tars.errors import RequestInvalid
from tars.sessions.ranges import Span, Zone, days, find_moment, find_span, find_zone


class Asked(NamedTuple):
    """What was asked for, all of it understood."""

    kind: Kind
    span: Span
    zone: Zone
    only: Only
    form: str
    sort: str
    limit: int
    look: Look
    now: datetime

    @property
    def is_now(self) -> bool:
        """Whether it is of a span that is not over yet."""
        begun = self.span.since is None or self.span.since <= self.now
        return begun and (self.span.until is None or self.now < self.span.until)


def understand(
    given: Given, *, config: CostsConfig, zone: Zone, now: datetime, face: Face, home: str = ""
) -> Asked:
    """Make sense of the words of a command line or a query. Raises RequestInvalid."""
    words = _Words(given)
    kind = _kind(words.text("report") or "today")
    zone = find_zone(words.text("tz")) if words.text("tz") else zone
    form = "json" if given.get("json") else words.choice("format", FORMATS)
    usual = Money(config.currency, config.rate, config.precision, face.unicode)
    wanted = money(
        usual,
        currency=words.text("currency") or None,
        rate=words.number("rate"),
        precision=words.whole("precision"),
    )
    sort, limit = words.choice("sort", ("", *SORTS)), words.whole("limit") or 0
    for word, wanted_by, having in (("sort", sort, SORTED), ("limit", limit, LIMITED)):
        if wanted_by and kind.name not in having:
            raise RequestInvalid(
                f"{kind.name} has no lines to {word}.", advice=f"These have: {', '.join(having)}."
            )
    if kind.name == "limits" and any(map(words.text, ("range", "since", "until"))):
        raise RequestInvalid(
            "limits are those of now.", advice="Leave `range`, `since` and `until` out."
        )
    return Asked(
        kind=kind,
        span=_span(words, kind, zone, now),
        zone=zone,
        only=_only(words, kind),
        form=form,
        sort=sort,
        limit=limit,
        look=Look(face, wanted, home),
        now=now,
    )


#: The reports that have lines to sort.
SORTED = ("today", "daily", "weekly", "monthly", "by-model", "by-agent", "by-project", "by-branch",
          "by-session", "by-task", "by-machine")  # fmt: skip
#: What a report can be restricted to, and those that can be to some of it only.
ONLY = ("agent", "model", "project", "branch", "session", "task", "machine")
RESTRICTED = {"limits": ("agent",), "reconcile": ("agent", "project", "session")}
#: How many conversations a report can be restricted to.
MOST_SESSIONS = 1000
#: Those of which the first or the last lines can be asked for alone.
LIMITED = (*SORTED, "blocks", "reconcile")


def _only(words: "_Words", kind: Kind) -> Only:
    known = RESTRICTED.get(kind.name, ONLY)
    for name in ONLY:
        if words.text(name) and name not in known:
            having = ", ".join(f"`{each}`" for each in known)
            raise RequestInvalid(
                f"{kind.name} cannot be restricted by `{name}`.", advice=f"It can by {having}."
            )
    session, sessions = _sessions(words.text("session"), kind)
    return Only(
        agent=words.text("agent"),
        model=words.text("model"),
        project=words.text("project"),
        branch=words.text("branch"),
        session=session,
        task=words.text("task"),
        machine=words.text("machine"),
        sessions=sessions,
    )


def _sessions(text: str, kind: Kind) -> tuple[str, frozenset[str]]:
    """Read one conversation, or several with commas between."""
    if "," not in text:
        return text, frozenset()
    several = frozenset(filter(None, map(str.strip, text.split(","))))
    if kind.name == "reconcile":
        raise RequestInvalid("reconcile is of one session, or of all.")
    if not 0 < len(several) <= MOST_SESSIONS:
        raise RequestInvalid(f"A report is of one session, or of up to {MOST_SESSIONS:,}.")
    return "", several


def _kind(name: str) -> Kind:
    try:
        return find_report(name)
    except LookupError:
        known = ", ".join(each.name for each in REPORTS)
        raise RequestInvalid(f"There is no report {name!r}.", advice=f"One of {known}.") from None


def _span(words: "_Words", kind: Kind, zone: Zone, now: datetime) -> Span:
    """Read `--since`, `--until` and `--range`; the first two narrow the last, and where one of
    them is said alone, there is nothing else to narrow."""
    since, until = words.text("since"), words.text("until")
    if words.text("range"):
        found = find_span(words.text("range"), zone, now)
    elif since or until:
        found = Span()
    else:
        found = usual_span(kind.span, zone, now)
    found = Span(
        find_moment(since, zone, now) if since else found.since,
        find_moment(until, zone, now) if until else found.until,
    )
    if found.since and found.until and found.since > found.until:
        raise RequestInvalid(
            f"The span ends before it begins: {found.shown(zone)}.",
            advice="`since` comes before `until`.",
        )
    return found


def usual_span(word: str, zone: Zone, now: datetime) -> Span:
    """Give the span of a range's word, or of so many whole days or weeks, this one included."""
    number, _, unit = word.partition(" ")
    if not number.isdigit():
        return find_span(word, zone, now)
    today = now.astimezone(zone.info).date()
    if unit == "weeks":
        monday = today - timedelta(today.weekday())
        return days(monday - timedelta(7 * (int(number) - 1)), monday + timedelta(7), zone)
    return days(today - timedelta(int(number) - 1), today + timedelta(1), zone)


class _Words:
    """What was given, read by its types: over a socket everything is text."""

    def __init__(self, given: Given) -> None:
        self._given = given

    def text(self, key: str) -> str:
        return str(self._given.get(key, "") or "").strip()

    def choice(self, key: str, known: Sequence[str]) -> str:
        value = self.text(key) or known[0]
        if value not in known:
            raise RequestInvalid(
                f"There is no {key} {value!r}.", advice=f"One of {', '.join(filter(None, known))}."
            )
        return value

    def whole(self, key: str) -> int | None:
        text = str(self._given.get(key, "")).strip()
        if not text:
            return None
        if not (text.isascii() and text.isdigit()):
            raise RequestInvalid(f"`{key}` is a whole number.")
        return int(text)

    def number(self, key: str) -> float | None:
        text = str(self._given.get(key, "")).strip()
        try:
            value = float(text) if text else None
        except ValueError:
            value = -1.0
        if value is not None and not 0 < value < float("inf"):
            raise RequestInvalid(f"`{key}` is a number above 0.")
        return value
