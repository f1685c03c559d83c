"""What a turn used is read by the agent's own rule, and what is not certain counts nothing."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tars.accounting.meter import MAX_SESSIONS, Meter
from tars.accounting.rules import UsageRule
from tars.conversation.counters import Answer, Counters
from tars.conversation.model import ModelTokens, ReportedUsage, RequestUsage, Scope


def begun(rule: UsageRule, *, resumed: bool = False, restarts: bool = False) -> Meter:
    """Give a meter with a turn under way in session s."""
    meter = Meter(rule, "m", restarts=restarts)
    meter.opened("s", resumed=resumed)
    meter.began("s")
    return meter


def figure(input: int, output: int) -> Counters:
    return Counters(input, output, input + output)


def end(
    meter: Meter, counters: Counters | None, *models: Counters, whole: bool = True
) -> ReportedUsage | None:
    return meter.ended(Answer(counters, models, raw="{}"), whole=whole)[1]


def turn(meter: Meter, counters: Counters | None, session: str = "s") -> ReportedUsage | None:
    meter.began(session)
    return end(meter, counters)


def used(usage: ReportedUsage | None) -> tuple[int, int] | None:
    return None if usage is None else (usage.input, usage.output)


# per_turn


def test_a_turns_figure_is_the_turn() -> None:
    """With its parts in tars' own words, and a record of what the agent said."""
    meter = begun(UsageRule.PER_TURN)
    counters = Counters(98, 128, 3602, cached=3088, cache_write=288)
    record, usage = meter.ended(Answer(counters, (), '{"usage":1}'), whole=True)
    assert usage == ReportedUsage(3474, 128, 3088, 0, cache_write=288)
    assert record == RequestUsage(
        "m-1", "", 3474, 128, 3088, 288, 0, scope=Scope.TURN, raw='{"usage":1}'
    )


def test_the_split_by_model_is_the_whole_where_it_is_more() -> None:
    """Claude's has the subagents, which its sum leaves out."""
    meter = begun(UsageRule.PER_TURN)
    models = (replace(figure(100, 10), model="big"), replace(figure(50, 5), model="small"))
    usage = end(meter, figure(100, 10), *models)
    assert used(usage) == (150, 15)
    assert usage is not None
    assert usage.models == (
        ModelTokens("big", 100, 10, 0, 0, 0),
        ModelTokens("small", 50, 5, 0, 0, 0),
    )


def test_a_split_that_is_less_or_unreadable_is_left_out() -> None:
    """The sum stands by itself."""
    meter = begun(UsageRule.PER_TURN)
    usage = end(meter, figure(100, 10), replace(figure(50, 5), model="m"))
    assert used(usage) == (100, 10)
    assert usage is not None
    assert usage.models == ()
    meter.began("s")
    assert used(end(meter, figure(100, 10), Counters(100, 50, 999, model="m"))) == (100, 10)
    meter.began("s")
    assert end(meter, figure(0, 0), Counters(100, 50, 999, model="m")) is None
    meter.began("s")
    assert end(meter, figure(0, 0), replace(figure(0, 0), model="m")) is None


def test_a_turn_cut_short_is_a_lower_bound() -> None:
    """A cancelled turn of Claude's is in the split by model alone."""
    meter = begun(UsageRule.PER_TURN)
    usage = end(meter, figure(0, 0), replace(figure(50, 5), model="m"), whole=False)
    assert used(usage) == (50, 5)
    assert usage is not None
    assert usage.at_least


def test_no_figure_is_no_usage() -> None:
    """Null, nothing at all, zeros, and what nobody can read."""
    meter = begun(UsageRule.PER_TURN)
    assert meter.ended(None, whole=False) == (None, None)
    assert meter.ended(Answer(figure(1, 1)), whole=True) == (None, None)
    assert turn(meter, None) is None
    assert turn(meter, figure(0, 0)) is None
    meter.began("s")
    record, usage = meter.ended(Answer(Counters(100, 50, 999), raw="{}"), whole=True)
    assert usage is None
    assert record is not None
    assert (record.input, record.raw) == (0, "{}")
    meter.began("s")
    assert meter.ended(Answer(None, (), "{}"), whole=True) == (None, None)


