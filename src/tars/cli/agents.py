"""`tars agents`: those that are configured, those this machine has, and what can be known."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tars.cli import exit_codes
from tars.cli.connection import connect, say
from tars.cli.groups import CommandGroup, examples, not_empty
from tars.cli.render import agents_table, columns, one_line

app = typer.Typer(
    name="agents",
    cls=CommandGroup,
    rich_markup_mode=None,
    epilog=examples(
        "tars agents",
        "tars agents set claude --model opus",
        "tars agents detect",
        "tars agents detect --write claude,codex",
    ),
    invoke_without_command=True,
)

if TYPE_CHECKING:
    from tars.cli.detection import Candidate, Found

AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON instead.")]


class Detected(msgspec.Struct, rename="camel"):
    """One CLI of this machine, as `--json` says it. `signed_in` null is not known."""

    name: str
    kind: str
    protocol: str
    program: str
    on_path: bool
    version: str
    signed_in: bool | None
    logs: list[str]


class Detection(msgspec.Struct, rename="camel"):
    """`missing` are those that tars knows and did not find."""

    found: list[Detected]
    missing: list[str]


@app.callback()
def agents(context: typer.Context, as_json: AsJson = False) -> None:
    """List the agents, find those this machine has, or set them.

    A star marks the default agent.
    """
    if context.invoked_subcommand is not None:
        return
    found = connect().agents()
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        sys.stdout.write(agents_table(found.agents, found.default))


@app.command(
    epilog=examples(
        "tars agents detect",
        "tars agents detect --json | jq .found",
        "tars agents detect --write claude,codex",
    )
)
def detect(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME,...]", help="Only these, instead of all that are known."),
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Add them to config.toml; without names you are asked which."),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Find the agent CLIs on this machine, and their versions.

    It also says whether they are signed in, needs no daemon and asks no server. A config.toml with
    comments is not changed: what is to be added is printed.
    """
    from tars.agents.registry import KINDS
    from tars.cli.detection import candidates
    from tars.cli.detection import detect as look
    from tars.cli.progress import Progress

    wanted = candidates(KINDS)
    chosen = [name for word in names or () for name in word.split(",") if name]
    for name in chosen:
        if name not in [c.name for c in wanted]:
            known = ", ".join(c.name for c in wanted)
            raise typer.BadParameter(f"no agent {name!r} is known; known are {known}")
    wanted = [c for c in wanted if not chosen or c.name in chosen]
    with Progress("Asking for versions"):
        found = look(wanted, os.environ)
    here = {f.candidate.name for f in found}
    missing = [c.name for c in wanted if c.name not in here]
    if as_json:
        shown = [_detected(one) for one in found]
        print(msgspec.json.encode(Detection(shown, missing)).decode())
    else:
        _print_found(found)
        _say_missing([c for c in wanted if c.name in missing], advise=bool(chosen))
    if not write:
        return exit_codes.DONE if found or not chosen else exit_codes.FAILED
    return _write(found, chosen, missing)


@app.command(epilog=examples("tars agents knowledge"))
def knowledge() -> None:
    """Show what tars can know of each agent, and do with it."""
    from tars.agents.knowledge import COLUMNS, answers, known
    from tars.agents.registry import KINDS

    lines = known(KINDS)
    rows = [["", *(f"{line.kind}/{line.protocol}" for line in lines)]]
    marks = [["yes" if yes else "-" for yes in answers(line.knowledge)] for line in lines]
    for number, question in enumerate(COLUMNS.values()):
        rows.append([question, *(column[number] for column in marks)])
    rows.append(["tested with", *(line.knowledge.tested or "-" for line in lines)])
    sys.stdout.write(columns(rows))
    print()
    for line in lines:
        about = line.knowledge
        print(f"{line.kind}/{line.protocol}: tokens: {about.tokens}. {about.note}".rstrip())


