"""When the next attempt is made: intensity, back-off and jitter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tars.core.restart import (
    JITTER,
    GiveUp,
    RestartHistory,
    RestartPolicy,
    Retry,
    StayDown,
    When,
    next_attempt,
)

PATIENT = RestartPolicy(max_restarts=10**6)
seconds = st.floats(0, 10**6)


def after_crash(
    policy: RestartPolicy, history: RestartHistory, now: float = 0.0, lived: float = 0.0
) -> Retry:
    attempt = next_attempt(policy, history, now, lived_seconds=lived, clean=False)
    assert isinstance(attempt, Retry)
    return attempt


@pytest.mark.parametrize(
    ("when", "clean", "stays_down"),
    [
        (When.ALWAYS, True, False),
        (When.ALWAYS, False, False),
        (When.ON_FAILURE, True, True),
        (When.ON_FAILURE, False, False),
        (When.NEVER, True, True),
        (When.NEVER, False, True),
    ],
)
def test_the_policy_says_which_exits_are_followed(
    when: When, clean: bool, stays_down: bool
) -> None:
    """Every exit, every failure, or none."""
    attempt = next_attempt(
        RestartPolicy(when=when), RestartHistory(), 0, lived_seconds=0, clean=clean
    )
    assert (attempt == StayDown()) is stays_down


@given(streak=st.integers(0, 5000), seed=st.integers(0, 2**32), total=st.integers(0, 10**6))
def test_a_delay_doubles_with_bounded_jitter_up_to_the_cap(
    streak: int, seed: int, total: int
) -> None:
    """first * 2^n, at most a quarter more, and never above `last_delay`."""
    policy = RestartPolicy(max_restarts=10**6, seed=seed)
    delay = after_crash(policy, RestartHistory((), streak, total)).delay
    doubled = min(policy.first_delay * 2.0 ** min(streak, 64), policy.last_delay)
    assert doubled <= delay <= min(policy.last_delay, doubled * (1 + JITTER))


@given(seed=st.integers(0, 2**32), total=st.integers(0, 10**6))
def test_the_same_seed_gives_the_same_delays(seed: int, total: int) -> None:
    """A log replayed makes the same decisions."""
    policy, history = RestartPolicy(seed=seed), RestartHistory((), 3, total)
    assert after_crash(policy, history) == after_crash(policy, history)


def test_seeds_spread_agents_that_fell_together() -> None:
    """Twenty agents with their own seeds have twenty delays."""
    delays = {after_crash(RestartPolicy(seed=n), RestartHistory()).delay for n in range(20)}
    assert len(delays) == 20


def test_one_agents_delays_are_spread_too() -> None:
    """At the same streak, each restart has its own jitter."""
    delays = {after_crash(PATIENT, RestartHistory((), 0, n)).delay for n in range(20)}
    assert len(delays) == 20


@given(st.floats(60, 10**6), st.integers(0, 50))
def test_a_stable_life_forgets_the_back_off(lived: float, streak: int) -> None:
    """The next attempt is immediate, and the one after it starts at the first delay."""
    retry = after_crash(PATIENT, RestartHistory((), streak, 0), lived=lived)
    assert (retry.delay, retry.history.streak) == (0.0, 0)
    again = after_crash(PATIENT, retry.history, lived=1.0)
    assert again.delay <= PATIENT.first_delay * (1 + JITTER)


@given(st.lists(seconds, max_size=20).map(sorted), st.integers(0, 5), st.floats(1, 1000))
def test_the_window_is_never_overrun(times: list[float], most: int, window: float) -> None:
    """However the crashes fall: at most `max_restarts` within any window, and the one
    that is refused found exactly that many."""
    policy = RestartPolicy(max_restarts=most, window_seconds=window)
    history, made = RestartHistory(), list[float]()
    for now in times:
        recent = [t for t in made if now - t < window]
        match next_attempt(policy, history, now, lived_seconds=0, clean=False):
            case Retry(_, history):
                made.append(now)
                assert len(recent) < most
                assert history.times == (*recent, now)
                assert history.total == len(made)
            case GiveUp(attempts, in_window):
                assert (attempts, in_window) == (most, window)
                assert len(recent) == most
            case StayDown():
                pytest.fail("a failure is followed")


def test_even_stable_lives_count_in_the_window() -> None:
    """An agent that crashes again and again is given up, however long each life was."""
    policy = RestartPolicy(max_restarts=1, window_seconds=600, stable_seconds=60)
    history = after_crash(policy, RestartHistory(), now=0, lived=100).history
    assert next_attempt(policy, history, 500, lived_seconds=100, clean=False) == GiveUp(1, 600)
    assert after_crash(policy, history, now=600, lived=100).delay == 0.0