def test_the_agents_own_convention_decides_an_open_figure() -> None:
    """What its earlier figures told holds for one that two readings explain."""
    meter = begun(UsageRule.PER_TURN)
    assert used(end(meter, Counters(2000, 100, 5160, cached=3060, thoughts=8))) == (5060, 92)
    assert used(turn(meter, Counters(100, 50, 155, cached=5, thoughts=5))) == (105, 45)
    # It changed its mind: the new figure says for itself.
    assert used(turn(meter, Counters(5427, 467, 5894, cached=3427, thoughts=8))) == (5427, 459)


# cumulative


def test_a_cumulative_figure_is_counted_from_the_last() -> None:
    """A turn that adds nothing used nothing that is known."""
    meter = begun(UsageRule.CUMULATIVE)
    assert used(end(meter, figure(5427, 467))) == (5427, 467)
    assert used(turn(meter, figure(16284, 1404))) == (10857, 937)
    assert turn(meter, figure(16284, 1404)) is None
    assert used(turn(meter, figure(16300, 1410))) == (16, 6)


def test_a_figure_below_the_last_began_at_nothing_again() -> None:
    """As it does when the process has loaded the session anew."""
    meter = begun(UsageRule.CUMULATIVE)
    end(meter, figure(5427, 467))
    assert used(turn(meter, figure(100, 10))) == (100, 10)


def test_a_resumed_session_counts_from_where_it_is_known_to() -> None:
    """From 0 where that was measured; else its first figure is a baseline."""
    assert used(end(begun(UsageRule.CUMULATIVE, resumed=True, restarts=True), figure(9, 1))) == (
        9,
        1,
    )
    meter = begun(UsageRule.CUMULATIVE, resumed=True)
    assert end(meter, figure(900, 10)) is None
    assert used(turn(meter, figure(1000, 15))) == (100, 5)


def test_what_two_sessions_of_one_process_may_share_is_not_counted() -> None:
    """Less than the other's figure is its own; more may have the other's in it."""
    meter = begun(UsageRule.CUMULATIVE)
    end(meter, figure(1000, 10))
    meter.opened("t", resumed=False)
    assert turn(meter, figure(1500, 15), "t") is None
    meter.opened("u", resumed=False)
    assert used(turn(meter, figure(100, 5), "u")) == (100, 5)


def test_a_session_that_was_never_opened_has_no_baseline() -> None:
    """Nothing of it is known."""
    meter = Meter(UsageRule.CUMULATIVE, "m")
    assert turn(meter, figure(100, 5), "x") is None


def test_sessions_are_forgotten_in_the_end() -> None:
    """The oldest first: its next figure is a baseline."""
    meter = Meter(UsageRule.CUMULATIVE, "m")
    for number in range(MAX_SESSIONS + 1):
        meter.opened(str(number), resumed=False)
    assert turn(meter, figure(100, 5), "0") is None
    assert used(turn(meter, figure(50, 1), "1")) == (50, 1)


# last_step


def test_the_last_request_is_the_turn_where_it_was_the_only_one() -> None:
    """It goes on record as a request."""
    meter = begun(UsageRule.LAST_STEP)
    meter.message("a")
    meter.message("a")
    record, usage = meter.ended(Answer(figure(5000, 40), raw="{}"), whole=True)
    assert usage == ReportedUsage(5000, 40, 0, 0, cache_write=0, requests=1)
    assert record is not None
    assert (record.scope, record.input) == (Scope.REQUEST, 5000)


def test_the_last_request_of_several_is_a_lower_bound() -> None:
    """A tool call, or a second message, tells that there were others."""
    for another in ("tool", "message"):
        meter = begun(UsageRule.LAST_STEP)
        meter.message("a")
        meter.tool() if another == "tool" else meter.message("b")
        usage = end(meter, figure(5000, 40))
        assert usage is not None
        assert usage.at_least
        assert usage.requests == 0


