"""What a turn used: the report, the log, and what the two make together."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.accounting.usage import Ledger, ModelUsage, Source, TurnUsage, reconcile, usage_missing
from tars.conversation.model import ModelTokens, ReportedUsage, RequestUsage, Scope

FLASH = "gemini-2.5-flash"

# The worked example of the documentation: a turn with two tool calls, three requests.
REQUESTS = (
    RequestUsage("r1", FLASH, input=1000, output=10, cached=0, thoughts=5),
    RequestUsage("r2", FLASH, input=1100, output=20, cached=900, thoughts=6),
    RequestUsage("r3", FLASH, input=1200, output=30, cached=1000, thoughts=7),
)
REPORT = ReportedUsage(3300, 60, models=(ModelTokens(FLASH, 3300, 60),))
WORKED = TurnUsage(
    input=3300,
    output=60,
    cached=1900,
    cache_write=0,
    thoughts=18,
    net=1400,
    context=1200,
    context_cached=1000,
    requests=3,
    tool_calls=2,
    source=Source.OFFICIAL,
    context_is_sum=False,
    models=(ModelUsage(FLASH, 3300, 60, 1900, 0, 18, 3),),
)


def test_the_worked_example() -> None:
    """Where report and log agree, the sums are official and the log gives the detail."""
    assert reconcile(REPORT, REQUESTS, tool_calls=2) == WORKED


def test_only_a_report() -> None:
    """Without a log the sum stands in for the context, and says so."""
    assert reconcile(REPORT, None, tool_calls=2) == TurnUsage(
        input=3300,
        output=60,
        net=3300,
        context=3300,
        tool_calls=2,
        source=Source.OFFICIAL,
        context_is_sum=True,
        models=(ModelUsage(FLASH, 3300, 60),),
    )


def test_an_empty_log_leaves_the_report() -> None:
    """A log that does not show the turn yet says no more than no log."""
    assert reconcile(REPORT, ()) == reconcile(REPORT, None)


def test_a_report_with_every_figure() -> None:
    """Cached and thought tokens are taken where the agent reports them."""
    models = (ModelTokens("a", 60, 5, cached=40, thoughts=3), ModelTokens("b", 40, 2))
    report = ReportedUsage(100, 7, cached=40, thoughts=3, models=models)
    assert reconcile(report, None) == TurnUsage(
        input=100,
        output=7,
        cached=40,
        thoughts=3,
        net=60,
        context=100,
        context_cached=40,
        source=Source.OFFICIAL,
        context_is_sum=True,
        models=(ModelUsage("a", 60, 5, 40, 0, 3), ModelUsage("b", 40, 2)),
    )


def test_more_cached_than_sent_is_no_negative_net() -> None:
    """Figures that cannot be are not made worse."""
    assert reconcile(ReportedUsage(10, 1, cached=25), None).net == 0


def test_only_a_log() -> None:
    """A cancelled or failed turn reports nothing: the log alone has its figures."""
    assert reconcile(None, REQUESTS, tool_calls=2) == replace(WORKED, source=Source.LOG)


@pytest.mark.parametrize("report", [ReportedUsage(0, 0), ReportedUsage(3300, 59)])
def test_a_log_that_shows_more_is_the_truth(report: ReportedUsage) -> None:
    """A turn that was ended early reports less than it used."""
    assert reconcile(report, REQUESTS, tool_calls=2) == replace(WORKED, source=Source.LOG)


def test_a_report_that_shows_more_has_the_sums() -> None:
    """Attempts that the log leaves out count as fresh input; the context is the log's."""
    assert reconcile(ReportedUsage(4000, 60), REQUESTS, tool_calls=2) == replace(
        WORKED, input=4000, net=2100
    )


def test_a_larger_report_outdoes_the_log_in_all_that_it_says() -> None:
    """Its own cached and thought tokens replace the log's."""
    report = ReportedUsage(4000, 61, cached=2000, thoughts=20)
    assert reconcile(report, REQUESTS, tool_calls=2) == replace(
        WORKED, input=4000, output=61, cached=2000, thoughts=20, net=2000
    )


@pytest.mark.parametrize(
    ("logged", "source"), [(None, Source.ESTIMATE), ((), Source.LOG)], ids=["no log", "empty log"]
)
def test_nothing_known(logged: tuple[RequestUsage, ...] | None, source: Source) -> None:
    """No figures: an empty log is knowledge, an unreadable one is not."""
    usage = reconcile(None, logged, tool_calls=1)
    assert usage == TurnUsage(tool_calls=1, source=source)
    assert not usage.counted


def test_models_are_counted_apart() -> None:
    """A router's requests have their own line, in the order in which models first spoke."""
    routed = (RequestUsage("r0", "lite", 50, 1, cache_write=4), *REQUESTS)
    assert reconcile(None, routed).models == (
        ModelUsage("lite", 50, 1, cache_write=4, requests=1),
        *WORKED.models,
    )


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (TurnUsage(), False),
        (TurnUsage(cached=5, requests=1, tool_calls=2), False),
        (TurnUsage(input=1), True),
        (TurnUsage(output=1), True),
        (TurnUsage(thoughts=1), True),
    ],
)
def test_counted_means_that_a_token_was(usage: TurnUsage, counted: bool) -> None:
    """Requests and tool calls alone are not tokens."""
    assert usage.counted is counted


