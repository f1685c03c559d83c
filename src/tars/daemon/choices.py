"""The permissions that people chose for good, kept in a file: by agent and kind of tool.

The file holds no titles and no commands, only what kind of tool was allowed or denied to
whom, when, and by whom.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tars.core.permission import Rule
from tars.errors import StoreError
from tars.home import set_aside, write_durably

#: More kinds of tools than any agent has: what it makes up must not grow the file for ever.
MOST_KINDS = 100
LONGEST_KIND = 64


class Choice(msgspec.Struct, frozen=True):
    """One person's choice; `at` is ISO 8601 in UTC, `by` names the face and the process."""

    rule: Rule
    at: str
    by: str = ""


Chosen = Mapping[str, Mapping[str, Choice]]


class _File(msgspec.Struct):
    agents: dict[str, dict[str, Choice]]
    version: int = 1


class Choices:
    """What is in force. A change is written first, and then taken: see `write` and `take`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self._chosen: Chosen = {}

    def load(self) -> None:
        """Read the file, if there is one. One that makes no sense is set aside, and nothing
        counts as chosen then: `problem` says so. Raises OSError when it cannot be read."""
        try:
            self._chosen = msgspec.json.decode(self.path.read_bytes(), type=_File).agents
        except FileNotFoundError:
            self._chosen = {}
        except (msgspec.MsgspecError, UnicodeDecodeError):
            aside = set_aside(self.path, datetime.now(UTC))
            self.problem = (
                f"{self.path} could not be read and was set aside as {aside.name}; "
                "no choice is remembered."
            )

    def rules(self, agent: str) -> dict[str, Rule]:
        """Give an agent's remembered rules, by kind of tool."""
        return {kind: choice.rule for kind, choice in self._chosen.get(agent, {}).items()}

    def all(self, agent: str | None = None) -> Iterator[tuple[str, str, Choice]]:
        """Give every choice with its agent and kind of tool, or those of one agent."""
        for name, kinds in self._chosen.items():
            if agent in (None, name):
                for kind, choice in kinds.items():
                    yield name, kind, choice

    def with_choice(self, agent: str, kind: str, choice: Choice) -> Chosen:
        """Give what would be chosen with one choice more; nothing is changed."""
        return {**self._chosen, agent: {**self._chosen.get(agent, {}), kind: choice}}

    def without(self, agent: str | None, kind: str | None) -> Chosen:
        """Give what would be chosen without these; nothing is changed."""
        return {
            name: kept
            for name, kinds in self._chosen.items()
            if (kept := {k: c for k, c in kinds.items() if not _meant(name, k, agent, kind)})
        }

    def write(self, chosen: Chosen) -> None:
        """Write the file; it is what a successor reads. Raises StoreError."""
        agents = {name: dict(kinds) for name, kinds in chosen.items()}
        try:
            write_durably(self.path, msgspec.json.encode(_File(agents)))
        except OSError as error:
            raise StoreError(
                f"The choice could not be saved: {error.strerror}.",
                advice="Nothing was changed. Free some space, or check the rights of the home.",
            ) from error

    def take(self, chosen: Chosen) -> None:
        """Have what was written in force."""
        self._chosen = chosen


def _meant(name: str, kind: str, agent: str | None, wanted: str | None) -> bool:
    return agent in (None, name) and wanted in (None, kind)
