"""What Claude Code used: request by request, and turn by turn, whatever its totals do."""

from typing import Any

import msgspec
import pytest

from tars.agents.claude import messages as wire
from tars.agents.claude.totals import Totals
from tars.agents.claude.usage import Requests
from tars.conversation.model import ModelTokens, ReportedUsage, RequestUsage


def usage(**counters: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(counters))


def started(id: str = "m1", model: str = "opus", **counters: Any) -> wire.Started:
    return wire.Started(id, model, usage(**counters))


def result(**members: Any) -> wire.Result:
    return wire.RESULT.decode(msgspec.json.encode(members))


def totals(output: int, model: str = "opus", **more: Any) -> dict[str, Any]:
    return {model: {"inputTokens": 2 * output, "outputTokens": output, **more}}


def outputs(used: ReportedUsage | None) -> int:
    assert used is not None
    return used.output


# --- requests ---------------------------------------------------------------


def test_a_requests_counters_are_translated() -> None:
    """Input has its caches in it, output leaves out what was thought; the raw ones are kept."""
    requests = Requests()
    requests.began(
        started(
            model="opus[1m]",
            input_tokens=1,
            cache_creation_input_tokens=20,
            cache_read_input_tokens=300,
            output_tokens=1,
        ),
        "",
    )
    requests.moved(usage(output_tokens=50, output_tokens_details={"thinking_tokens": 8}), "")
    [request] = requests.ended("")
    assert request == RequestUsage(
        id="m1",
        model="opus",
        input=321,
        output=42,
        cached=300,
        cache_write=20,
        thoughts=8,
        raw='{"output_tokens":50,"output_tokens_details":{"thinking_tokens":8}}',
    )


def test_a_request_is_given_once() -> None:
    """Its id tells it from another one, whichever way it comes again."""
    requests = Requests()
    requests.began(started(), "")
    assert len(requests.ended("")) == 1
    assert requests.ended("") == []
    requests.began(started(), "")
    assert requests.ended("") == []
    message = wire.Message("m1", "opus", "", "end_turn", usage(output_tokens=1))
    assert requests.whole(message, "") == []


def test_a_request_that_never_ended_is_given_as_far_as_it_came() -> None:
    """Another one began in its place, or the turn is over."""
    requests = Requests()
    requests.began(started("m1", input_tokens=5), "")
    [first] = requests.began(started("m2", input_tokens=6), "")
    requests.began(started("m3", input_tokens=7), "agent")
    assert first.input == 5
    assert [(r.id, r.subagent) for r in requests.all_ended()] == [("m2", ""), ("m3", "agent")]


def test_counters_of_a_message_that_is_not_finished_are_none() -> None:
    """They are those of its beginning: the output is 1, whatever it will be."""
    message = wire.Message("m1", "opus", "", None, usage(output_tokens=1))
    assert Requests().whole(message, "") == []


def test_what_has_no_counters_is_not_guessed() -> None:
    """Without an id or without figures there is nothing to count."""
    requests = Requests()
    requests.began(wire.Started("m1"), "")
    requests.began(started(""), "")
    requests.moved(usage(output_tokens=1), "")
    assert requests.all_ended() == []


def test_what_is_remembered_is_bounded() -> None:
    """Many subagents at once, and many requests in one process."""
    requests = Requests()
    for n in range(100):
        requests.began(started(f"m{n}"), f"agent-{n}")
    assert len(requests.all_ended()) == 64
    for n in range(5000):
        requests.began(started(f"n{n}"), "")
        requests.ended("")
    assert not requests.streams("n0")
    assert requests.streams("n4999")


def test_raw_counters_are_none_when_they_are_too_large() -> None:
    """The store is no place for whatever comes along."""
    requests = Requests()
    requests.began(started(junk="x" * 5000, output_tokens=1), "")
    assert requests.ended("")[0].raw == ""


# --- turns ------------------------------------------------------------------


