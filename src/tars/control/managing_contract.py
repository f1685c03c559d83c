"""What the commands that manage sessions print with `--format json`, by wire names.

Money is exact: integer millionths of a US dollar, null where nobody told it. Times are ISO 8601
in UTC.
"""

from typing import TYPE_CHECKING

from tars.control.session_contract import Spending, dollars
from tars.control.wire import Wire, time_or_null, time_text

if TYPE_CHECKING:
    from tars.sessions.importing import Imported
    from tars.sessions.repair import Repaired
    from tars.sessions.templates import Named
    from tars.store.managing import Known, Note
    from tars.store.tasks import Task


class SessionTags(Wire):
    """The tags of a session, in their order."""

    session: str
    tags: list[str]


class NoteText(Wire):
    """What somebody noted of a session."""

    at: str
    text: str

    @classmethod
    def of(cls, note: "Note") -> "NoteText":
        return cls(at=time_text(note.at), text=note.text)


class SessionNotes(Wire):
    """The notes of a session, oldest first."""

    session: str
    notes: list[NoteText]


class TaskReport(Wire):
    """A task: what it was thought to need, and what its turns used. `started_at` is null where
    prompts alone named it. Of `spent`, the cost is what is known of `costed_turns` turns."""

    name: str
    started_at: str | None
    ended_at: str | None
    estimated_tokens: int | None
    estimated_microusd: int | None
    estimated_usd: str | None
    spent: Spending

    @classmethod
    def of(cls, task: "Task") -> "TaskReport":
        return cls(
            name=task.name,
            started_at=time_or_null(task.started_at),
            ended_at=time_or_null(task.ended_at),
            estimated_tokens=task.estimated_tokens,
            estimated_microusd=task.estimated_microusd,
            estimated_usd=dollars(task.estimated_microusd),
            spent=Spending.of(task.spent),
        )


class TaskReports(Wire):
    """The tasks, in the order in which they began."""

    tasks: list[TaskReport]


class PutAway(Wire):
    """A session that is, or would be, deleted or archived; `file` is where all of it is kept."""

    session: str
    name: str | None
    agent: str
    status: str
    last_activity_at: str
    file: str | None = None

    @classmethod
    def of(cls, known: "Known", file: object = None) -> "PutAway":
        return cls(
            session=known.id,
            name=known.name,
            agent=known.agent,
            status=known.status.value,
            last_activity_at=time_text(known.last_activity_at),
            file=None if file is None else str(file),
        )


class Cleaned(Wire):
    """What `clean` deleted, or would delete with `dry_run`, the least recent first."""

    dry_run: bool
    sessions: list[PutAway]


class WrongSum(Wire):
    """A session's figure that was not what its turns make."""

    session: str
    figure: str
    was: int
    is_now: int


class RepairReport(Wire):
    """What was wrong with the store, and what was done, or would be with `dry_run`. `faults` are
    the file's own, `aside` is where that is now, `rows` are those read of it by table, and
    `unreadable` how many were not. `mended` counts by what it was."""

    dry_run: bool
    was_well: bool
    faults: list[str]
    aside: str | None
    rows: dict[str, int]
    unreadable: int
    mended: dict[str, int]
    wrong_sums: list[WrongSum]

    @classmethod
    def of(cls, repaired: "Repaired", *, dry_run: bool) -> "RepairReport":
        return cls(
            dry_run=dry_run,
            was_well=repaired.was_well,
            faults=repaired.faults,
            aside=None if repaired.aside is None else str(repaired.aside),
            rows={_camel(name): count for name, count in repaired.rows.items()},
            unreadable=repaired.unreadable,
            mended={_camel(name): count for name, count in repaired.mended.items()},
            wrong_sums=[
                WrongSum(session=d.session, figure=d.figure, was=d.was, is_now=d.turns_make)
                for d in repaired.disagreements
            ],
        )


class RecoveredSession(Wire):
    """A session of a file that was set aside; `done` is imported or skipped, and `why`."""

    session: str
    name: str | None
    agent: str
    done: str
    why: str

    @classmethod
    def of(cls, imported: "Imported") -> "RecoveredSession":
        return cls(
            session=imported.id,
            name=imported.name,
            agent=imported.agent,
            done=imported.done.value,
            why=imported.why,
        )


class Recovered(Wire):
    """What was taken over of a file that was set aside."""

    sessions: list[RecoveredSession]


class TemplateInfo(Wire):
    """A template of sessions. `model` and `mode` are those that its session had."""

    name: str
    saved_at: str
    agent: str
    model: str
    mode: str
    name_pattern: str | None
    task: str | None
    tags: list[str]
    metadata: dict[str, str]
    prompt: str | None

    @classmethod
    def of(cls, named: "Named") -> "TemplateInfo":
        template = named.template
        return cls(
            name=named.name,
            saved_at=time_text(named.saved_at),
            agent=template.agent,
            model=template.model,
            mode=template.mode,
            name_pattern=template.name_pattern,
            task=template.task,
            tags=list(template.tags),
            metadata=template.metadata,
            prompt=template.prompt,
        )


class TemplateList(Wire):
    """The templates, by name."""

    templates: list[TemplateInfo]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
