"""A turn's usage split over its models: nothing lost, nothing counted twice."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tars.accounting.shares import FIGURES, MOST, Share, shares
from tars.accounting.usage import Ledger, ModelUsage, TurnUsage

TWO = TurnUsage(
    input=3300,
    output=60,
    cached=1900,
    cache_write=3,
    thoughts=18,
    net=1400,
    requests=3,
    cost_microusd=1234,
    models=(
        ModelUsage("flash", 2100, 30, 900, 0, 11, 2),
        ModelUsage("pro", 1200, 30, 1000, 3, 7, 1),
    ),
)
FLASH = Share("flash", 2, 1200, 900, 0, 41, 11)
PRO = Share("pro", 1, 197, 1000, 3, 37, 7)

# Absurd figures too: below nothing, and beyond what any database holds.
counts = st.one_of(
    st.integers(0, 10_000), st.integers(-(10**30), 10**30), st.just(MOST), st.just(0)
)
models = st.builds(
    ModelUsage, st.sampled_from(["a", "b", "c", ""]), *([counts] * 5), requests=counts
)
usages = st.builds(
    TurnUsage,
    input=counts,
    output=counts,
    cached=counts,
    cache_write=counts,
    thoughts=counts,
    net=counts,
    requests=counts,
    cost_microusd=st.none() | counts,
    models=st.lists(models, max_size=5).map(tuple),
)


def bounded(count: int) -> int:
    return max(0, min(count, MOST))


@given(usages, st.sampled_from(["a", "b", "other", ""]))
def test_the_sums_are_the_turns_own(usage: TurnUsage, model: str) -> None:
    """Whatever the figures: each kind adds up to the turn's, the cost to the millionth of a
    dollar, no share is less than nothing, and no model has two."""
    found = shares(usage, model)
    tokens = Ledger.of(usage)
    expected = {
        "requests": usage.requests,
        "net_input": tokens.net_input,
        "cache_read": tokens.cache_read,
        "cache_write": tokens.cache_write,
        "output": tokens.output,
        "reasoning": tokens.reasoning,
        "cost_microusd": usage.cost_microusd or 0,
        "costed_turns": int(usage.cost_microusd is not None),
    }
    for kind in FIGURES:
        assert sum(getattr(share, kind) for share in found) == bounded(expected[kind])
        assert min(getattr(share, kind) for share in found) >= 0
    assert len({share.model for share in found}) == len(found) >= 1


def test_each_model_has_what_it_was_counted_with() -> None:
    """The cost, which was told for the whole turn, is put down to the turn's own model."""
    assert shares(TWO, "pro") == (replace(PRO, cost_microusd=1234, costed_turns=1), FLASH)
    assert shares(replace(TWO, cost_microusd=None), "flash") == (FLASH, PRO)


def test_what_no_model_was_counted_with_is_the_main_ones() -> None:
    """The model that was asked for may have another name where it is counted: then the main
    one is that with the most tokens."""
    more = replace(TWO, input=4300, net=2400)
    main, other = shares(more, "sonnet")
    assert main == Share("flash", 2, 2200, 900, 0, 41, 11, 1234, 1)
    assert other == PRO


def test_a_turn_of_which_no_model_is_known_is_one_share() -> None:
    """Also one that used nothing at all."""
    assert shares(replace(TWO, models=()), "opus") == (
        Share("opus", 3, 1397, 1900, 3, 78, 18, 1234, 1),
    )
    assert shares(TurnUsage(), "") == (Share(""),)
