"""How long a person waits for a command: `status` beside its peers, and a whole prompt."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.births import TRIVIAL, Births
from benchmarks.figures import Line, Table, verdict
from benchmarks.peers import (
    PYTHON,
    Daemon,
    Peer,
    Tars,
    await_answer,
    ended_together,
    environment,
    others,
)
from benchmarks.sampling import Subject, command_ms, in_turns

LIMIT = 1.25
EMPTY = "python -c pass"
SHOWN = {
    "tars": "tars status",
    "supervisord": "supervisorctl status",
    "circus": "circusctl status",
    "pm2": "pm2 jlist",
}


def tables(folder: Path, births: Births, *, times: int) -> Iterator[Table]:
    """`times` is how often the quick commands are run; the slow ones a fifth of that."""
    tars, rest = Tars(folder / "t"), others(folder)
    with ExitStack() as stack:
        stack.enter_context(ended_together([tars, *rest]))
        for peer in (tars, *rest):
            peer.launch({"one": births.script(f"status-{peer.name}", child_of(peer))})
            births.wait(f"status-{peer.name}")
            await_answer(peer)
        tars.wait_ready()
        empty = Subject(
            EMPTY, partial(command_ms, [PYTHON, "-c", "pass"], environment(folder)), times
        )
        yield _status(empty, tars, rest, times)
        yield _prompt(empty, tars, times)


def _status(empty: Subject, tars: Tars, rest: list[Peer], times: int) -> Table:
    subjects = [empty, _subject(tars, times)] + [_subject(peer, times // 5) for peer in rest]
    figures = in_turns(subjects)
    lines = [Line(name, values) for name, values in figures.items()]
    ratio = lines[1].median / lines[0].median
    return Table(
        "A status command, the whole process",
        "ms",
        lines,
        reach=f"≤ {LIMIT} x `{EMPTY}`",
        got=verdict(ratio, LIMIT, f"{ratio:.2f} x"),
        note="each daemon keeps one child; bytecode is on",
    )


def _prompt(empty: Subject, tars: Tars, times: int) -> Table:
    commands = {
        "tars status --json": ["status", "--json"],
        "tars agents": ["agents"],
        "tars prompt, on the built-in agent": ["prompt", "Hello"],
    }
    subjects = [
        Subject(name, partial(command_ms, [tars.command, *words], tars.env), times // 3)
        for name, words in commands.items()
    ]
    figures = in_turns([empty, *subjects])
    lines = [Line(name, values) for name, values in figures.items()]
    return Table("Other commands, the whole process", "ms", lines)


def _subject(peer: Peer, times: int) -> Subject:
    return Subject(SHOWN[peer.name], partial(command_ms, peer.status_command(), peer.env), times)


def child_of(peer: Daemon) -> Sequence[str]:
    """What a child of this supervisor runs: under tars it has to be an agent."""
    return (PYTHON, "-P", "-m", "tars.agents.echo") if isinstance(peer, Tars) else TRIVIAL
