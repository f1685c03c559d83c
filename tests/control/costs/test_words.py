"""One table of options: the quick reader and the command line proper understand the same."""

from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.core import TyperCommand
from typer.main import get_command

from tars.cli.costs import command
from tars.control.costs.words import OPTIONS, REPORTS, Given, read_plainly

COMMAND = get_command(command.app)

VALUES = {
    "text": st.sampled_from(["a", "7d", "all", "a b", "x=y", "2026-11-20", " ", ""]),
    "path": st.sampled_from([".", "/a b", ""]),
    "count": st.sampled_from(["1", "20", "0", "-1", "x", "1.5", "٣"]),
    "digits": st.sampled_from(["0", "6", "x", "-2"]),
    "number": st.sampled_from(["0.9", "2", "0", "-1", "nan", "inf", "1e3", "1_0"]),
    "choice": st.sampled_from(["table", "json", "cost", "name", "Table", "tab"]),
}


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Reports and options, most of them right, in any order and form."""
    words: list[str] = draw(st.lists(st.sampled_from([r.name for r in REPORTS]), max_size=1))
    for option in draw(st.lists(st.sampled_from(OPTIONS), max_size=4)):
        if option.kind == "flag":
            words.append(option.name)
            continue
        value = draw(VALUES[option.kind])
        together = draw(st.booleans())
        words += [f"{option.name}={value}"] if together else [option.short or option.name, value]
    return [*words, *draw(st.lists(st.sampled_from(["daily", "--", "-x", "--help"]), max_size=1))]


@given(command_lines())
@settings(max_examples=200, deadline=None)
def test_what_is_plainly_written_is_read_as_by_the_command_line_proper(words: list[str]) -> None:
    """Whatever the quick reader makes sense of, the other makes the same of; what it does not
    read itself goes there, right or wrong."""
    given = read_plainly(words)
    if given is not None:
        assert given == proper(words), words


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_every_report_is_read_quickly(report: Any) -> None:
    """With the options that people type most."""
    assert read_plainly([report.name, "--range", "all", "--format=json"]) == {
        "report": report.name,
        "range": "all",
        "format": "json",
    }


def proper(words: list[str]) -> Given:
    """Read a command line as the command line proper does. Raises TyperException."""
    assert isinstance(COMMAND, TyperCommand)
    try:
        context = COMMAND.make_context("costs", [*words])
    except typer.TyperException as error:
        raise AssertionError(f"{words} are wrong: {error}") from error
    return command.said(context.params)
