"""session.json: the figures of an agent's current session, in exactly nine fields.

    sessionId           the agent's own id; empty while it is not known
    createdAt           ISO 8601, UTC
    totalInputTokens    input of the last model request: the size of the context now
    totalOutputTokens   output of all turns, without thoughts
    totalCachedTokens   cached input of the last model request
    totalNetTokens      max(0, input - cached), summed over all model requests
    interactionCount    turns counted, the failed and cancelled ones too
    lastInteractionAt   ISO 8601, UTC, or null
    lastInputTokens     input of the last turn, summed over its model requests

A turn that made no request to the model leaves the context as it was. The file is
replaced durably: a crash at any moment leaves the old or the new one, whole.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import Annotated

import msgspec

from tars.accounting.usage import TurnUsage
from tars.errors import StoreError
from tars.home import set_aside, sync_folder, write_durably

#: A session.json is some 400 bytes. What is far larger is something else, and not read.
LARGEST = 64 * 1024

Count = Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class SessionFields:
    """The nine fields; tokens are counts, times are ISO 8601 in UTC."""

    session_id: str
    created_at: str
    total_input_tokens: int = 0
    total_output_tokens: int = 0
    total_cached_tokens: int = 0
    total_net_tokens: int = 0
    interaction_count: int = 0
    last_interaction_at: str | None = None
    last_input_tokens: int = 0

    def plus(self, usage: TurnUsage, at: datetime) -> "SessionFields":
        """Count one turn, whatever its outcome was."""
        asked = usage.context > 0
        return replace(
            self,
            total_input_tokens=usage.context if asked else self.total_input_tokens,
            total_cached_tokens=usage.context_cached if asked else self.total_cached_tokens,
            total_output_tokens=self.total_output_tokens + usage.output,
            total_net_tokens=self.total_net_tokens + usage.net,
            interaction_count=self.interaction_count + 1,
            last_interaction_at=_iso(at),
            last_input_tokens=usage.input,
        )

    def to_wire(self) -> dict[str, str | int | None]:
        """Give the fields under their names in the file."""
        return {_camel(name): value for name, value in asdict(self).items()}


class SessionManager:
    """One agent's session.json and what it says, held in memory.

    Nothing is read before `load`, and nothing written before `save`. `problem` is one
    sentence about the last file that had to be set aside, or None. `clock` gives the
    time in UTC.
    """

    def __init__(self, path: Path | str, *, clock: Callable[[], datetime] | None = None) -> None:
        self.path = Path(path)
        self.session: SessionFields | None = None
        self.problem: str | None = None
        self._clock = clock or _now
        self._looked = False
        self._known: tuple[int, ...] | None = None

    def peek(self) -> SessionFields | None:
        """Read the file and leave it alone, whatever it holds; `problem` says what is wrong."""
        self.problem = None
        try:
            return _read(self.path)
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            self.problem = f"{self.path} could not be read ({_reason(error)})"
            return None

    def load(self) -> SessionFields | None:
        """Read the file into memory; None when there is none.

        A file that makes no sense is set aside, `problem` says so, and the answer is
        None. Raises StoreError when it could not even be set aside.
        """
        self.session = self._look()
        return self.session

    def save(self) -> None:
        """Write the session durably; without one, do nothing.

        Raises StoreError when the disk does not take it. The old file is then whole, and
        memory keeps everything for the next save.
        """
        if self.session is None:
            return
        if not self._looked or self._known != _signature(self.path):
            self._look()  # what cannot be read is never overwritten
        try:
            write_durably(self.path, _encode(self.session))
            self._known = _signature(self.path)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be written: {error.strerror or error}.",
                advice="Free some space or check the folder's rights; nothing counted is lost.",
            ) from error

    def begin(self, session_id: str, created_at: datetime | None = None) -> SessionFields:
        """Start counting a session, in memory.

        The same id again goes on with what was counted (a resumed session), and so does
        the first id after turns whose session had none yet.
        """
        if self.session is not None and self.session.session_id in ("", session_id):
            self.session = replace(self.session, session_id=session_id)
        else:
            self.session = SessionFields(session_id, _iso(created_at or self._clock()))
        return self.session

    def update_usage(
        self, usage: TurnUsage | Mapping[str, object], *, at: datetime | None = None
    ) -> SessionFields:
        """Count one turn, in memory. `at` (UTC) is when it ended, now unless told.

        A mapping has the names of a turn's `usage` on the wire (`inputTokens` and
        `outputTokens` at least). Raises ValueError when it makes no sense. When no
        session has begun, one with an empty id does.
        """
        counted = usage if isinstance(usage, TurnUsage) else _from_wire(usage)
        when = at or self._clock()
        session = self.session or SessionFields("", _iso(when))
        self.session = session.plus(counted, when)
        return self.session

    #: The name that the first users were promised.
    updateUsage = update_usage

    def clear(self) -> SessionFields | None:
        """Delete the file, forget the session, and give what was cleared.

        Raises StoreError when the file cannot be deleted; nothing is forgotten then.
        """
        cleared = self.session if self.session is not None else self.load()
        try:
            self.path.unlink(missing_ok=True)
            if self.path.parent.is_dir():
                sync_folder(self.path.parent)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be deleted: {error.strerror or error}.",
                advice="Check the folder's rights.",
            ) from error
        self.session = None
        return cleared

    def exists(self) -> bool:
        """Say whether the file is there."""
        return self.path.is_file()

    def stats(self) -> dict[str, str | int | None]:
        """Give the nine fields by their names in the file; empty without a session."""
        return {} if self.session is None else self.session.to_wire()

    def _look(self) -> SessionFields | None:
        self.problem = None
        found = None
        try:
            found = _read(self.path)
        except FileNotFoundError:
            pass
        except (ValueError, OSError) as error:
            self._set_aside(error)
        self._looked = True
        self._known = _signature(self.path)
        return found

    def _set_aside(self, cause: ValueError | OSError) -> None:
        reason = _reason(cause)
        try:
            aside = set_aside(self.path, self._clock())
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be read ({reason}) nor set aside: {error.strerror or error}.",
                advice="Check the folder's rights.",
            ) from error
        self.problem = f"{self.path} could not be read ({reason}) and was set aside as {aside.name}"


class _File(msgspec.Struct, rename="camel"):
    """What a file has to hold. Fields that later versions added may be missing."""

    session_id: str
    created_at: str
    total_input_tokens: Count
    total_output_tokens: Count
    total_cached_tokens: Count
    interaction_count: Count
    total_net_tokens: Count | None = None
    last_interaction_at: str | None = None
    last_input_tokens: Count = 0


class _WireUsage(msgspec.Struct, rename="camel"):
    """A turn's `usage` as it travels; see `TurnUsage` for what the figures mean."""

    input_tokens: Count
    output_tokens: Count
    cached_tokens: Count = 0
    cache_write_tokens: Count = 0
    thought_tokens: Count = 0
    net_tokens: Count | None = None
    context_tokens: Count | None = None
    context_cached_tokens: Count | None = None
    requests: Count = 0
    tool_calls: Count = 0


