"""The daemon's log in words."""

from tars.control.log_text import entry, told


def test_an_entry_is_told_in_the_order_in_which_it_is_looked_at() -> None:
    """When, how grave, who, what, and then the facts."""
    line = (
        '{"agent":"echo","was":"stopped","now":"starting","event":"state_changed",'
        '"level":"info","timestamp":"2026-11-21T17:34:39.878839Z"}'
    )
    assert told(line) == "17:34:39 info    echo       state_changed was=stopped now=starting"


def test_who_is_not_told_of_is_the_daemon() -> None:
    """Numbers, lists and sentences stay what they are."""
    line = (
        '{"pid":7,"s":0.25,"all":["a"],"why":"no space","event":"x","level":"error",'
        '"timestamp":"2026-11-21T17:34:39Z"}'
    )
    assert told(line) == '17:34:39 error   tars       x pid=7 s=0.25 all=["a"] why="no space"'


def test_a_line_of_something_else_is_shown_as_it_is() -> None:
    """A traceback, a JSON value that is no entry, half a line."""
    for line in ("Traceback (most recent call last):", "[1, 2]", '{"a": 1}', '{"event": "x'):
        assert told(line) == line
        assert entry(line).rank == 1


def test_nothing_in_a_line_commands_a_terminal() -> None:
    """Whoever gets text into the log does not get it into the terminal."""
    hostile = "\\u001b[2Jx\\u202e"
    found = told(f'{{"event":"{hostile}","{hostile}":"{hostile}","level":"{hostile}"}}')
    assert found.isprintable()
    assert told("a\x1b[2Jb\x1b]0;x\x07") == "ab"
