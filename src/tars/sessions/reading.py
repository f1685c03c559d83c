"""Which format a file with sessions has, known by its content, and its records.

A file's name says nothing. Whatever is wrong is FileUnreadable: which file, which line, what it
should be; nothing of the file's text is quoted.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

import msgspec

from tars.errors import FileUnreadable
from tars.sessions import foreign
from tars.sessions.export_format import (
    FORMAT,
    VERSION,
    EndPart,
    ExportPart,
    Line,
    Record,
    SessionPart,
)
from tars.sessions.foreign import Given
from tars.sessions.soundness import Checker, Unsound
from tars.sessions.strict_json import Doubtful, loads

#: A text that has to be read at once: a document, or one line of JSON lines.
LARGEST = 128 * 1024 * 1024
_START = 4096
#: What other files begin with, and what to say of them.
_OTHERS = (
    (b"\x1f\x8b", "it is compressed; a backup is restored by `tars sessions restore-backup`"),
    (b"PK\x03\x04", "it is a zip archive"),
    (b"SQLite format 3\0", "it is a database, and no export"),
    (b"%PDF", "it is a PDF"),
    (b"\xff\xfe", "it is UTF-16, and has to be UTF-8"),
    (b"\xfe\xff", "it is UTF-16, and has to be UTF-8"),
)
_BOM = b"\xef\xbb\xbf"
#: `[3]:`, `[2|]{role|content}:`: an array at the root of a TOON document.
_TOON_ARRAY = re.compile(rb"\[[0-9]+:?[\t|]?\](?:\{|:)")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read from its start, as often as wanted. `name` is what people call it, `at` when
    it was written; `agent` whose its sessions are, where it does not say."""

    file: IO[bytes]
    name: str
    at: datetime
    agent: str = "import"


def checked(source: Source) -> Iterator[Record]:
    """Give the records of a file in their order, each sound. Raises FileUnreadable, OSError."""
    source.file.seek(0)
    start = source.file.read(_START).removeprefix(_BOM)
    for magic, sentence in _OTHERS:
        if start.startswith(magic):
            raise unreadable(source, sentence)
    text = start.lstrip(b" \t\r\n")
    if not text:
        raise unreadable(source, "it is empty" if not start else "it holds nothing but blanks")
    if b"\0" in start:
        raise unreadable(source, "it is not text")
    checker = Checker()
    for where, record in _located(source, text):
        try:
            checker.check(record)
        except Unsound as error:
            raise unreadable(source, str(error), where) from None
        yield record
    if not checker.sessions:
        raise unreadable(source, "there is no session in it")


def unreadable(source: Source, why: str, where: str = "") -> FileUnreadable:
    """Say what is wrong with a file, and that nothing was changed."""
    place = f"{source.name}, {where}" if where else source.name
    return FileUnreadable(
        f"{place}: {why}. Nothing was imported.", advice="docs/exports.md says what can be read."
    )


def _located(source: Source, start: bytes) -> Iterator[tuple[str, Record]]:
    """Tell the formats apart; each record comes with its place in the file."""
    json = start[:1] in b"{[" and not _TOON_ARRAY.match(start)
    first = start.split(b"\n", 1)[0]
    if json and _begins_export(first):
        yield from _own_lines(source)
    elif json and start[:1] == b"{" and (lines := _several_lines(source)) is not None:
        yield from _told(source, lines)
    else:
        text = _whole(source)
        yield from _told(source, _document(source, text) if json else _toon(source, text))


def _begins_export(line: bytes) -> bool:
    """Whether it is the first line of our own JSON lines, however another program spaced it."""
    if line.startswith(b'{"type":"export"'):
        return True
    try:
        value = loads(line.decode())
    except (Doubtful, UnicodeDecodeError):
        return False
    return isinstance(value, dict) and value.get("type") == "export"


# --- JSON lines -------------------------------------------------------------------


def _own_lines(source: Source) -> Iterator[tuple[str, Record]]:
    sessions = count = 0
    end: EndPart | None = None
    for number, value in _lines(source):
        where = f"line {number}"
        part = _part(source, value, where)
        if end is not None:
            raise unreadable(source, "something follows the line that ends the export", where)
        match part:
            case ExportPart():
                if number != 1:
                    raise unreadable(source, "an export begins in another one", where)
                _check_version(source, part.format, part.version)
            case EndPart():
                end = part
            case _:
                count += 1
                sessions += isinstance(part, SessionPart)
                yield where, part
    if end is None:
        raise unreadable(source, "it was cut off: the line that ends an export is missing")
    if (end.sessions, end.records) != (sessions, count):
        raise unreadable(source, "lines are missing: it says that there are more, or fewer")