def test_a_turn_is_what_was_used_since_the_last_result() -> None:
    """By model, with its price."""
    since = {
        "opus": {
            "inputTokens": 1,
            "outputTokens": 50,
            "cacheReadInputTokens": 300,
            "cacheCreationInputTokens": 20,
            "thinkingTokens": 8,
            "costUSD": 0.0123456,
        },
        "haiku": {"inputTokens": 0, "outputTokens": 0},
    }
    told = result(model_usage_since_last_result=since, modelUsage=totals(900))
    assert Totals().of_turn(told, at_least=False) == ReportedUsage(
        input=321,
        output=42,
        cached=300,
        thoughts=8,
        models=(ModelTokens("opus", 321, 42, 300, 8, 20),),
        cache_write=20,
        cost_microusd=12346,
    )


def test_an_older_versions_totals_are_subtracted() -> None:
    """They add up over the process, whatever the context window they are named with."""
    counters = Totals()
    first = result(modelUsage=totals(10, "opus[1m]"), total_cost_usd=0.5)
    second = result(modelUsage=totals(30), total_cost_usd=0.75)
    assert outputs(counters.of_turn(first, at_least=False)) == 10
    used = counters.of_turn(second, at_least=False)
    assert (outputs(used), used and used.cost_microusd) == (20, 250_000)


def test_both_names_of_a_model_are_one() -> None:
    """With and without the mark of the larger window."""
    told = result(model_usage_since_last_result={**totals(1), **totals(2, "opus[1m]")})
    used = Totals().of_turn(told, at_least=False)
    assert used is not None
    assert used.models == (ModelTokens("opus", 6, 3, 0, 0, 0),)


def test_what_a_resumed_session_had_used_is_not_used_again() -> None:
    """It was asked when the session was loaded."""
    counters = Totals()
    before = msgspec.json.encode({"model_usage": totals(100), "total_cost_usd": 1.0})
    counters.began_with(msgspec.json.decode(before, type=wire.Session))
    told = result(modelUsage=totals(110), total_cost_usd=1.25)
    used = counters.of_turn(told, at_least=False)
    assert (outputs(used), used and used.cost_microusd) == (10, 250_000)


def test_totals_that_went_down_began_anew() -> None:
    """The conversation was cleared, or the saved totals were lost."""
    counters = Totals()
    counters.of_turn(result(modelUsage=totals(100), total_cost_usd=1.0), at_least=False)
    used = counters.of_turn(result(modelUsage=totals(7), total_cost_usd=0.5), at_least=False)
    assert (outputs(used), used and used.cost_microusd) == (7, 500_000)


def test_what_it_did_by_itself_is_the_next_prompts() -> None:
    """Without the requests that were told meanwhile: those were counted when they were."""
    counters = Totals()
    counters.told_outside(RequestUsage("m1", "opus", 9, 2, cached=3, cache_write=4, thoughts=1))
    own = {
        "inputTokens": 5,
        "outputTokens": 13,
        "thinkingTokens": 1,
        "cacheReadInputTokens": 3,
        "cacheCreationInputTokens": 4,
        "costUSD": 0.25,
    }
    counters.of_nobody(result(model_usage_since_last_result={"opus[1m]": own}))
    counters.of_nobody(result(model_usage_since_last_result=totals(1, "haiku")))
    counters.of_nobody(result())
    since = totals(100, costUSD=0.5)
    used = counters.of_turn(result(model_usage_since_last_result=since), at_least=False)
    assert used is not None
    assert used.models == (
        ModelTokens("opus", 203, 110, 0, 0, 0),
        ModelTokens("haiku", 2, 1, 0, 0, 0),
    )
    assert used.cost_microusd == 750_000
    again = counters.of_turn(result(model_usage_since_last_result=totals(7)), at_least=False)
    assert outputs(again) == 7


@pytest.mark.parametrize("members", [{}, {"modelUsage": None}])
def test_a_result_that_says_nothing_is_no_report(members: dict[str, Any]) -> None:
    """Nothing is not zero."""
    assert Totals().of_turn(result(**members), at_least=True) is None
