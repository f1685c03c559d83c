"""Agents added to config.toml, where that takes nothing from a person's own file."""

import os
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from tars.agents.registry import KINDS
from tars.cli.detection import Found
from tars.config import Config, read
from tars.config_faults import read_text
from tars.errors import ConfigInvalid
from tars.home import FILE_MODE, FOLDER_MODE, Home


@dataclass(frozen=True, slots=True)
class Added:
    """What became of it. `written` is false where the person has to add `toml`, because of
    `reason`. `backup` is the file as it was."""

    toml: str
    written: bool
    reason: str = ""
    backup: Path | None = None


def toml_of(found: Sequence[Found]) -> str:
    """Write the tables of these agents."""
    return tomli_w.dumps({"agents": {f.candidate.name: _table(f) for f in found}})


def add(home: Home, found: Sequence[Found]) -> Added:
    """Write a config.toml with these agents, or add them to one without comments.

    Raises OSError, and ConfigInvalid when the file has faults already.
    """
    path, toml = home.config, toml_of(found)
    if not os.path.lexists(path):
        _write_new(path, toml)
        return Added(toml, written=True)
    before = read(path, home, KINDS)
    text = read_text(path)
    reason = _reason_against(path, text)
    if reason:
        return Added(toml, written=False, reason=reason)
    whole = f"{text.rstrip()}\n\n{toml}" if text.strip() else toml
    draft = path.with_name(f"{path.name}.new-{os.getpid()}")
    try:
        _write_new(draft, whole)
        if not _holds(draft, home, before, tomllib.loads(text)):
            return Added(toml, written=False, reason=f"{path} would not hold with them.")
        backup = _backup(path)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return Added(toml, written=True, backup=backup)


def _table(found: Found) -> dict[str, Any]:
    candidate = found.candidate
    program, *words = candidate.command
    table: dict[str, Any] = {"kind": candidate.kind.name}
    if not found.on_path or candidate.command != candidate.kind.command:
        table["command"] = [program if found.on_path else str(found.program), *words]
    return table


def _reason_against(path: Path, text: str) -> str:
    """Why the file is not ours to change; empty where it is."""
    # A # in a string counts as well: better asked once too often.
    if "#" in text:
        return f"{path} has comments, so it was not changed."
    if path.is_symlink():
        return f"{path} is a link, so it was not changed."
    return ""


def _holds(draft: Path, home: Home, before: Config, was: dict[str, Any]) -> bool:
    """Whether all that was in force still is, beside what is new."""
    try:
        after = read(draft, home, KINDS)
    except ConfigInvalid:
        return False
    kept = all(after.agents.get(name) == before.agents[name] for name in was.get("agents", {}))
    return kept and (before.default_agent == after.default_agent or "agents" not in was)


def _write_new(path: Path, text: str) -> None:
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _backup(path: Path) -> Path:
    """Keep the file as it is, under a name that nothing has."""
    number, backup = 1, path.with_name(f"{path.name}.bak")
    while os.path.lexists(backup):
        number += 1
        backup = path.with_name(f"{path.name}.bak{number}")
    descriptor = os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with open(descriptor, "wb") as to, path.open("rb") as source:
        shutil.copyfileobj(source, to)
    return backup
