"""What agents told tars beside what their logs have, as a report."""

from tars.accounting.rates import DOLLAR, Tokens
from tars.control.costs import told
from tars.control.costs.layout import Column, table
from tars.control.costs.tables import Look, printable, short_folder, short_ids
from tars.costs.reconciling import Match, Reconciled
from tars.sessions.ranges import Span, Zone

HEAD = ("Agent", "Session", "Project", "Turns", "Told", "Log", "Gap", "Outside")
FIGURES = HEAD[3:]
_WORDS = ("agent", "session", "project", "turns", "costedTurns", "costUsd")
_TOKENS = tuple(told.TOKENS.values())


def told_matches(found: Reconciled, span: Span, zone: Zone) -> told.Told:
    """Put compared sessions onto the wire."""
    return {
        "range": told.time_span(span, zone),
        "rows": [row(each) for each in found.matches],
        "withoutLog": found.alone,
    }


def sheet(found: Reconciled) -> tuple[list[str], list[told.Told]]:
    """Give compared sessions for CSV: the names, and a row for each."""
    rows = []
    for match in found.matches:
        sides = {"told": match.ledger, "log": match.log, "outside": match.outside}
        parts = (told.part(name, _tokens(side), _TOKENS) for name, side in sides.items())
        rows.append({**row(match), **{key: value for each in parts for key, value in each.items()}})
    names = [key for side in ("told", "log", "outside") for key in told.part(side, None, _TOKENS)]
    return [*_WORDS, "share", *names], rows


def row(match: Match) -> told.Told:
    """Put one session onto the wire. `gap` is what its log has more than its agent told, and
    `share` how far that is from none."""
    return {
        "agent": match.agent,
        "session": match.session,
        "project": match.project,
        "turns": match.turns,
        "costedTurns": match.costed,
        "costUsd": match.cost / DOLLAR if match.costed else None,
        "told": _tokens(match.ledger),
        "log": _tokens(match.log),
        "gap": {told.TOKENS[name]: number for name, number in match.gap.items()},
        "share": match.share,
        "outside": _tokens(match.outside),
    }


def page(title: str, found: Reconciled, look: Look, *, hidden: int) -> str:
    """Give compared sessions as a page."""
    text = look.face.paint(look.face.plain(title), "bold") + "\n\n"
    if not found.matches:
        return f"{text}No session of tars' agents has a log beside it.\n{_alone(found)}"
    rows = cells(found, look)
    least = {"Project": 12}
    columns = [
        Column(
            name.upper(),
            [cell[place] for cell in rows],
            right=place > 2,
            leaves={"Turns": 2, "Project": 1}.get(name, 0),
            least=least.get(name, 0),
            start=name == "Project",
        )
        for place, name in enumerate(HEAD)
    ]
    text += table(columns, look.face)
    if hidden:
        text += (
            f"{len(rows):,} of {len(rows) + hidden:,}; --limit {len(rows) + hidden} shows all.\n"
        )
    below = (
        "TOLD is what counts of the turns that tars ran, and LOG what the agent's log has of them. "
        "OUTSIDE is what the log has besides: it counts, too."
    )
    return f"{text}\n{told_below(below, look)}{_alone(found)}"


def told_below(text: str, look: Look) -> str:
    """Write a text below a table."""
    from tars.control.costs.tables import wrapped

    return "".join(f"{line}\n" for line in wrapped(text, look.face))


def cells(found: Reconciled, look: Look) -> list[tuple[str, ...]]:
    """Write each session as the words of a line."""
    short = short_ids(match.session for match in found.matches)
    return [
        (
            printable(match.agent),
            printable(short[match.session]),
            printable(short_folder(match.project, look.home)),
            f"{match.turns:,}",
            f"{match.ledger.total:,}",
            f"{match.log.total:,}",
            _gap(match),
            f"{match.outside.total:,}",
        )
        for match in found.matches
    ]


def _gap(match: Match) -> str:
    if match.share is None:
        return "none told"
    return "none" if not match.share else f"{match.share:.2%}" if match.share >= 1e-4 else "<0.01%"


def _alone(found: Reconciled) -> str:
    if not found.alone:
        return ""
    more = " more" if found.matches else ""
    several = f"{more} sessions have" if found.alone > 1 else f"{more} session has"
    return f"{found.alone:,}{several} no log here.\n"


def _tokens(tokens: Tokens) -> told.Told:
    return {told.TOKENS[name]: getattr(tokens, name) for name in told.TOKENS}
