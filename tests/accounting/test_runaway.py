"""What looks like a turn that goes round in circles, and what does not."""

from collections.abc import Iterable
from itertools import cycle, islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.accounting.runaway import (
    MOST_CALLS,
    Finding,
    Found,
    RunawayConfig,
    Severity,
    Watch,
)
from tars.conversation.model import RequestUsage, ToolCallChanged, ToolStatus

LOW, MEDIUM, HIGH = Severity
Call = tuple[str, str, str, bool]

LS: Call = ("execute", "ls", "a b", False)
CAT: Call = ("read", "cat", "text", False)
FAILS: Call = ("execute", "make", "no rule", True)


def config(**fields: Any) -> RunawayConfig:
    """Everything at five, and nothing of tokens, unless told otherwise."""
    none = {"jump_tokens": 0, "context_tokens": 0, "turn_tokens": 0}
    return RunawayConfig(**{"repeats": 5, "errors": 5, "oscillations": 5, **none, **fields})


def play(
    watch: Watch, calls: Iterable[Call], *, at: float = 0.0, took: float = 0.1, first: int = 0
) -> list[Found]:
    """Let the calls begin and end, one after the other, and give what was found."""
    found: list[Found] = []
    for number, (kind, title, output, failed) in enumerate(calls, first):
        began = ToolCallChanged(f"c{number}", ToolStatus.RUNNING, title, kind)
        status = ToolStatus.FAILED if failed else ToolStatus.COMPLETED
        assert watch.called(began, at) == []
        found += watch.called(ToolCallChanged(f"c{number}", status, output=output), at + took)
    return found


def shapes(found: Iterable[Found]) -> list[tuple[Finding, Severity]]:
    return [(one.finding, one.severity) for one in found]


def request(prompt: int, *, output: int = 0, cached: int = 0, subagent: str = "") -> RequestUsage:
    return RequestUsage("r", "m", prompt, output, cached=cached, subagent=subagent)


@pytest.mark.parametrize(
    ("count", "severities"),
    [(4, []), (5, [LOW]), (9, [LOW]), (10, [LOW, MEDIUM]), (100, [LOW, MEDIUM, HIGH])],
)
def test_the_same_call_over_and_over(count: int, severities: list[Severity]) -> None:
    """At the threshold, at twice and at four times that, and once each."""
    found = play(Watch(config()), [LS] * count)
    assert shapes(found) == [(Finding.REPEATS, severity) for severity in severities]


def test_a_finding_tells_nothing_of_what_was_said() -> None:
    """Neither a title nor an output: a log may have it."""
    (found,) = play(Watch(config()), [("execute", "secret", "word", False)] * 5)
    assert found.reason == (
        "The agent made the same tool call 5 times in a row, with the same result."
    )


@pytest.mark.parametrize(
    "calls",
    [
        [("execute", "ls", f"{n}", False) for n in range(100)],  # another result each time
        [("execute", f"ls {n}", "", False) for n in range(100)],  # other arguments
        [("edit", "Edit a.py", "done", False)] * 100,  # what it edits is not told
        [("other", "tool", "", False)] * 100,  # nor here
        [*[LS] * 4, CAT] * 20,  # never five in a row
        [*[FAILS] * 4, LS] * 20,
        [LS, CAT, ("read", "other", "text", False)] * 30,  # three that take turns
    ],
)
def test_ordinary_work_is_left_alone(calls: list[Call]) -> None:
    """A hundred calls that are alike without being the same."""
    assert play(Watch(config()), calls) == []


def test_polling_is_left_alone() -> None:
    """A call that waited for something itself may be made as often as it likes."""
    assert play(Watch(config()), [LS] * 100, took=5.0) == []
    assert shapes(play(Watch(config()), [LS] * 5, took=4.9)) == [(Finding.REPEATS, LOW)]
    assert shapes(play(Watch(config(wait_seconds=0)), [LS] * 5, took=60.0)) == [
        (Finding.REPEATS, LOW)
    ]


def test_one_failure_after_another() -> None:
    """Whatever fails; one success begins anew."""
    fails: list[Call] = [("execute", f"make {n}", f"no rule {n}", True) for n in range(20)]
    assert shapes(play(Watch(config()), fails)) == [
        (Finding.ERRORS, LOW),
        (Finding.ERRORS, MEDIUM),
        (Finding.ERRORS, HIGH),
    ]
    assert play(Watch(config()), [*fails[:4], LS, *fails[4:8]]) == []


