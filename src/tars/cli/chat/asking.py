"""A request for permission as it is asked: nothing of what would be done is cut."""

from tars.cli.chat.inline import clipped, cut_hard, wrapped
from tars.cli.chat.paint import BOLD, DIM, YELLOW, styled
from tars.cli.questions import choice, details_lines
from tars.cli.render import count, one_line
from tars.control.contract import PermissionStatus

#: More than this stands above, with what was said, instead of beside the question.
_MOST = 8
_MARGIN = "  | "


def long_details(asked: PermissionStatus, columns: int) -> list[str]:
    """Give what would be done, where that is too much to be asked with."""
    lines = _details(asked, columns)
    return ["", *lines] if len(lines) > _MOST else []


def question(asked: PermissionStatus, others: int, columns: int) -> list[str]:
    """Show what is asked, and what may be answered; `others` are asked afterwards."""
    head = one_line(f"{asked.agent} asks for permission: {asked.title}")
    lines = ["", *wrapped([(head, f"{BOLD};{YELLOW}")], columns)]
    details = _details(asked, columns)
    if len(details) > _MOST:
        details = [styled(f"  | (the {count(len(details), 'line')} above)", DIM)]
    options = [
        clipped(f"  {number}  {one_line(option.name)}", columns)
        for number, option in enumerate(asked.options, 1)
    ]
    after = f" ({others} more after this)" if others else ""
    last = choice(asked).rstrip(": ") + after
    return [*lines, *details, *options, *wrapped([(last, "")], columns)]


def _details(asked: PermissionStatus, columns: int) -> list[str]:
    """Nothing of it can pass for a line of ours: what is broken is marked like the rest."""
    room = columns - len(_MARGIN)
    return [
        f"{_MARGIN}{piece}"
        for line in details_lines(asked)
        for piece in cut_hard([(line.removeprefix(_MARGIN), "")], room)
    ]
