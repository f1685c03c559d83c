"""What the place of a Gemini CLI log says: which folder it is of, and whose subagent it is.

Logs are in `tmp/<project>/chats`. The project has a short name, which `.project_root` there and
`projects.json` explain; with old versions it is the SHA-256 of the folder's path. A subagent's log
is `chats/<its parent's session>/<its own>.jsonl`.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from tars.history.decoding import UNDECODABLE

try:
    # The same, without OpenSSL, which takes longer to load than all of this.
    from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    from hashlib import sha256

#: Subagents of subagents are followed no further than this.
DEEPEST = 8
_LARGEST_LIST = 16 * 1024 * 1024


class Place(NamedTuple):
    """The session is that of the file's name until the file itself names one; a subagent's is the
    one that a person began, by the folder's name."""

    session: str
    project: str = ""
    sidechain: bool = False


def place(path: str) -> Place:
    """Tell what a log's path says of it."""
    *folders, name = path.split("/")
    if "chats" not in folders:
        return Place(_stem(name))
    depth = len(folders) - folders[::-1].index("chats")
    project = _project("/".join(folders[: depth - 1]))
    if depth == len(folders):
        return Place(_stem(name), project)
    chats = Path("/".join(folders[:depth]))
    return Place(_outermost(chats, folders[depth]), project, sidechain=True)


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _outermost(chats: Path, session: str) -> str:
    """A subagent's own subagents have a folder beside its own."""
    for _ in range(DEEPEST):
        pattern = f"*/{re.sub(r'[*?[]', '?', session)}.json*"
        above = next((path.parent.name for path in chats.glob(pattern)), session)
        if above == session:
            break
        session = above
    return session


def _project(folder: str) -> str:
    with suppress(OSError, ValueError), open(f"{folder}/.project_root", encoding="utf-8") as file:
        if root := file.read().strip():
            return root
    base, _, name = folder.rpartition("/")
    with suppress(OSError):
        listed = f"{os.path.dirname(base)}/projects.json"
        return _listed(listed, os.stat(listed).st_mtime_ns).get(name, "")
    return ""


class _Projects(msgspec.Struct):
    projects: dict[str, str] = {}


@lru_cache(maxsize=4)
def _listed(path: str, mtime: int) -> Mapping[str, str]:  # noqa: ARG001 - it is read anew by it
    try:
        with open(path, "rb") as file:
            projects = msgspec.json.decode(file.read(_LARGEST_LIST), type=_Projects).projects
    except (OSError, *UNDECODABLE):
        return {}
    hashes = {sha256(name.encode()).hexdigest(): name for name in projects}
    return hashes | {short: name for name, short in projects.items()}