def test_what_belongs_to_no_turn_is_no_evidence() -> None:
    """A tool call, a message and a request after the end."""
    meter = Meter(UsageRule.PER_CALL, "m")
    meter.tool()
    meter.message("a")
    assert meter.called(figure(1, 1), "{}") is None
    assert meter.ended(None, whole=True) == (None, None)


# per_call


def test_each_request_is_counted_as_it_is_told() -> None:
    """Qwen's end says nothing more; the sum is the turn."""
    meter = begun(UsageRule.PER_CALL)
    first = meter.called(Counters(5409, 449, 5858, cached=3409, thoughts=8), '{"a":1}')
    assert first == RequestUsage("m-1", "", 5409, 441, 3409, 0, 8, raw='{"a":1}')
    meter.called(Counters(5410, 450, 5860, cached=3410, thoughts=8), "{}")
    _, usage = meter.ended(None, whole=True)
    assert usage == ReportedUsage(10819, 883, 6819, 16, cache_write=0, requests=2)
    meter.began("s")
    assert meter.ended(None, whole=True) == (None, None)


def test_a_request_that_nobody_can_read_is_kept_and_counts_nothing() -> None:
    """Its id is its own."""
    meter = begun(UsageRule.PER_CALL)
    request = meter.called(Counters(100, 50, 999), "{}")
    assert request == RequestUsage("m-1", "", 0, 0, raw="{}")
    assert meter.ended(None, whole=True)[1] is None


def test_a_request_told_by_an_agent_that_counts_otherwise_is_not_counted_twice() -> None:
    """Its rule has the last word."""
    meter = begun(UsageRule.PER_TURN)
    assert meter.called(figure(1, 1), "{}") is None
    assert used(end(meter, figure(100, 10))) == (100, 10)


def test_an_unmeasured_agent_that_tells_its_requests_is_per_call() -> None:
    """The end's figure is for the record then."""
    meter = begun(UsageRule.DETECT)
    meter.called(figure(100, 10), "{}")
    assert meter.rule is UsageRule.PER_CALL
    assert used(end(meter, figure(300, 30))) == (100, 10)


# none and detect


def test_an_agent_that_does_not_count_is_not_believed() -> None:
    """What it says all the same is kept as it came."""
    meter = begun(UsageRule.NONE)
    record, usage = meter.ended(Answer(figure(5, 1), raw="{}"), whole=True)
    assert usage is None
    assert record is not None
    assert (record.input, record.scope) == (0, Scope.TURN)


def test_an_unmeasured_agent_is_read_as_far_as_its_figures_tell() -> None:
    """The first turn is certain, the second is not, and one that falls settles it half."""
    meter = begun(UsageRule.DETECT)
    assert used(end(meter, figure(1000, 10))) == (1000, 10)
    assert turn(meter, figure(2000, 20)) is None
    assert used(turn(meter, figure(1500, 15))) == (1500, 15)
    assert meter.rule is UsageRule.DETECT


def test_a_rule_is_settled_by_what_the_context_holds() -> None:
    """An agent whose figure of several requests fits it once counts the last alone."""
    meter = begun(UsageRule.DETECT)
    meter.filled("s", 1010, None)
    assert used(end(meter, figure(1000, 10))) == (1000, 10)
    meter.began("s")
    meter.tool()
    meter.filled("s", 1120, None)
    usage = end(meter, figure(1100, 20))
    assert meter.rule is UsageRule.LAST_STEP
    assert used(usage) == (1100, 20)
    assert usage is not None
    assert usage.at_least


def test_a_second_session_of_an_unmeasured_agent_has_no_baseline() -> None:
    """It may count on from the first."""
    meter = begun(UsageRule.DETECT)
    end(meter, figure(1000, 10))
    meter.opened("t", resumed=False)
    assert turn(meter, figure(1500, 15), "t") is None


# cost


def cost(meter: Meter, session: str, *told: int) -> int | None:
    meter.began(session)
    for amount in told:
        meter.filled(session, 100, amount)
    usage = end(meter, figure(100, 10))
    assert usage is not None
    return usage.cost_microusd


