"""How a terminal program is launched and read, by a description of its screen."""

import errno
import uuid
from pathlib import PurePath

from tars.agents.kind import Kind, Knowledge, Launch, Setup, Terminal
from tars.agents.pty.description import faults_of, rules_of, shipped
from tars.errors import ConfigInvalid
from tars.protocols.codec import Codec
from tars.protocols.screen import ScreenCodec
from tars.protocols.screen_rules import ScreenRules


class Pty(Kind):
    """Any terminal program, one process for all prompts."""

    name = "pty"
    protocols = ("pty",)
    command = ()
    # Who quits a program at its own screen means it.
    trusts_exit_status = True
    install_advice = (
        "Set `command` in `[agents.NAME]` to a program that is installed; then `tars restart`."
    )
    counts_on_the_wire = False

    def knowledge(self, protocol: str) -> Knowledge:
        return Knowledge(
            tokens="what its screen shows, by a `usage` pattern",
            cache_read=True,
            cache_write=True,
            cost=True,
            permissions=True,
            note="Everything is read off the screen, by a description of it (docs/screens.md).",
        )

    def launch(self, setup: Setup, session_id: str | None) -> Launch:
        screen = _screen(setup)
        rules = ScreenRules() if faults_of(screen) else rules_of(screen)
        env = {**setup.env, "TMPDIR": str(setup.tmp)}
        return Launch(setup.command, env, setup.cwd, terminal=Terminal(rules.rows, rules.columns))

    def codec(self, setup: Setup) -> Codec:
        return ScreenCodec(_rules(setup), new_id=lambda: f"pty-{uuid.uuid4()}")


def _rules(setup: Setup) -> ScreenRules:
    """Give the rules of its screen. Raises OSError when its description has gone bad since the
    configuration was read."""
    try:
        return rules_of(_screen(setup))
    except ConfigInvalid as invalid:
        faults = "; ".join(invalid.faults)
        raise OSError(errno.EINVAL, f"the description of its screen has faults: {faults}") from None


def _screen(setup: Setup) -> str:
    """Which description is meant: a program that tars has one of needs to name none."""
    program = PurePath(setup.command[0]).name
    return setup.screen or (program if program in shipped() else "")