def test_an_edit_that_fails_the_same_way_is_the_same() -> None:
    """Its words tell what was tried."""
    found = play(Watch(config(errors=0)), [("edit", "Edit a.py", "no such text", True)] * 5)
    assert shapes(found) == [(Finding.REPEATS, LOW)]


@pytest.mark.parametrize(("count", "severities"), [(9, []), (10, [LOW]), (40, [LOW, MEDIUM, HIGH])])
def test_two_calls_that_take_turns(count: int, severities: list[Severity]) -> None:
    """Five pairs are ten calls."""
    found = play(Watch(config()), islice(cycle([LS, CAT]), count))
    assert shapes(found) == [(Finding.OSCILLATION, severity) for severity in severities]


def test_the_same_finding_rests() -> None:
    """It is told again when it grew and the pause is over, and not for every call meanwhile."""
    watch = Watch(config(repeats=5, cooldown_seconds=300))
    assert len(play(watch, [LS] * 5, at=0)) == 1
    assert play(watch, [LS] * 4, at=299, first=5) == []
    assert shapes(play(watch, [LS], at=301, first=9)) == [(Finding.REPEATS, MEDIUM)]
    assert play(watch, [LS], at=600, first=10) == []
    assert shapes(play(watch, [LS], at=602, first=11)) == [(Finding.REPEATS, MEDIUM)]


def test_what_is_less_grave_than_wanted_is_not_told() -> None:
    """`least` is where it begins."""
    found = play(Watch(config(least=HIGH)), [LS] * 30)
    assert shapes(found) == [(Finding.REPEATS, HIGH)]


def test_a_threshold_of_nothing_looks_for_nothing() -> None:
    """Each can be turned off by itself."""
    watch = Watch(config(repeats=0, errors=0, oscillations=0))
    assert play(watch, [FAILS] * 50 + [LS, CAT] * 50) == []
    assert watch.counted([request(10**9)] * 3, 0.0) == []


def test_a_context_that_leaps() -> None:
    """From one request to the next; the first has nothing to leap from."""
    watch = Watch(config(jump_tokens=1000))
    assert watch.counted([request(5000), request(5999)], 0.0) == []
    (found,) = watch.counted([request(7000)], 1.0)
    assert (found.finding, found.severity) == (Finding.TOKENS, LOW)
    assert found.reason == "The context grew by 1,001 tokens with one request to the model."


def test_a_context_that_grows_too_large() -> None:
    """Whether requests tell it, or the agent does; a compacted one may grow again unseen."""
    watch = Watch(config(context_tokens=1000))
    assert shapes(watch.counted([request(1000)], 0.0)) == [(Finding.TOKENS, LOW)]
    assert watch.full(1100, 1.0) == []
    assert shapes(watch.full(2000, 2.0)) == [(Finding.TOKENS, MEDIUM)]
    assert watch.full(100, 3.0) == []


def test_a_turn_that_uses_too_much() -> None:
    """Without what came out of a cache; a subagent's own context is no leap of this one."""
    watch = Watch(config(turn_tokens=1000, jump_tokens=100))
    used = [request(900, cached=800, output=100), request(90_000, cached=89_900, subagent="s")]
    assert watch.counted(used, 0.0) == []
    (found,) = watch.counted([request(950, cached=0)], 1.0)
    assert found.reason == "The turn has used 1,250 tokens, cached ones left out."


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["execute", "read", "edit", "other", ""]),
        st.sampled_from(["", "a", "b"]),
        st.sampled_from(["", "x", "y"]),
        st.booleans(),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(CALLS)
def test_nothing_is_found_before_its_threshold(calls: list[Call]) -> None:
    """Whatever an agent does: five findings need five calls, and each severity comes once."""
    watch = Watch(config(cooldown_seconds=10**9))
    found = [
        (number, one)
        for number, call in enumerate(calls)
        for one in play(watch, [call], at=float(number), first=number)
    ]
    assert all(number >= 4 for number, _ in found)
    told = shapes(one for _, one in found)
    assert len(told) == len(set(told))


def test_memory_is_bounded() -> None:
    """Calls that never end are forgotten, the oldest first."""
    watch = Watch(config())
    for number in range(MOST_CALLS + 100):
        watch.called(ToolCallChanged(f"c{number}", ToolStatus.RUNNING, "t" * 1000, "read"), 0.0)
    assert len(watch._calls) == MOST_CALLS
