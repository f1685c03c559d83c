"""What the control channel says of the rules for permissions, by its wire names."""

import msgspec

from tars.control.contract import Wire


class RuleStatus(Wire):
    """What an agent's requests for one kind of tool are answered with: ask, allow or deny.

    `source` is config or remembered; a remembered choice was made at `chosen_at`, by `by`.
    `in_force` is false where another rule for the same kind outdoes this one. The kind
    `default` stands for every kind that has no rule of its own."""

    agent: str
    tool_kind: str
    rule: str
    source: str
    chosen_at: str | None = None
    by: str = ""
    in_force: bool = True


class RuleList(Wire):
    """The rules of all agents, or of one."""

    rules: list[RuleStatus] = msgspec.field(default_factory=list)


class ForgetRequest(Wire, forbid_unknown_fields=True):
    """Which remembered choices are to be forgotten: of one `agent` or, where null, of all;
    for one `tool_kind` or, where null, for all."""

    agent: str | None = None
    tool_kind: str | None = None


class Forgotten(Wire):
    """The choices that are no more."""

    rules: list[RuleStatus] = msgspec.field(default_factory=list)
