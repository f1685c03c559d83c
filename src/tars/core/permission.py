"""Who may do what: the permission policy, and which of the agent's options answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Rule(StrEnum):
    ASK = "ask"
    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class PermissionPolicy:
    """`default` holds for every kind of tool (read, edit, execute …) not in `by_kind`."""

    default: Rule = Rule.ASK
    by_kind: Mapping[str, Rule] = field(default_factory=dict)

    def rule(self, tool_kind: str) -> Rule:
        return self.by_kind.get(tool_kind, self.default)


@dataclass(frozen=True, slots=True)
class Option:
    """One answer the agent offers.

    `kind` is allow_once, allow_always, reject_once or reject_always.
    """

    id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that a person has to answer before `deadline`."""

    request_id: str
    options: tuple[Option, ...]
    deadline: float


#: "once" before "always": tars decides each time anew, and an agent's own "always" may
#: change its approval mode (Gemini CLI turns to autoEdit).
_ALLOWING = ("allow_once", "allow_always")
_REFUSING = ("reject_once", "reject_always")


def allowing(options: tuple[Option, ...]) -> str | None:
    """The option that lets the tool run, or None where the agent offers none."""
    return _first(options, _ALLOWING)


def refusing(options: tuple[Option, ...]) -> str | None:
    """The option that refuses, or None: the request is then answered as cancelled."""
    return _first(options, _REFUSING)


def _first(options: tuple[Option, ...], kinds: tuple[str, ...]) -> str | None:
    for kind in kinds:
        for option in options:
            if option.kind == kind:
                return option.id
    return None
