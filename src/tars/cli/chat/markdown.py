"""Markdown for a terminal, as it comes: a block is given once it is whole, and never again.

What is not whole yet can be looked at meanwhile (`live`). Lines of code are given one by one.
All of it is linear in the text, whatever that is.
"""

import re
from collections.abc import Callable, Iterable
from enum import Enum, auto

from tars.cli.chat.inline import cut_hard, spans, width_of, wrapped
from tars.cli.chat.paint import BOLD, CYAN, DIM, UNDERLINE, code_spans, styled
from tars.cli.chat.table import is_delimiter, table

#: What is longer without an end is given in parts.
LONGEST_BLOCK = 6_000
_DEEPEST = 6
_LEAST_WIDTH = 10
_LONGEST_RULE = 40

_FENCE = re.compile(r"( {0,3})(`{3,}|~{3,})[ \t]*([^`]*)$")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_RULE = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_ITEM = re.compile(r"([ \t]*)([-*+]|\d{1,9}[.)])(?:[ \t]+(.*)|$)")
_QUOTE = re.compile(r" {0,3}> ?(.*)$")
_TASK = re.compile(r"\[([ xX])\] ")


class _Kind(Enum):
    NOTHING = auto()
    PARAGRAPH = auto()
    CODE = auto()
    LIST = auto()
    QUOTE = auto()
    TABLE = auto()


