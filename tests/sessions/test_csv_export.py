"""CSV is read back by any reader of RFC 4180, and no cell is a formula."""

import csv
import io

import pytest

from tars.sessions.csv_export import Rows, table
from tars.sessions.export_format import MessagePart, Record, SessionPart, ToolCallPart, TurnPart
from tests.support.exports import AT, LATER

TEXTS = ['a "b", c', "line\r\nend", "", "  =1+1", "=1+1", "+1", "-1", "@x", "\tx", "\uff1dx", "ü\0"]


def rows(which: Rows, text: str) -> list[list[str]]:
    records: list[Record] = [
        SessionPart(id="s", agent="a", title=text, created_at=AT, last_activity_at=LATER),
        TurnPart(id="t", task=text, began_at=AT, net_input=3, output=4, cost_microusd=1_000_007),
        MessagePart(number=0, role="user", text=text, began_at=AT),
        ToolCallPart(number=1, id="c", kind="read", title=text, began_at=AT),
    ]
    whole = "".join(table(records, which))
    assert whole.endswith("\r\n")
    return list(csv.reader(io.StringIO(whole, newline="")))


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("which", Rows)
def test_a_text_is_one_cell_and_no_formula(which: Rows, text: str) -> None:
    """It comes back as it was, with an apostrophe before it where it would be a formula."""
    head, first, *_ = rows(which, text)
    assert len(head) == len(first)
    column = {"turns": "task", "sessions": "title", "messages": "text"}[which]
    cell = first[head.index(column)]
    assert cell in (text, f"'{text}")
    assert (cell != text) == (text.strip(" ")[:1] in tuple("=+-@\t\uff1d"))


def test_money_is_exact() -> None:
    """Six places, and empty where it is not known."""
    head, first = rows(Rows.TURNS, "x")
    assert first[head.index("cost_usd")] == "1.000007"
    assert first[head.index("tokens")] == "7"
    head, first = rows(Rows.SESSIONS, "x")
    assert first[head.index("cost_usd")] == ""
