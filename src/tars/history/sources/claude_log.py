"""What one of Claude Code's logs says.

A message of the model API has a line for each of its blocks, with the same id and figures that
grow; sessions that go on from others, branches and subagents repeat each other's lines. So what
identifies a request is its message's id alone, across all files. Lines of the type `cost-state`
are sums of what other lines tell, and what a request that failed or was killed used is in none.
"""

from tars.history.lines import Line, Window, bare, windows
from tars.history.source import ENOUGH, Found, Mark, Reading
from tars.history.sources import claude_lines
from tars.history.sources.claude_lines import MARK, SOON, USER, File, Told
from tars.history.sources.claude_titles import Titles

_ASSISTANT = b'"assistant"'


def read(found: Found, mark: Mark) -> Reading:
    """Read a log on from a mark."""
    return _Log(found, mark).read()


class _Log:
    """One reading of a file. Of a message's lines one row is left, with its earliest time."""

    def __init__(self, found: Found, mark: Mark) -> None:
        self._found = found
        strength, _, self._began = mark.state.decode().partition(" ")
        self._file = File(_session(found.path), found.mtime // 1_000_000)
        self._rows: dict[str, Told] = {}
        self._titles = Titles(self._file.session, int(strength or -1))
        self._garbled = 0
        self._offset = mark.offset

    def read(self) -> Reading:
        for part in windows(self._found.path, self._offset, self._found.size):
            if isinstance(part, Line):
                self._read_single(part)
            else:
                self._read_window(part)
            if len(self._rows) >= ENOUGH:
                break
        return Reading(
            Mark(self._offset, f"{self._titles.strength} {self._began}".encode()),
            [claude_lines.request(key, told, self._file) for key, told in self._rows.items()],
            self._garbled,
            titles=self._titles.told,
            more=len(self._rows) >= ENOUGH and self._offset < self._found.size,
        )

    def _read_window(self, window: Window) -> None:
        data, end, begin = window.data, window.end, 0
        find = data.find
        if not self._began:
            self._look_when_it_began(data, end)
        self._titles.look(window)
        while begin < end:
            stop = find(b"\n", begin)
            # Most of a log is what tools gave. To look through it for figures took a seventh of
            # the time, to look for its end takes nothing. Such a line says itself that it is no
            # answer, and not something within it, before which another brace would be.
            user = find(USER, begin, begin + SOON)
            if not 0 <= user < stop or find(b"{", begin + 1, user) >= 0:
                mark = find(MARK, begin, stop)
                if mark >= 0:
                    self._read_line(data, begin, mark, stop)
            begin = stop + 1
        self._offset = window.offset + end

    def _read_line(self, data: bytearray, begin: int, mark: int, stop: int) -> None:
        """Read a line that has figures, at `mark`."""
        short = claude_lines.without_content(data, begin, mark, stop)
        told = claude_lines.quick(short) if short else None
        if told is None and data.find(_ASSISTANT, begin, stop) >= 0:
            told = claude_lines.full(bare(data[begin:stop]))
            self._garbled += told is None
        if told is not None:
            self._note(told)

    def _read_single(self, line: Line) -> None:
        """Read a line that is not whole yet, or whose two ends are known alone: the figures
        are behind its content."""
        text = line.text
        if not self._began:
            self._look_when_it_began(text, len(text))
        if line.whole:
            self._offset = line.end
        mark = text.rfind(MARK)
        if mark < 0 or _ASSISTANT not in text:
            return
        short = claude_lines.without_content(text, 0, mark, len(text))
        told = claude_lines.quick(short) if short else None
        if told is None:
            told = claude_lines.full(text)
        if told is not None:
            self._note(told)
        else:
            self._garbled += line.whole

    def _look_when_it_began(self, data: bytes | bytearray, end: int) -> None:
        """Look at the file's beginning: `data` has it unless something was read before."""
        if self._offset:
            with open(self._found.path, "rb", buffering=0) as file:
                data = file.read(min(self._found.size, claude_lines.NEAR))
                end = len(data)
        self._began = claude_lines.began(data, end)

    def _note(self, told: Told) -> None:
        if key := claude_lines.key(told, self._began):
            known = self._rows.get(key)
            self._rows[key] = told if known is None else claude_lines.better(known, told)


def _session(path: str) -> str:
    """Give the session that a file is named for; a subagent's is in the folder of its session."""
    folders, _, name = path.rpartition("/")
    parts = folders.split("/")
    if "subagents" in parts[1:]:
        return parts[parts.index("subagents", 1) - 1]
    return name.removesuffix(".jsonl")
