"""How permissions are answered over the control channel, and by which rules: by wire names."""

import msgspec

from tars.control.contract import Wire


class PermitRequest(Wire, forbid_unknown_fields=True):
    """`option` None allows once; `deny` refuses. `remember` has the agent's next requests for
    this kind of tool answered the same way. `face` says in a word who asks: cli, web …"""

    option: str | None = None
    deny: bool = False
    remember: bool = False
    face: str = ""


class Permitted(Wire):
    """`option` is the answer that the agent got. `remembered` is the kind of tool whose
    requests are answered the same way from now on."""

    id: str
    option: str | None
    remembered: str | None = None


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
