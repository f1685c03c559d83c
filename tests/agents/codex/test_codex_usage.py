"""Each response counts once, from whichever message tells it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.agents.codex import limits, modes
from tars.agents.codex import messages as wire
from tars.agents.codex.usage import MAX_REMEMBERED, Meter
from tars.conversation.model import Limit, RequestUsage


def counters(input: int, output: int = 10, **more: int) -> dict[str, int]:
    total = input + output
    return {"inputTokens": input, "outputTokens": output, "totalTokens": total, **more}


def response(id: str, usage: dict[str, int] | None, turn: str = "u1") -> wire.ResponseCompleted:
    told = {"threadId": "t", "turnId": turn, "responseId": id, "usage": usage}
    return wire.RESPONSE_COMPLETED.decode(json.dumps(told))


def updated(
    total: dict[str, int], last: dict[str, int], turn: str = "u1"
) -> wire.TokenUsageUpdated:
    usage = {"total": total, "last": last, "modelContextWindow": 100}
    told = {"threadId": "t", "turnId": turn, "tokenUsage": usage}
    return wire.TOKEN_USAGE_UPDATED.decode(json.dumps(told))


def test_a_response_counts_once() -> None:
    """By its id; output is told without reasoning, and the raw counters are kept."""
    meter, usage = Meter("m"), counters(100, 30, cachedInputTokens=60, reasoningOutputTokens=8)
    request = meter.completed(response("r1", usage))
    assert request == RequestUsage(
        "r1", "m", input=100, output=22, cached=60, thoughts=8, raw=json.dumps(usage)
    )
    assert meter.completed(response("r1", usage)) is None
    assert meter.completed(response("r2", None)) is None


def test_with_raw_events_the_totals_count_nothing() -> None:
    """They tell the same again."""
    meter = Meter()
    assert meter.completed(response("r1", counters(5)))
    assert meter.updated(updated(counters(5), counters(5)), "u1") is None


def test_raw_events_that_come_late_do_not_count_again() -> None:
    """What has stood in for one was it."""
    meter = Meter()
    assert meter.updated(updated(counters(5), counters(5)), "u1")
    assert meter.completed(response("r1", counters(5))) is None
    assert meter.completed(response("r2", counters(5)))


@pytest.mark.parametrize(
    ("total", "last", "turn"),
    [
        (counters(5), counters(5), "u1"),  # told again
        (counters(9), counters(4), "u0"),  # of a turn of long ago
        (counters(0, 0, totalTokens=100), counters(0, 0, totalTokens=95), "u1"),  # full
        (counters(9), {"inputTokens": -1}, "u1"),  # of another form
    ],
)
def test_a_total_counts_only_what_is_new(
    total: dict[str, int], last: dict[str, int], turn: str
) -> None:
    meter = Meter()
    assert meter.updated(updated(counters(5), counters(5)), "u1")
    assert meter.updated(updated(total, last, turn), "u1") is None


def test_a_total_may_fall() -> None:
    """After a full window it starts over, and the next response counts as it is."""
    meter = Meter()
    meter.updated(updated(counters(50), counters(50)), "u1")
    meter.updated(updated(counters(0, 0, totalTokens=100), counters(0, 0)), "u1")
    request = meter.updated(updated(counters(7, totalTokens=117), counters(7)), "u1")
    assert request is not None
    assert request.input == 7


def test_what_was_written_to_a_cache_is_input() -> None:
    """Whether the provider's input includes it, its total tells."""
    inside = Meter().completed(response("r", counters(100, cacheWriteInputTokens=20)))
    apart = Meter().completed(
        response("r", counters(100, cacheWriteInputTokens=20, totalTokens=130))
    )
    assert inside is not None
    assert apart is not None
    assert (inside.input, inside.cache_write) == (100, 20)
    assert (apart.input, apart.cache_write) == (120, 20)


def test_only_so_many_are_remembered() -> None:
    """The newest; a thread may live for months."""
    meter = Meter()
    for number in range(MAX_REMEMBERED + 1):
        assert meter.completed(response(str(number), counters(1)))
    assert meter.completed(response(str(MAX_REMEMBERED), counters(1))) is None
    assert meter.completed(response("0", counters(1))) is not None


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), max_size=8))
def test_repeats_never_count(responses: list[tuple[int, int]]) -> None:
    """Any run of responses, each told again any number of times, sums up to itself."""
    meter, sum_of_all, counted = Meter(), 0, 0
    for input, repeats in responses:
        sum_of_all += input
        for _ in range(1 + repeats):
            told = updated(counters(sum_of_all), counters(input))
            if (request := meter.updated(told, "u1")) is not None:
                counted += request.input
    assert counted == sum_of_all


# --- limits ------------------------------------------------------------------


def rate_limits(**members: Any) -> wire.RateLimits:
    return msgspec.convert(members, wire.RateLimits)


def window(used: float, minutes: int | None, resets: int | None = 5) -> dict[str, Any]:
    return {"usedPercent": used, "windowDurationMins": minutes, "resetsAt": resets}


def test_limits_have_the_names_of_their_windows() -> None:
    """Those of a model or a feature are told apart."""
    both = rate_limits(primary=window(42, 300), secondary=window(7, 10080), limitId="codex")
    assert limits.told(both) == (Limit("five_hour", 42, 5), Limit("weekly", 7, 5))
    other = rate_limits(primary=window(1, 60), limitId="x", rateLimitReachedType="reached")
    assert limits.told(other) == (Limit("x:60_minutes", 1, 5, "reached"),)
    assert limits.told(rate_limits(secondary=window(1, None))) == (Limit("secondary", 1, 5),)
    assert limits.told(rate_limits()) == ()


def test_an_account_is_free_when_its_last_full_limit_is() -> None:
    """One that is not used up does not matter."""
    found = [Limit("a", 100, 5), Limit("b", 101, 9), Limit("c", 99, 20), Limit("d", 100)]
    assert limits.free_at(found) == 9
    assert limits.free_at([]) is None


# --- modes -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "members"),
    [
        ("", {}),
        ("auto", {"approvalPolicy": "on-request", "sandbox": "workspace-write"}),
        ("full-access", {"approvalPolicy": "never", "sandbox": "danger-full-access"}),
        ("read-only", {"sandbox": "read-only"}),
        ("untrusted", {"approvalPolicy": "untrusted"}),
        ("never/read-only", {"approvalPolicy": "never", "sandbox": "read-only"}),
        ("read-only/never", {"approvalPolicy": "never", "sandbox": "read-only"}),
    ],
)
def test_a_mode_is_a_policy_and_a_sandbox(mode: str, members: dict[str, str]) -> None:
    parsed = modes.parse(mode)
    assert parsed is not None
    assert parsed.members == members


@pytest.mark.parametrize("mode", ["yolo", "never/never", "never/read-only/auto", "/", "auto/never"])
def test_any_other_mode_is_none(mode: str) -> None:
    assert modes.parse(mode) is None


def test_a_threads_mode_can_be_asked_for_again() -> None:
    """What is shown is what `parse` takes; a granular policy has no word."""
    shown = modes.shown("on-request", "workspaceWrite")
    assert shown == "on-request/workspace-write"
    assert modes.parse(shown) == modes.Mode("on-request", "workspace-write")
    assert modes.shown({"granular": {}}, "readOnly") == "read-only"
    assert modes.shown("never", "externalSandbox") == "never"
