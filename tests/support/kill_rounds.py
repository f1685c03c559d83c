"""Rounds of kill -9: a scripted workload on a store is killed at a random moment, and what is
there afterwards is checked against what it had been told.

`python -m tests.support.kill_rounds --rounds 200 --seed 1 --folder DIR [--url URL]`. One process
warms up and forks a child for each round. With a URL the store is a PostgreSQL database that
comes and goes, and the writes wait in a spool meanwhile.
"""

import argparse
import json
import os
import random
import select
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import psycopg
from sqlalchemy import Connection

from tars.accounting.usage import reconcile
from tars.core.agent import Outcome
from tars.store import machines
from tars.store.engine import Unreachable
from tars.store.machines import Machine
from tars.store.rows import (
    TurnRecord,
)
from tars.store.spooled import SpooledStore
from tars.store.store import Store
from tests.support.kill_checks import check
from tests.support.kill_workload import Workload

#: How many writes are told of at most before the kill, and how long after that it comes.
MOST_TOLD = 60
LATEST_SECONDS = 0.01
#: How often the database goes away, in writes.
AWAY_ONCE_IN = 25
_SUMMED = ["requests", "net_input", "cache_read", "cache_write", "output", "reasoning"]


# --- a round --------------------------------------------------------------------


@dataclass
class Round:
    """One kill. `template` is a store that was just made; `url` that of a database elsewhere."""

    number: int
    seed: int
    folder: Path
    template: Path
    url: str

    def play(self) -> dict[str, object]:
        """Kill a child in the midst of its work, check what is there, and give figures."""
        self.folder.mkdir()
        rng = random.Random(f"{self.seed}-{self.number}")
        if not self.url:
            shutil.copy(self.template, self.path)
        told = self._kill(rng.randint(1, MOST_TOLD), rng.uniform(0, LATEST_SECONDS))
        waited = self._settle()
        with self._checked() as store:
            check(store, told, integrity=not self.url)
            left = len(store.unfinished_turns())
            self._heal(store)
            check(store, told, integrity=not self.url)
            assert store.unfinished_turns() == []
        shutil.rmtree(self.folder)
        turns = sum(what[0] == "turn" for what in told)
        return {"told": len(told), "turns": turns, "unfinished": left, "waited": waited}

    @property
    def path(self) -> Path:
        return self.folder / "tars.db"

    @property
    def here(self) -> Machine:
        return Machine(f"{self.seed}-{self.number}", f"round {self.number}")

    def _open(self) -> Store:
        return Store.open(self.path, url=self.url, machine=self.here)

    def _kill(self, count: int, delay: float) -> list[list[object]]:
        """Start the child, let it tell of so many writes, and kill it a moment later."""
        hears, tells = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(hears)
            try:
                self._work(tells)
            except BaseException as error:
                os.write(tells, json.dumps(["failed", repr(error)]).encode() + b"\n")
                raise
            finally:
                os._exit(1)
        os.close(tells)
        heard = b""
        while heard.count(b"\n") < count and (more := os.read(hears, 65536)):
            heard += more
        end = time.monotonic() + delay
        while (rest := end - time.monotonic()) > 0:
            if select.select([hears], [], [], rest)[0]:
                if not (more := os.read(hears, 65536)):
                    break
                heard += more
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        while more := os.read(hears, 65536):
            heard += more
        os.close(hears)
        told: list[list[object]] = [json.loads(line) for line in heard.splitlines()]
        assert not any(what[0] == "failed" for what in told), told[-1]
        return told

    def _work(self, tells: int) -> None:
        rng = random.Random(f"{self.seed}-{self.number}-work")

        def tell(what: list[object]) -> None:
            os.write(tells, json.dumps(what).encode() + b"\n")

        name = f"{self.seed}-{self.number}"
        if not self.url:
            Workload(self._open(), name, rng, tell).run()
        gate = Gate(self._open, rng)
        store = SpooledStore.beside(self.folder / "spool.db", gate.open)
        gate.store = store
        Workload(store, name, rng, tell, before=gate.swing).run()

    def _settle(self) -> int:
        """Let what waited be taken over, as the next daemon does; give how much it was."""
        if not self.url:
            return 0
        store = SpooledStore.beside(self.folder / "spool.db", self._open)
        try:
            waited = store._spool.count
            while store.behind:
                store.catch_up()
            assert store.problem is None, store.problem
            store._spool._connection.exec_driver_sql("PRAGMA integrity_check")
            return waited
        finally:
            store.close()

    def _checked(self) -> "Closing":
        return Closing(self._open())

    def _heal(self, store: Store) -> None:
        """Report the turns that were under way, as the next daemon does."""
        for turn in store.unfinished_turns():
            store.finish_turn(
                TurnRecord(
                    turn.id,
                    turn.agent,
                    Outcome.INTERRUPTED,
                    turn.began_at,
                    datetime.now(UTC),
                    0,
                    session=turn.session,
                    usage=replace(reconcile(None, ()), at_least=True),
                )
            )


class Closing:
    """Closes a store at the end of a block."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> Store:
        return self._store

    def __exit__(self, *_error: object) -> None:
        self._store.close()


@dataclass
class Gate:
    """The way to the database, as the child has it: now and then its connection is cut, and for
    some writes there is no other."""

    opened: Callable[[], Store]
    rng: random.Random
    store: SpooledStore | None = None
    _closed: int = 0

    def open(self) -> Store:
        if self._closed > 0:
            raise Unreachable("The store cannot open: nobody answers.")
        return self.opened()

    def swing(self) -> None:
        self._closed -= 1
        assert self.store is not None
        if self._closed <= 0 and self.rng.randrange(AWAY_ONCE_IN) == 0:
            self._closed = self.rng.randrange(20)
            if self.store._remote is not None:
                self._cut_soon(self.store._connection)
        self.store.catch_up()

    def _cut_soon(self, connection: Connection) -> None:
        """Cut the connection in the midst of one of the next writes, be it in its commit."""
        raw = cast("psycopg.Connection[object]", connection.connection.driver_connection)
        line = socket.socket(fileno=os.dup(raw.fileno()))

        def cut() -> None:
            with line, suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self.rng.uniform(0, LATEST_SECONDS), cut)
        timer.daemon = True
        timer.start()


# --- the whole --------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    template = options.folder / "template" / "tars.db"
    Store.open(template, url=options.url).close()
    machines.of_folder(template.parent)
    total: dict[str, int] = {}
    began = time.monotonic()
    for number in range(options.rounds):
        folder = options.folder / f"r{number}"
        try:
            found = Round(number, options.seed, folder, template, options.url).play()
        except BaseException:
            print(f"round {number} of seed {options.seed} failed, see {folder}", file=sys.stderr)
            raise
        for name, value in found.items():
            total[name] = total.get(name, 0) + int(cast("int", value))
    total |= {"rounds": options.rounds, "seed": options.seed}
    print(json.dumps({**total, "seconds": round(time.monotonic() - began, 1)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
