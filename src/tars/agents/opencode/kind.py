"""How opencode is launched, spoken to and read."""

import secrets
from collections.abc import Mapping

from tars.agents.kind import HttpServer, Kind, Knowledge, Launch, Setup, Traces, npm_advice
from tars.agents.opencode import faults
from tars.agents.opencode.codec import Opencode as OpencodeCodec
from tars.agents.opencode.history import OpencodeHistory, database, folder
from tars.errors import Fault
from tars.protocols.codec import Codec

#: The user name that opencode's server expects, unless it is told another one.
_USER = "opencode"


class Opencode(Kind):
    """opencode: one warm server on loopback for all prompts."""

    name = "opencode"
    protocols = ("serve",)
    command = ("opencode",)
    # A server has no reason of its own to leave.
    trusts_exit_status = False
    install_advice = npm_advice("opencode-ai")
    counts_on_the_wire = True

    def knowledge(self, protocol: str) -> Knowledge:
        return Knowledge(
            tokens="every request",
            cache_read=True,
            cache_write=True,
            reasoning=True,
            per_model=True,
            subagents=True,
            cost=True,
            context=True,
            tools=True,
            permissions=True,
            resume=True,
            model=True,
            mode=True,
            tested="1.18.33",
            note=(
                "Each session's first prompt has a title made by a request to the small model "
                "that opencode counts nowhere."
            ),
        )

    def traces(self, env: Mapping[str, str]) -> Traces:
        data = folder(env)
        logs = tuple(path for path in (database(env),) if path.exists())
        # It also takes keys from its configuration and its providers' own variables.
        signed_in = True if (data / "auth.json").exists() else None
        return Traces(signed_in, logs)

    def launch(self, setup: Setup, session_id: str | None) -> Launch:
        # For this process alone; argv is everybody's to read, its environment only its user's.
        password = secrets.token_urlsafe(32)
        env = {
            **setup.env,
            "OPENCODE_SERVER_USERNAME": _USER,
            "OPENCODE_SERVER_PASSWORD": password,
            # It would replace its own program while it works for us.
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "TMPDIR": str(setup.tmp),
        }
        server = HttpServer(
            listening=r"listening on (http://\S+)",
            user=_USER,
            password=password,
            events="/event",
            heartbeat="server.heartbeat",
        )
        # Port 0 is 4096 where that is free, and any other one else: its stdout tells.
        serve = ("serve", "--port", "0", "--hostname", "127.0.0.1")
        return Launch((*setup.command, *serve), env, setup.cwd, http=server)

    def codec(self, setup: Setup) -> Codec:
        return OpencodeCodec()

    def history(self, setup: Setup, session_id: str, mark: str = "") -> OpencodeHistory:
        return OpencodeHistory(database(setup.env), session_id, mark)

    def last_words(self, status: int, stderr_tail: str) -> Fault | None:
        return faults.last_words(stderr_tail)
