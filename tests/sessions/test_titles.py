"""What a session is titled that nobody gave a title."""

from tars.sessions.titles import title_of


def test_a_title_is_the_first_line_that_says_something() -> None:
    """Short, in one line, and with nothing hidden in it."""
    assert title_of("\n  \n\t Write a\thaiku \nabout frogs") == "Write a haiku"
    assert title_of("") == ""
    assert title_of("\u202eevil \x1b[2Jred") == "\\u202eevil \\x1b[2Jred"
    long = title_of("word " * 40)
    assert (len(long), long[-1]) == (80, "…")
    assert len(title_of("\x1b" * 100)) <= 80
