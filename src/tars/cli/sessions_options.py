"""The options that say which sessions are meant, the same for every command that shows many."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tars.cli.groups import countable, none_empty, not_empty, some_path

if TYPE_CHECKING:
    from tars.sessions.listing import SessionStatus
    from tars.sessions.ranges import Span, Zone

#: How many are shown unless somebody asks for more.
SHOWN = 20

AgentOption = Annotated[
    str | None,
    typer.Option("--agent", "-a", metavar="NAME", callback=not_empty, help="Of this agent."),
]
AgentTypeOption = Annotated[
    str | None,
    typer.Option(
        "--agent-type", metavar="KIND", callback=not_empty, help="Of agents of this kind: gemini."
    ),
]
ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project", metavar="PATH", parser=some_path, help="Of this folder, and of those in it."
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", callback=not_empty, help="That used this model."),
]
TagOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", metavar="TAG", callback=none_empty, help="With this tag, or all of them."
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="In use at or after this time: 2026-11-20, 2026-11-20T14:30, 14:30, yesterday, 7d.",
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Begun before this time. A date is its midnight."),
]
MinTokensOption = Annotated[
    int | None,
    typer.Option(
        "--min-tokens", metavar="N", min=0, callback=countable, help="With so many tokens."
    ),
]
StatusOption = Annotated[
    str | None,
    typer.Option(
        metavar="STATUS",
        callback=not_empty,
        help="active, completed, failed, interrupted or archived; or several, with commas.",
    ),
]
ActiveOption = Annotated[
    bool, typer.Option("--active", help="That their agents' next prompts go to.")
]
ArchivedOption = Annotated[bool, typer.Option("--archived", help="That are archived.")]
AllOption = Annotated[bool, typer.Option("--all", help="Also those that are archived.")]
MachineOption = Annotated[
    str | None,
    typer.Option("--machine", metavar="NAME", callback=not_empty, help="Of this machine."),
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="SOURCE",
        callback=not_empty,
        help="Run by tars, imported (import), of a program (api), or run outside tars (log).",
    ),
]
ZoneOption = Annotated[
    str | None,
    typer.Option(
        "--tz", metavar="ZONE", help="The time zone of days and times; this machine's own."
    ),
]
LimitOption = Annotated[
    int,
    typer.Option("--limit", "-n", metavar="N", min=1, callback=countable, help="At most so many."),
]


def statuses(active: bool, status: str | None) -> "tuple[SessionStatus, ...]":
    """Read `--active` and `--status`."""
    from tars.sessions.listing import SessionStatus

    words = [word.strip() for word in (status or "").split(",") if word.strip()]
    known = [each.value for each in SessionStatus]
    for word in words:
        if word not in known:
            raise typer.BadParameter(
                f"{word!r} is none of {', '.join(known)}", param_hint="'--status'"
            )
    return tuple(SessionStatus(word) for word in (*words, *(["active"] if active else [])))


def source(word: str | None) -> str | None:
    """Read `--source`."""
    known = ("tars", "import", "api", "log")
    if word is not None and word not in known:
        raise typer.BadParameter(f"{word!r} is none of {', '.join(known)}", param_hint="'--source'")
    return word


def archived(*, archived: bool, everything: bool) -> bool | None:
    """Read `--archived` and `--all`."""
    return None if everything else archived


def folder(project: Path | None) -> str | None:
    """Give a folder as sessions have it: whole, whether it is there or not."""
    return None if project is None else str(project.expanduser().resolve())


def span(zone: "Zone", *, since: str | None, until: str | None, word: str | None = None) -> "Span":
    """Read `--since`, `--until` and `--range`; the first two narrow the last. RequestInvalid."""
    from tars.errors import RequestInvalid
    from tars.sessions.ranges import Span, find_moment, find_span

    now = datetime.now(UTC)
    found = Span() if word is None else find_span(word, zone, now)
    found = Span(
        found.since if since is None else find_moment(since, zone, now),
        found.until if until is None else find_moment(until, zone, now),
    )
    if found.since and found.until and found.since > found.until:
        raise RequestInvalid(f"The span ends before it begins: {found.shown(zone)}.")
    return found
