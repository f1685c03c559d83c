"""What an agent's counters include is told by the identity that holds for their total."""

import pytest

from tars.accounting.conventions import ALL, Convention, Tokens, normalised, possible
from tars.conversation.counters import Counters

#: As they were measured, each with what it means.
CLAUDE = Counters(98, 128, 3602, cached=3088, cache_write=288)
CODEX = Counters(2000, 100, 5160, cached=3060, cache_write=0, thoughts=8)
OPENCODE = Counters(2000, 34, 5044, cached=3002, thoughts=8)
COPILOT = Counters(5427, 467, 5894, cached=3427, cache_write=0, thoughts=8)


@pytest.mark.parametrize(
    ("counters", "tokens"),
    [
        (CLAUDE, Tokens(3474, 128, 3088, 288, 0)),
        (CODEX, Tokens(5060, 92, 3060, 0, 8)),
        (OPENCODE, Tokens(5002, 34, 3002, 0, 8)),
        (COPILOT, Tokens(5427, 459, 3427, 0, 8)),
        (Counters(10, 5, 17, cached=4, thoughts=2), Tokens(10, 5, 4, 0, 2)),
        (Counters(10, 5), Tokens(10, 5)),
    ],
)
def test_the_total_tells_what_is_inside(counters: Counters, tokens: Tokens) -> None:
    """Five adapters, four conventions, one meaning."""
    assert normalised(counters) == tokens
    assert counters.total in (None, tokens.total)


@pytest.mark.parametrize(
    "counters",
    [
        Counters(100, 50, cached=60, thoughts=5),
        Counters(100, 50, 999, cached=60),
        # Inside or beside: the cached tokens are as many as the thoughts.
        Counters(100, 50, 155, cached=5, thoughts=5),
    ],
)
def test_what_may_mean_several_things_means_nothing(counters: Counters) -> None:
    """No total, a total that nothing explains, and one that two readings explain."""
    assert normalised(counters) is None


def test_what_held_before_decides() -> None:
    """A convention that this agent's other figures told is the one of an open figure."""
    open_figure = Counters(100, 50, 155, cached=5, thoughts=5)
    disjoint, nested = Convention(False, True), Convention(True, False)
    assert normalised(open_figure, (disjoint,)) == Tokens(105, 45, 5, 0, 5)
    assert normalised(open_figure, (nested,)) == Tokens(100, 50, 5, 0, 5)


def test_more_cached_than_there_was_is_no_reading() -> None:
    """What is inside cannot be larger than what it is in."""
    assert possible(Counters(10, 5, cached=60)) == (ALL[0], ALL[1])
    assert possible(Counters(10, 5, thoughts=60)) == (ALL[0], ALL[2])


def test_tokens_are_added_and_taken_away_part_by_part() -> None:
    """And compared: every part counts."""
    one, two = Tokens(10, 5, 4, 2, 1), Tokens(1, 1, 1, 1, 1)
    assert one + two - two == one
    assert one.total == 16
    assert one.at_least(two)
    assert not one.at_least(Tokens(thoughts=2))
