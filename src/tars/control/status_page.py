"""The lines of `tars status`: labels in a column, values wrapped beside them. Pure."""

from tars.control.costs.layout import cut, measure
from tars.control.shown_text import printable

RESET = "\x1b[0m"
COLORS = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "red": "\x1b[31m",
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "cyan": "\x1b[36m",
}

#: The column in which values begin.
LABEL = 14


class Page:
    """Collects lines: `label  value`, wrapped, with the label in its column."""

    def __init__(self, color: bool, width: int) -> None:
        self._color = color
        self._width = width
        self._lines: list[str] = []

    def paint(self, text: str, color: str) -> str:
        return f"{COLORS[color]}{text}{RESET}" if self._color and color else text

    def gap(self) -> None:
        self._lines.append("")

    def heading(self, name: str, state: str, color: str, facts: list[str]) -> None:
        """Print a name in bold, its state in colour, and its facts."""
        name, state = cut(printable(name), max(LABEL, self._width // 2)), printable(state)
        indent = max(LABEL, measure(name) + 2)
        parts = _fitting([state, *filter(None, facts)], self._width - indent)
        state = state if parts[0].startswith(state) else parts[0]
        first = self.paint(name, "bold") + " " * (indent - measure(name))
        first += self.paint(state, color) + parts[0][len(state) :]
        self._lines += [first, *(" " * indent + rest for rest in parts[1:])]

    def line(self, label: str, value: str, color: str = "") -> None:
        """Print a value that anybody may have supplied under a label of ours."""
        wrapped = _words(value, self._width - LABEL)
        start = self.paint(f"  {label:<{LABEL - 2}}", "dim")
        for part in wrapped:
            self._lines.append(start + self.paint(part, color))
            start = " " * LABEL

    def parts(self, label: str, parts: list[str], color: str = "") -> None:
        """Print figures under a label; none of them is torn."""
        start = self.paint(f"  {label:<{LABEL - 2}}", "dim")
        for part in _fitting(parts, self._width - LABEL):
            self._lines.append(start + self.paint(part, color))
            start = " " * LABEL

    def lines(self, text: str) -> None:
        """Print what is laid out already."""
        self._lines += text.splitlines()

    def block(self, text: str) -> None:
        """Print a text that anybody may have supplied, its own lines set in and marked."""
        for one in text.splitlines():
            for part in _words(one, self._width - LABEL - 2):
                self._lines.append(" " * LABEL + self.paint(f"| {part}", "dim"))

    def commands(self, commands: list[tuple[str, str]]) -> None:
        """Print commands, each in one piece so that it can be copied, and what they do."""
        column = max(len(command) for command, _ in commands)
        for command, what in commands:
            painted = self.paint(command, "bold") + " " * (column - len(command))
            self._lines.append(f"{' ' * LABEL}{painted}  {printable(what)}")

    def text(self) -> str:
        return "".join(f"{line.rstrip()}\n" for line in self._lines)


def wrap(parts: list[str], width: int, between: str) -> list[str]:
    """Join parts into lines; a part that is too long keeps a line to itself."""
    lines = [parts[0]]
    for part in parts[1:]:
        if lines[-1] and measure(lines[-1]) + len(between) + measure(part) > width:
            lines.append(part)
        else:
            lines[-1] += between + part
    return lines


def _fitting(parts: list[str], width: int) -> list[str]:
    """Join figures and facts into lines; one that no line takes is taken apart as a text is."""
    joined = wrap(parts, width, " · ")
    return [
        line
        for each in joined
        for line in ([each] if measure(each) <= width else _words(each, width))
    ]


def _words(text: str, width: int) -> list[str]:
    """Give the lines of a foreign text: words that are longer than a line are torn."""
    words = [piece for word in printable(text).split(" ") for piece in _torn(word, max(8, width))]
    return wrap(words, width, " ")


def _torn(word: str, width: int) -> list[str]:
    if measure(word) <= width:
        return [word]
    pieces, piece, room = [], "", width
    for char in word:
        wide = measure(char)
        if wide > room:
            pieces.append(piece)
            piece, room = "", width
        piece += char
        room -= wide
    return [*pieces, piece]
