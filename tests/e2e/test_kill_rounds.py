"""kill -9 at random moments, on SQLite and on PostgreSQL: what was told is there, once.

`make kill` plays many rounds of them with a seed of its own; a few are played here. A round
that fails names its seed: TARS_KILL_SEED plays it again.
"""

import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tars.control.contract import PromptRequest, TurnResult
from tars.core.agent import Outcome
from tars.errors import TarsError
from tars.store.store import Store
from tests.support.outage import Machine, machine
from tests.support.tars_home import TarsHome, tars_home

SEED = os.environ.get("TARS_KILL_SEED", "1")
#: How many rounds of a workload, and how many with a whole daemon, are played on each database.
ROUNDS = int(os.environ.get("TARS_KILL_ROUNDS", "4"))
DAEMON_ROUNDS = int(os.environ.get("TARS_KILL_DAEMON_ROUNDS", "1"))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[Machine]:
    """A PostgreSQL of this module's own: it is killed, too."""
    with machine() as server:
        yield server


# --- the store --------------------------------------------------------------------


def play(folder: Path, url: str = "") -> None:
    """Play the rounds of a workload, and show their figures."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.support.kill_rounds"),
            *("--rounds", str(ROUNDS), "--seed", SEED),
            *("--folder", str(folder), "--url", url),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30 + 5 * ROUNDS,
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["rounds"] == ROUNDS
    assert figures["turns"] > ROUNDS


def test_a_workload_is_killed_on_sqlite(tmp_path: Path) -> None:
    """Every write that returned is there, once; all sums agree; the file is whole."""
    play(tmp_path)


def test_a_workload_is_killed_on_postgresql(tmp_path: Path, server: Machine) -> None:
    """The same where the database goes away now and then, and writes wait for it."""
    play(tmp_path, server.url)


# --- a whole daemon ---------------------------------------------------------------

PROMPTS = ("one two", "ECHO:tools", "ECHO:slow:2:0.02", "ECHO:usage:500:5:400:3")


@dataclass
class People:
    """Some people, who each send a prompt and read its stream. `accepted` and `told` grow over
    all rounds, and `events` in each."""

    tars: TarsHome
    accepted: list[str] = field(default_factory=list)
    told: dict[str, TurnResult] = field(default_factory=dict)
    _events: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def ask(self, texts: list[str], kill_after: int) -> None:
        """Let them all ask, and kill the daemon after so many events."""
        self._events = threading.Semaphore(0)
        pid = self.tars.daemon_pid()
        people = [threading.Thread(target=self._one, args=(text,)) for text in texts]
        for person in people:
            person.start()
        for _ in range(kill_after):
            self._events.acquire(timeout=2)
        self.tars.kill(pid)
        for person in people:
            person.join()

    def _one(self, text: str) -> None:
        try:
            for name, said in self.tars.client.prompt(PromptRequest(text=text)):
                if name == "accepted":
                    self.accepted.append(said.turn)  # type: ignore[attr-defined]
                if isinstance(said, TurnResult):
                    self.told[said.turn] = said
                self._events.release()
        except TarsError:
            # The daemon ended in the midst of it.
            pass


def settle(tars: TarsHome, url: str, accepted: list[str]) -> None:
    """Wait until nothing is wrong, and all that was left is run or reported."""
    with tars.happenings() as happened:
        # Not everything that is written down is an event.
        happened.settimeout(0.1)
        while not is_settled(tars, url, accepted):
            with suppress(TimeoutError):
                assert happened.recv(65536), "the daemon ended"


def is_settled(tars: TarsHome, url: str, accepted: list[str]) -> bool:
    status = tars.status()
    if status.warnings or status.agents[0].state != "ready" or status.agents[0].queued:
        return False
    with opened(tars, url) as store:
        known = {row.id for row in store.turns(100_000)}
        left = store.waiting_prompts() or store.unfinished_turns()
        return not left and set(accepted) <= known


@contextmanager
def opened(tars: TarsHome, url: str) -> Iterator[Store]:
    store = Store.open(tars.home.store, url=url)
    try:
        yield store
    finally:
        store.close()


def check(people: People, url: str) -> None:
    """What was told is in the ledger as it was told, and what was accepted was run or reported;
    each of it once. session.json and the session's row say the same."""
    session = people.tars.session()
    with opened(people.tars, url) as store:
        rows = store.turns(100_000)
        assert store.waiting_prompts() == []
        assert store.unfinished_turns() == []
        kept = store.session("echo", session["sessionId"])
    outcomes = {row.id: row.outcome for row in rows}
    assert max(Counter(row.id for row in rows).values()) == 1
    for turn, result in people.told.items():
        assert outcomes[turn] == result.outcome, turn
    assert set(people.accepted) <= set(outcomes)
    assert {outcomes[turn] for turn in people.accepted} <= {Outcome.OK, Outcome.INTERRUPTED}
    assert kept is not None
    assert session["interactionCount"] == kept.interaction_count
    assert session["totalOutputTokens"] == kept.total_output_tokens
    assert kept.total_output_tokens == sum(row.usage.output for row in rows)
    assert kept.total_net_tokens == sum(row.usage.net for row in rows)


def play_daemons(tars: TarsHome, url: str, disturb: Callable[[random.Random], ExitStack]) -> None:
    rng, people = random.Random(SEED), People(tars)
    tars.start()
    for number in range(DAEMON_ROUNDS):
        texts = [rng.choice(PROMPTS) for _ in range(rng.randint(2, 5))]
        moment = rng.randint(1, 6 * len(texts))
        with disturb(rng):
            people.ask(texts, moment)
            tars.start()
        settle(tars, url, people.accepted)
        print(f"seed {SEED}, round {number}: killed after {moment} events of {texts}")
        check(people, url)
    print(f"{len(people.accepted)} prompts accepted, {len(people.told)} results told")
    tars.stop()
    check(people, url)


def test_a_daemon_is_killed_on_sqlite(tmp_path: Path) -> None:
    """Several prompts wait and run at once when it happens."""
    with tars_home(tmp_path) as tars:
        tars.configure_echo()
        play_daemons(tars, "", lambda _: ExitStack())


def test_a_daemon_is_killed_on_postgresql(tmp_path: Path, server: Machine) -> None:
    """And every other time its database was killed before it, and comes back after it."""
    rounds = iter(range(DAEMON_ROUNDS))

    def disturb(rng: random.Random) -> ExitStack:
        stack = ExitStack()
        if next(rounds) % 2 == 0:
            (server.kill if rng.random() < 0.5 else server.stop)()
            stack.callback(server.start)
        return stack

    with tars_home(tmp_path) as tars:
        tars.configure_echo(more=f'[store]\nurl = "{server.url}"')
        play_daemons(tars, server.url, disturb)
