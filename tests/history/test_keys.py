"""Tests of `tars.history.keys`."""

from tars.history.keys import Forks, moved, numbers


def test_a_key_is_its_agents_own() -> None:
    """The same words are another request where another agent logged them."""
    [claude], [codex] = (numbers(agent, ["s"], ["k"]) for agent in ("claude", "codex"))
    assert claude != codex


def test_a_key_without_its_session_counts_across_sessions() -> None:
    """A message that a resumed session repeats is the same one."""
    first, second = numbers("claude", ["a", "b"], ["msg_1", "msg_1"])
    assert first == second


def test_a_key_of_a_fork_falls_on_that_of_its_root() -> None:
    """What a fork repeats has its parent's number, once its root is put in its own place."""
    parent, child = numbers("codex", ["a", "b"], ["a|0|1,2", "b|0|1,2"])
    assert parent != child
    assert child ^ moved("codex", "b", "a") == parent


def test_a_beginning_that_is_no_whole_session_is_part_of_the_key() -> None:
    """`ab|1` in session `a` is not `|1` of a conversation."""
    [key] = numbers("codex", ["a"], ["ab|1"])
    assert key == numbers("codex", ["zzz"], ["ab|1"])[0]


def test_halves_of_characters_have_a_number_too() -> None:
    """JSON can hold what UTF-8 cannot."""
    assert len(numbers("codex", ["\udc00"], ["\udc00|1"])) == 1


def test_the_root_is_what_all_began_with() -> None:
    """Forks of forks lead to the first conversation, whichever was told of first."""
    forks = Forks([("c", "b"), ("b", "a")])
    assert [forks.root(each) for each in "abcd"] == ["a", "a", "a", "d"]
    assert sorted(forks.below("a")) == ["a", "b", "c"]


def test_nothing_goes_on_from_itself() -> None:
    """A ring, which no agent makes, is not followed."""
    forks = Forks([("b", "a")])
    assert not forks.add("a", "b")
    assert not forks.add("c", "c")
    assert forks.root("b") == "a"


def test_a_fork_has_one_parent() -> None:
    """What was told first counts."""
    forks = Forks([("b", "a")])
    assert not forks.add("b", "c")
    assert forks.root("b") == "a"
