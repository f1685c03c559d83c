"""The table of what tars can know shows everything that the kinds say of themselves."""

from tars.agents.knowledge import answers, forgotten, known, page_part
from tars.agents.registry import KINDS


def test_every_field_has_its_row() -> None:
    """A new field of `Knowledge` is a new row, or the table would keep it back."""
    assert forgotten() == set()


def test_every_kind_and_protocol_has_its_column() -> None:
    """With an answer in each row."""
    lines = known(KINDS)
    assert {(line.kind, line.protocol) for line in lines} == {
        (name, protocol) for name, kind in KINDS.items() for protocol in kind.protocols
    }
    header, rule, *rows = page_part(KINDS).split("\n\n")[0].splitlines()
    assert header.count("<br>") == len(lines)
    assert rule.count("---") == len(lines) + 1
    assert len(rows) == len(answers(lines[0].knowledge)) + 2
    assert {row.count("|") for row in rows} == {len(lines) + 2}


def test_notes_stand_below_the_table() -> None:
    """One line for each, with the agent that it is about."""
    notes = page_part(KINDS).split("\n\n")[1].splitlines()
    said = [line.knowledge.note for line in known(KINDS) if line.knowledge.note]
    assert [note.partition(": ")[2] for note in notes] == said
