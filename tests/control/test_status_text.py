"""What `tars status` prints."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.control import contract as c
from tars.control.costs.layout import measure
from tars.control.shown_text import duration, in_ascii, moment, printable, quoted, size
from tars.control.status_contract import ContextStatus
from tars.control.status_text import render
from tars.control.tokens_text import context_bar
from tests.control.samples import (
    BUDGET,
    BUSY,
    FAULT,
    GOLDEN,
    PERMISSION,
    STATUSES,
    status_files,
)

CODES = ("0", "1", "2", "31", "32", "33", "36")


@pytest.mark.parametrize("file", sorted(status_files()))
def test_the_text_is_as_it_was(file: str) -> None:
    """No status looks different unnoticed; `python -m tests.control.samples` accepts a change."""
    assert status_files()[file] == (GOLDEN / file).read_text()


def test_no_golden_file_is_forgotten() -> None:
    """Each golden text belongs to a sample."""
    assert {path.name for path in GOLDEN.glob("status-*.txt")} == set(status_files())


@pytest.mark.parametrize("name", STATUSES)
def test_colour_changes_nothing_else(name: str) -> None:
    """Without its colours the coloured text is the plain one."""
    text = render(STATUSES[name], color=True)
    for code in CODES:
        text = text.replace(f"\x1b[{code}m", "")
    assert [line.rstrip() for line in text.splitlines()] == render(STATUSES[name]).splitlines()


@pytest.mark.parametrize("name", [*STATUSES, "all"])
def test_every_line_fits_the_terminal(name: str) -> None:
    """From 40 columns to 200, in either set of signs; but for a command that is to be copied, and
    what it does."""
    several = [agent for status in STATUSES.values() for agent in status.agents]
    long = c.AgentStatus(name="日本" * 30, kind="k" * 60, protocol="acp", state="x" * 90)
    several.append(msgspec.structs.replace(long, last_error=FAULT, queued=10**9))
    status = STATUSES.get(name) or msgspec.structs.replace(STATUSES["busy"], agents=several)
    for width in (40, 41, 60, 80, 119, 200):
        for ascii in (False, True):
            lines = render(status, width=width, ascii=ascii).splitlines()
            assert [
                line for line in lines if measure(line) > width and "tars permit" not in line
            ] == [], width
            assert not ascii or all(line.isascii() for line in lines)


def test_a_window_that_is_full_is_a_full_bar() -> None:
    """A bar is empty, or full, only where the window is; more than all of it is said."""
    shown = [
        context_bar(ContextStatus(used=used, size=1000), cells=4)
        for used in (0, 1, 500, 999, 1000, 1500)
    ]
    assert shown == [
        "▕░░░░▏ 0% of 1k",
        "▕█░░░▏ 0% of 1k",
        "▕██░░▏ 50% of 1k",
        "▕███░▏ 99% of 1k",
        "▕████▏ 100% of 1k",
        "▕████▏ 150% of 1k",
    ]
    assert context_bar(ContextStatus(used=41_500)) == "41k"
    assert in_ascii(shown[2]) == "[##--] 50% of 1k"


def test_nothing_is_told_twice() -> None:
    """Of what an agent is dead the condition tells, and what it asks leave for the request; a fault
    has its advice all the same."""
    dead = c.ConditionStatus(word="dead", evidence=FAULT.message, since_seconds=2)
    [plain] = STATUSES["ready"].agents[:1]
    failed = msgspec.structs.replace(plain, state="failed", condition=dead, last_error=FAULT)
    asks = msgspec.structs.replace(BUSY, permissions=[PERMISSION], condition=None)
    assert BUSY.turn
    asks.turn = msgspec.structs.replace(BUSY.turn, waiting_for="permission")
    told, asked = (
        " ".join(render(msgspec.structs.replace(STATUSES["ready"], agents=[agent])).split())
        for agent in (failed, asks)
    )
    assert told.count(FAULT.message) == 1
    assert FAULT.advice in told
    assert "waits for" not in asked


def test_of_a_thousand_agents_those_are_shown_that_concern_a_person() -> None:
    """They are counted by their states; what waits for a person or does not work comes first."""
    [plain] = STATUSES["ready"].agents[:1]
    agents = [msgspec.structs.replace(plain, name=f"a{number}") for number in range(1000)]
    agents[500] = msgspec.structs.replace(agents[500], state="busy", queued=2)
    agents[900] = msgspec.structs.replace(agents[900], state="failed", last_error=FAULT)
    text = render(msgspec.structs.replace(STATUSES["ready"], agents=agents))
    assert "1,000 agents  998 ready · 1 busy · 1 failed" in text
    assert "998 are not shown; `tars agents` lists them all" in text
    assert text.index("a900") < text.index("a500")
    assert "a499" not in text
    assert "a500   busy" in text
    assert len(text.splitlines()) < 40


def test_budgets_that_are_not_fine_are_shown() -> None:
    """Each with what to do about it; over is red, and what is near it yellow."""
    near = msgspec.structs.replace(BUDGET, standing="warned", reason="Near it.", advice="")
    status = msgspec.structs.replace(STATUSES["ready"], budgets=[BUDGET, near])
    text = render(status, color=True, width=200)
    assert "\x1b[31mBudget daily: $5.10 of $5.00 used today.\x1b[0m\n" in text
    assert "It is free again 2026-03-02 00:00 (UTC).\n" in text
    assert text.endswith("\x1b[33mNear it.\x1b[0m\n")


@given(text=st.text())
def test_nothing_obeyed_by_a_terminal_comes_through(text: str) -> None:
    """Whatever an agent supplies, the plain text has printable characters and our line ends."""
    fault = msgspec.structs.replace(FAULT, message=text, advice=text)
    agent = msgspec.structs.replace(BUSY, name=text, kind=text, state=text, last_error=fault)
    status = msgspec.structs.replace(STATUSES["busy"], agents=[agent], warnings=[text])
    calm = msgspec.structs.replace(status, agents=[BUSY], warnings=["a warning"])
    assert render(status).replace("\n", "").isprintable()
    assert render(calm).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1.0, "0s"),
        (0.9, "0s"),
        (59.9, "59s"),
        (60, "1m 00s"),
        (3599, "59m 59s"),
        (7425, "2h 03m"),
        (86_400, "1d 00h"),
        (356_400, "4d 03h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """The two largest units."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, ""), (40 * 1024**2, "40 MiB"), (1000 * 1024**2, "1.0 GiB"), (2560 * 1024**2, "2.5 GiB")],
)
def test_sizes(count: int, text: str) -> None:
    """MiB, then GiB; an unknown size is left out."""
    assert size(count) == text


def test_moments() -> None:
    """A time is shown to the minute; what is no time is shown as it is, but harmless."""
    assert moment("2026-03-01T10:00:59.5Z") == "2026-03-01 10:00 UTC"
    assert moment("now\x1b") == "now\ufffd"


def test_printable_keeps_what_people_write() -> None:
    """Letters of any script and emoji stay."""
    assert printable("Grüße 你好 🦀") == "Grüße 你好 🦀"


@pytest.mark.parametrize(
    ("word", "text"),
    [("p-1", "p-1"), ("", "''"), ("a b", "'a b'"), ("a';ls", "'a'\"'\"';ls'"), ("$x", "'$x'")],
)
def test_words_in_commands_are_safe_to_paste(word: str, text: str) -> None:
    """An id that an agent made up cannot become a command of its own."""
    assert quoted(word) == text
