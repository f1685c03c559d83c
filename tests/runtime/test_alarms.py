"""Who is due when, whatever was set before."""

from hypothesis import given
from hypothesis import strategies as st

from tars.runtime.alarms import Alarms

NEVER = float("inf")


def test_the_soonest_of_all_is_told() -> None:
    """Without any, that is never."""
    alarms = Alarms()
    assert alarms.soonest == NEVER
    alarms.set("one", 5)
    alarms.set("two", 3)
    alarms.set("three", NEVER)
    assert alarms.soonest == 3
    assert alarms.take(4) == ["two"]
    assert alarms.take(4) == []
    assert alarms.soonest == 5


def test_a_later_time_does_not_put_off_an_earlier_one() -> None:
    """Whoever was due for nothing is asked again."""
    alarms = Alarms()
    alarms.set("one", 5)
    alarms.set("one", 9)
    assert alarms.take(5) == ["one"]
    assert alarms.soonest == NEVER


def test_who_is_forgotten_is_never_due() -> None:
    """Also when he is set again for later."""
    alarms = Alarms()
    alarms.set("one", 5)
    alarms.forget("one")
    alarms.forget("stranger")
    assert alarms.soonest == NEVER
    alarms.set("one", 7)
    assert alarms.soonest == 7
    assert alarms.take(100) == ["one"]


STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "take", "forget"]), st.sampled_from("abc"), st.integers(0, 9))
)


@given(STEPS)
def test_it_tells_what_a_plain_table_tells(steps: list[tuple[str, str, int]]) -> None:
    """Whatever is set, taken and forgotten, in any order."""
    alarms, table = Alarms(), dict[str, float]()
    for what, name, at in steps:
        if what == "set":
            alarms.set(name, at)
            table[name] = min(at, table.get(name, NEVER))
        elif what == "forget":
            alarms.forget(name)
            table.pop(name, None)
        else:
            assert sorted(alarms.take(at)) == sorted(n for n, t in table.items() if t <= at)
            table = {n: t for n, t in table.items() if t > at}
        assert alarms.soonest == min(table.values(), default=NEVER)
