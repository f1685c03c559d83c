"""What is to be allowed is shown as it is."""

from tars.conversation import shown


def test_what_a_terminal_would_obey_is_escaped() -> None:
    """So are marks that turn the direction of writing around, and halves of characters."""
    hostile = "rm\x1b[2K\r\u202e \ud800\x9b\u2028x"
    assert shown.visible(hostile) == "rm\\x1b[2K\\r\\u202e \\ud800\\x9b\\u2028x"
    assert shown.visible("a\n\tß") == "a\n\tß"


def test_what_is_cut_is_counted() -> None:
    """In characters of the text itself; escapes are within the limit too."""
    assert shown.visible("x" * 3612, 200) == "x" * 200 + "… (3,412 characters more)"
    assert shown.visible("x" * 200, 200) == "x" * 200
    assert shown.visible("\x1b" * 100, 40) == "\\x1b" * 10 + "… (90 characters more)"


def test_a_line_shows_where_lines_ended() -> None:
    """Two commands on two lines are not one."""
    assert shown.line("echo hi  # \n\n  rm -rf ~\n") == "echo hi # ⏎ rm -rf ~"


def test_no_member_pretends_to_be_another() -> None:
    """Lines of a value are set in, and what matters comes first."""
    input = {"description": "d", "command": "a\rb\ndescription: harmless", "timeout": 3}
    assert shown.details(input, ("command",)) == (
        "command:\n  a\n  b\n  description: harmless\ndescription: d\ntimeout: 3"
    )
    assert shown.details({"x\ny": "\x1b"}) == "x ⏎ y: \\x1b"
    assert shown.details({}) == ""
