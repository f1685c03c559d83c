"""What an agent writes is kept without the secrets that it was given."""

import pytest

from tars.runtime.redaction import Redactor


@pytest.mark.parametrize(
    "name", ["GEMINI_API_KEY", "github_token", "MY_SECRET", "DB_PASSWORD", "X_CREDENTIALS"]
)
def test_the_value_of_a_secret_variable_is_struck_out_wherever_it_stands(name: str) -> None:
    """By the variable's name, in any case; often, and inside of words."""
    redactor = Redactor({name: "s3cr3t-value"})
    text = redactor.clean("key=s3cr3t-value&again=xs3cr3t-valuex")
    assert text == "key=[redacted]&again=x[redacted]x"


def test_other_variables_are_left_alone() -> None:
    """Paths and words of the environment are no secrets."""
    redactor = Redactor({"HOME": "/home/somebody", "LANG": "en_US.UTF-8"})
    assert (
        redactor.clean("/home/somebody speaks en_US.UTF-8") == "/home/somebody speaks en_US.UTF-8"
    )


@pytest.mark.parametrize("value", ["", "true", "12345"])
def test_values_that_are_mere_words_are_left_alone(value: str) -> None:
    """Striking out `true` would make every log unreadable."""
    assert Redactor({"USE_TOKEN": value}).clean("it is true, 12345 times") == (
        "it is true, 12345 times"
    )


def test_a_secret_that_begins_like_another_is_struck_out_whole() -> None:
    """The longer one first: its end must not be left over."""
    redactor = Redactor({"A_KEY": "abcdef", "B_KEY": "abcdef-and-more"})
    assert redactor.clean("abcdef-and-more, abcdef") == "[redacted], [redacted]"


def test_a_key_of_several_lines_is_struck_out_line_by_line() -> None:
    """Agents write in lines, and a log is kept in lines."""
    redactor = Redactor({"TLS_KEY": "-----BEGIN KEY-----\nMIIEpAIBAAKC\nAQ==\n"})
    assert redactor.clean("read MIIEpAIBAAKC from") == "read [redacted] from"


def test_what_would_command_a_terminal_is_taken_out() -> None:
    """A colour in the middle of a secret does not save it either; lines stay lines."""
    redactor = Redactor({"A_KEY": "abcdef"})
    assert redactor.clean("\x1b[31mred\x1b[0m abc\x1b[1mdef\x07\n\tend\r") == (
        "red [redacted]\n\tend"
    )
