"""What is known of single ACP agents, measured on the versions that stand with each.

An agent is recognised by the name that it gives itself in the handshake, or else by its
command. What stands here of usage is where it counts, and what that means.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from tars.accounting.meter import Meter
from tars.accounting.rules import UsageRule
from tars.agents.acp import faults
from tars.agents.acp.kimi_log import KimiLog
from tars.agents.kind import History
from tars.protocols.acp_dialect import Dialect, Unveil


def _as_told(_last_piece: str) -> None:
    """The agent tells its errors as errors."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One agent. `name` is what it calls itself, `program` a word of its command.
    `restarts`: its cumulative counters begin at 0 when a session is loaded. `env` is what
    it is given unless the configuration says otherwise. `log` opens its own log of a session,
    in somebody's home folder, where that is what counts."""

    name: str
    program: str
    rule: UsageRule
    tested: str
    restarts: bool = False
    unveil: Unveil = _as_told
    asides: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    log: Callable[[Path, str, str], History] | None = None
    note: str = ""


PRESETS = (
    Preset(
        "@agentclientprotocol/claude-agent-acp",
        "claude-agent-acp",
        # `usage` is the conversation's own requests; `_meta.quota.model_usage` has those of
        # the subagents too, and those that the adapter makes by itself.
        UsageRule.PER_TURN,
        tested="0.100.0",
        # Else a request for suggestions follows each prompt (11 requests for 4 prompts, not 8).
        env={"CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION": "false"},
        note="A failed turn is not counted; retries are not shown.",
    ),
    Preset(
        "@agentclientprotocol/codex-acp",
        "codex-acp",
        UsageRule.PER_TURN,
        tested="2.6.0",
        unveil=faults.unveil_codex,
        note="Turns that are cancelled or failed are not counted; older versions count nothing.",
    ),
    Preset(
        "OpenCode",
        "opencode",
        UsageRule.LAST_STEP,
        tested="1.18.33",
        note="Of a turn with several requests only the last is counted; the cost is exact.",
    ),
    Preset(
        "Copilot",
        "copilot",
        UsageRule.CUMULATIVE,
        tested="1.0.102",
        restarts=True,
        unveil=faults.unveil_copilot,
        asides={
            "Info: Request failed due to a transient API error. Retrying...": (
                "the model's server; trying again"
            )
        },
        note="What a cancelled turn used is not counted.",
    ),
    Preset(
        "qwen-code",
        "qwen",
        UsageRule.PER_CALL,
        tested="0.24.4",
        note="Requests that it makes for its own memory are not shown.",
    ),
    Preset(
        "Kimi Code CLI",
        "kimi",
        UsageRule.NONE,
        tested="2.1.0",
        log=KimiLog,
        note="It counts nothing over ACP; its own log has every request.",
    ),
)


def preset_of(agent_name: str, command: tuple[str, ...]) -> Preset | None:
    """Give what is known of the agent, or None. `agent_name` is empty before the handshake."""
    for preset in PRESETS:
        if agent_name == preset.name:
            return preset
    if agent_name:
        return None
    programs = {PurePath(word).name for word in command}
    return next((p for p in PRESETS if p.program in programs), None)


def dialect_of(agent_name: str, command: tuple[str, ...], usage: str, *, mint: str) -> Dialect:
    """Give the dialect of an agent that calls itself so. `usage` is the configured rule, or
    empty; `mint` begins the ids of what is counted."""
    known = preset_of(agent_name, command)
    usual = UsageRule.DETECT if known is None else known.rule
    rule = UsageRule(usage) if usage else usual
    if known is None:
        return Dialect(Meter(rule, mint), faults.classify)
    meter = Meter(rule, mint, restarts=known.restarts)
    return Dialect(meter, faults.classify, known.unveil, known.asides)
