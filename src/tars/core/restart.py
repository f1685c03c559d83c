"""When to try again: intensity, back-off and jitter, as a pure function.

The intensity rule is Erlang/OTP's: more than `max_restarts` within `window_seconds`
and the supervisor gives up. The delay doubles from `first_delay` to `last_delay`, and
each one is spread by up to a quarter, so that agents which fell together do not come
back together.
"""

import random
from dataclasses import dataclass
from enum import StrEnum

JITTER = 0.25


class When(StrEnum):
    """Which exits that nobody asked for are followed by a restart."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """All times in seconds. A life of `stable_seconds` clears the back-off, not the window."""

    when: When = When.ON_FAILURE
    first_delay: float = 0.25
    last_delay: float = 60.0
    max_restarts: int = 10
    window_seconds: float = 600.0
    stable_seconds: float = 60.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class RestartHistory:
    """`times` are the restarts within the window; `streak` counts the unstable lives in a row."""

    times: tuple[float, ...] = ()
    streak: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after `delay` seconds; 0 is at once."""

    delay: float
    history: RestartHistory


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Too many restarts; somebody has to look."""

    attempts: int
    window_seconds: float


@dataclass(frozen=True, slots=True)
class StayDown:
    """The policy does not want this exit to be followed by a restart."""


def next_attempt(
    policy: RestartPolicy,
    history: RestartHistory,
    now: float,
    *,
    lived_seconds: float,
    clean: bool,
) -> Retry | GiveUp | StayDown:
    """Decide what follows an exit that nobody asked for.

    `lived_seconds` is how long the agent was ready; `clean` says that the exit was a
    proper goodbye. The first restart after a stable life is immediate.
    """
    if policy.when is When.NEVER or (clean and policy.when is When.ON_FAILURE):
        return StayDown()
    stable = lived_seconds >= policy.stable_seconds
    streak = 0 if stable else history.streak + 1
    recent = tuple(t for t in history.times if now - t < policy.window_seconds)
    if len(recent) >= policy.max_restarts:
        return GiveUp(len(recent), policy.window_seconds)
    total = history.total + 1
    delay = 0.0 if stable else _backoff(policy, streak, total)
    return Retry(delay, RestartHistory((*recent, now), streak, total))


def _backoff(policy: RestartPolicy, streak: int, total: int) -> float:
    # Beyond 2**32 the doubling only overflows; the cap was reached long before.
    doubled = policy.first_delay * 2.0 ** min(streak - 1, 32)
    chance = random.Random(policy.seed * 1_000_003 + total).random()
    return min(policy.last_delay, doubled * (1.0 + JITTER * chance))
