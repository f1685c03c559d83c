"""What the commands that manage sessions print as JSON: every message as it is written."""

from pathlib import Path

import msgspec

from tars.accounting.usage import Ledger
from tars.control import managing_contract as m
from tars.control.wire import Wire
from tars.sessions.importing import Done, Imported
from tars.sessions.repair import Repaired
from tars.sessions.tasks import Task
from tars.sessions.templates import Named, Template
from tars.store.managing import Known, Note
from tars.store.mending import Disagreement
from tars.store.rows import SessionStatus, Spent
from tests.store.samples import LATER, NOON

GOLDEN = Path(__file__).parent / "golden" / "managing.json"

KNOWN = Known(1, "s1", "gemini", "fix", SessionStatus.FAILED, NOON)
SPENT = Spent(2, 3, Ledger(10, 20, 30, 40, 5), 1_234_567, 1)
REPAIRED = Repaired(
    faults=["database disk image is malformed"],
    aside=Path("/home/me/.tars/data/tars.db.corrupt-1"),
    rows={"turns": 3},
    unreadable=2,
    mended={"turns_recovered": 1},
    disagreements=[Disagreement("s1", "tokens", 5, 100)],
)
TEMPLATE = Template("gemini", "flash", "plan", "fix-{n}", "T1", ("a",), {"ticket": "7"}, "Mend {}")
SAMPLES: tuple[Wire, ...] = (
    m.SessionTags(session="s1", tags=["a", "b"]),
    m.SessionNotes(session="s1", notes=[m.NoteText.of(Note(NOON, "waits"))]),
    m.TaskReports(
        tasks=[
            m.TaskReport.of(Task("T1", 1000, 2_500_000, NOON, LATER, SPENT)),
            m.TaskReport.of(Task("T2")),
        ]
    ),
    m.Cleaned(dry_run=True, sessions=[m.PutAway.of(KNOWN), m.PutAway.of(KNOWN, Path("/a/b.json"))]),
    m.RepairReport.of(REPAIRED, dry_run=False),
    m.RepairReport.of(Repaired(), dry_run=True),
    m.Recovered(
        sessions=[m.RecoveredSession.of(Imported("s1", "gemini", None, Done.SKIPPED, "it is here"))]
    ),
    m.TemplateList(templates=[m.TemplateInfo.of(Named("fix", NOON, TEMPLATE))]),
)


def written() -> str:
    """Every sample, by the name of its message."""
    told = [{type(sample).__name__: msgspec.to_builtins(sample)} for sample in SAMPLES]
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def test_what_programs_read_is_as_it_was() -> None:
    """No message's JSON changes unnoticed; `python -m tests.control.test_managing_contract`
    accepts a change."""
    assert written() == GOLDEN.read_text()


def test_every_message_is_in_the_golden_file() -> None:
    """By itself or as a part of another; each says what it is."""
    kinds = {
        name: kind
        for name, kind in vars(m).items()
        if isinstance(kind, type) and kind.__module__ == m.__name__
    }
    parts = {"NoteText", "TaskReport", "PutAway", "WrongSum", "RecoveredSession", "TemplateInfo"}
    assert {type(sample).__name__ for sample in SAMPLES} | parts == set(kinds)
    assert [name for name, kind in kinds.items() if not kind.__doc__] == []


if __name__ == "__main__":
    GOLDEN.write_text(written())
