"""Taking samples in turns, and the time that a command takes from its start to its end."""

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured `times` times; `sample` gives one figure."""

    name: str
    sample: Callable[[], float]
    times: int


def in_turns(subjects: Sequence[Subject], seed: int = 1) -> dict[str, list[float]]:
    """Sample everybody, spread evenly over the run and in another order each round.

    Each subject's first sample warms caches up and is thrown away.
    """
    for subject in subjects:
        subject.sample()
    order = random.Random(seed)
    turns = [
        ((turn + order.random()) / subject.times, subject)
        for subject in subjects
        for turn in range(subject.times)
    ]
    figures: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    for _, subject in sorted(turns, key=lambda turn: turn[0]):
        figures[subject.name].append(subject.sample())
    return figures


def command_ms(argv: Sequence[str], env: Mapping[str, str], *, status: int = 0) -> float:
    """Run a command with its output thrown away; give milliseconds from spawn to exit.

    Spawned without `subprocess`, whose own work would be counted too. Raises RuntimeError
    when the command does not end with this status.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, nowhere, number) for number in (0, 1, 2)]
    try:
        began = time.perf_counter()
        pid = os.posix_spawn(argv[0], list(argv), env, file_actions=actions)
        _, ended = os.waitpid(pid, 0)
        took = time.perf_counter() - began
    finally:
        os.close(nowhere)
    if os.waitstatus_to_exitcode(ended) != status:
        raise RuntimeError(f"{' '.join(argv)} ended with {os.waitstatus_to_exitcode(ended)}")
    return took * 1000
