"""How any ACP agent is launched, spoken to and counted."""

import uuid
from pathlib import Path

from tars import __version__
from tars.agents.acp import faults
from tars.agents.acp.presets import dialect_of, preset_of
from tars.agents.kind import History, Kind, Knowledge, Launch, Setup
from tars.protocols.acp import Acp
from tars.protocols.codec import Codec

#: The protocol has an agent replay a conversation before it answers the load. One that goes
#: on afterwards, as Gemini CLI does, is waited for so long.
_REPLAY_SECONDS = 0.5


class AcpAgent(Kind):
    """One warm process over the Agent Client Protocol; `command` says which."""

    name = "acp"
    protocols = ("acp",)
    # The configuration has to name one.
    command = ()
    # Nothing is known of how it ends.
    trusts_exit_status = False
    install_advice = (
        "Install the agent, or mend `command` in `[agents.NAME]`; then `tars restart`. Adapters "
        "from npm often need Node.js 22."
    )
    # Not every agent counts every request, and where one does its rule says so.
    counts_on_the_wire = False

    def knowledge(self, protocol: str) -> Knowledge:
        return Knowledge(
            tokens="as the agent tells: every turn, its last request, or nothing",
            cache_read=True,
            cache_write=True,
            reasoning=True,
            cost=True,
            context=True,
            tools=True,
            permissions=True,
            resume=True,
            model=True,
            mode=True,
            note="What is not certain is marked as unknown; `usage` sets the rule.",
        )

    def launch(self, setup: Setup, session_id: str | None) -> Launch:
        known = preset_of("", setup.command)
        env = {**(known.env if known else {}), **setup.env}
        return Launch(setup.command, env, setup.cwd)

    def codec(self, setup: Setup) -> Codec:
        return Acp(
            __version__,
            classify=faults.classify,
            recognise=lambda agent_name: dialect_of(
                agent_name, setup.command, setup.usage, mint=uuid.uuid4().hex[:12]
            ),
            replay_seconds=_REPLAY_SECONDS,
        )

    def history(self, setup: Setup, session_id: str, mark: str = "") -> History | None:
        known = preset_of("", setup.command)
        home = setup.env.get("HOME")
        if known is None or known.log is None or not home:
            return None
        return known.log(Path(home), session_id, mark)
