"""What is done with a session that was chosen: gone on with, exported, put away."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread

from tars.control.client import Client
from tars.control.contract import Status
from tars.control.session_contract import Session
from tars.errors import TarsError
from tars.tui import children
from tars.tui.dialogs import Question
from tars.tui.foreign_text import clean
from tars.tui.link import sentence
from tars.tui.session_columns import name_of
from tars.tui.session_panels import ExportPanel
from tars.tui.session_words import short_id

if TYPE_CHECKING:
    from tars.tui.app import TarsApp


async def resume(app: "TarsApp", session: Session, status: Status | None) -> None:
    """Talk on in the terminal, and come back."""
    why = cannot_resume(session, status)
    if why:
        _say(app, why, wrong=True)
        return
    words = ["chat", "--agent", session.agent, f"--resume={session.id}"]
    done = await app.in_terminal(words)
    if done not in (0, 130):
        _say(app, f"`tars {' '.join(words)}` ended with exit status {done}.", wrong=True)


def cannot_resume(session: Session, status: Status | None) -> str:
    """Say why nobody can talk on, or nothing."""
    if status is None:
        return "tars is not running: S starts it."
    if session.agent not in {agent.name for agent in status.agents}:
        return f"No agent {session.agent!r} is configured: nobody could go on with this session."
    return ""


async def export(app: "TarsApp", session: Session) -> None:
    """Write a session to a file. What is there is written over when a person says so."""
    asked = await app.push_screen_wait(ExportPanel(name_of(session) or session.id, _stem(session)))
    if asked is None:
        return
    path, form = os.path.expanduser(asked[0]), asked[1]
    words = ["sessions", "export", "--format", form, "--output", path]
    if await anyio.to_thread.run_sync(_is_file, path):
        question = Question(f"{path} is there already. Write over it?", "Write over it")
        if not await app.push_screen_wait(question):
            return
        words.append("--force")
    done, said = await children.quietly([*words, "--", session.id])
    told = said or f"Wrote {path}." if done == 0 else said or f"Exit status {done}."
    _say(app, told, wrong=done != 0)


def _is_file(path: str) -> bool:
    return os.path.lexists(path) and not Path(path).is_dir()


def _stem(session: Session) -> str:
    """Propose a file's name of harmless characters."""
    name = session.name or session.id[:8]
    kept = "".join(char if char.isalnum() or char in "-_." else "-" for char in name)
    return kept.strip("-.")[:60] or "session"


async def archive(app: "TarsApp", session: Session) -> bool:
    """Put a session away, or take back one that is, when a person says so; say whether it was."""
    name, id = name_of(session) or short_id(session.id), session.id
    is_away = session.status == "archived"
    question = (
        Question(f"Take {name!r} back from the archive?", "Take it back")
        if is_away
        else Question(f"Archive {name!r}?", "Archive it", details=_ARCHIVED)
    )
    if not await app.push_screen_wait(question):
        return False

    def do(client: Client) -> Session:
        return client.unarchive_session(id) if is_away else client.archive_session(id)

    try:
        await app.link.ask(do)
    except TarsError as error:
        _say(app, sentence(error), wrong=True)
        return False
    _say(app, f"Took {name} back." if is_away else f"Archived {name}.")
    return True


_ARCHIVED = "It leaves the list; the filter's Archived still shows it."


def _say(app: "TarsApp", text: str, *, wrong: bool = False) -> None:
    app.notify(clean(text), severity="error" if wrong else "information", markup=False)
