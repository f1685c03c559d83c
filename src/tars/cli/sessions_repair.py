"""`tars sessions repair`: the store put right, with the daemon stopped."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tars.cli import exit_codes
from tars.cli.connection import say
from tars.cli.groups import examples
from tars.cli.library import NONE_YET
from tars.cli.render import count, one_line
from tars.cli.tables import Format, FormatOption, flat, print_csv, print_json
from tars.errors import AlreadyRunning, Refused
from tars.home import Home, find_home

if TYPE_CHECKING:
    from tars.sessions.repair import Repaired

app = typer.Typer(rich_markup_mode=None)

#: What is said of what was mended: the noun for its count, and what was done.
_MENDED = {
    "machines_recovered": ("machine", "put in place of lost ones"),
    "sessions_recovered": ("session", "put in place again by what is left of them"),
    "turns_recovered": ("turn", "put in place of lost ones; what they used is not known"),
    "figures_dropped": ("figure", "of what is lost dropped"),
    "messages_ended": ("message", "ended that still grew in turns that are over"),
    "tool_calls_ended": ("tool call", "without a result marked as interrupted"),
    "turns_split": ("turn", "split over models again"),
    "slots_recounted": ("sum", "of a quarter of an hour made anew"),
    "locks_freed": ("stale lock", "freed"),
    "index_rebuilt": ("full-text index", "made anew"),
}


@app.command(
    epilog=examples(
        "tars sessions repair --dry-run",
        "tars sessions repair",
        "tars sessions repair --from ~/.tars/data/tars.db.corrupt-20261121T115822Z",
    )
)
def repair(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    aside: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Instead, take over the sessions of a store that was set aside: "
            "~/.tars/data/tars.db.corrupt-….",
        ),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Put the store right. The daemon has to be stopped, but for --from.

    A damaged file is set aside, and a new one is made of every row that can still be read. On a
    sound one, what a crash left half done is ended, and sums that disagree with their turns are
    added up anew. What was set aside is never changed or deleted. Exit status: 0 when all is well
    now, 1 when --dry-run found something.
    """
    from tars.config import kept
    from tars.control.managing_contract import RepairReport
    from tars.daemon.hold import hold
    from tars.sessions import repair as repairing

    home = find_home()
    store, _ = kept(home)
    if aside is not None:
        if dry_run:
            raise typer.BadParameter("--from and --dry-run exclude each other")
        _recover(home, aside.expanduser(), store.url, form)
        return
    if not store.url and not home.store.exists():
        say(NONE_YET)
        return
    try:
        home.prepare()
        with hold(home):
            done = repairing.repair(home, datetime.now(UTC), url=store.url, dry_run=dry_run)
    except AlreadyRunning as running:
        raise Refused(
            "The daemon uses the store; it cannot be repaired meanwhile.",
            advice="`tars stop`, then try again.",
        ) from running
    report = RepairReport.of(done, dry_run=dry_run)
    match form:
        case Format.JSON:
            print_json(report)
        case Format.CSV:
            print_csv(("what", "count"), _counts(done))
        case Format.TABLE:
            _tell(done, dry_run=dry_run)
    if dry_run and not done.was_well:
        raise typer.Exit(exit_codes.FAILED)


def _recover(home: Home, file: Path, url: str, form: Format) -> None:
    """The daemon may run meanwhile: only sessions are added."""
    from tars.control.managing_contract import Recovered, RecoveredSession
    from tars.sessions import repair as repairing

    home.prepare()
    found = repairing.recover(home, file, datetime.now(UTC), url=url)
    told = [RecoveredSession.of(each) for each in found]
    match form:
        case Format.JSON:
            print_json(Recovered(sessions=told))
        case Format.CSV:
            print_csv(("session", "name", "agent", "done", "why"), (flat(each) for each in told))
        case Format.TABLE:
            for each in told:
                name = f'"{each.name}" ({each.session})' if each.name else each.session
                print(one_line(f"{each.done} {name}{f': {each.why}' if each.why else ''}"))


def _tell(done: "Repaired", *, dry_run: bool) -> None:
    if done.was_well:
        print("All is well with the store; nothing had to be done.")
        return
    for fault in done.faults:
        print(one_line(f"Damaged: {fault}."))
    if done.faults:
        _tell_rows(done, dry_run=dry_run)
    for name, number in done.mended.items():
        noun, what = _MENDED[name]
        print(f"{count(number, noun)} {what}.")
    for wrong in done.disagreements:
        figure = wrong.figure.replace("_", " ")
        print(
            one_line(
                f"Session {wrong.session}: {figure} {wrong.was:,}, "
                f"but its turns make {wrong.turns_make:,}."
            )
        )
    if dry_run:
        sys.stdout.flush()
        say("Nothing was changed.")


def _tell_rows(done: "Repaired", *, dry_run: bool) -> None:
    if done.aside is not None:
        print(one_line(f"The damaged file is {done.aside} now; it is not changed any more."))
    if done.foreign:
        print(f"It has no rows of tars; a new store {'would be' if dry_run else 'was'} begun.")
        return
    parts = [
        count(done.rows.get(name, 0), noun)
        for name, noun in (
            ("sessions", "session"),
            ("turns", "turn"),
            ("messages", "message"),
            ("tool_calls", "tool call"),
        )
    ]
    print(f"Read of it: {', '.join(parts)}; {sum(done.rows.values()):,} rows in all.")
    if done.unreadable:
        print(f"{count(done.unreadable, 'row')} could not be read.")


def _counts(done: "Repaired") -> list[dict[str, object]]:
    """Every figure on a line of its own."""
    rows: list[dict[str, object]] = [{"what": "faults", "count": len(done.faults)}]
    rows += [{"what": f"rows of {name}", "count": n} for name, n in done.rows.items()]
    rows += [{"what": "unreadable rows", "count": done.unreadable}]
    rows += [{"what": name, "count": n} for name, n in done.mended.items()]
    return [*rows, {"what": "wrong sums", "count": len(done.disagreements)}]
