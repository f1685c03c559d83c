"""How Gemini CLI is launched, spoken to and read."""

from collections.abc import Mapping
from pathlib import Path

from tars import __version__
from tars.agents.gemini import faults
from tars.agents.gemini.history import GeminiHistory
from tars.agents.kind import Kind, Knowledge, Launch, Setup, Traces, npm_advice
from tars.errors import Fault
from tars.protocols.acp import Acp
from tars.protocols.codec import Codec
from tars.protocols.stream_json import StreamJson

#: ACP's mode names and what the command line calls them.
_APPROVAL_MODES = {"autoEdit": "auto_edit"}

_NOTES = {
    "acp": "",
    "stream-json": "A process per prompt.",
    "pty": "Its own screen: answers are read off it, and a person can attach to it.",
}

#: One for each request that failed, with the whole conversation in it.
_LITTER = ("gemini-client-error-*",)


class Gemini(Kind):
    """Gemini CLI: one warm process over ACP, a process per prompt over stream-json, or its own
    screen on a terminal, which a person can attach to."""

    name = "gemini"
    protocols = ("acp", "stream-json", "pty")
    command = ("gemini",)
    # It exits 0 when it is terminated in mid-turn.
    trusts_exit_status = False
    install_advice = npm_advice("@google/gemini-cli")

    # Over ACP it tells nothing of caches and thoughts: its log does.
    counts_on_the_wire = False

    def knowledge(self, protocol: str) -> Knowledge:
        warm = protocol != "stream-json"
        return Knowledge(
            tokens="every request, from its log",
            cache_read=True,
            reasoning=True,
            per_model=True,
            subagents=True,
            context=True,
            tools=protocol != "pty",
            permissions=warm,
            resume=True,
            model=True,
            mode=True,
            tested="0.61.0",
            note=_NOTES[protocol],
        )

    def traces(self, env: Mapping[str, str]) -> Traces:
        folder = _folder(env)
        key = any(env.get(name) for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"))
        logs = tuple(p for p in (folder / "tmp",) if p.is_dir())
        return Traces(key or (folder / "oauth_creds.json").exists(), logs)

    def one_shot(self, protocol: str) -> bool:
        return protocol == "stream-json"

    def launch(self, setup: Setup, session_id: str | None) -> Launch:
        if setup.protocol == "pty":
            from tars.agents.gemini import screen  # only who wants a screen pays for it

            known = session_id is not None and self.history(setup, session_id).exists
            mode = _APPROVAL_MODES.get(setup.mode, setup.mode)
            return screen.launch(setup, session_id if known else None, mode, _env(setup), _LITTER)
        model = ("-m", setup.model) if setup.model else ()
        if not self.one_shot(setup.protocol):
            # Over ACP its stderr is held back until it exits; the debug log is not.
            diagnostics = setup.tmp / "diagnostics"
            env = {**_env(setup), "GEMINI_DEBUG_LOG_FILE": str(diagnostics)}
            argv = (*setup.command, "--acp", *model)
            return Launch(argv, env, setup.cwd, diagnostics=diagnostics, litter=_LITTER)
        resume = ("--resume", session_id) if session_id else ()
        mode = _APPROVAL_MODES.get(setup.mode, setup.mode)
        approval = ("--approval-mode", mode) if mode else ()
        return Launch(
            # The prompt goes to stdin: argv is everybody's to read.
            (*setup.command, "--output-format", "stream-json", *model, *approval, *resume),
            _env(setup),
            setup.cwd,
            # A pipe would be truncated at the exit, without an error.
            stdout_to_file=True,
        )

    def codec(self, setup: Setup) -> Codec:
        if setup.protocol == "pty":
            from tars.agents.gemini import screen

            return screen.codec(setup)
        if self.one_shot(setup.protocol):
            return StreamJson(classify=faults.classify)
        return Acp(client_version=__version__, classify=faults.classify)

    def history(self, setup: Setup, session_id: str, mark: str = "") -> GeminiHistory:
        return GeminiHistory(_folder(setup.env), session_id, setup.keep, mark)

    def retrying(self, line: str) -> str | None:
        return faults.retrying(line)

    def last_words(self, status: int, stderr_tail: str) -> Fault | None:
        return faults.last_words(status, stderr_tail)


def _env(setup: Setup) -> dict[str, str]:
    return {
        **setup.env,
        # Else a launcher stays in between: 145 MB more, and it swallows signals.
        "GEMINI_CLI_NO_RELAUNCH": "1",
        # It leaves dumps of whole conversations there.
        "TMPDIR": str(setup.tmp),
    }


def _folder(env: Mapping[str, str]) -> Path:
    home = env.get("GEMINI_CLI_HOME") or env.get("HOME") or str(Path.home())
    return Path(home) / ".gemini"
