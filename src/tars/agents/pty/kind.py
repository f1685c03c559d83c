"""How a terminal program is launched and read, by a description of its screen."""

import errno
import uuid
from collections.abc import Mapping

from tars.agents.kind import Knowledge, Launch, Setup, Terminal, Traces
from tars.agents.pty.description import faults_of, rules_of
from tars.errors import ConfigInvalid, Fault
from tars.protocols.codec import Codec
from tars.protocols.screen import ScreenCodec
from tars.protocols.screen_rules import ScreenRules


class Pty:
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

    def knowledge(self, protocol: str) -> Knowledge:  # noqa: ARG002
        return Knowledge(
            tokens="what its screen shows, by a `usage` pattern",
            cache_read=True,
            cache_write=True,
            cost=True,
            permissions=True,
            note="Everything is read off the screen, by a description of it (docs/screens.md).",
        )

    def traces(self, env: Mapping[str, str]) -> Traces:  # noqa: ARG002
        return Traces()

    def one_shot(self, protocol: str) -> bool:  # noqa: ARG002
        return False

    def launch(self, setup: Setup, session_id: str | None) -> Launch:  # noqa: ARG002
        rules = rules_of(setup.screen) if not faults_of(setup.screen) else ScreenRules()
        env = {**setup.env, "TMPDIR": str(setup.tmp)}
        return Launch(setup.command, env, setup.cwd, terminal=Terminal(rules.rows, rules.columns))

    def codec(self, setup: Setup) -> Codec:
        return ScreenCodec(_rules(setup), new_id=lambda: f"pty-{uuid.uuid4()}")

    def history(self, setup: Setup, session_id: str, mark: str = "") -> None:  # noqa: ARG002
        return None

    def retrying(self, line: str) -> str | None:  # noqa: ARG002
        return None

    def last_words(self, status: int, stderr_tail: str) -> Fault | None:  # noqa: ARG002
        return None


def _rules(setup: Setup) -> ScreenRules:
    """Give the rules of its screen. Raises OSError when its description has gone bad since the
    configuration was read."""
    try:
        return rules_of(setup.screen)
    except ConfigInvalid as invalid:
        faults = "; ".join(invalid.faults)
        raise OSError(errno.EINVAL, f"the description of its screen has faults: {faults}") from None
