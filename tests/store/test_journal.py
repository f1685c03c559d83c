"""Every event and every command can be logged, and comes back as the value it was."""

import math
import sqlite3
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tars.core.agent import Spec
from tars.core.commands import Command
from tars.core.events import Configured, Event, StartAsked
from tars.core.permission import PermissionPolicy, Rule
from tars.errors import StoreError
from tars.store.journal import COMMANDS, EVENTS
from tars.store.rows import Decision
from tars.store.store import Store
from tests.store.samples import NOON

# SQLite's and JSON's numbers are 64 bits; no process id or status needs more.
st.register_type_strategy(int, st.integers(-(2**53), 2**53))
st.register_type_strategy(float, st.floats(allow_nan=False))

events = st.one_of([st.from_type(kind) for kind in EVENTS.values()])
commands = st.one_of([st.from_type(kind) for kind in COMMANDS.values()])


@pytest.mark.parametrize("kind", [*EVENTS.values(), *COMMANDS.values()], ids=lambda k: k.__name__)
def test_every_class_comes_back(tmp_path: Path, kind: type) -> None:
    """Each event and command, with whatever fields, survives the log."""
    store = Store.open(tmp_path / "tars.db")

    @settings(max_examples=10, deadline=None)
    @given(st.lists(st.from_type(kind), min_size=1, max_size=5))
    def comes_back(values: list[object]) -> None:
        store.prune_decisions(0)
        for value in values:
            event: Event = value if isinstance(value, Event) else StartAsked()
            made: tuple[Command, ...] = (value,) if isinstance(value, Command) else ()
            store.log_decisions([Decision("run", "agent", 1.5, NOON, event, made)])
        found = list(store.decisions("run"))
        assert [d.commands[0] if d.commands else d.event for d in found] == values

    comes_back()
    store.close()


def test_endless_times_and_half_characters_come_back(tmp_path: Path) -> None:
    """`inf` means no limit, and an agent's last words may be cut in a character."""
    rules = MappingProxyType({"edit": Rule.ALLOW})
    spec = Spec("half \ud800", turn_seconds=math.inf, permissions=PermissionPolicy(by_kind=rules))
    store = Store.open(tmp_path / "tars.db")
    store.log_decisions([Decision("run", "agent", 0.1 + 0.2, NOON, Configured(spec))])
    (found,) = store.decisions("run")
    assert found.event == Configured(spec)
    assert found.now == 0.1 + 0.2
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "event = 'Dreamt'",
        "payload = 'not JSON'",
        "event = 'Spawned'",
        "commands = '[[\"Dream\", {}]]'",
        "commands = '3'",
    ],
)
def test_a_log_of_another_version_is_a_clear_error(tmp_path: Path, change: str) -> None:
    """A decision that cannot be read names itself, and raises nothing but StoreError."""
    store = Store.open(tmp_path / "tars.db")
    store.log_decisions([Decision("run", "agent", 0.0, NOON, StartAsked())])
    other = sqlite3.connect(tmp_path / "tars.db")
    other.execute(f"UPDATE decisions SET {change}")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="Decision 0 of run run"):
        list(store.decisions("run"))
    store.close()
