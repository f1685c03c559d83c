"""A kind of log that is easy to write: a line for each request, and what goes wrong on demand."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tars.history.files import below
from tars.history.folders import Folders
from tars.history.source import Found, Mark, Reading, Request

#: A time that requests are counted from, in milliseconds.
DAY = 1_760_000_000_000


class PlainSource:
    """Lines of `key session at net_input rank`; a line `fork child parent` says what it says.

    `before` is called with the path of each file that is read. A file that is named `*.raises`
    cannot be read.
    """

    agent = "plain"
    note = ""

    def __init__(
        self,
        root: Path,
        *,
        agent: str = "plain",
        newest_wins: bool = False,
        before: Callable[[str], object] = lambda path: None,
    ) -> None:
        self.agent = agent
        self.newest_wins = newest_wins
        self._root = root
        self._before = before
        self.read_from: list[tuple[str, int]] = []

    def roots(self, env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
        return (self._root,)

    def find(self, root: Path, folders: Folders | None = None) -> Iterable[Found]:
        return below(root, (".log", ".raises"), folders)

    def read(self, found: Found, mark: Mark) -> Reading:
        name = os.path.basename(found.path)
        self.read_from.append((name, mark.offset))
        self._before(found.path)
        if name.endswith(".raises"):
            raise PermissionError(13, "Permission denied")
        with open(found.path, "rb") as file:
            file.seek(mark.offset)
            data = file.read(found.size - mark.offset)
        whole = data[: data.rfind(b"\n") + 1]
        reading = Reading(Mark(mark.offset + len(whole), b"state"))
        for line in whole.decode().splitlines():
            match line.split():
                case ["fork", child, parent]:
                    reading.forks.append((child, parent))
                case [key, session, at, net, rank]:
                    row = Request(key, session, int(at), "m", int(net), rank=int(rank))
                    row = row._replace(project=f"/{session}", branch="main")
                    reading.requests.append(row)
                case _:
                    reading.garbled += 1
        return reading

    def resumable(self, found: Found) -> bool:
        return True


def line(key: str, session: str = "s", at: int = DAY, net: int = 1, rank: int = 0) -> str:
    return f"{key} {session} {at} {net} {rank}\n"
