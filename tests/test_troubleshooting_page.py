"""docs/troubleshooting.md is keyed by what tars really says, and nothing common is missing."""

import os
import re
import sys
from pathlib import Path

from docs.generating import messages
from tars.cli import exit_codes
from tars.control.error_answers import ANSWERS
from tars.errors import FaultKind, TarsError
from tests.support.tars_home import tars_home
from tests.support.walkthrough import Page

PAGE = (Path(__file__).parents[1] / "docs" / "troubleshooting.md").read_text()
#: Every entry: its message, and what stands below it.
ENTRIES = re.findall(r"^### ([^\n]+)\n\n(.+?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
#: What no message has yet.
UNUSED = {FaultKind.SESSION_LOST, FaultKind.DISK}


def words(body: str) -> dict[str, int]:
    """The stable words of an entry, each with the exit status that stands beside it."""
    found = re.findall(r"`(\w+)`, exit status (\d+)", body.partition("\n")[0])
    return {word: int(status) for word, status in found}


def code_of(error: type[TarsError]) -> str:
    """The word of an error on the wire; a subclass may share its parent's."""
    return next(ANSWERS[kind][1] for kind in error.__mro__ if kind in ANSWERS)


def statuses() -> dict[str, set[int]]:
    """The exit statuses that each word can end a command with."""
    found: dict[str, set[int]] = {}
    for error in messages.exceptions().values():
        status = next(exit_codes.ERRORS[k] for k in error.__mro__ if k in exit_codes.ERRORS)
        found.setdefault(code_of(error), set()).add(status)
    for kind in FaultKind:
        found.setdefault(kind.value, set()).add(exit_codes.of_turn("error", kind))
    return found


def test_a_heading_is_what_tars_says_word_for_word() -> None:
    """So that whoever looks for the message finds the entry, also after it was changed."""
    assert len(ENTRIES) > 40
    # All at once: the sources are read but once then.
    assert [message for message, _ in ENTRIES if not messages.is_said(message)] == []


def test_an_entry_has_the_kind_of_its_message_and_the_true_exit_status() -> None:
    """Where the sources tell which error or fault says it."""
    possible, exceptions = statuses(), messages.exceptions()
    for message, body in ENTRIES:
        for word, status in words(body).items():
            assert status in possible[word], message
        for said in (said for said in messages.said() if said.text == message):
            kind = exceptions.get(said.of)
            word = code_of(kind) if kind else FaultKind[said.of].value
            assert word in words(body), message


def test_every_kind_of_error_and_fault_has_an_entry() -> None:
    """A new one is explained before anybody meets it."""
    told = {word for _, body in ENTRIES for word in words(body)}
    known = {code_of(error) for error in messages.exceptions().values()}
    known |= {kind.value for kind in FaultKind if kind not in UNUSED}
    # What an agent that cannot work says is its fault.
    assert known - told == {"agent_unavailable"}


def test_what_has_no_entry_is_said_nowhere() -> None:
    """As soon as a message has such a kind it needs one."""
    assert not {kind.name for kind in UNUSED} & {said.of for said in messages.said()}


def test_the_commands_of_the_page_give_what_it_shows(tmp_path: Path) -> None:
    """They are typed in a home without a daemon."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with tars_home(tmp_path, {"PATH": path}) as person:
        Page(PAGE).type_out(person)