def test_a_turn_costs_what_its_session_grew_dearer() -> None:
    """Told once or several times in the turn; not told is not known."""
    meter = Meter(UsageRule.PER_TURN, "m")
    meter.opened("s", resumed=False)
    assert cost(meter, "s", 5000) == 5000
    assert cost(meter, "s", 5500, 7000) == 2000
    assert cost(meter, "s") is None
    assert cost(meter, "s", 7001) == 1


def test_what_a_resumed_session_cost_before_is_no_turns() -> None:
    """Its first figure is a baseline, wherever it comes; so is one that fell."""
    meter = Meter(UsageRule.PER_TURN, "m")
    meter.opened("s", resumed=True)
    assert cost(meter, "s", 68000) is None
    assert cost(meter, "s", 70000) == 2000
    assert cost(meter, "s", 100) is None
    assert cost(meter, "s", 150) == 50
    meter.opened("t", resumed=True)
    meter.filled("t", 10, 900)
    assert cost(meter, "t", 1000) == 100
    meter.filled("unknown", 10, 900)


def test_a_turn_that_failed_may_have_cost_something() -> None:
    """It is told without a token, as a lower bound; without a cost nothing is."""
    meter = begun(UsageRule.PER_TURN)
    meter.filled("s", 10, 300)
    _, usage = meter.ended(None, whole=False)
    assert usage == ReportedUsage(0, 0, cost_microusd=300, at_least=True)
    meter.began("s")
    meter.filled("s", 10, 300)
    assert meter.ended(None, whole=False) == (None, None)


# Whatever the agent does.

#: A conversation: for each turn what its requests add to the context, and say.
TURNS = st.lists(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 500)), min_size=1, max_size=4),
    min_size=1,
    max_size=8,
)


@given(
    turns=TURNS,
    kind=st.sampled_from([UsageRule.PER_TURN, UsageRule.CUMULATIVE, UsageRule.LAST_STEP]),
    gauge=st.sampled_from([0.0, 0.5, 1.0, 1.5]),
    resumed=st.booleans(),
)
def test_an_unmeasured_agent_is_never_guessed(
    turns: list[list[tuple[int, int]]], kind: UsageRule, gauge: float, resumed: bool
) -> None:
    """Whichever rule it follows, and however its context window is measured: what is counted
    is what was used, or says that it is less. Nothing is counted twice."""
    meter = Meter(UsageRule.DETECT, "m")
    meter.opened("s", resumed=resumed)
    context = 20_000 if resumed else 1000
    so_far = (700_000, 7000) if resumed and kind is UsageRule.CUMULATIVE else (0, 0)
    for steps in turns:
        meter.began("s")
        requests = []
        for added, said in steps:
            context += added
            requests.append((context, said))
            context += said
        if len(steps) > 1:
            meter.tool()
        truth = sum(i for i, _ in requests), sum(o for _, o in requests)
        so_far = so_far[0] + truth[0], so_far[1] + truth[1]
        told = {
            UsageRule.PER_TURN: truth,
            UsageRule.CUMULATIVE: so_far,
            UsageRule.LAST_STEP: requests[-1],
        }[kind]
        if gauge:
            meter.filled("s", round(context * gauge), None)
        usage = end(meter, figure(*told))
        if usage is not None and usage.at_least:
            assert (usage.input, usage.output) <= truth
        elif usage is not None:
            assert (usage.input, usage.output) == truth


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 100)), max_size=8))
def test_the_differences_of_a_cumulative_agent_add_up(turns: list[tuple[int, int]]) -> None:
    """To its last figure, with the turns that added nothing."""
    meter = Meter(UsageRule.CUMULATIVE, "m")
    meter.opened("s", resumed=False)
    total, counted = (0, 0), (0, 0)
    for input, output in turns:
        total = total[0] + input, total[1] + output
        usage = turn(meter, figure(*total))
        counted = (
            counted[0] + (usage.input if usage else 0),
            counted[1] + (usage.output if usage else 0),
        )
    assert counted == total
