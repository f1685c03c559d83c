"""What a process that could not be made, or that died, has to say for itself."""

import os
import signal

import anyio

from tars.agents.kind import Kind, Launch
from tars.conversation.model import OpenFailed, Said, TurnEnded
from tars.errors import Fault, FaultKind
from tars.runtime.channel import Channel
from tars.runtime.redaction import Redactor

#: How much of a dead process's stderr a fault quotes, in characters.
LAST_WORDS = 300
#: How long before its end a process may have written what explains it.
LAST_WORDS_SECONDS = 5.0


def not_spawned(kind: Kind, name: str, launch: Launch, error: OSError) -> Fault:
    """Say why there is no process, and what mends it."""
    command = launch.argv[0]
    if not launch.cwd.is_dir():
        return Fault(
            FaultKind.BAD_CONFIG,
            f"The agent's working folder {launch.cwd} does not exist.",
            f"Make it, or mend `cwd` in `[agents.{name}]`; then `tars restart`.",
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Fault(
            FaultKind.NOT_INSTALLED,
            f"The agent's command `{command}` was not found.",
            kind.install_advice,
        )
    if isinstance(error, PermissionError):
        return Fault(
            FaultKind.BAD_CONFIG,
            f"The agent's command `{command}` may not be run: {os.strerror(error.errno or 0)}.",
            f"Mend `command` in `[agents.{name}]` or the rights; then `tars restart`.",
        )
    return Fault(FaultKind.CRASHED, f"The agent's process could not be made: {error.strerror}.")


def why_gone(kind: Kind, channel: Channel, status: int, redactor: Redactor) -> Fault | None:
    """Say why a channel's process is gone, where that is known."""
    if channel.cut_off:
        return _cut_off(channel)
    now, tail = anyio.current_time(), channel.tail
    stderr = redactor.clean(tail.since(now - LAST_WORDS_SECONDS))
    return _died(kind, channel, status, stderr, now - tail.written_at)


def _cut_off(channel: Channel) -> Fault:
    """It closed its stdout and went on: nobody could talk to it any more."""
    return Fault(
        FaultKind.CRASHED,
        "The agent closed its output and went on; tars ended it.",
        f"`tars logs --agent {channel.name}` shows what it wrote to stderr."
        if channel.viewers is None
        else _screen_advice(channel.name),
    )


def _screen_advice(name: str) -> str:
    return f"`tars attach {name}` shows its screen while it runs; docs/screens.md says more."


def _died(kind: Kind, channel: Channel, status: int, stderr: str, seconds: float) -> Fault | None:
    """Say what its last words say; the last of them came so many seconds before its end."""
    known = kind.last_words(status, stderr)
    words = stderr.strip()[-LAST_WORDS:]
    # Whom SIGKILL ends could not say a word about it.
    if known is not None or not words or status == -signal.SIGKILL:
        return known
    how = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
    when = f", written {seconds:.0f} s before" if seconds >= 1 else ""
    if channel.viewers is not None:
        words = f"The agent {how}; the end of its screen: {words}"
        return Fault(FaultKind.CRASHED, words, _screen_advice(channel.name))
    return Fault(
        FaultKind.CRASHED,
        f"The agent {how}; the end of its stderr{when}: {words}",
        f"`tars logs --agent {channel.name}` shows all of it.",
    )


def nonsense(channel: Channel | None, protocol: str) -> Fault | None:
    """Say why the handshake is not answered, where all that came made no sense."""
    if channel is not None and channel.viewers is not None:
        return _never_ready(channel)
    if channel is None or channel.made_sense or not channel.garbled:
        return None
    lines = channel.garbled
    many = "a line that makes" if lines == 1 else f"{lines:,} lines that make"
    return Fault(
        FaultKind.PROTOCOL,
        f"The agent did not answer its handshake, but wrote {many} no sense in its protocol "
        f"({protocol}).",
        f"Is `command` in `[agents.{channel.name}]` right? Mend it; then `tars restart`.",
    )


def _never_ready(channel: Channel) -> Fault:
    """A terminal program has no handshake: only its screen says that it can be prompted."""
    from tars.protocols.screen import ScreenCodec  # only who has a screen pays for it

    described = isinstance(channel.codec, ScreenCodec) and channel.codec.rules.ready
    return Fault(
        FaultKind.TIMEOUT,
        "The agent's screen never showed what its description calls `ready`."
        if described
        else "The agent's screen was never still, so nobody knows when it can be prompted.",
        f"`tars attach {channel.name}` shows it while it runs; docs/screens.md says how to "
        "describe a screen. `handshake_seconds` gives it longer.",
    )


def session_unknown(agent: str) -> Fault:
    """A prompt names a conversation that is not there."""
    return Fault(
        FaultKind.SESSION_UNKNOWN,
        f"The agent {agent} does not know this session.",
        "Leave the session out to go on with the current one.",
    )


def no_process(agent: str) -> Fault:
    """Another conversation needs a process of its own, and there is none."""
    return Fault(
        FaultKind.CRASHED,
        f"The process of the agent {agent} for this session could not be made.",
        f"`tars logs --agent {agent}` says why.",
    )


def as_its_codec_says(
    fault: Fault | None, last: list[Said], status: int, *, one_shot: bool
) -> Fault | None:
    """Say better than the process itself why it went, where its codec's last words can."""
    if one_shot and status == 0 and (fault is None or not fault.needs_a_person):
        # It left as if all were well; only its protocol knows better.
        return _unanswered(last) or fault
    return _not_understood(last) if fault is None else fault


def _unanswered(last: list[Said]) -> Fault | None:
    """Why a turn that was under way at the end has no answer, as its codec says."""
    return next((s.fault for s in last if isinstance(s, TurnEnded) and s.fault), None)


def _not_understood(last: list[Said]) -> Fault | None:
    """Why nobody could talk with it: it speaks something else than it should."""
    faults = (s.fault for s in last if isinstance(s, OpenFailed))
    return next((fault for fault in faults if fault.kind is FaultKind.PROTOCOL), None)
