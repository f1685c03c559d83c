"""Who starts after whom: the order is kept, and nobody waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from tars.core.order import cycle, held_up, in_order, waves

NAMES = "abcdef"


def test_order_is_kept_where_nothing_says_otherwise() -> None:
    """Names stay as they were given, each once."""
    assert in_order("cabca", {}) == ("c", "a", "b")
    assert in_order("cab", {"c": ["b"]}) == ("b", "c", "a")


def test_those_who_are_not_asked_for_hold_up_nobody() -> None:
    """`after` orders; it does not start anybody."""
    assert in_order("a", {"a": ["b"]}) == ("a",)
    assert not held_up("a", {"c"}, {"a": ["b"]})
    assert held_up("a", {"b"}, {"a": ["b"]})


def test_a_long_chain_is_no_problem() -> None:
    """A thousand agents, each after the next."""
    after = {str(n): [str(n + 1)] for n in range(1000)}
    assert in_order(after, after) == tuple(str(n) for n in reversed(range(1000)))
    assert cycle(after) == ()


def test_waves_are_those_that_may_go_together() -> None:
    """Each stands behind all that it starts after, and beside those it has nothing to do with."""
    after = {"b": ["a"], "c": ["b", "a"], "e": ["x"]}
    assert waves("edcba", after) == (("e", "d", "a"), ("b",), ("c",))
    assert waves("", {}) == ()


def test_a_cycle_is_named() -> None:
    """The agents in it, and not those that lead to it."""
    assert cycle({"x": ["a"], "a": ["b"], "b": ["c", "a"], "c": []}) == ("a", "b")
    assert cycle({"a": ["a"]}) == ("a",)


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3)))
def test_the_order_respects_every_relation(after: dict[str, list[str]]) -> None:
    """Everybody is placed once, behind those it starts after, unless there is a circle."""
    order = in_order(NAMES, after)
    assert sorted(order) == sorted(NAMES)
    if not cycle(after):
        for name in NAMES:
            assert all(order.index(n) < order.index(name) for n in after.get(name, ()))
    else:
        circle = cycle(after)
        following = (*circle[1:], circle[0])
        assert all(n in after[m] for m, n in zip(circle, following, strict=True))
