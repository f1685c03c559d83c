"""When the screen looks, on a clock of the test's own."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tars.tui.pacing import LEAST, Pace


def test_the_first_look_is_at_once() -> None:
    """A screen that was just opened is not empty."""
    assert Pace(every=5).due_in(0.0) == 0.0


def test_what_happens_is_shown_half_a_second_after_the_last_look_at_the_earliest() -> None:
    """At most twice a second, however much happens."""
    pace = Pace(every=5)
    pace.did(10.0)
    pace.note()
    assert pace.due_in(10.25) == LEAST - 0.25
    assert pace.due_in(11.0) == 0.0


def test_while_nothing_happens_it_looks_seldom() -> None:
    """What no event tells of grows stale, and no sooner."""
    pace = Pace(every=5)
    pace.did(10.0)
    assert pace.due_in(12.0) == 3.0


def test_nobody_looking_nothing_is_asked() -> None:
    """Without the focus it sleeps, whatever happens; with it, it looks at once."""
    pace = Pace(every=5)
    pace.did(10.0)
    pace.sleep()
    pace.note()
    assert pace.due_in(1000.0) is None
    pace.wake()
    assert pace.due_in(1000.0) == 0.0


@given(st.lists(st.floats(0, 2), min_size=1, max_size=50))
def test_never_two_looks_within_half_a_second(gaps: list[float]) -> None:
    """Events at any times: whoever waits as told looks at most twice a second."""
    pace, now, looks = Pace(every=5), 0.0, []
    for gap in gaps:
        now += gap
        pace.note()
        if pace.due_in(now) == 0.0:
            looks.append(now)
            pace.did(now)
    assert all(b - a >= LEAST - 1e-9 for a, b in pairwise(looks))
