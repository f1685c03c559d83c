"""Templates: how a session was set up, kept under a name, to begin others like it."""

import json
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

import msgspec

from tars.errors import NameInvalid, RequestInvalid, StoreError, UserError
from tars.sessions.library import Library
from tars.sessions.names import LONGEST, check_name

if TYPE_CHECKING:
    from tars.store.rows import SessionRecord

#: What stands for the words that are given when a template is used.
PLACE = "{}"
#: How many numbers are tried for a name.
_MOST_NUMBERS = 10_000


@dataclass(frozen=True, slots=True)
class Template:
    """How to begin a session. In `name_pattern`, `{n}` becomes the first number that makes the
    name a new one, and `{date}` the day. In `prompt`, `{}` becomes the words that are given.

    `model` and `mode` are those that the session had; an agent's own are set in config.toml.
    """

    agent: str
    model: str = ""
    mode: str = ""
    name_pattern: str | None = None
    task: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    prompt: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Named:
    """A template with its name, and when it was saved."""

    name: str
    saved_at: datetime
    template: Template


def of_session(
    library: Library,
    session: "SessionRecord",
    *,
    mode: str = "",
    name_pattern: str | None = None,
    with_prompt: bool = False,
) -> Template:
    """Make a template of a session. Raises NameInvalid for a pattern that makes no names, and
    UserError where the prompt is wanted and was not kept."""
    pattern = name_pattern
    if pattern is None and session.name is not None:
        pattern = f"{session.name[: LONGEST - 4]}-{{n}}"
    if pattern is not None:
        check_name(_filled(pattern, 1, session.created_at))
    return Template(
        agent=session.agent,
        model=next(iter(session.models), ""),
        mode=mode,
        name_pattern=pattern,
        task=session.task,
        tags=session.tags,
        metadata={
            k: v if isinstance(v, str) else json.dumps(v) for k, v in session.metadata.items()
        },
        prompt=_prompt(library, session) if with_prompt else None,
    )


def save(
    library: Library, name: str, template: Template, at: datetime, *, replace: bool = False
) -> str:
    """Keep a template, and give its name as it is kept. Raises NameInvalid where it is none, or
    another template's that is not to be replaced."""
    from tars.store import templates

    kept = check_name(name, of="a template")
    body = json.dumps(msgspec.to_builtins(template))
    with library.writing() as connection:
        if not replace and templates.saved(connection, kept):
            raise NameInvalid(
                f'There is a template "{kept}" already.', advice="Say --replace to write over it."
            )
        templates.save(connection, templates.SavedTemplate(kept, at, body))
    return kept


def saved(library: Library) -> list[Named]:
    """Give every template, by name."""
    from tars.store import templates

    with library.reading() as connection:
        rows = templates.saved(connection)
    return [Named(row.name, row.saved_at, _read(row.name, row.body)) for row in rows]


def find(library: Library, name: str) -> Template:
    """Give a template by its name. Raises UserError when there is none."""
    from tars.store import templates

    with library.reading() as connection:
        rows = templates.saved(connection, name)
    if not rows:
        raise unknown(name)
    return _read(name, rows[0].body)


def delete(library: Library, name: str) -> None:
    """Delete a template. Raises UserError when there is none."""
    from tars.store import templates

    with library.writing() as connection:
        if not templates.remove(connection, name):
            raise unknown(name)


def unknown(name: str) -> UserError:
    """Say that there is no such template."""
    return UserError(
        f'There is no template "{name}".', advice="`tars sessions template list` shows them."
    )


def prompt_of(template: Template, words: str | None) -> str:
    """Give the prompt to send: the template's with the words in their place, or behind it.

    Raises RequestInvalid when there is nothing to say.
    """
    if template.prompt is None:
        if not words or not words.strip():
            raise RequestInvalid("The template has no prompt: say what to send.")
        return words
    if words is None:
        return template.prompt
    if PLACE in template.prompt:
        return template.prompt.replace(PLACE, words)
    return f"{template.prompt}\n\n{words}"


def free_name(library: Library, template: Template, now: datetime, zone: tzinfo) -> str | None:
    """Give the name for a new session: the first of the pattern that no session has. Raises
    NameInvalid when all are taken."""
    from tars.store import templates

    pattern = template.name_pattern
    if pattern is None:
        return None
    numbers = _MOST_NUMBERS if "{n}" in pattern else 2
    with library.reading() as connection:
        for number in range(1, numbers):
            name = check_name(_filled(pattern, number, now.astimezone(zone)))
            if templates.name_is_free(connection, library.store.machine, name):
                return name
    raise NameInvalid(
        f'Every name of the pattern "{pattern}" is another session\'s.',
        advice="A pattern with {n} makes new ones.",
    )


def _filled(pattern: str, number: int, at: datetime) -> str:
    return pattern.replace("{n}", str(number)).replace("{date}", f"{at:%Y-%m-%d}")


def _prompt(library: Library, session: "SessionRecord") -> str:
    from tars.store import templates

    with library.reading() as connection:
        found = templates.first_prompt(connection, session.seq)
    if found is None:
        raise UserError(f"No prompt of session {session.id} was kept.")
    text, is_whole = found
    if not is_whole:
        raise UserError(f"Of the first prompt of session {session.id} only a part was kept.")
    return text


def _read(name: str, body: str) -> Template:
    try:
        return msgspec.convert(json.loads(body), Template)
    except (ValueError, msgspec.ValidationError) as error:
        raise StoreError(
            f'The template "{name}" was not written by this version of tars.',
            advice=f'`tars sessions template delete "{name}"` deletes it.',
        ) from error