def _several_lines(source: Source) -> list[Any] | None:
    """Give the values of JSON lines; None where the first line is not JSON by itself, or is
    all there is."""
    source.file.seek(0)
    first = source.file.readline(LARGEST + 1).removeprefix(_BOM)
    if not first.strip() or not source.file.read(_START).strip():
        return None
    try:
        loads(first.decode())
    except ValueError:
        return None
    size, found = 0, []
    for _, value in _lines(source):
        size = source.file.tell()
        if size > LARGEST:
            raise _too_large(source)
        found.append(value)
    return found


def _lines(source: Source) -> Iterator[tuple[int, Any]]:
    source.file.seek(0)
    number = 0
    while line := source.file.readline(LARGEST + 1):
        number += 1
        if len(line) > LARGEST:
            raise unreadable(source, f"it is longer than {LARGEST >> 20} MiB", f"line {number}")
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.strip():
            yield number, _loaded(source, _text(source, line, number), number)


# --- one document -----------------------------------------------------------------


def _document(source: Source, text: str) -> Any:
    return _loaded(source, text, 1)


def _toon(source: Source, text: str) -> Any:
    # Who imports no such file does not pay for the import.
    from toon_format import ToonDecodeError, decode

    try:
        value = decode(text)
    except ToonDecodeError as error:
        where = f"line {error.line}" if error.line else ""
        raise unreadable(source, f"neither JSON nor TOON ({error.msg})", where) from None
    if not isinstance(value, dict | list):
        raise unreadable(source, "neither JSON nor TOON")
    return value


def _told(source: Source, value: Any) -> Iterator[tuple[str, Record]]:
    """Give the records of a value, whatever notation it was in."""
    if isinstance(value, dict) and "format" in value and "version" in value:
        _check_version(source, value["format"], value["version"])
        yield from _own_document(source, value)
        return
    digest = _digest(source)
    given = Given(at=source.at, agent=source.agent, digest=digest)
    try:
        yield from foreign.records(value, given)
    except foreign.Foreign as error:
        raise unreadable(source, str(error), error.where) from None


def _own_document(source: Source, value: dict[str, Any]) -> Iterator[tuple[str, Record]]:
    sessions = value.get("sessions")
    if set(value) != {"format", "version", "sessions"} or not isinstance(sessions, list):
        raise unreadable(source, "it should hold format, version and a list of sessions")
    for place, session in enumerate(sessions):
        where = f"sessions[{place}]"
        rest, lists = _split(source, session, ("entries", "turns"), where)
        yield where, _part(source, rest, where)
        yield from _inner(source, lists["entries"], f"{where}.entries")
        for at, turn in enumerate(lists["turns"]):
            inside = f"{where}.turns[{at}]"
            names = ("modelRequests", "entries", "after")
            rest, parts = _split(source, turn, names, inside)
            yield inside, _part(source, rest, inside)
            for name in names:
                yield from _inner(source, parts[name], f"{inside}.{name}")


def _split(
    source: Source, value: Any, names: tuple[str, ...], where: str
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Take the lists out of an object."""
    if not isinstance(value, dict):
        raise unreadable(source, "it should be an object", where)
    lists = {name: value.get(name, []) for name in names}
    for name, found in lists.items():
        if not isinstance(found, list):
            raise unreadable(source, f"{name} should be a list", where)
    return {key: inner for key, inner in value.items() if key not in names}, lists


def _inner(source: Source, values: list[Any], where: str) -> Iterator[tuple[str, Record]]:
    for place, value in enumerate(values):
        yield f"{where}[{place}]", _part(source, value, f"{where}[{place}]")


# --- what all of them need ----------------------------------------------------------


def _part(source: Source, value: Any, where: str) -> Any:
    try:
        return msgspec.convert(value, Line)
    except msgspec.ValidationError as error:
        raise unreadable(source, str(error)[:200], where) from None


def _check_version(source: Source, format: object, version: object) -> None:
    if format != FORMAT:
        raise unreadable(source, f"it is not an export of sessions: the format should be {FORMAT}")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise unreadable(source, "the version of the format makes no sense")
    if version > VERSION:
        raise unreadable(
            source,
            f"a newer tars wrote it: version {version} of the format, and this one reads {VERSION}",
        )


def _whole(source: Source) -> str:
    source.file.seek(0)
    data = source.file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise _too_large(source)
    return _text(source, data.removeprefix(_BOM), 1)


def _too_large(source: Source) -> FileUnreadable:
    return unreadable(
        source,
        f"it is larger than {LARGEST >> 20} MiB, which only `export --format jsonl` may be",
    )


def _text(source: Source, data: bytes, line: int) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line += data.count(b"\n", 0, error.start)
        raise unreadable(source, "it is not UTF-8", f"line {line}") from None


def _loaded(source: Source, text: str, line: int) -> Any:
    try:
        return loads(text)
    except Doubtful as error:
        if error.position is not None:
            line += text.count("\n", 0, error.position)
        raise unreadable(
            source, f"not the JSON that it should be ({error})", f"line {line}"
        ) from None


def _digest(source: Source) -> str:
    source.file.seek(0)
    digest = hashlib.sha256()
    while chunk := source.file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
