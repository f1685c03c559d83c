"""Who may do what: the permission policy, and which of the agent's options answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Rule(StrEnum):
    ASK = "ask"
    ALLOW = "allow"
    DENY = "deny"


class Answerer(StrEnum):
    """Who answered a request. The values are the public contract."""

    POLICY = "policy"
    REMEMBERED = "remembered"
    PERSON = "person"
    TIMEOUT = "timeout"
    NOBODY = "nobody"  # the turn is over, or is being given up


@dataclass(frozen=True, slots=True)
class PermissionPolicy:
    """`default` holds for every kind of tool (read, edit, execute …) not in `by_kind`.

    `remembered` is what a person chose for good, by kind of tool and nothing finer: a title
    is the agent's own words, so it can neither be trusted nor kept. A choice outdoes the
    configuration, except where that denies.
    """

    default: Rule = Rule.ASK
    by_kind: Mapping[str, Rule] = field(default_factory=dict)
    remembered: Mapping[str, Rule] = field(default_factory=dict)

    def configured(self, tool_kind: str) -> Rule:
        return self.by_kind.get(tool_kind, self.default)

    def rule(self, tool_kind: str) -> tuple[Rule, Answerer]:
        """Give the rule for a kind of tool, and whose it is."""
        configured = self.configured(tool_kind)
        chosen = self.remembered.get(tool_kind)
        if chosen is None or configured is Rule.DENY:
            return configured, Answerer.POLICY
        return chosen, Answerer.REMEMBERED


@dataclass(frozen=True, slots=True)
class Option:
    """One answer the agent offers.

    `kind` is allow_once, allow_always, reject_once or reject_always.
    """

    id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A request, made at `asked`, that a person has to answer before `deadline`."""

    request_id: str
    options: tuple[Option, ...]
    deadline: float
    tool_kind: str = ""
    asked: float = 0.0


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
