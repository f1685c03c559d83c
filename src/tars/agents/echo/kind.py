"""How the built-in agent is launched, spoken to and read."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tars import __version__
from tars.agents.echo.history import EchoHistory
from tars.agents.kind import Kind, Knowledge, Launch, Setup, Traces
from tars.errors import Fault, FaultKind
from tars.protocols import faults
from tars.protocols.acp import Acp
from tars.protocols.codec import Codec
from tars.protocols.jsonrpc import RpcError

_UNTIL = re.compile(r"quota until (\d+\.\d+)")
_RETRY = re.compile(r"Attempt \d+ failed .*Retrying after (\d+)ms")


class Echo(Kind):
    """The built-in agent: one warm process over ACP."""

    name = "echo"
    protocols = ("acp",)
    # -P: the folder it works in is a project's, and may hold a json.py of its own.
    command = (sys.executable, "-P", "-m", "tars.agents.echo")
    trusts_exit_status = True
    install_advice = "It is built in: remove `command` from its table in config.toml."
    counts_on_the_wire = False

    def knowledge(self, protocol: str) -> Knowledge:
        return Knowledge(
            tokens="every request, from its log",
            cache_read=True,
            reasoning=True,
            per_model=True,
            context=True,
            tools=True,
            permissions=True,
            resume=True,
            mode=True,
            tested="built in",
            note="It has no model; its tokens are made up.",
        )

    def traces(self, env: Mapping[str, str]) -> Traces:
        """It is built in and needs no account."""
        return Traces(signed_in=True)

    def launch(self, setup: Setup, session_id: str | None) -> Launch:
        env = {**setup.env, "TARS_ECHO_HOME": str(_folder(setup)), "TMPDIR": str(setup.tmp)}
        return Launch(setup.command, env, setup.cwd)

    def codec(self, setup: Setup) -> Codec:
        return Acp(client_version=__version__, classify=classify)

    def history(self, setup: Setup, session_id: str, mark: str = "") -> EchoHistory:
        return EchoHistory(_folder(setup), session_id, mark)

    def retrying(self, line: str) -> str | None:
        retry = _RETRY.search(line)
        return f"the model; trying again in {int(retry[1])} ms" if retry else None


def _folder(setup: Setup) -> Path:
    named = setup.env.get("TARS_ECHO_HOME")
    return Path(named) if named else setup.keep / "echo"


def classify(error: RpcError) -> Fault:
    """Tell a used-up quota from a rate limit; the rest is as with any agent."""
    if "daily quota" in error.message:
        until = _UNTIL.search(error.message)
        seconds = float(until[1]) if until else None
        return Fault(FaultKind.QUOTA, error.message, "Wait until it is over.", seconds)
    return faults.classify(error)