@pytest.mark.parametrize(
    ("report", "logged", "missing"),
    [
        (None, (), False),
        (None, REQUESTS, False),
        (REPORT, REQUESTS, False),
        (REPORT, REQUESTS[:2], True),
        (REPORT, (), True),
        (ReportedUsage(3300, 61), REQUESTS, True),
        (ReportedUsage(3301, 60), REQUESTS, True),
        (ReportedUsage(0, 0), (), False),
    ],
)
def test_a_log_that_lags_behind_is_noticed(
    report: ReportedUsage | None, logged: tuple[RequestUsage, ...], missing: bool
) -> None:
    """The log is missing something while either of its sums is below the report."""
    assert usage_missing(report, iter(logged)) is missing


def test_the_ledger_of_the_worked_example() -> None:
    """Net 1400 + cache 1900 + output 60 with 18 thoughts = 3378, the sum of what was billed."""
    ledger = Ledger.of(WORKED)
    assert ledger == Ledger(net_input=1400, cache_read=1900, cache_write=0, output=78, reasoning=18)
    assert ledger.total == 3300 + 60 + 18


# --- whatever was used ------------------------------------------------------------

tokens = st.integers(0, 10**7)


@st.composite
def requests(draw: st.DrawFn) -> tuple[RequestUsage, ...]:
    """Any requests of up to two models; what was cached and written is part of what was sent."""
    rows = draw(st.lists(st.tuples(st.sampled_from("ab"), *[tokens] * 5), max_size=5))
    return tuple(
        RequestUsage(f"r{n}", model, cached + written + sent, out, cached, written, thoughts)
        for n, (model, sent, out, cached, written, thoughts) in enumerate(rows)
    )


@st.composite
def reports(draw: st.DrawFn) -> ReportedUsage | None:
    """Any report, or none; no more is cached than was sent."""
    sent, out = draw(tokens), draw(tokens)
    cached = draw(st.none() | st.integers(0, sent))
    return draw(st.none() | st.just(ReportedUsage(sent, out, cached, draw(st.none() | tokens))))


@given(reports(), requests() | st.none())
def test_the_ledger_adds_up(
    report: ReportedUsage | None, logged: tuple[RequestUsage, ...] | None
) -> None:
    """Its four kinds are disjoint, and together they are everything the turn used."""
    usage = reconcile(report, logged)
    ledger = Ledger.of(usage)
    parts = (ledger.net_input, ledger.cache_read, ledger.cache_write, ledger.output)
    assert min(parts) >= 0
    assert ledger.total == sum(parts)
    assert ledger.total == usage.input + usage.output + usage.thoughts
    assert ledger.reasoning <= ledger.output


@given(reports(), requests() | st.none())
def test_nothing_that_was_seen_is_lost(
    report: ReportedUsage | None, logged: tuple[RequestUsage, ...] | None
) -> None:
    """The input is that of the larger witness, unless the log shows more output."""
    usage = reconcile(report, logged)
    seen = sum(r.input for r in logged or ())
    wrote = sum(r.output for r in logged or ())
    assert usage.input >= seen
    assert usage.output >= wrote
    assert usage.input in {seen, report.input if report is not None else seen}


@given(requests())
def test_the_models_of_a_log_add_up_to_the_turn(logged: tuple[RequestUsage, ...]) -> None:
    """Every request is one model's, and the context is the last one's."""
    usage = reconcile(None, logged)
    for kind in ("input", "output", "cached", "cache_write", "thoughts", "requests"):
        assert sum(getattr(m, kind) for m in usage.models) == getattr(usage, kind)
    if logged:
        assert (usage.context, usage.context_cached) == (logged[-1].input, logged[-1].cached)


# What the protocol counted, request by request.


def test_counters_of_more_than_a_request_are_added_to_nothing() -> None:
    """They are a record of the report; so is a request that nobody could read."""
    turn = RequestUsage("t", FLASH, 3300, 60, scope=Scope.TURN)
    unread = RequestUsage("u", FLASH, 0, 0, raw='{"total":9}')
    usage = reconcile(REPORT, None, told=(turn, unread))
    assert (usage.input, usage.output, usage.requests) == (3300, 60, 0)
    assert usage.source is Source.OFFICIAL
    unknown = reconcile(None, None, told=(unread,))
    assert (unknown.source, unknown.counted) == (Source.ESTIMATE, False)


def test_subagents_that_are_in_the_sums_alone_are_named_by_the_log() -> None:
    """Where they fit into the report; what is there already is not counted again."""
    told = REQUESTS[:1]
    inner = RequestUsage("s1", FLASH, 500, 5, subagent="a")
    report = ReportedUsage(1500, 15)
    usage = reconcile(report, (*told, inner), told=told)
    assert (usage.input, usage.output, usage.requests, usage.subagent_tokens) == (1500, 15, 2, 505)
    assert (usage.context, usage.source) == (1000, Source.OFFICIAL)
    for reported in (ReportedUsage(1400, 15), ReportedUsage(1500, 14), None):
        assert reconcile(reported, (inner,), told=told).subagent_tokens == 0
    again = replace(inner, subagent="a")
    assert reconcile(report, (inner,), told=(*told, again)).requests == 2


def test_requests_that_were_told_are_the_detail_of_a_larger_report() -> None:
    """The last of them is the context; the report says what it cost, and what is missing."""
    last = RequestUsage("r", FLASH, 1200, 30, cached=1000, thoughts=7)
    assert reconcile(None, REQUESTS, told=(last,)).input == 1200
    report = ReportedUsage(1200, 30, 1000, 7, cost_microusd=15, requests=1, at_least=True)
    usage = reconcile(report, None, told=(last,))
    assert (usage.context, usage.cost_microusd, usage.at_least) == (1200, 15, True)
    larger = reconcile(replace(report, input=2000, models=REPORT.models), None, told=(last,))
    assert (larger.input, larger.context, larger.source) == (2000, 1200, Source.OFFICIAL)
