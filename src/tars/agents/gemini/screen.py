"""Gemini CLI's own screen, on a terminal of its own: how it is launched and read."""

import uuid
from collections.abc import Mapping
from dataclasses import replace

from tars.agents.kind import Launch, Setup, Terminal
from tars.agents.pty.description import rules_of
from tars.protocols.screen import ScreenCodec
from tars.protocols.screen_rules import ScreenRules

#: The description that is meant where the configuration names none.
DESCRIPTION = "gemini"


def launch(
    setup: Setup,
    known: str | None,
    mode: str,
    env: Mapping[str, str],
    litter: tuple[str, ...],
) -> Launch:
    """Launch it with the session that is `known` to its log, or with a new one: its screen
    shows no id, so that it is told one."""
    chosen = known or str(uuid.uuid4())
    argv = (
        *setup.command,
        *(("-m", setup.model) if setup.model else ()),
        *(("--approval-mode", mode) if mode else ()),
        *(("--resume", known) if known else ("--session-id", chosen)),
    )
    rules = _rules(setup)
    size = Terminal(rules.rows, rules.columns)
    return Launch(argv, env, setup.cwd, terminal=size, session_id=chosen, litter=litter)


def codec(setup: Setup) -> ScreenCodec:
    """Read its screen."""
    rules = replace(_rules(setup), keeps_conversations=True)
    return ScreenCodec(rules, new_id=lambda: str(uuid.uuid4()))


def _rules(setup: Setup) -> ScreenRules:
    return rules_of(setup.screen or DESCRIPTION)
