"""How Claude Code is launched, spoken to and read."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from tars.agents.claude import faults
from tars.agents.claude.codec import Claude as ClaudeCodec
from tars.agents.claude.history import ClaudeHistory, can_resume, find
from tars.agents.kind import Kind, Knowledge, Launch, Setup, Traces, npm_advice
from tars.errors import Fault
from tars.protocols.codec import Codec

_STREAMING = (
    "-p",
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    # Without it the stream has no lines but the result.
    "--verbose",
    # The text as it is said, and the only figures of an interrupted request.
    "--include-partial-messages",
    "--permission-prompt-tool",
    "stdio",
)
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
_OTHER_CLOUDS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
#: What npm puts in the place of the native program, until its install script has run.
_STUB_SIZE = 4096
#: Where npm keeps the native program, beside the package of the stub.
_NATIVE = "claude-code-*/claude"


class Claude(Kind):
    """Claude Code: one warm process that speaks JSON lines."""

    name = "claude"
    protocols = ("stream-json",)
    command = ("claude",)
    # It exits with 0 when it is interrupted by a signal, without a result.
    trusts_exit_status = False
    install_advice = npm_advice("@anthropic-ai/claude-code")
    counts_on_the_wire = True

    def knowledge(self, protocol: str) -> Knowledge:
        return Knowledge(
            tokens="every request, and every turn with its subagents",
            cache_read=True,
            cache_write=True,
            reasoning=True,
            per_model=True,
            subagents=True,
            cost=True,
            context=True,
            limits=True,
            tools=True,
            permissions=True,
            resume=True,
            model=True,
            mode=True,
            tested="2.1.316",
            note="What an interrupted answer had cost by then is a lower bound.",
        )

    def traces(self, env: Mapping[str, str]) -> Traces:
        folder = _folder(env)
        home = folder if env.get("CLAUDE_CONFIG_DIR") else folder.parent
        signed_in = (
            any(env.get(name) for name in (*_KEYS, *_OTHER_CLOUDS))
            or (folder / ".credentials.json").exists()
            or _mentions(folder / "settings.json", b'"apiKeyHelper"')
            or _mentions(home / ".claude.json", b'"primaryApiKey"')
        )
        logs = tuple(path for path in (folder / "projects",) if path.is_dir())
        # On macOS an account is in the keychain, where we do not look.
        unknown = sys.platform == "darwin" and not signed_in
        return Traces(None if unknown else signed_in, logs)

    def program(self, command: tuple[str, ...], env: Mapping[str, str]) -> str | None:
        return super().program(_native(command, env), env)

    def launch(self, setup: Setup, session_id: str | None) -> Launch:
        resumed = session_id is not None and self._knows(setup, session_id)
        held = session_id if resumed and session_id is not None else str(uuid4())
        choice = (
            *(("--model", setup.model) if setup.model else ()),
            *(("--permission-mode", setup.mode) if setup.mode else ()),
            # An id that exists is refused as a new one, and one that does not cannot be resumed.
            *(("--resume", held) if resumed else ("--session-id", held)),
        )
        env = {**setup.env, "TMPDIR": str(setup.tmp)}
        argv = (*_native(setup.command, setup.env), *_STREAMING, *choice)
        return Launch(argv, env, setup.cwd, session_id=held)

    def codec(self, setup: Setup) -> Codec:
        return ClaudeCodec()

    def history(self, setup: Setup, session_id: str, mark: str = "") -> ClaudeHistory:
        return ClaudeHistory(_folder(setup.env), session_id, mark)

    def last_words(self, status: int, stderr_tail: str) -> Fault | None:
        return faults.last_words(status, stderr_tail)

    def _knows(self, setup: Setup, session_id: str) -> bool:
        path = find(_folder(setup.env), session_id)
        return path is not None and can_resume(path)


def _folder(env: Mapping[str, str]) -> Path:
    if named := env.get("CLAUDE_CONFIG_DIR"):
        return Path(named)
    return Path(env.get("HOME") or Path.home()) / ".claude"


def _mentions(path: Path, member: bytes) -> bool:
    try:
        return member in path.read_bytes()
    except OSError:
        return False


def _native(command: tuple[str, ...], env: Mapping[str, str]) -> tuple[str, ...]:
    """Give the command, or the native program beside npm's stub where that is all there is."""
    first, *rest = command
    found = shutil.which(first, path=env.get("PATH"))
    if found is None:
        return command
    program = Path(found).resolve()
    try:
        if program.suffix == ".exe" and program.stat().st_size <= _STUB_SIZE:
            natives = [p for p in sorted(program.parents[2].glob(_NATIVE)) if p.is_file()]
            return (str(natives[0].resolve()), *rest) if len(natives) == 1 else command
    except OSError:
        pass
    return command