@app.command(
    name="set",
    epilog=examples(
        "tars agents set claude --model opus",
        "tars agents set gemini --mode autoEdit",
        'tars agents set gemini --mode ""',
    ),
)
def change(
    name: Annotated[
        str, typer.Argument(metavar="NAME", callback=not_empty, help="The agent, by its name.")
    ],
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="MODEL", help='Its model; "" is the configured one.'),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", metavar="MODE", help='Its mode; "" is the configured one.'),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Choose another model or mode for an agent.

    From its next turn on, in the same session. It holds until the agent's configuration changes, or
    tars is restarted.
    """
    if model is None and mode is None:
        raise typer.BadParameter("say --model or --mode")
    changed = connect().change_settings(name, model=model, mode=mode)
    if as_json:
        print(msgspec.json.encode(changed).decode())
    else:
        words = [f"model {changed.model or 'its own'}", f"mode {changed.mode or 'its own'}"]
        print(one_line(f"{changed.agent}: {', '.join(words)}."))


def _detected(found: "Found") -> Detected:
    return Detected(
        name=found.candidate.name,
        kind=found.candidate.kind.name,
        protocol=found.candidate.kind.protocols[0],
        program=str(found.program),
        on_path=found.on_path,
        version=found.version,
        signed_in=found.traces.signed_in,
        logs=[str(path) for path in found.traces.logs],
    )


def _say_missing(missing: "Sequence[Candidate]", *, advise: bool) -> None:
    if missing:
        say(f"Not found: {', '.join(c.name for c in missing)}.")
    for candidate in missing if advise else ():
        say(one_line(f"{candidate.name}: {candidate.kind.install_advice}"))


def _print_found(found: "Sequence[Found]") -> None:
    if not found:
        print("No agent CLI was found.")
        return
    rows = [("NAME", "KIND", "VERSION", "SIGNED IN", "PROGRAM", "LOGS")]
    words = {True: "yes", False: "no", None: "not known"}
    for f in found:
        logs = ", ".join(str(path) for path in f.traces.logs) or "-"
        rows.append(
            (
                f.candidate.name,
                f.candidate.kind.name,
                f.version or "not told",
                words[f.traces.signed_in],
                one_line(str(f.program)),
                one_line(logs),
            )
        )
    sys.stdout.write(columns(rows))


def _write(found: "Sequence[Found]", chosen: list[str], missing: list[str]) -> int:
    from tars.agents.registry import KINDS
    from tars.cli.additions import add
    from tars.config import load
    from tars.home import find_home

    home = find_home()
    configured = load(home, KINDS).agents if os.path.lexists(home.config) else {}
    fresh = [f for f in found if f.candidate.name not in configured]
    for f in found:
        if f not in fresh:
            say(f"{f.candidate.name} is in {home.config} already.")
    if fresh and not chosen:
        fresh = _choose(fresh)
    if not fresh:
        say("Nothing was written.")
        return exit_codes.FAILED if missing and chosen else exit_codes.DONE
    added = add(home, fresh)
    if not added.written:
        say(f"{added.reason} Add this to it:")
        sys.stdout.write(added.toml)
        return exit_codes.DONE
    kept = f" What it was is in {added.backup}." if added.backup else ""
    listed = ", ".join(f.candidate.name for f in fresh)
    say(f"Wrote {listed} to {home.config}.{kept} `tars restart` puts it in force.")
    return exit_codes.FAILED if missing and chosen else exit_codes.DONE


def _choose(found: "Sequence[Found]") -> "list[Found]":
    """Ask the person at this terminal. Raises typer.BadParameter where there is none."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise typer.BadParameter("--write asks on a terminal; elsewhere name them: --write claude")
    for number, f in enumerate(found, 1):
        say(f"  {number}  {f.candidate.name}")
    while True:
        sys.stderr.write("Which ones? Numbers or names with commas, `all`, or nothing: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        words = line.replace(",", " ").split()
        by_word = {str(number): f for number, f in enumerate(found, 1)}
        by_word |= {f.candidate.name: f for f in found}
        if words == ["all"]:
            return list(found)
        if all(word in by_word for word in words):
            return [f for f in found if f in [by_word[word] for word in words]]
