"""What one of Claude Code's logs says.

A message of the model API has a line for each of its blocks, with the same id and figures that
grow; sessions that go on from others, branches and subagents repeat each other's lines. So what
identifies a request is its message's id alone, across all files. Lines of the type `cost-state`
are sums of what other lines tell, and what a request that failed or was killed used is in none.
"""

from tars.history.lines import Line, Window, bare, windows
from tars.history.source import ENOUGH, HEAD, Found, Mark, Reading
from tars.history.sources import claude_lines
from tars.history.sources.claude_lines import CLOSE, MARK, OPEN, SOON, USER
from tars.history.sources.claude_rows import File, Rows
from tars.history.sources.claude_titles import Titles

_ASSISTANT = b'"assistant"'
#: Stands for a line that has to be looked at as a whole.
_UNUSUAL = b"{}\n"
_USER, _OPEN = len(USER), len(OPEN)


def read(found: Found, mark: Mark) -> Reading:
    """Read a log on from a mark."""
    return _Log(found, mark).read()


class _Log:
    """One reading of a file. Of a message's lines one row is left, with its earliest time."""

    def __init__(self, found: Found, mark: Mark) -> None:
        self._found = found
        strength, _, began = mark.state.decode().partition(" ")
        self._file = File(_session(found.path), found.mtime // 1_000_000)
        self._rows = Rows(began)
        self._titles = Titles(self._file.session, int(strength or -1))
        self._garbled = 0
        self._start = b""
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
            Mark(self._offset, f"{self._titles.strength} {self._rows.began}".encode()),
            self._rows.requests(self._file),
            self._garbled,
            titles=self._titles.told,
            start=self._start,
            more=len(self._rows) >= ENOUGH and self._offset < self._found.size,
        )

    def _read_window(self, window: Window) -> None:
        """Read whole lines: cut out of them what is to be decoded, and decode all of it."""
        data, end, begin = window.data, window.end, 0
        if not window.offset:
            self._start = bytes(data[: min(end, HEAD)])
        if not self._rows.began:
            self._look_when_it_began(data, end)
        find, rfind, startswith = data.find, data.rfind, data.startswith
        begins: list[int] = []
        cut: list[bytes | bytearray] = []
        while begin < end:
            stop = find(b"\n", begin)
            opened = find(OPEN, begin, begin + SOON)
            # Most of a log is what tools gave: such a line says so right before its content, and
            # that it is no answer, unless all this is within something, which a brace begins. To
            # find its end takes nothing, to look through it took a seventh of the time.
            before = opened - _USER
            silent = (
                before > begin and startswith(USER, before) and find(b"{", begin + 1, before) < 0
            )
            if not silent:
                closed = rfind(CLOSE, opened, stop) if opened >= 0 else -1
                if closed >= 0:
                    cut.append(data[begin : opened + _OPEN])
                    cut.append(data[closed : stop + 1])
                else:
                    cut.append(_UNUSUAL)
                begins.append(begin)
            begin = stop + 1
        take = self._rows.take
        for begin, told in zip(begins, claude_lines.told_by(cut, len(begins)), strict=True):
            if not take(told):
                self._read_unusual(data, begin, find(b"\n", begin))
        self._offset = window.offset + end

    def _read_unusual(self, data: bytearray, begin: int, stop: int) -> None:
        """Read a line that may be anything. What a person asked says itself that it is no answer,
        as what tools gave does."""
        find = data.find
        user = find(USER, begin, min(begin + SOON, stop))
        if user >= 0 and find(b"{", begin + 1, user) < 0:
            return
        if find(MARK, begin, stop) < 0:
            self._titles.look(data, begin, stop)
        elif find(_ASSISTANT, begin, stop) >= 0:
            told = claude_lines.full(bare(data[begin:stop]))
            if told is None:
                self._garbled += 1
            else:
                self._rows.note(told)

    def _read_single(self, line: Line) -> None:
        """Read a line that is not whole yet, or whose two ends are known alone: the figures
        are behind its content."""
        text = line.text
        if not self._rows.began:
            self._look_when_it_began(text, len(text))
        if line.whole:
            self._offset = line.end
        if MARK not in text or _ASSISTANT not in text:
            return
        short = claude_lines.without_content(text, 0, len(text))
        if short and self._rows.take(claude_lines.told_by([short, b"\n"], 1)[0]):
            return
        told = claude_lines.full(text)
        if told is not None:
            self._rows.note(told)
        else:
            self._garbled += line.whole

    def _look_when_it_began(self, data: bytes | bytearray, end: int) -> None:
        """Look at the file's beginning: `data` has it unless something was read before."""
        if self._offset:
            with open(self._found.path, "rb", buffering=0) as file:
                data = file.read(min(self._found.size, claude_lines.NEAR))
                end = len(data)
        self._rows.began = claude_lines.began(data, end)


def _session(path: str) -> str:
    """Give the session that a file is named for; a subagent's is in the folder of its session."""
    folders, _, name = path.rpartition("/")
    parts = folders.split("/")
    if "subagents" in parts[1:]:
        return parts[parts.index("subagents", 1) - 1]
    return name.removesuffix(".jsonl")