class Markdown:
    """One text. `width` tells how many columns there are now."""

    def __init__(self, width: Callable[[], int], *, depth: int = 0) -> None:
        self._width = width
        self._depth = depth
        self._rest = ""
        self._kind = _Kind.NOTHING
        self._lines: list[str] = []
        self._size = 0
        self._fence = ("", 0, "")
        self._in_item_fence = ""
        self._before = _Kind.NOTHING
        self._apart = False
        self._first_of_code = False

    def feed(self, piece: str) -> list[str]:
        """Take more of the text, and give the lines that are whole now."""
        *whole, self._rest = (self._rest + piece).split("\n")
        out: list[str] = []
        for line in whole:
            out += self._line(line)
        while len(self._rest) + self._size > LONGEST_BLOCK:
            out += self._part()
        return out

    def live(self) -> list[str]:
        """Show what is not whole yet, as it would be if this were the end of it."""
        if not self._rest and not self._lines:
            return []
        return self._copy().end()

    def end(self) -> list[str]:
        """Give the rest: nothing more comes."""
        out = self._line(self._rest) if self._rest else []
        self._rest = ""
        out += self._close()
        self._kind = _Kind.NOTHING
        return out

    def _copy(self) -> "Markdown":
        copy = Markdown(self._width, depth=self._depth)
        copy.__dict__.update(self.__dict__, _lines=list(self._lines))
        return copy

    @property
    def _columns(self) -> int:
        return max(self._width(), _LEAST_WIDTH)

    def _part(self) -> list[str]:
        """Cut what is too long, at a blank where there is one near."""
        if not self._rest:
            return self._close()
        at = self._rest.rfind(" ", 0, LONGEST_BLOCK) + 1 or LONGEST_BLOCK
        line, self._rest = self._rest[:at], self._rest[at:]
        kind = self._kind
        out = self._line(line) + self._close()
        # What follows is the same block.
        self._before = _Kind.NOTHING if kind is not _Kind.CODE else self._before
        return out

    # --- line by line -----------------------------------------------------------

    def _line(self, line: str) -> list[str]:
        line = line.expandtabs(4).rstrip("\r")
        if self._kind is _Kind.CODE:
            return self._code_line(line)
        if self._continues(line):
            return self._keep(line)
        return self._close() + self._open(line)

    def _keep(self, line: str) -> list[str]:
        self._lines.append(line)
        self._size += len(line) + 1
        return []

    def _continues(self, line: str) -> bool:
        match self._kind:
            case _Kind.NOTHING | _Kind.CODE:
                return False
            case _Kind.LIST:
                return self._continues_list(line)
            case _Kind.QUOTE:
                return bool(line.strip()) and (bool(_QUOTE.match(line)) or not _begins(line))
            case _Kind.TABLE:
                return "|" in line
            case _Kind.PARAGRAPH:
                if len(self._lines) == 1 and is_delimiter(line, self._lines[0]):
                    self._kind = _Kind.TABLE
                    return True
                return bool(line.strip()) and not _begins(line)

    def _continues_list(self, line: str) -> bool:
        if self._in_item_fence:
            if line.strip().startswith(self._in_item_fence) and not line.strip().strip("`~"):
                self._in_item_fence = ""
            return True
        if not line.strip():
            return True
        indent = len(line) - len(line.lstrip())
        first = _ITEM.match(self._lines[0])
        assert first is not None
        item = _ITEM.match(line)
        if item and not _RULE.match(line):
            # A sibling is a block of its own, without a gap.
            inside = indent >= len(first[1]) + 2
        else:
            blank = not self._lines[-1].strip()
            inside = indent >= len(first[1]) + 2 or not (blank or _begins(line))
        if inside and (fence := _FENCE.match(line.strip())):
            self._in_item_fence = fence[2]
        return inside

    def _open(self, line: str) -> list[str]:
        if not line.strip():
            self._apart = True
            return []
        if fence := _FENCE.match(line):
            self._kind, self._first_of_code = _Kind.CODE, True
            self._fence = (fence[2], len(fence[1]), fence[3].split(" ")[0].strip("{}."))
            return []
        if heading := _HEADING.match(line):
            styles = (BOLD, UNDERLINE) if len(heading[1]) == 1 else (BOLD,)
            shown = wrapped(spans(heading[2], ";".join(styles)), self._columns)
            return self._put(_Kind.PARAGRAPH, shown)
        if _RULE.match(line):
            rule = styled("─" * min(self._columns, _LONGEST_RULE), DIM)
            return self._put(_Kind.PARAGRAPH, [rule])
        self._kind = _kind_of(line)
        return self._keep(line)

    def _code_line(self, line: str) -> list[str]:
        marks, indent, language = self._fence
        bare = line.strip()
        if bare.startswith(marks) and not bare.strip(marks[0]):
            self._kind = _Kind.NOTHING
            return []
        own = line[min(indent, len(line) - len(line.lstrip(" "))) :]
        pieces = cut_hard(code_spans(own, language), max(self._columns - 2, 1))
        out = [f"  {piece}" for piece in pieces]
        if self._first_of_code:
            self._first_of_code = False
            return self._put(_Kind.CODE, out)
        return out

    # --- block by block ---------------------------------------------------------

    def _close(self) -> list[str]:
        """Give the block that is open."""
        kind, lines = self._kind, self._lines
        self._lines, self._size = [], 0
        if kind is _Kind.CODE or not lines:
            return []
        self._kind = _Kind.NOTHING
        out = self._put(kind, self._block(kind, lines))
        self._apart = not lines[-1].strip()
        return out

    def _put(self, kind: _Kind, out: list[str]) -> list[str]:
        """Leave a line between blocks; within others only where the text does. The items of a
        list stand together."""
        first = self._before is _Kind.NOTHING
        siblings = kind is self._before is _Kind.LIST
        gap = not first and not siblings and (self._apart or not self._depth)
        self._before, self._apart = kind, False
        return ["", *out] if gap else out

    def _block(self, kind: _Kind, lines: list[str]) -> list[str]:
        match kind:
            case _Kind.LIST:
                return self._item(lines)
            case _Kind.QUOTE:
                inner = [(_QUOTE.match(line) or [line, line])[1] or "" for line in lines]
                bar = styled("│", DIM)
                return [f"{bar} {line}".rstrip() for line in self._nested(inner, 2)]
            case _Kind.TABLE:
                return table(lines, self._columns)
            case _Kind.NOTHING | _Kind.CODE | _Kind.PARAGRAPH:
                return wrapped(spans(_joined(lines)), self._columns)

    def _item(self, lines: list[str]) -> list[str]:
        found = _ITEM.match(lines[0])
        assert found is not None
        mark = found[2] if found[2][0].isdigit() else "•"
        first = found[3] or ""
        if task := _TASK.match(first):
            mark, first = ("☐" if task[1] == " " else "☑"), first[task.end() :]
        inset = len(lines[0]) - len(first) if first else len(found[1]) + len(found[2]) + 1
        body = [first, *(_dedented(line, inset) for line in lines[1:])]
        room = width_of(mark) + 1
        inner = self._nested(body, room) or [""]
        head = f"{styled(mark, CYAN)} {inner[0]}"
        return [head.rstrip(), *((" " * room + line).rstrip() for line in inner[1:])]

    def _nested(self, lines: Iterable[str], inset: int) -> list[str]:
        columns = max(self._columns - inset, _LEAST_WIDTH)
        if self._depth >= _DEEPEST:
            return wrapped([("\n".join(lines), "")], columns)
        return rendered(lines, columns, depth=self._depth + 1)


def rendered(lines: Iterable[str], width: int, *, depth: int = 0) -> list[str]:
    """Show a text that is whole."""
    inner = Markdown(lambda: width, depth=depth)
    out: list[str] = []
    for line in lines:
        out += inner.feed(line + "\n")
    return out + inner.end()


def _begins(line: str) -> bool:
    """Whether a line cannot go on with a paragraph."""
    patterns = (_FENCE, _HEADING, _RULE, _QUOTE)
    if any(pattern.match(line) for pattern in patterns):
        return True
    item = _ITEM.match(line)
    # A year at the beginning of a line is no list.
    return item is not None and (not item[2][0].isdigit() or int(item[2][:-1]) < 100)


def _kind_of(line: str) -> _Kind:
    if _QUOTE.match(line):
        return _Kind.QUOTE
    return _Kind.LIST if _ITEM.match(line) else _Kind.PARAGRAPH


def _dedented(line: str, most: int) -> str:
    return line[min(most, len(line) - len(line.lstrip(" "))) :]


def _joined(lines: list[str]) -> str:
    """One line, but where the text breaks it: two blanks or a backslash at its end."""
    whole = ""
    for line in lines:
        hard = line.endswith(("  ", "\\"))
        whole += line.strip().removesuffix("\\") + ("\n" if hard else " ")
    return whole.strip()