def _signature(path: Path) -> tuple[int, ...] | None:
    """What changes when somebody else writes the file; None while there is none."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _reason(cause: ValueError | OSError) -> str:
    return cause.strerror or "unreadable" if isinstance(cause, OSError) else str(cause)


def _read(path: Path) -> SessionFields:
    """Raises ValueError for what is no session.json, with a reason that quotes nothing."""
    if not S_ISREG(path.stat().st_mode):
        raise ValueError("not a file")
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError("far too large")
    try:
        found = msgspec.json.decode(data, type=_File)
    except msgspec.ValidationError as error:
        raise ValueError(f"wrong content: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError("not JSON") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    for time in (found.created_at, found.last_interaction_at):
        if time is not None:
            _check_time(time)
    net = found.total_input_tokens if found.total_net_tokens is None else found.total_net_tokens
    return SessionFields(**{**msgspec.structs.asdict(found), "total_net_tokens": net})


def _check_time(text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("wrong content: a time that is not ISO 8601") from error


def _from_wire(usage: Mapping[str, object]) -> TurnUsage:
    try:
        found = msgspec.convert(dict(usage), type=_WireUsage)
    except msgspec.ValidationError as error:
        raise ValueError(f"This is not a turn's usage: {error}") from error
    cached, context = found.cached_tokens, found.context_tokens
    context = found.input_tokens if context is None else context
    net = found.net_tokens
    last = found.context_cached_tokens
    return TurnUsage(
        input=found.input_tokens,
        output=found.output_tokens,
        cached=cached,
        cache_write=found.cache_write_tokens,
        thoughts=found.thought_tokens,
        net=max(0, found.input_tokens - cached) if net is None else net,
        context=context,
        # The wire does not say how much of the last request was cached: the sum is an
        # upper bound, and so is the request itself.
        context_cached=min(cached, context) if last is None else last,
        requests=found.requests,
        tool_calls=found.tool_calls,
    )


def _encode(session: SessionFields) -> bytes:
    return json.dumps(session.to_wire(), indent=2).encode() + b"\n"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _now() -> datetime:
    return datetime.now(UTC)
