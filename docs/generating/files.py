"""docs/files.md: what lies in ~/.tars, from `tars.home` and from who writes there."""

import inspect
from collections.abc import Iterator
from pathlib import Path

from docs.generating.parts import code_of_rest, first_line, table
from tars.cli import background
from tars.home import FILE_MODE, FOLDER_MODE, Home
from tars.sessions import restoring
from tars.store import machines

ROOT = Path("~/.tars")
INTRODUCTION = f"""\
# Files in ~/.tars

All that tars keeps is in one folder, which `TARS_HOME` moves. Folders are {FOLDER_MODE:04o} and
files {FILE_MODE:04o}: prompts, costs and keys are their owner's alone.

"""
AFTER = """
## What may be deleted

With the daemon stopped: everything under `run/` and `logs/`, and in `data/` the files `rates.json`
and `line.txt`, which are made again, and `tui.json`. So is `prices.json`, of the prices that tars
was installed with, and `history.db`, but of the logs that are still there alone: what it counted of
others is gone then. `NAME-wal` and `NAME-shm` beside a database are parts of it.

`data/tars.db` is the memory. `tars sessions backup` copies it while it is in use
([exports, imports and backups](exports.md)), `tars sessions repair` mends it. `data/machine-id`
says whose sessions are this machine's, and `data/spool.db` holds what waits for a database
elsewhere ([what survives what](durability.md)).

A file that could not be read is set aside as `NAME.corrupt-TIME`, and one that a restored backup
replaced as `NAME.before-restore-TIME`. A file that begins with a dot and ends in `.tmp` is being
written, or is left of a crash.
"""
#: What `Home` has no name for, by who writes it.
OTHERS = {
    f"data/{machines.ID_FILE}": "The id of this machine, in a store that several may share.",
    "data/line.txt": "What was spent today, for `tars status line` without a daemon.",
    "data/chat_history": "The lines typed in `tars chat`, for its arrow keys.",
    f"data/{restoring.JOURNAL}": "A restore under way: what is still to be done.",
    "data/tui.json": "The theme that was chosen in `tars tui`.",
    "data/history.db.lock": "Held by whoever writes into the index.",
    "env": "Keys for agents that a service starts, one `NAME=value` a line: a person's own file.",
    "logs/launchd.log": "What launchd keeps of the daemon, on macOS.",
    "archive/": "Sessions that `tars sessions clean` took out of the store, as files.",
}
#: What stands for a name in a path.
_AGENT = "AGENT"


def page() -> str:
    """Give the whole page as Markdown."""
    rows = [[f"`{path}`", what] for path, what in sorted(entries().items())]
    return INTRODUCTION + table(("path", "what it is"), rows) + AFTER


def entries() -> dict[str, str]:
    """Give every path below the home, and what it is."""
    home = Home(ROOT)
    words = first_line(inspect.getdoc(background.last_words_file))
    return dict(_named(home)) | OTHERS | {_below(background.last_words_file(home)): words}


def undescribed() -> set[str]:
    """Give the names of what `Home` says nothing of."""
    return {name for name, member in _members() if not inspect.getdoc(member)}


def _named(home: Home) -> Iterator[tuple[str, str]]:
    for name, member in _members():
        what = code_of_rest(first_line(inspect.getdoc(member)))
        if isinstance(member, property):
            yield _below(getattr(home, name)), what
        elif name == "session_file":
            yield _below(home.session_file(_AGENT, default=True)), what
            yield (
                _below(home.session_file(_AGENT, default=False)),
                "session.json of an agent that is not the default one.",
            )
        else:
            yield _below(getattr(home, name)(_AGENT)), what


def _members() -> list[tuple[str, object]]:
    return [
        (name, member)
        for name, member in vars(Home).items()
        if isinstance(member, property)
        or (inspect.isfunction(member) and name != "prepare" and not name.startswith("_"))
    ]


def _below(path: Path) -> str:
    below = str(path.relative_to(ROOT))
    return below if path.suffix else f"{below}/"
